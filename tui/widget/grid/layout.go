package grid

import (
	"slices"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"ferry/themes"
	"ferry/tui/canvas"
	"ferry/tui/sanitize"
	"ferry/tui/widget"
)

const (
	gap     = 2
	indent  = 5 // the cursor, the mark, and a gap
	rising  = " ▲"
	falling = " ▼"
	markAt  = 2
	sign    = "▪"
)

// layout is how the columns stand at a width.
type layout[T any] struct {
	shown  []place[T] // the key column first
	before int        // columns that are scrolled away
	behind int        // columns that have no room
}

// place is a column with its width.
type place[T any] struct {
	column *Column[T]
	title  string
	width  int // its own, then as it is drawn
	min    int
}

// lay lets columns stand at a width: all of them if they fit, at need shrunk; else the key column, and of the others as
// many as fit from the one on to which the operator has scrolled. It also gives how far that can go.
func (g *Grid[T]) lay(width int) (l layout[T], most int) {
	room := max(1, width-indent)
	all := make([]place[T], len(g.config.Columns))
	for i := range all {
		all[i] = g.place(i)
	}
	if need(all, func(p place[T]) int { return p.min }) <= room {
		return layout[T]{shown: stretch(all, room)}, 0
	}
	key, others := all[0], ranked(all, room)
	key.width = min(key.width, room)
	key.min = key.width
	left := room - key.width
	most = len(others) - 1
	for most > 0 && need(others[most-1:], minimum)+gap <= left {
		most--
	}
	most = max(0, most)
	l.before = min(g.shift, most)
	l.shown = []place[T]{key}
	for _, p := range others[l.before:] {
		if gap+p.min > left {
			break
		}
		left -= gap + p.min
		l.shown = append(l.shown, p)
	}
	l.behind = len(others) - l.before - (len(l.shown) - 1)
	l.shown = stretch(l.shown, room)
	return l, most
}

func minimum[T any](p place[T]) int { return p.min }

// place is a column at its own width; the one that the list is sorted by says so in its title.
func (g *Grid[T]) place(i int) place[T] {
	c := &g.config.Columns[i]
	title := c.Title
	if name := g.order.Column; (name == c.Name && name != "") || (i == 0 && name == "" && g.order.Descending) {
		title += map[bool]string{false: rising, true: falling}[g.order.Descending]
	}
	p := place[T]{column: c, title: title, width: max(c.Width, ansi.StringWidth(title))}
	p.min = p.width
	if c.Min > 0 {
		p.min = min(p.width, max(c.Min, ansi.StringWidth(title)))
	}
	return p
}

// need is how wide columns are with the gaps between them.
func need[T any](places []place[T], width func(place[T]) int) int {
	sum := 0
	for _, p := range places {
		sum += width(p) + gap
	}
	return sum - gap
}

// ranked lists the columns but the key: those that fit in the order in which they stand, behind them those that are
// dropped first.
func ranked[T any](all []place[T], room int) []place[T] {
	shown, dropped := slices.Clone(all), []place[T]{}
	for need(shown, minimum) > room && len(shown) > 1 {
		worst := len(shown) - 1
		for i := worst; i > 0; i-- {
			if shown[i].column.Drop > shown[worst].column.Drop {
				worst = i
			}
		}
		dropped = append(dropped, shown[worst])
		shown = slices.Delete(shown, worst, worst+1)
	}
	slices.Reverse(dropped)
	return append(shown[1:], dropped...)
}

// stretch gives columns the room there is: first their own width back, then what is left to the one that fills.
func stretch[T any](places []place[T], room int) []place[T] {
	left := room - need(places, minimum)
	for i := range places {
		more := max(0, min(left, places[i].width-places[i].min))
		places[i].width = places[i].min + more
		left -= more
	}
	for i := range places {
		if places[i].column.Fill && left > 0 {
			places[i].width += left
			break
		}
	}
	return places
}

// head draws the titles.
func (l *layout[T]) head() canvas.Line {
	line := canvas.Of(themes.Text, strings.Repeat(" ", indent))
	for i, p := range l.shown {
		p.put(&line, i, widget.Cell{Role: themes.Muted, Text: p.title})
	}
	return line
}

// row draws a row.
func (l *layout[T]) row(value *T, mark bool) canvas.Line {
	line := canvas.Of(themes.Text, strings.Repeat(" ", markAt))
	text := " "
	if mark {
		text = sign
	}
	line.Put(themes.Accent, text).Put(themes.Text, strings.Repeat(" ", indent-markAt-1))
	for i, p := range l.shown {
		var cell widget.Cell
		if p.column.Cell != nil {
			cell = p.column.Cell(value)
		}
		p.put(&line, i, cell)
	}
	return line
}

func (p *place[T]) put(line *canvas.Line, i int, cell widget.Cell) {
	if i > 0 {
		line.Put(themes.Text, strings.Repeat(" ", gap))
	}
	switch {
	case cell.Draw != nil:
		drawn := cell.Draw(p.width)
		line.Add(drawn.Fit(p.width))
	case p.column.Left:
		line.Put(cell.Role, sanitize.Pad(cell.Text, p.width))
	default:
		line.Put(cell.Role, sanitize.PadLeft(cell.Text, p.width))
	}
}
