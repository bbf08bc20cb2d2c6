package enginedb

import (
	"slices"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/engine/cycle"
	"ferry/engine/entity"
)

// hostileCards is how many cards hostileLedger makes.
const hostileCards = 600

// hostileLedger fills the engine with cards of all sorts: without lines, with lines of the engine's own above Odoo's, with lines in
// quarantine, below the latest and above it, in every state, its own and others'; and half of the points are wrong.
func hostileLedger(t *testing.T) *DB {
	t.Helper()
	db := initialised(t)
	for _, sql := range []string{
		`SELECT setseed(0.5)`,
		`INSERT INTO public.loyalty_cards (id, odoo_card_id, code, points, odoo_points, synced_to_odoo)
			SELECT n, CASE WHEN n % 17 <> 0 THEN n END, 'c' || n, n % 5, CASE WHEN n % 11 <> 0 THEN n % 7 END, n % 13 = 0 FROM generate_series(1, 600) n`,
		`INSERT INTO public.point_history (id, odoo_history_id, loyalty_card_id, points_balance)
			SELECT n, CASE WHEN n % 9 <> 0 THEN n END, c, CASE WHEN n % 10 <> 0 THEN n % 5 END
			FROM (SELECT n, 1 + (random() * 599)::int AS c FROM generate_series(1, 1500) n) l WHERE c % 4 <> 0`,
		`INSERT INTO ferry.quarantine (entity, source_id, state, reason, parent_entity, parent_id, run_id)
			SELECT CASE WHEN n % 8 = 0 THEN 'loyalty_point_move' ELSE 'loyalty_point_history' END, n + 10000 * (n % 2),
				(ARRAY['open', 'waived', 'waiting_parent', 'released', 'gone'])[1 + n % 5], 'test', 'loyalty_card', 1 + (random() * 599)::int, 1
			FROM generate_series(1, 700) n`,
	} {
		_, err := db.pool.Exec(t.Context(), sql)
		require.NoError(t, err, sql)
	}
	return db
}

// TestPointsOfARangeAreThoseOfItsCards: there are two forms of the statement, and they must say the same.
func TestPointsOfARangeAreThoseOfItsCards(t *testing.T) {
	t.Parallel()
	db := hostileLedger(t)
	opened, err := db.View(t.Context())
	require.NoError(t, err)
	defer opened.Close()
	v := opened.(*view) //nolint:forcetypeassert,errcheck // it is ours
	var byCard []int64
	for _, bounds := range [][2]int64{{0, hostileCards}, {0, 1 << 20}, {99, 101}, {300, 300}, {7, 450}} {
		var ids []int64
		for id := bounds[0] + 1; id <= min(bounds[1], hostileCards); id++ {
			ids = append(ids, id)
		}
		whole, err := v.unsettled(t.Context(), entity.Card, cycle.Scope{Low: bounds[0], High: bounds[1]})
		require.NoError(t, err)
		single, err := v.unsettled(t.Context(), entity.Card, cycle.Scope{Low: bounds[0], High: bounds[1], IDs: append([]int64{}, ids...)})
		require.NoError(t, err)
		require.Equal(t, single, whole, "%v", bounds)

		balances, err := v.Balances(t.Context(), bounds[0], bounds[1])
		require.NoError(t, err)
		rows, err := v.tx.Query(t.Context(), `SELECT id FROM (`+settledPoints(cards{where: `c.id = ANY($1)`})+`) s WHERE NOT own ORDER BY id`, ids)
		require.NoError(t, err)
		byCard, err = pgx.CollectRows(rows, pgx.RowTo[int64])
		require.NoError(t, err)
		for _, id := range byCard {
			require.True(t, slices.ContainsFunc(balances, func(b cycle.Balance) bool { return b.ID == id }), "a line decides the points of %d", id)
		}
	}
	require.NotEmpty(t, byCard)
	var nested string
	require.NoError(t, v.tx.QueryRow(t.Context(), `SELECT current_setting('enable_nestloop')`).Scan(&nested))
	require.Equal(t, "on", nested, "what comes behind is planned as ever")
}

// TestACheckTakesWhatNobodyElseWants: all workers, or half of them beside a run that writes and is at work.
func TestACheckTakesWhatNobodyElseWants(t *testing.T) {
	t.Parallel()
	db := initialised(t)
	tx, err := db.pool.Begin(t.Context())
	require.NoError(t, err)
	defer func() { _ = tx.Rollback(t.Context()) }()
	const run = `INSERT INTO ferry.run (kind, writes, state, epoch, source_identity, rules, rules_hash, requested_by, options)
		VALUES ($1, $2, $3, 1, 'x', '{}', 'x', 'test', '{"sort": "whole"}') RETURNING id`
	s := step{Verb: engine.StepCompare}
	require.NoError(t, tx.QueryRow(t.Context(), run, "check", false, "running").Scan(&s.Run))
	outstanding := func(workers int) int {
		p, err := checkPace(t.Context(), tx, s, workers)
		require.NoError(t, err)
		return p.outstanding
	}
	require.Equal(t, []int{1, 1, 5}, []int{outstanding(0), outstanding(1), outstanding(5)})
	var writer int64
	require.NoError(t, tx.QueryRow(t.Context(), run, "full", true, "running").Scan(&writer))
	require.Equal(t, []int{1, 1, 2}, []int{outstanding(0), outstanding(1), outstanding(5)})
	for state, want := range map[string]int{"queued": 2, "planning": 2, "pausing": 2, "paused": 5, "asking": 5, "done": 5} {
		_, err := tx.Exec(t.Context(), `UPDATE ferry.run SET state = $2 WHERE id = $1`, writer, state)
		require.NoError(t, err)
		require.Equal(t, want, outstanding(5), state)
	}
}
