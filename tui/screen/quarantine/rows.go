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
)

const (
	marked    = "▪"
	paneLines = 4  // below the rows: the one under the cursor
	roomyFrom = 14 // lines; from here on there is room for that
	longValue = 2000
)

func id(row *engine.QuarantineRow) string { return strconv.FormatInt(row.ID, 10) }

// rowLines draws the rows of a reason.
func (q *Quarantine) rowLines(width, height int) []canvas.Line {
	known := q.pages.count()
	lines := []canvas.Line{q.rowsTitle(width, known)}
	if known == 0 {
		switch {
		case q.pages.shelf.Err != nil:
			lines = append(lines, q.fault("they could not be read", q.pages.shelf.Err, width)...)
		case q.pages.all:
			lines = append(lines, canvas.Of(themes.Muted, "  no row is in quarantine for this reason any more"))
		default:
			lines = append(lines, canvas.Of(themes.Muted, "  reading the rows"+q.waits()))
		}
		q.window = [2]int{0, height}
		return lines
	}
	var below []canvas.Line
	if height >= roomyFrom && q.level == inRows {
		below = q.rowBelow(width)
	}
	grid := widget.NewGrid(rowColumns, indent, width-1)
	q.rows.Hidden = q.level == inReasons
	first, last := known, 0
	draw := q.rows.Draw(nil, grid.Head(), known, width, max(2, height-1-len(below)), func(i int) canvas.Line {
		first, last = min(first, i), max(last, i+1)
		row := q.pages.row(i)
		if row == nil {
			return canvas.Of(themes.Muted, "  …")
		}
		return grid.Row(q.rowCells(row))
	})
	q.window = [2]int{first, max(first, last)}
	lines = append(lines, draw...)
	if len(below) > 0 {
		lines = append(canvas.Block(lines, width, height-len(below)), below...)
	}
	return lines
}

// waits says for how long an answer has been awaited, once that is worth a word.
func (q *Quarantine) waits() string {
	asked := q.pages.shelf.Asked
	if d := q.sight.Now.Sub(asked); q.pages.shelf.Waiting() && d >= slowRead {
		return ", " + widget.Duration(d)
	}
	return ""
}

// rowsTitle names the reason, and says where among its rows one is.
func (q *Quarantine) rowsTitle(width, known int) canvas.Line {
	l := canvas.Of(themes.Title, " "+title(&q.about))
	if isRule(q.about.Reason) {
		l.Put(themes.Muted, "  "+q.about.Entity)
	}
	if n := len(q.marks); n > 0 {
		l.Put(themes.Accent, "  "+marked+" "+widget.Count(int64(n))+" marked")
	}
	total := int64(known)
	if !q.pages.all {
		total = max(total, q.about.Rows)
	}
	place := canvas.Of(themes.Muted, " ")
	switch {
	case known > 0 && q.pages.shelf.Err != nil:
		place.Put(themes.Bad, "✗ could not be read on  ")
	case q.pages.shelf.Waiting():
		place.Put(themes.Info, "◌ reading"+q.waits()+"  ")
	}
	if known > 0 && q.level != inReasons {
		place.Put(themes.Muted, widget.Count(int64(q.rows.At()+1))+"/")
	}
	place.Put(themes.Muted, widget.Count(total)+" ")
	l = l.Fit(max(0, width-place.Width()))
	return *l.Add(place)
}

var rowColumns = []widget.Column{
	{Title: "", Left: true, Width: 1},
	{Title: "id", Left: true, Width: 10},
	{Title: "state", Left: true, Width: 6},
	{Title: "detail", Left: true, Width: 16, Fill: true},
	{Title: "hangs", Width: 6, Drop: 2},
	{Title: "tries", Width: 5, Drop: 3},
	{Title: "last seen", Left: true, Width: widget.MomentWidth, Drop: 1},
}

func (q *Quarantine) rowCells(row *engine.QuarantineRow) []widget.Cell {
	mark := ""
	if q.marks[row.ID] {
		mark = marked
	}
	state := widget.Cell{Role: themes.Warn, Text: standing(row)}
	if state.Text == "waived" || state.Text == "due" {
		state.Role = themes.Muted
	}
	hangs := widget.Cell{Role: themes.Muted, Text: widget.Count(row.Hangs)}
	if row.Hangs > 0 {
		hangs.Role = themes.Warn
	}
	return []widget.Cell{
		{Role: themes.Accent, Text: mark},
		{Role: themes.Title, Text: id(row)},
		state,
		{Text: detail(row)},
		hangs,
		{Role: themes.Muted, Text: widget.Count(int64(row.Attempts))},
		{Role: themes.Muted, Text: widget.Moment(row.LastSeen, q.sight.Now)},
	}
}

// rowBelow tells about the row under the cursor what has no room in the list.
func (q *Quarantine) rowBelow(width int) []canvas.Line {
	row := q.pages.row(q.rows.At())
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
	if q.pages.all && !q.present(row.ID) {
		head.PutRight(width-1, themes.OK, "it has left quarantine meanwhile")
	}
	return append([]canvas.Line{head.Fit(width)}, q.scroll.Window(q.rowBody(row, width), height-1)...)
}

// present reports whether a row is among those that are kept; a page that is not kept may have it.
func (q *Quarantine) present(id int64) bool {
	at, _ := q.pages.find(q.pages.place(id))
	if at >= len(q.pages.list) {
		return false
	}
	rows := q.pages.list[at].rows
	return rows == nil || slices.ContainsFunc(rows, func(r engine.QuarantineRow) bool { return r.ID == id })
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
