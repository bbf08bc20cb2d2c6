package crossing_test

import (
	"context"
	"strconv"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/store/crossing/oracle"
)

// TestALongTransactionHoldsTheFloor keeps a transaction that has written open while ticks go on: they read again what was
// written since, say who is to blame, and find its rows as soon as it has committed.
func TestALongTransactionHoldsTheFloor(t *testing.T) {
	t.Parallel()
	for name, seen := range map[string]bool{"by name": true, "hidden": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rng := randomness(t)
			source, target := newCluster(t, 300), newEngine(t)
			if seen {
				source.exec(`GRANT pg_read_all_stats TO reader`)
			}
			f := here(t, source.reader, target.DSN, "ferry", 2, nil)
			f.full()
			floor := floorOf(t, target, source.stepped(f, target))
			require.True(t, f.floor(t).PinnedSince.IsZero())

			late := source.openWriter()
			require.NoError(t, changeIn(t.Context(), late, rng, 1)) // which may be of the same card
			_, err := late.Exec(t.Context(), `UPDATE loyalty_card SET points = 4711.25 WHERE id = 1`)
			require.NoError(t, err)
			var pinned string
			var rereads int64
			for round := range 4 {
				source.change(rng)
				s := source.stepped(f, target)
				require.GreaterOrEqual(t, read(s), rereads, "what was written since is read again")
				rereads = read(s)
				if round == 0 {
					pinned = floorOf(t, target, s)
				}
				require.Equal(t, pinned, floorOf(t, target, s), "it stands still")
			}
			view := f.floor(t)
			t.Logf("floor %s, then %s since %s, by %s; %d rows read in the last tick", floor, pinned, view.PinnedSince, view.PinnedBy, rereads)
			require.Equal(t, pinned, view.Floor)
			require.False(t, view.PinnedSince.IsZero())
			if seen {
				require.Regexp(t, `^pid \d+ postgres, the month's end, idle in transaction, \d+ s$`, view.PinnedBy)
			} else {
				require.Contains(t, view.PinnedBy, "GRANT pg_read_all_stats TO reader")
			}

			require.NoError(t, late.Commit(t.Context()))
			s := source.stepped(f, target)
			require.Equal(t, "4711.25", oracle.One(t, target.pool, `SELECT odoo_points::text FROM loyalty_cards WHERE id = 1`))
			require.Greater(t, number(t, floorOf(t, target, s)), number(t, pinned), "it moves")
			require.True(t, f.floor(t).PinnedSince.IsZero())
			require.Empty(t, f.floor(t).PinnedBy)
			require.Zero(t, read(source.stepped(f, target)))
		})
	}
}

// floor is what consoles show of the floor.
func (l *local) floor(t *testing.T) engine.FloorView {
	t.Helper()
	s, err := l.target.Read(t.Context())
	require.NoError(t, err)
	return s.Floor
}

// openWriter begins a transaction in a session with a name.
func (c *cluster) openWriter() pgx.Tx {
	c.t.Helper()
	conn, err := pgx.Connect(c.t.Context(), c.server.DSN("odoo"))
	require.NoError(c.t, err)
	c.t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(c.t.Context())) })
	_, err = conn.Exec(c.t.Context(), `SET application_name = 'the month''s end'`)
	require.NoError(c.t, err)
	tx, err := conn.Begin(c.t.Context())
	require.NoError(c.t, err)
	return tx
}

func number(t *testing.T, text string) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(text, 10, 64)
	require.NoError(t, err)
	return n
}
