package control

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/engine/monitor"
)

type flaky struct {
	fails int
	got   []monitor.Message
}

func (*flaky) Name() string { return "slack" }

func (f *flaky) Send(_ context.Context, m monitor.Message) error {
	f.fails--
	if f.fails >= 0 {
		return errors.New("no")
	}
	f.got = append(f.got, m)
	return nil
}

// shelf keeps one outage, once it is there.
type shelf struct {
	monitor.Book

	down bool
	kept []monitor.Outage
}

func (s *shelf) KeepOutage(_ context.Context, o monitor.Outage) error {
	if s.down {
		return errors.New("away")
	}
	s.kept = append(s.kept, o)
	return nil
}

// TestAnEngineDatabaseThatIsDownIsToldFromMemory on a clock of the test's own.
func TestAnEngineDatabaseThatIsDownIsToldFromMemory(t *testing.T) {
	t.Parallel()
	channel := &flaky{fails: 1}
	k := &Control{c: Config{Channels: []monitor.Channel{channel}, Logger: slog.New(slog.DiscardHandler)}}
	began := time.Now()
	s := &engine.Snapshot{
		Target: engine.Endpoint{Address: "engine@db/loyalty", Err: "refused", DownSince: began},
		Source: engine.Endpoint{Version: "15"},
	}
	k.latest.Store(s)
	m := &memory{k: k, thresholds: monitor.Default()}
	look := func(after time.Duration) { m.look(t.Context(), s, began.Add(after)) }

	look(time.Minute)
	require.Nil(t, m.outage, "it may be back in a moment")
	look(61 * time.Second)
	require.Empty(t, channel.got, "that failed")
	look(61*time.Second + monitor.Backoff(1))
	look(2 * time.Minute)
	look(3 * time.Minute)
	require.Len(t, channel.got, 1, "once")
	require.Equal(t, monitor.Firing, channel.got[0].Kind)
	require.Contains(t, channel.got[0].Text, "engine@db/loyalty has not answered")
	look(61*time.Second + m.thresholds.Remind)
	require.Len(t, channel.got, 2)
	require.Equal(t, monitor.Reminder, channel.got[1].Kind)

	book := &shelf{down: true}
	require.Error(t, m.handOver(t.Context(), book))
	require.NotNil(t, m.outage, "what could not be kept is not forgotten")
	book.down = false
	require.NoError(t, m.handOver(t.Context(), book))
	require.NoError(t, m.handOver(t.Context(), book))
	require.Len(t, book.kept, 1)
	require.Len(t, book.kept[0].Messages, 2)
	for _, a := range book.kept[0].Messages {
		require.False(t, a.SentAt.IsZero())
		require.Empty(t, a.Error)
	}
	require.Equal(t, 2, book.kept[0].Messages[0].Tries)
}
