package app_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/tui/app"
	"ferry/tui/status"
	"ferry/tui/tuitest"
)

func TestAQuestionCannotBeOverlooked(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"1", "2", "7", "P", "?"} {
		for _, width := range []int{60, 80, 140} {
			b := setup(t, tuitest.Asking(), width, 24)
			b.press(key)
			require.Contains(t, b.frame(), "? NEEDS ANSWER tick #4711")
			require.Contains(t, b.frame(), "? run #4711 needs an answer: A", key)
			require.Contains(t, b.frame(), " A answer")
		}
	}
	b := setup(t, tuitest.Asking(), 80, 24)
	require.Contains(t, b.frame(), "12,044 of 228,331 rows of loyalty_card (5.3 %) are gone from the source")
	b = setup(t, tuitest.Asking(), 50, 12)
	require.Contains(t, b.frame(), "? NEEDS ANSWER")
}

func TestAConsoleThatOnlyLooksSeesTheQuestionAndDoesNotAnswer(t *testing.T) {
	t.Parallel()
	s := tuitest.Asking()
	s.Process.ReadOnly = true
	b := setup(t, s, 80, 24)
	require.Contains(t, b.frame(), "? run #4711 needs an answer ─")
	require.Contains(t, b.frame(), "this console only looks (--read-only): answer in another one")
	b.press("A")
	require.Contains(t, b.frame(), "A: this console only looks (--read-only)")
	b.press("enter", "enter")
	require.Empty(t, b.operator.Calls())
}

func TestAnAnswerCarriesWhatWasSeenAndWhy(t *testing.T) {
	t.Parallel()
	seen := engine.Act{Run: 4711, Seen: engine.RunAsking}
	for _, c := range []struct {
		keys   []string
		accept bool
		reason string
	}{
		{[]string{"A", "enter"}, false, ""},
		{[]string{"enter", "tab", "m", "e", "r", "g", "e", "enter"}, true, "merge"},
	} {
		b := setup(t, tuitest.Asking(), 80, 24)
		b.press(c.keys...)
		seen.Reason = c.reason
		require.Equal(t, []tuitest.Call{{Action: "answer", Act: seen, Accept: c.accept}}, b.operator.Calls())
		require.Contains(t, b.frame(), "run #4711: asked to")
	}
	b := setup(t, tuitest.Asking(), 80, 24)
	b.press("A")
	next := tuitest.Asking()
	next.Run.State, next.Run.StateBy, next.Run.Since = engine.RunRunning, "budi@db1", tuitest.Noon.Add(-2*time.Second)
	b.operator.Show(next)
	b.beat()
	require.Contains(t, b.frame(), "meanwhile: running by budi@db1, 2s ago")
	b = setup(t, tuitest.Asking(), 80, 24)
	b.press("7", "enter", "enter")
	require.Empty(t, b.operator.Calls(), "enter answers on the overview alone")
}

func TestWhatAQuestionHoldsUpIsNotPaused(t *testing.T) {
	t.Parallel()
	b := setup(t, tuitest.Asking(), 80, 24)
	b.press("p", "tab", "enter")
	require.Contains(t, b.frame(), "not now: it needs an answer first")
	require.Empty(t, b.operator.Calls())
	b.press("tab", "tab", "enter")
	require.Equal(t, "pause schedule", b.operator.Calls()[0].Action, "the ticks may be")
}

func TestTheStartMenuStartsTicksAndKeepsInStep(t *testing.T) {
	t.Parallel()
	b := setup(t, tuitest.NobodyTicks(), 80, 24)
	b.press("s", "tab", "enter")
	b.press("s", "tab", "tab", "enter")
	require.Equal(t, []tuitest.Call{{Action: "tick"}, {Action: "keep in step", Every: 20 * time.Second}}, b.operator.Calls())
	require.Contains(t, b.frame(), "✓ this process starts a tick every 20s")

	b = setup(t, tuitest.InStep(), 80, 24)
	b.press("s", "tab", "tab", "enter")
	require.Equal(t, []tuitest.Call{{Action: "keep in step"}}, b.operator.Calls())

	b = setup(t, tuitest.Running(), 80, 24)
	b.press("s", "enter")
	require.Contains(t, strings.Join(strings.Fields(b.frame()), " "), "not now: run #12 is running, and only one run writes at a time")
	b.press("tab", "tab", "enter")
	require.Equal(t, "keep in step", b.operator.Calls()[0].Action, "that may be switched at any time")

	elsewhere := tuitest.NobodyTicks()
	elsewhere.Process.Workers = 0
	b = setup(t, elsewhere, 80, 24)
	b.press("s", "tab", "tab", "enter")
	require.Contains(t, b.frame(), "this process has no workers")
	require.Empty(t, b.operator.Calls())
}

func TestPausingOffersTheRunTheTicksAndEachEntity(t *testing.T) {
	t.Parallel()
	b := setup(t, tuitest.Running(), 80, 24)
	b.press("p", "u", "p", "tab", "tab", "tab", "tab", "enter")
	require.Equal(t, []tuitest.Call{{Action: "pause entity", Entity: "loyalty_card", Act: engine.Act{Reason: "up"}}}, b.operator.Calls())

	b = setup(t, tuitest.InStep(), 80, 24)
	b.press("p")
	require.Contains(t, b.frame(), "Pause ticks or an entity for everyone?")
	require.NotContains(t, b.frame(), "pause run", "it is over")
	b.press("n", "tab", "enter")
	require.Equal(t, []tuitest.Call{{Action: "pause schedule", Act: engine.Act{Reason: "n"}}}, b.operator.Calls())

	b = setup(t, tuitest.TicksPaused(), 80, 24)
	require.Contains(t, b.frame(), "p resume ticks")
	b.press("p")
	require.Contains(t, b.frame(), "resume loyalty_point_history  paused by budi@db1")
	b.press("tab", "enter")
	b.press("p", "tab", "tab", "enter")
	require.Equal(t, []tuitest.Call{
		{Action: "resume entity", Entity: "loyalty_point_history"}, {Action: "resume schedule"},
	}, b.operator.Calls())
}

func TestResumingOffersOnlyWhatIsPaused(t *testing.T) {
	t.Parallel()
	b := setup(t, paused(), 80, 24)
	b.press("p")
	require.Contains(t, b.frame(), "resume run #12")
	require.NotContains(t, b.frame(), "resume everything", "the ticks are not paused")
	s := tuitest.Halt(tuitest.Held())
	s.Run.State, s.Run.StateBy = engine.RunCancelled, "root@vm"
	b = setup(t, s, 80, 24)
	b.press("p")
	require.Regexp(t, `(?s)resume loyalty_point_move .*resume run #12 +it would wait for `, b.frame())
	s.Entities[1].PausedBy = ""
	b = setup(t, s, 80, 24)
	b.press("p")
	require.Contains(t, b.frame(), "it was cancelled by root@vm")
}

// Four keys from the opened console.
func TestPauseEverything(t *testing.T) {
	t.Parallel()
	b := setup(t, tuitest.Running(), 80, 24)
	b.press("p", "tab", "tab", "enter")
	require.Equal(t, []tuitest.Call{
		{Action: "pause schedule"}, {Action: "pause", Act: engine.Act{Run: 12, Seen: engine.RunRunning}},
	}, b.operator.Calls())
	require.Contains(t, b.frame(), "✓ the ticks are paused, and run #12 is asked to pause")

	b.operator.Fail(errors.New("connection refused"))
	b.press("p", "tab", "tab", "enter")
	require.Contains(t, b.frame(), "pause everything: not done: ticks: connection refused")
	require.Len(t, b.operator.Calls(), 3, "what comes second is not done if the first fails")

	halted := paused()
	halted.Schedule.PausedBy = "sari@db2"
	b = setup(t, halted, 80, 24)
	b.press("p", "tab", "tab", "enter")
	require.Equal(t, []tuitest.Call{
		{Action: "resume schedule"}, {Action: "resume", Act: engine.Act{Run: 12, Seen: engine.RunPaused}},
	}, b.operator.Calls())
}

// No key at all: whoever opens the console sees it.
func TestWhoPausedTheSync(t *testing.T) {
	t.Parallel()
	b := setup(t, tuitest.TicksPaused(), 80, 24)
	require.Contains(t, b.frame(), "ticks     paused by sari@db2 26m ago: index rebuild on the engine")
	require.Contains(t, b.frame(), "paused    loyalty_point_history by budi@db1: Odoo rewrites it tonight")
	s := paused()
	s.Run.Reason = "index rebuild on db1"
	b = setup(t, s, 80, 24)
	require.Contains(t, b.frame(), "‖ PAUSED full #12 first load by sari@db2 1m ago")
	require.Contains(t, b.frame(), "why       sari@db2: index rebuild on db1")
	require.NotContains(t, b.frame(), "now       ", "a paused run does nothing")
}

func TestQuittingSaysWhatBecomesOfWhatIsAtWork(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		s     *engine.Snapshot
		shown []string
	}{
		{paused(), []string{"Leave? Run #12 is paused", "the run stays paused"}},
		{tuitest.Asking(), []string{"Leave? Run #4711 needs an answer", "the run still needs its answer"}},
		{tuitest.InStep(), []string{"Leave? This process starts the ticks", "no tick comes by itself any more"}},
	} {
		b := setup(t, c.s, 80, 24)
		require.False(t, b.press("q"))
		text := strings.Join(strings.Fields(strings.NewReplacer("│", " ").Replace(b.frame())), " ")
		for _, want := range c.shown {
			require.Contains(t, b.frame()+text, want)
		}
		require.NotContains(t, text, "interrupted")
	}
	b := setup(t, tuitest.Pinned(), 80, 24)
	require.True(t, b.press("q"), "others start the ticks, and no run is at work here")
}

func TestAScreenThatIsNotThereYetSaysSo(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"8", "9"} {
		b := setup(t, tuitest.Running(), 80, 24)
		b.press(key)
		require.Contains(t, b.frame(), key+": there is no screen "+key+" yet")
		require.NotContains(t, b.frame(), "✗")
	}
}

// In colours a run that rejected too much is no clean success, and in words it never is.
func TestTooManyRejectedRowsAreNoSuccess(t *testing.T) {
	t.Parallel()
	b := setup(t, tuitest.OverLimit(), 80, 24)
	require.Contains(t, b.frame(), "rejected 2.7% over the limit")
	require.Contains(t, b.frame(), "rejected 2.7% ✗ over the limit")
	b = setup(t, tuitest.OverLimit(), 80, 24, func(c *app.Config) { c.Rejected = 0.05 })
	require.NotContains(t, b.frame(), "over the limit")
	waived := tuitest.OverLimit()
	waived.Entities[0].Waived = engine.Known[int64](6000)
	b = setup(t, waived, 80, 24)
	require.NotContains(t, b.frame(), "over the limit", "waived rows are not counted as rejected")
}

func TestUnknownLevelsAreNeverNothing(t *testing.T) {
	t.Parallel()
	s := tuitest.NobodyTicks()
	s.Freshness = engine.Freshness{}
	b := setup(t, s, 80, 24)
	require.Contains(t, b.frame(), "fresh     – no run has read everything yet")
	require.NotContains(t, b.frame(), "≤ 0s")
	s = tuitest.NobodyTicks()
	b = setup(t, s, 80, 24)
	require.Contains(t, b.frame(), "p50 – p99 – max –")
}

// A tick is over in a moment: the screen does not change its face for it.
func TestATickThatPassesDoesNotTurnTheScreenOver(t *testing.T) {
	t.Parallel()
	lines := func(s *engine.Snapshot) []string {
		return strings.Split(setup(t, s, 80, 24).frame(), "\n")
	}
	before, during := lines(tuitest.InStep()), lines(tuitest.Tick())
	require.Equal(t, before[4:13], during[4:13])
	queued := tuitest.Tick()
	queued.Run.State, queued.Run.StartedAt, queued.Run.CreatedAt = engine.RunQueued, time.Time{}, tuitest.Noon.Add(-time.Second)
	came := tuitest.InStep()
	came.Steps[1].Counts.Extra = 3
	for _, s := range []*engine.Snapshot{queued, came} {
		require.Equal(t, before[4:13], lines(s)[4:13])
		require.Equal(t, before[15:22], lines(s)[15:22], "nor does it move what stands below")
	}
	slow := tuitest.Tick()
	slow.Run.StartedAt = tuitest.Noon.Add(-time.Minute)
	require.NotEqual(t, before[4:10], lines(slow)[4:10], "one that lasts shows its progress")
}

func TestEveryStateAndStepHasAWord(t *testing.T) {
	t.Parallel()
	for _, verb := range []engine.StepVerb{
		engine.StepPlan, engine.StepLoad, engine.StepOwners, engine.StepSettle, engine.StepSweep, engine.StepDelete,
	} {
		require.NotEmpty(t, status.OfVerb(verb))
		require.NotEmpty(t, status.Doing(verb))
	}
	require.Equal(t, "unheard of", status.OfVerb("unheard of"))
	require.Equal(t, "needs answer", status.State(engine.RunAsking).Sign().Word)
}

func TestTheLevelsFitTheSmallestWindow(t *testing.T) {
	t.Parallel()
	b := setup(t, tuitest.InStep(), 60, 16)
	for _, want := range []string{"rejected 0.14%", "≤ 14s ✓ < 60s", "max 31s"} {
		require.Contains(t, b.frame(), want)
	}
}

// Over a slow line only what moves is sent: a second costs the header's two lines and two of the levels, no more.
func TestASecondChangesFewLines(t *testing.T) {
	t.Parallel()
	for _, size := range [][2]int{{80, 24}, {140, 45}} {
		b := setup(t, tuitest.InStep(), size[0], size[1])
		before := strings.Split(b.frame(), "\n")
		b.pass(time.Second)
		changed := 0
		for i, line := range strings.Split(b.frame(), "\n") {
			if line != before[i] {
				changed++
			}
		}
		require.Positive(t, changed)
		require.LessOrEqual(t, changed, 4)
	}
}
