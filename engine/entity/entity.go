// Package entity describes what ferry carries: for each entity its columns in Odoo and in the engine, how a value is
// decoded and made canonical, and the rules that a row must keep.
//
// One entity is one file (card.go, move.go, history.go) that ends in a registration; everything else, from the range
// read to the DDL, the merge and the screens, works from the description. The way of a row through this package:
//
//	fields of a COPY tuple → Decoder → Row of canonical Values → Clean, Judge → Tuple in the engine's binary form
//
// A value is decided once: points become hundredths (Points), times microseconds since 2000, codes are cleaned
// (CleanCode). Nothing behind the decoder sees a float.
package entity

import (
	"fmt"
	"slices"
)

// Kind is what a column holds.
type Kind uint8

// The kinds of columns.
const (
	KindInt Kind = iota
	KindText
	KindPoints
	KindTime
)

// Column is one column that is read from the source.
type Column struct {
	Source   string // its name in Odoo
	Target   string // its name in the engine; empty: read only because a rule looks at it
	Kind     Kind
	Optional bool // an Odoo without it is well; it is then read as NULL
}

// Parent is another entity that a row points at.
type Parent struct {
	Entity string // source table of the parent
	Column int    // index of the column that holds the parent's id
	// Link is the engine column that holds the parent's id only while the parent is in the engine; such a row is loaded
	// without its parent. Empty: the row waits in quarantine until its parent is in the engine.
	Link string
	// Feeds: the parent's derived columns follow from rows like this one.
	Feeds bool
}

// Entity describes one of the tables that ferry carries.
type Entity struct {
	Name    string   // source table; how reports name the entity
	Short   string   // prefix of its rules: "card"
	Target  string   // engine table
	OdooID  string   // the engine column that holds the Odoo id
	Columns []Column // without id
	Parents []Parent
	Code    int // index of the column that is unique after cleaning, -1 without one
	Derived []Derived
	Rules   []Rule
	Table   Table
	Clean   func(*Row) // makes canonical what a column's kind alone does not; nil: nothing to do

	// Made once by register.
	parentAt       []*Parent // by column
	mapped, insert []string  // column lists
}

// Derived is an engine column that is computed in the engine and follows another column when a row is new.
type Derived struct {
	Target string
	From   int // index of the column that gives its first value
}

// Row is a source row in canonical form.
type Row struct {
	ID     int64
	Values []Value
}

// Value is one canonical value.
type Value struct {
	State ValueState
	Int   int64  // KindInt; KindPoints: hundredths; KindTime: microseconds since 2000-01-01 UTC
	Text  string // KindText
}

// ValueState says whether there is a value, and if not why.
type ValueState uint8

// The states of a value.
const (
	Null      ValueState = iota
	Present              // as the source has it
	Rounded              // points that rounding changed by more than 1e-6
	NotFinite            // points that are NaN or an infinity
	TooLarge             // points that do not fit numeric(18,2)
	Endless              // an infinite time
)

// Usable reports whether the value can be stored; a NULL can.
func (v Value) Usable() bool { return v.State == Null || v.State == Present || v.State == Rounded }

// Missing reports whether a reference is absent: Odoo writes NULL, some modules write 0.
func (v Value) Missing() bool { return v.State == Null || v.Int == 0 }

var registry []*Entity

// register adds an entity; parents before children. It is called once by each entity's file.
func register(e *Entity) *Entity {
	e.parentAt = e.parentsByColumn()
	e.mapped = e.mappedColumns()
	e.insert = append(slices.Clone(e.mapped), e.derivedColumns()...)
	registry = append(registry, e)
	return e
}

// All gives every entity, parents before children.
func All() []*Entity {
	all := slices.Clone(registry)
	slices.SortStableFunc(all, func(a, b *Entity) int { return depth(a) - depth(b) })
	return all
}

// depth is the length of the longest chain of parents above an entity.
func depth(e *Entity) int {
	deepest := 0
	for _, p := range e.Parents {
		if parent, ok := Find(p.Entity); ok {
			deepest = max(deepest, depth(parent)+1)
		}
	}
	return deepest
}

// Find gives the entity of a source table.
func Find(name string) (*Entity, bool) {
	for _, e := range registry {
		if e.Name == name {
			return e, true
		}
	}
	return nil, false
}

// Lookup gives the entity of a source table that is named somewhere, such as in a batch: one that this program does not
// know was put there by a newer one.
func Lookup(name string) (*Entity, error) {
	e, ok := Find(name)
	if !ok {
		return nil, fmt.Errorf("this ferry does not know the entity %q; it is older than the one that named it", name)
	}
	return e, nil
}

// Feeds gives the parent whose derived columns follow from this entity's rows, if there is one.
func (e *Entity) Feeds() (Parent, bool) {
	for _, p := range e.Parents {
		if p.Feeds {
			return p, true
		}
	}
	return Parent{}, false
}

// Children gives the entities that point at this one.
func (e *Entity) Children() []*Entity {
	var out []*Entity
	for _, c := range registry {
		if slices.ContainsFunc(c.Parents, func(p Parent) bool { return p.Entity == e.Name }) {
			out = append(out, c)
		}
	}
	return out
}
