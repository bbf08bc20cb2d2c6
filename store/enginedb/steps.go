package enginedb

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"ferry/engine"
	"ferry/engine/cycle"
	"ferry/engine/entity"
)

// Batches adapt to take this long, so that progress is seen and a pause or a crash costs little.
const batchTarget = time.Second

// Bounds of a batch's width in ids. Its rows can never be more than that.
const (
	minWidth = 500
	maxWidth = cycle.MaxRows
)

// step is what carving needs of a step.
type step struct {
	ID     int64
	Run    engine.RunID
	Verb   engine.StepVerb
	Entity string
	High   int64
	Carved int64
	Width  int64
	Open   int
}

// Planned makes the run's steps from a plan, and carves the first batches. Parents are loaded before children; points
// are settled once, after the ledgers.
func (t *Target) Planned(ctx context.Context, w cycle.Work, plan cycle.Plan) error {
	return t.db.inTx(ctx, "storing the plan", func(tx pgx.Tx) error {
		if err := t.db.holdBatch(ctx, tx, w.Batch); err != nil {
			return err
		}
		for _, e := range plan.Entities {
			if err := fence(ctx, tx, cycle.Work{Claim: engine.Claim{Entity: e.Entity.Name, Epoch: w.Epoch}}); err != nil {
				return err
			}
		}
		if err := lockOpen(ctx, tx, w.Run); err != nil { // before the run, as everywhere
			return err
		}
		first, err := emptyTarget(ctx, tx)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE ferry.run SET first = $2 WHERE id = $1`, w.Run, first); err != nil {
			return err
		}
		if err := makeSteps(ctx, tx, w.Run, plan, first); err != nil {
			return err
		}
		if err := t.db.advance(ctx, tx, w, engine.Counts{}, 0); err != nil {
			return err
		}
		return t.complete(ctx, tx)
	})
}

// emptyTarget reports whether all of the engine's tables are empty.
func emptyTarget(ctx context.Context, tx pgx.Tx) (bool, error) {
	for _, e := range entity.All() {
		var some bool
		if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM `+public(e)+`)`).Scan(&some); err != nil || some {
			return false, err
		}
	}
	return true, nil
}

// makeSteps stores the steps: every entity's load; behind the load of one with codes, on a first load, its owners; at the
// end the settling of what is derived.
func makeSteps(ctx context.Context, tx pgx.Tx, run engine.RunID, plan cycle.Plan, first bool) error {
	seq := 0
	add := func(verb engine.StepVerb, p cycle.EntityPlan, high, width int64) error {
		seq++
		_, err := tx.Exec(ctx, `INSERT INTO ferry.step (run_id, seq, verb, entity, high, width, source_rows, source_estimated, floor)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9::text::xid8)`,
			run, seq, string(verb), p.Entity.Name, high, width, p.Rows, p.Estimated, string(plan.Floor))
		return err
	}
	for _, p := range plan.Entities {
		var highest int64
		// Engine rows and quarantined ones above the source's highest id are of the cycle too: they are extra, and gone.
		err := tx.QueryRow(ctx, `SELECT greatest(0, (SELECT max(`+ident(p.Entity.OdooID)+`) FROM `+public(p.Entity)+`),
			(SELECT max(source_id) FROM ferry.quarantine WHERE entity = $1 AND state IN `+openStates+`),
			(SELECT max(id) FROM ferry.extra WHERE entity = $1))`, p.Entity.Name).Scan(&highest)
		if err != nil {
			return err
		}
		highest = max(highest, p.MaxID)
		if err := add(engine.StepLoad, p, highest, firstWidth(highest)); err != nil {
			return err
		}
		if first && p.Entity.Code >= 0 {
			if err := add(engine.StepOwners, p, 1, 1); err != nil {
				return err
			}
		}
	}
	for _, p := range plan.Entities {
		if len(p.Entity.Derived) == 0 {
			continue
		}
		var highest int64
		if err := tx.QueryRow(ctx, `SELECT high FROM ferry.step WHERE run_id = $1 AND verb = 'load' AND entity = $2`,
			run, p.Entity.Name).Scan(&highest); err != nil {
			return err
		}
		if err := add(engine.StepSettle, p, highest, firstWidth(highest)); err != nil {
			return err
		}
	}
	return nil
}

// firstWidth makes some twenty batches of a small table, so that its progress can be seen; large ones adapt.
func firstWidth(high int64) int64 { return min(max(high/20, minWidth), 10_000) }

// nextWidth adapts a width to the time that a batch of it took.
func nextWidth(width int64, took time.Duration) int64 {
	switch {
	case took <= 0:
		return width
	case took < batchTarget/2:
		width *= 2
	case took > 2*batchTarget:
		width /= 2
	}
	return min(max(width, minWidth), maxWidth)
}

// advance finishes a batch: its fence, its counts, its step, and what comes next. It runs in the batch's transaction;
// the step's row serialises the batches that end at the same moment.
func (db *DB) advance(ctx context.Context, tx pgx.Tx, w cycle.Work, counts engine.Counts, took time.Duration) error {
	if err := finishBatch(ctx, tx, w, counts); err != nil {
		return err
	}
	var s step
	var width int64
	args := append([]any{w.Batch}, countValues(&counts)...)
	err := tx.QueryRow(ctx, `UPDATE ferry.step SET open = open - 1, batches_done = batches_done + 1, `+countAssignments(2, true)+`
		WHERE id = (SELECT step_id FROM ferry.batch WHERE id = $1)
		RETURNING id, run_id, verb, entity, high, carved, width, open`, args...).
		Scan(&s.ID, &s.Run, &s.Verb, &s.Entity, &s.High, &s.Carved, &width, &s.Open)
	if err != nil {
		return err
	}
	s.Width = width
	if 2*(w.High-w.Low) >= width { // a remainder says nothing about a whole batch
		s.Width = nextWidth(width, took)
	}
	var state engine.RunState
	if err := tx.QueryRow(ctx, `SELECT state FROM ferry.run WHERE id = $1 FOR NO KEY UPDATE`, s.Run).Scan(&state); err != nil {
		return err
	}
	switch state {
	case engine.RunPausing:
		if s.Open > 0 {
			return nil
		}
		if s.Carved >= s.High {
			return db.nextStep(ctx, tx, s, true)
		}
		return setPaused(ctx, tx, s.Run)
	case engine.RunQueued, engine.RunPlanning, engine.RunRunning:
	case engine.RunPaused, engine.RunInterrupted, engine.RunCancelled, engine.RunFailed, engine.RunDone:
		return nil // it held its lease, so it commits; nothing follows
	}
	if s.Open == 0 && s.Carved >= s.High {
		return db.nextStep(ctx, tx, s, false)
	}
	return db.carve(ctx, tx, s)
}

// finishBatch requires that the batch is still this attempt's, and stores its counts.
func finishBatch(ctx context.Context, tx pgx.Tx, w cycle.Work, counts engine.Counts) error {
	args := append([]any{w.Batch, w.Attempt}, countValues(&counts)...)
	tag, err := tx.Exec(ctx, `UPDATE ferry.batch SET state = 'done', finished_at = clock_timestamp(), `+countAssignments(3, false)+`
		WHERE id = $1 AND attempt = $2 AND state = 'running'`, args...)
	if err != nil {
		return err
	}
	if tag.RowsAffected() != 1 {
		return fmt.Errorf("%w: batch %d was handed to another worker", engine.ErrFenced, w.Batch)
	}
	return nil
}

// setPaused confirms a pause; who asked for it, and why, stays.
func setPaused(ctx context.Context, tx pgx.Tx, run engine.RunID) error {
	_, err := tx.Exec(ctx, `UPDATE ferry.run SET state = 'paused', state_since = clock_timestamp() WHERE id = $1`, run)
	return err
}

// carve cuts the next batches of a step: as many as keep all living workers busy, and no more, so that their size can
// adapt and a pause drains quickly.
func (db *DB) carve(ctx context.Context, tx pgx.Tx, s step) error {
	if held, err := heldBack(ctx, tx, s); held || err != nil {
		return err
	}
	var outstanding int
	err := tx.QueryRow(ctx, `SELECT greatest(4, 2 * coalesce(sum(workers), 0)) FROM ferry.worker WHERE seen_at > clock_timestamp() - $1::interval`,
		db.silence).Scan(&outstanding)
	if err != nil {
		return err
	}
	var jobs []Job
	for s.Open < outstanding && s.Carved < s.High {
		high := min(s.Carved+s.Width, s.High)
		job := Job{Attempt: 1}
		err := tx.QueryRow(ctx, `INSERT INTO ferry.batch (run_id, step_id, low, high) VALUES ($1, $2, $3, $4) RETURNING id`,
			s.Run, s.ID, s.Carved, high).Scan(&job.Batch)
		if err != nil {
			return err
		}
		jobs = append(jobs, job)
		s.Carved = high
		s.Open++
	}
	_, err = tx.Exec(ctx, `UPDATE ferry.step SET carved = $2, width = $3, open = $4, state = 'running',
		started_at = coalesce(started_at, clock_timestamp()) WHERE id = $1`, s.ID, s.Carved, s.Width, s.Open)
	if err != nil || len(jobs) == 0 {
		return err
	}
	return db.queue.Enqueue(ctx, tx, jobs)
}

// carveRunning goes on with the step at which a run stopped.
func (db *DB) carveRunning(ctx context.Context, tx pgx.Tx, run engine.RunID) error {
	var s step
	err := tx.QueryRow(ctx, `SELECT id, run_id, verb, entity, high, carved, width, open FROM ferry.step
		WHERE run_id = $1 AND state <> 'done' ORDER BY seq LIMIT 1 FOR UPDATE`, run).
		Scan(&s.ID, &s.Run, &s.Verb, &s.Entity, &s.High, &s.Carved, &s.Width, &s.Open)
	if err != nil {
		return err
	}
	if s.Open == 0 && s.Carved >= s.High && s.High > 0 {
		return db.nextStep(ctx, tx, s, false)
	}
	return db.carve(ctx, tx, s)
}

// nextStep closes a step and begins the next one that has anything to do; behind the last one the run is done. A run
// that is being paused stops between the two.
func (db *DB) nextStep(ctx context.Context, tx pgx.Tx, s step, pausing bool) error {
	for {
		_, err := tx.Exec(ctx, `UPDATE ferry.step SET state = 'done', finished_at = clock_timestamp(),
			started_at = coalesce(started_at, clock_timestamp()) WHERE id = $1`, s.ID)
		if err != nil {
			return err
		}
		if s.Verb == engine.StepPlan && !pausing {
			if err := setState(ctx, tx, s.Run, engine.RunRunning, "", ""); err != nil {
				return err
			}
		}
		run := s.Run
		err = tx.QueryRow(ctx, `SELECT id, run_id, verb, entity, high, carved, width, open FROM ferry.step
			WHERE run_id = $1 AND state = 'waiting' ORDER BY seq LIMIT 1 FOR UPDATE`, run).
			Scan(&s.ID, &s.Run, &s.Verb, &s.Entity, &s.High, &s.Carved, &s.Width, &s.Open)
		if errors.Is(err, pgx.ErrNoRows) {
			return db.finishRun(ctx, tx, run)
		}
		if err != nil {
			return err
		}
		if s.High == 0 {
			continue // an empty table
		}
		if pausing {
			return setPaused(ctx, tx, run)
		}
		return db.carve(ctx, tx, s)
	}
}

// finishRun counts what is there now, stores the floors and ends the run: all in the last batch's transaction.
func (db *DB) finishRun(ctx context.Context, tx pgx.Tx, run engine.RunID) error {
	for _, e := range entity.All() {
		_, err := tx.Exec(ctx, `
			INSERT INTO ferry.entity_state (entity, run_id, counted_at, source_rows, target_rows, quarantined, waiting, stale, extra)
			SELECT $1, $2, clock_timestamp(),
				(SELECT coalesce(sum(read), 0) FROM ferry.step WHERE run_id = $2 AND entity = $1 AND verb = 'load'),
				(SELECT count(*) FROM `+public(e)+` WHERE `+ident(e.OdooID)+` IS NOT NULL),
				count(*), count(*) FILTER (WHERE state = 'waiting_parent'), count(*) FILTER (WHERE stale),
				(SELECT count(*) FROM ferry.extra WHERE entity = $1)
			FROM ferry.quarantine WHERE entity = $1 AND state IN ('open', 'waiting_parent', 'waived')
			ON CONFLICT (entity) DO UPDATE SET run_id = EXCLUDED.run_id, counted_at = EXCLUDED.counted_at,
				source_rows = EXCLUDED.source_rows, target_rows = EXCLUDED.target_rows, quarantined = EXCLUDED.quarantined,
				waiting = EXCLUDED.waiting, stale = EXCLUDED.stale, extra = EXCLUDED.extra`, e.Name, run)
		if err != nil {
			return err
		}
	}
	_, err := tx.Exec(ctx, `INSERT INTO ferry.floor (entity, run_id, floor, rules_hash)
		SELECT s.entity, s.run_id, s.floor, r.rules_hash FROM ferry.step s JOIN ferry.run r ON r.id = s.run_id
		WHERE s.run_id = $1 AND s.verb = 'load'`, run)
	if err != nil {
		return err
	}
	if err := setState(ctx, tx, run, engine.RunDone, "", ""); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `UPDATE ferry.lease SET run_id = NULL WHERE run_id = $1`, run); err != nil {
		return err
	}
	return record(ctx, tx, entry{Action: "finish", Run: run, State: string(engine.RunRunning), Outcome: string(engine.RunDone)})
}

func ident(name string) string       { return pgx.Identifier{name}.Sanitize() }
func public(e *entity.Entity) string { return pgx.Identifier{"public", e.Target}.Sanitize() }
func idents(names []string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = ident(n)
	}
	return out
}
