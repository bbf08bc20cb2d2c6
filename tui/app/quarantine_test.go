package app_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/tui/app"
	"ferry/tui/tuitest"
)

// Four keys from the opened console: 4 and down show which rows have an empty code, T and enter read them again.
func TestWhichRowsWereRejectedForAnEmptyCodeAndRetryThem(t *testing.T) {
	t.Parallel()
	b := setup(t, tuitest.Quarantined(), 80, 24)
	b.operator.Hold(tuitest.Rows(10)...)
	b.operator.Rule(tuitest.Rules()...)
	b.press("4", "down")
	b.pass(time.Second)
	require.Contains(t, b.frame(), "rows    100002  its code is empty")
	require.Contains(t, b.frame(), "100008  its code is empty")
	b.press("T", "enter")
	require.Equal(t, []tuitest.Call{{
		Action: "retry rows", Which: engine.QuarantineSelection{Entity: "loyalty_card", Reason: "card.code_empty"},
	}}, b.operator.Calls())
	require.Contains(t, b.frame(), "✓ 7 rows are read again by the next tick")
}

func TestMarkedRowsAreRetriedAlone(t *testing.T) {
	t.Parallel()
	b := desk(t, tuitest.Quarantined(), 80, 24, 20)
	b.press("enter")
	b.pass(time.Second)
	b.press("m", "down", " ", "up", "m", "m", "T", "n", "tab", "shift+tab", "enter")
	// Marked: the first; the third; then the third once more, which takes its mark away, and the fourth.
	require.Equal(t, []tuitest.Call{{Action: "retry rows", Act: engine.Act{Reason: "n"}, Which: engine.QuarantineSelection{
		Entity: "loyalty_card", Reason: "card.partner_missing", IDs: []int64{100_001, 100_019},
	}}}, b.operator.Calls())
	require.NotContains(t, b.frame(), "marked", "marks have done their part")
	reads := len(b.operator.Reads())
	b.pass(time.Second)
	require.GreaterOrEqual(t, len(b.operator.Reads()), reads)
	require.Contains(t, b.operator.Reads()[2:], "rows of card.partner_missing from the first", "what is shown is read again")

	b.press("T", "enter")
	require.Equal(t, []int64{100_025}, b.operator.Calls()[1].Which.IDs, "without marks it is the row under the cursor")
}

func TestAWaiverNeedsANote(t *testing.T) {
	t.Parallel()
	b := desk(t, tuitest.Quarantined(), 80, 24, 20)
	b.press("w", "enter")
	require.Empty(t, b.operator.Calls(), "the harmless choice has the focus")
	b.press("w", "tab", "enter")
	require.Contains(t, b.frame(), "Waiving needs a note")
	require.Empty(t, b.operator.Calls())
	b.press(" ", "enter")
	require.Contains(t, b.frame(), "Waiving needs a note", "spaces are none")
	b.press("c", "o", "u", "p", "o", "n", "s", "enter")
	which := engine.QuarantineSelection{Entity: "loyalty_card", Reason: "card.partner_missing"}
	require.Equal(t, []tuitest.Call{{Action: "waive", Which: which, Act: engine.Act{Reason: "coupons"}}}, b.operator.Calls())
	require.Contains(t, b.frame(), "✓ 20 rows are no longer counted as rejected")

	b.press("enter")
	b.pass(time.Second)
	b.press("down", "down", "down", "down", "enter", "w")
	require.Contains(t, b.frame(), "Row 100025 was waived by sari@db2: coupons have no partner")
	require.NotContains(t, b.frame(), "waive row 100025")
	b.press("tab", "tab", "enter")
	which.IDs = []int64{100_025}
	require.Equal(t, tuitest.Call{Action: "waive", Which: which, Again: true}, b.operator.Calls()[1])
}

func TestARuleIsSwitchedAfterAQuestion(t *testing.T) {
	t.Parallel()
	b := desk(t, tuitest.Quarantined(), 80, 24, 20)
	b.press("v")
	require.Contains(t, b.frame(), "Rule card.partner_missing: now reject")
	require.Contains(t, b.frame(), "The next run reads every row once.")
	b.press("enter")
	require.Empty(t, b.operator.Calls())
	b.press("v", "tab", "enter")
	require.Equal(t, []tuitest.Call{{Action: "set rule", Set: "card.partner_missing=warn"}}, b.operator.Calls())
	require.Contains(t, b.frame(), "✓ card.partner_missing is warn from the next run on")
	changed := tuitest.Rules()
	changed[1].Severity = "warn"
	b.operator.Rule(changed...)
	b.press("r")
	require.Contains(t, b.frame(), "the rule is warn: the next run loads such rows as they are")
	b.press("v", "tab", "enter")
	require.Equal(t, "card.partner_missing=reject", b.operator.Calls()[1].Set)
}

func TestWhatCannotBeDoneInQuarantineSaysWhy(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		keys   []string
		reason string
	}{
		{[]string{"down", "v"}, "v: card.code_empty is fixed: the engine's tables cannot hold such a row"},
		{[]string{"down", "down", "v"}, "v: waiting_parent is no rule, so there is nothing to switch"},
		{[]string{"G", "T"}, "T: no row is in quarantine for card.points_negative"},
		{[]string{"G", "w"}, "w: no row is in quarantine for card.points_negative"},
		{[]string{" "}, "space: open a reason first; its rows can be marked"},
		{[]string{"f"}, "f: that is on preflight"},
		{[]string{"1", "w"}, "w: that is about quarantine; 4 opens it"},
		{[]string{"2", "v"}, "v: that is about quarantine; 4 opens it"},
		{[]string{"1", "m"}, "m: that is for lists such as quarantine; 4 opens it"},
		{[]string{"P", "w"}, "w: that is about quarantine; 4 opens it"},
	} {
		b := desk(t, tuitest.Quarantined(), 100, 24, 20)
		b.press(c.keys...)
		require.Contains(t, b.frame(), c.reason)
		require.Empty(t, b.operator.Calls())
	}
	looking := tuitest.Quarantined()
	looking.Process.ReadOnly = true
	for _, key := range []string{"T", "w", "v"} {
		b := desk(t, looking, 80, 24, 20)
		b.press(key)
		require.Contains(t, b.frame(), key+": this console only looks (--read-only)")
	}
	b := desk(t, tuitest.Quarantined(), 80, 24, 20)
	b.operator.Fail(errors.New("the rules are frozen until 22:00"))
	b.press("v", "tab", "enter")
	require.Contains(t, b.frame(), "set card.partner_missing to warn: not done: the rules are frozen until 22:00")
}

// What a row holds reaches the screen with every control made visible, in each place where it is shown.
func TestHostileRowsAreShownNotObeyed(t *testing.T) {
	t.Parallel()
	const evil = "\x1b[2J\x1b]0;owned\x07\u202egpj\r\n\x9b31m"
	row := engine.QuarantineRow{
		Entity: "loyalty_card", ID: 1, State: evil, Reason: "card.partner_missing", Detail: evil, SQLState: evil, ParentEntity: evil,
		Parent: engine.Known[int64](2), WaivedBy: evil, WaivedNote: evil, Payload: map[string]string{evil: evil, "long": strings.Repeat("字", 1<<20)},
	}
	for _, size := range [][2]int{{60, 16}, {80, 24}, {140, 45}} {
		b := setup(t, tuitest.Quarantined(), size[0], size[1])
		b.operator.Hold(row)
		b.operator.Rule(engine.RuleView{Name: "card.partner_missing", Why: evil, Severity: evil, Default: evil})
		for _, key := range []string{"4", "enter", "enter", "G", "w", "esc", "v", "esc", "T"} {
			b.press(key)
			b.pass(time.Second)
			requireSound(t, b.frame(), size[0], size[1])
		}
	}
}

// At 80×24 without colours, what is selected and what is marked is seen by its sign.
func TestQuarantineNeedsNoColours(t *testing.T) {
	t.Parallel()
	b := desk(t, tuitest.Quarantined(), 80, 24, 20, func(c *app.Config) { c.ASCII = true })
	b.press("enter")
	b.pass(time.Second)
	b.press("m")
	lines := strings.Split(b.frame(), "\n")
	require.True(t, slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, ">    100007") }), b.frame())
	require.True(t, slices.ContainsFunc(lines, func(l string) bool { return strings.HasPrefix(l, "  *  100001") }), b.frame())
}

// What all rows of a reason have in common is said once; of each the list names the row that it is bound to.
func TestARowNamesTheOneThatItIsBoundTo(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{2: "  waits for card 100001 ", 3: "  code of #17 "} {
		b := desk(t, tuitest.Quarantined(), 80, 24, 20)
		b.press(append(slices.Repeat([]string{"down"}, n), "enter")...)
		b.pass(time.Second)
		require.Contains(t, b.frame(), want)
	}
}

func TestAListOfReasonsOpensAtItsBeginningAndSaysWhatIsAbove(t *testing.T) {
	t.Parallel()
	s := tuitest.Quarantined()
	for _, sqlstate := range []string{"23502", "23503", "23514", "22001", "22007", "22008", "22P02", "22021", "23505", "42804", "22023"} {
		s.Reasons = append(s.Reasons, engine.ReasonView{Entity: "loyalty_card", Reason: "refused_" + sqlstate, Rows: 1})
	}
	b := desk(t, s, 80, 24, 20)
	more := tuitest.Quarantined()
	more.Reasons = append([]engine.ReasonView{
		{Entity: "loyalty_card", Reason: "refused_0A000", Rows: 900},
		{Entity: "loyalty_card", Reason: "refused_0B000", Rows: 800},
		{Entity: "loyalty_card", Reason: "refused_0F000", Rows: 700},
	}, s.Reasons...)
	b.operator.Show(more)
	b.pass(time.Second)
	require.Contains(t, b.frame(), " refused_0A000 ")
	require.NotContains(t, b.frame(), "above")
	b.press("G")
	require.Regexp(t, `↑ \d+ rows above`, b.frame())
}
