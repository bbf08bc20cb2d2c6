package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"ferry/engine"
	"ferry/engine/redact"
	"ferry/tui/sanitize"
)

// noteLimit bounds what is written down about a console that is gone: the work does not wait for it.
const noteLimit = 2 * time.Second

// freshLimit is how long the state may take in which the console was lost.
const freshLimit = 1500 * time.Millisecond

// afterlife is a process whose console has ended while its workers may still be at a run.
type afterlife struct {
	c       *crossing
	say     func(format string, args ...any) // to whoever still has the terminal
	logger  *slog.Logger
	logName string
}

// activeRun is the run that this process works on, or nil.
func (a *afterlife) activeRun() *engine.RunView {
	s := a.c.Snapshot()
	if s.Process.Workers == 0 || s.Run == nil || !s.Run.State.Active() {
		return nil
	}
	return s.Run
}

// freshRun is activeRun as of now: a run that was started a moment before the console was lost is not forgotten.
func (a *afterlife) freshRun(ctx context.Context) *engine.RunView {
	if run := a.activeRun(); run != nil || a.c.Snapshot().Process.Workers == 0 {
		return run
	}
	ctx, cancel := context.WithTimeout(ctx, freshLimit)
	defer cancel()
	last := a.c.Snapshot().Sequence
	a.watch(ctx, func() bool { return a.c.Snapshot().Sequence > last })
	return a.activeRun()
}

// watch looks a few times a second whether something has come true, until it has or ctx ends.
func (a *afterlife) watch(ctx context.Context, done func() bool) bool {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
	return true
}

// lost goes on with the run whose console is gone, and tells the next console about it.
func (a *afterlife) lost(ctx context.Context, why error) error {
	crashed, isCrash := errors.AsType[*crash](why)
	if isCrash {
		a.logger.ErrorContext(ctx, "the console crashed", "panic", fmt.Sprint(crashed.value), "stack", crashed.stack)
	} else {
		a.logger.WarnContext(ctx, "the console was lost", "error", why)
	}
	first, _, _ := strings.Cut(why.Error(), "\n")
	first = sanitize.Text(redact.Text(first))
	if a.c.Snapshot().Process.Keeps {
		a.say("ferry: %s; this process (%d) goes on starting ticks without a console, Ctrl-C drains it; the log is %s", first, os.Getpid(), a.logName)
		a.note(ctx, 0, "lost a console that kept in step", first)
		return a.keep(ctx)
	}
	run := a.freshRun(ctx)
	if run == nil {
		a.say("ferry: %s; no run was at work here; the log is %s", first, a.logName)
		return nil
	}
	a.say("ferry: %s; run #%d goes on in this process (%d) without a console, Ctrl-C drains it; the log is %s", first, run.ID, os.Getpid(), a.logName)
	a.note(ctx, run.ID, "lost the console of", first)
	return a.until(ctx, run.ID)
}

// left goes on with the run that the operator left at work.
func (a *afterlife) left(ctx context.Context) error {
	if a.c.Snapshot().Process.Keeps {
		a.say("this process (%d) goes on starting ticks without a console; the log is %s; a first Ctrl-C drains, a second aborts", os.Getpid(), a.logName)
		a.note(ctx, 0, "keep in step headless", "")
		return a.keep(ctx)
	}
	run := a.activeRun()
	if run == nil {
		return nil
	}
	waits := "goes on"
	if run.State == engine.RunPaused {
		waits = "is paused (" + letGoOn(run) + ") and waits"
	}
	a.say("run #%d %s in this process (%d) without a console; the log is %s; a first Ctrl-C drains, a second aborts", run.ID, waits, os.Getpid(), a.logName)
	a.note(ctx, run.ID, "leave headless", "")
	return a.until(ctx, run.ID)
}

// note writes into the journal what the next console should know.
func (a *afterlife) note(ctx context.Context, run engine.RunID, action, why string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), noteLimit)
	defer cancel()
	process := a.c.Snapshot().Process
	outcome := fmt.Sprintf("%s:%d goes on with it", process.Host, process.PID)
	if why != "" {
		outcome += " (" + why + ")"
	}
	if err := a.c.Note(ctx, run, action, outcome); err != nil {
		a.logger.WarnContext(ctx, "could not write the journal", "action", action, "run", run, "error", err)
	}
}

// until waits until a run has ended: a paused one has not, for its workers are needed as soon as somebody resumes it. A
// run that failed is an error.
func (a *afterlife) until(ctx context.Context, id engine.RunID) error {
	a.logger.InfoContext(ctx, "working without a console", "run", id)
	ended := a.watch(ctx, func() bool {
		s := a.c.Snapshot()
		return s.Run == nil || s.Run.ID != id || s.Run.State.Ended()
	})
	s := a.c.Snapshot()
	a.logger.InfoContext(ctx, "the work without a console ended", "state", headline(s))
	if !ended || s.Run == nil || s.Run.ID != id {
		return nil
	}
	a.say("%s", headline(s))
	if s.Run.State == engine.RunFailed {
		return exitWith(exitError, nil) // said above
	}
	return nil
}

// keep goes on starting ticks until the process is told to end: what it keeps in step has no end of its own.
func (a *afterlife) keep(ctx context.Context) error {
	a.logger.InfoContext(ctx, "keeping in step without a console")
	<-ctx.Done()
	a.logger.InfoContext(context.WithoutCancel(ctx), "the work without a console ended", "state", headline(a.c.Snapshot()))
	return nil
}

// stop drains this process and says how its run stands.
func (a *afterlife) stop(hard context.Context) error {
	run := a.activeRun()
	if run != nil && run.State != engine.RunPaused {
		a.say("draining: batches in flight end first; Ctrl-C aborts them, which is safe too")
	}
	limited, cancel := context.WithTimeout(hard, drainLimit)
	defer cancel()
	a.c.rest(limited)
	err := a.c.Stop(limited)
	switch {
	case run == nil:
	case hard.Err() != nil:
		a.say("run #%d was aborted; batches that had not committed are undone, and it can be resumed", run.ID)
	case run.State == engine.RunPaused:
		a.say("run #%d is paused; any ferry can go on with it: %s", run.ID, letGoOn(run))
	default:
		a.say("run #%d is at a batch boundary; other workers go on with it, or it can be resumed", run.ID)
	}
	return err
}
