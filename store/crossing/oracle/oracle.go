// Package oracle says whether the engine holds what the source has, by SQL that shares nothing with ferry's own way. Tests
// on whole crossings use it.
package oracle

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"ferry/engine/entity"
	"ferry/store/independent"
)

// openStates are those of rows that are in quarantine now.
const openStates = `('open', 'waiting_parent', 'waived')`

// Rows reads one column of text from a database.
func Rows(tb testing.TB, db *pgxpool.Pool, sql string, args ...any) []string {
	tb.Helper()
	found, err := db.Query(tb.Context(), sql, args...)
	require.NoError(tb, err)
	out, err := pgx.CollectRows(found, pgx.RowTo[string])
	require.NoError(tb, err)
	return out
}

// One reads one text from a database.
func One(tb testing.TB, db *pgxpool.Pool, sql string, args ...any) string {
	tb.Helper()
	out := Rows(tb, db, sql, args...)
	require.Len(tb, out, 1, sql)
	return out[0]
}

// Faithful requires that every row in the engine equals the source's row of the same id, that every source row is in the
// engine or in quarantine, and that points are what the engine's ledger says.
func Faithful(tb testing.TB, source, target *pgxpool.Pool) {
	tb.Helper()
	for _, e := range entity.All() {
		good := Rows(tb, target, `SELECT id::text FROM `+e.Target+` WHERE `+e.OdooID+` IS NOT NULL
			EXCEPT SELECT source_id::text FROM ferry.quarantine WHERE entity = $1 AND stale
			EXCEPT SELECT id::text FROM ferry.extra WHERE entity = $1`, e.Name)
		theirs, ours := independent.Contents(e.Name)
		want, got := Rows(tb, source, theirs, good), Rows(tb, target, ours, good)
		require.Equal(tb, want, got, e.Name)

		placed := Rows(tb, target, `SELECT id::text FROM `+e.Target+` WHERE `+e.OdooID+` IS NOT NULL
			UNION SELECT source_id::text FROM ferry.quarantine WHERE entity = $1 AND state IN `+openStates+`
			EXCEPT SELECT id::text FROM ferry.extra WHERE entity = $1 ORDER BY 1`, e.Name)
		require.Equal(tb, Rows(tb, source, `SELECT id::text FROM `+e.Name+` ORDER BY 1`), placed,
			"every %s is in the engine or in quarantine", e.Name)
	}
	codesAgree(tb, source, target)
	require.Empty(tb, Rows(tb, target, independent.WrongPoints), "points are what the ledger says")
	require.Empty(tb, Rows(tb, target, independent.WrongLinks), "a line is linked exactly if its move is in the engine")
}

// codesAgree compares codes as domain rules define them, cleaned by other functions than ferry's.
func codesAgree(tb testing.TB, source, target *pgxpool.Pool) {
	tb.Helper()
	want := map[string]string{}
	for _, row := range Rows(tb, source, `SELECT id || '|' || code FROM loyalty_card`) {
		id, code, _ := strings.Cut(row, "|")
		want[id] = independent.Code(code)
	}
	for _, row := range Rows(tb, target, `SELECT id || '|' || code FROM loyalty_cards c WHERE odoo_card_id IS NOT NULL
		AND NOT EXISTS (SELECT FROM ferry.quarantine q WHERE q.entity = 'loyalty_card' AND q.source_id = c.id AND q.stale)
		AND NOT EXISTS (SELECT FROM ferry.extra x WHERE x.entity = 'loyalty_card' AND x.id = c.id)`) {
		id, code, _ := strings.Cut(row, "|")
		require.Equal(tb, want[id], code, "code of card %s", id)
	}
}

// Fingerprint is the engine's three tables as they are stored, row versions included.
func Fingerprint(tb testing.TB, target *pgxpool.Pool) string {
	tb.Helper()
	var out strings.Builder
	for _, e := range entity.All() {
		out.WriteString(One(tb, target, `SELECT coalesce(md5(string_agg(t.xmin || t::text, '' ORDER BY id)), '-') FROM `+e.Target+` t`))
	}
	return out.String()
}
