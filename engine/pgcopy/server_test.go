package pgcopy_test

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"ferry/engine/pgcopy"
	"ferry/store/embedded/pgtest"
)

// hundredths are the edges of the encoding (groups of four digits, the sign, the ends of numeric(18,2) and of int64),
// and numbers of every magnitude.
func hundredths() []int64 {
	out := []int64{
		0, 1, -1, 99, 100, -100, 10_000, 999_999, -999_999, 1_000_000, 1_000_001, 1_000_100,
		999_999_999_999_999_999, -999_999_999_999_999_999, math.MaxInt64, math.MinInt64, math.MinInt64 + 1,
	}
	for power := int64(1); power <= 1_000_000_000_000_000_000/10; power *= 10 {
		out = append(out, power, power-1, power+1, -power, 9*power)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 10_000 {
		out = append(out, int64(r.Uint64())>>r.IntN(64))
	}
	return out
}

func TestHundredthsAreWrittenByteForByteAsPostgreSQLSendsThem(t *testing.T) {
	t.Parallel()
	conn := pgtest.New(t).Conn(t)
	values := hundredths()
	// 20 digits where a column has 18, for int64 has a few more; the form on the wire is that of the scale alone.
	var sent, column [][]byte
	require.NoError(t, conn.QueryRow(t.Context(), `SELECT array_agg(numeric_send((v * 0.01)::numeric(20,2)) ORDER BY at),
		array_agg(CASE WHEN abs(v::numeric) < 1e18 THEN numeric_send((v * 0.01)::numeric(18,2)) END ORDER BY at)
		FROM unnest($1::bigint[]) WITH ORDINALITY AS u(v, at)`, values).Scan(&sent, &column))
	require.Len(t, sent, len(values))
	for i, v := range values {
		got := body(t, pgcopy.AppendHundredths(nil, v))
		require.Equal(t, sent[i], got, "%d hundredths", v)
		if column[i] != nil {
			require.Equal(t, column[i], got, "%d hundredths in numeric(18,2)", v)
		}
	}
}

// numbers are numerics as text: the largest and the smallest that PostgreSQL has, and any number of digits on both
// sides of the point.
func numbers() []string {
	out := []string{
		"0", "0.00", "-0.00", "1", "-1", "0.01", "-0.01", "9999.99", "10000", "0.0001", "0.00001", "12345678.90123456",
		"1e131071", "-9e131071", "1e-16383", "-1e-16383", strings.Repeat("9", 131072), "0." + strings.Repeat("7", 16383),
	}
	r := rand.New(rand.NewPCG(3, 4))
	digits := func(most int) string {
		var b strings.Builder
		for range r.IntN(most) {
			b.WriteByte(byte('0' + r.IntN(10)))
		}
		return b.String()
	}
	for range 4000 {
		out = append(out, []string{"", "-"}[r.IntN(2)]+"0"+digits(40)+".0"+digits(40))
	}
	for range 200 {
		out = append(out, fmt.Sprintf("%se%d", "1"+digits(10), r.IntN(4000)-2000))
	}
	return out
}

func TestNumericsAreReadAsPostgreSQLSendsThem(t *testing.T) {
	t.Parallel()
	conn := pgtest.New(t).Conn(t)
	values := numbers()
	var sent [][]byte
	require.NoError(t, conn.QueryRow(t.Context(), `SELECT array_agg(numeric_send(v::numeric) ORDER BY at)
		FROM unnest($1::text[]) WITH ORDINALITY AS u(v, at)`, values).Scan(&sent))
	require.Len(t, sent, len(values))
	for i, v := range values {
		n, err := pgcopy.DecodeNumeric(sent[i])
		require.NoError(t, err, v)
		require.True(t, exactly(n).Equal(parse(t, v)), "%.80s: decoded as %.80s", v, exactly(n))
	}
}

// parse reads a number of any magnitude; the decimal library guards itself against exponents as large as these.
func parse(t *testing.T, text string) decimal.Decimal {
	t.Helper()
	mantissa, exponent, _ := strings.Cut(text, "e")
	whole, fraction, _ := strings.Cut(mantissa, ".")
	digits, ok := new(big.Int).SetString(whole+fraction, 10)
	require.True(t, ok)
	shift := 0
	if exponent != "" {
		var err error
		shift, err = strconv.Atoi(exponent)
		require.NoError(t, err)
	}
	return decimal.NewFromBigInt(digits, int32(shift-len(fraction)))
}

// exactly adds up a numeric's groups.
func exactly(n pgcopy.Numeric) decimal.Decimal {
	var all strings.Builder
	all.WriteByte('0')
	for i := range n.Len() {
		fmt.Fprintf(&all, "%04d", n.Group(i))
	}
	digits, _ := new(big.Int).SetString(all.String(), 10)
	sum := decimal.NewFromBigInt(digits, int32(4*(n.Weight-n.Len()+1)))
	if n.Kind == pgcopy.NumericNegative {
		return sum.Neg()
	}
	return sum
}

func TestNumericsThatAreNoNumbersSaySo(t *testing.T) {
	t.Parallel()
	conn := pgtest.New(t).Conn(t)
	for text, kind := range map[string]pgcopy.NumericKind{
		"NaN": pgcopy.NumericNaN, "Infinity": pgcopy.NumericInf, "-Infinity": pgcopy.NumericNegInf,
	} {
		var sent []byte
		require.NoError(t, conn.QueryRow(t.Context(), `SELECT numeric_send($1::text::numeric)`, text).Scan(&sent))
		n, err := pgcopy.DecodeNumeric(sent)
		require.NoError(t, err, text)
		require.Equal(t, kind, n.Kind, text)
		require.Zero(t, n.Len(), text)
	}
}

// A real COPY, through the connection as a batch reads it: values of every width, NULLs, and the stream's own end.
func TestAServersCopyIsReadToItsEnd(t *testing.T) {
	t.Parallel()
	conn := pgtest.New(t).Conn(t)
	var floats []float64
	var ints []int64
	r := rand.New(rand.NewPCG(5, 6))
	for _, f := range []float64{
		0, math.Copysign(0, -1), 30.299999999999997, -1.33e-15, 1e22, 5e-324, math.MaxFloat64, math.Inf(1), math.Inf(-1),
	} {
		floats, ints = append(floats, f), append(ints, math.MinInt64)
	}
	for range 5000 {
		floats, ints = append(floats, math.Float64frombits(r.Uint64())), append(ints, int64(r.Uint64())>>r.IntN(64))
	}
	_, err := conn.Exec(t.Context(), `CREATE TEMPORARY TABLE sent AS
		SELECT at, f, i FROM unnest($1::float8[], $2::bigint[]) WITH ORDINALITY AS u(f, i, at)`, floats, ints)
	require.NoError(t, err)

	row := 0
	s := pgcopy.NewSplitter(func(fields [][]byte) error {
		require.Len(t, fields, 8)
		f, err := pgcopy.Float8(fields[1])
		require.NoError(t, err)
		if math.IsNaN(floats[row]) {
			require.True(t, math.IsNaN(f))
		} else {
			require.Equal(t, math.Float64bits(floats[row]), math.Float64bits(f))
		}
		small, medium, large := ints[row]%32768, ints[row]%2147483648, ints[row]
		for i, want := range []int64{small, medium, large} {
			got, err := pgcopy.Int(fields[2+i])
			require.NoError(t, err)
			require.Equal(t, want, got)
		}
		yes, err := pgcopy.Bool(fields[5])
		require.NoError(t, err)
		require.Equal(t, ints[row]%2 == 0, yes)
		require.Nil(t, fields[6], "NULL")
		require.NotNil(t, fields[7], "an empty text is none")
		require.Empty(t, fields[7])
		row++
		return nil
	})
	tag, err := conn.PgConn().CopyTo(t.Context(), s, `COPY (SELECT at, f, (i % 32768)::smallint, (i % 2147483648)::integer, i,
		i % 2 = 0, NULL::bigint, ''::text FROM sent ORDER BY at) TO STDOUT (FORMAT binary)`)
	require.NoError(t, err)
	require.NoError(t, s.Close())
	require.Equal(t, len(floats), row)
	require.Equal(t, int64(row), s.Rows())
	require.Equal(t, s.Rows(), tag.RowsAffected())
}

func TestACopyThatTheServerBreaksOffIsNoWholeStream(t *testing.T) {
	t.Parallel()
	conn := pgtest.New(t).Conn(t)
	s := pgcopy.NewSplitter(func([][]byte) error { return nil })
	_, err := conn.PgConn().CopyTo(t.Context(), s, `COPY (SELECT 1 / (3 - i) FROM generate_series(1, 5) i) TO STDOUT (FORMAT binary)`)
	require.Error(t, err)
	require.ErrorIs(t, s.Close(), pgcopy.ErrFormat, "a COPY that broke off does not pass for a whole one")
}
