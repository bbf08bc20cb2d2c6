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

// show turns to a screen. A tab is a fresh start; from any other screen one goes back to where one was.
func (m *Model) show(i int) tea.Cmd {
	switch {
	case !m.screens[i].Tab().Aside:
		m.before = nil
	case i != m.current:
		m.cameFrom(i)
	}
	return m.turn(i)
}

// turn shows a screen, and lets it know that it was called.
func (m *Model) turn(i int) tea.Cmd {
	m.current, m.help = i, nil
	m.notices.turn()
	cmd, _ := m.screens[i].Do(m.screens[i].Tab().Action)
	return cmd
}

// backFirst does what going back means before it means anything to the screen, and reports whether it was that.
func (m *Model) backFirst() bool {
	switch {
	case len(m.notices.errors) > 0:
		m.notices.dismiss()
	case m.atEntry():
		m.goBack()
	default:
		return false
	}
	return true
}

// backLast does what going back means where the screen has nothing to go back from.
func (m *Model) backLast() {
	switch {
	case len(m.before) > 0:
		m.goBack()
	case m.notices.said != "":
		m.notices.dismiss()
	}
}
