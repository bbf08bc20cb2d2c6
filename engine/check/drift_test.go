package check_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/engine/check"
)

func text(s string) engine.Maybe[string] {
	if s == "" {
		return engine.Maybe[string]{}
	}
	return engine.Known(s)
}

func TestDriftIsADistanceAboveAMillionth(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		points, last, moves string
		drifts              []engine.Drift
		size                string
	}{
		{"150", "120", "150", []engine.Drift{engine.DriftHistory}, "30"},
		{"150", "150", "120", []engine.Drift{engine.DriftMoves}, "30"},
		{"0.3", "0.30000000000000004", "0.30000000000000004", nil, "0.00000000000000004"},
		{"10", "10.000001", "", nil, "0.000001"},
		{"10", "10.0000011", "", []engine.Drift{engine.DriftHistory}, "0.0000011"},
		{"", "", "", nil, "0"},
		{"5", "", "", nil, "0"},
		{"", "5", "", []engine.Drift{engine.DriftHistory}, "5"},
		{"0", "-5", "5", []engine.Drift{engine.DriftHistory, engine.DriftMoves}, "10"},
		{"NaN", "NaN", "", []engine.Drift{engine.DriftHistory}, check.NotFinite},
		{"NaN", "", "", nil, "0"},
		{"1", "1", "Infinity", []engine.Drift{engine.DriftMoves}, check.NotFinite},
		{"1e+22", "10000000000000000000000", "", nil, "0"},
		{"1e+308", "-1e+308", "", []engine.Drift{engine.DriftHistory}, "2" + strings.Repeat("0", 308)},
	} {
		drifts, size := check.Drifts(text(c.points), text(c.last), text(c.moves))
		require.Equal(t, c.drifts, drifts, "%+v", c)
		require.Equal(t, c.size, size, "%+v", c)
	}
}

func TestScansSayWhatTheyCost(t *testing.T) {
	t.Parallel()
	require.Equal(t, "reads 5.0 M rows, about 0.5 s", check.ScanCost(5e6))
	require.Equal(t, "reads 812 rows, less than 0.1 s", check.ScanCost(812))
	require.Equal(t, "reads 40 k rows, less than 0.1 s", check.ScanCost(40_321))
	require.Equal(t, "reads 300.0 M rows, about 30 s", check.ScanCost(3e8))
}
