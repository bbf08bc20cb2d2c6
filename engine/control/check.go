package control

import (
	"context"
	"fmt"
	"time"

	"ferry/engine"
	"ferry/engine/check"
)

// Prover keeps checks and what they prove.
type Prover interface {
	StartCheck(ctx context.Context, sourceIdentity string, by engine.Actor, o engine.CheckOptions) (engine.RunID, error)
	Check(ctx context.Context, id engine.RunID) (*engine.CheckView, error)
	// Proof gives what is proven at this moment.
	Proof(ctx context.Context) (engine.ProofView, error)
	// RollDue reports whether a rolling check should begin now.
	RollDue(ctx context.Context) (bool, error)
}

// prove lets the executor carry out the batches of checks.
func (k *Control) prove() {
	runner := &check.Runner{
		Source: k.c.Source, Ledger: check.Ledger(k.c.Source), LedgerWidth: check.LedgerWidth, Patience: k.c.Patience,
		Reached: k.c.Reached,
	}
	k.executor.Others, k.executor.Plans = runner.Verbs(), runner.Plans()
}

// StartCheck begins a check beside whatever else runs, unless the source could be written.
func (k *Control) StartCheck(ctx context.Context, o engine.CheckOptions) (engine.RunID, error) {
	var id engine.RunID
	err := k.act(ctx, "start check", engine.Act{Reason: o.Reason}, func() (err error) {
		id, err = k.startCheck(ctx, o)
		return err
	})
	return id, err
}

func (k *Control) startCheck(ctx context.Context, o engine.CheckOptions) (engine.RunID, error) {
	if err := k.c.Ledger.Ready(ctx); err != nil {
		return 0, err
	}
	if err := k.fit(ctx); err != nil {
		return 0, err
	}
	identity, err := k.c.Source.Identity(ctx)
	if err != nil {
		return 0, err
	}
	if err := k.signOn(ctx); err != nil {
		return 0, err
	}
	return k.c.Ledger.StartCheck(ctx, identity, k.c.Actor, o)
}

// Check gives what one check says.
func (k *Control) Check(ctx context.Context, id engine.RunID) (*engine.CheckView, error) {
	return k.c.Ledger.Check(ctx, id)
}

// rollIfDue begins the rolling check that is due. Whoever is first begins it, as with ticks.
func (k *Control) rollIfDue(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, tickLimit)
	defer cancel()
	due, err := k.c.Ledger.RollDue(ctx)
	if err != nil || !due {
		return err
	}
	id, err := k.startCheck(ctx, engine.CheckOptions{Rolling: true})
	if id != 0 {
		k.refresh()
	}
	return err
}

// proof gives what is proven. Counting what differs costs with its amount, so it is counted anew only as often as costs a tenth
// of the time, and once when the check or its state changes. Where it cannot be read, nothing is known.
func (p *poller) proof(ctx context.Context, s *engine.Snapshot) engine.ProofView {
	of := ""
	if s.Check != nil {
		of = fmt.Sprint(s.Check.ID, s.Check.State)
	}
	if p.durable != nil && of == p.proofOf && time.Now().Before(p.proofNext) {
		return p.durable.Proof
	}
	if s.Unkeyed != 0 {
		// Nothing is proven of tables that are being filled, and to look which ranges have rows would read them whole, again and again.
		return engine.ProofView{Verdict: engine.CouldNotCheck, Why: "the engine's tables have no keys yet; a check is possible once the first load has ended"}
	}
	began := time.Now()
	proof, err := p.k.c.Ledger.Proof(ctx)
	p.proofNext, p.proofOf = time.Now().Add(pollBusy+10*time.Since(began)), of
	if err != nil {
		p.k.c.Logger.InfoContext(ctx, "what is proven could not be read", "error", err)
		return engine.ProofView{Verdict: engine.CouldNotCheck, Why: "what is proven could not be read: " + err.Error()}
	}
	return proof
}
