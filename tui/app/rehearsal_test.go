package app_test

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/tui/app"
	"ferry/tui/tuitest"
)

// staged is a console on the screen of rehearsals.
func staged(t *testing.T, width, height int, of ...*engine.RehearsalView) *bench {
	t.Helper()
	s := tuitest.Done()
	if len(of) > 0 {
		s = tuitest.Staged(of[0])
	}
	b := setup(t, s, width, height, func(c *app.Config) {
		c.Report = func(context.Context, engine.RunID) (string, error) { return "/srv/rehearsal-15.md", nil }
	})
	var list []engine.RehearsalView
	for _, v := range of {
		list = append(list, *v)
	}
	b.operator.Rehearse(list...)
	b.press("6")
	b.pass(2 * time.Second)
	return b
}

// earlier is a rehearsal of the night before.
func earlier() *engine.RehearsalView {
	return tuitest.Decided(tuitest.RehearsalAt(9, "", 55*time.Second), tuitest.DriftedGate())
}

// expired is a GO of which the source has moved on.
func expired() *engine.RehearsalView {
	v := tuitest.RehearsalAt(15, "", 40*time.Second)
	v.Standing, v.Moved, v.ExpiredAt = engine.StandingExpired, "loyalty_card: at least 3 rows written", tuitest.Noon
	return v
}

// states are rehearsals in every state that the screen shows.
func states() map[string]*engine.RehearsalView {
	detecting := tuitest.RehearsalAt(15, engine.RehearseFreeze, 40*time.Second)
	detecting.Steps[2].Found = "waits until nothing is written for 15 s: loyalty_card: at least 3 rows written"
	lost := tuitest.RehearsalAt(15, engine.RehearseCheck, 40*time.Second)
	lost.Lost = true
	aborted := tuitest.RehearsalAt(15, engine.RehearseCheck, 40*time.Second)
	aborted.State, aborted.StateBy, aborted.Reason = engine.RunCancelled, "sari@db2", "the shop opens"
	measured := tuitest.Decided(tuitest.RehearsalAt(15, "", 40*time.Second), tuitest.DriftedGate())
	measured.Gates[4].AskedBy = "sari@db2"
	broken := tuitest.RehearsalAt(15, "", 40*time.Second)
	broken.Steps[3].State = engine.RehearsalFailed
	broken.Steps[3].Found = "incremental run #13 failed: source: read loyalty_card: permission denied (SQLSTATE 42501)"
	broken.Steps[4] = engine.RehearsalStep{Name: engine.RehearseCheck, State: engine.RehearsalSkipped, Found: "step catch-up failed"}
	broken.Window = engine.Maybe[time.Duration]{}
	return map[string]*engine.RehearsalView{
		"loading": tuitest.RehearsalAt(15, engine.RehearseLoad, 40*time.Second), "detecting": detecting, "asking": tuitest.AskingFreeze(),
		"frozen": tuitest.RehearsalAt(15, engine.RehearseCheck, 40*time.Second), "go": tuitest.RehearsalAt(15, "", 40*time.Second), "expired": expired(),
		"no-go": measured, "lost": lost, "answered": tuitest.Answered(), "aborted": aborted, "failed": tuitest.Decided(broken),
		"unchecked": tuitest.Decided(tuitest.RehearsalAt(15, "", 40*time.Second), tuitest.BlindGate()),
	}
}

func TestGoldenFramesOfRehearsals(t *testing.T) {
	t.Parallel()
	for _, size := range [][2]int{{80, 24}, {140, 45}} {
		name := func(of string) string { return fmt.Sprintf("rehearsal-%s.%dx%d", of, size[0], size[1]) }
		for state, v := range states() {
			b := staged(t, size[0], size[1], v, earlier())
			compare(t, name(state), b.frame())
		}
		compare(t, name("none"), staged(t, size[0], size[1]).frame())
		b := staged(t, size[0], size[1], states()["unchecked"], earlier())
		b.press("end")
		compare(t, name("gate"), b.frame())
		for of, c := range map[string]struct {
			v    *engine.RehearsalView
			keys []string
		}{
			"dialog-answer": {states()["asking"], []string{"A"}}, "dialog-abort": {states()["frozen"], []string{"x"}},
			"dialog-rerun": {states()["go"], []string{"."}},
			"dialog-begin": {states()["go"], []string{"s", "enter"}}, "overview-frozen": {states()["frozen"], []string{"1"}},
		} {
			b := staged(t, size[0], size[1], c.v, earlier())
			b.press(c.keys...)
			compare(t, name(of), b.frame())
		}
	}
}

func TestWhetherOdooMayBeUnfrozenStandsOnEveryScreenWhileItIsFrozen(t *testing.T) {
	t.Parallel()
	for _, width := range []int{60, 80, 140} {
		b := staged(t, width, 30, states()["frozen"], earlier())
		for _, key := range []string{"1", "2", "3", "4", "5", "6", "7", "P", "?"} {
			b.press(key)
			require.Contains(t, b.frame(), "Odoo may be unfrozen: no", "%d %s", width, key)
		}
		for _, of := range []string{"go", "aborted"} {
			b = staged(t, width, 30, states()[of], earlier())
			require.Contains(t, b.frame(), "Odoo may be unfrozen: yes", of)
			b.press("1")
			require.NotContains(t, b.frame(), "Odoo may be", of)
		}
	}
}

// What stands against a GO, or what is to be done, is in sight wherever the cursor is; and what is out of sight is counted.
func TestTheVerdictIsAlwaysInSightAndHiddenGatesAreCounted(t *testing.T) {
	t.Parallel()
	for _, size := range [][2]int{{80, 24}, {60, 16}, {140, 45}} {
		for state, says := range map[string]string{
			"no-go": "NO-GO: drift: 1.51 %", "unchecked": "NO-GO, could not check: still", "failed": "NO-GO: step catch-up failed",
			"expired": "GO, but it has expired", "aborted": "Aborted by sari@db2", "answered": "Answered by sari@db2; waits for a process with",
		} {
			b := staged(t, size[0], size[1], states()[state], earlier())
			for _, key := range []string{"home", "down", "end"} {
				b.press(key)
				frame := b.frame()
				require.Contains(t, frame, says, "%v %s %s", size, state, key)
				shown := 0
				for _, g := range engine.Gates {
					if regexp.MustCompile(`(?m)^[› ] ` + string(g) + ` `).MatchString(frame) {
						shown++
					}
				}
				if hidden := len(engine.Gates) - shown; hidden > 0 && key == "home" {
					require.Regexp(t, fmt.Sprintf(`↓ %d more gate`, hidden), frame, "%v %s %s", size, state, key)
				}
				if key == "end" && size[1] < 45 {
					require.Regexp(t, `↑ \d+ line`, frame)
					require.NotContains(t, frame, "more gate")
				}
			}
		}
	}
	b := staged(t, 80, 24, states()["answered"])
	b.press("1")
	require.Contains(t, b.frame(), "rehearsal #15: answered by sari@db2; waits for a process with workers", "on every screen")
}

func TestARehearsalIsBegunFromTheMenu(t *testing.T) {
	t.Parallel()
	for tabs, freeze := range map[int]engine.Freeze{1: engine.FreezeDetect, 2: engine.FreezeConfirm, 3: engine.FreezeNone} {
		b := staged(t, 80, 24, states()["go"])
		b.press("s", "n", "i", "g", "h", "t", "enter") // where rehearsals are shown, that is what is most likely meant
		require.Contains(t, b.frame(), "Rehearse the cutover?")
		for range tabs {
			b.press("tab")
		}
		b.press("enter")
		require.Equal(t, []tuitest.Call{{Action: "rehearse", Rehearse: engine.RehearsalOptions{Freeze: freeze, Reason: "night"}}}, b.operator.Calls())
		require.Contains(t, b.frame(), "rehearsal #15 has begun: 6")
	}
	b := staged(t, 80, 24, states()["frozen"])
	b.press("s", "enter")
	require.Contains(t, b.frame(), "not now: rehearsal #15 is running")
}

func TestAFreezeIsConfirmedFromAnywhere(t *testing.T) {
	t.Parallel()
	for _, at := range []string{"1", "6"} {
		b := staged(t, 80, 24, states()["asking"])
		b.press(at, "A", "enter")
		require.Empty(t, b.operator.Calls(), "the harmless answer has the focus")
		b.press("A", "tab", "enter")
		require.Equal(t, []tuitest.Call{{Action: "answer", Act: engine.Act{Run: 15, Seen: engine.RunAsking}, Accept: true}}, b.operator.Calls())
		b.press("A", "o", "h", "tab", "tab", "enter")
		require.Equal(t, tuitest.Call{Action: "answer", Act: engine.Act{Run: 15, Seen: engine.RunAsking, Reason: "oh"}}, b.operator.Calls()[1])
	}
}

func TestARehearsalIsAbortedPausedAndResumed(t *testing.T) {
	t.Parallel()
	b := staged(t, 80, 24, states()["frozen"])
	b.press("x")
	require.Contains(t, b.frame(), "Abort rehearsal #15 for everyone?")
	b.press("enter")
	require.Empty(t, b.operator.Calls())
	b.press("x", "tab", "enter", "p", "tab", "enter")
	require.Equal(t, []tuitest.Call{
		{Action: "cancel", Act: engine.Act{Run: 15, Seen: engine.RunRunning}}, {Action: "pause", Act: engine.Act{Run: 15, Seen: engine.RunRunning}},
	}, b.operator.Calls())

	b = staged(t, 80, 24, states()["aborted"])
	require.Contains(t, b.frame(), "(the shop opens). p resumes it")
	require.Contains(t, b.frame(), " p resume ")
	b.press("x")
	require.Contains(t, b.frame(), "x: rehearsal #15 is cancelled already")
	b.press("p")
	require.Contains(t, b.frame(), "It was aborted: its freeze")
	b.press("tab", "enter")
	require.Equal(t, []tuitest.Call{{Action: "resume", Act: engine.Act{Run: 15, Seen: engine.RunCancelled}}}, b.operator.Calls())

	b = staged(t, 80, 24, states()["go"])
	b.press("p")
	require.Contains(t, b.frame(), "p: rehearsal #15 has its verdict")
	b = staged(t, 80, 24, states()["frozen"])
	b.press("1", "x")
	require.NotContains(t, b.frame(), "Abort", "elsewhere it is about runs")
}

func TestOneGateIsMeasuredAgainAndOpensWhatItRestsOn(t *testing.T) {
	t.Parallel()
	b := staged(t, 80, 30, states()["no-go"], earlier())
	b.press(".", "enter")
	require.Equal(t, []tuitest.Call{{Action: "rerun gate", Act: engine.Act{Run: 15, Seen: engine.RunDone}, Set: "agreement"}}, b.operator.Calls())
	b.press("down", "down", "down", "down", ".")
	require.Contains(t, b.frame(), ".: gate drift is being measured again, for sari@db2")
	b.press("enter")
	require.Contains(t, b.frame(), "›5 Ledg")
	b.press("6", "n", ".")
	require.Contains(t, b.frame(), "only those of the last rehearsal")
	for gate, tab := range map[int]string{0: "›3 Diff", 2: "›1 Over", 3: "›4 Quar", 6: "›2 Runs"} {
		b = staged(t, 80, 30, states()["go"])
		for range gate {
			b.press("down")
		}
		b.press("enter")
		require.Contains(t, b.frame(), tab)
	}
	b = staged(t, 80, 30, states()["go"])
	b.press("end", "enter")
	require.Contains(t, b.frame(), "all there is to see of it stands here")
}

func TestOlderRehearsalsAreTurnedToAndComparedWith(t *testing.T) {
	t.Parallel()
	b := staged(t, 140, 45, states()["go"], earlier())
	require.Contains(t, b.frame(), "rehearsal #15")
	require.Contains(t, b.frame(), "change  found")
	require.Contains(t, b.frame(), "−15 s", "each step took 40 s, and 55 s before")
	b.press("n")
	require.Contains(t, b.frame(), "rehearsal #9")
	require.NotContains(t, b.frame(), "change  found", "there is none before it")
	b.press("n")
	require.Contains(t, b.frame(), "n: there is none before rehearsal #9")
	b.press("N")
	require.Contains(t, b.frame(), "rehearsal #15")
	require.Len(t, b.operator.Reads(), 1, "nothing moves, so nothing is read again")
}

func TestAReportIsWritten(t *testing.T) {
	t.Parallel()
	b := staged(t, 80, 24, states()["go"])
	b.press("e")
	require.Contains(t, b.frame(), "report: /srv/rehearsal-15.md")
	b = staged(t, 80, 24)
	b.press("e")
	require.Contains(t, b.frame(), "e: there has been no rehearsal yet; s begins one")
	b.operator.FailReads(errors.New("permission denied for table rehearsal (SQLSTATE 42501)"))
	b.press("r")
	b.pass(10 * time.Second)
	require.LessOrEqual(t, strings.Count(b.frame(), "\n"), 23)
}

func TestAListThatLagsBehindIsNotReadWithoutAPause(t *testing.T) {
	t.Parallel()
	b := setup(t, tuitest.Staged(states()["go"]), 80, 24)
	b.operator.Rehearse(*earlier()) // the snapshot knows of another one already
	b.press("6")
	b.pass(5 * time.Second)
	require.InDelta(t, 6, len(b.operator.Reads()), 2)
}
