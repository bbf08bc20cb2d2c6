package grid

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ferry/engine"
)

func pageOf(more bool, keys ...string) engine.Page[string] {
	page := engine.Page[string]{Rows: keys, More: more}
	for _, key := range keys {
		page.Cursors = append(page.Cursors, engine.Cursor{Key: key})
	}
	return page
}

func (w *window[T]) keys() []string {
	var keys []string
	for i := range w.rows {
		keys = append(keys, w.rows[i].at.Key)
	}
	return keys
}

// The first row of a page that was read backwards is not kept: its place tells where the others begin, so that they can
// be read again without asking what is in front of them.
func TestAPageReadBackwardsKnowsWhereItBegins(t *testing.T) {
	t.Parallel()
	var w window[string]
	last := pageOf(true, "6", "7", "8", "9")
	last.Total = engine.Known[int64](9)
	w.put(ask{kind: fromBottom}, last)
	require.Equal(t, []string{"7", "8", "9"}, w.keys())
	require.Equal(t, "6", w.before.Key)
	require.EqualValues(t, 6, w.first)
	w.put(ask{kind: backward}, pageOf(true, "3", "4", "5", "6"))
	require.Equal(t, []string{"4", "5", "6", "7", "8", "9"}, w.keys())
	require.Equal(t, "3", w.before.Key)
	require.EqualValues(t, 3, w.first)
	w.put(ask{kind: backward}, pageOf(false, "1", "2", "3"))
	require.Nil(t, w.before)
	require.Zero(t, w.first)
	require.Len(t, w.keys(), 9)
}

// A row whose place has changed between two reads is shown where it was read last, and not twice.
func TestARowThatMovedIsShownOnce(t *testing.T) {
	t.Parallel()
	var w window[string]
	w.put(ask{kind: fromTop}, pageOf(true, "1", "2", "3"))
	w.put(ask{kind: onward}, pageOf(true, "4", "2", "5"))
	require.Equal(t, []string{"1", "3", "4", "2", "5"}, w.keys())
	w.trimFront(2)
	require.Equal(t, "3", w.before.Key)
	require.EqualValues(t, 2, w.first)
	w.put(ask{kind: backward}, pageOf(false, "1", "5", "3"))
	require.Equal(t, []string{"1", "5", "3", "4", "2"}, w.keys())
}

// Where rows have come or gone, what the ends tell settles how many there are.
func TestTheEndsTellHowManyThereAre(t *testing.T) {
	t.Parallel()
	var w window[string]
	first := pageOf(true, "1", "2")
	first.Total = engine.Known[int64](5)
	w.put(ask{kind: fromTop}, first)
	w.put(ask{kind: onward}, pageOf(false, "3", "4"))
	require.Equal(t, engine.Known[int64](4), w.total, "one has left since they were counted")
	w.put(ask{kind: again, listing: engine.Listing{From: &engine.Cursor{Key: "1"}}, first: 1, placed: true}, pageOf(true, "2", "3", "4", "5", "6"))
	require.Equal(t, engine.Known[int64](6), w.total, "there are at least those that are seen")
}
