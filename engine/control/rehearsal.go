package control

import (
	"context"
	"fmt"
	"time"

	"ferry/engine"
	"ferry/engine/rehearsal"
)

// Rehearsals keeps rehearsals.
type Rehearsals interface {
	StartRehearsal(ctx context.Context, sourceIdentity string, by engine.Actor, o engine.RehearsalOptions) (engine.RunID, error)
	Rehearsals(ctx context.Context, before engine.RunID, limit int) ([]*rehearsal.Kept, error)
	// Rehearsal fails with ErrNoSuchRun.
	Rehearsal(ctx context.Context, id engine.RunID) (*rehearsal.Kept, error)
	RehearsalSamples(ctx context.Context, id engine.RunID) ([]engine.RehearsalSample, error)
	RerunGate(ctx context.Context, act engine.Act, gate engine.GateName, by engine.Actor) error
	// ConfirmFreeze keeps that Odoo is frozen, and where the source stood right before; nil: that was not seen.
	ConfirmFreeze(ctx context.Context, act engine.Act, base *rehearsal.Mark, by engine.Actor) error
	// HoldRehearsal takes a rehearsal up for a process; it gives false while another one that is alive carries it out.
	HoldRehearsal(ctx context.Context, id engine.RunID, p engine.Process) (bool, error)
	// KeepRehearsal keeps what the holder has changed. It fails with ErrStateChanged if it may not any more.
	KeepRehearsal(ctx context.Context, id engine.RunID, holder string, c rehearsal.Change) error
	SampleRehearsal(ctx context.Context, id engine.RunID, s engine.RehearsalSample) error
	// ExpireRehearsal keeps that the source has moved on since a GO.
	ExpireRehearsal(ctx context.Context, id engine.RunID, moved string) error
	// RunState gives a run without its steps. It fails with ErrNoSuchRun.
	RunState(ctx context.Context, id engine.RunID) (*engine.RunView, error)
	// FailedSince lists the runs that failed since a moment and that nobody has mended.
	FailedSince(ctx context.Context, since time.Time) ([]engine.RunView, error)
}

// StartRehearsal begins a rehearsal; a process with workers carries it out, this one first.
func (k *Control) StartRehearsal(ctx context.Context, o engine.RehearsalOptions) (engine.RunID, error) {
	var id engine.RunID
	err := k.act(ctx, "start rehearsal", engine.Act{Reason: o.Reason}, func() error {
		o, err := rehearsal.Check(o)
		if err != nil {
			return err
		}
		if !k.works() {
			return fmt.Errorf("%w: %w", engine.ErrReadOnly, errNobodyRehearses)
		}
		if err := k.c.Ledger.Ready(ctx); err != nil {
			return err
		}
		if err := k.c.Source.Safety(ctx); err != nil {
			return err
		}
		identity, err := k.c.Source.Identity(ctx)
		if err != nil {
			return err
		}
		if err := k.signOn(ctx); err != nil {
			return err
		}
		id, err = k.c.Ledger.StartRehearsal(ctx, identity, k.c.Actor, o)
		return err
	})
	return id, err
}

// Rehearsals lists rehearsals, newest first, and looks whether their GO still holds.
func (k *Control) Rehearsals(ctx context.Context, before engine.RunID, limit int) ([]engine.RehearsalView, error) {
	kept, err := k.c.Ledger.Rehearsals(ctx, before, limit)
	if err != nil {
		return nil, err
	}
	out := make([]engine.RehearsalView, len(kept))
	for i, r := range kept {
		k.stand(ctx, r)
		out[i] = r.RehearsalView
	}
	return out, nil
}

// Rehearsal gives one, and looks whether its GO still holds.
func (k *Control) Rehearsal(ctx context.Context, id engine.RunID) (*engine.RehearsalView, error) {
	kept, err := k.c.Ledger.Rehearsal(ctx, id)
	if err != nil {
		return nil, err
	}
	k.stand(ctx, kept)
	return &kept.RehearsalView, nil
}

// RehearsalSamples gives what was seen in the course of a rehearsal.
func (k *Control) RehearsalSamples(ctx context.Context, id engine.RunID) ([]engine.RehearsalSample, error) {
	return k.c.Ledger.RehearsalSamples(ctx, id)
}

// RerunGate has a gate of the last rehearsal measured again.
func (k *Control) RerunGate(ctx context.Context, act engine.Act, gate engine.GateName) error {
	return k.act(ctx, "measure gate "+string(gate), act, func() error {
		if err := k.c.Ledger.Ready(ctx); err != nil {
			return err
		}
		return k.c.Ledger.RerunGate(ctx, act, gate, k.c.Actor)
	})
}

// confirmFreeze says that Odoo is frozen. Where the source stands is looked at before, so that whatever is written from the answer on
// is found, however late somebody comes to carry the rehearsal out.
func (k *Control) confirmFreeze(ctx context.Context, act engine.Act) error {
	mark, err := k.c.Source.Mark(ctx, nil)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	base := &mark
	if err != nil {
		k.c.Logger.WarnContext(ctx, "where the source stands could not be looked at; whoever carries the rehearsal out looks later", "error", err)
		base = nil
	}
	return k.c.Ledger.ConfirmFreeze(ctx, act, base, k.c.Actor)
}

// stand looks whether a GO still holds. That it expired is kept; that nobody could look is only said.
func (k *Control) stand(ctx context.Context, r *rehearsal.Kept) {
	if r.Verdict != engine.Pass || !r.ExpiredAt.IsZero() {
		return
	}
	s := k.still(ctx, r.Mark)
	r.Standing, r.Moved = rehearsal.Standing(r.Verdict, s), s.What
	if r.Standing != engine.StandingExpired {
		return
	}
	r.ExpiredAt = time.Now().UTC()
	if k.c.Process.ReadOnly {
		return
	}
	if err := k.c.Ledger.ExpireRehearsal(ctx, r.ID, s.What); err != nil {
		k.c.Logger.WarnContext(ctx, "that a GO has expired was not kept; the next look sees it again", "rehearsal", r.ID, "error", err)
	}
}

// still compares the source with a mark.
func (k *Control) still(ctx context.Context, mark *rehearsal.Mark) rehearsal.Stillness {
	if mark == nil {
		return mark.Still(nil)
	}
	now, err := k.c.Source.Mark(ctx, mark)
	if err != nil {
		return rehearsal.Stillness{What: "the source could not be looked at: " + err.Error()}
	}
	return mark.Still(&now)
}

// standLook is how often it is looked whether a GO holds; where that costs much, less often.
const standLook = 3 * time.Second

// standing is how the GO of a rehearsal was when it was looked at last.
type standing struct {
	of      engine.RunID
	verdict time.Time
	how     engine.Standing
	moved   string
	expired time.Time
}

// watchGo looks again and again whether the GO that is shown still holds, until ctx ends.
func (k *Control) watchGo(ctx context.Context) {
	var next time.Time
	every(ctx, k.c.WatchEvery, func() {
		s := k.Snapshot()
		v := s.Rehearsal
		if v == nil || s.Target.Down() || v.Verdict != engine.Pass || !v.ExpiredAt.IsZero() {
			return
		}
		if last := k.standing.Load(); last != nil && last.of == v.ID && last.verdict.Equal(v.VerdictAt) && time.Now().Before(next) {
			return
		}
		began := time.Now()
		kept, err := k.c.Ledger.Rehearsal(ctx, v.ID)
		if err != nil {
			k.c.Logger.InfoContext(ctx, "whether a GO still holds was not seen", "error", err)
			return
		}
		k.stand(ctx, kept)
		next = time.Now().Add(standLook + 20*time.Since(began))
		k.standing.Store(&standing{v.ID, kept.VerdictAt, kept.Standing, kept.Moved, kept.ExpiredAt})
		k.refresh()
	})
}

// withStanding adds to a snapshot how its GO stands.
func (k *Control) withStanding(s *engine.Snapshot) {
	v, last := s.Rehearsal, k.standing.Load()
	if v == nil || last == nil || v.Verdict != engine.Pass || !v.ExpiredAt.IsZero() || last.of != v.ID || !last.verdict.Equal(v.VerdictAt) {
		return
	}
	next := *v
	next.Standing, next.Moved, next.ExpiredAt = last.how, last.moved, last.expired
	s.Rehearsal = &next
}
