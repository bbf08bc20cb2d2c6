package control_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/store/demo"
)

// stage is a ferry on a small clean world, with nothing in the engine.
func stage(t *testing.T) *bundle {
	t.Helper()
	return setupWith(t, "demo-clean", demo.Filling(demo.Params{Cards: 300, Seed: 5, Clean: true}))
}

// quickly is a rehearsal that detects a freeze soon.
func quickly() engine.RehearsalOptions {
	return engine.RehearsalOptions{Freeze: engine.FreezeDetect, Quiet: engine.Known(300 * time.Millisecond)}
}

// rehearsed begins a rehearsal and waits for its verdict.
func (b *bundle) rehearsed(t *testing.T, o engine.RehearsalOptions) *engine.RehearsalView {
	t.Helper()
	id, err := b.StartRehearsal(t.Context(), o)
	require.NoError(t, err)
	return b.verdict(t, id)
}

// verdict waits for the verdict of a rehearsal.
func (b *bundle) verdict(t *testing.T, id engine.RunID) *engine.RehearsalView {
	t.Helper()
	return b.rehearsalAs(t, id, func(v *engine.RehearsalView) bool { return v.State.Ended() && !v.Asked() })
}

// rehearsalAs waits until a rehearsal is as wanted.
func (b *bundle) rehearsalAs(t *testing.T, id engine.RunID, as func(*engine.RehearsalView) bool) *engine.RehearsalView {
	t.Helper()
	var v *engine.RehearsalView
	require.Eventually(t, func() bool {
		var err error
		v, err = b.Rehearsal(t.Context(), id)
		require.NoError(t, err)
		return as(v)
	}, limit, 20*time.Millisecond)
	return v
}

func TestARehearsalComesFromNothingToGo(t *testing.T) {
	t.Parallel()
	b := stage(t)
	v := b.rehearsed(t, quickly())
	t.Logf("%+v", v)
	require.Equal(t, engine.Pass, v.Verdict, v.Why)
	require.Equal(t, "GO", v.Go())
	for _, s := range v.Steps {
		require.Equal(t, engine.RehearsalDone, s.State, "%s: %s", s.Name, s.Found)
		require.True(t, s.Took().Known)
	}
	for _, g := range v.Gates {
		require.Equal(t, engine.Pass, g.Verdict, "%s: %s", g.Name, g.Evidence)
		require.NotEmpty(t, g.Figure)
		require.NotEmpty(t, g.Threshold)
		require.NotEmpty(t, g.Evidence)
	}
	require.Equal(t, engine.StandingHolds, v.Standing)
	require.Equal(t, engine.Known(true), v.MayUnfreeze())
}

// gates lists the gates of a rehearsal that did not pass.
func gates(v *engine.RehearsalView) map[engine.GateName]engine.Verdict {
	out := map[engine.GateName]engine.Verdict{}
	for _, g := range v.Gates {
		if g.Verdict != engine.Pass {
			out[g.Name] = g.Verdict
		}
	}
	return out
}

func TestAGoExpiresWhenTheSourceMovesOn(t *testing.T) {
	t.Parallel()
	for name, write := range map[string]string{
		"an update": `UPDATE loyalty_card SET points = points + 1 WHERE id = (SELECT min(id) FROM loyalty_card)`,
		"a delete":  `DELETE FROM loyalty_point_history WHERE id = (SELECT max(id) FROM loyalty_point_history)`,
		"an insert": `INSERT INTO loyalty_point_history SELECT (jsonb_populate_record(h, '{"id": 900000}')).* FROM loyalty_point_history h LIMIT 1`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := stage(t)
			v := b.rehearsed(t, quickly())
			require.Equal(t, engine.StandingHolds, v.Standing, v.Moved)
			b.source.Exec(t, write)
			v, err := b.Rehearsal(t.Context(), v.ID)
			require.NoError(t, err)
			require.Equal(t, engine.StandingExpired, v.Standing)
			require.NotEmpty(t, v.Moved)
			require.Equal(t, engine.Pass, v.Verdict, "it was one")
			list, err := b.Rehearsals(t.Context(), 0, 10)
			require.NoError(t, err)
			require.Equal(t, engine.StandingExpired, list[0].Standing, "and is never one again")
			require.Eventually(t, func() bool {
				s := b.Snapshot()
				return s.Rehearsal.Standing == engine.StandingExpired && s.Rehearsal.Moved != ""
			}, limit, 20*time.Millisecond, "the console sees it")
		})
	}
}

// spoil makes two rows of the engine wrong behind ferry's back: one in a field, one that is missing.
func (b *bundle) spoil(t *testing.T) {
	t.Helper()
	b.target.Exec(t, `UPDATE point_moves SET initial_point = initial_point + 0.01 WHERE id = (SELECT min(id) FROM point_moves)`,
		`DELETE FROM point_history WHERE id = (SELECT min(id) FROM point_history)`)
}

func TestPlantedFaultsAreANoGoThatNamesTheGate(t *testing.T) {
	t.Parallel()
	b := stage(t)
	done(t, b.full(t))
	b.source.Exec(t, `UPDATE loyalty_card SET points = coalesce(points, 0) + 7 WHERE id <= (SELECT min(id) + 20 FROM loyalty_card)`,
		`UPDATE loyalty_card SET partner_id = NULL WHERE id >= (SELECT max(id) - 20 FROM loyalty_card)`)
	v := b.rehearsed(t, quickly())
	require.Equal(t, engine.Fail, v.Verdict)
	require.Equal(t, "NO-GO", v.Go())
	require.Equal(t, map[engine.GateName]engine.Verdict{engine.GateDrift: engine.Fail, engine.GateRejected: engine.Fail}, gates(v))
	require.Contains(t, v.Why, "drift: ")
	require.Contains(t, v.Why, "rejected: loyalty_card ")
	require.Equal(t, engine.StandingNone, v.Standing)

	b.spoil(t)
	v = b.rehearsed(t, engine.RehearsalOptions{Freeze: engine.FreezeNone, Drift: engine.Known(1.0), Agreement: engine.Known(0.9)})
	require.Equal(t, engine.Fail, v.Verdict)
	require.Contains(t, gates(v), engine.GateDifferences, "agreement of 90 % is enough here, but what is settled is settled: %+v", v.Gates)
	require.NotContains(t, gates(v), engine.GateAgreement)
	require.Nil(t, v.Gate(engine.GateStill), "what was never frozen cannot have stood still")
	require.False(t, v.MayUnfreeze().Known)
	require.Equal(t, engine.RehearsalSkipped, v.Step(engine.RehearseFreeze).State)
	require.False(t, v.Window.Known, "nothing was frozen")
}

func TestOneGateIsMeasuredAgain(t *testing.T) {
	t.Parallel()
	b := stage(t)
	done(t, b.full(t))
	b.spoil(t)
	v := b.rehearsed(t, engine.RehearsalOptions{Freeze: engine.FreezeDetect, Quiet: engine.Known(200 * time.Millisecond), Agreement: engine.Known(0.5)})
	require.Contains(t, gates(v), engine.GateDifferences)
	checked := v.Gate(engine.GateDifferences).Run
	done(t, b.full(t)) // mends both

	require.NoError(t, b.RerunGate(t.Context(), engine.Act{Run: v.ID, Reason: "mended"}, engine.GateDifferences))
	v = b.verdict(t, v.ID)
	require.Greater(t, v.Gate(engine.GateDifferences).Run, checked, "it took another check")
	require.NotContains(t, gates(v), engine.GateDifferences, "%+v", v.Gate(engine.GateDifferences))
	require.Equal(t, engine.Pass, v.Verdict, v.Why)
	require.Equal(t, engine.StandingHolds, v.Standing, "the source is the one of the verdict")
	require.ErrorIs(t, b.RerunGate(t.Context(), engine.Act{Run: v.ID}, "nonsense"), engine.ErrStateChanged)
}

func TestAFreezeIsConfirmed(t *testing.T) {
	t.Parallel()
	b := stage(t)
	id, err := b.StartRehearsal(t.Context(), engine.RehearsalOptions{Freeze: engine.FreezeConfirm})
	require.NoError(t, err)
	v := b.rehearsalAs(t, id, func(v *engine.RehearsalView) bool { return v.State == engine.RunAsking })
	require.Contains(t, v.Question, "Is Odoo frozen?")
	require.False(t, v.MayUnfreeze().Known)
	_, err = b.StartRehearsal(t.Context(), engine.RehearsalOptions{})
	require.ErrorIs(t, err, engine.ErrRunActive)
	require.NoError(t, b.Answer(t.Context(), engine.Act{Run: id, Seen: engine.RunAsking}, true))
	v = b.verdict(t, id)
	require.Equal(t, engine.Pass, v.Verdict, v.Why)
	require.Equal(t, "confirmed by tester@test", v.FrozenBy)
	require.False(t, v.FrozenAt.IsZero())
}

func TestWhatIsWrittenDuringTheFreezeIsFound(t *testing.T) {
	t.Parallel()
	b := stage(t)
	id, err := b.StartRehearsal(t.Context(), engine.RehearsalOptions{Freeze: engine.FreezeConfirm})
	require.NoError(t, err)
	b.rehearsalAs(t, id, func(v *engine.RehearsalView) bool { return v.State == engine.RunAsking })
	require.NoError(t, b.PauseEntity(t.Context(), "loyalty_card", engine.Act{Reason: "test"}), "so that the last tick waits")
	require.NoError(t, b.Answer(t.Context(), engine.Act{Run: id}, true))
	v := b.rehearsalAs(t, id, func(v *engine.RehearsalView) bool {
		return v.Current() != nil && v.Current().Name != engine.RehearseFreeze
	})
	require.Equal(t, engine.Known(false), v.MayUnfreeze(), "Odoo stays frozen")
	b.source.Exec(t, `UPDATE loyalty_card SET points = points + 1 WHERE id = (SELECT min(id) FROM loyalty_card)`)
	require.NoError(t, b.ResumeEntity(t.Context(), "loyalty_card", engine.Act{}))
	v = b.verdict(t, id)
	require.Equal(t, engine.Fail, v.Verdict)
	require.Equal(t, engine.Fail, v.Gate(engine.GateStill).Verdict)
	require.Contains(t, v.Gate(engine.GateStill).Evidence, "loyalty_card")
}

func TestAFreezeIsDetectedOnceNothingIsWritten(t *testing.T) {
	t.Parallel()
	b := stage(t)
	writing, stop := context.WithCancel(t.Context())
	writer := make(chan struct{})
	go func() {
		defer close(writer)
		for writing.Err() == nil {
			_, _ = b.source.pool.Exec(writing, `UPDATE loyalty_card SET points = points WHERE id = (SELECT min(id) FROM loyalty_card)`)
		}
	}()
	id, err := b.StartRehearsal(t.Context(), engine.RehearsalOptions{Freeze: engine.FreezeDetect, Quiet: engine.Known(time.Second)})
	require.NoError(t, err)
	b.rehearsalAs(t, id, func(v *engine.RehearsalView) bool {
		s := v.Step(engine.RehearseFreeze)
		return s.State == engine.RehearsalRunning && strings.HasSuffix(s.Found, "rows written")
	})
	stop()
	<-writer
	v := b.verdict(t, id)
	require.Equal(t, engine.Pass, v.Verdict, v.Why)
	require.Contains(t, v.FrozenBy, "no row was written for")
}

func TestARehearsalIsAbortedAndFrozenAnew(t *testing.T) {
	t.Parallel()
	b := stage(t)
	id, err := b.StartRehearsal(t.Context(), engine.RehearsalOptions{Freeze: engine.FreezeConfirm})
	require.NoError(t, err)
	b.rehearsalAs(t, id, func(v *engine.RehearsalView) bool { return v.State == engine.RunAsking })
	require.NoError(t, b.Answer(t.Context(), engine.Act{Run: id}, false))
	v := b.rehearsalAs(t, id, func(v *engine.RehearsalView) bool { return v.State == engine.RunCancelled })
	require.False(t, b.Snapshot().Schedule.Paused(), "ticks go on")
	require.Equal(t, engine.RehearsalDone, v.Step(engine.RehearseLoad).State)

	require.NoError(t, b.Resume(t.Context(), engine.Act{Run: id}))
	b.rehearsalAs(t, id, func(v *engine.RehearsalView) bool { return v.State == engine.RunAsking })
	require.NoError(t, b.PauseEntity(t.Context(), "loyalty_card", engine.Act{Reason: "test"}))
	require.NoError(t, b.Answer(t.Context(), engine.Act{Run: id}, true))
	b.rehearsalAs(t, id, func(v *engine.RehearsalView) bool { return v.Frozen() })
	require.NoError(t, b.Cancel(t.Context(), engine.Act{Run: id, Reason: "the shop opens"}))
	v = b.rehearsalAs(t, id, func(v *engine.RehearsalView) bool { return v.State == engine.RunCancelled })
	require.Equal(t, engine.Known(true), v.MayUnfreeze(), "aborted is not frozen")
	require.NoError(t, b.ResumeEntity(t.Context(), "loyalty_card", engine.Act{}))

	require.NoError(t, b.Resume(t.Context(), engine.Act{Run: id}))
	v = b.rehearsalAs(t, id, func(v *engine.RehearsalView) bool { return v.State == engine.RunAsking })
	require.True(t, v.FrozenAt.IsZero(), "it is asked again")
	require.NoError(t, b.Answer(t.Context(), engine.Act{Run: id}, true))
	v = b.verdict(t, id)
	require.Equal(t, engine.Pass, v.Verdict, v.Why)
}

func TestAPreflightThatFailsIsANoGoAtOnce(t *testing.T) {
	t.Parallel()
	b := stage(t)
	b.source.Exec(t, `ALTER TABLE loyalty_point_move DROP COLUMN state`)
	v := b.rehearsed(t, quickly())
	require.Equal(t, engine.Fail, v.Verdict)
	require.Contains(t, v.Why, "step preflight failed")
	require.Equal(t, engine.RehearsalSkipped, v.Step(engine.RehearseLoad).State)
	require.False(t, v.Window.Known)
	require.Equal(t, engine.CouldNotCheck, v.Gate(engine.GateAgreement).Verdict)
}
