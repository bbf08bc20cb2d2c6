package monitor_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ferry/engine"
	"ferry/engine/monitor"
)

var now = time.Date(2026, 3, 1, 2, 0, 0, 0, time.UTC)

// well is a snapshot in which every level is kept.
func well() *engine.Snapshot {
	s := &engine.Snapshot{
		TakenAt: now, Setup: engine.SetupReady,
		Source:    engine.Endpoint{Address: "odoo@db/prod", Version: "15", Oldest: engine.Known(time.Duration(0))},
		Target:    engine.Endpoint{Address: "engine@db/loyalty", Version: "15"},
		Schedule:  engine.Schedule{Every: 20 * time.Second, Keepers: []string{"db2:7"}},
		Freshness: engine.Freshness{ReadFrom: now.Add(-14 * time.Second), Ticks: 180},
		Floor:     engine.FloorView{Floor: "812"},
		Run:       &engine.RunView{ID: 12, Kind: engine.RunIncremental, State: engine.RunDone, Scheduled: true},
		Workers:   []engine.WorkerView{{Workers: 2, Silent: time.Second}},
		Proof: engine.ProofView{
			Verdict: engine.Pass, OldestAt: now.Add(-time.Hour), NewestAt: now, MaxAge: 24 * time.Hour, Coverage: 1,
		},
	}
	for _, name := range []string{"loyalty_card", "loyalty_point_move"} {
		s.Entities = append(s.Entities, engine.EntityView{
			Name: name, SourceRows: engine.Known[int64](10_000), TargetRows: engine.Known[int64](9_990), Quarantined: engine.Known[int64](10),
			Waiting: engine.Known[int64](0), Waived: engine.Known[int64](0), Stale: engine.Known[int64](0), Extra: engine.Known[int64](0),
			Accounted: engine.Known(true),
		})
		s.Proof.Entities = append(s.Proof.Entities, engine.CheckEntity{Name: name, Compared: 10_000, Coverage: 1})
	}
	return s
}

// found gives what a rule says of an entity.
func found(t *testing.T, s *engine.Snapshot, rule, entity string) monitor.Finding {
	t.Helper()
	for _, f := range monitor.Judge(s, monitor.Default(), now).Findings {
		if f.Rule == rule && f.Entity == entity {
			return f
		}
	}
	require.Failf(t, "no finding", "%s %s", rule, entity)
	return monitor.Finding{}
}

// level gives a level as it is shown.
func level(t *testing.T, s *engine.Snapshot, name, entity string) engine.LevelView {
	t.Helper()
	for _, l := range monitor.Judge(s, monitor.Default(), now).Levels {
		if l.Name == name && l.Entity == entity {
			return l
		}
	}
	require.Failf(t, "no level", "%s %s", name, entity)
	return engine.LevelView{}
}

func TestAllIsWell(t *testing.T) {
	t.Parallel()
	j := monitor.Judge(well(), monitor.Default(), now)
	require.NotEmpty(t, j.Levels)
	for _, l := range j.Levels {
		require.Equal(t, engine.LevelKept, l.State, "%+v", l)
		require.Empty(t, l.Why, l.Name)
		require.NotEmpty(t, l.Figure, l.Name)
	}
	for _, f := range j.Findings {
		require.Equal(t, engine.LevelKept, f.State, "%+v", f)
	}
}

func TestLevelsAtTheirEdges(t *testing.T) {
	t.Parallel()
	const card = "loyalty_card"
	agree := func(settled, compared int64) func(*engine.Snapshot) {
		return func(s *engine.Snapshot) {
			s.Proof.Entities[0].Settled, s.Proof.Entities[0].Compared = settled, compared
		}
	}
	rejected := func(rows, of, waiting, waived int64) func(*engine.Snapshot) {
		return func(s *engine.Snapshot) {
			e := &s.Entities[0]
			e.Quarantined, e.SourceRows, e.Waiting, e.Waived = engine.Known(rows), engine.Known(of), engine.Known(waiting), engine.Known(waived)
		}
	}
	fresh := func(d time.Duration) func(*engine.Snapshot) {
		return func(s *engine.Snapshot) { s.Freshness.ReadFrom = now.Add(-d) }
	}
	ticks := func(row int, hour, done int64) func(*engine.Snapshot) {
		return func(s *engine.Snapshot) {
			s.Schedule.FailedInRow, s.Schedule.FailedHour, s.Freshness.Ticks = row, hour, done
		}
	}
	for _, c := range []struct {
		level, entity, rule string
		state               engine.LevelState
		figure              string
		with                func(*engine.Snapshot)
	}{
		{"agreement", card, monitor.RuleAgreement, engine.LevelKept, "99.9 %", agree(10, 10_000)},
		{"agreement", card, monitor.RuleAgreement, engine.LevelMissed, "99.89 %", agree(11, 10_000)},
		{"agreement", card, monitor.RuleAgreement, engine.LevelMissed, "99.8999 %", agree(1001, 1_000_000)},
		{"agreement", card, monitor.RuleAgreement, engine.LevelMissed, "99 %", agree(100, 10_000)},
		{"agreement", card, monitor.RuleAgreement, engine.LevelAlert, "98.9999 %", agree(10_001, 1_000_000)},
		{"agreement", card, monitor.RuleAgreement, engine.LevelAlert, "0 %", agree(5, 5)},
		{"agreement", card, monitor.RuleAgreement, engine.LevelUnknown, "", agree(0, 0)},
		{"agreement", card, monitor.RuleAgreement, engine.LevelUnknown, "100 %", func(s *engine.Snapshot) { s.Proof.Entities[0].Coverage = 0.98 }},
		{"agreement", card, monitor.RuleAgreement, engine.LevelAlert, "50 %", func(s *engine.Snapshot) {
			s.Proof.Entities[0] = engine.CheckEntity{Name: card, Compared: 10, Settled: 5, Coverage: 0.001} // what is wrong is wrong
		}},
		{"agreement", card, monitor.RuleAgreement, engine.LevelUnknown, "", func(s *engine.Snapshot) { s.Proof.Entities = nil }},
		{"rejected share", card, monitor.RuleRejected, engine.LevelKept, "1 %", rejected(100, 10_000, 0, 0)},
		{"rejected share", card, monitor.RuleRejected, engine.LevelAlert, "1.04 %", rejected(104, 10_000, 0, 0)},
		{"rejected share", card, monitor.RuleRejected, engine.LevelAlert, "1.0001 %", rejected(10_001, 1_000_000, 0, 0)},
		{"rejected share", card, monitor.RuleRejected, engine.LevelKept, "1 %", rejected(500, 10_000, 300, 100)},
		{"rejected share", card, monitor.RuleRejected, engine.LevelKept, "0 %", rejected(0, 0, 0, 0)},
		{"rejected share", card, monitor.RuleRejected, engine.LevelUnknown, "", func(s *engine.Snapshot) {
			s.Entities[0].Quarantined = engine.Maybe[int64]{}
		}},
		{"freshness", "", monitor.RuleFreshness, engine.LevelKept, "≤ 59 s", fresh(59*time.Second + 999*time.Millisecond)},
		{"freshness", "", monitor.RuleFreshness, engine.LevelMissed, "≤ 1 min", fresh(time.Minute)},
		{"freshness", "", monitor.RuleFreshness, engine.LevelMissed, "≤ 4 min 59 s", fresh(5*time.Minute - time.Millisecond)},
		{"freshness", "", monitor.RuleFreshness, engine.LevelAlert, "≤ 5 min", fresh(5 * time.Minute)},
		{"freshness", "", monitor.RuleFreshness, engine.LevelUnknown, "", func(s *engine.Snapshot) { s.Freshness.ReadFrom = time.Time{} }},
		{"freshness", "", monitor.RuleFreshness, engine.LevelUnknown, "", func(s *engine.Snapshot) { s.Schedule.Keepers = nil }},
		{"freshness", "", monitor.RuleFreshness, engine.LevelAlert, "≤ 2 h", func(s *engine.Snapshot) {
			s.Schedule.Keepers, s.Schedule.PausedBy, s.Freshness.ReadFrom = nil, "sari", now.Add(-2*time.Hour)
		}},
		{"nothing lost", card, monitor.RuleNothingLost, engine.LevelAlert, "-3 rows", func(s *engine.Snapshot) {
			s.Entities[0].TargetRows, s.Entities[0].Accounted = engine.Known[int64](9_987), engine.Known(false)
		}},
		{"nothing lost", card, monitor.RuleNothingLost, engine.LevelUnknown, "", func(s *engine.Snapshot) {
			s.Entities[0].Accounted = engine.Maybe[bool]{}
		}},
		{"failed ticks", "", monitor.RuleFailedTicks, engine.LevelKept, "0 of 180 in the last hour", ticks(0, 0, 180)},
		{"failed ticks", "", monitor.RuleFailedTicks, engine.LevelMissed, "2 of 182 in the last hour", ticks(2, 2, 180)},
		{"failed ticks", "", monitor.RuleFailedTicks, engine.LevelAlert, "3 of 183 in the last hour", ticks(3, 3, 180)},
		{"failed ticks", "", monitor.RuleFailedTicks, engine.LevelMissed, "90 of 180 in the last hour", ticks(1, 90, 90)},
		{"failed ticks", "", monitor.RuleFailedTicks, engine.LevelAlert, "91 of 181 in the last hour", ticks(1, 91, 90)},
		{"failed ticks", "", monitor.RuleFailedTicks, engine.LevelMissed, "1 of 1 in the last hour", ticks(1, 1, 0)},
		{"failed ticks", "", monitor.RuleFailedTicks, engine.LevelUnknown, "", ticks(0, 0, 0)},
		{"floor", "", monitor.RuleFloorPinned, engine.LevelKept, "pinned 10 min", func(s *engine.Snapshot) {
			s.Floor.TakenAt, s.Floor.PinnedSince = now, now.Add(-10*time.Minute)
		}},
		{"floor", "", monitor.RuleFloorPinned, engine.LevelAlert, "pinned 10 min 1 ms", func(s *engine.Snapshot) {
			s.Floor.TakenAt, s.Floor.PinnedSince = now, now.Add(-10*time.Minute-time.Millisecond)
		}},
		// No tick has looked since: what held it may have ended long ago.
		{"floor", "", monitor.RuleFloorPinned, engine.LevelKept, "pinned 1 min", func(s *engine.Snapshot) {
			s.Floor.TakenAt, s.Floor.PinnedSince = now.Add(-time.Hour), now.Add(-time.Hour-time.Minute)
		}},
		{"floor", "", monitor.RuleFloorPinned, engine.LevelUnknown, "", func(s *engine.Snapshot) { s.Floor.Floor = "" }},
		{"source transactions", "", monitor.RuleTransaction, engine.LevelKept, "10 s", func(s *engine.Snapshot) {
			s.Source.Oldest = engine.Known(10 * time.Second)
		}},
		{"source transactions", "", monitor.RuleTransaction, engine.LevelAlert, "11 s", func(s *engine.Snapshot) {
			s.Source.Oldest = engine.Known(11 * time.Second)
		}},
		{"source transactions", "", monitor.RuleTransaction, engine.LevelUnknown, "", func(s *engine.Snapshot) {
			s.Source.Oldest = engine.Maybe[time.Duration]{}
		}},
		{"proof", "", monitor.RuleProofFailed, engine.LevelAlert, "fail, 1 h old", func(s *engine.Snapshot) { s.Proof.Verdict = engine.Fail }},
		{"proof", "", monitor.RuleProofFailed, engine.LevelUnknown, "could not check, 1 h old", func(s *engine.Snapshot) {
			s.Proof.Verdict = engine.CouldNotCheck
		}},
		{"proof", "", monitor.RuleProofFailed, engine.LevelUnknown, "unknown", func(s *engine.Snapshot) { s.Proof = engine.ProofView{} }},
	} {
		t.Run(fmt.Sprintf("%s %s %s", c.level, c.state, c.figure), func(t *testing.T) {
			t.Parallel()
			s := well()
			c.with(s)
			l, f := level(t, s, c.level, c.entity), found(t, s, c.rule, c.entity)
			require.Equal(t, c.state, l.State, "%+v", l)
			require.Equal(t, c.figure, l.Figure)
			want := c.state
			if want == engine.LevelMissed {
				want = engine.LevelKept
			}
			require.Equal(t, want, f.State)
			require.Equal(t, want == engine.LevelAlert, f.Text != "", "whoever is told reads what, why and what to do: %q", f.Text)
			require.Equal(t, c.state == engine.LevelKept, l.Why == "", "what is not kept says why: %q", l.Why)
		})
	}
}

func TestAnOldProofIsToldThoughItsVerdictStands(t *testing.T) {
	t.Parallel()
	s := well()
	s.Proof.OldestAt = now.Add(-24 * time.Hour)
	require.Equal(t, engine.LevelKept, found(t, s, monitor.RuleProofAge, "").State)
	s.Proof.OldestAt = now.Add(-24*time.Hour - time.Second)
	require.Equal(t, engine.LevelAlert, found(t, s, monitor.RuleProofAge, "").State)
	require.Equal(t, engine.LevelMissed, level(t, s, "proof", "").State)
	require.Equal(t, engine.LevelKept, found(t, s, monitor.RuleProofFailed, "").State)
}

func TestWhatOnlyAPersonCanMoveOnIsTold(t *testing.T) {
	t.Parallel()
	run := func(state engine.RunState, with func(*engine.RunView)) func(*engine.Snapshot) {
		return func(s *engine.Snapshot) {
			s.Run = &engine.RunView{ID: 9, Kind: engine.RunFull, State: state, Since: now.Add(-time.Minute)}
			if with != nil {
				with(s.Run)
			}
		}
	}
	nobody := func(with func(*engine.Snapshot)) func(*engine.Snapshot) {
		return func(s *engine.Snapshot) {
			with(s)
			s.Workers[0].Silent = 20 * time.Second
		}
	}
	for _, c := range []struct {
		rule  string
		state engine.LevelState
		says  string
		with  func(*engine.Snapshot)
	}{
		{monitor.RuleRunAsks, engine.LevelAlert, "ferry answer 9 accept", run(engine.RunAsking, func(r *engine.RunView) { r.Question = "300 rows are gone." })},
		{monitor.RuleRunStopped, engine.LevelAlert, "ferry resume --run 9", run(engine.RunFailed, func(r *engine.RunView) { r.Error = "no right" })},
		{monitor.RuleRunStopped, engine.LevelAlert, "interrupted", run(engine.RunInterrupted, nil)},
		{monitor.RuleRunStopped, engine.LevelKept, "", run(engine.RunFailed, func(r *engine.RunView) { r.Scheduled = true })},
		{monitor.RuleRunStopped, engine.LevelKept, "", run(engine.RunCancelled, nil)},
		{monitor.RuleNoWorker, engine.LevelKept, "", run(engine.RunRunning, nil)},
		{monitor.RuleNoWorker, engine.LevelAlert, "Start `ferry`", nobody(run(engine.RunRunning, nil))},
		{monitor.RuleNoWorker, engine.LevelKept, "", nobody(run(engine.RunRunning, func(r *engine.RunView) { r.Since = now.Add(-time.Second) }))},
		{monitor.RuleNoWorker, engine.LevelKept, "", nobody(run(engine.RunPaused, nil))},
		{monitor.RulePaused, engine.LevelKept, "", func(s *engine.Snapshot) { s.Schedule.PausedBy, s.Schedule.PausedSince = "sari", now.Add(-time.Hour) }},
		{monitor.RulePaused, engine.LevelAlert, "by sari (audit)", func(s *engine.Snapshot) {
			s.Schedule.PausedBy, s.Schedule.Reason, s.Schedule.PausedSince = "sari", "audit", now.Add(-time.Hour-time.Second)
		}},
		{monitor.RuleSourceDown, engine.LevelKept, "", func(s *engine.Snapshot) { s.Source.DownSince = now.Add(-time.Minute) }},
		{monitor.RuleSourceDown, engine.LevelAlert, "refused", func(s *engine.Snapshot) {
			s.Source.DownSince, s.Source.Err = now.Add(-time.Minute-time.Second), "refused"
		}},
		{monitor.RuleTargetDown, engine.LevelAlert, "engine@db/loyalty", func(s *engine.Snapshot) { s.Target.DownSince = now.Add(-2 * time.Minute) }},
	} {
		s := well()
		c.with(s)
		f := found(t, s, c.rule, "")
		require.Equal(t, c.state, f.State, c.rule)
		require.Contains(t, f.Text, c.says)
	}
}

func TestNothingIsKeptThatCannotBeSeen(t *testing.T) {
	t.Parallel()
	for name, blind := range map[string]func(*engine.Snapshot){
		"down":      func(s *engine.Snapshot) { s.Target.DownSince = now.Add(-time.Second) },
		"not ready": func(s *engine.Snapshot) { s.Setup = engine.SetupOlder },
		"not read":  func(s *engine.Snapshot) { s.TakenAt = time.Time{} },
	} {
		s := well()
		s.Entities[0].Accounted = engine.Known(false) // of another time
		blind(s)
		j := monitor.Judge(s, monitor.Default(), now)
		for _, l := range j.Levels {
			if l.Name != "source transactions" { // the source is seen
				require.Equal(t, engine.LevelUnknown, l.State, "%s: %+v", name, l)
				require.NotEmpty(t, l.Why, l.Name)
			}
		}
		for _, f := range j.Findings {
			if !strings.HasSuffix(f.Rule, "-unreachable") && f.Rule != monitor.RuleTransaction {
				require.Equal(t, engine.LevelUnknown, f.State, "%s: %+v", name, f)
			}
		}
	}
}

func TestThresholdsOfAnEntityComeBeforeThoseOfAll(t *testing.T) {
	t.Parallel()
	th := monitor.Default()
	for name, value := range map[string]string{
		"agreement-target": "0.95", "agreement-target-loyalty-card": "0.99999", "agreement-alert": "0.9", "rejected-share-loyalty-point-move": "0.0005",
	} {
		found, err := th.Set(name, value)
		require.True(t, found)
		require.NoError(t, err)
		require.Equal(t, value, th.Get(name))
	}
	s := well()
	s.Proof.Entities[0].Settled, s.Proof.Entities[1].Settled = 1, 1
	states := map[string]engine.LevelState{}
	for _, l := range monitor.Judge(s, th, now).Levels {
		states[l.Name+" "+l.Entity] = l.State
	}
	require.Equal(t, engine.LevelMissed, states["agreement loyalty_card"])
	require.Equal(t, engine.LevelKept, states["agreement loyalty_point_move"])
	require.Equal(t, engine.LevelKept, states["rejected share loyalty_card"])
	require.Equal(t, engine.LevelAlert, states["rejected share loyalty_point_move"])
	require.Nil(t, monitor.Default().AgreementTarget.Of, "a copy changes nobody else's")
}

func TestThresholdsReadWhatTheyWrite(t *testing.T) {
	t.Parallel()
	for _, name := range monitor.Names() {
		th := monitor.Default()
		text := th.Get(name)
		require.NotEmpty(t, text, name)
		require.NotEmpty(t, monitor.Usage(name), name)
		found, err := th.Set(name, text)
		require.True(t, found, name)
		require.NoError(t, err, name)
		require.Equal(t, text, th.Get(name))
		for _, bad := range []string{"", "x", "-1", "-1s", "NaN", "1.5.2"} {
			_, err := th.Set(name, bad)
			require.Error(t, err, "%s = %q", name, bad)
		}
	}
	th := monitor.Default()
	found, err := th.Set("nothing", "1")
	require.False(t, found)
	require.NoError(t, err)
}

func TestAShareNeverReadsLikeALimitThatItIsNot(t *testing.T) {
	t.Parallel()
	require.Equal(t, "1.04 %", monitor.Percent(0.0104, 0.01))
	require.Equal(t, "1 %", monitor.Percent(0.01, 0.01))
	require.Equal(t, "1.000001 %", monitor.Percent(0.01000001, 0.01))
	require.Equal(t, "99.99999 %", monitor.Percent(0.9999999))
	require.Equal(t, "0.00001 %", monitor.Percent(0.0000001))
	require.Equal(t, "unknown", monitor.Percent(math.NaN()))
	rapid.Check(t, func(t *rapid.T) {
		of := rapid.Int64Range(1, 1_000_000_000).Draw(t, "of")
		rows := rapid.Int64Range(0, of).Draw(t, "rows")
		limit := rapid.SampledFrom([]float64{0.01, 0.99, 0.999, 0.5, 1, 0, 0.0104}).Draw(t, "limit")
		share := float64(rows) / float64(of)
		if text := monitor.Percent(share, limit); share != limit && text == monitor.Percent(limit) {
			t.Fatalf("%d of %d reads %s, as the limit %v does", rows, of, text, limit)
		}
	})
}

func TestWhatADatabaseSaysStaysOnOneLine(t *testing.T) {
	t.Parallel()
	s := well()
	s.Floor.TakenAt, s.Floor.PinnedSince, s.Floor.PinnedBy = now, now.Add(-time.Hour), "pid 1 \x1b[31modoo\r\nBcc: x@y\u202e"
	text := found(t, s, monitor.RuleFloorPinned, "").Text
	require.NotContains(t, text, "\n")
	require.NotContains(t, text, "\x1b")
	require.NotContains(t, text, "\r")
	require.NotContains(t, text, "\u202e")
}
