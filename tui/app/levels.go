package app

import (
	"ferry/engine"
	"ferry/themes"
	"ferry/tui/canvas"
	"ferry/tui/widget"
)

// level is one service level as the header tells it.
type level struct {
	line  canvas.Line
	spare int // where the room is short, the one with the highest figure goes first; 0 stays
}

// levels are the service levels that are known: how late the engine is, what is rejected, whether every row is accounted
// for.
func (m *Model) levels() canvas.Line { return joined(m.known(), 2) }

// levelsBeside are as many of them as leave room for a state of so many cells.
func (m *Model) levelsBeside(state int) canvas.Line {
	known := m.known()
	state = max(state, 36) // a tick's state changes often, and what stands beside it should not
	for spare := 2; spare > 0; spare-- {
		if l := joined(known, spare); state+l.Width()+4 <= m.width {
			return l
		}
	}
	return joined(known, 0)
}

func joined(levels []level, spare int) canvas.Line {
	var out canvas.Line
	for _, l := range levels {
		if l.spare > spare || l.line.Width() == 0 {
			continue
		}
		if out.Width() > 0 {
			out.Put(themes.Text, "  ")
		}
		out.Add(l.line)
	}
	return out
}

func (m *Model) known() []level {
	s := m.sight.Snapshot
	if s.TakenAt.IsZero() || s.Setup != engine.SetupReady || s.Target.Down() {
		return nil
	}
	return []level{m.freshLevel(), {m.rejectedLevel(), 0}, m.accountedLevel()}
}

func (m *Model) freshLevel() level {
	if m.sight.Snapshot.Freshness.ReadFrom.IsZero() {
		return level{}
	}
	text, kept := m.sight.Fresh()
	l := canvas.Of(themes.Muted, "fresh ")
	if !kept {
		return level{*l.Put(themes.Warn, text), 0}
	}
	return level{*l.Put(themes.Text, text), 1}
}

func (m *Model) accountedLevel() level {
	all := len(m.sight.Snapshot.Entities) > 0
	for _, e := range m.sight.Snapshot.Entities {
		if e.Accounted.Known && !e.Accounted.Value {
			return level{canvas.Of(themes.Bad, "rows NOT accounted for"), 0}
		}
		all = all && e.Accounted.Known
	}
	switch {
	case !all:
		return level{}
	case m.width < longTabs: // the state needs the room
		return level{canvas.Of(themes.OK, "rows accounted for"), 2}
	}
	return level{canvas.Of(themes.OK, "every row accounted for"), 2}
}

// rejectedLevel is the share of the rows that are rejected; if an entity has too many, it is that one's.
func (m *Model) rejectedLevel() canvas.Line {
	l := canvas.Of(themes.Muted, "rejected ")
	if worst := m.sight.Worst(); worst != nil {
		return *l.Put(themes.Warn, widget.Share(worst.RejectedShare())+" over the limit")
	}
	share := rejected(m.sight.Snapshot)
	if !share.Known {
		return canvas.Line{}
	}
	return *l.Put(themes.Text, widget.Share(share))
}

// rejected is the share of all source rows that were refused; unknown unless it is known of every entity. During a first
// load, when nobody knows yet, it is the share of the rows that the run has read.
func rejected(s *engine.Snapshot) engine.Maybe[float64] {
	var refused, rows, read int64
	known := true
	for _, e := range s.Entities {
		known = known && e.RejectedShare().Known
		refused += e.Quarantined.Value - e.Waiting.Or(0) - e.Waived.Or(0)
		rows += e.SourceRows.Value
		read += e.Counts.Read
	}
	switch {
	case s.Run != nil && s.Run.State.Active() && (s.Run.First || (!known && s.Run.Kind == engine.RunFull)) && read > 0:
		refused = 0
		for _, e := range s.Entities {
			refused += e.Counts.Rejected
		}
		return engine.Known(float64(refused) / float64(read))
	case !known || rows == 0:
		return engine.Maybe[float64]{}
	}
	return engine.Known(float64(refused) / float64(rows))
}
