package app

import (
	"slices"

	tea "github.com/charmbracelet/bubbletea"

	"ferry/tui/screen"
)

// place is a screen that was left for another one, into which one may have been led some levels deep: to a run, not to the list
// of runs.
type place struct {
	screen int
	into   int // the screen that was turned to
	depth  int // and how deep
}

// cameFrom keeps where one is before another screen is turned to. A screen that is turned to again is no longer on the way back.
func (m *Model) cameFrom(into int) {
	m.before = append(slices.DeleteFunc(m.before, func(p place) bool { return p.screen == into }), place{screen: m.current, into: into})
}

// drill turns to a screen from what is shown now, so that one can go back from there, be it a tab or not; then opens there what is
// meant. The latter may be nil.
func (m *Model) drill(i int, then func()) tea.Cmd {
	from := m.current
	if i != from {
		m.cameFrom(i)
	}
	cmd := m.turn(i)
	if then != nil {
		then()
	}
	if s, ok := m.screens[i].(screen.Deep); ok && i != from {
		m.before[len(m.before)-1].depth = s.Depth()
	}
	return cmd
}

// atEntry reports whether one is still, or again, where one was led to in the midst of a screen: from there one goes back to where
// one came from, not on to what is above it there.
func (m *Model) atEntry() bool {
	if len(m.before) == 0 {
		return false
	}
	last := m.before[len(m.before)-1]
	s, ok := m.screens[m.current].(screen.Deep)
	return ok && last.into == m.current && last.depth > 0 && s.Depth() <= last.depth
}

// goBack turns to where one came from, as one left it.
func (m *Model) goBack() {
	last := len(m.before) - 1
	m.current, m.before = m.before[last].screen, m.before[:last]
	m.notices.turn()
}
