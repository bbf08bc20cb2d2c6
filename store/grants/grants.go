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

// The databases on which sections are run.
const (
	OnSource = "source"
	OnEngine = "engine"
)

// Section is what is to be run on one database, for one role. It is plain SQL that may be run again, and where the role is there already:
// then that stays as it is.
type Section struct {
	On         string // OnSource or OnEngine
	Role       string
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
	s := Section{On: OnSource, Role: r.Source, Title: []string{
		"A reader of Odoo's database. This role only reads.",
		"GRANT pg_read_all_stats TO " + role + " may be added, with ALTER ROLE " + role + " INHERIT: it shows who holds locks",
		"and the floor, and on a standby whether that hears of its primary, without which no freeze is seen there.",
	}}
	s.add("", login(r.Source))
	for _, setting := range []string{
		"default_transaction_read_only = on", "statement_timeout = '60s'", "lock_timeout = '5s'", "idle_in_transaction_session_timeout = '15s'",
	} {
		s.add("", "ALTER ROLE "+role+" SET "+setting)
	}
	s.Statements[1].Why = "for every session, whatever it is from; ferry's own are stricter"
	s.add("", onDatabase("CONNECT", r.SourceDatabase, r.Source))
	s.add("", "GRANT USAGE ON SCHEMA public TO "+role)
	for _, e := range entity.All() {
		s.add("", "GRANT SELECT ON "+pgx.Identifier{"public", e.Name}.Sanitize()+" TO "+role)
	}
	return s
}

// Operator is what the role needs that syncs, checks, repairs and steers. Who migrates (`ferry init`) is another one: the owner.
func Operator(r Roles) Section {
	role := ident(r.Operator)
	s := Section{On: OnEngine, Role: r.Operator, Title: []string{
		"An operator of the engine: syncs, checks, repairs, steers, and adds to the journal, which it cannot change.",
		"`ferry init` stays the owner's to run.",
	}}
	s.add("", login(s.Role))
	s.enter(r, role)
	s.add("changed rows are compared in a temporary table", onDatabase("TEMPORARY", r.EngineDatabase, r.Operator))
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
	s := Section{On: OnEngine, Role: r.Viewer, Title: []string{
		"A viewer of the engine: opens every screen, runs every command that only reads, and changes nothing.",
		"PostgreSQL lets every role take advisory locks, and ferry's processes wait for each other by some. Whoever takes these by hand",
		"holds ferry up for as long as that session is open, and can change nothing by it: pg_locks shows whose it is.",
	}}
	s.add("", login(s.Role))
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
	s.add("", onDatabase("CONNECT", r.EngineDatabase, s.Role))
	s.add("before PostgreSQL 15 everybody may make functions there, which sessions of others would call", "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
	s.add("", "GRANT USAGE ON SCHEMA public, "+ident(Schema)+" TO "+role)
}

func (s *Section) add(why, sql string) { s.Statements = append(s.Statements, Statement{why, sql}) }

// Header says where what follows is to be run.
func Header(on string, r Roles) string {
	which, name, who := "Odoo's database, the source", r.SourceDatabase, "as a superuser, or the owner of its tables who may create roles"
	if on == OnEngine {
		which, name, who = "the engine database", r.EngineDatabase, "behind `ferry init`, as a superuser, or the owner of its tables who may create roles"
	}
	if name != "" {
		which += ", " + name
	}
	rule := "-- " + strings.Repeat("=", 77) + "\n"
	return rule + comment("Run this on "+which+",") + "-- " + who + ".\n-- `ferry grants --only " + on + "` prints this part alone.\n" + rule
}

// comment is a line that means nothing, whatever names are in it.
func comment(line string) string {
	return "-- " + strings.Map(func(c rune) rune {
		if c < ' ' {
			return '?'
		}
		return c
	}, line) + "\n"
}

// Text is a section as a script.
func (s Section) Text() string {
	var b strings.Builder
	for _, line := range s.Title {
		b.WriteString(comment(line))
	}
	for _, st := range s.Statements {
		if st.Why != "" {
			fmt.Fprintf(&b, "-- %s\n", st.Why)
		}
		fmt.Fprintf(&b, "%s;\n", st.SQL)
	}
	return b.String()
}

// login makes a role that is not there yet, without a password, which is not for scripts.
func login(role string) string {
	return block("IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = " + literal(role) + ") THEN\n    CREATE ROLE " + ident(role) +
		" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT NOREPLICATION NOBYPASSRLS;\n  END IF")
}

// onDatabase grants something on a database, or where it has no name here on the one in which it is run.
func onDatabase(what, name, role string) string {
	if name != "" {
		return "GRANT " + what + " ON DATABASE " + ident(name) + " TO " + ident(role)
	}
	return block("EXECUTE format('GRANT " + what + " ON DATABASE %I TO %I', current_database(), " + literal(role) + ")")
}

// block is a statement that does something by a program.
func block(body string) string {
	tag := "$ferry$"
	for strings.Contains(body, tag) {
		tag = strings.TrimSuffix(tag, "$") + "_$"
	}
	return "DO " + tag + " BEGIN\n  " + body + ";\nEND " + tag
}

func literal(text string) string {
	quoted := "'" + strings.ReplaceAll(text, "'", "''") + "'"
	if strings.Contains(text, `\`) {
		quoted = " E" + strings.ReplaceAll(quoted, `\`, `\\`) // the same whatever standard_conforming_strings is
	}
	return quoted
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
