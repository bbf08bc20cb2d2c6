package app_test

import (
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

// mostKeys is how many keys a task may take from the opened console, beside the text that is typed.
const mostKeys = 4

// task counts the keys of one of the operator's tasks.
type task struct {
	*bench

	keys int
}

func (k *task) press(keys ...string) {
	for _, key := range keys {
		k.keys++
		k.bench.press(key)
		k.pass(time.Second)
	}
}

func (k *task) write(text string) { k.bench.press(strings.Split(text, "")...) }

// The README's table names these tasks and their keys.
func TestOperatorsTasksTakeFourKeys(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	folder := t.TempDir()
	for _, c := range []struct {
		question, row string
		on            func() *bench
		do            func(k *task)
	}{
		{
			"is it safe to cut over?", "`6`", func() *bench { return staged(t, 80, 24, states()["go"]) },
			func(k *task) {
				k.press("6")
				require.Contains(t, k.frame(), "GO: every gate passed")
				require.Contains(t, k.frame(), "Odoo may be unfrozen: yes")
			},
		},
		{
			"pause everything", "`p` `tab` `tab` `enter`", func() *bench { return setup(t, tuitest.Running(), 80, 24) },
			func(k *task) {
				k.press("p", "tab", "tab", "enter")
				require.Equal(t, []string{"pause schedule", "pause"}, []string{k.operator.Calls()[0].Action, k.operator.Calls()[1].Action})
				require.Contains(t, k.frame(), "✓ the ticks are paused, and run #12 is asked to pause")
			},
		},
		{
			"which rows were rejected for an empty code, and retry them", "`:` retry empty `enter` `enter`",
			func() *bench {
				b := setup(t, tuitest.Quarantined(), 80, 24)
				b.operator.Hold(tuitest.Rows(20)...)
				return b
			},
			func(k *task) {
				k.press(":")
				k.write("retry empty")
				k.press("enter")
				require.Contains(t, k.frame(), "Retry all 7 rows")
				k.press("enter")
				require.Equal(t, engine.QuarantineSelection{Entity: "loyalty_card", Reason: "card.code_empty"}, k.operator.Calls()[0].Which)
				require.Contains(t, k.frame(), "read again by the next tick")
				require.Contains(t, k.frame(), "100002", "and the rows are in sight")
			},
		},
		{
			"what did the last run do?", "`2` `enter`",
			func() *bench {
				b := setup(t, tuitest.Done(), 80, 24)
				b.operator.Keep(tuitest.History(tuitest.Done(), 12)...)
				return b
			},
			func(k *task) {
				k.press("2", "enter")
				require.Contains(t, k.frame(), "#12")
				require.Contains(t, k.frame(), "load", "step by step")
			},
		},
		{
			"export all missing history rows", "`:` export missing history `enter` `tab` `enter`",
			func() *bench {
				found := tuitest.Findings(10)
				for i := range found[:3] {
					found[i].Entity, found[i].Cause = "loyalty_point_history", engine.CauseMissing
				}
				return proving(t, tuitest.Disproven(), 80, 24, found, func(c *app.Config) {
					c.Create = func(name string) (app.File, error) { return app.NewFile(filepath.Join(folder, name)) }
				})
			},
			func(k *task) {
				k.press(":")
				k.write("export missing history")
				k.press("enter", "tab", "enter")
				require.Contains(t, k.frame(), "✓ 3 discrepancies are in discrepancies-")
			},
		},
		{
			"who paused the sync?", "none: the second line says it",
			func() *bench { return setup(t, paused(), 80, 24) },
			func(k *task) { require.Regexp(t, `PAUSED .* by sari@db2 \dm ago`, k.frame()) },
		},
	} {
		b := c.on()
		for range 3 { // as it is opened
			b.press("esc")
		}
		b.press("1")
		k := &task{bench: b}
		c.do(k)
		require.LessOrEqual(t, k.keys, mostKeys, c.question)
		require.Contains(t, string(readme), "| "+c.question+" | "+c.row+" |", "as the README says")
	}
}
