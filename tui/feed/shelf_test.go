package feed_test

import (
	"context"
	"errors"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/stretchr/testify/require"

	"ferry/tui/feed"
)

func TestALateAnswerIsRefused(t *testing.T) {
	t.Parallel()
	reading := feed.NewReading(t.Context())
	say := func(text string) func(context.Context) (string, error) {
		return func(context.Context) (string, error) { return text, nil }
	}
	now := time.Unix(1000, 0)
	var shelf, other feed.Shelf[string]
	first := shelf.Fetch(now, reading, time.Second, say("first"))
	require.Nil(t, shelf.Fetch(now, reading, time.Second, say("twice")), "one answer is awaited at a time")
	shelf.Clear()
	second := shelf.Fetch(now, reading, 0, say("second"))
	require.False(t, shelf.Take(now, first()), "it answers the question before")
	answer := second()
	require.False(t, other.Take(now, answer))
	require.True(t, shelf.Take(now.Add(2*time.Second), answer))
	require.False(t, shelf.Take(now, answer), "an answer counts once")
	require.Equal(t, "second", shelf.Value)
	require.False(t, shelf.Rested(now.Add(9*time.Second), time.Second), "what took two seconds is left alone for eight")
	require.True(t, shelf.Rested(now.Add(10*time.Second), time.Second))

	failed := shelf.Fetch(now, reading, 0, func(context.Context) (string, error) { return "", errors.New("down") })
	require.True(t, shelf.Take(now, failed()))
	require.EqualError(t, shelf.Err, "down")
	require.True(t, shelf.Known, "the older answer stays")
	require.Equal(t, "second", shelf.Value)
}

func TestADroppedQuestionIsStopped(t *testing.T) {
	t.Parallel()
	var shelf feed.Shelf[int]
	cmd := shelf.Fetch(time.Time{}, feed.NewReading(t.Context()), 0, func(ctx context.Context) (int, error) {
		<-ctx.Done()
		return 1, ctx.Err()
	})
	answers := make(chan tea.Msg)
	go func() { answers <- cmd() }()
	shelf.Drop()
	require.False(t, shelf.Take(time.Time{}, <-answers))
	require.False(t, shelf.Known)
}
