package main

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ferry/store/crossing/oracle"
)

// A throttle is of all processes together. One that is drained does not wait for its turn, one that is killed takes nothing with it, and
// whoever goes on keeps to the same rate.
func TestAThrottleHoldsForAllProcessesTogether(t *testing.T) {
	t.Parallel()
	const rate = 1000
	b := demoBench(t, 1000)
	require.Equal(t, exitClean, b.ferry(t, "policy", "set", "throttle", strconv.Itoa(rate), "--reason", "office hours").code)
	serving, working := b.unattend(t, "serve", local, "--workers", "2"), b.unattend(t, "worker", local, "--workers", "2")
	serving.await("ready")
	working.await("ready")
	began := time.Now()
	id := b.startFull(t)
	batches := func(n int) {
		t.Helper()
		b.comes(t, "true", fmt.Sprintf(`SELECT (coalesce(sum(batches_done), 0) >= %d)::text FROM ferry.step WHERE verb = 'load'`, n))
	}
	batches(3)
	within := func() {
		t.Helper()
		read, err := strconv.ParseFloat(b.text(t, `SELECT sum(read)::text FROM ferry.step`), 64)
		require.NoError(t, err)
		// A second is made up for, and what was read since a batch began is only paid for at its end.
		require.LessOrEqual(t, read, rate*(time.Since(began).Seconds()+2))
	}
	within()

	asked := time.Now()
	require.Equal(t, exitClean, working.ends(), working.log())
	require.Less(t, time.Since(asked), 5*time.Second)
	batches(5)
	within()

	require.NoError(t, serving.cmd.Process.Kill())
	serving.exits()
	b.unattend(t, "serve", local).await("ready")
	b.awaitDone(t, id)
	within()
	source, target := b.source.Pool(t), b.target.Pool(t)
	oracle.Faithful(t, source, target)
	oracle.FirstLoad(t, source, target, int64(id))
	oracle.Balanced(t, source, target)
}
