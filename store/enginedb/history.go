package enginedb

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"ferry/engine"
	"ferry/store/sqlstate"
)

// runColumns are what scanRun reads, of ferry.run as r.
const runColumns = `r.id, r.kind, r.state, r.source_identity, r.first, r.state_since, r.requested_by, r.state_by, r.state_reason, r.created_at,
	r.started_at, r.finished_at, r.error, r.last_error, r.last_error_at, CASE WHEN r.state = 'asking' THEN r.question ELSE '' END,
	r.scheduled, r.ticks, r.first_at, r.why_full, r.entities`

// scanRun reads a run's columns, and what follows them into more.
func scanRun(row pgx.Row, r *engine.RunView, more ...any) error {
	var started, finished, lastError *time.Time
	err := row.Scan(append([]any{
		&r.ID, &r.Kind, &r.State, &r.Source, &r.First, &r.Since, &r.By, &r.StateBy, &r.Reason, &r.CreatedAt,
		&started, &finished, &r.Error, &r.LastError, &lastError, &r.Question, &r.Scheduled, &r.Ticks, &r.FirstAt, &r.WhyFull, &r.Only,
	}, more...)...)
	r.StartedAt, r.FinishedAt, r.LastErrorAt = orZero(started), orZero(finished), orZero(lastError)
	return err
}

// summaryColumns are runColumns with the sums over the run's steps.
var summaryColumns = runColumns + `, t.errors, t.batches, ` + countList("t.")

// summaryFrom joins runs with the sums over their steps.
var summaryFrom = ` FROM ferry.run r CROSS JOIN LATERAL (SELECT coalesce(sum(errors), 0)::bigint AS errors,
	coalesce(sum(batches_done), 0)::bigint AS batches, ` + countSums() + ` FROM ferry.step WHERE run_id = r.id) t `

func scanSummary(row pgx.CollectableRow) (engine.RunSummary, error) {
	var s engine.RunSummary
	return s, scanRun(row, &s.RunView, append([]any{&s.Errors, &s.Batches}, countValues(&s.Counts)...)...)
}

// Runs lists runs, newest first.
func (db *DB) Runs(ctx context.Context, before engine.RunID, limit int) ([]engine.RunSummary, error) {
	rows, err := db.pool.Query(ctx, `SELECT `+summaryColumns+summaryFrom+`
		WHERE $1 = 0 OR r.id < $1 ORDER BY r.id DESC LIMIT $2`, before, limit)
	if err != nil {
		return nil, sqlstate.Wrap(engine.SideTarget, "listing runs", err)
	}
	out, err := pgx.CollectRows(rows, scanSummary)
	return out, sqlstate.Wrap(engine.SideTarget, "listing runs", err)
}

// RunDetail gives a run with its steps and batches.
func (db *DB) RunDetail(ctx context.Context, id engine.RunID) (*engine.RunDetail, error) {
	d := &engine.RunDetail{}
	err := pgx.BeginTxFunc(ctx, db.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `SELECT `+summaryColumns+summaryFrom+` WHERE r.id = $1`, id)
		if err != nil {
			return err
		}
		if d.RunSummary, err = pgx.CollectExactlyOneRow(rows, scanSummary); err != nil {
			return err
		}
		s := &engine.Snapshot{Run: &d.RunView}
		if err := readSteps(ctx, tx, s); err != nil {
			return err
		}
		d.Steps = s.Steps
		if err := tx.QueryRow(ctx, `SELECT count(*) FROM ferry.batch WHERE run_id = $1`, id).Scan(&d.BatchesTotal); err != nil {
			return err
		}
		d.Batches, err = readBatches(ctx, tx, id)
		return err
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, noSuchRun(id)
	}
	return d, sqlstate.Wrap(engine.SideTarget, "reading a run", err)
}

func readBatches(ctx context.Context, tx pgx.Tx, run engine.RunID) ([]engine.BatchView, error) {
	rows, err := tx.Query(ctx, `SELECT b.id, s.verb, s.entity, b.low, b.high, b.state, b.attempt, b.tries, b.worker, b.error, b.sqlstate,
			b.queued_at, b.started_at, b.finished_at, `+countList("b.")+`
		FROM ferry.batch b JOIN ferry.step s ON s.id = b.step_id WHERE b.run_id = $1
		ORDER BY b.state = 'done', b.id DESC LIMIT $2`, run, engine.BatchesShown)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (engine.BatchView, error) {
		var v engine.BatchView
		var started, finished *time.Time
		err := row.Scan(append([]any{
			&v.ID, &v.Verb, &v.Entity, &v.Low, &v.High, &v.State, &v.Attempt, &v.Tries, &v.Worker, &v.Error, &v.SQLState,
			&v.QueuedAt, &started, &finished,
		}, countValues(&v.Counts)...)...)
		v.StartedAt, v.FinishedAt = orZero(started), orZero(finished)
		return v, err
	})
}

// RetryBatch hands a batch out again at once; if its run has ended, the run is resumed, and the batch with it.
func (db *DB) RetryBatch(ctx context.Context, act engine.Act, batch engine.BatchID, by engine.Actor) error {
	var run engine.RunID
	var runState engine.RunState
	var state engine.BatchState
	err := db.pool.QueryRow(ctx, `SELECT r.id, r.state, b.state FROM ferry.batch b JOIN ferry.run r ON r.id = b.run_id WHERE b.id = $1`,
		batch).Scan(&run, &runState, &state)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return engine.Refuse(engine.ErrStateChanged, "there is no batch %d", batch)
	case err != nil:
		return sqlstate.Wrap(engine.SideTarget, "retrying a batch", err)
	case state == engine.BatchDone:
		return engine.Refuse(engine.ErrStateChanged, "batch %d is done", batch)
	case runState.Ended():
		act.Run = run
		return db.Resume(ctx, act, by)
	}
	return db.inOpenTx(ctx, "retrying a batch", func(tx pgx.Tx) error {
		job := Job{Batch: batch}
		err := tx.QueryRow(ctx, `UPDATE ferry.batch SET attempt = attempt + 1, worker = '' WHERE id = $1 AND state = 'queued' RETURNING attempt`,
			batch).Scan(&job.Attempt)
		if errors.Is(err, pgx.ErrNoRows) {
			return engine.Refuse(engine.ErrStateChanged, "batch %d is at work", batch)
		}
		if err != nil {
			return err
		}
		if err := db.queue.Enqueue(ctx, tx, []Job{job}); err != nil {
			return err
		}
		return record(ctx, tx, entry{Actor: by, Action: "retry", Run: run, State: string(state), Reason: act.Reason, Outcome: fmt.Sprintf("batch %d", batch)})
	})
}
