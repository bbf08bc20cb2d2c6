package app

import (
	tea "github.com/charmbracelet/bubbletea"

	"ferry/themes"
	"ferry/tui/canvas"
	"ferry/tui/keymap"
	"ferry/tui/sanitize"
	"ferry/tui/screen"
	"ferry/tui/widget"
)

// palette finds an action by what it is called, and does it. While it is open it has all keys.
type palette struct {
	input widget.Input
	list  screen.List
	note  string // why the action that was chosen cannot be taken
}

func newPalette() *palette { return &palette{} }

// paletteKey takes a key while the palette is open.
func (m *Model) paletteKey(msg tea.KeyMsg) tea.Cmd {
	p := m.palette
	action, bound := m.keys.InField(msg.String())
	if !bound || msg.Paste {
		if typed(msg) {
			p.input.Insert(string(msg.Runes))
			p.list.Reset()
			p.note = ""
		}
		return nil
	}
	if m.tooSmall() && action != keymap.FieldClose {
		return nil
	}
	p.note = ""
	switch action { //nolint:exhaustive // the others edit the line
	case keymap.FieldClose:
		m.palette = nil
	case keymap.FieldNext:
		p.list.Do(keymap.Down)
	case keymap.FieldPrev:
		p.list.Do(keymap.Up)
	case keymap.FieldAccept:
		return m.paletteTake()
	default:
		p.input.Do(action)
		p.list.Reset()
	}
	return nil
}

// paletteTake does what is selected; what is not possible now stays, with its reason.
func (m *Model) paletteTake() tea.Cmd {
	found := m.paletteFound()
	at := m.palette.list.At()
	if at >= len(found) {
		return nil
	}
	if found[at].bar != "" {
		m.palette.note = "not now: " + found[at].bar
		return nil
	}
	m.palette = nil
	m.used(found[at].name)
	return found[at].take()
}

// paletteFound lists what fits the line that is typed.
func (m *Model) paletteFound() []match {
	typed := m.palette.input.String()
	return ranked(m.commands(typed), typed, m.recent)
}

// paletteLines draws the line that is typed in, and what it finds.
func (m *Model) paletteLines(height int) []canvas.Line {
	p := m.palette
	found := m.paletteFound()
	lead := canvas.Of(themes.Accent, " : ")
	lines := []canvas.Line{*lead.Add(p.input.Line(max(1, m.width-lead.Width()-1), true))}
	hint := canvas.Of(themes.Muted, "   type to find, "+m.keys.Key(keymap.FieldNext)+" goes on to the next")
	switch {
	case p.note != "":
		hint = canvas.Of(themes.Warn, "   "+p.note)
	case len(found) == 0:
		hint = canvas.Of(themes.Warn, "   no action is called so; "+m.keys.Key(keymap.FieldClear)+" erases the line")
	}
	lines = append(lines, hint)
	if len(found) == 0 {
		return lines
	}
	head := canvas.Of(themes.Muted, "  "+sanitize.Pad("key", paletteKeys)+sanitize.Pad("action", paletteNames)+"what it does")
	return append(lines, p.list.Draw(nil, head, len(found), m.width, max(2, height-len(lines)), func(i int) canvas.Line {
		return found[i].line(m.width - 1)
	})...)
}

// line draws a command, with the letters that fit what is typed marked.
func (f *match) line(width int) canvas.Line {
	l := canvas.Of(themes.Text, "  ")
	l.Put(themes.Accent, sanitize.Pad(sanitize.Fit(f.key, paletteKeys-1), paletteKeys))
	begin, plain := l.Width(), themes.Title
	if f.bar != "" {
		plain = themes.Muted
	}
	for at, r := range []rune(f.name) {
		role := plain
		if f.marks[at] {
			role = themes.Accent
		}
		l.Put(role, sanitize.Text(string(r)))
	}
	l = l.Fit(min(l.Width(), width/2))
	l.Put(themes.Text, " ").To(begin + paletteNames)
	if f.bar != "" {
		l.Put(themes.Muted, "not now: "+f.bar)
	} else {
		l.Put(themes.Text, f.about)
	}
	return l.Fit(width)
}

const (
	paletteKeys  = 8
	paletteNames = 15
)
