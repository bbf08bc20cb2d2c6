package app

import (
	"strings"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"

	"ferry/tui/keymap"
	"ferry/tui/widget"
)

// wheelLines is how far one step of the wheel goes.
const wheelLines = 3

// mouseMode tells the terminal whether the console wants to know of the mouse. It is off unless somebody asks for it: while it
// is on, text cannot be selected with the mouse as elsewhere.
func (m *Model) mouseMode() tea.Cmd {
	if m.mouse {
		return tea.EnableMouseCellMotion
	}
	return nil
}

func (m *Model) toggleMouse() tea.Cmd {
	m.mouse = !m.mouse
	if !m.mouse {
		m.notices.say(m.sight.Now, "the mouse is the terminal's again: it selects text")
		return tea.DisableMouse
	}
	m.notices.say(m.sight.Now, "the mouse scrolls and selects rows and tabs; "+m.keys.Key(keymap.Mouse)+" leaves it to the terminal again")
	return m.mouseMode()
}

// mouseEvent takes what the mouse did: the wheel scrolls, a click selects a row or a tab, and opens a row that is selected.
func (m *Model) mouseEvent(e tea.MouseEvent) tea.Cmd {
	if !m.mouse || m.tooSmall() {
		return nil
	}
	switch {
	case m.picker != nil && e.Button == tea.MouseButtonWheelUp:
		return m.pick(keymap.Up)
	case m.picker != nil && e.Button == tea.MouseButtonWheelDown:
		return m.pick(keymap.Down)
	case m.picker != nil:
		return nil
	case e.Button == tea.MouseButtonWheelUp:
		m.wheel(keymap.Up)
	case e.Button == tea.MouseButtonWheelDown:
		m.wheel(keymap.Down)
	case e.Button == tea.MouseButtonLeft && e.Action == tea.MouseActionPress:
		return m.click(e.X, e.Y)
	}
	return nil
}

// wheel moves what is in front. A form is answered by keys alone.
func (m *Model) wheel(action keymap.Action) {
	for range wheelLines {
		m.step(action)
	}
}

// step moves one line in what is in front, if anything moves there.
func (m *Model) step(action keymap.Action) {
	switch {
	case m.dialog != nil || m.prompt != nil:
	case m.palette != nil:
		m.palette.list.Do(action)
	case m.help != nil:
		m.help.Do(action)
	default:
		m.screens[m.current].Do(action)
	}
}

// click selects what stands there.
func (m *Model) click(x, y int) tea.Cmd {
	if m.dialog != nil || m.prompt != nil {
		return nil
	}
	lines := strings.Split(ansi.Strip(m.frame), "\n")
	if y < 0 || y >= len(lines) {
		return nil
	}
	if m.palette == nil {
		if i, ok := m.tabAt(lines[y], x); ok {
			return m.show(i)
		}
	}
	at := cursorLine(lines)
	switch {
	case at < 0:
		return nil
	case at == y && m.palette != nil:
		return m.paletteTake()
	case at == y:
		return m.do(keymap.Open)
	}
	m.moveTo(y, at)
	return nil
}

// moveTo brings the cursor from one line of the frame to another. Where no row stands it goes back to where it was.
func (m *Model) moveTo(y, at int) {
	there, back, steps := keymap.Down, keymap.Up, y-at
	if steps < 0 {
		there, back, steps = back, there, -steps
	}
	for range steps {
		m.step(there)
	}
	m.draw()
	now := cursorLine(strings.Split(ansi.Strip(m.frame), "\n"))
	for ; now >= 0 && now != y && steps > 0 && now != at; steps-- {
		m.step(back)
		m.draw()
		now = cursorLine(strings.Split(ansi.Strip(m.frame), "\n"))
	}
}

// cursorLine is the line of the frame on which the cursor of a list stands; -1: there is none.
func cursorLine(lines []string) int {
	for y, line := range lines {
		if strings.HasPrefix(line, widget.Cursor) {
			return y
		}
	}
	return -1
}

// tabAt is the screen whose tab stands at a column of the row of tabs.
func (m *Model) tabAt(line string, x int) (int, bool) {
	tabs := m.tabs()
	if line == "" || strings.TrimRight(line, " ") != strings.TrimRight(tabs.String(), " ") {
		return 0, false
	}
	best, from := -1, -1
	for i, s := range m.screens {
		tab := s.Tab()
		for _, title := range []string{tab.Long, tab.Short} {
			name := m.keys.Key(tab.Action) + " " + title
			if left, _, ok := strings.Cut(line, name); ok {
				column := ansi.StringWidth(left)
				if column-1 <= x && x <= column+ansi.StringWidth(name) && column > from {
					best, from = i, column
				}
			}
		}
	}
	return best, best >= 0
}
