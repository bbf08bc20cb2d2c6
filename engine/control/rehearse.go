package control

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ferry/engine"
	"ferry/engine/cycle"
	"ferry/engine/rehearsal"
)

// errNobodyRehearses says that a process which only looks and steers cannot carry out a runbook.
var errNobodyRehearses = errors.New("this process has no workers, so it rehearses nothing; start it with --workers 1 or more")

// How often a rehearsal is looked at for its charts, and how long an action that failed waits.
const (
	rehearseEvery = 200 * time.Millisecond
	sampleEvery   = time.Second
	rehearsePause = time.Second
)

// rehearse carries out the rehearsal that is active, and measures gates again that somebody asked for, unless another process
// that is alive does. What a step begins is kept with it at once, so that whoever comes next goes on with it.
func (k *Control) rehearse(ctx context.Context) {
	d := &director{k: k}
	every(ctx, min(k.c.LookEvery, rehearseEvery), func() {
		if time.Now().Before(d.next) {
			return
		}
		err := d.once(ctx)
		for err == nil && d.moved { // what comes next waits for nobody's clock: somebody's downtime is measured
			err = d.once(ctx)
		}
		switch {
		case err == nil || ctx.Err() != nil:
		case errors.Is(err, engine.ErrStateChanged):
			k.c.Logger.InfoContext(ctx, "the rehearsal was stopped meanwhile, or is another process's", "error", err)
		default:
			d.next = time.Now().Add(rehearsePause)
			k.c.Logger.WarnContext(ctx, "the rehearsal waits, trying again", "error", err)
		}
	})
}

// director carries out a runbook; it keeps only what may be lost.
type director struct {
	k        *Control
	next     time.Time // nothing is done before
	moved    bool      // the last action changed something
	sampled  time.Time
	marked   time.Time // when the source was last looked at for a freeze
	stillAt  time.Time // since when it stands still, by this process's clock
	behindAt time.Time // since when it, a standby, does not show what is written
	unseen   bool      // the source could not be looked at before the last tick
	of       engine.RunID
}

// PointStep is the point at which a step of the runbook does something, and PointBegun the one at which its run has begun and
// nobody has kept that yet.
func PointStep(step engine.RehearsalStepName) cycle.Point { return cycle.Point("step " + step) }

// PointBegun is explained with PointStep.
func PointBegun(step engine.RehearsalStepName) cycle.Point { return cycle.Point("begun " + step) }

// at tells tests where a rehearsal is.
func (d *director) at(p cycle.Point) {
	if d.k.c.Reached != nil {
		d.k.c.Reached(p)
	}
}

// once does what comes next.
func (d *director) once(ctx context.Context) error {
	s := d.k.Snapshot()
	d.moved = false
	if s.Target.Down() || s.Setup != engine.SetupReady || s.Rehearsal == nil || !wanted(s.Rehearsal) {
		return nil
	}
	held, err := d.k.c.Ledger.HoldRehearsal(ctx, s.Rehearsal.ID, d.k.c.Process)
	if !held {
		d.of = 0 // whoever holds it now has other marks of the source
	}
	if err != nil || !held {
		return err
	}
	r, err := d.k.c.Ledger.Rehearsal(ctx, s.Rehearsal.ID)
	if err != nil || !wanted(&r.RehearsalView) {
		return err
	}
	if d.of != r.ID {
		d.of, d.marked, d.stillAt, d.behindAt, d.unseen = r.ID, time.Time{}, time.Time{}, time.Time{}, false
	}
	defer d.k.refresh()
	if r.Asked() {
		return d.measureAsked(ctx, r)
	}
	step := r.Current()
	if step == nil {
		return nil
	}
	d.sample(ctx, r, step, s)
	if step.State == engine.RehearsalWaiting {
		step.State = engine.RehearsalRunning
		return d.keep(ctx, r, rehearsal.Change{Steps: []engine.RehearsalStep{*step}})
	}
	return d.carryOut(ctx, r, *step)
}

// wanted reports whether a rehearsal needs somebody who carries it out.
func wanted(v *engine.RehearsalView) bool {
	return v.State == engine.RunRunning || v.State == engine.RunDone && v.Asked()
}

// keep keeps what was changed.
func (d *director) keep(ctx context.Context, r *rehearsal.Kept, c rehearsal.Change) error {
	err := d.k.c.Ledger.KeepRehearsal(ctx, r.ID, d.k.c.Process.ID, c)
	d.moved = err == nil
	return err
}

// carryOut does what comes next in a step that is under way. An error that waiting cannot cure fails the step.
func (d *director) carryOut(ctx context.Context, r *rehearsal.Kept, step engine.RehearsalStep) error {
	d.at(PointStep(step.Name))
	err := d.doing(step.Name)(ctx, r, step)
	if err == nil || ctx.Err() != nil || waits(err) {
		return err
	}
	return d.keep(ctx, r, failed(r, step, err.Error()))
}

// waits reports whether an error may be gone at the next try.
func waits(err error) bool {
	if errors.Is(err, engine.ErrRunActive) || errors.Is(err, engine.ErrUnreachable) {
		return true
	}
	db, ok := errors.AsType[*engine.DatabaseError](err)
	return ok && db.Class != engine.ClassStop && db.Class != engine.ClassQuarantine || errors.Is(err, context.DeadlineExceeded)
}

// doing gives what carries out a step.
func (d *director) doing(name engine.RehearsalStepName) func(context.Context, *rehearsal.Kept, engine.RehearsalStep) error {
	switch name {
	case engine.RehearsePreflight:
		return d.preflight
	case engine.RehearseLoad:
		return d.load
	case engine.RehearseFreeze:
		return d.freeze
	case engine.RehearseCatchUp:
		return d.catchUp
	case engine.RehearseCheck:
		return d.check
	case engine.RehearseLedger:
		return d.ledger
	case engine.RehearseVerdict:
		return d.verdict
	}
	return func(context.Context, *rehearsal.Kept, engine.RehearsalStep) error {
		return fmt.Errorf("%w: there is no step %q in this ferry's runbook", engine.ErrSchemaNewer, name)
	}
}

// ended is a step that came to its end.
func ended(step engine.RehearsalStep, state engine.RehearsalStepState, found string) rehearsal.Change {
	step.State, step.Found = state, found
	return rehearsal.Change{Steps: []engine.RehearsalStep{step}}
}

// failed is a step that failed: nothing comes behind it but the verdict.
func failed(r *rehearsal.Kept, step engine.RehearsalStep, why string) rehearsal.Change {
	c := ended(step, engine.RehearsalFailed, why)
	for _, s := range r.Steps {
		if s.State == engine.RehearsalWaiting && s.Name != engine.RehearseVerdict {
			s.State, s.Found = engine.RehearsalSkipped, fmt.Sprintf("step %s failed", step.Name)
			c.Steps = append(c.Steps, s)
		}
	}
	return c
}

// tell says what a step waits for, where that is news.
func (d *director) tell(ctx context.Context, r *rehearsal.Kept, step engine.RehearsalStep, found string) error {
	if step.Found == found {
		return nil
	}
	err := d.keep(ctx, r, ended(step, engine.RehearsalRunning, found))
	d.moved = false // it waits
	return err
}

// sample keeps what is seen for the charts, at growing distances. One that is lost is a gap in a chart.
func (d *director) sample(ctx context.Context, r *rehearsal.Kept, step *engine.RehearsalStep, s *engine.Snapshot) {
	now := time.Now()
	if now.Sub(d.sampled) < max(sampleEvery, s.TakenAt.Sub(r.CreatedAt)/500) {
		return
	}
	rows := int64(0)
	switch {
	case step.Run == 0:
	case s.Run != nil && s.Run.ID == step.Run:
		for _, e := range s.Entities {
			rows += e.Counts.Read
		}
	case s.Check != nil && s.Check.ID == step.Run:
		rows = s.Check.Compared
	default:
		return // the snapshot is about another run: it has ended, or was not read yet
	}
	d.sampleRows(ctx, r, *step, rows)
}

// sampleRows keeps how many rows a step's run has done by now: at its beginning, in its course, and at its end.
func (d *director) sampleRows(ctx context.Context, r *rehearsal.Kept, step engine.RehearsalStep, rows int64) {
	d.sampled = time.Now()
	s := d.k.Snapshot()
	one := engine.RehearsalSample{Step: step.Name, Run: step.Run, Rows: rows, Fresh: s.Freshness.Bound(s.TakenAt)}
	if err := d.k.c.Ledger.SampleRehearsal(ctx, r.ID, one); err != nil {
		d.k.c.Logger.InfoContext(ctx, "the rehearsal's charts have a gap", "error", err)
	}
}
