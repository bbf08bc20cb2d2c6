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
	cmd.Flags().Int64Var((*int64)(&h.act.Run), "run", 0, "only the run of this number (default: the active run and the schedule)")
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
		o.note(fmt.Sprintf("run #%d", h.act.Run), h.onRun(ctx, c, h))
	case h.entity != "":
		o.note(h.entity, h.onEntity(ctx, c, h))
	case h.schedule:
		o.note("the schedule", h.onSchedule(ctx, c, h))
	default:
		// The schedule first: no tick begins any more between the look at the active run and what is done about it.
		o.note("the schedule", h.onSchedule(ctx, c, h))
		if err := f.holdActive(ctx, c, h, o); err != nil {
			return err
		}
	}
	return f.held(ctx, c, o)
}

// holdActive is about the active run, if there is one.
func (f *ferry) holdActive(ctx context.Context, c *crossing, h *holding, o *outcome) error {
	s, err := c.target.Read(ctx)
	if err != nil {
		return err
	}
	switch {
	case s.Run == nil:
	case s.Run.State.Active() && h.mayChange(s.Run.State):
		h.act.Run = s.Run.ID
		o.note(fmt.Sprintf("run #%d", s.Run.ID), h.onRun(ctx, c, h))
	case s.Run.State == engine.RunAsking:
		o.note(fmt.Sprintf("run #%d", s.Run.ID), asking(s.Run))
	case s.Run.State.Resumable() && h.verb == "resume":
		o.hints = append(o.hints, fmt.Sprintf("%s run #%d is %s; `ferry resume --run %[2]d` continues it", s.Run.Kind, s.Run.ID, s.Run.State))
	}
	return nil
}

// outcome is what came of the parts of a pause or a resume.
type outcome struct {
	h       *holding
	changed []string
	hints   []string
	errs    []error
}

func (o *outcome) note(what string, err error) {
	if err == nil {
		o.changed = append(o.changed, what)
		return
	}
	o.errs = append(o.errs, err)
}

// holdReport is a snapshot with what was paused or resumed.
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
		return errors.Join(o.errs...)
	}
	var failed error
	notes := append([]string{}, o.hints...)
	for _, err := range o.errs {
		if errors.Is(err, engine.ErrStateChanged) || errors.Is(err, engine.ErrNeedsAnswer) {
			notes = append(notes, err.Error())
			continue
		}
		failed = errors.Join(failed, err)
	}
	s := c.Look(ctx)
	if _, held := liveHolder(s); o.h.verb == "resume" && !held && s.Run != nil && s.Run.State.Active() {
		notes = append(notes, fmt.Sprintf("nobody is there to work on run #%d; `ferry sync %s` goes on with it", s.Run.ID, s.Run.Kind))
	}
	if f.settings.JSON {
		if err := f.line(holdReport{newReport("result", s), o.changed, notes}); err != nil {
			return err
		}
		return failed
	}
	if err := f.say(fmt.Sprintf("%s: %s; now: %s", o.h.past, strings.Join(o.changed, " and "), headline(s))); err != nil {
		return err
	}
	for _, note := range notes {
		if err := f.say("  " + note); err != nil {
			return err
		}
	}
	return failed
}
