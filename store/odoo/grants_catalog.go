package odoo

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"

	"ferry/engine/entity"
)

// maxNamed is how many objects a message names; the others are counted.
const maxNamed = 5

// ownership stands among the privileges: it comprises all of them.
const ownership = "OWNER"

// grant is what one holder has on objects of one kind.
type grant struct {
	Holder     uint32
	Kind       string // "table", "sequence", "schema", …; with "column" an object is "(code, points) ON public.loyalty_card"
	Privileges string // "INSERT, UPDATE"
	Total      int
	Objects    []string // the first of them, quoted
	Schemas    []string // all of their schemas, quoted
	Keepers    []string // roles that need the privilege of their own before PUBLIC loses it, quoted
	Source     bool     // the database itself, or one of the tables that ferry reads, is among the objects
}

// grantsSQL gives every grant that is more than reading, of the holders $1.
//
// $2 is maxNamed; $3 are the privileges that count on tables, in the order in which they are named; $4 the tables that
// ferry reads. Owners are found through pg_shdepend, which is indexed by role and knows every kind of object; grants by
// looking at all access lists, because pg_shdepend does not know those of PUBLIC. An owner's own entry in an access list
// is left out, for it says nothing new. pg_catalog is left out, because its tables are nobody's to write and some of
// its views have harmless grants to PUBLIC.
const grantsSQL = `
WITH privilege (holder, kind, name, schema, privileges, keepers, source) AS (
	SELECT d.refobjid, o.type, o.identity, o.schema, '` + ownership + `', NULL::text[],
		d.classid = 'pg_database'::regclass
			OR d.classid = 'pg_class'::regclass AND d.objid IN (SELECT c.oid FROM pg_class c
				WHERE c.relnamespace IN (SELECT oid FROM pg_namespace WHERE nspname = 'public') AND c.relname = ANY ($4))
	FROM pg_shdepend d, pg_database b, pg_identify_object(d.classid, d.objid, 0) o
	WHERE d.refclassid = 'pg_authid'::regclass AND d.refobjid = ANY ($1) AND d.deptype = 'o' AND b.datname = current_database()
		AND (d.dbid = b.oid OR d.classid = 'pg_database'::regclass AND d.objid = b.oid)
		AND coalesce(o.schema, '') !~ '^pg_(toast_)?temp'
UNION ALL
	SELECT a.grantee, CASE c.relkind WHEN 'S' THEN 'sequence' WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view'
			WHEN 'f' THEN 'foreign table' ELSE 'table' END,
		format('%I.%I', n.nspname, c.relname), quote_ident(n.nspname),
		string_agg(a.privilege_type, ', ' ORDER BY array_position($3::text[], a.privilege_type)), NULL, false
	FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, aclexplode(c.relacl) a
	WHERE a.grantee = ANY ($1) AND a.grantee <> c.relowner AND n.nspname <> 'pg_catalog'
		AND a.privilege_type = ANY (CASE c.relkind WHEN 'S' THEN '{USAGE,UPDATE}' ELSE $3::text[] END)
	GROUP BY a.grantee, c.relkind, n.nspname, c.relname
UNION ALL
	SELECT a.grantee, 'column', format('(%s) ON %I.%I', string_agg(DISTINCT quote_ident(t.attname), ', '), n.nspname, c.relname),
		quote_ident(n.nspname), a.privilege_type, NULL, false
	FROM pg_attribute t JOIN pg_class c ON c.oid = t.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace, aclexplode(t.attacl) a
	WHERE t.attacl IS NOT NULL AND NOT t.attisdropped AND a.grantee = ANY ($1) AND a.grantee <> c.relowner
		AND n.nspname <> 'pg_catalog' AND a.privilege_type = ANY ($3)
	GROUP BY a.grantee, n.nspname, c.relname, a.privilege_type
UNION ALL
	SELECT a.grantee, 'schema', format('%I', n.nspname), quote_ident(n.nspname), a.privilege_type,
		CASE a.grantee WHEN 0 THEN (
			SELECT array_agg(quote_ident(r.rolname) ORDER BY r.rolname) FROM pg_roles r
			WHERE r.oid IN (SELECT relowner FROM pg_class WHERE relnamespace = n.oid
					UNION SELECT datdba FROM pg_database WHERE datname = current_database())
				AND NOT r.rolsuper AND r.oid <> n.nspowner AND r.oid <> ALL ($1)) END, false
	FROM pg_namespace n, aclexplode(n.nspacl) a
	WHERE a.grantee = ANY ($1) AND a.grantee <> n.nspowner AND a.privilege_type = 'CREATE'
UNION ALL
	SELECT a.grantee, 'database', quote_ident(d.datname), NULL, a.privilege_type, NULL, false
	FROM pg_database d, aclexplode(d.datacl) a
	WHERE d.datname = current_database() AND a.grantee = ANY ($1) AND a.grantee <> d.datdba AND a.privilege_type = 'CREATE'
UNION ALL
	SELECT a.grantee, CASE d.defaclobjtype WHEN 'S' THEN 'future sequences' WHEN 'n' THEN 'future schemas' ELSE 'future tables' END,
		'FOR ROLE ' || quote_ident(r.rolname) || coalesce(' IN SCHEMA ' || quote_ident(n.nspname), ''), NULL,
		string_agg(a.privilege_type, ', ' ORDER BY array_position($3::text[], a.privilege_type)), NULL, false
	FROM pg_default_acl d JOIN pg_roles r ON r.oid = d.defaclrole LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace,
		aclexplode(d.defaclacl) a
	WHERE a.grantee = ANY ($1) AND a.grantee <> d.defaclrole
		AND a.privilege_type = ANY (CASE d.defaclobjtype
			WHEN 'r' THEN $3::text[] WHEN 'S' THEN '{USAGE,UPDATE}' WHEN 'n' THEN '{CREATE}' END)
	GROUP BY a.grantee, d.defaclobjtype, r.rolname, n.nspname
)
` + collectSQL

// parametersSQL is grantsSQL for the parameters of the server; their access lists exist since PostgreSQL 15.
const parametersSQL = `
WITH privilege (holder, kind, name, schema, privileges, keepers, source) AS (
	SELECT a.grantee, 'parameter', p.parname, NULL, a.privilege_type, NULL::text[], false
	FROM pg_parameter_acl p, aclexplode(p.paracl) a
	WHERE a.grantee = ANY ($1) AND a.privilege_type = 'ALTER SYSTEM'
)
` + collectSQL

// collectSQL makes one row of the objects of a kind on which a holder has the same privileges.
const collectSQL = `
SELECT holder, kind, privileges, count(*)::int AS total, (array_agg(name ORDER BY source DESC, name))[:$2::int] AS objects,
	coalesce(array_agg(DISTINCT schema) FILTER (WHERE schema IS NOT NULL), '{}') AS schemas,
	keepers, bool_or(source) AS source
FROM privilege GROUP BY holder, kind, privileges, keepers ORDER BY holder, kind, privileges`

// tablePrivileges are the privileges on tables that are more than reading, the worst first. MAINTAIN exists since
// PostgreSQL 17; an older server never has it in an access list.
var tablePrivileges = []string{"TRUNCATE", "DELETE", "UPDATE", "INSERT", "TRIGGER", "REFERENCES", "MAINTAIN"}

func findGrants(ctx context.Context, db querier, holders []holder) ([]grant, error) {
	ids := []uint32{public.oid}
	for _, h := range holders {
		ids = append(ids, h.oid)
	}
	var sources []string
	for _, e := range entity.All() {
		sources = append(sources, e.Name)
	}
	grants, err := collectGrants(ctx, db, grantsSQL, ids, maxNamed, tablePrivileges, sources)
	if err != nil {
		return nil, err
	}
	var parameters bool
	err = db.QueryRow(ctx, `SELECT to_regclass('pg_catalog.pg_parameter_acl') IS NOT NULL`).Scan(&parameters)
	if err != nil || !parameters {
		return grants, err //nolint:wrapcheck // the caller classes it
	}
	more, err := collectGrants(ctx, db, parametersSQL, ids, maxNamed)
	return append(grants, more...), err
}

func collectGrants(ctx context.Context, db querier, sql string, args ...any) ([]grant, error) {
	rows, err := db.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[grant]) //nolint:wrapcheck // the caller classes it
}

func (g grant) rank() int {
	switch {
	case g.Privileges == ownership:
		return rankOwner
	case strings.HasPrefix(g.Kind, "future"):
		return rankFuture
	case g.Kind == "parameter", g.Privileges == "MAINTAIN":
		return rankDisturb
	case g.Kind == "sequence":
		return rankSequence
	case g.Privileges == "CREATE":
		return rankCreate
	}
	return rankData
}

// found says what the holder may do.
func (g grant) found(h holder) string {
	subject := h.through()
	switch {
	case g.Privileges == ownership:
		return subject + "it owns " + g.named()
	case strings.HasPrefix(g.Kind, "future"):
		return subject + "it will have " + g.Privileges + " on " + g.Kind + " (ALTER DEFAULT PRIVILEGES " + g.list() + ")"
	case g.Kind == "column":
		return subject + "it has " + g.Privileges + " " + g.list()
	}
	return subject + "it has " + g.Privileges + " on " + g.named()
}

// named gives the kind and the names of the objects: "3 tables: a, b, c".
func (g grant) named() string {
	if g.Total == 1 {
		return g.Kind + " " + g.list()
	}
	return fmt.Sprintf("%d %ss: %s", g.Total, g.Kind, g.list())
}

func (g grant) list() string {
	list := strings.Join(g.Objects, ", ")
	if more := g.Total - len(g.Objects); more > 0 {
		list += fmt.Sprintf(" and %d more", more)
	}
	return list
}

// cure gives the SQL that takes the privilege away.
func (g grant) cure(self, h holder) string {
	from := " FROM " + h.name
	named := strings.Join(g.Objects, ", ")
	all := g.Total <= len(g.Objects)
	revoke := "REVOKE " + g.Privileges
	switch {
	case g.Privileges == ownership:
		revoke = "REASSIGN OWNED BY " + h.name + " TO another_role"
	case strings.HasPrefix(g.Kind, "future "):
		revoke = g.each(func(future string) string {
			return "ALTER DEFAULT PRIVILEGES " + future + " REVOKE " + g.Privileges + " ON " +
				strings.ToUpper(strings.TrimPrefix(g.Kind, "future ")) + from
		})
	case g.Kind == "schema":
		schemas := strings.Join(g.Schemas, ", ")
		revoke += " ON SCHEMA " + schemas + from
		if len(g.Keepers) > 0 {
			// Until PostgreSQL 15 PUBLIC had this on schema public from the start, and Odoo may live by it.
			revoke = "GRANT CREATE ON SCHEMA " + schemas + " TO " + strings.Join(g.Keepers, ", ") + "; " + revoke
		}
	case g.Kind == "database", g.Kind == "parameter", g.Kind == "sequence" && all:
		revoke += " ON " + strings.ToUpper(g.Kind) + " " + named + from
	case g.Kind == "sequence":
		revoke += " ON ALL SEQUENCES IN SCHEMA " + strings.Join(g.Schemas, ", ") + from
	case !all: // takes the privileges on columns, too
		revoke += " ON ALL TABLES IN SCHEMA " + strings.Join(g.Schemas, ", ") + from
	case g.Kind == "column":
		revoke = g.each(func(columns string) string { return "REVOKE " + g.Privileges + " " + columns + from })
	default:
		revoke += " ON " + named + from
	}
	return h.revoked(self, revoke)
}

// each makes a statement of every object that is named.
func (g grant) each(statement func(object string) string) string {
	out := make([]string, len(g.Objects))
	for i, o := range g.Objects {
		out[i] = statement(o)
	}
	return strings.Join(out, "; ")
}
