package app_test

import (
	"io"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/muesli/termenv"

	"ferry/tui/app"
	"ferry/tui/feed"
	"ferry/tui/termprobe"
	"ferry/tui/tuitest"
)

// A run with as many batches as are ever shown costs no more to draw than a small one: only what is in sight is drawn.
func BenchmarkFrameOfARun(b *testing.B) {
	operator, now := tuitest.NewOperator(tuitest.Running()), tuitest.Noon
	detail := tuitest.Detail(tuitest.Running())
	for len(detail.Batches) < 1000 {
		detail.Batches = append(detail.Batches, detail.Batches[3:]...)
	}
	operator.Keep(detail)
	model := app.New(b.Context(), app.Config{
		Operator: operator, Renderer: termprobe.NewRenderer(io.Discard, termprobe.InColours(termenv.TrueColor)),
		Clock: func() time.Time { return now },
	})
	pulse := feed.New(operator, func() time.Time { return now }, false)
	tuitest.Send(model, tea.WindowSizeMsg{Width: 140, Height: 45})
	tuitest.Send(model, pulse.Now())
	tuitest.Press(model, "2", "enter")
	tuitest.Send(model, pulse.Now())
	for b.Loop() {
		now = now.Add(time.Second)
		model.Update(pulse.Now())
	}
}
