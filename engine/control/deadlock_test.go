package control_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ferry/engine"
)

// A writer of the engine's and a tick each hold a card that the other one wants. The server ends the tick's transaction, which waited for
// its own time to look for deadlocks; it is tried again, nothing of it is lost, and neither is what the writer wrote.
func TestADeadlockWithAWriterOfTheEngineCostsOneTry(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	done(t, b.full(t))
	two := rows(t, b.target, `SELECT id::text FROM loyalty_cards ORDER BY id LIMIT 2`)
	low, high := two[0], two[1]
	b.source.Exec(t, `UPDATE loyalty_card SET points = points + 7, write_date = now() WHERE id IN (`+low+`, `+high+`)`)

	writer, err := b.target.pool.Begin(t.Context())
	require.NoError(t, err)
	defer writer.Rollback(t.Context())
	_, err = writer.Exec(t.Context(), `SET LOCAL deadlock_timeout = '1h'`) // the other one is to find it
	require.NoError(t, err)
	const touch = `UPDATE loyalty_cards SET partner_id = partner_id WHERE id = `
	_, err = writer.Exec(t.Context(), touch+high)
	require.NoError(t, err)
	id, err := b.StartIncremental(t.Context(), engine.StartOptions{})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		return one(t, b.target, `SELECT count(*)::text FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE NOT l.granted
			AND a.datname = current_database() AND a.query LIKE 'UPDATE "public"."loyalty_cards"%'`) != "0"
	}, limit, limit/10_000, "the tick has the one and waits for the other")
	_, err = writer.Exec(t.Context(), touch+low)
	require.NoError(t, err, "it is not the one that is ended")
	require.NoError(t, writer.Commit(t.Context()))

	s := b.await(t, id)
	done(t, s)
	require.EqualValues(t, 2, b.entity(s, "loyalty_card").Counts.Updated)
	require.Equal(t, "1 40P01", one(t, b.target, `SELECT tries || ' ' || sqlstate FROM ferry.batch WHERE run_id = $1`, id), "it cost one try")
	b.faithful(t)
}
