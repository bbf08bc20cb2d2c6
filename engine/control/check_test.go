package control_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/engine/control"
)

// checked runs a check to its end.
func (b *bundle) checked(t *testing.T, o engine.CheckOptions) *engine.CheckView {
	t.Helper()
	id, err := b.StartCheck(t.Context(), o)
	require.NoError(t, err)
	return b.ended(t, id)
}

// ended waits until a check has ended.
func (b *bundle) ended(t *testing.T, id engine.RunID) *engine.CheckView {
	t.Helper()
	var v *engine.CheckView
	require.Eventually(t, func() bool {
		var err error
		v, err = b.Check(t.Context(), id)
		require.NoError(t, err)
		return v.State.Ended()
	}, limit, 20*time.Millisecond)
	return v
}

func TestACheckOfACleanEnginePasses(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	done(t, b.full(t))
	v := b.checked(t, engine.CheckOptions{})
	require.Equal(t, engine.RunDone, v.State, v.Error)
	require.Equal(t, engine.Pass, v.Verdict, "%+v", v)
	require.InDelta(t, 1, v.Coverage, 0)
	require.Len(t, v.Entities, 3)
	require.Positive(t, v.Compared)
	require.Positive(t, v.Explain)
	var s *engine.Snapshot
	require.Eventually(t, func() bool {
		s = b.Snapshot()
		return s.Proof.Verdict == engine.Pass && !s.Proof.CleanAt.IsZero() && s.Ledger.Run == v.ID // ranges are proven before their check has ended
	}, limit, 20*time.Millisecond)
	require.Equal(t, engine.RunFull, s.Run.Kind, "a snapshot's run is never a check")
	require.Equal(t, v.ID, s.Check.ID)
	require.Equal(t, v.Compared, s.Proof.Compared)
	require.InDelta(t, 1, s.Proof.Coverage, 0)
	require.True(t, s.Ledger.Cards.Known && s.Ledger.Drifted.Known, "a whole check looks at Odoo's own balances, too")
	require.Equal(t, v.ID, s.Ledger.Run)
}

// planted are rows of the engine that are made wrong behind ferry's back.
type planted struct{ field, missing, extra string }

// plant makes three rows of moves wrong: one in a field, one that is missing, one that the source never had.
func (b *bundle) plant(t *testing.T) planted {
	t.Helper()
	ids := rows(t, b.target, `SELECT id::text FROM point_moves m
		WHERE NOT EXISTS (SELECT FROM point_history h WHERE h.point_move_id = m.id) ORDER BY id LIMIT 2`)
	require.Len(t, ids, 2)
	p := planted{field: ids[0], missing: ids[1], extra: "120001"}
	b.target.Exec(t, `UPDATE point_moves SET initial_point = initial_point + 0.01 WHERE id = `+p.field,
		`DELETE FROM point_moves WHERE id = `+p.missing)
	b.target.Exec(t, `INSERT INTO point_moves SELECT (jsonb_populate_record(m, jsonb_build_object('id', `+p.extra+`, 'odoo_move_id', `+p.extra+`))).*
		FROM point_moves m WHERE id = `+p.field)
	return p
}

// states lists the life of discrepancies: "loyalty_point_move 7 initial_point settled".
func (b *bundle) states(t *testing.T) []string {
	t.Helper()
	return rows(t, b.target, `SELECT concat_ws(' ', entity, row_id, nullif(field, ''), cause, state) FROM ferry.discrepancy ORDER BY entity, row_id, field, id`)
}

func TestWhatIsWrongIsSettledBehindACycleThatTheCheckAsksFor(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	done(t, b.full(t))
	p := b.plant(t)
	v := b.checked(t, engine.CheckOptions{})
	require.Equal(t, engine.Fail, v.Verdict, v.Why)
	require.EqualValues(t, 3, v.Settled)
	require.Zero(t, v.InFlight)
	require.ElementsMatch(t, []string{
		"loyalty_point_move " + p.field + " initial_point field settled", "loyalty_point_move " + p.missing + " missing settled",
		"loyalty_point_move " + p.extra + " extra settled",
	}, b.states(t))
	require.Equal(t, "1", one(t, b.target, `SELECT count(*)::text FROM ferry.run WHERE kind = 'incremental'`), "the extra row needed one cycle")
	agreement := engine.CheckEntity{Compared: v.Compared, Settled: v.Settled}.Agreement()
	require.InDelta(t, float64(v.Compared-3)/float64(v.Compared), agreement.Value, 0)

	b.target.Exec(t, `DELETE FROM point_moves WHERE id = `+p.extra, `UPDATE point_moves SET initial_point = initial_point - 0.01 WHERE id = `+p.field)
	done(t, b.full(t))
	v = b.checked(t, engine.CheckOptions{})
	require.Equal(t, engine.Pass, v.Verdict, "%s %v", v.Why, b.states(t))
	for _, state := range b.states(t) {
		require.Contains(t, state, "verified")
	}
}

func TestAChangeUnderWayHealsAndIsNoDiscrepancy(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	done(t, b.full(t))
	b.source.Exec(t, `UPDATE loyalty_point_move SET initial_point = initial_point + 1 WHERE id IN (SELECT id FROM loyalty_point_move ORDER BY id LIMIT 5)`,
		`INSERT INTO loyalty_card (code, partner_id, program_id, points)
			SELECT 'FRESH1', partner_id, program_id, 5 FROM loyalty_card WHERE partner_id IS NOT NULL LIMIT 1`)
	v := b.checked(t, engine.CheckOptions{})
	require.Equal(t, engine.Pass, v.Verdict, "%s %v", v.Why, b.states(t))
	states := b.states(t)
	require.NotEmpty(t, states, "a naive comparison would have reported them")
	for _, state := range states {
		require.Contains(t, state, "verified")
	}
	require.Equal(t, "0", one(t, b.target, `SELECT count(*)::text FROM ferry.discrepancy WHERE settled_at IS NOT NULL`))
}

// waiting is a ferry whose check waits for a cycle that somebody holds back.
func waiting(t *testing.T) (b *bundle, id engine.RunID) {
	t.Helper()
	b = setup(t, odooDump)
	done(t, b.full(t))
	b.plant(t)
	require.NoError(t, b.PauseSchedule(t.Context(), engine.Act{Reason: "a test"}))
	id, err := b.StartCheck(t.Context(), engine.CheckOptions{})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		v, err := b.Check(t.Context(), id)
		require.NoError(t, err)
		return v.Waits != ""
	}, limit, 20*time.Millisecond)
	return b, id
}

func TestACheckThatWaitsSaysForWhatAndIsPausedResumedAndCancelled(t *testing.T) {
	t.Parallel()
	b, id := waiting(t)
	v, err := b.Check(t.Context(), id)
	require.NoError(t, err)
	require.Contains(t, v.Waits, "ticks are paused by tester@test")
	require.EqualValues(t, 1, v.InFlight)
	require.EqualValues(t, 2, v.Settled)
	require.Empty(t, v.Verdict, "while it goes on there is none")

	_, err = b.StartCheck(t.Context(), engine.CheckOptions{})
	require.ErrorIs(t, err, engine.ErrRunActive)
	require.NoError(t, b.Pause(t.Context(), engine.Act{Run: id, Reason: "lunch"}))
	b.inState(t, id, engine.RunPaused)
	require.NoError(t, b.Resume(t.Context(), engine.Act{Run: id}))
	b.inState(t, id, engine.RunRunning)

	epoch := one(t, b.target, `SELECT max(epoch)::text FROM ferry.lease`)
	require.NoError(t, b.Cancel(t.Context(), engine.Act{Run: id}))
	require.Equal(t, epoch, one(t, b.target, `SELECT max(epoch)::text FROM ferry.lease`), "nobody who writes is shut out")
	v = b.ended(t, id)
	require.Equal(t, engine.RunCancelled, v.State)
	require.Equal(t, engine.Fail, v.Verdict, "two rows are wrong however it ended")
	require.NoError(t, b.ResumeSchedule(t.Context(), engine.Act{}))
	require.NoError(t, b.Resume(t.Context(), engine.Act{Run: id}))
	v = b.ended(t, id)
	require.Equal(t, engine.RunDone, v.State, v.Error)
	require.EqualValues(t, 3, v.Settled)
}

func (b *bundle) inState(t *testing.T, id engine.RunID, state engine.RunState) {
	t.Helper()
	require.Eventually(t, func() bool {
		v, err := b.Check(t.Context(), id)
		require.NoError(t, err)
		return v.State == state
	}, limit, 20*time.Millisecond)
}

// A check whose last worker has left is interrupted, and goes on in another process where it stopped.
func TestACheckWhoseWorkersLeaveIsGoneOnWithByOthers(t *testing.T) {
	t.Parallel()
	b, id := waiting(t)
	next := b.replaced(t, func(*control.Config) {})
	v, err := next.Check(t.Context(), id)
	require.NoError(t, err)
	require.Equal(t, engine.RunInterrupted, v.State)
	require.Equal(t, engine.Fail, v.Verdict)
	require.NoError(t, next.ResumeSchedule(t.Context(), engine.Act{}))
	require.NoError(t, next.Resume(t.Context(), engine.Act{Run: id}))
	v = next.ended(t, id)
	require.Equal(t, engine.RunDone, v.State, v.Error)
	require.EqualValues(t, 3, v.Settled)
	d, err := next.RunDetail(t.Context(), id)
	require.NoError(t, err)
	for _, step := range d.Steps {
		require.Equal(t, engine.StepDone, step.State, step.Verb)
	}
}

// While a first load goes on nothing is counted yet: that nothing were rejected would be untrue.
func TestAFirstLoadUnderWayHasNoRejectedShareYet(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	require.NoError(t, b.PauseEntity(t.Context(), "loyalty_point_history", engine.Act{}))
	_, err := b.StartFull(t.Context(), engine.StartOptions{})
	require.NoError(t, err)
	s := b.until(t, "it waits for the entity", func(s *engine.Snapshot) bool { return s.Run.State == engine.RunPaused })
	require.True(t, s.Run.First)
	require.False(t, b.entity(s, "loyalty_card").RejectedShare().Known)
}
