package enginedb

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/jackc/pgx/v5"

	"ferry/engine"
	"ferry/engine/check"
	"ferry/engine/cycle"
	"ferry/engine/entity"
)

// Batches adapt to take this long, so that progress is seen and a pause or a crash costs little.
const batchTarget = time.Second

// Bounds of a batch's width in ids. Its rows can never be more than that.
const (
	minWidth = 500
	maxWidth = cycle.MaxRows
	// A sweep sums ids up and keeps none of them, so it may span more; the first ones show how long that takes at the source.
	sweepWidth      = 1 << 20
	firstSweepWidth = 1 << 18
	// A table without keys is filled by a stream, of which nothing is kept.
	pourWidth = 1 << 18
)

// stepColumns are what carving needs of a step, in the order of stepFields.
const stepColumns = `id, run_id, verb, entity, high, carved, width, open`

func stepFields(s *step) []any {
	return []any{&s.ID, &s.Run, &s.Verb, &s.Entity, &s.High, &s.Carved, &s.Width, &s.Open}
}

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
	Read   int64 // source rows of the batch that has just ended
}

// over reports whether nothing of a step is left to do.
func (s step) over() bool { return s.Open == 0 && s.Carved >= s.High }

// firstWidth makes some twenty batches of a small table, so that its progress can be seen; large ones adapt.
func firstWidth(high int64) int64 { return min(max(high/20, minWidth), 10_000) }

// firstPour is firstWidth where a stream fills a table without keys: with nothing to look up, narrow batches are mostly overhead.
func firstPour(high int64) int64 { return min(max(high/20, minWidth), 50_000) }

// nextWidth adapts a width to the time that a batch of it took.
func nextWidth(w cycle.Work, width int64, took time.Duration) int64 {
	least, most := int64(minWidth), int64(maxWidth)
	if w.Unkeyed {
		most = pourWidth
	}
	switch w.Verb { //nolint:exhaustive // the others read rows
	case engine.StepLedger, engine.StepIndex, engine.StepKeys, engine.StepOwners:
		return width // each batch costs the same, however narrow; or is one piece
	case engine.StepSweep:
		most = sweepWidth
	case engine.StepCompare:
		least, most = check.Cell, check.WidestBatch
	}
	switch {
	case took <= 0:
		return width
	case took < batchTarget/2:
		width *= 2
	case took > 2*batchTarget:
		width /= 2
	}
	return min(max(width, least), most)
}

// advance finishes a batch: its fence, its counts, its step, and what comes next. It runs in the batch's transaction;
// the step's row serialises the batches that end at the same moment.
func (db *DB) advance(ctx context.Context, tx pgx.Tx, w cycle.Work, counts engine.Counts, took time.Duration) error {
	if err := finishBatch(ctx, tx, w, counts); err != nil {
		return err
	}
	var s step
	args := append([]any{w.Batch}, countValues(&counts)...)
	err := tx.QueryRow(ctx, `UPDATE ferry.step SET open = open - 1, batches_done = batches_done + 1, `+countAssignments(2, true)+`
		WHERE id = (SELECT step_id FROM ferry.batch WHERE id = $1) RETURNING `+stepColumns, args...).Scan(stepFields(&s)...)
	if err != nil {
		return err
	}
	if err := addTarget(ctx, tx, s.Entity, counts.Inserted-counts.Deleted); err != nil {
		return err
	}
	s.Read = counts.Read
	if 2*(w.High-w.Low) >= s.Width { // a remainder says nothing about a whole batch
		s.Width = nextWidth(w, s.Width, took)
	}
	var state engine.RunState
	if err := tx.QueryRow(ctx, `SELECT state FROM ferry.run WHERE id = $1 FOR NO KEY UPDATE`, s.Run).Scan(&state); err != nil {
		return err
	}
	switch state {
	case engine.RunPausing:
		return db.comeToRest(ctx, tx, s)
	case engine.RunQueued, engine.RunPlanning, engine.RunRunning:
	case engine.RunPaused, engine.RunAsking, engine.RunInterrupted, engine.RunCancelled, engine.RunFailed, engine.RunDone:
		return nil // it held its lease, so it commits; nothing follows
	}
	if tripped, err := db.trip(ctx, tx, s.Run); tripped || err != nil {
		return err
	}
	if s.over() {
		return db.nextStep(ctx, tx, s)
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
	pace, err := db.paceOf(ctx, tx, s)
	if err != nil {
		return err
	}
	if pace.over {
		return db.endComparing(ctx, tx, s)
	}
	if pace.bound < s.Width {
		s.Width = pace.bound
	}
	if pace.after, err = pay(ctx, tx, s, pace); err != nil {
		return err
	}
	var jobs []Job
	for s.Open < pace.outstanding && s.Carved < s.High {
		if err := skip(ctx, tx, &s); err != nil {
			return err
		}
		high := min(s.Carved+min(s.Width, pace.widest), s.High)
		job := Job{Attempt: 1, Behind: pace.behind, After: pace.after}
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
	if err == nil && len(jobs) > 0 {
		err = db.queue.Enqueue(ctx, tx, jobs)
	}
	if err != nil || s.Carved < s.High {
		return err
	}
	return db.carveBeside(ctx, tx, s)
}

// carveBeside begins the step behind one that has no more batches to hand out, if it needs nothing of that one, and all before that one
// have ended.
func (db *DB) carveBeside(ctx context.Context, tx pgx.Tx, s step) error {
	var next step
	err := tx.QueryRow(ctx, `SELECT `+stepColumns+` FROM ferry.step n
		WHERE run_id = $1 AND state = 'waiting' AND beside AND carved < high AND seq = (SELECT seq + 1 FROM ferry.step WHERE id = $2)
			AND NOT EXISTS (SELECT FROM ferry.step b WHERE b.run_id = $1 AND b.state <> 'done' AND b.seq < n.seq - 1)`, s.Run, s.ID).
		Scan(stepFields(&next)...)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return db.carve(ctx, tx, next)
}

// pace is how many batches of a step are carved at once, how wide, and when they are taken up.
type pace struct {
	outstanding int
	widest      int64
	bound       int64 // of a width, set by somebody
	rate        int64 // source rows a second at most; 0: no limit
	behind      int
	after       time.Duration
	over        bool // the time that its run may take is up: no more are carved
}

// paceOf keeps all living workers busy with a run that writes. A check leaves them to it.
func (db *DB) paceOf(ctx context.Context, tx pgx.Tx, s step) (pace, error) {
	p := pace{widest: math.MaxInt64, bound: math.MaxInt64}
	var workers int
	err := tx.QueryRow(ctx, `SELECT coalesce(sum(workers), 0) FROM ferry.worker WHERE seen_at > clock_timestamp() - $1::interval`,
		db.silence).Scan(&workers)
	if err != nil {
		return p, err
	}
	if provesOnly(s.Verb) {
		return checkPace(ctx, tx, s, workers)
	}
	p.outstanding = max(4, 2*workers)
	return throttled(ctx, tx, s, p)
}

// carveRunning goes on with the steps at which a run stopped: there are two where one was begun beside the other. The run and its steps
// must be locked.
func (db *DB) carveRunning(ctx context.Context, tx pgx.Tx, run engine.RunID) error {
	rows, err := tx.Query(ctx, `SELECT `+stepColumns+` FROM ferry.step WHERE run_id = $1 AND state = 'running' ORDER BY seq`, run)
	if err != nil {
		return err
	}
	running, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (step, error) {
		var s step
		err := row.Scan(stepFields(&s)...)
		return s, err
	})
	if err != nil {
		return err
	}
	left := 0
	for _, s := range running {
		if s.over() {
			err = closeStep(ctx, tx, s)
		} else {
			left++
			err = db.carve(ctx, tx, s)
		}
		if err != nil {
			return err
		}
	}
	if left > 0 {
		return nil
	}
	return db.goOn(ctx, tx, run)
}

// nextStep closes a step, and begins what may begin now.
func (db *DB) nextStep(ctx context.Context, tx pgx.Tx, s step) error {
	if err := closeStep(ctx, tx, s); err != nil {
		return err
	}
	if s.Verb == engine.StepPlan {
		if err := setState(ctx, tx, s.Run, engine.RunRunning, "", ""); err != nil {
			return err
		}
	}
	return db.goOn(ctx, tx, s.Run)
}

func closeStep(ctx context.Context, tx pgx.Tx, s step) error {
	_, err := tx.Exec(ctx, `UPDATE ferry.step SET state = 'done', finished_at = clock_timestamp(),
		started_at = coalesce(started_at, clock_timestamp()) WHERE id = $1`, s.ID)
	return err
}

// goOn begins the first step that has anything to do; behind the last one the run is done. The run must be locked: whoever ends a batch
// holds its step first, and the run then, so no step at which somebody works is locked here.
func (db *DB) goOn(ctx context.Context, tx pgx.Tx, run engine.RunID) error {
	for {
		var s step
		err := tx.QueryRow(ctx, `SELECT `+stepColumns+` FROM ferry.step WHERE run_id = $1 AND state <> 'done' ORDER BY seq LIMIT 1`, run).
			Scan(stepFields(&s)...)
		switch {
		case errors.Is(err, pgx.ErrNoRows):
			return db.wrapUp(ctx, tx, run)
		case err != nil:
			return err
		case s.over(): // an empty table, or nothing that changed
			if err := closeStep(ctx, tx, s); err != nil {
				return err
			}
		case s.Open == 0:
			return db.carve(ctx, tx, s)
		case s.Carved >= s.High:
			return db.carveBeside(ctx, tx, s)
		default: // it was begun beside the one before it, and goes on by itself
			return nil
		}
	}
}

// comeToRest pauses a run that is to pause, once nothing of it is in flight, or ends it if there is nothing left to do.
func (db *DB) comeToRest(ctx context.Context, tx pgx.Tx, s step) error {
	if s.over() {
		if err := closeStep(ctx, tx, s); err != nil {
			return err
		}
	}
	var open, left int
	err := tx.QueryRow(ctx, `SELECT coalesce(sum(open), 0), count(*) FILTER (WHERE carved < high) FROM ferry.step WHERE run_id = $1 AND state <> 'done'`,
		s.Run).Scan(&open, &left)
	switch {
	case err != nil || open > 0:
		return err
	case left > 0:
		return setPaused(ctx, tx, s.Run)
	}
	return db.goOn(ctx, tx, s.Run)
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
