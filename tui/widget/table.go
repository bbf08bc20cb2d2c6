package widget

import (
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
	Drop  int  // where the room is short, the column with the highest figure goes first; 0 always stays
}

const columnGap = 2

// Table draws rows under column titles, with as many columns as the width allows.
func Table(columns []Column, rows [][]Cell, width int) []canvas.Line {
	widths := make([]int, len(columns))
	for i, c := range columns {
		widths[i] = max(c.Width, ansi.StringWidth(c.Title))
		for _, row := range rows {
			if c.Width == 0 && i < len(row) {
				widths[i] = max(widths[i], ansi.StringWidth(sanitize.Text(row[i].Text)))
			}
		}
	}
	shown := fitting(columns, widths, width)
	lines := make([]canvas.Line, 0, len(rows)+1)
	var head canvas.Line
	for n, i := range shown {
		place(&head, n, columns[i], widths[i], Cell{Role: themes.Muted, Text: columns[i].Title})
	}
	lines = append(lines, head)
	for _, row := range rows {
		var l canvas.Line
		for n, i := range shown {
			if i < len(row) {
				place(&l, n, columns[i], widths[i], row[i])
			}
		}
		lines = append(lines, l)
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
		need, worst := 1, -1
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

func place(l *canvas.Line, n int, c Column, width int, cell Cell) {
	if n == 0 {
		l.Put(themes.Text, " ")
	} else {
		l.Put(themes.Text, "  ")
	}
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
