package entity_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"ferry/engine/entity"
	"ferry/engine/pgcopy"
)

// mappedBytes is the tuple that the merge compares.
func mappedBytes(e *entity.Entity, row entity.Row, linked func(string, int64) bool) []byte {
	var t pgcopy.Tuples
	e.AppendMapped(&t, row, linked)
	return t.Bytes(0)
}

func TestAChangeOfAnyMappedValueShows(t *testing.T) {
	t.Parallel()
	for _, e := range entity.All() {
		before := mappedBytes(e, valid(e), never)
		require.Equal(t, before, mappedBytes(e, valid(e), never))
		for i, c := range e.Columns {
			for _, v := range []entity.Value{{}, present(0), present(-1), textual(""), textual("ACTIVE")} {
				if (c.Kind == entity.KindText) != (v.Text != "" || v == textual("")) && v.State != entity.Null {
					continue
				}
				row := valid(e)
				row.Values[i] = v
				require.Equal(t, c.Target == "", bytes.Equal(before, mappedBytes(e, row, never)), "%s.%s = %v", e.Name, c.Source, v)
			}
		}
		row := valid(e)
		row.ID++
		require.NotEqual(t, before, mappedBytes(e, row, never))
	}
}

func TestHowPointsCameAboutIsNoContent(t *testing.T) {
	t.Parallel()
	row := valid(entity.Card)
	before := mappedBytes(entity.Card, row, never)
	row.Values[column(t, entity.Card, "points")].State = entity.Rounded
	require.Equal(t, before, mappedBytes(entity.Card, row, never))
}

func TestALinkIsThereExactlyWhileItsParentIs(t *testing.T) {
	t.Parallel()
	at := column(t, entity.History, "point_move_id")
	link := func(row entity.Row, linked func(string, int64) bool) (odoo, link []byte) {
		var out pgcopy.Tuples
		entity.History.AppendMapped(&out, row, linked)
		fields, err := out.Fields(0)
		require.NoError(t, err)
		require.Len(t, fields, len(entity.History.MappedColumns()))
		return fields[3], fields[4]
	}
	row := valid(entity.History)
	row.Values[at] = present(42)
	odoo, linked := link(row, func(parent string, id int64) bool { return parent == "loyalty_point_move" && id == 42 })
	require.Equal(t, int8Field(42), odoo)
	require.Equal(t, int8Field(42), linked)
	odoo, linked = link(row, never)
	require.Equal(t, int8Field(42), odoo, "what the source says stays")
	require.Nil(t, linked)
	row.Values[at] = entity.Value{}
	odoo, linked = link(row, always)
	require.Nil(t, odoo)
	require.Nil(t, linked)
}

func TestANewCardsPointsStartFromOdoos(t *testing.T) {
	t.Parallel()
	row := valid(entity.Card)
	row.Values[column(t, entity.Card, "points")] = present(-1234)
	var out pgcopy.Tuples
	entity.Card.AppendInsert(&out, row, never)
	require.Equal(t, row.ID, out.ID(0))
	fields, err := out.Fields(0)
	require.NoError(t, err)
	require.Len(t, fields, len(entity.Card.InsertColumns()))
	require.Equal(t, pointsField(-1234), fields[5], "odoo_points")
	require.Equal(t, pointsField(-1234), fields[8], "points")
}
