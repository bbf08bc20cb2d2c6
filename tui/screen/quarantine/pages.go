package quarantine

import (
	"cmp"
	"slices"

	"ferry/engine"
	"ferry/tui/feed"
)

const (
	pageSize = 100
	ahead    = pageSize / 2 // rows before the end of what is known at which the next page is read
	around   = 3            // pages before and behind those in sight whose rows are kept
)

// pages are the rows of one reason, of which those near the cursor are kept: a million rows cost no more than a few
// hundred. Where each page begins is remembered, so that one can be read again when somebody comes back to it.
//
// Rows come and go while one looks. A page that is read again keeps its bounds: what has left makes it shorter; if there
// is now more in it than a page holds, what is known of later pages is forgotten, and read on from there.
type pages struct {
	list  []page
	next  engine.QuarantineKey // behind which the page after the last one begins
	all   bool                 // there is no page after the last one
	shelf feed.Shelf[batch]
}

// page is what is behind a row, up to where the next page begins.
type page struct {
	after engine.QuarantineKey
	size  int
	rows  []engine.QuarantineRow // nil: not kept
	stale bool                   // it may have changed
}

// batch is what was read of a page.
type batch struct {
	page int
	rows []engine.QuarantineRow
}

// clear forgets everything, for the rows of another reason.
func (p *pages) clear() {
	p.shelf.Clear()
	p.list, p.next, p.all = nil, engine.QuarantineKey{}, false
}

// count is how many rows are known.
func (p *pages) count() int {
	n := 0
	for i := range p.list {
		n += p.list[i].size
	}
	return n
}

// find says in which page a row is, and where in it.
func (p *pages) find(row int) (at, within int) {
	for i := range p.list {
		if row < p.list[i].size {
			return i, row
		}
		row -= p.list[i].size
	}
	return len(p.list), row
}

// row is a row that is kept, or nil.
func (p *pages) row(i int) *engine.QuarantineRow {
	at, within := p.find(i)
	if at >= len(p.list) || p.list[at].rows == nil {
		return nil
	}
	return &p.list[at].rows[within]
}

// wants is the page that must be read for rows to be seen, and behind what it begins; false says that none is.
func (p *pages) wants(from, to int) (at int, after engine.QuarantineKey, ok bool) {
	first, _ := p.find(from)
	last, _ := p.find(max(from, to-1))
	for i := first; i <= last && i < len(p.list); i++ {
		if p.list[i].rows == nil || p.list[i].stale {
			return i, p.list[i].after, true
		}
	}
	if !p.all && to+ahead >= p.count() {
		return len(p.list), p.next, true
	}
	return 0, engine.QuarantineKey{}, false
}

// spoil says that everything that is kept may have changed.
func (p *pages) spoil() {
	for i := range p.list {
		p.list[i].stale = true
	}
}

func keyOf(row *engine.QuarantineRow) engine.QuarantineKey {
	return engine.QuarantineKey{Entity: row.Entity, ID: row.ID}
}

// put takes in what was read of a page.
func (p *pages) put(b batch) {
	rows, full := b.rows, len(b.rows) >= pageSize
	if b.page > len(p.list) {
		return
	}
	if rows == nil {
		rows = []engine.QuarantineRow{} // there are none, which is not the same as not kept
	}
	if b.page < len(p.list)-1 {
		bound := p.list[b.page+1].after
		within := len(rows)
		for within > 0 && cmp.Compare(rows[within-1].ID, bound.ID) > 0 {
			within--
		}
		if !full || within < len(rows) || rows[within-1].ID == bound.ID {
			p.list[b.page] = page{after: p.list[b.page].after, size: within, rows: rows[:within:within]}
			return
		}
	}
	after := p.next
	if b.page < len(p.list) {
		after = p.list[b.page].after
	}
	p.list = append(p.list[:b.page:b.page], page{after: after, size: len(rows), rows: rows})
	p.all = !full
	if full {
		p.next = keyOf(&rows[len(rows)-1])
	}
}

// forget lets go of rows that are far from those in sight.
func (p *pages) forget(from, to int) {
	first, _ := p.find(from)
	last, _ := p.find(max(from, to-1))
	for i := range p.list {
		if i < first-around || i > last+around {
			p.list[i].rows = nil
		}
	}
}

// place is where a row is, or where it would be, as far as that is known.
func (p *pages) place(id int64) int {
	n := 0
	for i := range p.list {
		end := i == len(p.list)-1 || p.list[i+1].after.ID >= id
		if !end {
			n += p.list[i].size
			continue
		}
		within, _ := slices.BinarySearchFunc(p.list[i].rows, id, func(row engine.QuarantineRow, id int64) int { return cmp.Compare(row.ID, id) })
		return n + within
	}
	return n
}
