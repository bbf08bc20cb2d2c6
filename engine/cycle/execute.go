package cycle

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ferry/engine"
	"ferry/engine/entity"
)

// ErrFinal marks an error after which the batch must not be tried again: its run has ended with it.
var ErrFinal = errors.New("not to be tried again")

// Execute carries out one attempt at a batch. It gives nil when the batch is done, or was never this attempt's to do;
// an error that wraps ErrFinal when it ended the run; and any other error when the batch should be tried again.
func (x *Executor) Execute(ctx context.Context, target Target, batch engine.BatchID, attempt int) error {
	w, err := target.Claim(ctx, batch, attempt, x.Process)
	if errors.Is(err, engine.ErrFenced) {
		x.Logger.InfoContext(ctx, "batch refused", "batch", batch, "attempt", attempt, "why", err)
		return nil
	}
	if err != nil {
		return fmt.Errorf("taking up batch %d: %w", batch, err)
	}
	err = x.run(ctx, target, w)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, engine.ErrFenced):
		x.Logger.InfoContext(ctx, "batch refused", "batch", batch, "attempt", attempt, "why", err)
		return nil
	case ctx.Err() != nil:
		return err // this process stops; the attempt did not fail
	}
	final := Final(err, w.Tries)
	if keep := target.Failed(ctx, w, err, final); keep != nil {
		return fmt.Errorf("batch %d: %w (and the engine could not keep that: %w)", batch, err, keep)
	}
	if final {
		return fmt.Errorf("%w: batch %d: %w", ErrFinal, batch, err)
	}
	return fmt.Errorf("batch %d: %w", batch, err)
}

// Final reports whether an error ends the run: its class says that waiting cures nothing, or a timeout came too often.
func Final(err error, tries int) bool {
	switch engine.ClassOf(err) {
	case engine.ClassReconnect, engine.ClassSlowRetry:
		return false
	case engine.ClassRetry:
		db, ok := errors.AsType[*engine.DatabaseError](err)
		return ok && db.SQLState == "57014" && tries+1 >= maxTimeouts
	case engine.ClassStop, engine.ClassQuarantine:
		return true
	}
	return true
}

func (x *Executor) run(ctx context.Context, target Target, w Work) error {
	if err := x.checkSource(ctx, w); err != nil {
		return err
	}
	switch w.Verb {
	case engine.StepPlan:
		return x.plan(ctx, target, w)
	case engine.StepLoad:
		return x.load(ctx, target, w)
	case engine.StepOwners:
		return inTarget(ctx, target, w, func(tx Load, c *engine.Counts) (err error) {
			// They were counted as inserted when their ranges were loaded; now they are only in quarantine.
			c.Rejected, err = tx.DropLosers(ctx, entity.MustFind(w.Entity))
			c.Inserted = -c.Rejected
			return err
		})
	case engine.StepSettle:
		return inTarget(ctx, target, w, func(tx Load, c *engine.Counts) (err error) {
			c.Settled, err = tx.Settle(ctx, w.Low, w.High, w.First)
			return err
		})
	}
	return fmt.Errorf("batch %d: this ferry does not know how to %q; it is older than the one that planned the run", w.Batch, w.Verb)
}

// checkSource refuses to work for a run that was started on another source.
func (x *Executor) checkSource(ctx context.Context, w Work) error {
	identity, err := x.Source.Identity(ctx)
	if err != nil {
		return err
	}
	if identity != w.SourceIdentity {
		return fmt.Errorf("%w: run #%d reads cluster %s, this process is connected to %s; start it with the run's source",
			engine.ErrUnsafeSource, w.Run, w.SourceIdentity, identity)
	}
	return nil
}

// inTarget runs a batch that needs the engine only.
func inTarget(ctx context.Context, target Target, w Work, do func(Load, *engine.Counts) error) error {
	started := time.Now()
	tx, err := target.Begin(ctx, w)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	var counts engine.Counts
	if err := do(tx, &counts); err != nil {
		return err
	}
	return tx.Commit(ctx, counts, time.Since(started))
}
