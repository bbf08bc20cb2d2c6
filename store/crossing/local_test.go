package crossing_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/engine/cycle"
)

// gate holds batches at a point, in a ferry within the test's own process, until it is opened.
type gate struct {
	at      cycle.Point
	skip    int           // how many may pass before
	only    func() bool   // what may not; nil: everything
	arrived chan struct{} // one for each that is held
	open    func()

	mu     sync.Mutex
	opened chan struct{}
}

func newGate(at cycle.Point, skip int) *gate {
	g := &gate{at: at, skip: skip, arrived: make(chan struct{}, 100), opened: make(chan struct{})}
	g.open = sync.OnceFunc(func() { close(g.opened) })
	return g
}

func (g *gate) reached(p cycle.Point) {
	if p != g.at || g.only != nil && !g.only() {
		return
	}
	g.mu.Lock()
	g.skip--
	pass := g.skip >= 0
	g.mu.Unlock()
	if pass {
		return
	}
	g.arrived <- struct{}{}
	<-g.opened
}

// await waits until batches are held.
func (g *gate) await(t *testing.T, batches int) {
	t.Helper()
	for range batches {
		select {
		case <-g.arrived:
		case <-time.After(limit):
			require.Fail(t, "nobody came by "+string(g.at))
		}
	}
}

// local is a ferry within the test's own process.
type local struct {
	*ferry

	t    *testing.T
	gate *gate
	stop func(ctx context.Context) error // once
}

// here starts a ferry. Its gate may be nil.
func here(t *testing.T, source, target, id string, workers int, g *gate) *local {
	t.Helper()
	o := ferryOptions{id: id, source: source, target: target, workers: workers, tempo: quick, log: t.Output()}
	if g != nil {
		o.reached = g.reached
	}
	return hereWith(t, o, g)
}

func hereWith(t *testing.T, o ferryOptions, g *gate) *local {
	t.Helper()
	f, err := openFerry(t.Context(), o)
	require.NoError(t, err)
	l := &local{ferry: f, t: t, gate: g}
	var once sync.Once
	var stopErr error
	l.stop = func(ctx context.Context) error {
		once.Do(func() {
			stopErr = f.Stop(ctx)
			f.close()
		})
		return stopErr
	}
	f.Run(t.Context())
	t.Cleanup(func() {
		if g != nil {
			g.open()
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), limit)
		defer cancel()
		require.NoError(t, l.stop(ctx))
	})
	return l
}

// drain stops the ferry in good order. What is held at its gate goes on once it has been told to stop.
func (l *local) drain() {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), limit)
	defer cancel()
	if l.gate != nil {
		opening := time.AfterFunc(100*time.Millisecond, l.gate.open)
		defer opening.Stop()
	}
	require.NoError(l.t, l.stop(ctx))
}

// begin starts a full run.
func (l *local) begin() engine.RunID {
	l.t.Helper()
	id, err := l.StartFull(l.t.Context(), engine.StartOptions{})
	require.NoError(l.t, err)
	return id
}
