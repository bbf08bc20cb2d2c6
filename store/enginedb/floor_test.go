package enginedb_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ferry/engine"
)

// A floor is pinned since it was first seen to be the id of a transaction that was running. At an idle source it is the id that the next
// transaction gets: ten minutes later that is somebody who has only begun.
func TestAFloorIsPinnedOnlySinceATransactionHeldIt(t *testing.T) {
	t.Parallel()
	b := newAlertBench(t)
	cycle := func(run, floor, next int, ago string) engine.FloorView {
		b.Exec(t, `DELETE FROM ferry.floor WHERE run_id = `+strconv.Itoa(run),
			`INSERT INTO ferry.floor (entity, run_id, floor, next_xid, rules_hash, read_from, pinned_by)
			SELECT entity, `+strconv.Itoa(run)+`, '`+strconv.Itoa(floor)+`', '`+strconv.Itoa(next)+`', '',
			now() - interval '`+ago+`', 'pid `+strconv.Itoa(run)+`'
			FROM unnest(ARRAY['loyalty_card', 'loyalty_point_move', 'loyalty_point_history']) AS entity`)
		s, err := b.a.Read(t.Context())
		require.NoError(t, err)
		return s.Floor
	}
	require.True(t, cycle(1, 100, 100, "10 min").PinnedSince.IsZero(), "nobody holds it")
	f := cycle(2, 100, 105, "50 s")
	require.True(t, f.PinnedSince.IsZero(), "one cycle has seen a transaction there, which may have begun just before")
	require.Equal(t, "pid 2", f.PinnedBy)
	f = cycle(3, 100, 106, "20 s")
	require.WithinDuration(t, b.clock(t).Add(-50*time.Second), f.PinnedSince, 5*time.Second)
	require.InDelta(t, 30, f.Pinned().Seconds(), 1, "nobody has looked since the last cycle")
	require.True(t, cycle(4, 106, 107, "1 s").PinnedSince.IsZero(), "it moves")
}
