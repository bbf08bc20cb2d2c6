package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"ferry/engine"
	"ferry/engine/metrics"
)

// daemon is a process that runs without a terminal.
type daemon struct {
	f       *ferry
	as      calling
	c       *crossing
	tape    *taping
	logger  *slog.Logger
	metrics *metrics.Metrics

	server   *http.Server // nil: it listens nowhere
	at       string       // where
	lost     chan error   // why it does not listen any more
	draining atomic.Bool
	trouble  atomic.Pointer[string] // why no ticks begin here although they should; nil: nothing
	manager  manager
}

// newDaemon wires everything. It does not connect.
func (f *ferry) newDaemon(ctx context.Context, as calling) (*daemon, error) {
	logger := logTo(f.err, slog.LevelInfo)
	if f.settings.JSON {
		logger = logJSON(f.err, slog.LevelInfo)
	}
	c, err := f.openAs(ctx, f.settings.Workers, logger, as.works)
	if err != nil {
		return nil, err
	}
	tape, err := f.record(c)
	if err != nil {
		c.close()
		return nil, err
	}
	d := &daemon{f: f, as: as, c: c, tape: tape, logger: logger, lost: make(chan error, 1)}
	d.metrics = metrics.New(version(), c.Snapshot)
	d.manager = manager{notify: notifySystemd, logger: logger}
	c.target.SetObserver(d.metrics)
	return d, nil
}

// close ends what newDaemon began.
func (d *daemon) close(ctx context.Context) {
	d.tape.end(ctx, func(format string, args ...any) {
		d.logger.InfoContext(ctx, "recording ended", "how", fmt.Sprintf(format, args...))
	})
	d.c.close()
}

// run works until soft has ended, then drains.
func (d *daemon) run(soft, hard context.Context) error {
	d.logger.InfoContext(soft, "started", "command", d.as.verb, "version", version(), "source", d.c.source.Address(), "target", d.c.target.Address(),
		"workers", d.f.settings.Workers, "read_only", d.f.settings.ReadOnly, "listens_at", d.at)
	d.onlyTells(soft)
	d.c.Run(hard)
	ctx, cancel := context.WithCancel(soft)
	var beside sync.WaitGroup
	beside.Go(func() { d.tell(ctx) })
	if d.keeps() {
		beside.Go(func() { d.keep(ctx) })
	}
	var err error
	select {
	case <-soft.Done():
	case err = <-d.lost:
	}
	cancel()
	beside.Wait()
	if drained := d.drain(hard); err == nil {
		err = drained
	}
	return err
}

// onlyTells says what a process that only tells leaves to others.
func (d *daemon) onlyTells(ctx context.Context) {
	switch {
	case d.f.settings.ReadOnly:
		d.logger.WarnContext(ctx, "only tells (--read-only): nothing is worked on, no tick or check begins, no level is judged and no alert is sent here")
	case d.f.settings.Workers == 0:
		d.logger.WarnContext(ctx, "only tells (--workers 0): nothing is worked on, and no tick or check begins here")
	}
}

// keeps reports whether this process is to start what is due.
func (d *daemon) keeps() bool {
	return !d.as.works && d.f.settings.Workers > 0 && !d.f.settings.ReadOnly
}

// drain lets batches in flight end, within the limit. What takes longer is aborted, which is safe, and an error.
func (d *daemon) drain(hard context.Context) error {
	d.draining.Store(true)
	limit := d.f.settings.DrainLimit
	d.manager.stopping(limit)
	d.logger.InfoContext(hard, "draining: batches in flight end first; a second INT or TERM aborts them, which is safe too", "limit", limit)
	began := time.Now()
	stop, cancel := context.WithTimeout(hard, limit)
	defer cancel()
	d.c.rest(stop)
	err := d.c.Stop(stop)
	switch took := time.Since(began).Round(time.Millisecond); {
	case hard.Err() != nil:
		d.logger.WarnContext(context.WithoutCancel(hard), "aborted; what had not committed is undone, and others go on with it", "took", took)
	case err == nil && errors.Is(stop.Err(), context.DeadlineExceeded):
		return fmt.Errorf("batches were still in flight after --drain-limit %s and were aborted, which is safe: others go on with them", limit)
	case err == nil:
		d.logger.InfoContext(hard, "drained", "took", took)
	}
	return err
}

// keepEvery is how often it is looked whether ticks should begin here.
const keepEvery = time.Second

// keep has ticks begin here from the moment on at which a first cycle is complete. What keeps it from that is tried again, for as
// long as it takes, and said.
func (d *daemon) keep(ctx context.Context) {
	adopted := false // a run that fails again and again is not gone on with for ever
	failures, sealed := 0, false
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(keepEvery * time.Duration(1<<min(failures, 5))):
		}
		s := d.c.Snapshot()
		if s.TakenAt.IsZero() || s.Target.Down() || s.Setup != engine.SetupReady {
			continue // told already
		}
		var err error
		was := sealed
		sealed = s.Sealed != nil
		switch cycled := !s.Freshness.ReadFrom.IsZero() && s.Unkeyed == 0; {
		case s.Sealed != nil: // nothing is tried: that would be refused, and journalled, each time
			if !was {
				d.logger.InfoContext(ctx, "no ticks begin here until the engine is unsealed", "sealed", s.Sealed.String())
			}
		case cycled != s.Process.Keeps:
			err = d.turn(ctx, s, cycled)
		case !cycled && !adopted:
			adopted, err = d.adopt(ctx, s)
		}
		if ctx.Err() == nil {
			failures = d.note(ctx, err, failures)
		}
	}
}

// turn has ticks begin here, or no longer.
func (d *daemon) turn(ctx context.Context, s *engine.Snapshot, on bool) error {
	if !on {
		return d.c.KeepInStep(ctx, 0)
	}
	if _, err := fitSource(ctx, d.c.source); err != nil { // before an action is refused, which would be journalled each time
		return err
	}
	return d.c.KeepInStep(ctx, s.Schedule.Every)
}

// adopt goes on with a full run that was interrupted before any cycle was complete: nobody is there who would. It reports whether
// it did.
func (d *daemon) adopt(ctx context.Context, s *engine.Snapshot) (bool, error) {
	if s.Run != nil && s.Run.State.Active() {
		return false, nil
	}
	run, err := (&adoption{c: d.c, o: syncOptions{kind: engine.RunFull}}).unfinished(ctx)
	if err != nil || run == nil {
		return false, err
	}
	identity, err := fitSource(ctx, d.c.source)
	if err != nil {
		return false, err
	}
	if err := adoptable(run, identity); err != nil {
		return false, err
	}
	err = d.c.Resume(ctx, engine.Act{Run: run.ID, Seen: run.State, Reason: "it was interrupted before any cycle was complete"})
	return err == nil, err
}

// note keeps why no ticks begin, and says it once. It gives how often that has failed in a row.
func (d *daemon) note(ctx context.Context, err error, failures int) int {
	if err == nil {
		d.trouble.Store(nil)
		return 0
	}
	text := err.Error()
	if before := d.trouble.Swap(&text); before == nil || *before != text {
		d.logger.WarnContext(ctx, "no ticks begin here, trying again", "error", err)
	}
	return failures + 1
}
