package main

import (
	"fmt"
	"strings"
	"time"

	"ferry/engine"
	"ferry/tui/widget"
)

// lateLimit is how far behind the source an engine may be that is kept in step.
const lateLimit = time.Minute

// late fails with exitUnchecked if the engine may be further behind the source than lateLimit, though ticks are kept by
// somebody, or would be if nobody held them back. Where nobody ever keeps the engine in step, or it is sealed, it is as late as its
// last cycle.
func late(s *engine.Snapshot) error {
	bound, c := s.Freshness.Bound(s.TakenAt), s.Schedule
	if !bound.Known || bound.Value <= lateLimit || s.Sealed != nil || !c.Paused() && len(c.Keepers) == 0 {
		return nil
	}
	return exitWith(exitUnchecked, fmt.Errorf("the engine may be %s behind (limit %s): %s", widget.Span(bound.Value), widget.Span(lateLimit), whyLate(s)))
}

// whyLate names what keeps ticks from coming, or from moving the engine on, with its cure.
func whyLate(s *engine.Snapshot) string {
	c, run := s.Schedule, s.Run
	switch {
	case c.Paused():
		return "ticks are paused by " + c.PausedBy + because(c.Reason) + "; `ferry resume --schedule`"
	case run != nil && run.State == engine.RunAsking:
		return fmt.Sprintf("%s run #%d needs an answer: %s `ferry answer %[2]d accept` lets it go on, `ferry answer %[2]d stop` ends it",
			run.Kind, run.ID, run.Question)
	case run != nil && (run.State == engine.RunPaused || run.State == engine.RunPausing):
		return pausedWords(run)
	}
	for _, e := range s.Entities {
		if e.PausedBy != "" {
			return fmt.Sprintf("%s is held by %s%s; `ferry resume --entity %[1]s`", e.Name, e.PausedBy, because(e.PausedReason))
		}
	}
	parts := []string{"ticks are started by " + strings.Join(c.Keepers, ", ")}
	switch {
	case run != nil && run.State.Active():
		parts = append(parts, fmt.Sprintf("%s run #%d %s", run.Kind, run.ID, run.State.Is()))
	case run != nil && run.State == engine.RunFailed:
		parts = append(parts, fmt.Sprintf("the last one, run #%d, failed: %s", run.ID, run.Error))
	}
	if !s.Freshness.TickedAt.IsZero() {
		parts = append(parts, "the last cycle was completed "+widget.Ago(s.Freshness.TickedAt, s.TakenAt))
	}
	return strings.Join(parts, "; ")
}
