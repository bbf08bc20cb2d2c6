package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// While a first load has not come to its end, every other command that writes refuses, and says what to do.
func TestCommandsWhileTablesHaveNoKeys(t *testing.T) {
	t.Parallel()
	b := synced(t)
	b.target.Exec(t, `INSERT INTO ferry.unkeyed SELECT max(id) FROM ferry.run`)
	for _, command := range [][]string{{"sync", "incremental"}, {"sync", "full", "--entity", "loyalty_card"}} {
		a := b.ferry(t, command...)
		require.Equal(t, exitRefused, a.code, "%v: %s", command, a.err)
		require.Contains(t, a.err, "`ferry sync full` goes on with it", command)
	}
	a := b.ferry(t, "check")
	require.Equal(t, exitUnchecked, a.code, a.err)
	require.Contains(t, a.err, "could not check: the engine's tables have no keys yet")
	a = b.ferry(t, "status")
	require.Equal(t, exitClean, a.code, a.err)
	require.Contains(t, a.out, "first load #1 has not come to its end")
	require.Equal(t, 1, int(figure(t, b.result(t, "status"), "unkeyed")))

	a = b.ferry(t, "sync", "full", "--restart", "--entity", "loyalty_card")
	require.Equal(t, exitRefused, a.code, a.err)
	a = b.ferry(t, "sync", "full", "--restart", tolerant)
	require.Equal(t, exitClean, a.code, a.err)
	require.Equal(t, "0", b.text(t, `SELECT count(*)::text FROM ferry.unkeyed`))
	a = b.ferry(t, "sync", "full", "--restart", tolerant)
	require.Equal(t, exitRefused, a.code, "there is nothing to begin again: %s", a.err)
}
