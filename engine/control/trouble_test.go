package control_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ferry/engine"
)

// until waits for a snapshot that satisfies a condition.
func (b *bundle) until(t *testing.T, what string, holds func(*engine.Snapshot) bool) *engine.Snapshot {
	t.Helper()
	var s *engine.Snapshot
	require.Eventually(t, func() bool {
		s = b.Snapshot()
		return s.Run != nil && holds(s)
	}, limit, 10*time.Millisecond, what)
	return s
}

// recorded waits until the engine database has recorded what a condition with its FROM says. Ticks that follow one another
// without a pause are hardly ever seen at rest in a snapshot; their history does not miss them.
func (b *bundle) recorded(t *testing.T, what, condition string) {
	t.Helper()
	require.Eventually(t, func() bool {
		return one(t, b.target, `SELECT coalesce(bool_and(c), false)::text FROM (SELECT `+condition+`) x (c)`) == "true"
	}, limit, 50*time.Millisecond, what)
}

// raise makes every write to an engine table fail with an SQLSTATE.
func (b *bundle) raise(t *testing.T, table, code string) {
	t.Helper()
	b.target.Exec(t,
		`CREATE FUNCTION trouble() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			RAISE EXCEPTION 'could not extend file' USING ERRCODE = '`+code+`'; END $$`,
		`CREATE TRIGGER trouble BEFORE INSERT ON `+table+` EXECUTE FUNCTION trouble()`)
}

func TestAFullDiskIsWaitedForAndSaid(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	b.raise(t, "point_moves", "53100")
	id, err := b.StartFull(t.Context(), engine.StartOptions{})
	require.NoError(t, err)
	s := b.until(t, "the error is said", func(s *engine.Snapshot) bool { return s.Run.LastError != "" })
	require.Equal(t, engine.RunRunning, s.Run.State, "a full disk is waited for")
	require.Contains(t, s.Run.LastError, "53100")
	require.Positive(t, s.Errors)
	require.Equal(t, "0", one(t, b.target, `SELECT count(*)::text FROM point_moves`))

	b.target.Exec(t, `DROP TRIGGER trouble ON point_moves`)
	done(t, b.await(t, id))
	b.faithful(t)
}

func TestASourceThatLacksAColumnIsRefusedByName(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	b.source.Exec(t, `ALTER TABLE loyalty_point_history RENAME COLUMN points_amount TO amount`)
	for _, start := range []func(context.Context, engine.StartOptions) (engine.RunID, error){b.StartFull, b.StartIncremental} {
		_, err := start(t.Context(), engine.StartOptions{})
		require.ErrorIs(t, err, engine.ErrShape)
		require.ErrorContains(t, err, "points_amount is missing")
		require.ErrorContains(t, err, "loyalty_point_history")
	}
	require.Equal(t, "0", one(t, b.target, `SELECT count(*)::text FROM ferry.run`))

	b.source.Exec(t, `ALTER TABLE loyalty_point_history RENAME COLUMN amount TO points_amount`)
	done(t, b.full(t))
	b.faithful(t)
}

func TestATargetThatMayNotBeWrittenStopsTheRunAndGoesOnAfterwards(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	b.raise(t, "point_history", "42501")
	id, err := b.StartFull(t.Context(), engine.StartOptions{})
	require.NoError(t, err)
	s := b.await(t, id)
	require.Equal(t, engine.RunFailed, s.Run.State)
	require.Contains(t, s.Run.Error, "42501")
	require.Equal(t, "0", one(t, b.target, `SELECT count(*)::text FROM point_history`))

	b.target.Exec(t, `DROP TRIGGER trouble ON point_history`)
	require.NoError(t, b.Resume(t.Context(), engine.Act{Run: id}))
	done(t, b.await(t, id))
	b.faithful(t)
}

func TestASecondRunIsRefusedAndNamesTheFirst(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	b.raise(t, "loyalty_cards", "53100") // keeps the first run active
	id, err := b.StartFull(t.Context(), engine.StartOptions{})
	require.NoError(t, err)
	_, err = b.StartFull(t.Context(), engine.StartOptions{})
	require.ErrorIs(t, err, engine.ErrRunActive)
	require.ErrorContains(t, err, "tester@test")
	require.Contains(t, one(t, b.target, `SELECT outcome FROM ferry.journal WHERE action = 'start full' ORDER BY id DESC LIMIT 1`), "refused")

	require.NoError(t, b.Cancel(t.Context(), engine.Act{Run: id, Reason: "enough"}))
	s := b.await(t, id)
	require.Equal(t, engine.RunCancelled, s.Run.State)
	require.Equal(t, "tester@test", s.Run.StateBy)
	b.target.Exec(t, `DROP TRIGGER trouble ON loyalty_cards`)
	done(t, b.full(t))
	b.faithful(t)
}

func TestAPausedEntityStopsARunThereAndNowhereElse(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	const entity = "loyalty_point_move"
	require.NoError(t, b.PauseEntity(t.Context(), entity, engine.Act{Reason: "Odoo rewrites it tonight"}))
	require.ErrorContains(t, b.PauseEntity(t.Context(), entity, engine.Act{}), "already paused by tester@test")
	id, err := b.StartFull(t.Context(), engine.StartOptions{})
	require.NoError(t, err)
	s := b.until(t, "paused", func(s *engine.Snapshot) bool { return s.Run.ID == id && s.Run.State == engine.RunPaused })
	require.Equal(t, "loyalty_point_move is paused: Odoo rewrites it tonight", s.Run.Reason)
	require.Equal(t, "tester@test", s.Run.StateBy)
	require.Equal(t, "0 0", one(t, b.target, `SELECT (SELECT count(*) FROM loyalty_cards) || ' ' || (SELECT count(*) FROM point_moves)`),
		"moves come first, and what comes behind them waits")

	require.ErrorIs(t, b.Resume(t.Context(), engine.Act{Run: id}), engine.ErrStateChanged, "resuming the run does not resume the entity")
	require.NoError(t, b.ResumeEntity(t.Context(), entity, engine.Act{Reason: "done"}))
	done(t, b.await(t, id))
	b.faithful(t)
	require.ErrorIs(t, b.ResumeEntity(t.Context(), entity, engine.Act{}), engine.ErrStateChanged)
}
