// Package screen says what a screen of the console is. Each screen lives in a folder below, knows nothing of the others,
// and is added to the console by one line in package app.
//
// A screen is given what there is to see (See), how much room it has (SetSize) and what the operator wants (Do), in
// actions of the keymap, never in keys. It gives back lines; it does no I/O and asks no clock. What it wants done is
// returned as a command.
package screen

import (
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"ferry/engine"
	"ferry/themes"
	"ferry/tui/canvas"
	"ferry/tui/keymap"
	"ferry/tui/status"
	"ferry/tui/widget"
)

// Wide is the width from which panes stand side by side.
const Wide = 120

// Sight is what there is to see at a moment.
type Sight struct {
	Snapshot *engine.Snapshot
	State    status.State
	Now      time.Time
}

// Tab is how a screen is called.
type Tab struct {
	Action keymap.Action // that leads to it
	Short  string
	Long   string
}

// Screen is one screen of the console.
type Screen interface {
	// Tab says how the screen is called, and which action leads to it.
	Tab() Tab
	// See takes what there is to see from now on.
	See(Sight)
	// SetSize says how much room there is, before Lines is asked.
	SetSize(width, height int)
	// Do carries out an action; false says that the screen has no use for it.
	Do(keymap.Action) (tea.Cmd, bool)
	// Lines draws the screen; the app cuts and fills to the size that was set.
	Lines() []canvas.Line
}

// Scroll shows a part of what does not fit, and says how much there is above and below.
type Scroll struct {
	top    int
	height int
	length int
}

// Do moves; false says that the action is no movement.
func (s *Scroll) Do(action keymap.Action) bool {
	page := max(1, s.height-1)
	switch action { //nolint:exhaustive // the others are no movement
	case keymap.Up:
		s.top--
	case keymap.Down:
		s.top++
	case keymap.PageUp:
		s.top -= page
	case keymap.PageDown:
		s.top += page
	case keymap.Top:
		s.top = 0
	case keymap.Bottom:
		s.top = s.length
	default:
		return false
	}
	s.clamp()
	return true
}

func (s *Scroll) clamp() { s.top = max(0, min(s.top, s.length-s.height)) }

// Window is the visible part of lines. Where something is hidden the last line says so.
func (s *Scroll) Window(lines []canvas.Line, height int) []canvas.Line {
	s.length, s.height = len(lines), height
	s.clamp()
	if len(lines) <= height || height < 1 {
		return lines
	}
	s.height = height - 1
	s.clamp()
	above, below := s.top, len(lines)-s.top-s.height
	out := append([]canvas.Line(nil), lines[s.top:s.top+s.height]...)
	var more canvas.Line
	more.Put(themes.Muted, " ")
	if above > 0 {
		more.Put(themes.Muted, "↑ "+widget.Plural(int64(above), "line", "lines")+"  ")
	}
	if below > 0 {
		more.Put(themes.Muted, "↓ "+widget.Plural(int64(below), "more line", "more lines"))
	}
	return append(out, more)
}
