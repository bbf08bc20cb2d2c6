package app

import (
	"strings"

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
	found := m.palette.found(m.keys, m.config.Replay != nil)
	at := m.palette.list.At()
	if at >= len(found) {
		return nil
	}
	if reason := m.refusal(found[at].Action); reason != "" {
		m.palette.note = "not now: " + reason
		return nil
	}
	m.palette = nil
	return m.do(found[at].Action)
}

// found lists the actions in which every word that was typed occurs: first those whose name has the first one.
func (p *palette) found(keys keymap.Map, replay bool) []keymap.Binding {
	words := strings.Fields(strings.ToLower(p.input.String()))
	var named, others []keymap.Binding
	for _, b := range keys.Bindings() {
		if b.Scope == keymap.Forms || b.Scope == keymap.Fields || b.Action == keymap.Palette || (b.Scope == keymap.Replays && !replay) {
			continue
		}
		name := strings.ToLower(string(b.Action) + " " + b.Short)
		all := name + " " + strings.ToLower(b.Long)
		fits := true
		for _, word := range words {
			fits = fits && strings.Contains(all, word)
		}
		switch {
		case !fits:
		case len(words) > 0 && strings.Contains(name, words[0]):
			named = append(named, b)
		default:
			others = append(others, b)
		}
	}
	return append(named, others...)
}

// paletteLines draws the line that is typed in, and what it finds.
func (m *Model) paletteLines(height int) []canvas.Line {
	p := m.palette
	found := p.found(m.keys, m.config.Replay != nil)
	lead := canvas.Of(themes.Accent, " : ")
	lines := []canvas.Line{*lead.Add(p.input.Line(max(1, m.width-lead.Width()-1), true))}
	hint := canvas.Of(themes.Muted, "   type to find, "+m.keys.Key(keymap.FieldNext)+" goes on to the next")
	switch {
	case p.note != "":
		hint = canvas.Of(themes.Warn, "   "+p.note)
	case len(found) == 0:
		hint = canvas.Of(themes.Warn, "   no action is called so")
	}
	lines = append(lines, hint)
	if len(found) == 0 {
		return lines
	}
	head := canvas.Of(themes.Muted, "  "+sanitize.Pad("key", paletteKeys)+sanitize.Pad("action", paletteNames)+"what it does")
	return append(lines, p.list.Draw(nil, head, len(found), m.width, max(2, height-len(lines)), func(i int) canvas.Line {
		b := &found[i]
		l := canvas.Of(themes.Text, "  ")
		l.Put(themes.Accent, sanitize.Pad(keymap.Name(b.Keys[0]), paletteKeys))
		reason := m.refusal(b.Action)
		if reason != "" {
			l.Put(themes.Muted, sanitize.Pad(string(b.Action), paletteNames)+"not now: "+reason)
		} else {
			l.Put(themes.Title, sanitize.Pad(string(b.Action), paletteNames)).Put(themes.Text, b.Long)
		}
		return l.Fit(m.width - 1)
	})...)
}

const (
	paletteKeys  = 8
	paletteNames = 15
)
