package app

import (
	"ferry/engine"
	"ferry/themes"
	"ferry/tui/canvas"
	"ferry/tui/sanitize"
	"ferry/tui/widget"
)

// level is one service level as the header tells it.
type level struct {
	line canvas.Line
	rank int // where the room is short, the one with the highest goes first
}

// The ranks of the levels: what is wrong stays longer than what is well.
const (
	rankUnaccounted = iota
	rankOverLimit
	rankLate
	rankRejected
	rankFresh
	rankAccounted
)

const (
	leastState = 30 // a tick's state changes often, and what stands beside it should not
	longState  = 42 // of a tick: whether the header is one line or two must not change with each
	freshWidth = 8  // "≤ 23h59m"
)

// levelsBeside are as many of the levels as leave room for a state of so many cells: how late the engine is, what is
// rejected, whether every row is accounted for.
func (m *Model) levelsBeside(state int) canvas.Line {
	known := m.known()
	room := m.width - max(state, leastState) - 4
	taken := make([]level, len(known)) // in their order on the line
	for rank := range rankAccounted + 1 {
		for i, l := range known {
			if l.rank != rank {
				continue
			}
			taken[i] = l
			if line := joined(taken); line.Width() > room {
				taken[i] = level{}
			}
		}
	}
	return joined(taken)
}

func joined(levels []level) canvas.Line {
	var out canvas.Line
	for _, l := range levels {
		if l.line.Width() == 0 {
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
	return []level{m.freshLevel(), m.rejectedLevel(), m.accountedLevel()}
}

// freshLevel always takes the same room: its digits move every second, and what stands beside them should not.
func (m *Model) freshLevel() level {
	if m.sight.Snapshot.Freshness.ReadFrom.IsZero() {
		return level{}
	}
	text, kept := m.sight.Fresh()
	l := canvas.Of(themes.Muted, "fresh ")
	text = sanitize.Pad(text, freshWidth)
	if !kept {
		return level{*l.Put(themes.Warn, text), rankLate}
	}
	return level{*l.Put(themes.Text, text), rankFresh}
}

// accountedLevel is whether the rows' sum comes out. While a run moves rows, and after one that ended early, it need not.
func (m *Model) accountedLevel() level {
	s := m.sight.Snapshot
	all := len(s.Entities) > 0
	for _, e := range s.Entities {
		if e.Accounted.Known && !e.Accounted.Value {
			if s.Run == nil || s.Run.State != engine.RunDone {
				return level{}
			}
			return level{canvas.Of(themes.Bad, "rows NOT accounted for"), rankUnaccounted}
		}
		all = all && e.Accounted.Known && e.PausedBy == "" // of what is held the figures are from before
	}
	switch {
	case !all:
		return level{}
	case m.width < longTabs: // the state needs the room
		return level{canvas.Of(themes.OK, "rows accounted for"), rankAccounted}
	}
	return level{canvas.Of(themes.OK, "every row accounted for"), rankAccounted}
}

// rejectedLevel is the share of the rows that are rejected; if an entity has too many, it is that one's.
func (m *Model) rejectedLevel() level {
	l := canvas.Of(themes.Muted, "rejected ")
	if worst := m.sight.Worst(); worst != nil {
		return level{*l.Put(themes.Warn, widget.Share(worst.RejectedShare())+" over the limit"), rankOverLimit}
	}
	share := rejected(m.sight.Snapshot)
	if !share.Known {
		return level{}
	}
	return level{*l.Put(themes.Text, widget.Share(share)), rankRejected}
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
