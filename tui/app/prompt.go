package app

import (
	"strings"

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
	last  engine.CardKey           // offered: taken where nothing is typed
	shut  func(key engine.CardKey) // closes the prompt; the zero key: no card is wanted
}

// askCard asks which card is to be shown.
func (m *Model) askCard() {
	m.help = nil
	m.prompt = &prompt{shut: func(key engine.CardKey) {
		m.prompt = nil
		if key != (engine.CardKey{}) {
			m.openCard(key)
		}
	}}
	if _, viewer := m.cardViewer(); viewer != nil {
		m.prompt.last = viewer.Shown()
	}
	if carded, ok := m.screens[m.current].(screen.Carded); ok && carded.Card() != (engine.CardKey{}) {
		m.prompt.last = carded.Card() // what is selected is what is most likely meant
	}
}

// Typing reports that the prompt has all keys.
func (p *prompt) Typing() bool { return true }

// Type puts text in.
func (p *prompt) Type(text string) { p.input.Insert(text) }

// Edit edits the line, takes what is in it, or closes the prompt.
func (p *prompt) Edit(action keymap.Action) bool {
	switch action { //nolint:exhaustive // the others edit the line
	case keymap.FieldClose:
		p.shut(engine.CardKey{})
	case keymap.FieldAccept:
		key := p.last
		if text := p.input.String(); strings.TrimSpace(text) != "" {
			key = screen.ParseCard(text)
		}
		p.shut(key)
	default:
		return p.input.Do(action)
	}
	return true
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
		offered = sanitize.Fit(screen.CardName(m.prompt.last), max(1, m.width-l.Width()-len(hint)-4))
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
