package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPoliciesOfTheConfigAreForANewEngineDatabase(t *testing.T) {
	t.Parallel()
	b := setup(t)
	file := b.configure(t, "[policies]\ndeletes = \"delete\"\nvanish-rows = 5\n")
	require.Equal(t, exitClean, b.ferry(t, "init").code)
	require.Equal(t, "deletes=delete vanish-rows=5", b.text(t, `SELECT string_agg(name || '=' || value, ' ' ORDER BY name) FROM ferry.policy`))
	require.Empty(t, b.checked(t, exitClean)["differing_policies"])

	// Another config changes nothing, though init runs again: it is only said.
	b.configure(t, "[policies]\ndeletes = \"report\"\nsweep_every = \"5m\"\n")
	require.Equal(t, exitClean, b.ferry(t, "init").code)
	r := b.checked(t, exitClean)
	require.Equal(t, []any{
		"policies.deletes is report in the config and delete in the engine database, which is in force; `ferry policy set` changes that",
		"policies.sweep-every is 5m0s in the config and 1h0m0s in the engine database, which is in force; `ferry policy set` changes that",
	}, r["differing_policies"])
	require.Equal(t, file+":2:1", at(t, r, "policies", "deletes", "where"))
	require.Contains(t, b.ferry(t, "config", "check").out, "! policies.deletes is report in the config")
	require.Regexp(t, `deletes +delete +default report .* The config says report, which is not in force.`, b.ferry(t, "policy", "list").out)

	b.configure(t, "[policies]\ndeletes = \"keep\"\n")
	a := b.ferry(t, "config", "check")
	require.Equal(t, exitUsage, a.code)
	require.Contains(t, a.err, file+`:2:1: policy deletes: "keep" is neither report nor delete`)
}

func TestAPolicyIsChangedWithAReason(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.Equal(t, exitClean, b.ferry(t, "init").code)
	require.Regexp(t, `vanish-rows +10000 +default `, b.ferry(t, "policy", "list").out)
	for _, args := range [][]string{
		{"deletes"},
		{"deletes", "delete"},
		{"delets", "delete", "--reason", "x"},
		{"deletes", "maybe", "--reason", "x"},
		{"vanish-share", "2", "--reason", "x"},
	} {
		require.Equal(t, exitUsage, b.ferry(t, append([]string{"policy", "set"}, args...)...).code, args)
	}
	a := b.ferry(t, "policy", "set", "deletes", "delete", "--reason", "as Odoo does")
	require.Equal(t, exitClean, a.code, a.err)
	require.Contains(t, a.out, "policy deletes: delete (was report), from the next run on")
	require.Equal(t, exitRefused, b.ferry(t, "policy", "set", "deletes", "delete", "--reason", "again").code)
	require.Equal(t, exitRefused, b.ferry(t, "policy", "set", "deletes", "report", "--reason", "x", "--read-only").code)
	require.Contains(t, b.ferry(t, "journal", "list").out, "policy deletes, was report: delete — as Odoo does")
	for _, row := range lines(t, b.ferry(t, "policy", "list", "--json").out) {
		if row["name"] == "deletes" {
			require.Equal(t, "delete", row["value"])
			require.Equal(t, "report", row["default"])
		}
	}
}

// Who asks why a run is slow finds it in its state, and so does a script.
func TestWhatBoundsThePaceIsInTheStatus(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.Equal(t, exitClean, b.ferry(t, "init").code)
	require.Nil(t, b.result(t, "status")["pace"])
	require.Equal(t, exitClean, b.ferry(t, "policy", "set", "throttle", "2000", "--reason", "office hours").code)
	pace := object(t, b.result(t, "status"), "pace")
	require.InDelta(t, 2000, pace["rows_per_second"], 0)
	require.Nil(t, pace["batch_rows"])
	require.Equal(t, "office hours", pace["reason"])
	require.Contains(t, pace["by"], "@")
	require.Regexp(t, `^20.*Z$`, pace["at"])
}

func TestListedRowsThatAPolicyWouldDeleteAreSaidBefore(t *testing.T) {
	t.Parallel()
	b := synced(t)
	b.removeCards(t, "3")
	require.Equal(t, exitClean, b.ferry(t, "sync", "incremental", tolerant).code)
	a := b.ferry(t, "policy", "set", "deletes", "delete", "--reason", "as Odoo does")
	require.Equal(t, exitClean, a.code, a.err)
	require.Contains(t, a.err, "3 extra rows of loyalty_card are listed and will leave the engine with the next run")
	b.removeCards(t, "5") // two more
	leaving := func(kind string) any {
		return object(t, object(t, b.result(t, "sync", kind, "--dry-run"), "entities"), "loyalty_card")["leaving"]
	}
	for _, kind := range []string{"full", "incremental"} {
		require.EqualValues(t, 5, leaving(kind), kind)
		require.Contains(t, b.ferry(t, "sync", kind, "--dry-run").out,
			"by policy, 5 extra rows of loyalty_card would leave the engine (3 listed already)", kind)
	}
	r := b.result(t, "sync", "incremental", tolerant)
	require.EqualValues(t, 5, object(t, object(t, r, "entities"), "loyalty_card")["deleted"], "and so they do")
}
