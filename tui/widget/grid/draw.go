package grid

import (
	"ferry/engine"
	"ferry/themes"
	"ferry/tui/canvas"
	"ferry/tui/cure"
	"ferry/tui/keymap"
	"ferry/tui/widget"
)

// Lines draws the grid: a title with where one is, the filter, the columns' titles, and the rows. It gives exactly height
// lines, each exactly width cells.
func (g *Grid[T]) Lines(title canvas.Line, width, height int) []canvas.Line {
	l, most := g.lay(width - 1) // air at the edge
	g.most, g.shift = most, min(g.shift, most)
	lines := append([]canvas.Line{g.titleLine(title, l, width)}, g.filterLines(width)...)
	if len(g.win.rows) == 0 {
		g.height = max(1, height-len(lines)-1)
		return canvas.Block(append(lines, g.nothing(width)...), width, height)
	}
	lines = append(lines, l.head())
	g.height = max(1, height-len(lines))
	g.settle()
	for i := g.top; i < min(len(g.win.rows), g.top+g.height); i++ {
		r := &g.win.rows[i]
		line := l.row(&r.value, g.marks.has(r.at.Key))
		switch {
		case i != g.at:
		case g.Hidden:
			line = line.Over(0, canvas.Of(themes.Muted, widget.Resting))
		default:
			line = line.Over(0, canvas.Of(themes.Selection, widget.Cursor))
			line = line.Fit(width)
			line = line.In(themes.Selection)
		}
		lines = append(lines, line)
	}
	return canvas.Block(lines, width, height)
}

// nothing says why there are no rows.
func (g *Grid[T]) nothing(width int) []canvas.Line {
	say := func(role themes.Role, text string) []canvas.Line {
		var lines []canvas.Line
		for _, l := range canvas.Wrap(role, text, max(10, width-3)) {
			line := canvas.Of(themes.Text, "  ")
			lines = append(lines, *line.Add(l))
		}
		return lines
	}
	switch {
	case g.shelf.Err != nil:
		lines := say(themes.Bad, "✗ the rows could not be read: "+g.shelf.Err.Error())
		if advice := cure.ForError(g.shelf.Err); advice != "" {
			lines = append(lines, say(themes.Info, "→ "+advice)...)
		}
		return append(lines, say(themes.Muted, "ferry tries again by itself")...)
	case !g.win.known || g.win.before != nil:
		text := "reading the rows"
		if d := g.waits(); d > 0 {
			text += ", " + widget.Duration(d)
		}
		return say(themes.Muted, text)
	case len(g.filter.terms) > 0:
		return say(themes.Muted, "no row fits the filter; "+g.keys.Key(keymap.Back)+" clears it")
	case g.config.Empty != "":
		return say(themes.Muted, g.config.Empty)
	}
	return say(themes.Muted, "there are no rows")
}

// titleLine is the title with how things stand at its right: what is being read, the order, columns out of sight, and where one is.
// Where the room is short the least important goes first.
func (g *Grid[T]) titleLine(title canvas.Line, l layout[T], width int) canvas.Line {
	if words := g.markWords(); words != "" {
		title.Put(themes.Accent, "  "+sign+" "+words)
	}
	state, columns, order, position := g.stateWords(), l.words(), g.orderWords(), g.position()
	join := func(parts ...canvas.Line) canvas.Line {
		line := canvas.Of(themes.Muted, " ")
		for _, p := range parts {
			line.Add(p)
		}
		return line
	}
	right := widget.FirstFit(width-title.Width(),
		join(state, order, columns, position), join(state, columns, position), join(state, position), position)
	title = title.Fit(max(0, width-right.Width()))
	return *title.Add(right)
}

func (g *Grid[T]) stateWords() canvas.Line {
	switch {
	case g.shelf.Err != nil && g.win.known:
		return canvas.Of(themes.Bad, "✗ could not be read on  ")
	case g.shelf.Waiting():
		text := "◌ reading"
		if d := g.waits(); d > 0 {
			text += ", " + widget.Duration(d)
		}
		return canvas.Of(themes.Info, text+"  ")
	}
	return canvas.Line{}
}

// orderWords says in words how the list is sorted, if not as it comes.
func (g *Grid[T]) orderWords() canvas.Line {
	if g.order == (engine.Order{}) {
		return canvas.Line{}
	}
	title := g.config.Columns[0].Title
	for _, c := range g.config.Columns {
		if c.Name == g.order.Column && c.Name != "" {
			title = c.Title
		}
	}
	way := "rising"
	if g.order.Descending {
		way = "falling"
	}
	return canvas.Of(themes.Muted, "by "+title+", "+way+"  ")
}

// words says how many columns are out of sight, and on which side.
func (l *layout[T]) words() canvas.Line {
	var line canvas.Line
	if l.before > 0 {
		line.Put(themes.Muted, "← "+widget.Count(int64(l.before))+"  ")
	}
	if l.behind > 0 {
		line.Put(themes.Muted, "→ "+widget.Plural(int64(l.behind), "column", "columns")+"  ")
	}
	return line
}

// position is where the cursor is among all rows: "1,204/118,332".
func (g *Grid[T]) position() canvas.Line {
	n := len(g.win.rows)
	if n == 0 {
		return canvas.Of(themes.Muted, " ")
	}
	at, total := "…", "…"
	if g.win.placed {
		at = widget.Count(g.win.first + int64(g.at) + 1)
	}
	if g.win.total.Known {
		total = widget.Count(g.win.total.Value)
	}
	if g.Hidden {
		return canvas.Of(themes.Muted, total+" ")
	}
	return canvas.Of(themes.Muted, at+"/"+total+" ")
}
