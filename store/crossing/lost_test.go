package crossing_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ferry/engine/cycle"
	"ferry/store/crossing/oracle"
)

// out makes a job be with a process since a minute ago.
const out = `UPDATE ferry.river_job SET state = 'running', attempt = 1, attempted_at = now() - interval '1 minute', attempted_by = ARRAY[%s]
	WHERE state = 'available'`

// lost are ways in which a job that has not been taken up gets lost.
var lost = map[string]string{
	"deleted":                     `DELETE FROM ferry.river_job WHERE state = 'available'`,
	"cancelled":                   `UPDATE ferry.river_job SET state = 'cancelled', finalized_at = now() WHERE state = 'available'`,
	"discarded":                   `UPDATE ferry.river_job SET state = 'discarded', finalized_at = now() WHERE state = 'available'`,
	"with a process that is gone": fmt.Sprintf(out, "'gone'"),
	"with the process that looks": fmt.Sprintf(out, "'ferry'"),
}

// TestLostJobsAreFound loses the job of a plan, and later those of all batches that wait.
func TestLostJobsAreFound(t *testing.T) {
	t.Parallel()
	for how, loss := range lost {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			source, target := newSource(t), newEngine(t)
			looker := here(t, source.reader, target.DSN, "looker", 0, nil)
			run := looker.begin()
			target.Exec(t, loss)
			g := newGate(cycle.PointMerge, 2)
			here(t, source.reader, target.DSN, "ferry", 1, g)
			g.await(t, 1)
			target.Exec(t, loss)
			g.open()
			until(t, target.pool, isDone, run)
			exact(t, source, target.pool, int64(run))
			require.Contains(t, oracle.Rows(t, target.pool, `SELECT outcome FROM ferry.journal WHERE action = 'take over'`),
				"1 batches whose job was lost")
		})
	}
}

// TestAJobThatVanishesUnderItsBatch takes the job away while its batch is being written: that attempt may not commit, and
// the batch is done again.
func TestAJobThatVanishesUnderItsBatch(t *testing.T) {
	t.Parallel()
	for how, loss := range map[string]string{
		"deleted":   `DELETE FROM ferry.river_job WHERE state = 'running'`,
		"cancelled": `UPDATE ferry.river_job SET state = 'cancelled', finalized_at = now() WHERE state = 'running'`,
	} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			source, target := newSource(t), newEngine(t)
			g := newGate(cycle.PointWrite, 1)
			f := here(t, source.reader, target.DSN, "ferry", 2, g)
			run := f.begin()
			g.await(t, 2)
			target.Exec(t, loss)
			g.open()
			until(t, target.pool, isDone, run)
			exact(t, source, target.pool, int64(run))
			require.Equal(t, "2", oracle.One(t, target.pool, `SELECT count(*)::text FROM ferry.batch WHERE attempt = 2`))
			require.Contains(t, strings.Join(oracle.Rows(t, target.pool, `SELECT outcome FROM ferry.journal WHERE action = 'take over'`), "\n"),
				"batches that their worker had dropped")
		})
	}
}

// TestAProcessWithAnotherSourceLeavesTheRunAlone has a worker that reads another database than the run does, or would
// judge rows by other rules: it says so, and the run does not suffer.
func TestAProcessWithAnotherSourceLeavesTheRunAlone(t *testing.T) {
	t.Parallel()
	source, other, target := newSource(t), newSource(t), newEngine(t)
	right := here(t, source.reader, target.DSN, "right", 0, nil)
	here(t, other.reader, target.DSN, "wrong", 2, nil)
	run := right.begin()
	until(t, target.pool, `SELECT last_error LIKE '%leaves run #1 to others: unsafe source: the run reads %' FROM ferry.run WHERE id = $1`, run)
	require.Equal(t, "planning", strings.Split(runState(t, target.pool, run), "|")[0])
	here(t, source.reader, target.DSN, "worker", 1, nil)
	until(t, target.pool, isDone, run)
	exact(t, source, target.pool, int64(run))
	require.Equal(t, "0", oracle.One(t, target.pool, `SELECT sum(errors)::text FROM ferry.step`))
	require.Equal(t, "0", oracle.One(t, target.pool, `SELECT sum(tries)::text FROM ferry.batch`))
}

func TestAProcessThatWouldJudgeOtherwiseLeavesTheRunAlone(t *testing.T) {
	t.Parallel()
	source, target := newSource(t), newEngine(t)
	right := here(t, source.reader, target.DSN, "right", 0, nil)
	run := right.begin()
	hash := oracle.One(t, target.pool, `SELECT rules_hash FROM ferry.run`)
	target.Exec(t, `UPDATE ferry.run SET rules_hash = 'of a later version'`)
	wrong := here(t, source.reader, target.DSN, "wrong", 1, nil)
	until(t, target.pool, `SELECT last_error LIKE '%would judge or store rows otherwise%' FROM ferry.run WHERE id = $1`, run)
	wrong.drain()
	require.Equal(t, "interrupted|ferry|drained by wrong@test", runState(t, target.pool, run))
	target.Exec(t, `UPDATE ferry.run SET rules_hash = '`+hash+`'`)
	next := start(t, orders{ID: "next", Source: source.reader, Target: target.DSN, Sync: true, Workers: 1, Tempo: quick})
	next.run()
	next.finish()
	exact(t, source, target.pool, int64(run))
}
