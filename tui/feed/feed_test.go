package feed_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"ferry/engine"
	"ferry/tui/feed"
	"ferry/tui/tuitest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestABeatBringsTheLatestSnapshot(t *testing.T) {
	t.Parallel()
	operator := tuitest.NewOperator(tuitest.Running())
	f := feed.New(operator, func() time.Time { return tuitest.Noon }, false)
	first, ok := f.Now().(feed.Beat)
	require.True(t, ok)
	require.Equal(t, tuitest.Noon, first.At)
	require.Same(t, operator.Snapshot(), first.Snapshot)
}

func TestNothingIsDrawnTwiceInASecondUnlessSomethingHappened(t *testing.T) {
	t.Parallel()
	s := tuitest.Running()
	beat := feed.Beat{At: tuitest.Noon, Snapshot: s}
	next := *s
	next.Sequence++
	require.True(t, beat.Differs(feed.Beat{}))
	require.False(t, beat.Differs(beat))
	require.False(t, feed.Beat{At: tuitest.Noon.Add(900 * time.Millisecond), Snapshot: s}.Differs(beat))
	require.True(t, feed.Beat{At: tuitest.Noon.Add(time.Second), Snapshot: s}.Differs(beat))
	require.True(t, feed.Beat{At: tuitest.Noon, Snapshot: &next}.Differs(beat))
}

func TestThePulseFollowsTheWorkAndTheLine(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		slow, busy bool
		want       time.Duration
	}{{false, true, time.Second / 8}, {false, false, time.Second / 4}, {true, true, time.Second / 2}} {
		synctest.Test(t, func(t *testing.T) {
			f := feed.New(tuitest.NewOperator(tuitest.Running()), time.Now, c.slow)
			began := time.Now()
			_, ok := f.Next(c.busy)().(feed.Beat)
			require.True(t, ok)
			require.Equal(t, c.want, time.Since(began))
		})
	}
}

func TestATaskComesBackAsAnOutcome(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	hands := feed.NewHands(ctx)
	done := hands("pause run #12", func(context.Context) (string, error) { return "asked", nil })()
	require.Equal(t, feed.Outcome{Doing: "pause run #12", Done: "asked"}, done)

	cancel()
	outcome, ok := hands("start", func(ctx context.Context) (string, error) { return "", ctx.Err() })().(feed.Outcome)
	require.True(t, ok)
	require.ErrorIs(t, outcome.Err, context.Canceled, "tasks end with the program")

	failed, ok := feed.NewHands(t.Context())("init", func(context.Context) (string, error) { return "", engine.ErrShape })().(feed.Outcome)
	require.True(t, ok)
	require.ErrorIs(t, failed.Err, engine.ErrShape)
}
