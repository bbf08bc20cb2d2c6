package migrations

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"ferry/engine/entity"
)

// Index is one index of an engine table, a constraint's or one of its own.
type Index struct {
	Name   string
	Build  string // the statement that builds it beside others
	Attach string // the statement that makes it the constraint of that name; empty: it is none
	Code   bool   // it is about codes, which may be there twice until their owners are settled
}

// Indexes gives all indexes of an engine table.
func Indexes(e *entity.Entity) []Index {
	unique := func(name, column, as string) Index {
		return Index{
			Name: name, Build: "CREATE UNIQUE INDEX " + quote(name) + " ON " + public(e.Target) + " (" + column + ")",
			Attach: "ALTER TABLE " + public(e.Target) + " ADD CONSTRAINT " + quote(name) + " " + as,
		}
	}
	out := []Index{unique(e.Target+"_pkey", "id", "PRIMARY KEY USING INDEX "+quote(e.Target+"_pkey"))}
	for _, u := range e.Table.Unique {
		as := "UNIQUE USING INDEX " + quote(u.Name)
		if u.Deferred {
			as += " DEFERRABLE INITIALLY DEFERRED"
		}
		i := unique(u.Name, u.Column, as)
		i.Code = e.Code >= 0 && e.Columns[e.Code].Target == u.Column
		out = append(out, i)
	}
	for _, i := range e.Table.Indexes {
		out = append(out, Index{Name: i.Name, Build: indexDDL(e, i)})
	}
	return out
}

// ForeignKeys gives the statements that add an engine table's foreign keys, by their columns.
func ForeignKeys(e *entity.Entity) map[string]string {
	out := map[string]string{}
	for _, f := range e.Table.ForeignKeys {
		out[f.Column] = "ALTER TABLE " + public(e.Target) + " ADD CONSTRAINT " + quote(f.Name) +
			" FOREIGN KEY (" + f.Column + ") REFERENCES " + public(f.References) + "(id)"
	}
	return out
}

// Unkey gives the statements that take keys, indexes and foreign keys from the engine's tables, children first, as far as they
// are there: an index is built before it becomes a constraint.
func Unkey() []string {
	var out []string
	all := entity.All()
	for _, e := range slices.Backward(all) {
		for _, f := range e.Table.ForeignKeys {
			out = append(out, "ALTER TABLE "+public(e.Target)+" DROP CONSTRAINT IF EXISTS "+quote(f.Name))
		}
		for _, i := range Indexes(e) {
			if i.Attach != "" {
				out = append(out, "ALTER TABLE "+public(e.Target)+" DROP CONSTRAINT IF EXISTS "+quote(i.Name))
			}
			out = append(out, "DROP INDEX IF EXISTS "+public(i.Name))
		}
	}
	return out
}

// Untouched gives why the engine's tables are not just what Init made of them, or "": then their keys may be dropped and
// built again, and nobody else has to know.
func Untouched(ctx context.Context, db Querier) (why string, err error) {
	for _, e := range entity.All() {
		if why, err := strange(ctx, db, e); why != "" || err != nil {
			return why, err
		}
		found, err := definitions(ctx, db, e)
		if err != nil {
			return "", err
		}
		if expected := expectedDefinitions(e); !slices.Equal(found, expected) {
			return e.Target + " has other keys or indexes than `ferry init` makes", nil
		}
	}
	return "", nil
}

// strange gives what somebody has hung on a table.
func strange(ctx context.Context, db Querier, e *entity.Entity) (string, error) {
	targets := make([]string, 0, len(entity.All()))
	for _, other := range entity.All() {
		targets = append(targets, other.Target)
	}
	var why string
	err := db.QueryRow(ctx, `SELECT CASE
			WHEN c.relkind <> 'r' OR c.relispartition OR c.relhassubclass OR EXISTS (SELECT FROM pg_inherits WHERE inhrelid = c.oid)
				THEN 'it is no plain table'
			WHEN NOT pg_has_role(c.relowner, 'USAGE') THEN 'it belongs to ' || c.relowner::regrole::text
			WHEN EXISTS (SELECT FROM pg_trigger WHERE tgrelid = c.oid AND NOT tgisinternal) THEN 'it has a trigger'
			WHEN c.relhasrules THEN 'it has a rule'
			WHEN c.relreplident NOT IN ('d', 'n') THEN 'it has a replica identity of its own'
			WHEN EXISTS (SELECT FROM pg_publication_rel WHERE prrelid = c.oid) OR EXISTS (SELECT FROM pg_publication WHERE puballtables)
				THEN 'it is published'
			WHEN EXISTS (SELECT FROM pg_constraint k JOIN pg_class o ON o.oid = k.conrelid JOIN pg_namespace n ON n.oid = o.relnamespace
				WHERE k.contype = 'f' AND k.confrelid = c.oid AND NOT (n.nspname = 'public' AND o.relname = ANY($2))) THEN 'another table refers to it'
			ELSE '' END
		FROM pg_class c WHERE c.oid = to_regclass('public.' || quote_ident($1))`, e.Target, targets).Scan(&why)
	if err != nil {
		return "", fmt.Errorf("looking what depends on %s: %w", e.Target, err)
	}
	if why != "" {
		why = e.Target + ": " + why
	}
	return why, nil
}

// definitions gives the constraints but for checks, and the indexes that are none, as PostgreSQL writes them, in order.
func definitions(ctx context.Context, db Querier, e *entity.Entity) ([]string, error) {
	rows, err := db.Query(ctx, `SELECT conname || ' ' || pg_get_constraintdef(oid) AS text FROM pg_constraint
			WHERE conrelid = to_regclass('public.' || quote_ident($1)) AND contype IN ('p', 'u', 'f', 'x')
		UNION ALL SELECT pg_get_indexdef(i.indexrelid) FROM pg_index i
			WHERE i.indrelid = to_regclass('public.' || quote_ident($1))
				AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = i.indexrelid AND conrelid = i.indrelid)`,
		e.Target)
	if err != nil {
		return nil, fmt.Errorf("reading the keys of %s: %w", e.Target, err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("reading the keys of %s: %w", e.Target, err)
	}
	for i, text := range out {
		out[i] = strings.ReplaceAll(text, "REFERENCES public.", "REFERENCES ")
	}
	slices.Sort(out)
	return out, nil
}

// expectedDefinitions are those of a table that Init has made.
func expectedDefinitions(e *entity.Entity) []string {
	out := []string{e.Target + "_pkey PRIMARY KEY (id)"}
	for _, u := range e.Table.Unique {
		text := u.Name + " UNIQUE (" + u.Column + ")"
		if u.Deferred {
			text += " DEFERRABLE INITIALLY DEFERRED"
		}
		out = append(out, text)
	}
	for _, f := range e.Table.ForeignKeys {
		out = append(out, f.Name+" FOREIGN KEY ("+f.Column+") REFERENCES "+f.References+"(id)")
	}
	for _, i := range e.Table.Indexes {
		text := "CREATE INDEX " + i.Name + " ON public." + e.Target + " USING btree (" + i.Keys + ")"
		if i.Where != "" {
			text += " WHERE (" + i.Where + ")"
		}
		out = append(out, text)
	}
	slices.Sort(out)
	return out
}
