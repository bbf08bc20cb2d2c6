package control_test

import (
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/engine/control"
	"ferry/store/odoo"
)

// find plants discrepancies as a check leaves them: settled ones of some rows.
func (b *bundle) find(t *testing.T, entity, field string, cause engine.Cause, ids ...string) {
	t.Helper()
	for _, id := range ids {
		_, err := b.target.pool.Exec(t.Context(), `INSERT INTO ferry.discrepancy
				(entity, row_id, field, cause, state, version_at, found_run, found_at, seen_run, seen_at, settled_at)
			VALUES ($1, $2::text::bigint, $3, $4, 'settled', now(), 1, now(), 1, now(), now())`, entity, id, field, string(cause))
		require.NoError(t, err)
	}
}

// states counts a plan's items by state: "applied 3, moved 1".
func states(p *engine.RepairPlan) string {
	var parts []string
	for _, s := range []engine.RepairState{
		engine.RepairPlanned, engine.RepairApplied, engine.RepairMoved, engine.RepairRefused, engine.RepairFailed,
	} {
		if n := p.ByState[s]; n > 0 {
			parts = append(parts, fmt.Sprintf("%s %d", s, n))
		}
	}
	return strings.Join(parts, ", ")
}

// item gives the item of a plan that is about a row.
func item(t *testing.T, p *engine.RepairPlan, entity, id string) engine.RepairItem {
	t.Helper()
	for _, it := range p.Items {
		if it.Entity == entity && strconv.FormatInt(it.Row, 10) == id {
			return it
		}
	}
	require.Failf(t, "no such item", "%s %s in %+v", entity, id, p.Items)
	return engine.RepairItem{}
}

// planned plans a repair of all that is settled.
func (b *bundle) planned(t *testing.T, o engine.RepairOptions) *engine.RepairPlan {
	t.Helper()
	p, err := b.PlanRepair(t.Context(), engine.DiscrepancySelection{}, o, engine.Act{Reason: "test"})
	require.NoError(t, err)
	return p
}

// apply applies a plan to its end, and gives what became of it.
func (b *bundle) apply(t *testing.T, p *engine.RepairPlan) *engine.RepairPlan {
	t.Helper()
	id, err := b.ApplyRepair(t.Context(), p.ID, p.Hash[:12], p.Database, engine.Act{Reason: "test"})
	require.NoError(t, err)
	s := b.await(t, id)
	require.Equal(t, engine.RunDone, s.Run.State, s.Run.Error)
	require.Equal(t, engine.RunRepair, s.Run.Kind)
	after, err := b.RepairPlan(t.Context(), p.ID)
	require.NoError(t, err)
	require.Equal(t, engine.RepairApplied, after.State)
	require.Equal(t, id, after.Run)
	return after
}

// ledgerOf gives the ids of a card's rows of an engine table.
func (b *bundle) ledgerOf(t *testing.T, table, card string) []string {
	t.Helper()
	return rows(t, b.target, `SELECT id::text FROM `+table+` WHERE loyalty_card_id = $1 ORDER BY id`, card)
}

func TestEveryKindOfFaultIsPlannedRowByRowAndRepaired(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	done(t, b.full(t))
	cards := b.livingCards(t)
	corrupted, missing, one2, two, tampered, own := cards[0], cards[1], cards[2], cards[3], cards[4], cards[5]
	partner := one(t, b.target, `SELECT partner_id::text FROM loyalty_cards WHERE id = $1`, corrupted)
	points := one(t, b.target, `SELECT points::text FROM loyalty_cards WHERE id = $1`, tampered)
	codes := rows(t, b.target, `SELECT code FROM loyalty_cards WHERE id IN ($1, $2) ORDER BY id = $2`, one2, two)
	moves, lines := b.ledgerOf(t, "point_moves", missing), b.ledgerOf(t, "point_history", missing)
	link := one(t, b.target, `SELECT min(id)::text FROM point_history WHERE point_move_id IS NOT NULL AND loyalty_card_id NOT IN ($1, $2)`, missing, own)
	move := one(t, b.target, `SELECT point_move_id::text FROM point_history WHERE id = $1`, link)
	ownPartner := one(t, b.target, `SELECT partner_id::text FROM loyalty_cards WHERE id = $1`, own)
	b.target.Exec(t,
		`UPDATE loyalty_cards SET partner_id = 4711, code = code WHERE id = `+corrupted,
		`DELETE FROM point_history WHERE loyalty_card_id = `+missing, `DELETE FROM point_moves WHERE loyalty_card_id = `+missing,
		`DELETE FROM loyalty_cards WHERE id = `+missing,
		`UPDATE loyalty_cards c SET code = o.code FROM loyalty_cards o WHERE (c.id, o.id) IN ((`+one2+`, `+two+`), (`+two+`, `+one2+`))`,
		`UPDATE loyalty_cards SET points = points + 1 WHERE id = `+tampered,
		`UPDATE point_history SET point_move_id = NULL WHERE id = `+link,
		`UPDATE loyalty_cards SET partner_id = 4711, synced_to_odoo = true WHERE id = `+own,
		`INSERT INTO loyalty_cards (id, odoo_card_id, code, points) VALUES (900001, 900001, 'EXTRA', 0)`,
		`INSERT INTO point_history (id, odoo_history_id, loyalty_card_id) VALUES (900002, 900002, 900001)`)
	b.find(t, "loyalty_card", "partner_id", engine.CauseField, corrupted)
	b.find(t, "loyalty_card", "code", engine.CauseField, one2, two)
	b.find(t, "loyalty_card", "points", engine.CauseField, tampered)
	b.find(t, "loyalty_card", "partner_id", engine.CauseWrittenOnTarget, own)
	b.find(t, "loyalty_card", "", engine.CauseMissing, missing)
	b.find(t, "loyalty_point_move", "", engine.CauseMissing, moves...)
	b.find(t, "loyalty_point_history", "", engine.CauseMissing, lines...)
	b.find(t, "loyalty_point_history", "point_move_id", engine.CauseField, link)
	b.find(t, "loyalty_card", "", engine.CauseExtra, "900001")
	b.find(t, "loyalty_point_history", "", engine.CauseExtra, "900002")

	before := b.fingerprint(t)
	gentle := b.planned(t, engine.RepairOptions{})
	require.Zero(t, gentle.Deletes, "extras only if they were asked for")
	p := b.planned(t, engine.RepairOptions{DeleteExtras: true})
	require.Equal(t, before, b.fingerprint(t), "a plan changes no row")
	require.EqualValues(t, 2, p.Deletes)
	require.Equal(t, gentle.Total+2, p.Total)
	require.Equal(t, fmt.Sprintf("planned %d, refused 1", p.Total-1), states(p))

	it := item(t, p, "loyalty_card", corrupted)
	require.Equal(t, map[string]string{"partner_id": "4711"}, it.Before)
	require.Equal(t, map[string]string{"partner_id": partner}, it.After)
	it = item(t, p, "loyalty_card", one2)
	require.Equal(t, map[string]string{"code": codes[1]}, it.Before)
	require.Equal(t, map[string]string{"code": codes[0]}, it.After)
	it = item(t, p, "loyalty_card", tampered)
	require.Equal(t, engine.RepairSettle, it.Action)
	require.Equal(t, map[string]string{"points": points}, it.After)
	it = item(t, p, "loyalty_point_history", link)
	require.Equal(t, map[string]string{"point_move_id": move}, it.After)
	require.Empty(t, it.Before, "it was NULL")
	it = item(t, p, "loyalty_card", missing)
	require.Empty(t, it.Before)
	require.Equal(t, missing, it.After["odoo_card_id"])
	for _, id := range lines {
		require.Equal(t, missing, item(t, p, "loyalty_point_history", id).After["loyalty_card_id"], "its card comes with the plan")
	}
	it = item(t, p, "loyalty_card", own)
	require.Equal(t, engine.RepairRefused, it.State)
	require.Contains(t, it.Outcome, "marked it as written back to Odoo")
	it = item(t, p, "loyalty_card", "900001")
	require.Equal(t, engine.RepairDelete, it.Action)
	require.Equal(t, "EXTRA", it.Before["code"])

	after := b.apply(t, p)
	require.Equal(t, fmt.Sprintf("applied %d, refused 1", p.Total-1), states(after))
	require.Equal(t, "4711", one(t, b.target, `SELECT partner_id::text FROM loyalty_cards WHERE id = $1`, own), "never overwritten")
	b.target.Exec(t, `UPDATE loyalty_cards SET partner_id = `+ownPartner+`, synced_to_odoo = false WHERE id = `+own)
	b.faithful(t)
	require.Equal(t, "1", one(t, b.target, `SELECT count(*)::text FROM ferry.discrepancy WHERE state = 'settled'`), "the one that was refused")
	require.Equal(t, fmt.Sprint(after.Run), one(t, b.target, `SELECT DISTINCT repaired_run::text FROM ferry.discrepancy WHERE state = 'repaired'`))
	require.Contains(t, one(t, b.target, `SELECT outcome FROM ferry.journal WHERE action = 'finish' AND run_id = $1`, after.Run),
		fmt.Sprintf("%d rows repaired, 0 left for they had moved, 1 refused", p.Total-1))
	b.inStep(t)

	_, err := b.ApplyRepair(t.Context(), p.ID, p.Hash, p.Database, engine.Act{})
	require.ErrorIs(t, err, engine.ErrStateChanged)
	require.ErrorContains(t, err, "is spent")
}

func TestARowThatMovedBehindThePlanIsLeftAndSaid(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	done(t, b.full(t))
	cards := b.livingCards(t)
	b.target.Exec(t, `UPDATE loyalty_cards SET partner_id = 4711 WHERE id IN (`+strings.Join(cards[:5], ",")+`)`,
		`UPDATE loyalty_cards SET points = points + 1 WHERE id = `+cards[5],
		`INSERT INTO loyalty_cards (id, odoo_card_id, code, points) VALUES (900001, 900001, 'EXTRA', 0)`)
	b.find(t, "loyalty_card", "partner_id", engine.CauseField, cards[:5]...)
	b.find(t, "loyalty_card", "points", engine.CauseField, cards[5])
	b.find(t, "loyalty_card", "", engine.CauseExtra, "900001")
	p := b.planned(t, engine.RepairOptions{DeleteExtras: true})
	require.EqualValues(t, 7, p.Total)
	right := one(t, b.source, `SELECT partner_id::text FROM loyalty_card WHERE id = $1`, cards[4])
	b.target.Exec(t,
		`UPDATE loyalty_cards SET partner_id = 4712 WHERE id = `+cards[0],
		`UPDATE loyalty_cards SET synced_to_odoo = true WHERE id = `+cards[2],
		`UPDATE loyalty_cards SET partner_id = `+right+` WHERE id = `+cards[4],
		`UPDATE loyalty_cards SET points = points + 1 WHERE id = `+cards[5],
		`UPDATE loyalty_cards SET partner_id = 1 WHERE id = 900001`)
	b.source.Exec(t, `UPDATE loyalty_card SET points = points + 7 WHERE id = `+cards[1])
	after := b.apply(t, p)
	require.Equal(t, "applied 2, moved 4, refused 1", states(after))
	require.Contains(t, item(t, after, "loyalty_card", cards[0]).Outcome, "partner_id was 4711, it is 4712 now")
	require.Contains(t, item(t, after, "loyalty_card", cards[1]).Outcome, "odoo_points")
	require.Contains(t, item(t, after, "loyalty_card", cards[2]).Outcome, "written back to Odoo")
	require.Equal(t, engine.RepairApplied, item(t, after, "loyalty_card", cards[3]).State)
	require.Contains(t, item(t, after, "loyalty_card", cards[4]).Outcome, "as planned already")
	require.Contains(t, item(t, after, "loyalty_card", cards[5]).Outcome, "points was")
	require.Contains(t, item(t, after, "loyalty_card", "900001").Outcome, "partner_id was none, it is 1 now")
	require.Equal(t, "4711", one(t, b.target, `SELECT partner_id::text FROM loyalty_cards WHERE id = $1`, cards[1]), "left as it is")
	require.Equal(t, "5", one(t, b.target, `SELECT count(*)::text FROM ferry.discrepancy WHERE state = 'settled'`))
}

func TestAPlanIsAppliedByWhoeverNamesItAndTheDatabase(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	done(t, b.full(t))
	card := b.livingCards(t)[0]
	b.target.Exec(t, `UPDATE loyalty_cards SET partner_id = 4711 WHERE id = `+card)
	b.find(t, "loyalty_card", "partner_id", engine.CauseField, card)
	p := b.planned(t, engine.RepairOptions{})
	refused := func(words, hash, confirm string) {
		t.Helper()
		_, err := b.ApplyRepair(t.Context(), p.ID, hash, confirm, engine.Act{})
		require.ErrorContains(t, err, words)
		require.True(t, engine.IsRefusal(err))
	}
	refused("type the name of the engine database", p.Hash, p.Database+"x")
	refused("is named", strings.Repeat("0", 12), p.Database)
	refused("is named", p.Hash[:11], p.Database)
	_, err := b.ApplyRepair(t.Context(), 4711, p.Hash, p.Database, engine.Act{})
	require.ErrorIs(t, err, engine.ErrNoSuchRow)

	b.target.Exec(t, `UPDATE ferry.repair_plan SET made_at = made_at - interval '25 hours'`)
	refused("is stale", p.Hash, p.Database)
	b.target.Exec(t, `UPDATE ferry.repair_plan SET made_at = now()`, `UPDATE ferry.repair_item SET after = '{"partner_id": "1"}'`)
	refused("are not those that were planned", p.Hash, p.Database)

	// Another writing run holds the entities.
	require.NoError(t, b.PauseEntity(t.Context(), "loyalty_card", engine.Act{}))
	full, err := b.StartFull(t.Context(), engine.StartOptions{})
	require.NoError(t, err)
	_, err = b.ApplyRepair(t.Context(), p.ID, p.Hash, p.Database, engine.Act{})
	require.ErrorIs(t, err, engine.ErrRunActive)
	require.NoError(t, b.Cancel(t.Context(), engine.Act{Run: full}))
	require.Equal(t, "4711", one(t, b.target, `SELECT partner_id::text FROM loyalty_cards WHERE id = $1`, card))
	require.Equal(t, "0", one(t, b.target, `SELECT count(*)::text FROM ferry.run WHERE kind = 'repair'`))
}

func TestOnlyWhatIsSettledAndNotAcknowledgedIsPlanned(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	done(t, b.full(t))
	cards := b.livingCards(t)
	_, err := b.PlanRepair(t.Context(), engine.DiscrepancySelection{}, engine.RepairOptions{}, engine.Act{})
	require.ErrorIs(t, err, engine.ErrNoSuchRow)
	b.target.Exec(t, `UPDATE loyalty_cards SET partner_id = 4711 WHERE id IN (`+strings.Join(cards[:3], ",")+`)`)
	b.find(t, "loyalty_card", "partner_id", engine.CauseField, cards[:3]...)
	b.target.Exec(t, `UPDATE ferry.discrepancy SET state = 'in_flight' WHERE row_id = `+cards[1])
	known := one(t, b.target, `SELECT id::text FROM ferry.discrepancy WHERE row_id = $1`, cards[2])
	var number int64
	_, err = fmt.Sscan(known, &number)
	require.NoError(t, err)
	changed, err := b.Acknowledge(t.Context(), engine.DiscrepancySelection{IDs: []int64{number}}, time.Time{}, false, engine.Act{Reason: "we know"})
	require.NoError(t, err)
	require.EqualValues(t, 1, changed)
	p := b.planned(t, engine.RepairOptions{})
	require.EqualValues(t, 1, p.Total)
	p, err = b.PlanRepair(t.Context(), engine.DiscrepancySelection{IDs: []int64{number}}, engine.RepairOptions{}, engine.Act{})
	require.NoError(t, err)
	require.EqualValues(t, 1, p.Total)
	item(t, p, "loyalty_card", cards[2])
	b.apply(t, p)
	require.Equal(t, "2", one(t, b.target, `SELECT count(*)::text FROM loyalty_cards WHERE partner_id = 4711`))
}

func TestACodeThatAnotherRowHoldsIsWrittenAlong(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	done(t, b.full(t))
	cards := b.livingCards(t)
	swap := `UPDATE loyalty_cards c SET code = o.code FROM loyalty_cards o WHERE (c.id, o.id) IN ((%[1]s, %[2]s), (%[2]s, %[1]s))`
	b.target.Exec(t, fmt.Sprintf(swap, cards[0], cards[1]), fmt.Sprintf(swap, cards[2], cards[3]))
	b.find(t, "loyalty_card", "code", engine.CauseField, cards[0], cards[2])
	p := b.planned(t, engine.RepairOptions{})
	require.EqualValues(t, 4, p.Total)
	require.Equal(t, cards[0], strconv.FormatInt(item(t, p, "loyalty_card", cards[1]).With, 10), "what is written along is in the plan")
	b.target.Exec(t, `UPDATE loyalty_cards SET partner_id = 4711 WHERE id = `+cards[3])
	after := b.apply(t, p)
	require.Equal(t, "applied 2, moved 2", states(after))
	require.Contains(t, item(t, after, "loyalty_card", cards[1]).Outcome, "written along with")
	require.Contains(t, item(t, after, "loyalty_card", cards[2]).Outcome, "its code is held by loyalty_card "+cards[3])
	b.target.Exec(t, fmt.Sprintf(swap, cards[2], cards[3]), `UPDATE loyalty_cards c SET partner_id = `+
		one(t, b.source, `SELECT partner_id::text FROM loyalty_card WHERE id = $1`, cards[3])+` WHERE id = `+cards[3])
	b.faithful(t)
}

func TestARepairThatIsBrokenOffGoesOnAndDoesNothingTwice(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	done(t, b.full(t))
	cards := b.livingCards(t)
	lines := rows(t, b.target, `SELECT id::text FROM point_history ORDER BY id`)
	b.target.Exec(t, `UPDATE loyalty_cards SET partner_id = 4711 WHERE id IN (`+strings.Join(cards, ",")+`)`,
		`UPDATE point_history SET origin = 'corrupted'`)
	b.find(t, "loyalty_card", "partner_id", engine.CauseField, cards...)
	b.find(t, "loyalty_point_history", "origin", engine.CauseField, lines...)
	p := b.planned(t, engine.RepairOptions{})
	require.EqualValues(t, len(cards)+len(lines), p.Total)

	// The worker dies in the middle of its second entity's batch: as often as it comes there, until somebody lets it.
	b.target.Exec(t, `CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'down' USING ERRCODE = '57P01'; END $$`,
		`CREATE TRIGGER refuse BEFORE UPDATE ON ferry.repair_item FOR EACH ROW WHEN (NEW.entity = 'loyalty_point_history') EXECUTE FUNCTION refuse()`)
	id, err := b.ApplyRepair(t.Context(), p.ID, p.Hash, p.Database, engine.Act{})
	require.NoError(t, err)
	b.until(t, "a batch of the ledger failed", func(s *engine.Snapshot) bool { return s.Run.ID == id && s.Run.LastError != "" })
	require.NoError(t, b.Cancel(t.Context(), engine.Act{Run: id}))
	half, err := b.RepairPlan(t.Context(), p.ID)
	require.NoError(t, err)
	require.Equal(t, fmt.Sprintf("planned %d, applied %d", len(lines), len(cards)), states(half))
	require.Equal(t, strconv.Itoa(len(lines)), one(t, b.target, `SELECT count(*)::text FROM point_history WHERE origin = 'corrupted'`),
		"all of a batch or nothing")
	versions := one(t, b.target, `SELECT sum(sync_version)::text FROM loyalty_cards`)

	b.target.Exec(t, `DROP TRIGGER refuse ON ferry.repair_item`)
	require.NoError(t, b.Resume(t.Context(), engine.Act{Run: id}))
	s := b.await(t, id)
	require.Equal(t, engine.RunDone, s.Run.State, s.Run.Error)
	after, err := b.RepairPlan(t.Context(), p.ID)
	require.NoError(t, err)
	require.Equal(t, fmt.Sprintf("applied %d", p.Total), states(after))
	require.Equal(t, versions, one(t, b.target, `SELECT sum(sync_version)::text FROM loyalty_cards`), "no card was written twice")
	require.Equal(t, "1", one(t, b.target, `SELECT max(sync_version)::text FROM point_history`))
	b.faithful(t)
}

func TestAReadOnlyFerryPlansNothing(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	done(t, b.full(t))
	source, err := odoo.Open(t.Context(), b.source.DSN, "ferry test")
	require.NoError(t, err)
	defer source.Close()
	look := control.New(control.Config{Ledger: b.ledger, Source: source, Process: engine.Process{ReadOnly: true}, Logger: slog.New(slog.DiscardHandler)})
	_, err = look.PlanRepair(t.Context(), engine.DiscrepancySelection{}, engine.RepairOptions{}, engine.Act{})
	require.ErrorIs(t, err, engine.ErrReadOnly)
	_, err = look.ApplyRepair(t.Context(), 1, "", "", engine.Act{})
	require.ErrorIs(t, err, engine.ErrReadOnly)
	_, err = look.Acknowledge(t.Context(), engine.DiscrepancySelection{}, time.Time{}, false, engine.Act{})
	require.ErrorIs(t, err, engine.ErrReadOnly)
	_, err = look.Recheck(t.Context(), engine.DiscrepancySelection{}, engine.Act{})
	require.ErrorIs(t, err, engine.ErrReadOnly)
}
