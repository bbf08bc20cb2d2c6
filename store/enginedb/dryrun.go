package enginedb

import (
	"context"

	"github.com/jackc/pgx/v5"

	"ferry/engine"
	"ferry/engine/cycle"
	"ferry/engine/entity"
	"ferry/store/sqlstate"
)

var _ cycle.DryTarget = (*DB)(nil)

// DryWork gives what a run would begin with now: rules and policies in force, and what the cycles before have left.
func (db *DB) DryWork(ctx context.Context, kind engine.RunKind, sourceIdentity string, entities []string) (cycle.Work, error) {
	w := cycle.Work{Claim: engine.Claim{Kind: kind, Verb: engine.StepPlan}, SourceIdentity: sourceIdentity, Entities: entities}
	err := pgx.BeginTxFunc(ctx, db.pool, readOnly, func(tx pgx.Tx) error {
		var err error
		if w.Rules, err = readRules(ctx, tx); err != nil {
			return err
		}
		w.RulesHash = w.Rules.Hash()
		if w.Policies, err = currentPolicies(ctx, tx); err != nil || kind != engine.RunIncremental {
			return err
		}
		w.Bases, err = readBases(ctx, tx, w)
		return err
	})
	return w, sqlstate.Wrap(engine.SideTarget, "reading what a run would begin with", err)
}

var readOnly = pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}

// reading is a transaction that looks as a batch's does, and in which the database refuses every write.
type reading struct{ *load }

// Reading begins a read-only transaction on one state of the engine.
func (db *DB) Reading(ctx context.Context) (cycle.DryReader, error) {
	conn, err := db.pool.Acquire(ctx)
	if err != nil {
		return nil, sqlstate.Wrap(engine.SideTarget, "connecting", err)
	}
	tx, err := conn.BeginTx(ctx, readOnly)
	if err != nil {
		conn.Release()
		return nil, sqlstate.Wrap(engine.SideTarget, "beginning to read", err)
	}
	return reading{&load{conn: conn, tx: tx}}, nil
}

// Close ends the transaction.
func (r reading) Close() { r.Rollback() }

// LockCodes locks nothing: who only looks makes nobody wait.
func (reading) LockCodes(context.Context, []string) error { return nil }

// Highest is an entity's highest id in the engine, in quarantine and among extras.
func (r reading) Highest(ctx context.Context, e *entity.Entity) (int64, error) {
	var highest int64
	err := r.tx.QueryRow(ctx, `SELECT greatest(0, (SELECT max(`+ident(e.OdooID)+`) FROM `+public(e)+`),
		(SELECT max(source_id) FROM ferry.quarantine WHERE entity = $1 AND state IN `+openStates+`),
		(SELECT max(id) FROM ferry.extra WHERE entity = $1))`, e.Name).Scan(&highest)
	return highest, wrap("reading the highest id of "+e.Target, err)
}

// Waiting gives the rows of an entity in quarantine that wait for one of the parents.
func (r reading) Waiting(ctx context.Context, e, parent *entity.Entity, parents []int64) ([]int64, error) {
	return r.ids(ctx, "looking for rows that wait", `SELECT source_id FROM ferry.quarantine
		WHERE entity = $1 AND parent_entity = $2 AND parent_id = ANY($3) AND state = 'waiting_parent' ORDER BY 1`, e.Name, parent.Name, parents)
}

// Claimants gives the rows of an entity in quarantine whose code belongs to one of the owners.
func (r reading) Claimants(ctx context.Context, e *entity.Entity, owners []int64) ([]int64, error) {
	return r.ids(ctx, "looking for rows whose code may be free", `SELECT source_id FROM ferry.quarantine
		WHERE entity = $1 AND owner_id = ANY($2) AND reason = $3 AND state IN `+openStates+` ORDER BY 1`, e.Name, owners, entity.ReasonCode)
}

// Unlisted gives how many of the ids are not known as extra yet, and how many rows of the entity the engine has.
func (r reading) Unlisted(ctx context.Context, e *entity.Entity, ids []int64) (unlisted, rows int64, err error) {
	err = r.tx.QueryRow(ctx, `SELECT (SELECT count(*) FROM unnest($2::bigint[]) id WHERE NOT EXISTS (
			SELECT FROM ferry.extra x WHERE x.entity = $1 AND x.id = id.id)),
		coalesce((SELECT target_rows FROM ferry.entity_state WHERE entity = $1), 0)`, e.Name, ids).Scan(&unlisted, &rows)
	return unlisted, rows, wrap("looking which rows are known to be gone", err)
}
