package cycle_test

import (
	"context"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/engine/cycle"
	"ferry/engine/entity"
	"ferry/store/embedded/pgtest"
	"ferry/store/odoo"
)

// odoo18 is a database with the tables of a real Odoo 18, and what SQL needs to judge its rows by itself.
func odoo18() pgtest.Option {
	return pgtest.Template("odoo 18", func(ctx context.Context, dsn string) error {
		dump, err := os.ReadFile("../../testdata/loyalty_odoo18.sql")
		if err != nil {
			return err
		}
		conn, err := pgx.Connect(ctx, dsn)
		if err != nil {
			return err
		}
		defer conn.Close(ctx)
		_, err = conn.PgConn().Exec(ctx, string(dump)+judgedSQL).ReadAll()
		return err
	})
}

// judgedSQL says in SQL what the rules of the entities say in Go: the reason for which a row is rejected, empty if none.
// A CASE takes the first of several, as the rules do. A rule named in the setting test.off is off.
const judgedSQL = `;
CREATE SCHEMA judged;
CREATE FUNCTION judged.hundredths(x float8) RETURNS numeric LANGUAGE sql AS $$
	SELECT CASE WHEN x = 'NaN' OR abs(x) = 'Infinity' THEN NULL ELSE round(coalesce(x, 0)::text::numeric, 2) END $$;
CREATE FUNCTION judged.bad(VARIADIC x float8[]) RETURNS boolean LANGUAGE sql AS $$
	SELECT bool_or(judged.hundredths(v) IS NULL OR abs(judged.hundredths(v)) >= 1e16) FROM unnest(x) v $$;
CREATE FUNCTION judged.endless(VARIADIC x timestamp[]) RETURNS boolean LANGUAGE sql AS $$
	SELECT bool_or(v IN ('infinity', '-infinity')) FROM unnest(x) v $$;
CREATE FUNCTION judged.rounded(VARIADIC x float8[]) RETURNS boolean LANGUAGE sql AS $$
	SELECT bool_or(NOT judged.bad(v) AND abs(coalesce(v, 0)::text::numeric - judged.hundredths(v)) > 1e-6) FROM unnest(x) v $$;
CREATE FUNCTION judged.counts(rule text) RETURNS boolean LANGUAGE sql AS $$
	SELECT rule <> ALL (string_to_array(coalesce(current_setting('test.off', true), ''), ',')) $$;
CREATE VIEW judged.loyalty_card AS SELECT id, code, judged.rounded(points) AS rounded, CASE
	WHEN code ~ '^[[:space:]]*$' THEN 'card.code_empty'
	WHEN judged.bad(points) THEN 'card.points_invalid'
	WHEN judged.endless(create_date, write_date) THEN 'card.timestamp_invalid'
	WHEN coalesce(partner_id, 0) = 0 AND judged.counts('card.partner_missing') THEN 'card.partner_missing'
	WHEN coalesce(program_id, 0) = 0 AND judged.counts('card.program_missing') THEN 'card.program_missing'
	WHEN judged.hundredths(points) < 0 AND judged.counts('card.points_negative') THEN 'card.points_negative'
	ELSE '' END AS reason FROM public.loyalty_card;
CREATE VIEW judged.loyalty_point_move AS SELECT id, loyalty_card_id AS card, judged.rounded(initial_point, remaining_point) AS rounded,
	CASE
	WHEN coalesce(loyalty_card_id, 0) = 0 THEN 'move.card_missing'
	WHEN judged.bad(initial_point, remaining_point) THEN 'move.points_invalid'
	WHEN gain_date IS NULL OR judged.endless(gain_date, expiration_date, create_date, write_date) THEN 'move.timestamp_invalid'
	WHEN judged.hundredths(remaining_point) > judged.hundredths(initial_point) THEN 'move.remaining_above_initial'
	WHEN judged.hundredths(remaining_point) < 0 THEN 'move.remaining_negative'
	WHEN coalesce(state, '') NOT IN ('active', 'depleted', 'expired') THEN 'move.state_unknown'
	ELSE '' END AS reason FROM public.loyalty_point_move;
CREATE VIEW judged.loyalty_point_history AS SELECT id, loyalty_card_id AS card, judged.rounded(points_amount, points_balance) AS rounded,
	CASE
	WHEN coalesce(loyalty_card_id, 0) = 0 THEN 'history.card_missing'
	WHEN judged.bad(points_amount, points_balance) THEN 'history.points_invalid'
	WHEN transaction_time IS NULL OR judged.endless(transaction_time, create_date) THEN 'history.timestamp_invalid'
	WHEN judged.hundredths(points_balance) < 0 AND judged.counts('history.balance_negative') THEN 'history.balance_negative'
	ELSE '' END AS reason FROM public.loyalty_point_history;
`

// expected is what SQL, and a map of codes, make of the source.
func expected(t *testing.T, db *pgtest.DB, off ...string) map[string]cycle.EntityForecast {
	t.Helper()
	conn := db.Conn(t)
	_, err := conn.Exec(t.Context(), `SELECT set_config('test.off', $1, false), set_config('extra_float_digits', '1', false)`,
		strings.Join(off, ","))
	require.NoError(t, err)

	type card struct {
		ID           int64
		Code, Reason string
	}
	rows, err := conn.Query(t.Context(), `SELECT id, code, reason FROM judged.loyalty_card ORDER BY id`)
	require.NoError(t, err)
	cards, err := pgx.CollectRows(rows, pgx.RowToStructByPos[card])
	require.NoError(t, err)
	groups := map[string][]int{}
	for i, c := range cards {
		if c.Reason == "" {
			code := strings.ToUpper(strings.TrimSpace(c.Code))
			groups[code] = append(groups[code], i)
		}
	}
	out := map[string]cycle.EntityForecast{}
	view := cycle.EntityForecast{Entity: "loyalty_card", Short: "card"}
	for _, group := range groups {
		if len(group) > 1 {
			view.Codes++
			view.CodeRows += int64(len(group))
		}
		for _, loser := range group[1:] {
			cards[loser].Reason = entity.ReasonCode
		}
	}
	rejected := map[string]*cycle.RejectForecast{}
	_, err = conn.Exec(t.Context(), `CREATE TEMPORARY TABLE absent (id bigint, reason text)`)
	require.NoError(t, err)
	for _, c := range cards {
		view.Read++
		if c.Reason == "" {
			view.Loaded++
			continue
		}
		if rejected[c.Reason] == nil {
			rejected[c.Reason] = &cycle.RejectForecast{Reason: c.Reason}
		}
		rejected[c.Reason].Rows++
		_, err = conn.Exec(t.Context(), `INSERT INTO absent VALUES ($1, $2)`, c.ID, c.Reason)
		require.NoError(t, err)
	}
	for _, short := range []string{"move", "history"} {
		table := "loyalty_point_" + short
		child := cycle.EntityForecast{Entity: table, Short: short}
		reasons := map[string]*cycle.RejectForecast{}
		rows, err := conn.Query(t.Context(), `SELECT j.reason, coalesce(a.reason, ''), count(*), count(*) FILTER (WHERE rounded)
			FROM judged.`+table+` j LEFT JOIN absent a ON a.id = j.card GROUP BY 1, 2`)
		require.NoError(t, err)
		groups, err := pgx.CollectRows(rows, pgx.RowToStructByPos[struct {
			Own, Parents  string
			Rows, Precise int64
		}])
		require.NoError(t, err)
		for _, g := range groups {
			child.Read += g.Rows
			child.Precise += g.Precise
			switch {
			case g.Own != "":
				if reasons[g.Own] == nil {
					reasons[g.Own] = &cycle.RejectForecast{Reason: g.Own}
				}
				reasons[g.Own].Rows += g.Rows
			case g.Parents != "":
				child.Waiting += g.Rows
				rejected[g.Parents].Waiting += g.Rows
			default:
				child.Loaded += g.Rows
			}
		}
		child.Rejects = sorted(reasons)
		out[table] = child
	}
	require.NoError(t, conn.QueryRow(t.Context(), `SELECT count(*) FROM judged.loyalty_card WHERE rounded`).Scan(&view.Precise))
	view.Rejects = sorted(rejected)
	out["loyalty_card"] = view
	return out
}

func sorted(rejects map[string]*cycle.RejectForecast) []cycle.RejectForecast {
	var out []cycle.RejectForecast
	for _, reason := range slices.Sorted(maps.Keys(rejects)) {
		out = append(out, *rejects[reason])
	}
	return out
}

func forecastOf(t *testing.T, db *pgtest.DB, rules entity.Rules) cycle.ForecastResult {
	t.Helper()
	source, err := odoo.Open(t.Context(), db.DSN, "test")
	require.NoError(t, err)
	t.Cleanup(source.Close)
	last := map[string]int64{}
	result, err := cycle.Forecast(t.Context(), source, rules, func(name string, done, total int64) {
		require.Greater(t, done, last[name])
		require.LessOrEqual(t, done, total)
		last[name] = done
	})
	require.NoError(t, err)
	require.Len(t, last, 3)
	return result
}

func TestForecastIsWhatSQLSays(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		off  []string
	}{
		{"every rule", nil},
		{"cards without partner are loaded", []string{"card.partner_missing"}},
		{
			"all that can be is loaded",
			[]string{"card.partner_missing", "card.program_missing", "card.points_negative", "history.balance_negative"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			db := pgtest.New(t, odoo18())
			want := expected(t, db, test.off...)
			rules := entity.DefaultRules()
			for _, name := range test.off {
				require.NoError(t, rules.Set(name, entity.Off))
			}
			for _, got := range forecastOf(t, db, rules).Entities {
				slices.SortFunc(got.Rejects, func(a, b cycle.RejectForecast) int { return strings.Compare(a.Reason, b.Reason) })
				require.Equal(t, got.Read, got.Loaded+got.Waiting+got.Rejected())
				for i := range got.Rejects { // what SQL was not asked
					got.Rejects[i].Why, got.Rejects[i].Fixed, got.Rejects[i].Alone = "", false, 0
				}
				require.Equal(t, want[got.Entity], got)
			}
		})
	}
}

// The whole dump has 21 cards that share 10 codes; most of them have no partner.
func TestForecastOfCodes(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, odoo18())
	rules := entity.DefaultRules()
	for _, name := range []string{"card.partner_missing", "card.program_missing", "card.points_negative"} {
		require.NoError(t, rules.Set(name, entity.Warn))
	}
	cards := forecastOf(t, db, rules).Entities[0]
	require.EqualValues(t, 10, cards.Codes)
	require.EqualValues(t, 21, cards.CodeRows)
	require.Positive(t, cards.Warned)
}

func TestForecastInLines(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, odoo18())
	db.Exec(t, "TRUNCATE loyalty_point_history, loyalty_point_move, loyalty_card CASCADE",
		`INSERT INTO loyalty_card (id, code, partner_id, program_id, points) VALUES
			(1, 'a', 1, 1, 0), (2, ' A ', 1, 1, 0), (3, 'b', NULL, 1, 0), (4, 'c', 0, 1, 0), (5, 'd', NULL, 1, -1),
			(6, '  ', 1, 1, 0), (7, 'e', 1, 1, 0.333), (2000000, 'E', 1, 1, 0)`,
		`INSERT INTO loyalty_point_move (id, loyalty_card_id, gain_date, state) VALUES (1, 3, now(), 'active'), (2, 7, now(), 'active')`,
		`INSERT INTO loyalty_point_history (id, loyalty_card_id, point_move_id, points_balance, transaction_time) VALUES
			(1, 3, 1, 0, now()), (2, 4, NULL, 0, now()), (3, 2, 1, 0, now()), (4, 7, 1, 0, now()), (5, 3, NULL, -1, now())`)
	lines := forecastOf(t, db, entity.DefaultRules()).Preflight()
	require.False(t, lines.Failed())
	var found []string
	for _, line := range lines {
		require.Equal(t, engine.Pass, line.Verdict)
		found = append(found, strings.TrimPrefix(line.Name, "forecast: loyalty_")+" | "+line.Found)
	}
	require.Equal(t, []string{
		`card | 8 cards: 2 would be loaded, 6 rejected, 0 wait for a parent`,
		`card card.partner_missing | 3 cards have no partner: set rules.card.partner_missing = "warn" to load them ` +
			`(but for 1 that break other rules too); 3 rows wait for them`,
		`card code_taken | 2 cards rejected: 4 share 2 codes, of each the one with the lowest id keeps it; give the others one of their ` +
			`own in Odoo; 1 row waits for them`,
		`card card.code_empty | 1 card rejected: its code is empty; the engine cannot hold such rows, correct them in Odoo`,
		`card precision | 1 card with points that rounding to two places would change by more than 0.000001`,
		`point_move | 2 moves: 1 would be loaded, 0 rejected, 1 wait for a parent`,
		`point_history | 5 history rows: 1 would be loaded, 1 rejected, 3 wait for a parent`,
		`point_history history.balance_negative | 1 history row rejected: its balance is negative: set rules.history.balance_negative = ` +
			`"warn" to load them`,
	}, found)
}

func TestForecastEndsWithItsContext(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, odoo18())
	source, err := odoo.Open(t.Context(), db.DSN, "test")
	require.NoError(t, err)
	t.Cleanup(source.Close)
	ctx, cancel := context.WithCancel(t.Context())
	_, err = cycle.Forecast(ctx, source, entity.DefaultRules(), func(string, int64, int64) { cancel() })
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorContains(t, err, "forecast of loyalty_point_move")
}
