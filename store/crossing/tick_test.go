package crossing_test

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/store/crossing/oracle"
)

// await waits until a run has ended, or asks.
func (l *local) await(id engine.RunID) *engine.Snapshot {
	l.t.Helper()
	var s *engine.Snapshot
	require.Eventually(l.t, func() bool {
		var err error
		s, err = l.target.ReadRun(l.t.Context(), id)
		return err == nil && (s.Run.State.Ended() || s.Run.State == engine.RunAsking)
	}, 3*limit, 10*time.Millisecond, "run #%d never ends", id)
	return s
}

// full carries everything over.
func (l *local) full() *engine.Snapshot {
	l.t.Helper()
	s := l.await(l.begin())
	require.Equal(l.t, engine.RunDone, s.Run.State, s.Run.Error)
	return s
}

// tick runs one incremental cycle. A question about rows that are gone is answered with yes.
func (l *local) tick() *engine.Snapshot {
	l.t.Helper()
	s := l.await(l.beginTick())
	if s.Run.State == engine.RunAsking {
		l.t.Logf("run #%d asks: %s", s.Run.ID, s.Run.Question)
		require.NoError(l.t, l.Answer(l.t.Context(), engine.Act{Run: s.Run.ID, Seen: engine.RunAsking, Reason: "the test did that"}, true))
		s = l.await(s.Run.ID)
	}
	require.Equal(l.t, engine.RunDone, s.Run.State, s.Run.Error)
	return s
}

// beginTick starts an incremental run. Sessions that a restart of the source has cut are noticed at their next use.
func (l *local) beginTick() engine.RunID {
	l.t.Helper()
	var id engine.RunID
	require.Eventually(l.t, func() bool {
		var err error
		id, err = l.StartIncremental(l.t.Context(), engine.StartOptions{})
		if engine.ClassOf(err) != engine.ClassReconnect {
			require.NoError(l.t, err)
		}
		return err == nil
	}, limit, 10*time.Millisecond, "no tick can begin")
	return id
}

// read is how many source rows a run has read.
func read(s *engine.Snapshot) int64 {
	var rows int64
	for _, e := range s.Entities {
		rows += e.Counts.Read
	}
	return rows
}

// inStep requires that the engine holds what the source has, that every source row is accounted for, in what is there and in
// what is said, and that nothing is in quarantine without a reason.
func inStep(t *testing.T, source, target *pgxpool.Pool) {
	t.Helper()
	oracle.Balanced(t, source, target)
	oracle.Faithful(t, source, target)
	require.Empty(t, oracle.Rows(t, target, `SELECT entity || ' ' || source_id FROM ferry.quarantine
		WHERE state IN ('open', 'waiting_parent', 'waived') AND (reason = '' OR detail = '')`), "in quarantine without a reason")
}
