package app_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"ferry/engine"
	"ferry/tui/tuitest"
)

// withHistory is a console on a past of runs.
func withHistory(t *testing.T, s *engine.Snapshot, width, height, runs int) *bench {
	t.Helper()
	b := setup(t, s, width, height)
	if s.Run != nil {
		b.operator.Keep(tuitest.History(s, runs)...)
	}
	b.operator.Find(tuitest.Looked(), tuitest.Forecast())
	return b
}

func TestGoldenFramesOfRunsAndPreflight(t *testing.T) {
	t.Parallel()
	for _, size := range [][2]int{{80, 24}, {140, 45}} {
		width, height := size[0], size[1]
		check := func(name string, b *bench) {
			t.Helper()
			compare(t, fmt.Sprintf("%s.%dx%d", name, width, height), b.frame())
		}
		history := func(s *engine.Snapshot, keys ...string) *bench {
			b := withHistory(t, s, width, height, 12)
			b.press("2")
			b.pass(time.Second)
			b.press(keys...)
			b.pass(time.Second)
			return b
		}
		long := tuitest.Running()
		long.Run.ID = 312
		b := withHistory(t, long, width, height, 312)
		b.press("2", "down", "down")
		b.pass(2 * time.Second)
		check("runs-many", b)
		b = setup(t, tuitest.InStep(), width, height)
		b.operator.Keep(tuitest.Ticks()...)
		b.press("2", "down")
		b.pass(2 * time.Second)
		check("runs-ticks", b)
		b.press("enter")
		b.pass(time.Second)
		check("run-ticks", b)
		b.press("esc", "down", "down", "down", "enter")
		b.pass(2 * time.Second)
		check("run-why-full", b)
		b = setup(t, tuitest.Asking(), width, height)
		b.operator.Keep(tuitest.History(tuitest.Asking(), 3)...)
		b.press("2", "enter")
		b.pass(2 * time.Second)
		check("run-asking", b)
		check("runs", history(tuitest.Running(), "down", "down"))
		check("run", history(tuitest.Running(), "enter"))
		check("run-failed", history(tuitest.Running(), "down", "enter"))
		check("run-batches", history(tuitest.Running(), "enter", "down", "down", "down", "pgdown"))
		check("batch-failing", history(tuitest.Running(), "enter", "down", "down", "enter"))
		check("batch-done", history(tuitest.Running(), "enter", "pgdown", "enter"))
		check("dialog-retry", history(tuitest.Failed(), "enter", "down", "down", "T"))
		check("dialog-resume-old", history(tuitest.Done(), "down", "down", "enter", "p"))

		b = history(tuitest.Running(), "enter")
		b.operator.FailReads(fmt.Errorf("%w: read runs: connection refused", engine.ErrUnreachable))
		b.pass(12 * time.Second)
		check("run-stale", b)

		b = setup(t, tuitest.Running(), width, height)
		b.operator.FailReads(errors.New("read runs: permission denied for table run (SQLSTATE 42501)"))
		b.press("2")
		check("runs-error", b)
		b = setup(t, tuitest.Bare(engine.SetupReady), width, height)
		b.press("2")
		check("runs-empty", b)
		b = setup(t, tuitest.Bare(engine.SetupMissing), width, height)
		b.press("2")
		check("runs-not-initialised", b)

		b = withHistory(t, tuitest.Bare(engine.SetupReady), width, height, 3)
		b.press("P")
		check("preflight", b)
		b.pass(time.Second)
		b.press("f", "G")
		check("preflight-forecast", b)
		b.operator.Find(tuitest.Unfit(), nil)
		b.press("r", "g")
		check("preflight-fails", b)
		b = setup(t, tuitest.NeverReached(), width, height)
		b.operator.FailReads(errors.New("connect: dial tcp 10.0.4.9:5432: connect: connection refused"))
		b.press("P")
		check("preflight-error", b)

		check("running-elsewhere", setup(t, tuitest.Elsewhere(), width, height))
		check("no-worker", setup(t, tuitest.Orphaned(0), width, height))
		check("no-worker-but-here", setup(t, tuitest.Orphaned(2), width, height))
		b = setup(t, tuitest.SourceDown(), width, height)
		b.press("e")
		check("dialog-connect", b)
	}
}
