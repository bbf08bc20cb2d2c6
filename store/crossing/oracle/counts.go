package oracle

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"ferry/engine/entity"
)

// counters are the columns of ferry.step and ferry.batch that count rows.
var counters = []string{
	"read", "inserted", "updated", "unchanged", "rejected", "deleted", "stale", "extra", "taken", "settled", "precise", "warned",
}

// Counted requires that a done run's figures are exact: every step's counters are the sums of its batches', its batches
// cover its ids once, nothing is open, every source row was counted once, and the identity of row counts holds.
func Counted(tb testing.TB, source, target *pgxpool.Pool, run int64) {
	tb.Helper()
	require.Equal(tb, "done", One(tb, target, `SELECT state FROM ferry.run WHERE id = $1`, run))
	sums := make([]string, len(counters))
	for i, c := range counters {
		sums[i] = "s." + c + " = coalesce(sum(b." + c + "), 0)"
	}
	require.Empty(tb, Rows(tb, target, `SELECT s.verb || ' ' || s.entity || ': ' || s.batches_done || ' batches counted, ' || count(b.id) || ' there'
		FROM ferry.step s LEFT JOIN ferry.batch b ON b.step_id = s.id WHERE s.run_id = $1 GROUP BY s.id
		HAVING NOT (s.open = 0 AND s.state = 'done' AND s.batches_done = count(b.id) AND s.batches_done = count(b.id) FILTER (WHERE b.state = 'done')
			AND `+strings.Join(sums, " AND ")+`)`, run), "steps that are not the sum of their batches")
	require.Empty(tb, Rows(tb, target, `SELECT step_id || ': ' || low || ' to ' || high || ' after ' || before FROM (
			SELECT step_id, low, high, lag(high, 1, 0::bigint) OVER (PARTITION BY step_id ORDER BY low) AS before FROM ferry.batch WHERE run_id = $1) b
		WHERE low <> before`, run), "gaps between batches, or batches that overlap")
	require.Empty(tb, Rows(tb, target, `SELECT s.id || ': ' || s.high FROM ferry.step s WHERE s.run_id = $1
		AND s.high <> coalesce((SELECT max(high) FROM ferry.batch WHERE step_id = s.id), 0)`, run), "steps that end early")
	for _, e := range entity.All() {
		counted := One(tb, target, `SELECT concat_ws(' ', sum(read), sum(inserted + updated + unchanged + rejected))
			FROM ferry.step WHERE run_id = $1 AND entity = $2 AND verb IN ('load', 'owners')`, run, e.Name)
		rows := One(tb, source, `SELECT count(*)::text FROM `+e.Name)
		require.Equal(tb, rows+" "+rows, counted, "%s: every row is read once, and counted once", e.Name)
		identity(tb, target, e, rows)
	}
}

// Balanced requires that the identity of row counts holds for every entity, after runs of any kind.
func Balanced(tb testing.TB, source, target *pgxpool.Pool) {
	tb.Helper()
	for _, e := range entity.All() {
		identity(tb, target, e, One(tb, source, `SELECT count(*)::text FROM `+e.Name))
	}
}

// identity requires that source rows = engine rows − stale − extra + quarantined rows, as they are and as they are said.
func identity(tb testing.TB, target *pgxpool.Pool, e *entity.Entity, rows string) {
	tb.Helper()
	there := One(tb, target, `SELECT concat_ws(' ', t.rows - q.stale - x.rows + q.rows, t.rows, q.rows, q.stale, x.rows) FROM
		(SELECT count(*) AS rows FROM `+e.Target+` WHERE `+e.OdooID+` IS NOT NULL) t,
		(SELECT count(*) AS rows, count(*) FILTER (WHERE stale) AS stale FROM ferry.quarantine WHERE entity = $1 AND state IN `+openStates+`) q,
		(SELECT count(*) AS rows FROM ferry.extra WHERE entity = $1) x`, e.Name)
	said := One(tb, target, `SELECT concat_ws(' ', source_rows, target_rows, quarantined, stale, extra) FROM ferry.entity_state WHERE entity = $1`, e.Name)
	require.Equal(tb, there, said, e.Name)
	require.Equal(tb, rows, strings.Fields(there)[0], "%s: source rows = engine rows − stale − extra + quarantined rows", e.Name)
}

// FirstLoad requires, beyond Counted, that a run that filled empty tables counted exactly the rows that are there.
func FirstLoad(tb testing.TB, source, target *pgxpool.Pool, run int64) {
	tb.Helper()
	Counted(tb, source, target, run)
	for _, e := range entity.All() {
		counted := One(tb, target, `SELECT concat_ws(' ', sum(inserted), sum(updated + unchanged), sum(rejected))
			FROM ferry.step WHERE run_id = $1 AND entity = $2`, run, e.Name)
		there := One(tb, target, `SELECT concat_ws(' ', (SELECT count(*) FROM `+e.Target+`), 0,
			(SELECT count(*) FROM ferry.quarantine WHERE entity = $1))`, e.Name)
		require.Equal(tb, there, counted, "%s: inserted, updated or unchanged, rejected", e.Name)
		require.Equal(tb, "0", One(tb, target, `SELECT coalesce(max(sync_version), 0)::text FROM `+e.Target),
			"%s: no row was written twice", e.Name)
	}
}
