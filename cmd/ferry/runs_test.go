package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestIdleTicksAreOneLineOfHistory(t *testing.T) {
	t.Parallel()
	b := synced(t)
	c := b.start(t, "sync", "incremental", "--watch", "--every", "1s", "--json")
	c.until(t, func(line map[string]any) bool { return isTick(line) && figure(t, line, "ticks") >= 3 })
	require.NoError(t, c.cmd.Process.Kill())
	a := b.ferry(t, "runs", "list")
	require.Equal(t, exitClean, a.code, a.err)
	require.Regexp(t, `incremental +done .* × [3-9] since 20`, a.out)
	for _, row := range lines(t, b.ferry(t, "runs", "list", "--json").out) {
		if row["kind"] == "incremental" && row["state"] == "done" {
			require.GreaterOrEqual(t, figure(t, row, "ticks"), 3.0)
			require.Equal(t, true, row["scheduled"])
			require.NotEmpty(t, row["first_at"])
		}
	}
}

func TestHistorySaysWhyEveryRowWasReadAndWhatASweepFound(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.Equal(t, exitClean, b.ferry(t, "init").code)
	b.ferry(t, "sync", "incremental")
	require.Contains(t, b.ferry(t, "runs", "list").out, "every row: no cycle has been completed yet")
	require.Equal(t, exitClean, b.ferry(t, "policy", "set", "deletes", "delete", "--reason", "as Odoo does").code)
	b.removeCards(t, "2")
	require.Equal(t, exitClean, b.ferry(t, "sync", "incremental", tolerant).code)
	a := b.ferry(t, "runs", "show", "2")
	require.Equal(t, exitClean, a.code, a.err)
	require.Regexp(t, `sweep +loyalty_card +done .* extra 2`, a.out)
	require.Regexp(t, `delete +loyalty_card +done .* deleted 2`, a.out)
	require.Regexp(t, `#2 .* deleted `, a.out)
}
