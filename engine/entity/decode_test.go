package entity_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ferry/engine/entity"
	"ferry/engine/pgcopy"
)

// fieldsOf is a valid row as a source sends it: id, then each column in the wire form of its kind.
func fieldsOf(e *entity.Entity) [][]byte {
	row := valid(e)
	out := [][]byte{int8Field(row.ID)}
	for i, c := range e.Columns {
		switch c.Kind {
		case entity.KindText:
			out = append(out, []byte(row.Values[i].Text))
		case entity.KindPoints:
			out = append(out, pointsField(row.Values[i].Int))
		case entity.KindInt, entity.KindTime:
			out = append(out, int8Field(row.Values[i].Int))
		}
	}
	return out
}

// canonical is the valid row after cleaning.
func canonical(e *entity.Entity) entity.Row {
	row := valid(e)
	if e.Clean != nil {
		e.Clean(&row)
	}
	return row
}

func TestATupleBecomesARow(t *testing.T) {
	t.Parallel()
	for _, e := range entity.All() {
		row, err := entity.NewDecoder(e, shape(e, entity.WireNumeric)).Decode(fieldsOf(e))
		require.NoError(t, err)
		require.Equal(t, canonical(e), row)
	}
}

func TestPointsArriveInEitherOfTheirTypes(t *testing.T) {
	t.Parallel()
	float := func(f float64) []byte { return int8Field(int64(math.Float64bits(f))) }
	at := column(t, entity.Card, "points")
	fields := fieldsOf(entity.Card)

	fields[at+1] = float(30.299999999999997)
	row, err := entity.NewDecoder(entity.Card, shape(entity.Card, entity.WireFloat8)).Decode(fields)
	require.NoError(t, err)
	require.Equal(t, present(3030), row.Values[at])

	fields[at+1] = pointsField(3030)
	row, err = entity.NewDecoder(entity.Card, shape(entity.Card, entity.WireNumeric)).Decode(fields)
	require.NoError(t, err)
	require.Equal(t, present(3030), row.Values[at])
}

func TestNoPointsAreZeroPointsAndOtherNullsStay(t *testing.T) {
	t.Parallel()
	for _, e := range entity.All() {
		fields := make([][]byte, len(e.Columns)+1)
		fields[0] = int8Field(7)
		for _, points := range []entity.Wire{entity.WireFloat8, entity.WireNumeric} {
			row, err := entity.NewDecoder(e, shape(e, points)).Decode(fields)
			require.NoError(t, err)
			for i, c := range e.Columns {
				if c.Kind == entity.KindPoints {
					require.Equal(t, present(0), row.Values[i], "%s.%s", e.Name, c.Source)
				} else {
					require.Equal(t, entity.Value{}, row.Values[i], "%s.%s", e.Name, c.Source)
				}
			}
		}
	}
}

func TestAnOptionalColumnThatIsAbsentIsNull(t *testing.T) {
	t.Parallel()
	for _, e := range entity.All() {
		s := shape(e, entity.WireNumeric)
		want := canonical(e)
		all := fieldsOf(e)
		fields := all[:1:1]
		for i, c := range e.Columns {
			if c.Optional {
				s[i], want.Values[i] = entity.WireAbsent, entity.Value{}
				continue
			}
			fields = append(fields, all[i+1])
		}
		row, err := entity.NewDecoder(e, s).Decode(fields)
		require.NoError(t, err)
		require.Equal(t, want, row)
	}
}

func TestATupleOfAnotherShapeIsAnError(t *testing.T) {
	t.Parallel()
	for _, e := range entity.All() {
		d := entity.NewDecoder(e, shape(e, entity.WireNumeric))
		fields := fieldsOf(e)
		for n := range fields {
			_, err := d.Decode(fields[:n])
			require.ErrorContains(t, err, e.Name, "%d fields", n)
			if n > 0 {
				require.ErrorContains(t, err, "column "+e.Columns[n-1].Source+" is missing")
			}
		}
		_, err := d.Decode(append(fields, nil))
		require.ErrorContains(t, err, fmt.Sprintf("%d fields, expected %d", len(fields)+1, len(fields)))

		fields[0] = nil
		_, err = d.Decode(fields)
		require.ErrorContains(t, err, "without id")
	}
}

func TestAnErrorNamesTheRowAndTheColumn(t *testing.T) {
	t.Parallel()
	for _, e := range entity.All() {
		for _, points := range []entity.Wire{entity.WireFloat8, entity.WireNumeric} {
			for i, c := range e.Columns {
				if c.Kind == entity.KindText {
					continue // any bytes are a text
				}
				fields := fieldsOf(e)
				for j, other := range e.Columns {
					if other.Kind == entity.KindPoints {
						fields[j+1] = nil
					}
				}
				fields[i+1] = []byte{1, 2, 3}
				_, err := entity.NewDecoder(e, shape(e, points)).Decode(fields)
				require.ErrorIs(t, err, pgcopy.ErrFormat)
				require.ErrorContains(t, err, e.Name+" 7: "+c.Source+": ")
			}
		}
		fields := fieldsOf(e)
		fields[0] = []byte{1}
		_, err := entity.NewDecoder(e, shape(e, entity.WireNumeric)).Decode(fields)
		require.ErrorIs(t, err, pgcopy.ErrFormat)
		require.ErrorContains(t, err, e.Name+": id: ")
	}
}

func TestARowOutlivesTheMemoryThatItCameIn(t *testing.T) {
	t.Parallel()
	at := column(t, entity.Card, "code")
	d := entity.NewDecoder(entity.Card, shape(entity.Card, entity.WireNumeric))
	for _, code := range []string{"SHORT", "SHORT", strings.Repeat("LONG", 30)} {
		fields := fieldsOf(entity.Card)
		fields[at+1] = []byte(code)
		row, err := d.Decode(fields)
		require.NoError(t, err)
		for _, f := range fields {
			for i := range f {
				f[i] = 'x'
			}
		}
		require.Equal(t, code, row.Values[at].Text)
	}
}

func TestManyDifferentTextsComeThrough(t *testing.T) {
	t.Parallel()
	at := column(t, entity.Card, "code")
	d := entity.NewDecoder(entity.Card, shape(entity.Card, entity.WireNumeric))
	fields := fieldsOf(entity.Card)
	for i := range 10_000 { // more than the decoder remembers
		code := fmt.Sprintf("CODE-%d", i)
		fields[at+1] = []byte(code)
		row, err := d.Decode(fields)
		require.NoError(t, err)
		require.Equal(t, code, row.Values[at].Text)
	}
}

func TestADecodedCodeIsClean(t *testing.T) {
	t.Parallel()
	at := column(t, entity.Card, "code")
	fields := fieldsOf(entity.Card)
	fields[at+1] = []byte("\u00a0straße \t")
	row, err := entity.NewDecoder(entity.Card, shape(entity.Card, entity.WireNumeric)).Decode(fields)
	require.NoError(t, err)
	require.Equal(t, "STRAßE", row.Values[at].Text)
}

func TestValuesThatCannotBeStoredAreMarkedNotRefused(t *testing.T) {
	t.Parallel()
	e := entity.Move
	fields := fieldsOf(e)
	fields[column(t, e, "initial_point")+1] = int8Field(int64(math.Float64bits(math.NaN())))
	fields[column(t, e, "remaining_point")+1] = int8Field(int64(math.Float64bits(1e22)))
	fields[column(t, e, "gain_date")+1] = int8Field(pgcopy.TimeNegInfinity)
	fields[column(t, e, "expiration_date")+1] = int8Field(pgcopy.TimeInfinity)
	row, err := entity.NewDecoder(e, shape(e, entity.WireFloat8)).Decode(fields)
	require.NoError(t, err)
	for source, state := range map[string]entity.ValueState{
		"initial_point": entity.NotFinite, "remaining_point": entity.TooLarge,
		"gain_date": entity.Endless, "expiration_date": entity.Endless, "loyalty_card_id": entity.Present,
	} {
		v := row.Values[column(t, e, source)]
		require.Equal(t, state, v.State, source)
		require.Equal(t, state == entity.Present, v.Usable(), source)
	}
	described := e.Describe(row)
	require.Equal(t, "not a finite number", described["initial_point"])
	require.Equal(t, "beyond 16 digits", described["remaining_point"])
	require.Equal(t, "-infinity", described["gain_date"])
	require.Equal(t, "infinity", described["expiration_date"])
}

func TestARowIsDescribedInWords(t *testing.T) {
	t.Parallel()
	row := entity.Row{ID: 7, Values: []entity.Value{
		textual("0446-4C6F-4EF8"), present(42), {}, present(-5), present(0), present(1_500_000),
	}}
	require.Equal(t, map[string]string{
		"code": "0446-4C6F-4EF8", "partner_id": "42", "points": "-0.05", // no program: it is left out
		"create_date": "2000-01-01T00:00:00Z", "write_date": "2000-01-01T00:00:01.5Z",
	}, entity.Card.Describe(row))
	row.Values[3] = entity.Value{State: entity.Rounded, Int: 3030}
	require.Equal(t, "30.30", entity.Card.Describe(row)["points"])
	require.Empty(t, entity.Card.Describe(entity.Row{Values: make([]entity.Value, 6)}))
}
