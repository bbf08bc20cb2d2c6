package recording

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ferry/engine"
)

// watched is a player of ten snapshots, one a second, with the time in the test's hands.
func watched(t *testing.T, speed Speed) (*Player, func(time.Duration)) {
	t.Helper()
	var given []*engine.Snapshot
	for i := range 10 {
		given = append(given, &engine.Snapshot{Errors: int64(i)})
	}
	r, err := Read(bytes.NewReader(written(t, false, nil, given...)))
	require.NoError(t, err)
	r.Length = 9 * time.Second
	now := time.Unix(1000, 0)
	return Play(r, "night.jsonl", speed, func() time.Time { return now }), func(d time.Duration) { now = now.Add(d) }
}

func TestAReplayGoesOnWithTheClock(t *testing.T) {
	t.Parallel()
	p, pass := watched(t, 2)
	require.Equal(t, began, p.Now())
	pass(1600 * time.Millisecond)
	require.EqualValues(t, 3, p.Snapshot().Errors)
	require.Equal(t, engine.TapeView{Replay: true, Name: "night.jsonl", Speed: "2x"}, *p.Snapshot().Tape)
	require.Equal(t, began.Add(3200*time.Millisecond), p.Now())
	next, ok := p.Next()
	require.True(t, ok)
	require.Equal(t, 400*time.Millisecond, next)
	pass(time.Hour)
	require.EqualValues(t, 9, p.Snapshot().Errors)
	require.True(t, p.Snapshot().Tape.Ended)
	require.Equal(t, began.Add(9*time.Second), p.Now())
	_, ok = p.Next()
	require.False(t, ok)
	p.Toggle()
	require.EqualValues(t, 0, p.Snapshot().Errors, "at its end it begins anew")
	require.False(t, p.Snapshot().Tape.Paused)
}

func TestAReplayIsSteered(t *testing.T) {
	t.Parallel()
	p, pass := watched(t, 1)
	errors := func() int64 { return p.Snapshot().Errors }
	before := p.Snapshot().Sequence
	p.Toggle()
	require.Greater(t, p.Snapshot().Sequence, before, "that it is held is news")
	pass(time.Minute)
	require.Zero(t, errors())
	p.Step(1)
	require.EqualValues(t, 1, errors())
	p.Step(-5)
	require.Zero(t, errors())
	p.Skip(4500 * time.Millisecond)
	require.EqualValues(t, 4, errors())
	p.Step(-1)
	require.Equal(t, began.Add(4*time.Second), p.Now(), "first to the beginning of what is shown")
	p.Step(-1)
	require.EqualValues(t, 3, errors())
	p.Seek(-2 * time.Second)
	require.EqualValues(t, 7, errors())
	before = p.Snapshot().Sequence
	p.Skip(-time.Hour)
	require.Zero(t, errors())
	require.Greater(t, p.Snapshot().Sequence, before)
	p.Step(100)
	require.True(t, p.Snapshot().Tape.Ended)
	p.Toggle()
	for _, want := range []string{"2x", "4x", "8x", "16x", "32x", "64x", "max", "max"} {
		p.Faster(true)
		require.Equal(t, want, p.Snapshot().Tape.Speed)
	}
	p.Faster(false)
	require.Equal(t, "64x", p.Snapshot().Tape.Speed)
}

func TestSpeedsAreRead(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Speed{"4x": 4, "4": 4, "0.5": 0.5, "MAX": Fastest, "600x": Fastest} {
		got, err := ParseSpeed(text)
		require.NoError(t, err)
		require.Equal(t, want, got) //nolint:testifylint // it is exact
	}
	for _, text := range []string{"", "0", "-1", "NaN", "Inf", "fast", "601"} {
		_, err := ParseSpeed(text)
		require.Error(t, err, text)
	}
}

// An answer is the one that was known at the moment that is shown.
func TestAnswersBelongToTheirMoment(t *testing.T) {
	t.Parallel()
	text := `{"v":1,"type":"recording","started_at":"2025-11-03T21:04:00Z"}
{"type":"snapshot","at_ms":0,"whole":true,"set":{}}
{"type":"answer","at_ms":2000,"ask":"Rules","with":[],"answer":[{"name":"early"}]}
{"type":"answer","at_ms":4000,"ask":"Rules","with":[],"answer":[{"name":"late"}]}
{"type":"end","at_ms":5000}
`
	p := still(t, []byte(text))
	_, err := p.Rules(t.Context())
	require.ErrorIs(t, err, ErrNotRecorded)
	require.ErrorContains(t, err, "first opened at 21:04:02Z")
	p.Seek(3 * time.Second)
	rules, err := p.Rules(t.Context())
	require.NoError(t, err)
	require.Equal(t, "early", rules[0].Name)
	p.Seek(-time.Second)
	rules, err = p.Rules(t.Context())
	require.NoError(t, err)
	require.Equal(t, "late", rules[0].Name)
}
