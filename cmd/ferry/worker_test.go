package main

import (
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ferry/store/crossing/oracle"
)

// Workers share a full sync; of three one is killed in the middle of a batch, and another takes that batch over. They begin
// nothing themselves. With FERRY_WORKER_CARDS the cards are so many, and one run comes after the other, for the times that they take.
func TestWorkersShareARunAndTakeOverFromTheDead(t *testing.T) {
	t.Parallel()
	cards, alone := 4000, false
	var turn sync.Mutex
	if text := os.Getenv("FERRY_WORKER_CARDS"); text != "" {
		var err error
		cards, err = strconv.Atoi(text)
		require.NoError(t, err, "FERRY_WORKER_CARDS")
		alone = true
	}
	for name, c := range map[string]struct {
		workers int
		kills   bool
	}{"one": {1, false}, "three": {3, false}, "three, one of them killed": {3, true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if alone {
				turn.Lock()
				t.Cleanup(turn.Unlock)
			}
			b := demoBench(t, cards)
			var workers []*unattended
			for range c.workers {
				workers = append(workers, b.unattend(t, "worker", "--workers", "1", local))
				workers[len(workers)-1].await("ready")
			}
			g := b.shut(t, "loyalty_card") // which a first load comes to last
			began := time.Now()
			id := b.startFull(t)
			g.holds(c.workers)
			require.Equal(t, strconv.Itoa(c.workers), b.text(t, `SELECT count(DISTINCT worker)::text FROM ferry.batch WHERE state = 'running'`),
				"each is at one")
			b.beside(t, func(cross *crossing) {
				s := cross.Look(t.Context())
				require.EqualValues(t, c.workers, s.Queue.Running)
				require.Positive(t, s.Queue.Waiting)
				require.Len(t, s.Workers, c.workers)
				rate := 0.0
				for _, w := range s.Workers {
					require.Equal(t, 1, w.Busy)
					rate += w.RowsPerSecond.Or(0)
				}
				require.Positive(t, rate, "the ledgers are loaded, just now")
			})
			if c.kills {
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
			counted := int64(0)
			for _, w := range workers {
				counted += int64(summed(w.scrape(), "ferry_rows_read_total", "loyalty_card", "full").Or(0))
				require.Equal(t, exitClean, w.ends(), w.log())
			}
			if !c.kills { // else the dead one's counters have gone with it
				rows := b.text(t, `SELECT sum(read)::text FROM ferry.step WHERE entity = 'loyalty_card'`)
				require.Equal(t, rows, strconv.FormatInt(counted, 10), "what they have told adds up to the run's")
			}
			require.Equal(t, "1", b.text(t, `SELECT count(*)::text FROM ferry.run`), "they start no ticks")
			require.Empty(t, b.text(t, `SELECT coalesce(max(judged_by), '') FROM ferry.monitor`), "they judge nothing")
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
