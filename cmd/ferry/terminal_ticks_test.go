package main

import (
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestAConsoleThatKeptInStepMayLeaveThatToItsProcess starts ticks by key, leaves them running, and ends them by a signal.
func TestAConsoleThatKeptInStepMayLeaveThatToItsProcess(t *testing.T) {
	t.Parallel()
	s := newStage(t, "no run", true, nil)
	s.open(t)
	s.visits([2]string{"s", "keep in step"}, [2]string{"\t\t", "› keep in step"}, [2]string{"\r", "DONE"})
	s.visits([2]string{"q", "leave it running"}, [2]string{"\t", "› leave it running"})
	s.press("\r")
	s.says("goes on starting ticks without a console")
	_, err := s.pool.Exec(t.Context(), `UPDATE ferry.schedule SET next_at = now()`)
	require.NoError(t, err)
	s.await("another tick", func() bool {
		var ticks int
		return s.pool.QueryRow(t.Context(), `SELECT count(*) FROM ferry.tick`).Scan(&ticks) == nil && ticks >= 1
	})
	require.NoError(t, s.cmd.Process.Signal(syscall.SIGTERM))
	require.Equal(t, 128+int(syscall.SIGTERM), s.exits())
}
