package main

import (
	"context"
	"fmt"
	"time"

	"ferry/engine"
)

// mayWork refuses a command that works in a process that only looks.
func (f *ferry) mayWork(who, does string) error {
	if f.settings.ReadOnly {
		return fmt.Errorf("%w: %s %s; start it without --read-only", engine.ErrReadOnly, who, does)
	}
	if f.settings.Workers == 0 {
		return usage("--workers 0 only looks and steers; %s needs at least one", who)
	}
	return nil
}

// taken asks again and again whether a run may be taken up, until once gives its number, or an error.
func taken(ctx context.Context, once func(context.Context) (engine.RunID, error)) (engine.RunID, error) {
	for {
		id, err := once(ctx)
		if err != nil || id != 0 {
			return id, err
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// liveHolder gives a process with workers that is alive.
func liveHolder(s *engine.Snapshot) (engine.WorkerView, bool) {
	return living(s, func(engine.WorkerView) bool { return true })
}

// living gives a process with workers that is alive and is wanted.
func living(s *engine.Snapshot, wanted func(engine.WorkerView) bool) (engine.WorkerView, bool) {
	for _, w := range s.Workers {
		if w.Works() && wanted(w) {
			return w, true
		}
	}
	return engine.WorkerView{}, false
}
