package widget

import (
	"strings"

	"github.com/charmbracelet/x/ansi"

	"ferry/themes"
	"ferry/tui/canvas"
	"ferry/tui/sanitize"
)

// Cell is one figure or word of a table.
type Cell struct {
	Role themes.Role
	Text string
	Draw func(width int) canvas.Line // instead of Text, for a bar
}

// Column is one column of a table.
type Column struct {
	Title string
	Left  bool // text; figures stand right
	Width int  // 0: as wide as its widest cell
	Fill  bool // takes what room is left over
	Drop  int  // where the room is short, the column with the highest figure goes first; 0 always stays
}

const columnGap = 2

// Grid is how the columns of a table stand at a width. It draws rows one by one, for a table of which only a part is in
// sight; all columns then need a width.
type Grid struct {
	columns []Column
	widths  []int
	shown   []int
	indent  int
}

// NewGrid lays columns out, as many as there is room for, after an indent.
func NewGrid(columns []Column, indent, width int) Grid {
	return newGrid(columns, nil, indent, width)
}

func newGrid(columns []Column, rows [][]Cell, indent, width int) Grid {
	g := Grid{columns: columns, widths: make([]int, len(columns)), indent: indent}
	for i, c := range columns {
		g.widths[i] = max(c.Width, ansi.StringWidth(c.Title))
		for _, row := range rows {
			if c.Width == 0 && i < len(row) {
				g.widths[i] = max(g.widths[i], ansi.StringWidth(sanitize.Text(row[i].Text)))
			}
		}
	}
	g.shown = fitting(columns, g.widths, width-indent)
	left := width - indent + columnGap
	for _, i := range g.shown {
		left -= g.widths[i] + columnGap
	}
	for _, i := range g.shown {
		if columns[i].Fill && left > 0 {
			g.widths[i] += left
			break
		}
	}
	return g
}

// Shows reports whether there is room for a column.
func (g *Grid) Shows(title string) bool {
	for _, i := range g.shown {
		if g.columns[i].Title == title {
			return true
		}
	}
	return false
}

// Head draws the titles.
func (g *Grid) Head() canvas.Line {
	cells := make([]Cell, len(g.columns))
	for i, c := range g.columns {
		cells[i] = Cell{Role: themes.Muted, Text: c.Title}
	}
	return g.Row(cells)
}

// Row draws one row.
func (g *Grid) Row(cells []Cell) canvas.Line {
	l := canvas.Of(themes.Text, strings.Repeat(" ", g.indent))
	for n, i := range g.shown {
		if i >= len(cells) {
			continue
		}
		if n > 0 {
			l.Put(themes.Text, strings.Repeat(" ", columnGap))
		}
		place(&l, g.columns[i], g.widths[i], cells[i])
	}
	return l
}

// Table draws rows under column titles, with as many columns as the width allows.
func Table(columns []Column, rows [][]Cell, width int) []canvas.Line {
	g := newGrid(columns, rows, 1, width)
	lines := []canvas.Line{g.Head()}
	for _, row := range rows {
		lines = append(lines, g.Row(row))
	}
	return lines
}

// fitting lists the columns that there is room for.
func fitting(columns []Column, widths []int, width int) []int {
	shown := make([]int, len(columns))
	for i := range shown {
		shown[i] = i
	}
	for {
		need, worst := 0, -1
		for n, i := range shown {
			need += widths[i] + columnGap
			if columns[i].Drop > 0 && (worst < 0 || columns[i].Drop >= columns[shown[worst]].Drop) {
				worst = n
			}
		}
		if need-columnGap <= width || worst < 0 {
			return shown
		}
		shown = append(shown[:worst:worst], shown[worst+1:]...)
	}
}

func place(l *canvas.Line, c Column, width int, cell Cell) {
	switch {
	case cell.Draw != nil:
		drawn := cell.Draw(width)
		l.Add(drawn.Fit(width))
	case c.Left:
		l.Put(cell.Role, sanitize.Pad(cell.Text, width))
	default:
		l.Put(cell.Role, sanitize.PadLeft(cell.Text, width))
	}
}

// FirstFit is the first of several wordings that fits a width, else the last.
func FirstFit(width int, wordings ...canvas.Line) canvas.Line {
	for _, l := range wordings {
		if l.Width() <= width {
			return l
		}
	}
	if len(wordings) == 0 {
		return canvas.Line{}
	}
	return wordings[len(wordings)-1]
}
