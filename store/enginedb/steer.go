package enginedb

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"ferry/engine"
)

// steering is one action on a run.
type steering struct {
	action string
	act    engine.Act
	by     engine.Actor
	shut   bool // shut out the batches that do not hold their lease yet
	// decide gives the state that the run comes into, or an error that says why not.
	decide func(tx pgx.Tx, r runRow, epoch int64) (engine.RunState, error)
}

// steer carries out an action: it locks the run, checks the state that the operator saw, decides, and keeps the action
// in the journal.
func (db *DB) steer(ctx context.Context, s steering) error {
	act, by := s.act, s.by
	return db.inTx(ctx, s.action, func(tx pgx.Tx) error {
		var raised int64
		if s.shut {
			// Leases come before the run: batches lock in that order.
			var err error
			if raised, err = raiseEpoch(ctx, tx); err != nil {
				return err
			}
		}
		r, err := lockRun(ctx, tx, act.Run)
		if err != nil {
			return err
		}
		if act.Seen != "" && act.Seen != r.State {
			return fmt.Errorf("%w: run #%d is %s, set by %s", engine.ErrStateChanged, r.ID, r.State, orNobody(r.By))
		}
		to, err := s.decide(tx, r, raised)
		if err != nil {
			return err
		}
		if err := setState(ctx, tx, r.ID, to, by.String(), act.Reason); err != nil {
			return err
		}
		return record(ctx, tx, entry{
			Actor: by, Action: s.action, Run: r.ID, State: string(r.State), Reason: act.Reason, Outcome: string(to),
		})
	})
}

func orNobody(by string) string {
	if by == "" {
		return "ferry"
	}
	return by
}

// Pause stops the carving of batches. The run is pausing until the last batch in flight has ended.
func (db *DB) Pause(ctx context.Context, act engine.Act, by engine.Actor) error {
	return db.steer(ctx, steering{"pause", act, by, false, func(tx pgx.Tx, r runRow, _ int64) (engine.RunState, error) {
		switch r.State {
		case engine.RunPausing, engine.RunPaused:
			return "", fmt.Errorf("%w: run #%d is already %s by %s", engine.ErrStateChanged, r.ID, r.State, orNobody(r.By))
		case engine.RunQueued, engine.RunPlanning, engine.RunRunning:
		case engine.RunInterrupted, engine.RunCancelled, engine.RunFailed, engine.RunDone:
			return "", fmt.Errorf("%w: run #%d is %s, there is nothing to pause", engine.ErrStateChanged, r.ID, r.State)
		}
		var open int
		err := tx.QueryRow(ctx, `SELECT coalesce(sum(open), 0) FROM ferry.step WHERE run_id = $1 AND state = 'running'`, r.ID).Scan(&open)
		if err != nil {
			return "", err
		}
		if open == 0 {
			return engine.RunPaused, nil
		}
		return engine.RunPausing, nil
	}})
}

// Resume lets a run go on. One that was only paused carves batches again; one that had ended without being done gets a
// new epoch, and its unfinished batches a new attempt.
func (db *DB) Resume(ctx context.Context, act engine.Act, by engine.Actor) error {
	var before engine.RunState
	err := db.inTx(ctx, "resuming a run", func(tx pgx.Tx) error {
		r, err := lockRun(ctx, tx, act.Run)
		act.Run, before = r.ID, r.State
		return err
	})
	if err != nil {
		return err
	}
	return db.steer(ctx, steering{"resume", act, by, before.Ended(), func(tx pgx.Tx, r runRow, epoch int64) (engine.RunState, error) {
		if !r.State.Resumable() {
			return "", fmt.Errorf("%w: run #%d is %s, there is nothing to resume", engine.ErrStateChanged, r.ID, r.State)
		}
		if r.State.Ended() != before.Ended() {
			return "", fmt.Errorf("%w: run #%d went from %s to %s at this moment", engine.ErrStateChanged, r.ID, before, r.State)
		}
		if r.State.Ended() {
			if err := db.revive(ctx, tx, r.ID, epoch); err != nil {
				return "", err
			}
		}
		return engine.RunRunning, db.carveRunning(ctx, tx, r.ID)
	}})
}

// revive gives an ended run the leases again, and hands its unfinished batches out anew.
func (db *DB) revive(ctx context.Context, tx pgx.Tx, run engine.RunID, epoch int64) error {
	if err := refuseSecond(ctx, tx); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `UPDATE ferry.run SET epoch = $2, error = '' WHERE id = $1`, run, epoch); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `UPDATE ferry.lease SET run_id = $1`, run); err != nil {
		return err
	}
	_, err := db.requeue(ctx, tx, run, 0)
	return err
}

// Cancel ends a run at once: batches that hold their lease commit, all others are refused.
func (db *DB) Cancel(ctx context.Context, act engine.Act, by engine.Actor) error {
	return db.steer(ctx, steering{"cancel", act, by, true, func(_ pgx.Tx, r runRow, _ int64) (engine.RunState, error) {
		if !r.State.Active() {
			return "", fmt.Errorf("%w: run #%d is %s, there is nothing to cancel", engine.ErrStateChanged, r.ID, r.State)
		}
		return engine.RunCancelled, nil
	}})
}

// requeue hands the unfinished batches of a run to whoever comes, under a raised attempt: all of them, or with a
// duration those whose worker has been silent for so long.
func (db *DB) requeue(ctx context.Context, tx pgx.Tx, run engine.RunID, silent time.Duration) (int, error) {
	rows, err := tx.Query(ctx, `
		UPDATE ferry.batch b SET attempt = attempt + 1, state = 'queued', worker = ''
		WHERE b.run_id = $1 AND b.state IN ('queued', 'running', 'failed') AND ($2 = interval '0' OR b.state = 'running' AND NOT EXISTS (
			SELECT FROM ferry.worker w WHERE w.id = b.worker AND w.seen_at > clock_timestamp() - $2))
		RETURNING b.id, b.attempt`, run, silent)
	if err != nil {
		return 0, err
	}
	jobs, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (Job, error) {
		var j Job
		return j, row.Scan(&j.Batch, &j.Attempt)
	})
	if err != nil || len(jobs) == 0 {
		return 0, err
	}
	return len(jobs), db.queue.Enqueue(ctx, tx, jobs)
}
