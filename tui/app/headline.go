package app

import (
	"fmt"
	"strings"
	"time"

	"ferry/engine"
	"ferry/themes"
	"ferry/tui/canvas"
	"ferry/tui/keymap"
	"ferry/tui/status"
	"ferry/tui/widget"
)

// telling is what is said behind the state's word. The word itself is never cut: what stands to the right of it gives
// way first, then this.
type telling struct {
	wordings []string // the longest first; the last one is what levels give way for
	words    string   // of an operator, behind the longest wording; cut where the room ends
}

// state is the state's glyph and word.
func (m *Model) state() canvas.Line {
	sign := m.sight.State.Sign()
	if m.sight.State == status.State(engine.RunDone) && m.sight.Worst() != nil {
		sign.Role = themes.Warn // it came to its end, but too much is missing
	}
	return canvas.Of(sign.Role, sign.Glyph+" "+strings.ToUpper(sign.Word))
}

// headline is the state with as much of what is to be said about it as has room. It reports whether that is all of it.
func (m *Model) headline(room int) (line canvas.Line, whole bool) {
	t := m.telling()
	for i, wording := range t.wordings {
		l := m.said(wording)
		if l.Width() > room {
			continue
		}
		if i > 0 || t.words == "" {
			return l, i == 0
		}
		l.Put(themes.Text, t.words)
		if whole = l.Width() <= room; !whole {
			l = l.Fit(room)
		}
		return l, whole
	}
	l := m.said("")
	if len(t.wordings) > 0 {
		l = m.said(t.wordings[len(t.wordings)-1])
	}
	if l.Width() > room {
		l = l.Fit(max(room, 0))
		return l, false
	}
	return l, len(t.wordings) == 0
}

// said is the state with a wording behind it.
func (m *Model) said(wording string) canvas.Line {
	l := m.state()
	if wording != "" {
		l.Put(themes.Text, " "+wording)
	}
	return l
}

// least is how many cells the state takes at least.
func (m *Model) least() int {
	l := m.state()
	if t := m.telling(); len(t.wordings) > 0 {
		l = m.said(t.wordings[len(t.wordings)-1])
	}
	return l.Width()
}

// most is how many cells the state takes at length.
func (m *Model) most() int {
	l := m.state()
	if t := m.telling(); len(t.wordings) > 0 {
		l = m.said(t.wordings[0])
		l.Put(themes.Text, t.words)
	}
	return l.Width()
}

func (m *Model) telling() telling {
	s, now := m.sight.Snapshot, m.sight.Now
	switch m.sight.State { //nolint:exhaustive // the others are states of a run, or say it all
	case status.Unreachable:
		return telling{wordings: []string{m.outage()}}
	case status.Connecting:
		return telling{wordings: []string{"reading both databases"}}
	case status.NotInitialised, status.SchemaOlder:
		return telling{wordings: []string{"engine database; " + m.keys.Key(keymap.Init) + " cures it"}}
	case status.Idle:
		return telling{wordings: []string{"no run yet"}}
	case status.TicksPaused:
		return ticksPaused(s.Schedule, now)
	case status.Sealed:
		by := "by " + s.Sealed.By
		return telling{wordings: []string{by + " since " + widget.When(s.Sealed.At, now), by}, words: because(s.Sealed.Reason)}
	}
	if s.Run == nil {
		return telling{}
	}
	if m.sight.State == status.Throttled {
		return throttledWords(s.Pace, fmt.Sprintf("%s #%d", status.OfKind(s.Run), s.Run.ID))
	}
	return m.about(s.Run, now)
}

// ticksPaused says who holds the ticks back, since when, and why.
func ticksPaused(s engine.Schedule, now time.Time) telling {
	by := "by " + s.PausedBy
	if !s.PausedSince.IsZero() {
		by += " " + widget.Ago(s.PausedSince, now)
	}
	return telling{wordings: []string{by}, words: because(s.Reason)}
}

func because(reason string) string {
	if reason == "" {
		return ""
	}
	return ": " + reason
}

// outage says which database does not answer, since when, and how old the figures are.
func (m *Model) outage() string {
	s, now := m.sight.Snapshot, m.sight.Now
	if !s.Target.Down() {
		return "source database " + widget.Duration(now.Sub(s.Source.DownSince)) + m.meanwhile()
	}
	text := "engine database " + widget.Duration(now.Sub(s.Target.DownSince))
	if s.Source.Down() {
		text = "both databases " + widget.Duration(now.Sub(s.Target.DownSince))
	}
	if s.TakenAt.IsZero() {
		return text + ", nothing read yet"
	}
	return text + ", shown: " + widget.When(s.TakenAt, now) + m.meanwhile()
}

// meanwhile says how the run stands, or stood, behind an outage.
func (m *Model) meanwhile() string {
	if seal := m.sight.Snapshot.Sealed; seal != nil {
		return "; SEALED by " + seal.By
	}
	run := m.run()
	if run == nil {
		return ""
	}
	return fmt.Sprintf("; #%d %s", run.ID, status.State(run.State).Sign().Word)
}

// about tells about a run what its state alone does not say.
func (m *Model) about(run *engine.RunView, now time.Time) telling {
	short := fmt.Sprintf("%s #%d", status.OfKind(run), run.ID)
	text := short
	if run.First && run.State.Active() {
		text += " first load"
	}
	by := ""
	if run.StateBy != "" {
		by = " by " + run.StateBy
	}
	switch run.State {
	case engine.RunQueued:
		text += ", " + widget.Duration(now.Sub(run.CreatedAt))
	case engine.RunPlanning, engine.RunRunning:
		if !run.StartedAt.IsZero() {
			text += ", " + widget.Duration(now.Sub(run.StartedAt))
		}
	case engine.RunPausing, engine.RunPaused, engine.RunCancelled:
		by += " " + widget.Ago(run.Since, now)
		return telling{wordings: []string{text + by, short + by, short}, words: because(run.Reason)}
	case engine.RunAsking:
		asks := short
		if m.refusal(keymap.Answer) == "" {
			asks += ": " + m.keys.Key(keymap.Answer) + " answers"
		}
		return telling{wordings: []string{asks + ", since " + widget.When(run.Since, now), asks, short}}
	case engine.RunInterrupted:
		text = short + " " + widget.Ago(run.Since, now)
		return telling{wordings: []string{text + ": its processes are gone; " + m.keys.Key(keymap.Pause) + " resumes", text, short}}
	case engine.RunFailed:
		text += " " + widget.Ago(run.Since, now)
	case engine.RunDone:
		at := ", " + widget.When(run.FinishedAt, now)
		text = short + at
		if !run.StartedAt.IsZero() && !run.FinishedAt.IsZero() {
			return telling{wordings: []string{short + " in " + widget.Span(run.FinishedAt.Sub(run.StartedAt)) + at, text, short}}
		}
	}
	return telling{wordings: []string{text, short}}
}
