package main

import (
	"fmt"
	"strings"
	"time"

	"ferry/engine"
	"ferry/tui/widget"
)

// freshnessReport says how late the engine is. Ages are as of the snapshot; what was never measured is null.
type freshnessReport struct {
	UpperBound  engine.Maybe[int64] `json:"upper_bound_ms"`
	LastTick    engine.Maybe[int64] `json:"last_tick_ms"`
	FloorPinned engine.Maybe[int64] `json:"floor_pinned_ms"` // 0: it moves
	P50         engine.Maybe[int64] `json:"p50_ms"`          // of the upper bounds of the ticks of the last hour
	P99         engine.Maybe[int64] `json:"p99_ms"`
	Max         engine.Maybe[int64] `json:"max_ms"`
	Ticks       int64               `json:"ticks"` // completed in the last hour
}

func newFreshness(s *engine.Snapshot) freshnessReport {
	f := s.Freshness
	r := freshnessReport{
		UpperBound: millis(f.Bound(s.TakenAt)), LastTick: age(f.TickedAt, s.TakenAt),
		P50: millis(f.P50), P99: millis(f.P99), Max: millis(f.Max), Ticks: f.Ticks,
	}
	if s.Floor.Floor != "" {
		r.FloorPinned = engine.Known(s.Floor.Pinned().Milliseconds())
	}
	return r
}

func millis(d engine.Maybe[time.Duration]) engine.Maybe[int64] {
	return engine.Maybe[int64]{Value: d.Value.Milliseconds(), Known: d.Known}
}

// age is how long ago something was; unknown if it never was.
func age(at, now time.Time) engine.Maybe[int64] {
	if at.IsZero() {
		return engine.Maybe[int64]{}
	}
	return engine.Known(max(now.Sub(at), 0).Milliseconds())
}

// floorReport is the transaction id of the source from which on the next tick reads.
type floorReport struct {
	Floor       engine.Maybe[string] `json:"floor"` // null: none, the next tick reads every row
	TakenAt     engine.Maybe[string] `json:"taken_at"`
	PinnedSince engine.Maybe[string] `json:"pinned_since"`
	PinnedBy    engine.Maybe[string] `json:"pinned_by"`
}

func newFloor(s *engine.Snapshot) floorReport {
	f := s.Floor
	return floorReport{known(f.Floor), instant(f.TakenAt), instant(f.PinnedSince), known(f.PinnedBy)}
}

// scheduleReport says when ticks come.
type scheduleReport struct {
	Every       int64                `json:"every_ms"`
	NextAt      engine.Maybe[string] `json:"next_at"`
	Keepers     []string             `json:"keepers"` // "host:pid" of the processes that start ticks
	PausedBy    engine.Maybe[string] `json:"paused_by"`
	PausedSince engine.Maybe[string] `json:"paused_since"`
	Reason      engine.Maybe[string] `json:"reason"`
}

func newSchedule(s *engine.Snapshot) *scheduleReport {
	if s.TakenAt.IsZero() {
		return nil
	}
	c := s.Schedule
	return &scheduleReport{
		c.Every.Milliseconds(), instant(c.NextAt), append([]string{}, c.Keepers...), known(c.PausedBy), instant(c.PausedSince), known(c.Reason),
	}
}

// heldEntities are those of which somebody holds the batches back.
func heldEntities(s *engine.Snapshot) []string {
	var held []string
	for _, e := range s.Entities {
		if e.PausedBy != "" {
			held = append(held, e.Name)
		}
	}
	return held
}

// freshnessLine says in words how late the engine is.
func freshnessLine(s *engine.Snapshot) string {
	f := s.Freshness
	bound := f.Bound(s.TakenAt)
	if !bound.Known {
		return "freshness unknown: no cycle has been completed; `ferry sync full` makes the first"
	}
	if held := heldEntities(s); len(held) > 0 {
		// The bound is of everything, and so of what is held; it says nothing of how the rest is kept up.
		return fmt.Sprintf("freshness: not said while %s is held; `ferry resume --entity %s` lets ticks read it again", strings.Join(held, ", "), held[0])
	}
	parts := []string{"at most " + widget.Span(bound.Value) + " behind the source"}
	if !f.TickedAt.IsZero() {
		parts = append(parts, "last cycle "+widget.Ago(f.TickedAt, s.TakenAt))
	}
	if f.Ticks > 0 && f.P50.Known && f.P99.Known {
		parts = append(parts, fmt.Sprintf("in the last hour %s cycles, half of them at most %s behind, 99 in 100 at most %s",
			widget.Count(f.Ticks), widget.Span(f.P50.Value), widget.Span(f.P99.Value)))
	}
	return "freshness: " + strings.Join(parts, "; ")
}

// floorLine says in words what holds the floor back; empty if it moves.
func floorLine(s *engine.Snapshot) string {
	f := s.Floor
	if f.PinnedSince.IsZero() {
		return ""
	}
	who := "nobody could be named"
	if f.PinnedBy != "" {
		who = f.PinnedBy
	}
	return fmt.Sprintf("floor: pinned for %s (%s); what was written since is read again each tick, until that transaction ends",
		widget.Span(f.Pinned()), who)
}

// scheduleLine says in words when ticks come.
func scheduleLine(s *engine.Snapshot) string {
	c := s.Schedule
	switch {
	case s.Sealed != nil:
		return "schedule: no ticks, for the engine is sealed"
	case c.Paused():
		return fmt.Sprintf("schedule: held back by %s, %s%s; `ferry resume --schedule` lets ticks come", c.PausedBy,
			widget.Ago(c.PausedSince, s.TakenAt), because(c.Reason))
	case len(c.Keepers) == 0:
		return "schedule: nobody starts ticks; `ferry sync incremental --watch` keeps the engine in step"
	}
	return fmt.Sprintf("schedule: a tick every %s, started by %s", c.Every, strings.Join(c.Keepers, ", "))
}
