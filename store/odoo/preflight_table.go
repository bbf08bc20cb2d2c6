package odoo

import (
	"context"
	"fmt"
	"strings"

	"ferry/engine"
	"ferry/engine/entity"
)

// sourceTable is what the catalog says of one of the tables that ferry reads.
type sourceTable struct {
	kind     string // pg_class.relkind
	usage    bool   // on the schema
	selected bool   // SELECT on the table
	filtered bool   // row level security would hide rows from this role
	indexed  bool   // id has a unique index
	found    map[string]string
	estimate int64 // -1: never analysed
	pages    int64
	size     string
}

// findTable reads the catalog directly: to_regclass and its like fail for a role without USAGE on the schema.
func findTable(ctx context.Context, db querier, e *entity.Entity) (t sourceTable, err error) {
	var names, types []string
	err = db.QueryRow(ctx, `
		SELECT c.relkind::text, has_schema_privilege(n.oid, 'USAGE'), has_table_privilege(c.oid, 'SELECT'),
			row_security_active(c.oid), c.reltuples::bigint, c.relpages, pg_size_pretty(pg_table_size(c.oid)),
			EXISTS (SELECT FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
				WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indnkeyatts = 1 AND i.indpred IS NULL
					AND a.attname = 'id'),
			ARRAY(SELECT attname::text FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped ORDER BY attnum),
			ARRAY(SELECT y.typname::text FROM pg_attribute a JOIN pg_type y ON y.oid = a.atttypid
				WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum)
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname = 'public' AND c.relname = $1 AND c.relkind IN ('r', 'p', 'v', 'm', 'f')`, e.Name).
		Scan(&t.kind, &t.usage, &t.selected, &t.filtered, &t.estimate, &t.pages, &t.size, &t.indexed, &names, &types)
	t.found = make(map[string]string, len(names))
	for i, name := range names {
		t.found[name] = types[i]
	}
	return t, err //nolint:wrapcheck // the caller classes it
}

// readable says whether the role sees every row.
func (t sourceTable) readable(e *entity.Entity, role string) engine.PreflightLine {
	name := "source: " + e.Name
	var missing []string
	if !t.usage {
		missing = append(missing, "GRANT USAGE ON SCHEMA public TO "+role)
	}
	if !t.selected {
		missing = append(missing, "GRANT SELECT ON public."+e.Name+" TO "+role)
	}
	switch {
	case len(missing) > 0:
		return engine.FailLine(name, "role "+role+" may not read it", strings.Join(missing, "; "))
	case t.filtered:
		return engine.FailLine(name, "row level security hides rows of it from role "+role,
			"ALTER TABLE public."+e.Name+" DISABLE ROW LEVEL SECURITY; ferry must see every row, and may not have BYPASSRLS")
	case t.kind != "r" && t.kind != "p":
		return engine.FailLine(name, "it is not a table", "ferry needs Odoo's own table: only that tells which rows changed")
	case !t.indexed:
		return engine.FailLine(name, "it has no unique index on id", "ALTER TABLE public."+e.Name+
			" ADD PRIMARY KEY (id), as Odoo does: without it ids may repeat, and every batch reads the whole table")
	}
	return engine.PassLine(name, "every row can be read")
}

// columns says whether the columns that ferry needs are there, and in which form points are.
func (t sourceTable) columns(e *entity.Entity) engine.PreflightLine {
	name := "source: " + e.Name + " columns"
	shape, err := shapeOf(e, t.found)
	if err != nil {
		_, found, _ := strings.Cut(err.Error(), engine.ErrShape.Error()+": ")
		return engine.FailLine(name, found, "update the Odoo module that makes the table, or check the database's name in --source")
	}
	forms := map[entity.Wire][]string{}
	for i, c := range e.Columns {
		switch shape[i] {
		case entity.WireFloat8, entity.WireNumeric, entity.WireAbsent:
			forms[shape[i]] = append(forms[shape[i]], c.Source)
		case entity.WireInt, entity.WireInt8, entity.WireText, entity.WireTime:
		}
	}
	found := []string{fmt.Sprintf("%d columns", len(e.Columns)+1-len(forms[entity.WireAbsent]))}
	for _, form := range []struct {
		wire entity.Wire
		says string
	}{
		{entity.WireFloat8, "double precision"}, {entity.WireNumeric, "numeric"}, {entity.WireAbsent, "absent, read as NULL"},
	} {
		if list := forms[form.wire]; len(list) > 0 {
			found = append(found, strings.Join(list, ", ")+": "+form.says)
		}
	}
	return engine.PassLine(name, strings.Join(found, "; "))
}

// rows gives the size of the table as the server's statistics know it.
func (t sourceTable) rows(e *entity.Entity) engine.PreflightLine {
	name := "source: " + e.Name + " rows"
	// Before PostgreSQL 14 a table that was never analysed looked like an empty one.
	if t.estimate < 0 || t.estimate == 0 && t.pages == 0 && t.size != "0 bytes" {
		return engine.UnknownLine(name, "the server has no statistics yet; "+t.size, "ANALYZE public."+e.Name)
	}
	return engine.PassLine(name, fmt.Sprintf("about %d; %s", t.estimate, t.size))
}
