package app_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/tui/tuitest"
)

func ledgerDesk(t *testing.T, width, height, drifted int) *bench {
	t.Helper()
	b := setup(t, tuitest.LookedAt(int64(drifted)), width, height)
	b.operator.Drift(tuitest.Drifted(drifted)...)
	b.press("5")
	b.pass(time.Second)
	return b
}

func TestGoldenFramesOfTheLedger(t *testing.T) {
	t.Parallel()
	for _, size := range [][2]int{{80, 24}, {140, 45}} {
		width, height := size[0], size[1]
		check := func(name string, b *bench) {
			t.Helper()
			compare(t, fmt.Sprintf("%s.%dx%d", name, width, height), b.frame())
		}
		check("ledger", ledgerDesk(t, width, height, 45))
		check("ledger-right", ledgerDesk(t, width, height, 0))
		b := ledgerDesk(t, width, height, 45)
		b.press("/", "h", "i", "s", "t", "o", "r", "y", "enter")
		b.pass(time.Second)
		check("ledger-filtered", b)
		b = setup(t, tuitest.InStep(), width, height)
		b.press("5")
		check("ledger-never", b)
		b = setup(t, tuitest.LookedAt(45), width, height)
		b.operator.FailReads(errors.New("listing the ledger: permission denied for table ledger (SQLSTATE 42501)"))
		b.press("5")
		check("ledger-error", b)
		b = setup(t, tuitest.Unreachable(), width, height)
		b.press("5")
		check("ledger-unreachable", b)
	}
}

// From the ledger a card is one key away, and so is the way back to its row.
func TestEnterOpensACardOfTheLedger(t *testing.T) {
	t.Parallel()
	b := ledgerDesk(t, 80, 24, 45)
	report := tuitest.RightCard(4000 + 7*43)
	report.Sentence, report.Drifts = "Equal to Odoo's ledger. Odoo disagrees with itself.", []engine.Drift{engine.DriftHistory}
	b.operator.Deal(report)
	b.press("down")
	list := b.frame()
	require.Contains(t, list, "›    4301 ", "what is furthest apart comes first")
	b.press("enter")
	require.Contains(t, b.frame(), "Odoo disagrees with itself.")
	require.Contains(t, b.operator.Reads(), "card 4301 ")
	b.press("esc")
	require.Equal(t, list, b.frame())
}

func TestALookAtTheLedgerRenewsTheList(t *testing.T) {
	t.Parallel()
	b := ledgerDesk(t, 80, 24, 45)
	reads := len(b.operator.Reads())
	b.pass(2 * time.Second)
	require.Len(t, b.operator.Reads(), reads, "nothing is news")
	again := tuitest.LookedAt(3)
	again.Ledger.At, again.Ledger.Run = b.now, 4720
	b.operator.Drift(tuitest.Drifted(3)...)
	b.operator.Show(again)
	b.pass(2 * time.Second)
	require.Contains(t, b.frame(), "1/3 ")
	require.Contains(t, b.frame(), "by check #4720")
}

func TestNobodyReadsALedgerThatWasNeverLookedAt(t *testing.T) {
	t.Parallel()
	b := setup(t, tuitest.InStep(), 80, 24)
	b.press("5", "r")
	require.Contains(t, b.frame(), "r: nobody has looked at the ledger yet; s begins a check")
	require.Empty(t, b.operator.Reads())
	for key, reason := range map[string]string{"m": "mended in Odoo", "f": "open a card first", "T": "quarantine"} {
		b.press(key)
		require.Contains(t, b.frame(), key+": ")
		require.Contains(t, b.frame(), reason)
	}
}
