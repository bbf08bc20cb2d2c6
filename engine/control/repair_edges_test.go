package control_test

import (
	"fmt"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"ferry/engine"
)

// takeOut deletes a card with its rows from the engine, as somebody else would.
func (b *bundle) takeOut(t *testing.T, card string) {
	t.Helper()
	b.target.Exec(t, `DELETE FROM point_history WHERE loyalty_card_id = `+card, `DELETE FROM point_moves WHERE loyalty_card_id = `+card,
		`DELETE FROM loyalty_cards WHERE id = `+card)
}

func TestCodesThatWereSwappedAcrossBatchesAreRepairedTogether(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	b.source.Exec(t, `INSERT INTO loyalty_card (id, code, partner_id, program_id, points)
		SELECT id, 'far-' || id, 1, (SELECT min(id) FROM loyalty_program), 1 FROM unnest('{100001, 200001, 300001}'::int[]) id`)
	done(t, b.full(t))
	b.target.Exec(t, `UPDATE loyalty_cards c SET code = o.code FROM loyalty_cards o
		WHERE (c.id, o.id) IN ((100001, 200001), (200001, 300001), (300001, 100001))`) // in a ring
	b.find(t, "loyalty_card", "code", engine.CauseField, "100001", "200001", "300001")
	p := b.planned(t, engine.RepairOptions{})
	require.Equal(t, "planned 3", states(p))
	after := b.apply(t, p)
	require.Equal(t, "applied 3", states(after))
	require.Greater(t, one(t, b.target, `SELECT count(*)::text FROM ferry.batch WHERE run_id = $1`, after.Run), "1", "they are of different batches")
	require.NotEqual(t, "0", one(t, b.target, `SELECT count(*)::text FROM ferry.repair_item WHERE outcome LIKE 'written along with%'`),
		"how many depends on which batch comes first")
	b.faithful(t)
	require.Equal(t, "1", one(t, b.target, `SELECT max(sync_version)::text FROM loyalty_cards`), "each was written once")
}

func TestACardThatIsMissingGetsItsCodeBackFromAnExtra(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	done(t, b.full(t))
	card := b.livingCards(t)[0]
	code := one(t, b.target, `SELECT code FROM loyalty_cards WHERE id = $1`, card)
	moves, lines := b.ledgerOf(t, "point_moves", card), b.ledgerOf(t, "point_history", card)
	b.takeOut(t, card)
	b.target.Exec(t, `INSERT INTO loyalty_cards (id, odoo_card_id, code, points) VALUES (900001, 900001, '`+code+`', 0)`)
	b.find(t, "loyalty_card", "", engine.CauseMissing, card)
	b.find(t, "loyalty_point_move", "", engine.CauseMissing, moves...)
	b.find(t, "loyalty_point_history", "", engine.CauseMissing, lines...)
	b.find(t, "loyalty_card", "", engine.CauseExtra, "900001")
	gentle := b.planned(t, engine.RepairOptions{})
	it := item(t, gentle, "loyalty_card", "900001")
	require.Equal(t, map[string]string{"code": code + "#ferry900001"}, it.After, "it stays, and the plan says that it loses its code")
	require.Equal(t, card, strconv.FormatInt(it.With, 10))
	p := b.planned(t, engine.RepairOptions{DeleteExtras: true})
	require.Equal(t, engine.RepairDelete, item(t, p, "loyalty_card", "900001").Action)
	require.Equal(t, fmt.Sprintf("applied %d", p.Total), states(b.apply(t, p)))
	require.Equal(t, "0", one(t, b.target, `SELECT count(*)::text FROM loyalty_cards WHERE id = 900001`))
	b.faithful(t)
	b.inStep(t)
}

func TestWhatTheRulesRejectGoesToQuarantineAsPlanned(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	done(t, b.full(t))
	cards := b.livingCards(t)
	b.source.Exec(t, `UPDATE loyalty_card SET partner_id = NULL WHERE id = `+cards[0])
	b.target.Exec(t, `UPDATE loyalty_cards SET partner_id = 4711 WHERE id = `+cards[0])
	b.find(t, "loyalty_card", "partner_id", engine.CauseField, cards[0])
	line := one(t, b.target, `SELECT max(id)::text FROM point_history WHERE loyalty_card_id = $1`, cards[1])
	moves, lines := b.ledgerOf(t, "point_moves", cards[1]), b.ledgerOf(t, "point_history", cards[1])
	b.takeOut(t, cards[1])
	b.find(t, "loyalty_point_history", "", engine.CauseMissing, line)
	p := b.planned(t, engine.RepairOptions{})
	require.Contains(t, item(t, p, "loyalty_card", cards[0]).Outcome, "it goes to quarantine: card.partner_missing")
	require.Contains(t, item(t, p, "loyalty_point_history", line).Outcome, "loyalty_card "+cards[1]+" is not in the engine")
	require.Equal(t, "applied 2", states(b.apply(t, p)))
	require.Equal(t, "true card.partner_missing", one(t, b.target, `SELECT stale || ' ' || reason FROM ferry.quarantine
		WHERE entity = 'loyalty_card' AND source_id = $1`, cards[0]))
	require.Equal(t, "waiting_parent", one(t, b.target, `SELECT state FROM ferry.quarantine WHERE entity = 'loyalty_point_history' AND source_id = $1`, line))

	b.find(t, "loyalty_card", "", engine.CauseMissing, cards[1])
	b.find(t, "loyalty_point_move", "", engine.CauseMissing, moves...)
	for _, other := range lines {
		if other != line {
			b.find(t, "loyalty_point_history", "", engine.CauseMissing, other)
		}
	}
	b.apply(t, b.planned(t, engine.RepairOptions{}))
	b.inStep(t) // it reads the line that waited for its card
}

func TestPointsFollowTheLinesThatARepairBringsBack(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	done(t, b.full(t))
	card := one(t, b.target, `SELECT c.id::text FROM loyalty_cards c WHERE 1 < (SELECT count(DISTINCT points_balance) FROM point_history
		WHERE loyalty_card_id = c.id) AND NOT EXISTS (SELECT FROM ferry.quarantine q WHERE q.parent_id = c.id) ORDER BY c.id LIMIT 1`)
	lines := b.ledgerOf(t, "point_history", card)
	last := lines[len(lines)-1]
	b.target.Exec(t, `DELETE FROM point_history WHERE id = `+last, `UPDATE loyalty_cards SET points = -1 WHERE id = `+card)
	b.find(t, "loyalty_point_history", "", engine.CauseMissing, last)
	b.find(t, "loyalty_card", "points", engine.CauseField, card)
	p := b.planned(t, engine.RepairOptions{})
	require.Equal(t, engine.RepairSettle, item(t, p, "loyalty_card", card).Action)
	require.Equal(t, "applied 2", states(b.apply(t, p)))
	b.faithful(t)
}

func TestAnExtraThatOthersBelongToStays(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	done(t, b.full(t))
	b.target.Exec(t, `INSERT INTO loyalty_cards (id, odoo_card_id, code, points) VALUES (900001, 900001, 'EXTRA', 0)`,
		`INSERT INTO point_moves (id, odoo_move_id, loyalty_card_id) VALUES (900002, 900002, 900001)`)
	b.find(t, "loyalty_card", "", engine.CauseExtra, "900001")
	p := b.planned(t, engine.RepairOptions{DeleteExtras: true})
	after := b.apply(t, p)
	require.Equal(t, "refused 1", states(after))
	require.Equal(t, "rows of point_moves still belong to it", item(t, after, "loyalty_card", "900001").Outcome)
	b.find(t, "loyalty_point_move", "", engine.CauseExtra, "900002")
	require.Equal(t, "applied 2", states(b.apply(t, b.planned(t, engine.RepairOptions{DeleteExtras: true}))))
	b.faithful(t)
	b.inStep(t)
}

func TestWhatIsRightByNowIsNotPlanned(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	done(t, b.full(t))
	cards := b.livingCards(t)
	b.find(t, "loyalty_card", "partner_id", engine.CauseField, cards[0])
	b.find(t, "loyalty_card", "points", engine.CauseField, cards[1])
	b.find(t, "loyalty_card", "", engine.CauseExtra, cards[2], "900001")
	_, err := b.PlanRepair(t.Context(), engine.DiscrepancySelection{}, engine.RepairOptions{DeleteExtras: true}, engine.Act{})
	require.ErrorIs(t, err, engine.ErrNoSuchRow)
	require.ErrorContains(t, err, "as they should be by now")
	require.Equal(t, "0", one(t, b.target, `SELECT count(*)::text FROM ferry.repair_plan`))
}

func TestARowThatTheEngineRefusesFailsAlone(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	done(t, b.full(t))
	cards := b.livingCards(t)
	b.target.Exec(t, `UPDATE loyalty_cards SET partner_id = 4711 WHERE id IN (`+cards[0]+`, `+cards[1]+`)`,
		`ALTER TABLE loyalty_cards ADD CONSTRAINT fixed CHECK (id <> `+cards[0]+` OR partner_id = 4711)`)
	b.find(t, "loyalty_card", "partner_id", engine.CauseField, cards[0], cards[1])
	after := b.apply(t, b.planned(t, engine.RepairOptions{}))
	require.Equal(t, "applied 1, failed 1", states(after))
	require.Contains(t, item(t, after, "loyalty_card", cards[0]).Outcome, "the engine refused the row, it is in quarantine")
	require.Equal(t, "1", one(t, b.target, `SELECT count(*)::text FROM ferry.discrepancy WHERE state = 'settled'`))
}

func TestWhatChangedBehindThePlanIsNeitherDeletedNorSettled(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	done(t, b.full(t))
	cards := rows(t, b.target, `SELECT c.id::text FROM loyalty_cards c WHERE c.id IN (SELECT loyalty_card_id FROM point_history)
		AND NOT EXISTS (SELECT FROM ferry.quarantine q WHERE q.parent_id = c.id OR q.source_id = c.id) ORDER BY c.id LIMIT 3`)
	require.Len(t, cards, 3)
	b.target.Exec(t, `UPDATE loyalty_cards SET points = points + 1 WHERE id IN (`+cards[0]+`, `+cards[1]+`, `+cards[2]+`)`,
		`INSERT INTO loyalty_cards (id, odoo_card_id, code, points) VALUES (900001, 900001, 'EXTRA', 0), (900002, 900002, 'EXTRA2', 0)`)
	b.find(t, "loyalty_card", "points", engine.CauseField, cards...)
	b.find(t, "loyalty_card", "", engine.CauseExtra, "900001", "900002")
	p := b.planned(t, engine.RepairOptions{DeleteExtras: true})
	require.Equal(t, "planned 5", states(p))
	b.source.Exec(t, `INSERT INTO loyalty_card (id, code, partner_id, program_id, points)
		SELECT 900001, 'again', 1, (SELECT min(id) FROM loyalty_program), 1`)
	b.target.Exec(t, `UPDATE loyalty_cards SET synced_to_odoo = true WHERE id IN (900002, `+cards[0]+`)`,
		`UPDATE point_history SET points_balance = points_balance + 7 WHERE odoo_history_id = (
			SELECT max(odoo_history_id) FROM point_history WHERE loyalty_card_id = `+cards[1]+`)`)
	after := b.apply(t, p)
	require.Equal(t, "applied 1, moved 2, refused 2", states(after))
	require.Equal(t, "the source has the row again", item(t, after, "loyalty_card", "900001").Outcome)
	require.Contains(t, item(t, after, "loyalty_card", "900002").Outcome, "written back to Odoo")
	require.Contains(t, item(t, after, "loyalty_card", cards[0]).Outcome, "written back to Odoo")
	require.Equal(t, "what it follows from changed since the plan was made", item(t, after, "loyalty_card", cards[1]).Outcome)
	require.Equal(t, "2", one(t, b.target, `SELECT count(*)::text FROM loyalty_cards WHERE id IN (900001, 900002)`))
	require.Equal(t, "4", one(t, b.target, `SELECT count(*)::text FROM ferry.discrepancy WHERE state = 'settled'`))
}
