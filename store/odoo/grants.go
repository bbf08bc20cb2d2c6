package odoo

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"ferry/engine"
	"ferry/engine/entity"
	"ferry/store/sqlstate"
)

// Safety fails with ErrUnsafeSource if the role of this session could write at the source, now or after a SET ROLE. The
// error names every way in which it could, the most dangerous first, and the SQL that closes it.
//
// ferry never writes the source; every session is read-only. Safety sees to it that a fault of ours could not either.
// It looks at the login role (session_user) and at every role that it is a member of, however distant, whether it
// inherits from it or not; and at PUBLIC. What counts:
//
//   - attributes: superuser, createrole, replication (a forgotten slot fills the disk), bypassrls, createdb;
//   - membership in a predefined role that writes, that runs programs, or that ends other sessions (pg_signal_backend:
//     a reader that cancels Odoo's work has written, in effect);
//   - ownership of the database or of anything in it, temporary tables aside;
//   - any privilege beyond SELECT on tables, views and the like, or on their columns; USAGE and UPDATE on sequences;
//     CREATE on the database and on schemas; ALTER SYSTEM on parameters; and default privileges of these kinds, by
//     which the next table that Odoo makes would be writable.
//
// TEMPORARY on the database and EXECUTE on functions are not writing: PUBLIC has both by default.
func (db *DB) Safety(ctx context.Context) error {
	e, err := findDangers(ctx, db.pool)
	if err != nil {
		return err
	}
	if len(e.dangers) == 0 {
		return nil
	}
	return fmt.Errorf("%w: role %s could write: %s", engine.ErrUnsafeSource, e.role, e.describe())
}

// exposure is what the session's role could do to the source.
type exposure struct {
	role    string // quoted
	dangers []danger
	instead string // what to do rather than to cure the dangers one by one; empty if nothing speaks against that
}

// danger is one way in which the role could write.
type danger struct {
	rank  int // lower is worse
	found string
	cure  string
}

// describe numbers the ways, each with its cure.
func (e exposure) describe() string {
	var parts []string
	for i, d := range e.dangers {
		part := fmt.Sprintf("(%d) %s", i+1, d.found)
		if e.instead == "" {
			part += ": " + d.cure
		}
		parts = append(parts, part)
	}
	if e.instead != "" {
		parts = append(parts, e.instead)
	}
	return strings.Join(parts, "; ")
}

// The ranks of dangers.
const (
	rankSuperuser = iota
	rankServer    // programs and files of the server
	rankWriteAll
	rankCreateRole
	rankOwner
	rankData // rows
	rankCreate
	rankSequence
	rankReplication
	rankBypassRLS
	rankCreateDB
	rankDisturb // no rows, but Odoo's work
	rankFuture
)

// attributes are the role attributes that let a role write.
var attributes = []struct {
	column, found, cure string
	rank                int
}{
	{"rolsuper", "it is a superuser", "NOSUPERUSER", rankSuperuser},
	{"rolcreaterole", "it may create roles and join them (CREATEROLE)", "NOCREATEROLE", rankCreateRole},
	{"rolreplication", "it may replicate, and hold back WAL (REPLICATION)", "NOREPLICATION", rankReplication},
	{"rolbypassrls", "it bypasses row level security (BYPASSRLS)", "NOBYPASSRLS", rankBypassRLS},
	{"rolcreatedb", "it may create databases (CREATEDB)", "NOCREATEDB", rankCreateDB},
}

// predefined are the roles of PostgreSQL's own that are more than reading. Those that only read (pg_read_all_data,
// pg_monitor and its parts, pg_read_server_files) and pg_checkpoint are not among them.
var predefined = map[string]int{
	"pg_execute_server_program":   rankServer,
	"pg_write_server_files":       rankServer,
	"pg_write_all_data":           rankWriteAll,
	"pg_create_subscription":      rankWriteAll, // its workers write tables
	"pg_maintain":                 rankDisturb,
	"pg_signal_backend":           rankDisturb,
	"pg_signal_autovacuum_worker": rankDisturb,
}

// holder is a role whose privileges the session may use: itself, a role that it is a member of, or PUBLIC.
type holder struct {
	oid  uint32
	name string   // quoted
	hops []string // quoted: the roles granted to the session's own role that lead here; none for itself
	has  []bool   // by index in attributes
}

// public is the holder of what everybody has; its oid in an access list is 0.
var public = holder{name: "PUBLIC"}

// findDangers gives all ways in which the session's role could write, the worst first.
func findDangers(ctx context.Context, db querier) (e exposure, err error) {
	const doing = "reading the privileges of ferry's role"
	holders, err := findHolders(ctx, db)
	if err != nil {
		return e, sqlstate.Wrap(engine.SideSource, doing, err)
	}
	own := slices.IndexFunc(holders, func(h holder) bool { return len(h.hops) == 0 })
	if own < 0 {
		return e, fmt.Errorf("%s: the catalog does not know this session's role", doing)
	}
	self := holders[own]
	e.role = self.name
	for _, h := range holders {
		e.dangers = append(e.dangers, attributeDangers(self, h)...)
	}
	grants, err := findGrants(ctx, db, holders)
	if err != nil {
		return e, sqlstate.Wrap(engine.SideSource, doing, err)
	}
	byID := map[uint32]holder{0: public}
	for _, h := range holders {
		byID[h.oid] = h
	}
	for _, g := range grants {
		h := byID[g.Holder]
		e.dangers = append(e.dangers, danger{rank: g.rank(), found: g.found(h), cure: g.cure(self, h)})
	}
	if belongsToOdoo(self, grants) {
		// Taking privileges away from the role that Odoo itself works with, or from the cluster's own, would break them.
		e.instead = "do not change this role, make ferry one of its own: " + readerSQL()
	}
	slices.SortStableFunc(e.dangers, func(a, b danger) int { return a.rank - b.rank })
	return e, nil
}

// findHolders gives the session's own role and all roles that it is a member of. Every membership counts: SET ROLE
// needs no INHERIT, and ADMIN OPTION grants what is missing.
func findHolders(ctx context.Context, db querier) ([]holder, error) {
	columns := make([]string, len(attributes))
	for i, a := range attributes {
		columns[i] = "r." + a.column
	}
	rows, err := db.Query(ctx, `
		WITH RECURSIVE reach (role, hop) AS (
			SELECT oid, NULL::oid FROM pg_roles WHERE rolname = session_user
			UNION
			SELECT m.roleid, coalesce(reach.hop, m.roleid) FROM reach JOIN pg_auth_members m ON m.member = reach.role
		)
		SELECT r.oid, quote_ident(r.rolname), array_remove(array_agg(DISTINCT quote_ident(h.rolname)), NULL),
			ARRAY[`+strings.Join(columns, ", ")+`]
		FROM reach JOIN pg_roles r ON r.oid = reach.role LEFT JOIN pg_roles h ON h.oid = reach.hop
		GROUP BY r.oid, r.rolname, `+strings.Join(columns, ", ")+` ORDER BY r.rolname`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (h holder, err error) { //nolint:wrapcheck // the caller classes it
		return h, row.Scan(&h.oid, &h.name, &h.hops, &h.has)
	})
}

// attributeDangers are those of a role as such: its attributes, and being one of PostgreSQL's own.
func attributeDangers(self, h holder) []danger {
	var out []danger
	for i, a := range attributes {
		if h.has[i] {
			out = append(out, danger{a.rank, h.through() + a.found, h.revoked(self, "ALTER ROLE "+h.name+" "+a.cure)})
		}
	}
	if rank, ok := predefined[h.name]; ok {
		out = append(out, danger{rank, "it is a member of " + h.name, h.revoked(self, "")})
	}
	return out
}

// through says by which role a privilege is had.
func (h holder) through() string {
	switch {
	case h.oid == public.oid:
		return "through PUBLIC, like every role, "
	case len(h.hops) > 0:
		return "through role " + h.name + " "
	}
	return ""
}

// revoked gives the SQL against a privilege of this holder: the statement itself, or, where another role has the
// privilege and may need it, one that ends the membership.
func (h holder) revoked(self holder, statement string) string {
	if len(h.hops) > 0 {
		return "REVOKE " + strings.Join(h.hops, ", ") + " FROM " + self.name
	}
	return statement
}

// belongsToOdoo reports whether the role is not ferry's own to change: it owns the database or what ferry reads, or it
// is the cluster's first superuser.
func belongsToOdoo(self holder, grants []grant) bool {
	const firstSuperuser = 10
	return self.oid == firstSuperuser || slices.ContainsFunc(grants, func(g grant) bool {
		return g.Holder == self.oid && g.Source && g.Privileges == ownership
	})
}

// readerSQL makes a role that can read what ferry needs, and nothing else.
func readerSQL() string {
	tables := make([]string, 0, 3)
	for _, e := range entity.All() {
		tables = append(tables, "public."+e.Name)
	}
	return "CREATE ROLE ferry_reader LOGIN PASSWORD '…'; GRANT USAGE ON SCHEMA public TO ferry_reader; GRANT SELECT ON " +
		strings.Join(tables, ", ") + " TO ferry_reader"
}
