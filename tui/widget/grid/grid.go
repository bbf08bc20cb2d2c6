// Package grid is the table that scrolls over a million rows like over ten. It is generic over rows that come page by page
// from where they are filtered and sorted; it keeps a few pages around what is in sight, and never a list of all.
//
//	title                                      ▪ 3 marked   by points, falling   1,204/118,332
//	 / partner !waived   esc clears
//	      id       card            points ▼  last seen
//	›  ▪  100001   0446-4c6f-4000      30.30  2h ago
//
// A screen owns a grid, and hands it what it is handed itself. The grid does no I/O: what it lacks it asks for with Fetch,
// and the answer comes back through Take.
//
//	type row struct{ ID int64; Code string }
//
//	g := grid.New(grid.Config[row]{
//		Columns: []grid.Column[row]{ // the first one is the key column: it never scrolls away
//			{Title: "id", Name: "id", Left: true, Width: 10, Cell: func(r *row) widget.Cell {
//				return widget.Cell{Role: themes.Title, Text: strconv.FormatInt(r.ID, 10)}
//			}},
//			{Title: "code", Name: "code", Left: true, Width: 16, Min: 8, Fill: true, Cell: func(r *row) widget.Cell {
//				return widget.Cell{Text: r.Code}
//			}},
//		},
//		Source:  desk.Rows, // func(ctx, engine.Filter, engine.Listing) (engine.Page[row], error)
//		Reading: reading,
//		Empty:   "no card is wrong",
//	})
//
//	func (s *Screen) See(sight screen.Sight)       { s.sight = sight; s.grid.See(sight.Now, sight.Keys) }
//	func (s *Screen) Fetch() tea.Cmd               { return s.grid.Fetch() }          // while in sight and nothing Hinders
//	func (s *Screen) Take(msg tea.Msg) bool        { return s.grid.Take(msg) }
//	func (s *Screen) Do(a keymap.Action) (tea.Cmd, bool) { return nil, s.grid.Do(a) } // after the screen's own actions
//	func (s *Screen) Lines() []canvas.Line         { return s.grid.Lines(title, s.width, s.height) }
//	func (s *Screen) Refusal(a keymap.Action) string { return s.grid.Refusal(a) }     // why not, of the grid's own actions
//	func (s *Screen) Text() screen.Text            { return s.grid }                  // screen.Typist: `/` has the keys
//
// Row is the row under the cursor, Selection what actions are about: the marked rows, or all that fit the filter, which is
// a filter and not a list of ids. Renew has the rows in sight read again; the cursor stays on its row.
package grid

import (
	"context"
	"time"

	"ferry/engine"
	"ferry/tui/feed"
	"ferry/tui/keymap"
	"ferry/tui/widget"
)

// Source reads one page of the rows that fit a filter.
type Source[T any] func(ctx context.Context, filter engine.Filter, want engine.Listing) (engine.Page[T], error)

// Column is one column. Where not all have room, columns shrink to Min; then those that are dropped stand behind the
// others, out of sight until one goes there.
type Column[T any] struct {
	Title string
	Name  string // what the filter and the order call it; empty: it can be in neither
	Left  bool   // text; figures stand right
	Width int    // cells
	Min   int    // it may shrink to so many; 0: to none fewer
	Fill  bool   // it takes what room is left over
	Drop  int    // where the room is short, the column with the highest figure goes first; 0 goes last
	Most  bool   // who sorts by it wants to see the highest values first
	Cell  func(*T) widget.Cell
}

// Config is what a grid needs.
type Config[T any] struct {
	Columns []Column[T] // the first one is always in sight
	Fields  []string    // what can be filtered by besides the columns' names
	Source  Source[T]   // nil: nothing is read until Open
	Reading feed.Reading
	Empty   string // said where there is no row; empty: "there are no rows"
}

// Grid is the table. It must not be copied.
type Grid[T any] struct {
	Hidden bool // the cursor only rests here: the operator is elsewhere

	config Config[T]
	now    time.Time
	keys   keymap.Map

	win    window[T]
	shelf  feed.Shelf[reply[T]]
	stale  bool // what is in sight may have changed
	goal   *ask // where the operator wants to go, and what is read for it
	at     int  // the row under the cursor, in the window
	top    int  // the first row in sight, in the window
	height int  // rows in sight when last drawn
	gone   string

	order  engine.Order
	filter filter
	marks  marks[T]
	shift  int // columns that are scrolled away
	most   int // as many can be
}

// reply is what was read, and for what.
type reply[T any] struct {
	ask  ask
	page engine.Page[T]
}

// New makes a grid.
func New[T any](config Config[T]) *Grid[T] {
	return &Grid[T]{config: config, height: 1}
}

// See takes the time, and the keys to name.
func (g *Grid[T]) See(now time.Time, keys keymap.Map) { g.now, g.keys = now, keys }

// Open turns to another list: nothing of the one before is kept, neither marks nor filter nor order.
func (g *Grid[T]) Open(source Source[T]) {
	g.config.Source = source
	g.order, g.filter, g.marks, g.shift = engine.Order{}, filter{}, marks[T]{}, 0
	g.restart()
}

// Renew has what is in sight read again.
func (g *Grid[T]) Renew() { g.stale = true }

// restart forgets the rows, for another filter or order.
func (g *Grid[T]) restart() {
	g.shelf.Clear()
	g.win, g.goal, g.stale = window[T]{}, nil, false
	g.at, g.top, g.gone = 0, 0, ""
}

// Row is the row under the cursor, or nil.
func (g *Grid[T]) Row() *T {
	if g.at >= len(g.win.rows) {
		return nil
	}
	return &g.win.rows[g.at].value
}

// Key is the key of the row under the cursor, or nothing.
func (g *Grid[T]) Key() string {
	if g.at >= len(g.win.rows) {
		return ""
	}
	return g.win.rows[g.at].at.Key
}

// Peek gives the rows from the first one in sight on, at most so many.
func (g *Grid[T]) Peek(most int) []*T {
	var out []*T
	for i := g.top; i < len(g.win.rows) && len(out) < most; i++ {
		out = append(out, &g.win.rows[i].value)
	}
	return out
}

// Find gives a row that is kept by its key, or nil.
func (g *Grid[T]) Find(key string) *T {
	if i := g.win.find(key); i >= 0 {
		return &g.win.rows[i].value
	}
	return nil
}

// Gone reports whether a row that the cursor was on had left when it was to be read again.
func (g *Grid[T]) Gone(key string) bool { return key != "" && g.gone == key && g.win.find(key) < 0 }

// Total is how many rows fit, as far as that is known.
func (g *Grid[T]) Total() engine.Maybe[int64] { return g.win.total }

// Known reports whether anything has been read of this list.
func (g *Grid[T]) Known() bool { return g.win.known }

// Err is why the rows could not be read, or nil.
func (g *Grid[T]) Err() error { return g.shelf.Err }

// Filter is the filter in force.
func (g *Grid[T]) Filter() engine.Filter { return g.filter.terms }

// Order is the order in force.
func (g *Grid[T]) Order() engine.Order { return g.order }
