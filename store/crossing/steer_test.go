package crossing_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/engine/cycle"
	"ferry/store/crossing/oracle"
)

const (
	isDone   = `SELECT state = 'done' FROM ferry.run WHERE id = $1`
	isPaused = `SELECT state = 'paused' FROM ferry.run WHERE id = $1`
)

func TestCancelRefusesWhatHasNotBegunToWrite(t *testing.T) {
	t.Parallel()
	source, target := newSource(t), newEngine(t)
	g := newGate(cycle.PointRead, 1) // the plan passes
	f := here(t, source.reader, target.DSN, "ferry", 2, g)
	run := f.begin()
	g.await(t, 2)
	require.NoError(t, f.Cancel(t.Context(), engine.Act{Run: run, Seen: engine.RunRunning, Reason: "lunch"}))
	require.Equal(t, "cancelled|ferry@test|lunch", runState(t, target.pool, run))
	g.open()
	until(t, target.pool, `SELECT count(*) = 0 FROM ferry.river_job WHERE state IN ('available', 'running', 'retryable')`)
	require.Equal(t, "0 0", oracle.One(t, target.pool, `SELECT (SELECT count(*) FROM point_moves) || ' ' || sum(read) FROM ferry.step`),
		"no batch wrote after the cancel")

	require.NoError(t, f.Resume(t.Context(), engine.Act{Run: run, Seen: engine.RunCancelled}))
	until(t, target.pool, isDone, run)
	exact(t, source, target.pool, int64(run))
}

func TestCancelWaitsForWhatIsBeingWritten(t *testing.T) {
	t.Parallel()
	source, target := newSource(t), newEngine(t)
	g := newGate(cycle.PointCheckpoint, 2) // the plan passes, and one batch
	f := here(t, source.reader, target.DSN, "ferry", 1, g)
	run := f.begin()
	g.await(t, 1)
	cancelled := make(chan error, 1)
	go func() { cancelled <- f.Cancel(t.Context(), engine.Act{Run: run}) }()
	until(t, target.pool, `SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')`)
	require.Equal(t, "running|", oracle.One(t, target.pool, `SELECT concat_ws('|', state, state_by) FROM ferry.run`))
	g.open()
	require.NoError(t, <-cancelled)
	require.Equal(t, "2", oracle.One(t, target.pool, `SELECT count(*)::text FROM ferry.batch b JOIN ferry.step s ON s.id = b.step_id
		WHERE b.state = 'done' AND s.verb = 'load'`), "what was written is committed and counted, nothing else")
	require.Equal(t, "true", oracle.One(t, target.pool, `SELECT (sum(inserted) = (SELECT count(*) FROM point_moves))::text FROM ferry.step`))

	require.NoError(t, f.Resume(t.Context(), engine.Act{Run: run, Seen: engine.RunCancelled}))
	until(t, target.pool, isDone, run)
	exact(t, source, target.pool, int64(run))
}

func TestPauseIsConfirmedOnceBatchesInFlightHaveEnded(t *testing.T) {
	t.Parallel()
	source, target := newSource(t), newEngine(t)
	g := newGate(cycle.PointWrite, 1)
	f := here(t, source.reader, target.DSN, "ferry", 2, g)
	run := f.begin()
	g.await(t, 2)
	require.NoError(t, f.Pause(t.Context(), engine.Act{Run: run, Seen: engine.RunRunning, Reason: "backup"}))
	require.Equal(t, "pausing|ferry@test|backup", runState(t, target.pool, run))
	g.open()
	until(t, target.pool, isPaused, run)
	require.Equal(t, "paused|ferry@test|backup", runState(t, target.pool, run))
	require.Equal(t, "0", oracle.One(t, target.pool, `SELECT count(*)::text FROM ferry.batch WHERE state <> 'done'`))
	require.NoError(t, f.Resume(t.Context(), engine.Act{Run: run, Seen: engine.RunPaused}))
	until(t, target.pool, isDone, run)
	exact(t, source, target.pool, int64(run))
}

// TestSteeringWhileBatchesEnd pauses and resumes at the moments at which batches end: neither may be refused for another
// reason than that the run changed.
func TestSteeringWhileBatchesEnd(t *testing.T) {
	t.Parallel()
	random := randomness(t)
	source, target := newSource(t), newEngine(t)
	f := here(t, source.reader, target.DSN, "ferry", 2, nil)
	other := here(t, source.reader, target.DSN, "other", 0, nil)
	run := f.begin()
	steered, done := 0, false
	for !done {
		for _, act := range []func(context.Context, engine.Act) error{f.Pause, other.Resume} {
			err := act(t.Context(), engine.Act{Run: run})
			if err == nil {
				steered++
			} else {
				require.ErrorIs(t, err, engine.ErrStateChanged)
			}
			moment := time.NewTimer(time.Duration(random.Int64N(int64(15 * time.Millisecond))))
			<-moment.C
		}
		done = strings.HasPrefix(runState(t, target.pool, run), "done")
	}
	t.Logf("steered %d times", steered)
	exact(t, source, target.pool, int64(run))
}

func TestOfTwoSteerersExactlyOneSucceeds(t *testing.T) {
	t.Parallel()
	source, target := newSource(t), newEngine(t)
	g := newGate(cycle.PointRead, 1)
	worker := here(t, source.reader, target.DSN, "worker", 2, g)
	ann, bob := here(t, source.reader, target.DSN, "ann", 0, nil), here(t, source.reader, target.DSN, "bob", 0, nil)
	run := worker.begin()
	g.await(t, 2)
	both := func(seen engine.RunState, act func(*local) func(context.Context, engine.Act) error) {
		t.Helper()
		var errs [2]error
		var acting sync.WaitGroup
		for i, who := range []*local{ann, bob} {
			acting.Go(func() { errs[i] = act(who)(t.Context(), engine.Act{Run: run, Seen: seen}) })
		}
		acting.Wait()
		winner, loser := "ann@test", errs[1]
		if errs[0] != nil {
			winner, loser = "bob@test", errs[0]
			require.NoError(t, errs[1])
		}
		require.ErrorIs(t, loser, engine.ErrStateChanged)
		require.ErrorContains(t, loser, winner)
	}
	for range 15 {
		both(engine.RunRunning, func(l *local) func(context.Context, engine.Act) error { return l.Pause })
		both(engine.RunPausing, func(l *local) func(context.Context, engine.Act) error { return l.Resume })
	}
	both(engine.RunRunning, func(l *local) func(context.Context, engine.Act) error { return l.Cancel })
	both(engine.RunCancelled, func(l *local) func(context.Context, engine.Act) error { return l.Resume })
	g.open()
	until(t, target.pool, isDone, run)
	exact(t, source, target.pool, int64(run))
}

func TestTheLastOneToLeaveInterruptsTheRun(t *testing.T) {
	t.Parallel()
	source, target := newSource(t), newEngine(t)
	first := here(t, source.reader, target.DSN, "first", 1, newGate(cycle.PointWrite, 1))
	last := here(t, source.reader, target.DSN, "last", 1, newGate(cycle.PointWrite, 1))
	looker := here(t, source.reader, target.DSN, "looker", 0, nil)
	run := looker.begin()
	first.gate.await(t, 1)
	last.gate.await(t, 1)
	first.drain()
	require.Equal(t, "running||", runState(t, target.pool, run), "somebody still works on it")
	last.drain()
	require.Equal(t, "interrupted|ferry|drained by last@test", runState(t, target.pool, run))
	require.Equal(t, "0", oracle.One(t, target.pool, `SELECT count(*)::text FROM ferry.batch WHERE state = 'running'`))

	next := start(t, orders{ID: "next", Source: source.reader, Target: target.DSN, Sync: true, Workers: 2, Tempo: quick})
	require.Equal(t, int64(run), next.run(), "the next full sync resumes it")
	next.finish()
	exact(t, source, target.pool, int64(run))
	require.Equal(t, []string{"start full", "interrupt", "resume", "finish"}, oracle.Rows(t, target.pool, `SELECT action FROM ferry.journal ORDER BY id`))
}

// TestTwoThatLeaveAtOnceInterruptTheRunToo has neither of them see the other go.
func TestTwoThatLeaveAtOnceInterruptTheRunToo(t *testing.T) {
	t.Parallel()
	source, target := newSource(t), newEngine(t)
	g := newGate(cycle.PointRead, 1)
	both := []*local{here(t, source.reader, target.DSN, "ann", 1, g), here(t, source.reader, target.DSN, "bob", 1, g)}
	run := both[0].begin()
	g.await(t, 2)
	opening := time.AfterFunc(100*time.Millisecond, g.open)
	defer opening.Stop()
	var errs [2]error
	var leaving sync.WaitGroup
	for i, f := range both {
		leaving.Go(func() { errs[i] = f.stop(t.Context()) })
	}
	leaving.Wait()
	require.NoError(t, errors.Join(errs[:]...))
	require.Regexp(t, `^interrupted\|ferry\|drained by (ann|bob)@test$`, runState(t, target.pool, run))
}

// TestAHardStopGivesItsBatchesBack stops a process that does not wait for its batches.
func TestAHardStopGivesItsBatchesBack(t *testing.T) {
	t.Parallel()
	source, target := newSource(t), newEngine(t)
	hasty := here(t, source.reader, target.DSN, "hasty", 2, newGate(cycle.PointRead, 1))
	run := hasty.begin()
	hasty.gate.await(t, 2)
	now, cancel := context.WithCancel(t.Context())
	cancel()
	opening := time.AfterFunc(200*time.Millisecond, hasty.gate.open)
	defer opening.Stop()
	err := hasty.stop(now)
	require.True(t, err == nil || errors.Is(err, context.Canceled), "%v", err)
	require.Equal(t, "interrupted|ferry|drained by hasty@test", runState(t, target.pool, run))
	require.Equal(t, "0", oracle.One(t, target.pool, `SELECT count(*)::text FROM ferry.batch WHERE state = 'running'`))

	next := here(t, source.reader, target.DSN, "next", 2, nil)
	require.NoError(t, next.Resume(t.Context(), engine.Act{Run: run, Seen: engine.RunInterrupted}))
	until(t, target.pool, isDone, run)
	exact(t, source, target.pool, int64(run))
}

// TestAPauseOutlivesItsProcess lets the last process leave while its batches drain for a pause, and once they have.
func TestAPauseOutlivesItsProcess(t *testing.T) {
	t.Parallel()
	source, target := newSource(t), newEngine(t)
	f := here(t, source.reader, target.DSN, "ferry", 1, newGate(cycle.PointWrite, 1))
	run := f.begin()
	f.gate.await(t, 1)
	require.NoError(t, f.Pause(t.Context(), engine.Act{Run: run, Reason: "night"}))
	f.drain()
	require.Equal(t, "paused|ferry@test|night", runState(t, target.pool, run), "nothing is in flight any more")

	again := here(t, source.reader, target.DSN, "again", 1, nil)
	again.drain()
	require.Equal(t, "paused|ferry@test|night", runState(t, target.pool, run), "whoever leaves, it stays paused")

	next := here(t, source.reader, target.DSN, "next", 2, nil)
	require.NoError(t, next.Resume(t.Context(), engine.Act{Run: run, Seen: engine.RunPaused}))
	until(t, target.pool, isDone, run)
	exact(t, source, target.pool, int64(run))
}
