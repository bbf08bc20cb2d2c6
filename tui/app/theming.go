package app

import (
	"fmt"

	tea "github.com/charmbracelet/bubbletea"

	"ferry/themes"
	"ferry/tui/canvas"
	"ferry/tui/keymap"
	"ferry/tui/sanitize"
	"ferry/tui/widget"
)

// picker lets the operator choose a theme: the console is drawn in the one under the cursor, which is kept or not.
type picker struct {
	at     int // the theme under the cursor
	before int // the one to go back to
}

// pickerWidth is how wide its box is, in cells; pickerRest is how many of its lines are no names.
const (
	pickerWidth = 34
	pickerRest  = 3
)

// pickTheme opens the choice of themes.
func (m *Model) pickTheme() {
	m.picker, m.help = &picker{at: m.theme, before: m.theme}, nil
}

// wear draws the console in a theme from now on.
func (m *Model) wear(theme int) {
	m.theme = theme
	m.styles = m.config.Themes[theme].Styles(m.config.Renderer)
}

// setTheme draws the console in a theme, and says how to keep it.
func (m *Model) setTheme(theme int) {
	m.wear(theme)
	name := m.config.Themes[theme].Name
	m.notices.say(m.sight.Now, fmt.Sprintf("✓ theme %s; theme = %q in the config keeps it", name, name))
}

// pick takes an action while a theme is chosen.
func (m *Model) pick(action keymap.Action) tea.Cmd {
	p, count := m.picker, len(m.config.Themes)
	switch action { //nolint:exhaustive // nothing else is done meanwhile
	case keymap.Theme:
		p.at = (p.at + 1) % count
	case keymap.Down, keymap.Next:
		p.at = min(p.at+1, count-1)
	case keymap.Up, keymap.Previous:
		p.at = max(p.at-1, 0)
	case keymap.Top, keymap.PageUp:
		p.at = 0
	case keymap.Bottom, keymap.PageDown:
		p.at = count - 1
	case keymap.Open:
		m.picker = nil
		m.setTheme(p.at)
	case keymap.Back, keymap.Quit:
		m.picker, p.at = nil, p.before
	case keymap.Redraw:
		return tea.ClearScreen
	case keymap.Suspend:
		return tea.Suspend
	default:
		return nil
	}
	if p.at != m.theme {
		m.wear(p.at)
	}
	return nil
}

// pickerLines draws the names, as many as there is room for, and below them how the roles look.
func (m *Model) pickerLines(height int) []canvas.Line {
	p, all := m.picker, m.config.Themes
	room := max(1, min(len(all), height-2-pickerRest))
	top := max(0, min(p.at-room/2, len(all)-room))
	var rows []canvas.Line
	for i := top; i < top+room; i++ {
		name := sanitize.Pad(sanitize.Fit(all[i].Name, pickerWidth-8), pickerWidth-6)
		if i == p.at {
			rows = append(rows, canvas.Of(themes.Selection, widget.Cursor+name))
			continue
		}
		rows = append(rows, canvas.Of(themes.Text, "  "+name))
	}
	rows = append(rows, canvas.Line{}, swatch(themes.OK, themes.Warn, themes.Bad, themes.Info),
		swatch(themes.Title, themes.Accent, themes.Muted, themes.Text))
	return widget.Box(fmt.Sprintf("Theme %d/%d", p.at+1, len(all)), rows, pickerWidth)
}

// swatch names roles in their looks.
func swatch(roles ...themes.Role) canvas.Line {
	var l canvas.Line
	for _, role := range roles {
		l.Put(role, role.String()).Put(themes.Text, "  ")
	}
	return l
}

// layPicker puts the box where it hides least: below the frame's head, at the right.
func (m *Model) layPicker(lines []canvas.Line, top int) {
	box := m.pickerLines(len(lines) - top - 2)
	canvas.Lay(lines, aired(box), m.width-pickerWidth-3, top)
}
