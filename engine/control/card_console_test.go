package control_test

import (
	"fmt"
	"io"
	"strconv"
	"testing"
	"time"

	"github.com/muesli/termenv"
	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/tui/app"
	"ferry/tui/termprobe"
	"ferry/tui/tuitest"
)

// console opens a console on real databases, at 80×24 and without colours.
func (b *bundle) console(t *testing.T) *tuitest.Console {
	t.Helper()
	require.Eventually(t, func() bool {
		s := b.Snapshot()
		return s.Setup == engine.SetupReady && !s.Target.Down() && !s.Source.Down()
	}, limit, 20*time.Millisecond)
	model := app.New(t.Context(), app.Config{
		Operator: b.Control, Actor: engine.Actor{User: "sari", Host: "db2"},
		Renderer: termprobe.NewRenderer(io.Discard, termprobe.InColours(termenv.Ascii)),
	})
	return tuitest.Open(model, b, time.Now, 80, 24)
}

// "Why is card N wrong?": from the opened console with at most four keys and the typed id, the sentence is on the screen.
func TestTheConsoleSaysWhyACardIsWrong(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	ids := make([]int64, len(cardTroubles))
	for i := range cardTroubles {
		ids[i] = b.newCard(t, fmt.Sprintf("trouble-%02d", i))
	}
	done(t, b.full(t))
	for i, c := range cardTroubles {
		for _, statement := range c.before {
			b.exec(t, b.source, statement, ids[i])
		}
	}
	b.pastFloor(t)
	for i, c := range cardTroubles {
		for _, statement := range c.after {
			b.exec(t, b.source, statement, ids[i])
		}
		for _, statement := range c.engine {
			b.exec(t, b.target, statement, ids[i])
		}
	}
	for i, c := range cardTroubles {
		console := b.console(t)
		frame := console.WhyIsCardWrong(strconv.FormatInt(ids[i], 10))
		if c.scan { // what the source's ledger says is asked for by one key more
			console.Press("f")
			frame = console.Frame()
		}
		require.LessOrEqual(t, console.Typed, 4, c.name)
		for _, want := range c.says {
			require.True(t, tuitest.Says(frame, want), "%s: %s\n%s", c.name, want, frame)
		}
	}
}
