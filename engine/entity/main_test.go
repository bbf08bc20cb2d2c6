package entity_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"ferry/engine/entity"
	"ferry/engine/pgcopy"
	"ferry/store/embedded/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// column gives the index of a source column.
func column(t require.TestingT, e *entity.Entity, source string) int {
	for i, c := range e.Columns {
		if c.Source == source {
			return i
		}
	}
	require.FailNow(t, fmt.Sprintf("%s has no column %s", e.Name, source))
	return -1
}

// shape is how a source has an entity's columns, with points in the wire form given.
func shape(e *entity.Entity, points entity.Wire) entity.Shape {
	out := make(entity.Shape, len(e.Columns))
	for i, c := range e.Columns {
		out[i] = map[entity.Kind]entity.Wire{
			entity.KindInt: entity.WireInt, entity.KindText: entity.WireText,
			entity.KindPoints: points, entity.KindTime: entity.WireTime,
		}[c.Kind]
	}
	return out
}

func present(v int64) entity.Value  { return entity.Value{State: entity.Present, Int: v} }
func textual(s string) entity.Value { return entity.Value{State: entity.Present, Text: s} }
func never(string, int64) bool      { return false }
func always(string, int64) bool     { return true }
func int8Field(v int64) []byte      { return pgcopy.AppendInt8(nil, v)[4:] }
func pointsField(v int64) []byte    { return pgcopy.AppendHundredths(nil, v)[4:] }

// valid is a row that keeps every rule, with a value in every column.
func valid(e *entity.Entity) entity.Row {
	row := entity.Row{ID: 7, Values: make([]entity.Value, len(e.Columns))}
	for i, c := range e.Columns {
		switch c.Kind {
		case entity.KindText:
			row.Values[i] = textual("active")
		case entity.KindPoints:
			row.Values[i] = present(500) // what remains is at most what was gained
		case entity.KindInt, entity.KindTime:
			row.Values[i] = present(int64(100 + i))
		}
	}
	return row
}
