// Package tuitest helps to test the console: an operator that does what a test says, the states that a console can
// meet as ready snapshots, and a pump that runs a model without a terminal, without time passing, and without sleeps.
package tuitest

import (
	"context"
	"sync"

	"ferry/engine"
)

// Call is one action that reached the operator.
type Call struct {
	Action string
	Act    engine.Act
	Start  engine.StartOptions
}

// Operator is scripted: it shows a snapshot, keeps what it is asked for, and answers with the error that it is given.
type Operator struct {
	mu       sync.Mutex
	snapshot *engine.Snapshot
	calls    []Call
	err      error
}

var _ engine.Operator = (*Operator)(nil)

// NewOperator shows a snapshot.
func NewOperator(s *engine.Snapshot) *Operator { return &Operator{snapshot: s} }

// Show puts another snapshot in place; its sequence is raised, as a poller would.
func (o *Operator) Show(s *engine.Snapshot) {
	o.mu.Lock()
	defer o.mu.Unlock()
	next := *s
	next.Sequence = o.snapshot.Sequence + 1
	o.snapshot = &next
}

// Fail makes every further action end with an error; nil makes them succeed.
func (o *Operator) Fail(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.err = err
}

// Calls lists what was asked for, oldest first.
func (o *Operator) Calls() []Call {
	o.mu.Lock()
	defer o.mu.Unlock()
	return append([]Call(nil), o.calls...)
}

func (o *Operator) take(c Call) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.calls = append(o.calls, c)
	return o.err
}

// Snapshot is the one that is shown.
func (o *Operator) Snapshot() *engine.Snapshot {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.snapshot
}

// Init is noted.
func (o *Operator) Init(context.Context) error { return o.take(Call{Action: "init"}) }

// StartFull is noted; the run gets number 13.
func (o *Operator) StartFull(_ context.Context, start engine.StartOptions) (engine.RunID, error) {
	return 13, o.take(Call{Action: "start", Start: start})
}

// Pause is noted.
func (o *Operator) Pause(_ context.Context, act engine.Act) error {
	return o.take(Call{Action: "pause", Act: act})
}

// Resume is noted.
func (o *Operator) Resume(_ context.Context, act engine.Act) error {
	return o.take(Call{Action: "resume", Act: act})
}

// Cancel is noted.
func (o *Operator) Cancel(_ context.Context, act engine.Act) error {
	return o.take(Call{Action: "cancel", Act: act})
}
