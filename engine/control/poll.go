package control

import (
	"context"
	"time"

	"ferry/engine"
)

// How often the durable state is read.
const (
	pollBusy   = 250 * time.Millisecond
	pollIdle   = time.Second
	pollLimit  = 5 * time.Second
	sourceLook = 5 * time.Second
)

// retryWaits are the waits between attempts at a database that is down.
var retryWaits = []time.Duration{time.Second, 2 * time.Second, 3 * time.Second, 5 * time.Second, 5 * time.Second, 10 * time.Second}

// poll publishes snapshots until ctx ends.
func (k *Control) poll(ctx context.Context) {
	p := poller{k: k}
	for {
		wait := p.once(ctx)
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-k.changed:
			timer.Stop()
		case <-timer.C:
		}
	}
}

// Look reads both databases once, without a poller, and gives the snapshot.
func (k *Control) Look(ctx context.Context) *engine.Snapshot {
	p := poller{k: k}
	p.once(ctx)
	return k.Snapshot()
}

// poller keeps what lasts from one poll to the next.
type poller struct {
	k              *Control
	target, source engine.Endpoint
	targetTries    int
	sourceTries    int
	sourceNext     time.Time
	setup          engine.Setup
	durable        *engine.Snapshot // the last one read

	proofNext time.Time
	proofOf   string // the check and its state when it was last read

	reasonsNext time.Time
	reasonsOf   engine.RunState // the state in which they were last counted
}

// reasons gives what is in quarantine by reason. Counting costs with its size, so while a run goes on it is counted
// anew only as often as costs a tenth of the time, and once when the state changes. A count that fails or takes too long
// says nothing about the database: the last one stands.
func (p *poller) reasons(ctx context.Context, s *engine.Snapshot) []engine.ReasonView {
	var state engine.RunState
	if s.Run != nil {
		state = s.Run.State
	}
	var last []engine.ReasonView
	if p.durable != nil {
		last = p.durable.Reasons
		if state == p.reasonsOf && time.Now().Before(p.reasonsNext) {
			return last
		}
	}
	began := time.Now()
	reasons, err := p.k.c.Ledger.Reasons(ctx)
	p.reasonsNext = time.Now().Add(pollIdle + 10*time.Since(began))
	p.reasonsOf = state
	if err != nil {
		p.k.c.Logger.InfoContext(ctx, "quarantine was not counted by reason", "error", err)
		return last
	}
	return reasons
}

// once reads, joins and publishes; it gives the time until the next poll.
func (p *poller) once(ctx context.Context) time.Duration {
	if ctx.Err() != nil {
		return 0
	}
	p.lookAtTarget(ctx)
	if time.Now().After(p.sourceNext) {
		p.lookAtSource(ctx)
	}
	s := &engine.Snapshot{}
	if p.durable != nil {
		*s = *p.durable
	}
	p.k.withStanding(s)
	s.Process, s.Profile = p.k.process(), p.k.c.Profile
	s.Schedule.Here = s.Process.Keeps
	s.Source, s.Target, s.Setup = p.source, p.target, p.setup
	s.Source.Address, s.Source.ReadOnly = p.k.c.Source.Address(), true
	s.Source.Insecure = p.k.c.InsecureSource
	s.Target.Address, s.Target.Insecure = p.k.c.Ledger.Address(), p.k.c.InsecureTarget
	s.Sequence, s.At = p.k.sequence.Add(1), time.Now()
	p.k.latest.Store(s)
	switch {
	case p.target.Down():
		return time.Until(p.target.NextTry)
	case s.Run != nil && s.Run.State.Active(), s.Rehearsal != nil && wanted(s.Rehearsal):
		return pollBusy
	}
	return pollIdle
}

func (p *poller) lookAtTarget(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, pollLimit)
	defer cancel()
	version, setup, err := p.k.c.Ledger.Ping(ctx)
	if err == nil && setup == engine.SetupReady {
		var s *engine.Snapshot
		began := time.Now() // not later than the moment of which it tells: what is late is never shown as younger
		if s, err = p.k.c.Ledger.Read(ctx); err == nil {
			p.k.rates.apply(s)
			for i := range s.Workers {
				s.Workers[i].Here = s.Workers[i].ID == p.k.c.Process.ID
			}
			s.Reasons = p.reasons(ctx, s)
			s.Proof = p.proof(ctx, s)
			s.ReadAt = began
			p.durable = s
		}
	}
	if err == nil {
		p.setup = setup
	}
	note(&p.target, &p.targetTries, version, err)
}

func (p *poller) lookAtSource(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, pollLimit)
	defer cancel()
	version, err := p.k.c.Source.Ping(ctx)
	note(&p.source, &p.sourceTries, version, err)
	if err == nil {
		p.source.Oldest = p.oldest(ctx)
	}
	p.sourceNext = time.Now().Add(sourceLook)
	if err != nil {
		p.sourceNext = p.source.NextTry
	}
}

// note keeps the outcome of an attempt to reach a database.
func note(e *engine.Endpoint, tries *int, version string, err error) {
	if err == nil {
		*e, *tries = engine.Endpoint{Version: version}, 0
		return
	}
	if !e.Down() {
		e.DownSince = time.Now()
	}
	e.Err = err.Error()
	e.NextTry = time.Now().Add(retryWaits[min(*tries, len(retryWaits)-1)])
	*tries++
}
