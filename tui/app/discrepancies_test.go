package app_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/tui/app"
	"ferry/tui/tuitest"
)

// proving is a console whose operator can prove and mend, on the screen of discrepancies.
func proving(t *testing.T, s *engine.Snapshot, width, height int, found []engine.Discrepancy, change ...func(*app.Config)) *bench {
	t.Helper()
	var operator *tuitest.Operator
	change = append([]func(*app.Config){func(c *app.Config) {
		operator, _ = c.Operator.(*tuitest.Operator)
		operator.Found(found...)
		c.Operator = &tuitest.Prover{Operator: operator}
	}}, change...)
	b := setup(t, s, width, height, change...)
	b.press("3")
	b.pass(time.Second)
	return b
}

func typed(text string) []string { return strings.Split(text, "") }

func TestGoldenFramesOfDiscrepancies(t *testing.T) {
	t.Parallel()
	for _, size := range [][2]int{{80, 24}, {140, 45}} {
		for name, keys := range map[string][]string{
			"found": nil, "found-line": {"down"}, "found-rows": {"enter", "m", "down"}, "found-rows-filter": {"down", "enter", "/", "p", "o", "i"},
			"found-row": {"enter", "down", "enter"}, "found-row-missing": {"enter", "down", "down", "enter"},
			"dialog-recheck": {"enter", "r"}, "dialog-plan": {"R"}, "dialog-acknowledge": {"enter", "down", "a", "k"}, "dialog-export": {"e"},
			"repair-plan": {"R", "enter"}, "dialog-repair": {"R", "enter", "R", "l", "o", "y"},
			"dialog-repair-wrong": {"R", "enter", "R", "p", "r", "o", "d", "tab", "enter"},
		} {
			b := proving(t, tuitest.Disproven(), size[0], size[1], tuitest.Findings(200))
			b.operator.Plan(tuitest.Planned(1))
			for _, key := range keys {
				b.press(key)
				b.pass(time.Second)
			}
			compare(t, fmt.Sprintf("%s.%dx%d", name, size[0], size[1]), b.frame())
		}
		for name, s := range map[string]*engine.Snapshot{
			"never": tuitest.InStep(), "nothing": tuitest.Proven(), "checking": tuitest.Checking(), "could-not": tuitest.CouldNotCheck(),
			"expired": tuitest.ProofExpired(), "repaired": tuitest.AfterRepair(),
		} {
			b := proving(t, s, size[0], size[1], nil)
			compare(t, fmt.Sprintf("found-%s.%dx%d", name, size[0], size[1]), b.frame())
		}
		b := setup(t, tuitest.Proven(), size[0], size[1], prove)
		b.operator.FailReads(errors.New("read discrepancies: permission denied for table discrepancy (SQLSTATE 42501)"))
		b.press("3")
		b.pass(time.Second)
		compare(t, fmt.Sprintf("found-error.%dx%d", size[0], size[1]), b.frame())
		for name, keys := range map[string][]string{"menu-check": {"s"}, "menu-pause-check": {"p"}, "menu-cancel-check": {"x"}} {
			b := proving(t, tuitest.Checking(), size[0], size[1], nil)
			b.press(append([]string{"1"}, keys...)...)
			compare(t, fmt.Sprintf("%s.%dx%d", name, size[0], size[1]), b.frame())
		}
	}
}

func prove(c *app.Config) {
	operator, _ := c.Operator.(*tuitest.Operator)
	c.Operator = &tuitest.Prover{Operator: operator}
}

// Every action says what the operator saw: the discrepancy by its number, in the state that was shown.
func TestAnActionIsAboutWhatTheOperatorSaw(t *testing.T) {
	t.Parallel()
	b := proving(t, tuitest.Disproven(), 80, 24, tuitest.Findings(10))
	b.press("enter")
	b.pass(time.Second)
	b.press("r", "enter")
	settled := []engine.DiscrepancyState{engine.DiscrepancySettled}
	require.Equal(t, tuitest.Call{Action: "recheck", Found: engine.DiscrepancySelection{IDs: []int64{301}, States: settled}}, b.operator.Calls()[0])
	require.Contains(t, b.frame(), "✓ check #15 looks at them again")

	b.press("m", "down", "down", "m", "r", "enter") // the first and the fourth
	require.Equal(t, engine.DiscrepancySelection{IDs: []int64{301, 304}, States: settled}, b.operator.Calls()[1].Found)
	require.NotContains(t, b.frame(), "marked", "marks have done their part")

	b.press("r", "tab", "enter")
	require.Equal(t, engine.DiscrepancySelection{States: engine.OpenDiscrepancy}, b.operator.Calls()[2].Found, "all that are open")
	b.press("/")
	b.press(typed("cause:extra")...)
	b.press("enter")
	b.pass(time.Second)
	b.press("r", "tab", "enter")
	require.Equal(t, engine.DiscrepancySelection{
		States: engine.OpenDiscrepancy, Filter: engine.Filter{{Field: "cause", Pattern: "extra"}},
	}, b.operator.Calls()[3].Found, "all that fit the filter: a filter, not a list of ids")
}

func TestALineOfTheCountsIsActedOnWhole(t *testing.T) {
	t.Parallel()
	b := proving(t, tuitest.Disproven(), 80, 24, tuitest.Findings(10))
	require.Regexp(t, `› all `, b.frame(), "all of them lead, and have the cursor")
	b.press("down", "r")
	require.Contains(t, b.frame(), "re-check all 1  of loyalty_card: missing, settled")
	b.press("enter")
	require.Equal(t, engine.DiscrepancySelection{
		Entity: "loyalty_card", Cause: engine.CauseMissing, States: []engine.DiscrepancyState{engine.DiscrepancySettled},
	}, b.operator.Calls()[0].Found)
}

func TestARepairIsPlannedReadAndConfirmedByTheDatabasesName(t *testing.T) {
	t.Parallel()
	for _, size := range [][2]int{{80, 24}, {140, 45}} {
		b := proving(t, tuitest.Disproven(), size[0], size[1], tuitest.Findings(10))
		b.operator.Plan(tuitest.Planned(0))
		run := tuitest.Detail(tuitest.Done())
		run.ID, run.Kind = 16, engine.RunRepair
		b.operator.Keep(run)
		b.press("R", "n", "i", "g", "h", "t", "enter")
		require.Equal(t, []tuitest.Call{{
			Action: "plan repair", Act: engine.Act{Reason: "night"}, Found: engine.DiscrepancySelection{States: engine.OpenDiscrepancy},
		}}, b.operator.Calls(), "nothing is deleted unless that was chosen")
		require.Contains(t, b.frame(), "plan #3 would change 2 rows of loyalty")
		require.Contains(t, b.frame(), "120.00 → 150.00")
		require.NotContains(t, b.frame(), "DELETED")

		b.press("R", "enter")
		require.Len(t, b.operator.Calls(), 1, "Cancel has the focus")
		b.press("R", "tab", "enter")
		require.Contains(t, b.frame(), "Type the name of the engine database: loyalty")
		b.press(typed("prod")...)
		b.press("enter")
		require.Contains(t, b.frame(), "“prod” is not the name of the engine database: loyalty")
		require.Len(t, b.operator.Calls(), 1)
		b.press("ctrl+u")
		b.press(typed("Loyalty")...)
		b.press("enter")
		require.Contains(t, b.frame(), "“Loyalty” is not the name", "letter by letter")
		b.press("ctrl+u")
		b.press(typed("loyalty")...)
		b.press("enter")
		require.Equal(t, tuitest.Call{Action: "apply repair", Act: engine.Act{Reason: "night"}, Set: "3-9f2c41aa loyalty"}, b.operator.Calls()[1])
		b.pass(2 * time.Second)
		require.Contains(t, b.frame(), "✓ run #16 repairs by plan #3")
		require.Contains(t, b.frame(), "run #16  repair", "the run that was begun is shown")
		b.press("3")
		require.NotContains(t, b.frame(), "would change", "a plan that was carried out is not offered again")
	}
}

func TestDeletesAreAnExplicitChoice(t *testing.T) {
	t.Parallel()
	b := proving(t, tuitest.Disproven(), 80, 24, tuitest.Findings(10))
	b.operator.Plan(tuitest.Planned(1))
	b.press("R", "tab", "enter")
	require.True(t, b.operator.Calls()[0].Again, "with deletes")
	require.Contains(t, b.frame(), "✗ 1 row would be DELETED")
	b.press("R")
	require.Contains(t, b.frame(), "Repair and delete")
	b.press("esc", "esc", "down", "R")
	require.NotContains(t, b.frame(), "with deletes", "of a line without extras nothing can be deleted")
	kept := []engine.Discrepancy{{
		ID: 1, Entity: "loyalty_card", Row: 7, Cause: engine.CauseDeletedAtSource, State: engine.DiscrepancyExplained, FoundAt: tuitest.Noon,
	}}
	b = proving(t, tuitest.Disproven(), 80, 24, kept)
	b.press("G", "R")
	require.Contains(t, b.frame(), "with deletes", "what the policy keeps leaves the engine if somebody chooses so")
	require.NotContains(t, b.frame(), "none is deleted", "and by no other repair")
}

func TestAStalePlanIsToldAndStays(t *testing.T) {
	t.Parallel()
	b := proving(t, tuitest.Disproven(), 80, 24, tuitest.Findings(10))
	b.operator.Plan(tuitest.Planned(0))
	b.press("R", "enter")
	b.operator.Fail(engine.Refuse(engine.ErrStateChanged, "plan 3 is stale: 1 of its rows has changed since it was made; plan anew"))
	b.press("R")
	b.press(append(typed("loyalty"), "tab", "enter")...)
	require.Contains(t, b.frame(), "✗ not carried out: plan 3 is stale")
	require.Contains(t, b.frame(), "repair by plan #3: not done: plan 3 is stale")
	require.Contains(t, b.frame(), "plan #3 would change", "the rows are still there to be read")

	old := tuitest.Planned(0)
	old.MadeAt = tuitest.Noon.Add(-25 * time.Hour)
	b = proving(t, tuitest.Disproven(), 80, 24, tuitest.Findings(10))
	b.operator.Plan(old)
	b.press("R", "enter", "R")
	require.Contains(t, b.frame(), "R: plan #3 is older than a day")
	spent := tuitest.Planned(0)
	spent.State = engine.RepairApplied
	b.press("esc")
	b.operator.Plan(spent)
	b.press("R", "enter", "R")
	require.Contains(t, b.frame(), "R: plan #3 is applied; plan the repair anew")
	none := tuitest.Planned(0)
	none.Total, none.Items, none.ByCause = 0, nil, nil
	b.press("esc")
	b.operator.Plan(none)
	b.press("R", "enter", "R")
	require.Contains(t, b.frame(), "R: there is nothing to repair")
}

func TestAPlanThatCannotBeMadeSaysWhy(t *testing.T) {
	t.Parallel()
	b := proving(t, tuitest.Disproven(), 80, 24, tuitest.Findings(10))
	b.operator.Fail(engine.Refuse(engine.ErrRunActive, "run #16 repairs; wait until it has ended"))
	b.press("R", "enter")
	require.Contains(t, b.frame(), "✗ the plan could not be made: run #16 repairs")
	b.press("R")
	require.Contains(t, b.frame(), "R: the plan could not be made; esc goes back")
	b.press("esc")
	require.Contains(t, b.frame(), "loyalty_point_move")
}

func TestAnAcknowledgementHasANoteAndAnEnd(t *testing.T) {
	t.Parallel()
	b := proving(t, tuitest.Disproven(), 80, 24, tuitest.Findings(10))
	b.press("enter")
	b.pass(time.Second)
	b.press("a", "enter")
	require.Empty(t, b.operator.Calls(), "the harmless choice has the focus")
	b.press("a", "tab", "enter")
	require.Contains(t, b.frame(), "An acknowledgement needs a note")
	b.press("k", "tab", "enter")
	which := engine.DiscrepancySelection{IDs: []int64{301}, States: []engine.DiscrepancyState{engine.DiscrepancySettled}}
	require.Equal(t, []tuitest.Call{{
		Action: "acknowledge", Act: engine.Act{Reason: "k"}, Found: which, Until: b.now.Add(7 * 24 * time.Hour),
	}}, b.operator.Calls())
	require.Contains(t, b.frame(), "✓ 1 discrepancy acknowledged")

	b.press("a", "k", "tab", "tab", "tab", "enter")
	require.Zero(t, b.operator.Calls()[1].Until, "for good")
	require.NotContains(t, b.frame(), "take it back")
	b.press("down", "a")
	require.Contains(t, b.frame(), "take it back")
	b.press("tab", "tab", "tab", "tab", "enter")
	require.True(t, b.operator.Calls()[2].Again)
	require.Equal(t, []int64{302}, b.operator.Calls()[2].Found.IDs)

	b.press("a", "w", "tab", "tab", "tab", "tab", "tab", "enter")
	require.Contains(t, b.frame(), "Acknowledge all 10 that are open?")
	b.press("tab", "enter")
	require.Equal(t, "w", b.operator.Calls()[3].Act.Reason, "the note is kept on the way")
	require.Equal(t, engine.OpenDiscrepancy, b.operator.Calls()[3].Found.States)
}

func TestWhatHasChangedMeanwhileIsNotActedOn(t *testing.T) {
	t.Parallel()
	b := proving(t, tuitest.Disproven(), 80, 24, tuitest.Findings(10))
	b.press("enter")
	b.pass(time.Second)
	changed := tuitest.Findings(10)
	changed[0].State = engine.DiscrepancyVerified
	b.operator.Found(changed...)
	b.press("a", "k", "tab", "enter")
	require.Contains(t, b.frame(), "✓ none: they have changed meanwhile")
}

func TestAnExportNeverOverwrites(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	file := filepath.Join(folder, "x.csv")
	export := func(file string, keys ...string) *bench {
		b := proving(t, tuitest.Disproven(), 140, 45, tuitest.Findings(10), func(c *app.Config) { c.Create = app.NewFile })
		b.press("down", "down", "e")
		require.Contains(t, b.frame(), "discrepancies-20251103T210412Z.csv", "a name is proposed")
		b.press("ctrl+u")
		b.press(typed(file)...)
		b.press(keys...)
		return b
	}
	b := export(file, "enter")
	require.NoFileExists(t, file, "the harmless choice has the focus")
	b.press("e", "ctrl+u", "tab", "enter")
	require.Contains(t, b.frame(), "Type the name of a file.")

	b = export(file, "tab", "enter")
	require.Contains(t, b.frame(), "✓ 2 discrepancies are in ")
	first, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Contains(t, string(first), "0446-4C60")
	require.NotContains(t, string(first), "190001", "of another line")

	b = export(file, "tab", "enter")
	require.True(t, tuitest.Says(b.frame(), "is there already, and nothing is overwritten"), b.frame())
	again, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, first, again)

	export(file, "tab", "tab", "enter")
	lines, err := os.ReadFile(filepath.Join(folder, "x.jsonl"))
	require.NoError(t, err, "the ending is that of the format")
	require.Len(t, strings.Split(strings.TrimSpace(string(lines)), "\n"), 2)

	b = export(filepath.Join(folder, "nowhere", "y.csv"), "tab", "enter")
	require.Contains(t, b.frame(), "not done: make the file")
	b = export(filepath.Join(folder, "y.csv"), "tab")
	b.operator.FailReads(errors.New("connection reset"))
	b.press("enter")
	require.Contains(t, b.frame(), "connection reset")
	require.NoFileExists(t, filepath.Join(folder, "y.csv"), "what could not be written whole is taken away")
}

func TestADiscrepancyIsCopied(t *testing.T) {
	t.Parallel()
	var copied string
	b := proving(t, tuitest.Disproven(), 80, 24, tuitest.Findings(10), func(c *app.Config) {
		c.Clipboard = func(text string) (string, error) {
			copied = text
			return "copied", nil
		}
	})
	b.operator.Plan(tuitest.Planned(0))
	b.press("enter")
	b.pass(time.Second)
	b.press("y")
	require.Equal(t, "loyalty_card 184467 points: source 150.00, expected 150.00, engine 120.00 (field, settled, #301)", copied)
	b.press("R", "enter", "y")
	require.Contains(t, copied, "loyalty_card 190001  insert\n")
}

func TestAReadOnlyConsoleOnlyLooksAtDiscrepancies(t *testing.T) {
	t.Parallel()
	s := tuitest.Disproven()
	s.Process.ReadOnly = true
	for _, key := range []string{"r", "R", "a"} {
		b := proving(t, s, 80, 24, tuitest.Findings(10))
		b.press(key)
		require.Contains(t, b.frame(), key+": this console only looks (--read-only)")
		require.Empty(t, b.operator.Calls())
		require.NotContains(t, b.frame(), "╭")
	}
}

func TestWhatCannotBeDoneAboutDiscrepanciesSaysWhy(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		keys   []string
		reason string
	}{
		{[]string{"m"}, "m: that is about the list of discrepancies; open a line first"},
		{[]string{"/"}, "/: that is about the list of discrepancies; open a line first"},
		{[]string{"T"}, "T: that is about quarantine"},
		{[]string{"y"}, "y: nothing is selected that could be copied"},
		{[]string{"G", "R"}, "R: what is explained is kept by policy: a repair leaves it"},
		{[]string{"1", "R"}, "R: that is about discrepancies; 3 opens them"},
	} {
		b := proving(t, tuitest.Disproven(), 100, 24, tuitest.Findings(10), func(c *app.Config) {
			c.Clipboard = func(string) (string, error) { return "copied", nil }
		})
		b.press(c.keys...)
		require.Contains(t, b.frame(), c.reason)
		require.Empty(t, b.operator.Calls())
	}
	b := proving(t, tuitest.Proven(), 80, 24, nil)
	b.press("R")
	require.Contains(t, b.frame(), "R: there is no discrepancy to do anything about")
}

func TestTheCardOfADiscrepancyIsOneKeyAway(t *testing.T) {
	t.Parallel()
	b := proving(t, tuitest.Disproven(), 80, 24, tuitest.Findings(10))
	b.press("enter")
	b.pass(time.Second)
	b.press("c", "enter")
	require.Contains(t, b.operator.Reads(), "card 184467 ", b.operator.Reads())
	b.press("esc", "enter")
	require.Contains(t, b.frame(), "enter shows the card whole")
	b.press("enter")
	b.pass(time.Second)
	require.Contains(t, b.frame(), "Card", b.frame())
}

func TestAnOpenedRowFollowsWhatBecomesOfIt(t *testing.T) {
	t.Parallel()
	b := proving(t, tuitest.Disproven(), 80, 24, tuitest.Findings(10))
	b.press("enter")
	b.pass(time.Second)
	b.press("enter")
	require.Contains(t, b.frame(), "✗ settled")
	changed := tuitest.Findings(10)
	changed[0].State, changed[0].RepairedRun, changed[0].RepairedAt = engine.DiscrepancyRepaired, 16, b.now
	b.operator.Found(changed...)
	s := tuitest.Disproven()
	s.Proof.RepairedAt = b.now
	b.operator.Show(s)
	b.pass(3 * time.Second)
	require.Contains(t, b.frame(), "◐ repaired")
	require.Contains(t, b.frame(), "by run #16")
	require.Contains(t, b.frame(), "not yet: no check has looked since")
}

func TestChecksAreBegunPausedAndCancelled(t *testing.T) {
	t.Parallel()
	b := setup(t, tuitest.Proven(), 80, 24, prove)
	b.press("s", "tab", "tab", "tab", "enter")
	require.Equal(t, []tuitest.Call{{Action: "check"}}, b.operator.Calls())
	require.Contains(t, b.frame(), "✓ check #17 was queued")
	b.press("s", "tab", "tab", "tab", "tab", "enter")
	require.Equal(t, tuitest.Call{Action: "check", Every: 10 * time.Minute}, b.operator.Calls()[1])

	b = setup(t, tuitest.Checking(), 80, 24, prove)
	b.press("s", "tab", "tab", "tab", "enter")
	require.Contains(t, b.frame(), "not now: check #15 is running")
	require.Empty(t, b.operator.Calls())
	b.press("esc", "p", "tab", "enter")
	require.Equal(t, []tuitest.Call{{Action: "pause", Act: engine.Act{Run: 15, Seen: engine.RunRunning}}}, b.operator.Calls())
	b.press("x", "enter")
	require.Len(t, b.operator.Calls(), 1, "the harmless choice has the focus")
	b.press("x", "tab", "enter")
	require.Equal(t, tuitest.Call{Action: "cancel", Act: engine.Act{Run: 15, Seen: engine.RunRunning}}, b.operator.Calls()[1])

	both := tuitest.Checking()
	both.Run = tuitest.TickOfAll().Run
	b = setup(t, both, 80, 24, prove)
	b.press("x")
	require.Contains(t, b.frame(), "Cancel which one for everyone?")
	b.press("enter")
	require.Empty(t, b.operator.Calls())
	b.press("x", "tab", "tab", "enter")
	require.Equal(t, engine.RunID(15), b.operator.Calls()[0].Act.Run)
	b.press("x", "tab", "enter")
	require.Equal(t, both.Run.ID, b.operator.Calls()[1].Act.Run)
}

// At 80×24 without colours and with ASCII alone, what is selected and what differs is seen by words.
func TestDiscrepanciesNeedNoColours(t *testing.T) {
	t.Parallel()
	b := proving(t, tuitest.Disproven(), 80, 24, tuitest.Findings(10), func(c *app.Config) { c.ASCII = true })
	require.Contains(t, b.frame(), "\n>")
	require.Contains(t, b.frame(), "x settled")
	b.press("enter")
	b.pass(time.Second)
	b.press("m")
	require.Regexp(t, `\n {2}\*\s+301`, b.frame())
	require.Regexp(t, `\n>\s+302`, b.frame())
}

// What a discrepancy holds reaches the screen with every control made visible, in each place where it is shown.
func TestHostileDiscrepanciesAreShownNotObeyed(t *testing.T) {
	t.Parallel()
	const evil = "\x1b[2J\x1b]0;owned\x07\u202egpj\r\n\x9b31m"
	row := engine.Discrepancy{
		ID: 1, Entity: evil, Row: 5, Field: evil, Source: engine.Known(evil), Expected: engine.Known(strings.Repeat("字", 1<<20)),
		Target: engine.Known(evil), Cause: evil, State: engine.DiscrepancySettled, AckBy: evil, AckNote: evil, FoundAt: tuitest.Noon,
	}
	plan := tuitest.Planned(1)
	plan.Database, plan.Items[0].Entity, plan.Items[0].Outcome = evil, evil, evil
	plan.Items[1].Before = map[string]string{evil: evil, "long": strings.Repeat("字", 1<<20)}
	for _, size := range [][2]int{{60, 16}, {80, 24}, {140, 45}} {
		b := proving(t, tuitest.Disproven(), size[0], size[1], []engine.Discrepancy{row})
		b.operator.Plan(plan)
		for _, key := range []string{
			"enter", "a", "esc", "e", "esc", "enter", "G", "r", "esc", "y", "R", "enter", "G", "R", "x", "tab", "enter", "esc", "esc",
		} {
			b.press(key)
			b.pass(time.Second)
			requireSound(t, b.frame(), size[0], size[1])
		}
	}
}
