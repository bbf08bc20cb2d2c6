package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"ferry/engine"
	"ferry/store/enginedb"
	"ferry/store/odoo"
	"ferry/tui/cure"
	"ferry/tui/widget"
)

// adoptLimit is how long a full sync waits until the process that ran the unfinished run before is known dead.
const adoptLimit = 20 * time.Second

// drainLimit bounds a drain: batches take about a second; what takes longer is cancelled, which is safe.
const drainLimit = 30 * time.Second

func (f *ferry) syncCommand() *cobra.Command {
	full := &cobra.Command{
		Use:   "full",
		Short: "Read every row of the source, to the end",
		Long: `Read every row of the source and bring the engine in step with it, to the end.

An unfinished full run is taken over: its result becomes this command's. Rows that a rule or the engine refuses go to
quarantine; the command ends with exit code 3 if they are more of an entity's source rows than the limit (--rejected-share, 1 %).`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return f.syncFull(cmd.Context()) },
	}
	return group("sync", "Carry rows over", full)
}

func (f *ferry) syncFull(ctx context.Context) error {
	soft, hard, caught, release := untilSignal(ctx)
	defer release()
	if f.settings.ReadOnly {
		return fmt.Errorf("%w: a sync writes; start it without --read-only", engine.ErrReadOnly)
	}
	if f.settings.Workers == 0 {
		return usage("--workers 0 only looks and steers; a sync needs at least one")
	}
	f.outlive(soft)
	level := &slog.LevelVar{}
	level.Set(slog.LevelError) // what is refused before there is a run is this command's own error, said once
	c, err := f.open(hard, f.settings.Workers, logTo(f.err, level))
	if err != nil {
		return err
	}
	defer c.close()
	id, s, err := f.cross(soft, hard, c, level)
	if code := caught(); code != 0 {
		f.interrupted(hard, id)
		if f.settings.JSON && s != nil {
			if err := f.line(newReport("result", s)); err != nil {
				return err
			}
		}
		return exitWith(code, nil)
	}
	if err != nil {
		return err
	}
	err = f.result(s)
	if code := caught(); code != 0 { // while it waited for whoever reads the result
		return exitWith(code, nil)
	}
	return err
}

// outlive lets the work go on whoever reads what is printed. Standard output waits for a slow reader, as it is data, and
// falls silent for one that is gone, as with `| head`: the run goes on to its end, and the exit code says how it ended.
// Progress and logs on standard error never wait long.
func (f *ferry) outlive(soft context.Context) {
	data, messages := patient(soft, f.out), lossy(f.err, time.Second)
	data.onGone = func() {
		fmt.Fprintln(messages, "ferry: nobody reads standard output any more; the run goes on, Ctrl-C drains it")
	}
	f.out, f.err = data, messages
}

// cross starts a full run or takes over the unfinished one, and follows it to its end, or to a batch boundary once soft
// has ended. The run is 0 if it did not come to one.
func (f *ferry) cross(soft, hard context.Context, c *crossing, level *slog.LevelVar) (engine.RunID, *engine.Snapshot, error) {
	if err := c.reach(soft); err != nil {
		return 0, nil, err
	}
	if err := c.target.Ready(soft); err != nil {
		return 0, nil, err
	}
	id, err := f.startOrAdopt(soft, c)
	if err != nil {
		return 0, nil, err
	}
	level.Set(slog.LevelWarn)
	c.Run(hard)
	s, err := f.follow(soft, c, id)
	if soft.Err() != nil {
		fmt.Fprintln(f.err, "ferry: draining: batches in flight end first; a second INT or TERM aborts them, which is safe too")
	}
	stop, cancel := context.WithTimeout(hard, drainLimit)
	defer cancel()
	if stopErr := c.Stop(stop); stopErr != nil && err == nil {
		err = stopErr
	}
	return id, s, err
}

// interrupted says how a signal left the run.
func (f *ferry) interrupted(hard context.Context, id engine.RunID) {
	switch {
	case id == 0:
		fmt.Fprintln(f.err, "ferry: interrupted before a run was under way")
	case hard.Err() != nil:
		fmt.Fprintf(f.err, "ferry: aborted; what run #%d had not committed is undone, `ferry sync full` goes on with it\n", id)
	default:
		fmt.Fprintf(f.err, "ferry: interrupted; run #%d is at a batch boundary, `ferry sync full` goes on with it\n", id)
	}
}

// startOrAdopt starts a full run, or takes over the unfinished one, if that reads this source.
func (f *ferry) startOrAdopt(ctx context.Context, c *crossing) (engine.RunID, error) {
	identity, err := fitSource(ctx, c.source)
	if err != nil {
		return 0, err
	}
	deadline := time.Now().Add(adoptLimit)
	for {
		s, err := c.target.Read(ctx)
		if err != nil {
			return 0, err
		}
		run := s.Run
		if run == nil || run.Kind != engine.RunFull || run.State.Ended() && run.State != engine.RunInterrupted {
			return c.StartFull(ctx, engine.StartOptions{})
		}
		if err := adoptable(run, identity); err != nil {
			return 0, err
		}
		if run.State == engine.RunInterrupted {
			fmt.Fprintf(f.err, "resuming full run #%d, interrupted %s\n", run.ID, widget.Ago(run.Since, time.Now()))
			return run.ID, c.Resume(ctx, engine.Act{Run: run.ID, Seen: run.State})
		}
		holder, held := liveHolder(s)
		if !held {
			fmt.Fprintf(f.err, "taking over full run #%d, whose process is gone\n", run.ID)
			return run.ID, nil
		}
		if time.Now().After(deadline) {
			return 0, fmt.Errorf("%w: full run #%d is worked on by %s:%d; wait for it, or `ferry cancel %d`",
				engine.ErrRunActive, run.ID, holder.Host, holder.PID, run.ID)
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// fitSource gives the source's identity. It fails if the source could be written, or does not have the tables that are read.
func fitSource(ctx context.Context, source *odoo.DB) (identity string, err error) {
	if err := source.Safety(ctx); err != nil {
		return "", err
	}
	if err := source.Fit(ctx); err != nil {
		return "", err
	}
	return source.Identity(ctx)
}

// adoptable fails with ErrRunActive if an unfinished run must not be taken over from here.
func adoptable(run *engine.RunView, identity string) error {
	switch {
	case run.Source != identity:
		return fmt.Errorf("%w: unfinished full run #%d reads %s, --source is %s; give that run's source, or `ferry cancel %d`",
			engine.ErrRunActive, run.ID, run.Source, identity, run.ID)
	case run.State == engine.RunPaused || run.State == engine.RunPausing:
		return fmt.Errorf("%w: full run #%d is %s by %s; `ferry resume --run %d` lets it go on",
			engine.ErrRunActive, run.ID, run.State, run.StateBy, run.ID)
	}
	return nil
}

// liveHolder gives a process with workers that is alive.
func liveHolder(s *engine.Snapshot) (engine.WorkerView, bool) {
	for _, w := range s.Workers {
		if w.Workers > 0 && w.Silent < enginedb.SilentAfter {
			return w, true
		}
	}
	return engine.WorkerView{}, false
}

// follow prints progress until the run has ended or ctx has.
func (f *ferry) follow(ctx context.Context, c *crossing, id engine.RunID) (*engine.Snapshot, error) {
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	var printed time.Time
	for {
		s := c.Snapshot()
		if s.Run != nil && s.Run.ID > id {
			// It has ended, and another one began before anybody looked: snapshots are about that one now.
			return c.target.ReadRun(ctx, id)
		}
		if s.Run != nil && s.Run.ID == id && s.Run.State.Ended() {
			return s, nil
		}
		if time.Since(printed) >= time.Second && s.Run != nil && s.Run.ID == id {
			printed = time.Now()
			if err := f.progress(s); err != nil {
				return s, err
			}
		}
		select {
		case <-ctx.Done():
			return s, nil
		case <-tick.C:
		}
	}
}

// progress says how far a run is: on stderr, with --json typed lines on stdout.
func (f *ferry) progress(s *engine.Snapshot) error {
	if f.settings.JSON {
		return f.line(newReport("progress", s))
	}
	fmt.Fprintln(f.err, headline(s))
	if line := trouble(s); line != "" {
		fmt.Fprintln(f.err, line)
	}
	for _, e := range s.Entities {
		if e.State == engine.StepRunning {
			fmt.Fprintln(f.err, "  "+entityLine(e))
		}
	}
	return nil
}

// result prints how a run ended and chooses the exit code.
func (f *ferry) result(s *engine.Snapshot) error {
	if f.settings.JSON {
		if err := f.line(newReport("result", s)); err != nil {
			return err
		}
	} else {
		writePlain(f.out, s)
	}
	switch s.Run.State { //nolint:exhaustive // the others did not come to an end of their own
	case engine.RunDone:
		return f.rejects(s)
	case engine.RunCancelled:
		return fmt.Errorf("run #%d was cancelled by %s", s.Run.ID, s.Run.StateBy)
	default:
		why := s.Run.Error
		if advice := cure.For(why); advice != "" {
			why += "; " + advice
		}
		return fmt.Errorf("run #%d %s: %s; once that is cured, `ferry resume --run %d` goes on where it stopped",
			s.Run.ID, s.Run.State, why, s.Run.ID)
	}
}

// rejects fails with exitDiscrepancy if an entity has more rejected rows than the limit, and says which rules.
func (f *ferry) rejects(s *engine.Snapshot) error {
	for _, e := range s.Entities {
		share := e.RejectedShare()
		if !share.Known {
			return exitWith(exitUnchecked, errors.New("the rejected share of "+e.Name+" is not known"))
		}
		if share.Value <= f.settings.RejectedShare {
			continue
		}
		reason := ""
		for _, r := range s.Reasons {
			if r.Entity == e.Name && reason == "" {
				reason = ", most of them for " + r.Reason
			}
		}
		return exitWith(exitDiscrepancy, fmt.Errorf("%s %% of %s were rejected%s; the limit is %s %%; see `ferry quarantine list`",
			strconv.FormatFloat(100*share.Value, 'f', 1, 64), e.Name, reason, strconv.FormatFloat(100*f.settings.RejectedShare, 'f', -1, 64)))
	}
	return nil
}
