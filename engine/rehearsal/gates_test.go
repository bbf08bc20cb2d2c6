package rehearsal_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/engine/entity"
	"ferry/engine/rehearsal"
)

var noon = time.Date(2025, 11, 3, 12, 0, 0, 0, time.UTC)

// well is what was seen of a rehearsal in which every gate passes.
func well() rehearsal.Seen {
	s := &engine.Snapshot{
		TakenAt: noon, Run: &engine.RunView{ID: 3},
		Freshness: engine.Freshness{ReadFrom: noon.Add(-10 * time.Second)},
		Ledger:    engine.LedgerView{Cards: engine.Known[int64](100), Drifted: engine.Known[int64](1), Run: 4},
	}
	for _, name := range []string{"loyalty_card", "loyalty_point_move", "loyalty_point_history"} {
		s.Entities = append(s.Entities, engine.EntityView{
			Name: name, SourceRows: engine.Known[int64](100), TargetRows: engine.Known[int64](99), Quarantined: engine.Known[int64](1),
			Waiting: engine.Known[int64](0), Waived: engine.Known[int64](0), Stale: engine.Known[int64](0), Extra: engine.Known[int64](0),
			Accounted: engine.Known(true), RejectedLimit: engine.Known(0.01),
		})
	}
	return rehearsal.Seen{
		Now: noon, Snapshot: s,
		Check: &engine.CheckView{
			RunView: engine.RunView{ID: 4, State: engine.RunDone, StartedAt: noon.Add(-time.Minute)}, Verdict: engine.Pass, Compared: 297, Coverage: 1,
			Entities: []engine.CheckEntity{
				{Name: "loyalty_card", Compared: 99}, {Name: "loyalty_point_move", Compared: 99}, {Name: "loyalty_point_history", Compared: 99},
			},
		},
		Repaired: engine.Known(time.Time{}), Failed: engine.Known([]engine.RunView{}), Still: rehearsal.Stillness{Known: true},
		Limits: engine.RehearsalLimits{Agreement: 0.999, Freshness: time.Minute, Drift: 0.01},
	}
}

func TestEveryGatePassesOnWhatIsWell(t *testing.T) {
	t.Parallel()
	for _, name := range engine.Gates {
		g := rehearsal.Measure(name, well())
		require.Equal(t, engine.Pass, g.Verdict, "%s: %+v", name, g)
		require.NotEmpty(t, g.Figure, name)
		require.NotEmpty(t, g.Threshold, name)
		require.NotEmpty(t, g.Evidence, name)
	}
}

var (
	byCheck  = []engine.GateName{engine.GateAgreement, engine.GateDifferences, engine.GateDrift}
	byCounts = []engine.GateName{engine.GateAccounted, engine.GateRejected}
)

// blind takes something out of what was seen; it lists the gates that then rest on nothing.
var blind = map[string]struct {
	take  func(*rehearsal.Seen)
	gates []engine.GateName
}{
	"no check":              {func(s *rehearsal.Seen) { s.Check = nil }, byCheck},
	"a check under way":     {func(s *rehearsal.Seen) { s.Check.State = engine.RunRunning }, byCheck},
	"a check of some":       {func(s *rehearsal.Seen) { s.Check.Recheck = true }, byCheck},
	"a check cut short":     {func(s *rehearsal.Seen) { s.Check.Coverage = 0.99 }, byCheck},
	"a check of one entity": {func(s *rehearsal.Seen) { s.Check.Entities = s.Check.Entities[:1] }, byCheck},
	"nothing compared":      {func(s *rehearsal.Seen) { s.Check.Compared = 0 }, []engine.GateName{engine.GateAgreement}},
	"in flight":             {func(s *rehearsal.Seen) { s.Check.InFlight, s.Check.Verdict = 1, engine.CouldNotCheck }, byCheck[:2]},
	"repairs not read":      {func(s *rehearsal.Seen) { s.Repaired.Known = false }, []engine.GateName{engine.GateDifferences}},
	"repaired meanwhile":    {func(s *rehearsal.Seen) { s.Repaired.Value = noon }, []engine.GateName{engine.GateDifferences}},
	"no snapshot":           {func(s *rehearsal.Seen) { s.Snapshot = nil }, append([]engine.GateName{engine.GateDrift, engine.GateFreshness}, byCounts...)},
	"no entities":           {func(s *rehearsal.Seen) { s.Snapshot.Entities = nil }, append([]engine.GateName{engine.GateFreshness}, byCounts...)},
	"not counted":           {func(s *rehearsal.Seen) { s.Snapshot.Entities[1].Accounted.Known = false }, []engine.GateName{engine.GateAccounted}},
	"no source rows":        {func(s *rehearsal.Seen) { s.Snapshot.Entities[2].SourceRows.Known = false }, byCounts},
	"no quarantine":         {func(s *rehearsal.Seen) { s.Snapshot.Entities[0].Quarantined.Known = false }, byCounts},
	"no limit":              {func(s *rehearsal.Seen) { s.Snapshot.Entities[0].RejectedLimit.Known = false }, []engine.GateName{engine.GateRejected}},
	"no ledger":             {func(s *rehearsal.Seen) { s.Snapshot.Ledger.Drifted.Known = false }, []engine.GateName{engine.GateDrift}},
	"an earlier ledger":     {func(s *rehearsal.Seen) { s.Snapshot.Ledger.Run = 2 }, []engine.GateName{engine.GateDrift}},
	"no cycle":              {func(s *rehearsal.Seen) { s.Snapshot.Freshness.ReadFrom = time.Time{} }, []engine.GateName{engine.GateFreshness}},
	"an entity held":        {func(s *rehearsal.Seen) { s.Snapshot.Entities[0].PausedBy = "sari" }, []engine.GateName{engine.GateFreshness}},
	"history not read":      {func(s *rehearsal.Seen) { s.Failed.Known = false }, []engine.GateName{engine.GateFailedRuns}},
	"source not seen":       {func(s *rehearsal.Seen) { s.Still = rehearsal.Stillness{What: "down"} }, []engine.GateName{engine.GateStill}},
	"a gate of tomorrow's":  {func(*rehearsal.Seen) {}, []engine.GateName{"sunshine"}},
}

// A gate never passes on what is not known: whatever is taken out of what was seen, and however much of it, the gates that rest on
// it could not be checked, or fail; and there is no GO.
func TestAGateNeverPassesOnWhatIsNotKnown(t *testing.T) {
	t.Parallel()
	for name, b := range blind {
		s := well()
		b.take(&s)
		for _, gate := range b.gates {
			g := rehearsal.Measure(gate, s)
			require.Equal(t, engine.CouldNotCheck, g.Verdict, "%s, %s: %+v", name, gate, g)
		}
	}
	var names []string
	for name := range blind {
		names = append(names, name)
	}
	for seed := range uint64(3000) {
		random := rand.New(rand.NewPCG(seed, 1))
		s := well()
		unknown := map[engine.GateName]bool{}
		for range 1 + random.IntN(4) {
			b := blind[names[random.IntN(len(names))]]
			if s.Check == nil || s.Snapshot == nil || len(s.Snapshot.Entities) == 0 {
				break // nothing is left to take something from
			}
			b.take(&s)
			for _, gate := range b.gates {
				unknown[gate] = true
			}
		}
		var gates []engine.RehearsalGate
		for _, gate := range rehearsal.GatesOf(engine.FreezeDetect) {
			g := rehearsal.Measure(gate, s)
			require.False(t, unknown[gate] && g.Verdict == engine.Pass, "seed %d: %+v", seed, g)
			if unknown["sunshine"] {
				continue
			}
			gates = append(gates, g)
		}
		verdict, why := rehearsal.Decide(nil, gates)
		require.NotEqual(t, engine.Pass, verdict, "seed %d", seed)
		require.NotEmpty(t, why)
	}
}

func TestAGateFailsBeyondItsThreshold(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*rehearsal.Seen)
		gate   engine.GateName
		figure string
	}{
		"agreement": {func(s *rehearsal.Seen) { s.Check.Settled = 3 }, engine.GateAgreement, "98.99 %"},
		"of a small entity": {func(s *rehearsal.Seen) {
			s.Check.Compared, s.Check.Settled, s.Check.Entities[0].Settled = 1_000_000, 10, 10
		}, engine.GateAgreement, "89.9 % of loyalty_card"},
		"asked for all": {func(s *rehearsal.Seen) {
			s.Check.Compared, s.Check.Settled, s.Limits.Agreement = 10_000_000, 1, 1
		}, engine.GateAgreement, "99.99999 %"},
		"one difference": {func(s *rehearsal.Seen) { s.Check.Settled = 1 }, engine.GateDifferences, "1 settled, 0 in flight"},
		"a row lost": {func(s *rehearsal.Seen) {
			s.Snapshot.Entities[1].Accounted.Value = false
		}, engine.GateAccounted, "does not add up: loyalty_point_move"},
		"many rejected": {func(s *rehearsal.Seen) {
			s.Snapshot.Entities[2].Quarantined.Value = 2
		}, engine.GateRejected, "loyalty_point_history 2 % (limit 1 %)"},
		"drift": {func(s *rehearsal.Seen) { s.Snapshot.Ledger.Drifted.Value = 2 }, engine.GateDrift, "2 % (2 of 100)"},
		"late":  {func(s *rehearsal.Seen) { s.Still.Moved = true; s.Now = noon.Add(time.Minute) }, engine.GateFreshness, "≤ 1 min 10 s"},
		"a run failed": {func(s *rehearsal.Seen) {
			s.Failed.Value = []engine.RunView{{ID: 7, Kind: engine.RunFull, Error: "disk full"}}
		}, engine.GateFailedRuns, "1 failed"},
		"not standing": {func(s *rehearsal.Seen) { s.Still.Moved = true }, engine.GateStill, "written"},
	} {
		s := well()
		c.change(&s)
		g := rehearsal.Measure(c.gate, s)
		require.Equal(t, engine.Fail, g.Verdict, "%s: %+v", name, g)
		require.Equal(t, c.figure, g.Figure, name)
		require.NotEmpty(t, g.Advice, name)
		verdict, why := rehearsal.Decide(nil, []engine.RehearsalGate{g, {Name: engine.GateStill, Verdict: engine.CouldNotCheck, Evidence: "down"}})
		require.Equal(t, engine.Fail, verdict)
		require.Contains(t, why, string(c.gate)+": "+c.figure)
	}
	s := well()
	s.Now, s.Still = noon.Add(time.Hour), rehearsal.Stillness{Known: true}
	require.Equal(t, engine.Pass, rehearsal.Measure(engine.GateFreshness, s).Verdict, "nothing waits to be read")
}

func TestOnlyEveryGatePassedIsAGo(t *testing.T) {
	t.Parallel()
	pass := engine.RehearsalGate{Name: engine.GateDrift, Verdict: engine.Pass}
	for _, c := range []struct {
		steps   []engine.RehearsalStep
		gates   []engine.RehearsalGate
		verdict engine.Verdict
	}{
		{nil, nil, engine.CouldNotCheck},
		{nil, []engine.RehearsalGate{pass}, engine.Pass},
		{nil, []engine.RehearsalGate{pass, {Name: engine.GateStill}}, engine.CouldNotCheck},
		{[]engine.RehearsalStep{{State: engine.RehearsalFailed}}, []engine.RehearsalGate{pass}, engine.Fail},
	} {
		verdict, _ := rehearsal.Decide(c.steps, c.gates)
		require.Equal(t, c.verdict, verdict)
	}
	require.Equal(t, "NO-GO, could not check", engine.GoWord(engine.CouldNotCheck))
}

func TestTwoMarksAreEqualOnlyIfNothingWasCommitted(t *testing.T) {
	t.Parallel()
	mark := func(change func(*rehearsal.Mark)) *rehearsal.Mark {
		m := &rehearsal.Mark{Floor: "800", Timeline: 1, Source: "7/prod", Tables: map[string]rehearsal.MarkTable{
			"loyalty_card": {Rows: 10, Young: 2, Sum: "5"}, "loyalty_point_move": {Rows: 10, Sum: "0"}, "loyalty_point_history": {Rows: 10, Sum: "0"},
		}}
		change(m)
		return m
	}
	same := func(*rehearsal.Mark) {}
	require.Equal(t, rehearsal.Stillness{Known: true}, mark(same).Still(mark(same)))
	table := func(t rehearsal.MarkTable) func(*rehearsal.Mark) {
		return func(m *rehearsal.Mark) { m.Tables["loyalty_card"] = t }
	}
	for what, change := range map[string]func(*rehearsal.Mark){
		"loyalty_card: at least 1 rows written": table(rehearsal.MarkTable{Rows: 11, Young: 3, Sum: "9"}),
		"loyalty_card: rows written":            table(rehearsal.MarkTable{Rows: 10, Young: 2, Sum: "6"}),
		"loyalty_card: 1 rows fewer":            table(rehearsal.MarkTable{Rows: 9, Young: 2, Sum: "5"}),
	} {
		require.Equal(t, rehearsal.Stillness{Known: true, Moved: true, What: what}, mark(same).Still(mark(change)))
	}
	for _, unknown := range []*rehearsal.Mark{
		nil,
		{},
		mark(func(m *rehearsal.Mark) { m.Source = "8/prod" }), mark(func(m *rehearsal.Mark) { m.Timeline = 2 }),
		mark(func(m *rehearsal.Mark) { m.Floor = "801" }), mark(func(m *rehearsal.Mark) { delete(m.Tables, "loyalty_card") }),
	} {
		s := mark(same).Still(unknown)
		require.False(t, s.Known)
		require.NotEmpty(t, s.What)
		require.Equal(t, engine.StandingUnknown, rehearsal.Standing(engine.Pass, s))
	}
	var none *rehearsal.Mark
	require.False(t, none.Still(mark(same)).Known)
}

// What a standby does not show may have been written all the same.
func TestAMarkOfAStandbyReachesAsFarAsItHasHeardOfItsPrimary(t *testing.T) {
	t.Parallel()
	mark := func(rows int64, follows *rehearsal.Follows) *rehearsal.Mark {
		m := &rehearsal.Mark{Floor: "800", Timeline: 1, Source: "7/prod", At: noon, Follows: follows, Tables: map[string]rehearsal.MarkTable{}}
		for _, e := range entity.All() {
			m.Tables[e.Name] = rehearsal.MarkTable{Rows: rows}
		}
		return m
	}
	base := mark(1, nil)
	require.Equal(t, noon, base.ShownUntil())
	require.Equal(t, rehearsal.Stillness{Known: true}, base.Still(mark(1, nil)))
	lately := mark(1, &rehearsal.Follows{Until: noon.Add(-30 * time.Second), Why: "it is idle"})
	require.Equal(t, noon.Add(-30*time.Second), lately.ShownUntil())
	require.Equal(t, rehearsal.Stillness{Known: true}, base.Still(lately))
	for _, f := range []*rehearsal.Follows{{Until: noon.Add(-time.Hour), Why: "it lost it"}, {Why: "it lost it"}} {
		s := base.Still(mark(1, f))
		require.False(t, s.Known)
		require.Contains(t, s.What, "it lost it")
		require.Equal(t, engine.StandingUnknown, rehearsal.Standing(engine.Pass, s))
		s = base.Still(mark(2, f))
		require.True(t, s.Known && s.Moved, "what it does show to have moved has moved")
		require.Contains(t, s.Behind, "it lost it")
	}
}

func TestTheWindowIsWhatIsInsideTheFreezeWithoutIdleTime(t *testing.T) {
	t.Parallel()
	v := &engine.RehearsalView{Freeze: engine.FreezeDetect}
	at := noon
	for _, name := range rehearsal.Steps() {
		v.Steps = append(v.Steps, engine.RehearsalStep{Name: name, State: engine.RehearsalDone, StartedAt: at, FinishedAt: at.Add(10 * time.Second)})
		at = at.Add(10 * time.Second)
	}
	v.Steps[4].Idle = 7 * time.Second
	sum, whole := rehearsal.Window(v)
	require.Equal(t, 33*time.Second, sum)
	require.Equal(t, engine.Known(33*time.Second), whole)
	v.Steps[6].State = engine.RehearsalRunning
	sum, whole = rehearsal.Window(v)
	require.Equal(t, 23*time.Second, sum)
	require.False(t, whole.Known)
}
