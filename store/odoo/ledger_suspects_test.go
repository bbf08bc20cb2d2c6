package odoo

import (
	"math"
	"strconv"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ferry/engine"
	"ferry/engine/check"
)

// ledgerAmounts are floats at which it turns whether decimals of them agree.
func ledgerAmounts() *rapid.Generator[float64] {
	return rapid.OneOf(
		rapid.Float64(),
		rapid.Float64Range(-1e9, 1e9),
		rapid.SampledFrom([]float64{math.NaN(), math.Inf(1), math.Inf(-1), 0, math.Copysign(0, -1), 5e-324, 1e8, 1e9, 3e8}),
		rapid.Map(rapid.Int64Range(-1_000_000, 1_000_000), func(n int64) float64 { return float64(n) / 100 }),
	)
}

// near is another float, about as far away as two may be that agree, or a few steps of the last place.
func near(r *rapid.T, f float64) float64 {
	by := rapid.SampledFrom([]float64{0, 0, 4e-7, 5e-7, 1e-6, 1.0000001e-6, 1.1e-6, 2e-6, 1}).Draw(r, "by")
	f += by * rapid.SampledFrom([]float64{1, -1}).Draw(r, "sign")
	for range rapid.IntRange(0, 3).Draw(r, "steps") {
		f = math.Nextafter(f, math.Inf(1))
	}
	return f
}

func text(f float64) engine.Maybe[string] {
	return engine.Known(strconv.FormatFloat(f, 'g', -1, 64))
}

// TestWhatDriftsIsSuspected: floats may suspect a card that is right, and never pass one that is not.
func TestWhatDriftsIsSuspected(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		points := ledgerAmounts().Draw(r, "points")
		var b balance
		var last, moves engine.Maybe[string]
		if rapid.Bool().Draw(r, "lines") {
			b.lines, b.last = true, near(r, points)
			last = text(b.last)
		}
		sum, finite := decimal.Zero, true
		rest := points
		for i := range rapid.IntRange(0, 40).Draw(r, "moves") {
			part := rest
			if i%2 == 0 {
				part = ledgerAmounts().Draw(r, "part")
			}
			part = near(r, part)
			rest -= part
			b.moves, b.rest, b.size = b.moves+1, b.rest+part, b.size+math.Abs(part)
			if finite = finite && !math.IsNaN(part) && !math.IsInf(part, 0); finite {
				sum = sum.Add(decimal.RequireFromString(text(part).Value))
			}
			if moves = engine.Known("NaN"); finite {
				moves = engine.Known(sum.String())
			}
		}
		if drifts, size := check.Drifts(text(points), last, moves); len(drifts) > 0 {
			require.False(r, b.agrees(points), "%v: %+v, by %s", points, b, size)
		}
	})
}

func TestACardInOrderIsNotSuspected(t *testing.T) {
	t.Parallel()
	b := balance{lines: true, last: 0.1 + 0.2, rest: 0.1 + 0.1 + 0.1, size: 0.3, moves: 3}
	require.True(t, b.agrees(0.3))
	require.False(t, b.agrees(0.31))
	none := balance{}
	require.True(t, none.agrees(math.NaN()), "without a ledger there is nothing to disagree with")
}
