package pgcopy_test

import (
	"bytes"
	"encoding/binary"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ferry/engine/pgcopy"
)

// body takes the length off an appended field and checks it.
func body(t require.TestingT, field []byte) []byte {
	require.GreaterOrEqual(t, len(field), 4)
	require.Equal(t, uint32(len(field)-4), binary.BigEndian.Uint32(field))
	return field[4:]
}

func TestAnIntegerIsReadByItsWidth(t *testing.T) {
	t.Parallel()
	for want, field := range map[int64][]byte{
		0:             {0, 0},
		-1:            {0xff, 0xff},
		math.MinInt16: {0x80, 0},
		math.MaxInt16: {0x7f, 0xff},
		math.MinInt32: {0x80, 0, 0, 0},
		math.MaxInt32: {0x7f, 0xff, 0xff, 0xff},
		math.MinInt64: {0x80, 0, 0, 0, 0, 0, 0, 0},
		math.MaxInt64: {0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff},
	} {
		got, err := pgcopy.Int(field)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

func TestAValueOfTheWrongLengthIsRefused(t *testing.T) {
	t.Parallel()
	for length := range 20 {
		field := make([]byte, length)
		if _, err := pgcopy.Int(field); length != 2 && length != 4 && length != 8 {
			require.ErrorIs(t, err, pgcopy.ErrFormat, "an integer of %d bytes", length)
		}
		if _, err := pgcopy.Float8(field); length != 8 {
			require.ErrorIs(t, err, pgcopy.ErrFormat, "a double precision of %d bytes", length)
		}
		if _, err := pgcopy.Bool(field); length != 1 {
			require.ErrorIs(t, err, pgcopy.ErrFormat, "a boolean of %d bytes", length)
		}
		if _, err := pgcopy.DecodeNumeric(field); length != 8 {
			require.ErrorIs(t, err, pgcopy.ErrFormat, "a numeric of %d bytes", length)
		}
	}
}

func TestAppendedValuesComeBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.Int64().Draw(t, "v")
		got, err := pgcopy.Int(body(t, pgcopy.AppendInt8(nil, v)))
		require.NoError(t, err)
		require.Equal(t, v, got)

		s := rapid.String().Draw(t, "s")
		require.Equal(t, s, string(body(t, pgcopy.AppendText(nil, s))))

		field := aField().Draw(t, "field")
		if field != nil {
			require.Equal(t, field, body(t, pgcopy.AppendField(nil, field)))
		}
	})
	require.Equal(t, pgcopy.AppendNull(nil), pgcopy.AppendField(nil, nil))
}

func TestAppendingKeepsWhatIsThere(t *testing.T) {
	t.Parallel()
	for name, add := range map[string]func(dst []byte) []byte{
		"null":       pgcopy.AppendNull,
		"field":      func(dst []byte) []byte { return pgcopy.AppendField(dst, []byte("x")) },
		"int8":       func(dst []byte) []byte { return pgcopy.AppendInt8(dst, 7) },
		"text":       func(dst []byte) []byte { return pgcopy.AppendText(dst, "x") },
		"hundredths": func(dst []byte) []byte { return pgcopy.AppendHundredths(dst, 123456) },
	} {
		require.Equal(t, append([]byte("before"), add(nil)...), add([]byte("before")), name)
	}
}

func TestAMalformedNumericIsRefused(t *testing.T) {
	t.Parallel()
	for name, field := range map[string][]byte{
		"an unknown sign":           {0, 0, 0, 0, 0x80, 0, 0, 0},
		"fewer groups than it says": {0, 2, 0, 0, 0, 0, 0, 0, 0, 1},
		"more groups than it says":  {0, 0, 0, 0, 0, 0, 0, 0, 0, 1},
		"half a group":              {0, 1, 0, 0, 0, 0, 0, 0, 0},
		"a group of 10000":          {0, 1, 0, 0, 0, 0, 0, 0, 0x27, 0x10},
		"a second group of 65535":   {0, 2, 0, 0, 0, 0, 0, 0, 0, 1, 0xff, 0xff},
	} {
		_, err := pgcopy.DecodeNumeric(field)
		require.ErrorIs(t, err, pgcopy.ErrFormat, name)
	}
}

// The canonical form is what makes comparing bytes right: one number, one encoding.
func TestHundredthsHaveOneEncodingEach(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := rapid.Int64().Draw(t, "a")
		b := rapid.OneOf(rapid.Just(a), rapid.Just(-a), rapid.Int64()).Draw(t, "b")
		encodedA, encodedB := pgcopy.AppendHundredths(nil, a), pgcopy.AppendHundredths(nil, b)
		require.Equal(t, a == b, bytes.Equal(encodedA, encodedB))

		n, err := pgcopy.DecodeNumeric(body(t, encodedA))
		require.NoError(t, err)
		if n.Len() > 0 {
			require.NotZero(t, n.Group(0), "no leading zero group")
			require.NotZero(t, n.Group(n.Len()-1), "no trailing zero group")
		}
	})
}

// FuzzDecodeNumeric feeds fields of any kind: an error is ErrFormat, and what is accepted is what was sent.
func FuzzDecodeNumeric(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{0, 0, 0, 0, 0xc0, 0, 0, 0})
	f.Add([]byte{0, 0, 0, 0, 0xd0, 0, 0, 0x20})
	f.Add([]byte{0, 1, 0x7f, 0xff, 0x40, 0, 0, 0, 0x27, 0x0f})
	for _, v := range []int64{0, 1, -1, 999999, 1000000, math.MaxInt64, math.MinInt64} {
		f.Add(pgcopy.AppendHundredths(nil, v)[4:])
	}
	f.Fuzz(func(t *testing.T, field []byte) {
		n, err := pgcopy.DecodeNumeric(field)
		if err != nil {
			require.ErrorIs(t, err, pgcopy.ErrFormat)
			return
		}
		again := binary.BigEndian.AppendUint16(nil, uint16(n.Len()))
		again = binary.BigEndian.AppendUint16(again, uint16(n.Weight))
		again = binary.BigEndian.AppendUint16(again, uint16(n.Kind))
		again = append(again, field[6:8]...) // the scale is for display
		for i := range n.Len() {
			require.LessOrEqual(t, n.Group(i), 9999)
			again = binary.BigEndian.AppendUint16(again, uint16(n.Group(i)))
		}
		require.Equal(t, field, again)
	})
}
