package entity_test

import (
	"math"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"ferry/engine/entity"
	"ferry/engine/pgcopy"
)

// A first load reads, judges and encodes each row in memory that it has already.
//
//nolint:paralleltest // not beside others, whose allocations would count
func TestARowOnItsWayTakesNoMemory(t *testing.T) {
	for _, e := range entity.All() {
		t.Run(e.Short, func(t *testing.T) {
			d := entity.NewDecoder(e, shape(e, entity.WireFloat8))
			judges := entity.DefaultRules().Judges(e)
			row := entity.Row{Values: make([]entity.Value, len(e.Columns))}
			var out pgcopy.Tuples
			linked := func(string, int64) bool { return true }
			derived := make([]entity.Value, len(e.Derived))
			tuples := make([][][]byte, 20_000) // more texts than the decoder keeps one by one
			for n := range tuples {
				tuples[n] = fieldsOf(e)
				for i, c := range e.Columns {
					switch {
					case c.Kind == entity.KindPoints:
						tuples[n][i+1] = int8Field(int64(math.Float64bits(float64(n) / 4)))
					case i == e.Code:
						tuples[n][i+1] = []byte(strconv.Itoa(n) + "-4c6f-4ef8")
					}
				}
			}
			carry := func(fields [][]byte) {
				require.NoError(t, d.DecodeInto(&row, fields))
				judges.Judge(row)
				e.AppendInsert(&out, row, linked, derived...)
				if out.Size() > 64<<10 {
					out.Reset()
				}
			}
			for _, fields := range tuples {
				carry(fields)
			}
			n := 0
			allocated := testing.AllocsPerRun(len(tuples)-1, func() {
				carry(tuples[n])
				n++
			})
			require.Zero(t, allocated, "allocations for each row")
		})
	}
}
