package control_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ferry/engine"
)

// manyCards adds cards to the source, so that a run has batches to be bounded.
func (b *bundle) manyCards(t *testing.T, n int) {
	t.Helper()
	b.source.Exec(t, fmt.Sprintf(`INSERT INTO loyalty_card (code, partner_id, program_id, points)
		SELECT 'many-' || n, 1, (SELECT min(id) FROM loyalty_program), 1 FROM generate_series(1, %d) n`, n))
}

// batches lists the widths of a run's finished loads, in the order in which they were carved.
func (b *bundle) widest(t *testing.T, run engine.RunID, since engine.BatchID) string {
	t.Helper()
	return one(t, b.target, `SELECT coalesce(max(b.high - b.low), 0)::text FROM ferry.batch b JOIN ferry.step s ON s.id = b.step_id
		WHERE b.run_id = $1 AND s.verb = 'load' AND b.id > $2`, run, since)
}

// awaitRun waits until a run's snapshot is as wanted.
func (b *bundle) awaitRun(t *testing.T, what string, as func(*engine.Snapshot) bool) *engine.Snapshot {
	t.Helper()
	var s *engine.Snapshot
	require.Eventually(t, func() bool {
		s = b.Snapshot()
		return as(s)
	}, limit, 10*time.Millisecond, what)
	return s
}

// A throttle and a bound of batches count at once in a run under way, are told with who and why, and hold up neither a pause
// nor a heartbeat.
func TestARunIsThrottledWhileItGoesOn(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	b.manyCards(t, 4000)
	why := engine.Act{Reason: "Odoo is slow"}
	require.NoError(t, b.SetPolicy(t.Context(), engine.PolicyThrottle, "500", why))
	began := time.Now()
	run, err := b.StartFull(t.Context(), engine.StartOptions{})
	require.NoError(t, err)
	s := b.awaitRun(t, "throttled", func(s *engine.Snapshot) bool {
		return s.Run != nil && s.Run.ID == run && s.Throttled() && s.Entities[0].Counts.Read > 0
	})
	require.EqualValues(t, 500, s.Pace.RowsPerSecond)
	require.Equal(t, "tester@test", s.Pace.By)
	require.Equal(t, "Odoo is slow", s.Pace.Reason)

	// It waits for its turn: a batch that is carved and not taken up.
	b.awaitRun(t, "three batches", func(s *engine.Snapshot) bool { return s.Entities[0].BatchesDone >= 3 })
	require.Greater(t, time.Since(began), 1500*time.Millisecond, "three batches of 500 rows at 500 a second")
	paused := time.Now()
	require.NoError(t, b.Pause(t.Context(), engine.Act{Run: run, Reason: "a look"}))
	b.awaitRun(t, "paused", func(s *engine.Snapshot) bool { return s.Run.State == engine.RunPaused })
	require.Less(t, time.Since(paused), 900*time.Millisecond, "what waits is taken back, not waited for")
	require.Equal(t, "0", one(t, b.target, `SELECT count(*)::text FROM ferry.batch WHERE state <> 'done'`))
	require.Less(t, b.Snapshot().Workers[0].Silent, 5*time.Second)

	require.NoError(t, b.Resume(t.Context(), engine.Act{Run: run}))
	last := engine.BatchID(0)
	require.NoError(t, b.target.pool.QueryRow(t.Context(), `SELECT max(id) FROM ferry.batch`).Scan(&last))
	require.NoError(t, b.SetPolicy(t.Context(), engine.PolicyBatchRows, "150", why))
	require.NoError(t, b.SetPolicy(t.Context(), engine.PolicyThrottle, "none", why))
	s = b.await(t, run)
	done(t, s)
	b.faithful(t)
	require.Equal(t, "500", b.widest(t, run, 0), "a second's rows")
	require.Equal(t, "150", b.widest(t, run, last+1), "carved by the new size; one batch may have been taken up before")
	require.False(t, s.Throttled())
	require.Equal(t, []string{
		"policy throttle|none|500|tester@test|Odoo is slow", "policy batch-rows|auto|150|tester@test|Odoo is slow",
		"policy throttle|500|none|tester@test|Odoo is slow",
	}, rows(t, b.target, `SELECT concat_ws('|', action, state, outcome, actor, reason) FROM ferry.journal WHERE action LIKE 'policy %' ORDER BY id`))
}

// Cancelling a throttled run waits for nothing, and whoever resumes it goes on where it stood.
func TestAThrottledRunIsCancelledAtOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	b.manyCards(t, 2000)
	done(t, b.full(t))
	b.source.Exec(t, `UPDATE loyalty_card SET points = points + 1`)
	require.NoError(t, b.SetPolicy(t.Context(), engine.PolicyThrottle, "20", engine.Act{Reason: "day"}))
	run, err := b.StartFull(t.Context(), engine.StartOptions{})
	require.NoError(t, err)
	b.awaitRun(t, "throttled", func(s *engine.Snapshot) bool {
		return s.Run.ID == run && s.Throttled() && s.Entities[0].BatchesDone > 0
	})
	asked := time.Now()
	require.NoError(t, b.Cancel(t.Context(), engine.Act{Run: run}))
	s := b.await(t, run)
	require.Equal(t, engine.RunCancelled, s.Run.State)
	require.Less(t, time.Since(asked), 2*time.Second)
	require.NoError(t, b.SetPolicy(t.Context(), engine.PolicyThrottle, "none", engine.Act{Reason: "night"}))
	require.NoError(t, b.Resume(t.Context(), engine.Act{Run: run}))
	done(t, b.await(t, run))
	b.faithful(t)
}
