package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ferry/engine"
)

func TestAnEngineThatIsNotKeptInStepIsNotWell(t *testing.T) {
	t.Parallel()
	b := synced(t)
	b.env["FERRY_REJECTED_SHARE"] = "1"
	require.Equal(t, exitClean, b.ferry(t, "pause", "--schedule", "--reason", "freeze").code)
	require.Equal(t, exitClean, b.ferry(t, "status", "--check").code, "it is not late yet")
	b.target.Exec(t, `UPDATE ferry.floor SET read_from = read_from - interval '80 seconds'`)
	a := b.ferry(t, "status", "--check")
	require.Equal(t, exitUnchecked, a.code, a.err)
	require.Regexp(t, "^ferry: the engine may be 1m[0-9]+s behind \\(limit 1m\\): ticks are paused by .+ \\(freeze\\); `ferry resume --schedule`\n$", a.err)
	require.Equal(t, exitClean, b.ferry(t, "resume", "--schedule").code)
	require.Equal(t, exitClean, b.ferry(t, "status", "--check").code, "nobody keeps it in step, so nobody is late")
}

func TestWhatMakesTheEngineLateIsNamed(t *testing.T) {
	t.Parallel()
	now := time.Now()
	s := func(change func(*engine.Snapshot)) *engine.Snapshot {
		out := &engine.Snapshot{
			TakenAt: now, Freshness: engine.Freshness{ReadFrom: now.Add(-82 * time.Second), TickedAt: now.Add(-65 * time.Second)},
			Schedule: engine.Schedule{Keepers: []string{"vm:12"}},
			Run:      &engine.RunView{ID: 7, Kind: engine.RunIncremental, State: engine.RunDone},
			Entities: []engine.EntityView{{Name: "loyalty_card"}},
		}
		change(out)
		return out
	}
	const begins = "the engine may be 1m22s behind (limit 1m): "
	for name, c := range map[string]struct {
		change func(*engine.Snapshot)
		says   string
	}{
		"merely late": {func(*engine.Snapshot) {}, "ticks are started by vm:12; the last cycle was completed 1m ago"},
		"at work": {
			func(s *engine.Snapshot) { s.Run.State = engine.RunRunning },
			"ticks are started by vm:12; incremental run #7 is running; the last cycle was completed 1m ago",
		},
		"a tick failed": {
			func(s *engine.Snapshot) { s.Run.State, s.Run.Error = engine.RunFailed, "no column points" },
			"ticks are started by vm:12; the last one, run #7, failed: no column points; the last cycle was completed 1m ago",
		},
		"its run is paused": {
			func(s *engine.Snapshot) { s.Run.State, s.Run.StateBy = engine.RunPaused, "root@vm" },
			"incremental run #7 is paused by root@vm; `ferry resume --run 7` lets it go on",
		},
		"an entity is held": {
			func(s *engine.Snapshot) { s.Entities[0].PausedBy, s.Entities[0].PausedReason = "root@vm", "night" },
			"loyalty_card is held by root@vm (night); `ferry resume --entity loyalty_card`",
		},
		"it asks": {
			func(s *engine.Snapshot) { s.Run.State, s.Run.Question = engine.RunAsking, "20 rows are gone." },
			"incremental run #7 needs an answer: 20 rows are gone. `ferry answer 7 accept` lets it go on, `ferry answer 7 stop` ends it",
		},
	} {
		require.EqualError(t, late(s(c.change)), begins+c.says, name)
		require.Equal(t, exitUnchecked, exitCode(late(s(c.change))), name)
	}
	require.NoError(t, late(s(func(s *engine.Snapshot) { s.Schedule.Keepers = nil })))
	require.NoError(t, late(s(func(s *engine.Snapshot) { s.Freshness.ReadFrom = now.Add(-59 * time.Second) })))
}
