package screen

import (
	"ferry/themes"
	"ferry/tui/canvas"
	"ferry/tui/keymap"
	"ferry/tui/widget"
)

// List is a cursor over the rows of a table of which a part is in sight. Something may stand before the table and scroll
// away with it; the header of the table stays.
type List struct {
	Hidden bool // the cursor only rests here: the operator is elsewhere

	at     int // the row under the cursor
	top    int // lines that have scrolled away
	lead   int // lines before the header
	rows   int
	height int
}

// At is the row under the cursor.
func (l *List) At() int { return l.at }

// Reset puts the cursor on the first row.
func (l *List) Reset() { *l = List{} }

// Follow says that the row under the cursor has become another one: it stays where it is on the screen. A list that is at
// its beginning stays there as long as the row is in sight.
func (l *List) Follow(row int) {
	if l.top > 0 {
		l.top = max(0, l.top+row-l.at)
	}
	l.at = row
}

// Above is how many rows have scrolled away.
func (l *List) Above() int {
	if l.top <= l.lead {
		return 0
	}
	return l.top - l.lead
}

// Top is how many lines have scrolled away.
func (l *List) Top() int { return l.top }

// Below is how many rows stand below what is in sight.
func (l *List) Below() int { return max(0, min(l.rows, l.lead+1+l.rows-l.top-l.height)) }

// Do moves the cursor; false says that the action is no movement.
func (l *List) Do(action keymap.Action) bool {
	page := max(1, l.height-2)
	switch action { //nolint:exhaustive // the others are no movement
	case keymap.Up:
		if l.at == 0 {
			l.top-- // what stands before the table
		}
		l.at--
	case keymap.Down:
		if l.line() >= l.top+l.height {
			l.top++ // until the cursor comes in sight
			return true
		}
		l.at++
	case keymap.PageUp:
		l.at -= page
	case keymap.PageDown:
		l.at += page
	case keymap.Top:
		l.at, l.top = 0, 0
		return true
	case keymap.Bottom:
		l.at = l.rows - 1
	default:
		return false
	}
	l.settle()
	return true
}

// line is where the cursor's row is among all lines.
func (l *List) line() int { return l.lead + 1 + l.at }

func (l *List) settle() {
	l.at = max(0, min(l.at, l.rows-1))
	if l.at > 0 {
		line := l.line()
		l.top = max(l.top, line-l.height+1)
		if l.top > l.lead { // the header covers a line
			l.top = min(l.top, line-1)
		}
	} else if l.lead+1 < l.height {
		l.top = 0
	}
	l.top = max(0, min(l.top, l.lead+1+l.rows-l.height))
}

// Draw gives at most height lines: what leads, the header, and the rows, with a cursor at the one that is selected.
func (l *List) Draw(lead []canvas.Line, header canvas.Line, rows, width, height int, row func(int) canvas.Line) []canvas.Line {
	l.lead, l.rows, l.height = len(lead), rows, height
	l.settle()
	var lines []canvas.Line
	for n := l.top; n < l.top+height && n < l.lead+1+rows; n++ {
		switch {
		case n == l.top && n > l.lead, n == l.lead:
			lines = append(lines, header)
		case n < l.lead:
			lines = append(lines, lead[n])
		default:
			lines = append(lines, l.mark(n-l.lead-1, width, row))
		}
	}
	return lines
}

func (l *List) mark(i, width int, row func(int) canvas.Line) canvas.Line {
	line := row(i)
	switch {
	case i != l.at:
		return line
	case l.Hidden:
		return line.Over(0, canvas.Of(themes.Muted, widget.Resting))
	}
	line = line.Over(0, canvas.Of(themes.Selection, widget.Cursor))
	line = line.Fit(width)
	return line.In(themes.Selection)
}

// Position says where the cursor is: "12/340", or "12/…" while it is unknown how many there are.
func (l *List) Position(rows int, all bool) string {
	switch {
	case rows == 0:
		return ""
	case !all:
		return widget.Count(int64(l.at+1)) + "/…"
	}
	return widget.Count(int64(l.at+1)) + "/" + widget.Count(int64(rows))
}
