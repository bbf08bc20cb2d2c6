package cycle

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/RoaringBitmap/roaring/v2/roaring64"

	"ferry/engine"
	"ferry/engine/entity"
)

// Wanted is a row that a repair is to mend.
type Wanted struct {
	Entity string
	Row    int64
	Cause  engine.Cause
	Action engine.RepairAction
}

// RepairOrder is what an operator says to apply a plan.
type RepairOrder struct {
	Plan           int64
	Hash           string // or its beginning
	Confirm        string // the name of the engine database
	SourceIdentity string
}

// repairRows is how many rows are planned at once.
const repairRows = 2000

// PlanRepair finds out what a repair of some rows would do, and writes nothing: writes and settlings parents first, then
// deletes, children first. Rows that are as they should be by now are left out. Where the code of a row passes on, the row
// is in the plan too, with the one that gets the code.
func PlanRepair(ctx context.Context, source Source, target DryTarget, w Work, wanted []Wanted) ([]engine.RepairItem, error) {
	p := &repairPlan{source: source, target: target, w: w, wanted: map[string]map[int64]Wanted{}, arrived: map[string]*roaring64.Bitmap{}}
	for _, e := range entity.All() {
		p.wanted[e.Name], p.arrived[e.Name] = map[int64]Wanted{}, roaring64.New()
	}
	for _, want := range wanted {
		if _, err := entity.Lookup(want.Entity); err != nil {
			return nil, err
		}
		p.wanted[want.Entity][want.Row] = want
	}
	for _, e := range entity.All() {
		if err := p.each(ctx, e, engine.RepairWrite, p.writes); err != nil {
			return nil, err
		}
		if err := p.each(ctx, e, engine.RepairSettle, p.settles); err != nil {
			return nil, err
		}
	}
	for _, e := range slices.Backward(entity.All()) {
		if err := p.each(ctx, e, engine.RepairDelete, p.deletes); err != nil {
			return nil, err
		}
	}
	return p.items, nil
}

// repairPlan is a plan that is being made.
type repairPlan struct {
	source  Source
	target  DryTarget
	w       Work
	wanted  map[string]map[int64]Wanted
	arrived map[string]*roaring64.Bitmap // rows that the plan would bring into the engine
	items   []engine.RepairItem
}

// looking is one look at both sides.
type looking struct {
	e      *entity.Entity
	snap   SourceSnapshot
	source context.Context //nolint:containedctx // bounds the snapshot
	tx     LoadReader
}

// each plans the rows of one entity with one action, some at a time, each time in a short snapshot of its own.
func (p *repairPlan) each(ctx context.Context, e *entity.Entity, action engine.RepairAction,
	plan func(ctx context.Context, at looking, ids []int64) error,
) error {
	var all []int64
	for id, want := range p.wanted[e.Name] {
		if want.Action == action {
			all = append(all, id)
		}
	}
	slices.Sort(all)
	for ids := range slices.Chunk(all, repairRows) {
		if err := p.look(ctx, e, func(at looking) error { return plan(ctx, at, ids) }); err != nil {
			return err
		}
	}
	return nil
}

// look opens both sides; the engine first, so that the source is never older.
func (p *repairPlan) look(ctx context.Context, e *entity.Entity, plan func(looking) error) error {
	tx, err := p.target.Reading(ctx)
	if err != nil {
		return err
	}
	defer tx.Close()
	limited, cancel := context.WithTimeout(ctx, sourceLimit)
	defer cancel()
	snap, err := p.source.Snapshot(limited)
	if err != nil {
		return err
	}
	defer snap.Close()
	return plan(looking{e, snap, limited, &dryEngine{tx, p.arrived}})
}

// add adds items, in id order.
func (p *repairPlan) add(items []engine.RepairItem) {
	slices.SortFunc(items, func(a, b engine.RepairItem) int { return cmp.Compare(a.Row, b.Row) })
	p.items = append(p.items, items...)
}

// writes plans rows that are to be as the source has them.
func (p *repairPlan) writes(ctx context.Context, at looking, ids []int64) error {
	rows, err := rowsByID(at.source, at.snap, at.e, ids) //nolint:contextcheck // a child of ctx
	if err != nil {
		return err
	}
	f, err := foresee(at.source, ctx, at.snap, at.tx, at.e, p.w, rows, ids, func([]int64) error { return nil })
	if err != nil {
		return err
	}
	var items []engine.RepairItem
	for id, fate := range f.fates {
		if fate.idle() || fate.gone {
			continue
		}
		want := p.wanted[at.e.Name][id]
		if claimant, along := f.also[id]; along {
			if want.Action == engine.RepairWrite || want.Action == engine.RepairDelete {
				continue // it is planned for its own sake
			}
			p.wanted[at.e.Name][id] = Wanted{at.e.Name, id, engine.CauseField, engine.RepairWrite} // once, and not settled for itself
			it := fate.item(at.e, id, engine.CauseField)
			it.With = claimant
			items = append(items, it)
			continue
		}
		items = append(items, fate.item(at.e, id, want.Cause))
	}
	for _, id := range f.m.arrived() {
		p.arrived[at.e.Name].Add(uint64(id)) //nolint:gosec // an id, not a number to reckon with
	}
	p.add(items)
	return nil
}

// rowsByID reads rows of the source.
func rowsByID(ctx context.Context, snap SourceSnapshot, e *entity.Entity, ids []int64) ([]entity.Row, error) {
	var rows []entity.Row
	err := snap.ByID(ctx, e, ids, func(row entity.Row) error {
		rows = append(rows, row)
		return nil
	})
	return rows, err
}

// settles plans rows of which only derived columns are wrong.
func (p *repairPlan) settles(ctx context.Context, at looking, ids []int64) error {
	found, err := settlings(ctx, at.tx, at.e, ids)
	if err != nil {
		return err
	}
	items := slices.Collect(maps.Values(found))
	for i := range items {
		items[i].Cause = p.wanted[at.e.Name][items[i].Row].Cause
	}
	p.add(slices.DeleteFunc(items, func(it engine.RepairItem) bool { return len(it.After) == 0 }))
	return nil
}

// settlings are the derived columns of rows as items; those of rows that follow have no columns.
func settlings(ctx context.Context, tx LoadReader, e *entity.Entity, ids []int64) (map[int64]engine.RepairItem, error) {
	followers, err := tx.Following(ctx, e, ids)
	if err != nil {
		return nil, err
	}
	out := map[int64]engine.RepairItem{}
	for _, d := range followers {
		it, ok := out[d.ID]
		if !ok {
			it = whole(engine.RepairItem{Entity: e.Name, Row: d.ID, Action: engine.RepairSettle, State: engine.RepairPlanned})
		}
		if d.Stored != d.Expected {
			it.Before[d.Column], it.After[d.Column] = d.Stored, d.Expected
		}
		if d.Owned {
			it.State, it.Outcome = engine.RepairRefused, ownedDetail
		}
		out[d.ID] = it
	}
	return out, nil
}

// ownedDetail is why a row is left alone that the engine has made its own.
const ownedDetail = "the engine changed its copy and marked it as written back to Odoo, or did so while it was sealed; it is not overwritten unattended"

// deletedDetail is why a row is not loaded that the engine has deleted.
const deletedDetail = "the engine deleted its copy while it was sealed; it is not loaded again unattended"

// deletes plans rows that the source does not have.
func (p *repairPlan) deletes(ctx context.Context, at looking, ids []int64) error {
	rows, err := rowsByID(at.source, at.snap, at.e, ids) //nolint:contextcheck // a child of ctx
	if err != nil {
		return err
	}
	stored, err := at.tx.Stored(ctx, at.e, scopeOf(ids))
	if err != nil {
		return err
	}
	var items []engine.RepairItem
	i := -1
	err = eachText(at.e, &stored.Rows, func(id int64, text map[string]string) {
		i++
		if slices.ContainsFunc(rows, func(row entity.Row) bool { return row.ID == id }) {
			return // it is there again
		}
		it := whole(engine.RepairItem{
			Entity: at.e.Name, Row: id, Cause: p.wanted[at.e.Name][id].Cause, Action: engine.RepairDelete, Before: text, State: engine.RepairPlanned,
		})
		if stored.Owned[i] {
			it.State, it.Outcome = engine.RepairRefused, ownedDetail
		}
		items = append(items, it)
	})
	p.add(items)
	return err
}
