package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestACardIsShownWithItsFirstSentenceFirst(t *testing.T) {
	t.Parallel()
	b := synced(t)
	b.source.Exec(t, `UPDATE loyalty_card SET code = E' esc\x1b[2J ' WHERE id = 1`)
	a := b.ferry(t, "card", "show", "61")
	require.Equal(t, exitClean, a.code, a.err)
	for _, text := range []string{
		"Odoo disagrees with itself: card 1170.10, last history 170.10, moves 170.10. Repair changes nothing; fix it in Odoo.",
		"odoo_points    1170.1 ", "points         –  ", "170.10 (from the engine's copy, rounded to cents)",
		"engine says 170.10: policy ledger: the points are the balance of the latest line, ", "ledger, newest first, ", "--source reads them from Odoo: reads ",
		"which run wrote it last is not kept",
	} {
		require.Contains(t, a.out, text)
	}
	a = b.ferry(t, "card", "show", "1")
	require.NotContains(t, a.out, "\x1b")
	require.Contains(t, a.out, "code is ")
	require.Contains(t, a.out, "  ≠")
	a = b.ferry(t, "card", "show", "61", "--source", "--limit", "1")
	require.Contains(t, a.out, "170.09999999999997, moves 170.1 (from the source, just now)")
	require.Contains(t, a.out, "newest first, 1 of ")

	code := b.text(t, `SELECT lower(code) FROM loyalty_cards WHERE id = 61`)
	r := b.result(t, "card", "show", code)
	require.EqualValues(t, 61, r["id"])
	require.Equal(t, "1170.1", r["points"])
	require.Equal(t, "170.10", r["engine_points"])
	require.Equal(t, []any{"history", "moves"}, r["drifts"])
	require.Nil(t, r["settled"])
	require.NotEmpty(t, r["lines"])
	require.Equal(t, "170.09999999999997", b.result(t, "ledger", "show", code)["last_balance"])

	a = b.ferry(t, "card", "show", "no such code")
	require.Equal(t, exitError, a.code)
	require.Contains(t, a.err, "No card of code no such code is known")
	require.Empty(t, a.out)
	for _, args := range [][]string{
		{"card", "show"}, {"card", "show", "1", "2"}, {"card", "show", " "}, {"card", "show", "1", "--limit", "-1"}, {"ledger", "show"},
	} {
		require.Equal(t, exitUsage, b.ferry(t, args...).code, args)
	}
}

func TestTheLedgerIsListedOnceACheckHasLookedAtIt(t *testing.T) {
	t.Parallel()
	b := synced(t)
	a := b.ferry(t, "ledger", "list")
	require.Equal(t, exitUnchecked, a.code)
	require.Contains(t, a.err, "no check has looked at Odoo's ledger yet")
	require.Equal(t, map[string]any{"cards": nil, "drifted": nil, "incomplete": nil}, b.result(t, "status")["ledger"])

	b.target.Exec(t, `INSERT INTO ferry.ledger_range VALUES (0, 1000, 456, 0, 0, 0, 3, 1, now())`)
	require.Contains(t, b.ferry(t, "ledger", "list").out, "no card of that drifts in Odoo, as of 20")
	b.target.Exec(t, `UPDATE ferry.ledger_range SET drifted = 1200`, `
		INSERT INTO ferry.ledger (card, code, points, last_balance, drifts, size, run_id, seen_at)
		SELECT i, E'c\x1b' || i, i + 0, i - 1, CASE WHEN i = 61 THEN '{history,running}' ELSE '{history}' END::text[], 1, 1, now()
		FROM generate_series(1, 1200) i`)
	require.Equal(t, map[string]any{"cards": 456.0, "drifted": 1200.0, "incomplete": 3.0}, b.result(t, "status")["ledger"])
	require.EqualValues(t, 1200, b.result(t, "ledger", "list")["rows"], "in pages")
	require.EqualValues(t, 700, b.result(t, "ledger", "list", "--limit", "700")["rows"])
	a = b.ferry(t, "ledger", "list", "--drift", "running")
	require.NotContains(t, a.out, "\x1b")
	require.Regexp(t, `^ +61  c.*61 +card +61  last history +60  moves +–  apart +1  history, running\n$`, a.out)
	rows := lines(t, b.ferry(t, "ledger", "list", "--sort", "-points", "--filter", "card:^1 !card:7", "--limit", "1", "--json").out)
	require.EqualValues(t, 1200, rows[0]["card"])
	require.Nil(t, rows[0]["moves"])
	for _, args := range [][]string{{"--drift", "sideways"}, {"--sort", "-colour"}, {"--filter", "card:"}, {"--filter", "("}} {
		require.Equal(t, exitUsage, b.ferry(t, append([]string{"ledger", "list"}, args...)...).code, args)
	}
}
