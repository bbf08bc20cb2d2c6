package entity_test

import (
	"math"
	"math/big"
	"strconv"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ferry/engine/entity"
	"ferry/engine/pgcopy"
)

var (
	tooLarge  = decimal.New(1, 16)
	threshold = decimal.New(1, -6)
)

// expected says what a decimal becomes, by the rules in their own words: rounded half away from zero to two places,
// noted if that moved it by more than 1e-6, and too large from 16 digits before the point on.
func expected(d decimal.Decimal) entity.Value {
	rounded := d.Round(2)
	if rounded.Abs().GreaterThanOrEqual(tooLarge) {
		return entity.Value{State: entity.TooLarge}
	}
	out := entity.Value{State: entity.Present, Int: rounded.Shift(2).IntPart()}
	if d.Sub(rounded).Abs().GreaterThan(threshold) {
		out.State = entity.Rounded
	}
	return out
}

// shortest is the decimal of a float, read from its text, as a server or a person would show it.
func shortest(f float64) decimal.Decimal {
	return decimal.RequireFromString(strconv.FormatFloat(f, 'e', -1, 64))
}

func TestTheDecimalLibraryRoundsHalfAwayFromZero(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"0.005": "0.01", "-0.005": "-0.01", "2.675": "2.68", "-2.675": "-2.68", "0.015": "0.02", "0.0049999": "0", "-0.0049999": "0",
	} {
		require.Equal(t, want, decimal.RequireFromString(text).Round(2).String(), text)
	}
}

func TestPointsThatPeopleHaveSeen(t *testing.T) {
	t.Parallel()
	const (
		present  = entity.Present
		rounded  = entity.Rounded
		tooLarge = entity.TooLarge
	)
	for _, c := range []struct {
		points float64
		want   entity.Value
	}{
		{0, entity.Value{State: present}},
		{math.Copysign(0, -1), entity.Value{State: present}},
		{10, entity.Value{State: present, Int: 1000}},
		{-10.5, entity.Value{State: present, Int: -1050}},
		{30.299999999999997, entity.Value{State: present, Int: 3030}},
		{-1.33e-15, entity.Value{State: present}},
		{2.675, entity.Value{State: rounded, Int: 268}}, // the float is below 2.675; its shortest decimal is not
		{1.005, entity.Value{State: rounded, Int: 101}},
		{-1.005, entity.Value{State: rounded, Int: -101}},
		{0.005, entity.Value{State: rounded, Int: 1}},
		{0.0049999999999999, entity.Value{State: rounded}},
		{-0.004, entity.Value{State: rounded}},
		{0.000001, entity.Value{State: present}},
		{0.0000010000000000000002, entity.Value{State: rounded}},
		{0.009999, entity.Value{State: present, Int: 1}},
		{0.0099989999, entity.Value{State: rounded, Int: 1}},
		{9999.99, entity.Value{State: present, Int: 999999}},
		{9999.995, entity.Value{State: rounded, Int: 1000000}},
		{5e-324, entity.Value{State: present}},
		{9999999999999998, entity.Value{State: present, Int: 999_999_999_999_999_800}},
		{-9999999999999998, entity.Value{State: present, Int: -999_999_999_999_999_800}},
		{1e16, entity.Value{State: tooLarge}},
		{9.3e16, entity.Value{State: tooLarge}}, // its hundredths are more than an int64 holds
		{-9.9e16, entity.Value{State: tooLarge}},
		{1e22, entity.Value{State: tooLarge}},
		{math.MaxFloat64, entity.Value{State: tooLarge}},
		{math.NaN(), entity.Value{State: entity.NotFinite}},
		{math.Inf(1), entity.Value{State: entity.NotFinite}},
		{math.Inf(-1), entity.Value{State: entity.NotFinite}},
	} {
		require.Equal(t, c.want, entity.PointsFromFloat(c.points), "%v", c.points)
	}
}

// aFloat draws floats of every bit pattern, and those at which a decision turns: halves of hundredths, the threshold of
// "rounded", and the end of numeric(18,2), each with its neighbours.
func aFloat() *rapid.Generator[float64] {
	nudged := func(f float64, ulps int) float64 {
		for ; ulps > 0; ulps-- {
			f = math.Nextafter(f, math.Inf(1))
		}
		for ; ulps < 0; ulps++ {
			f = math.Nextafter(f, math.Inf(-1))
		}
		return f
	}
	return rapid.OneOf(
		rapid.Map(rapid.Uint64(), math.Float64frombits),
		rapid.Float64(),
		rapid.Custom(func(t *rapid.T) float64 {
			thousandths := rapid.Int64Range(-1e13, 1e13).Draw(t, "thousandths")
			return nudged(float64(thousandths)/1000, rapid.IntRange(-3, 3).Draw(t, "ulps"))
		}),
		rapid.Custom(func(t *rapid.T) float64 {
			cents := rapid.Int64Range(-1e9, 1e9).Draw(t, "hundredths")
			off := rapid.SampledFrom([]float64{1e-6, -1e-6, 5e-3, -5e-3, 9.9e-7, 1.01e-6}).Draw(t, "off")
			return nudged(float64(cents)/100+off, rapid.IntRange(-3, 3).Draw(t, "ulps"))
		}),
		rapid.Custom(func(t *rapid.T) float64 {
			around := rapid.SampledFrom([]float64{1e14, 1e15, 1e16, 1e17, 9.2e16, 9.3e16, math.MaxInt64 / 100.0}).Draw(t, "around")
			sign := rapid.SampledFrom([]float64{1, -1}).Draw(t, "sign")
			return sign * nudged(around, rapid.IntRange(-200, 200).Draw(t, "ulps"))
		}),
		rapid.Custom(func(t *rapid.T) float64 { // few digits, any exponent
			return float64(rapid.Int64Range(-999, 999).Draw(t, "digits")) * math.Pow10(rapid.IntRange(-20, 20).Draw(t, "exponent"))
		}),
	)
}

func checkFloat(t require.TestingT, f float64) {
	got := entity.PointsFromFloat(f)
	if math.IsNaN(f) || math.IsInf(f, 0) {
		require.Equal(t, entity.Value{State: entity.NotFinite}, got)
		return
	}
	want := expected(shortest(f))
	if got != want {
		require.Equal(t, want, got, "%v", f)
	}
	if library := expected(decimal.NewFromFloat(f)); got != library {
		require.Equal(t, library, got, "%v", f)
	}
}

func TestPointsOfAFloatAreThoseOfItsShortestDecimal(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		for _, f := range rapid.SliceOfN(aFloat(), 1, 60).Draw(t, "floats") {
			checkFloat(t, f)
		}
	})
}

func TestPointsOfTheOppositeAreTheOpposite(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		f := aFloat().Draw(t, "f")
		plus, minus := entity.PointsFromFloat(f), entity.PointsFromFloat(-f)
		require.Equal(t, plus.State, minus.State)
		require.Equal(t, plus.Int, -minus.Int)
	})
}

func FuzzPointsFromFloat(f *testing.F) {
	for _, v := range []float64{0, 2.675, 1.005, 30.299999999999997, -1.33e-15, 1e22, 1e16, 5e-324, math.MaxFloat64, 9.3e16, math.NaN()} {
		f.Add(math.Float64bits(v))
	}
	f.Fuzz(func(t *testing.T, bits uint64) { checkFloat(t, math.Float64frombits(bits)) })
}

// wire is a numeric as a server would send it: zero groups at both ends are left out.
func wire(negative bool, weight int16, groups []uint16) []byte {
	for len(groups) > 0 && groups[0] == 0 {
		groups, weight = groups[1:], weight-1
	}
	for len(groups) > 0 && groups[len(groups)-1] == 0 {
		groups = groups[:len(groups)-1]
	}
	if len(groups) == 0 {
		negative, weight = false, 0
	}
	out := []byte{byte(len(groups) >> 8), byte(len(groups)), byte(uint16(weight) >> 8), byte(weight), 0, 0, 0, 0}
	if negative {
		out[4] = 0x40
	}
	for _, g := range groups {
		out = append(out, byte(g>>8), byte(g))
	}
	return out
}

func checkNumeric(t require.TestingT, negative bool, weight int16, groups []uint16) {
	field := wire(negative, weight, groups)
	n, err := pgcopy.DecodeNumeric(field)
	require.NoError(t, err)
	var digits strings.Builder
	digits.WriteByte('0')
	for _, g := range groups {
		digits.WriteString(strconv.Itoa(int(g) + 10000)[1:])
	}
	whole, ok := new(big.Int).SetString(digits.String(), 10)
	require.True(t, ok)
	if negative {
		whole.Neg(whole)
	}
	d := decimal.NewFromBigInt(whole, int32(4*(int(weight)-len(groups)+1)))
	require.Equal(t, expected(d), entity.PointsFromNumeric(n), "%s", d)
}

func TestPointsOfANumericAreItsOwn(t *testing.T) {
	t.Parallel()
	group := rapid.OneOf(
		rapid.Uint16Range(0, 9999),
		rapid.SampledFrom([]uint16{0, 0, 0, 1, 49, 50, 99, 100, 4999, 5000, 5001, 9899, 9900, 9949, 9950, 9999}),
	)
	rapid.Check(t, func(t *rapid.T) {
		for range 20 {
			checkNumeric(t, rapid.Bool().Draw(t, "negative"), int16(rapid.IntRange(-8, 7).Draw(t, "weight")),
				rapid.SliceOfN(group, 0, 12).Draw(t, "groups"))
		}
	})
}

// The weights are those of the largest and the smallest number that PostgreSQL has.
func TestNumericsFarFromOneAreZeroOrTooLarge(t *testing.T) {
	t.Parallel()
	for _, negative := range []bool{false, true} {
		for _, weight := range []int16{5, 6, 100, math.MaxInt16} {
			n, err := pgcopy.DecodeNumeric(wire(negative, weight, []uint16{1}))
			require.NoError(t, err)
			require.Equal(t, entity.Value{State: entity.TooLarge}, entity.PointsFromNumeric(n), weight)
		}
		for _, weight := range []int16{-3, -5, -6, -100, math.MinInt16 + 1} {
			n, err := pgcopy.DecodeNumeric(wire(negative, weight, []uint16{9999, 9999}))
			require.NoError(t, err)
			require.Equal(t, entity.Value{State: entity.Present}, entity.PointsFromNumeric(n), weight)
		}
	}
}

func TestADigitFarBehindThePointDecidesWhetherRoundingShows(t *testing.T) {
	t.Parallel()
	far := make([]uint16, 500)
	far[0], far[1] = 0, 100 // 0.00000100 …
	checkNumeric(t, false, -1, far)
	far[499] = 1 // … 1
	checkNumeric(t, false, -1, far)
	checkNumeric(t, true, -1, far)
}

// FuzzPointsFromNumeric feeds groups of any kind at weights of any kind; exact arithmetic says what is right.
func FuzzPointsFromNumeric(f *testing.F) {
	f.Add(false, int8(-1), []byte{0x13, 0x88})
	f.Add(true, int8(4), []byte{0, 9, 0x27, 0x0f, 0x27, 0x0f, 0x27, 0x0f, 0x27, 0x0f, 0x26, 0xde})
	f.Add(false, int8(-2), []byte{0, 100, 0, 0, 0, 0, 0, 0, 0, 1})
	f.Fuzz(func(t *testing.T, negative bool, weight int8, data []byte) {
		var groups []uint16
		for ; len(data) > 1 && len(groups) < 60; data = data[2:] {
			groups = append(groups, (uint16(data[0])<<8|uint16(data[1]))%10000)
		}
		checkNumeric(t, negative, int16(weight), groups)
	})
}

func TestPointsAreWrittenWithTheirTwoPlaces(t *testing.T) {
	t.Parallel()
	for hundredths, want := range map[int64]string{
		0: "0.00", 5: "0.05", -5: "-0.05", 1000: "10.00", -123456: "-1234.56", 999_999_999_999_999_999: "9999999999999999.99",
	} {
		require.Equal(t, want, entity.FormatPoints(hundredths))
		require.True(t, decimal.RequireFromString(want).Equal(entity.PointsDecimal(hundredths)))
	}
}
