package enginedb

import (
	"errors"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/store/embedded/pgtest"
	"ferry/store/migrations"
)

// initialised is an engine database with ferry's schema and nothing in it.
func initialised(t *testing.T) *DB {
	t.Helper()
	db, err := Open(t.Context(), pgtest.New(t).DSN, "ferry test", 4, false)
	require.NoError(t, err)
	t.Cleanup(db.Close)
	require.NoError(t, migrations.Init(t.Context(), db.pool, nil, slog.New(slog.DiscardHandler)))
	return db
}

func TestDiscrepanciesAreListedCountedAndAcknowledged(t *testing.T) {
	t.Parallel()
	db := initialised(t)
	ctx := t.Context()
	_, err := db.pool.Exec(ctx, `INSERT INTO ferry.discrepancy
			(entity, row_id, field, source, expected, target, cause, state, version_at, found_run, found_at, seen_run, seen_at)
		SELECT 'loyalty_card', n / 2, CASE n % 2 WHEN 0 THEN 'code' ELSE 'points' END, '=' || n, n::text, NULL, 'field',
			CASE WHEN n < 3 THEN 'verified' WHEN n < 20 THEN 'settled' ELSE 'in_flight' END, now(), 1, now(), 1 + n % 2, now()
		FROM generate_series(1, 40) n`)
	require.NoError(t, err)
	list := func(which engine.DiscrepancySelection, want engine.Listing) engine.Page[engine.Discrepancy] {
		page, err := db.Discrepancies(ctx, which, want)
		require.NoError(t, err)
		return page
	}
	page := list(engine.DiscrepancySelection{}, engine.Listing{Limit: 10, Count: true, Order: engine.Order{Column: "id", Descending: true}})
	require.Equal(t, engine.Known(int64(38)), page.Total, "verified ones are over")
	require.EqualValues(t, 20, page.Rows[0].Row)
	require.Equal(t, engine.Maybe[string]{}, page.Rows[0].Target, "unknown, not empty")
	require.Equal(t, "=40", page.Rows[0].Source.Value)
	for _, column := range discrepancies.columns {
		page = list(engine.DiscrepancySelection{}, engine.Listing{Limit: 100, Order: engine.Order{Column: column.name}})
		require.Len(t, page.Rows, 38, column.name)
	}
	require.Len(t, list(engine.DiscrepancySelection{Run: 2, States: []engine.DiscrepancyState{engine.DiscrepancySettled}}, engine.Listing{Limit: 100}).Rows, 9)
	require.Len(t, list(engine.DiscrepancySelection{IDs: []int64{1}}, engine.Listing{Limit: 100}).Rows, 1, "by number whatever its state")
	_, err = db.Discrepancies(ctx, engine.DiscrepancySelection{Rows: []int64{1}}, engine.Listing{Limit: 1})
	require.ErrorContains(t, err, "without its entity")

	counts := func() map[engine.DiscrepancyState]engine.DiscrepancyCount {
		all, err := db.DiscrepancyCounts(ctx, engine.DiscrepancySelection{})
		require.NoError(t, err)
		out := map[engine.DiscrepancyState]engine.DiscrepancyCount{}
		for _, c := range all {
			out[c.State] = c
		}
		return out
	}
	before := counts()
	require.Equal(t, [3]int64{9, 17, 0}, [3]int64{before["settled"].Rows, before["settled"].Fields, before["settled"].Acknowledged})
	found, err := db.DiscrepantRows(ctx, engine.DiscrepancySelection{Entity: "loyalty_card", Rows: []int64{4, 5}})
	require.NoError(t, err)
	require.Equal(t, map[string][]int64{"loyalty_card": {4, 5}}, found)

	by := engine.Actor{User: "sari", Host: "db2"}
	filter := engine.Filter{{Field: "field", Pattern: "points"}}
	changed, err := db.Acknowledge(ctx, engine.DiscrepancySelection{Filter: filter}, time.Time{}, false, engine.Act{Reason: "a known bug"}, by)
	require.NoError(t, err)
	require.EqualValues(t, 19, changed)
	after := counts()
	require.EqualValues(t, 9, after["settled"].Acknowledged)
	after["settled"] = engine.DiscrepancyCount{Entity: "loyalty_card", Cause: "field", State: "settled", Rows: 9, Fields: 17}
	require.Equal(t, before["settled"], after["settled"], "it changes nothing else")
	page = list(engine.DiscrepancySelection{Filter: engine.Filter{{Field: "acknowledged", Pattern: "sari"}}}, engine.Listing{Limit: 100})
	require.Len(t, page.Rows, 19)
	require.Equal(t, "a known bug", page.Rows[0].AckNote)

	past := time.Now().Add(-time.Hour)
	changed, err = db.Acknowledge(ctx, engine.DiscrepancySelection{Filter: filter}, past, false, engine.Act{Reason: "until yesterday"}, by)
	require.NoError(t, err)
	require.EqualValues(t, 19, changed)
	require.Zero(t, counts()["settled"].Acknowledged, "its time is over")
	changed, err = db.Acknowledge(ctx, engine.DiscrepancySelection{}, time.Time{}, true, engine.Act{}, by)
	require.NoError(t, err)
	require.EqualValues(t, 19, changed)
	_, err = db.Acknowledge(ctx, engine.DiscrepancySelection{}, time.Time{}, true, engine.Act{}, by)
	require.ErrorIs(t, err, engine.ErrNoSuchRow)
	journal, err := db.Journal(ctx, 0, 10)
	require.NoError(t, err)
	require.Equal(t, []string{"take back an acknowledgement", "acknowledge", "acknowledge"}, actions(journal))
	require.Equal(t, "sari@db2", journal[2].Actor)
	require.Contains(t, journal[2].State, "that fit field:points")
}

func actions(journal []engine.JournalEntry) []string {
	var out []string
	for _, e := range journal {
		out = append(out, e.Action)
	}
	return slices.Clip(out)
}

func TestNoSentenceOfASelectionIsEmpty(t *testing.T) {
	t.Parallel()
	require.Equal(t, "all that are open", aboutDiscrepancies(engine.DiscrepancySelection{}))
	require.Equal(t, "loyalty_card 7, with cause field, that are settled, seen by run #3, that fit !code:x",
		aboutDiscrepancies(engine.DiscrepancySelection{
			Entity: "loyalty_card", Rows: []int64{7}, Cause: engine.CauseField, States: []engine.DiscrepancyState{engine.DiscrepancySettled}, Run: 3,
			Filter: engine.Filter{{Field: "code", Pattern: "x", Not: true}},
		}))
	require.NoError(t, badFilter(nil, nil))
	require.Error(t, badFilter(engine.Filter{{}}, errors.New("down")))
	require.Equal(t, "3 numbers", aboutDiscrepancies(engine.DiscrepancySelection{IDs: []int64{1, 2, 3}}))
}
