package preflight_test

import (
	"context"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/tui/feed"
	"ferry/tui/keymap"
	"ferry/tui/screen"
	"ferry/tui/screen/preflight"
	"ferry/tui/status"
	"ferry/tui/tuitest"
)

// slow makes forecasts that only end when they are stopped.
type slow struct{}

func (slow) Preflight(ctx context.Context, forecast bool) (engine.Preflight, error) {
	if forecast {
		<-ctx.Done()
	}
	return tuitest.Looked(), ctx.Err()
}

func text(p *preflight.Preflight) string {
	var out strings.Builder
	for _, l := range p.Lines() {
		out.WriteString(l.String() + "\n")
	}
	return out.String()
}

func TestAForecastCanBeStopped(t *testing.T) {
	t.Parallel()
	p, s := preflight.New(slow{}, feed.NewReading(t.Context())), tuitest.Bare(engine.SetupReady)
	see := func(later time.Duration) {
		p.See(screen.Sight{Snapshot: s, State: status.Of(s), Now: tuitest.Noon.Add(later), Keys: keymap.Default()})
	}
	p.SetSize(140, 60)
	see(0)
	require.Nil(t, p.Fetch(), "nobody has come yet")
	p.Do(keymap.Preflight)
	require.NotEmpty(t, p.Refusal(keymap.Forecast))
	require.True(t, p.Take(p.Fetch()()))

	forecast, _ := p.Do(keymap.Forecast)
	answers := make(chan tea.Msg)
	go func() { answers <- forecast() }()
	see(12 * time.Second)
	require.Contains(t, text(p), "◌ reading the whole source, 12s; esc stops it")
	require.Equal(t, "the forecast is being made", p.Refusal(keymap.Forecast))
	_, used := p.Do(keymap.Back)
	require.True(t, used, "one stays on the screen")
	require.False(t, p.Take(<-answers), "what comes after that is refused")
	require.Contains(t, text(p), "stopped; f reads the whole source once, in short transactions")
	_, used = p.Do(keymap.Back)
	require.False(t, used, "and now one goes back")
}
