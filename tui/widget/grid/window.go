package grid

import (
	"slices"

	"ferry/engine"
)

const (
	pageSize = 100 // rows of a page, unless the window is so high that it needs more
	scanSize = 500 // rows of a page of a list that is filtered or sorted
	kept     = 5   // pages that are kept in memory
)

// row is a row with its place in the order.
type row[T any] struct {
	value T
	at    engine.Cursor
}

// window is the part of a list that is kept: rows that follow one another, from behind one row on. It moves along with
// what is in sight, so that a million rows cost no more than a few hundred.
//
// Rows come and go while one looks. Each page is the truth of the moment when it was read; where a row begins is told by
// its place in the order and not by a number, so no row is skipped or shown twice because others came or went.
type window[T any] struct {
	rows   []row[T]
	known  bool           // something has been read
	before *engine.Cursor // the row in front of the first one; nil: there is none
	ended  bool           // no row is behind the last one
	first  int64          // how many rows are in front of the first one
	placed bool           // that is known
	total  engine.Maybe[int64]
}

// kind is what a page is read for.
type kind int

const (
	fromTop    kind = iota // the first rows
	fromBottom             // the last rows
	onward                 // those behind the last one that is kept
	backward               // those in front of the first one that is kept
	again                  // those about what is in sight, once more
	toMark                 // those from a marked row on
)

// ask is a page that is wanted.
type ask struct {
	kind    kind
	listing engine.Listing
	filter  engine.Filter
	first   int64 // again, toMark: how many rows are in front of the page's first one, as far as that is known
	placed  bool
	focus   string // toMark: the key of the row that the cursor goes to
}

// put takes in what was read.
func (w *window[T]) put(a ask, page engine.Page[T]) {
	fresh := make([]row[T], min(len(page.Rows), len(page.Cursors)))
	for i := range fresh {
		fresh[i] = row[T]{page.Rows[i], page.Cursors[i]}
	}
	w.known = true
	if page.Total.Known {
		w.total = page.Total
	}
	switch a.kind {
	case fromTop:
		w.rows, w.before, w.ended, w.first, w.placed = fresh, nil, !page.More, 0, true
	case fromBottom:
		w.before, w.rows = lead(fresh, page.More)
		w.ended, w.placed = true, page.Total.Known
	case again, toMark:
		w.rows, w.before, w.ended, w.first, w.placed = fresh, a.listing.From, !page.More, a.first, a.placed
	case onward:
		w.rows = slices.Concat(w.without(fresh), fresh)
		w.ended = !page.More
	case backward:
		front, more := lead(fresh, page.More)
		rest := w.without(more)
		w.before, w.first = front, w.first-int64(len(more))
		w.rows = slices.Concat(more, rest)
	}
	if page.Total.Known && w.before != nil && int64(len(w.rows)) == page.Total.Value {
		w.before = nil // what stood in front is gone
	}
	if page.Total.Known && w.placed {
		w.first = min(w.first, max(0, page.Total.Value-int64(len(w.rows)))) // others that stood in front may be gone too
	}
	w.count()
}

// lead takes the first row off a page that was read backwards and has more in front: it says where the others begin.
func lead[T any](rows []row[T], more bool) (*engine.Cursor, []row[T]) {
	if !more || len(rows) == 0 {
		return nil, rows
	}
	at := rows[0].at
	return &at, rows[1:]
}

// without is what is kept, but for rows that have been read anew: they stand elsewhere in the order now.
func (w *window[T]) without(fresh []row[T]) []row[T] {
	keys := make(map[string]bool, len(fresh))
	for i := range fresh {
		keys[fresh[i].at.Key] = true
	}
	return slices.DeleteFunc(w.rows, func(r row[T]) bool { return keys[r.at.Key] })
}

// count settles where the rows are among all, as far as both ends tell.
func (w *window[T]) count() {
	n := int64(len(w.rows))
	switch {
	case w.before == nil:
		w.first, w.placed = 0, true
		if w.ended {
			w.total = engine.Known(n)
		}
	case w.ended && w.total.Known && !w.placed:
		w.first, w.placed = w.total.Value-n, true
	case w.ended && w.placed && w.total.Known:
		w.first = w.total.Value - n
	case w.ended && w.placed:
		w.total = engine.Known(w.first + n)
	}
	if w.before != nil {
		w.first = max(1, w.first)
	}
	if w.placed && w.total.Known {
		w.total.Value = max(w.total.Value, w.first+n)
	}
}

// trimFront lets go of rows at the beginning.
func (w *window[T]) trimFront(n int) {
	if n <= 0 {
		return
	}
	w.before, w.first = w.place(n-1), w.first+int64(n)
	w.rows = slices.Clone(w.rows[n:]) // else what is let go would still be held
}

// trimBack lets go of rows at the end.
func (w *window[T]) trimBack(n int) {
	if n <= 0 {
		return
	}
	w.rows = slices.Clone(w.rows[:len(w.rows)-n])
	w.ended = false
}

// find is where a row is that is kept, or -1.
func (w *window[T]) find(key string) int {
	return slices.IndexFunc(w.rows, func(r row[T]) bool { return r.at.Key == key })
}

// place is where a kept row stands: a copy, for what reads may still look at it when the window has moved on.
func (w *window[T]) place(i int) *engine.Cursor {
	at := w.rows[i].at
	return &at
}

// frontOf is where the row in front of a kept one stands; nil: there is none.
func (w *window[T]) frontOf(i int) *engine.Cursor {
	if i == 0 {
		return w.before
	}
	return w.place(i - 1)
}
