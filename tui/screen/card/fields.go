package card

import (
	"strings"
	"time"

	"ferry/engine"
	"ferry/themes"
	"ferry/tui/canvas"
	"ferry/tui/widget"
)

const (
	gap       = 2
	mostLines = 6  // of one value
	leastCell = 6  // cells of a value
	longName  = 24 // cells of a field's name
)

// fields sets the sides beside each other, what differs first. A value that is too long for its column goes on below, for
// one that is cut could hide just what differs.
func (c *Card) fields(r *engine.CardReport, width int) []canvas.Line {
	if len(r.Fields) == 0 {
		return nil
	}
	fields, differ := ordered(r)
	title := canvas.Of(themes.Title, " fields")
	title.Put(themes.Text, "  ")
	switch n := int64(len(fields) - differ); {
	case !r.InEngine:
		title.Put(themes.Warn, "◆ only Odoo has the card")
	case !r.AtSource:
		title.Put(themes.Warn, "◆ only the engine has the card")
	case differ == 0:
		title.Put(themes.OK, "✓ "+widget.Plural(n, "is equal", "are equal"))
	default:
		title.Put(themes.Bad, "✗ "+widget.Plural(int64(differ), "differs", "differ")).Put(themes.Muted, ", "+widget.Plural(n, "is equal", "are equal"))
	}
	table := layout(fields, width)
	lines := []canvas.Line{title}
	for i := range fields {
		f := &fields[i]
		if f.Equal && r.AtSource && r.InEngine {
			lines = append(lines, table.same(f, width)...)
			continue
		}
		if len(lines) == 1 {
			lines = append(lines, table.head())
		}
		lines = append(lines, table.row(f, r)...)
	}
	return lines
}

// table is how the columns of fields stand at a width.
type table struct {
	name, cell int
	raw        bool // a raw value differs from its canonical form
}

func layout(fields []engine.CardField, width int) table {
	t := table{name: len("  differs")}
	for i := range fields {
		name := canvas.Of(themes.Text, fields[i].Name)
		t.name = max(t.name, min(name.Width()+2, longName))
		t.raw = t.raw || raw(&fields[i]) && !fields[i].Equal
	}
	columns := 3
	if t.raw {
		columns++
	}
	t.cell = max(leastCell, (width-2-t.name-columns*gap)/columns)
	return t
}

// raw reports whether what the source has reads otherwise than its canonical form. Times do so only by how a time is written.
func raw(f *engine.CardField) bool {
	return f.Raw.Known && f.Raw != f.Source && strings.ReplaceAll(f.Raw.Value, " ", "T")+"Z" != f.Source.Value
}

func (t table) head() canvas.Line {
	l := canvas.Of(themes.Text, " ")
	at := 1 + t.name + gap
	titles := []string{"source", "expected", "engine"}
	if t.raw {
		titles = append([]string{"as in Odoo"}, titles...)
	}
	for _, title := range titles {
		l.To(at).Put(themes.Muted, title)
		at += t.cell + gap
	}
	return l
}

// same is a field that is the same on all sides: its value stands once, and beside it what Odoo has where that reads otherwise.
func (t table) same(f *engine.CardField, width int) []canvas.Line {
	at := 1 + t.name + gap
	shown := f.Source
	if !shown.Known {
		shown = f.Expected // Odoo has no such column
	}
	cell := value(shown, true)
	lines := canvas.Wrap(cell.Role, cell.Text, max(leastCell, width-at-1))
	if raw(f) {
		note := canvas.Of(themes.Muted, "in Odoo "+widget.Value(f.Raw.Value, longValue))
		if last := &lines[len(lines)-1]; last.Width()+gap+note.Width() < width-at {
			last.To(last.Width() + gap).Add(note)
		} else {
			lines = append(lines, canvas.Wrap(themes.Muted, note.String(), max(leastCell, width-at-1))...)
		}
	}
	if len(lines) > mostLines {
		lines = append(lines[:mostLines-1:mostLines-1], canvas.Of(themes.Muted, "…"))
	}
	return t.abreast(canvas.Of(themes.Muted, " = "), [][]canvas.Line{canvas.Wrap(themes.Text, f.Name, t.name-2), lines})
}

func (t table) row(f *engine.CardField, r *engine.CardReport) []canvas.Line {
	name, role := [][]canvas.Line{canvas.Wrap(themes.Text, f.Name, t.name-2)}, themes.Text
	derived := !f.Source.Known && !f.Raw.Known && f.Expected.Known // Odoo has no such column
	cells := []widget.Cell{value(f.Source, r.AtSource && !derived), value(f.Expected, r.AtSource), value(f.Target, r.InEngine)}
	mark := canvas.Of(themes.Muted, " = ")
	switch { // where one side does not have the card, that is said once for all fields
	case !r.AtSource || !r.InEngine:
		mark = canvas.Of(themes.Muted, "   ")
	case !f.Equal:
		role, mark = themes.Bad, canvas.Of(themes.Bad, " ✗ ")
		name[0] = append(canvas.Wrap(themes.Bad, f.Name, t.name-2), canvas.Of(themes.Bad, "differs"))
	}
	if t.raw {
		shown := widget.Cell{}
		if raw(f) {
			shown = widget.Cell{Role: themes.Muted, Text: widget.Value(f.Raw.Value, longValue)}
		}
		cells = append([]widget.Cell{shown}, cells...)
	}
	blocks := name
	for i, cell := range cells {
		if last := i == len(cells)-1; last && cell.Role == themes.Text {
			cell.Role = role
		}
		wrapped := t.wrapped(cell)
		if len(wrapped) > mostLines {
			wrapped = append(wrapped[:mostLines-1:mostLines-1], canvas.Of(themes.Muted, "…"))
		}
		blocks = append(blocks, wrapped)
	}
	return t.abreast(mark, blocks)
}

// wrapped breaks a value into the lines of its column; a time goes on below its date.
func (t table) wrapped(cell widget.Cell) []canvas.Line {
	if date := len(time.DateOnly); len(cell.Text) > max(t.cell, date) && cell.Text[date] == 'T' {
		if _, err := time.Parse(time.DateOnly, cell.Text[:date]); err == nil {
			return append(canvas.Wrap(cell.Role, cell.Text[:date], t.cell), canvas.Wrap(cell.Role, cell.Text[date:], t.cell)...)
		}
	}
	return canvas.Wrap(cell.Role, cell.Text, t.cell)
}

// abreast sets wrapped cells beside each other.
func (t table) abreast(mark canvas.Line, blocks [][]canvas.Line) []canvas.Line {
	height := 0
	for _, b := range blocks {
		height = max(height, len(b))
	}
	lines := make([]canvas.Line, height)
	for row := range lines {
		l := canvas.Of(themes.Text, "   ")
		if row == 0 {
			l = mark
		}
		at := 1 + t.name + gap
		for i, b := range blocks {
			if i > 0 {
				l.To(at)
				at += t.cell + gap
			}
			if row < len(b) {
				l.Add(b[row])
			}
		}
		lines[row] = l
	}
	return lines
}
