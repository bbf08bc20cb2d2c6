package app

import (
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"ferry/engine"
	"ferry/themes"
	"ferry/tui/canvas"
	"ferry/tui/keymap"
	"ferry/tui/sanitize"
	"ferry/tui/screen"
	"ferry/tui/widget"
)

// prompt asks for a card in one line, where the footer stands else. While it is open it has all keys to itself.
type prompt struct {
	input widget.Input
	last  engine.CardKey // offered: taken where nothing is typed
}

// askCard asks which card is to be shown.
func (m *Model) askCard() {
	m.prompt, m.help = &prompt{}, nil
	if _, viewer := m.cardViewer(); viewer != nil {
		m.prompt.last = viewer.Shown()
	}
}

// promptKey takes a key while the prompt is open.
func (m *Model) promptKey(msg tea.KeyMsg) {
	p := m.prompt
	action, bound := m.keys.InField(msg.String())
	if !bound || msg.Paste {
		if (msg.Type == tea.KeyRunes || msg.Type == tea.KeySpace) && !msg.Alt {
			p.input.Insert(string(msg.Runes))
		}
		return
	}
	switch action { //nolint:exhaustive // the others are of several fields
	case keymap.FieldLeft:
		p.input.Move(-1)
	case keymap.FieldRight:
		p.input.Move(1)
	case keymap.FieldHome:
		p.input.Home()
	case keymap.FieldEnd:
		p.input.End()
	case keymap.FieldErase:
		p.input.Erase()
	case keymap.FieldDelete:
		p.input.Delete()
	case keymap.FieldClear:
		p.input.Clear()
	case keymap.FieldClose:
		m.prompt = nil
	case keymap.FieldAccept:
		m.prompt = nil
		key := p.last
		if text := p.input.String(); strings.TrimSpace(text) != "" {
			key = screen.ParseCard(text)
		}
		if key != (engine.CardKey{}) {
			m.openCard(key)
		}
	}
}

// openCard turns to the view of a card; back leads to where one was.
func (m *Model) openCard(key engine.CardKey) {
	if i, viewer := m.cardViewer(); viewer != nil {
		viewer.Show(key)
		m.show(i)
	}
}

func (m *Model) cardViewer() (int, screen.CardViewer) {
	for i, s := range m.screens {
		if viewer, ok := s.(screen.CardViewer); ok {
			return i, viewer
		}
	}
	return 0, nil
}

// promptLine draws the prompt.
func (m *Model) promptLine() canvas.Line {
	l := canvas.Of(themes.Accent, " Card (id or code): ")
	hint := m.keys.Key(keymap.FieldAccept) + " shows it · " + m.keys.Key(keymap.FieldClose) + " goes back "
	offered := ""
	if m.prompt.last != (engine.CardKey{}) && m.prompt.input.String() == "" {
		offered = sanitize.Fit(screen.CardName(m.prompt.last), m.width/3)
		hint = m.keys.Key(keymap.FieldAccept) + " shows it again · " + m.keys.Key(keymap.FieldClose) + " goes back "
	}
	tail := canvas.Of(themes.Muted, hint)
	field := m.prompt.input.Line(max(1, m.width-l.Width()-tail.Width()-1), true)
	l.Add(field)
	if offered != "" {
		l.Put(themes.Muted, " "+offered)
	}
	l = l.Fit(max(0, m.width-tail.Width()))
	return *l.Add(tail)
}
