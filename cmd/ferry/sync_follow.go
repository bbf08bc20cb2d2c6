package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"ferry/engine"
	"ferry/engine/entity"
	"ferry/engine/monitor"
	"ferry/tui/cure"
	"ferry/tui/sanitize"
)

// follow prints progress until the run has ended, waits for an operator, or ctx has ended.
func (f *ferry) follow(ctx context.Context, c *crossing, id engine.RunID) (*engine.Snapshot, error) {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	var printed time.Time
	t := teller{f: f}
	for {
		s := c.Snapshot()
		if s.Run != nil && s.Run.ID > id {
			// It has ended, and another one began before anybody looked: snapshots are about that one now.
			return c.readRun(ctx, id)
		}
		if s.Run != nil && s.Run.ID == id && settled(s.Run) {
			return s, nil
		}
		if time.Since(printed) >= time.Second && s.Run != nil && s.Run.ID == id {
			printed = time.Now()
			if err := t.tell(s); err != nil {
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

// teller tells how far a run is.
type teller struct {
	f     *ferry
	waits string // what was said that it waits for
}

// tell prints progress. That a run is paused is said to people once, with the cure: it may stay so for hours.
func (t *teller) tell(s *engine.Snapshot) error {
	if s.Run.State != engine.RunPaused || t.f.settings.JSON {
		t.waits = ""
		return t.f.progress(s)
	}
	waits := pausedWords(s.Run) + "; waiting"
	if waits != t.waits {
		fmt.Fprintln(t.f.err, sanitize.Text(waits))
	}
	t.waits = waits
	return nil
}

// settled reports whether a sync has nothing to wait for: the run has ended, it asks, or it is paused and nobody sits at it
// who would resume it. A full run that an operator has paused is waited for, as it takes long and is paused for a while.
func settled(run *engine.RunView) bool {
	switch {
	case run.State.Ended(), run.State == engine.RunAsking:
		return true
	case run.State == engine.RunPaused:
		return run.Kind == engine.RunIncremental || run.StateBy == byFerry
	}
	return false
}

// byFerry is who paused a run of which the engine database refuses too many rows.
const byFerry = "ferry"

// asking is the error of a run that needs an answer.
func asking(run *engine.RunView) error {
	return fmt.Errorf("%w: %s run #%d: %s `ferry answer %[3]d accept` lets it go on, `ferry answer %[3]d stop` ends it",
		engine.ErrNeedsAnswer, run.Kind, run.ID, run.Question)
}

// paused is the error of a run that somebody has paused.
func paused(run *engine.RunView) error {
	return exitWith(exitRefused, errors.New(pausedWords(run)))
}

// pausedWords says by whom and why a run is paused, and what lets it go on.
func pausedWords(run *engine.RunView) string {
	return fmt.Sprintf("%s run #%d is %s by %s%s; %s", run.Kind, run.ID, run.State, run.StateBy, because(run.Reason), letGoOn(run))
}

// letGoOn is what an operator does about a paused run. One that came to an entity that is held would only come to it again.
func letGoOn(run *engine.RunView) string {
	for _, e := range entity.All() {
		if strings.HasPrefix(run.Reason, e.Name+" is paused") {
			return fmt.Sprintf("`ferry resume --entity %s` lets it go on, `ferry cancel %d` ends it", e.Name, run.ID)
		}
	}
	return fmt.Sprintf("`ferry resume --run %d` lets it go on", run.ID)
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
	case engine.RunAsking:
		return asking(s.Run)
	case engine.RunPaused:
		return paused(s.Run)
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

// rejects fails with exitDiscrepancy if an entity has more rejected rows than the limit, and says which rules. Of an entity
// that the run was not about, nothing needs to be known.
func (f *ferry) rejects(s *engine.Snapshot) error {
	for _, e := range s.Entities {
		share := e.RejectedShare()
		switch {
		case !share.Known && takesPart(s, e.Name):
			return exitWith(exitUnchecked, errors.New("the rejected share of "+e.Name+" is not known"))
		case !share.Known || share.Value <= f.settings.rejectedLimit(e):
			continue
		}
		return f.tooMany(s, e, share.Value)
	}
	return nil
}

// tooMany is the error of an entity of which more rows were rejected than the limit.
func (f *ferry) tooMany(s *engine.Snapshot, e engine.EntityView, share float64) error {
	limit := f.settings.rejectedLimit(e)
	return exitWith(exitDiscrepancy, fmt.Errorf("%s of %s were rejected%s; the limit is %s; see `ferry quarantine list`",
		monitor.Percent(share, limit), e.Name, mostFor(s, e.Name), monitor.Percent(limit)))
}

func takesPart(s *engine.Snapshot, name string) bool {
	return slices.ContainsFunc(s.Steps, func(step engine.StepView) bool { return step.Entity == name })
}

// mostFor says for what most of an entity's rejected rows were rejected.
func mostFor(s *engine.Snapshot, name string) string {
	reason, most := "", int64(0)
	for _, r := range s.Reasons {
		if rows := r.Rows - r.Waived; r.Entity == name && r.Reason != entity.ReasonWaiting && rows > most {
			reason, most = ", most of them for "+r.Reason, rows
		}
	}
	return reason
}
