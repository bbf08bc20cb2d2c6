package enginedb

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"ferry/engine"
	"ferry/engine/entity"
)

// Sealed, nothing of ferry writes the engine's rows. Who seals holds the leases exclusively, so that every batch under way has
// committed before or is shut out; and every transaction that writes under a lease, or changes what a later run writes by, looks
// for the seal once it has queued for the lease. So a process that knows nothing of the seal cannot commit behind it.

// readSeal gives the seal in force, or nil.
func readSeal(ctx context.Context, q querier) (*engine.SealView, error) {
	s := &engine.SealView{}
	err := q.QueryRow(ctx, `SELECT sealed_by, sealed_at, reason FROM ferry.seal WHERE unsealed_at IS NULL`).Scan(&s.By, &s.At, &s.Reason)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil //nolint:nilnil // no seal is no error
	}
	s.At = s.At.UTC()
	return s, err
}

// refuseSealed fails with ErrSealed while the engine is sealed. Whoever asks must hold its lease, or queue for it, until it commits.
func refuseSealed(ctx context.Context, q querier) error {
	s, err := readSeal(ctx, q)
	if err != nil || s == nil {
		return err
	}
	return s.Refusal()
}

// inOpenTx is inTx for what changes by what later runs write. It fails with ErrSealed.
func (db *DB) inOpenTx(ctx context.Context, doing string, fn func(pgx.Tx) error) error {
	return db.inTx(ctx, doing, func(tx pgx.Tx) error {
		if err := queueForLease(ctx, tx); err != nil { // who seals waits for us
			return err
		}
		if err := refuseSealed(ctx, tx); err != nil {
			return err
		}
		return fn(tx)
	})
}

// How long sealing waits for a tick under way, and how often it looks. No other tick begins meanwhile.
const (
	sealPatience = 30 * time.Second
	sealLook     = 100 * time.Millisecond
)

// Seal closes the engine. A scheduled tick under way ends first, for what it has read belongs into the engine.
func (db *DB) Seal(ctx context.Context, confirm string, act engine.Act, by engine.Actor) error {
	until := time.Now().Add(sealPatience)
	for {
		tick, err := db.seal(ctx, confirm, act, by)
		if err == nil && tick == 0 {
			return nil
		}
		if err == nil && time.Now().After(until) {
			err = engine.Refuse(engine.ErrRunActive, "tick #%d is still under way after %s; wait for its end or cancel it (`ferry cancel %[1]d`), "+
				"then seal", tick, sealPatience)
		}
		if err != nil && (engine.ClassOf(err) != engine.ClassRetry || time.Now().After(until)) {
			return err // else a batch holds its lease for longer than we wait for a lock at once
		}
		select {
		case <-ctx.Done():
			return ctx.Err() // nothing was done
		case <-time.After(sealLook):
		}
	}
}

// seal closes the engine, unless a tick is under way, which it gives.
func (db *DB) seal(ctx context.Context, confirm string, act engine.Act, by engine.Actor) (tick engine.RunID, err error) {
	err = db.inTx(ctx, "sealing", func(tx pgx.Tx) error {
		if err := shutLeases(ctx, tx); err != nil {
			return err
		}
		if err := errors.Join(refuseName(ctx, tx, "seal", confirm), refuseSealed(ctx, tx)); err != nil {
			return err
		}
		if tick, err = holdNextTick(ctx, tx); tick != 0 || err != nil {
			return err
		}
		if err := errors.Join(refuseSecond(ctx, tx), refuseSecondRehearsal(ctx, tx)); err != nil {
			return err
		}
		if err := refuseUnkeyed(ctx, tx); err != nil {
			return err
		}
		if _, err := raiseEpoch(ctx, tx); err != nil {
			return err
		}
		if err := quiet(ctx, tx); err != nil {
			return err
		}
		if err := insertSeal(ctx, tx, by, act.Reason); err != nil {
			return err
		}
		if err := keepIDs(ctx, tx); err != nil {
			return err
		}
		return record(ctx, tx, entry{Actor: by, Action: "seal", State: "open", Reason: act.Reason, Outcome: "sealed"})
	})
	return tick, err
}

// quiet has others' transactions that have written the engine's tables end first, and lets none write until this one has ended. What
// is under way cannot be told by a snapshot: it lists transactions, and a row may be a savepoint's.
func quiet(ctx context.Context, tx pgx.Tx) error {
	tables := make([]string, 0, len(entity.All()))
	for _, e := range entity.All() {
		tables = append(tables, public(e))
	}
	_, err := tx.Exec(ctx, `LOCK TABLE `+strings.Join(tables, ", ")+` IN SHARE MODE`)
	return err
}

// refuseMoved fails if the engine database is in another cluster than when it was sealed: there is no telling which rows others have
// written.
func refuseMoved(ctx context.Context, tx pgx.Tx, o engine.UnsealOptions) error {
	var moved bool
	err := tx.QueryRow(ctx, `SELECT cluster <> (pg_control_system()).system_identifier::text FROM ferry.seal WHERE unsealed_at IS NULL`).Scan(&moved)
	if err != nil || !moved || o.Overwrite {
		return err
	}
	return engine.Refuse(engine.ErrStateChanged, "the engine database was moved to another server since it was sealed (a restore of a dump): which rows "+
		"others have written since then cannot be told any more; `ferry unseal --overwrite` lets the next runs overwrite all of them")
}

// refuseName fails unless the operator has typed the name of this database.
func refuseName(ctx context.Context, tx pgx.Tx, doing, typed string) error {
	var name string
	if err := tx.QueryRow(ctx, `SELECT current_database()`).Scan(&name); err != nil || name == typed {
		return err
	}
	return engine.Refuse(engine.ErrStateChanged, "to %s the engine type the name of its database, %s; %q was typed", doing, name, typed)
}

// holdNextTick gives the scheduled tick that is under way, and puts the next one off until the patience with it has ended.
func holdNextTick(ctx context.Context, tx pgx.Tx) (engine.RunID, error) {
	var tick engine.RunID
	err := tx.QueryRow(ctx, `SELECT id FROM ferry.run WHERE writes AND scheduled AND state IN ('queued', 'planning', 'running', 'pausing')`).Scan(&tick)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	_, err = tx.Exec(ctx, `UPDATE ferry.schedule SET next_at = greatest(next_at, clock_timestamp() + $1::interval)`, sealPatience)
	return tick, err
}

// runsOfIDs gives the ids of an entity's rows from Odoo in runs without a gap.
func runsOfIDs(e *entity.Entity) string {
	return `SELECT min(id) AS low, max(id) AS high FROM (
		SELECT id, id - row_number() OVER (ORDER BY id) AS run FROM ` + public(e) + ` WHERE ` + ident(e.OdooID) + ` IS NOT NULL) t GROUP BY run`
}

// keepIDs keeps which rows there are.
func keepIDs(ctx context.Context, tx pgx.Tx) error {
	if _, err := tx.Exec(ctx, `DELETE FROM ferry.sealed_ids`); err != nil {
		return err
	}
	for _, e := range entity.All() {
		if _, err := tx.Exec(ctx, `INSERT INTO ferry.sealed_ids (entity, low, high) SELECT $1, low, high FROM (`+runsOfIDs(e)+`) r`, e.Name); err != nil {
			return err
		}
	}
	return nil
}

// Unseal opens the engine, and keeps which rows others have written or deleted meanwhile. Ticks stay paused: a person decides that
// Odoo may write again.
func (db *DB) Unseal(ctx context.Context, confirm string, o engine.UnsealOptions, act engine.Act, by engine.Actor) (engine.Unsealed, error) {
	var done engine.Unsealed
	err := db.inTx(ctx, "unsealing", func(tx pgx.Tx) error {
		if err := shutLeases(ctx, tx); err != nil {
			return err
		}
		if err := refuseName(ctx, tx, "unseal", confirm); err != nil {
			return err
		}
		seal, err := readSeal(ctx, tx)
		if err != nil {
			return err
		}
		if seal == nil {
			return engine.Refuse(engine.ErrStateChanged, "the engine is not sealed")
		}
		if err := errors.Join(quiet(ctx, tx), refuseMoved(ctx, tx, o)); err != nil {
			return err
		}
		if done, err = noteOwned(ctx, tx); err != nil {
			return err
		}
		outcome := fmt.Sprintf("opened; others wrote %d rows and deleted %d", done.Written, done.Deleted)
		if o.Overwrite {
			outcome += "; the next runs may overwrite all of them"
			if err := giveBack(ctx, tx); err != nil {
				return err
			}
		}
		if err := recountTarget(ctx, tx); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `UPDATE ferry.seal SET unsealed_by = $1, unsealed_at = clock_timestamp(), unsealed_reason = $2 WHERE unsealed_at IS NULL`,
			by.String(), act.Reason)
		if err != nil {
			return err
		}
		if err := holdTicksOpened(ctx, tx, by, done); err != nil {
			return err
		}
		return record(ctx, tx, entry{
			Actor: by, Action: "unseal", State: seal.String(), Reason: act.Reason, Outcome: outcome,
		})
	})
	return done, err
}

// holdTicksOpened pauses the ticks, unless somebody has already.
func holdTicksOpened(ctx context.Context, tx pgx.Tx, by engine.Actor, done engine.Unsealed) error {
	why := "the engine was unsealed"
	if done.Written+done.Deleted > 0 {
		why += fmt.Sprintf("; others wrote %d of its rows and deleted %d", done.Written, done.Deleted)
	}
	_, err := tx.Exec(ctx, `UPDATE ferry.schedule SET paused_by = $1, reason = $2, paused_at = clock_timestamp() WHERE paused_by = ''`, by.String(), why)
	return err
}

// noteOwned keeps which rows others have written or deleted since the engine was sealed, and gives how many there are.
func noteOwned(ctx context.Context, tx pgx.Tx) (engine.Unsealed, error) {
	var done engine.Unsealed
	for _, e := range entity.All() {
		_, err := tx.Exec(ctx, `INSERT INTO ferry.owned (entity, id, gone, seal_id)
			SELECT $1, t.id, false, s.id FROM `+sealedThen+`, `+public(e)+` t WHERE t.`+ident(e.OdooID)+` IS NOT NULL AND `+writtenSince+`
			ON CONFLICT (entity, id) DO UPDATE SET gone = false, seal_id = EXCLUDED.seal_id WHERE owned.gone OR owned.seal_id <> EXCLUDED.seal_id`, e.Name)
		if err != nil {
			return done, err
		}
		_, err = tx.Exec(ctx, `INSERT INTO ferry.owned (entity, id, gone, seal_id)
			SELECT $1, g.id, true, s.id FROM ferry.seal s, ferry.sealed_ids r, generate_series(r.low, r.high) AS g (id)
			WHERE s.unsealed_at IS NULL AND r.entity = $1 AND NOT EXISTS (SELECT FROM `+public(e)+` t WHERE t.id = g.id)
			ON CONFLICT (entity, id) DO UPDATE SET gone = true, seal_id = EXCLUDED.seal_id WHERE NOT owned.gone OR owned.seal_id <> EXCLUDED.seal_id`, e.Name)
		if err != nil {
			return done, err
		}
	}
	err := tx.QueryRow(ctx, `SELECT count(*) FILTER (WHERE NOT o.gone), count(*) FILTER (WHERE o.gone) FROM ferry.owned o
		JOIN ferry.seal s ON s.id = o.seal_id WHERE s.unsealed_at IS NULL`).Scan(&done.Written, &done.Deleted)
	return done, err
}

// giveBack lets later runs overwrite what others wrote or deleted under a seal; what was set aside for their sake is read again.
func giveBack(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, `UPDATE ferry.quarantine q SET due = true FROM ferry.owned o
		WHERE q.entity = o.entity AND q.source_id = o.id AND q.reason = $1 AND q.state IN `+openStates, entity.ReasonOwned)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `DELETE FROM ferry.owned`)
	return err
}

// recountTarget counts the engine's rows anew, for others may have deleted some or made some.
func recountTarget(ctx context.Context, tx pgx.Tx) error {
	for _, e := range entity.All() {
		_, err := tx.Exec(ctx, `UPDATE ferry.entity_state SET exact = false, target_rows =
			(SELECT count(*) FROM `+public(e)+` WHERE `+ident(e.OdooID)+` IS NOT NULL) WHERE entity = $1`, e.Name)
		if err != nil {
			return err
		}
	}
	return nil
}

// howOwned says how ownedBy knows.
const howOwned = `synced_to_odoo, or written while it was sealed`

// ownedBy is the condition that the engine has made a row its own: the row says so itself, or somebody else than ferry wrote it while
// the engine was sealed. Alias names the row.
func ownedBy(e *entity.Entity, alias string) string {
	return `(` + alias + `.synced_to_odoo OR ` + alias + `.id IN (SELECT id FROM ferry.owned WHERE entity = '` + strings.ReplaceAll(e.Name, `'`, `''`) + `'))`
}
