package digest_test

import (
	"context"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"ferry/engine/check"
	"ferry/engine/entity"
	"ferry/engine/pgcopy"
	"ferry/store/digest"
	"ferry/store/embedded/pgtest"
	"ferry/store/migrations"
)

// maxRows bounds the rows of a round.
const maxRows = 3000

// twoTables are a source and an engine with no rows, and nothing that would refuse one.
func twoTables(t *testing.T) *pair {
	t.Helper()
	from := pgtest.New(t, odoo18())
	to := pgtest.New(t, pgtest.Template("engine", func(ctx context.Context, dsn string) error {
		pool, err := pgxpool.New(ctx, dsn)
		if err != nil {
			return err
		}
		defer pool.Close()
		return migrations.Init(ctx, pool, nil, slog.New(slog.DiscardHandler))
	}))
	p := newPair(t, from.DSN, to.DSN, from.Pool(t), to.Pool(t))
	exec(t, p.odoo, `DO $$ DECLARE c record; BEGIN
		FOR c IN SELECT conrelid::regclass AS t, conname FROM pg_constraint WHERE contype IN ('f', 'u') AND connamespace = 'public'::regnamespace LOOP
			EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', c.t, c.conname);
		END LOOP; END $$`)
	for _, e := range entity.All() {
		for _, key := range e.Table.ForeignKeys {
			exec(t, p.target, `ALTER TABLE `+e.Target+` DROP CONSTRAINT `+key.Name)
		}
		for _, key := range e.Table.Unique {
			if e.Code >= 0 && key.Column == e.Columns[e.Code].Target {
				exec(t, p.target, `ALTER TABLE `+e.Target+` DROP CONSTRAINT `+key.Name)
			}
		}
	}
	return p
}

// floats draws points at which a decision turns: ties of hundredths and their neighbours, residues, every bit pattern, and
// both sides of the bound beyond which SQL does not say.
func floats(r *rand.Rand) float64 {
	nudge := func(f float64) float64 {
		towards := math.Inf(r.IntN(2)*2 - 1)
		for range r.IntN(4) {
			f = math.Nextafter(f, towards)
		}
		return f
	}
	digits := int64(math.Pow10(r.IntN(14)))
	switch r.IntN(10) {
	case 0:
		return math.Float64frombits(r.Uint64())
	case 1:
		return []float64{0, math.Copysign(0, -1), math.NaN(), math.Inf(1), math.Inf(-1), 1e300, -1.79e308, 5e-324}[r.IntN(8)]
	case 2:
		return nudge(float64(2*r.IntN(2)-1) * 1e11)
	case 3, 4:
		return nudge(float64(10*(r.Int64N(2*digits)-digits)+5) / 1000) // a tie
	case 5:
		return nudge(float64(r.Int64N(2*digits)-digits)/100) + float64(r.IntN(9)-4)/1000
	default:
		return nudge(float64(r.Int64N(2*digits)-digits) / 100)
	}
}

// drawn is one value of a column, for a parameter.
func drawn(r *rand.Rand, e *entity.Entity, i int, id int64) any {
	c := e.Columns[i]
	required := i == e.Code || slices.Contains([]string{"loyalty_card_id", "gain_date", "transaction_time"}, c.Source)
	if !required && r.IntN(10) == 0 {
		return nil
	}
	switch c.Kind {
	case entity.KindPoints:
		return floats(r)
	case entity.KindTime:
		return fmt.Sprintf("%04d-%02d-%02d %02d:%02d:%02d.%06d", 1+r.IntN(9999), 1+r.IntN(12), 1+r.IntN(28), r.IntN(24), r.IntN(60), r.IntN(60), r.IntN(1e6))
	case entity.KindText:
		if i == e.Code {
			blanks := []string{"", "", " ", "\t", "\v", "\f", "\r\n", "v", "\u00a0", "\x01", "\u3000"}
			typed := []string{"ab-", "straße", "ıſ", "İ", "Zz\x7f", "ก", "`{|}~"}[r.IntN(7)] + strconv.FormatInt(id, 10)
			return blanks[r.IntN(len(blanks))] + typed + blanks[r.IntN(len(blanks))]
		}
		return []string{"", "active", "depleted", "Ünïcödé", "🎁", "' \"\\", strings.Repeat("x", 300)}[r.IntN(7)]
	case entity.KindInt:
	}
	return int64(1 + r.IntN(math.MaxInt32))
}

// fill puts rows into the source and, by the code that loads, into the engine. It gives the rows that the engine cannot hold.
func (p *pair) fill(t *testing.T, r *rand.Rand, e *entity.Entity, rows int) (refused, exact map[int64]bool) {
	t.Helper()
	columns := []string{"id"}
	for _, c := range e.Columns {
		columns = append(columns, c.Source)
	}
	// Text goes through the server's own parsers: a test of binary forms is another one's business.
	exec(t, p.odoo, `TRUNCATE `+e.Name+` CASCADE`)
	exec(t, p.target, `TRUNCATE `+e.Target+` CASCADE`)
	conn, err := p.odoo.Acquire(t.Context())
	require.NoError(t, err)
	defer conn.Release()
	var text strings.Builder
	for id := range int64(rows) {
		fmt.Fprint(&text, id+1)
		for i := range e.Columns {
			switch v := drawn(r, e, i, id).(type) {
			case nil:
				text.WriteString("\t\\N")
			case string:
				text.WriteString("\t" + strings.NewReplacer("\\", "\\\\", "\t", "\\t", "\n", "\\n", "\r", "\\r", "\v", "\\v", "\f", "\\f").Replace(v))
			default:
				fmt.Fprintf(&text, "\t%v", v)
			}
		}
		text.WriteByte('\n')
	}
	_, err = conn.Conn().PgConn().CopyFrom(t.Context(), strings.NewReader(strings.NewReplacer("+Inf", "Infinity", "-Inf", "-Infinity").Replace(text.String())),
		`COPY `+e.Name+` (`+strings.Join(columns, ", ")+`) FROM STDIN`)
	require.NoError(t, err)
	return p.carry(t, e)
}

// carry loads what the source has.
func (p *pair) carry(t *testing.T, e *entity.Entity) (refused, exact map[int64]bool) {
	t.Helper()
	snap, err := p.source.Look(t.Context())
	require.NoError(t, err)
	defer snap.Close()
	refused, exact = map[int64]bool{}, map[int64]bool{}
	var tuples pgcopy.Tuples
	require.NoError(t, snap.Range(t.Context(), e, 0, math.MaxInt32, "", func(row entity.Row) error {
		sayable := true
		for i, v := range row.Values {
			if !v.Usable() {
				refused[row.ID] = true
				return nil
			}
			sayable = sayable && (e.Columns[i].Kind != entity.KindPoints || v.Int < 1e13 && v.Int > -1e13)
		}
		exact[row.ID] = sayable
		e.AppendInsert(&tuples, row, func(string, int64) bool { return false })
		return nil
	}))
	conn, err := p.target.Acquire(t.Context())
	require.NoError(t, err)
	defer conn.Release()
	_, err = conn.Conn().PgConn().CopyFrom(t.Context(), tuples.Reader(0, tuples.Len()),
		`COPY `+e.Target+` (`+strings.Join(e.InsertColumns(), ", ")+`) FROM STDIN (FORMAT binary)`)
	require.NoError(t, err)
	return refused, exact
}

// byRow gives both sides' digests of single rows.
func (p *pair) byRow(t *testing.T, e *entity.Entity) (theirs, ours map[int64]check.Chunk, inexact map[int64]bool) {
	t.Helper()
	view, err := p.engine.View(t.Context())
	require.NoError(t, err)
	defer view.Close()
	snap, err := p.source.Look(t.Context())
	require.NoError(t, err)
	defer snap.Close()
	theirs, ours, inexact = map[int64]check.Chunk{}, map[int64]check.Chunk{}, map[int64]bool{}
	chunks, err := snap.Digests(t.Context(), e, 0, maxRows, 1, nil)
	require.NoError(t, err)
	for _, c := range chunks {
		for _, id := range c.Inexact {
			inexact[id] = true
		}
		if c.Rows > 0 {
			theirs[c.Number+1] = c
		}
	}
	chunks, err = view.Digests(t.Context(), e, 0, maxRows, 1, nil)
	require.NoError(t, err)
	for _, c := range chunks {
		ours[c.Number+1] = c
	}
	return theirs, ours, inexact
}

// Values by the ten thousand, or as many as FERRY_DIGEST_VALUES says, in all columns of all entities: both dialects must say
// of every row what the code that loads rows made of it.
func TestDigestsAgreeWithTheCodeThatLoads(t *testing.T) {
	t.Parallel()
	p := twoTables(t)
	r := randomness(t)
	wanted := fromEnv(t, "FERRY_DIGEST_VALUES", 100_000)
	values := 0
	for values < wanted {
		for _, e := range entity.All() {
			const rows = maxRows
			values += rows * len(e.Columns)
			p.agree(t, r, e, rows)
		}
	}
	t.Logf("%d values", values)
}

func (p *pair) agree(t *testing.T, r *rand.Rand, e *entity.Entity, rows int) {
	t.Helper()
	refused, exact := p.fill(t, r, e, rows)
	theirs, ours, inexact := p.byRow(t, e)
	require.Len(t, ours, len(exact))
	equal := 0
	for id := range int64(rows) {
		id++
		if inexact[id] {
			require.NotContains(t, theirs, id)
			continue
		}
		_, counted := theirs[id]
		require.True(t, counted, "%s %d", e.Name, id)
		switch {
		case refused[id]:
			require.NotContains(t, ours, id)
		case exact[id]:
			require.Equal(t, ours[id], theirs[id], "%s %d: %v", e.Name, id, p.describe(t, e, id))
			equal++
		}
	}
	require.Greater(t, equal, rows/20)
	if e.Code < 0 {
		require.Empty(t, inexact)
		return
	}
	require.NotEmpty(t, inexact)
	plain := one[int64](t, p.odoo, `SELECT count(*) FROM loyalty_card WHERE octet_length(code) = length(code)`)
	require.EqualValues(t, rows, plain+int64(len(inexact)))
}

// describe is a row as the source has it.
func (p *pair) describe(t *testing.T, e *entity.Entity, id int64) string {
	t.Helper()
	return one[string](t, p.odoo, `SELECT row_to_json(t)::text FROM `+e.Name+` t WHERE id = $1`, id)
}

// The smallest change of any column changes the digest of its row, of each row: NULL and 0 are two, as are a link to another
// parent and none.
func TestTheSmallestChangeOfAnyColumnShows(t *testing.T) {
	t.Parallel()
	p := twoTables(t)
	r := randomness(t)
	for _, e := range entity.All() {
		p.fill(t, r, e, 800)
		_, before, _ := p.byRow(t, e)
		for _, c := range e.Columns {
			changes := map[entity.Kind][]string{
				entity.KindInt:    {"x + 1", "-x", "NULL", "x + 4294967296", "x # 21474836485"},
				entity.KindPoints: {"x + 0.01", "-x", "NULL", "'NaN'", "x * 100"},
				entity.KindTime:   {"x + interval '1 us'", "x + interval '1 h'", "NULL", "'infinity'", "x + interval '4294.967295 s'"},
				entity.KindText:   {"x || ' '", "upper(x) || lower(x)", "NULL", "''"},
			}[c.Kind]
			for _, change := range changes {
				p.changes(t, e, c.Target, change, before)
			}
		}
		for _, parent := range e.Parents {
			if parent.Link != "" {
				p.changes(t, e, parent.Link, "id + 1", before)
			}
		}
	}
}

// changes requires that a change of a column shows in every row whose value it is a change of.
func (p *pair) changes(t *testing.T, e *entity.Entity, column, change string, before map[int64]check.Chunk) {
	t.Helper()
	tx, err := p.engine.Pool().Begin(t.Context())
	require.NoError(t, err)
	defer func() { require.NoError(t, tx.Rollback(context.WithoutCancel(t.Context()))) }()
	changed := strings.ReplaceAll(change, "x", column)
	rows, err := tx.Query(t.Context(), `UPDATE `+e.Target+` SET `+column+` = `+changed+` WHERE `+column+` IS DISTINCT FROM `+changed+
		` AND coalesce(abs(`+pointsOr(e, column)+`), 0) < 1e14 RETURNING id`)
	require.NoError(t, err)
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil && strings.Contains(err.Error(), "null value in column") {
		return // no such row can be there
	}
	require.NoError(t, err, "%s.%s: %s", e.Target, column, change)
	require.NotEmpty(t, ids, "%s.%s: %s", e.Target, column, change)
	after := p.inside(t, tx, e)
	for _, id := range ids {
		require.NotEqual(t, before[id].Sum, after[id], "%s.%s of %d: %s", e.Target, column, id, change)
	}
}

// pointsOr is a column if it holds points, else nothing.
func pointsOr(e *entity.Entity, column string) string {
	for _, c := range e.Columns {
		if c.Target == column && c.Kind == entity.KindPoints {
			return "nullif(" + column + ", 'NaN')"
		}
	}
	return "NULL::numeric"
}

// inside is the engine's digests of single rows within a transaction.
func (*pair) inside(t *testing.T, tx pgx.Tx, e *entity.Entity) map[int64]string {
	t.Helper()
	chunks, err := digest.Engine(e).Read(t.Context(), tx, 0, maxRows, 1, nil)
	require.NoError(t, err)
	out := map[int64]string{}
	for _, c := range chunks {
		out[c.Number+1] = c.Sum
	}
	return out
}
