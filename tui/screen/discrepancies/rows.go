package discrepancies

import (
	"time"

	"ferry/engine"
	"ferry/themes"
	"ferry/tui/canvas"
	"ferry/tui/status"
	"ferry/tui/widget"
	"ferry/tui/widget/grid"
)

// newGrid is the list of a line of the counts. What all its rows have in common has no column, but can be filtered by.
func (d *Discrepancies) newGrid(line *engine.DiscrepancyCount) *grid.Grid[engine.Discrepancy] {
	fixed := map[string]bool{"entity": line.Entity != "", "cause": line.Cause != "", "state": line.State != ""}
	fields := []string{"source", "seen"}
	var shown []grid.Column[engine.Discrepancy]
	for _, c := range d.columns() {
		if fixed[c.Name] {
			fields = append(fields, c.Name)
		} else {
			shown = append(shown, c)
		}
	}
	return grid.New(grid.Config[engine.Discrepancy]{Columns: shown, Fields: fields, Reading: d.reading, Empty: "none is left"})
}

// columns are those of the list, by the names that filters and orders know.
func (d *Discrepancies) columns() []grid.Column[engine.Discrepancy] {
	type row = engine.Discrepancy
	left := func(title, name string, width, least, drop int, cell func(*row) widget.Cell) grid.Column[row] {
		return grid.Column[row]{Title: title, Name: name, Left: true, Width: width, Min: least, Drop: drop, Cell: cell}
	}
	target := left("engine", "target", 20, 10, 1, func(r *row) widget.Cell {
		_, _, target := r.Sides()
		return value(target)
	})
	target.Fill = true
	return []grid.Column[row]{
		left("number", "number", 6, 0, 0, func(r *row) widget.Cell { return widget.Cell{Role: themes.Muted, Text: number(r)} }),
		left("entity", "entity", 13, 10, 2, func(r *row) widget.Cell { return widget.Cell{Text: short(r.Entity)} }),
		left("id", "id", 9, 8, 0, func(r *row) widget.Cell { return widget.Cell{Role: themes.Title, Text: id(r)} }),
		left("field", "field", 15, 9, 1, func(r *row) widget.Cell { return widget.Cell{Text: field(r)} }),
		left("expected", "expected", 20, 10, 1, func(r *row) widget.Cell {
			_, expected, _ := r.Sides()
			return value(expected)
		}),
		target,
		left("cause", "cause", 12, 7, 4, func(r *row) widget.Cell { return widget.Cell{Text: causeName(r.Cause)} }),
		left("state", "state", 11, 0, 3, func(r *row) widget.Cell {
			s := status.OfFound(r.State)
			return widget.Cell{Role: s.Role, Text: s.Glyph + " " + s.Word}
		}),
		{Title: "age", Name: "found", Width: 4, Drop: 5, Cell: func(r *row) widget.Cell {
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
	s := status.OfFound(c.State)
	return *l.Put(themes.Text, " "+causeName(c.Cause)+" ").Put(s.Role, s.Glyph+" "+s.Word)
}

func when(t, now time.Time) string { return widget.When(t, now) + " (" + widget.Ago(t, now) + ")" }
