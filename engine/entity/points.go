package entity

import (
	"math"
	"strconv"

	"github.com/shopspring/decimal"

	"ferry/engine/pgcopy"
)

// maxHundredths is the largest value that numeric(18,2) holds, in hundredths.
const maxHundredths = 999_999_999_999_999_999

// pointsValue is what a number of points becomes in the engine: rounded half away from zero to hundredths.
//
// It is decided on decimal digits, never by float arithmetic: digits are those of the number without its point, which
// stands behind the first `point` of them (0.05 is "5" with point -1). sticky says that there are non-zero digits
// behind the given ones.
func pointsValue(negative bool, digits []byte, point int, sticky bool) Value {
	for len(digits) > 0 && digits[0] == '0' {
		digits = digits[1:]
		point--
	}
	if len(digits) == 0 {
		return Value{State: Present}
	}
	if point > 16 {
		return Value{State: TooLarge} // and 19 digits of hundredths could overflow
	}
	// Digits of the hundredths, then those that rounding takes away.
	whole := point + 2
	var hundredths int64
	for i := range whole {
		hundredths = hundredths*10 + digitAt(digits, i)
	}
	up := whole >= 0 && digitAt(digits, whole) >= 5
	if up {
		hundredths++
	}
	if hundredths > maxHundredths {
		return Value{State: TooLarge}
	}
	state := Present
	if roundingShows(digits, whole, up, sticky) {
		state = Rounded
	}
	if negative {
		hundredths = -hundredths
	}
	return Value{State: state, Int: hundredths}
}

// roundingShows reports whether rounding at the given digit moved the value by more than 1e-6, the threshold above
// which a change by rounding is counted: 100 units of 1e-8.
func roundingShows(digits []byte, whole int, up, sticky bool) bool {
	residual := int64(0) // six digits behind the hundredths, in units of 1e-8
	for i := range 6 {
		residual = residual*10 + digitAt(digits, whole+i)
	}
	if up {
		return 1_000_000-residual > 100
	}
	beyond := sticky
	for i := whole + 6; i < len(digits) && !beyond; i++ {
		beyond = i >= 0 && digits[i] != '0'
	}
	return residual > 100 || residual == 100 && beyond
}

// digitAt is the digit at a position, 0 outside of the digits: in front of the first and behind the last.
func digitAt(digits []byte, i int) int64 {
	if i < 0 || i >= len(digits) {
		return 0
	}
	return int64(digits[i] - '0')
}

// PointsFromFloat gives the points of a double precision: those of its shortest decimal.
func PointsFromFloat(f float64) Value {
	if math.IsNaN(f) || math.IsInf(f, 0) {
		return Value{State: NotFinite}
	}
	// An integer k below 2^53 divided by 100 is rounded correctly, and numbers of up to 15 digits never share their nearest
	// double: a double that is k/100 has that as its shortest decimal, and there is nothing to round.
	if hundredths := math.Round(f * 100); math.Abs(hundredths) < 1e13 && hundredths/100 == f {
		return Value{State: Present, Int: int64(hundredths)}
	}
	var buf [32]byte
	text := strconv.AppendFloat(buf[:0], math.Abs(f), 'e', -1, 64) // d.ddde±xx
	digits := text[:0]
	exponent := 0
	for i, c := range text {
		if c == 'e' {
			exponent, _ = strconv.Atoi(string(text[i+1:]))
			break
		}
		if c != '.' {
			digits = append(digits, c)
		}
	}
	return pointsValue(f < 0, digits, exponent+1, false)
}

// PointsFromNumeric gives the points of a numeric.
func PointsFromNumeric(n pgcopy.Numeric) Value {
	switch n.Kind {
	case pgcopy.NumericNaN, pgcopy.NumericInf, pgcopy.NumericNegInf:
		return Value{State: NotFinite}
	case pgcopy.NumericPositive, pgcopy.NumericNegative:
	}
	if n.Len() == 0 {
		return Value{State: Present}
	}
	if n.Weight > 4 {
		return Value{State: TooLarge}
	}
	// Five groups before the point and four behind it decide everything; of the rest only whether it is zero.
	var buf [36]byte
	digits := buf[:0]
	sticky := false
	for i := range n.Len() {
		g := n.Group(i)
		if i-n.Weight > 4 || len(digits) == len(buf) {
			sticky = sticky || g != 0
			continue
		}
		digits = append(digits, "0123456789"[g/1000], "0123456789"[g/100%10], "0123456789"[g/10%10], "0123456789"[g%10])
	}
	if len(digits) == 0 {
		return Value{State: Present} // below 1e-16
	}
	return pointsValue(n.Kind == pgcopy.NumericNegative, digits, 4*(n.Weight+1), sticky)
}

// PointsDecimal is a number of hundredths as a decimal, for arithmetic and for screens.
func PointsDecimal(hundredths int64) decimal.Decimal { return decimal.New(hundredths, -2) }

// FormatPoints writes points with their two places: "10.00".
func FormatPoints(hundredths int64) string { return PointsDecimal(hundredths).StringFixed(2) }
