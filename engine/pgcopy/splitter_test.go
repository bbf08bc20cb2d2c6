package pgcopy_test

import (
	"encoding/binary"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ferry/engine/pgcopy"
)

// small holds a NULL beside an empty field, a tuple without fields, and fields that look like lengths and ends.
var small = []tuple{
	{[]byte("one"), nil, {}},
	{},
	{{0xff, 0xff}, {0xff, 0xff, 0xff, 0xff}},
	{nil},
}

func TestAStreamCutAnywhereGivesTheSameTuples(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		tuples := rapid.SliceOfN(aTuple(), 0, 8).Draw(t, "tuples")
		data := stream(rapid.SliceOfN(rapid.Byte(), 0, 8).Draw(t, "extension"), tuples...)
		cuts := rapid.SliceOf(rapid.IntRange(0, len(data))).Draw(t, "cuts")
		got, err := split(data, cuts...)
		require.NoError(t, err)
		require.Len(t, got, len(tuples))
		for i := range tuples {
			require.Equal(t, tuples[i], got[i])
		}
	})
}

func TestEveryCutOfAStreamGivesTheSameTuples(t *testing.T) {
	t.Parallel()
	data := stream([]byte("extension"), small...)
	for first := range data {
		for second := first; second <= len(data); second++ {
			got, err := split(data, first, second)
			require.NoError(t, err, "cut at %d and %d", first, second)
			require.Equal(t, small, got, "cut at %d and %d", first, second)
		}
	}
	got, err := split(data, everyByte(data)...)
	require.NoError(t, err)
	require.Equal(t, small, got)
}

func TestASplitterCountsTheTuplesThatItHandedOn(t *testing.T) {
	t.Parallel()
	s := pgcopy.NewSplitter(func([][]byte) error { return nil })
	data := stream(nil, small...)
	n, err := s.Write(data)
	require.NoError(t, err)
	require.Equal(t, len(data), n, "a writer that took less than everything would have to say why")
	require.NoError(t, s.Close())
	require.Equal(t, int64(len(small)), s.Rows())
}

func TestAStreamThatStopsInTheMiddleIsRefusedAtItsEnd(t *testing.T) {
	t.Parallel()
	data := stream([]byte("extension"), small...)
	for end := range data {
		got, err := split(data[:end])
		require.ErrorIs(t, err, pgcopy.ErrFormat, "the first %d bytes", end)
		require.LessOrEqual(t, len(got), len(small))
	}
}

func TestAMalformedStreamIsRefused(t *testing.T) {
	t.Parallel()
	flags := func(f uint32) []byte {
		out := binary.BigEndian.AppendUint32([]byte("PGCOPY\n\xff\r\n\x00"), f)
		return append(out, 0, 0, 0, 0, 0xff, 0xff)
	}
	length := func(n uint32) []byte {
		return binary.BigEndian.AppendUint32(append(header(nil), 0, 1), n)
	}
	for name, data := range map[string][]byte{
		"text format":                   []byte("1\tone\n2\ttwo\n"),
		"line ends converted":           []byte("PGCOPY\r\n\xff\r\n\x00"),
		"the bit for OIDs":              flags(1 << 16),
		"an unknown critical flag":      flags(1 << 31),
		"an endless header":             append([]byte("PGCOPY\n\xff\r\n\x00"), 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff),
		"a negative number of fields":   append(header(nil), 0xff, 0xfe),
		"the smallest number of fields": append(header(nil), 0x80, 0x00),
		"a negative length":             length(0xfffffffe),
		"the smallest length":           length(1 << 31),
		"a field above 1 GiB":           length(1<<30 + 1),
		"a byte behind the end":         append(stream(nil, small...), 0),
		"a second end":                  append(stream(nil, small...), 0xff, 0xff),
		"a second stream":               append(stream(nil), stream(nil)...),
	} {
		whole, err := split(data)
		require.ErrorIs(t, err, pgcopy.ErrFormat, name)
		bytewise, err := split(data, everyByte(data)...)
		require.ErrorIs(t, err, pgcopy.ErrFormat, name)
		require.Equal(t, whole, bytewise, "%s: the same tuples come before the error", name)
	}
}

func TestEachByteOfTheSignatureCounts(t *testing.T) {
	t.Parallel()
	for i := range 11 {
		data := stream(nil, small...)
		data[i] ^= 0x20
		got, err := split(data)
		require.ErrorIs(t, err, pgcopy.ErrFormat, "byte %d", i)
		require.Empty(t, got)
	}
}

func TestFlagsThatAreNotCriticalAreIgnored(t *testing.T) {
	t.Parallel()
	data := stream(nil, small...)
	data[13], data[14] = 0xff, 0xff
	got, err := split(data)
	require.NoError(t, err)
	require.Equal(t, small, got)
}

func TestWhatTheReceiverSaysEndsTheStream(t *testing.T) {
	t.Parallel()
	full := errors.New("the disk is full")
	calls := 0
	s := pgcopy.NewSplitter(func([][]byte) error {
		calls++
		if calls == 2 {
			return full
		}
		return nil
	})
	_, err := s.Write(stream(nil, small...))
	require.Equal(t, full, err, "as it is: the caller asks what it is")
	require.Equal(t, 2, calls, "nothing is handed on after an error")
}

// FuzzSplitter feeds streams of any kind, whole and cut: never a panic, the same tuples and the same judgement both
// times, and no error but ErrFormat.
func FuzzSplitter(f *testing.F) {
	for _, data := range [][]byte{
		nil,
		stream(nil),
		stream([]byte("extension"), small...),
		stream(nil, small...)[:30],
		append(stream(nil, small...), 1),
		append(header(nil), 0x7f, 0xff, 0, 0, 0, 1, 7),
		append(header(nil), 0, 1, 0x3f, 0xff, 0xff, 0xff),
		append(header(nil), 0, 2, 0xff, 0xff, 0xff, 0xff, 0x80, 0, 0, 0),
	} {
		f.Add(data, uint16(7), uint16(25))
	}
	f.Fuzz(func(t *testing.T, data []byte, first, second uint16) {
		whole, err := split(data)
		cut, errCut := split(data, int(first)%(len(data)+1), int(second)%(len(data)+1))
		require.Equal(t, whole, cut)
		if err == nil {
			require.NoError(t, errCut)
			return
		}
		require.ErrorIs(t, err, pgcopy.ErrFormat)
		require.ErrorIs(t, errCut, pgcopy.ErrFormat)
	})
}
