package cycle

import (
	"context"
	"fmt"
	"slices"

	"ferry/engine/pgcopy"
)

// feed notes the rows of another entity whose derived columns follow from a row that is written or set aside: the one that
// the row points at, and the one that the engine's version of it points at.
func (m *merge) feed(row *judged, stored *Stored, match int) error {
	parent, ok := m.e.Feeds()
	if !ok {
		return nil
	}
	if v := row.Values[parent.Column]; !v.Missing() {
		m.fed = append(m.fed, v.Int)
	}
	if match < 0 {
		return nil
	}
	fields, err := stored.Rows.Fields(match)
	if err != nil {
		return fmt.Errorf("reading the engine's %s %d: %w", m.e.Name, row.ID, err)
	}
	before, err := pgcopy.Int(fields[m.e.MappedAt(parent.Column)])
	if err != nil {
		return fmt.Errorf("reading the engine's %s %d: %w", m.e.Name, row.ID, err)
	}
	m.fed = append(m.fed, before)
	return nil
}

// feeds adds the rows whose derived columns the merge touched: those that its rows feed, those that rows fed which were in
// quarantine or are now, and, of an entity that has derived columns itself, the rows that it wrote.
func (m *merge) feeds(fed, fresh map[int64]bool) {
	for _, id := range m.fed {
		fed[id] = true
	}
	if _, ok := m.e.Feeds(); ok {
		for _, entry := range m.open {
			fed[entry.ParentID] = true
		}
	}
	if len(m.e.Derived) == 0 {
		return
	}
	for _, id := range m.retired {
		fresh[id] = true // its version rose when it lost its code
	}
	for _, ids := range [][]int64{m.inserts.IDs(), m.updates.IDs()} {
		for _, id := range ids {
			if !m.lost[id] {
				fed[id], fresh[id] = true, true
			}
		}
	}
}

// tellOthers lets rows that depend on what was written follow: those that wait for a parent which has come, those whose
// code an owner may have given up, those that were loaded without the parent that is there now.
func (m *merge) tellOthers(ctx context.Context, tx Load) error {
	if m.w.First {
		return nil // children are read later, and nobody waits yet
	}
	arrived := m.arrived()
	if err := tx.Wake(ctx, m.e, arrived, m.gaveUp(), m.scope); err != nil {
		return err
	}
	if m.linksLater {
		return nil
	}
	linked, err := tx.Link(ctx, m.e, arrived)
	m.counts.Taken += linked
	return err
}

// arrived are the rows that are new in the engine.
func (m *merge) arrived() []int64 {
	var out []int64
	for _, id := range m.inserts.IDs() {
		if !m.lost[id] {
			out = append(out, id)
		}
	}
	return out
}

// gaveUp are the rows that may have given up their code. Of a cycle from a floor that is all it has read: a claimant may have
// been judged by another batch while this row gave its code up, and not have heard of it; the floor sees to it that the row
// is read once more.
func (m *merge) gaveUp() []int64 {
	if m.e.Code < 0 {
		return nil
	}
	if m.span.IDs != nil {
		return slices.Concat(m.span.IDs, m.retired)
	}
	out := slices.Concat(m.updates.IDs(), m.extras, m.retired)
	for _, f := range m.faults {
		out = append(out, f.ID)
	}
	for _, entry := range m.open {
		out = append(out, entry.ID)
	}
	return out
}
