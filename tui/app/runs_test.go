package app_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/tui/app"
	"ferry/tui/tuitest"
)

func TestTheHistoryIsReadPageByPage(t *testing.T) {
	t.Parallel()
	s := tuitest.Done()
	s.Run.ID = 120
	b := withHistory(t, s, 80, 24, 120)
	require.Empty(t, b.operator.Reads(), "what is not in sight is not read")
	b.press("2")
	require.Equal(t, []string{"runs before 0"}, b.operator.Reads())
	require.Contains(t, b.frame(), "1/… ")
	b.pass(5 * time.Second)
	require.Len(t, b.operator.Reads(), 1, "nothing moves, so nothing is read again")
	b.press("end")
	require.Contains(t, b.operator.Reads(), "runs before 71")
	require.Contains(t, b.frame(), "50/… ")
	b.press("end", "end", "end")
	require.Contains(t, b.frame(), "120/120")
	require.Contains(t, b.frame(), "› #1 ")
	require.Equal(t, []string{"runs before 0", "runs before 71", "runs before 21"}, b.operator.Reads())
	b.press("r")
	require.Len(t, b.operator.Reads(), 4)
	require.Contains(t, b.frame(), "120/120", "older runs stay known")
}

func TestAnActiveRunIsReadAtMostOnceASecondAndOnlyInSight(t *testing.T) {
	t.Parallel()
	b := withHistory(t, tuitest.Running(), 80, 24, 12)
	b.press("2", "enter")
	for range 40 { // ten seconds at four beats
		b.now = b.now.Add(250 * time.Millisecond)
		b.beat()
	}
	reads := b.operator.Reads()
	require.Equal(t, "run 12", reads[len(reads)-1])
	require.InDelta(t, 12, len(reads), 2)
	b.press("1")
	b.pass(10 * time.Second)
	require.Len(t, b.operator.Reads(), len(reads), "the screen is out of sight")
}

func TestACancelledFailedOrInterruptedRunIsResumedWhereItIsOpened(t *testing.T) {
	t.Parallel()
	for down, state := range map[int]engine.RunState{1: engine.RunFailed, 2: engine.RunCancelled, 4: engine.RunInterrupted} {
		for _, width := range []int{80, 140} {
			b := withHistory(t, tuitest.Done(), width, 30, 12)
			b.press("2")
			b.press(slices.Repeat([]string{"down"}, down)...)
			b.press("enter")
			id := engine.RunID(12 - down)
			require.Contains(t, b.frame(), fmt.Sprintf("p resume #%d", id))
			b.press("p")
			require.Contains(t, b.frame(), fmt.Sprintf("Resume run #%d for everyone?", id))
			b.press("tab", "enter")
			require.Equal(t, []tuitest.Call{{Action: "resume", Act: engine.Act{Run: id, Seen: state}}}, b.operator.Calls())
		}
	}
}

func TestOnlyOneRunIsResumed(t *testing.T) {
	t.Parallel()
	b := withHistory(t, tuitest.Running(), 80, 24, 12)
	b.press("2", "down", "enter", "p")
	require.Contains(t, b.frame(), "p: run #12 is running, and only one run writes at a time")
	b.press("x")
	require.Contains(t, b.frame(), "x: run #11 is failed already")
	require.Empty(t, b.operator.Calls())
	b.press("esc", "up", "enter", "x", "tab", "enter")
	require.Equal(t, []tuitest.Call{{Action: "cancel", Act: engine.Act{Run: 12, Seen: engine.RunRunning}}}, b.operator.Calls())
}

func TestABatchIsRetriedAfterAQuestion(t *testing.T) {
	t.Parallel()
	b := withHistory(t, tuitest.Running(), 80, 24, 12)
	b.press("T")
	require.Contains(t, b.frame(), "T: select a batch of a run (2), or rows of quarantine (4) first")
	b.press("2", "enter", "down", "down", "T")
	require.Contains(t, b.frame(), "Retry batch 491 of run #12?")
	b.press("enter")
	require.Empty(t, b.operator.Calls(), "the harmless choice has the focus")
	b.press("T", "n", "o", "w", "tab", "enter")
	require.Equal(t, []tuitest.Call{{
		Action: "retry", Act: engine.Act{Run: 12, Seen: engine.RunRunning, Reason: "now"}, Batch: 491,
	}}, b.operator.Calls())
	require.Contains(t, b.frame(), "✓ asked to retry batch 491 of run #12")

	b.press("down", "T")
	require.Contains(t, b.frame(), "T: batch 490 is done: there is nothing to retry")
	b.press("up", "up", "T")
	require.Contains(t, b.frame(), "T: batch 492 is at work on db1:4711")
	require.Len(t, b.operator.Calls(), 1)

	b = withHistory(t, tuitest.ReadOnly(), 80, 24, 12)
	b.press("2", "enter", "down", "down", "T")
	require.Contains(t, b.frame(), "T: this console only looks (--read-only)")
}

// What the operator has chosen stays under the cursor, whatever moves around it.
func TestTheCursorFollowsItsBatch(t *testing.T) {
	t.Parallel()
	b := withHistory(t, tuitest.Running(), 80, 24, 12)
	b.press("2", "enter", "down", "down")
	require.Contains(t, b.frame(), "› 491")
	next := tuitest.Detail(tuitest.Running())
	next.Batches = append([]engine.BatchView{
		{ID: 495, State: engine.BatchQueued, Verb: engine.StepLoad}, {ID: 494, State: engine.BatchQueued, Verb: engine.StepLoad},
	}, next.Batches...)
	b.operator.Keep(next)
	b.pass(2 * time.Second)
	require.Contains(t, b.frame(), "› 491")
	require.Contains(t, b.frame(), "5/45")
	b.press("enter")
	next = tuitest.Detail(tuitest.Running())
	next.Batches = next.Batches[:1]
	b.operator.Keep(next)
	b.pass(2 * time.Second)
	require.Contains(t, b.frame(), "batch 491 of run #12", "a batch that is shown whole stays")
	b.press("esc")
	b.pass(2 * time.Second)
	require.Contains(t, b.frame(), "› 493")
}

func TestAnErrorIsDismissedBeforeOneGoesBack(t *testing.T) {
	t.Parallel()
	b := withHistory(t, tuitest.Running(), 80, 24, 12)
	b.press("2", "enter")
	b.operator.Fail(engine.ErrUnreachable)
	b.press("p", "tab", "enter")
	require.Contains(t, b.frame(), "✗ pause run #12: not done: unreachable")
	b.press("esc")
	require.NotContains(t, b.frame(), "not done: unreachable")
	require.Contains(t, b.frame(), "so far", "the run is still open")
	b.press("esc")
	require.Contains(t, b.frame(), "newest first")
}

// Two consoles: this one still shows the run as running, the other has paused it.
func TestAnActionOnAChangedRunSaysWhoWasFaster(t *testing.T) {
	t.Parallel()
	b := withHistory(t, tuitest.Running(), 140, 30, 12)
	b.press("2", "enter", "p")
	b.operator.Fail(fmt.Errorf("%w: run #12 is already paused by sari@db2", engine.ErrStateChanged))
	b.press("tab", "enter")
	require.Contains(t, b.frame(), "✗ pause run #12: not done: run #12 is already paused by sari@db2 → look at its state now")
	paused := tuitest.Halt(tuitest.Running())
	paused.Run.State, paused.Run.StateBy = engine.RunPaused, "sari@db2"
	paused.Run.Since = b.now.Add(-2 * time.Second)
	b.operator.Show(paused)
	b.pass(time.Second)
	require.Contains(t, b.frame(), "run #12 is already paused by sari@db2, 3s ago → look at its state now, and decide again")
	b.pass(5 * time.Second)
	require.Contains(t, b.frame(), "by sari@db2, 3s ago →", "the age is that of the moment")
	require.Contains(t, b.frame(), "‖ paused", "the opened run shows its state of now")
	b.operator.Fail(nil)
	b.press("esc", "p", "tab", "enter")
	calls := b.operator.Calls()
	require.Equal(t, engine.Act{Run: 12, Seen: engine.RunPaused}, calls[len(calls)-1].Act, "resume now, on what is seen now")
}

func TestPreflightLooksWhenItIsOpenedAndForecastsOnRequest(t *testing.T) {
	t.Parallel()
	b := withHistory(t, tuitest.Bare(engine.SetupReady), 80, 24, 1)
	b.press("1", "f")
	require.Contains(t, b.frame(), "f: that is on preflight; P opens it")
	b.press("P")
	require.Equal(t, []string{"preflight"}, b.operator.Reads())
	require.Contains(t, b.frame(), "Nothing fails; 2 could not be checked")
	b.pass(time.Minute)
	require.Len(t, b.operator.Reads(), 1, "it looks when asked, not by itself")
	b.press("f", "r")
	require.Equal(t, []string{"preflight", "forecast", "preflight"}, b.operator.Reads())
	b.press("esc")
	require.Contains(t, b.frame(), "›1 ", "back where one came from")
	b.press("P")
	require.Len(t, b.operator.Reads(), 4)

	b.operator.Find(tuitest.Unfit(), nil)
	b.press("r", "f")
	require.Contains(t, b.frame(), "f: no forecast before what fails is cured")
	require.Contains(t, b.frame(), "The source could be written")
}

func TestTheAddressesAreEditedOnlyWhileADatabaseIsUnreachable(t *testing.T) {
	t.Parallel()
	b := setup(t, tuitest.Running(), 80, 24)
	require.False(t, b.press("e"))
	require.Contains(t, b.frame(), "e: both databases answer")
	b = setup(t, tuitest.NeverReached(), 80, 24)
	require.Contains(t, b.frame(), "e edits the addresses")
	require.True(t, b.press("e"))
	require.Equal(t, app.ExitConnect, app.ExitOf(b.model))
	b = setup(t, tuitest.SourceDown(), 80, 24)
	require.False(t, b.press("e", "enter"), "a run is at work here")
	require.True(t, b.press("e", "tab", "enter"))
	require.Equal(t, app.ExitConnect, app.ExitOf(b.model))
}

func TestTheFooterAlwaysNamesHelpAndTheWayOut(t *testing.T) {
	t.Parallel()
	for _, width := range []int{60, 66, 72, 80, 100} {
		b := withHistory(t, tuitest.Failed(), width, 20, 12)
		b.press("2", "enter", "down", "down")
		require.Contains(t, b.frame(), "? help  q quit")
		require.Contains(t, b.frame(), "enter open")
	}
}
