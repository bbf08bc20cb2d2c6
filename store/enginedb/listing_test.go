package enginedb

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ferry/engine"
	"ferry/store/embedded/pgtest"
)

// thing is a row of the list that the tests page through.
type thing struct {
	ID   int64
	Text *string
	Size *int64
	At   *time.Time
}

// things are a list with columns of every type that lists have, all of which may be NULL.
var things = listing{
	from: `thing t`, where: `t.id > $1`, args: []any{int64(0)},
	key: listColumn{name: "id", sql: `t.id`, cast: "bigint"},
	columns: []listColumn{
		{name: "id", sql: `t.id`, cast: "bigint"},
		{name: "text", sql: `t.text`, cast: "text"},
		{name: "size", sql: `t.size`, cast: "bigint"},
		{name: "half", sql: `t.size / 2.0`, cast: "numeric"},
		{name: "at", sql: `t.at`, cast: "timestamptz"},
	},
	values: `t.id, t.text, t.size, t.at`,
}

func scanThing(row pgx.CollectableRow, more []any) (thing, error) {
	var v thing
	return v, row.Scan(append([]any{&v.ID, &v.Text, &v.Size, &v.At}, more...)...)
}

// fill puts things into their table.
func fill(ctx context.Context, pool *pgxpool.Pool, all []thing) error {
	return pgx.BeginFunc(ctx, pool, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `DROP TABLE IF EXISTS thing; CREATE TABLE thing (id bigint PRIMARY KEY, text text, size bigint, at timestamptz)`)
		if err != nil {
			return err
		}
		_, err = tx.CopyFrom(ctx, pgx.Identifier{"thing"}, []string{"id", "text", "size", "at"}, pgx.CopyFromSlice(len(all), func(i int) ([]any, error) {
			return []any{all[i].ID, all[i].Text, all[i].Size, all[i].At}, nil
		}))
		return err
	})
}

// pageOf reads one page of things.
func pageOf(ctx context.Context, pool *pgxpool.Pool, l listing, f engine.Filter, want engine.Listing) (engine.Page[thing], error) {
	var page engine.Page[thing]
	err := pgx.BeginTxFunc(ctx, pool, readOnly, func(tx pgx.Tx) (err error) {
		page, err = readPage(ctx, tx, l, f, want, scanThing)
		return err
	})
	return page, err
}

// walk pages from one end of the list to the other.
func walk(ctx context.Context, pool *pgxpool.Pool, want engine.Listing) (ids []int64, err error) {
	for {
		page, err := pageOf(ctx, pool, things, nil, want)
		if err != nil {
			return nil, err
		}
		var of []int64
		for _, v := range page.Rows {
			of = append(of, v.ID)
		}
		if want.Back {
			ids = append(of, ids...)
		} else {
			ids = append(ids, of...)
		}
		if !page.More {
			return ids, nil
		}
		at := page.Cursors[len(page.Cursors)-1]
		if want.Back {
			at = page.Cursors[0]
		}
		want.From = &at
	}
}

// maybeDraw draws a value, or none; few different ones, so that many are equal.
func maybeDraw[T any](t *rapid.T, name string, values ...T) *T {
	if i := rapid.IntRange(-1, len(values)-1).Draw(t, name); i >= 0 {
		return &values[i]
	}
	return nil
}

func TestPagingInEveryOrderVisitsEachRowOnce(t *testing.T) {
	t.Parallel()
	ctx, pool := t.Context(), pgtest.New(t).Pool(t)
	day := time.Date(2026, 3, 1, 10, 0, 0, 123_457_000, time.UTC)
	rapid.Check(t, func(rt *rapid.T) {
		var all []thing
		for id := range int64(rapid.IntRange(0, 25).Draw(rt, "rows")) {
			all = append(all, thing{
				ID:   id*3 + 1,
				Text: maybeDraw(rt, "text", "", "a", "B", "ä", " a", "10", "9", "\t'\"\\", "🙂"),
				Size: maybeDraw[int64](rt, "size", -3, 0, 7, 1<<40),
				At:   maybeDraw(rt, "at", day, day.Add(time.Microsecond), day.AddDate(-1, 5, 0)),
			})
		}
		require.NoError(rt, fill(ctx, pool, all))
		order := engine.Order{
			Column:     rapid.SampledFrom([]string{"", "id", "text", "size", "half", "at"}).Draw(rt, "column"),
			Descending: rapid.Bool().Draw(rt, "descending"),
		}
		limit := rapid.IntRange(1, 9).Draw(rt, "limit")
		forward, err := walk(ctx, pool, engine.Listing{Order: order, Limit: limit})
		require.NoError(rt, err)
		require.Equal(rt, inOneGo(ctx, rt, pool, order), forward)
		back, err := walk(ctx, pool, engine.Listing{Order: order, Limit: limit, Back: true})
		require.NoError(rt, err)
		require.Equal(rt, forward, back, "the same list from its other end")
		turn(ctx, rt, pool, order, limit, forward)
	})
}

// inOneGo is the order as the database says it, without pages: rows without a value last.
func inOneGo(ctx context.Context, t require.TestingT, pool *pgxpool.Pool, order engine.Order) []int64 {
	by := map[string]string{"": "id", "id": "id", "half": "size / 2.0"}[order.Column]
	if by == "" {
		by = order.Column
	}
	if order.Descending {
		by += " DESC"
	}
	rows, err := pool.Query(ctx, `SELECT id FROM thing ORDER BY `+by+` NULLS LAST, id`)
	require.NoError(t, err)
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	require.NoError(t, err)
	if len(ids) == 0 {
		return nil
	}
	return ids
}

// turn goes back and forth from every row: what is in front of it and what is behind it are the list without it.
func turn(ctx context.Context, t require.TestingT, pool *pgxpool.Pool, order engine.Order, limit int, all []int64) {
	page, err := pageOf(ctx, pool, things, nil, engine.Listing{Order: order, Limit: 1000, Count: true})
	require.NoError(t, err)
	require.Equal(t, engine.Known(int64(len(all))), page.Total)
	for i := range page.Cursors {
		before, err := pageOf(ctx, pool, things, nil, engine.Listing{Order: order, Limit: limit, From: &page.Cursors[i], Back: true})
		require.NoError(t, err)
		require.Equal(t, all[max(0, i-limit):i], ids(before))
		require.Equal(t, i > limit, before.More)
		after, err := pageOf(ctx, pool, things, nil, engine.Listing{Order: order, Limit: limit, From: &page.Cursors[i]})
		require.NoError(t, err)
		require.Equal(t, all[i+1:min(len(all), i+1+limit)], ids(after))
		require.Equal(t, i+1+limit < len(all), after.More)
	}
}

func ids(page engine.Page[thing]) []int64 {
	out := []int64{}
	for _, v := range page.Rows {
		out = append(out, v.ID)
	}
	return out
}

func TestFiltersFitAsTheyAreTyped(t *testing.T) {
	t.Parallel()
	ctx, pool := t.Context(), pgtest.New(t).Pool(t)
	seven := int64(7)
	require.NoError(t, fill(ctx, pool, []thing{
		{ID: 1, Text: new("Gold card")}, {ID: 2, Text: new("gold.7")}, {ID: 3, Size: &seven}, {ID: 4, Text: new(`'; DROP TABLE thing; --`)}, {ID: 17},
	}))
	columns := []string{"id", "text", "size"}
	for _, c := range []struct {
		typed string
		want  []int64
	}{
		{"", []int64{1, 2, 3, 4, 17}},
		{"gold", []int64{1, 2}},
		{"GOLD", []int64{1, 2}},
		{`"gold card"`, []int64{1}},
		{"gold card", []int64{1}},
		{`gold\.7`, []int64{2}},
		{"!gold", []int64{3, 4, 17}},
		{"text:7", []int64{2}},
		{"!text:7", []int64{1, 3, 4, 17}},
		{"7", []int64{2, 3, 17}},
		{"size:^7$", []int64{3}},
		{"id:7 !size:7", []int64{17}},
		{"text:^$", []int64{3, 17}},
		{`"'; DROP"`, []int64{4}},
		{"nothing", []int64{}},
	} {
		f, err := engine.ParseFilter(c.typed, columns)
		require.NoError(t, err, c.typed)
		page, err := pageOf(ctx, pool, things, f, engine.Listing{Limit: 10, Count: true})
		require.NoError(t, err, c.typed)
		require.Equal(t, c.want, ids(page), c.typed)
		require.Equal(t, engine.Known(int64(len(c.want))), page.Total)
	}
}

func TestAFilterThatCannotBeAppliedEndsInASentence(t *testing.T) {
	t.Parallel()
	ctx, pool := t.Context(), pgtest.New(t).Pool(t)
	require.NoError(t, fill(ctx, pool, []thing{{ID: 1, Text: new(strings.Repeat("a", 1000) + "b" + strings.Repeat("a", 1001))}}))
	short := things
	short.limit = 200 * time.Millisecond
	for _, c := range []struct {
		term  engine.Term
		words string
	}{
		{engine.Term{Pattern: `(`}, "cannot read a pattern"},
		{engine.Term{Pattern: `\pL`}, "cannot read a pattern"}, // Go reads it
		{engine.Term{Pattern: `^(a*)(.*)(a*)(.*)(a*)b\1\2\3\4\5$`, Field: "text"}, "took too long"},
		{engine.Term{Pattern: "a", Field: "price"}, `no column "price"`},
	} {
		for _, count := range []bool{false, true} {
			_, err := pageOf(ctx, pool, short, engine.Filter{c.term}, engine.Listing{Limit: 5, Count: count})
			require.ErrorIs(t, err, engine.ErrBadFilter, c.term.Pattern)
			require.ErrorContains(t, err, c.words)
		}
	}
	_, err := pageOf(ctx, pool, things, nil, engine.Listing{Limit: 5, Order: engine.Order{Column: "price"}})
	require.ErrorIs(t, err, engine.ErrBadFilter)
	page, err := pageOf(ctx, pool, things, nil, engine.Listing{Limit: 5})
	require.NoError(t, err, "the session is as good as before")
	require.Len(t, page.Rows, 1)
}
