package control_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/store/embedded/pgtest"
)

// held are rows that are in quarantine, for one reason.
func (b *bundle) held(t *testing.T, reason string) []engine.QuarantineRow {
	t.Helper()
	var out []engine.QuarantineRow
	which := engine.QuarantineSelection{Reason: reason}
	var last *engine.Cursor
	for {
		page, err := b.QuarantineRows(t.Context(), which, engine.Listing{From: last, Limit: 7})
		require.NoError(t, err)
		out = append(out, page.Rows...)
		if !page.More {
			return out
		}
		last = &page.Cursors[6]
	}
}

func TestWhatTheDatabaseRefusedIsReadAgainOnRequest(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	b.target.Exec(t, `ALTER TABLE loyalty_cards ADD CONSTRAINT no_sevens CHECK (id % 7 <> 0)`)
	done(t, b.full(t))
	refused := b.held(t, "refused_23514")
	require.NotEmpty(t, refused)
	require.Contains(t, refused[0].Detail, "no_sevens")
	require.Equal(t, 1, refused[0].Attempts)
	hanging := int64(0)
	for _, row := range refused {
		hanging += row.Hangs
	}
	require.Positive(t, hanging, "it is said what waits for them")

	retry := func(which engine.QuarantineSelection) {
		rows, err := b.RetryQuarantine(t.Context(), which, engine.Act{Reason: "fixed"})
		require.NoError(t, err)
		require.Positive(t, rows)
		b.until(t, "the rows were read", func(s *engine.Snapshot) bool {
			return s.Run.Kind == engine.RunIncremental && s.Run.State == engine.RunDone &&
				one(t, b.target, `SELECT count(*)::text FROM ferry.quarantine WHERE due AND state = 'open'`) == "0"
		})
	}
	one1 := engine.QuarantineSelection{Entity: "loyalty_card", IDs: []int64{refused[0].ID}}
	retry(one1)
	again := b.held(t, "refused_23514")
	require.Len(t, again, len(refused), "nothing was cured yet")
	require.Equal(t, 2, again[0].Attempts)
	require.Equal(t, 1, again[1].Attempts)

	b.target.Exec(t, `ALTER TABLE loyalty_cards DROP CONSTRAINT no_sevens`)
	retry(engine.QuarantineSelection{Reason: "refused_23514"})
	b.inStep(t)
	require.Empty(t, b.held(t, "refused_23514"))
	require.Equal(t, "0", one(t, b.target, `SELECT count(*)::text FROM ferry.quarantine WHERE state = 'waiting_parent' AND parent_id % 7 = 0
		AND parent_id IN (SELECT id FROM loyalty_cards)`), "what waited for them came along")
	_, err := b.RetryQuarantine(t.Context(), one1, engine.Act{})
	require.ErrorIs(t, err, engine.ErrNoSuchRow)
}

func TestAWaivedRowIsCountedButNotHeldAgainstTheRun(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	s := b.full(t)
	done(t, s)
	before := b.entity(s, "loyalty_card")
	waived, err := b.Waive(t.Context(), engine.QuarantineSelection{Reason: "card.partner_missing"}, engine.Act{Reason: "coupons stay behind"}, false)
	require.NoError(t, err)
	require.Positive(t, waived)
	row := b.held(t, "card.partner_missing")[0]
	require.Equal(t, "waived|tester@test|coupons stay behind", row.State+"|"+row.WaivedBy+"|"+row.WaivedNote)

	s = b.until(t, "it is shown", func(s *engine.Snapshot) bool { return b.entity(s, "loyalty_card").Waived.Value == waived })
	after := b.entity(s, "loyalty_card")
	require.Equal(t, before.Quarantined, after.Quarantined)
	require.True(t, after.Accounted.Value)
	require.Less(t, after.RejectedShare().Value, before.RejectedShare().Value)

	done(t, b.full(t))
	require.Equal(t, "waived", b.held(t, "card.partner_missing")[0].State, "another cycle leaves it so")
	_, err = b.Waive(t.Context(), engine.QuarantineSelection{Reason: "card.partner_missing"}, engine.Act{}, true)
	require.NoError(t, err)
	require.Equal(t, "open", b.held(t, "card.partner_missing")[0].State)
	require.Equal(t, []string{"waive", "unwaive"}, rows(t, b.target, `SELECT action FROM ferry.journal WHERE action LIKE '%waive' ORDER BY id`))
}

func TestARunPausesItselfWhenTheDatabaseRefusesTooMany(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	b.target.Exec(t, `ALTER TABLE point_history ADD CONSTRAINT strict CHECK (points_amount < 0 OR id > 100000000)`)
	id, err := b.StartFull(t.Context(), engine.StartOptions{})
	require.NoError(t, err)
	s := b.until(t, "it is paused", func(s *engine.Snapshot) bool { return s.Run.State == engine.RunPaused })
	require.Equal(t, "ferry", s.Run.StateBy)
	require.Regexp(t, `the engine database refused \d+ of \d+ rows of loyalty_point_history`, s.Run.Reason)
	require.NoError(t, b.Resume(t.Context(), engine.Act{Run: id, Seen: engine.RunPaused, Reason: "they are to be set aside"}))
	done(t, b.await(t, id))
	b.faithful(t)
}

func TestRowsOfManyBytesAreReadInSmallerBatches(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	b.source.Exec(t, `DROP INDEX loyalty_point_history__origin_index`, `
		INSERT INTO loyalty_point_history (loyalty_card_id, points_amount, points_balance, transaction_time, origin)
		SELECT (SELECT min(id) FROM loyalty_card WHERE partner_id > 0), 1, 1, now(), repeat(chr(65 + i % 26), 1000000) FROM generate_series(1, 50) i`)
	done(t, b.full(t)) // which streams them
	b.target.Exec(t, `UPDATE point_history SET origin = '' WHERE length(origin) = 1000000`)
	s := b.full(t)
	done(t, s)
	require.Equal(t, "true", one(t, b.target, `SELECT (count(*) >= 2)::text FROM ferry.batch b JOIN ferry.step s ON s.id = b.step_id
		WHERE s.run_id = $1 AND s.verb = 'load' AND s.entity = 'loyalty_point_history' AND b.high > 900`, s.Run.ID), "50 MB are no batch of one worker")
	b.source.Exec(t, `UPDATE loyalty_point_history SET origin = lower(origin) WHERE length(origin) = 1000000`)
	s = b.tick(t)
	require.Equal(t, engine.RunDone, s.Run.State, s.Run.Error)
	require.EqualValues(t, 50, b.entity(s, "loyalty_point_history").Counts.Updated)
	b.faithful(t)
}

func TestAnotherSourceIsAQuestionBeforeAnythingIsWritten(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	done(t, b.full(t))
	before := b.fingerprint(t)
	moved := &bundle{source: newDatabase(t, pgtest.Template("odoo18", odooDump)), target: b.target}
	moved.source.Exec(t, `UPDATE loyalty_card SET points = points + 1 WHERE partner_id > 0`)
	role := pgtest.Role(t, moved.source.DB, "", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
	moved.Control = moved.open(t, role.DSN, b.target.DSN)
	for _, start := range []func(context.Context, engine.StartOptions) (engine.RunID, error){moved.StartFull, moved.StartIncremental} {
		id, err := start(t.Context(), engine.StartOptions{})
		require.NoError(t, err)
		s := moved.until(t, "it asks", func(s *engine.Snapshot) bool { return s.Run.ID == id && s.Run.State == engine.RunAsking })
		require.Contains(t, s.Run.Question, "the engine was filled from")
		require.NoError(t, moved.Answer(t.Context(), engine.Act{Run: id, Seen: engine.RunAsking}, false))
		require.Equal(t, engine.RunCancelled, moved.await(t, id).Run.State)
		require.Equal(t, before, b.fingerprint(t))
	}
	id, err := moved.StartIncremental(t.Context(), engine.StartOptions{})
	require.NoError(t, err)
	moved.until(t, "it asks", func(s *engine.Snapshot) bool { return s.Run.ID == id && s.Run.State == engine.RunAsking })
	require.NoError(t, moved.Answer(t.Context(), engine.Act{Run: id, Reason: "it was moved"}, true))
	s := moved.await(t, id)
	done(t, s)
	require.Contains(t, s.Run.WhyFull, "another source")
	moved.faithful(t)
	moved.inStep(t)
}
