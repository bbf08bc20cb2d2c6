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

// ErrUnfit marks a batch that this process must leave to others: it reads another source, or would judge or store rows
// otherwise than the run's rules say. The batch is in the queue again, and its run is none the worse.
var ErrUnfit = errors.New("not for this process")

// Execute carries out one attempt at a batch. It gives nil when the batch is done, or was never this attempt's to do;
// an error that wraps ErrFinal when it ended the run, or ErrUnfit when the batch went back to the queue; and any other
// error when the batch should be tried again.
func (x *Executor) Execute(ctx context.Context, target Target, batch engine.BatchID, attempt int) error {
	x.at(PointTake)
	w, err := target.Claim(ctx, batch, attempt, x.Process)
	if errors.Is(err, engine.ErrFenced) {
		x.Logger.InfoContext(ctx, "batch refused", "batch", batch, "attempt", attempt, "why", err)
		return nil
	}
	if err != nil {
		return fmt.Errorf("taking up batch %d: %w", batch, err)
	}
	x.at(PointConnect)
	err = x.attempt(ctx, target, w)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, engine.ErrFenced):
		x.Logger.InfoContext(ctx, "batch refused", "batch", batch, "attempt", attempt, "why", err)
		return nil
	case ctx.Err() != nil:
		return err // this process stops; the attempt did not fail
	case w.tooMuch(err):
		if split := target.Split(ctx, w); split != nil {
			return fmt.Errorf("batch %d: %w (and it could not be cut in two: %w)", batch, err, split)
		}
		return nil
	case errors.Is(err, ErrUnfit):
		if back := target.HandBack(ctx, w, err); back != nil {
			return fmt.Errorf("batch %d: %w (and it could not be handed back: %w)", batch, err, back)
		}
		return err
	}
	final := Final(err, w.Tries, w.LastSQLState)
	if keep := target.Failed(ctx, w, err, final); keep != nil {
		return fmt.Errorf("batch %d: %w (and the engine could not keep that: %w)", batch, err, keep)
	}
	if final {
		return fmt.Errorf("%w: batch %d: %w", ErrFinal, batch, err)
	}
	return fmt.Errorf("batch %d: %w", batch, err)
}

// tooMuch reports whether an attempt failed because its range holds too much to be read in one: too many bytes, or more than
// the source gives in the time that a snapshot may last. Half of it is less.
func (w Work) tooMuch(err error) bool {
	if w.Verb != engine.StepLoad && w.Verb != engine.StepLedger || w.High-w.Low < 2 {
		return false
	}
	if errors.Is(err, errTooMuch) {
		return true
	}
	db, ok := errors.AsType[*engine.DatabaseError](err)
	return ok && db.Side == engine.SideSource && db.SQLState == SQLStateTimeout && w.LastSQLState == SQLStateTimeout
}

// SQLStateTimeout is what a server says of a statement that it cancelled, and what our own deadlines count as.
const SQLStateTimeout = "57014"

// Final reports whether an error ends the run: its class says that waiting cures nothing, or what should pass by itself
// came too often. tries counts the failures before, last is the SQLSTATE of the one before.
func Final(err error, tries int, last string) bool {
	switch engine.ClassOf(err) {
	case engine.ClassReconnect, engine.ClassSlowRetry:
		return false
	case engine.ClassRetry:
		db, ok := errors.AsType[*engine.DatabaseError](err)
		timeouts := ok && db.SQLState == SQLStateTimeout && last == SQLStateTimeout && tries+1 >= maxTimeouts
		return timeouts || tries+1 >= maxRetries && (!ok || db.SQLState == last)
	case engine.ClassStop, engine.ClassQuarantine:
		return true
	}
	return true
}

// attemptLimit bounds an attempt at a batch. Batches take about a second, and what the network swallows is noticed long
// before; this is for what nobody notices, such as a proxy that acknowledges everything and passes nothing on.
const attemptLimit = 10 * time.Minute

func (x *Executor) attempt(ctx context.Context, target Target, w Work) error {
	if w.Unkeyed && w.Verb != engine.StepLoad {
		return x.run(ctx, target, w) // an index takes what it takes
	}
	ctx, cancel := context.WithTimeout(ctx, attemptLimit)
	defer cancel()
	return x.run(ctx, target, w)
}

func (x *Executor) run(ctx context.Context, target Target, w Work) error {
	if err := x.fit(ctx, w); err != nil {
		return err
	}
	if unkeyed, ok := x.unkeyed()[w.Verb]; ok && w.Unkeyed {
		return unkeyed(ctx, target, w)
	}
	switch w.Verb {
	case engine.StepPlan:
		return x.planOf(w.Kind)(ctx, target, w)
	case engine.StepLoad:
		return x.load(ctx, target, w)
	case engine.StepOwners:
		return x.inTarget(ctx, target, w, func(tx Load, c *engine.Counts) error {
			// They were counted as inserted when their ranges were loaded; now they are only in quarantine.
			e, err := entity.Lookup(w.Entity)
			if err != nil {
				return err
			}
			c.Rejected, err = tx.DropLosers(ctx, e)
			c.Inserted = -c.Rejected
			return err
		})
	case engine.StepSettle:
		return x.inTarget(ctx, target, w, func(tx Load, c *engine.Counts) (err error) {
			c.Settled, err = tx.Settle(ctx, w.Low, w.High, w.First)
			x.at(PointPoints)
			return err
		})
	case engine.StepSweep:
		return x.sweep(ctx, target, w)
	case engine.StepDelete:
		if w.Kind == engine.RunRepair {
			return x.repairDeletes(ctx, target, w)
		}
		return x.remove(ctx, target, w)
	case engine.StepRepair:
		return x.repair(ctx, target, w)
	case engine.StepCompare, engine.StepConfirm, engine.StepLedger, engine.StepIndex, engine.StepKeys: // they are among the others
	}
	if verb, ok := x.Others[w.Verb]; ok {
		return verb(ctx, target, w)
	}
	return x.unfit(w, fmt.Errorf("it does not know how to %q, being older than the ferry that planned the run", w.Verb))
}

// planOf gives how runs of a kind are planned.
func (x *Executor) planOf(kind engine.RunKind) Verb {
	if plan, ok := x.Plans[kind]; ok {
		return plan
	}
	return x.plan
}

// fit fails with ErrUnfit unless this process reads the run's source and would judge and store rows as the run does.
func (x *Executor) fit(ctx context.Context, w Work) error {
	known := entity.DefaultRules()
	for name := range w.Rules {
		if _, ok := known[name]; !ok {
			return x.unfit(w, fmt.Errorf("it does not know the rule %s; run the version that started the run", name))
		}
	}
	if len(w.Rules) != len(known) || w.Rules.Hash() != w.RulesHash {
		return x.unfit(w, errors.New("it would judge or store rows otherwise than the run began; run the version that started the run"))
	}
	return x.checkSource(ctx, w)
}

// unfit says which process is not fit for a run, and why.
func (x *Executor) unfit(w Work, why error) error {
	return fmt.Errorf("%w: %s:%d leaves run #%d to others: %w", ErrUnfit, x.Process.Host, x.Process.PID, w.Run, why)
}

// checkSource fails with ErrUnfit if the run was started on another source.
func (x *Executor) checkSource(ctx context.Context, w Work) error {
	identity, err := x.Source.Identity(ctx)
	if err != nil {
		return err
	}
	if identity != w.SourceIdentity {
		return x.unfit(w, fmt.Errorf("%w: the run reads %s, this process is connected to %s; start it with the run's source",
			engine.ErrUnsafeSource, w.SourceIdentity, identity))
	}
	return nil
}

// snapshot begins a snapshot of the source, with the context in which it may be read: a batch keeps it open no longer than
// sourceLimit. Call end when the batch is over; the snapshot may be closed before.
func (x *Executor) snapshot(ctx context.Context) (snap SourceSnapshot, bounded context.Context, end func(), err error) {
	if snap, err = x.Source.Snapshot(ctx); err != nil {
		return nil, nil, nil, err
	}
	x.at(PointSnapshot)
	bounded, cancel := context.WithTimeout(ctx, sourceLimit)
	return snap, bounded, func() {
		cancel()
		snap.Close()
	}, nil
}

// inTarget runs a batch that needs the engine only.
func (x *Executor) inTarget(ctx context.Context, target Target, w Work, do func(Load, *engine.Counts) error) error {
	return carryOut(ctx, x, w, target.Begin, do)
}

// carryOut runs a batch in the one transaction that begin opens.
func carryOut[T Load](
	ctx context.Context, x *Executor, w Work, begin func(context.Context, Work) (T, error), do func(T, *engine.Counts) error,
) error {
	started := time.Now()
	tx, err := begin(ctx, w)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	var counts engine.Counts
	if err := do(tx, &counts); err != nil {
		return err
	}
	return x.finish(ctx, tx, counts, time.Since(started))
}

// finish stores a batch's counts and makes it durable.
func (x *Executor) finish(ctx context.Context, tx Load, counts engine.Counts, took time.Duration) error {
	if err := tx.Checkpoint(ctx, counts, took); err != nil {
		return err
	}
	x.at(PointCheckpoint)
	if err := tx.Commit(ctx); err != nil {
		return err
	}
	x.at(PointCommitAnswer)
	return nil
}
