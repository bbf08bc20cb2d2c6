package odoo

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"ferry/engine/cycle"
	"ferry/engine/entity"
)

func TestATallyCountsAllRowsAndTheYoungOnes(t *testing.T) {
	t.Parallel()
	source := newCluster(t)
	source.exec(t, `CREATE TABLE loyalty_card (id integer PRIMARY KEY)`)
	db, err := Open(t.Context(), source.dsn(), "ferry test")
	require.NoError(t, err)
	t.Cleanup(db.Close)
	e, err := entity.Lookup("loyalty_card")
	require.NoError(t, err)
	since := cycle.Floor("3")
	tally := func() (out cycle.Tally) {
		snap, err := db.Snapshot(t.Context())
		require.NoError(t, err)
		defer snap.Close()
		out, counted, err := snap.Tally(t.Context(), e, since, time.Minute)
		require.NoError(t, err)
		require.True(t, counted)
		state, err := snap.State(t.Context())
		require.NoError(t, err)
		since = state.Floor
		return out
	}
	require.Equal(t, cycle.Tally{}, tally(), "nothing")
	source.exec(t, `INSERT INTO loyalty_card SELECT generate_series(1, 100)`)
	require.Equal(t, cycle.Tally{Rows: 100, Changed: 100, Low: 0, High: 100, MaxID: 100}, tally())
	source.exec(t, `UPDATE loyalty_card SET id = id WHERE id IN (20, 30, 40)`)
	source.exec(t, `DELETE FROM loyalty_card WHERE id = 50`)
	require.Equal(t, cycle.Tally{Rows: 99, Changed: 3, Low: 19, High: 40, MaxID: 100}, tally())
	require.Equal(t, cycle.Tally{Rows: 99, MaxID: 100}, tally(), "and none since")
}

// transaction is the one of a snapshot.
func transaction(t *testing.T, snap cycle.SourceSnapshot) pgx.Tx {
	t.Helper()
	s, ours := snap.(*Snapshot)
	require.True(t, ours)
	return s.tx
}

func TestChangesAreReadIfTheyAreFew(t *testing.T) {
	t.Parallel()
	source := newCluster(t)
	source.exec(t, `CREATE TABLE loyalty_card (id integer PRIMARY KEY, code varchar, partner_id integer, program_id integer, points float8,
		create_date timestamp, write_date timestamp)`)
	source.exec(t, `INSERT INTO loyalty_card (id, code) SELECT i, 'C' || i FROM generate_series(1, 100) i`)
	db, err := Open(t.Context(), source.dsn(), "ferry test")
	require.NoError(t, err)
	t.Cleanup(db.Close)
	snap, err := db.Snapshot(t.Context())
	require.NoError(t, err)
	state, err := snap.State(t.Context())
	require.NoError(t, err)
	var usual string
	require.NoError(t, transaction(t, snap).QueryRow(t.Context(), `SHOW statement_timeout`).Scan(&usual))
	snap.Close()
	source.exec(t, `UPDATE loyalty_card SET code = code || '*' WHERE id IN (20, 30, 40)`)

	changes := func(most int, limit time.Duration) (whole bool, codes []string) {
		snap, err := db.Snapshot(t.Context())
		require.NoError(t, err)
		defer snap.Close()
		whole, err = snap.Changes(t.Context(), entity.Card, state.Floor, most, limit, func(row entity.Row) error {
			codes = append(codes, row.Values[0].Text)
			return nil
		})
		require.NoError(t, err)
		var timeout string
		require.NoError(t, transaction(t, snap).QueryRow(t.Context(), `SHOW statement_timeout`).Scan(&timeout))
		require.Equal(t, usual, timeout, "a limit is for one statement")
		rows, estimated, err := snap.Count(t.Context(), entity.Card, time.Minute)
		require.NoError(t, err, "the transaction is still the same one")
		require.Equal(t, int64(100), rows)
		require.False(t, estimated)
		return whole, codes
	}
	whole, codes := changes(3, time.Minute)
	require.True(t, whole)
	require.ElementsMatch(t, []string{"C20*", "C30*", "C40*"}, codes)
	whole, codes = changes(2, time.Minute)
	require.False(t, whole, "one more than there is room for")
	require.LessOrEqual(t, len(codes), 2)
}
