package feed

import (
	"context"
	"time"

	tea "github.com/charmbracelet/bubbletea"
)

// easy is how many times longer than reading took it is left alone afterwards: looking on must not be a load.
const easy = 4

// Reading reads beside the event loop what a snapshot does not hold, under the context of the program. The second value
// stops it early. A limit of 0 is none.
type Reading func(limit time.Duration, read func(context.Context) tea.Msg) (tea.Cmd, context.CancelFunc)

// NewReading makes a Reading under a context.
func NewReading(program context.Context) Reading {
	return func(limit time.Duration, read func(context.Context) tea.Msg) (tea.Cmd, context.CancelFunc) {
		ctx, stop := context.WithCancel(program)
		return func() tea.Msg {
			defer stop()
			if limit == 0 {
				return read(ctx)
			}
			limited, done := context.WithTimeout(ctx, limit)
			defer done()
			return read(limited)
		}, stop
	}
}

// Shelf keeps the answer to one question: the newest one, whether it could be renewed, and whether another is on its
// way. One answer is awaited at a time. The zero value is empty; a shelf must not be copied.
type Shelf[T any] struct {
	Value T
	Known bool      // there is a value
	At    time.Time // when it came
	Err   error     // why the newest question got no answer; Value is then an older one
	Asked time.Time // when the question under way was asked; zero: none is

	ended  time.Time // when the last question ended, well or not
	pause  time.Duration
	ticket uint64
	stop   context.CancelFunc
}

// Answer is the message that brings an answer to its shelf.
type Answer[T any] struct {
	shelf  *Shelf[T]
	ticket uint64
	value  T
	err    error
}

// Fetch asks, unless an answer is on its way.
func (s *Shelf[T]) Fetch(now time.Time, reading Reading, limit time.Duration, read func(context.Context) (T, error)) tea.Cmd {
	if s.Waiting() {
		return nil
	}
	s.ticket++
	ticket := s.ticket
	s.Asked = now
	var cmd tea.Cmd
	cmd, s.stop = reading(limit, func(ctx context.Context) tea.Msg {
		value, err := read(ctx)
		return Answer[T]{s, ticket, value, err}
	})
	return cmd
}

// Take puts an answer on the shelf. It refuses those of other shelves, and those that come late.
func (s *Shelf[T]) Take(now time.Time, msg tea.Msg) bool {
	a, ok := msg.(Answer[T])
	if !ok || a.shelf != s || a.ticket != s.ticket || !s.Waiting() {
		return false
	}
	s.ended, s.pause, s.Err = now, easy*now.Sub(s.Asked), a.err
	s.stop = nil
	if a.err == nil {
		s.Value, s.Known, s.At = a.value, true, now
	}
	return true
}

// Waiting reports whether an answer is on its way.
func (s *Shelf[T]) Waiting() bool { return s.stop != nil }

// Rested reports whether the last question ended at least a pause ago, so that it may be asked again.
func (s *Shelf[T]) Rested(now time.Time, pause time.Duration) bool {
	return !s.Waiting() && (s.ended.IsZero() || now.Sub(s.ended) >= max(pause, s.pause))
}

// Drop stops the question under way; its answer will be refused.
func (s *Shelf[T]) Drop() {
	if s.Waiting() {
		s.stop()
		s.stop = nil
	}
}

// Clear empties the shelf for another question.
func (s *Shelf[T]) Clear() {
	s.Drop()
	*s = Shelf[T]{ticket: s.ticket}
}
