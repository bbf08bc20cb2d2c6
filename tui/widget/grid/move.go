package grid

import (
	"slices"

	"ferry/engine"
	"ferry/tui/keymap"
)

// Do carries out an action; false says that the grid has no use for it.
func (g *Grid[T]) Do(action keymap.Action) bool {
	switch action { //nolint:exhaustive // the others are movements, or not for a grid
	case keymap.Filter:
		g.filter.open()
	case keymap.Back:
		return g.clear()
	case keymap.Sort:
		g.sort()
	case keymap.SortReverse:
		g.order.Descending = !g.order.Descending
		g.reorder()
	case keymap.Mark:
		g.mark()
	case keymap.MarkRange:
		g.markRange()
	case keymap.MarkAll:
		g.marks.toggleAll()
	case keymap.Next:
		g.seek(1)
	case keymap.Previous:
		g.seek(-1)
	case keymap.Left:
		g.shift = max(0, g.shift-1)
	case keymap.Right:
		g.shift = min(g.most, g.shift+1)
	default:
		return g.move(action)
	}
	return true
}

// Refusal says why an action of the grid cannot be taken now, or nothing; of other actions it knows nothing.
func (g *Grid[T]) Refusal(action keymap.Action) string {
	switch action { //nolint:exhaustive // the others are always possible, or not the grid's
	case keymap.Mark, keymap.Next, keymap.Previous:
		if g.Row() == nil {
			return "there is no row"
		}
	case keymap.MarkRange:
		return g.rangeRefusal()
	case keymap.MarkAll:
		if len(g.win.rows) == 0 && !g.marks.all {
			return "there is no row"
		}
	case keymap.Left, keymap.Right:
		if g.most == 0 {
			return "all columns are in sight"
		}
	case keymap.Sort:
		if len(g.orders()) < 2 {
			return "this list has one order only"
		}
	}
	return ""
}

// move moves the cursor; false says that the action is no movement.
func (g *Grid[T]) move(action keymap.Action) bool {
	page := max(1, g.height-1)
	switch action { //nolint:exhaustive // the others are no movement
	case keymap.Up:
		g.at--
	case keymap.Down:
		g.at++
	case keymap.PageUp:
		g.at -= page
		g.top -= page
	case keymap.PageDown:
		g.at += page
		g.top += page
	case keymap.Top:
		g.jump(fromTop)
	case keymap.Bottom:
		g.jump(fromBottom)
	default:
		return false
	}
	if action != keymap.Top && action != keymap.Bottom {
		g.goal = nil
	}
	g.settle()
	return true
}

// jump goes to an end, at once if it is kept, else by reading from there.
func (g *Grid[T]) jump(to kind) {
	g.goal = nil
	switch {
	case !g.win.known: // the first page is on its way, or fails
	case to == fromTop && g.win.before == nil:
		g.at, g.top = 0, 0
		return
	case to == fromBottom && g.win.ended:
		g.at = len(g.win.rows) - 1
		return
	}
	g.shelf.Drop()
	g.goal = &ask{kind: to, listing: engine.Listing{Back: to == fromBottom, Count: true}}
}

// settle keeps the cursor on a row, and that row in sight.
func (g *Grid[T]) settle() {
	n := len(g.win.rows)
	g.at = max(0, min(g.at, n-1))
	g.top = max(g.top, g.at-g.height+1)
	g.top = min(g.top, g.at)
	g.top = max(0, min(g.top, n-g.height))
}

// orders lists those that `o` goes through: the list's own, then by each column that has a name.
func (g *Grid[T]) orders() []engine.Order {
	orders := []engine.Order{{}}
	for _, c := range g.config.Columns[1:] {
		if c.Name != "" {
			orders = append(orders, engine.Order{Column: c.Name, Descending: c.Most})
		}
	}
	return orders
}

// sort goes on to the next order.
func (g *Grid[T]) sort() {
	orders := g.orders()
	at := slices.IndexFunc(orders, func(o engine.Order) bool { return o.Column == g.order.Column })
	g.SortBy(orders[(at+1)%len(orders)])
}

// SortBy gives the list another order; the cursor goes to its first row.
func (g *Grid[T]) SortBy(order engine.Order) {
	g.order = order
	g.reorder()
}

func (g *Grid[T]) reorder() {
	g.marks.astray()
	g.restart()
}

// clear takes the filter away, if there is one.
func (g *Grid[T]) clear() bool {
	switch {
	case len(g.filter.terms) > 0:
		g.setFilter("", nil)
	case g.marks.all:
		g.marks.all = false
	default:
		return false
	}
	return true
}

func (g *Grid[T]) setFilter(text string, terms engine.Filter) {
	g.filter.text, g.filter.terms = text, terms
	g.marks.all = false // it meant another filter
	g.restart()
}

// Owns reports whether an action is one that grids have, and screens without a grid do not.
func Owns(action keymap.Action) bool {
	switch action { //nolint:exhaustive // the others are of any screen
	case keymap.Filter, keymap.Sort, keymap.SortReverse, keymap.Mark, keymap.MarkRange, keymap.MarkAll, keymap.Next, keymap.Previous,
		keymap.Left, keymap.Right:
		return true
	}
	return false
}
