package quarantine

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"ferry/engine"
	"ferry/themes"
	"ferry/tui/canvas"
	"ferry/tui/keymap"
	"ferry/tui/widget"
	"ferry/tui/widget/grid"
)

const (
	paneLines = 4  // below the rows: the one under the cursor
	roomyFrom = 14 // lines; from here on there is room for that
	longValue = 2000
)

func id(row *engine.QuarantineRow) string { return strconv.FormatInt(row.ID, 10) }

// rowLines draws the rows of a reason.
func (q *Quarantine) rowLines(width, height int) []canvas.Line {
	title := canvas.Of(themes.Title, " "+title(&q.about))
	if isRule(q.about.Reason) {
		title.Put(themes.Muted, "  "+q.about.Entity)
	}
	var below []canvas.Line
	if height >= roomyFrom && q.level == inRows {
		below = q.rowBelow(width)
	}
	q.rows.Hidden = q.level == inReasons
	return append(q.rows.Lines(title, width, height-len(below)), below...)
}

func (q *Quarantine) columns() []grid.Column[engine.QuarantineRow] {
	type row = engine.QuarantineRow
	muted := func(text string) widget.Cell { return widget.Cell{Role: themes.Muted, Text: text} }
	return []grid.Column[row]{
		{Title: "id", Name: "id", Left: true, Width: 10, Cell: func(r *row) widget.Cell {
			return widget.Cell{Role: themes.Title, Text: id(r)}
		}},
		{Title: "state", Name: "state", Left: true, Width: 6, Cell: stateCell},
		{Title: "detail", Name: "detail", Left: true, Width: 16, Fill: true, Cell: func(r *row) widget.Cell {
			return widget.Cell{Text: detail(r)}
		}},
		{Title: "hangs", Width: 6, Drop: 2, Cell: hangsCell},
		{Title: "tries", Name: "tries", Width: 5, Drop: 3, Most: true, Cell: func(r *row) widget.Cell { return muted(widget.Count(int64(r.Attempts))) }},
		{Title: "last seen", Name: "last", Left: true, Width: widget.MomentWidth, Drop: 1, Most: true, Cell: func(r *row) widget.Cell {
			return muted(widget.Moment(r.LastSeen, q.sight.Now))
		}},
	}
}

func stateCell(row *engine.QuarantineRow) widget.Cell {
	state := widget.Cell{Role: themes.Warn, Text: standing(row)}
	if state.Text == "waived" || state.Text == "due" {
		state.Role = themes.Muted
	}
	return state
}

func hangsCell(row *engine.QuarantineRow) widget.Cell {
	hangs := widget.Cell{Role: themes.Muted, Text: widget.Count(row.Hangs)}
	if row.Hangs > 0 {
		hangs.Role = themes.Warn
	}
	return hangs
}

// rowBelow tells about the row under the cursor what has no room in the list.
func (q *Quarantine) rowBelow(width int) []canvas.Line {
	row := q.rows.Row()
	if row == nil {
		return nil
	}
	lines := []canvas.Line{{}}
	add := func(role themes.Role, text string) {
		if text != "" && len(lines) < paneLines {
			lines = append(lines, canvas.Of(role, " "+text))
		}
	}
	add(themes.Text, row.Detail)
	add(themes.Muted, others(row))
	var l canvas.Line
	for _, name := range slices.Sorted(maps.Keys(row.Payload)) {
		l.Put(themes.Muted, " "+name+" ").Put(themes.Text, value(row.Payload[name], 60)+" ")
	}
	if l.Width() > 0 && len(lines) < paneLines {
		lines = append(lines, l)
	}
	return canvas.Block(lines, width, paneLines)
}

// others says which other rows one is bound to.
func others(row *engine.QuarantineRow) string {
	var parts []string
	if row.Owner.Known {
		parts = append(parts, "its code belongs to #"+strconv.FormatInt(row.Owner.Value, 10))
	}
	if row.Parent.Known {
		parts = append(parts, "it waits for "+row.ParentEntity+" #"+strconv.FormatInt(row.Parent.Value, 10))
	}
	if row.Hangs > 0 {
		parts = append(parts, widget.Plural(row.Hangs, "row waits", "rows wait")+" for it")
	}
	if row.Stale {
		parts = append(parts, "an older good version stays in the engine")
	}
	return strings.Join(parts, "; ")
}

// value is a value of a column, with quotes where its ends would not be seen, and cut where it is longer than anybody reads.
func value(text string, most int) string {
	if text == "" || strings.TrimSpace(text) != text {
		text = `"` + text + `"`
	}
	if runes := []rune(text[:min(len(text), 4*most+4)]); len(runes) > most {
		return string(runes[:most]) + "… (" + widget.Count(int64(len(text))) + " bytes)"
	}
	return text
}

// wholeRow draws one row whole.
func (q *Quarantine) wholeRow(width, height int) []canvas.Line {
	row := &q.row
	head := canvas.Of(themes.Title, " "+row.Entity+" "+id(row))
	head.Put(themes.Text, "  ").Put(themes.Warn, standing(row)).Put(themes.Muted, "  "+row.Reason)
	if q.rows.Gone(q.key) {
		head.PutRight(width-1, themes.OK, "it has left quarantine meanwhile")
	}
	return append([]canvas.Line{head.Fit(width)}, q.scroll.Window(q.rowBody(row, width), height-1)...)
}

func (q *Quarantine) rowBody(row *engine.QuarantineRow, width int) []canvas.Line {
	now := q.sight.Now
	var lines []canvas.Line
	text := func(label string, role themes.Role, value string) {
		lines = append(lines, q.labelled(label, role, value, width)...)
	}
	_, valid := meaning(row.Reason, q.rule(row.Reason))
	text("why", themes.Text, row.Detail)
	text("", themes.Text, others(row))
	text("to cure", themes.Info, valid)
	if row.SQLState != "" {
		text("", themes.Bad, "SQLSTATE "+row.SQLState)
	}
	if row.WaivedBy != "" {
		text("waived", themes.Info, "by "+row.WaivedBy+": "+row.WaivedNote)
	}
	tried := "read " + widget.Plural(int64(row.Attempts), "time", "times")
	if row.Due {
		tried += "; the next tick reads it again"
	}
	text("tries", themes.Text, tried)
	text("seen", themes.Text, "first "+widget.When(row.FirstSeen, now)+", last "+widget.When(row.LastSeen, now))
	lines = append(lines, canvas.Line{}, canvas.Of(themes.Title, " what Odoo has"))
	column := labelColumn
	for name := range row.Payload {
		column = max(column, min(len(name)+3, 32))
	}
	for _, name := range slices.Sorted(maps.Keys(row.Payload)) {
		for i, l := range canvas.Wrap(themes.Text, value(row.Payload[name], longValue), max(10, width-column-1)) {
			line := canvas.Of(themes.Text, " ")
			if i == 0 {
				line.Put(themes.Muted, name)
			}
			lines = append(lines, *line.To(column).Add(l))
		}
	}
	if len(row.Payload) == 0 {
		lines = append(lines, canvas.Of(themes.Muted, " nothing of it is kept; "+q.sight.Keys.Key(keymap.Retry)+" reads it again"))
	}
	return lines
}
