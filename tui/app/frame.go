package app

import (
	"fmt"
	"strings"
	"time"

	"ferry/engine"
	"ferry/themes"
	"ferry/tui/canvas"
	"ferry/tui/keymap"
	"ferry/tui/sanitize"
	"ferry/tui/screen"
	"ferry/tui/widget"
)

const (
	minWidth  = 60
	minHeight = 16
	helpKeys  = 21               // cells for the keys in the help
	longTabs  = 108              // from here on tabs have their full names
	old       = 10 * time.Second // figures older than this are called old
)

func (m *Model) tooSmall() bool { return m.width < minWidth || m.height < minHeight }

// draw makes the frame: exactly as many lines as the window has, each exactly as wide.
func (m *Model) draw() {
	if m.width == 0 || m.height == 0 {
		m.frame = ""
		return
	}
	lines := m.lines()
	m.frame = canvas.Frame(&m.styles, canvas.Block(lines, m.width, m.height), m.width)
	if m.config.ASCII {
		m.frame = canvas.ASCII(m.frame)
	}
}

func (m *Model) lines() []canvas.Line {
	if m.tooSmall() {
		return m.smallLines()
	}
	top := append(m.header(), m.tabs(), m.topRule())
	last := m.footer()
	if m.prompt != nil {
		last = m.promptLine()
	}
	foot := append(m.noticeLines(), m.rule(""), last)
	height := max(0, m.height-len(top)-len(foot))
	var body []canvas.Line
	switch {
	case m.palette != nil:
		body = m.paletteLines(height)
	case m.help != nil:
		body = m.help.Window(m.helpLines(), height)
	case m.sight.Snapshot == nil:
		body = []canvas.Line{canvas.Of(themes.Muted, " reading the first figures")}
	default:
		s := m.screens[m.current]
		s.SetSize(m.width, height)
		body = s.Lines()
	}
	lines := append(append(top, canvas.Block(body, m.width, height)...), foot...)
	lines = canvas.Block(lines, m.width, m.height)
	if m.picker != nil {
		m.layPicker(lines, len(top))
	}
	if m.dialog != nil {
		box := m.dialogLines()
		width := 0
		if len(box) > 0 {
			width = box[0].Width()
		}
		canvas.Lay(lines, aired(box), max(0, (m.width-width)/2-1), max(0, (m.height-len(box))/2))
	}
	return lines
}

// aired is a box with a cell of air at both sides.
func aired(box []canvas.Line) []canvas.Line {
	for i := range box {
		l := canvas.Of(themes.Text, " ")
		box[i] = *l.Add(box[i]).Put(themes.Text, " ")
	}
	return box
}

// smallLines is what a window gets that is too small for anything else: where ferry stands, and what to do.
func (m *Model) smallLines() []canvas.Line {
	l := canvas.Of(themes.Text, "")
	if m.sight.Snapshot != nil {
		l = m.state()
	}
	lines := []canvas.Line{l, canvas.Of(themes.Warn, fmt.Sprintf(" window too small (need %d×%d)", minWidth, minHeight))}
	if m.height == 1 {
		l.Put(themes.Warn, fmt.Sprintf("  window too small (need %d×%d)", minWidth, minHeight))
		lines = []canvas.Line{l}
	}
	if m.dialog != nil {
		lines = append(lines, canvas.Of(themes.Text, " needs an answer: "+m.dialog.form.Title))
	}
	if m.prompt != nil {
		lines = append(lines, canvas.Of(themes.Text, " waits for the id or code of a card"))
	}
	return lines
}

// header is one line where all of it has room, else two.
func (m *Model) header() []canvas.Line {
	if m.sight.Snapshot == nil {
		return []canvas.Line{canvas.Of(themes.Title, " "+m.config.Title), {}}
	}
	clock := m.clock()
	if m.width >= screen.Wide {
		for weakest := rankUnknown; weakest >= rankAccounted; weakest-- {
			if line, whole := m.oneLine(clock, m.atLength(weakest)); whole {
				return []canvas.Line{line}
			}
		}
	}
	where := m.where(m.width - clock.Width() - 1)
	first := where.Fit(m.width - clock.Width() - 1)
	first.Put(themes.Text, " ").Add(clock)
	second := canvas.Of(themes.Text, " ")
	levels := m.levelsBeside(m.least())
	room := m.width - levels.Width() - 4
	if levels.Width() == 0 {
		room = m.width - 1
	}
	state, _ := m.headline(room)
	second.Add(state).To(m.width - levels.Width() - 1).Add(levels)
	return []canvas.Line{first, second}
}

// oneLine is the header on one line; false says that not all of it has room.
func (m *Model) oneLine(clock, levels canvas.Line) (canvas.Line, bool) {
	where := m.where(m.width)                                            // as far as it goes on one line with all else
	room := m.width - where.Width() - levels.Width() - clock.Width() - 9 // with air between them
	state, whole := m.headline(room)
	if !whole || room < longState {
		return canvas.Line{}, false
	}
	where.Put(themes.Text, "   ").Add(state).Put(themes.Text, "  ").To(m.width - clock.Width() - levels.Width() - 3)
	where.Add(levels).Put(themes.Text, "   ").Add(clock)
	return where, true
}

func (m *Model) clock() canvas.Line {
	var l canvas.Line
	l.Add(m.tapeBadge())
	switch {
	case m.sight.Snapshot.Replayed():
	case m.sight.Snapshot.Process.ReadOnly:
		l.Put(themes.Warn, "READ-ONLY  ")
	case m.sight.Snapshot.Viewer != "":
		l.Put(themes.Warn, "VIEWER  ")
	}
	return *l.Put(themes.Text, widget.Clock(m.sight.Now))
}

// tabs lists the screens; the current one is marked. Where the window is narrow they move together, so that none is cut.
func (m *Model) tabs() canvas.Line {
	var right canvas.Line
	if s := m.sight.Snapshot; s != nil && s.Errors > 0 {
		right.Put(themes.Bad, "errors "+widget.Count(s.Errors))
	}
	room := m.width - 1
	if right.Width() > 0 {
		room -= right.Width() + 1
	}
	var l canvas.Line
	for _, air := range [][2]string{{" ", "  "}, {" ", " "}, {"", " "}, {"", ""}} {
		if l = m.tabRow(air[0], air[1]); l.Width() <= room {
			break
		}
	}
	return *l.To(m.width - 1 - right.Width()).Add(right)
}

// tabRow is the row of tabs with air behind each key, and between the tabs.
func (m *Model) tabRow(behind, between string) canvas.Line {
	var l canvas.Line
	shown := 0
	for _, s := range m.screens {
		if !s.Tab().Aside {
			shown++
		}
	}
	shortRow := shown < 5 // there is room for the full names
	for i, s := range m.screens {
		tab := s.Tab()
		if tab.Aside && (i != m.current || m.help != nil) {
			continue
		}
		title := tab.Short
		if m.width >= longTabs || shortRow {
			title = tab.Long
		}
		mark, role := " ", themes.Muted
		if i == m.current && m.help == nil {
			mark, role = "›", themes.Accent
		}
		l.Put(role, mark+m.keys.Key(tab.Action)+behind+title).Put(themes.Text, between)
	}
	if m.help != nil {
		l.Put(themes.Accent, "›"+m.keys.Key(keymap.Help)+behind+"Help")
	}
	return l
}

// topRule parts the frame from the screen. It says so when what is below is not of this moment, and on every screen when
// the run needs an answer.
func (m *Model) topRule() canvas.Line {
	s := m.sight.Snapshot
	if s == nil || s.TakenAt.IsZero() {
		return m.rule("")
	}
	// Whether Odoo may be unfrozen is said on every screen, whatever else there is to say.
	frozen := m.frozenWords()
	if frozen != "" && m.width < longTabs {
		return m.rule(frozen)
	}
	if frozen != "" {
		frozen += "  ·  "
	}
	if run := s.Run; run != nil && run.State == engine.RunAsking && !s.Target.Down() {
		text := fmt.Sprintf("? run #%d needs an answer", run.ID)
		if m.refusal(keymap.Answer) == "" {
			text += ": " + m.keys.Key(keymap.Answer)
		}
		return m.rule(frozen + text)
	}
	if age := m.sight.Now.Sub(s.TakenAt); s.Target.Down() || age >= old {
		return m.rule(frozen + "figures of " + widget.When(s.TakenAt, m.sight.Now) + ", " + widget.Duration(age) + " old")
	}
	return m.rule(strings.TrimSuffix(frozen, "  ·  "))
}

func (m *Model) rule(text string) canvas.Line {
	l := canvas.Of(themes.Border, strings.Repeat("─", m.width))
	if text == "" {
		return l
	}
	return l.Over(3, canvas.Of(themes.Warn, " "+sanitize.Fit(text, m.width-8)+" "))
}
