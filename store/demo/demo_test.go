package demo_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"ferry/store/demo"
	"ferry/store/embedded/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m, pgtest.CheckLeaks()) }

// world is enough cards for each kind of row to appear, and for shares to be near what they should be.
const world = 8000

// generated makes a database with a world, dirty or clean, generated once and copied for each test.
func generated(t *testing.T, clean bool) *pgx.Conn {
	t.Helper()
	name := "demo"
	if clean {
		name = "demo clean"
	}
	db := pgtest.New(t, pgtest.Template(name, demo.Filling(demo.Params{Cards: world, Seed: 11, Clean: clean})))
	return db.Conn(t)
}

// number runs a query that yields one number.
func number(t *testing.T, conn *pgx.Conn, sql string, args ...any) float64 {
	t.Helper()
	var n float64
	require.NoError(t, conn.QueryRow(t.Context(), sql, args...).Scan(&n), sql)
	return n
}

// fingerprint hashes every column of every row, and where in the heap it stands.
func fingerprint(t *testing.T, conn *pgx.Conn) map[string]string {
	t.Helper()
	prints := map[string]string{}
	for _, table := range []string{"res_partner", "loyalty_program", "loyalty_card", "loyalty_point_move", "loyalty_point_history"} {
		var sum string
		sql := `SELECT md5(string_agg(t.ctid || t::text, E'\n' ORDER BY t.id)) FROM ` + pgx.Identifier{table}.Sanitize() + ` AS t`
		require.NoError(t, conn.QueryRow(t.Context(), sql).Scan(&sum))
		prints[table] = sum
	}
	return prints
}

func TestEqualParamsGiveEqualContent(t *testing.T) {
	t.Parallel()
	generate := func(p demo.Params) (map[string]string, demo.Summary) {
		conn := pgtest.New(t).Conn(t)
		summary, err := demo.Generate(t.Context(), conn, p)
		require.NoError(t, err)
		return fingerprint(t, conn), summary
	}
	first, summary := generate(demo.Params{Cards: 1500, Seed: -3})
	second, again := generate(demo.Params{Cards: 1500, Seed: -3, LedgerPerCard: 5})
	assert.Equal(t, first, second)
	assert.Equal(t, summary, again)

	other, _ := generate(demo.Params{Cards: 1500, Seed: -4})
	for table, sum := range other {
		if table != "loyalty_program" { // the same shop
			assert.NotEqual(t, first[table], sum, table)
		}
	}
}

func TestSummaryAndProgress(t *testing.T) {
	t.Parallel()
	for name, p := range map[string]demo.Params{
		"one card":        {Cards: 1, Seed: 1},
		"few cards":       {Cards: 90, Seed: 2, LedgerPerCard: 1},
		"two chunks":      {Cards: 10_400, Seed: 3, LedgerPerCard: 2},
		"long ledgers":    {Cards: 300, Seed: 4, LedgerPerCard: 40},
		"clean, one card": {Cards: 1, Seed: 5, Clean: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			conn := pgtest.New(t).Conn(t)
			last := map[string][2]int{}
			p.Progress = func(step string, done, total int) {
				assert.GreaterOrEqual(t, done, last[step][0], step)
				last[step] = [2]int{done, total}
			}
			summary, err := demo.Generate(t.Context(), conn, p)
			require.NoError(t, err)

			assert.Equal(t, int64(p.Cards), summary.Cards)
			assert.Equal(t, p.Seed, summary.Seed)
			assert.Equal(t, p.Clean, summary.Clean)
			for table, n := range map[string]int64{
				"res_partner": summary.Partners, "loyalty_program": summary.Programs, "loyalty_card": summary.Cards,
				"loyalty_point_move": summary.Moves, "loyalty_point_history": summary.History,
			} {
				assert.InDelta(t, n, number(t, conn, `SELECT count(*) FROM `+pgx.Identifier{table}.Sanitize()), 0, table)
			}
			if p.Cards > 200 {
				assert.InEpsilon(t, p.Cards*p.LedgerPerCard, summary.History, 0.2)
			}
			for _, step := range []string{"tables", "partners", "cards", "ledger", "later writes", "keys and indexes", "statistics"} {
				assert.Equal(t, last[step][1], last[step][0], "%s ends at its total", step)
				assert.Contains(t, last, step)
			}
		})
	}
}

func TestGenerateRefuses(t *testing.T) {
	t.Parallel()
	conn := pgtest.New(t).Conn(t)
	for _, p := range []demo.Params{{}, {Cards: -1}, {Cards: 1 << 30}, {Cards: 1, LedgerPerCard: -1}, {Cards: 1, LedgerPerCard: 101}} {
		_, err := demo.Generate(t.Context(), conn, p)
		require.ErrorContains(t, err, "want 1 to", "%+v", p)
	}

	_, err := demo.Generate(t.Context(), conn, demo.Params{Cards: 20_000_000, LedgerPerCard: 100})
	require.ErrorContains(t, err, "larger ids")

	_, err = conn.Exec(t.Context(), `CREATE TABLE loyalty_card (id integer)`)
	require.NoError(t, err)
	_, err = demo.Generate(t.Context(), conn, demo.Params{Cards: 1})
	require.ErrorIs(t, err, demo.ErrNotEmpty)
	require.ErrorContains(t, err, "loyalty_card")
}

func TestCancelledGenerationLeavesNothing(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	ctx, cancel := context.WithCancel(t.Context())
	_, err := demo.Generate(ctx, db.Conn(t), demo.Params{Cards: 500, Progress: func(step string, _, _ int) {
		if step == "ledger" {
			cancel()
		}
	}})
	require.ErrorIs(t, err, context.Canceled)
	conn := db.Conn(t)
	assert.Zero(t, number(t, conn, `SELECT count(*) FROM pg_tables WHERE schemaname = 'public'`))
	_, err = demo.Generate(t.Context(), conn, demo.Params{Cards: 10})
	require.NoError(t, err, "and the way is free")
}

// What demo traffic will do: the references answer as Odoo's do, and new rows take new ids.
func TestReferencesAndSequences(t *testing.T) {
	t.Parallel()
	conn := generated(t, false)
	for _, table := range []string{"res_partner", "loyalty_program", "loyalty_card", "loyalty_point_move", "loyalty_point_history"} {
		sql := `SELECT nextval($1::regclass) - max(id) FROM ` + pgx.Identifier{table}.Sanitize()
		assert.InDelta(t, 1, number(t, conn, sql, table+"_id_seq"), 0, table)
	}

	const cardsWithPartner = `SELECT count(*) FROM loyalty_card WHERE partner_id IS NOT NULL`
	before := number(t, conn, cardsWithPartner)
	tag, err := conn.Exec(t.Context(), `DELETE FROM res_partner WHERE id % 7 = 0`)
	require.NoError(t, err)
	require.NotZero(t, tag.RowsAffected())
	assert.Less(t, number(t, conn, cardsWithPartner), before)

	_, err = conn.Exec(t.Context(), `DELETE FROM loyalty_card WHERE id = (SELECT min(loyalty_card_id) FROM loyalty_point_move)`)
	require.ErrorContains(t, err, "loyalty_point_move_loyalty_card_id_fkey")

	const orphans = `SELECT count(*) FROM loyalty_point_history WHERE loyalty_card_id IS NULL`
	before = number(t, conn, orphans)
	tag, err = conn.Exec(t.Context(), `DELETE FROM loyalty_card WHERE id = (SELECT min(loyalty_card_id) FROM loyalty_point_history h
		WHERE NOT EXISTS (SELECT FROM loyalty_point_move m WHERE m.loyalty_card_id = h.loyalty_card_id))`)
	require.NoError(t, err)
	require.NotZero(t, tag.RowsAffected())
	assert.Greater(t, number(t, conn, orphans), before)
}
