package crossing_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"ferry/engine"
	"ferry/engine/control"
	"ferry/engine/cycle"
	"ferry/store/enginedb"
	"ferry/store/odoo"
	"ferry/store/queue"
)

// childEnv holds the orders of a process that is a ferry.
const childEnv = "FERRY_CROSSING_CHILD"

// tempo is how fast processes notice that one of them is gone.
type tempo struct {
	Silence   time.Duration `json:"silence"`
	Heartbeat time.Duration `json:"heartbeat"`
	Look      time.Duration `json:"look"`
}

// quick is for tests; the zero tempo is the real one.
var quick = tempo{Silence: 1200 * time.Millisecond, Heartbeat: 150 * time.Millisecond, Look: 250 * time.Millisecond}

// Points that only the wire shows, beside cycle.PointCommitSent.
const pointCopy cycle.Point = "copy" // rows of a COPY are at the server, its end is not

// orders say what a child does.
type orders struct {
	ID      string         `json:"id"`
	Source  string         `json:"source"`
	Target  string         `json:"target"`
	Sync    bool           `json:"sync"`  // start or adopt a full run, as `ferry sync full` does, and end with it; else work until told to end
	Every   time.Duration  `json:"every"` // keep the engine in step: a tick so often; 0: do not
	Workers int            `json:"workers"`
	Tempo   tempo          `json:"tempo"`
	At      cycle.Point    `json:"at"`   // where it ends itself
	Nth     int            `json:"nth"`  // on which occasion
	With    syscall.Signal `json:"with"` // and how
}

// childMain is the child; its standard output tells the test what happens, a line each.
func childMain(text string) int {
	var o orders
	if err := json.Unmarshal([]byte(text), &o); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	if err := child(context.Background(), o); err != nil {
		fmt.Fprintln(os.Stderr, o.ID+":", err)
		return 1
	}
	return 0
}

func sayf(format string, args ...any) { fmt.Fprintf(os.Stdout, format+"\n", args...) }

func child(ctx context.Context, o orders) error {
	trap := newTrap(o)
	if trap.onWire() {
		through, err := newWire(ctx, o.Target, trap.look)
		if err != nil {
			return err
		}
		o.Target = through.dsn
	}
	f, err := openFerry(ctx, ferryOptions{
		id: o.ID, source: o.Source, target: o.Target, workers: o.Workers, tempo: o.Tempo, reached: trap.reached, log: os.Stderr,
	})
	if err != nil {
		return err
	}
	defer f.close()
	told := make(chan string)
	go func() {
		defer close(told)
		for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
			told <- lines.Text()
		}
	}()
	if o.Sync {
		err = f.sync(ctx, told)
	} else {
		err = f.serve(ctx, told, o.Every)
	}
	stop, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	return errors.Join(err, f.Stop(stop))
}

// ferry is a whole one between two databases.
type ferry struct {
	*control.Control

	target  *enginedb.DB
	source  *odoo.DB
	silence time.Duration
}

type ferryOptions struct {
	id, source, target string
	workers            int
	tempo              tempo
	reached            func(cycle.Point)
	log                io.Writer
}

func openFerry(ctx context.Context, o ferryOptions) (*ferry, error) {
	logger := slog.New(slog.NewTextHandler(o.log, &slog.HandlerOptions{Level: slog.LevelError}))
	source, err := odoo.Open(ctx, o.source, "ferry "+o.id)
	if err != nil {
		return nil, err
	}
	target, err := enginedb.Open(ctx, o.target, "ferry "+o.id, 2*o.workers+6, false)
	if err != nil {
		return nil, err
	}
	silence := enginedb.SilentAfter
	if o.tempo.Silence > 0 {
		silence = o.tempo.Silence
		target.SetSilence(silence)
	}
	jobs, err := queue.New(target, logger)
	if err != nil {
		return nil, err
	}
	k := control.New(control.Config{
		Ledger: target, Source: source, Workers: jobs,
		Process: engine.Process{ID: o.id, Host: "test", PID: os.Getpid(), Workers: o.workers},
		Actor:   engine.Actor{User: o.id, Host: "test"}, Logger: logger,
		HeartbeatEvery: o.tempo.Heartbeat, TakeOverEvery: o.tempo.Look, LookEvery: o.tempo.Look / 5, Reached: o.reached,
	})
	return &ferry{k, target, source, silence}, nil
}

func (f *ferry) close() {
	f.source.Close()
	f.target.Close()
}

// sync starts or adopts a full run and stays until it has ended, as `ferry sync full` does.
func (f *ferry) sync(ctx context.Context, told <-chan string) error {
	id, err := f.startOrAdopt(ctx)
	if err != nil {
		sayf("refused %v", err)
		return nil
	}
	sayf("run %d", id)
	f.Run(ctx)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		s := f.Snapshot()
		if s.Run != nil && s.Run.ID > id { // another one began before anybody looked
			if s, err = f.target.ReadRun(ctx, id); err != nil {
				return err
			}
		}
		if s.Run != nil && s.Run.ID == id && s.Run.State.Ended() {
			sayf("end %s %s", s.Run.State, s.Run.Error)
			return nil
		}
		select {
		case _, more := <-told:
			if !more {
				return nil
			}
		case <-tick.C:
		}
	}
}

func (f *ferry) startOrAdopt(ctx context.Context) (engine.RunID, error) {
	for tick := time.NewTicker(50 * time.Millisecond); ; <-tick.C {
		s, err := f.target.Read(ctx)
		if err != nil {
			return 0, err
		}
		switch {
		case s.Run == nil || s.Run.State.Ended() && s.Run.State != engine.RunInterrupted:
			return f.StartFull(ctx, engine.StartOptions{})
		case s.Run.State == engine.RunInterrupted:
			return s.Run.ID, f.Resume(ctx, engine.Act{Run: s.Run.ID, Seen: s.Run.State})
		}
		alive := false
		for _, w := range s.Workers {
			alive = alive || w.Silent < f.silence
		}
		if !alive {
			return s.Run.ID, nil
		}
	}
}

// serve works, and starts ticks, until it is told to end, or its input does; on the way it starts what it is told to.
func (f *ferry) serve(ctx context.Context, told <-chan string, every time.Duration) error {
	f.Run(ctx)
	if every > 0 {
		if err := f.KeepInStep(ctx, every); err != nil {
			return err
		}
	}
	for tick := time.NewTicker(20 * time.Millisecond); ; <-tick.C {
		me := func(w engine.WorkerView) bool { return w.ID == f.Snapshot().Process.ID }
		if s, err := f.target.Read(ctx); err == nil && slices.ContainsFunc(s.Workers, me) {
			break
		}
	}
	sayf("up")
	for line := range told {
		if err := f.obey(ctx, line); err != nil {
			return err
		}
	}
	return nil
}

// starting is held until a run that was started has been told of: a worker may come by the point where it ends before that.
var starting sync.RWMutex

// obey starts what it is told to, and tells which run that is.
func (f *ferry) obey(ctx context.Context, line string) error {
	starting.Lock()
	defer starting.Unlock()
	id, err := f.startTold(ctx, line)
	switch {
	case errors.Is(err, engine.ErrRunActive):
		sayf("refused %v", err)
	case err != nil:
		return err
	default:
		sayf("run %d", id)
	}
	return nil
}

// startTold starts a run: "start" a full one, "check" a check, "rehearse" a rehearsal, "repair" the one of the first plan.
func (f *ferry) startTold(ctx context.Context, what string) (engine.RunID, error) {
	switch what {
	case "start":
		return f.StartFull(ctx, engine.StartOptions{})
	case "check":
		return f.StartCheck(ctx, engine.CheckOptions{})
	case "rehearse":
		return f.StartRehearsal(ctx, rehearsing)
	case "repair":
		p, err := f.RepairPlan(ctx, 1)
		if err != nil {
			return 0, err
		}
		return f.ApplyRepair(ctx, p.ID, p.Hash, p.Database, engine.Act{Reason: "test"})
	}
	return 0, fmt.Errorf("told %q", what)
}

// trap ends or stops this process at a point.
type trap struct {
	o     orders
	count atomic.Int64
}

func newTrap(o orders) *trap { return &trap{o: o} }

func (t *trap) onWire() bool { return t.o.At == cycle.PointCommitSent || t.o.At == pointCopy }

func (t *trap) reached(p cycle.Point) {
	if p != t.o.At || t.count.Add(1) != int64(t.o.Nth) {
		return
	}
	starting.RLock()
	defer starting.RUnlock()
	sayf("at %s", p)
	_ = syscall.Kill(os.Getpid(), t.o.With)
	// Another thread may be the one that gets the signal; nothing more is to happen here before it has.
	<-time.After(100 * time.Millisecond)
}

// look watches what goes to the engine database: message by message, for each of the sessions.
func (t *trap) look(session *sessionState, kind byte, body []byte, forward func() error) error {
	switch {
	case session.commits(kind, body):
		if err := forward(); err != nil {
			return err
		}
		t.reached(cycle.PointCommitSent)
		return nil
	case kind == 'c':
		t.reached(pointCopy)
	}
	return forward()
}
