package tuitest

import (
	"context"
	"fmt"
	"slices"

	"ferry/engine"
)

// StartRehearsal is noted; the rehearsal gets number 15.
func (o *Operator) StartRehearsal(_ context.Context, start engine.RehearsalOptions) (engine.RunID, error) {
	return 15, o.take(Call{Action: "rehearse", Rehearse: start})
}

// RerunGate is noted.
func (o *Operator) RerunGate(_ context.Context, act engine.Act, gate engine.GateName) error {
	return o.take(Call{Action: "rerun gate", Act: act, Set: string(gate)})
}

// Rehearse gives the rehearsals that there have been, newest first.
func (o *Operator) Rehearse(of ...engine.RehearsalView) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.rehearsals = of
}

// Rehearsals gives a page of what Rehearse was given.
func (o *Operator) Rehearsals(_ context.Context, before engine.RunID, limit int) ([]engine.RehearsalView, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.read(fmt.Sprintf("rehearsals before %d", before)); err != nil {
		return nil, err
	}
	of := slices.DeleteFunc(slices.Clone(o.rehearsals), func(v engine.RehearsalView) bool { return before != 0 && v.ID >= before })
	return of[:min(limit, len(of))], nil
}

// Rehearsal gives one of them.
func (o *Operator) Rehearsal(_ context.Context, id engine.RunID) (*engine.RehearsalView, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.read(fmt.Sprintf("rehearsal %d", id)); err != nil {
		return nil, err
	}
	for i := range o.rehearsals {
		if o.rehearsals[i].ID == id {
			v := o.rehearsals[i]
			return &v, nil
		}
	}
	return nil, fmt.Errorf("%w: #%d", engine.ErrNoSuchRun, id)
}

// RehearsalSamples gives none.
func (o *Operator) RehearsalSamples(context.Context, engine.RunID) ([]engine.RehearsalSample, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return nil, o.read("samples")
}
