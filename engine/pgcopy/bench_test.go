package pgcopy_test

import (
	"io"
	"math"
	"testing"

	"ferry/engine/pgcopy"
)

// ledger is a collection like a batch of history rows.
func ledger(rows int) *pgcopy.Tuples {
	var out pgcopy.Tuples
	for i := range rows {
		out.Append(int64(i), 9, func(dst []byte) []byte {
			dst = pgcopy.AppendInt8(dst, int64(i))
			dst = pgcopy.AppendInt8(dst, int64(i))
			dst = pgcopy.AppendInt8(dst, int64(i/7))
			dst = pgcopy.AppendNull(dst)
			dst = pgcopy.AppendHundredths(dst, int64(i)*37)
			dst = pgcopy.AppendHundredths(dst, int64(i)*3701)
			dst = pgcopy.AppendInt8(dst, 800_000_000_000_000)
			dst = pgcopy.AppendText(dst, "sale.order")
			return pgcopy.AppendInt8(dst, 800_000_000_000_000)
		})
	}
	return &out
}

// BenchmarkSplitter cuts a stream that arrives in blocks of 64 KiB.
func BenchmarkSplitter(b *testing.B) {
	const rows = 10_000
	data, err := io.ReadAll(ledger(rows).Reader(0, rows))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		s := pgcopy.NewSplitter(func([][]byte) error { return nil })
		for at := 0; at < len(data); at += 1 << 16 {
			if _, err := s.Write(data[at:min(at+1<<16, len(data))]); err != nil {
				b.Fatal(err)
			}
		}
		if s.Rows() != rows {
			b.Fatal(s.Rows())
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/rows, "ns/row")
}

func BenchmarkAppendHundredths(b *testing.B) {
	b.ReportAllocs()
	var buf []byte
	v := int64(1)
	for b.Loop() {
		buf = pgcopy.AppendHundredths(buf[:0], v)
		v = v*7 + 1
	}
}

func BenchmarkDecodeNumeric(b *testing.B) {
	field := pgcopy.AppendHundredths(nil, math.MaxInt64)[4:]
	b.ReportAllocs()
	for b.Loop() {
		if _, err := pgcopy.DecodeNumeric(field); err != nil {
			b.Fatal(err)
		}
	}
}
