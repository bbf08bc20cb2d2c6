package tuitest

import (
	"context"

	"ferry/engine"
)

// StartCheck is noted; the run gets number 15.
func (o *Operator) StartCheck(_ context.Context, check engine.CheckOptions) (engine.RunID, error) {
	return 15, o.take(Call{Action: "check", Check: check})
}

// Check gives the snapshot's check, if it is that one.
func (o *Operator) Check(_ context.Context, id engine.RunID) (*engine.CheckView, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if v := o.snapshot.Check; v != nil && v.ID == id && o.readError == nil {
		return v, nil
	}
	if o.readError != nil {
		return nil, o.readError
	}
	return nil, engine.Refuse(engine.ErrNoSuchRun, "run #%d is no check", id)
}
