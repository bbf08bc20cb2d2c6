package pgcopy_test

import (
	"bytes"
	"io"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ferry/engine/pgcopy"
)

func collect(tuples []tuple) *pgcopy.Tuples {
	var out pgcopy.Tuples
	for i, fields := range tuples {
		out.AppendRaw(int64(100+i), fields)
	}
	return &out
}

func TestAnyRangeOfTuplesComesBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		tuples := rapid.SliceOfN(aTuple(), 0, 8).Draw(t, "tuples")
		collected := collect(tuples)
		from := rapid.IntRange(0, len(tuples)).Draw(t, "from")
		until := rapid.IntRange(from, len(tuples)).Draw(t, "until")

		data, err := io.ReadAll(collected.Reader(from, until))
		require.NoError(t, err)
		require.Equal(t, stream(nil, tuples[from:until]...), data, "what the manual says a COPY looks like")
		got, err := split(data, rapid.SliceOf(rapid.IntRange(0, len(data))).Draw(t, "cuts")...)
		require.NoError(t, err)
		require.Len(t, got, until-from)
		for i, fields := range got {
			require.Equal(t, tuples[from+i], fields)
		}
	})
}

func TestATupleKeepsItsIDItsBytesAndItsFields(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		tuples := rapid.SliceOfN(aTuple(), 1, 8).Draw(t, "tuples")
		collected := collect(tuples)
		require.Equal(t, len(tuples), collected.Len())
		size := 0
		for i, want := range tuples {
			require.Equal(t, int64(100+i), collected.ID(i))
			require.Equal(t, int64(100+i), collected.IDs()[i])
			require.Equal(t, want.encode(), collected.Bytes(i))
			fields, err := collected.Fields(i)
			require.NoError(t, err)
			require.Equal(t, want, clone(fields))
			size += len(collected.Bytes(i))
		}
		require.Equal(t, size, collected.Size())
	})
}

// Changed rows are found by comparing bytes, so bytes must not say "equal" of fields that differ, or the reverse.
func TestTuplesAreEqualExactlyIfTheirBytesAre(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		a := aTuple().Draw(t, "a")
		b := rapid.OneOf(rapid.Just(clone(a)), aTuple()).Draw(t, "b")
		both := collect([]tuple{a, b})
		require.Equal(t, sameFields(a, b), bytes.Equal(both.Bytes(0), both.Bytes(1)))
	})
}

func sameFields(a, b tuple) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if (a[i] == nil) != (b[i] == nil) || !bytes.Equal(a[i], b[i]) {
			return false
		}
	}
	return true
}

func TestAReaderReadsInPiecesOfAnySize(t *testing.T) {
	t.Parallel()
	collected := collect(small)
	for from := range len(small) + 1 {
		for until := from; until <= len(small); until++ {
			require.NoError(t, iotest.TestReader(collected.Reader(from, until), stream(nil, small[from:until]...)))
		}
	}
}

func TestARangeWithoutTuplesIsAnEmptyCopy(t *testing.T) {
	t.Parallel()
	for name, reader := range map[string]io.Reader{
		"nothing collected": new(pgcopy.Tuples).Reader(0, 0),
		"an empty range":    collect(small).Reader(2, 2),
		"a reversed range":  collect(small).Reader(3, 1),
	} {
		data, err := io.ReadAll(reader)
		require.NoError(t, err, name)
		require.Equal(t, stream(nil), data, name)
	}
}

func TestResetForgetsTheTuples(t *testing.T) {
	t.Parallel()
	collected := collect(small)
	collected.Reset()
	require.Zero(t, collected.Len())
	require.Zero(t, collected.Size())
	collected.AppendRaw(7, small[0])
	require.Equal(t, int64(7), collected.ID(0))
	require.Equal(t, small[0].encode(), collected.Bytes(0))
}

func TestResetKeepsTheMemory(t *testing.T) { //nolint:paralleltest // counts all allocations of the process
	collected := collect(small)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		collected.Reset()
		for i, fields := range small {
			collected.AppendRaw(int64(i), fields)
		}
	}), "batch after batch is collected in the same buffers")
}
