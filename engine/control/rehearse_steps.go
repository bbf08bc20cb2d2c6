package control

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"ferry/engine"
	"ferry/engine/check"
	"ferry/engine/monitor"
	"ferry/engine/rehearsal"
)

// preflight looks at every precondition. What fails ends the rehearsal.
func (d *director) preflight(ctx context.Context, r *rehearsal.Kept, step engine.RehearsalStep) error {
	lines, err := d.k.Preflight(ctx, false)
	if err != nil {
		return err
	}
	var wrong, unknown []string
	for _, l := range lines {
		switch l.Verdict {
		case engine.Fail:
			wrong = append(wrong, l.Name+": "+l.Found)
		case engine.CouldNotCheck:
			unknown = append(unknown, l.Name)
		case engine.Pass:
		}
	}
	if len(wrong) > 0 {
		return d.keep(ctx, r, failed(r, step, strings.Join(wrong, "; ")+"; `ferry preflight` says what to do"))
	}
	found := fmt.Sprintf("%d of %d preconditions hold", len(lines)-len(unknown), len(lines))
	if len(unknown) > 0 {
		found += "; could not check: " + strings.Join(unknown, ", ")
	}
	s, err := d.k.c.Ledger.Read(ctx)
	if err != nil {
		return err
	}
	if s.Schedule.Paused() {
		found += "; " + rehearsal.TicksPaused(s.Schedule)
	}
	return d.keep(ctx, r, ended(step, engine.RehearsalDone, found))
}

// begin is how a step begins the run that it waits for: it gives the run, or what stands in the way for now.
type begin func(ctx context.Context, r *rehearsal.Kept, step engine.RehearsalStep) (id engine.RunID, inTheWay string, err error)

// runs begins a step's run and waits for its end. The run is kept with the step at once: whoever goes on with the step waits
// for the same one. It reports whether the run has ended well.
func (d *director) runs(ctx context.Context, r *rehearsal.Kept, step engine.RehearsalStep, begin begin) (*engine.RunView, error) {
	if step.Run == 0 {
		id, inTheWay, err := begin(ctx, r, step)
		if errors.Is(err, engine.ErrRunActive) {
			id, inTheWay, err = 0, err.Error(), nil
		}
		if err != nil {
			return nil, err
		}
		if id == 0 {
			return nil, d.tell(ctx, r, step, "waits: "+inTheWay)
		}
		d.at(PointBegun(step.Name))
		step.Run = id
		d.sampleRows(ctx, r, step, 0)
		return nil, d.keep(ctx, r, ended(step, engine.RehearsalRunning, fmt.Sprintf("run #%d", id)))
	}
	run, err := d.k.c.Ledger.RunState(ctx, step.Run)
	if err != nil {
		return nil, err
	}
	switch run.State {
	case engine.RunDone:
		return run, nil
	case engine.RunInterrupted:
		return nil, d.resume(ctx, run)
	case engine.RunFailed, engine.RunCancelled:
		why := run.Error
		if run.State == engine.RunCancelled {
			why = "by " + run.StateBy
		}
		return nil, d.keep(ctx, r, failed(r, step, fmt.Sprintf("%s run #%d %s: %s", run.Kind, run.ID, run.State, why)))
	case engine.RunAsking:
		return nil, d.tell(ctx, r, step, fmt.Sprintf("waits: %s run #%d needs an answer: %s `ferry answer %[2]d accept` or `stop` answers",
			run.Kind, run.ID, run.Question))
	case engine.RunPaused, engine.RunPausing:
		return nil, d.tell(ctx, r, step, fmt.Sprintf("waits: %s run #%d is %s by %s; `ferry resume --run %[2]d` lets it go on",
			run.Kind, run.ID, run.State, run.StateBy))
	case engine.RunQueued, engine.RunPlanning, engine.RunRunning:
	}
	return nil, d.tell(ctx, r, step, fmt.Sprintf("%s run #%d", run.Kind, run.ID))
}

// resume lets a run go on that was interrupted when its process ended.
func (d *director) resume(ctx context.Context, run *engine.RunView) error {
	err := d.k.Resume(ctx, engine.Act{Run: run.ID, Seen: run.State})
	if errors.Is(err, engine.ErrStateChanged) {
		return nil // somebody was faster
	}
	return err
}

// summary says what a step's run did.
func (d *director) summary(ctx context.Context, r *rehearsal.Kept, step engine.RehearsalStep, run *engine.RunView) (string, error) {
	of, err := d.k.c.Ledger.Runs(ctx, run.ID+1, 1)
	if err != nil {
		return "", err
	}
	if len(of) == 0 || of[0].ID != run.ID {
		return fmt.Sprintf("%s run #%d", run.Kind, run.ID), nil
	}
	c := of[0].Counts
	d.sampleRows(ctx, r, step, c.Read)
	return fmt.Sprintf("%s run #%d: %d rows read, %d new, %d changed, %d rejected", run.Kind, run.ID, c.Read, c.Inserted, c.Updated, c.Rejected), nil
}

// load fills the engine, or catches up with what was written since the last cycle.
func (d *director) load(ctx context.Context, r *rehearsal.Kept, step engine.RehearsalStep) error {
	run, err := d.runs(ctx, r, step, d.beginLoad)
	if err != nil || run == nil {
		return err
	}
	found, err := d.summary(ctx, r, step, run)
	if err != nil {
		return err
	}
	return d.keep(ctx, r, ended(step, engine.RehearsalDone, found))
}

// beginLoad begins a full run where no cycle was ever completed, or goes on with the one that was left; else it begins a tick.
func (d *director) beginLoad(ctx context.Context, r *rehearsal.Kept, step engine.RehearsalStep) (engine.RunID, string, error) {
	s, err := d.k.c.Ledger.Read(ctx)
	if err != nil {
		return 0, "", err
	}
	never, active, full := s.Freshness.ReadFrom.IsZero(), false, false
	if s.Run != nil {
		active, full = s.Run.State.Active(), s.Run.Kind == engine.RunFull
	}
	switch {
	case active && full && (never || s.Unkeyed == s.Run.ID):
		return s.Run.ID, "", nil
	case !active && s.Unkeyed != 0:
		return s.Unkeyed, "", d.k.Resume(ctx, engine.Act{Run: s.Unkeyed})
	case never && full && s.Run.State == engine.RunInterrupted:
		return s.Run.ID, "", d.resume(ctx, s.Run)
	case never && !active:
		id, err := d.k.StartFull(ctx, engine.StartOptions{Reason: d.reason(r, "first load")})
		return id, "", err
	}
	return d.beginTick(ctx, r, step)
}

func (*director) reason(r *rehearsal.Kept, what string) string {
	return fmt.Sprintf("rehearsal #%d: %s", r.ID, what)
}

// beginTick begins a tick, once no other run writes. One that was begun for this step, by a process that died before it could
// say so, is this step's.
func (d *director) beginTick(ctx context.Context, r *rehearsal.Kept, step engine.RehearsalStep) (engine.RunID, string, error) {
	s, err := d.k.c.Ledger.Read(ctx)
	if err != nil {
		return 0, "", err
	}
	if run := s.Run; run != nil && run.State.Active() {
		if run.Kind == engine.RunIncremental && !run.Scheduled && serves(step, run) {
			return run.ID, "", nil
		}
		return 0, standsInTheWay(run), nil
	}
	id, err := d.k.StartIncremental(ctx, engine.StartOptions{Reason: d.reason(r, string(step.Name))})
	return id, "", err
}

// serves reports whether a run may be a step's: it began behind it, and is about everything. (It may have been begun by a process
// that died before it could say so.)
func serves(step engine.RehearsalStep, run *engine.RunView) bool {
	return !run.CreatedAt.Before(step.StartedAt) && len(run.Only) == 0
}

func standsInTheWay(run *engine.RunView) string {
	text := fmt.Sprintf("%s run #%d is %s", run.Kind, run.ID, run.State)
	if run.Question != "" {
		text += fmt.Sprintf(" (%s `ferry answer %d accept` or `stop` answers)", run.Question, run.ID)
	}
	return text
}

// freeze waits until the source stands still: nothing was written for a while, or an operator says so.
func (d *director) freeze(ctx context.Context, r *rehearsal.Kept, step engine.RehearsalStep) error {
	switch r.Freeze {
	case engine.FreezeConfirm:
		if r.ConfirmedBy == "" {
			return d.keep(ctx, r, rehearsal.Change{
				Steps: ended(step, engine.RehearsalRunning, "waits for an operator").Steps, Ask: rehearsal.Question(r.ID),
			})
		}
		by := "confirmed by " + r.ConfirmedBy
		if r.Base != nil {
			return d.frozen(ctx, r, step, r.Base, by, 0)
		}
		mark, err := d.k.c.Source.Mark(ctx, nil)
		if err != nil && (ctx.Err() != nil || waits(err)) {
			return err
		}
		if err != nil { // gate still says that it could not be checked
			return d.frozen(ctx, r, step, nil, by+"; where the source stands could not be looked at: "+err.Error(), 0)
		}
		return d.frozen(ctx, r, step, &mark, by+"; where the source stands was looked at only at "+mark.At.Format(time.TimeOnly)+" UTC", 0)
	case engine.FreezeDetect:
		return d.detect(ctx, r, step)
	case engine.FreezeNone:
	}
	return d.keep(ctx, r, ended(step, engine.RehearsalSkipped, "without a freeze: the figures are of a source that goes on"))
}

func (d *director) frozen(ctx context.Context, r *rehearsal.Kept, step engine.RehearsalStep, mark *rehearsal.Mark, by string, since time.Duration) error {
	c := ended(step, engine.RehearsalDone, by)
	c.Base, c.Frozen = mark, &rehearsal.Frozen{By: by, For: max(since, 0)}
	return d.keep(ctx, r, c)
}

// detect compares the source with how it was when it was last seen to move. Each look costs a pass over its tables, so they are
// far enough apart for what they cost, and near enough for how long nothing may be written.
func (d *director) detect(ctx context.Context, r *rehearsal.Kept, step engine.RehearsalStep) error {
	if time.Now().Before(d.marked) {
		return nil
	}
	began := time.Now()
	defer func() { d.marked = time.Now().Add(max(min(r.Limits.Quiet/5, 2*time.Second), 5*time.Since(began))) }()
	if r.Base == nil || d.stillAt.IsZero() { // whoever looked before is gone, and with it when that was
		return d.lookAgain(ctx, r, step, "looking for the first time")
	}
	now, err := d.k.c.Source.Mark(ctx, r.Base)
	if err != nil {
		return err
	}
	still := r.Base.Still(&now)
	if still.Moved || !still.Known && still.Behind == "" {
		return d.lookAgain(ctx, r, step, still.What)
	}
	seen := began // a look sees the source as it was at its beginning, or a standby its primary as it was before
	if until := now.ShownUntil(); until.Before(seen) {
		seen = until
	}
	if quiet := seen.Sub(d.stillAt); quiet >= r.Limits.Quiet {
		return d.frozen(ctx, r, step, r.Base, "no row was written for "+monitor.Span(quiet), time.Since(d.stillAt))
	}
	if still.Behind != "" {
		return d.behind(ctx, r, step, still.Behind)
	}
	d.behindAt = time.Time{}
	return d.tell(ctx, r, step, fmt.Sprintf("waits: nothing was written since %s UTC, %s are wanted", r.Base.At.Format(time.TimeOnly),
		monitor.Span(r.Limits.Quiet)))
}

// behindPatience is how many quiet times it is waited for a standby that does not show what its primary has committed.
const behindPatience = 4

// behind waits a while for a standby that may not show what is written; then the rehearsal goes on, and gate still could not check.
func (d *director) behind(ctx context.Context, r *rehearsal.Kept, step engine.RehearsalStep, why string) error {
	if d.behindAt.IsZero() {
		d.behindAt = time.Now()
	}
	if time.Since(d.behindAt) < behindPatience*r.Limits.Quiet {
		return d.tell(ctx, r, step, "waits: "+why)
	}
	return d.keep(ctx, r, ended(step, engine.RehearsalSkipped, "a freeze could not be seen: "+why+"; `--freeze confirm` has an operator say it"))
}

// lookAgain begins the quiet time anew.
func (d *director) lookAgain(ctx context.Context, r *rehearsal.Kept, step engine.RehearsalStep, why string) error {
	d.stillAt = time.Time{}
	mark, err := d.k.c.Source.Mark(ctx, nil)
	if err != nil {
		return err
	}
	d.stillAt = time.Now()
	c := ended(step, engine.RehearsalRunning, "waits until nothing is written for "+monitor.Span(r.Limits.Quiet)+": "+why)
	c.Base = &mark
	return d.keep(ctx, r, c)
}

// catchUp takes the last tick. Without a freeze it is first kept where the source stood before, to see later whether it moved.
func (d *director) catchUp(ctx context.Context, r *rehearsal.Kept, step engine.RehearsalStep) error {
	if r.Base == nil && step.Run == 0 && r.Freeze == engine.FreezeNone && !d.unseen {
		mark, err := d.k.c.Source.Mark(ctx, nil)
		if err == nil {
			return d.keep(ctx, r, rehearsal.Change{Base: &mark})
		}
		if ctx.Err() != nil || waits(err) {
			return err
		}
		d.unseen = true
		d.k.c.Logger.WarnContext(ctx, "where the source stands could not be looked at; freshness is what the last tick says", "error", err)
	}
	run, err := d.runs(ctx, r, step, d.beginTick)
	if err != nil || run == nil {
		return err
	}
	found, err := d.summary(ctx, r, step, run)
	if err != nil {
		return err
	}
	return d.keep(ctx, r, ended(step, engine.RehearsalDone, found))
}

// check makes a full pass.
func (d *director) check(ctx context.Context, r *rehearsal.Kept, step engine.RehearsalStep) error {
	run, err := d.runs(ctx, r, step, d.beginCheck)
	if err != nil || run == nil {
		return err
	}
	v, err := d.k.c.Ledger.Check(ctx, run.ID)
	if err != nil {
		return err
	}
	d.sampleRows(ctx, r, step, v.Compared)
	found := fmt.Sprintf("check #%d: %s, %d rows compared, %d differ, %d in flight, %s of the ids", v.ID, v.Verdict, v.Compared, v.Settled, v.InFlight,
		check.Percent(v.Coverage))
	return d.keep(ctx, r, ended(step, engine.RehearsalDone, found))
}

// beginCheck begins a check of everything, once no other one is active. One that was begun for this step is this step's.
func (d *director) beginCheck(ctx context.Context, r *rehearsal.Kept, step engine.RehearsalStep) (engine.RunID, string, error) {
	s, err := d.k.c.Ledger.Read(ctx)
	if err != nil {
		return 0, "", err
	}
	if c := s.Check; c != nil && c.State.Active() && !c.Rolling && !c.Recheck {
		if serves(step, &c.RunView) {
			return c.ID, "", nil
		}
		return 0, standsInTheWay(&c.RunView), nil
	}
	id, err := d.k.StartCheck(ctx, engine.CheckOptions{Reason: d.reason(r, string(step.Name))})
	return id, "", err
}

// ledger takes note of what the check found of Odoo's own balances.
func (d *director) ledger(ctx context.Context, r *rehearsal.Kept, step engine.RehearsalStep) error {
	s, err := d.k.c.Ledger.Read(ctx)
	if err != nil {
		return err
	}
	l, found := s.Ledger, "could not check: Odoo's own balances were not compared"
	if l.Cards.Known && l.Drifted.Known {
		found = fmt.Sprintf("%d of %d cards disagree in Odoo itself", l.Drifted.Value, l.Cards.Value)
	}
	step.Run = l.Run
	return d.keep(ctx, r, ended(step, engine.RehearsalDone, found))
}
