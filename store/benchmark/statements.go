package benchmark

import (
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"ferry/engine/entity"
	"ferry/store/migrations"
)

// expression is a source column as the engine stores it, by PostgreSQL's own casts.
func expression(e *entity.Entity, i int) string {
	c := e.Columns[i]
	name := pgx.Identifier{c.Source}.Sanitize()
	switch c.Kind {
	case entity.KindPoints:
		return "round(coalesce(" + name + ", 0)::numeric, 2)::numeric(18,2)" // Odoo writes NULL for nothing
	case entity.KindTime:
		return name + " AT TIME ZONE 'UTC'"
	case entity.KindText:
		if i == e.Code {
			return "upper(btrim(" + name + "))"
		}
		return name + "::text"
	case entity.KindInt:
	}
	return name + "::bigint"
}

// mapping gives for each of some engine columns the expression that it follows.
func mapping(e *entity.Entity, columns []string) string {
	out := make([]string, len(columns))
	for at, name := range columns {
		column := e.MappedFrom(slices.Index(e.MappedColumns(), name))
		derived := slices.IndexFunc(e.Derived, func(d entity.Derived) bool { return d.Target == name })
		switch {
		case derived >= 0:
			out[at] = expression(e, e.Derived[derived].From)
		case column < 0:
			out[at] = "id::bigint"
		default:
			out[at] = expression(e, column)
		}
	}
	return strings.Join(out, ", ")
}

func sourceTable(e *entity.Entity) string { return pgx.Identifier{"public", e.Name}.Sanitize() }
func engineTable(e *entity.Entity) string { return pgx.Identifier{"public", e.Target}.Sanitize() }

// copyOut streams the source's rows as the engine stores them; copyIn takes them.
func copyOut(e *entity.Entity) string {
	return "COPY (SELECT " + mapping(e, e.InsertColumns()) + " FROM " + sourceTable(e) + ") TO STDOUT (FORMAT binary)"
}

func copyIn(e *entity.Entity) string {
	return "COPY " + engineTable(e) + " (" + quoteList(e.InsertColumns()) + ") FROM STDIN (FORMAT binary)"
}

// inOrder streams what is compared of both sides, in the order of ids.
func inOrder(e *entity.Entity) (theirs, ours string) {
	columns := e.MappedColumns()
	theirs = "COPY (SELECT " + mapping(e, columns) + " FROM " + sourceTable(e) + " ORDER BY id) TO STDOUT (FORMAT binary)"
	ours = "COPY (SELECT " + quoteList(columns) + " FROM " + engineTable(e) + " WHERE " + pgx.Identifier{e.OdooID}.Sanitize() +
		" IS NOT NULL ORDER BY id) TO STDOUT (FORMAT binary)"
	return theirs, ours
}

// upsert writes one row into a table with its keys.
func upsert(e *entity.Entity) string {
	columns := e.InsertColumns()
	places, sets := make([]string, len(columns)), make([]string, 0, len(columns))
	for i, name := range columns {
		places[i] = "$" + itoa(i+1)
		if name != "id" {
			quoted := pgx.Identifier{name}.Sanitize()
			sets = append(sets, quoted+" = excluded."+quoted)
		}
	}
	return "INSERT INTO " + engineTable(e) + " (" + quoteList(columns) + ") VALUES (" + strings.Join(places, ", ") +
		") ON CONFLICT (id) DO UPDATE SET " + strings.Join(sets, ", ")
}

// heaps makes the engine's tables without keys, as a first load finds them.
func heaps() []string { return append(migrations.EngineDDL(), migrations.Unkey()...) }

// keys builds what heaps left out, parents first.
func keys() []string {
	var out []string
	for _, e := range entity.All() {
		for _, i := range migrations.Indexes(e) {
			out = append(out, i.Build)
			if i.Attach != "" {
				out = append(out, i.Attach)
			}
		}
	}
	for _, e := range entity.All() {
		foreign := migrations.ForeignKeys(e)
		for _, f := range e.Table.ForeignKeys {
			out = append(out, foreign[f.Column])
		}
	}
	return out
}
