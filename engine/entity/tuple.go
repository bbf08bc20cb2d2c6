package entity

import (
	"slices"

	"ferry/engine/pgcopy"
)

// MappedColumns are the engine columns that follow the source, in the order of a tuple: id, the Odoo id, then the
// columns with a target, each optional parent's link behind the column that names it. Two tuples of these columns are
// equal exactly if no content changed.
func (e *Entity) MappedColumns() []string { return e.mapped }

// InsertColumns are the engine columns of a new row: the mapped ones and the derived ones.
func (e *Entity) InsertColumns() []string { return e.insert }

func (e *Entity) mappedColumns() []string {
	out := []string{"id", e.OdooID}
	for i, c := range e.Columns {
		if c.Target != "" {
			out = append(out, c.Target)
		}
		if link := e.linkOf(i); link != "" {
			out = append(out, link)
		}
	}
	return out
}

// MappedAt is the place of a column in the tuple of mapped columns.
func (e *Entity) MappedAt(column int) int { return slices.Index(e.mapped, e.Columns[column].Target) }

// MappedFrom is the column that a place in the tuple of mapped columns follows, -1 for the ids: the reverse of MappedAt, and
// it knows links, too.
func (e *Entity) MappedFrom(place int) int {
	at := 2
	for i, c := range e.Columns {
		for _, name := range []string{c.Target, e.linkOf(i)} {
			if name == "" {
				continue
			}
			if at == place {
				return i
			}
			at++
		}
	}
	return -1
}

func (e *Entity) derivedColumns() []string {
	out := make([]string, 0, len(e.Derived))
	for _, d := range e.Derived {
		out = append(out, d.Target)
	}
	return out
}

// linkOf is the engine column that links to the parent that a column names; empty: none.
func (e *Entity) linkOf(column int) string {
	if p := e.parentAt[column]; p != nil {
		return p.Link
	}
	return ""
}

// parentsByColumn finds the parent that a column names, if it names one.
func (e *Entity) parentsByColumn() []*Parent {
	out := make([]*Parent, len(e.Columns))
	for i := range e.Parents {
		out[e.Parents[i].Column] = &e.Parents[i]
	}
	return out
}

// AppendMapped adds the row's tuple of mapped columns. linked says whether the parent that a column points at is in
// the engine; it is asked only for parents with a link.
func (e *Entity) AppendMapped(t *pgcopy.Tuples, row Row, linked func(parent string, id int64) bool) {
	t.Append(row.ID, len(e.mapped), func(dst []byte) []byte {
		return e.appendMapped(dst, row, linked)
	})
}

// AppendInsert adds the row's tuple of insert columns. Derived columns have the values given, and where there is none (Null)
// that of the column they start from.
func (e *Entity) AppendInsert(t *pgcopy.Tuples, row Row, linked func(parent string, id int64) bool, derived ...Value) {
	t.Append(row.ID, len(e.insert), func(dst []byte) []byte {
		dst = e.appendMapped(dst, row, linked)
		for i, d := range e.Derived {
			v := row.Values[d.From]
			if i < len(derived) && derived[i].State != Null {
				v = derived[i]
			}
			dst = appendValue(dst, e.Columns[d.From].Kind, v)
		}
		return dst
	})
}

func (e *Entity) appendMapped(dst []byte, row Row, linked func(parent string, id int64) bool) []byte {
	dst = pgcopy.AppendInt8(dst, row.ID)
	dst = pgcopy.AppendInt8(dst, row.ID)
	for i := range e.Columns {
		c, v := &e.Columns[i], row.Values[i]
		if c.Target != "" {
			dst = appendValue(dst, c.Kind, v)
		}
		p := e.parentAt[i]
		if p == nil || p.Link == "" {
			continue
		}
		if v.State == Present && linked(p.Entity, v.Int) {
			dst = pgcopy.AppendInt8(dst, v.Int)
		} else {
			dst = pgcopy.AppendNull(dst)
		}
	}
	return dst
}

func appendValue(dst []byte, kind Kind, v Value) []byte {
	if v.State == Null {
		return pgcopy.AppendNull(dst)
	}
	switch kind {
	case KindText:
		return pgcopy.AppendText(dst, v.Text)
	case KindPoints:
		return pgcopy.AppendHundredths(dst, v.Int)
	case KindInt, KindTime:
	}
	return pgcopy.AppendInt8(dst, v.Int)
}
