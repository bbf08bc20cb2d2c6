package odoo_test

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ferry/engine"
	"ferry/engine/check"
	"ferry/engine/entity"
	"ferry/store/embedded/pgtest"
	"ferry/store/odoo"
)

func openSource(t *testing.T, db *pgtest.DB) *odoo.DB {
	t.Helper()
	role := pgtest.Role(t, db, "", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
	source, err := odoo.Open(t.Context(), role.DSN, "ferry test")
	require.NoError(t, err)
	t.Cleanup(source.Close)
	return source
}

const allCards = 1 << 40

func drifted(t *testing.T, source *odoo.DB, high int64) []engine.LedgerCard {
	t.Helper()
	found, err := source.Drifted(t.Context(), 0, high)
	require.NoError(t, err)
	return found.Drifted
}

func ofKind(cards []engine.LedgerCard, kind engine.Drift) (out []int64) {
	for _, c := range cards {
		if slices.Contains(c.Drifts, kind) {
			out = append(out, c.Card)
		}
	}
	return out
}

func TestTheDumpsCardsThatDisagreeWithThemselves(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, odoo18())
	source := openSource(t, db)
	found, err := source.Drifted(t.Context(), 0, allCards)
	require.NoError(t, err)
	require.Equal(t, []int64{61, 62, 63, 64, 65, 66, 67, 68}, ofKind(found.Drifted, engine.DriftHistory))
	require.Len(t, ofKind(found.Drifted, engine.DriftMoves), 37)
	require.Len(t, found.Drifted, 37, "the eight are among them")
	require.True(t, found.Last)
	var whole int64
	require.NoError(t, db.Pool(t).QueryRow(t.Context(), `SELECT count(*) FROM loyalty_card`).Scan(&whole))
	require.Equal(t, whole, found.Cards)

	var byRange []engine.LedgerCard
	for low := int64(0); low < 500; low += 37 {
		part, err := source.Drifted(t.Context(), low, low+37)
		require.NoError(t, err)
		byRange = append(byRange, part.Drifted...)
		whole -= part.Cards
	}
	require.Zero(t, whole, "each card is in one range")
	require.Equal(t, found.Drifted, byRange)

	db.Exec(t, `ALTER TABLE loyalty_card ALTER points TYPE numeric`, `ALTER TABLE loyalty_point_history ALTER points_balance TYPE numeric`,
		`ALTER TABLE loyalty_point_move ALTER remaining_point TYPE numeric`)
	numeric := drifted(t, openSource(t, db), allCards)
	require.Equal(t, ofKind(found.Drifted, engine.DriftMoves), ofKind(numeric, engine.DriftMoves))
	require.Equal(t, ofKind(found.Drifted, engine.DriftHistory), ofKind(numeric, engine.DriftHistory))
}

func TestAServerThatWritesFloatsShortStillSaysThemExactly(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, odoo18())
	db.Exec(t, `UPDATE loyalty_card SET points = 100000000.1000011 WHERE id = 1`, `DELETE FROM loyalty_point_move WHERE loyalty_card_id = 1`,
		`UPDATE loyalty_point_history SET points_balance = 100000000.1 WHERE loyalty_card_id = 1`)
	role := pgtest.Role(t, db, "", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}", "ALTER ROLE {role} SET extra_float_digits = -5")
	source, err := odoo.Open(t.Context(), role.DSN, "ferry test")
	require.NoError(t, err)
	t.Cleanup(source.Close)
	require.Equal(t, []int64{1}, ofKind(drifted(t, source, 1), engine.DriftHistory))
	require.Equal(t, "0.0000011", drifted(t, source, 1)[0].Size)
}

// oddAmounts are what a card's balances may be, however odd.
func oddAmounts() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.SampledFrom([]string{
			"NULL", "'NaN'", "'Infinity'", "'-Infinity'", "0", "'-0'", "1e22", "-1.33e-15", "30.299999999999997", "30.3", "1e308", "5e-324",
			"10.000001", "10.0000011", "10", "0.1", "0.2", "0.30000000000000004",
		}),
		rapid.Map(rapid.Float64(), func(f float64) string { return "'" + strconv.FormatFloat(f, 'g', -1, 64) + "'" }),
		rapid.Map(rapid.IntRange(-30, 30), func(n int) string { return strconv.FormatFloat(float64(n)/10, 'f', -1, 64) }),
	)
}

// TestTheServerAndWeAgreeOnWhatDrifts writes cards with any balances and compares what the server lets through with what
// check.Drifts says of the same amounts.
func TestTheServerAndWeAgreeOnWhatDrifts(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, odoo18())
	source := openSource(t, db)
	pool := db.Pool(t)
	rapid.Check(t, func(r *rapid.T) {
		const cards = 20
		var insert strings.Builder
		insert.WriteString(`TRUNCATE loyalty_card, loyalty_point_move, loyalty_point_history CASCADE;`)
		for id := 1; id <= cards; id++ {
			fmt.Fprintf(&insert, `INSERT INTO loyalty_card (id, code, points) VALUES (%d, 'c%[1]d', %s);`, id, oddAmounts().Draw(r, "points"))
			for range rapid.IntRange(0, 3).Draw(r, "lines") {
				fmt.Fprintf(&insert, `INSERT INTO loyalty_point_history (loyalty_card_id, points_amount, points_balance, transaction_time)
					VALUES (%d, %s, %s, now());`, id, oddAmounts().Draw(r, "amount"), oddAmounts().Draw(r, "balance"))
			}
			for range rapid.IntRange(0, 3).Draw(r, "moves") {
				fmt.Fprintf(&insert, `INSERT INTO loyalty_point_move (loyalty_card_id, remaining_point, state, gain_date) VALUES (%d, %s, '%s', now());`,
					id, oddAmounts().Draw(r, "rest"), rapid.SampledFrom([]string{"active", "expired"}).Draw(r, "state"))
			}
		}
		_, err := pool.Exec(t.Context(), insert.String())
		require.NoError(r, err)
		found, err := source.Drifted(t.Context(), 0, cards)
		require.NoError(r, err)
		seen := map[int64]engine.LedgerCard{}
		for _, c := range found.Drifted {
			seen[c.Card] = c
		}
		for id := int64(1); id <= cards; id++ {
			one := cardOf(t.Context(), r, source, id)
			drifts, size := check.Drifts(one.Points, one.Last, one.Moves)
			c, drifted := seen[id]
			require.Equal(r, len(drifts) > 0, drifted, "card %d: %+v", id, one)
			if drifted {
				if one.broken {
					drifts = append(drifts, engine.DriftRunning)
				}
				require.Equal(r, drifts, c.Drifts, "card %d: %+v", id, one)
				require.Equal(r, size, c.Size)
				require.Equal(r, []engine.Maybe[string]{one.Points, one.Last, one.Moves}, []engine.Maybe[string]{c.Points, c.Last, c.Moves})
			}
		}
	})
}

type oneCard struct {
	Points, Last, Moves engine.Maybe[string]
	broken              bool
}

// cardOf reads one card's balances the other way, as its report does.
func cardOf(ctx context.Context, r *rapid.T, source *odoo.DB, id int64) oneCard {
	snap, err := source.CardSnapshot(ctx)
	require.NoError(r, err)
	defer snap.Close()
	raw, err := snap.Raw(ctx, entity.Card, id)
	require.NoError(r, err)
	ledger, err := snap.CardLedger(ctx, id, 500)
	require.NoError(r, err)
	for _, line := range ledger.Lines {
		lines := slices.Clone(ledger.Lines)
		check.Run(lines, engine.Maybe[string]{}, false)
		at := slices.IndexFunc(lines, func(l engine.CardLine) bool { return l.ID == line.ID })
		require.Equal(r, line.Broken, lines[at].Broken, "%+v", line)
	}
	return oneCard{raw["points"], ledger.Last, ledger.Moves, ledger.First.Known}
}

func TestTheFirstLineThatBreaksIsNamed(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, odoo18())
	db.Exec(t, `INSERT INTO loyalty_card (id, code, points) VALUES (9000, 'runs', 16)`)
	for i, l := range [][2]float64{{100, 100}, {-50, 50}, {-35, 16}, {math.Inf(1), 16}, {0, 16}} { // one too high, then what is no number
		db.Exec(t, fmt.Sprintf(`INSERT INTO loyalty_point_history (id, loyalty_card_id, points_amount, points_balance, transaction_time)
			VALUES (%d, 9000, '%v', '%v', '2024-01-0%d')`, 90000+i, l[0], l[1], i+1))
	}
	db.Exec(t, `UPDATE loyalty_point_history SET transaction_time = 'infinity' WHERE id = 90004`)
	snap, err := openSource(t, db).CardSnapshot(t.Context())
	require.NoError(t, err)
	defer snap.Close()
	for _, limit := range []int{500, 2} {
		ledger, err := snap.CardLedger(t.Context(), 9000, limit)
		require.NoError(t, err)
		require.Equal(t, engine.Known(int64(90002)), ledger.First, "of all lines, however few are shown")
		require.EqualValues(t, 5, ledger.Total)
		require.Equal(t, engine.Known("16"), ledger.Last)
		require.False(t, ledger.Moves.Known)
		require.Len(t, ledger.Lines, min(limit, 5))
		require.Zero(t, ledger.Lines[0].At)
		require.Equal(t, "16", ledger.Lines[0].Running.Value)
		require.True(t, ledger.Lines[1].Broken)
	}
}

// TestALedgerThatIsLockedIsLeftAlone: a reader that waited for Odoo's lock would hold up whoever comes behind it.
func TestALedgerThatIsLockedIsLeftAlone(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, odoo18())
	source := openSource(t, db)
	tx, err := db.Pool(t).Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), `LOCK TABLE loyalty_point_history IN ACCESS EXCLUSIVE MODE`)
	require.NoError(t, err)
	began := time.Now()
	_, err = source.Drifted(t.Context(), 0, allCards)
	require.Equal(t, engine.ClassRetry, engine.ClassOf(err))
	require.ErrorContains(t, err, "held by")
	require.Less(t, time.Since(began), odoo.MaxTransaction)
	require.NoError(t, tx.Rollback(t.Context()))
	require.Len(t, drifted(t, source, allCards), 37)
	require.Equal(t, "0", one(t, db, `SELECT count(*)::text FROM pg_stat_activity
		WHERE datname = current_database() AND application_name = 'ferry test' AND state LIKE 'idle in%'`))
}

func one(t *testing.T, db *pgtest.DB, sql string) (out string) {
	t.Helper()
	require.NoError(t, db.Pool(t).QueryRow(t.Context(), sql).Scan(&out))
	return out
}

func TestAnIndexOnTheCardMakesItsLedgerCheap(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, odoo18())
	db.Exec(t, `ANALYZE`)
	cost := func() string {
		snap, err := openSource(t, db).CardSnapshot(t.Context())
		require.NoError(t, err)
		defer snap.Close()
		text, err := snap.LedgerCost(t.Context())
		require.NoError(t, err)
		return text
	}
	require.Contains(t, cost(), "less than 0.1 s: no index on the card in loyalty_point_history and loyalty_point_move")
	db.Exec(t, `CREATE INDEX ON loyalty_point_history (loyalty_card_id, id)`)
	require.Contains(t, cost(), ": no index on the card in loyalty_point_move")
	db.Exec(t, `CREATE INDEX ON loyalty_point_move (loyalty_card_id)`)
	require.Equal(t, "read by an index on the card", cost())
}
