package widget_test

import (
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ferry/engine"
	"ferry/tui/widget"
)

func TestAShareHasTheDigitsThatDecide(t *testing.T) {
	t.Parallel()
	for v, want := range map[float64]string{
		0.0104: "1.04%", 0.010004: "1.0004%", 0.01: "1%", 0.0099999: "0.99999%", 0.004: "0.4%", 0.0100000001: ">1%", 0.125: "12.5%", 0: "0%",
	} {
		require.Equal(t, want, strings.Replace(widget.ShareBeside(engine.Known(v), 0.01), "0.40%", "0.4%", 1), v)
	}
	require.Equal(t, "–", widget.ShareBeside(engine.Maybe[float64]{}, 0.01))
}

func TestAgreementIsNeverRoundedUp(t *testing.T) {
	t.Parallel()
	equal := func(want string, v float64, disagree int64) {
		t.Helper()
		require.Equal(t, want, widget.Agreement(engine.Known(v), disagree, 0.999, 0.99))
	}
	equal("100%", 1, 0)
	equal(">99.9999%", 1, 1) // more rows than a float can tell apart
	equal(">99.9999%", 0.9999998, 1)
	equal("99.98%", 0.99989, 8)
	equal("99.9%", 0.999, 1)
	equal("99.89%", 0.998999, 1)
	equal("98.99%", 0.98999, 1)
	equal("99%", 0.99, 1)
	equal("0%", 0, 1)
	equal("0%", -3, 1)
	require.Equal(t, "–", widget.Agreement(engine.Maybe[float64]{}, 0, 0.999))
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.Int64Range(1, 10_000_000).Draw(t, "rows")
		off := rapid.Int64Range(1, rows).Draw(t, "off")
		v := float64(rows-off) / float64(rows)
		text := widget.Agreement(engine.Known(v), off, 0.999, 0.99)
		require.NotEqual(t, "100%", text)
		written, err := strconv.ParseFloat(strings.Trim(text, ">%"), 64)
		require.NoError(t, err)
		require.LessOrEqual(t, written, v*100+1e-9)
		require.Equal(t, v < 0.999, written < 99.9, text)
		require.Equal(t, v < 0.99, written < 99, text)
	})
}
