package quarantine

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ferry/engine"
)

// store is what the pages are read of.
type store []int64

func (s store) read(after engine.QuarantineKey) []engine.QuarantineRow {
	var rows []engine.QuarantineRow
	for _, id := range s {
		if (after == engine.QuarantineKey{} || id > after.ID) && len(rows) < pageSize {
			rows = append(rows, engine.QuarantineRow{ID: id, Entity: "card"})
		}
	}
	return rows
}

// see reads whatever is missing to see a window.
func see(t require.TestingT, p *pages, s store, from, to int) {
	for reads := 0; ; reads++ {
		at, after, ok := p.wants(from, to)
		if !ok {
			return
		}
		p.put(batch{at, s.read(after)})
		require.Less(t, reads, 10_000, "it comes to an end")
	}
}

// However rows come and go, and wherever one looks: after reading what is wanted, the rows in sight are the store's, in
// order, none twice and none left out in between.
func TestPagesShowWhatIsThere(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var s store
		for id := int64(1); len(s) < rapid.IntRange(0, 900).Draw(t, "rows"); id += rapid.Int64Range(1, 3).Draw(t, "gap") {
			s = append(s, id)
		}
		var p pages
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			switch rapid.IntRange(0, 3).Draw(t, "what") {
			case 0: // some leave
				from := rapid.IntRange(0, len(s)).Draw(t, "from")
				s = slices.Delete(slices.Clone(s), from, min(len(s), from+rapid.IntRange(0, 150).Draw(t, "gone")))
				p.spoil()
			case 1: // some come
				for range rapid.IntRange(0, 150).Draw(t, "new") {
					s = append(s, rapid.Int64Range(1, 3000).Draw(t, "id"))
				}
				slices.Sort(s)
				s = slices.Compact(s)
				p.spoil()
			}
			from := rapid.IntRange(0, p.count()).Draw(t, "top")
			to := from + 20
			p.forget(from, to)
			see(t, &p, s, from, to)
			require.True(t, len(s) == 0 || p.count() > 0, "rows that come after all had left are seen")
			var ids []int64
			for i := from; i < min(to, p.count()); i++ {
				row := p.row(i)
				require.NotNil(t, row)
				require.Equal(t, i, p.place(row.ID), "a row is found where it is")
				ids = append(ids, row.ID)
			}
			if len(ids) > 0 {
				at := slices.Index(s, ids[0])
				require.GreaterOrEqual(t, at, 0)
				require.Equal(t, []int64(s[at:at+len(ids)]), ids)
			}
		}
		for !p.all { // to the end
			see(t, &p, s, p.count(), p.count()+1)
		}
	})
}

// A million rows move like ten: every step is one small read at most, and little is kept.
func TestAMillionRowsCostNoMoreThanAFewHundred(t *testing.T) {
	t.Parallel()
	const rows = 1_000_000
	read := func(after engine.QuarantineKey) []engine.QuarantineRow {
		page := make([]engine.QuarantineRow, 0, pageSize)
		for id := after.ID + 1; id <= rows && len(page) < pageSize; id++ {
			page = append(page, engine.QuarantineRow{ID: id, Entity: "card"})
		}
		return page
	}
	var p pages
	for !p.all {
		from := max(0, p.count()-20)
		p.forget(from, p.count())
		at, after, ok := p.wants(from, p.count())
		require.True(t, ok)
		p.put(batch{at, read(after)})
	}
	require.Equal(t, rows, p.count())
	kept := 0
	for i := range p.list {
		kept += len(p.list[i].rows)
	}
	require.LessOrEqual(t, kept, (2*around+3)*pageSize)
	at, after, ok := p.wants(123_456, 123_476)
	require.True(t, ok, "what was let go of is read again")
	p.put(batch{at, read(after)})
	require.Equal(t, int64(123_457), p.row(123_456).ID)
}
