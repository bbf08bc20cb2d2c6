package control_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ferry/engine"
)

// tick runs one incremental cycle to its end.
func (b *bundle) tick(t *testing.T) *engine.Snapshot {
	t.Helper()
	id, err := b.StartIncremental(t.Context(), engine.StartOptions{})
	require.NoError(t, err)
	return b.await(t, id)
}

// inStep requires that a tick ended well, read no more than what changed, and left the engine faithful.
func (b *bundle) inStep(t *testing.T) *engine.Snapshot {
	t.Helper()
	s := b.tick(t)
	done(t, s)
	require.Empty(t, s.Run.WhyFull)
	b.faithful(t)
	return s
}

func (b *bundle) entity(s *engine.Snapshot, name string) engine.EntityView {
	for _, e := range s.Entities {
		if e.Name == name {
			return e
		}
	}
	return engine.EntityView{}
}

// livingCards are cards that are in the engine and have moves and a ledger there.
func (b *bundle) livingCards(t *testing.T) []string {
	t.Helper()
	return rows(t, b.target, `SELECT id::text FROM loyalty_cards c WHERE id IN (SELECT loyalty_card_id FROM point_history)
		AND id IN (SELECT loyalty_card_id FROM point_moves)
		AND NOT EXISTS (SELECT FROM ferry.quarantine q WHERE q.parent_id = c.id AND q.state = 'open') ORDER BY id`)
}

func TestATickCarriesEveryKindOfChange(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	done(t, b.full(t))
	card := b.livingCards(t)
	orphan := one(t, b.source, `SELECT min(id)::text FROM loyalty_card WHERE partner_id IS NULL`)
	b.source.Exec(t,
		`UPDATE loyalty_card SET points = points + 1.005 WHERE id = `+card[0], // raw SQL, write_date untouched
		`UPDATE loyalty_card SET partner_id = NULL WHERE id = `+card[1],       // turns invalid: stale
		`UPDATE loyalty_card SET partner_id = 7 WHERE id = `+orphan,           // released
		`INSERT INTO loyalty_card (code, partner_id, program_id, points) VALUES ('  neu-' || E'\t', 1, (SELECT min(id) FROM loyalty_program), 0.1)`,
		fmt.Sprintf(`INSERT INTO loyalty_point_history (loyalty_card_id, points_amount, points_balance, transaction_time)
			VALUES (%s, 5, 105.555, now() AT TIME ZONE 'UTC')`, card[3]),
		fmt.Sprintf(`UPDATE loyalty_point_history SET loyalty_card_id = %s WHERE id = (SELECT max(id) FROM loyalty_point_history WHERE loyalty_card_id = %s)`,
			card[5], card[4]),
	)
	s := b.inStep(t)
	cards, history := b.entity(s, "loyalty_card"), b.entity(s, "loyalty_point_history")
	require.EqualValues(t, 1, cards.Counts.Updated)
	require.EqualValues(t, 2, cards.Counts.Inserted)
	require.EqualValues(t, 1, cards.Stale.Value)
	require.EqualValues(t, 1, history.Counts.Updated)
	require.Equal(t, "1", one(t, b.target, `SELECT sync_version::text FROM loyalty_cards WHERE id = $1`, card[0]))
	require.Equal(t, "105.56 1", one(t, b.target,
		`SELECT points || ' ' || sync_version FROM loyalty_cards WHERE id = $1`, card[3]), "settled in the same transaction")
	require.Equal(t, "released", one(t, b.target, `SELECT state FROM ferry.quarantine WHERE entity = 'loyalty_card' AND source_id = $1`, orphan))

	before := b.fingerprint(t)
	s = b.inStep(t)
	require.Equal(t, before, b.fingerprint(t), "nothing changed, nothing is written")
	for _, e := range s.Entities {
		require.True(t, e.Counts.Idle(), "%s: %+v", e.Name, e.Counts)
	}
}

func TestATickWithoutAFloorReadsEveryRow(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	s := b.tick(t)
	done(t, s)
	b.faithful(t)
	require.Equal(t, "no cycle has been completed yet", s.Run.WhyFull)
	require.Equal(t, "0", one(t, b.target, `SELECT max(sync_version)::text FROM loyalty_cards`), "it is a first load like any other")
	b.inStep(t)
}

func TestAnotherRuleHasEveryRowReadOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	done(t, b.full(t))
	held := one(t, b.target, `SELECT count(*)::text FROM ferry.quarantine WHERE reason = 'card.partner_missing' AND state = 'open'`)
	require.NotEqual(t, "0", held)
	require.NoError(t, b.SetRule(t.Context(), "card.partner_missing", "warn", engine.Act{Reason: "coupons are well"}))
	s := b.tick(t)
	done(t, s)
	b.faithful(t)
	require.Contains(t, s.Run.WhyFull, "rules")
	require.Equal(t, "0", one(t, b.target, `SELECT count(*)::text FROM ferry.quarantine WHERE reason = 'card.partner_missing' AND state = 'open'`))
	require.Equal(t, "tester@test|reject|warn|coupons are well",
		one(t, b.target, `SELECT concat_ws('|', actor, state, outcome, reason) FROM ferry.journal WHERE action = 'rule card.partner_missing'`))
	b.inStep(t)
}

func TestRowsThatWaitedFollowTheirParentInTheSameTick(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	card := one(t, b.source, `SELECT min(id)::text FROM loyalty_card WHERE partner_id IS NULL`)
	b.source.Exec(t, `INSERT INTO loyalty_point_history (loyalty_card_id, points_amount, points_balance, transaction_time)
		VALUES (`+card+`, 1, 1, now() AT TIME ZONE 'UTC')`)
	done(t, b.full(t))
	b.source.Exec(t, `UPDATE loyalty_card SET partner_id = 7 WHERE id = `+card)
	s := b.inStep(t)
	require.Positive(t, b.entity(s, "loyalty_point_history").Counts.Inserted)
	require.Equal(t, "0", one(t, b.target, `SELECT count(*)::text FROM ferry.quarantine WHERE parent_id = $1 AND state = 'waiting_parent'`, card))
}

func TestALineIsLinkedWhenItsMoveArrives(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	done(t, b.full(t))
	card := b.livingCards(t)[0]
	b.source.Exec(t, `ALTER TABLE loyalty_point_history DROP CONSTRAINT IF EXISTS loyalty_point_history_point_move_id_fkey`, fmt.Sprintf(
		`INSERT INTO loyalty_point_history (loyalty_card_id, point_move_id, points_amount, points_balance, transaction_time)
		VALUES (%s, 900001, 1, 1, now() AT TIME ZONE 'UTC')`, card))
	b.inStep(t)
	require.Equal(t, "900001|-", one(t, b.target,
		`SELECT odoo_move_id || '|' || coalesce(point_move_id::text, '-') FROM point_history WHERE odoo_move_id = 900001`))
	b.source.Exec(t, fmt.Sprintf(`INSERT INTO loyalty_point_move (id, loyalty_card_id, gain_date, initial_point, remaining_point, state)
		VALUES (900001, %s, now() AT TIME ZONE 'UTC', 1, 1, 'active')`, card))
	b.inStep(t)
	require.Equal(t, "900001|1", one(t, b.target, `SELECT point_move_id || '|' || sync_version FROM point_history WHERE odoo_move_id = 900001`))
}

// remove deletes a card as Odoo does: its ledger stays, without a card.
func (b *bundle) remove(t *testing.T, cards ...string) {
	t.Helper()
	for _, id := range cards {
		b.source.Exec(t, `UPDATE loyalty_point_history SET loyalty_card_id = NULL WHERE loyalty_card_id = `+id,
			`UPDATE loyalty_point_history SET point_move_id = NULL WHERE point_move_id IN (SELECT id FROM loyalty_point_move WHERE loyalty_card_id = `+id+`)`,
			`DELETE FROM loyalty_point_move WHERE loyalty_card_id = `+id, `DELETE FROM loyalty_card WHERE id = `+id)
	}
}

func TestATickFindsRowsThatAreGone(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	done(t, b.full(t))
	card := b.livingCards(t)[0]
	b.remove(t, card)
	s := b.inStep(t)
	require.EqualValues(t, 1, b.entity(s, "loyalty_card").Extra.Value)
	require.Positive(t, b.entity(s, "loyalty_point_move").Extra.Value)
	require.Positive(t, b.entity(s, "loyalty_point_history").Stale.Value)
	require.Equal(t, []string{card}, rows(t, b.target, `SELECT id::text FROM ferry.extra WHERE entity = 'loyalty_card'`))
	require.Equal(t, "1", one(t, b.target, `SELECT count(*)::text FROM loyalty_cards WHERE id = $1`, card), "by default it stays")
	b.inStep(t)
}

func TestATickInBatchesFindsRowsThatAreGone(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	done(t, b.full(t))
	card := b.livingCards(t)[0]
	b.remove(t, card)
	b.source.Exec(t, `INSERT INTO loyalty_card (id, code, partner_id, program_id, points) SELECT 100000 + i, 'bulk-' || i, 1,
		(SELECT min(id) FROM loyalty_program), i FROM generate_series(1, 30000) i`)
	s := b.tick(t)
	require.EqualValues(t, 30000, b.entity(s, "loyalty_card").Counts.Inserted)
	require.EqualValues(t, 1, b.entity(s, "loyalty_card").Extra.Value)
	require.Positive(t, b.entity(s, "loyalty_point_move").Extra.Value)
	require.Equal(t, []string{card}, rows(t, b.target, `SELECT id::text FROM ferry.extra WHERE entity = 'loyalty_card'`))
	b.faithful(t)
}

func TestByPolicyRowsThatAreGoneLeave(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	b.target.Exec(t, `INSERT INTO ferry.policy VALUES ('deletes', 'delete')`)
	done(t, b.full(t))
	cards := b.livingCards(t)
	kept := cards[1]
	b.target.Exec(t, `UPDATE loyalty_cards SET synced_to_odoo = true WHERE id = `+kept)
	b.remove(t, cards[0], kept)
	s := b.inStep(t)
	require.EqualValues(t, 1, b.entity(s, "loyalty_card").Counts.Deleted)
	require.Equal(t, "0", one(t, b.target, `SELECT count(*)::text FROM loyalty_cards WHERE id = $1`, cards[0]))
	require.Equal(t, "0", one(t, b.target, `SELECT count(*)::text FROM point_history WHERE loyalty_card_id = $1`, cards[0]), "its stale ledger leaves with it")
	require.Equal(t, "0", one(t, b.target, `SELECT count(*)::text FROM ferry.quarantine WHERE stale AND state = 'open' AND entity = 'loyalty_point_history'
		AND NOT EXISTS (SELECT FROM point_history h WHERE h.id = source_id)`))
	require.Equal(t, "1", one(t, b.target, `SELECT count(*)::text FROM loyalty_cards WHERE id = $1`, kept))
	require.Contains(t, one(t, b.target, `SELECT kept FROM ferry.extra WHERE entity = 'loyalty_card' AND id = $1`, kept), "synced_to_odoo")
	b.inStep(t)
}

func TestTooManyVanishedRowsAreAQuestion(t *testing.T) {
	t.Parallel()
	for name, accept := range map[string]bool{"accept": true, "stop": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, odooDump)
			b.target.Exec(t, `INSERT INTO ferry.policy VALUES ('deletes', 'delete'), ('vanish-rows', '15')`)
			done(t, b.full(t))
			b.remove(t, b.livingCards(t)[:20]...)
			id, err := b.StartIncremental(t.Context(), engine.StartOptions{})
			require.NoError(t, err)
			s := b.until(t, "it asks", func(s *engine.Snapshot) bool { return s.Run.State == engine.RunAsking })
			require.Contains(t, s.Run.Question, "20 of 251 rows of loyalty_card")
			require.Equal(t, "251", one(t, b.target, `SELECT count(*)::text FROM loyalty_cards`), "nothing leaves before the answer")
			require.ErrorIs(t, b.Resume(t.Context(), engine.Act{Run: id}), engine.ErrNeedsAnswer)
			require.ErrorIs(t, b.Pause(t.Context(), engine.Act{Run: id}), engine.ErrNeedsAnswer)
			_, err = b.StartIncremental(t.Context(), engine.StartOptions{})
			require.ErrorIs(t, err, engine.ErrRunActive)

			require.NoError(t, b.Answer(t.Context(), engine.Act{Run: id, Seen: engine.RunAsking, Reason: "we looked"}, accept))
			s = b.await(t, id)
			left := one(t, b.target, `SELECT count(*)::text FROM loyalty_cards`)
			if !accept {
				require.Equal(t, engine.RunCancelled, s.Run.State)
				require.Equal(t, "251", left)
				require.Equal(t, "tester@test", one(t, b.target, `SELECT paused_by FROM ferry.schedule`), "the next tick would only ask the same")
				next, err := b.StartIncremental(t.Context(), engine.StartOptions{})
				require.NoError(t, err)
				s = b.until(t, "the next run asks too", func(s *engine.Snapshot) bool { return s.Run.ID == next && s.Run.State == engine.RunAsking })
				require.Contains(t, s.Run.Question, "20 of 251 rows of loyalty_card")
				return
			}
			done(t, s)
			require.Equal(t, "231", left)
			b.faithful(t)
			b.inStep(t)
		})
	}
}

func TestRowsThatMayStayAreNotDeletedUnasked(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	b.target.Exec(t, `INSERT INTO ferry.policy VALUES ('vanish-rows', '15')`)
	done(t, b.full(t))
	b.remove(t, b.livingCards(t)[:20]...)
	id, err := b.StartIncremental(t.Context(), engine.StartOptions{})
	require.NoError(t, err)
	s := b.until(t, "it asks", func(s *engine.Snapshot) bool { return s.Run.State == engine.RunAsking })
	require.Contains(t, s.Run.Question, "they stay in the engine")
	require.NoError(t, b.Answer(t.Context(), engine.Act{Run: id}, true))
	done(t, b.await(t, id))
	b.inStep(t)

	b.target.Exec(t, `INSERT INTO ferry.policy VALUES ('deletes', 'delete')`)
	id, err = b.StartIncremental(t.Context(), engine.StartOptions{})
	require.NoError(t, err)
	s = b.until(t, "it asks again", func(s *engine.Snapshot) bool { return s.Run.ID == id && s.Run.State == engine.RunAsking })
	require.Contains(t, s.Run.Question, "20 of 251 rows of loyalty_card")
	require.Contains(t, s.Run.Question, "deleted from the engine for good")
	require.Equal(t, "251", one(t, b.target, `SELECT count(*)::text FROM loyalty_cards`))
	require.NoError(t, b.Answer(t.Context(), engine.Act{Run: id}, true))
	done(t, b.await(t, id))
	require.Equal(t, "231", one(t, b.target, `SELECT count(*)::text FROM loyalty_cards`))
	require.Contains(t, one(t, b.target, `SELECT outcome FROM ferry.journal WHERE action = 'finish' ORDER BY id DESC LIMIT 1`), "rows deleted")
}

func TestARunThatWaitsForAHeldEntityIsNotResumedInVain(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	require.NoError(t, b.PauseEntity(t.Context(), "loyalty_point_history", engine.Act{Reason: "vendor looks at it"}))
	id, err := b.StartFull(t.Context(), engine.StartOptions{})
	require.NoError(t, err)
	b.until(t, "it waits", func(s *engine.Snapshot) bool { return s.Run.State == engine.RunPaused })
	err = b.Resume(t.Context(), engine.Act{Run: id})
	require.ErrorIs(t, err, engine.ErrStateChanged)
	require.EqualError(t, err, fmt.Sprintf("run #%d waits for loyalty_point_history, which tester@test holds (vendor looks at it); "+
		"`ferry resume --entity loyalty_point_history` lets it go on, `ferry cancel %[1]d` lets others come without it", id))
	require.NoError(t, b.ResumeEntity(t.Context(), "loyalty_point_history", engine.Act{}))
	done(t, b.await(t, id))
	b.faithful(t)
}

func TestACodeGoesToItsNextClaimantWhenItsOwnerGoes(t *testing.T) {
	t.Parallel()
	for name, leave := range map[string]string{
		"deleted":      `DELETE FROM loyalty_card WHERE id = `,
		"turned stale": `UPDATE loyalty_card SET partner_id = NULL WHERE id = `,
		"renamed":      `UPDATE loyalty_card SET code = 'other' || id WHERE id = `,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, odooDump)
			b.source.Exec(t, `INSERT INTO loyalty_card (id, code, partner_id, program_id, points) SELECT 70000 + i, repeat(' ', i) || 'shared', 1,
				(SELECT min(id) FROM loyalty_program), i FROM generate_series(1, 3) i`)
			done(t, b.full(t))
			require.Equal(t, []string{"70001"}, rows(t, b.target, `SELECT id::text FROM loyalty_cards WHERE id > 70000`))
			b.source.Exec(t, leave+`70001`)
			b.tick(t)
			b.inStep(t) // the owner's change may be read after its claimants: they are due then
			require.Equal(t, "70002", one(t, b.target, `SELECT id::text FROM loyalty_cards WHERE code = 'SHARED'`))
			require.Equal(t, "code_taken 70002", one(t, b.target, `SELECT reason || ' ' || owner_id FROM ferry.quarantine
				WHERE entity = 'loyalty_card' AND source_id = 70003 AND state = 'open'`))
		})
	}
}

func TestAnIdleTickFoldsIntoTheOneBefore(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	done(t, b.full(t))
	b.keepInStep(t)
	b.recorded(t, "three ticks are one line", `max(ticks) >= 3 AND count(*) = 1 FROM ferry.run WHERE scheduled AND state = 'done'`)
	s := b.until(t, "the keeper is seen", func(s *engine.Snapshot) bool { return s.Run.Scheduled && s.Freshness.Max.Known })
	require.Equal(t, []string{s.Process.Host + ":1"}, s.Schedule.Keepers)

	b.source.Exec(t, `UPDATE loyalty_card SET points = points + 1 WHERE id = `+b.livingCards(t)[0])
	b.recorded(t, "the change is carried", `sum(updated) = 1 FROM ferry.step s JOIN ferry.run r ON r.id = s.run_id WHERE scheduled`)
	require.NoError(t, b.PauseSchedule(t.Context(), engine.Act{Reason: "lunch"}))
	b.until(t, "the last tick has ended", func(s *engine.Snapshot) bool { return s.Schedule.Paused() && s.Run.State == engine.RunDone })
	b.faithful(t)
	require.ErrorIs(t, b.PauseSchedule(t.Context(), engine.Act{}), engine.ErrStateChanged)
	require.NoError(t, b.ResumeSchedule(t.Context(), engine.Act{}))
	before := one(t, b.target, `SELECT sum(ticks)::text FROM ferry.run`)
	b.recorded(t, "ticks come again", `sum(ticks) > `+before+` FROM ferry.run WHERE state = 'done'`)
}

// keepInStep lets the ferry start ticks one after the other.
func (b *bundle) keepInStep(t *testing.T) {
	t.Helper()
	require.NoError(t, b.KeepInStep(t.Context(), 50*time.Millisecond))
}

func TestAFailingTickIsOneLineAndTheNextOnesGoOn(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	done(t, b.full(t))
	b.source.Exec(t, `ALTER TABLE loyalty_point_history RENAME COLUMN points_amount TO amount`)
	b.keepInStep(t)
	b.recorded(t, "ticks fail, in one line",
		`max(ticks) >= 3 AND count(*) = 1 AND bool_and(error LIKE '%points_amount is missing%') FROM ferry.run WHERE state = 'failed'`)
	b.source.Exec(t, `ALTER TABLE loyalty_point_history RENAME COLUMN amount TO points_amount`)
	b.recorded(t, "ticks come back", `count(*) > 0 FROM ferry.run WHERE scheduled AND state = 'done'`)
	require.Equal(t, "1", one(t, b.target, `SELECT count(*)::text FROM ferry.journal WHERE action = 'fail'`), "said once")
}

func TestATickLeavesAPausedEntityOutAndCatchesUp(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	done(t, b.full(t))
	card := b.livingCards(t)[0]
	require.NoError(t, b.PauseEntity(t.Context(), "loyalty_point_history", engine.Act{Reason: "reindex"}))
	b.source.Exec(t, `UPDATE loyalty_card SET points = points + 1 WHERE id = `+card,
		`UPDATE loyalty_point_history SET points_balance = 42 WHERE id = (SELECT max(id) FROM loyalty_point_history WHERE loyalty_card_id = `+card+`)`)
	s := b.tick(t)
	require.Equal(t, engine.RunDone, s.Run.State)
	require.EqualValues(t, 1, b.entity(s, "loyalty_card").Counts.Updated)
	require.Zero(t, b.entity(s, "loyalty_point_history").Counts.Read)
	require.NoError(t, b.ResumeEntity(t.Context(), "loyalty_point_history", engine.Act{}))
	s = b.inStep(t)
	require.EqualValues(t, 1, b.entity(s, "loyalty_point_history").Counts.Updated)
}

func TestColumnsThatComeAndGoAreSaid(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	b.source.Exec(t, `ALTER TABLE loyalty_point_move DROP COLUMN membership_product_id`)
	done(t, b.full(t))
	b.source.Exec(t, `ALTER TABLE loyalty_card ADD COLUMN colour text DEFAULT 'red'`)
	require.Empty(t, b.tick(t).Run.WhyFull)
	require.Equal(t, "the source's loyalty_card has a new column colour, ignored", one(t, b.target, `SELECT outcome FROM ferry.journal WHERE action = 'note'`))

	// A column with a default is there in every row, and no row was written for it.
	b.source.Exec(t, `ALTER TABLE loyalty_point_move ADD COLUMN membership_product_id integer DEFAULT 5`)
	s := b.tick(t)
	done(t, s)
	require.Contains(t, s.Run.WhyFull, "columns changed")
	require.Equal(t, "5", one(t, b.target, `SELECT DISTINCT membership_product_id::text FROM point_moves`))
	b.inStep(t)
}

func TestARewrittenTableIsReadInBatches(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	done(t, b.full(t))
	b.source.Exec(t, `INSERT INTO loyalty_card (id, code, partner_id, program_id, points) SELECT 100000 + i, 'bulk-' || i, 1,
		(SELECT min(id) FROM loyalty_program), i FROM generate_series(1, 30000) i`,
		`INSERT INTO loyalty_point_history (loyalty_card_id, points_amount, points_balance, transaction_time)
			SELECT 100000 + i, 1, 7, now() AT TIME ZONE 'UTC' FROM generate_series(1, 30000) i`)
	s := b.tick(t)
	require.Equal(t, engine.RunDone, s.Run.State, s.Run.Error)
	require.Empty(t, s.Run.WhyFull)
	require.EqualValues(t, 30000, b.entity(s, "loyalty_card").Counts.Inserted)
	require.Contains(t, one(t, b.target, `SELECT string_agg(outcome, ' ') FROM ferry.journal WHERE action = 'note'`),
		"loyalty_card was rewritten: 30000 rows to re-read")
	b.faithful(t)
	before := b.fingerprint(t)
	b.source.Exec(t, `UPDATE loyalty_card SET points = points`, `VACUUM FULL loyalty_card`, `VACUUM FREEZE`)
	s = b.tick(t)
	require.Equal(t, engine.RunDone, s.Run.State, s.Run.Error)
	require.EqualValues(t, 0, b.entity(s, "loyalty_card").Counts.Updated)
	require.Equal(t, before, b.fingerprint(t), "a row that was written without a change is not written here")
	b.inStep(t)
}

func TestACardWhoseRejectedLineIsGoneHasItsLedgerAgain(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	done(t, b.full(t))
	card := b.livingCards(t)[0]
	points := func() string {
		return one(t, b.target,
			`SELECT points || CASE WHEN points = odoo_points THEN ' of Odoo' ELSE ' of the ledger' END FROM loyalty_cards WHERE id = $1`, card)
	}
	b.source.Exec(t, `UPDATE loyalty_card SET points = 4242 WHERE id = `+card, fmt.Sprintf(
		`INSERT INTO loyalty_point_history (id, loyalty_card_id, points_amount, points_balance, transaction_time) VALUES (800001, %s, 1, -5, now())`, card))
	b.inStep(t)
	require.Equal(t, "4242.00 of Odoo", points(), "its latest line is in quarantine")
	b.source.Exec(t, `DELETE FROM loyalty_point_history WHERE id = 800001`)
	b.inStep(t)
	require.Contains(t, points(), "of the ledger")
}
