package grid

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/tui/keymap"
)

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
