package app_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/tui/tuitest"
)

// typing is a text key by key.
func typing(text string) []string {
	keys := make([]string, 0, len(text))
	for _, r := range text {
		keys = append(keys, string(r))
	}
	return keys
}

func TestTheEngineIsSealedAndOpenedByItsName(t *testing.T) {
	t.Parallel()
	b := setup(t, tuitest.Done(), 80, 24)
	b.press("S", "enter")
	require.Empty(t, b.operator.Calls(), "Cancel has the focus")
	b.press(append([]string{"S"}, typing("cutover")...)...)
	b.press("tab", "enter", "tab", "enter")
	require.Contains(t, b.frame(), "Type the name of the engine database: loyalty")
	b.press(typing("loyal")...)
	b.press("enter")
	require.Contains(t, b.frame(), "“loyal” is not the name of the engine database: loyalty")
	require.Empty(t, b.operator.Calls())
	b.press(typing("ty")...)
	b.press("enter")
	b.pass(time.Second)
	calls := b.operator.Calls()
	require.Len(t, calls, 1)
	require.Equal(t, "seal", calls[0].Action)
	require.Equal(t, "loyalty", calls[0].Set)
	require.Equal(t, "cutover", calls[0].Act.Reason)
	require.Contains(t, b.frame(), "loyalty is sealed")

	b.operator.Show(tuitest.Sealed())
	b.beat()
	for _, key := range []string{"1", "2", "4", "5", "7", "P", "?"} { // always, whatever is looked at
		b.press(key)
		require.Contains(t, b.frame(), "SEALED by sari@db2 since 20:46:11Z", key)
	}
	b.press("1", "S", "tab", "enter", "tab")
	b.press(typing("loyalty")...)
	b.press("enter")
	b.pass(time.Second)
	calls = b.operator.Calls()
	require.Equal(t, "unseal", calls[1].Action)
	require.False(t, calls[1].Again, "what others wrote stays")
	require.Contains(t, b.frame(), "others wrote 2 rows and deleted 0")
}

func TestUnderASealNothingIsOfferedThatWrites(t *testing.T) {
	t.Parallel()
	b := setup(t, tuitest.Sealed(), 100, 30)
	b.press("s", "enter")
	require.Contains(t, b.frame(), "not now: the engine is sealed by sari@db2: cutover")
	require.Empty(t, b.operator.Calls())
}

func TestTheJournalIsFilteredAndTellsAllOfAnEntry(t *testing.T) {
	t.Parallel()
	b := setup(t, tuitest.Done(), 80, 24)
	b.press("7")
	b.pass(time.Second)
	require.Contains(t, b.frame(), "jo@ops1: rule card.partner_missing, was reject: warn —")
	require.Contains(t, b.frame(), "coupons ␛[2J", "hostile text is shown, not obeyed")
	b.press("/")
	b.press(typing("who:sari outcome:refused")...)
	b.press("enter")
	b.pass(time.Second)
	require.Contains(t, b.frame(), "1/1")
	require.Contains(t, b.frame(), "sari@db2 (from 10.0.8.2): pause #12, was running:")
	b.press("w", "m", "R")
	require.Empty(t, b.operator.Calls())
	b.press("esc")
	b.pass(time.Second)
	require.Contains(t, b.frame(), "1/7")

	// What is done is there at once.
	b.operator.Journalled(append(tuitest.Deeds(), engine.JournalEntry{ID: 108, At: tuitest.Noon, Actor: "jo@ops1", Action: "seal", Outcome: "sealed"})...)
	s := tuitest.Done()
	s.Activity = append([]engine.Activity{{At: tuitest.Noon, By: "jo@ops1", What: "seal: sealed"}}, s.Activity...)
	b.operator.Show(s)
	b.pass(time.Second)
	require.Contains(t, b.frame(), "1/8")
}
