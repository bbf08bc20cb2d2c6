package enginedb

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"ferry/engine"
	"ferry/engine/cycle"
)

// Under a throttle a batch is what a run may read in a second, so that the rate is even and a change of mind is soon felt.
// A batch of fewer ids than this would cost more than its rows.
const leastThrottled = 100

// oneWorker is how many rows a second one worker surely reads. To keep a lower rate one batch at a time is enough, and its cost
// is known before the next one is carved.
const oneWorker = 20_000

// credit is what a run that was slower than it might be can make up for.
const credit = time.Second

// paceLimits reads how fast runs may go. It is read with every batch that is carved, so a change counts at once.
func paceLimits(ctx context.Context, q querier) (cycle.Policies, error) {
	p := cycle.Policies{}
	rows, err := q.Query(ctx, `SELECT name, value FROM ferry.policy WHERE name = ANY($1)`, []string{engine.PolicyThrottle, engine.PolicyBatchRows})
	if err != nil {
		return p, err
	}
	var name, value string
	_, err = pgx.ForEachRow(rows, []any{&name, &value}, func() error { return p.Set(name, value) })
	return p, err
}

// throttled holds a step that reads rows to what somebody has set. The wait for the next batch is the queue's: no worker, no
// transaction and no snapshot waits meanwhile.
func throttled(ctx context.Context, tx pgx.Tx, s step, p pace) (pace, error) {
	if !readsRows(s.Verb) {
		return p, nil
	}
	limits, err := paceLimits(ctx, tx)
	if err != nil {
		return p, err
	}
	if limits.BatchRows > 0 {
		p.bound = limits.BatchRows
	}
	if p.rate = limits.Throttle; p.rate > 0 {
		p.bound = min(p.bound, max(p.rate, leastThrottled))
		p.outstanding = min(p.outstanding, int(1+p.rate/oneWorker))
	}
	return p, nil
}

// readsRows reports whether the batches of a step carry rows by id range.
func readsRows(v engine.StepVerb) bool {
	return v == engine.StepLoad || v == engine.StepSettle || v == engine.StepDelete
}

// pay charges a run for the rows of the batch that has just ended, and gives how long the next one has to wait.
func pay(ctx context.Context, tx pgx.Tx, s step, p pace) (time.Duration, error) {
	if p.rate <= 0 {
		return p.after, nil
	}
	cost := time.Duration(float64(s.Read) / float64(p.rate) * float64(time.Second))
	var wait time.Duration
	err := tx.QueryRow(ctx, `UPDATE ferry.run
		SET paid_until = greatest(coalesce(paid_until, clock_timestamp()), clock_timestamp() - $2::interval) + $3::interval
		WHERE id = $1 RETURNING paid_until - clock_timestamp()`, s.Run, credit, cost).Scan(&wait)
	return max(wait, p.after, 0), err
}

// recarve cuts what nobody has taken up yet anew, as wide and as late as is allowed now.
func (db *DB) recarve(ctx context.Context, tx pgx.Tx) error {
	rows, err := tx.Query(ctx, `SELECT id FROM ferry.run WHERE writes AND state = 'running' ORDER BY id`)
	if err != nil {
		return err
	}
	runs, err := pgx.CollectRows(rows, pgx.RowTo[engine.RunID])
	if err != nil {
		return err
	}
	for _, run := range runs {
		if err := lockOpen(ctx, tx, run); err != nil {
			return err
		}
		r, err := lockRun(ctx, tx, run)
		if err != nil {
			return err
		}
		if r.State != engine.RunRunning {
			continue
		}
		if err := uncarve(ctx, tx, run, false); err != nil {
			return err
		}
		// What was paid for at another rate says nothing any more.
		if _, err := tx.Exec(ctx, `UPDATE ferry.run SET paid_until = NULL WHERE id = $1`, run); err != nil {
			return err
		}
		if err := db.carveRunning(ctx, tx, run); err != nil {
			return err
		}
	}
	return nil
}

// uncarve takes back the last batches of a run's step as far as nobody has taken them up; their jobs find nothing and are refused.
// With held it does so only for a run that a throttle holds back. Batches, steps and the run must be locked.
func uncarve(ctx context.Context, tx pgx.Tx, run engine.RunID, held bool) error {
	_, err := tx.Exec(ctx, `
		WITH at AS (SELECT s.id, s.low FROM ferry.step s JOIN ferry.run r ON r.id = s.run_id
				WHERE s.run_id = $1 AND s.state = 'running' AND s.verb IN ('load', 'settle', 'delete') AND s.open > 0
					AND (NOT $2 OR r.paid_until > clock_timestamp())),
			taken AS (SELECT at.id, coalesce(max(b.high), at.low) AS high FROM at LEFT JOIN ferry.batch b
				ON b.step_id = at.id AND NOT (b.state = 'queued' AND b.tries = 0) GROUP BY at.id, at.low),
			gone AS (DELETE FROM ferry.batch b USING taken WHERE b.step_id = taken.id AND b.state = 'queued' AND b.tries = 0
				AND b.low >= taken.high RETURNING b.step_id, b.low),
			back AS (SELECT step_id, min(low) AS low, count(*) AS batches FROM gone GROUP BY step_id)
		UPDATE ferry.step SET carved = back.low, open = open - back.batches FROM back WHERE step.id = back.step_id`, run, held)
	return err
}

// readPolicyViews reads the policies, and of them how fast runs may go.
func readPolicyViews(ctx context.Context, tx pgx.Tx, s *engine.Snapshot) error {
	p := cycle.DefaultPolicies()
	set := map[string]engine.PolicyView{}
	rows, err := tx.Query(ctx, `SELECT name, value, set_by, set_at, reason FROM ferry.policy`)
	if err != nil {
		return err
	}
	var v engine.PolicyView
	var at *time.Time
	_, err = pgx.ForEachRow(rows, []any{&v.Name, &v.Value, &v.By, &at, &v.Reason}, func() error {
		v.At = orZero(at)
		set[v.Name] = v
		return p.Set(v.Name, v.Value)
	})
	if err != nil {
		return err
	}
	for _, name := range cycle.PolicyNames() {
		view := set[name]
		view.Name, view.Value, view.Default = name, p.Get(name), cycle.DefaultPolicies().Get(name)
		s.Policies = append(s.Policies, view)
	}
	throttle := set[engine.PolicyThrottle]
	s.Pace = engine.PaceView{RowsPerSecond: p.Throttle, BatchRows: p.BatchRows, By: throttle.By, At: throttle.At, Reason: throttle.Reason}
	return nil
}
