// Package control implements the Operator over the stores: it starts and steers runs, keeps this process's workers and
// heartbeat going, and publishes snapshots.
//
// The poller is the only reader: one query in flight, four times a second while a run is active and once otherwise. It
// joins the durable state with what only this process knows (connections, last error, next try) and publishes one
// immutable value. Nothing here ever waits for a console.
package control

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"ferry/engine"
	"ferry/engine/cycle"
	"ferry/engine/entity"
)

// Ledger is the engine database, as far as steering and looking go.
type Ledger interface {
	Address() string
	Ping(ctx context.Context) (version string, setup engine.Setup, err error)
	Ready(ctx context.Context) error
	Read(ctx context.Context) (*engine.Snapshot, error)
	Reasons(ctx context.Context) ([]engine.ReasonView, error)
	StartFull(ctx context.Context, sourceIdentity string, by engine.Actor, o engine.StartOptions) (engine.RunID, error)
	Pause(ctx context.Context, act engine.Act, by engine.Actor) error
	Resume(ctx context.Context, act engine.Act, by engine.Actor) error
	Cancel(ctx context.Context, act engine.Act, by engine.Actor) error
	RetryBatch(ctx context.Context, act engine.Act, batch engine.BatchID, by engine.Actor) error
	Runs(ctx context.Context, before engine.RunID, limit int) ([]engine.RunSummary, error)
	RunDetail(ctx context.Context, id engine.RunID) (*engine.RunDetail, error)
	Identity(ctx context.Context) (string, error)
	Rules(ctx context.Context) (entity.Rules, error)
	Preflight(ctx context.Context) engine.Preflight
	Heartbeat(ctx context.Context, p engine.Process, version string) error
	Leave(ctx context.Context, p engine.Process) error
	TakeOver(ctx context.Context) (batches int, err error)
}

// Source is the source, as far as steering and looking go.
type Source interface {
	cycle.Source
	Address() string
	Ping(ctx context.Context) (version string, err error)
	// Safety fails with ErrUnsafeSource if the role could write.
	Safety(ctx context.Context) error
	Preflight(ctx context.Context) engine.Preflight
}

// Workers carry out batches in this process.
type Workers interface {
	Start(ctx context.Context, executor *cycle.Executor, workers int) error
	Stop(ctx context.Context) error
}

// Config wires a Control.
type Config struct {
	Ledger  Ledger
	Source  Source
	Workers Workers
	Migrate func(ctx context.Context) error // makes or migrates the engine database
	Process engine.Process
	Actor   engine.Actor
	Profile string
	Version string
	Logger  *slog.Logger
}

// Control is the Operator.
type Control struct {
	c        Config
	executor *cycle.Executor

	sequence atomic.Uint64
	latest   atomic.Pointer[engine.Snapshot]
	changed  chan struct{} // asks the poller for a fresh snapshot at once
	rates    rates

	stop context.CancelFunc
	done sync.WaitGroup
}

var _ engine.Operator = (*Control)(nil)

// New prepares a Control; Run makes it live.
func New(c Config) *Control {
	k := &Control{
		c:        c,
		executor: &cycle.Executor{Source: c.Source, Process: c.Process, Logger: c.Logger},
		changed:  make(chan struct{}, 1),
	}
	k.latest.Store(&engine.Snapshot{
		Process: c.Process, Profile: c.Profile,
		Source: engine.Endpoint{Address: c.Source.Address(), ReadOnly: true},
		Target: engine.Endpoint{Address: c.Ledger.Address()},
	})
	return k
}

// Run polls, beats and works until Stop.
func (k *Control) Run(ctx context.Context) {
	ctx, k.stop = context.WithCancel(context.WithoutCancel(ctx))
	k.done.Go(func() { k.poll(ctx) })
	if k.c.Process.Workers > 0 && !k.c.Process.ReadOnly {
		k.done.Go(func() { k.work(ctx) })
	}
}

// Stop drains this process's workers until ctx ends, then stops them hard, and signs off.
func (k *Control) Stop(ctx context.Context) error {
	err := k.c.Workers.Stop(ctx)
	if k.stop != nil {
		k.stop()
	}
	k.done.Wait()
	if k.c.Process.Workers > 0 && !k.c.Process.ReadOnly {
		leave, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		if gone := k.c.Ledger.Leave(leave, k.c.Process); gone != nil {
			k.c.Logger.InfoContext(ctx, "could not sign off; others notice by the silence", "error", gone)
		}
	}
	if err != nil {
		return fmt.Errorf("draining workers: %w", err)
	}
	return nil
}

// Snapshot is the latest state. It never blocks.
func (k *Control) Snapshot() *engine.Snapshot { return k.latest.Load() }

// refresh asks the poller for a fresh snapshot.
func (k *Control) refresh() {
	select {
	case k.changed <- struct{}{}:
	default:
	}
}

// mayAct refuses actions in a process that only looks.
func (k *Control) mayAct() error {
	if k.c.Process.ReadOnly {
		return fmt.Errorf("%w: this ferry was started with --read-only", engine.ErrReadOnly)
	}
	return nil
}

// Init makes or migrates the engine tables and ferry's schema.
func (k *Control) Init(ctx context.Context) error {
	if err := k.mayAct(); err != nil {
		return err
	}
	defer k.refresh()
	return k.c.Migrate(ctx)
}

// StartFull begins a full run, unless the source could be written.
func (k *Control) StartFull(ctx context.Context, o engine.StartOptions) (engine.RunID, error) {
	if err := k.mayAct(); err != nil {
		return 0, err
	}
	if err := k.c.Ledger.Ready(ctx); err != nil {
		return 0, err
	}
	if err := k.c.Source.Safety(ctx); err != nil {
		return 0, err
	}
	identity, err := k.c.Source.Identity(ctx)
	if err != nil {
		return 0, err
	}
	defer k.refresh()
	return k.c.Ledger.StartFull(ctx, identity, k.c.Actor, o)
}

// Pause asks a run to stop carving batches.
func (k *Control) Pause(ctx context.Context, act engine.Act) error {
	return k.steer(ctx, act, k.c.Ledger.Pause)
}

// Resume lets a run go on.
func (k *Control) Resume(ctx context.Context, act engine.Act) error {
	return k.steer(ctx, act, k.c.Ledger.Resume)
}

// Cancel ends a run.
func (k *Control) Cancel(ctx context.Context, act engine.Act) error {
	return k.steer(ctx, act, k.c.Ledger.Cancel)
}

// RetryBatch hands a batch out again at once.
func (k *Control) RetryBatch(ctx context.Context, act engine.Act, batch engine.BatchID) error {
	return k.steer(ctx, act, func(ctx context.Context, act engine.Act, by engine.Actor) error {
		return k.c.Ledger.RetryBatch(ctx, act, batch, by)
	})
}

// Runs lists runs, newest first.
func (k *Control) Runs(ctx context.Context, before engine.RunID, limit int) ([]engine.RunSummary, error) {
	return k.c.Ledger.Runs(ctx, before, limit)
}

// RunDetail gives a run with its steps and batches.
func (k *Control) RunDetail(ctx context.Context, id engine.RunID) (*engine.RunDetail, error) {
	return k.c.Ledger.RunDetail(ctx, id)
}

func (k *Control) steer(ctx context.Context, act engine.Act, do func(context.Context, engine.Act, engine.Actor) error) error {
	if err := k.mayAct(); err != nil {
		return err
	}
	defer k.refresh()
	return do(ctx, act, k.c.Actor)
}
