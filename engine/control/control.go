// Package control implements the Operator over the stores: it starts and steers runs, keeps this process's workers and
// heartbeat going, and publishes snapshots.
//
// The poller is the only reader: one query in flight, four times a second while a run is active and once otherwise. It
// joins the durable state with what only this process knows (connections, last error, next try) and publishes one
// immutable value. Nothing here ever waits for a console.
package control

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"ferry/engine"
	"ferry/engine/check"
	"ferry/engine/cycle"
	"ferry/engine/entity"
	"ferry/engine/monitor"
	"ferry/engine/rehearsal"
)

// Ledger is the engine database, as far as steering and looking go.
type Ledger interface {
	Database
	Reader
	Steerer
	Starter
	Desk
	Roster
	Prover
	Findings
	Repairs
	Book
	Rehearsals
	Sealer
}

// Database is what both preflight and the poller ask of the engine database.
type Database interface {
	Address() string
	Ping(ctx context.Context) (version string, setup engine.Setup, err error)
	Ready(ctx context.Context) error
	Identity(ctx context.Context) (string, error)
	Preflight(ctx context.Context) engine.Preflight
	Rules(ctx context.Context) (entity.Rules, error)
}

// Reader gives what is shown.
type Reader interface {
	Read(ctx context.Context) (*engine.Snapshot, error)
	Reasons(ctx context.Context) ([]engine.ReasonView, error)
	Runs(ctx context.Context, before engine.RunID, limit int) ([]engine.RunSummary, error)
	RunDetail(ctx context.Context, id engine.RunID) (*engine.RunDetail, error)
	JournalEntries(ctx context.Context, filter engine.Filter, want engine.Listing) (engine.Page[engine.JournalEntry], error)
}

// Starter begins runs.
type Starter interface {
	StartFull(ctx context.Context, sourceIdentity string, by engine.Actor, o engine.StartOptions) (engine.RunID, error)
	StartIncremental(ctx context.Context, sourceIdentity string, by engine.Actor, o engine.StartOptions) (engine.RunID, error)
	SetEvery(ctx context.Context, every time.Duration, by engine.Actor) error
	// TickDue reports whether a tick should begin now.
	TickDue(ctx context.Context) (bool, error)
	// Tick begins the tick that is due. It gives 0 if another process was faster.
	Tick(ctx context.Context, sourceIdentity string, by engine.Actor) (engine.RunID, error)
}

// Desk looks after quarantine and rules.
type Desk interface {
	QuarantineRows(ctx context.Context, which engine.QuarantineSelection, want engine.Listing) (engine.Page[engine.QuarantineRow], error)
	RetryQuarantine(ctx context.Context, which engine.QuarantineSelection, act engine.Act, by engine.Actor) (int64, error)
	Waive(ctx context.Context, which engine.QuarantineSelection, act engine.Act, again bool, by engine.Actor) (int64, error)
	SetRule(ctx context.Context, rule, severity string, act engine.Act, by engine.Actor) error
}

// Steerer carries an operator's actions out.
type Steerer interface {
	Pause(ctx context.Context, act engine.Act, by engine.Actor) error
	Resume(ctx context.Context, act engine.Act, by engine.Actor) error
	Cancel(ctx context.Context, act engine.Act, by engine.Actor) error
	RetryBatch(ctx context.Context, act engine.Act, batch engine.BatchID, by engine.Actor) error
	PauseEntity(ctx context.Context, name string, act engine.Act, by engine.Actor) error
	ResumeEntity(ctx context.Context, name string, act engine.Act, by engine.Actor) error
	PauseSchedule(ctx context.Context, act engine.Act, by engine.Actor) error
	ResumeSchedule(ctx context.Context, act engine.Act, by engine.Actor) error
	Answer(ctx context.Context, act engine.Act, accept bool, by engine.Actor) error
	// Refused keeps an action that was not carried out.
	Refused(ctx context.Context, by engine.Actor, action string, act engine.Act, cause error) error
}

// Roster knows which processes are alive.
type Roster interface {
	Heartbeat(ctx context.Context, p engine.Process, version string) error
	Leave(ctx context.Context, p engine.Process, by engine.Actor) error
	TakeOver(ctx context.Context, p engine.Process) (batches int, err error)
}

// Source is the source, as far as steering and looking go.
type Source interface {
	cycle.Source
	check.Source
	check.CardSource
	check.LedgerSource
	rehearsal.Source
	Address() string
	Ping(ctx context.Context) (version string, err error)
	// Safety fails with ErrUnsafeSource if the role could write.
	Safety(ctx context.Context) error
	// Fit fails with ErrShape if tables or columns are missing.
	Fit(ctx context.Context) error
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
	// Insecure databases are used although their servers are not verified; the console shows it.
	InsecureSource, InsecureTarget bool

	Version string
	Logger  *slog.Logger
	// OnlyWorks: this process carries out batches and hands on abandoned ones; others start what is due, judge service levels and
	// send alerts.
	OnlyWorks bool
	// Channels carry alerts; none: they are kept and shown.
	Channels []monitor.Channel

	// For tests. Every process on a database must agree on the intervals, and on the ledger's idea of silence.
	HeartbeatEvery time.Duration // 0: 2 s
	TakeOverEvery  time.Duration // 0: 5 s
	LookEvery      time.Duration // 0: 0.5 s; how often it is looked whether a tick is due
	WatchEvery     time.Duration // 0: 1 s; how often it is looked whether levels are due or messages wait
	Reached        func(cycle.Point)
	Patience       time.Duration // 0: as package check has it; how long a check waits for a cycle that may not come
}

// Control is the Operator.
type Control struct {
	c        Config
	executor *cycle.Executor

	sequence atomic.Uint64
	latest   atomic.Pointer[engine.Snapshot]
	changed  chan struct{} // asks the poller for a fresh snapshot at once
	rates    rates

	identity atomic.Pointer[string]   // of the engine database, once known
	standing atomic.Pointer[standing] // of the last GO
	signedOn atomic.Bool              // others may count on this process
	keeps    atomic.Bool              // this process starts ticks when they are due
	stop     context.CancelFunc
	done     sync.WaitGroup
}

var _ engine.Operator = (*Control)(nil)

// New prepares a Control; Run makes it live.
func New(c Config) *Control {
	c.HeartbeatEvery = cmp.Or(c.HeartbeatEvery, heartbeatEvery)
	c.TakeOverEvery = cmp.Or(c.TakeOverEvery, takeOverEvery)
	c.LookEvery = cmp.Or(c.LookEvery, lookEvery)
	c.WatchEvery = cmp.Or(c.WatchEvery, watchEvery)
	k := &Control{
		c:        c,
		executor: &cycle.Executor{Source: c.Source, Process: c.Process, Logger: c.Logger, Reached: c.Reached},
		changed:  make(chan struct{}, 1),
	}
	k.prove()
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
	if !k.c.OnlyWorks {
		k.done.Go(func() { k.watch(ctx) })
		k.done.Go(func() { k.watchGo(ctx) })
	}
	if k.works() {
		k.done.Go(func() { k.work(ctx) })
		if !k.c.OnlyWorks {
			k.done.Go(func() { k.schedule(ctx) })
			k.done.Go(func() { k.rehearse(ctx) })
		}
	}
}

// Stop drains this process's workers until ctx ends, then stops them hard, and signs off.
func (k *Control) Stop(ctx context.Context) error {
	err := k.c.Workers.Stop(ctx)
	if k.stop != nil {
		k.stop()
	}
	k.done.Wait()
	if k.signedOn.Load() {
		leave, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		if gone := k.c.Ledger.Leave(leave, k.c.Process, k.c.Actor); gone != nil {
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
	return k.act(ctx, "init", engine.Act{}, func() error { return k.c.Migrate(ctx) })
}

// StartFull begins a full run, unless the source could be written.
func (k *Control) StartFull(ctx context.Context, o engine.StartOptions) (engine.RunID, error) {
	return k.start(ctx, "start full", o, k.c.Ledger.StartFull)
}

// StartIncremental begins one tick, unless the source could be written.
func (k *Control) StartIncremental(ctx context.Context, o engine.StartOptions) (engine.RunID, error) {
	return k.start(ctx, "start incremental", o, k.c.Ledger.StartIncremental)
}

// starting is how the ledger begins a run of some kind.
type starting func(ctx context.Context, sourceIdentity string, by engine.Actor, o engine.StartOptions) (engine.RunID, error)

func (k *Control) start(ctx context.Context, action string, o engine.StartOptions, begin starting) (engine.RunID, error) {
	var id engine.RunID
	err := k.act(ctx, action, engine.Act{Reason: o.Reason}, func() error {
		if err := k.c.Ledger.Ready(ctx); err != nil {
			return err
		}
		if err := k.fit(ctx); err != nil {
			return err
		}
		identity, err := k.c.Source.Identity(ctx)
		if err != nil {
			return err
		}
		if err := k.signOn(ctx); err != nil {
			return err
		}
		id, err = begin(ctx, identity, k.c.Actor, o)
		return err
	})
	return id, err
}

// fit refuses a source that could be written, or that a run would fail on.
func (k *Control) fit(ctx context.Context) error {
	if err := k.c.Source.Safety(ctx); err != nil {
		return err
	}
	return k.c.Source.Fit(ctx)
}

// Pause asks a run to stop carving batches.
func (k *Control) Pause(ctx context.Context, act engine.Act) error {
	return k.act(ctx, "pause", act, func() error { return k.c.Ledger.Pause(ctx, act, k.c.Actor) })
}

// Resume lets a run go on.
func (k *Control) Resume(ctx context.Context, act engine.Act) error {
	return k.act(ctx, "resume", act, func() error {
		if err := k.fit(ctx); err != nil {
			return err
		}
		if err := k.signOn(ctx); err != nil {
			return err
		}
		return k.c.Ledger.Resume(ctx, act, k.c.Actor)
	})
}

// Cancel ends a run.
func (k *Control) Cancel(ctx context.Context, act engine.Act) error {
	return k.act(ctx, "cancel", act, func() error { return k.c.Ledger.Cancel(ctx, act, k.c.Actor) })
}

// RetryBatch hands a batch out again at once.
func (k *Control) RetryBatch(ctx context.Context, act engine.Act, batch engine.BatchID) error {
	return k.act(ctx, "retry", act, func() error { return k.c.Ledger.RetryBatch(ctx, act, batch, k.c.Actor) })
}

// PauseEntity stops the carving of an entity's batches, in this run and in later ones.
func (k *Control) PauseEntity(ctx context.Context, name string, act engine.Act) error {
	return k.act(ctx, "pause "+name, act, func() error { return k.c.Ledger.PauseEntity(ctx, name, act, k.c.Actor) })
}

// ResumeEntity lets an entity's batches be carved again.
func (k *Control) ResumeEntity(ctx context.Context, name string, act engine.Act) error {
	return k.act(ctx, "resume "+name, act, func() error { return k.c.Ledger.ResumeEntity(ctx, name, act, k.c.Actor) })
}

// PauseSchedule holds ticks back in every process.
func (k *Control) PauseSchedule(ctx context.Context, act engine.Act) error {
	return k.act(ctx, "pause schedule", act, func() error { return k.c.Ledger.PauseSchedule(ctx, act, k.c.Actor) })
}

// ResumeSchedule lets ticks come again.
func (k *Control) ResumeSchedule(ctx context.Context, act engine.Act) error {
	return k.act(ctx, "resume schedule", act, func() error { return k.c.Ledger.ResumeSchedule(ctx, act, k.c.Actor) })
}

// Answer answers the question of a run.
func (k *Control) Answer(ctx context.Context, act engine.Act, accept bool) error {
	return k.act(ctx, "answer", act, func() error {
		if accept {
			run, err := k.c.Ledger.RunState(ctx, act.Run)
			if err != nil {
				return err
			}
			if run.Kind == engine.RunRehearsal {
				return k.confirmFreeze(ctx, act)
			}
		}
		return k.c.Ledger.Answer(ctx, act, accept, k.c.Actor)
	})
}

// act carries an action out, or refuses it in a process that only looks. An action that is carried out is journalled in
// its own transaction; one that is refused, behind it. Both are logged.
func (k *Control) act(ctx context.Context, action string, act engine.Act, do func() error) error {
	if err := k.mayAct(); err != nil {
		return err
	}
	defer k.refresh()
	err := do()
	log := k.c.Logger.With("action", action, "by", k.c.Actor, "run", act.Run, "seen", act.Seen, "reason", act.Reason)
	if err == nil {
		log.InfoContext(ctx, "action carried out")
		return nil
	}
	log.WarnContext(ctx, "action refused", "error", err)
	if errors.Is(err, engine.ErrNotInitialised) || errors.Is(err, engine.ErrForbidden) || engine.ClassOf(err) == engine.ClassReconnect {
		return err // there is no journal to keep it in, or not for us
	}
	if keep := k.c.Ledger.Refused(ctx, k.c.Actor, action, act, err); keep != nil {
		log.WarnContext(ctx, "the journal could not keep that", "error", keep)
	}
	return err
}

// Runs lists runs, newest first.
func (k *Control) Runs(ctx context.Context, before engine.RunID, limit int) ([]engine.RunSummary, error) {
	return k.c.Ledger.Runs(ctx, before, limit)
}

// RunDetail gives a run with its steps and batches.
func (k *Control) RunDetail(ctx context.Context, id engine.RunID) (*engine.RunDetail, error) {
	return k.c.Ledger.RunDetail(ctx, id)
}

// Journal gives a page of what was done.
func (k *Control) Journal(ctx context.Context, filter engine.Filter, want engine.Listing) (engine.Page[engine.JournalEntry], error) {
	return k.c.Ledger.JournalEntries(ctx, filter, want)
}
