// Package tuitest helps to test the console: an operator that does what a test says, the states that a console can
// meet as ready snapshots, and a pump that runs a model without a terminal, without time passing, and without sleeps.
package tuitest

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"ferry/engine"
)

// Call is one action that reached the operator.
type Call struct {
	Action   string
	Act      engine.Act
	Start    engine.StartOptions
	Batch    engine.BatchID
	Entity   string
	Accept   bool                       // of an answer
	Every    time.Duration              // of keeping in step
	Which    engine.QuarantineSelection // rows of quarantine
	Again    bool                       // a waiver is taken back
	Check    engine.CheckOptions        // of a check
	Set      string                     // the rule and its severity: "card.partner_missing=warn"; of a repair the plan and the typed name
	Found    engine.DiscrepancySelection
	Until    time.Time // of an acknowledgement
	Rehearse engine.RehearsalOptions
}

// Operator is scripted: it shows a snapshot, keeps what it is asked for, and answers with the error that it is given.
type Operator struct {
	mu         sync.Mutex
	snapshot   *engine.Snapshot
	calls      []Call
	err        error
	history    []*engine.RunDetail // newest first
	looked     engine.Preflight
	forecast   engine.Preflight
	reads      []string
	readError  error
	rows       []engine.QuarantineRow // by entity and id
	rules      []engine.RuleView
	found      findings
	drifted    []engine.LedgerCard
	cards      []*engine.CardReport
	alerts     []engine.AlertView // newest first
	tested     []engine.DeliveryView
	rehearsals []engine.RehearsalView // newest first
	journal    []engine.JournalEntry
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

// FailReads makes every further look at runs and preconditions end with an error; nil makes them succeed.
func (o *Operator) FailReads(err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.readError = err
}

// Keep gives the history of runs, newest first.
func (o *Operator) Keep(history ...*engine.RunDetail) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.history = history
}

// Find gives what preflight finds, without and with the forecast.
func (o *Operator) Find(looked, forecast engine.Preflight) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.looked, o.forecast = looked, forecast
}

// Reads lists what was read, oldest first: "runs before 0", "run 12", "preflight", "forecast".
func (o *Operator) Reads() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.reads)
}

func (o *Operator) read(what string) error {
	o.reads = append(o.reads, what)
	return o.readError
}

// Calls lists what was asked for, oldest first.
func (o *Operator) Calls() []Call {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.calls)
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

// StartIncremental is noted; the run gets number 14.
func (o *Operator) StartIncremental(_ context.Context, start engine.StartOptions) (engine.RunID, error) {
	return 14, o.take(Call{Action: "tick", Start: start})
}

// KeepInStep is noted.
func (o *Operator) KeepInStep(_ context.Context, every time.Duration) error {
	return o.take(Call{Action: "keep in step", Every: every})
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

// Answer is noted.
func (o *Operator) Answer(_ context.Context, act engine.Act, accept bool) error {
	return o.take(Call{Action: "answer", Act: act, Accept: accept})
}

// PauseEntity is noted.
func (o *Operator) PauseEntity(_ context.Context, entity string, act engine.Act) error {
	return o.take(Call{Action: "pause entity", Act: act, Entity: entity})
}

// ResumeEntity is noted.
func (o *Operator) ResumeEntity(_ context.Context, entity string, act engine.Act) error {
	return o.take(Call{Action: "resume entity", Act: act, Entity: entity})
}

// PauseSchedule is noted.
func (o *Operator) PauseSchedule(_ context.Context, act engine.Act) error {
	return o.take(Call{Action: "pause schedule", Act: act})
}

// ResumeSchedule is noted.
func (o *Operator) ResumeSchedule(_ context.Context, act engine.Act) error {
	return o.take(Call{Action: "resume schedule", Act: act})
}

// RetryBatch is noted.
func (o *Operator) RetryBatch(_ context.Context, act engine.Act, batch engine.BatchID) error {
	return o.take(Call{Action: "retry", Act: act, Batch: batch})
}

// SetPolicy is noted.
func (o *Operator) SetPolicy(_ context.Context, name, value string, act engine.Act) error {
	return o.take(Call{Action: "set policy", Act: act, Set: name + "=" + value})
}

// Preflight gives what Find was given.
func (o *Operator) Preflight(ctx context.Context, forecast bool) (engine.Preflight, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	what := "preflight"
	if forecast {
		what = "forecast"
	}
	if err := o.read(what); err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if forecast {
		return slices.Concat(o.looked, o.forecast), nil
	}
	return slices.Clone(o.looked), nil
}

// Runs gives a page of what Keep was given.
func (o *Operator) Runs(_ context.Context, before engine.RunID, limit int) ([]engine.RunSummary, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.read(fmt.Sprintf("runs before %d", before)); err != nil {
		return nil, err
	}
	var page []engine.RunSummary
	for _, d := range o.history {
		if (before == 0 || d.ID < before) && len(page) < limit {
			page = append(page, d.RunSummary)
		}
	}
	return page, nil
}

// RunDetail gives a run of those that Keep was given.
func (o *Operator) RunDetail(_ context.Context, id engine.RunID) (*engine.RunDetail, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.read(fmt.Sprintf("run %d", id)); err != nil {
		return nil, err
	}
	for _, d := range o.history {
		if d.ID == id {
			return d, nil
		}
	}
	return nil, fmt.Errorf("%w: #%d", engine.ErrNoSuchRun, id)
}
