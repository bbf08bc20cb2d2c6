package quarantine

import (
	"cmp"
	"slices"
	"sort"

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
	kept  []int                // the pages whose rows are kept
	next  engine.QuarantineKey // behind which the page after the last one begins
	all   bool                 // there is no page after the last one
	shelf feed.Shelf[batch]
}

// page is what is behind a row, up to where the next page begins.
type page struct {
	after engine.QuarantineKey
	first int // which row its first one is
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
	p.list, p.kept, p.next, p.all = nil, nil, engine.QuarantineKey{}, false
}

// count is how many rows are known.
func (p *pages) count() int {
	if len(p.list) == 0 {
		return 0
	}
	last := p.list[len(p.list)-1]
	return last.first + last.size
}

// find says in which page a row is, and where in it.
func (p *pages) find(row int) (at, within int) {
	if row >= p.count() {
		return len(p.list), row - p.count()
	}
	// The last page that begins at or before the row: an empty page begins where the next one does.
	at = sort.Search(len(p.list), func(i int) bool { return p.list[i].first > row }) - 1
	return at, row - p.list[at].first
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
	first = min(first, max(0, len(p.list)-1)) // behind the end more may have come
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
	for _, at := range p.kept {
		p.list[at].stale = true
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
			p.set(b.page, page{after: p.list[b.page].after, size: within, rows: rows[:within:within]})
			return
		}
	}
	after := p.next
	if b.page < len(p.list) {
		after = p.list[b.page].after
	}
	p.list = append(p.list[:b.page], page{})
	p.kept = slices.DeleteFunc(p.kept, func(at int) bool { return at >= b.page })
	p.set(b.page, page{after: after, size: len(rows), rows: rows})
	p.all = !full
	if full {
		p.next = keyOf(&rows[len(rows)-1])
	}
}

// set keeps a page, and counts where the later ones begin.
func (p *pages) set(at int, fresh page) {
	if at > 0 {
		fresh.first = p.list[at-1].first + p.list[at-1].size
	}
	p.list[at] = fresh
	if !slices.Contains(p.kept, at) {
		p.kept = append(p.kept, at)
	}
	for i := at + 1; i < len(p.list); i++ {
		p.list[i].first = p.list[i-1].first + p.list[i-1].size
	}
}

// forget lets go of rows that are far from those in sight.
func (p *pages) forget(from, to int) {
	first, _ := p.find(from)
	last, _ := p.find(max(from, to-1))
	p.kept = slices.DeleteFunc(p.kept, func(at int) bool {
		far := at < first-around || at > last+around
		if far {
			p.list[at].rows = nil
		}
		return far
	})
}

// place is where a row is, or where it would be, as far as that is known.
func (p *pages) place(id int64) int {
	if len(p.list) == 0 {
		return 0
	}
	at := sort.Search(len(p.list)-1, func(i int) bool { return p.list[i+1].after.ID >= id })
	within, _ := slices.BinarySearchFunc(p.list[at].rows, id, func(row engine.QuarantineRow, id int64) int { return cmp.Compare(row.ID, id) })
	return p.list[at].first + within
}
