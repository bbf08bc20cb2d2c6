package control

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ferry/engine"
)

// errNoWorkers says that a process which only looks and steers cannot keep the engine in step.
var errNoWorkers = errors.New("this process has no workers, so it starts no ticks; start it with --workers 1 or more")

// KeepInStep lets this process start a tick whenever one is due, every so often for every process, or no longer (0).
//
// Which process starts a tick is decided tick by tick, in the engine database: whoever is first takes it. So there is always
// one leader and never an election to wait for, and a process that is gone is replaced at the next tick.
func (k *Control) KeepInStep(ctx context.Context, every time.Duration) error {
	if every == 0 {
		return k.act(ctx, "stop keeping in step", engine.Act{}, func() error {
			if !k.keeps.Swap(false) {
				return nil
			}
			if err := k.signOn(ctx); err != nil {
				return err
			}
			return k.Note(ctx, 0, "stop keeping in step", "this process starts no more ticks")
		})
	}
	return k.act(ctx, "keep in step", engine.Act{}, func() error {
		if !k.works() || k.c.OnlyWorks {
			return fmt.Errorf("%w: %w", engine.ErrReadOnly, errNoWorkers)
		}
		if err := k.c.Ledger.Ready(ctx); err != nil {
			return err
		}
		if err := k.c.Source.Safety(ctx); err != nil {
			return err
		}
		if err := k.c.Ledger.SetEvery(ctx, every, k.c.Actor); err != nil {
			return err
		}
		if k.keeps.Swap(true) {
			return nil
		}
		if err := k.signOn(ctx); err != nil {
			return err
		}
		return k.Note(ctx, 0, "keep in step", "a tick every "+every.String())
	})
}

// schedule starts the ticks that are due, while this process keeps the engine in step. A tick that cannot be started is
// due still; it is tried again at growing distances, as a database that is down is looked at.
func (k *Control) schedule(ctx context.Context) {
	failures := 0
	for {
		wait := k.c.LookEvery
		if failures > 0 {
			wait = retryWaits[min(failures, len(retryWaits))-1]
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		if !k.keeps.Load() {
			failures = 0
			continue
		}
		err := k.tickIfDue(ctx)
		if err == nil {
			err = k.rollIfDue(ctx)
		}
		if err == nil {
			failures = 0
			continue
		}
		failures++
		if ctx.Err() == nil {
			k.c.Logger.WarnContext(ctx, "no tick or no check could begin, trying again", "error", err)
		}
	}
}

// tickLimit bounds the start of a tick; what it does is a batch, which bounds itself.
const tickLimit = 10 * time.Second

func (k *Control) tickIfDue(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, tickLimit)
	defer cancel()
	due, err := k.c.Ledger.TickDue(ctx)
	if err != nil || !due {
		return err
	}
	if err := k.c.Source.Safety(ctx); err != nil {
		return err
	}
	identity, err := k.c.Source.Identity(ctx)
	if err != nil {
		return err
	}
	id, err := k.c.Ledger.Tick(ctx, identity, k.c.Actor)
	if id != 0 {
		k.refresh()
	}
	return err
}
