package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ferry/store/crossing/oracle"
)

// Three workers share a full sync; one is killed in the middle of a batch, and another takes that batch over.
func TestWorkersShareARunAndTakeOverFromTheDead(t *testing.T) {
	t.Parallel()
	for _, kills := range []bool{false, true} {
		t.Run(fmt.Sprintf("killed=%t", kills), func(t *testing.T) {
			t.Parallel()
			b := demoBench(t, 4000)
			var workers []*unattended
			for range 3 {
				workers = append(workers, b.unattend(t, "worker", "--workers", "1", local))
				workers[len(workers)-1].await("ready")
			}
			g := b.shut(t, "loyalty_point_history")
			began := time.Now()
			id := b.startFull(t)
			g.holds(3)
			require.Equal(t, "3", b.text(t, `SELECT count(DISTINCT worker)::text FROM ferry.batch WHERE state = 'running'`), "each is at one")
			if kills {
				b.killed(t, workers[0], g)
				workers = workers[1:]
			} else {
				g.open()
			}
			b.awaitDone(t, id)
			t.Logf("the run took %s", time.Since(began).Round(10*time.Millisecond))
			source, target := b.source.Pool(t), b.target.Pool(t)
			oracle.Faithful(t, source, target)
			oracle.FirstLoad(t, source, target, int64(id))
			oracle.Balanced(t, source, target)
			var counted float64
			for _, w := range workers {
				counted += summed(w.scrape(), "ferry_rows_read_total", "loyalty_card", "full").Or(0)
				require.Equal(t, exitClean, w.ends(), w.log())
			}
			rows := b.text(t, `SELECT sum(read)::text FROM ferry.step WHERE entity = 'loyalty_card'`)
			if !kills { // else the dead one's counters have gone with it
				require.Equal(t, rows, fmt.Sprint(counted), "what the three have told adds up to the run's")
			}
		})
	}
}

// killed kills a worker in the middle of its batch, and says how long that was nobody's.
func (b *bench) killed(t *testing.T, w *unattended, g *gate) {
	t.Helper()
	held := b.text(t, fmt.Sprintf(`SELECT id::text FROM ferry.batch WHERE state = 'running' AND worker LIKE '%%:%d:%%'`, w.cmd.Process.Pid))
	require.NotEmpty(t, held)
	require.NoError(t, w.cmd.Process.Kill())
	dead := time.Now()
	g.open()
	b.comes(t, "true", fmt.Sprintf(`SELECT (attempt > 1 AND worker <> '' AND worker NOT LIKE '%%:%d:%%')::text FROM ferry.batch WHERE id = %s`,
		w.cmd.Process.Pid, held))
	t.Logf("batch %s of the dead worker was taken over after %.1f s", held, time.Since(dead).Seconds())
	require.Less(t, time.Since(dead), 20*time.Second)
	require.Contains(t, b.ferry(t, "journal", "list").out, "take over")
}
