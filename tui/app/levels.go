package app

import (
	"slices"
	"strings"

	"ferry/engine"
	"ferry/themes"
	"ferry/tui/canvas"
	"ferry/tui/sanitize"
	"ferry/tui/widget"
)

// level is one service level as the header tells it, in several wordings, the longest first.
type level struct {
	wordings []canvas.Line
	rank     int // where the room is short, the one with the highest goes first
}

// The ranks of the levels: what is wrong stays longer than what is well.
const (
	rankUnaccounted = iota
	rankDisagrees
	rankOverLimit
	rankLate
	rankAgreement
	rankProof
	rankFresh
	rankAccounted
	rankUnknown // nothing that anybody acts on: only where nothing else needs the room
)

const (
	leastState = 30 // a tick's state changes often, and what stands beside it should not
	tickState  = 21 // the longest of its states in the fewest words; what is proven may take the rest
	longState  = 42 // of a tick: whether the header is one line or two must not change with each
	freshWidth = 8  // "≤ 23h59m"
)

func as(rank int, wordings ...canvas.Line) level { return level{wordings, rank} }

// levelsBeside are as many of the levels as leave room for a state of so many cells: how late the engine is, how much of it
// agrees and what is rejected, how old the proof is, whether every row is accounted for. The proof is told in fewer words
// where another one then has room.
func (m *Model) levelsBeside(state int) canvas.Line {
	known := m.known()
	taken := m.fitted(known, state)
	for i, l := range known {
		if l.rank != rankProof || count(taken) == len(known) {
			continue
		}
		shorter := slices.Clone(known)
		shorter[i].wordings = l.wordings[len(l.wordings)-1:]
		if others := m.fitted(shorter, state); count(others) > count(taken) {
			taken = others
		}
	}
	return joined(taken)
}

func count(lines []canvas.Line) int {
	n := 0
	for i := range lines {
		if lines[i].Width() > 0 {
			n++
		}
	}
	return n
}

// fitted are the levels that there is room for, in their order on the line; empty where there is none.
func (m *Model) fitted(known []level, state int) []canvas.Line {
	taken := make([]canvas.Line, len(known))
	for rank := range rankUnknown + 1 {
		least := leastState
		switch {
		case rank == rankUnknown:
			least = max(leastState, m.most())
		case rank < rankAccounted && m.sight.Snapshot.Proof.Agreement.Known:
			least = tickState
		}
		room := m.width - max(state, least) - 4
		for i, l := range known {
			if l.rank != rank || (rank == rankUnknown && taken[i+1].Width() == 0) { // not without what is rejected, which is next to it
				continue
			}
			for _, wording := range l.wordings {
				taken[i] = wording
				if line := joined(taken); line.Width() <= room {
					break
				}
				taken[i] = canvas.Line{}
			}
		}
	}
	return taken
}

// atLength are all levels in full, those of a rank or a stronger one.
func (m *Model) atLength(weakest int) canvas.Line {
	var lines []canvas.Line
	for _, l := range m.known() {
		if len(l.wordings) > 0 && l.rank <= weakest {
			lines = append(lines, l.wordings[0])
		}
	}
	return joined(lines)
}

func joined(lines []canvas.Line) canvas.Line {
	var out canvas.Line
	for i := range lines {
		if lines[i].Width() == 0 {
			continue
		}
		if out.Width() > 0 {
			out.Put(themes.Text, "  ")
		}
		out.Add(lines[i])
	}
	return out
}

func (m *Model) known() []level {
	s := m.sight.Snapshot
	if s.TakenAt.IsZero() || s.Setup != engine.SetupReady || s.Target.Down() {
		return nil
	}
	return []level{m.freshLevel(), m.unknownLevel(), m.agreementLevel(), m.proofLevel(), m.accountedLevel()}
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
		return as(rankLate, *l.Put(themes.Warn, text))
	}
	return as(rankFresh, *l.Put(themes.Text, text))
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
			return as(rankUnaccounted, canvas.Of(themes.Bad, "rows NOT accounted for"))
		}
		all = all && e.Accounted.Known && e.PausedBy == "" // of what is held the figures are from before
	}
	switch {
	case !all:
		return level{}
	case m.width < longTabs: // the state needs the room
		return as(rankAccounted, canvas.Of(themes.OK, "rows accounted for"))
	}
	return as(rankAccounted, canvas.Of(themes.OK, "every row accounted for"))
}

// unknownLevel is that nobody knows how much agrees.
func (m *Model) unknownLevel() level {
	refused, _ := m.rejectedFigure()
	if text, state := m.sight.Agreement(); state == engine.LevelUnknown && refused.Width() > 0 {
		l := canvas.Of(themes.Muted, "agree ")
		return as(rankUnknown, *l.Put(themes.Muted, text))
	}
	return level{}
}

// agreementLevel is how much agrees, and beside it what is rejected, never the one without the other: rows that were kept
// out cannot disagree. Where there is no room for both, or nobody knows how much agrees, what is rejected stays.
func (m *Model) agreementLevel() level {
	refused, over := m.rejectedFigure()
	text, state := m.sight.Agreement()
	rank := rankAgreement
	if over {
		rank = rankOverLimit
	}
	l := canvas.Of(themes.Muted, "agree ")
	switch state {
	case engine.LevelKept:
		l.Put(themes.OK, text)
	case engine.LevelMissed:
		l.Put(themes.Warn, text+" below target")
		rank = rankDisagrees
	case engine.LevelAlert:
		l.Put(themes.Bad, text+" ALERT")
		rank = rankDisagrees
	case engine.LevelUnknown:
		if refused.Width() == 0 {
			return level{}
		}
		return as(rank, refused)
	}
	if refused.Width() == 0 {
		refused = canvas.Of(themes.Muted, "rejected "+widget.Unknown)
	}
	return as(rank, joined([]canvas.Line{l, refused}), refused)
}

// proofLevel is how old the oldest proof is, or that nothing could be proven. That nobody ever looked is said by the
// agreement, which is then unknown.
func (m *Model) proofLevel() level {
	text, good := m.sight.Proven()
	switch {
	case text == widget.Unknown && !m.sight.Snapshot.Proof.Agreement.Known:
		return level{}
	case m.sight.Snapshot.Proof.Verdict == engine.CouldNotCheck && m.sight.Snapshot.Proof.Never():
		return as(rankLate, canvas.Of(themes.Warn, "proof: "+text), canvas.Of(themes.Warn, "no proof yet"))
	case m.sight.Snapshot.Proof.Verdict == engine.CouldNotCheck:
		return as(rankLate, canvas.Of(themes.Warn, "proof: "+text), canvas.Of(themes.Warn, text))
	}
	role, rank := themes.Text, rankProof
	if !good {
		role, rank = themes.Warn, rankLate
	}
	l, short := canvas.Of(themes.Muted, "proof "), canvas.Of(themes.Muted, "proof ")
	return as(rank, *l.Put(role, text), *short.Put(role, strings.Replace(text, " old", "", 1)))
}

// rejectedFigure is the share of the rows that are rejected; if an entity has too many, it is that one's. It is empty while
// that is not known.
func (m *Model) rejectedFigure() (figure canvas.Line, over bool) {
	l := canvas.Of(themes.Muted, "rejected ")
	if worst := m.sight.Worst(); worst != nil {
		return *l.Put(themes.Warn, m.sight.Rejected(*worst)+" over the limit"), true
	}
	share := rejected(m.sight.Snapshot)
	if !share.Known {
		return canvas.Line{}, false
	}
	return *l.Put(themes.Text, widget.Share(share)), false
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
