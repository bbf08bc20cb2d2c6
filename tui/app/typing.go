package app

import (
	"fmt"

	tea "github.com/charmbracelet/bubbletea"

	"ferry/engine"
	"ferry/tui/feed"
	"ferry/tui/keymap"
	"ferry/tui/screen"
)

// text is the line that has all keys now, the console's or one of the screen in sight, or nil.
func (m *Model) text() screen.Text {
	if m.prompt != nil {
		return m.prompt
	}
	if t, ok := m.screens[m.current].(screen.Typist); ok && m.help == nil {
		if line := t.Text(); line != nil && line.Typing() {
			return line
		}
	}
	return nil
}

// textKey takes a key while a line of the screen has them all.
func (m *Model) textKey(msg tea.KeyMsg) {
	action, bound := m.keys.InField(msg.String())
	switch {
	case bound && !msg.Paste:
		if !m.tooSmall() || action == keymap.FieldClose {
			m.text().Edit(action)
		}
	case typed(msg):
		m.text().Type(string(msg.Runes))
	}
}

// typed reports whether a key is text.
func typed(msg tea.KeyMsg) bool {
	return (msg.Type == tea.KeyRunes || msg.Type == tea.KeySpace) && !msg.Alt
}

// copySelected hands what is selected to the clipboard.
func (m *Model) copySelected() tea.Cmd {
	c, ok := m.screens[m.current].(screen.Copier)
	if !ok {
		return nil
	}
	text, what := c.Copy()
	return m.perform("copy", engine.Act{}, feed.Plain(func() (string, error) {
		where, err := m.config.Clipboard(text)
		if err != nil {
			return "", fmt.Errorf("neither the terminal nor a file took it: %w", err)
		}
		return what + " " + where, nil
	}))
}
