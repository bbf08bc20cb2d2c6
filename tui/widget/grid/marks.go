package grid

import (
	"cmp"
	"maps"
	"slices"

	"ferry/engine"
	"ferry/tui/keymap"
	"ferry/tui/widget"
)

// marks are the rows that are marked. They hold through filters and orders. All that fit a filter are marked by that
// filter, for a list of a million ids is none that anybody has seen.
type marks[T any] struct {
	all  bool // all that fit the filter
	rows map[string]*marked[T]
	last string // the key of the one that was set last; a range begins there
}

// marked is a row that is marked, and the way back to it.
type marked[T any] struct {
	value  T
	before *engine.Cursor // the row in front of it, when it was last seen
	index  int64          // how many rows were in front of it
	placed bool           // these are of the order in force
}

// Selection is what the operator has marked.
type Selection[T any] struct {
	All    bool          // all rows that fit Filter; the list is empty then
	Filter engine.Filter // the one in force, also where single rows are marked
	Keys   []string      // of the marked rows, sorted
	Rows   []T           // the marked rows, as they were when last seen, in the order of Keys
}

// None reports whether nothing is marked, so that actions are about the row under the cursor.
func (s Selection[T]) None() bool { return !s.All && len(s.Keys) == 0 }

// Selection is what is marked.
func (g *Grid[T]) Selection() Selection[T] {
	s := Selection[T]{All: g.marks.all, Filter: slices.Clone(g.filter.terms)}
	if s.All {
		return s
	}
	s.Keys = slices.SortedFunc(maps.Keys(g.marks.rows), func(a, b string) int {
		return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) // numbers by size
	})
	for _, key := range s.Keys {
		s.Rows = append(s.Rows, g.marks.rows[key].value)
	}
	return s
}

// Unmark takes all marks away: they have done their part.
func (g *Grid[T]) Unmark() { g.marks = marks[T]{} }

func (m *marks[T]) has(key string) bool { return m.all || m.rows[key] != nil }

func (m *marks[T]) toggleAll() {
	on := !m.all && len(m.rows) == 0
	*m = marks[T]{all: on}
}

// astray says that the marks have other places now, which are not known.
func (m *marks[T]) astray() {
	for _, r := range m.rows {
		r.placed = false
	}
}

// set marks a row of the window.
func (g *Grid[T]) set(i int) {
	r := g.win.rows[i]
	if g.marks.rows == nil {
		g.marks.rows = map[string]*marked[T]{}
	}
	g.marks.rows[r.at.Key] = &marked[T]{r.value, g.win.frontOf(i), g.win.first + int64(i), true}
}

// mark marks the row under the cursor, or takes its mark away, and goes on to the next. Where all are marked, the mark of
// all is taken away.
func (g *Grid[T]) mark() {
	key := g.Key()
	switch {
	case key == "":
		return
	case g.marks.all:
		g.marks.all = false
		return
	case g.marks.has(key):
		delete(g.marks.rows, key)
	default:
		g.set(g.at)
	}
	g.marks.last = key
	g.move(keymap.Down)
}

// markRange marks all rows from the last mark to the cursor.
func (g *Grid[T]) markRange() {
	from := g.win.find(g.marks.last)
	if from < 0 || g.marks.all {
		return
	}
	for i := min(from, g.at); i <= max(from, g.at); i++ {
		g.set(i)
	}
	g.marks.last = g.Key()
}

func (g *Grid[T]) rangeRefusal() string {
	switch {
	case g.Row() == nil:
		return "there is no row"
	case g.marks.all:
		return "all are marked already"
	case g.marks.last == "":
		return "a range begins at the last mark: " + g.keys.Key(keymap.Mark) + " marks the first row"
	case g.win.find(g.marks.last) < 0:
		return "the last mark is too far away, or has left; for so many rows filter, and mark all with " + g.keys.Key(keymap.MarkAll)
	}
	return ""
}

// see notes where marked rows are that have been read again.
func (g *Grid[T]) seeMarks() {
	if len(g.marks.rows) == 0 {
		return
	}
	for i := range g.win.rows {
		if g.marks.rows[g.win.rows[i].at.Key] != nil {
			g.set(i)
		}
	}
}

// seek goes to the next marked row, or to the one before; without marks by one row.
func (g *Grid[T]) seek(by int) {
	if g.marks.all || len(g.marks.rows) == 0 {
		g.move(map[int]keymap.Action{1: keymap.Down, -1: keymap.Up}[by])
		return
	}
	g.goal = nil
	for i := g.at + by; i >= 0 && i < len(g.win.rows); i += by {
		if g.marks.has(g.win.rows[i].at.Key) {
			g.at = i
			g.settle()
			return
		}
	}
	g.seekAfar(by)
}

// seekAfar goes to the nearest marked row that is not kept, by reading from there.
func (g *Grid[T]) seekAfar(by int) {
	here := g.win.first + int64(g.at)
	var best *marked[T]
	var focus string
	for key, m := range g.marks.rows {
		ahead := (m.index - here) * int64(by)
		if !m.placed || ahead <= 0 || g.win.find(key) >= 0 {
			continue
		}
		if best == nil || ahead < (best.index-here)*int64(by) {
			best, focus = m, key
		}
	}
	if best == nil {
		return
	}
	g.shelf.Drop()
	g.goal = &ask{kind: toMark, listing: engine.Listing{From: best.before}, first: best.index, placed: g.win.placed, focus: focus}
}

// words says how many are marked, or nothing.
func (g *Grid[T]) markWords() string {
	switch n := len(g.marks.rows); {
	case g.marks.all && g.win.total.Known:
		return "all " + widget.Count(g.win.total.Value) + " marked"
	case g.marks.all:
		return "all marked"
	case n > 0:
		return widget.Count(int64(n)) + " marked"
	}
	return ""
}
