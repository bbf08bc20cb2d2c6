package pgcopy_test

import (
	"encoding/binary"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"ferry/engine/pgcopy"
	"ferry/store/embedded/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// tuple holds fields as a test expects them; nil is NULL, and an empty one is not nil.
type tuple [][]byte

// header begins a stream, with an extension that a reader has to skip.
func header(extension []byte) []byte {
	out := append([]byte("PGCOPY\n\xff\r\n\x00"), 0, 0, 0, 0)
	out = binary.BigEndian.AppendUint32(out, uint32(len(extension)))
	return append(out, extension...)
}

// encode writes a tuple as the manual describes it, without the package under test.
func (f tuple) encode() []byte {
	out := binary.BigEndian.AppendUint16(nil, uint16(len(f)))
	for _, field := range f {
		if field == nil {
			out = append(out, 0xff, 0xff, 0xff, 0xff)
			continue
		}
		out = binary.BigEndian.AppendUint32(out, uint32(len(field)))
		out = append(out, field...)
	}
	return out
}

// stream is a whole COPY of tuples.
func stream(extension []byte, tuples ...tuple) []byte {
	out := header(extension)
	for _, t := range tuples {
		out = append(out, t.encode()...)
	}
	return append(out, 0xff, 0xff)
}

// split feeds a stream cut at the given offsets, and gives the tuples handed on up to the first error.
func split(data []byte, cuts ...int) ([]tuple, error) {
	var out []tuple
	s := pgcopy.NewSplitter(func(fields [][]byte) error {
		out = append(out, clone(fields))
		return nil
	})
	slices.Sort(cuts)
	at := 0
	for _, cut := range append(cuts, len(data)) {
		piece := slices.Clone(data[at:cut])
		_, err := s.Write(piece)
		clear(piece) // a writer may keep nothing of what it is given
		if err != nil {
			return out, err
		}
		at = cut
	}
	return out, s.Close()
}

func clone(fields [][]byte) tuple {
	out := make(tuple, len(fields))
	for i, f := range fields {
		if f != nil {
			out[i] = append([]byte{}, f...)
		}
	}
	return out
}

// everyByte cuts data between any two bytes.
func everyByte(data []byte) []int {
	cuts := make([]int, len(data))
	for i := range cuts {
		cuts[i] = i
	}
	return cuts
}

// aField draws NULLs, empty fields, and bytes, some of which look like the format itself.
func aField() *rapid.Generator[[]byte] {
	return rapid.OneOf(
		rapid.Just([]byte(nil)),
		rapid.Just([]byte{}),
		rapid.Just([]byte{0xff, 0xff}),
		rapid.Just([]byte{0xff, 0xff, 0xff, 0xff}),
		rapid.SliceOfN(rapid.Byte(), 0, 40),
	)
}

func aTuple() *rapid.Generator[tuple] {
	return rapid.Map(rapid.SliceOfN(aField(), 0, 12), func(fields [][]byte) tuple { return fields })
}
