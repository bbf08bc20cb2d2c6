package enginedb

import (
	"context"
	"errors"
	"strings"

	"github.com/jackc/pgx/v5"

	"ferry/engine"
)

// PauseEntity stops the carving of an entity's batches, in the run under way and in every later one. A run that comes to
// the entity is paused there, and says by whom and why.
func (db *DB) PauseEntity(ctx context.Context, entity string, act engine.Act, by engine.Actor) error {
	return db.inTx(ctx, "pausing "+entity, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `INSERT INTO ferry.entity_pause (entity, paused_by, reason) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING`,
			entity, by.String(), act.Reason)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			var who string
			if err := tx.QueryRow(ctx, `SELECT paused_by FROM ferry.entity_pause WHERE entity = $1`, entity).Scan(&who); err != nil {
				return err
			}
			return engine.Refuse(engine.ErrStateChanged, "%s is already paused by %s", entity, who)
		}
		return record(ctx, tx, entry{Actor: by, Action: "pause " + entity, Reason: act.Reason, Outcome: "paused"})
	})
}

// ResumeEntity lets an entity's batches be carved again. A run that was paused only because of it goes on.
func (db *DB) ResumeEntity(ctx context.Context, entity string, act engine.Act, by engine.Actor) error {
	var waits engine.RunID
	err := db.inTx(ctx, "resuming "+entity, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `DELETE FROM ferry.entity_pause WHERE entity = $1`, entity)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return engine.Refuse(engine.ErrStateChanged, "%s is not paused", entity)
		}
		var reason string
		err = tx.QueryRow(ctx, `SELECT id, state_reason FROM ferry.run WHERE writes AND state = 'paused'`).Scan(&waits, &reason)
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		if !strings.HasPrefix(reason, becauseOf(entity)) {
			waits = 0 // paused for another reason
		}
		return record(ctx, tx, entry{Actor: by, Action: "resume " + entity, Reason: act.Reason, Outcome: "resumed"})
	})
	if err != nil || waits == 0 {
		return err
	}
	return db.Resume(ctx, engine.Act{Run: waits, Seen: engine.RunPaused, Reason: act.Reason}, by)
}

func becauseOf(entity string) string { return entity + " is paused" }

// heldBack reports whether an entity is paused. If nothing of the run is in flight any more, it is paused with it.
//
// Settling goes on: it brings points in line with ledgers that are in the engine already, and reads nothing of the source.
// So does proving, which changes nothing.
func heldBack(ctx context.Context, tx pgx.Tx, s step) (bool, error) {
	if s.Verb == engine.StepSettle || provesOnly(s.Verb) {
		return false, nil
	}
	var by, reason string
	err := tx.QueryRow(ctx, `SELECT paused_by, reason FROM ferry.entity_pause WHERE entity = $1`, s.Entity).Scan(&by, &reason)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return true, err
	}
	var open int
	if err := tx.QueryRow(ctx, `SELECT sum(open) FROM ferry.step WHERE run_id = $1`, s.Run).Scan(&open); err != nil || open > 0 {
		return true, err
	}
	why := becauseOf(s.Entity)
	if reason != "" {
		why += ": " + reason
	}
	return true, setState(ctx, tx, s.Run, engine.RunPaused, by, why)
}
