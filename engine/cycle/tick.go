package cycle

import (
	"context"
	"slices"
	"time"

	"ferry/engine"
)

// tick is a small incremental cycle: one snapshot of the source, parents before children, one transaction of the engine.
type tick struct {
	x       *Executor
	w       Work
	snap    SourceSnapshot
	source  context.Context //nolint:containedctx // bounds the snapshot, which lasts as long as the tick
	plan    Plan
	started time.Time
	tx      Load

	arrived map[string][]int64 // by entity: rows that are new in the engine

	fed   map[int64]bool // rows whose derived columns must be settled
	fresh map[int64]bool // of them: written by this transaction
}

// carryOut merges what changed.
func (t *tick) carryOut(ctx context.Context, target Target) error {
	t.x.at(PointRead)
	var err error
	if t.tx, err = target.Begin(t.source, t.w); err != nil { //nolint:contextcheck // a child of ctx, see plan
		return err
	}
	defer t.tx.Rollback()
	if err := t.fits(ctx); err != nil {
		return err
	}
	t.fed, t.fresh, t.arrived = map[int64]bool{}, map[int64]bool{}, map[string][]int64{}
	for i := range t.plan.Entities {
		if err := t.merge(ctx, &t.plan.Entities[i]); err != nil {
			return err
		}
	}
	t.snap.Close()
	if err := t.link(ctx); err != nil {
		return err
	}
	t.x.at(PointWrite)
	if err := t.settle(ctx); err != nil {
		return err
	}
	t.x.at(PointPoints)
	for i := range t.plan.Entities {
		if err := t.account(ctx, &t.plan.Entities[i]); err != nil {
			return err
		}
	}
	return t.x.finishPlan(ctx, t.tx, t.plan, time.Since(t.started))
}

// fits fails with errTooMuch if more rows are due than a tick carries: batches read them.
func (t *tick) fits(ctx context.Context) error {
	for _, p := range t.plan.Entities {
		due, err := t.tx.Due(ctx, p.Entity, 0, maxID, tickRows)
		if err != nil {
			return err
		}
		if len(due) == tickRows {
			return errTooMuch
		}
	}
	return nil
}

// link points rows that were loaded without their parent at those that have come. It comes after all merges: what they
// have written is linked already, and its version has risen.
func (t *tick) link(ctx context.Context) error {
	for i, p := range t.plan.Entities {
		linked, err := t.tx.Link(ctx, p.Entity, t.arrived[p.Entity.Name])
		if err != nil {
			return err
		}
		t.plan.Entities[i].Done.Taken += linked
	}
	return nil
}

// merge merges an entity's changed rows with those in quarantine that are due. Merging may wake further ones (a code
// became free), so it goes on until none is due that was not read already, or the tick has its fill: the rest is due still.
func (t *tick) merge(ctx context.Context, p *EntityPlan) error {
	e, rows := p.Entity, p.rows
	p.Done = &engine.Counts{}
	var done []int64
	for {
		due, err := t.tx.Due(ctx, e, 0, maxID, tickRows)
		if err != nil {
			return err
		}
		due = slices.DeleteFunc(due, func(id int64) bool {
			_, found := slices.BinarySearch(done, id)
			return found
		})
		if len(rows)+len(due) == 0 {
			return nil
		}
		if rows, err = withDue(t.source, t.snap, e, t.w, rows, due); err != nil { //nolint:contextcheck // as above
			return err
		}
		m := newMerge(e, t.w, scopeOf(idsOf(rows), due), rows)
		m.merged, m.linksLater = func() { t.x.at(PointMerge) }, true
		if err := m.carry(t.source, ctx, t.snap, t.tx); err != nil {
			return err
		}
		m.feeds(t.fed, t.fresh)
		p.Done.Add(m.counts)
		t.arrived[e.Name] = append(t.arrived[e.Name], m.arrived()...)
		if len(due) == tickRows {
			return nil
		}
		done = scopeOf(done, m.scope.IDs).IDs
		rows = nil
	}
}

// settle computes the derived columns of every row that something touched.
func (t *tick) settle(ctx context.Context) error {
	settled, err := settleFed(ctx, t.tx, t.fed, t.fresh)
	for i, p := range t.plan.Entities {
		if len(p.Entity.Derived) > 0 {
			t.plan.Entities[i].Done.Settled += settled
		}
	}
	return err
}

// account compares the number of rows that the source has with what the engine accounts for. Every row that the source
// has by now was read, in this cycle or before: so a difference is rows that are gone, and a sweep finds which.
func (t *tick) account(ctx context.Context, p *EntityPlan) error {
	accounted, err := t.tx.Accounted(ctx, p.Entity, *p.Done)
	if err != nil {
		return err
	}
	p.Sweep = p.Sweep || accounted != p.Rows
	return nil
}

// maxID is above every id of Odoo's, which are integers.
const maxID = 1 << 31

func idsOf(rows []judged) []int64 {
	out := make([]int64, len(rows))
	for i, row := range rows {
		out[i] = row.ID
	}
	return out
}
