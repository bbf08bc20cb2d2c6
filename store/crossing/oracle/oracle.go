// Package oracle says whether the engine holds what the source has, by SQL that shares nothing with ferry's own way. Tests
// on whole crossings use it.
package oracle

import (
	"strings"
	"testing"
	"unicode"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"ferry/engine/entity"
)

// openStates are those of rows that are in quarantine now.
const openStates = `('open', 'waiting_parent', 'waived')`

// contents are, for each entity, the values that a row has at the source and in the engine: as text, by SQL that shares
// nothing with ferry's own way. Codes are left to Faithful, for SQL cannot clean them.
var contents = map[string][2]string{
	"loyalty_card": {
		`SELECT concat_ws('|', id, coalesce(partner_id::text, '-'), coalesce(program_id::text, '-'),
			round(coalesce(points, 0)::text::numeric, 2), coalesce(create_date::text, '-'), coalesce(write_date::text, '-'))
		FROM loyalty_card WHERE id = ANY($1) ORDER BY id`,
		`SELECT concat_ws('|', odoo_card_id, coalesce(partner_id::text, '-'), coalesce(program_id::text, '-'), odoo_points,
			coalesce((created_at AT TIME ZONE 'UTC')::text, '-'), coalesce((updated_at AT TIME ZONE 'UTC')::text, '-'))
		FROM loyalty_cards WHERE id = ANY($1) AND id = odoo_card_id ORDER BY id`,
	},
	"loyalty_point_move": {
		`SELECT concat_ws('|', id, loyalty_card_id, coalesce(membership_product_id::text, '-'), gain_date,
			coalesce(expiration_date::text, '-'), round(coalesce(initial_point, 0)::text::numeric, 2),
			round(coalesce(remaining_point, 0)::text::numeric, 2), state, coalesce(origin, '-'),
			coalesce(create_date::text, '-'), coalesce(write_date::text, '-'))
		FROM loyalty_point_move WHERE id = ANY($1) ORDER BY id`,
		`SELECT concat_ws('|', odoo_move_id, loyalty_card_id, coalesce(membership_product_id::text, '-'),
			gain_date AT TIME ZONE 'UTC', coalesce((expiration_date AT TIME ZONE 'UTC')::text, '-'), initial_point,
			remaining_point, state, coalesce(origin, '-'),
			coalesce((created_at AT TIME ZONE 'UTC')::text, '-'), coalesce((updated_at AT TIME ZONE 'UTC')::text, '-'))
		FROM point_moves WHERE id = ANY($1) AND id = odoo_move_id ORDER BY id`,
	},
	"loyalty_point_history": {
		`SELECT concat_ws('|', id, loyalty_card_id, coalesce(point_move_id::text, '-'),
			round(coalesce(points_amount, 0)::text::numeric, 2), round(coalesce(points_balance, 0)::text::numeric, 2),
			transaction_time, coalesce(origin, '-'), coalesce(membership_product_id::text, '-'),
			coalesce(status_membership_product_id::text, '-'), coalesce(create_date::text, '-'))
		FROM loyalty_point_history WHERE id = ANY($1) ORDER BY id`,
		`SELECT concat_ws('|', odoo_history_id, loyalty_card_id, coalesce(odoo_move_id::text, '-'), points_amount, points_balance,
			transaction_time AT TIME ZONE 'UTC', coalesce(origin, '-'), coalesce(membership_product_id::text, '-'),
			coalesce(status_membership_product_id::text, '-'), coalesce((created_at AT TIME ZONE 'UTC')::text, '-'))
		FROM point_history WHERE id = ANY($1) AND id = odoo_history_id ORDER BY id`,
	},
}

// Contents gives the SQL by which an entity's rows of the ids $1 are told, at the source and in the engine: equal rows give
// equal texts, which begin with the id and a bar.
func Contents(of string) (source, target string) { return contents[of][0], contents[of][1] }

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
		want, got := Rows(tb, source, contents[e.Name][0], good), Rows(tb, target, contents[e.Name][1], good)
		require.Equal(tb, want, got, e.Name)

		placed := Rows(tb, target, `SELECT id::text FROM `+e.Target+` WHERE `+e.OdooID+` IS NOT NULL
			UNION SELECT source_id::text FROM ferry.quarantine WHERE entity = $1 AND state IN `+openStates+`
			EXCEPT SELECT id::text FROM ferry.extra WHERE entity = $1 ORDER BY 1`, e.Name)
		require.Equal(tb, Rows(tb, source, `SELECT id::text FROM `+e.Name+` ORDER BY 1`), placed,
			"every %s is in the engine or in quarantine", e.Name)
	}
	codesAgree(tb, source, target)
	require.Empty(tb, Rows(tb, target, `
		WITH latest AS (SELECT DISTINCT ON (loyalty_card_id) loyalty_card_id, odoo_history_id, points_balance FROM point_history
			WHERE odoo_history_id IS NOT NULL ORDER BY loyalty_card_id, odoo_history_id DESC),
		held AS (SELECT parent_id, max(source_id) AS id FROM ferry.quarantine
			WHERE entity = 'loyalty_point_history' AND state IN `+openStates+` GROUP BY 1)
		SELECT c.id || ' has ' || c.points FROM loyalty_cards c LEFT JOIN latest l ON l.loyalty_card_id = c.id LEFT JOIN held h ON h.parent_id = c.id
		WHERE c.points <> CASE WHEN l.odoo_history_id > coalesce(h.id, 0) THEN l.points_balance ELSE c.odoo_points END`),
		"points are what the ledger says")
	require.Empty(tb, Rows(tb, target, `SELECT h.id::text FROM point_history h LEFT JOIN point_moves m ON m.id = h.odoo_move_id
		WHERE h.point_move_id IS DISTINCT FROM m.id`), "a line is linked exactly if its move is in the engine")
}

// codesAgree compares codes as domain rules define them, cleaned by other functions than ferry's.
func codesAgree(tb testing.TB, source, target *pgxpool.Pool) {
	tb.Helper()
	want := map[string]string{}
	for _, row := range Rows(tb, source, `SELECT id || '|' || code FROM loyalty_card`) {
		id, code, _ := strings.Cut(row, "|")
		want[id] = strings.Map(unicode.ToUpper, strings.TrimFunc(code, unicode.IsSpace))
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
