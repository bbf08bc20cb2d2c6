package enginedb

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"ferry/engine"
	"ferry/engine/cycle"
	"ferry/engine/redact"
	"ferry/store/sqlstate"
)

// Target is the engine database as one attempt at a batch sees it: its commits complete the attempt's job.
type Target struct {
	db       *DB
	complete func(ctx context.Context, tx pgx.Tx) error
}

var (
	_ cycle.Target = (*Target)(nil)
	_ cycle.Load   = (*load)(nil)
	_ cycle.Build  = (*load)(nil)

	_ cycle.Builder = (*Target)(nil)
)

// TargetFor gives the engine database to an attempt; complete marks its job as done within the batch's transaction.
func (db *DB) TargetFor(complete func(ctx context.Context, tx pgx.Tx) error) *Target {
	return &Target{db: db, complete: complete}
}

// Claim marks a batch as running at this process, if the attempt is the batch's and its run lets it run.
func (t *Target) Claim(ctx context.Context, batch engine.BatchID, attempt int, by engine.Process) (cycle.Work, error) {
	w := cycle.Work{}
	err := t.db.inTx(ctx, "taking up a batch", func(tx pgx.Tx) error {
		var err error
		if w, err = claim(ctx, tx, batch, attempt); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `UPDATE ferry.batch SET state = 'running', worker = $2, started_at = clock_timestamp() WHERE id = $1`,
			batch, by.ID)
		if err != nil || w.Verb != engine.StepPlan {
			return err
		}
		_, err = tx.Exec(ctx, `UPDATE ferry.run SET state = 'planning', state_since = clock_timestamp(),
			started_at = coalesce(started_at, clock_timestamp()) WHERE id = $1 AND state = 'queued'`, w.Run)
		return err
	})
	return w, err
}

// claim locks a batch and checks that this attempt may have it.
func claim(ctx context.Context, tx pgx.Tx, batch engine.BatchID, attempt int) (cycle.Work, error) {
	w := cycle.Work{}
	var rules, policies []byte
	var accepted []string
	var state engine.BatchState
	var runState engine.RunState
	err := tx.QueryRow(ctx, `
		SELECT b.id, b.attempt, b.tries, b.sqlstate, b.state, b.low, b.high, s.verb, s.entity, coalesce(s.since::text, ''),
			r.id, r.kind, r.state, r.epoch, r.first, r.unkeyed, r.rules, r.rules_hash, r.policies, r.source_identity, r.entities, r.accepted
		FROM ferry.batch b JOIN ferry.step s ON s.id = b.step_id JOIN ferry.run r ON r.id = b.run_id
		WHERE b.id = $1 FOR UPDATE OF b`, batch).Scan(&w.Batch, &w.Attempt, &w.Tries, &w.LastSQLState, &state, &w.Low, &w.High, &w.Verb, &w.Entity,
		&w.Since, &w.Run, &w.Kind, &runState, &w.Epoch, &w.First, &w.Unkeyed, &rules, &w.RulesHash, &policies, &w.SourceIdentity, &w.Entities, &accepted)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return w, fmt.Errorf("%w: batch %d does not exist", engine.ErrFenced, batch)
	case err != nil:
		return w, err
	case w.Attempt != attempt:
		return w, fmt.Errorf("%w: batch %d is at attempt %d, this is %d", engine.ErrFenced, batch, w.Attempt, attempt)
	case state == engine.BatchDone:
		return w, fmt.Errorf("%w: batch %d is done", engine.ErrFenced, batch)
	case !runState.Active() || runState == engine.RunPaused || runState == engine.RunAsking:
		return w, fmt.Errorf("%w: run #%d is %s", engine.ErrFenced, w.Run, runState)
	}
	if err := json.Unmarshal(rules, &w.Rules); err != nil {
		return w, fmt.Errorf("reading the rules of run #%d: %w", w.Run, err)
	}
	if w.Policies, err = readPolicies(policies); err != nil {
		return w, err
	}
	w.AnySource = slices.Contains(accepted, askedSource)
	if w.Verb == engine.StepPlan {
		w.Bases, err = readBases(ctx, tx, w)
	}
	if err == nil && w.Verb == engine.StepLoad && w.Since == "" && !w.First {
		w.Alike, err = storedAlike(ctx, tx, w)
	}
	return w, err
}

// HandBack puts a batch back into the queue for a process that is fit for it. It counts no error; the run keeps why, for
// an operator who wonders that nothing moves.
func (t *Target) HandBack(ctx context.Context, w cycle.Work, why error) error {
	return t.db.inTx(ctx, "handing a batch back", func(tx pgx.Tx) error {
		if err := queueForLease(ctx, tx); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `SELECT FROM ferry.lease ORDER BY entity FOR SHARE`); err != nil {
			return err
		}
		handed, err := t.db.handOn(ctx, tx, []Job{{Batch: w.Batch, Attempt: w.Attempt}})
		if err != nil || handed == 0 {
			return err
		}
		_, err = tx.Exec(ctx, `UPDATE ferry.run SET last_error = $2, last_error_at = clock_timestamp() WHERE id = $1`,
			w.Run, redact.Text(why.Error()))
		return err
	})
}

// quietTries is how often a batch may meet a concurrent transaction before that counts as an error of its run.
const quietTries = 2

// Failed keeps an attempt's error; a final one ends the run, and the text that it keeps says why.
func (t *Target) Failed(ctx context.Context, w cycle.Work, cause error, final bool) error {
	text := redact.Text(cause.Error())
	code := ""
	if db, ok := errors.AsType[*engine.DatabaseError](cause); ok {
		code = db.SQLState
	}
	state := engine.BatchQueued
	if final {
		state = engine.BatchFailed
	}
	counts := false // as an error of the run
	err := t.db.inTx(ctx, "keeping a batch's error", func(tx pgx.Tx) error {
		// Leases first, as everywhere: resuming this run must not meet us halfway.
		if err := queueForLease(ctx, tx); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `SELECT FROM ferry.lease ORDER BY entity FOR SHARE`); err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `UPDATE ferry.batch SET state = $3, worker = '', tries = tries + 1, error = $4, sqlstate = $5
			WHERE id = $1 AND attempt = $2 AND state = 'running'`, w.Batch, w.Attempt, string(state), text, code)
		if err != nil || tag.RowsAffected() == 0 {
			return err // handed to somebody else meanwhile; the error is no longer this batch's
		}
		if engine.ClassOf(cause) == engine.ClassRetry && w.Tries < quietTries {
			return nil // two transactions met, as they do; the batch keeps it, nobody needs to be told
		}
		counts = true
		_, err = tx.Exec(ctx, `UPDATE ferry.step SET errors = errors + 1 WHERE id = (SELECT step_id FROM ferry.batch WHERE id = $1)`, w.Batch)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `UPDATE ferry.run SET last_error = $2, last_error_at = clock_timestamp() WHERE id = $1`, w.Run, text)
		if err != nil || !final {
			return err
		}
		return failRun(ctx, tx, w.Run, text)
	})
	if err == nil && counts {
		t.db.observer.Failed(w.Verb, w.Entity)
	}
	return err
}

// failRun ends a run with an error, and says so in the journal unless the tick before failed alike.
func failRun(ctx context.Context, tx pgx.Tx, run engine.RunID, text string) error {
	tag, err := tx.Exec(ctx, `UPDATE ferry.run SET state = 'failed', state_since = clock_timestamp(), state_by = '', state_reason = '',
		error = $2, finished_at = clock_timestamp() WHERE id = $1 AND state = ANY($3)`, run, text, activeStates())
	if err != nil || tag.RowsAffected() == 0 {
		return err
	}
	if folded, err := foldFailed(ctx, tx, run); folded || err != nil {
		return err
	}
	return record(ctx, tx, entry{Action: "fail", Run: run, State: string(engine.RunRunning), Reason: text, Outcome: string(engine.RunFailed)})
}

// Begin opens the batch's writing transaction: it locks the leases and checks the epoch.
func (t *Target) Begin(ctx context.Context, w cycle.Work) (cycle.Load, error) {
	l, err := t.open(ctx, w)
	if err != nil {
		return nil, err
	}
	if w.Unkeyed && w.Verb == engine.StepLoad {
		l.late = true // a stream takes what the source takes, and an operator's cancel must not wait for that
		return l, nil
	}
	if err := fence(ctx, l.tx, w); err != nil {
		l.Rollback()
		return nil, sqlstate.Wrap(engine.SideTarget, "checking the batch's lease", err)
	}
	return l, nil
}

// open begins a transaction that holds the batch.
func (t *Target) open(ctx context.Context, w cycle.Work) (*load, error) {
	conn, err := t.db.pool.Acquire(ctx)
	if err != nil {
		return nil, sqlstate.Wrap(engine.SideTarget, "connecting", err)
	}
	tx, err := conn.Begin(ctx)
	if err != nil {
		conn.Release()
		return nil, sqlstate.Wrap(engine.SideTarget, "beginning a batch", err)
	}
	l := &load{target: t, conn: conn, tx: tx, w: w}
	if err := t.db.holdBatch(ctx, tx, w.Batch); err != nil {
		l.Rollback()
		return nil, sqlstate.Wrap(engine.SideTarget, "waiting for the batch's last attempt to end", err)
	}
	return l, nil
}

// queueForLease waits behind whoever is about to raise the epoch; see raiseEpoch.
func queueForLease(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock_shared($1, 0)`, leaseLockSpace)
	return err
}

// fence locks the leases of all entities FOR SHARE, for a batch may write to others than its own, and requires the epoch
// that the work began with, and that the engine is not sealed. While they are held, cancel, seal and new runs wait. A check holds
// none: it writes none of the engine's rows.
func fence(ctx context.Context, tx pgx.Tx, w cycle.Work) error {
	if !w.Kind.Writes() {
		return nil
	}
	if err := queueForLease(ctx, tx); err != nil {
		return err
	}
	rows, err := tx.Query(ctx, `SELECT epoch FROM ferry.lease ORDER BY entity FOR SHARE`)
	if err != nil {
		return err
	}
	epochs, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return err
	}
	for _, epoch := range epochs {
		if epoch != w.Epoch {
			return fmt.Errorf("%w: the entities belong to epoch %d, this batch is of %d", engine.ErrFenced, epoch, w.Epoch)
		}
	}
	if err := refuseSealed(ctx, tx); err != nil {
		return fmt.Errorf("%w: %w", engine.ErrFenced, err)
	}
	return nil
}
