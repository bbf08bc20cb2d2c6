package cycle

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"ferry/engine"
	"ferry/engine/entity"
)

// plan takes the planning snapshot: it comes before any range is read, so that its floor is below whatever the ranges
// miss, and its highest ids bound the cycle. A tick with few changes is carried out in that same snapshot.
func (x *Executor) plan(ctx context.Context, target Target, w Work) error {
	started := time.Now()
	snap, sourceCtx, end, err := x.snapshot(ctx)
	if err != nil {
		return err
	}
	defer end()
	if question := w.otherSource(); question != "" {
		return x.ask(ctx, target, w, question)
	}
	room := tickRows
	if w.LastSQLState == SQLStateTimeout {
		room = 0
	}
	p, err := look(sourceCtx, snap, w, room)
	if errors.Is(err, errTooMuch) {
		// Few rows, but long texts: the snapshot is lost in the middle of them, and in the next one they are only counted.
		end()
		if snap, sourceCtx, end, err = x.snapshot(ctx); err != nil {
			return err
		}
		defer end()
		p, err = look(sourceCtx, snap, w, 0)
	}
	if err != nil {
		return err
	}
	if p.small() {
		// The tick notes in its plan what it has carried out; given up for batches, nothing of that has happened.
		t := &tick{x: x, w: w, snap: snap, source: sourceCtx, plan: p, started: started}
		t.plan.Entities = slices.Clone(p.Entities)
		if err := t.carryOut(ctx, target); !errors.Is(err, errTooMuch) {
			return err
		}
	}
	snap.Close()
	p.sweepAfterBatches()
	x.at(PointRead)
	tx, err := target.Begin(ctx, w)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	return x.finishPlan(ctx, tx, p, time.Since(started))
}

// sweepAfterBatches has the ids of both sides compared after a tick in batches. A small tick counts in the one snapshot that it
// reads (see account); batches read in later ones, so rows that come meanwhile make up for others that are gone, and a
// count says nothing. Without a sweep deletes would wait for as long as a long transaction pins the floor.
func (p *Plan) sweepAfterBatches() {
	for i := range p.Entities {
		if p.Entities[i].Since != "" {
			p.Entities[i].Sweep = true
		}
	}
}

// otherSource gives the question whether a source is the right one that is not the one which the engine was filled from.
// It comes before anything is written: what another Odoo has by the same ids would overwrite every row.
func (w Work) otherSource() string {
	for _, e := range w.planned() {
		if b := w.Bases[e.Name]; b.Identity != "" && b.Identity != w.SourceIdentity && !w.AnySource {
			return fmt.Sprintf("This run reads %s, and the engine was filled from %s (system identifier/database). "+
				"Accept if it is the same Odoo, moved or restored: every row is read again. Else stop: its rows would overwrite the engine's.",
				w.SourceIdentity, b.Identity)
		}
	}
	return ""
}

// ask stops a run until an operator answers.
func (x *Executor) ask(ctx context.Context, target Target, w Work, question string) error {
	tx, err := target.Begin(ctx, w)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := tx.Ask(ctx, question); err != nil {
		return err
	}
	return tx.Commit(ctx)
}

// finishPlan stores a plan and makes it durable.
func (x *Executor) finishPlan(ctx context.Context, tx Load, p Plan, took time.Duration) error {
	if err := tx.Plan(ctx, p); err != nil {
		return err
	}
	return x.finish(ctx, tx, engine.Counts{}, took)
}

// look reads what a plan needs of the source, and of what changed so many rows as there is room for in a tick. With more than that
// changes are counted. It fails with errTooMuch if texts are too long to be held; the snapshot is lost then.
func look(ctx context.Context, snap SourceSnapshot, w Work, room int) (Plan, error) {
	var p Plan
	var err error
	if p.State, err = snap.State(ctx); err != nil {
		return p, err
	}
	for _, e := range w.planned() {
		ep, err := lookAt(ctx, snap, w, e, &p, room)
		if err != nil {
			return p, err
		}
		room -= len(ep.rows)
		if ep.Since == "" || !ep.Whole {
			room = 0 // this is no tick, so nothing further needs to be read
		}
		p.Entities = append(p.Entities, ep)
	}
	return p, nil
}

// planned gives the entities that a run is about. Ticks leave out those that are paused: their floors stay where they
// are, and once resumed they are read from there on.
func (w Work) planned() []*entity.Entity {
	return slices.DeleteFunc(entity.All(), func(e *entity.Entity) bool {
		leftOut := len(w.Entities) > 0 && !slices.Contains(w.Entities, e.Name)
		return leftOut || w.Kind == engine.RunIncremental && w.Bases[e.Name].PausedBy != ""
	})
}

// lookAt bounds one entity's cycle.
func lookAt(ctx context.Context, snap SourceSnapshot, w Work, e *entity.Entity, p *Plan, room int) (EntityPlan, error) {
	ep := EntityPlan{Entity: e}
	var err error
	if ep.Shape, err = snap.Shape(ctx, e); err != nil {
		return ep, err
	}
	base := w.Bases[e.Name]
	p.Notes = append(p.Notes, base.drift(e, ep.Shape)...)
	if w.Kind == engine.RunIncremental {
		var why string
		if ep.Since, why = base.Since(w.RulesHash, w.SourceIdentity, p.State, ep.Shape); why != "" && p.WhyFull == "" {
			p.WhyFull = why
			p.Notes = append(p.Notes, "every row is read: "+why)
		}
		ep.Sweep = ep.Since != "" && base.SweepDue
	}
	if ep.Since != "" {
		if err := ep.readChanged(ctx, snap, w, room); err != nil || ep.Whole {
			return ep, err
		}
		if err := ep.tally(ctx, snap); err != nil || ep.Counted {
			if 2*ep.Changed > ep.Rows && ep.Changed > tickRows {
				p.Notes = append(p.Notes, fmt.Sprintf("%s was rewritten: %d rows to re-read", e.Name, ep.Changed))
			}
			return ep, err
		}
	}
	err = ep.bound(ctx, snap)
	return ep, err
}

// bound finds out how far an entity goes. What cannot be counted in time is estimated by the planner. Of a full cycle the figure is for
// those who watch it: the seconds that a large table's would take are better spent on its rows.
func (ep *EntityPlan) bound(ctx context.Context, snap SourceSnapshot) (err error) {
	if ep.MaxID, err = snap.MaxID(ctx, ep.Entity); err != nil {
		return err
	}
	ep.Rows, ep.Estimated, err = snap.Count(ctx, ep.Entity, time.Millisecond)
	if err == nil && ep.Since == "" && ep.Estimated && ep.Rows < countedRows {
		ep.Rows, ep.Estimated, err = snap.Count(ctx, ep.Entity, countLimit)
	}
	return err
}

// readChanged reads an entity's changed rows if there is room for them, and counts all of them: one scan of the table finds the
// first, and one that needs to look at nothing does the other, with more than one process where the server has them.
func (ep *EntityPlan) readChanged(ctx context.Context, snap SourceSnapshot, w Work, room int) error {
	if room <= 0 || counting(ctx) < time.Millisecond {
		return nil
	}
	whole := false
	rows, err := readRows(ep.Entity, w, func(each func(entity.Row) error) (err error) {
		whole, err = snap.Changes(ctx, ep.Entity, ep.Since, room, min(changesLimit, counting(ctx)), each)
		return err
	})
	if err != nil || !whole || counting(ctx) < time.Millisecond {
		return err
	}
	count, estimated, err := snap.Count(ctx, ep.Entity, counting(ctx))
	if err != nil || estimated {
		return err
	}
	if ep.MaxID, err = snap.MaxID(ctx, ep.Entity); err != nil {
		return err
	}
	slices.SortFunc(rows, func(a, b judged) int { return cmp.Compare(a.ID, b.ID) })
	ep.Whole, ep.Counted, ep.rows, ep.Rows, ep.Changed = true, true, rows, count, int64(len(rows))
	if len(rows) > 0 {
		ep.Low, ep.High = rows[0].ID-1, rows[len(rows)-1].ID
	}
	return nil
}

// counting is how long a plan may be counting now: a plan that cannot be finished would be tried over and over, and no tick would
// ever end.
func counting(ctx context.Context) time.Duration {
	limit := tallyLimit
	if deadline, bounded := ctx.Deadline(); bounded {
		limit = min(limit, time.Until(deadline)-planReserve)
	}
	return limit
}

// tally counts an entity's rows and changes, unless that would take longer than the snapshot has left.
func (ep *EntityPlan) tally(ctx context.Context, snap SourceSnapshot) error {
	limit := counting(ctx)
	if limit < time.Millisecond {
		return nil
	}
	t, counted, err := snap.Tally(ctx, ep.Entity, ep.Since, limit)
	if err != nil || !counted {
		return err
	}
	ep.Counted, ep.MaxID, ep.Rows, ep.Changed, ep.Low, ep.High = true, t.MaxID, t.Rows, t.Changed, t.Low, t.High
	return nil
}

// tickRows is how many changed rows a tick carries in one batch.
const tickRows = 20_000

// small reports whether a plan can be carried out in its own snapshot and one transaction.
func (p Plan) small() bool {
	return len(p.Entities) > 0 && !slices.ContainsFunc(p.Entities, func(e EntityPlan) bool { return !e.Whole })
}
