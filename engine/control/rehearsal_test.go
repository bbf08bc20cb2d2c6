package control_test

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/store/demo"
)

// cleanWorld is a small demo world without faults.
func cleanWorld(ctx context.Context, dsn string) error {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = demo.Generate(ctx, conn, demo.Params{Cards: 300, Seed: 5, Clean: true})
	return err
}

// stage is a ferry on a small clean world, with nothing in the engine.
func stage(t *testing.T) *bundle {
	t.Helper()
	return setupWith(t, "demo-clean", cleanWorld)
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
