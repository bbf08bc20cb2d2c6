package enginedb

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"ferry/engine"
	"ferry/engine/check"
	"ferry/engine/cycle"
	"ferry/engine/entity"
	"ferry/store/digest"
	"ferry/store/sqlstate"
)

var (
	_ check.Target   = (*Target)(nil)
	_ check.Findings = (*findings)(nil)
)

// View begins a look at one state of the engine.
func (t *Target) View(ctx context.Context) (check.EngineView, error) { return t.db.View(ctx) }

// Asked gives what a check was asked for.
func (t *Target) Asked(ctx context.Context, run engine.RunID) (check.Asked, error) {
	asked, err := readAsked(ctx, t.db.pool, run)
	return asked, wrap("reading what a check is of", err)
}

// Cells gives the cells of a grid that hold a row of the engine's, one in quarantine, an extra or one that differed.
func (t *Target) Cells(ctx context.Context, e *entity.Entity, width int64) ([]int64, error) {
	return t.db.Cells(ctx, e, width)
}

// Cells gives the cells of a grid that hold a row of the engine's, one in quarantine, an extra or one that differed.
func (db *DB) Cells(ctx context.Context, e *entity.Entity, width int64) ([]int64, error) {
	rows, err := db.pool.Query(ctx, cellsOf(e, width)+` ORDER BY 1`, e.Name)
	if err != nil {
		return nil, wrap("looking where "+e.Target+" has rows", err)
	}
	lows, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	return lows, wrap("looking where "+e.Target+" has rows", err)
}

// cellsOf is the statement for the cells that hold rows of an entity, each once; $1 is its name.
func cellsOf(e *entity.Entity, width int64) string {
	return `SELECT low FROM (` + digest.Cells(public(e), ident(e.OdooID), `true`, width) + `) a
		UNION SELECT low FROM (` + digest.Cells(`ferry.quarantine`, `source_id`, `entity = $1 AND state IN `+openStates, width) + `) b
		UNION SELECT low FROM (` + digest.Cells(`ferry.extra`, `id`, `entity = $1`, width) + `) c
		UNION SELECT low FROM (` + digest.Cells(`ferry.discrepancy`, `row_id`, `entity = $1 AND state <> 'verified'`, width) + `) d`
}

// Proven gives when each range of an entity was compared last.
func (t *Target) Proven(ctx context.Context, e *entity.Entity) (map[int64]time.Time, error) {
	out := map[int64]time.Time{}
	rows, err := t.db.pool.Query(ctx, `SELECT low, proven_at FROM ferry.proof WHERE entity = $1`, e.Name)
	if err != nil {
		return nil, wrap("reading what is proven of "+e.Name, err)
	}
	var low int64
	var at time.Time
	_, err = pgx.ForEachRow(rows, []any{&low, &at}, func() error {
		out[low] = at
		return nil
	})
	return out, wrap("reading what is proven of "+e.Name, err)
}

// BeginCheck opens the writing transaction of a batch of a check. No lease fences it, for other writers are not its concern:
// that its run goes on, and in the end that the batch is still this attempt's, does.
func (t *Target) BeginCheck(ctx context.Context, w cycle.Work) (check.Findings, error) {
	tx, err := t.db.pool.Begin(ctx)
	if err != nil {
		return nil, wrap("beginning a batch", err)
	}
	f := &findings{target: t, tx: tx, w: w}
	if err := t.db.holdBatch(ctx, tx, w.Batch); err != nil {
		f.Rollback()
		return nil, wrap("waiting for the batch's last attempt to end", err)
	}
	var state engine.RunState
	if err := tx.QueryRow(ctx, `SELECT state FROM ferry.run WHERE id = $1`, w.Run).Scan(&state); err != nil {
		f.Rollback()
		return nil, wrap("looking whether the check goes on", err)
	}
	if !state.Active() {
		f.Rollback()
		return nil, fmt.Errorf("%w: run #%d is %s", engine.ErrFenced, w.Run, state)
	}
	return f, nil
}

// findings is the writing transaction of one batch of a check.
type findings struct {
	counted

	target *Target
	tx     pgx.Tx
	w      cycle.Work
}

// Plan makes the check's steps.
func (f *findings) Plan(ctx context.Context, steps []check.Step) error {
	if err := lockOpen(ctx, f.tx, f.w.Run); err != nil {
		return wrap("storing the plan", err)
	}
	for i, s := range steps {
		_, err := f.tx.Exec(ctx, `INSERT INTO ferry.step (run_id, seq, verb, entity, low, carved, high, width) VALUES ($1, $2, $3, $4, $5, $5, $6, $7)`,
			f.w.Run, i+1, string(s.Verb), s.Entity, s.Low, s.High, s.Width)
		if err != nil {
			return wrap("storing the plan", err)
		}
		if s.Verb != engine.StepCompare {
			continue
		}
		_, err = f.tx.Exec(ctx, `INSERT INTO ferry.check_entity (run_id, entity) VALUES ($1, $2) ON CONFLICT DO NOTHING`, f.w.Run, s.Entity)
		if err != nil {
			return wrap("storing the plan", err)
		}
	}
	// Where neither side has a row any more, there is nothing that could be proven.
	_, err := f.tx.Exec(ctx, `DELETE FROM ferry.proof p USING ferry.run r, ferry.check_entity c
		WHERE r.id = $1 AND r.options->>'sort' <> 'rows' AND c.run_id = r.id AND p.entity = c.entity AND NOT EXISTS (
			SELECT FROM ferry.step s WHERE s.run_id = $1 AND s.verb = 'compare' AND s.entity = p.entity AND p.low >= s.low AND p.low < s.high)`, f.w.Run)
	return wrap("storing the plan", err)
}

// Keep stores what a look found.
func (f *findings) Keep(ctx context.Context, s check.Seen) error {
	return wrap("keeping what differs", f.keep(ctx, s))
}

func (f *findings) keep(ctx context.Context, s check.Seen) error {
	// One look at a time per entity: those of other checks may be of the same rows.
	place := slices.IndexFunc(entity.All(), func(e *entity.Entity) bool { return e.Name == s.Entity })
	if _, err := f.tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1, $2)`, proofLockSpace, place); err != nil {
		return err
	}
	at := lookedAt{entity: s.Entity, run: f.w.Run, from: s.From, taken: s.TakenAt, of: s.Scope}
	if err := f.explain(ctx, at); err != nil {
		return err
	}
	if err := f.found(ctx, at, s); err != nil {
		return err
	}
	if err := f.over(ctx, at); err != nil {
		return err
	}
	if s.Again {
		return recount(ctx, f.tx, f.w.Run)
	}
	if s.Proves != nil {
		if err := f.prove(ctx, at, s.Proves); err != nil {
			return err
		}
	}
	return f.count(ctx, at, s)
}

// lookedAt is what a look was at, and when.
type lookedAt struct {
	entity string
	run    engine.RunID
	from   check.Moment // of the engine
	taken  time.Time    // of the source
	of     cycle.Scope
}

// within is the condition that a row of this column is in the scope whose parameters are $1 to $4.
func within(column string) string {
	return ` entity = $1 AND ` + column + ` > $2 AND ` + column + ` <= $3 AND ($4::bigint[] IS NULL OR ` + column + ` = ANY($4)) `
}

func (p lookedAt) args(more ...any) []any {
	return append([]any{p.entity, p.of.Low, p.of.High, p.of.IDs}, more...)
}

// explain keeps the extras that the policy lets stay.
func (f *findings) explain(ctx context.Context, p lookedAt) error {
	_, err := f.tx.Exec(ctx, `INSERT INTO ferry.discrepancy AS d
			(entity, row_id, cause, state, version_at, found_run, found_at, seen_run, seen_at)
		SELECT entity, id, $7, 'explained', $6, $5, $6, $5, $6 FROM ferry.extra WHERE `+within("id")+`ORDER BY id
		ON CONFLICT (entity, row_id, field) WHERE state <> 'verified' DO UPDATE SET state = 'explained', cause = EXCLUDED.cause,
			source = NULL, expected = NULL, target = NULL, version = '', version_at = EXCLUDED.version_at, seen_run = EXCLUDED.seen_run,
			seen_at = EXCLUDED.seen_at, settled_at = NULL
		WHERE d.seen_at < EXCLUDED.seen_at`, p.args(p.run, p.taken, string(engine.CauseDeletedAtSource))...)
	return err
}

// found keeps differences. One that is there already goes on; just so, and with the cycles behind it, it is settled.
//
// What was seen before the row was repaired, or before another look saw it, says nothing any more; nor if that one found it
// equal.
func (f *findings) found(ctx context.Context, p lookedAt, s check.Seen) error {
	if len(s.Differences) == 0 {
		return nil
	}
	d := columnsOf(s.Differences)
	_, err := f.tx.Exec(ctx, `INSERT INTO ferry.discrepancy AS x (entity, row_id, field, source, expected, target, cause, version, state, settled_at,
			version_at, found_run, found_at, seen_run, seen_at)
		SELECT $1, row_id, field, source, expected, target, cause, version, CASE WHEN settled THEN 'settled' ELSE 'in_flight' END,
			CASE WHEN settled THEN $3::timestamptz END, $3, $2, $3, $2, $3
		FROM unnest($5::bigint[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[], $12::boolean[])
			AS d (row_id, field, source, expected, target, cause, version, settled)
		WHERE NOT EXISTS (SELECT FROM ferry.discrepancy v
			WHERE v.entity = $1 AND v.row_id = d.row_id AND v.field = d.field AND v.state = 'verified' AND v.verified_at > $13)
		ORDER BY row_id, field
		ON CONFLICT (entity, row_id, field) WHERE state <> 'verified' DO UPDATE SET
			source = EXCLUDED.source, expected = EXCLUDED.expected, target = EXCLUDED.target, cause = EXCLUDED.cause, version = EXCLUDED.version,
			seen_run = EXCLUDED.seen_run, seen_at = EXCLUDED.seen_at,
			version_at = CASE WHEN `+sameAgain+` THEN x.version_at ELSE EXCLUDED.version_at END,
			state = CASE WHEN `+settledNow+` THEN 'settled' ELSE 'in_flight' END,
			settled_at = CASE WHEN `+settledNow+` THEN coalesce(CASE WHEN x.state = 'settled' THEN x.settled_at END, EXCLUDED.seen_at) END
		WHERE `+newsOf("x", "$13", "$14"),
		p.entity, p.run, p.taken, nullTime(s.Behind), d.rows, d.fields, d.sources, d.expected, d.targets, d.causes, d.versions, d.settled,
		p.from.Time, p.from.Snapshot)
	return err
}

// sameAgain is the condition that a difference x was seen before just as it is now; settledNow, that it is settled.
const (
	sameAgain = `(x.state IN ('in_flight', 'settled') AND x.version = EXCLUDED.version AND x.cause = EXCLUDED.cause
		AND x.expected IS NOT DISTINCT FROM EXCLUDED.expected AND x.target IS NOT DISTINCT FROM EXCLUDED.target)`
	settledNow = `(EXCLUDED.state = 'settled' OR ` + sameAgain + ` AND (x.state = 'settled' OR x.version_at < $4))`
)

// newsOf is the condition that a look at the engine as it was at a time, in a snapshot, says something new of a discrepancy. A
// repair is committed long after it says when it was, so it is asked of the snapshot whether it was seen.
//
// The transaction that wrote a row last is known by 32 bits; how long ago it was tells the rest.
func newsOf(discrepancy, at, snapshot string) string {
	return discrepancy + ".seen_at < " + at + " AND (" + discrepancy + ".repaired_at IS NULL OR pg_visible_in_snapshot(" +
		"greatest(3, pg_current_xact_id()::text::bigint - age(" + discrepancy + ".xmin))::text::xid8, " + snapshot + "::text::pg_snapshot))"
}

// over ends the life of what the look did not find any more.
func (f *findings) over(ctx context.Context, p lookedAt) error {
	_, err := f.tx.Exec(ctx, `UPDATE ferry.discrepancy d SET state = 'verified', verified_run = $5, verified_at = $6
		WHERE `+within("row_id")+`AND state <> 'verified' AND `+newsOf("d", "$7", "$8"), p.args(p.run, p.taken, p.from.Time, p.from.Snapshot)...)
	return err
}

// prove keeps that a cell was compared, unless a later look has done so already.
func (f *findings) prove(ctx context.Context, p lookedAt, s *check.Proven) error {
	explained, err := json.Marshal(s.Explained)
	if err != nil {
		return err
	}
	_, err = f.tx.Exec(ctx, `INSERT INTO ferry.proof AS p (entity, low, high, run_id, compared, explained, proven_at) VALUES ($1, $2, $3, $4, $5, $6, $7)
		ON CONFLICT (entity, low) DO UPDATE SET high = EXCLUDED.high, run_id = EXCLUDED.run_id, compared = EXCLUDED.compared,
			explained = EXCLUDED.explained, proven_at = EXCLUDED.proven_at
		WHERE p.proven_at < EXCLUDED.proven_at`, p.entity, s.Low, s.High, p.run, s.Rows, explained, s.At)
	return err
}

// count adds a look to what the check says of the entity.
func (f *findings) count(ctx context.Context, p lookedAt, s check.Seen) error {
	t, err := tallyRows(ctx, f.tx, within("row_id"), p.args()...)
	if err != nil {
		return err
	}
	var text []byte
	err = f.tx.QueryRow(ctx, `SELECT by_cause FROM ferry.check_entity WHERE run_id = $1 AND entity = $2 FOR UPDATE`, p.run, p.entity).Scan(&text)
	if err != nil {
		return err
	}
	byCause := map[engine.Cause]int64{}
	if err := json.Unmarshal(text, &byCause); err != nil {
		return err
	}
	explained := int64(0)
	for cause, rows := range s.Explained {
		byCause[cause] += rows
		explained += rows
	}
	for cause, rows := range t.byCause {
		byCause[cause] += rows
	}
	if text, err = json.Marshal(byCause); err != nil {
		return err
	}
	_, err = f.tx.Exec(ctx, `UPDATE ferry.check_entity SET compared = compared + $3, settled = settled + $4, in_flight = in_flight + $5,
		explained = explained + $6, by_cause = $7 WHERE run_id = $1 AND entity = $2`, p.run, p.entity, s.Rows, t.settled, t.inFlight, explained, text)
	return err
}

// Wait has the batch taken up again after a while. A check that is being paused is paused with it.
func (f *findings) Wait(ctx context.Context, why string, after time.Duration) error {
	return wrap("putting a batch off", f.wait(ctx, why, after))
}

func (f *findings) wait(ctx context.Context, why string, after time.Duration) error {
	job := Job{Batch: f.w.Batch, Behind: behindWriting, After: after}
	err := f.tx.QueryRow(ctx, `UPDATE ferry.batch SET state = 'queued', worker = '', attempt = attempt + 1, tries = 0
		WHERE id = $1 AND attempt = $2 AND state = 'running' RETURNING attempt`, f.w.Batch, f.w.Attempt).Scan(&job.Attempt)
	if errors.Is(err, pgx.ErrNoRows) {
		return fmt.Errorf("%w: batch %d was handed to another worker", engine.ErrFenced, f.w.Batch)
	}
	if err != nil {
		return err
	}
	var state engine.RunState
	err = f.tx.QueryRow(ctx, `SELECT state FROM ferry.run WHERE id = $1 FOR NO KEY UPDATE`, f.w.Run).Scan(&state)
	if err != nil {
		return err
	}
	if _, err := f.tx.Exec(ctx, `UPDATE ferry.run SET waits = $2 WHERE id = $1 AND waits <> $2`, f.w.Run, why); err != nil {
		return err
	}
	switch {
	case state == engine.RunPausing:
		err = setPaused(ctx, f.tx, f.w.Run) // resuming hands the batch out
	case state.Active() && state != engine.RunPaused:
		err = f.target.db.queue.Enqueue(ctx, f.tx, []Job{job})
	}
	if err != nil {
		return err
	}
	return f.target.complete(ctx, f.tx)
}

// GiveUp keeps why a check ends although differences are in flight.
func (f *findings) GiveUp(ctx context.Context, why string) error {
	_, err := f.tx.Exec(ctx, `UPDATE ferry.run SET why = $2 WHERE id = $1`, f.w.Run, why)
	return wrap("keeping why a check ends", err)
}

// Checkpoint stores the batch's counts and completes its job.
func (f *findings) Checkpoint(ctx context.Context, counts engine.Counts, took time.Duration) error {
	if err := f.target.db.advance(ctx, f.tx, f.w, counts, took); err != nil {
		return wrap("storing the batch's counts", err)
	}
	f.add(f.w.Entity, counts, took)
	return wrap("completing the batch's job", f.target.complete(ctx, f.tx))
}

// Commit makes the batch durable.
func (f *findings) Commit(ctx context.Context) error {
	if err := f.tx.Commit(ctx); err != nil {
		return wrapAt(sqlstate.PhaseCommit, "committing a batch", err)
	}
	f.tell(f.target.db.observer, f.w)
	return nil
}

// Rollback undoes what was not committed.
func (f *findings) Rollback() {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	_ = f.tx.Rollback(ctx) // a transaction that has ended says so; a session that is broken is closed by the pool
}

// nullTime is a time that may never have been.
func nullTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
