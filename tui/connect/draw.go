package connect

import (
	"fmt"
	"strings"

	"ferry/themes"
	"ferry/tui/canvas"
	"ferry/tui/checks"
	"ferry/tui/keymap"
	"ferry/tui/widget"
)

const (
	minWidth   = 60
	minHeight  = 16
	roomyFrom  = 22 // lines; from here on there is air between the fields
	labelWidth = 12
)

var labels = [...]struct{ name, about, example string }{
	{"source", "Odoo's PostgreSQL; ferry only reads it", "postgres://odoo@10.0.4.7/prod?sslmode=verify-full"},
	{"engine", "the engine's PostgreSQL; ferry writes there", "postgres://engine@10.0.4.9/loyalty?sslmode=verify-full"},
	{"profile", "a name for this pair, shown in the frame; may be empty", "prod"},
}

func (m *Model) tooSmall() bool { return m.width < minWidth || m.height < minHeight }

func (m *Model) text(i int) string { return strings.TrimSpace(m.fields[i].String()) }

// fieldRefusal says why a field cannot stay as it is, or nothing.
func (m *Model) fieldRefusal(i int) string {
	if i == onProfile {
		return profileRefusal(m.text(i))
	}
	if m.addresses[i].original != "" {
		return ""
	}
	return refusal(labels[i].name, m.text(i))
}

func (m *Model) refusal() string {
	for i := range m.fields {
		if text := m.fieldRefusal(i); text != "" {
			m.focus = i
			return text
		}
	}
	if a := m.answer(); a.Source == a.Target {
		m.focus = onTarget
		return "source and engine are the same address: ferry would write into Odoo's database"
	}
	return ""
}

func (m *Model) draw() {
	if m.width == 0 || m.height == 0 {
		m.frame = ""
		return
	}
	m.frame = canvas.Frame(&m.styles, canvas.Block(m.lines(), m.width, m.height), m.width)
	if m.config.ASCII {
		m.frame = canvas.ASCII(m.frame)
	}
}

func (m *Model) lines() []canvas.Line {
	if m.tooSmall() {
		return []canvas.Line{
			canvas.Of(themes.Title, " ferry: connect"),
			canvas.Of(themes.Warn, fmt.Sprintf(" window too small (need %d×%d)", minWidth, minHeight)),
		}
	}
	rule := canvas.Of(themes.Border, strings.Repeat("─", m.width))
	title := canvas.Of(themes.Title, " ferry")
	title.Put(themes.Text, "  connect")
	if m.config.Why != "" {
		title.Put(themes.Warn, "  "+m.config.Why)
	}
	lines := []canvas.Line{title.Fit(m.width), rule}
	lines = append(lines, m.form()...)
	foot := []canvas.Line{rule, m.footer()}
	if m.fault != "" {
		foot = append(m.wrapped(themes.Bad, "✗ "+m.fault), foot...)
	}
	room := max(0, m.height-len(lines)-len(foot))
	lines = append(lines, canvas.Block(m.below(room), m.width, room)...)
	return append(lines, foot...)
}

// form draws the fields and the buttons.
func (m *Model) form() []canvas.Line {
	roomy := m.height >= roomyFrom
	var lines []canvas.Line
	if roomy {
		lines = append(lines, canvas.Line{})
	}
	for i := range m.fields {
		l := canvas.Of(themes.Text, "  ")
		role := themes.Muted
		if i == m.focus {
			l, role = canvas.Of(themes.Accent, widget.Cursor), themes.Accent
		}
		l.Put(role, labels[i].name).To(labelWidth)
		if m.fields[i].String() == "" && i != m.focus {
			l.Put(themes.Muted, widget.Unknown)
		} else {
			l.Add(m.fields[i].Line(m.width-labelWidth-1, i == m.focus))
		}
		lines = append(lines, l)
		about := labels[i].about
		if i <= onTarget && m.addresses[i].secret {
			about = "its password comes from the configuration and is not shown; editing the address drops it"
		}
		if roomy || i == m.focus {
			l = canvas.Line{}
			l.To(labelWidth).Put(themes.Muted, about)
			lines = append(lines, l.Fit(m.width))
		}
	}
	return append(lines, canvas.Line{}, m.buttons(), canvas.Line{})
}

func (m *Model) buttons() canvas.Line {
	var l canvas.Line
	l.To(labelWidth - len("  "))
	for i, name := range []string{"Test", "Connect", "Save", "Leave"} {
		switch {
		case onTest+i == onSave && m.config.Save == nil:
			continue
		case onTest+i == m.focus:
			l.Put(themes.Selection, widget.Cursor+name+" ")
		default:
			l.Put(themes.Text, "  "+name+" ")
		}
		l.Put(themes.Text, "  ")
	}
	return l
}

// below tells what the test found, or before it what one should know.
func (m *Model) below(room int) []canvas.Line {
	switch {
	case m.test.Waiting():
		l := canvas.Of(themes.Info, " ◌ looking at both databases ")
		return []canvas.Line{*l.Put(themes.Muted, widget.Duration(m.now.Sub(m.test.Asked)))}
	case m.test.Known && room > 1:
		lines := append(m.verdict(), m.offer()...)
		return append(lines, m.scroll.Window(checks.Lines(m.test.Value, m.width), max(0, room-len(lines)))...)
	}
	lines := m.wrapped(themes.Text, "Passwords are never typed here, where they would stand in clear. ferry takes them from the password file "+
		"(PGPASSFILE, ~/.pgpass), from a service (service=… in the address, PGSERVICEFILE), or from PGPASSWORD in the environment.")
	lines = append(lines, canvas.Line{})
	if m.focus <= onProfile {
		lines = append(lines, m.wrapped(themes.Muted, "for example: "+labels[m.focus].example)...)
	}
	l := canvas.Of(themes.Muted, " or run ")
	return append(lines, *l.Put(themes.Accent, "ferry demo").Put(themes.Muted, " to look around: it needs nothing"))
}

// verdict is the sentence above the lines of a test, and says so if the fields have changed since.
func (m *Model) verdict() []canvas.Line {
	text, role := checks.Summary(m.test.Value)
	if now := m.answer(); now.Source != m.tested.Source || now.Target != m.tested.Target {
		text, role = "? The addresses have changed since this test: "+text, themes.Warn
	}
	return m.wrapped(role, text)
}

func (m *Model) wrapped(role themes.Role, text string) []canvas.Line {
	var lines []canvas.Line
	for _, l := range canvas.Wrap(role, text, max(10, m.width-2)) {
		line := canvas.Of(themes.Text, " ")
		lines = append(lines, *line.Add(l))
	}
	return lines
}

func (m *Model) footer() canvas.Line {
	var l canvas.Line
	add := func(key, word string) {
		l.Put(themes.Text, " ").Put(themes.Accent, key).Put(themes.Muted, " "+word+" ")
	}
	add(m.keys.Key(keymap.FieldNext), "next")
	word := "next"
	switch m.focus {
	case onTest:
		word = "test"
	case onConnect:
		word = "connect"
	case onSave:
		word = "save"
	case onLeave:
		word = "leave"
	}
	add(m.keys.Key(keymap.FieldAccept), word)
	if m.test.Known {
		add(m.keys.Key(keymap.PageDown), "more lines")
	}
	if m.focus <= onProfile {
		add(m.keys.Key(keymap.FieldClear), "erase all")
	}
	add(m.keys.Key(keymap.FieldClose), "leave")
	return l
}
