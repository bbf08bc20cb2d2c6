package activity

import (
	"strconv"
	"strings"

	"ferry/engine"
	"ferry/themes"
	"ferry/tui/canvas"
	"ferry/tui/widget"
	"ferry/tui/widget/grid"
)

const (
	roomyFrom = 12  // lines; from here on there is room for more about the entry under the cursor
	aboutRows = 5   // lines about it, at most
	longValue = 400 // characters of a text
)

// Lines draws the screen.
func (a *Activity) Lines() []canvas.Line {
	if a.sight.Snapshot == nil {
		return nil
	}
	if !a.listed() {
		return a.latest()
	}
	lines := a.errors()
	var below []canvas.Line
	if a.height >= roomyFrom {
		below = a.about()
	}
	rest := max(3, a.height-len(lines)-len(below))
	return append(append(lines, a.grid.Lines(canvas.Of(themes.Title, " journal"), a.width, rest)...), below...)
}

// latest says why the journal cannot be read, and draws the entries that were seen last; a line that is too long is continued below.
func (a *Activity) latest() []canvas.Line {
	lines := append(a.sight.Hindered(a.width), canvas.Line{})
	if a.height < roomyFrom { // what was seen last counts more than why
		lines = canvas.Wrap(themes.Warn, "◆ "+a.sight.Hinders(), max(10, a.width-1))
	}
	if s := a.sight.Snapshot; len(s.Activity) > 0 {
		title := canvas.Of(themes.Title, " seen last")
		title.Put(themes.Muted, "  the latest entries of the journal, read "+widget.When(s.TakenAt, a.sight.Now))
		lines = append(lines, title)
	} else {
		lines = append(lines, canvas.Of(themes.Muted, "  no entry of the journal has been read here"))
	}
	for _, entry := range a.sight.Snapshot.Activity {
		head := canvas.Of(themes.Muted, " "+widget.When(entry.At, a.sight.Now)+"  ")
		if entry.By != "" {
			head.Put(themes.Info, entry.By+"  ")
		}
		indent := head.Width()
		for i, text := range canvas.Wrap(themes.Text, entry.What, max(20, a.width-indent-1)) {
			if i > 0 {
				head = canvas.Line{}
				head.To(indent)
			}
			lines = append(lines, *head.Add(text))
		}
	}
	return a.scroll.Window(lines, a.height)
}

// errors counts the errors of the run, and tells of the last one.
func (a *Activity) errors() []canvas.Line {
	s := a.sight.Snapshot
	if s.Errors == 0 || s.Run == nil {
		return nil
	}
	l := canvas.Of(themes.Bad, " "+widget.Plural(s.Errors, "error", "errors")+" of run #"+strconv.FormatInt(int64(s.Run.ID), 10))
	if s.Run.LastError != "" {
		l.Put(themes.Text, ", the last "+widget.Ago(s.Run.LastErrorAt, a.sight.Now)+": "+widget.Value(s.Run.LastError, longValue))
	}
	return []canvas.Line{l.Fit(a.width)}
}

// about tells all about the entry under the cursor.
func (a *Activity) about() []canvas.Line {
	row := a.grid.Row()
	if row == nil {
		return nil
	}
	lines := []canvas.Line{{}}
	for _, text := range canvas.Wrap(themes.Text, sentence(row), max(10, a.width-2)) {
		l := canvas.Of(themes.Text, " ")
		lines = append(lines, *l.Add(text))
	}
	return lines[:min(len(lines), 1+aboutRows)]
}

// sentence is an entry in words: who, from where, when, what, on what state, why, and how it ended.
func sentence(e *engine.JournalEntry) string {
	text := e.At.UTC().Format("2006-01-02 15:04:05Z") + "  " + widget.Value(e.Actor, longValue)
	if e.SSH != "" {
		text += " (from " + widget.Value(e.SSH, longValue) + ")"
	}
	text += ": " + what(e)
	if e.State != "" {
		text += ", was " + widget.Value(engine.RunState(e.State).Word(), longValue)
	}
	if e.Outcome != "" {
		text += ": " + widget.Value(e.Outcome, longValue)
	}
	if e.Reason != "" {
		text += " — " + widget.Value(e.Reason, longValue)
	}
	return text
}

// value is a text in a column; most entries have nothing in some of them.
func value(text string) string {
	if text == "" {
		return ""
	}
	return widget.Value(text, longValue)
}

// what is the action, with the run that it is about.
func what(e *engine.JournalEntry) string {
	text := widget.Value(e.Action, longValue)
	if e.Run.Known {
		text += " #" + strconv.FormatInt(e.Run.Value, 10)
	}
	return text
}

// columns are the grid's.
func (a *Activity) columns() []grid.Column[engine.JournalEntry] {
	type entry = engine.JournalEntry
	text := func(title, name string, width, least, drop int, role themes.Role, of func(*entry) string) grid.Column[entry] {
		return grid.Column[entry]{Title: title, Name: name, Left: true, Width: width, Min: least, Drop: drop, Cell: func(e *entry) widget.Cell {
			return widget.Cell{Role: role, Text: value(of(e))}
		}}
	}
	outcome := text("outcome", "outcome", 30, 26, 0, themes.Text, func(e *entry) string { return e.Outcome })
	outcome.Fill = true
	outcome.Cell = func(e *entry) widget.Cell {
		role := themes.Text
		if strings.HasPrefix(e.Outcome, "refused") || strings.HasPrefix(e.Outcome, string(engine.RunFailed)) {
			role = themes.Warn
		}
		return widget.Cell{Role: role, Text: value(e.Outcome)}
	}
	return []grid.Column[entry]{
		{Title: "when", Name: "id", Left: true, Width: widget.MomentWidth, Cell: func(e *entry) widget.Cell {
			return widget.Cell{Role: themes.Muted, Text: widget.Moment(e.At, a.sight.Now)}
		}},
		text("who", "who", 16, 9, 0, themes.Info, func(e *entry) string { return e.Actor }),
		text("what", "action", 30, 18, 0, themes.Title, what),
		outcome,
		text("reason", "reason", 24, 12, 1, themes.Text, func(e *entry) string { return e.Reason }),
		text("was", "state", 10, 8, 2, themes.Muted, func(e *entry) string { return engine.RunState(e.State).Word() }),
		text("from", "ssh", 15, 9, 3, themes.Muted, func(e *entry) string { return e.SSH }),
	}
}
