package screen

import (
	"ferry/themes"
	"ferry/tui/canvas"
	"ferry/tui/keymap"
	"ferry/tui/widget"
)

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

// Top is the first line in sight.
func (s *Scroll) Top() int { return s.top }

// To brings a line to the top, as far as there are lines below it.
func (s *Scroll) To(line int) {
	s.top = line
	s.clamp()
}

func (s *Scroll) clamp() { s.top = max(0, min(s.top, s.length-s.height)) }

// Window is the visible part of lines. Where something is hidden the last line says so.
func (s *Scroll) Window(lines []canvas.Line, height int) []canvas.Line {
	s.length, s.height = len(lines), height
	if len(lines) <= height || height < 1 {
		s.clamp()
		return lines
	}
	s.height = height - 1 // the last line says how much is hidden
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
