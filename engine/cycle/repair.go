package cycle

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"ferry/engine"
	"ferry/engine/entity"
)

// repair applies the items of a plan that are about one id range of an entity. The engine's rows are locked and the source is
// read anew: an item is applied only if what would be done is still, to the letter, what the plan says.
func (x *Executor) repair(ctx context.Context, target Target, w Work) error {
	started := time.Now()
	e, err := entity.Lookup(w.Entity)
	if err != nil {
		return err
	}
	tx, err := target.Begin(ctx, w)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	r := &repairing{e: e, w: w, tx: tx, kept: map[int64]engine.RepairItem{}, fed: map[int64]bool{}, fresh: map[int64]bool{}}
	writes, settles, err := r.open(ctx)
	if err != nil {
		return err
	}
	if len(writes) > 0 {
		snap, sourceCtx, end, err := x.snapshot(ctx)
		if err != nil {
			return err
		}
		defer end()
		if err := r.write(sourceCtx, ctx, snap, writes, func() { x.at(PointRead) }); err != nil {
			return err
		}
	}
	x.at(PointWrite)
	if err := r.settle(ctx, settles); err != nil {
		return err
	}
	x.at(PointPoints)
	if err := tx.KeepItems(ctx, e, slices.Collect(maps.Values(r.kept))); err != nil {
		return err
	}
	return x.finish(ctx, tx, r.counts, time.Since(started))
}

// repairing is a batch of a repair.
type repairing struct {
	e      *entity.Entity
	w      Work
	tx     Load
	kept   map[int64]engine.RepairItem // by row: what became of items
	fed    map[int64]bool              // rows whose derived columns must be settled
	fresh  map[int64]bool              // of them: written by this transaction
	counts engine.Counts
}

// planned are items by row.
type planned map[int64]engine.RepairItem

func (p planned) ids() []int64 { return slices.Sorted(maps.Keys(p)) }

// open gives the items of the batch that are to be done still. Those that are written along with another row are that one's.
func (r *repairing) open(ctx context.Context) (writes, settles planned, err error) {
	items, err := r.tx.PlanItems(ctx, r.e, Scope{Low: r.w.Low, High: r.w.High})
	if err != nil {
		return nil, nil, err
	}
	writes, settles = planned{}, planned{}
	for _, it := range items {
		switch {
		case it.State != engine.RepairPlanned || it.With != 0:
		case it.Action == engine.RepairWrite:
			writes[it.Row] = it
		case it.Action == engine.RepairSettle:
			settles[it.Row] = it
		}
	}
	return writes, settles, nil
}

// keep notes what became of an item.
func (r *repairing) keep(it engine.RepairItem, state engine.RepairState, outcome string) {
	it.State, it.Outcome = state, outcome
	r.kept[it.Row] = it
}

// write brings the rows of the items into the engine as the source has them, but for those that moved. Leaving one out may
// change what becomes of others, by their codes, so it is decided anew until all that are left agree with the plan.
func (r *repairing) write(source, ctx context.Context, snap SourceSnapshot, items planned, read func()) error {
	rows, err := rowsByID(source, snap, r.e, items.ids())
	if err != nil {
		return err
	}
	read()
	for {
		f, err := foresee(source, ctx, snap, r.tx, r.e, r.w, rows, items.ids(), func(ids []int64) error { return r.tx.LockRows(ctx, r.e, ids) })
		if err != nil {
			return err
		}
		along, err := r.along(ctx, f)
		if err != nil {
			return err
		}
		before := len(items)
		r.leave(f, items)
		r.leaveClaimants(f, items, along)
		if len(items) == before {
			snap.Close()
			return r.store(ctx, f, items, along)
		}
	}
}

// along gives the items of the rows that the merge would write along.
func (r *repairing) along(ctx context.Context, f *foresight) (planned, error) {
	out := planned{}
	if len(f.also) == 0 {
		return out, nil
	}
	items, err := r.tx.PlanItems(ctx, r.e, scopeOf(slices.Sorted(maps.Keys(f.also))))
	for _, it := range items {
		out[it.Row] = it
	}
	return out, err
}

// leave takes out the items that are done already, and those whose row moved.
func (r *repairing) leave(f *foresight, items planned) {
	for id, it := range items {
		at := f.fates[id]
		if at.agrees(it) {
			continue
		}
		delete(items, id)
		switch {
		case at.refused != "":
			r.keep(it, engine.RepairRefused, at.refused)
		case at.idle() && has(at.stored, it):
			r.keep(it, engine.RepairApplied, "the row was as planned already")
		default:
			r.keep(it, engine.RepairMoved, at.moved(it))
		}
	}
}

// has reports whether a row has what an item would bring about.
func has(stored map[string]string, it engine.RepairItem) bool {
	if stored == nil || len(it.After) == 0 {
		return false
	}
	for name := range allColumns(it.Before, it.After) {
		now, there := stored[name]
		if then, wanted := it.After[name]; there != wanted || now != then {
			return false
		}
	}
	return true
}

// moved says in words why an item is not applied.
func (f *fate) moved(it engine.RepairItem) string {
	names := allColumns(it.Before, it.After)
	if it.Action == engine.RepairDelete {
		names = allColumns(it.Before, f.stored) // it is about the whole row
	}
	for _, name := range slices.Sorted(maps.Keys(names)) {
		was, had := it.Before[name]
		now, has := f.stored[name]
		if had != has || was != now {
			return fmt.Sprintf("the engine's row changed since the plan was made: %s was %s, it is %s now", name, orNone(was, had), orNone(now, has))
		}
	}
	switch {
	case f.gone:
		return "the source's row is gone since the plan was made"
	case f.note != it.Outcome && f.note != "":
		return "the row changed since the plan was made: " + f.note
	case f.note != it.Outcome:
		return "the row changed since the plan was made: it goes to quarantine no longer"
	}
	for _, name := range slices.Sorted(maps.Keys(allColumns(it.After, f.after))) {
		was, had := it.After[name]
		now, has := f.after[name]
		if had != has || was != now {
			return fmt.Sprintf("the source changed since the plan was made: %s would become %s, it was to become %s", name, orNone(now, has), orNone(was, had))
		}
	}
	return "the row changed since the plan was made"
}

func orNone(text string, there bool) string {
	if !there {
		return "none"
	}
	return shortText(text)
}

// shortText cuts a value that is only quoted.
func shortText(text string) string {
	const most = 60
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}

// leaveClaimants takes out the items that would write a row along which the plan does not have, or has otherwise. Behind such
// a row may be others that make way for one another, so it is followed to whoever began.
func (r *repairing) leaveClaimants(f *foresight, items, along planned) {
	for id := range f.also {
		it, ok := along[id]
		if ok && it.State == engine.RepairPlanned && (f.fates[id].agrees(it) || it.Action == engine.RepairDelete) && r.kept[id].State == "" {
			continue
		}
		why := fmt.Sprintf("its code is held by %s %d, which is not in the plan as it is now", r.e.Name, id)
		for claimant, seen := f.also[id], 0; seen <= len(f.also); claimant, seen = f.also[claimant], seen+1 {
			if begun, asked := items[claimant]; asked {
				delete(items, claimant)
				r.keep(begun, engine.RepairMoved, why)
				break
			}
		}
	}
}

// store writes what is left, and notes what became of it.
func (r *repairing) store(ctx context.Context, f *foresight, items, along planned) error {
	if len(items) == 0 {
		return nil
	}
	if err := f.m.store(ctx, r.tx); err != nil {
		return err
	}
	r.counts.Add(f.m.counts)
	f.m.feeds(r.fed, r.fresh)
	refused := map[int64]string{}
	for _, fault := range f.m.faults {
		if f.m.lost[fault.ID] {
			refused[fault.ID] = fault.Detail
		}
	}
	for id, it := range items {
		why, lost := refused[id]
		switch {
		case lost:
			r.keep(it, engine.RepairFailed, "the engine refused the row, it is in quarantine: "+why)
		case it.Outcome != "":
			r.keep(it, engine.RepairApplied, it.Outcome)
		default:
			r.keep(it, engine.RepairApplied, "")
		}
	}
	for id, it := range along {
		if _, touched := f.also[id]; !touched || it.Action == engine.RepairDelete {
			continue
		}
		r.keep(it, engine.RepairApplied, fmt.Sprintf("written along with %s %d, which has its code now", r.e.Name, f.also[id]))
	}
	return nil
}

// settle computes the derived columns of everything that was written, and of the items that are about nothing else.
func (r *repairing) settle(ctx context.Context, items planned) error {
	if len(items) > 0 {
		if err := r.tx.LockRows(ctx, r.e, items.ids()); err != nil {
			return err
		}
		found, err := settlings(ctx, r.tx, r.e, items.ids())
		if err != nil {
			return err
		}
		for id, it := range items {
			if now, there := found[id]; there {
				r.settleOne(it, now)
			} else {
				r.keep(it, engine.RepairMoved, "the engine's row is gone since the plan was made")
			}
		}
	}
	var err error
	r.counts.Settled, err = settleFed(ctx, r.tx, r.fed, r.fresh)
	return err
}

func (r *repairing) settleOne(it, now engine.RepairItem) {
	switch {
	case now.State == engine.RepairRefused:
		r.keep(it, engine.RepairRefused, now.Outcome)
	case len(now.After) == 0:
		r.keep(it, engine.RepairApplied, "the row was as planned already")
	case !maps.Equal(now.Before, it.Before):
		moved := fate{stored: now.Before}
		r.keep(it, engine.RepairMoved, moved.moved(it))
	case !maps.Equal(now.After, it.After):
		r.keep(it, engine.RepairMoved, "what it follows from changed since the plan was made")
	default:
		r.fed[it.Row] = true
		r.keep(it, engine.RepairApplied, "")
	}
}

// repairDeletes deletes the rows of a plan that the source still does not have.
func (x *Executor) repairDeletes(ctx context.Context, target Target, w Work) error {
	started := time.Now()
	e, err := entity.Lookup(w.Entity)
	if err != nil {
		return err
	}
	tx, err := target.Begin(ctx, w)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	r := &repairing{e: e, w: w, tx: tx, kept: map[int64]engine.RepairItem{}, fed: map[int64]bool{}}
	items, err := r.openDeletes(ctx)
	if err != nil {
		return err
	}
	if err := r.stillWithout(ctx, x, items); err != nil {
		return err
	}
	x.at(PointRead)
	if err := r.remove(ctx, items); err != nil {
		return err
	}
	x.at(PointWrite)
	if r.counts.Settled, err = settleFed(ctx, tx, r.fed, nil); err != nil {
		return err
	}
	x.at(PointPoints)
	if err := tx.KeepItems(ctx, e, slices.Collect(maps.Values(r.kept))); err != nil {
		return err
	}
	return x.finish(ctx, tx, r.counts, time.Since(started))
}

// openDeletes gives the rows of the batch that are to be deleted and are in the engine as the plan has them.
func (r *repairing) openDeletes(ctx context.Context) (planned, error) {
	all, err := r.tx.PlanItems(ctx, r.e, Scope{Low: r.w.Low, High: r.w.High})
	if err != nil {
		return nil, err
	}
	items := planned{}
	for _, it := range all {
		if it.State == engine.RepairPlanned && it.Action == engine.RepairDelete {
			items[it.Row] = it
		}
	}
	if err := r.tx.LockRows(ctx, r.e, items.ids()); err != nil {
		return nil, err
	}
	stored, err := r.tx.Stored(ctx, r.e, scopeOf(items.ids()))
	if err != nil {
		return nil, err
	}
	here := map[int64]map[string]string{}
	if err := eachText(r.e, &stored.Rows, func(id int64, text map[string]string) { here[id] = text }); err != nil {
		return nil, err
	}
	for id, it := range items {
		now, there := here[id]
		owned := false
		if at := slices.Index(stored.Rows.IDs(), id); at >= 0 {
			owned = stored.Owned[at]
		}
		switch {
		case !there:
			r.keep(it, engine.RepairApplied, "the row was gone already")
		case owned:
			r.keep(it, engine.RepairRefused, ownedDetail)
		case !r.sameButCode(it.Before, now, id):
			moved := fate{stored: now}
			r.keep(it, engine.RepairMoved, moved.moved(it))
		default:
			continue
		}
		delete(items, id)
	}
	return items, nil
}

// sameButCode reports whether a row is as it was, but for its code, which this run may have given to another row.
func (r *repairing) sameButCode(before, now map[string]string, id int64) bool {
	if r.e.Code < 0 {
		return maps.Equal(before, now)
	}
	name := r.e.Columns[r.e.Code].Target
	was := maps.Clone(before)
	if code := was[name]; now[name] == retiredCode(code, id) {
		was[name] = now[name]
	}
	return maps.Equal(was, now)
}

// stillWithout asks the source about rows that are about to be deleted, and leaves those that are there again.
func (r *repairing) stillWithout(ctx context.Context, x *Executor, items planned) error {
	if len(items) == 0 {
		return nil
	}
	snap, source, end, err := x.snapshot(ctx)
	if err != nil {
		return err
	}
	defer end()
	return snap.ByID(source, r.e, items.ids(), func(row entity.Row) error {
		r.keep(items[row.ID], engine.RepairMoved, "the source has the row again")
		delete(items, row.ID)
		return nil
	})
}

// remove deletes rows; what cannot leave stays, and says why.
func (r *repairing) remove(ctx context.Context, items planned) error {
	if len(items) == 0 {
		return nil
	}
	ids := items.ids()
	_, fed, err := r.tx.Gone(ctx, r.e, ids)
	if err != nil {
		return err
	}
	deleted, more, err := r.tx.Remove(ctx, r.e, ids)
	if err != nil {
		return err
	}
	r.counts.Deleted = deleted
	for _, id := range slices.Concat(fed, more) {
		r.fed[id] = true
	}
	kept, err := r.tx.Kept(ctx, r.e, ids)
	if err != nil {
		return err
	}
	for id, it := range items {
		if why, stays := kept[id]; stays {
			r.keep(it, engine.RepairRefused, why)
		} else {
			r.keep(it, engine.RepairApplied, "")
		}
	}
	return r.tx.Wake(ctx, r.e, nil, ids, Scope{})
}
