package entity_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"ferry/engine/entity"
	"ferry/engine/pgcopy"
	"ferry/store/embedded/pgtest"
	"ferry/store/migrations"
)

// The first and the last microsecond that a timestamp holds.
const (
	firstTime = -211_813_488_000_000_000
	lastTime  = 9_223_371_331_200_000_000 - 1
	firstYear = -63_082_281_600_000_000 // 0001-01-01
)

// stored is what a numeric(18,2) column would send for points, nil if they cannot be stored.
func stored(v entity.Value) []byte {
	if !v.Usable() {
		return nil
	}
	return pointsField(v.Int)
}

// A check compares both sides in SQL with round(points::text::numeric, 2). It would find differences that are none if
// that were another function than the one that loads. The server's and Go's shortest decimals differ for a few numbers
// above 2^53, where only the server excludes the bounds of the interval; all of them are beyond 16 digits.
func TestTheServerRoundsFloatsTheSameWay(t *testing.T) {
	t.Parallel()
	conn := pgtest.New(t).Conn(t)
	values := []float64{
		0, math.Copysign(0, -1), 2.675, 1.005, -1.005, 30.299999999999997, -1.33e-15, 5e-324, math.MaxFloat64, 1e22, 1e23,
		1e16, math.Nextafter(1e16, 0), -1e16, 9.3e16, math.NaN(), math.Inf(1), math.Inf(-1),
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 4000 {
		values = append(values,
			math.Float64frombits(r.Uint64()),
			float64(r.Int64N(2e12)-1e12)/1000,
			math.Nextafter(float64(r.Int64N(2e10)-1e10)/1000, float64(r.IntN(3)-1)*1e300),
			math.Nextafter(1e16, 0)-float64(r.Int64N(1000)*2),
			float64(r.Int64N(1<<53))/math.Pow(2, float64(r.IntN(60))))
	}
	var sent [][]byte
	require.NoError(t, conn.QueryRow(t.Context(), `
		SELECT array_agg(CASE WHEN abs(p) < 1e16 THEN numeric_send(p::numeric(18,2)) END ORDER BY at)
		FROM (SELECT at, round(v::text::numeric, 2) AS p FROM unnest($1::float8[]) WITH ORDINALITY AS u(v, at)) AS x`,
		values).Scan(&sent))
	require.Len(t, sent, len(values))
	for i, v := range values {
		require.Equal(t, sent[i], stored(entity.PointsFromFloat(v)), "%v", v)
	}
}

func TestTheServerRoundsNumericsTheSameWay(t *testing.T) {
	t.Parallel()
	conn := pgtest.New(t).Conn(t)
	values := []string{
		"0", "-0.00", "0.005", "-0.005", "0.00499999999999999999999999999999", "0.000001", "0.0000010000000000000000000000000001",
		"0.009999", "0.00999899999999999999999999", "9999999999999999.99", "9999999999999999.994999", "9999999999999999.995",
		"-9999999999999999.995", "10000000000000000", "99999999999999999.99", "92233720368547758.08", "1e1000", "-1e1000", "1e-1000",
		"NaN", "Infinity", "-Infinity",
	}
	r := rand.New(rand.NewPCG(3, 4))
	for range 8000 {
		text := []byte([]string{"", "-"}[r.IntN(2)])
		text = append(strconv.AppendInt(text, r.Int64N(int64(math.Pow10(1+r.IntN(18)))), 10), '.', '0')
		for range r.IntN(24) {
			text = append(text, "00459"[r.IntN(5)])
		}
		values = append(values, string(text))
	}
	var wire, sent [][]byte
	require.NoError(t, conn.QueryRow(t.Context(), `SELECT array_agg(numeric_send(n) ORDER BY at),
			array_agg(CASE WHEN abs(p) < 1e16 THEN numeric_send(p::numeric(18,2)) END ORDER BY at)
		FROM (SELECT at, v::numeric AS n, round(v::numeric, 2) AS p FROM unnest($1::text[]) WITH ORDINALITY AS u(v, at)) AS x`,
		values).Scan(&wire, &sent))
	require.Len(t, sent, len(values))
	for i, v := range values {
		n, err := pgcopy.DecodeNumeric(wire[i])
		require.NoError(t, err, v)
		got := entity.PointsFromNumeric(n)
		require.Equal(t, sent[i], stored(got), v)
		if n.Kind == pgcopy.NumericPositive || n.Kind == pgcopy.NumericNegative {
			require.Equal(t, expected(decimal.RequireFromString(v)), got, v)
		} else {
			require.Equal(t, entity.NotFinite, got.State, v)
		}
	}
}

// Timestamps without time zone, as Odoo keeps them, in a session whose own zone is far from UTC: the zone has no say.
func TestTimesArriveAsTheServerHasThem(t *testing.T) {
	t.Parallel()
	conn := pgtest.New(t).Conn(t)
	times := []int64{firstTime, lastTime, 0, -1, 1, pgcopy.TimeInfinity, pgcopy.TimeNegInfinity, -pgcopy.EpochUnixMicro}
	texts := []string{
		"4714-11-24 00:00:00 BC", "294276-12-31 23:59:59.999999", "2000-01-01", "1999-12-31 23:59:59.999999",
		"2000-01-01 00:00:00.000001", "infinity", "-infinity", "1970-01-01",
	}
	r := rand.New(rand.NewPCG(5, 6))
	for range 2000 {
		us := r.Int64N(lastTime>>(r.IntN(20)+1)) - r.Int64N(-firstTime)
		times = append(times, us)
		texts = append(texts, fmt.Sprintf("2000-01-01 %+d microseconds", us))
	}
	_, err := conn.Exec(t.Context(), `SET TimeZone = 'Pacific/Chatham'`)
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), `CREATE TEMPORARY TABLE loyalty_card AS SELECT at AS id,
		CASE WHEN v LIKE '%microseconds' THEN '2000-01-01'::timestamp + substr(v, 12)::interval ELSE v::timestamp END AS write_date
		FROM unnest($1::text[]) WITH ORDINALITY AS u(v, at)`, texts)
	require.NoError(t, err)

	at := column(t, entity.Card, "write_date")
	decoder := entity.NewDecoder(entity.Card, shape(entity.Card, entity.WireFloat8))
	var described []string
	var ids []int64
	s := pgcopy.NewSplitter(func(fields [][]byte) error {
		row, err := decoder.Decode(fields)
		require.NoError(t, err)
		want := present(times[row.ID-1])
		if want.Int == pgcopy.TimeInfinity || want.Int == pgcopy.TimeNegInfinity {
			want.State = entity.Endless
		}
		require.Equal(t, want, row.Values[at], texts[row.ID-1])
		text := entity.Card.Describe(row)["write_date"]
		if want.Int < firstYear && want.State != entity.Endless {
			require.Regexp(t, `^(0000|-[0-9]{4})-`, text) // years before Christ are counted with a zero: no text for the server
			return nil
		}
		described, ids = append(described, text), append(ids, row.ID)
		return nil
	})
	_, err = conn.PgConn().CopyTo(t.Context(), s, `
		COPY (SELECT id, '' AS code, 1::bigint, NULL::bigint, 0::float8, NULL::timestamp, write_date FROM loyalty_card ORDER BY id)
		TO STDOUT (FORMAT binary)`)
	require.NoError(t, err)
	require.Equal(t, int64(len(times)), s.Rows())

	// What people are shown is what the server means.
	var wrong []string
	require.NoError(t, conn.QueryRow(t.Context(), `SELECT coalesce(array_agg(d || ' is ' || write_date), '{}')
		FROM unnest($1::text[], $2::bigint[]) AS u(d, id) JOIN loyalty_card USING (id) WHERE d::timestamp <> write_date`,
		described, ids).Scan(&wrong))
	require.Empty(t, wrong)
	require.Greater(t, len(described), len(times)/4)
}

// generated are rows as a decoder could give them: any id, every kind of text, all of numeric(18,2) and of time. Cards
// come first, children point at them, and every third history row at a move that is not there.
func generated() map[*entity.Entity][]entity.Row {
	const rows = 1500
	r := rand.New(rand.NewPCG(7, 8))
	texts := []string{"", "active", "straße", "บัตร", "🎁", `\N`, "NULL", "\t\n", "'\"\\", strings.Repeat("ü", 3000)}
	out := map[*entity.Entity][]entity.Row{}
	for _, e := range entity.All() {
		for n := range rows {
			row := entity.Row{ID: int64(1 + n*3), Values: make([]entity.Value, len(e.Columns))}
			for i, c := range e.Columns {
				row.Values[i] = generatedValue(r, c.Kind, texts)
			}
			for _, p := range e.Parents {
				row.Values[p.Column] = present(int64(1 + r.IntN(rows)*3))
				if p.Link != "" && n%3 == 0 {
					row.Values[p.Column] = []entity.Value{{}, present(2), present(0)}[n/3%3]
				}
			}
			if e.Code >= 0 {
				row.Values[e.Code] = textual(fmt.Sprintf("%s %d", texts[n%len(texts)], n))
				row.Values[e.Derived[0].From] = generatedPoints(r)
			}
			out[e] = append(out[e], row)
		}
	}
	return out
}

func generatedPoints(r *rand.Rand) entity.Value {
	const limit = 1_000_000_000_000_000_000
	v := entity.Value{State: entity.Present + entity.ValueState(r.IntN(2)), Int: (r.Int64N(2*limit-1) - limit + 1) >> r.IntN(60)}
	if r.IntN(20) == 0 {
		v.Int = []int64{0, limit - 1, 1 - limit, 10_000, -1}[r.IntN(5)]
	}
	return v
}

func generatedValue(r *rand.Rand, kind entity.Kind, texts []string) entity.Value {
	if kind != entity.KindPoints && r.IntN(8) == 0 {
		return entity.Value{}
	}
	switch kind {
	case entity.KindText:
		return textual(texts[r.IntN(len(texts))])
	case entity.KindPoints:
		return generatedPoints(r)
	case entity.KindTime:
		return present([]int64{firstTime, lastTime, 0, r.Int64N(lastTime), -r.Int64N(-firstTime)}[r.IntN(5)])
	case entity.KindInt:
	}
	return present(int64(int32(r.Uint32())))
}

// The merge compares the bytes that it would write with those that the engine's table sends. This is the proof that it
// may: rows written into a real table by COPY come back byte for byte, in both lists of columns.
func TestWrittenRowsComeBackByteForByte(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	db.Exec(t, migrations.EngineDDL()...)
	conn := db.Conn(t)
	rows := generated()
	moves := map[int64]bool{}
	for _, row := range rows[entity.Move] {
		moves[row.ID] = true
	}
	linked := func(parent string, id int64) bool {
		require.Equal(t, entity.Move.Name, parent, "only a parent with a link is asked for")
		return moves[id]
	}
	for _, e := range entity.All() {
		var insert, mapped pgcopy.Tuples
		for _, row := range rows[e] {
			e.AppendInsert(&insert, row, linked)
			e.AppendMapped(&mapped, row, linked)
		}
		half := insert.Len() / 2
		for _, part := range []io.Reader{insert.Reader(0, half), insert.Reader(half, insert.Len())} {
			_, err := conn.PgConn().CopyFrom(t.Context(), part,
				"COPY "+e.Target+" ("+strings.Join(e.InsertColumns(), ", ")+") FROM STDIN (FORMAT binary)")
			require.NoError(t, err, e.Name)
		}
		same(t, &insert, readBack(t, conn, e, e.InsertColumns()))
		same(t, &mapped, readBack(t, conn, e, e.MappedColumns()))
	}
}

func readBack(t *testing.T, conn *pgx.Conn, e *entity.Entity, columns []string) []byte {
	t.Helper()
	var out bytes.Buffer
	_, err := conn.PgConn().CopyTo(context.WithoutCancel(t.Context()), &out,
		"COPY (SELECT "+strings.Join(columns, ", ")+" FROM "+e.Target+" ORDER BY id) TO STDOUT (FORMAT binary)")
	require.NoError(t, err)
	return out.Bytes()
}

// same compares a whole stream; where it differs, it names the first tuple that does.
func same(t *testing.T, want *pgcopy.Tuples, got []byte) {
	t.Helper()
	whole, err := io.ReadAll(want.Reader(0, want.Len()))
	require.NoError(t, err)
	if bytes.Equal(whole, got) {
		return
	}
	i := 0
	var sent pgcopy.Tuples
	_, err = pgcopy.NewSplitter(func(fields [][]byte) error {
		sent.AppendRaw(0, fields)
		require.Equal(t, want.Bytes(i), sent.Bytes(i), "id %d", want.ID(i))
		i++
		return nil
	}).Write(got)
	require.NoError(t, err)
	require.FailNow(t, "the streams differ, though their tuples do not")
}
