package odoo_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ferry/store/embedded/pgtest"
	"ferry/store/odoo"
)

// A mark and a later one are equal exactly if nothing was committed between them: not by a transaction that began before the mark
// and wrote again what is young already, not by a savepoint, not by a delete with an insert beside it.
func TestTwoMarksDifferExactlyIfSomethingWasCommitted(t *testing.T) {
	t.Parallel()
	base := pgtest.New(t, odoo18())
	pool := base.Pool(t)
	reader := pgtest.Role(t, base, "", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
	db, err := odoo.Open(t.Context(), reader.DSN, "ferry test")
	require.NoError(t, err)
	t.Cleanup(db.Close)
	const card = `UPDATE loyalty_card SET points = points WHERE id = (SELECT min(id) FROM loyalty_card)`

	open, err := pool.Begin(t.Context()) // holds the floor back, so that everything below is young
	require.NoError(t, err)
	defer open.Rollback(t.Context())
	_, err = open.Exec(t.Context(), `SELECT pg_current_xact_id()`)
	require.NoError(t, err)
	base.Exec(t, card) // the row is young from now on
	mark, err := db.Mark(t.Context(), nil)
	require.NoError(t, err)
	moved := func(what string, wanted bool) {
		t.Helper()
		now, err := db.Mark(t.Context(), &mark)
		require.NoError(t, err)
		still := mark.Still(&now)
		require.True(t, still.Known, still.What)
		require.Equal(t, wanted, still.Moved, "%s: %s", what, still.What)
		mark = now
	}
	moved("nothing", false)
	rolled, err := pool.Begin(t.Context())
	require.NoError(t, err)
	_, err = rolled.Exec(t.Context(), `DELETE FROM loyalty_point_history`)
	require.NoError(t, err)
	moved("what is not committed", false)
	require.NoError(t, rolled.Rollback(t.Context()))
	moved("what was rolled back", false)
	base.Exec(t, `CREATE TABLE elsewhere (id int)`, `INSERT INTO elsewhere VALUES (1)`, `ANALYZE loyalty_card`, `VACUUM loyalty_card`)
	moved("what is about other tables", false)
	_, err = pool.Exec(t.Context(), `SELECT FROM loyalty_card FOR UPDATE`)
	require.NoError(t, err)
	moved("a lock", false)

	base.Exec(t, card)
	moved("the young row once more", true)
	_, err = open.Exec(t.Context(), `SAVEPOINT a`)
	require.NoError(t, err)
	_, err = open.Exec(t.Context(), card)
	require.NoError(t, err)
	moved("under way", false)
	require.NoError(t, open.Commit(t.Context()))
	moved("committed late, behind a savepoint, by a transaction older than the mark", true)
	base.Exec(t, `DELETE FROM loyalty_point_history WHERE id = (SELECT max(id) FROM loyalty_point_history)`)
	moved("a delete", true)
	both, err := pool.Begin(t.Context())
	require.NoError(t, err)
	_, err = both.Exec(t.Context(), `DELETE FROM loyalty_point_history WHERE id = (SELECT max(id) FROM loyalty_point_history)`)
	require.NoError(t, err)
	_, err = both.Exec(t.Context(), `INSERT INTO loyalty_point_history
		SELECT (jsonb_populate_record(h, '{"id": 900000}')).* FROM loyalty_point_history h LIMIT 1`)
	require.NoError(t, err)
	require.NoError(t, both.Commit(t.Context()))
	moved("a delete with an insert beside it", true)
}
