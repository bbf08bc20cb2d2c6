package grid

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
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

func TestAFilterIsTyped(t *testing.T) {
	t.Parallel()
	s := &store{}
	for i := range 200 {
		s.add(item{id: i + 1, word: []string{"red", "green"}[i%2]})
	}
	b := newBench(t.Context(), 80, 12, s.read)
	b.settle(t)
	b.do(t, keymap.Filter)
	require.True(t, b.grid.Typing())
	b.grid.Type("word:[")
	require.Contains(t, b.text(), " / word:[", "it is seen while it is typed")
	require.Contains(t, b.text(), "is no pattern: error parsing regexp", "and so is what is wrong with it")
	b.grid.Edit(keymap.FieldAccept)
	require.True(t, b.grid.Typing(), "what is no filter stays to be mended")
	b.settle(t)
	require.Contains(t, b.text(), "1/200")
	b.grid.Edit(keymap.FieldErase)
	require.NotContains(t, b.text(), "no pattern")
	b.grid.Type("red !id:^1")
	b.grid.Edit(keymap.FieldAccept)
	require.False(t, b.grid.Typing())
	b.settle(t)
	require.Contains(t, b.text(), " / word:red !id:^1  esc clears the filter", "the filter in force is always in sight")
	require.Equal(t, engine.Known[int64](44), b.grid.Total())

	b.do(t, keymap.Filter)
	require.Contains(t, b.text(), "/ word:red !id:^1", "it is edited, not typed anew")
	b.grid.Type("nonsense")
	b.grid.Edit(keymap.FieldClose)
	require.Equal(t, engine.Known[int64](44), b.grid.Total(), "esc leaves it as it was")
	require.True(t, b.grid.Do(keymap.Back), "the next esc clears it")
	b.settle(t)
	require.Equal(t, engine.Known[int64](200), b.grid.Total())
	require.False(t, b.grid.Do(keymap.Back), "and the one after is not for the grid")
	require.NoError(t, b.grid.SetFilter("purple"))
	b.settle(t)
	require.Contains(t, b.text(), "no row fits the filter; esc clears it")
}

func TestMarks(t *testing.T) {
	t.Parallel()
	s := &store{}
	for i := range 3000 {
		s.add(item{id: i + 1, word: []string{"red", "green"}[i%2]})
	}
	b := newBench(t.Context(), 80, 12, s.read)
	b.settle(t)
	require.True(t, b.grid.Selection().None())
	require.Contains(t, b.grid.Refusal(keymap.MarkRange), "a range begins at the last mark: space marks")
	b.do(t, keymap.Down, keymap.Mark, keymap.Down, keymap.Down, keymap.MarkRange)
	require.Equal(t, []string{"2", "3", "4", "5"}, b.grid.Selection().Keys)
	require.Len(t, b.grid.Selection().Rows, 4)
	require.Contains(t, b.text(), "▪ 4 marked")
	require.Contains(t, b.text(), "  ▪  4")
	b.do(t, keymap.Up, keymap.Mark)
	require.Equal(t, []string{"2", "3", "5"}, b.grid.Selection().Keys, "a mark is taken away")

	b.do(t, keymap.Bottom, keymap.Mark)
	require.Equal(t, []string{"2", "3", "5", "3000"}, b.grid.Selection().Keys, "marks hold wherever one goes")
	b.do(t, keymap.Previous)
	require.Equal(t, "5", b.grid.Key(), "a marked row far away is read")
	require.Equal(t, 4, b.index())
	require.Contains(t, b.grid.Refusal(keymap.MarkRange), "too far away")
	b.do(t, keymap.Previous)
	require.Equal(t, "3", b.grid.Key())
	b.do(t, keymap.Next, keymap.Next)
	require.Equal(t, "3000", b.grid.Key())
	require.Equal(t, 2999, b.index())
	b.do(t, keymap.Next)
	require.Equal(t, "3000", b.grid.Key(), "there is none behind")

	require.NoError(t, b.grid.SetFilter("word:red"))
	b.settle(t)
	require.Len(t, b.grid.Selection().Keys, 4, "marks hold through a filter")
	b.do(t, keymap.MarkAll)
	require.True(t, b.grid.Selection().None(), "the marks are taken away first")
	b.do(t, keymap.MarkAll)
	all := b.grid.Selection()
	require.True(t, all.All)
	require.Empty(t, all.Keys, "all that fit are a filter, not a list")
	require.Equal(t, engine.Filter{{Field: "word", Pattern: "red"}}, all.Filter)
	require.Contains(t, b.text(), "▪ all 1,500 marked")
	require.NoError(t, b.grid.SetFilter("word:green"))
	b.settle(t)
	require.True(t, b.grid.Selection().None(), "another filter means other rows, which nobody has marked")
	b.do(t, keymap.MarkAll, keymap.Mark)
	require.True(t, b.grid.Selection().None())
}

func TestTheOrderIsSaidInTheHeaderAndInWords(t *testing.T) {
	t.Parallel()
	s := &store{}
	for i := range 300 {
		s.add(item{id: i + 1, group: []string{"a", "b", ""}[i%3], word: "w"})
	}
	b := newBench(t.Context(), 100, 12, s.read)
	b.settle(t)
	require.NotContains(t, b.text(), "▲")
	b.do(t, keymap.Down, keymap.Sort)
	require.Contains(t, b.text(), "group ▲")
	require.Contains(t, b.text(), "by group, rising")
	require.Equal(t, "1", b.grid.Key())
	b.do(t, keymap.SortReverse)
	require.Contains(t, b.text(), "group ▼")
	require.Contains(t, b.text(), "by group, falling")
	require.Equal(t, "2", b.grid.Key())
	b.do(t, keymap.Bottom)
	require.Equal(t, "300", b.grid.Key(), "rows without a value come last, either way")
	b.grid.config.Columns[2].Most = true
	b.do(t, keymap.Sort)
	require.Equal(t, engine.Order{Column: "word", Descending: true}, b.grid.Order(), "with what one wants to see")
	b.do(t, keymap.Sort)
	require.Equal(t, engine.Order{}, b.grid.Order(), "and then as it comes")
}

// Columns that do not fit are reached sideways; the key column is always there.
func TestColumnsScrollSideways(t *testing.T) {
	t.Parallel()
	s := &store{items: []item{{id: 4711, group: "g", word: "word"}}}
	b := newBench(t.Context(), 38, 6, s.read)
	b.settle(t)
	require.Contains(t, b.text(), "word")
	require.NotContains(t, b.text(), "again")
	require.Contains(t, b.text(), "→ ")
	seen := map[string]bool{}
	for range 10 {
		text := b.text()
		require.Contains(t, text, "4711")
		for _, c := range columns() {
			seen[c.Title] = seen[c.Title] || strings.Contains(strings.Split(text, "\n")[1], c.Title)
		}
		b.do(t, keymap.Right)
	}
	for _, c := range columns() {
		require.True(t, seen[c.Title], c.Title)
	}
	require.Contains(t, b.text(), "← ")
	require.Contains(t, strings.Split(b.text(), "\n")[1], "again", "it does not go further than to the last column")
	for range 10 {
		b.do(t, keymap.Left)
	}
	require.NotContains(t, b.text(), "← ")
	b.width = 200
	b.lines()
	require.Equal(t, "all columns are in sight", b.grid.Refusal(keymap.Right))
}

func TestWhatCannotBeReadIsToldAndTriedAgain(t *testing.T) {
	t.Parallel()
	fail := errors.New("connection refused")
	b := newBench(t.Context(), 80, 12, func(ctx context.Context, f engine.Filter, want engine.Listing) (engine.Page[item], error) {
		if fail != nil {
			return engine.Page[item]{}, fail
		}
		return million(ctx, f, want)
	})
	cmd := b.grid.Fetch()
	require.Contains(t, b.text(), "reading the rows\n")
	b.pass(3 * time.Second)
	require.Contains(t, b.text(), "reading the rows, 3s")
	require.Nil(t, b.grid.Fetch(), "one answer is awaited at a time")
	b.grid.Take(cmd())
	require.Contains(t, b.text(), "✗ the rows could not be read: connection refused")
	require.Contains(t, b.text(), "ferry tries again by itself")
	b.settle(t)
	require.Len(t, b.reads, 1, "not at once")
	b.pass(13 * time.Second)
	fail = nil
	b.settle(t)
	require.Contains(t, b.text(), "1/1,000,000")
	b.grid.Renew()
	fail = errors.New("gone")
	b.settle(t)
	require.Contains(t, b.text(), "could not be read on", "what is there stays in sight")
	require.Contains(t, b.text(), "1/1,000,000")
	fail = nil
	b.pass(time.Minute)
	b.settle(t)
	require.NotContains(t, b.text(), "could not be read on")
}

// An answer that was asked for another filter, order or place is refused.
func TestALateAnswerIsRefused(t *testing.T) {
	t.Parallel()
	b := newBench(t.Context(), 80, 12, million)
	late := b.grid.Fetch()
	require.NoError(t, b.grid.SetFilter("row"))
	require.False(t, b.grid.Take(late()))
	b.settle(t)
	b.grid.Renew()
	b.lines()
	late = b.grid.Fetch()
	require.NotNil(t, late)
	b.grid.Do(keymap.Bottom)
	require.False(t, b.grid.Take(late()))
	b.settle(t)
	require.Equal(t, "999999", b.grid.Key())
	var other tea.Msg = "another message"
	require.False(t, b.grid.Take(other))
}
