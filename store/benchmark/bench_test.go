package benchmark_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"ferry/store/benchmark"
)

// TestWholeBenchmark runs every stage on a small database, with the binary as it is released: what is measured must come to its end,
// the databases must be equal behind each stage, and every line of the table that needs no peer must have its figures.
func TestWholeBenchmark(t *testing.T) {
	t.Parallel()
	ferry := filepath.Join(t.TempDir(), "ferry")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", ferry, "ferry/cmd/ferry").CombinedOutput()
	require.NoError(t, err, "%s", out)
	r, err := benchmark.Run(t.Context(), benchmark.Options{
		Ferry: ferry, Version: "test", Cards: 300, Rounds: 1, Seed: 7, Progress: func(line string) { t.Log(line) },
	})
	require.NoError(t, err)
	require.True(t, r.Faithful())
	require.Len(t, r.Compared, 5)
	for _, c := range r.Compared {
		require.Zero(t, c.Wrong)
		require.Equal(t, c.Rows, c.Equal+c.Quarantine)
	}
	require.NotZero(t, r.Compared[4].Quarantine, "40 % were to be rejected")
	for _, name := range []string{
		"load/ferry-1", "load/ferry-2", "load/copy-copy", "load/upsert", "load/ferry-2-console/run", "resync/ferry-none", "resync/ferry-1%",
		"tick/ferry", "tick/scans", "check/ferry", "check/ferry-100", "check/streaming", "check/streaming-100", "rejects/ferry-40%",
		"load/ferry-2/1:10", "resync/ferry-none/1:2", "check/ferry/1:5",
	} {
		f := r.Figure(name)
		require.NotNil(t, f, name)
		require.Positive(t, f.Median, name)
		require.NotZero(t, f.Rows, name)
	}
	for _, what := range []string{"pgcopydb", "pgloader"} {
		if _, err := exec.LookPath(what); err != nil {
			require.Contains(t, r.LeftOut, what+": it is not installed")
		}
	}
	require.GreaterOrEqual(t, len(r.Ratios), 13)
}

// A ferry that carries a row wrong must fail the benchmark, however fast it is.
func TestAWrongRowFailsTheBenchmark(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	honest, fake := filepath.Join(dir, "ferry"), filepath.Join(dir, "cheat")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", honest, "ferry/cmd/ferry").CombinedOutput()
	require.NoError(t, err, "%s", out)
	// It does its work, and then changes a row of the engine.
	script := "#!/bin/sh\n'" + honest + "' \"$@\" || exit $?\npsql -X -q \"$FERRY_TARGET\" -c " +
		"\"UPDATE point_history SET points_amount = points_amount + 1 WHERE id = (SELECT max(id) FROM point_history WHERE odoo_history_id IS NOT NULL)\"\n"
	require.NoError(t, os.WriteFile(fake, []byte(script), 0o700))
	r, err := benchmark.Run(t.Context(), benchmark.Options{Ferry: fake, Cards: 300, Rounds: 1, Seed: 7, Only: []string{"resync"}})
	require.ErrorContains(t, err, "1 rows are wrong")
	require.ErrorContains(t, err, "loyalty_point_history")
	require.False(t, r.Faithful())
}
