package grid

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ferry/engine"
	"ferry/themes"
	"ferry/tui/canvas"
	"ferry/tui/feed"
	"ferry/tui/keymap"
	"ferry/tui/tuitest"
	"ferry/tui/widget"
)

// item is a row of the tests' lists: a group that repeats or is not there, and a word.
type item struct {
	id    int
	group string
	word  string
}

func (i item) key() string { return strconv.Itoa(i.id) }

func (i item) value(column string) string {
	return map[string]string{"id": i.key(), "group": i.group, "word": i.word, "detail": i.word}[column]
}

func columns() []Column[item] {
	return []Column[item]{
		{Title: "id", Name: "id", Left: true, Width: 9, Cell: func(i *item) widget.Cell { return widget.Cell{Role: themes.Title, Text: i.key()} }},
		{Title: "group", Name: "group", Width: 8, Drop: 1, Cell: func(i *item) widget.Cell { return widget.Cell{Text: i.group} }},
		{Title: "word", Name: "word", Left: true, Width: 14, Min: 6, Fill: true, Cell: func(i *item) widget.Cell { return widget.Cell{Text: i.word} }},
		{Title: "length", Width: 6, Drop: 2, Cell: func(i *item) widget.Cell { return widget.Cell{Text: strconv.Itoa(len(i.word))} }},
		{Title: "again", Left: true, Width: 20, Drop: 3, Cell: func(i *item) widget.Cell { return widget.Cell{Text: i.word} }},
	}
}

// bench is a grid with its reads in the test's hands.
type bench struct {
	grid          *Grid[item]
	width, height int
	now           time.Time
	reads         []engine.Listing
	most          int // rows that were ever kept
}

func newBench(ctx context.Context, width, height int, source Source[item]) *bench {
	b := &bench{width: width, height: height, now: tuitest.Noon}
	b.grid = New(Config[item]{Columns: columns(), Reading: feed.NewReading(ctx), Source: func(
		ctx context.Context, f engine.Filter, want engine.Listing,
	) (engine.Page[item], error) {
		b.reads = append(b.reads, want)
		return source(ctx, f, want)
	}})
	b.pass(0)
	return b
}

func (b *bench) pass(d time.Duration) {
	b.now = b.now.Add(d)
	b.grid.See(b.now, keymap.Default())
}

func (b *bench) lines() []canvas.Line {
	return b.grid.Lines(canvas.Of(themes.Title, " list"), b.width, b.height)
}

func (b *bench) text() string {
	var out strings.Builder
	for _, l := range b.lines() {
		out.WriteString(strings.TrimRight(l.String(), " ") + "\n")
	}
	return out.String()
}

// settle reads what is missing until nothing is.
func (b *bench) settle(t require.TestingT) {
	for reads := 0; ; reads++ {
		b.lines()
		b.most = max(b.most, len(b.grid.win.rows))
		cmd := b.grid.Fetch()
		if cmd == nil {
			return
		}
		require.True(t, b.grid.Take(cmd()))
		require.Less(t, reads, 50, "it comes to an end")
	}
}

func (b *bench) do(t require.TestingT, actions ...keymap.Action) {
	for _, action := range actions {
		b.grid.Do(action)
		b.settle(t)
	}
}

// index is where the cursor is said to be.
func (b *bench) index() int { return int(b.grid.win.first) + b.grid.at }

// store is a list that a grid reads.
type store struct{ items []item }

func (s *store) read(_ context.Context, f engine.Filter, want engine.Listing) (engine.Page[item], error) {
	return tuitest.Paged(s.items, item.key, item.value, f, want)
}

// list is what a grid should show, made without pages.
func (s *store) list(f engine.Filter, o engine.Order) []string {
	var fit []item
	for _, i := range s.items {
		fits := true
		for _, term := range f {
			fits = fits && regexp.MustCompile("(?i)"+term.Pattern).MatchString(i.value(cmp.Or(term.Field, "word"))) != term.Not
		}
		if fits {
			fit = append(fit, i)
		}
	}
	slices.SortFunc(fit, func(a, b item) int {
		x, y, way := a.value(o.Column), b.value(o.Column), 1
		if o.Descending {
			way = -1
		}
		switch {
		case o.Column == "":
			return way * cmp.Compare(a.id, b.id)
		case x == "" && y != "":
			return 1
		case x != "" && y == "":
			return -1
		}
		by := strings.Compare(x, y)
		if o.Column == "id" {
			by = cmp.Compare(a.id, b.id)
		}
		return cmp.Or(way*by, cmp.Compare(a.id, b.id))
	})
	var keys []string
	for _, i := range fit {
		keys = append(keys, i.key())
	}
	return keys
}

func drawItem(t *rapid.T) item {
	return item{
		id:    rapid.IntRange(1, 6500).Draw(t, "id"),
		group: rapid.SampledFrom([]string{"", "a", "b", "c"}).Draw(t, "group"),
		word:  rapid.SampledFrom([]string{"red", "green", "blue", "no", ""}).Draw(t, "word"),
	}
}

func (s *store) add(items ...item) {
	for _, i := range items {
		if !slices.ContainsFunc(s.items, func(o item) bool { return o.id == i.id }) {
			s.items = append(s.items, i)
		}
	}
}

// However one scrolls, jumps, sorts and filters, and whatever comes and goes between reads: the rows in sight are those of
// the whole list, in its order, none twice and none left out; the cursor stays on its row, and few rows are kept.
func TestTheGridShowsTheListAsItIs(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := &store{}
		for id := range rapid.SampledFrom([]int{0, 1, 30, 250, 1300}).Draw(t, "rows") {
			s.add(item{id: 1 + 5*id, group: []string{"", "a", "b", "c"}[id%4], word: []string{"red", "green", "blue"}[id%3]})
		}
		b := newBench(t.Context(), 80, rapid.IntRange(4, 40).Draw(t, "height"), s.read)
		b.settle(t)
		exact := true // nothing has come or gone since the list was read from an end
		for range rapid.IntRange(1, 15).Draw(t, "steps") {
			exact = step(t, b, s, exact)
			list := s.list(b.grid.Filter(), b.grid.Order())
			require.LessOrEqual(t, b.most, (kept+1)*max(scanSize, b.grid.page()), "few are kept")
			var seen []string
			for i := b.grid.top; i < min(len(b.grid.win.rows), b.grid.top+b.grid.height); i++ {
				seen = append(seen, b.grid.win.rows[i].value.key())
			}
			require.Len(t, seen, min(len(list), b.grid.height))
			if len(list) == 0 {
				continue
			}
			at := slices.Index(list, seen[0])
			require.GreaterOrEqual(t, at, 0, "%s is in the list", seen[0])
			require.Equal(t, list[at:at+len(seen)], seen)
			require.Equal(t, engine.Known(int64(len(list))), b.grid.Total())
			if exact {
				require.Equal(t, slices.Index(list, b.grid.Key()), b.index(), "where one is")
			}
		}
	})
}

func step(t *rapid.T, b *bench, s *store, exact bool) bool {
	switch rapid.IntRange(0, 11).Draw(t, "what") {
	case 0:
		b.do(t, keymap.Top)
		require.Zero(t, b.index())
		return true
	case 1:
		b.do(t, keymap.Bottom)
		list := s.list(b.grid.Filter(), b.grid.Order())
		require.Equal(t, max(0, len(list)-1), b.index())
		return true
	case 2:
		b.do(t, keymap.Sort)
		return true
	case 3:
		b.do(t, keymap.SortReverse)
		return true
	case 4:
		text := rapid.SampledFrom([]string{"", "red", "!word:red", "group:^[ab]$", "id:1$ !blue", "nothing"}).Draw(t, "filter")
		require.NoError(t, b.grid.SetFilter(text))
		b.settle(t)
		return true
	case 5, 6: // others write
		kept := b.grid.Key()
		top := b.grid.at == 0 && b.grid.win.before == nil
		for range rapid.IntRange(0, 30).Draw(t, "new") {
			s.add(drawItem(t))
		}
		if n := len(s.items); n > 0 {
			from := rapid.IntRange(0, n-1).Draw(t, "from")
			s.items = slices.Delete(slices.Clone(s.items), from, min(n, from+rapid.IntRange(0, 150).Draw(t, "gone")))
		}
		b.grid.Renew()
		b.settle(t)
		switch list := s.list(b.grid.Filter(), b.grid.Order()); {
		case top && len(list) > 0:
			require.Equal(t, list[0], b.grid.Key(), "who is at the top sees what is new")
		case slices.Contains(list, kept):
			require.Equal(t, kept, b.grid.Key(), "the cursor stays on its row")
		case kept != "":
			require.True(t, b.grid.Gone(kept) || b.grid.Key() == "" || !slices.Contains(list, kept))
		}
		return false
	default:
		action := rapid.SampledFrom([]keymap.Action{keymap.Down, keymap.Up, keymap.PageDown, keymap.PageUp}).Draw(t, "move")
		for range rapid.IntRange(1, 20).Draw(t, "times") {
			b.do(t, action)
		}
		return exact
	}
}

// million is a list of a million rows that nobody keeps.
func million(_ context.Context, _ engine.Filter, want engine.Listing) (engine.Page[item], error) {
	const n = 1_000_000
	var page engine.Page[item]
	from, to := 0, n
	if want.From != nil {
		at, err := strconv.Atoi(want.From.Key)
		if err != nil {
			return page, fmt.Errorf("a cursor of another list: %w", err)
		}
		from = at + 1
		if want.Back {
			from, to = 0, at
		}
	}
	page.More = to-from > want.Limit
	if want.Back {
		from = max(from, to-want.Limit)
	} else {
		to = min(to, from+want.Limit)
	}
	for i := from; i < to; i++ {
		page.Rows = append(page.Rows, item{id: i, word: "row"})
		page.Cursors = append(page.Cursors, engine.Cursor{Key: strconv.Itoa(i)})
	}
	if want.Count {
		page.Total = engine.Known[int64](n)
	}
	return page, nil
}

func TestAMillionRowsScrollLikeTen(t *testing.T) {
	t.Parallel()
	b := newBench(t.Context(), 80, 24, million)
	b.settle(t)
	require.Contains(t, b.text(), "1/1,000,000")
	require.LessOrEqual(t, len(b.reads), 2)

	b.reads = nil
	const pages = 300
	for range pages {
		b.do(t, keymap.PageDown)
	}
	row := pages * (b.grid.height - 1)
	require.Equal(t, row, b.index())
	require.Equal(t, strconv.Itoa(row), b.grid.Key())
	require.LessOrEqual(t, len(b.reads), row/pageSize+2, "each row is read once")
	require.LessOrEqual(t, b.most, (kept+1)*pageSize, "and few are kept")

	b.reads = nil
	b.do(t, keymap.Bottom)
	require.Contains(t, b.text(), "1,000,000/1,000,000")
	require.Equal(t, "999999", b.grid.Key())
	require.LessOrEqual(t, len(b.reads), 2, "the last page is read backwards, at once")
	require.True(t, b.reads[0].Back)
	require.Nil(t, b.reads[0].From)
	for range 40 {
		b.do(t, keymap.PageUp)
	}
	require.Equal(t, 999_999-40*(b.grid.height-1), b.index())
	require.Equal(t, strconv.Itoa(b.index()), b.grid.Key())

	b.reads = nil
	b.do(t, keymap.Top)
	require.Equal(t, "0", b.grid.Key())
	require.LessOrEqual(t, len(b.reads), 2)
	require.LessOrEqual(t, b.most, (kept+1)*pageSize)
}
