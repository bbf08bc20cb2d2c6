// Package grants knows what each role may do that ferry logs in as, and says it in SQL for people to review: one that reads the
// source, one that operates the engine, and one that looks at everything and changes nothing.
//
// Nothing here connects to a database. A test walks the catalogue of a migrated engine database and fails where a table is not
// named here, so that a new one cannot be forgotten.
package grants

import (
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"ferry/engine/entity"
)

// Roles are the names of what is granted to whom, and where.
type Roles struct {
	Source, Operator, Viewer       string // roles
	SourceDatabase, EngineDatabase string // databases; empty: whichever psql is connected to
	// Owner lets the operator own the engine's tables: then a first load may fill them without keys. Else it fills them with their
	// keys, which takes longer.
	Owner bool
}

// Section is what is to be run on one database.
type Section struct {
	Title      []string // lines about it
	Statements []Statement
}

// Statement is one statement, with a line that says why.
type Statement struct {
	Why string
	SQL string
}

// Source is what the role needs that reads Odoo's database, and nothing else. ferry refuses one that could write.
//
// It reads whole tables, not columns: which columns there are differs from installation to installation and says what changed, and
// the system column xmin, by which changes are found, is the table's.
func Source(r Roles) Section {
	role := ident(r.Source)
	s := Section{Title: []string{"The source: Odoo's database. This role only reads."}}
	s.add("", login(role))
	for _, setting := range []string{
		"default_transaction_read_only = on", "statement_timeout = '60s'", "lock_timeout = '5s'", "idle_in_transaction_session_timeout = '15s'",
	} {
		s.add("", "ALTER ROLE "+role+" SET "+setting)
	}
	s.Statements[1].Why = "for every session, whatever it is from; ferry's own are stricter"
	s.add("", "GRANT CONNECT ON DATABASE "+database(r.SourceDatabase)+" TO "+role)
	s.add("", "GRANT USAGE ON SCHEMA public TO "+role)
	for _, e := range entity.All() {
		s.add("", "GRANT SELECT ON "+pgx.Identifier{"public", e.Name}.Sanitize()+" TO "+role)
	}
	return s
}

// Operator is what the role needs that syncs, checks, repairs and steers. Who migrates (`ferry init`) is another one: the owner.
func Operator(r Roles) Section {
	role := ident(r.Operator)
	s := Section{Title: []string{
		"The engine database, an operator: syncs, checks, repairs, steers, and adds to the journal, which it cannot change.",
		"Run it as the owner of the tables, behind `ferry init`, which stays the owner's to run.",
	}}
	s.add("", login(role))
	s.enter(r, role)
	s.add("changed rows are compared in a temporary table", "GRANT TEMPORARY ON DATABASE "+database(r.EngineDatabase)+" TO "+role)
	for _, t := range Engine() {
		why := ""
		if t.Name == "journal" {
			why = "what was done stays said: it can be added to, and never changed or taken away"
		}
		s.add(why, "GRANT "+strings.Join(append([]string{"SELECT"}, t.Writes...), ", ")+" ON "+t.ident()+" TO "+role)
	}
	for _, name := range Sequences() {
		s.add("", "GRANT USAGE ON SEQUENCE "+pgx.Identifier{Schema, name}.Sanitize()+" TO "+role)
	}
	if !r.Owner {
		return s
	}
	for i, e := range entity.All() {
		why := ""
		if i == 0 {
			why = "a first load takes keys from the tables and builds them behind the rows, which only their owner may"
		}
		s.add(why, "ALTER TABLE "+pgx.Identifier{"public", e.Target}.Sanitize()+" OWNER TO "+role)
	}
	s.add("an index is made in its table's schema", "GRANT CREATE ON SCHEMA public TO "+role)
	return s
}

// Viewer is what the role needs that opens every screen and changes nothing.
func Viewer(r Roles) Section {
	role := ident(r.Viewer)
	s := Section{Title: []string{"The engine database, a viewer: opens every screen, runs every command that only reads, and changes nothing."}}
	s.add("", login(role))
	s.enter(r, role)
	for _, t := range Engine() {
		s.add("", "GRANT SELECT ON "+t.ident()+" TO "+role)
	}
	return s
}

// All are the sections, in the order in which they are run.
func All(r Roles) []Section { return []Section{Source(r), Operator(r), Viewer(r)} }

// enter lets a role into the engine database.
func (s *Section) enter(r Roles, role string) {
	s.add("", "GRANT CONNECT ON DATABASE "+database(r.EngineDatabase)+" TO "+role)
	s.add("before PostgreSQL 15 everybody may make functions there, which sessions of others would call", "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
	s.add("", "GRANT USAGE ON SCHEMA public, "+ident(Schema)+" TO "+role)
}

func (s *Section) add(why, sql string) { s.Statements = append(s.Statements, Statement{why, sql}) }

// Text is a section as a script for psql.
func (s Section) Text() string {
	var b strings.Builder
	for _, line := range s.Title {
		fmt.Fprintf(&b, "-- %s\n", line)
	}
	for _, st := range s.Statements {
		if st.Why != "" {
			fmt.Fprintf(&b, "-- %s\n", st.Why)
		}
		fmt.Fprintf(&b, "%s;\n", st.SQL)
	}
	return b.String()
}

// login makes a role without a password, which is not for scripts.
func login(role string) string {
	return "CREATE ROLE " + role + " LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT NOREPLICATION NOBYPASSRLS"
}

// database names a database, or the one that psql is connected to.
func database(name string) string {
	if name == "" {
		return `:"DBNAME"`
	}
	return ident(name)
}

func ident(name string) string { return pgx.Identifier{name}.Sanitize() }

func (t Table) ident() string { return pgx.Identifier{t.Schema, t.Name}.Sanitize() }

// Missing are the tables that a list does not name here; each is "schema.name".
func Missing(found []string) []string {
	var known []string
	for _, t := range Engine() {
		known = append(known, t.Schema+"."+t.Name)
	}
	return slices.DeleteFunc(slices.Clone(found), func(name string) bool { return slices.Contains(known, name) })
}
