package discrepancies

import (
	"time"

	"ferry/engine"
	"ferry/themes"
	"ferry/tui/canvas"
	"ferry/tui/widget"
	"ferry/tui/widget/grid"
)

// columns are those of the list, by the names that filters and orders know.
func (d *Discrepancies) columns() []grid.Column[engine.Discrepancy] {
	type row = engine.Discrepancy
	left := func(title, name string, width, least, drop int, cell func(*row) widget.Cell) grid.Column[row] {
		return grid.Column[row]{Title: title, Name: name, Left: true, Width: width, Min: least, Drop: drop, Cell: cell}
	}
	plain := func(text func(*row) string) func(*row) widget.Cell {
		return func(r *row) widget.Cell { return widget.Cell{Text: text(r)} }
	}
	key := left("number", "number", 6, 0, 0, func(r *row) widget.Cell { return widget.Cell{Role: themes.Muted, Text: number(r)} })
	expected := left("expected", "expected", 14, 8, 1, func(r *row) widget.Cell { return value(r.Expected) })
	target := left("engine", "target", 14, 8, 1, func(r *row) widget.Cell { return value(r.Target) })
	target.Fill = true
	return []grid.Column[row]{
		key,
		left("entity", "entity", 13, 5, 5, plain(func(r *row) string { return short(r.Entity) })),
		left("id", "id", 9, 0, 0, func(r *row) widget.Cell { return widget.Cell{Role: themes.Title, Text: id(r)} }),
		left("field", "field", 15, 9, 2, plain(field)),
		expected,
		target,
		left("cause", "cause", 12, 7, 3, plain(func(r *row) string { return causeName(r.Cause) })),
		left("state", "state", 11, 11, 3, func(r *row) widget.Cell {
			s := signOf(r.State)
			return widget.Cell{Role: s.role, Text: s.glyph + " " + s.word}
		}),
		{Title: "age", Name: "found", Width: 4, Drop: 4, Cell: func(r *row) widget.Cell {
			return widget.Cell{Role: themes.Muted, Text: age(r, d.sight.Now)}
		}},
		left("acknowledged", "acknowledged", 12, 8, 6, func(r *row) widget.Cell { return acknowledged(r, d.sight.Now) }),
	}
}

// rowsTitle names the line of the counts whose rows are listed.
func (d *Discrepancies) rowsTitle() canvas.Line {
	c := &d.about
	if c.Cause == "" {
		return canvas.Of(themes.Title, " all discrepancies")
	}
	l := canvas.Of(themes.Title, " "+c.Entity)
	s := signOf(c.State)
	return *l.Put(themes.Text, " "+causeName(c.Cause)+" ").Put(s.role, s.glyph+" "+s.word)
}

func when(t, now time.Time) string { return widget.When(t, now) + " (" + widget.Ago(t, now) + ")" }
