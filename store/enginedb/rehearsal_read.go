package enginedb

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"ferry/engine"
	"ferry/engine/rehearsal"
	"ferry/store/sqlstate"
)

// rehearsalFrom reads rehearsals h with their runs r; $1 is how long a process may be silent.
const rehearsalFrom = `SELECT ` + runColumns + `, h.freezing, h.limits, h.holder_name, h.held_at, h.breaks, h.confirmed_at, h.confirmed_by, h.base, h.frozen_at,
		h.frozen_by, h.verdict, h.why, h.verdict_at, h.mark, h.expired_at, h.moved, h.holder <> '' AND NOT EXISTS (SELECT FROM ferry.worker w
			WHERE w.id = h.holder AND w.workers > 0 AND w.seen_at > clock_timestamp() - $1::interval)
	FROM ferry.run r JOIN ferry.rehearsal h ON h.run_id = r.id `

func scanRehearsal(row pgx.CollectableRow) (*rehearsal.Kept, error) {
	k := &rehearsal.Kept{Work: map[engine.GateName]engine.RunID{}}
	v := &k.RehearsalView
	var limits, base, mark []byte
	var held, confirmed, frozen, ended, expired *time.Time
	err := scanRun(row, &v.RunView, &v.Freeze, &limits, &v.Holder, &held, &v.Breaks, &confirmed, &v.ConfirmedBy, &base, &frozen,
		&v.FrozenBy, &v.Verdict, &v.Why, &ended, &mark, &expired, &v.Moved, &v.Lost)
	if err != nil {
		return nil, err
	}
	v.HeldAt, v.ConfirmedAt, v.FrozenAt, v.VerdictAt, v.ExpiredAt = orZero(held), orZero(confirmed), orZero(frozen), orZero(ended), orZero(expired)
	if err := json.Unmarshal(limits, &v.Limits); err != nil {
		return nil, fmt.Errorf("reading the limits of rehearsal #%d: %w", v.ID, err)
	}
	for _, m := range []struct {
		text []byte
		to   **rehearsal.Mark
	}{{base, &k.Base}, {mark, &k.Mark}} {
		if m.text == nil {
			continue
		}
		if err := json.Unmarshal(m.text, m.to); err != nil {
			return nil, fmt.Errorf("reading where the source stood in rehearsal #%d: %w", v.ID, err)
		}
	}
	v.Lost = v.Lost && v.State == engine.RunRunning
	switch {
	case v.Verdict != engine.Pass:
	case !v.ExpiredAt.IsZero():
		v.Standing = engine.StandingExpired
	default:
		v.Standing = engine.StandingUnknown // until somebody looks at the source
	}
	return k, nil
}

// Rehearsal gives a rehearsal whole. It fails with ErrNoSuchRun.
func (db *DB) Rehearsal(ctx context.Context, id engine.RunID) (*rehearsal.Kept, error) {
	found, err := db.rehearsals(ctx, `WHERE r.id = $2`, id)
	if err == nil && len(found) == 0 {
		run, err := db.RunState(ctx, id)
		if errors.Is(err, engine.ErrNoSuchRun) {
			return nil, engine.Refuse(engine.ErrNoSuchRun, "there is no run #%d; `ferry rehearsals list` lists the rehearsals", id)
		}
		if err != nil {
			return nil, err
		}
		return nil, engine.Refuse(engine.ErrNoSuchRun, "#%d is no rehearsal but a run of kind %s; `ferry rehearsals list` lists the rehearsals", id, run.Kind)
	}
	if err != nil {
		return nil, err
	}
	return found[0], nil
}

// Rehearsals lists rehearsals, newest first.
func (db *DB) Rehearsals(ctx context.Context, before engine.RunID, limit int) ([]*rehearsal.Kept, error) {
	return db.rehearsals(ctx, `WHERE $2::bigint = 0 OR r.id < $2 ORDER BY r.id DESC LIMIT $3`, before, limit)
}

func (db *DB) rehearsals(ctx context.Context, which string, args ...any) ([]*rehearsal.Kept, error) {
	var out []*rehearsal.Kept
	err := pgx.BeginTxFunc(ctx, db.pool, readOnly, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, rehearsalFrom+which, append([]any{db.silence}, args...)...)
		if err != nil {
			return err
		}
		if out, err = pgx.CollectRows(rows, scanRehearsal); err != nil {
			return err
		}
		for _, k := range out {
			if err := readRunbook(ctx, tx, k); err != nil {
				return err
			}
		}
		return nil
	})
	return out, sqlstate.Wrap(engine.SideTarget, "reading rehearsals", err)
}

// readRunbook adds steps and gates to a rehearsal.
func readRunbook(ctx context.Context, tx pgx.Tx, k *rehearsal.Kept) error {
	v := &k.RehearsalView
	rows, err := tx.Query(ctx, `SELECT name, state, coalesce(work, 0), found, started_at, finished_at, idle FROM ferry.rehearsal_step
		WHERE run_id = $1 ORDER BY seq`, v.ID)
	if err != nil {
		return err
	}
	v.Steps, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (engine.RehearsalStep, error) {
		var s engine.RehearsalStep
		var started, finished *time.Time
		err := row.Scan(&s.Name, &s.State, &s.Run, &s.Found, &started, &finished, &s.Idle)
		s.StartedAt, s.FinishedAt = orZero(started), orZero(finished)
		return s, err
	})
	if err != nil {
		return err
	}
	for _, s := range v.Steps {
		v.Idle += s.Idle
	}
	v.WindowSoFar, v.Window = rehearsal.Window(v)
	rows, err = tx.Query(ctx, `SELECT name, verdict, figure, threshold, evidence, advice, coalesce(shown_by, 0), at, asked_by, coalesce(work, 0)
		FROM ferry.rehearsal_gate WHERE run_id = $1 ORDER BY seq`, v.ID)
	if err != nil {
		return err
	}
	v.Gates, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (engine.RehearsalGate, error) {
		var g engine.RehearsalGate
		var at *time.Time
		var work engine.RunID
		err := row.Scan(&g.Name, &g.Verdict, &g.Figure, &g.Threshold, &g.Evidence, &g.Advice, &g.Run, &at, &g.AskedBy, &work)
		g.At = orZero(at)
		if work != 0 {
			k.Work[g.Name] = work
		}
		return g, err
	})
	return err
}

// readRehearsal reads the active rehearsal, else the last one, if there is any.
func readRehearsal(ctx context.Context, tx pgx.Tx, silence time.Duration, s *engine.Snapshot) error {
	rows, err := tx.Query(ctx, rehearsalFrom+`ORDER BY r.state = ANY($2) DESC, r.id DESC LIMIT 1`, silence, activeStates())
	if err != nil {
		return err
	}
	k, err := pgx.CollectExactlyOneRow(rows, scanRehearsal)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := readRunbook(ctx, tx, k); err != nil {
		return err
	}
	s.Rehearsal = &k.RehearsalView
	return nil
}

// RehearsalSamples gives what was seen in the course of a rehearsal, oldest first.
func (db *DB) RehearsalSamples(ctx context.Context, id engine.RunID) ([]engine.RehearsalSample, error) {
	rows, err := db.pool.Query(ctx, `SELECT at, step, coalesce(work, 0), rows, fresh FROM ferry.rehearsal_sample WHERE run_id = $1 ORDER BY at`, id)
	if err != nil {
		return nil, sqlstate.Wrap(engine.SideTarget, "reading the course of a rehearsal", err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (engine.RehearsalSample, error) {
		var s engine.RehearsalSample
		var fresh *time.Duration
		err := row.Scan(&s.At, &s.Step, &s.Run, &s.Rows, &fresh)
		s.At, s.Fresh = s.At.UTC(), maybe(fresh)
		return s, err
	})
	return out, sqlstate.Wrap(engine.SideTarget, "reading the course of a rehearsal", err)
}

// RunState gives a run without its steps. It fails with ErrNoSuchRun.
func (db *DB) RunState(ctx context.Context, id engine.RunID) (*engine.RunView, error) {
	r := &engine.RunView{}
	err := scanRun(db.pool.QueryRow(ctx, `SELECT `+runColumns+` FROM ferry.run r WHERE r.id = $1`, id), r)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, noSuchRun(id)
	}
	return r, sqlstate.Wrap(engine.SideTarget, "reading a run", err)
}

// FailedSince lists the runs that failed since a moment and that nobody has mended, oldest first.
func (db *DB) FailedSince(ctx context.Context, since time.Time) ([]engine.RunView, error) {
	rows, err := db.pool.Query(ctx, `SELECT `+runColumns+` FROM ferry.run r
		WHERE r.kind <> 'rehearsal' AND r.state = 'failed' AND r.finished_at >= $1 ORDER BY r.id`, since)
	if err != nil {
		return nil, sqlstate.Wrap(engine.SideTarget, "looking for runs that failed", err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (engine.RunView, error) {
		var r engine.RunView
		err := scanRun(row, &r)
		return r, err
	})
	return out, sqlstate.Wrap(engine.SideTarget, "looking for runs that failed", err)
}
