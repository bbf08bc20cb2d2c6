package check

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ferry/engine"
)

func TestAPassBeginsWithWhatWasNotLookedAtForLongest(t *testing.T) {
	t.Parallel()
	const far = 30_000 * Cell
	at := func(minute int) time.Time { return time.Date(2026, 1, 1, 0, minute, 0, 0, time.UTC) }
	cards := newPass("card", []int64{0, Cell, 2 * Cell, far}, map[int64]time.Time{0: at(3), Cell: at(1), 2 * Cell: at(2), far: at(2)})
	moves := newPass("move", []int64{0}, nil)
	none := newPass("history", nil, nil)
	require.Equal(t, []Step{
		{engine.StepCompare, "move", 0, Cell, Cell},
		{engine.StepCompare, "history", 0, 0, Cell},
		{engine.StepCompare, "card", Cell, 3 * Cell, Cell},
		{engine.StepCompare, "card", far, far + Cell, Cell},
		{engine.StepCompare, "card", 0, Cell, Cell},
	}, compareSteps([]pass{cards, moves, none}, true))
	require.Equal(t, []Step{
		{engine.StepCompare, "card", 0, 3 * Cell, Cell},
		{engine.StepCompare, "card", far, far + Cell, Cell},
		{engine.StepCompare, "move", 0, Cell, Cell},
		{engine.StepCompare, "history", 0, 0, Cell},
	}, compareSteps([]pass{cards, moves, none}, false))
}

// Whatever was proven before, the steps of a pass cover each cell that holds rows once, on the grid, in few steps, and of the
// others only some between them.
func TestAPassCoversEachOccupiedCellOnce(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var lows []int64
		gaps := rapid.SliceOfN(rapid.OneOf(rapid.Int64Range(1, 2), rapid.Int64Range(1, 20), rapid.Int64Range(1, 30_000)), 0, 300).Draw(t, "gaps")
		last := int64(-1)
		for _, gap := range gaps {
			last += gap
			lows = append(lows, last*Cell)
		}
		proven := map[int64]time.Time{}
		for _, low := range lows {
			if rapid.Bool().Draw(t, "proven") {
				proven[low] = time.Unix(rapid.Int64Range(1, 1000).Draw(t, "at"), 0)
			}
		}
		steps := compareSteps([]pass{newPass("x", lows, proven)}, rapid.Bool().Draw(t, "by age"))
		if len(steps) > mostSpans+1 {
			t.Fatalf("%d steps", len(steps))
		}
		seen := map[int64]int{}
		for _, s := range steps {
			for low := s.Low; low < s.High; low += s.Width {
				if low%Cell != 0 {
					t.Fatalf("%d is off the grid", low)
				}
				seen[low]++
				if seen[low] > 1 {
					t.Fatalf("the cell above %d is looked at twice", low)
				}
			}
		}
		for _, low := range lows {
			if seen[low] != 1 {
				t.Fatalf("the cell above %d is looked at %d times", low, seen[low])
			}
		}
		if len(lows) <= mostSpans && len(seen) > len(lows)*(1+bridged) {
			t.Fatalf("%d cells are looked at for the sake of %d", len(seen), len(lows))
		}
	})
}

func TestWhatACheckWaitsForAndForHowLong(t *testing.T) {
	t.Parallel()
	r := &Runner{}
	for name, c := range map[string]struct {
		w           Waiting
		ask, giveUp bool
		why         string
	}{
		"a tick comes":             {Waiting{Keepers: 1, Since: 3 * time.Minute}, false, false, "no tick has ended"},
		"a tick never ends":        {Waiting{Keepers: 1, Since: 7 * time.Minute}, false, true, "no tick has ended"},
		"nobody starts ticks":      {Waiting{}, true, false, "no cycle that it asked for"},
		"ticks are paused":         {Waiting{PausedBy: "sari"}, false, false, "paused by sari"},
		"ticks stay paused":        {Waiting{PausedBy: "sari", Since: 3 * time.Minute}, false, true, "paused by sari"},
		"ticks are slow":           {Waiting{PausedBy: "sari", Since: 3 * time.Minute, Every: time.Minute + time.Second}, false, false, "paused by sari"},
		"a run goes on":            {Waiting{Run: 7, State: engine.RunRunning, PausedBy: "sari"}, false, false, "run #7 is still running"},
		"a run asks":               {Waiting{Run: 7, State: engine.RunAsking}, false, false, "run #7 needs an answer"},
		"a run is paused":          {Waiting{Run: 7, State: engine.RunPaused, StateBy: "sari"}, false, false, "run #7 is paused by sari"},
		"the last run failed":      {Waiting{Run: 7, State: engine.RunFailed, Error: "full"}, true, false, "run #7 failed: full"},
		"the run asked for failed": {Waiting{Run: 7, State: engine.RunFailed, Error: "full", AskedOf: true}, false, false, "run #7 failed: full"},
		"an entity is held":        {Waiting{Held: []string{"loyalty_card"}, Keepers: 1}, false, false, "loyalty_card is held"},
	} {
		n := r.next(c.w)
		require.Equal(t, c.ask, n.ask, name)
		require.Equal(t, c.giveUp, n.giveUp, name)
		require.Contains(t, n.why, c.why, name)
	}
}

func TestNothingButAWholeLookAtEverythingPasses(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v := &engine.CheckView{
			RunView: engine.RunView{State: rapid.SampledFrom([]engine.RunState{
				engine.RunRunning, engine.RunPaused, engine.RunInterrupted, engine.RunCancelled, engine.RunFailed, engine.RunDone,
			}).Draw(t, "state")},
			Settled:  rapid.Int64Range(0, 2).Draw(t, "settled"),
			InFlight: rapid.Int64Range(0, 2).Draw(t, "in flight"),
			Coverage: rapid.SampledFrom([]float64{0, 0.5, 0.9999, 1}).Draw(t, "coverage"),
		}
		verdict, why := Judge(v)
		whole := v.State == engine.RunDone && v.Settled == 0 && v.InFlight == 0 && v.Coverage == 1
		if (verdict == engine.Pass) != whole {
			t.Fatalf("%+v: %s", v, verdict)
		}
		if v.State.Ended() && (verdict == engine.Fail) != (v.Settled > 0) {
			t.Fatalf("%+v: %s", v, verdict)
		}
		if (verdict == engine.CouldNotCheck) != (why != "") {
			t.Fatalf("%+v: %s for no reason", v, verdict)
		}
	})
}

func TestWhyACheckIsNoPass(t *testing.T) {
	t.Parallel()
	for words, v := range map[string]engine.CheckView{
		"only 99.9 % of the ids":     {RunView: engine.RunView{State: engine.RunDone}, Coverage: 0.99999},
		"only 0.0 % of the ids":      {RunView: engine.RunView{State: engine.RunDone}},
		"may be changes under way":   {RunView: engine.RunView{State: engine.RunDone}, Coverage: 1, InFlight: 1},
		"it waited in vain":          {RunView: engine.RunView{State: engine.RunDone}, Coverage: 1, InFlight: 1, Why: "it waited in vain"},
		"it failed: the disk is":     {RunView: engine.RunView{State: engine.RunFailed, Error: "the disk is full"}, Coverage: 1},
		"it was cancelled when 50.0": {RunView: engine.RunView{State: engine.RunCancelled}, Coverage: 0.5},
		"interrupted when 100 %":     {RunView: engine.RunView{State: engine.RunInterrupted}, Coverage: 1},
	} {
		verdict, why := Judge(&v)
		require.Equal(t, engine.CouldNotCheck, verdict, words)
		require.Contains(t, why, words)
	}
	verdict, why := Judge(&engine.CheckView{RunView: engine.RunView{State: engine.RunDone}, Coverage: 1, Why: "it had to wait"})
	require.Equal(t, engine.Pass, verdict)
	require.Empty(t, why)
}

func TestWhatIsProvenNow(t *testing.T) {
	t.Parallel()
	now := time.Now()
	whole := engine.ProofView{Compared: 10, Coverage: 1, NewestAt: now, CleanAt: now}
	for name, c := range map[string]struct {
		change func(*engine.ProofView)
		left   int64
		want   engine.Verdict
	}{
		"all is well":              {func(*engine.ProofView) {}, 0, engine.Pass},
		"rows differ":              {func(p *engine.ProofView) { p.Settled = 1; p.Coverage = 0 }, 0, engine.Fail},
		"nothing was compared":     {func(p *engine.ProofView) { p.NewestAt = time.Time{} }, 0, engine.CouldNotCheck},
		"some is too old":          {func(p *engine.ProofView) { p.Coverage = 0.99 }, 0, engine.CouldNotCheck},
		"repaired and not checked": {func(p *engine.ProofView) { p.RepairedAt, p.CleanAt = now, time.Time{} }, 0, engine.CouldNotCheck},
		"repaired and clean":       {func(p *engine.ProofView) { p.RepairedAt = now }, 0, engine.Pass},
		"left in flight":           {func(*engine.ProofView) {}, 1, engine.CouldNotCheck},
	} {
		p := whole
		c.change(&p)
		got, why := JudgeProof(&p, c.left)
		require.Equal(t, c.want, got, name)
		require.Equal(t, c.want == engine.Pass, why == "", name)
	}
}
