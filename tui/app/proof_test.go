package app_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ferry/engine"
	"ferry/tui/tuitest"
)

// head is the part of a frame above the tabs.
func head(b *bench) string {
	lines := strings.Split(b.frame(), "\n")
	return lines[0] + "\n" + lines[1]
}

func TestTheHeadlineTellsWhatIsProven(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"proven": "agree 100%  rejected <0.01%  proof 4m", "disproven": "agree 99.98%  rejected <0.01%  proof 4m",
		"could-not-check": "rejected <0.01%  proof: could not check", "proof-expired": "proof 1d old, expired",
		"alerts": "agree 98.51% ALERT  rejected <0.01%  proof 4m",
	} {
		for _, scenario := range tuitest.Proofs() {
			if scenario.Name == name {
				require.Contains(t, head(setup(t, scenario.Snapshot, 80, 24)), want, name)
			}
		}
	}
	require.Contains(t, head(setup(t, tuitest.InStep(), 80, 24)), "agree –  rejected <0.01%", "what is unknown is no number")
	below := tuitest.Disproven()
	below.Proof.Agreement, below.Proof.Settled = engine.Known(0.99899), 6500
	require.Contains(t, head(setup(t, below, 80, 24)), "agree 99.89% below target  rejected <0.01%")
}

// The share of 1.04 % is above a limit of 1 %, and reads so.
func TestAFigureHasTheDigitsThatDecide(t *testing.T) {
	t.Parallel()
	s := tuitest.Done()
	s.Entities[0].SourceRows, s.Entities[0].Quarantined = engine.Known[int64](1_000_000), engine.Known[int64](10_400)
	for _, width := range []int{80, 140} {
		b := setup(t, s, width, 45)
		require.Contains(t, b.frame(), "rejected 1.04% over the limit")
		require.NotContains(t, b.frame(), "1% ✗")
		require.NotContains(t, b.frame(), " 1% over")
	}
	s.Entities[0].Quarantined = engine.Known[int64](10_001)
	require.Contains(t, setup(t, s, 80, 24).frame(), "1.0001% ✗ over the limit")
}

// How much agrees is never told without what was rejected beside it, for rows that were kept out cannot disagree; and while
// anything differs it is never all.
func TestAgreementNeverStandsAlone(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		s := tuitest.InStep()
		drawProof(rt, s)
		s.Proof.Settled = rapid.Int64Range(0, 5).Draw(rt, "settled")
		if rapid.Bool().Draw(rt, "rejected unknown") {
			s.Entities[0].Quarantined = engine.Maybe[int64]{}
		}
		b := setup(t, s, rapid.IntRange(60, 200).Draw(rt, "width"), 24)
		text := head(b)
		if strings.Contains(text, "agree ") {
			require.Contains(rt, text, "rejected ")
		}
		if s.Proof.Settled > 0 {
			require.NotContains(rt, text, "agree 100%")
		}
	})
}

func TestOverviewTellsWhatSomebodyIsToBeTold(t *testing.T) {
	t.Parallel()
	b := setup(t, tuitest.Alarmed(), 140, 45)
	for _, want := range []string{
		"2 fire, first of all critical: 1.49 % of the rows differ", "2 messages are not delivered yet: slack: 503 Service Unavailable",
		"– floor unknown: GRANT pg_read_all_stats",
		"✓ nothing lost of 3 entities",
		"Odoo disagrees with itself on 45 cards",
	} {
		require.True(t, tuitest.Says(b.frame(), want), want)
	}
	b = setup(t, tuitest.Checking(), 80, 24)
	require.Contains(t, b.frame(), "check     #15  62%  waits: no tick has ended since")
	paused := tuitest.Checking()
	paused.Check.State, paused.Check.StateBy = engine.RunPaused, "budi@db1"
	require.Contains(t, setup(t, paused, 80, 24).frame(), "#15  ‖ paused  62%  by budi@db1")
	clean := tuitest.Proven()
	clean.Ledger.Drifted, clean.Ledger.Incomplete = engine.Known[int64](0), engine.Known[int64](0)
	require.Contains(t, setup(t, clean, 80, 24).frame(), "Odoo agrees with itself on every card")
}

// A level that is not kept says so, with what to do, within 80 columns; what is unknown of all entities is said once; and what
// was never compared has not failed, and covers nothing.
func TestLevelsThatAreNotKeptReadTrue(t *testing.T) {
	t.Parallel()
	s := tuitest.InStep()
	s.Proof = engine.ProofView{Verdict: engine.CouldNotCheck, Why: "nothing was ever compared", Coverage: 1}
	s.Monitor.At = tuitest.Noon
	level := func(name, entity string, state engine.LevelState, figure, target, why string) {
		s.Monitor.Levels = append(s.Monitor.Levels, engine.LevelView{Name: name, Entity: entity, State: state, Figure: figure, Target: target, Why: why})
	}
	s.Monitor.Levels = nil
	level("agreement", "loyalty_card", engine.LevelUnknown, "", "≥ 99.9 %", "no check has compared it")
	level("proof", "", engine.LevelUnknown, "unknown", "pass", "nothing was ever compared")
	level("rejected share", "loyalty_card", engine.LevelAlert, "2.5 %", "≤ 1 %", "`ferry quarantine list` shows them by reason")
	level("nothing lost", "loyalty_card", engine.LevelUnknown, "", "source = engine", "it is counted when a cycle ends")
	level("nothing lost", "loyalty_point_move", engine.LevelUnknown, "", "source = engine", "it is counted when a cycle ends")
	level("source transactions", "", engine.LevelKept, "0 ms", "≤ 10 s", "")
	level("floor", "", engine.LevelKept, "moves", "moves within 10 min", "")
	b := setup(t, s, 80, 45)
	for _, want := range []string{
		"✗ ALERT rejected share loyalty_card 2.5 %, not ≤ 1 %", "→ `ferry quarantine list` shows them by reason",
		"– nothing lost of 2 entities unknown", "→ it is counted when a cycle ends", "✓ source transactions 0 ms ≤ 10 s  ✓ floor moves",
		"nothing was checked yet; s → check everything", "proof: none yet",
	} {
		require.Contains(t, b.frame(), want)
	}
	for _, not := range []string{"no check has compared it", "covers", "could not check", "within 10 min"} {
		require.NotContains(t, b.frame(), not)
	}
}

func TestACheckIsOpenedWithItsVerdict(t *testing.T) {
	t.Parallel()
	s := tuitest.Disproven()
	b := setup(t, s, 80, 24)
	run := &engine.RunDetail{RunSummary: engine.RunSummary{RunView: s.Check.RunView}, Steps: []engine.StepView{
		{Verb: engine.StepCompare, Entity: "loyalty_card", State: engine.StepDone, Done: 1}, {Verb: engine.StepConfirm, State: engine.StepDone, Done: 1},
	}}
	b.operator.Keep(append(tuitest.Ticks(), run)...)
	b.press("2")
	b.pass(time.Second)
	b.press("G", "enter")
	b.pass(2 * time.Second)
	require.Contains(t, b.frame(), "run #14  check")
	require.Contains(t, b.frame(), "✗ fail  compared 6.4M  differ 1.2k  in flight 3  explained 890  covers 100%")
	require.Contains(t, b.frame(), "compare loyalty_card")
	require.NotContains(t, b.frame(), "changed 0", "a check writes no rows")
}
