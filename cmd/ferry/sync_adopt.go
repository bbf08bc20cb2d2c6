package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"ferry/engine"
	"ferry/engine/entity"
	"ferry/store/odoo"
	"ferry/tui/sanitize"
	"ferry/tui/widget"
)

// startOrAdopt starts a run, or takes over the unfinished one, if that reads this source.
func (f *ferry) startOrAdopt(ctx context.Context, c *crossing, o syncOptions) (engine.RunID, error) {
	identity, err := fitSource(ctx, c.source)
	if err != nil {
		return 0, err
	}
	a := adoption{f: f, c: c, o: o, identity: identity, deadline: time.Now().Add(adoptLimit)}
	return taken(ctx, a.once)
}

// fitSource gives the source's identity. It fails if the source could be written, or does not have the tables that are read.
func fitSource(ctx context.Context, source *odoo.DB) (identity string, err error) {
	if err := source.Safety(ctx); err != nil {
		return "", err
	}
	if err := source.Fit(ctx); err != nil {
		return "", err
	}
	return source.Identity(ctx)
}

// adoption looks for the run that a sync may go on with.
type adoption struct {
	f        *ferry
	c        *crossing
	o        syncOptions
	identity string // of the source
	deadline time.Time
	warned   bool // that ticks are paused
}

// once looks at the runs, and gives the one to follow; 0 if it is too early to say.
func (a *adoption) once(ctx context.Context) (engine.RunID, error) {
	s, err := a.c.target.Read(ctx)
	if err != nil {
		return 0, err
	}
	if run := s.Run; run != nil && run.State.Active() {
		return a.active(ctx, s)
	}
	if a.o.kind == engine.RunIncremental {
		if s.Schedule.Paused() && !a.warned {
			a.warned = true
			fmt.Fprintln(a.f.err, sanitize.Text("ticks are paused by "+s.Schedule.PausedBy+because(s.Schedule.Reason)+"; this run was asked for by hand"))
		}
		return a.start(ctx, a.c.StartIncremental)
	}
	if a.o.Restart {
		return a.start(ctx, a.c.StartFull)
	}
	run, err := a.unfinished(ctx)
	if err != nil {
		return 0, err
	}
	if run == nil && s.Unkeyed != 0 && len(a.o.Entities) == 0 {
		first, err := a.c.target.ReadRun(ctx, s.Unkeyed)
		if err != nil {
			return 0, err
		}
		run = first.Run
	}
	if run == nil {
		return a.start(ctx, a.c.StartFull)
	}
	if err := adoptable(run, a.identity); err != nil {
		return 0, err
	}
	fmt.Fprintf(a.f.err, "resuming full run #%d, %s %s\n", run.ID, run.State.Word(), widget.Ago(run.Since, time.Now()))
	return run.ID, a.c.Resume(ctx, engine.Act{Run: run.ID, Seen: run.State, Reason: a.o.Reason})
}

// start begins a run; 0 if another one began at the same moment.
func (a *adoption) start(ctx context.Context, begin func(context.Context, engine.StartOptions) (engine.RunID, error)) (engine.RunID, error) {
	id, err := begin(ctx, a.o.StartOptions)
	if errors.Is(err, engine.ErrRunActive) && time.Now().Before(a.deadline) {
		return 0, nil
	}
	return id, err
}

// active gives the active run if this sync may go on with it; 0 while it may still end, or its process turn out to be dead.
func (a *adoption) active(ctx context.Context, s *engine.Snapshot) (engine.RunID, error) {
	run := s.Run
	if err := adoptable(run, a.identity); err != nil {
		return 0, err
	}
	holder, held := liveHolder(s)
	if held {
		// A tick ends soon by itself; of anything else it is only waited whether its process is alive.
		if time.Now().After(a.deadline) || run.Kind == engine.RunFull && a.o.kind == engine.RunIncremental {
			return 0, fmt.Errorf("%w: %s run #%d is worked on by %s:%d; wait for it, or `ferry cancel %d`",
				engine.ErrRunActive, run.Kind, run.ID, holder.Host, holder.PID, run.ID)
		}
		return 0, nil
	}
	if run.Kind == a.o.kind {
		fmt.Fprintf(a.f.err, "taking over %s run #%d, whose process is gone\n", run.Kind, run.ID)
		return run.ID, nil
	}
	if run.Kind == engine.RunFull {
		return 0, fmt.Errorf("%w: full run #%d was left unfinished; `ferry sync full` goes on with it, `ferry cancel %[2]d` gives it up",
			engine.ErrRunActive, run.ID)
	}
	if run.Kind == engine.RunRepair {
		return 0, fmt.Errorf("%w: repair run #%d was left unfinished; the `ferry repair apply` that began it goes on with it, `ferry cancel %[2]d` gives it up",
			engine.ErrRunActive, run.ID)
	}
	// A tick in the way of a full run.
	fmt.Fprintf(a.f.err, "giving up incremental run #%d, whose process is gone: a full run reads what it had to read\n", run.ID)
	return 0, a.c.Cancel(ctx, engine.Act{Run: run.ID, Seen: run.State, Reason: "its process is gone, and a full run reads every row"})
}

// adoptable fails if an unfinished run must not be taken over from here: with ErrRunActive, or with ErrNeedsAnswer.
func adoptable(run *engine.RunView, identity string) error {
	switch {
	case run.State == engine.RunAsking:
		return asking(run)
	case run.Source != identity:
		return fmt.Errorf("%w: unfinished %s run #%d reads %s, --source is %s; give that run's source, or `ferry cancel %[3]d`",
			engine.ErrRunActive, run.Kind, run.ID, run.Source, identity)
	case run.State == engine.RunPaused || run.State == engine.RunPausing:
		return paused(run)
	}
	return nil
}

// unfinished gives the last full run if it was interrupted and this sync is about the same entities; nil if there is
// none. Ticks that came since only moved the engine on; but a cycle that has read every row leaves nothing to finish.
func (a *adoption) unfinished(ctx context.Context) (*engine.RunView, error) {
	before := engine.RunID(0)
	for {
		runs, err := a.c.Runs(ctx, before, page)
		if err != nil {
			return nil, err
		}
		for _, r := range runs {
			before = r.ID
			switch {
			case r.Kind == engine.RunFull && r.State == engine.RunInterrupted:
				same, err := a.sameEntities(ctx, r.ID)
				if err != nil || !same {
					return nil, err
				}
				return &r.RunView, nil
			case r.Kind == engine.RunFull, r.WhyFull != "" && r.State == engine.RunDone:
				return nil, nil //nolint:nilnil // there is none, which is no error
			}
		}
		if len(runs) < page {
			return nil, nil //nolint:nilnil // as above
		}
	}
}

// sameEntities reports whether a run is about the entities that this sync is about. One that has no plan yet says nothing
// of that; whatever it was about, it goes on.
func (a *adoption) sameEntities(ctx context.Context, id engine.RunID) (bool, error) {
	d, err := a.c.RunDetail(ctx, id)
	if err != nil {
		return false, err
	}
	var of []string
	for _, step := range d.Steps {
		if step.Verb == engine.StepLoad {
			of = append(of, step.Entity)
		}
	}
	if len(of) == 0 {
		return true, nil
	}
	wanted := slices.Clone(a.o.Entities)
	if len(wanted) == 0 {
		for _, e := range entity.All() {
			wanted = append(wanted, e.Name)
		}
	}
	slices.Sort(of)
	slices.Sort(wanted)
	return slices.Equal(of, slices.Compact(wanted)), nil
}
