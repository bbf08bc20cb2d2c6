package check

import (
	"bytes"
	"context"
	"fmt"
	"math"
	"slices"

	"ferry/engine"
	"ferry/engine/cycle"
	"ferry/engine/entity"
	"ferry/engine/pgcopy"
)

// maxText bounds the texts of rows that are compared in memory, in bytes: rows are bounded by their number, but a text may be
// long.
const maxText = 32 << 20

// rows compares the rows of a scope in memory, by the code that loads them. If they have too much text, in two halves.
func (l *look) rows(ctx context.Context, of cycle.Scope) error {
	rows, fit, err := l.readRows(ctx, of)
	if err != nil {
		return err
	}
	if !fit {
		first, second := halves(of)
		if err := l.rows(ctx, first); err != nil {
			return err
		}
		return l.rows(ctx, second)
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

// readRows reads the source's rows of a scope. It gives false if they have too much text to be kept.
func (l *look) readRows(ctx context.Context, of cycle.Scope) (rows []entity.Row, fit bool, err error) {
	size := 0
	keep := func(row entity.Row) error {
		for _, v := range row.Values {
			size += len(v.Text)
		}
		if (size <= maxText || of.High-of.Low == 1 || len(of.IDs) == 1) && !l.isAside(row.ID) {
			rows = append(rows, row)
		}
		return nil
	}
	if of.IDs == nil {
		err = l.snap.Range(ctx, l.e, of.Low, of.High, "", keep)
	} else {
		err = l.snap.ByID(ctx, l.e, of.IDs, keep)
	}
	return rows, size <= maxText || of.High-of.Low == 1 || len(of.IDs) == 1, err
}

// halves cuts a scope of more than one id in two.
func halves(of cycle.Scope) (first, second cycle.Scope) {
	if n := len(of.IDs); of.IDs != nil {
		a, b := of.IDs[:n/2], of.IDs[n/2:]
		return cycle.Scope{Low: of.Low, High: a[len(a)-1], IDs: a}, cycle.Scope{Low: a[len(a)-1], High: of.High, IDs: b}
	}
	middle := of.Low + (of.High-of.Low)/2
	return cycle.Scope{Low: of.Low, High: middle}, cycle.Scope{Low: middle, High: of.High}
}

// linked says of the parents that rows may be linked to whether they are in the engine.
type linked func(parent string, id int64) bool

// parents looks up the parents that the rows may be linked to.
func (l *look) parents(ctx context.Context, rows []entity.Row) (linked, error) {
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
func (l *look) merge(rows []entity.Row, stored *cycle.Stored, has linked) error {
	var scratch pgcopy.Tuples
	at := 0
	extras := func(until int64) {
		for ; at < stored.Rows.Len() && stored.Rows.ID(at) < until; at++ {
			l.extra(stored, at)
		}
	}
	for _, row := range rows {
		extras(row.ID)
		l.found.Rows++
		if at == stored.Rows.Len() || stored.Rows.ID(at) != row.ID {
			cause := engine.CauseMissing
			if _, deleted := slices.BinarySearch(stored.Gone, row.ID); deleted {
				cause = engine.CauseWrittenOnTarget // by the engine, under a seal
			}
			l.differs(Difference{Row: row.ID, Cause: cause})
			continue
		}
		scratch.Reset()
		l.e.AppendMapped(&scratch, row, has)
		if !usable(row) || !bytes.Equal(scratch.Bytes(0), stored.Rows.Bytes(at)) {
			if err := l.fields(row, &scratch, stored, at, has); err != nil {
				return err
			}
		}
		at++
	}
	extras(math.MaxInt64)
	return nil
}

// extra notes a row of the engine that the source does not have.
func (l *look) extra(stored *cycle.Stored, at int) {
	id := stored.Rows.ID(at)
	if l.isAside(id) {
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

// fields compares a row field by field. Of a row that the engine should not have nothing is expected.
func (l *look) fields(row entity.Row, expected *pgcopy.Tuples, stored *cycle.Stored, at int, has linked) error {
	l.read[row.ID] = true
	wanted, err := expected.Fields(0)
	if err != nil {
		return err
	}
	found, err := stored.Rows.Fields(at)
	if err != nil {
		return err
	}
	rejected := l.rules.Judge(l.e, row).Reason != ""
	for place, column := range l.e.MappedColumns() {
		kind, source := entity.KindInt, entity.Value{State: entity.Present, Int: row.ID}
		from := l.e.MappedFrom(place)
		if from >= 0 {
			kind, source = l.e.Columns[from].Kind, row.Values[from]
		}
		if source.Usable() && same(wanted[place], found[place]) {
			continue
		}
		d := Difference{Row: row.ID, Field: column, Source: text(kind, source), Cause: causeOf(stored.Owned[at])}
		if d.Target, err = storedText(kind, found[place]); err != nil {
			return fmt.Errorf("%s %d: %s: %w", l.e.Target, row.ID, column, err)
		}
		if source.Usable() && !rejected {
			if d.Expected, err = storedText(kind, wanted[place]); err != nil {
				return fmt.Errorf("%s %d: %s: %w", l.e.Name, row.ID, column, err)
			}
		}
		if l.names(column, wanted, found) {
			l.linkOf(&d, source, has)
		}
		l.differs(d)
	}
	return nil
}

// names reports whether the engine's row names the same parent as the source's. If not, a link that differs is no affair of the
// engine alone: it follows the row, which may be under way.
func (l *look) names(link string, wanted, found [][]byte) bool {
	for _, p := range l.e.Parents {
		if p.Link == "" || p.Link != link {
			continue
		}
		for place, column := range l.e.MappedColumns() {
			if column != link && l.e.MappedFrom(place) == p.Column {
				return bytes.Equal(wanted[place], found[place]) && (wanted[place] == nil) == (found[place] == nil)
			}
		}
	}
	return true
}

// linkOf completes the difference of a link: it follows from the parent that the row names, and from what the engine has.
func (l *look) linkOf(d *Difference, source entity.Value, has linked) {
	for _, p := range l.e.Parents {
		if p.Link != "" && p.Link == d.Field {
			_, d.Settled = l.view.At()
			d.Version = LinkFrom(p.Entity, source.Int, has(p.Entity, source.Int))
			d.Source = engine.Maybe[string]{} // a link has no column at the source
		}
	}
}

// same compares two fields; NULL is not an empty one.
func same(a, b []byte) bool { return bytes.Equal(a, b) && (a == nil) == (b == nil) }

// storedText is a field of an engine row in the canonical form of reports.
func storedText(kind entity.Kind, field []byte) (engine.Maybe[string], error) {
	v, err := entity.StoredValue(kind, field)
	return text(kind, v), err
}

// text is a value in the canonical form of reports; unknown is NULL.
func text(kind entity.Kind, v entity.Value) engine.Maybe[string] {
	if v.State == entity.Null {
		return engine.Maybe[string]{}
	}
	return engine.Known(v.Format(kind))
}
