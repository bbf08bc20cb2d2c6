package cycle

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"ferry/engine"
	"ferry/engine/entity"
)

// fate is what a merge makes of one row, in words and canonical text: a repair is planned by it, and applied only where it is
// still the same.
type fate struct {
	stored        map[string]string // the engine's row as it is; nil: there is none
	before, after map[string]string // of the columns that would change
	note          string            // that the row goes to quarantine, and why
	refused       string            // why it may not be written; empty: it may
	gone          bool              // the source does not have it
}

// idle reports whether nothing would be done.
func (f *fate) idle() bool {
	return len(f.before)+len(f.after) == 0 && f.note == "" && f.refused == "" && !f.gone
}

// foresight is a merge of some rows that has been decided and not yet stored.
type foresight struct {
	m     *merge
	fates map[int64]*fate
	also  map[int64]int64 // rows outside of those that were asked for → the row that takes their code
}

// foresee decides what would become of the rows of the given ids, in order, and writes nothing. Rows are the source's of these
// ids. Lock is asked to hold all that would be written, before the engine's rows are read that the fates tell of: behind the
// locks on codes, as everywhere.
func foresee(
	source, ctx context.Context, snap SourceSnapshot, tx LoadReader, e *entity.Entity, w Work, rows []entity.Row, ids []int64,
	lock func(ids []int64) error,
) (*foresight, error) {
	asked := scopeOf(ids)
	var own []judged
	for _, row := range rows {
		if asked.Covers(row.ID) {
			own = append(own, judged{row, w.Rules.Judge(e, row)})
		}
	}
	f := &foresight{m: newMerge(e, w, asked, own), fates: map[int64]*fate{}, also: map[int64]int64{}}
	if err := f.m.decide(source, ctx, snap, tx); err != nil {
		return nil, err
	}
	var also []int64
	for _, id := range slices.Concat(idsOf(f.m.taken), f.m.retired) {
		if !asked.Covers(id) {
			also = append(also, id)
		}
	}
	all := scopeOf(ids, also)
	if err := lock(all.IDs); err != nil {
		return nil, err
	}
	for _, id := range all.IDs {
		f.fates[id] = &fate{}
	}
	if err := f.readStored(ctx, tx, all); err != nil {
		return nil, err
	}
	if err := f.tell(); err != nil {
		return nil, err
	}
	for _, id := range also {
		f.also[id] = f.m.passed[f.fates[id].stored[f.code()]]
	}
	if err := f.follow(ctx, tx, all.IDs); err != nil {
		return nil, err
	}
	return f, nil
}

// code is the engine column that holds codes.
func (f *foresight) code() string { return f.m.e.Columns[f.m.e.Code].Target }

// readStored reads the engine's rows as they are.
func (f *foresight) readStored(ctx context.Context, tx LoadReader, of Scope) error {
	stored, err := tx.Stored(ctx, f.m.e, of)
	if err != nil {
		return err
	}
	return eachText(f.m.e, &stored.Rows, func(id int64, text map[string]string) { f.fates[id].stored = text })
}

// tell says in the fates what the merge has decided.
func (f *foresight) tell() error {
	m := f.m
	for i := range m.faults {
		fault := &m.faults[i]
		at := f.fates[fault.ID]
		if fault.Reason == entity.ReasonOwned {
			at.refused = fault.Detail
			continue
		}
		at.note = fmt.Sprintf("it goes to quarantine: %s: %s", fault.Reason, fault.Detail)
	}
	for _, id := range m.extras {
		f.fates[id].gone = true
	}
	for id, at := range f.fates {
		if at.stored == nil && m.scope.Covers(id) && !m.exists(id) {
			at.gone = true
		}
	}
	for _, id := range m.retired {
		at := f.fates[id]
		if code, name := at.stored[f.code()], f.code(); code != "" {
			at.before, at.after = map[string]string{name: code}, map[string]string{name: retiredCode(code, id)}
		}
	}
	if err := eachText(m.e, &m.inserts, func(id int64, text map[string]string) { f.fates[id].after = text }); err != nil {
		return err
	}
	return eachText(m.e, &m.updates, func(id int64, text map[string]string) {
		at := f.fates[id]
		at.before, at.after = changes(at.stored, text)
	})
}

// retiredCode is the code of a row that lost its own and stays in the engine.
func retiredCode(code string, id int64) string { return code + "#ferry" + strconv.FormatInt(id, 10) }

// follow adds the derived columns of rows that would be written: they are settled along.
func (f *foresight) follow(ctx context.Context, tx LoadReader, ids []int64) error {
	e := f.m.e
	if len(e.Derived) == 0 {
		return nil
	}
	followers, err := tx.Following(ctx, e, ids)
	if err != nil {
		return err
	}
	for _, d := range followers {
		at := f.fates[d.ID]
		if at.stored == nil {
			continue // it came at this moment
		}
		at.stored[d.Column] = d.Stored
		if d.FromRow {
			for _, derived := range e.Derived {
				if from, changed := at.after[e.Columns[derived.From].Target]; changed && derived.Target == d.Column {
					d.Expected = from
				}
			}
		}
		if len(at.after) == 0 || d.Stored == d.Expected || slices.Contains(f.m.retired, d.ID) {
			continue // it is not written, or not settled along
		}
		at.before[d.Column], at.after[d.Column] = d.Stored, d.Expected
	}
	return nil
}

// eachText hands the mapped columns of tuples on, as text.
func eachText(e *entity.Entity, rows interface {
	Len() int
	ID(i int) int64
	Fields(i int) ([][]byte, error)
}, each func(id int64, text map[string]string),
) error {
	for i := range rows.Len() {
		fields, err := rows.Fields(i)
		if err != nil {
			return fmt.Errorf("reading %s %d: %w", e.Target, rows.ID(i), err)
		}
		text, err := e.MappedText(fields)
		if err != nil {
			return fmt.Errorf("reading row %d: %w", rows.ID(i), err)
		}
		each(rows.ID(i), text)
	}
	return nil
}

// changes gives the columns in which two rows differ, as each has them.
func changes(from, to map[string]string) (before, after map[string]string) {
	before, after = map[string]string{}, map[string]string{}
	for name := range allColumns(from, to) {
		old, had := from[name]
		now, has := to[name]
		if had == has && old == now {
			continue
		}
		if had {
			before[name] = old
		}
		if has {
			after[name] = now
		}
	}
	return before, after
}

// allColumns are the columns of any of some rows.
func allColumns(rows ...map[string]string) map[string]bool {
	out := map[string]bool{}
	for _, row := range rows {
		for name := range row {
			out[name] = true
		}
	}
	return out
}

// item is a fate as an item of a plan.
func (f *fate) item(e *entity.Entity, id int64, cause engine.Cause) engine.RepairItem {
	it := engine.RepairItem{
		Entity: e.Name, Row: id, Cause: cause, Action: engine.RepairWrite, Before: f.before, After: f.after, State: engine.RepairPlanned, Outcome: f.note,
	}
	if f.refused != "" {
		it.State, it.Outcome = engine.RepairRefused, f.refused
	}
	return whole(it)
}

// whole gives an item maps that are there, though empty.
func whole(it engine.RepairItem) engine.RepairItem {
	if it.Before == nil {
		it.Before = map[string]string{}
	}
	if it.After == nil {
		it.After = map[string]string{}
	}
	return it
}

// agrees reports whether an item is still what the fate says.
func (f *fate) agrees(it engine.RepairItem) bool {
	return maps.Equal(f.before, it.Before) && maps.Equal(f.after, it.After) && f.note == it.Outcome && f.refused == "" && !f.gone
}
