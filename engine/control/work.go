package control

import (
	"context"
	"time"

	"ferry/engine"
)

// How often this process says that it is alive, and how often it looks for batches on which nobody works.
const (
	heartbeatEvery = 2 * time.Second
	takeOverEvery  = 5 * time.Second
	lookEvery      = 500 * time.Millisecond
)

// work starts the workers as soon as the engine database is ready, then keeps the heartbeat going and hands on the
// batches on which nobody works. Errors are for the next beat: the databases come back, or the poller shows that they do not.
func (k *Control) work(ctx context.Context) {
	beat := time.NewTicker(k.c.HeartbeatEvery)
	defer beat.Stop()
	var lastLook time.Time
	started := false
	for {
		switch {
		case !started:
			if started = k.startWorkers(ctx); started {
				k.beat(ctx, &lastLook) // whoever worked here before may be gone
			}
		default:
			k.beat(ctx, &lastLook)
		}
		wait := beat.C
		if !started {
			// Not ready yet: look again soon, for an operator who just ran init is watching.
			wait = time.After(250 * time.Millisecond)
		}
		select {
		case <-ctx.Done():
			return
		case <-wait:
		}
	}
}

// works reports whether this process has workers.
func (k *Control) works() bool { return k.c.Process.Workers > 0 && !k.c.Process.ReadOnly }

// process is this process as it is now.
func (k *Control) process() engine.Process {
	p := k.c.Process
	p.Keeps = k.keeps.Load()
	return p
}

// signOn makes this process one of those that are alive, if it has workers. It comes before the process begins a run, so
// that nobody who leaves at that moment takes the run for one on which nobody works.
func (k *Control) signOn(ctx context.Context) error {
	if !k.works() {
		return nil
	}
	if err := k.c.Ledger.Heartbeat(ctx, k.process(), k.c.Version); err != nil {
		return err
	}
	k.signedOn.Store(true)
	return nil
}

func (k *Control) startWorkers(ctx context.Context) bool {
	if k.Snapshot().Viewer != "" {
		return false // its role could not say that it is here
	}
	if err := k.c.Ledger.Ready(ctx); err != nil {
		return false
	}
	if err := k.signOn(ctx); err != nil {
		return false
	}
	if err := k.c.Workers.Start(ctx, k.executor, k.c.Process.Workers); err != nil {
		k.c.Logger.ErrorContext(ctx, "workers did not start, trying again", "error", err)
		return false
	}
	return true
}

func (k *Control) beat(ctx context.Context, lastLook *time.Time) {
	ctx, cancel := context.WithTimeout(ctx, heartbeatEvery)
	defer cancel()
	if err := k.c.Ledger.Heartbeat(ctx, k.process(), k.c.Version); err != nil {
		k.c.Logger.WarnContext(ctx, "no heartbeat; after 10 s others take this process's batches over", "error", err)
		return
	}
	if time.Since(*lastLook) < k.c.TakeOverEvery {
		return
	}
	*lastLook = time.Now()
	batches, err := k.c.Ledger.TakeOver(ctx, k.c.Process)
	switch {
	case err != nil:
		k.c.Logger.WarnContext(ctx, "could not look for abandoned batches", "error", err)
	case batches > 0:
		k.c.Logger.InfoContext(ctx, "handed abandoned batches on", "batches", batches)
	}
}
