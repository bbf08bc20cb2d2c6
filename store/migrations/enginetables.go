package migrations

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"ferry/engine/entity"
)

// EngineDDL creates the engine's tables with their keys, indexes and foreign keys, parents first.
func EngineDDL() []string {
	var out []string
	for _, e := range entity.All() {
		out = append(out, tableDDL(e)...)
	}
	return out
}

func tableDDL(e *entity.Entity) []string {
	sequence := e.Target + "_id_seq"
	columns := make([]string, 0, len(e.Table.Columns))
	for _, c := range e.Table.Columns {
		columns = append(columns, "    "+columnDDL(e, c))
	}
	out := []string{
		"CREATE SEQUENCE " + public(sequence) + " START " + strconv.FormatInt(entity.FirstOwnID, 10),
		"CREATE TABLE " + public(e.Target) + " (\n" + strings.Join(columns, ",\n") + "\n)" + storage(e),
		"ALTER SEQUENCE " + public(sequence) + " OWNED BY " + public(e.Target) + ".id",
	}
	for _, k := range constraints(e) {
		out = append(out, k.ddl)
	}
	for _, i := range e.Table.Indexes {
		out = append(out, indexDDL(e, i))
	}
	return out
}

// storage is how a table is stored, as far as that is not left to the server.
func storage(e *entity.Entity) string {
	if e.Table.Fill == 0 {
		return ""
	}
	return " WITH (fillfactor = " + strconv.Itoa(e.Table.Fill) + ")"
}

func columnDDL(e *entity.Entity, c entity.TableColumn) string {
	ddl := quote(c.Name) + " " + c.Type
	if c.NotNull {
		ddl += " NOT NULL"
	}
	switch {
	case c.Name == "id":
		ddl += " DEFAULT nextval('public." + e.Target + "_id_seq')"
	case c.Default != "":
		ddl += " DEFAULT " + c.Default
	}
	return ddl
}

func indexDDL(e *entity.Entity, i entity.Index) string {
	ddl := "CREATE INDEX " + quote(i.Name) + " ON " + public(e.Target) + " (" + i.Keys + ")"
	if i.Where != "" {
		ddl += " WHERE " + i.Where
	}
	return ddl
}

// constraint is a key or a check: its definition as PostgreSQL writes it, and the statement that adds it.
type constraint struct{ definition, ddl string }

// constraints gives a table's primary key, check, unique constraints and foreign keys.
func constraints(e *entity.Entity) []constraint {
	add := func(name, definition string) constraint {
		return constraint{definition, "ALTER TABLE " + public(e.Target) + " ADD CONSTRAINT " + quote(name) + " " + definition}
	}
	out := []constraint{
		add(e.Target+"_pkey", "PRIMARY KEY (id)"),
		add(e.Target+"_odoo_id_check", "CHECK ((("+e.OdooID+" IS NULL) OR (id = "+e.OdooID+")))"),
	}
	for _, u := range e.Table.Unique {
		definition := "UNIQUE (" + u.Column + ")"
		if u.Deferred {
			definition += " DEFERRABLE INITIALLY DEFERRED"
		}
		out = append(out, add(u.Name, definition))
	}
	for _, f := range e.Table.ForeignKeys {
		out = append(out, add(f.Name, "FOREIGN KEY ("+f.Column+") REFERENCES "+f.References+"(id)"))
	}
	return out
}

// CheckEngine compares the engine's tables with the entities' descriptions. It gives the statements that are missing,
// and how many of the tables exist. Columns that ferry does not know are none of its business, unless they would refuse
// its rows.
func CheckEngine(ctx context.Context, db Querier) (lacks []string, present int, err error) {
	unkeyed, err := underFirstLoad(ctx, db)
	if err != nil {
		return nil, 0, err
	}
	for _, e := range entity.All() {
		found, err := columnsOf(ctx, db, e.Target)
		if err != nil {
			return nil, 0, err
		}
		if len(found) == 0 {
			lacks = append(lacks, tableDDL(e)...)
			continue
		}
		present++
		lacks = append(lacks, columnLacks(e, found)...)
		if unkeyed {
			continue
		}
		missing, err := missingKeys(ctx, db, e)
		if err != nil {
			return nil, 0, err
		}
		lacks = append(lacks, missing...)
	}
	return lacks, present, nil
}

// underFirstLoad reports whether the engine's tables have no keys because a first load has not come to its end.
func underFirstLoad(ctx context.Context, db Querier) (bool, error) {
	var known, unkeyed bool
	err := db.QueryRow(ctx, `SELECT to_regclass('ferry.unkeyed') IS NOT NULL`).Scan(&known)
	if err == nil && known {
		err = db.QueryRow(ctx, `SELECT EXISTS (SELECT FROM ferry.unkeyed)`).Scan(&unkeyed)
	}
	if err != nil {
		return false, fmt.Errorf("looking whether a first load is under way: %w", err)
	}
	return unkeyed, nil
}

type foundColumn struct {
	Type       string
	NotNull    bool
	HasDefault bool
}

func columnsOf(ctx context.Context, db Querier, table string) (map[string]foundColumn, error) {
	rows, err := db.Query(ctx, `
		SELECT attname, format_type(atttypid, atttypmod), attnotnull, atthasdef OR attidentity <> '' OR attgenerated <> ''
		FROM pg_attribute WHERE attrelid = to_regclass('public.' || quote_ident($1)) AND attnum > 0 AND NOT attisdropped`, table)
	if err != nil {
		return nil, fmt.Errorf("reading the columns of %s: %w", table, err)
	}
	out := map[string]foundColumn{}
	var name string
	var c foundColumn
	_, err = pgx.ForEachRow(rows, []any{&name, &c.Type, &c.NotNull, &c.HasDefault}, func() error {
		out[name] = c
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading the columns of %s: %w", table, err)
	}
	return out, nil
}

func columnLacks(e *entity.Entity, found map[string]foundColumn) []string {
	var out []string
	alter := "ALTER TABLE " + public(e.Target) + " "
	known := map[string]bool{}
	for _, c := range e.Table.Columns {
		known[c.Name] = true
		f, ok := found[c.Name]
		switch {
		case !ok:
			out = append(out, alter+"ADD COLUMN "+columnDDL(e, c))
		case f.Type != c.Type:
			out = append(out, alter+"ALTER COLUMN "+quote(c.Name)+" TYPE "+c.Type+" -- is "+f.Type)
		case f.NotNull && !c.NotNull:
			out = append(out, alter+"ALTER COLUMN "+quote(c.Name)+" DROP NOT NULL")
		case c.NotNull && !f.NotNull:
			out = append(out, alter+"ALTER COLUMN "+quote(c.Name)+" SET NOT NULL")
		case (c.Default != "" || c.Name == "id") && !f.HasDefault:
			out = append(out, alter+"ALTER COLUMN "+quote(c.Name)+" SET DEFAULT …")
		}
	}
	for name, f := range found {
		if !known[name] && f.NotNull && !f.HasDefault {
			out = append(out, alter+"ALTER COLUMN "+quote(name)+" DROP NOT NULL -- ferry does not know it and cannot fill it")
		}
	}
	return out
}

// missingKeys gives the constraints that a table lacks, compared by definition: names are the other program's choice.
// Indexes are not asked for: an existing table without one is slower, not wrong.
func missingKeys(ctx context.Context, db Querier, e *entity.Entity) ([]string, error) {
	rows, err := db.Query(ctx, `SELECT pg_get_constraintdef(oid) FROM pg_constraint
		WHERE conrelid = to_regclass('public.' || quote_ident($1))`, e.Target)
	if err != nil {
		return nil, fmt.Errorf("reading the constraints of %s: %w", e.Target, err)
	}
	definitions, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("reading the constraints of %s: %w", e.Target, err)
	}
	found := map[string]bool{}
	for _, d := range definitions {
		found[strings.ReplaceAll(d, "REFERENCES public.", "REFERENCES ")] = true
	}
	var out []string
	for _, k := range constraints(e) {
		if !found[k.definition] && !strings.HasPrefix(k.definition, "CHECK") {
			out = append(out, k.ddl)
		}
	}
	return out, nil
}

func quote(name string) string  { return pgx.Identifier{name}.Sanitize() }
func public(name string) string { return pgx.Identifier{"public", name}.Sanitize() }

func joinDDL(statements []string) string {
	return strings.Join(statements, ";\n") + ";"
}
