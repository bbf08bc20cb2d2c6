package tuitest

import (
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"ferry/tui/feed"
)

// Console is a console at a terminal of some size, driven by keys: over a scripted operator, or over a real one, for what a
// key sets off is waited for.
type Console struct {
	Model tea.Model
	Typed int // keys pressed, but for the text of an id

	source feed.Source
	clock  func() time.Time
}

// Open opens a console that shows what a source says. The model is one of package app.
func Open(model tea.Model, source feed.Source, clock func() time.Time, width, height int) *Console {
	c := &Console{Model: model, source: source, clock: clock}
	Send(model, tea.WindowSizeMsg{Width: width, Height: height})
	c.Beat()
	return c
}

// Beat brings what the source says now, and waits for what the console then reads.
func (c *Console) Beat() { Send(c.Model, feed.New(c.source, c.clock, false).Now()) }

// Press presses keys, each by its name.
func (c *Console) Press(keys ...string) {
	c.Typed += len(keys)
	Press(c.Model, keys...)
	c.Beat()
}

// Type types a text, as a terminal sends it: character by character.
func (c *Console) Type(text string) {
	for _, r := range text {
		Press(c.Model, string(r))
	}
}

// Frame is what is on the screen.
func (c *Console) Frame() string { return c.Model.View() }

// WhyIsCardWrong asks for a card by its id or code the shortest way, and gives what is then on the screen.
func (c *Console) WhyIsCardWrong(card string) string {
	c.Press("c")
	c.Type(card)
	c.Press("enter")
	return c.Frame()
}

// Says reports whether a frame shows a text, over as many of its lines as the text takes.
func Says(frame, text string) bool {
	return strings.Contains(strings.Join(strings.Fields(frame), " "), strings.Join(strings.Fields(text), " "))
}
