package odoo

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"ferry/engine"
	"ferry/engine/entity"
	"ferry/store/sqlstate"
)

// querier is a pool, a connection or a transaction.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// wires says in which form a column of a kind may be stored, by the type's name.
var wires = map[entity.Kind]map[string]entity.Wire{
	entity.KindInt:    {"int2": entity.WireInt, "int4": entity.WireInt, "int8": entity.WireInt8},
	entity.KindText:   {"varchar": entity.WireText, "text": entity.WireText, "bpchar": entity.WireText},
	entity.KindPoints: {"float8": entity.WireFloat8, "numeric": entity.WireNumeric},
	entity.KindTime:   {"timestamp": entity.WireTime},
}

// Columns gives the columns of a source table with their types' names; none if there is no such table.
func columns(ctx context.Context, db querier, table string) (map[string]string, error) {
	rows, err := db.Query(ctx, `
		SELECT a.attname, t.typname FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
		WHERE a.attrelid = to_regclass('public.' || quote_ident($1)) AND a.attnum > 0 AND NOT a.attisdropped`, table)
	if err != nil {
		return nil, sqlstate.Wrap(engine.SideSource, "reading the columns of "+table, err)
	}
	out := map[string]string{}
	var name, typ string
	_, err = pgx.ForEachRow(rows, []any{&name, &typ}, func() error {
		out[name] = typ
		return nil
	})
	return out, sqlstate.Wrap(engine.SideSource, "reading the columns of "+table, err)
}

// discover finds how this source has an entity's columns, in the snapshot that is about to read them: Odoo changes its
// tables while ferry runs. It fails with ErrShape, naming what is missing or of a type that ferry does not know.
func discover(ctx context.Context, db querier, e *entity.Entity) (entity.Shape, error) {
	found, err := columns(ctx, db, e.Name)
	if err != nil {
		return nil, err
	}
	return shapeOf(e, found)
}

// Fit fails with ErrShape, naming every table and column that is missing or of a type that ferry does not know: a run that
// would fail for it is better not begun.
func (db *DB) Fit(ctx context.Context) error {
	var faults []string
	for _, e := range entity.All() {
		_, err := discover(ctx, db.pool, e)
		switch {
		case errors.Is(err, engine.ErrShape):
			faults = append(faults, strings.TrimPrefix(err.Error(), engine.ErrShape.Error()+": "))
		case err != nil:
			return err
		}
	}
	if len(faults) > 0 {
		return fmt.Errorf("%w: %s; is --source Odoo's database? `ferry preflight` shows what it is", engine.ErrShape, strings.Join(faults, "; "))
	}
	return nil
}

// shapeOf compares the columns found with those that the entity needs.
func shapeOf(e *entity.Entity, found map[string]string) (entity.Shape, error) {
	if len(found) == 0 {
		return nil, fmt.Errorf("%w: the source has no table public.%s", engine.ErrShape, e.Name)
	}
	shape := make(entity.Shape, len(e.Columns))
	var faults []string
	if _, ok := wires[entity.KindInt][found["id"]]; !ok {
		faults = append(faults, "id is missing or no integer")
	}
	for i, c := range e.Columns {
		typ, ok := found[c.Source]
		if !ok {
			if !c.Optional {
				faults = append(faults, c.Source+" is missing")
			}
			continue
		}
		if shape[i], ok = wires[c.Kind][typ]; !ok {
			faults = append(faults, c.Source+" is of type "+typ)
		}
	}
	if len(faults) > 0 {
		return nil, fmt.Errorf("%w: in the source's %s, %s", engine.ErrShape, e.Name, strings.Join(faults, ", "))
	}
	return shape, nil
}
