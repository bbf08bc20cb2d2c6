package entity_test

import (
	"math"
	"strconv"
	"testing"

	"github.com/shopspring/decimal"

	"ferry/engine/entity"
	"ferry/engine/pgcopy"
)

// BenchmarkDecode makes rows of tuples, each into the same row as a first load does: float points, and numeric ones.
func BenchmarkDecode(b *testing.B) {
	for _, e := range entity.All() {
		for name, wire := range map[string]entity.Wire{"float8": entity.WireFloat8, "numeric": entity.WireNumeric} {
			b.Run(e.Short+"/"+name, func(b *testing.B) {
				d := entity.NewDecoder(e, shape(e, wire))
				fields := fieldsOf(e)
				if wire == entity.WireFloat8 {
					for i, c := range e.Columns {
						if c.Kind == entity.KindPoints {
							fields[i+1] = int8Field(int64(math.Float64bits(30.299999999999997)))
						}
					}
				}
				b.ReportAllocs()
				row := entity.Row{Values: make([]entity.Value, len(e.Columns))}
				for b.Loop() {
					if err := d.DecodeInto(&row, fields); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// BenchmarkPointsFromFloat stands beside the same decision by the decimal library.
func BenchmarkPointsFromFloat(b *testing.B) {
	for _, f := range []float64{10, 30.299999999999997, 1e22} {
		name := strconv.FormatFloat(f, 'g', -1, 64)
		b.Run(name+"/ours", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				entity.PointsFromFloat(f)
			}
		})
		b.Run(name+"/shopspring", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				expected(decimal.NewFromFloat(f))
			}
		})
	}
}

func BenchmarkCleanCode(b *testing.B) {
	for name, code := range map[string]string{"clean": "0446-4C6F-4EF8", "generated": "0446-4c6f-4ef8", "typed": " straße 🎁 "} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				entity.CleanCode(code)
			}
		})
	}
}

func BenchmarkAppendMapped(b *testing.B) {
	for _, e := range entity.All() {
		b.Run(e.Short, func(b *testing.B) {
			var t pgcopy.Tuples
			row := valid(e)
			b.ReportAllocs()
			for b.Loop() {
				t.Reset()
				e.AppendMapped(&t, row, always)
			}
		})
	}
}

func BenchmarkJudge(b *testing.B) {
	rules := entity.DefaultRules()
	for _, e := range entity.All() {
		b.Run(e.Short, func(b *testing.B) {
			judges, row := rules.Judges(e), valid(e)
			b.ReportAllocs()
			for b.Loop() {
				judges.Judge(row)
			}
		})
	}
}
