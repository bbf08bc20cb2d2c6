package check

import (
	"bytes"
	"context"
	"fmt"

	"ferry/engine"
	"ferry/engine/cycle"
	"ferry/engine/entity"
	"ferry/engine/pgcopy"
)

// rows compares the rows of a scope in memory, by the code that loads them.
func (l *look) rows(ctx context.Context, of cycle.Scope) error {
	var rows []entity.Row
	keep := func(row entity.Row) error {
		if !l.isExplained(row.ID) {
			rows = append(rows, row)
		}
		return nil
	}
	var err error
	if of.IDs == nil {
		err = l.snap.Range(ctx, l.e, of.Low, of.High, "", keep)
	} else {
		err = l.snap.ByID(ctx, l.e, of.IDs, keep)
	}
	if err != nil {
		return err
	}
	stored, err := l.view.Stored(ctx, l.e, of)
	if err != nil {
		return err
	}
	linked, err := l.parents(ctx, rows)
	if err != nil {
		return err
	}
	return l.merge(rows, stored, linked)
}

// parents gives which of the parents that the rows may be linked to are in the engine.
func (l *look) parents(ctx context.Context, rows []entity.Row) (func(parent string, id int64) bool, error) {
	present := map[string]map[int64]bool{}
	for _, p := range l.e.Parents {
		if p.Link == "" {
			continue
		}
		parent, err := entity.Lookup(p.Entity)
		if err != nil {
			return nil, err
		}
		asked := map[int64]bool{}
		var ids []int64
		for _, row := range rows {
			if v := row.Values[p.Column]; !v.Missing() && !asked[v.Int] {
				asked[v.Int] = true
				ids = append(ids, v.Int)
			}
		}
		if present[p.Entity], err = l.view.Present(ctx, parent, ids); err != nil {
			return nil, err
		}
	}
	return func(parent string, id int64) bool { return present[parent][id] }, nil
}

// merge brings rows of both sides together; both are in id order.
func (l *look) merge(rows []entity.Row, stored *cycle.Stored, linked func(parent string, id int64) bool) error {
	var scratch pgcopy.Tuples
	at := 0
	extra := func(until int64) {
		for ; at < stored.Rows.Len() && stored.Rows.ID(at) < until; at++ {
			l.extra(stored, at)
		}
	}
	for _, row := range rows {
		extra(row.ID)
		l.found.Rows++
		if at == stored.Rows.Len() || stored.Rows.ID(at) != row.ID {
			l.differs(Difference{Row: row.ID, Cause: engine.CauseMissing})
			continue
		}
		scratch.Reset()
		l.e.AppendMapped(&scratch, row, linked)
		if !usable(row) || !bytes.Equal(scratch.Bytes(0), stored.Rows.Bytes(at)) {
			if err := l.fields(row, &scratch, stored, at); err != nil {
				return err
			}
		}
		at++
	}
	extra(1<<63 - 1)
	return nil
}

// extra notes a row of the engine that the source does not have.
func (l *look) extra(stored *cycle.Stored, at int) {
	id := stored.Rows.ID(at)
	if l.isExplained(id) {
		return
	}
	l.found.Rows++
	cause := engine.CauseExtra
	if stored.Owned[at] {
		cause = engine.CauseWrittenOnTarget
	}
	l.differs(Difference{Row: id, Cause: cause})
}

// usable reports whether the engine could hold the row.
func usable(row entity.Row) bool {
	for _, v := range row.Values {
		if !v.Usable() {
			return false
		}
	}
	return true
}

// fields compares a row field by field. What the source has that the engine must not have is expected nowhere.
func (l *look) fields(row entity.Row, expected *pgcopy.Tuples, stored *cycle.Stored, at int) error {
	l.read[row.ID] = true
	wanted, err := expected.Fields(0)
	if err != nil {
		return err
	}
	has, err := stored.Rows.Fields(at)
	if err != nil {
		return err
	}
	cause := engine.CauseField
	if stored.Owned[at] {
		cause = engine.CauseWrittenOnTarget
	}
	rejected := l.rules.Judge(l.e, row).Reason != ""
	differ := func(column string, kind entity.Kind, source entity.Value, place int) error {
		target, err := entity.StoredValue(kind, has[place])
		if err != nil {
			return fmt.Errorf("%s %d: %s: %w", l.e.Target, row.ID, column, err)
		}
		d := Difference{Row: row.ID, Field: column, Cause: cause, Source: text(kind, source), Target: text(kind, target)}
		if !rejected && source.Usable() {
			value, err := entity.StoredValue(kind, wanted[place])
			if err != nil {
				return fmt.Errorf("%s %d: %s: %w", l.e.Name, row.ID, column, err)
			}
			d.Expected = text(kind, value)
		}
		l.differs(d)
		return nil
	}
	for place, column := range l.e.MappedColumns() {
		from := l.e.MappedFrom(place)
		if from < 0 {
			continue // ids are what rows are matched by
		}
		source := row.Values[from]
		if source.Usable() && bytes.Equal(wanted[place], has[place]) && (wanted[place] == nil) == (has[place] == nil) {
			continue
		}
		if err := differ(column, l.e.Columns[from].Kind, source, place); err != nil {
			return err
		}
	}
	return nil
}

func text(kind entity.Kind, v entity.Value) engine.Maybe[string] {
	if v.State == entity.Null {
		return engine.Maybe[string]{}
	}
	return engine.Known(v.Format(kind))
}

func (l *look) differs(d Difference) {
	d.Entity = l.e.Name
	l.found.Differences = append(l.found.Differences, d)
}
