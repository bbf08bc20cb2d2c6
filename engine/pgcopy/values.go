package pgcopy

import (
	"encoding/binary"
	"fmt"
	"math"
)

// Infinities of timestamps, in microseconds since Epoch.
const (
	TimeInfinity    = math.MaxInt64
	TimeNegInfinity = math.MinInt64
)

// EpochUnixMicro is PostgreSQL's epoch, 2000-01-01 00:00:00 UTC, in microseconds of Unix time.
const EpochUnixMicro = 946_684_800_000_000

// AppendNull appends a NULL field.
func AppendNull(dst []byte) []byte { return binary.BigEndian.AppendUint32(dst, math.MaxUint32) }

// AppendField appends a field as it is; nil is NULL.
func AppendField(dst, field []byte) []byte {
	if field == nil {
		return AppendNull(dst)
	}
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(field))) //nolint:gosec // a field is below 1 GiB
	return append(dst, field...)
}

// AppendInt8 appends a bigint, or a timestamp in microseconds since 2000.
func AppendInt8(dst []byte, v int64) []byte {
	dst = binary.BigEndian.AppendUint32(dst, 8)
	return binary.BigEndian.AppendUint64(dst, uint64(v)) //nolint:gosec // two's complement is what the format wants
}

// AppendText appends a text.
func AppendText(dst []byte, s string) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(s))) //nolint:gosec // a field is below 1 GiB
	return append(dst, s...)
}

// Int decodes a smallint, integer or bigint by its length.
func Int(field []byte) (int64, error) {
	switch len(field) {
	case 2:
		return int64(int16(binary.BigEndian.Uint16(field))), nil //nolint:gosec // two's complement
	case 4:
		return int64(int32(binary.BigEndian.Uint32(field))), nil //nolint:gosec // two's complement
	case 8:
		return int64(binary.BigEndian.Uint64(field)), nil //nolint:gosec // two's complement
	}
	return 0, fmt.Errorf("%w: an integer of %d bytes", ErrFormat, len(field))
}

// Float8 decodes a double precision.
func Float8(field []byte) (float64, error) {
	if len(field) != 8 {
		return 0, fmt.Errorf("%w: a double precision of %d bytes", ErrFormat, len(field))
	}
	return math.Float64frombits(binary.BigEndian.Uint64(field)), nil
}

// Bool decodes a boolean.
func Bool(field []byte) (bool, error) {
	if len(field) != 1 {
		return false, fmt.Errorf("%w: a boolean of %d bytes", ErrFormat, len(field))
	}
	return field[0] != 0, nil
}

// NumericKind tells a number from the values that are none.
type NumericKind uint16

// What the sign word of a numeric says.
const (
	NumericPositive NumericKind = 0x0000
	NumericNegative NumericKind = 0x4000
	NumericNaN      NumericKind = 0xc000
	NumericInf      NumericKind = 0xd000
	NumericNegInf   NumericKind = 0xf000
)

// Numeric is a numeric on the wire: groups of four decimal digits, most significant first. The first group has the
// weight 10000^Weight.
type Numeric struct {
	Kind   NumericKind
	Weight int
	groups []byte
}

// DecodeNumeric checks and opens a numeric; its groups stay in the field's memory.
func DecodeNumeric(field []byte) (Numeric, error) {
	if len(field) < 8 {
		return Numeric{}, fmt.Errorf("%w: a numeric of %d bytes", ErrFormat, len(field))
	}
	n := Numeric{
		Kind:   NumericKind(binary.BigEndian.Uint16(field[4:])),
		Weight: int(int16(binary.BigEndian.Uint16(field[2:]))), //nolint:gosec // weights are signed
		groups: field[8:],
	}
	switch n.Kind {
	case NumericPositive, NumericNegative, NumericNaN, NumericInf, NumericNegInf:
	default:
		return Numeric{}, fmt.Errorf("%w: a numeric with sign %#x", ErrFormat, uint16(n.Kind))
	}
	if count := int(binary.BigEndian.Uint16(field)); count*2 != len(n.groups) {
		return Numeric{}, fmt.Errorf("%w: a numeric of %d groups in %d bytes", ErrFormat, count, len(n.groups))
	}
	for i := range n.Len() {
		if n.Group(i) > 9999 {
			return Numeric{}, fmt.Errorf("%w: a numeric's group of %d", ErrFormat, n.Group(i))
		}
	}
	return n, nil
}

// Len is the number of groups.
func (n Numeric) Len() int { return len(n.groups) / 2 }

// Group is group i, 0 … 9999.
func (n Numeric) Group(i int) int { return int(binary.BigEndian.Uint16(n.groups[2*i:])) }

// AppendHundredths appends a number of hundredths as a numeric(…,2), byte for byte as PostgreSQL stores and sends it:
// no leading or trailing zero group, and no minus on zero.
func AppendHundredths(dst []byte, hundredths int64) []byte {
	kind := NumericPositive
	u := uint64(hundredths) //nolint:gosec // negated below where it is negative
	if hundredths < 0 {
		kind = NumericNegative
		u = -u
	}
	// Groups from the least significant one: the fraction's group is two digits of hundredths and two zeros.
	var groups [6]uint16
	count := 0
	push := func(g uint16) {
		groups[count] = g
		count++
	}
	push(uint16(u % 100 * 100))
	for rest := u / 100; rest > 0; rest /= 10000 {
		push(uint16(rest % 10000))
	}
	weight := count - 2
	low := 0
	for low < count && groups[low] == 0 {
		low++
	}
	for count > low && groups[count-1] == 0 {
		count--
		weight--
	}
	if count == low {
		weight = 0
	}
	n := count - low
	dst = binary.BigEndian.AppendUint32(dst, uint32(8+2*n)) //nolint:gosec // at most six groups
	dst = binary.BigEndian.AppendUint16(dst, uint16(n))     //nolint:gosec // at most six groups
	dst = binary.BigEndian.AppendUint16(dst, uint16(weight))
	dst = binary.BigEndian.AppendUint16(dst, uint16(kind))
	dst = binary.BigEndian.AppendUint16(dst, 2)
	for i := count - 1; i >= low; i-- {
		dst = binary.BigEndian.AppendUint16(dst, groups[i])
	}
	return dst
}
