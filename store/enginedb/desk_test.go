package enginedb_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/store/embedded/pgtest"
	"ferry/store/enginedb"
)

// desk is an engine database with 500 rows in quarantine: two entities with the same ids, each row by its id in a reason,
// with a detail, and tries that repeat.
func desk(t *testing.T) *enginedb.DB {
	t.Helper()
	target := pgtest.New(t, initialised())
	target.Exec(t, `INSERT INTO ferry.run (kind, writes, state, epoch, source_identity, rules, rules_hash, requested_by)
		VALUES ('full', true, 'done', 1, '', '{}', '', '')`, `
		INSERT INTO ferry.quarantine (entity, source_id, state, reason, detail, attempts, payload, due, owner_id, run_id)
		SELECT e, i, 'open', 'card.partner_missing', CASE WHEN i % 5 = 0 THEN 'No partner ' ELSE 'code ' END || i, i % 7,
			jsonb_build_object('code', 'x' || i), i % 9 = 0, nullif(i % 4, 0), r.id
		FROM ferry.run r, unnest(ARRAY['loyalty_card', 'loyalty_point_move']) e, generate_series(1, 250) i`)
	db, err := enginedb.Open(t.Context(), target.DSN, "test", 4, false)
	require.NoError(t, err)
	t.Cleanup(db.Close)
	return db
}

// all reads a list to its end, forwards or backwards, in small pages, and gives it in order.
func all(ctx context.Context, t *testing.T, db *enginedb.DB, which engine.QuarantineSelection, want engine.Listing) []string {
	t.Helper()
	var out []string
	want.Limit = 23
	for {
		page, err := db.QuarantineRows(ctx, which, want)
		require.NoError(t, err)
		require.Len(t, page.Cursors, len(page.Rows))
		var names []string
		for _, row := range page.Rows {
			names = append(names, fmt.Sprintf("%s %d", row.Entity, row.ID))
		}
		if want.Back {
			out = slices.Concat(names, out)
		} else {
			out = append(out, names...)
		}
		if !page.More {
			return out
		}
		want.From = &page.Cursors[len(page.Cursors)-1]
		if want.Back {
			want.From = &page.Cursors[0]
		}
	}
}

// Whichever way a list is read and whatever it is sorted by, it holds the same rows, each once.
func TestQuarantineIsReadByPagesBothWays(t *testing.T) {
	t.Parallel()
	db := desk(t)
	for _, entity := range []string{"", "loyalty_card"} {
		which := engine.QuarantineSelection{Entity: entity}
		whole := all(t.Context(), t, db, which, engine.Listing{})
		require.Len(t, whole, map[string]int{"": 500, "loyalty_card": 250}[entity])
		require.Equal(t, "loyalty_card 1", whole[0])
		require.Equal(t, "loyalty_card 10", whole[9], "ids sort as numbers")
		require.True(t, entity != "" || whole[250] == "loyalty_point_move 1", "by entity, then by id")
		for _, column := range []string{"", "id", "state", "detail", "tries", "owner", "last"} {
			for _, descending := range []bool{false, true} {
				order := engine.Order{Column: column, Descending: descending}
				forth := all(t.Context(), t, db, which, engine.Listing{Order: order})
				require.Equal(t, forth, all(t.Context(), t, db, which, engine.Listing{Order: order, Back: true}), "%+v", order)
				require.ElementsMatch(t, whole, forth, "%+v", order)
			}
		}
	}
}

func TestQuarantineIsFilteredWhereItIs(t *testing.T) {
	t.Parallel()
	db := desk(t)
	for text, rows := range map[string]int64{
		"":                       250,
		"partner":                50,
		"!detail:partner":        200,
		"detail:^no tries:[12]$": 14,
		"id:^25.$":               1,
		"payload:x249":           1,
		"state:due":              27,
		`"no partner 25"`:        2,
		"nothing of that":        0,
	} {
		filter, err := engine.ParseFilter(text, engine.QuarantineFields())
		require.NoError(t, err)
		which := engine.QuarantineSelection{Entity: "loyalty_card", Reason: "card.partner_missing", Filter: filter}
		page, err := db.QuarantineRows(t.Context(), which, engine.Listing{Limit: 300, Count: true})
		require.NoError(t, err, text)
		require.Equal(t, engine.Known(rows), page.Total, text)
		require.Len(t, page.Rows, int(rows), text)
		require.False(t, page.More)
	}
	for _, field := range engine.QuarantineFields() {
		which := engine.QuarantineSelection{Filter: engine.Filter{{Field: field, Pattern: "."}}}
		_, err := db.QuarantineRows(t.Context(), which, engine.Listing{Limit: 1})
		require.NoError(t, err, field)
	}
	_, err := db.QuarantineRows(t.Context(), engine.QuarantineSelection{Filter: engine.Filter{{Field: "nope", Pattern: "x"}}}, engine.Listing{Limit: 1})
	require.ErrorContains(t, err, `no column "nope"`)
}

// An action on what fits a filter is about these rows and no others, and the journal says which filter it was.
func TestAnActionTakesAFilter(t *testing.T) {
	t.Parallel()
	db := desk(t)
	filter, err := engine.ParseFilter("detail:partner !id:5$", engine.QuarantineFields())
	require.NoError(t, err)
	which := engine.QuarantineSelection{Entity: "loyalty_card", Reason: "card.partner_missing", Filter: filter}
	by := engine.Actor{User: "sari", Host: "db2"}
	changed, err := db.Waive(t.Context(), which, engine.Act{Reason: "coupons"}, false, by)
	require.NoError(t, err)
	require.EqualValues(t, 25, changed)
	changed, err = db.RetryQuarantine(t.Context(), engine.QuarantineSelection{Filter: engine.Filter{{Field: "state", Pattern: "waived"}}}, engine.Act{}, by)
	require.NoError(t, err)
	require.EqualValues(t, 25, changed)
	var about string
	require.NoError(t, db.Pool().QueryRow(t.Context(), `SELECT state FROM ferry.journal WHERE action = 'waive'`).Scan(&about))
	require.True(t, strings.HasSuffix(about, "that fit detail:partner !id:5$"), about)
	_, err = db.Waive(t.Context(), which, engine.Act{Reason: "again"}, false, by)
	require.ErrorIs(t, err, engine.ErrNoSuchRow)
}
