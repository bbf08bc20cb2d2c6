package main

import (
	"context"
	"fmt"
	"log/slog"
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

// openWorking opens both databases for a command that works in this process without a console, and records it where --record says so.
// The log tells errors until its level is changed: what is refused is told by the command itself. Call end when it is over.
func (f *ferry) openWorking(soft, hard context.Context) (c *crossing, level *slog.LevelVar, end func(), err error) {
	f.outlive(soft)
	level = &slog.LevelVar{}
	level.Set(slog.LevelError)
	if c, err = f.open(hard, f.settings.Workers, logTo(f.err, level)); err != nil {
		return nil, nil, nil, err
	}
	tape, err := f.record(c)
	if err != nil {
		c.close()
		return nil, nil, nil, err
	}
	return c, level, func() {
		tape.end(hard, func(format string, args ...any) { fmt.Fprintf(f.err, format+"\n", args...) })
		c.close()
	}, nil
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
