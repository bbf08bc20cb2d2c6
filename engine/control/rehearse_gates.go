package control

import (
	"context"
	"fmt"

	"ferry/engine"
	"ferry/engine/rehearsal"
)

// verdict measures all gates and decides. Where the source goes on and the last tick is too long ago, one more is taken first.
func (d *director) verdict(ctx context.Context, r *rehearsal.Kept, step engine.RehearsalStep) error {
	if step.Run != 0 {
		run, err := d.k.c.Ledger.RunState(ctx, step.Run)
		if err != nil {
			return err
		}
		if run.State.Active() && run.State != engine.RunPaused && run.State != engine.RunAsking {
			return nil
		}
	}
	seen, mark, err := d.see(ctx, r, checkOf(r))
	if err != nil {
		return err
	}
	var gates []engine.RehearsalGate
	for _, g := range r.Gates {
		gates = append(gates, rehearsal.Measure(g.Name, seen))
	}
	if step.Run == 0 && late(r, gates) {
		id, inTheWay, err := d.beginTick(ctx, r, step)
		if err != nil || id == 0 {
			return d.laterOr(ctx, r, step, inTheWay, err)
		}
		step.Run = id
		return d.keep(ctx, r, ended(step, engine.RehearsalRunning, fmt.Sprintf("run #%d: the last tick was too long ago", id)))
	}
	c := ended(step, engine.RehearsalDone, "")
	verdict, why := rehearsal.Decide(r.Steps, gates)
	c.Steps[0].Found = engine.GoWord(verdict)
	c.Gates, c.Ended = gates, &rehearsal.Ended{Verdict: verdict, Why: why, Mark: mark}
	return d.keep(ctx, r, c)
}

func (d *director) laterOr(ctx context.Context, r *rehearsal.Kept, step engine.RehearsalStep, inTheWay string, err error) error {
	if err != nil {
		return err
	}
	return d.tell(ctx, r, step, "waits: "+inTheWay)
}

// late reports whether only a tick is lacking: every step is done, and the engine may be later than its limit.
func late(r *rehearsal.Kept, gates []engine.RehearsalGate) bool {
	for _, s := range r.Steps {
		if s.State == engine.RehearsalFailed {
			return false
		}
	}
	for _, g := range gates {
		if g.Name == engine.GateFreshness {
			return g.Verdict == engine.Fail
		}
	}
	return false
}

// checkOf is the rehearsal's full pass, 0 without one.
func checkOf(r *rehearsal.Kept) engine.RunID {
	if s := r.Step(engine.RehearseCheck); s != nil {
		return s.Run
	}
	return 0
}

// see reads what gates are judged by, and where the source stands now; that is nil where it could not be looked at.
func (d *director) see(ctx context.Context, r *rehearsal.Kept, pass engine.RunID) (rehearsal.Seen, *rehearsal.Mark, error) {
	l := d.k.c.Ledger
	seen := rehearsal.Seen{Limits: r.Limits}
	var err error
	if seen.Snapshot, err = l.Read(ctx); err != nil {
		return seen, nil, err
	}
	seen.Now = seen.Snapshot.TakenAt
	if pass != 0 {
		if seen.Check, err = l.Check(ctx, pass); err != nil {
			return seen, nil, err
		}
	}
	proof, err := l.Proof(ctx)
	if err != nil {
		return seen, nil, err
	}
	seen.Repaired = engine.Known(proof.RepairedAt)
	failures, err := l.FailedSince(ctx, r.CreatedAt)
	if err != nil {
		return seen, nil, err
	}
	seen.Failed = engine.Known(failures)
	now, err := d.k.c.Source.Mark(ctx, r.Base)
	if ctx.Err() != nil {
		return seen, nil, ctx.Err()
	}
	if err != nil {
		seen.Still = rehearsal.Stillness{What: "the source could not be looked at: " + err.Error()}
		return seen, nil, nil //nolint:nilerr // the gates say so
	}
	seen.Still = rehearsal.SinceFreeze(r, &now)
	return seen, &now, nil
}

// measureAsked measures the gates again that somebody asked for: in the course of a rehearsal as things stand, behind it with the
// tick or the check that it takes.
func (d *director) measureAsked(ctx context.Context, r *rehearsal.Kept) error {
	byNeed := map[rehearsal.Need][]engine.GateName{}
	for _, g := range r.Gates {
		if g.AskedBy == "" {
			continue
		}
		need := rehearsal.NeedOf(g.Name)
		if r.State == engine.RunRunning {
			need = rehearsal.NeedLook
		}
		byNeed[need] = append(byNeed[need], g.Name)
	}
	for _, need := range []rehearsal.Need{rehearsal.NeedLook, rehearsal.NeedCycle, rehearsal.NeedCheck} {
		gates := byNeed[need]
		if len(gates) == 0 {
			continue
		}
		run, ready, err := d.work(ctx, r, need, gates)
		if err != nil {
			return err
		}
		if ready {
			return d.measure(ctx, r, gates, need, run)
		}
	}
	return nil
}

// work begins what gates need, and reports whether it has ended. Gates that need the same share it.
func (d *director) work(ctx context.Context, r *rehearsal.Kept, need rehearsal.Need, gates []engine.GateName) (engine.RunID, bool, error) {
	if need == rehearsal.NeedLook {
		return 0, true, nil
	}
	run := r.Work[gates[0]]
	if run != 0 {
		state, err := d.k.c.Ledger.RunState(ctx, run)
		if err != nil {
			return run, false, err
		}
		if state.State == engine.RunInterrupted {
			return run, false, d.resume(ctx, state)
		}
		return run, state.State.Ended(), nil
	}
	begin := d.beginCheck
	if need == rehearsal.NeedCycle {
		begin = d.beginTick
	}
	asked := engine.RehearsalStep{Name: engine.RehearsalStepName("gate " + string(gates[0])), StartedAt: d.k.Snapshot().TakenAt}
	run, _, err := begin(ctx, r, asked)
	if err != nil || run == 0 {
		return 0, false, err
	}
	c := rehearsal.Change{Work: map[engine.GateName]engine.RunID{}}
	for _, g := range gates {
		c.Work[g] = run
	}
	return run, false, d.keep(ctx, r, c)
}

// measure measures gates. Behind the verdict it is decided anew, about the state of the source that the verdict was about.
func (d *director) measure(ctx context.Context, r *rehearsal.Kept, gates []engine.GateName, need rehearsal.Need, run engine.RunID) error {
	pass := checkOf(r)
	if need == rehearsal.NeedCheck {
		pass = run
	}
	seen, mark, err := d.see(ctx, r, pass)
	if err != nil {
		return err
	}
	var c rehearsal.Change
	all := append([]engine.RehearsalGate{}, r.Gates...)
	for i, g := range all {
		for _, name := range gates {
			if g.Name != name {
				continue
			}
			of := seen
			if name == engine.GateStill && r.Mark != nil {
				of.Still = rehearsal.SinceFreeze(r, r.Mark) // what was written since the verdict is not its business
			}
			all[i] = rehearsal.Measure(name, of)
			c.Gates = append(c.Gates, all[i])
		}
	}
	if r.State == engine.RunDone {
		verdict, why := rehearsal.Decide(r.Steps, all)
		c.Ended = &rehearsal.Ended{Verdict: verdict, Why: why, Mark: mark}
	}
	return d.keep(ctx, r, c)
}
