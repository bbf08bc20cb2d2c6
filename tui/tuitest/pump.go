package tuitest

import (
	tea "github.com/charmbracelet/bubbletea"

	"ferry/tui/pump"
)

// Send is pump.Send.
func Send(model tea.Model, msg tea.Msg) (quit bool) { return pump.Send(model, msg) }

// Key is pump.Key.
func Key(name string) tea.KeyMsg { return pump.Key(name) }

// Press is pump.Press.
func Press(model tea.Model, keys ...string) (quit bool) { return pump.Press(model, keys...) }
