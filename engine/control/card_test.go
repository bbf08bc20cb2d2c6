package control_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ferry/engine"
)

// look reads a card.
func (b *bundle) look(t *testing.T, key engine.CardKey, scan bool) *engine.CardReport {
	t.Helper()
	r, err := b.Card(t.Context(), key, scan)
	require.NoError(t, err)
	return r
}

// newCard makes a card at the source with one move and two lines; it gives its id.
func (b *bundle) newCard(t *testing.T, code string) int64 {
	t.Helper()
	id := atoi(t, one(t, b.source, `INSERT INTO loyalty_card (code, partner_id, program_id, points, create_date, write_date)
		VALUES ($1, 1, (SELECT min(id) FROM loyalty_program), 30, now(), now()) RETURNING id::text`, code))
	move := one(t, b.source, `INSERT INTO loyalty_point_move (loyalty_card_id, initial_point, remaining_point, state, gain_date)
		VALUES ($1, 30, 30, 'active', now()) RETURNING id::text`, id)
	for i, balance := range []string{"10", "30"} {
		one(t, b.source, `INSERT INTO loyalty_point_history (loyalty_card_id, point_move_id, points_amount, points_balance, transaction_time)
			VALUES ($1, $2, $3, $4::text::float8, now()) RETURNING id::text`, id, atoi(t, move), 10*(i+1), balance)
	}
	return id
}

// cardTrouble is a kind of trouble that a card can be in: what brings it about, before the last tick or behind it, and what the
// report must say.
type cardTrouble struct {
	name   string
	before []string // at the source, before a tick; $ is the card
	after  []string // at the source, behind it
	engine []string // in the engine, behind it
	scan   bool
	cause  engine.Cause
	says   []string
}

// How a card goes, on either side.
var (
	goneFromOdoo = []string{
		`DELETE FROM loyalty_point_history WHERE loyalty_card_id = $`, `DELETE FROM loyalty_point_move WHERE loyalty_card_id = $`,
		`DELETE FROM loyalty_card WHERE id = $`,
	}
	goneFromEngine = []string{
		`DELETE FROM point_history WHERE loyalty_card_id = $`, `DELETE FROM point_moves WHERE loyalty_card_id = $`,
		`DELETE FROM loyalty_cards WHERE id = $`,
	}
)

var cardTroubles = []cardTrouble{
	{name: "healthy", says: []string{"Equal to Odoo: points 30.00", "three balances agree"}},
	{
		name: "a drift of history", before: []string{`UPDATE loyalty_card SET points = 150 WHERE id = $`},
		says: []string{
			"Equal to Odoo's ledger. Odoo disagrees with itself: card 150.00, last history 30.00, moves 30.00. " +
				"Repair changes nothing; fix it in Odoo.",
		},
	},
	{
		name: "a drift of moves", before: []string{`UPDATE loyalty_point_move SET state = 'expired' WHERE loyalty_card_id = $`},
		says: []string{"card 30.00, last history 30.00, moves 0.00."},
	},
	{
		name: "a drift below the cent", before: []string{`UPDATE loyalty_card SET points = 30.001 WHERE id = $`}, scan: true,
		says: []string{"card 30.001, last history 30.00, moves 30.00."},
	},
	{
		name: "a running balance", before: []string{`UPDATE loyalty_point_history SET points_amount = 21 WHERE loyalty_card_id = $ AND points_balance = 30`},
		says: []string{"not line by line", "breaks first at line"},
	},
	{
		name: "a running balance, from the source", scan: true,
		before: []string{`UPDATE loyalty_point_history SET points_amount = 20.001 WHERE loyalty_card_id = $ AND points_balance = 30`},
		says:   []string{"not line by line", "breaks first at line"},
	},
	{
		name: "not a number", scan: true,
		before: []string{`UPDATE loyalty_point_move SET remaining_point = 'NaN', initial_point = 'NaN' WHERE loyalty_card_id = $`},
		says:   []string{"no finite number: card 30.00, last history 30.00, moves NaN"},
	},
	{
		name: "points that are none", before: []string{`UPDATE loyalty_card SET points = 'NaN' WHERE id = $`}, scan: true, cause: engine.CauseQuarantined,
		says: []string{
			"older version", "NaN, infinite", "card.points_invalid",
			"Besides, Odoo disagrees with itself: card NaN, last history 30.00, moves 30.00.",
		},
	},
	{
		name: "stale", before: []string{`UPDATE loyalty_card SET partner_id = NULL WHERE id = $`}, cause: engine.CauseQuarantined,
		says: []string{"The engine has an older version", "it has no partner (card.partner_missing)"},
	},
	{
		name: "incomplete", cause: "",
		before: []string{`INSERT INTO loyalty_point_history (loyalty_card_id, points_amount, points_balance, transaction_time) VALUES ($, -40, -10, now())`},
		says:   []string{"Incomplete: the latest line of its ledger", "history.balance_negative", "the points (30.00) are what Odoo's card says"},
	},
	{
		name: "a line refused long ago", cause: "",
		before: []string{
			`INSERT INTO loyalty_point_history (loyalty_card_id, points_amount, points_balance, transaction_time) VALUES ($, -40, -10, now())`,
			`INSERT INTO loyalty_point_history (loyalty_card_id, points_amount, points_balance, transaction_time) VALUES ($, 40, 30, now())`,
		},
		says: []string{"Equal to Odoo: points 30.00, by its latest line.", "1 of its older lines, 0 of its moves."},
	},
	{
		name: "gone, and no sweep yet", cause: engine.CauseExtra,
		after: goneFromOdoo,
		says:  []string{"The engine has this card and Odoo does not"},
	},
	{
		name: "missing", engine: goneFromEngine,
		cause: engine.CauseMissing, says: []string{"Missing: Odoo has this card unchanged since before the last cycle", "a repair brings it back"},
	},
	{
		name: "a wrong field", engine: []string{`UPDATE loyalty_cards SET partner_id = 4711 WHERE id = $`}, cause: engine.CauseField,
		says: []string{"Wrong in the engine: partner_id is 4711, should be 1.", "A repair restores it."},
	},
	{
		name: "a field under way", after: []string{`UPDATE loyalty_card SET partner_id = 2 WHERE id = $`}, cause: engine.CauseField,
		says: []string{"partner_id is 1, should be 2", "it is under way. Look again after the next tick."},
	},
	{
		name: "wrong points", engine: []string{`UPDATE loyalty_cards SET points = 29.99 WHERE id = $`}, cause: engine.CauseField,
		says: []string{"Wrong points in the engine: 29.99, and its own ledger says 30.00 (policy ledger"},
	},
	{
		name: "written on the target", engine: []string{`UPDATE loyalty_cards SET points = 1, odoo_points = 2, synced_to_odoo = true WHERE id = $`},
		cause: engine.CauseWrittenOnTarget, says: []string{"odoo_points is 2.00, should be 30.00; points is 1.00, should be 30.00", "made it its own"},
	},
	{
		name: "made its own, and equal", engine: []string{`UPDATE loyalty_cards SET synced_to_odoo = true WHERE id = $`},
		says: []string{"Equal to Odoo: points 30.00. The engine has made it its own"},
	},
	{
		name: "a wrong line", cause: engine.CauseField,
		engine: []string{`UPDATE point_history SET points_balance = 11 WHERE loyalty_card_id = $ AND points_balance = 10`},
		says:   []string{"the engine's copy is wrong: line", "A repair restores them."},
	},
	{
		name: "a broken link", engine: []string{`UPDATE point_history SET point_move_id = NULL WHERE loyalty_card_id = $ AND points_balance = 10`},
		cause: engine.CauseField, says: []string{"the engine's copy is wrong: line"},
	},
	{
		name: "a wrong move", engine: []string{`UPDATE point_moves SET remaining_point = 29 WHERE loyalty_card_id = $`}, cause: engine.CauseField,
		says: []string{"the engine's copy is wrong: move"},
	},
	{
		name: "a line gone from Odoo", after: []string{`DELETE FROM loyalty_point_history WHERE loyalty_card_id = $ AND points_balance = 10`},
		cause: engine.CauseDeletedAtSource, says: []string{"what Odoo has deleted: line"},
	},
	{
		name: "a line under way", after: []string{`UPDATE loyalty_point_history SET origin = 'new' WHERE loyalty_card_id = $ AND points_balance = 10`},
		says: []string{"changed after the last cycle began to read", "Look again after the next tick."},
	},
	{
		name: "a line missing", engine: []string{`DELETE FROM point_history WHERE loyalty_card_id = $ AND points_balance = 10`}, scan: true,
		cause: engine.CauseMissing, says: []string{"Its ledger is incomplete in the engine.", "holds: line", "A repair brings it back."},
	},
	{
		name: "a line on its way", scan: true,
		after: []string{`INSERT INTO loyalty_point_history (loyalty_card_id, points_amount, points_balance, transaction_time) VALUES ($, 0, 30, now())`},
		says:  []string{"changed after the last cycle began to read"},
	},
	{
		name: "on its way", after: []string{`UPDATE loyalty_card SET write_date = now() WHERE id = $`}, cause: engine.CauseMissing,
		engine: goneFromEngine,
		says:   []string{"Not in the engine yet: Odoo wrote it after the last cycle began to read", "The next tick brings it"},
	},
}

// TestACardsFirstSentenceSaysWhatIsWrongWithIt brings cards into every kind of trouble, all at once, and asks about each.
func TestACardsFirstSentenceSaysWhatIsWrongWithIt(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	ids := make([]int64, len(cardTroubles))
	for i := range cardTroubles {
		ids[i] = b.newCard(t, fmt.Sprintf("trouble-%02d", i))
	}
	require.Contains(t, b.look(t, engine.CardKey{ID: ids[0]}, false).Sentence, "no sync was completed yet")
	done(t, b.full(t))
	on := func(db *database, statements []string, id int64) {
		for _, s := range statements {
			b.exec(t, db, s, id)
		}
	}
	for i, c := range cardTroubles {
		on(b.source, c.before, ids[i])
	}
	b.pastFloor(t)
	for i, c := range cardTroubles {
		on(b.source, c.after, ids[i])
		on(b.target, c.engine, ids[i])
	}
	for i, c := range cardTroubles {
		r := b.look(t, engine.CardKey{ID: ids[i]}, c.scan)
		for _, want := range c.says {
			require.Contains(t, r.Sentence, want, c.name)
		}
		require.Equal(t, c.cause, r.Cause, c.name+": "+r.Sentence)
		require.Equal(t, ids[i], r.ID, c.name)
		require.Equal(t, c.scan && r.AtSource, r.FromSource, c.name)
		if r.AtSource { // by its code, in another spelling
			again := b.look(t, engine.CardKey{Code: fmt.Sprintf(" TROUBLE-%02d\t", i)}, c.scan)
			require.Equal(t, r.Sentence, again.Sentence, c.name)
		}
	}
	require.Equal(t, "0", one(t, b.source, `SELECT count(*)::text FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'`))
}

// pastFloor ticks until everything that the source has committed by now lies below the floor: transactions of other tests on the
// same server may hold it back for a moment.
func (b *bundle) pastFloor(t *testing.T) {
	t.Helper()
	mark := one(t, b.source, `SELECT pg_snapshot_xmax(pg_current_snapshot())::text`)
	for range 500 {
		b.tick(t)
		if one(t, b.target, `SELECT bool_and(floor >= '`+mark+`'::xid8)::text
			FROM (SELECT DISTINCT ON (entity) floor FROM ferry.floor ORDER BY entity, run_id DESC) f`) == "true" {
			return
		}
	}
	require.Fail(t, "the floor does not move")
}

func (b *bundle) exec(t *testing.T, db *database, statement string, id int64) {
	t.Helper()
	db.Exec(t, strings.ReplaceAll(statement, "$", strconv.FormatInt(id, 10)))
}

func TestACardIsFoundByWhateverNamesIt(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	hostile := []string{"'; DROP TABLE loyalty_card; --", "%_\\", "\x1b[2J", "ＡＢＣ", "straße x", "e\u0301 🎁", "4711", `"quoted", too`}
	ids := map[string]int64{}
	for _, code := range hostile {
		ids[code] = b.newCard(t, "\u2003"+code+" ")
	}
	late := "İstanbul Straße \u00a0"
	for _, code := range hostile { // the source alone knows them
		require.Equal(t, ids[code], b.look(t, engine.CardKey{Code: code}, false).ID, code)
	}
	done(t, b.full(t))
	for _, code := range hostile {
		r := b.look(t, engine.CardKey{Code: code}, false)
		require.Equal(t, ids[code], r.ID, code)
		require.Contains(t, r.Sentence, "Equal to Odoo", code)
	}
	id := b.newCard(t, late)
	r := b.look(t, engine.CardKey{Code: late}, false)
	require.Equal(t, id, r.ID)
	require.Contains(t, r.Sentence, "Not in the engine yet")

	r = b.look(t, engine.CardKey{ID: 4711, Code: "4711"}, false)
	require.Equal(t, ids["4711"], r.ID, "a number that is no id is a code")
	b.exec(t, b.source, `INSERT INTO loyalty_card (id, code, partner_id, program_id, points) VALUES (4711, 'its own', 1, 1, 0)`, 0)
	r = b.look(t, engine.CardKey{ID: 4711, Code: "4711"}, false)
	require.Equal(t, int64(4711), r.ID, "and an id first")
	require.Equal(t, []int64{ids["4711"]}, r.Others)

	for _, key := range []engine.CardKey{{ID: 99_999_999}, {Code: "\x00no such"}, {Code: "no such card' OR true --"}, {ID: 987_654, Code: "987654"}} {
		r := b.look(t, key, true)
		require.Zero(t, r.ID)
		require.Contains(t, r.Sentence, "is known: Odoo has none", fmt.Sprint(key))
	}
}

func TestACardInQuarantineNamesWhoHasItsCodeAndWhatElseIsWrong(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	done(t, b.full(t))
	loser := atoi(t, one(t, b.target, `SELECT min(source_id)::text FROM ferry.quarantine WHERE reason = 'code_taken'`))
	owner := one(t, b.target, `SELECT owner_id::text FROM ferry.quarantine WHERE entity = 'loyalty_card' AND source_id = $1`, loser)
	r := b.look(t, engine.CardKey{ID: loser}, false)
	require.Contains(t, r.Sentence, "belongs to card "+owner+", which has the lower id")
	require.Equal(t, engine.CauseQuarantined, r.Cause)
	require.Contains(t, r.Others, atoi(t, owner))

	r = b.look(t, engine.CardKey{ID: 118}, true)
	require.Contains(t, r.Sentence, "its points are negative (card.points_negative). 6 of its moves and lines wait for it.")
	require.Contains(t, r.Sentence, "Besides, Odoo disagrees with itself: card -5.00, last history -5.00, moves 0.00.")

	_, err := b.Waive(t.Context(), engine.QuarantineSelection{Entity: "loyalty_card", IDs: []int64{118}}, engine.Act{Reason: "known to sales"}, false)
	require.NoError(t, err)
	require.Contains(t, b.look(t, engine.CardKey{ID: 118}, false).Sentence,
		"somebody knows: its points are negative (card.points_negative). tester@test waived it: known to sales.")

	b.target.Exec(t, `INSERT INTO loyalty_cards (id, code, points) VALUES (1099511627776, 'OWN', 5)`)
	require.Contains(t, b.look(t, engine.CardKey{Code: "own"}, false).Sentence, "Card 1099511627776 is the engine's own")

	gone := b.newCard(t, "gone")
	b.tick(t)
	for _, s := range goneFromOdoo {
		b.exec(t, b.source, s, gone)
	}
	done(t, b.full(t))
	r = b.look(t, engine.CardKey{ID: gone}, false)
	require.Contains(t, r.Sentence, "In the engine, and not in Odoo, or no more: run #3 saw that")
	require.Equal(t, engine.CauseDeletedAtSource, r.Cause)
	require.False(t, r.AtSource)
}

// TestACardIsShownThoughItsLedgerIsLocked: what cannot be read from the source in time is said, and not waited for.
func TestACardIsShownThoughItsLedgerIsLocked(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	id := b.newCard(t, "LOCKED")
	b.exec(t, b.source, `DELETE FROM loyalty_point_move WHERE loyalty_card_id = $`, id)
	done(t, b.full(t))
	tx, err := b.source.pool.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), `LOCK TABLE loyalty_point_move IN ACCESS EXCLUSIVE MODE`)
	require.NoError(t, err)
	r := b.look(t, engine.CardKey{ID: id}, true)
	require.False(t, r.FromSource)
	require.Contains(t, r.Cost, "it took too long and was given up")
	require.Contains(t, r.Cost, "held by")
	require.Contains(t, r.Sentence, "Equal to Odoo: points 30.00")
	require.Len(t, r.Lines, 2, "from the engine's copy")
	require.NoError(t, tx.Rollback(t.Context()))
	require.True(t, b.look(t, engine.CardKey{ID: id}, true).FromSource)
}

func TestEveryCardOfTheDumpThatDisagreesSaysSo(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	done(t, b.full(t))
	history, moves := 0, 0
	for _, text := range rows(t, b.source, `SELECT id::text FROM loyalty_card ORDER BY id`) {
		id := atoi(t, text)
		exact := b.look(t, engine.CardKey{ID: id}, true)
		if exact.InEngine && exact.Quarantine == nil && (len(exact.Drifts) > 0 || id%4 == 0) {
			quick := b.look(t, engine.CardKey{ID: id}, false)
			require.Equal(t, exact.Drifts, quick.Drifts, "card %d: the engine's copy says the same", id)
		}
		for _, d := range exact.Drifts {
			require.Contains(t, exact.Sentence, "Odoo disagrees with itself")
			switch d {
			case engine.DriftHistory:
				history++
			case engine.DriftMoves:
				moves++
			case engine.DriftRunning:
				t.Errorf("card %d: no running balance of the dump breaks", id)
			}
		}
	}
	require.Equal(t, 8, history)
	require.Equal(t, 37, moves)
}
