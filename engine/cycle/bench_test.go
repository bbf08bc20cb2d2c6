package cycle

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"ferry/engine/entity"
)

// BenchmarkMerge walks through a thousand rows of both sides; its figures are for one of them: all equal, all new, all changed.
func BenchmarkMerge(b *testing.B) {
	const rows = 1000
	judges := entity.DefaultRules().Judges(entity.Card)
	var source []judged
	equal, changed := &Stored{Owned: make([]bool, rows)}, &Stored{Owned: make([]bool, rows)}
	for i := range rows {
		row := entity.Row{ID: int64(i + 1), Values: []entity.Value{
			{State: entity.Present, Text: "0446-4C6F-" + strconv.Itoa(i)},
			{State: entity.Present, Int: 7},
			{State: entity.Present, Int: 3},
			{State: entity.Present, Int: 1234},
			{State: entity.Present, Int: 1},
			{State: entity.Present, Int: 2},
		}}
		source = append(source, judged{row, judges.Judge(row)})
		entity.Card.AppendMapped(&equal.Rows, row, nil)
		row.Values = append([]entity.Value(nil), row.Values...)
		row.Values[3].Int++
		entity.Card.AppendMapped(&changed.Rows, row, nil)
	}
	for name, stored := range map[string]*Stored{"equal": equal, "new": {}, "changed": changed} {
		b.Run(name, func(b *testing.B) {
			m := newMerge(entity.Card, Work{}, Scope{High: rows}, source)
			b.ReportAllocs()
			for b.Loop() {
				m.inserts.Reset()
				m.updates.Reset()
				m.fed = m.fed[:0]
				if err := m.walk(stored); err != nil {
					b.Fatal(err)
				}
			}
			require.Empty(b, m.faults)
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*rows), "ns/row")
		})
	}
}
