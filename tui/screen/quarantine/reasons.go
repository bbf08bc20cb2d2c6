package quarantine

import (
	"ferry/engine"
	"ferry/themes"
	"ferry/tui/canvas"
	"ferry/tui/cure"
	"ferry/tui/keymap"
	"ferry/tui/screen"
	"ferry/tui/widget"
)

const (
	listWidth   = 70 // of the reasons beside their rows
	labelColumn = 9
	indent      = 2 // of the reasons
	fewReasons  = 7 // as many are shown before what is told below them
)

// Lines draws the screen.
func (q *Quarantine) Lines() []canvas.Line {
	if q.sight.Snapshot == nil {
		return nil
	}
	if q.level == inReasons && len(q.reasons) == 0 {
		return q.nothing()
	}
	if !q.wide() {
		return q.levelLines(q.level, q.width, q.height)
	}
	right := q.levelLines(max(q.level, inRows), q.width-listWidth-1, q.height)
	return screen.Beside(q.reasonLines(listWidth, q.height, false), right, listWidth, q.width, q.height)
}

func (q *Quarantine) levelLines(level level, width, height int) []canvas.Line {
	switch level {
	case inRows:
		return q.rowLines(width, height)
	case inRow:
		return q.wholeRow(width, height)
	case inReasons:
	}
	return q.reasonLines(width, height, true)
}

// nothing says why there are no reasons to show.
func (q *Quarantine) nothing() []canvas.Line {
	text, role := "Nothing is in quarantine: every row of the source is in the engine as it should be.", themes.OK
	kept, known := q.kept()
	switch {
	case q.sight.Hinders() != "":
		return q.sight.Hindered(q.width)
	case !known:
		text, role = "It is not known yet what is in quarantine: a full sync judges every row, and counts what it sets aside.", themes.Muted
	case kept > 0:
		text, role = widget.Plural(kept, "row is", "rows are")+" in quarantine; the reasons are not counted yet.", themes.Muted
	}
	lines := []canvas.Line{{}}
	for _, l := range canvas.Wrap(role, text, max(10, q.width-4)) {
		line := canvas.Of(themes.Text, "  ")
		lines = append(lines, *line.Add(l))
	}
	return lines
}

// kept is how many rows of all entities are in quarantine, if that is known.
func (q *Quarantine) kept() (rows int64, known bool) {
	known = true
	for _, e := range q.sight.Snapshot.Entities {
		known = known && e.Quarantined.Known
		rows += e.Quarantined.Value
	}
	return rows, known
}

func (q *Quarantine) reasonLines(width, height int, sample bool) []canvas.Line {
	head := canvas.Of(themes.Title, " quarantine")
	if kept, known := q.kept(); known {
		head.Put(themes.Text, "  "+widget.Plural(kept, "row", "rows"))
	}
	above := ""
	if n := q.list.Above(); n > 0 {
		above = "↑ " + widget.Plural(int64(n), "row", "rows") + " above  "
	}
	place := canvas.Of(themes.Muted, " "+above+q.list.Position(len(q.reasons), true)+" ")
	head = head.Fit(max(0, width-place.Width()))
	head.Add(place)
	grid := widget.NewGrid(reasonColumns, indent, width-1)
	room := max(2, height-1)
	if below := height - 2 - min(len(q.reasons), fewReasons); below > 3 {
		room = height - 1 - below
	}
	q.list.Hidden = q.level != inReasons
	lines := append([]canvas.Line{head}, q.list.Draw(nil, grid.Head(), len(q.reasons), width, room, func(i int) canvas.Line {
		return grid.Row(q.reasonRow(&q.reasons[i]))
	})...)
	if left := height - len(lines); left > 1 {
		lines = append(append(lines, canvas.Line{}), q.told(width, left-1, sample)...)
	}
	return lines
}

var reasonColumns = []widget.Column{
	{Title: "reason", Left: true, Width: 36, Fill: true},
	{Title: "rows", Width: 9},
	{Title: "waived", Width: 6, Drop: 2},
	{Title: "hang on", Width: 7, Drop: 1},
	{Title: "rule", Left: true, Width: 6},
}

func (q *Quarantine) reasonRow(r *engine.ReasonView) []widget.Cell {
	hangs := widget.Cell{Role: themes.Muted, Text: "0"}
	if r.Hangs > 0 {
		hangs = widget.Cell{Role: themes.Warn, Text: "+" + widget.Count(r.Hangs)}
	}
	return []widget.Cell{
		{Role: themes.Title, Text: title(r)},
		{Role: themes.Warn, Text: widget.Count(r.Rows)},
		{Text: widget.Count(r.Waived)},
		hangs,
		q.severity(r.Reason),
	}
}

// severity is what the rule says now, in a word; a reason that is no rule has none.
func (q *Quarantine) severity(reason string) widget.Cell {
	rule := q.rule(reason)
	switch {
	case !isRule(reason):
		return widget.Cell{}
	case rule == nil:
		return widget.Cell{Role: themes.Muted, Text: widget.Unknown}
	case rule.Fixed:
		return widget.Cell{Role: themes.Muted, Text: "fixed"}
	case rule.Severity != rule.Default:
		return widget.Cell{Role: themes.Warn, Text: rule.Severity}
	}
	return widget.Cell{Text: rule.Severity}
}

// told says about the selected reason why, what would make its rows valid, what the rule's switch is at, what hangs on
// them, and which the first ones are.
func (q *Quarantine) told(width, height int, sample bool) []canvas.Line {
	r := q.selected()
	if r == nil {
		return nil
	}
	var lines []canvas.Line
	rule := q.rule(r.Reason)
	why, valid := meaning(r.Reason, rule)
	lines = append(lines, q.labelled("why", themes.Text, why, width)...)
	lines = append(lines, q.labelled("to cure", themes.Info, valid, width)...)
	lines = append(lines, q.labelled("rule", themes.Text, q.switched(r.Reason, rule), width)...)
	if q.rules.Err != nil {
		lines = append(lines, q.labelled("", themes.Bad, "✗ the rules could not be read: "+q.rules.Err.Error(), width)...)
	}
	if r.Hangs > 0 {
		lines = append(lines, q.labelled("hangs", themes.Warn,
			widget.Plural(r.Hangs, "row of another entity waits", "rows of other entities wait")+" for these", width)...)
	}
	if r.Waived > 0 {
		lines = append(lines, q.labelled("waived", themes.Muted, widget.Count(r.Waived)+" of them: they may stay", width)...)
	}
	if sample && height > len(lines) {
		lines = append(lines, q.sample(r, width, height-len(lines))...)
	}
	return lines
}

// switched says what a rule does now, and how that is changed.
func (q *Quarantine) switched(reason string, rule *engine.RuleView) string {
	switch {
	case !isRule(reason) || rule == nil:
		return ""
	case rule.Fixed:
		return "reject, always"
	}
	text := rule.Severity
	if rule.Severity != rule.Default {
		text += "; default " + rule.Default
	}
	return text + "; " + q.sight.Keys.Key(keymap.Switch) + " sets reject, warn or off"
}

// sample shows the first rows of a reason.
func (q *Quarantine) sample(r *engine.ReasonView, width, height int) []canvas.Line {
	var lines []canvas.Line
	add := func(l canvas.Line) {
		label := ""
		if len(lines) == 0 {
			label = "rows"
		}
		line := canvas.Of(themes.Muted, " "+label)
		lines = append(lines, *line.To(labelColumn).Add(l))
	}
	mine := q.about.Entity == r.Entity && q.about.Reason == r.Reason
	switch {
	case mine && q.rows.Err() != nil:
		return q.fault("they could not be read", q.rows.Err(), width)
	case r.Rows == 0:
		return nil
	case !mine || q.rows.Row() == nil:
		add(canvas.Of(themes.Muted, "reading"))
		return lines
	}
	for _, row := range q.rows.Peek(height) {
		l := canvas.Of(themes.Title, id(row))
		l.Put(themes.Text, "  "+detail(row))
		add(l)
	}
	return lines
}

// labelled wraps a text behind a label.
func (q *Quarantine) labelled(label string, role themes.Role, text string, width int) []canvas.Line {
	return canvas.Labelled(label, labelColumn, role, text, width)
}

// fault tells an error of reading, with its cure.
func (q *Quarantine) fault(what string, err error, width int) []canvas.Line {
	lines := q.labelled("rows", themes.Bad, "✗ "+what+": "+err.Error(), width)
	var advice []canvas.Line
	if text := cure.ForError(err); text != "" {
		advice = q.labelled("", themes.Info, "→ "+text, width)
	}
	lines = append(lines, advice...)
	return append(lines, q.labelled("", themes.Muted, "ferry tries again by itself", width)...)
}
