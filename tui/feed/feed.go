// Package feed connects the console to the engine: it pulls snapshots, and carries an operator's actions out.
//
// The console pulls. A beat comes a few times a second and brings whatever snapshot was published last; nothing in the
// engine ever waits for a console. Actions may take as long as a database takes, so each runs as a command beside the
// event loop and comes back as an Outcome. Neither ever changes a model: both only send messages.
package feed

import (
	"context"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"ferry/engine"
)

const (
	busyPause = time.Second / 8
	idlePause = time.Second / 4
	slowPause = time.Second / 2 // low bandwidth
)

// Source is where snapshots come from; an engine.Operator is one. Snapshot must not block.
type Source interface {
	// Snapshot is the latest one; never nil.
	Snapshot() *engine.Snapshot
}

// Beat brings the snapshot that was the latest at a moment.
type Beat struct {
	At       time.Time
	Snapshot *engine.Snapshot
}

// Feed pulls snapshots.
type Feed struct {
	source Source
	clock  func() time.Time
	slow   bool
}

// New makes a feed. Slow is for narrow lines: it beats twice a second at most.
func New(source Source, clock func() time.Time, slow bool) Feed {
	return Feed{source: source, clock: clock, slow: slow}
}

// Now is a beat at once.
func (f Feed) Now() tea.Msg {
	return Beat{At: f.clock(), Snapshot: f.source.Snapshot()}
}

// Next is a command that beats after a pause, a shorter one while something is at work.
func (f Feed) Next(busy bool) tea.Cmd {
	return tea.Tick(f.pause(busy), func(time.Time) tea.Msg { return f.Now() })
}

// Then is the wait for the next beat with something to do meanwhile. It always starts with the wait, so that a test can
// leave that out and do the rest.
func Then(next, meanwhile tea.Cmd) tea.Cmd {
	return func() tea.Msg { return tea.BatchMsg{next, meanwhile} }
}

func (f Feed) pause(busy bool) time.Duration {
	switch {
	case f.slow:
		return slowPause
	case busy:
		return busyPause
	}
	return idlePause
}

// Differs reports whether there is anything new to draw since an earlier beat: another snapshot, or another second on
// the clock.
func (b Beat) Differs(last Beat) bool {
	if b.Snapshot == nil || last.Snapshot == nil {
		return b.Snapshot != last.Snapshot
	}
	return b.Snapshot.Sequence != last.Snapshot.Sequence || b.At.Unix() != last.At.Unix()
}

// Task is an action on the engine. It returns what was achieved, in words.
type Task func(ctx context.Context) (string, error)

// Plain is a task that needs no context: it is over at once.
func Plain(do func() (string, error)) Task {
	return func(context.Context) (string, error) { return do() }
}

// Outcome is how a task ended.
type Outcome struct {
	Doing string // as given to Do; it tells tasks apart
	Done  string // what was achieved, where Err is nil
	Err   error
}

// Hands carry tasks out. They end with the context of the program.
type Hands func(doing string, task Task) tea.Cmd

// NewHands makes hands that work under a context.
func NewHands(ctx context.Context) Hands {
	return func(doing string, task Task) tea.Cmd {
		return func() tea.Msg {
			done, err := task(ctx)
			return Outcome{Doing: doing, Done: done, Err: err}
		}
	}
}
