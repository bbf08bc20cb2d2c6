package crossing_test

import (
	"fmt"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ferry/engine/cycle"
	"ferry/store/crossing/oracle"
)

// TestKilledAtRandomMoments kills the only process again and again, at moments drawn from the time that the rest of
// the run takes, until it is done; then on to the next engine.
func TestKilledAtRandomMoments(t *testing.T) {
	t.Parallel()
	kills := fromEnv(t, "FERRY_KILLS", 8)
	random := randomness(t)
	source := newSource(t)
	// There is never another one that could take a slow process for a dead one.
	alone := tempo{Silence: 500 * time.Millisecond, Heartbeat: 80 * time.Millisecond, Look: 120 * time.Millisecond}
	sync := func(target *engineBase, id string) *process {
		return start(t, orders{ID: id, Source: source.reader, Target: target.DSN, Sync: true, Workers: 2, Tempo: alone})
	}
	batches := func(target *engineBase) float64 {
		n, err := strconv.Atoi(oracle.One(t, target.pool, `SELECT sum(batches_done)::text FROM ferry.step`))
		require.NoError(t, err)
		return float64(n)
	}

	whole := newEngine(t)
	p := sync(whole, "undisturbed")
	run := p.run()
	began := time.Now()
	p.finish()
	took := time.Since(began)
	exact(t, source, whole.pool, run)
	all := batches(whole)

	engines := 0
	for killed := 0; killed < kills; engines++ {
		target := newEngine(t)
		for life, done := 0, false; !done; life++ {
			p := sync(target, fmt.Sprintf("life-%d", life))
			run = p.run()
			if killed == kills {
				p.finish()
				break
			}
			left := max(0.2, 1-batches(target)/all)
			moment := time.NewTimer(time.Duration(left * float64(random.Int64N(int64(took)))))
			select {
			case <-p.ended:
			case <-moment.C:
			}
			moment.Stop()
			p.kill()
			if p.cmd.ProcessState.ExitCode() != 0 {
				killed++
			}
			done = oracle.One(t, target.pool, `SELECT state FROM ferry.run WHERE id = $1`, run) == "done"
		}
		exact(t, source, target.pool, run)
		require.Equal(t, "1", oracle.One(t, target.pool, `SELECT count(*)::text FROM ferry.run`), "one run, however many processes")
	}
	t.Logf("survived %d kills in %d runs, one of which takes %s undisturbed", kills, engines, took.Round(time.Millisecond))
}

// points are the named steps at which a process is killed.
var points = []cycle.Point{
	cycle.PointTake, cycle.PointConnect, cycle.PointSnapshot, cycle.PointRead, cycle.PointMerge, cycle.PointWrite, pointCopy,
	cycle.PointPoints, cycle.PointCheckpoint, cycle.PointCommitSent, cycle.PointCommitAnswer,
}

// takeOverLimit is how long a dead worker's batch may lie.
const takeOverLimit = 20 * time.Second

// TestKilledAtEveryStep kills a process at every named step of a batch, once when another one is there to take over, and
// once when only the next one can.
func TestKilledAtEveryStep(t *testing.T) {
	t.Parallel()
	pace := quick
	if fromEnv(t, "FERRY_REAL_TEMPO", 0) != 0 {
		pace = tempo{}
	}
	for _, point := range points {
		t.Run(string(point), func(t *testing.T) {
			t.Parallel()
			random := randomness(t)
			killedAlone(t, point, 1+random.IntN(3), pace)
			killedAmongTwo(t, point, 1+random.IntN(2), pace)
		})
	}
}

// TestTakeOverAtTheRealTempo has the default intervals.
func TestTakeOverAtTheRealTempo(t *testing.T) {
	t.Parallel()
	t.Run("alone", func(t *testing.T) {
		t.Parallel()
		killedAlone(t, cycle.PointWrite, 2, tempo{})
	})
	t.Run("among two", func(t *testing.T) {
		t.Parallel()
		killedAmongTwo(t, cycle.PointCheckpoint, 1, tempo{})
	})
}

// killedAlone kills the only process at a point, starts the next one, and requires that the run ends exact.
func killedAlone(t *testing.T, point cycle.Point, nth int, pace tempo) {
	t.Helper()
	source, target := newSource(t), newEngine(t)
	victim := start(t, orders{
		ID: "victim", Source: source.reader, Target: target.DSN, Sync: true, Workers: 1, Tempo: pace, At: point, Nth: nth, With: syscall.SIGKILL,
	})
	run := victim.run()
	word, _ := victim.hear("at")
	require.Equal(t, "at", word, "the victim did not come by %s", point)
	victim.gone()
	died := time.Now()
	next := start(t, orders{ID: "next", Source: source.reader, Target: target.DSN, Sync: true, Workers: 1, Tempo: pace})
	elsewhere(t, target, died, fmt.Sprintf("alone, %s (%d)", point, nth))
	require.Equal(t, run, next.run(), "it adopts the run")
	next.finish()
	exact(t, source, target.pool, run)
}

// killedAmongTwo kills one of two processes at a point; the other one goes on.
func killedAmongTwo(t *testing.T, point cycle.Point, nth int, pace tempo) {
	t.Helper()
	source, target := newSource(t), newEngine(t)
	o := orders{ID: "survivor", Source: source.reader, Target: target.DSN, Workers: 1, Tempo: pace}
	survivor := start(t, o)
	o.ID, o.At, o.Nth, o.With = "victim", point, nth, syscall.SIGKILL
	victim := start(t, o)
	survivor.hear("up")
	victim.hear("up")
	survivor.begin()
	run := survivor.run()
	word, _ := victim.hear("at")
	require.Equal(t, "at", word, "the victim did not come by %s", point)
	victim.gone()
	elsewhere(t, target, time.Now(), fmt.Sprintf("among two, %s (%d)", point, nth))
	until(t, target.pool, `SELECT state = 'done' FROM ferry.run WHERE id = $1`, run)
	survivor.leave()
	exact(t, source, target.pool, run)
}

// elsewhere waits until nothing that the dead victim had lies about: the batches that it held, and the ones whose job it
// had and which it had not taken up. It says how long that took, within the limit.
func elsewhere(t *testing.T, target *engineBase, died time.Time, what string) {
	t.Helper()
	held := oracle.Rows(t, target.pool, `SELECT b.id || ' ' || b.attempt FROM ferry.batch b WHERE b.state = 'running' AND b.worker = 'victim'
		OR b.state = 'queued' AND EXISTS (SELECT FROM ferry.river_job j WHERE j.state = 'running' AND 'victim' = ANY(j.attempted_by)
			AND j.args = jsonb_build_object('batch', b.id, 'attempt', b.attempt))`)
	for _, h := range held {
		var id, attempt int
		_, err := fmt.Sscan(h, &id, &attempt)
		require.NoError(t, err)
		// A COMMIT that had been sent may still be carried out after its sender died and this was asked.
		until(t, target.pool, `SELECT state = 'done' OR attempt > $2 AND state = 'running' AND worker <> 'victim'
			FROM ferry.batch WHERE id = $1`, id, attempt)
	}
	took := time.Since(died)
	if len(held) == 0 {
		t.Logf("take-over: %s: it held nothing any more", what)
		return
	}
	t.Logf("take-over: %s: %.1f s", what, took.Seconds())
	require.Less(t, took, takeOverLimit, what)
}
