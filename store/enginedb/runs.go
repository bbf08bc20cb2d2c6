package enginedb

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"ferry/engine"
	"ferry/engine/cycle"
	"ferry/engine/entity"
	"ferry/store/sqlstate"
)

// Rules reads the severities in force.
func (db *DB) Rules(ctx context.Context) (entity.Rules, error) {
	rules, err := readRules(ctx, db.pool)
	return rules, sqlstate.Wrap(engine.SideTarget, "reading the rules", err)
}

type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
}

func readRules(ctx context.Context, q querier) (entity.Rules, error) {
	rows, err := q.Query(ctx, `SELECT name, severity FROM ferry.rule`)
	if err != nil {
		return nil, err
	}
	out := entity.DefaultRules()
	var name, severity string
	_, err = pgx.ForEachRow(rows, []any{&name, &severity}, func() error {
		if _, known := out[name]; known {
			out[name] = entity.Severity(severity)
		}
		return nil
	})
	return out, err
}

// currentPolicies reads the policies in force.
func currentPolicies(ctx context.Context, q querier) (cycle.Policies, error) {
	p := cycle.DefaultPolicies()
	rows, err := q.Query(ctx, `SELECT name, value FROM ferry.policy`)
	if err != nil {
		return p, err
	}
	var name, value string
	_, err = pgx.ForEachRow(rows, []any{&name, &value}, func() error { return p.Set(name, value) })
	return p, err
}

// newRun is what a run begins with; it is frozen in the engine.
type newRun struct {
	Kind           engine.RunKind
	SourceIdentity string
	Actor          engine.Actor
	Reason         string
	Entities       []string // none: all
	Scheduled      bool     // nobody asked for it
	Options        []byte   // of a check; nil: none
	Limit          time.Duration
	Restart        bool // of a first load into tables without keys
}

// StartFull makes a full run. It fails with ErrRunActive while another writing run is active.
func (db *DB) StartFull(ctx context.Context, sourceIdentity string, by engine.Actor, o engine.StartOptions) (engine.RunID, error) {
	return db.start(ctx, newRun{
		Kind: engine.RunFull, SourceIdentity: sourceIdentity, Actor: by, Reason: o.Reason, Entities: o.Entities,
		Restart: o.Restart,
	})
}

// start makes a writing run and its planning batch. It fails with ErrRunActive while another writing run is active.
func (db *DB) start(ctx context.Context, n newRun) (engine.RunID, error) {
	var id engine.RunID
	err := db.inTx(ctx, "starting a run", func(tx pgx.Tx) error {
		epoch, err := raiseEpoch(ctx, tx)
		if err != nil {
			return err
		}
		if err := refuseSealed(ctx, tx); err != nil {
			return err
		}
		if err := refuseSecond(ctx, tx); err != nil {
			return err
		}
		if err := db.beginUnkeyed(ctx, tx, n); err != nil {
			return err
		}
		if n.Scheduled {
			if err := takeTick(ctx, tx); err != nil {
				return err
			}
		}
		if id, err = insertRun(ctx, tx, n, epoch); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE ferry.unkeyed SET run_id = $1`, id); err != nil { // there is one only if this begins it again
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE ferry.lease SET run_id = $1`, id); err != nil {
			return err
		}
		if err := db.plannedBatch(ctx, tx, id); err != nil {
			return err
		}
		if n.Scheduled {
			return nil
		}
		return record(ctx, tx, entry{Actor: n.Actor, Action: "start " + string(n.Kind), Run: id, Reason: n.Reason, Outcome: "queued"})
	})
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok && pg.ConstraintName == "run_one_writer" {
		return 0, engine.Refuse(engine.ErrRunActive, "another console started a run at the same moment")
	}
	return id, err
}

// insertRun stores a new run with the rules and policies that it is bound to.
func insertRun(ctx context.Context, tx pgx.Tx, n newRun, epoch int64) (engine.RunID, error) {
	rules, err := readRules(ctx, tx)
	if err != nil {
		return 0, err
	}
	frozen, err := json.Marshal(rules)
	if err != nil {
		return 0, fmt.Errorf("freezing the rules: %w", err)
	}
	policies, err := currentPolicies(ctx, tx)
	if err != nil {
		return 0, err
	}
	frozenPolicies, err := json.Marshal(policies)
	if err != nil {
		return 0, fmt.Errorf("freezing the policies: %w", err)
	}
	var id engine.RunID
	err = tx.QueryRow(ctx, `
		INSERT INTO ferry.run
			(kind, writes, state, state_by, epoch, source_identity, rules, rules_hash, policies, requested_by, state_reason, scheduled, entities,
			options, until)
		VALUES ($1, $11, 'queued', $2, $3, $4, $5, $6, $7, $2, $8, $9, $10, coalesce($12::jsonb, '{}'),
			CASE WHEN $13::interval > interval '0' THEN clock_timestamp() + $13::interval END) RETURNING id`,
		string(n.Kind), n.Actor.String(), epoch, n.SourceIdentity, frozen, rules.Hash(), frozenPolicies, n.Reason, n.Scheduled, n.Entities,
		n.Kind.Writes(), n.Options, n.Limit).Scan(&id)
	return id, err
}

// refuseSecond fails with ErrRunActive, naming the run, while one is active.
func refuseSecond(ctx context.Context, tx pgx.Tx) error {
	var id engine.RunID
	var kind, state, by string
	err := tx.QueryRow(ctx, `SELECT id, kind, state, requested_by FROM ferry.run
		WHERE writes AND state = ANY($1)`, activeStates()).Scan(&id, &kind, &state, &by)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return engine.Refuse(engine.ErrRunActive, "another run is active: %s run #%d is %s, started by %s; wait for it, resume it or cancel it",
		kind, id, state, by)
}

func activeStates() []string {
	out := make([]string, len(engine.ActiveStates))
	for i, s := range engine.ActiveStates {
		out[i] = string(s)
	}
	return out
}

// plannedBatch makes the first step of a run, its one batch, and the job for it.
func (db *DB) plannedBatch(ctx context.Context, tx pgx.Tx, run engine.RunID) error {
	var step int64
	err := tx.QueryRow(ctx, `INSERT INTO ferry.step (run_id, seq, verb, state, high, carved, open, started_at)
		VALUES ($1, 0, $2, 'running', 1, 1, 1, clock_timestamp()) RETURNING id`, run, string(engine.StepPlan)).Scan(&step)
	if err != nil {
		return err
	}
	var batch engine.BatchID
	err = tx.QueryRow(ctx, `INSERT INTO ferry.batch (run_id, step_id, low, high) VALUES ($1, $2, 0, 1) RETURNING id`,
		run, step).Scan(&batch)
	if err != nil {
		return err
	}
	return db.queue.Enqueue(ctx, tx, []Job{{Batch: batch, Attempt: 1}})
}

// raiseEpoch shuts out every batch that does not hold its lease yet, and waits for those that do.
//
// Waiting is on an advisory lock, because those are granted in turn: row locks let a new FOR SHARE pass a waiting FOR
// UPDATE, and a run of many short batches could keep a cancel waiting to its end.
func raiseEpoch(ctx context.Context, tx pgx.Tx) (int64, error) {
	if err := shutLeases(ctx, tx); err != nil {
		return 0, err
	}
	var epoch int64
	if err := tx.QueryRow(ctx, `SELECT max(epoch) + 1 FROM ferry.lease`).Scan(&epoch); err != nil {
		return 0, err
	}
	_, err := tx.Exec(ctx, `UPDATE ferry.lease SET epoch = $1`, epoch)
	return epoch, err
}

// shutLeases waits for the batches that hold their lease, and keeps others from taking it until the transaction ends.
func shutLeases(ctx context.Context, tx pgx.Tx) error {
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1, 0)`, leaseLockSpace); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `SELECT 1 FROM ferry.lease ORDER BY entity FOR UPDATE`)
	return err
}

// runRow is what steering needs of a run.
type runRow struct {
	ID    engine.RunID
	Kind  string
	State engine.RunState
	By    string
}

// lockRun locks the run that an action is about: the named one, else the active writing run, else the last one.
func lockRun(ctx context.Context, tx pgx.Tx, id engine.RunID) (runRow, error) {
	if id == 0 {
		err := tx.QueryRow(ctx, `SELECT id FROM ferry.run WHERE writes ORDER BY state = ANY($1) DESC, id DESC LIMIT 1`,
			activeStates()).Scan(&id)
		if errors.Is(err, pgx.ErrNoRows) {
			return runRow{}, engine.Refuse(engine.ErrNoSuchRun, "there has been no run yet")
		}
		if err != nil {
			return runRow{}, err
		}
	}
	var r runRow
	err := tx.QueryRow(ctx, `SELECT id, kind, state, state_by FROM ferry.run WHERE id = $1 FOR NO KEY UPDATE`, id).
		Scan(&r.ID, &r.Kind, &r.State, &r.By)
	if errors.Is(err, pgx.ErrNoRows) {
		return runRow{}, noSuchRun(id)
	}
	return r, err
}

func noSuchRun(id engine.RunID) error {
	return engine.Refuse(engine.ErrNoSuchRun, "there is no run #%d; `ferry runs list` lists them", id)
}

// setState moves a run to another state.
func setState(ctx context.Context, q querier, id engine.RunID, to engine.RunState, by, reason string) error {
	_, err := q.Exec(ctx, `UPDATE ferry.run SET state = $2, state_since = clock_timestamp(), state_by = $3, state_reason = $4,
		started_at = CASE WHEN $2 IN ('planning', 'running') THEN coalesce(started_at, clock_timestamp()) ELSE started_at END,
		finished_at = CASE WHEN $2 = ANY($5) THEN NULL ELSE clock_timestamp() END WHERE id = $1`,
		id, string(to), by, reason, activeStates())
	return err
}
