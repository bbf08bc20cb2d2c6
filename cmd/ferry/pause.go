package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"ferry/engine"
	"ferry/tui/sanitize"
)

// holding is what `pause` and `resume` are about.
type holding struct {
	act      engine.Act
	entity   string
	schedule bool

	verb, past                  string
	onRun, onEntity, onSchedule func(ctx context.Context, c *crossing, h *holding) error
	mayChange                   func(engine.RunState) bool // by default, of the active run
}

func (f *ferry) pauseCommand() *cobra.Command {
	return f.holdCommand(&holding{
		verb: "pause", past: "paused",
		onRun:      func(ctx context.Context, c *crossing, h *holding) error { return c.Pause(ctx, h.act) },
		onEntity:   func(ctx context.Context, c *crossing, h *holding) error { return c.PauseEntity(ctx, h.entity, h.act) },
		onSchedule: func(ctx context.Context, c *crossing, h *holding) error { return c.PauseSchedule(ctx, h.act) },
		mayChange:  func(engine.RunState) bool { return true },
	}, "Hold the active run and the ticks back, or one of them, or an entity",
		`Let batches in flight end and begin no more: of the active run, if there is one, and of the schedule, so that no tick
begins in any process. --run is about that run alone, --schedule about ticks alone, --entity about one entity in this run and
in later ones; ticks leave it out.

Exit codes: 0 something was paused · 4 everything was already, or the run has ended or needs an answer.`)
}

func (f *ferry) resumeCommand() *cobra.Command {
	return f.holdCommand(&holding{
		verb: "resume", past: "resumed",
		onRun:      func(ctx context.Context, c *crossing, h *holding) error { return c.Resume(ctx, h.act) },
		onEntity:   func(ctx context.Context, c *crossing, h *holding) error { return c.ResumeEntity(ctx, h.entity, h.act) },
		onSchedule: func(ctx context.Context, c *crossing, h *holding) error { return c.ResumeSchedule(ctx, h.act) },
		mayChange: func(state engine.RunState) bool {
			return state == engine.RunPausing || state == engine.RunPaused
		},
	}, "Let go on what was paused; with --run also a cancelled, failed or interrupted run",
		`Let the paused run, if there is one, and the ticks go on. --run is about that run alone, and continues a cancelled, failed
or interrupted one too; --schedule is about ticks alone, --entity about one entity.

Exit codes: 0 something was resumed · 4 nothing was paused, or the run needs an answer.`)
}

func (f *ferry) holdCommand(h *holding, short, long string) *cobra.Command {
	cmd := &cobra.Command{
		Use: h.verb, Short: short, Long: long, Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := knownEntity(h.entity); err != nil {
				return err
			}
			if h.act.Run != 0 && h.entity != "" || h.schedule && (h.act.Run != 0 || h.entity != "") {
				return usage("say one of --run, --entity and --schedule; without any it is the active run and the schedule")
			}
			return f.once(cmd.Context(), func(ctx context.Context, c *crossing) error { return f.hold(ctx, c, h) })
		},
	}
	cmd.Flags().Var((*runFlag)(&h.act.Run), "run", "only the run of this number (default: the active run and the schedule)")
	cmd.Flags().StringVar(&h.entity, "entity", "", "only one entity, by its source table, in this run and in later ones")
	cmd.Flags().BoolVar(&h.schedule, "schedule", false, "only the schedule: no tick begins, in any process")
	cmd.Flags().StringVar(&h.act.Reason, "reason", "", "why, for other consoles and the journal")
	return cmd
}

// hold pauses or resumes what was asked for, and says what came of each part.
func (f *ferry) hold(ctx context.Context, c *crossing, h *holding) error {
	if err := c.target.Ready(ctx); err != nil {
		return err
	}
	o := &outcome{h: h}
	switch {
	case h.act.Run != 0:
		if err := o.run(ctx, c); err != nil {
			return err
		}
	case h.entity != "":
		o.note(h.entity, h.entity+", in this run and in later ones", h.onEntity(ctx, c, h))
	case h.schedule:
		o.schedule(ctx, c)
	default:
		// The schedule first: no tick begins any more between the look at the active run and what is done about it.
		o.schedule(ctx, c)
		if err := o.active(ctx, c); err != nil {
			return err
		}
	}
	return f.held(ctx, c, o)
}

// outcome is what came of the parts of a pause or a resume.
type outcome struct {
	h       *holding
	changed []string // for scripts
	said    []string // the same for people
	hints   []string
	errs    []error
	of      *engine.Snapshot // about the run that was paused or resumed; nil: none was
}

func (o *outcome) note(what, said string, err error) {
	if err == nil {
		o.changed, o.said = append(o.changed, what), append(o.said, said)
		return
	}
	o.errs = append(o.errs, err)
}

func (o *outcome) schedule(ctx context.Context, c *crossing) {
	o.note("the schedule", "ticks, in every process", o.h.onSchedule(ctx, c, o.h))
}

// run is about the run of h.act. What is said afterwards is of that run, whichever has begun meanwhile.
func (o *outcome) run(ctx context.Context, c *crossing) error {
	if err := o.h.onRun(ctx, c, o.h); err != nil {
		o.note("", "", err)
		return nil
	}
	s, err := c.target.ReadRun(ctx, o.h.act.Run)
	if err != nil {
		return err
	}
	o.of = s
	o.note(fmt.Sprintf("run #%d", s.Run.ID), runWords(s.Run), nil)
	switch {
	case s.Run.State == engine.RunPausing:
		o.hints = append(o.hints, "its batches in flight end first")
	case s.Run.State == engine.RunPaused && o.h.verb == "resume":
		o.hints = append(o.hints, pausedWords(s.Run))
	}
	return nil
}

// active is about the active run, if there is one.
func (o *outcome) active(ctx context.Context, c *crossing) error {
	s, err := c.target.Read(ctx)
	if err != nil {
		return err
	}
	switch {
	case s.Run == nil:
	case s.Run.State.Active() && o.h.mayChange(s.Run.State):
		o.h.act.Run = s.Run.ID
		return o.run(ctx, c)
	case s.Run.State == engine.RunAsking:
		o.note("", "", asking(s.Run))
	case s.Run.State.Resumable() && o.h.verb == "resume":
		o.hints = append(o.hints, fmt.Sprintf("%s run #%d is %s; `ferry resume --run %[2]d` continues it", s.Run.Kind, s.Run.ID, s.Run.State))
	}
	return nil
}

// refusal is why nothing changed, in one line.
func (o *outcome) refusal() error {
	all := o.errs[0]
	for _, err := range o.errs[1:] {
		all = fmt.Errorf("%w; %w", all, err)
	}
	return all
}

// notes are what is to be known besides what was done, and the error of a part that failed for another reason than that it
// is so already.
func (o *outcome) notes() (notes []string, failed error) {
	notes = append([]string{}, o.hints...)
	for _, err := range o.errs {
		if errors.Is(err, engine.ErrStateChanged) || errors.Is(err, engine.ErrNeedsAnswer) {
			notes = append(notes, err.Error())
			continue
		}
		failed = errors.Join(failed, err)
	}
	return notes, failed
}

// holdReport is a snapshot with what was done, and about what.
type holdReport struct {
	report

	Changed []string `json:"changed"`
	Notes   []string `json:"notes"`
}

// held says what came of it. It is an error if nothing changed, or if a part failed for another reason than that it is so
// already.
func (f *ferry) held(ctx context.Context, c *crossing, o *outcome) error {
	if len(o.changed) == 0 {
		for _, hint := range o.hints {
			fmt.Fprintln(f.err, sanitize.Text(hint))
		}
		return o.refusal()
	}
	notes, failed := o.notes()
	s := o.of
	if s == nil {
		s = c.Look(ctx)
	}
	if _, held := liveHolder(s); o.h.verb == "resume" && !held && s.Run != nil && s.Run.State.Active() && s.Run.State != engine.RunPaused {
		notes = append(notes, fmt.Sprintf("nobody is there to work on run #%d; %s goes on with it", s.Run.ID, goesOn(s.Run)))
	}
	if f.settings.JSON {
		if err := f.line(holdReport{newReport("result", s), o.changed, notes}); err != nil {
			return err
		}
		return failed
	}
	if err := f.say(o.h.past + ": " + strings.Join(o.said, "; ") + because(o.h.act.Reason)); err != nil {
		return err
	}
	for _, note := range notes {
		if err := f.say("  " + note); err != nil {
			return err
		}
	}
	return failed
}
