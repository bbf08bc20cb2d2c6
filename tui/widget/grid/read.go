package grid

import (
	"context"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"ferry/engine"
)

const (
	readLimit = 15 * time.Second
	retry     = 3 * time.Second // between two attempts
	slowRead  = 2 * time.Second // reading that takes longer gets a clock
)

// page is how many rows are read at a time: more where each page costs a look at all rows, since no index has the order.
func (g *Grid[T]) page() int {
	rows := pageSize
	if g.order.Column != "" || len(g.filter.terms) > 0 {
		rows = scanSize
	}
	return max(rows, 2*g.height)
}

// Fetch asks for the page that is missing, or may have changed; nil if none is, or one is on its way.
func (g *Grid[T]) Fetch() tea.Cmd {
	if g.config.Source == nil || g.shelf.Waiting() {
		return nil
	}
	a, ok := g.wants()
	switch {
	case !ok:
		return nil
	case g.shelf.Err != nil && !g.shelf.Rested(g.now, retry):
		return nil
	case a.kind == again && !g.shelf.Rested(g.now, 0):
		return nil
	}
	a.filter, a.listing.Order = g.filter.terms, g.order
	if a.listing.Limit == 0 {
		a.listing.Limit = g.page()
	}
	if a.kind == again || a.kind == fromTop || a.kind == fromBottom {
		g.stale = false
		a.listing.Count = true
	}
	source := g.config.Source
	return g.shelf.Fetch(g.now, g.config.Reading, readLimit, func(ctx context.Context) (reply[T], error) {
		page, err := source(ctx, a.filter, a.listing)
		return reply[T]{a, page}, err
	})
}

// wants is the page that must be read next.
func (g *Grid[T]) wants() (ask, bool) {
	w, near := &g.win, g.page()/2
	switch {
	case g.goal != nil:
		return *g.goal, true
	case !w.known:
		return ask{kind: fromTop}, true
	case len(w.rows) == 0 && w.before != nil: // all that was behind has left
		return ask{kind: fromBottom, listing: engine.Listing{Back: true}}, true
	case g.stale:
		return g.once(), true
	case w.before != nil && g.top < near:
		return ask{kind: backward, listing: engine.Listing{Back: true, From: w.place(0)}}, true
	case !w.ended && g.top+g.height+near >= len(w.rows):
		return ask{kind: onward, listing: engine.Listing{From: w.place(len(w.rows) - 1)}}, true
	}
	return ask{}, false
}

// once asks for the rows about those in sight once more.
func (g *Grid[T]) once() ask {
	from := max(0, g.top-g.page()/4)
	if len(g.win.rows) == 0 {
		return ask{kind: fromTop}
	}
	return ask{kind: again, listing: engine.Listing{From: g.win.frontOf(from)}, first: g.win.first + int64(from), placed: g.win.placed}
}

// Take takes an answer; false says that it is not, or no longer, wanted here.
func (g *Grid[T]) Take(msg tea.Msg) bool {
	if !g.shelf.Take(g.now, msg) {
		return false
	}
	if g.shelf.Err != nil {
		g.stale = g.stale || g.win.known
		return true
	}
	answer := g.shelf.Value
	g.shelf.Value = reply[T]{} // what is kept is in the window
	g.take(answer.ask, answer.page)
	return true
}

// take puts a page in its place. The cursor stays on its row, and the row where it is on the screen; if it has left, the
// cursor goes to the one that came after it. Who is at the very top sees what is new.
func (g *Grid[T]) take(a ask, page engine.Page[T]) {
	old, at, line := g.win.rows, g.at, g.at-g.top
	old = append([]row[T](nil), old...)
	atTop := at == 0 && g.win.before == nil
	g.win.put(a, page)
	switch {
	case g.goal != nil && a.kind == g.goal.kind:
		g.goal = nil
		g.arrive(a)
	case a.kind == fromTop || a.kind == fromBottom:
		g.arrive(a)
	default:
		g.lose(a, old, at)
		if !atTop || g.win.before != nil {
			g.at = g.follow(old, at)
		}
		g.top = g.at - line
	}
	g.settle()
	g.forget(a.kind)
	g.seeMarks()
}

// arrive puts the cursor where the operator wanted to go.
func (g *Grid[T]) arrive(a ask) {
	switch a.kind { //nolint:exhaustive // the others go nowhere
	case fromTop:
		g.at, g.top = 0, 0
	case fromBottom:
		g.at = len(g.win.rows) - 1
	case toMark:
		g.at = max(0, g.win.find(a.focus))
		g.top = g.at - g.height/2
	}
}

// follow is where the cursor's row is now; if it has left, where the next one is that has not.
func (g *Grid[T]) follow(old []row[T], at int) int {
	now := make(map[string]int, len(g.win.rows))
	for i := range g.win.rows {
		now[g.win.rows[i].at.Key] = i
	}
	for i := at; i < len(old); i++ {
		if to, ok := now[old[i].at.Key]; ok {
			return to
		}
	}
	for i := min(at, len(old)) - 1; i >= 0; i-- {
		if to, ok := now[old[i].at.Key]; ok {
			return to + 1
		}
	}
	return 0
}

// lose notes if the row under the cursor was to be read again and was not there.
func (g *Grid[T]) lose(a ask, old []row[T], at int) {
	if a.kind == again && at < len(old) && g.win.find(old[at].at.Key) < 0 {
		g.gone = old[at].at.Key
	}
}

// forget lets go of rows that are far from those in sight.
func (g *Grid[T]) forget(read kind) {
	over := len(g.win.rows) - kept*g.page()
	switch read { //nolint:exhaustive // the others begin a window of one page
	case onward:
		n := max(0, min(over, g.top-g.page()))
		g.win.trimFront(n)
		g.at, g.top = g.at-n, g.top-n
	case backward:
		g.win.trimBack(min(over, len(g.win.rows)-g.top-g.height-g.page()))
	}
}

// waits says for how long an answer has been awaited, once that is worth a word.
func (g *Grid[T]) waits() time.Duration {
	if d := g.now.Sub(g.shelf.Asked); g.shelf.Waiting() && d >= slowRead {
		return d
	}
	return 0
}
