package main

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ferry/store/crossing/oracle"
)

// wait waits for the end of a process, and gives its exit code.
func (c *child) wait() int {
	for c.out.Scan() { // to its end
	}
	_ = c.cmd.Wait()
	return c.cmd.ProcessState.ExitCode()
}

func TestASealedEngineRefusesThreeProcessesAtOnce(t *testing.T) {
	t.Parallel()
	b := synced(t)
	require.Nil(t, b.result(t, "status")["sealed"])
	_, number := b.corrupted(t)
	name, _ := b.result(t, "repair", "plan", number)["plan"].(string)
	database := b.text(t, `SELECT current_database()`)
	for code, args := range map[int][]string{
		exitUsage:   {"seal"},
		exitRefused: {"seal", "--confirm", database + "x"},
	} {
		require.Equal(t, code, b.ferry(t, args...).code)
	}
	require.Equal(t, exitRefused, b.ferry(t, "seal", "--confirm", database, "--read-only").code)
	require.Equal(t, exitRefused, b.ferry(t, "unseal", "--confirm", database).code, "it is not sealed")

	watch := b.start(t, "sync", "incremental", "--watch", "--every", "1s", tolerant, "--json")
	watch.until(t, isTick) // it is in the middle of ticking
	sealed := b.result(t, "seal", "--confirm", database, "--reason", "cutover")
	require.Equal(t, "cutover", object(t, sealed, "sealed")["reason"])
	a := b.ferry(t, "init")
	require.Equal(t, exitClean, a.code, a.err)
	require.Regexp(t, `is initialised: it is sealed by \S+ since \S+ \(cutover\), so nothing of ferry writes it until .ferry unseal.`, a.out)
	require.NotContains(t, a.out, "may begin")
	pool := b.target.Pool(t)
	before := oracle.Fingerprint(t, pool)
	b.source.Exec(t, `UPDATE loyalty_card SET points = points + 1`)
	processes := map[string]*child{
		"watching": watch,
		"full":     b.start(t, "sync", "full", tolerant),
		"watch":    b.start(t, "sync", "incremental", "--watch", tolerant),
		"repair":   b.start(t, "repair", "apply", name, "--confirm", database),
	}
	for which, p := range processes {
		require.Equal(t, exitRefused, p.wait(), "%s: %s", which, p.err())
		for _, says := range []string{"the engine is sealed by ", "since 20", "(cutover)", "nothing of ferry writes it", "`ferry unseal` opens it again"} {
			require.Contains(t, p.err(), says, which)
		}
	}
	for _, args := range [][]string{
		{"sync", "incremental"},
		{"quarantine", "retry", "--reason", "card.partner_missing"},
		{"policy", "set", "deletes", "delete", "--reason", "tidy"},
		{"resume", "--schedule"},
		{"seal", "--confirm", database},
	} {
		require.Equal(t, exitRefused, b.ferry(t, args...).code, args)
	}
	require.Equal(t, before, oracle.Fingerprint(t, pool))
	status := b.ferry(t, "status")
	require.Equal(t, exitClean, status.code)
	require.Contains(t, status.out, "the engine is sealed by ")
	require.Regexp(t, `^20.*Z$`, object(t, b.result(t, "status"), "sealed")["at"])

	opened := b.result(t, "unseal", "--confirm", database, "--reason", "not yet")
	require.Nil(t, opened["sealed"])
	require.EqualValues(t, 0, opened["written"])
	require.Contains(t, b.ferry(t, "status").out, "held back by ", "ticks wait for a person")
	require.Equal(t, exitClean, b.ferry(t, "resume", "--schedule").code)
	require.Equal(t, exitClean, b.ferry(t, "sync", "full", tolerant).code)
	require.NotEqual(t, before, oracle.Fingerprint(t, pool))
	journal := b.ferry(t, "journal", "list").out
	require.Contains(t, journal, "seal, was open: sealed — cutover")
	require.Contains(t, journal, "unseal, was sealed by ")
}
