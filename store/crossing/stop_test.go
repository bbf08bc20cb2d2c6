package crossing_test

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ferry/engine/cycle"
	"ferry/store/crossing/oracle"
)

// TestAWokenProcessCommitsNothing stops a process at a point, as a laptop that sleeps or a machine that swaps would, lets
// another one take over and finish, and wakes it: nothing may change any more.
func TestAWokenProcessCommitsNothing(t *testing.T) {
	t.Parallel()
	for _, point := range []cycle.Point{cycle.PointTake, cycle.PointConnect, cycle.PointRead, pointCopy, cycle.PointPoints, cycle.PointCheckpoint} {
		t.Run(string(point), func(t *testing.T) {
			t.Parallel()
			source, target := newSource(t), newEngine(t)
			o := orders{ID: "sleeper", Source: source.reader, Target: target.DSN, Workers: 1, Tempo: quick, At: point, Nth: 2, With: syscall.SIGSTOP}
			sleeper := start(t, o)
			sleeper.hear("up")
			sleeper.begin()
			run := sleeper.run()
			sleeper.hear("at")
			began := time.Now()
			o.ID, o.At = "other", ""
			other := start(t, o)
			other.hear("up")
			until(t, target.pool, `SELECT state = 'done' FROM ferry.run WHERE id = $1`, run)
			t.Logf("the other one had finished %.1f s later", time.Since(began).Seconds())
			exact(t, source, target.pool, run)
			other.leave()

			before := everything(t, target)
			sleeper.signal(syscall.SIGCONT)
			sleeper.leave() // it ends what it was at, as far as it can
			require.Equal(t, before, everything(t, target), "the woken process wrote")
			exact(t, source, target.pool, run)
		})
	}
}

// TestAWokenProcessIsFencedWhileAnotherIsAtItsBatch wakes a process whose batch another one has taken up and not yet
// written: both are at the same rows now, and only the later attempt may commit.
func TestAWokenProcessIsFencedWhileAnotherIsAtItsBatch(t *testing.T) {
	t.Parallel()
	source, target := newSource(t), newEngine(t)
	sleeper := start(t, orders{
		ID: "sleeper", Source: source.reader, Target: target.DSN, Workers: 1, Tempo: quick, At: cycle.PointRead, Nth: 2, With: syscall.SIGSTOP,
	})
	sleeper.hear("up")
	sleeper.begin()
	run := sleeper.run()
	sleeper.hear("at")
	batch := oracle.One(t, target.pool, `SELECT id::text FROM ferry.batch WHERE state = 'running'`)
	g := newGate(cycle.PointRead, 0)
	here(t, source.reader, target.DSN, "other", 8, g)
	at := `SELECT concat_ws(' ', state, attempt, worker, read) FROM ferry.batch WHERE id = $1`
	until(t, target.pool, `SELECT state = 'running' AND attempt = 2 AND worker = 'other' FROM ferry.batch WHERE id = $1`, batch)
	sleeper.signal(syscall.SIGCONT)
	sleeper.leave()
	require.Equal(t, "running 2 other 0", oracle.One(t, target.pool, at, batch))
	require.Equal(t, "0", oracle.One(t, target.pool, `SELECT count(*)::text FROM loyalty_cards c JOIN ferry.batch b ON c.id > b.low AND c.id <= b.high
		WHERE b.id = $1`, batch), "it wrote")
	g.open()
	until(t, target.pool, isDone, run)
	exact(t, source, target.pool, run)
}

// everything is the engine's tables with their row versions, and ferry's own figures.
func everything(t *testing.T, target *engineBase) []string {
	t.Helper()
	out := []string{oracle.Fingerprint(t, target.pool)}
	for _, table := range []string{
		"run", "step", "batch", "quarantine", "extra", "entity_state", "floor", "lease",
		"check_entity", "proof", "discrepancy", "repair_plan", "repair_item",
	} {
		out = append(out, table+" "+oracle.One(t, target.pool, `SELECT coalesce(md5(string_agg(t::text, '' ORDER BY t::text)), '-') FROM ferry.`+table+` t`))
	}
	return out
}

// TestTwoProcessesRaceForARun lets two processes start a full run at the same moment, over and over: one of them gets it,
// and both work on it.
func TestTwoProcessesRaceForARun(t *testing.T) {
	t.Parallel()
	rounds := fromEnv(t, "FERRY_RACES", 5)
	source, target := newSource(t), newEngine(t)
	source.Exec(t, `DELETE FROM loyalty_point_history`, `DELETE FROM loyalty_point_move`, `DELETE FROM loyalty_card WHERE id > 800`)
	o := orders{ID: "one", Source: source.reader, Target: target.DSN, Workers: 1, Tempo: quick}
	one := start(t, o)
	o.ID = "two"
	two := start(t, o)
	one.hear("up")
	two.hear("up")
	firsts, runs := map[string]int{}, 0
	for round := range rounds {
		one.begin()
		two.begin()
		a, whyA := one.hear("run", "refused")
		b, whyB := two.hear("run", "refused")
		require.Contains(t, a+b, "run", "round %d: nobody got the run", round)
		for word, why := range map[string]string{a: whyA, b: whyB} {
			runs += strings.Count(word, "run")
			if word == "refused" {
				require.Contains(t, why, "another run is active")
			}
		}
		if a == "run" && b == "run" {
			runs++ // on a busy machine the second may have begun when the first had ended already
			firsts["both"]++
		}
		firsts[a]++
		until(t, target.pool, `SELECT bool_and(state = 'done') AND count(*) = $1 FROM ferry.run`, runs)
		oracle.Counted(t, source.pool, target.pool, int64(runs))
	}
	require.Less(t, firsts["both"], rounds, "they never met")
	oracle.Faithful(t, source.pool, target.pool)
	require.Equal(t, "0", oracle.One(t, target.pool, `SELECT count(*)::text FROM ferry.run a JOIN ferry.run b
		ON a.id < b.id AND b.created_at < a.finished_at`), "two runs at a time")
	one.leave()
	two.leave()
	t.Logf("of %d races the first process won %d, and %d were none", rounds, firsts["run"]-firsts["both"], firsts["both"])
}

// TestTwoFullSyncsAtOnce starts two as processes, as cron and an operator would: there is one run, which one of them does
// and the other refuses or adopts.
func TestTwoFullSyncsAtOnce(t *testing.T) {
	t.Parallel()
	source, target := newSource(t), newEngine(t)
	o := orders{ID: "one", Source: source.reader, Target: target.DSN, Sync: true, Workers: 1, Tempo: quick}
	one := start(t, o)
	o.ID = "two"
	two := start(t, o)
	for _, p := range []*process{one, two} {
		if word, _ := p.hear("run", "refused"); word == "run" {
			p.finish()
		}
		p.gone()
	}
	oracle.Counted(t, source.pool, target.pool, 1)
	oracle.Faithful(t, source.pool, target.pool)
	writers := oracle.Rows(t, target.pool, `SELECT state FROM ferry.run ORDER BY id`)
	for _, state := range writers {
		require.Equal(t, "done", state)
	}
}
