package app_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/tui/status"
	"ferry/tui/tuitest"
)

// late makes wrong all that can be wrong beside the state.
func late(s *engine.Snapshot) *engine.Snapshot {
	s.Freshness.ReadFrom = tuitest.Noon.Add(-172 * time.Second)
	for i := range s.Entities {
		s.Entities[i].SourceRows, s.Entities[i].Quarantined = engine.Known[int64](228_331), engine.Known[int64](9_800)
		s.Entities[i].Accounted = engine.Known(false)
	}
	return s
}

func TestTheWordOfAStateIsNeverCut(t *testing.T) {
	t.Parallel()
	for _, scenario := range tuitest.Scenarios() {
		for _, width := range []int{60, 72, 80, 100, 140} {
			s := late(scenario.Snapshot)
			sign := status.Of(s).Sign()
			require.Contains(t, setup(t, s, width, 24).frame(), sign.Glyph+" "+strings.ToUpper(sign.Word), "%s at %d", scenario.Name, width)
		}
	}
	b := setup(t, late(tuitest.Asking()), 80, 24)
	require.Contains(t, b.frame(), "? NEEDS ANSWER tick #4711 ")
	require.Contains(t, b.frame(), "rejected 4.3% over the limit")
	b = setup(t, late(tuitest.InStep()), 80, 24)
	require.Contains(t, b.frame(), "✓ DONE tick #4711 ")
	require.Contains(t, b.frame(), "fresh ≤ 2m52s   rows NOT accounted for")
}

func TestRowsNeedNotAddUpUntilARunIsDone(t *testing.T) {
	t.Parallel()
	for _, state := range []engine.RunState{
		engine.RunQueued, engine.RunPlanning, engine.RunRunning, engine.RunPausing, engine.RunPaused, engine.RunAsking,
		engine.RunInterrupted, engine.RunCancelled, engine.RunFailed,
	} {
		for _, width := range []int{80, 140} {
			s := tuitest.Unaccounted()
			s.Run.State = state
			require.NotContains(t, setup(t, s, width, 45).frame(), "NOT accounted", state)
		}
	}
	require.Contains(t, setup(t, tuitest.Unaccounted(), 80, 24).frame(), "  rows NOT accounted for")
}

func TestWhoPausedTheTicksIsOnEveryScreen(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"1", "2", "4", "7", "P", "?"} {
		b := setup(t, tuitest.TicksPaused(), 80, 24)
		b.press(key)
		require.Contains(t, b.frame(), "‖ TICKS PAUSED by sari@db2 26m ago: index")
	}
	s := tuitest.TicksPaused()
	s.Run.State = engine.RunRunning
	require.Contains(t, setup(t, s, 80, 24).frame(), "● RUNNING tick #4711", "what runs is the news")
	s = tuitest.Done()
	s.Schedule.PausedBy, s.Schedule.PausedSince = "sari@db2", s.Run.FinishedAt.Add(-time.Minute)
	require.Contains(t, setup(t, s, 80, 24).frame(), "✓ DONE full #12", "and what came of a full run since")
}

// One line or two: between two ticks the header has as many as during one, or all below would jump.
func TestTheHeaderIsAsHighDuringATickAsBetween(t *testing.T) {
	t.Parallel()
	tabs := func(s *engine.Snapshot, width int) int {
		for i, line := range strings.Split(setup(t, s, width, 45).frame(), "\n") {
			if strings.HasPrefix(line, "›1 Overview") {
				return i
			}
		}
		return -1
	}
	high := map[int]bool{}
	for width := 120; width <= 220; width++ {
		between, during := tuitest.InStep(), tuitest.Tick()
		between.Run.FinishedAt = between.Run.StartedAt.Add(421 * time.Millisecond)
		high[tabs(between, width)] = true
		require.Equal(t, tabs(between, width), tabs(during, width), "at %d", width)
	}
	require.Len(t, high, 2, "there are widths for both")
}

// From 9 s to 10 s, and on until the next tick: the field stands where it stood.
func TestTheBoundOfFreshnessStandsStill(t *testing.T) {
	t.Parallel()
	for _, width := range []int{80, 140} {
		for _, s := range []*engine.Snapshot{tuitest.InStep(), tuitest.Tick()} {
			s.Run.ID = 47_110
			at := map[int]bool{}
			for age := range 70 {
				s.Freshness.ReadFrom = tuitest.Noon.Add(-time.Duration(age) * time.Second)
				line := strings.Split(setup(t, s, width, 24).frame(), "\n")[1]
				require.Contains(t, line, "fresh ≤")
				at[strings.Index(line, "rejected")] = true
			}
			require.Len(t, at, 1)
		}
	}
}
