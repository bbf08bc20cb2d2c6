package cycle

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"

	"ferry/engine"
	"ferry/engine/entity"
	"ferry/engine/pgcopy"
)

// merge brings the source's rows of a scope together with the engine's rows of the same ids.
type merge struct {
	e     *entity.Entity
	w     Work
	scope Scope
	span  Scope       // beyond the scope, it is known of these ids that both sides are equal, and counted
	rows  []judged    // of the scope, in id order
	open  []OpenEntry // of the scope: what was in quarantine when the merge began
	known bool        // open has been read

	sourceRead func() // the source is not needed any more
	merged     func() // it is known what becomes of every row
	linksLater bool   // who carries this merge out links what waits for its rows

	// From settleCodes.
	taken   []judged         // rows outside the scope that are written along, in id order
	retired []int64          // engine rows that lose their code
	ownerOf map[int64]int64  // loser → owner of its code
	passed  map[string]int64 // codes that changed hands → their new owner

	parents map[string]map[int64]bool          // entity → ids that are in the engine
	present func(parent string, id int64) bool // says so instead; nil: parents does
	inserts pgcopy.Tuples
	updates pgcopy.Tuples
	scratch pgcopy.Tuples
	faults  []Fault
	extras  []int64
	lost    map[int64]bool // rows that the database refused, and with them what the lists above say of them
	fed     []int64        // rows of another entity whose derived columns follow from what changes here
	counts  engine.Counts
}

func newMerge(e *entity.Entity, w Work, scope Scope, rows []judged) *merge {
	nothing := func() {}
	return &merge{
		e: e, w: w, scope: scope, span: scope, rows: rows, sourceRead: nothing, merged: nothing,
		ownerOf: map[int64]int64{}, passed: map[string]int64{}, parents: map[string]map[int64]bool{}, lost: map[int64]bool{},
	}
}

// compare decides what becomes of every row of the scope, and of those taken along.
func (m *merge) compare(ctx context.Context, tx LoadReader) error {
	if err := m.findParents(ctx, tx); err != nil {
		return err
	}
	stored, err := tx.Stored(ctx, m.e, m.scope)
	if err != nil {
		return err
	}
	if err := m.walk(stored); err != nil {
		return err
	}
	return m.takeAlong(ctx, tx)
}

// store writes what compare decided; afterwards every row of the scope is counted once.
func (m *merge) store(ctx context.Context, tx Load) error {
	if err := m.write(ctx, tx); err != nil {
		return err
	}
	var err error
	if m.counts.Faulted, m.counts.Released, err = tx.Quarantine(ctx, m.e, m.open, m.faults, m.exists); err != nil {
		return err
	}
	if err := tx.Rename(ctx, m.e, m.passed); err != nil {
		return err
	}
	if err := tx.Extras(ctx, m.e, m.span, m.extras); err != nil {
		return err
	}
	if err := m.tellOthers(ctx, tx); err != nil {
		return err
	}
	if !m.counts.Balanced() {
		return fmt.Errorf("batch %d of %s does not add up, nothing was written: %+v", m.w.Batch, m.e.Name, m.counts)
	}
	return nil
}

// findParents asks which of the parents that the rows point at are in the engine.
func (m *merge) findParents(ctx context.Context, tx LoadReader) error {
	for _, p := range m.e.Parents {
		wanted := map[int64]bool{}
		for _, row := range m.rows {
			if v := row.Values[p.Column]; row.Reason == "" && !v.Missing() {
				wanted[v.Int] = true
			}
		}
		parent, err := entity.Lookup(p.Entity)
		if err != nil {
			return err
		}
		present, err := tx.Present(ctx, parent, slices.Sorted(maps.Keys(wanted)))
		if err != nil {
			return err
		}
		m.parents[p.Entity] = present
	}
	return nil
}

func (m *merge) linked(parent string, id int64) bool {
	if m.present != nil {
		return m.present(parent, id)
	}
	return m.parents[parent][id]
}

// walk goes through both sides in id order.
func (m *merge) walk(stored *Stored) error {
	at := 0
	for i := range m.rows {
		row := &m.rows[i]
		for at < stored.Rows.Len() && stored.Rows.ID(at) < row.ID {
			m.extras = append(m.extras, stored.Rows.ID(at))
			at++
		}
		match := -1
		if at < stored.Rows.Len() && stored.Rows.ID(at) == row.ID {
			match = at
			at++
		}
		if err := m.place(row, stored, match); err != nil {
			return err
		}
	}
	for ; at < stored.Rows.Len(); at++ {
		m.extras = append(m.extras, stored.Rows.ID(at))
	}
	m.counts.Extra = int64(len(m.extras))
	return nil
}

// place decides what becomes of one row; match is the engine's row of the same id, -1 without one.
func (m *merge) place(row *judged, stored *Stored, match int) error {
	countRow(&m.counts, row)
	if fault, ok := m.faultOf(row); ok {
		fault.Stale = match >= 0
		m.reject(fault)
		return m.feed(row, stored, match)
	}
	if _, deleted := slices.BinarySearch(stored.Gone, row.ID); deleted && match < 0 {
		fault := m.fault(row)
		fault.Reason, fault.Detail = entity.ReasonOwned, deletedDetail
		m.reject(fault)
		return m.feed(row, stored, match)
	}
	if match < 0 {
		m.e.AppendInsert(&m.inserts, row.Row, m.linked)
		m.counts.Inserted++
		return m.feed(row, stored, match)
	}
	m.scratch.Reset()
	m.e.AppendMapped(&m.scratch, row.Row, m.linked)
	if bytes.Equal(m.scratch.Bytes(0), stored.Rows.Bytes(match)) {
		m.counts.Unchanged++
		return nil
	}
	if err := m.feed(row, stored, match); err != nil {
		return err
	}
	if stored.Owned[match] {
		fault := m.fault(row)
		fault.Reason, fault.Stale = entity.ReasonOwned, true
		fault.Detail = ownedDetail
		m.reject(fault)
		return nil
	}
	m.e.AppendMapped(&m.updates, row.Row, m.linked)
	m.counts.Updated++
	return nil
}

func (m *merge) reject(f Fault) {
	m.faults = append(m.faults, f)
	m.counts.Rejected++
	if f.Stale {
		m.counts.Stale++
	}
}

// takeAlong merges the rows outside the scope whose code passed to its owner in this batch.
func (m *merge) takeAlong(ctx context.Context, tx LoadReader) error {
	if len(m.taken) == 0 {
		return nil
	}
	ids := make([]int64, len(m.taken))
	for i, row := range m.taken {
		ids[i] = row.ID
	}
	stored, err := tx.Stored(ctx, m.e, scopeOf(ids))
	if err != nil {
		return err
	}
	for i := range m.taken {
		row := &m.taken[i]
		match, found := slices.BinarySearch(stored.Rows.IDs(), row.ID)
		switch {
		case row.Reason != "":
			fault := m.fault(row)
			fault.Stale = true
			m.faults = append(m.faults, fault)
			if m.span.Covers(row.ID) { // it was equal on both sides, and then lost its code
				m.counts.Unchanged--
				m.counts.Rejected++
				m.counts.Stale++
			}
		case found && stored.Owned[match]:
			// Its code stays with it, so the claimant cannot have it now.
			return fmt.Errorf("%s %d holds a code that Odoo gave to another card, and the engine marked it as its own; "+
				"decide about that row in the engine, then resume", m.e.Name, row.ID)
		default:
			m.e.AppendMapped(&m.updates, row.Row, m.linked)
			m.counts.Taken++
		}
	}
	return nil
}

// write stores the merged rows. What the database refuses becomes a fault.
func (m *merge) write(ctx context.Context, tx Load) error {
	if err := tx.Retire(ctx, m.e, m.retired); err != nil {
		return err
	}
	refused, err := tx.Update(ctx, m.e, &m.updates)
	if err != nil {
		return err
	}
	for _, r := range refused {
		m.refuse(r, true)
		if m.scope.Covers(r.ID) {
			m.counts.Updated--
		} else {
			m.counts.Taken--
		}
	}
	refused, err = tx.Insert(ctx, m.e, &m.inserts)
	if err != nil {
		return err
	}
	for _, r := range refused {
		m.refuse(r, false)
		m.counts.Inserted--
	}
	return nil
}

// exists reports whether the source had a row of the scope in the batch's snapshot.
func (m *merge) exists(id int64) bool {
	_, found := find(m.rows, id)
	return found
}
