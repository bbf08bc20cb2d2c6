// Package pump runs a model of the console without a terminal: for tests, and for pictures. What a message sets off is waited for,
// and no time passes but what beats bring.
package pump

import (
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"ferry/tui/feed"
)

// Send gives a model a message, then runs the commands that follow and gives it their messages, until none is left.
// The next beat is not waited for: the caller says when time passes.
func Send(model tea.Model, msg tea.Msg) (quit bool) {
	queue := []tea.Msg{msg}
	for len(queue) > 0 {
		msg, queue = queue[0], queue[1:]
		switch msg := msg.(type) {
		case nil:
			continue
		case tea.QuitMsg:
			quit = true
			continue
		case tea.BatchMsg:
			for _, cmd := range msg {
				if cmd != nil {
					queue = append(queue, cmd())
				}
			}
			continue
		}
		_, cmd := model.Update(msg)
		if cmd == nil {
			continue
		}
		next := cmd()
		if _, beat := msg.(feed.Beat); beat {
			next = afterBeat(next)
		}
		queue = append(queue, next)
	}
	return quit
}

// afterBeat is what follows a beat, without the wait for the next one.
func afterBeat(msg tea.Msg) tea.Msg {
	if batch, ok := msg.(tea.BatchMsg); ok && len(batch) > 0 {
		return batch[1:]
	}
	return nil
}

// Key is the message for a key by its name: "s", "enter", "ctrl+c".
func Key(name string) tea.KeyMsg {
	if key, alt := strings.CutPrefix(name, "alt+"); alt {
		msg := Key(key)
		msg.Alt = true
		return msg
	}
	for kind := tea.KeyType(-200); kind < 128; kind++ {
		if kind != tea.KeyRunes && (tea.Key{Type: kind}).String() == name && name != "" {
			msg := tea.KeyMsg{Type: kind}
			if kind == tea.KeySpace {
				msg.Runes = []rune{' '}
			}
			return msg
		}
	}
	return tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(name)}
}

// Press types keys one after the other.
func Press(model tea.Model, keys ...string) (quit bool) {
	for _, key := range keys {
		quit = Send(model, Key(key)) || quit
	}
	return quit
}
