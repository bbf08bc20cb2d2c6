package ledger

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Of 7.1e-15 nobody must read 7.1 because the column ends there.
func TestAnAmountKeepsItsMagnitudeInANarrowColumn(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"7.105427357601002e-15": "≈0.00", "-3.552713678800501e-15": "≈0.00", "34.18999999999997": "≈34.19", "-101.92000000000002": "≈-101.92",
		"411": "411", "534.0800000000000409": "534.08", "81.6": "81.6", "0": "0", "NaN": "NaN", "Infinity": "Infinity",
		"150.00": "150.00", "1e+22": "1e+22", "12345678901234.5": "≈1.23e+13", "0.004": "≈0.00",
	} {
		require.Equal(t, want, brief(text), text)
	}
}
