package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"ferry/engine"
	"ferry/engine/rehearsal"
	"ferry/tui/sanitize"
	"ferry/tui/widget"
)

// rehearsing is what `ferry rehearse` was asked for.
type rehearsing struct {
	engine.RehearsalOptions

	freeze string
	report string
	resume engine.RunID
	gate   string
}

func (f *ferry) rehearseCommand() *cobra.Command {
	var o rehearsing
	var agreement, drift float64
	var freshness, quiet time.Duration
	cmd := &cobra.Command{
		Use:   "rehearse",
		Short: "Rehearse the cutover: GO or NO-GO, and the minutes that the real one takes",
		Long: `Carry the runbook of the cutover out, to its verdict: preflight, first load or catch-up, freeze, final catch-up, full check,
ledger, verdict. Nothing is sealed, and Odoo is only read.

--freeze says how it is known that nothing is written to Odoo: "detect" waits until no row was written for --quiet, "confirm" asks
an operator (` + "`ferry answer`" + `, or A in the console) and waits, "none" goes on without. While Odoo is frozen every line says
whether it may be unfrozen. The steps inside the freeze are the downtime that the real cutover takes.

It is GO only if every gate passes: agreement, no settled difference, rows that add up, rejected shares within their limits
(policy rejected-share), ledger drift, freshness, no failed run, and a source that stood still since its freeze. A gate that could
not be checked is no pass. A GO expires as soon as the source moves on.

A rehearsal that was interrupted, whatever ended its process, is gone on with at its step by the next ` + "`ferry rehearse`" + `; --resume
also goes on with one that was aborted (` + "`ferry cancel`" + `). --gate measures one gate of the last rehearsal again. --report writes
FILE.md with FILE.json and two charts beside it; FILE.json alone where that is its name.

Exit codes: 0 GO · 1 failed, or aborted · 3 NO-GO · 4 refused: another rehearsal is active, or a run that it began needs an answer
· 5 could not check · 128+signal when interrupted.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			set := cmd.Flags().Changed
			o.Agreement = engine.Maybe[float64]{Value: agreement / 100, Known: set("agreement")}
			o.Drift = engine.Maybe[float64]{Value: drift / 100, Known: set("drift")}
			o.Freshness = engine.Maybe[time.Duration]{Value: freshness, Known: set("freshness")}
			o.Quiet = engine.Maybe[time.Duration]{Value: quiet, Known: set("quiet")}
			o.Freeze = engine.Freeze(o.freeze)
			if _, err := rehearsal.Check(o.RehearsalOptions); err != nil {
				return exitWith(exitUsage, err)
			}
			if o.gate != "" && !slices.Contains(engine.Gates, engine.GateName(o.gate)) {
				return usage("--gate %q is none of %v", o.gate, engine.Gates)
			}
			for _, name := range []string{"freeze", "agreement", "freshness", "drift", "quiet"} {
				if (o.resume != 0 || o.gate != "") && set(name) {
					return usage("--%s is for a new rehearsal: one that was begun keeps what it was begun with", name)
				}
			}
			return f.rehearse(cmd.Context(), o)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.freeze, "freeze", string(engine.FreezeDetect), "how it is known that nothing is written: detect, confirm or none")
	flags.StringVar(&o.report, "report", "", "write a report to this file: Markdown, with JSON and charts beside it")
	flags.Float64Var(&agreement, "agreement", 99.9, "percent of the compared rows that must agree, up to 100 (default: policy agreement-target)")
	flags.DurationVar(&freshness, "freshness", time.Minute, "how late the engine may be (default: policy fresh-target)")
	flags.Float64Var(&drift, "drift", 100*rehearsal.DefaultDrift, "percent of the cards whose balances may disagree in Odoo itself")
	flags.DurationVar(&quiet, "quiet", rehearsal.DefaultQuiet, "so long without a write is a freeze, where it is detected")
	flags.Var((*runFlag)(&o.resume), "resume", "go on with this rehearsal, also where it was aborted (default: the one that was interrupted)")
	flags.StringVar(&o.gate, "gate", "", "measure one gate of the last rehearsal again, and decide anew")
	flags.StringVar(&o.Reason, "reason", "", "why, for other consoles and the journal")
	return cmd
}

// rehearse carries a rehearsal out, to its verdict.
func (f *ferry) rehearse(ctx context.Context, o rehearsing) error {
	soft, hard, caught, release := untilSignal(ctx)
	defer release()
	if err := f.mayWork("a rehearsal", "begins runs"); err != nil {
		return err
	}
	if err := mayReport(o.report); err != nil {
		return err
	}
	c, level, end, err := f.openWorking(soft, hard)
	if err != nil {
		return err
	}
	defer end()
	if err := c.reach(soft); err != nil {
		return err
	}
	if err := c.target.Ready(soft); err != nil {
		return err
	}
	if err := c.target.MayOperate(soft); err != nil { // before anything is waited for
		return err
	}
	f.warnPaused(soft, c)
	id, err := f.takeUpRehearsal(soft, c, o)
	if err != nil {
		c.leave(hard)
		if code := caught(); code != 0 {
			return exitWith(code, errors.New("interrupted while it waited for another process's rehearsal; nothing was begun"))
		}
		return err
	}
	level.Set(slog.LevelWarn)
	c.Run(hard)
	v, err := f.followRehearsal(soft, c, id)
	if v != nil && err == nil && soft.Err() == nil {
		err = f.rehearsed(soft, c, v.ID, o.report)
	}
	err = f.drain(soft, hard, c, err)
	if code := caught(); code != 0 {
		f.rehearsalInterrupted(hard, c, id)
		return exitWith(code, nil)
	}
	return err
}

// takeUpRehearsal begins a rehearsal, or goes on with the one that has no process any more; or asks for a gate.
func (f *ferry) takeUpRehearsal(ctx context.Context, c *crossing, o rehearsing) (engine.RunID, error) {
	last, err := c.Rehearsals(ctx, 0, 1)
	if err != nil {
		return 0, err
	}
	if o.gate != "" {
		if len(last) == 0 {
			return 0, engine.Refuse(engine.ErrNoSuchRun, "there has been no rehearsal yet; `ferry rehearse` makes the first")
		}
		return last[0].ID, c.RerunGate(ctx, engine.Act{Run: last[0].ID, Reason: o.Reason}, engine.GateName(o.gate))
	}
	if o.resume != 0 {
		v, err := c.Rehearsal(ctx, o.resume)
		if err != nil {
			return 0, err
		}
		return f.goOnWith(ctx, c, v, o.Reason)
	}
	if len(last) > 0 && (last[0].State.Active() || last[0].State == engine.RunInterrupted) {
		return f.goOnWith(ctx, c, &last[0], o.Reason)
	}
	return c.StartRehearsal(ctx, o.RehearsalOptions)
}

// goOnWith goes on with an unfinished rehearsal. It waits a while until the process that carried it out is known to be dead.
func (f *ferry) goOnWith(ctx context.Context, c *crossing, v *engine.RehearsalView, reason string) (engine.RunID, error) {
	switch v.State { //nolint:exhaustive // the others are active
	case engine.RunInterrupted, engine.RunCancelled, engine.RunFailed, engine.RunPaused, engine.RunPausing:
		fmt.Fprintf(f.err, "resuming rehearsal #%d, %s %s\n", v.ID, v.State.Word(), widget.Ago(v.Since, time.Now()))
		return v.ID, c.Resume(ctx, engine.Act{Run: v.ID, Seen: v.State, Reason: reason})
	case engine.RunDone:
		return 0, engine.Refuse(engine.ErrStateChanged, "rehearsal #%d has its verdict (%s); `ferry rehearse` begins another one, "+
			"`ferry rehearse --gate` measures one gate of it again",
			v.ID, rehearsal.Outcome(v))
	}
	deadline := time.Now().Add(adoptLimit)
	return taken(ctx, func(ctx context.Context) (engine.RunID, error) {
		kept, err := c.target.Rehearsal(ctx, v.ID)
		if err != nil {
			return 0, err
		}
		if kept.Lost || kept.Holder == "" || kept.State != engine.RunRunning && !c.lives(ctx, kept.Holder) {
			fmt.Fprintf(f.err, "going on with rehearsal #%d, whose process is gone, as it was begun (freeze: %s)\n", v.ID, v.Freeze)
			return v.ID, nil
		}
		if time.Now().After(deadline) {
			return 0, fmt.Errorf("%w: rehearsal #%d is carried out by %s; `ferry rehearsals show %[2]d` shows it, `ferry cancel %[2]d` aborts it",
				engine.ErrRunActive, v.ID, kept.Holder)
		}
		return 0, nil
	})
}

// lives reports whether a process of that name, "host:pid", is alive.
func (c *crossing) lives(ctx context.Context, name string) bool {
	s, err := c.target.Read(ctx)
	if err != nil {
		return true // nobody knows better
	}
	_, lives := living(s, func(w engine.WorkerView) bool { return fmt.Sprintf("%s:%d", w.Host, w.PID) == name })
	return lives
}

// warnPaused says that ticks are paused: what a check finds in flight waits for one, and is given up after a while.
func (f *ferry) warnPaused(ctx context.Context, c *crossing) {
	s, err := c.target.Read(ctx)
	if err == nil && s.Schedule.Paused() {
		fmt.Fprintln(f.err, sanitize.Text(rehearsal.TicksPaused(s.Schedule)))
	}
}

// followRehearsal tells how far a rehearsal is until it has ended, a run that it began needs an answer, or ctx has ended.
func (f *ferry) followRehearsal(ctx context.Context, c *crossing, id engine.RunID) (*engine.RehearsalView, error) {
	look := time.NewTicker(200 * time.Millisecond)
	defer look.Stop()
	t := rehearsalTeller{f: f}
	for {
		kept, err := c.target.Rehearsal(ctx, id)
		switch {
		case ctx.Err() != nil:
			return nil, nil //nolint:nilnil // interrupted; whoever asks knows
		case err != nil && engine.ClassOf(err) == engine.ClassStop:
			return nil, err
		case err == nil:
			v := &kept.RehearsalView
			if v.State.Ended() && !v.Asked() {
				return v, nil
			}
			if err := t.tell(v); err != nil {
				return v, err
			}
			if err := c.needsAnswer(ctx, v); err != nil {
				return v, err
			}
		}
		select {
		case <-ctx.Done():
			return nil, nil //nolint:nilnil // likewise
		case <-look.C:
		}
	}
}

// needsAnswer fails where the run that a step waits for asks something: the rehearsal goes on once it is answered.
func (c *crossing) needsAnswer(ctx context.Context, v *engine.RehearsalView) error {
	step := v.Current()
	if step == nil || step.Run == 0 || !strings.HasPrefix(step.Found, "waits: ") {
		return nil
	}
	run, err := c.target.RunState(ctx, step.Run)
	if err != nil || run.State != engine.RunAsking {
		return err
	}
	return fmt.Errorf("%w; then `ferry rehearse` goes on with rehearsal #%d%s", asking(run), v.ID, prefixed("; ", rehearsal.Unfreeze(v)))
}

// prefixed is a text behind something, if there is one.
func prefixed(before, text string) string {
	if text == "" {
		return ""
	}
	return before + text
}

// rehearsalTeller tells how far a rehearsal is: once a second, and at once where something is news.
type rehearsalTeller struct {
	f    *ferry
	at   time.Time
	last string
}

func (t *rehearsalTeller) tell(v *engine.RehearsalView) error {
	news := progressWords(v)
	if news == t.last && time.Since(t.at) < time.Second {
		return nil
	}
	if t.f.settings.JSON {
		if news == t.last && v.State == engine.RunAsking {
			return nil // it may stay so for hours
		}
		t.at, t.last = time.Now(), news
		return t.f.line(rehearsal.NewReport("progress", v, time.Now()))
	}
	if news == t.last {
		if v.State == engine.RunAsking || time.Since(t.at) < 5*time.Second {
			return nil
		}
	}
	t.at, t.last = time.Now(), news
	fmt.Fprintln(t.f.err, sanitize.Text(news))
	return nil
}

// progressWords is how far a rehearsal is, in one line.
func progressWords(v *engine.RehearsalView) string {
	line := fmt.Sprintf("rehearsal #%d", v.ID)
	switch step := v.Current(); {
	case v.State == engine.RunAsking:
		line += ": " + v.Question
	case v.State == engine.RunPaused:
		line += fmt.Sprintf(" is paused by %s; `ferry resume --run %d` lets it go on", v.StateBy, v.ID)
	case step != nil:
		line += fmt.Sprintf(" %s%s", step.Name, prefixed(": ", step.Found))
	case v.Asked():
		line += " measures gates again"
	}
	return line + prefixed("; ", rehearsal.Unfreeze(v))
}

// rehearsed prints how a rehearsal ended, writes its report, and chooses the exit code.
func (f *ferry) rehearsed(ctx context.Context, c *crossing, id engine.RunID, report string) error {
	v, err := c.Rehearsal(ctx, id)
	if err != nil {
		return err
	}
	if report != "" {
		if err := f.writeReport(ctx, c, v, report); err != nil {
			return err
		}
		fmt.Fprintf(f.err, "report: %s\n", report)
	}
	if f.settings.JSON {
		err = f.line(rehearsal.NewReport("result", v, time.Now()))
	} else {
		err = f.sayAll(describeRehearsal(v))
	}
	if err != nil {
		return err
	}
	return decided(v)
}

// decided is the exit code of a rehearsal, with why it is not GO.
func decided(v *engine.RehearsalView) error {
	switch v.Verdict {
	case engine.Pass:
		return stands(v)
	case engine.Fail:
		return exitWith(exitDiscrepancy, errors.New("NO-GO: "+v.Why))
	case engine.CouldNotCheck:
		return exitWith(exitUnchecked, errors.New(v.Go()+": "+v.Why))
	}
	if v.State == engine.RunCancelled {
		return fmt.Errorf("rehearsal #%d was aborted by %s%s", v.ID, v.StateBy, because(v.Reason))
	}
	return fmt.Errorf("rehearsal #%d %s: %s; `ferry rehearse` goes on with it", v.ID, v.State, v.Error)
}

// stands fails with the exit code of a GO that does not hold any more. Without a freeze the source goes on, and a GO is about the
// moment at which it was said.
func stands(v *engine.RehearsalView) error {
	switch {
	case v.Freeze == engine.FreezeNone:
		return nil
	case v.Standing == engine.StandingExpired:
		return exitWith(exitDiscrepancy, fmt.Errorf("%s: %s; rehearse again", v.Go(), v.Moved))
	case v.Standing == engine.StandingUnknown:
		return exitWith(exitUnchecked, fmt.Errorf("%s: %s", v.Go(), v.Moved))
	}
	return nil
}

func (f *ferry) rehearsalInterrupted(hard context.Context, c *crossing, id engine.RunID) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(hard), restLimit)
	defer cancel()
	kept, err := c.target.Rehearsal(ctx, id)
	if err != nil {
		fmt.Fprintf(f.err, "ferry: interrupted; `ferry rehearse` goes on with rehearsal #%d\n", id)
		return
	}
	v := &kept.RehearsalView
	fmt.Fprintln(f.err, sanitize.Text(fmt.Sprintf("ferry: interrupted; rehearsal #%d is %s, `ferry rehearse` goes on with it%s", id,
		rehearsal.Outcome(v), prefixed("; ", rehearsal.Unfreeze(v)))))
}
