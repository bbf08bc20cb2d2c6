package odoo_test

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/store/embedded/pgtest"
	"ferry/store/odoo"
)

// grantsSchema has an object of every kind on which a privilege can be had.
func grantsSchema() pgtest.Option {
	return pgtest.Template("grants", func(ctx context.Context, dsn string) error {
		return run(ctx, dsn, `
			CREATE TABLE loyalty_card (id serial PRIMARY KEY, code varchar, points double precision);
			CREATE TABLE loyalty_point_move (id integer PRIMARY KEY);
			CREATE TABLE loyalty_point_history (id integer PRIMARY KEY);
			CREATE VIEW cards AS SELECT * FROM loyalty_card;
			CREATE MATERIALIZED VIEW totals AS SELECT sum(points) FROM loyalty_card;
			CREATE TABLE parts (id integer) PARTITION BY LIST (id);
			CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN (1);
			CREATE SEQUENCE numbers;
			CREATE SCHEMA "Books";
			CREATE TABLE "Books"."Odd ""name" (id integer, "a (b" integer);
			CREATE FOREIGN DATA WRAPPER nowhere;
			CREATE SERVER nowhere FOREIGN DATA WRAPPER nowhere;
			CREATE FOREIGN TABLE "far" (id integer) SERVER nowhere;
			CREATE FUNCTION harmless() RETURNS integer LANGUAGE sql AS 'SELECT 1';
			CREATE SCHEMA many;
			DO $$ BEGIN FOR i IN 1..9 LOOP
				EXECUTE 'CREATE TABLE many.t' || i || ' (id serial)';
			END LOOP; END $$;
			REVOKE CREATE ON SCHEMA public FROM PUBLIC`)
	})
}

// cast are the roles of a test: the one that ferry would log in as, one that it may be a member of, and one beyond.
type cast struct {
	db                 *pgtest.DB
	role, group, depth pgtest.Login
}

func newCast(t *testing.T, attributes string, grants []string) cast {
	t.Helper()
	c := cast{db: pgtest.New(t, grantsSchema())}
	c.depth = pgtest.Role(t, c.db, "")
	c.group = pgtest.Role(t, c.db, "")
	c.role = pgtest.Role(t, c.db, attributes)
	for _, sql := range grants {
		c.db.Exec(t, c.fill(sql))
	}
	return c
}

func (c cast) fill(text string) string {
	return strings.NewReplacer("{role}", c.role.Name, "{group}", c.group.Name, "{depth}", c.depth.Name, "{db}", c.db.Name).Replace(text)
}

func (c cast) safety(t *testing.T) error {
	t.Helper()
	db, err := odoo.Open(t.Context(), c.role.DSN, "test")
	require.NoError(t, err)
	defer db.Close()
	return db.Safety(t.Context())
}

var wrongGrants = []struct {
	name       string
	attributes string
	grants     []string
	want       []string // parts of the error, in order
}{
	{"superuser", "SUPERUSER", nil, []string{"it is a superuser", "ALTER ROLE {role} NOSUPERUSER"}},
	{"create roles", "CREATEROLE", nil, []string{"CREATEROLE", "ALTER ROLE {role} NOCREATEROLE"}},
	{"create databases", "CREATEDB", nil, []string{"CREATEDB", "ALTER ROLE {role} NOCREATEDB"}},
	{"replication", "REPLICATION", nil, []string{"REPLICATION", "ALTER ROLE {role} NOREPLICATION"}},
	{"bypass row level security", "BYPASSRLS", nil, []string{"BYPASSRLS", "ALTER ROLE {role} NOBYPASSRLS"}},
	{
		"several, the worst first", "CREATEDB SUPERUSER",
		[]string{"GRANT UPDATE ON numbers TO {role}", "GRANT INSERT ON loyalty_card TO {role}"},
		[]string{
			"(1) it is a superuser",
			"(2) it has INSERT on table public.loyalty_card",
			"(3) it has UPDATE on sequence public.numbers",
			"(4)",
			"CREATEDB",
		},
	},
	{
		"insert", "",
		[]string{"GRANT INSERT ON loyalty_card TO {role}"},
		[]string{"INSERT on table public.loyalty_card", "REVOKE INSERT ON public.loyalty_card FROM {role}"},
	},
	{"update", "", []string{"GRANT UPDATE ON loyalty_card TO {role}"}, []string{"UPDATE on table public.loyalty_card"}},
	{"delete", "", []string{"GRANT DELETE ON loyalty_card TO {role}"}, []string{"DELETE on table public.loyalty_card"}},
	{"truncate", "", []string{"GRANT TRUNCATE ON loyalty_card TO {role}"}, []string{"TRUNCATE on table public.loyalty_card"}},
	{"references", "", []string{"GRANT REFERENCES ON loyalty_card TO {role}"}, []string{"REFERENCES on table public.loyalty_card"}},
	{"trigger", "", []string{"GRANT TRIGGER ON loyalty_card TO {role}"}, []string{"TRIGGER on table public.loyalty_card"}},
	{
		"everything on a table", "",
		[]string{"GRANT ALL ON loyalty_card TO {role}"},
		[]string{"TRUNCATE, DELETE, UPDATE, INSERT, TRIGGER, REFERENCES", "on table public.loyalty_card"},
	},
	{
		"all tables of a schema", "",
		[]string{"GRANT INSERT ON ALL TABLES IN SCHEMA many TO {role}"},
		[]string{
			"INSERT on 9 tables: many.t1, many.t2, many.t3, many.t4, many.t5 and 4 more",
			"REVOKE INSERT ON ALL TABLES IN SCHEMA many FROM {role}",
		},
	},
	{
		"another schema, names to be quoted", "",
		[]string{`GRANT UPDATE ON "Books"."Odd ""name" TO {role}`},
		[]string{`UPDATE on table "Books"."Odd ""name"`, `REVOKE UPDATE ON "Books"."Odd ""name" FROM {role}`},
	},
	{
		"a column", "",
		[]string{"GRANT UPDATE (points) ON loyalty_card TO {role}"},
		[]string{"it has UPDATE (points) ON public.loyalty_card", "REVOKE UPDATE (points) ON public.loyalty_card FROM {role}"},
	},
	{
		"columns", "",
		[]string{`GRANT INSERT (id, "a (b"), REFERENCES (id) ON "Books"."Odd ""name" TO {role}`},
		[]string{`INSERT ("a (b", id) ON "Books"."Odd ""name"`, "REFERENCES (id)"},
	},
	{
		"columns of many tables", "",
		[]string{"DO $$ BEGIN FOR i IN 1..9 LOOP EXECUTE 'GRANT UPDATE (id) ON many.t' || i || ' TO {role}'; END LOOP; END $$"},
		[]string{"(id) ON many.t5 and 4 more", "REVOKE UPDATE ON ALL TABLES IN SCHEMA many FROM {role}"},
	},
	{"a view", "", []string{"GRANT INSERT ON cards TO {role}"}, []string{"INSERT on view public.cards"}},
	{"a materialized view", "", []string{"GRANT DELETE ON totals TO {role}"}, []string{"DELETE on materialized view public.totals"}},
	{"a foreign table", "", []string{`GRANT UPDATE ON "far" TO {role}`}, []string{"UPDATE on foreign table public.far"}},
	{"a partition", "", []string{"GRANT DELETE ON parts_1 TO {role}"}, []string{"DELETE on table public.parts_1"}},
	{"a partitioned table", "", []string{"GRANT DELETE ON parts TO {role}"}, []string{"DELETE on table public.parts"}},
	{
		"usage of a sequence", "",
		[]string{"GRANT USAGE ON SEQUENCE loyalty_card_id_seq TO {role}"},
		[]string{"USAGE on sequence public.loyalty_card_id_seq", "REVOKE USAGE ON SEQUENCE"},
	},
	{
		"update of sequences", "",
		[]string{"GRANT UPDATE ON ALL SEQUENCES IN SCHEMA many TO {role}"},
		[]string{"UPDATE on 9 sequences: many.t1_id_seq", "and 4 more", "REVOKE UPDATE ON ALL SEQUENCES IN SCHEMA many FROM {role}"},
	},
	{
		"create in public", "",
		[]string{"GRANT CREATE ON SCHEMA public TO {role}"},
		[]string{"CREATE on schema public", "REVOKE CREATE ON SCHEMA public FROM {role}"},
	},
	{"create in another schema", "", []string{`GRANT CREATE ON SCHEMA "Books" TO {role}`}, []string{`CREATE on schema "Books"`}},
	{
		"create in the database", "",
		[]string{"GRANT CREATE ON DATABASE {db} TO {role}"},
		[]string{"CREATE on database {db}", "REVOKE CREATE ON DATABASE {db} FROM {role}"},
	},
	{
		"insert through PUBLIC", "",
		[]string{"GRANT INSERT ON loyalty_point_move TO PUBLIC"},
		[]string{
			"through PUBLIC, like every role, it has INSERT on table public.loyalty_point_move",
			"REVOKE INSERT ON public.loyalty_point_move FROM PUBLIC",
		},
	},
	{
		"a column through PUBLIC", "",
		[]string{"GRANT UPDATE (code) ON loyalty_card TO PUBLIC"},
		[]string{"through PUBLIC", "UPDATE (code) ON public.loyalty_card"},
	},
	{
		"create through PUBLIC, as before PostgreSQL 15", "",
		[]string{"GRANT CREATE ON SCHEMA public TO PUBLIC", "ALTER TABLE loyalty_card OWNER TO {group}"},
		[]string{
			"through PUBLIC",
			"CREATE on schema public",
			"GRANT CREATE ON SCHEMA public TO {group}; REVOKE CREATE ON SCHEMA public FROM PUBLIC",
		},
	},
	{
		"create in the database through PUBLIC", "",
		[]string{"GRANT CREATE ON DATABASE {db} TO PUBLIC"},
		[]string{"through PUBLIC", "CREATE on database {db}"},
	},
	{
		"a sequence through PUBLIC", "",
		[]string{"GRANT USAGE ON SEQUENCE numbers TO PUBLIC"},
		[]string{"through PUBLIC", "USAGE on sequence public.numbers"},
	},
	{
		"member of a role that writes", "",
		[]string{"GRANT INSERT, UPDATE ON loyalty_card TO {group}", "GRANT {group} TO {role}"},
		[]string{"through role {group} it has UPDATE, INSERT on table public.loyalty_card", "REVOKE {group} FROM {role}"},
	},
	{
		"member without inheriting", "NOINHERIT",
		[]string{"GRANT INSERT ON loyalty_card TO {group}", "GRANT {group} TO {role}"},
		[]string{"through role {group} it has INSERT"},
	},
	{
		"member of a member", "NOINHERIT",
		[]string{"GRANT DELETE ON loyalty_card TO {depth}", "GRANT {depth} TO {group}", "GRANT {group} TO {role}"},
		[]string{"through role {depth} it has DELETE on table public.loyalty_card", "REVOKE {group} FROM {role}"},
	},
	{
		"by two ways", "",
		[]string{"GRANT DELETE ON loyalty_card TO {depth}", "GRANT {depth} TO {group}, {role}", "GRANT {group} TO {role}"},
		[]string{"through role {depth} it has DELETE on table public.loyalty_card", "REVOKE {depth}, {group} FROM {role}"},
	},
	{
		"member of a superuser", "NOINHERIT",
		[]string{"ALTER ROLE {group} SUPERUSER", "GRANT {group} TO {role}"},
		[]string{"through role {group} it is a superuser", "REVOKE {group} FROM {role}"},
	},
	{
		"member of a role that makes roles", "",
		[]string{"ALTER ROLE {depth} CREATEROLE", "GRANT {depth} TO {group}", "GRANT {group} TO {role}"},
		[]string{"through role {depth} it may create roles"},
	},
	{
		"member of an owner", "",
		[]string{"ALTER TABLE loyalty_card OWNER TO {group}", "GRANT {group} TO {role}"},
		[]string{"through role {group} it owns table public.loyalty_card", "REVOKE {group} FROM {role}"},
	},
	{
		"pg_write_all_data", "",
		[]string{"GRANT pg_write_all_data TO {role}"},
		[]string{"member of pg_write_all_data", "REVOKE pg_write_all_data FROM {role}"},
	},
	{"pg_write_server_files", "", []string{"GRANT pg_write_server_files TO {role}"}, []string{"member of pg_write_server_files"}},
	{
		"pg_execute_server_program", "NOINHERIT",
		[]string{"GRANT pg_execute_server_program TO {group}", "GRANT {group} TO {role}"},
		[]string{"member of pg_execute_server_program", "REVOKE {group} FROM {role}"},
	},
	{"pg_signal_backend", "", []string{"GRANT pg_signal_backend TO {role}"}, []string{"member of pg_signal_backend"}},
	{
		"owner of a table", "",
		[]string{"ALTER TABLE many.t1 OWNER TO {role}"},
		[]string{"it owns table many.t1", "REASSIGN OWNED BY {role} TO another_role"},
	},
	{"owner of a sequence", "", []string{"ALTER SEQUENCE numbers OWNER TO {role}"}, []string{"it owns sequence public.numbers"}},
	{"owner of a view", "", []string{"ALTER VIEW cards OWNER TO {role}"}, []string{"it owns view public.cards"}},
	{"owner of a function", "", []string{"ALTER FUNCTION harmless() OWNER TO {role}"}, []string{"it owns function public.harmless()"}},
	{"owner of a schema", "", []string{`ALTER SCHEMA "Books" OWNER TO {role}`}, []string{`it owns schema "Books"`}},
	{
		"owner of the database", "",
		[]string{"ALTER DATABASE {db} OWNER TO {role}"},
		[]string{"it owns database {db}", "do not change this role, make ferry one of its own: CREATE ROLE ferry_reader"},
	},
	{
		"owner of Odoo's table", "",
		[]string{"ALTER TABLE loyalty_card OWNER TO {role}"},
		[]string{"it owns table public.loyalty_card", "do not change this role", "GRANT SELECT ON", "public.loyalty_card"},
	},
	{
		"default privileges", "",
		[]string{"ALTER DEFAULT PRIVILEGES FOR ROLE {group} IN SCHEMA public GRANT INSERT ON TABLES TO {role}"},
		[]string{
			"it will have INSERT on future tables",
			"ALTER DEFAULT PRIVILEGES FOR ROLE {group} IN SCHEMA public REVOKE INSERT ON TABLES FROM {role}",
		},
	},
	{
		"default privileges on sequences", "",
		[]string{"ALTER DEFAULT PRIVILEGES FOR ROLE {group} GRANT USAGE ON SEQUENCES TO {role}"},
		[]string{"it will have USAGE on future sequences"},
	},
	{
		"set role in advance", "",
		[]string{"GRANT INSERT ON loyalty_card TO {role}", "GRANT {group} TO {role}", "ALTER ROLE {role} SET role = '{group}'"},
		[]string{"role {role} could write", "it has INSERT on table public.loyalty_card"},
	},
}

func TestSafetyRefuses(t *testing.T) {
	t.Parallel()
	for _, test := range wrongGrants {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := newCast(t, test.attributes, test.grants)
			err := c.safety(t)
			require.ErrorIs(t, err, engine.ErrUnsafeSource)
			rest := err.Error()
			for _, part := range test.want {
				_, after, found := strings.Cut(rest, c.fill(part))
				require.True(t, found, "%q is not in, or not in order in:\n%v", c.fill(part), err)
				rest = after
			}
			require.NotContains(t, err.Error(), "\n")

			if strings.Contains(err.Error(), "do not change this role") {
				return
			}
			for _, cure := range cures(err) {
				c.db.Exec(t, strings.ReplaceAll(cure, "another_role", "CURRENT_USER"))
			}
			require.NoError(t, c.safety(t), "the cures named in %v", err)
		})
	}
	require.GreaterOrEqual(t, len(wrongGrants), 30)
}

// cures takes the statements out of a refusal.
func cures(err error) []string {
	statement := regexp.MustCompile(`(?:ALTER|REVOKE|GRANT|REASSIGN) [A-Z]`)
	var out []string
	for _, reason := range regexp.MustCompile(`\(\d+\) `).Split(err.Error(), -1)[1:] {
		_, cure, _ := strings.Cut(reason, ": ")
		for part := range strings.SplitSeq(cure, "; ") {
			if at := statement.FindStringIndex(part); at != nil {
				out = append(out, part[at[0]:])
			} else if _, members, found := strings.Cut(part, "REVOKE "); found {
				out = append(out, "REVOKE "+members)
			}
		}
	}
	return out
}

func TestSafetyRefusesAlterSystem(t *testing.T) {
	t.Parallel()
	c := newCast(t, "", nil)
	var version int
	require.NoError(t, c.db.Conn(t).QueryRow(t.Context(), `SELECT current_setting('server_version_num')::int`).Scan(&version))
	if version < 150_000 {
		t.Skip("parameters have no privileges before PostgreSQL 15")
	}
	c.db.Exec(t, c.fill("GRANT ALTER SYSTEM ON PARAMETER work_mem TO {role}"))
	err := c.safety(t)
	require.ErrorIs(t, err, engine.ErrUnsafeSource)
	require.ErrorContains(t, err, "ALTER SYSTEM on parameter work_mem")
	require.ErrorContains(t, err, c.fill("REVOKE ALTER SYSTEM ON PARAMETER work_mem FROM {role}"))
	// Parameters are the whole server's, and outlive the test's database.
	c.db.Exec(t, c.fill("REVOKE ALTER SYSTEM ON PARAMETER work_mem FROM {role}"))
	require.NoError(t, c.safety(t))
}

func TestSafetyAcceptsReaders(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name       string
		attributes string
		grants     []string
	}{
		{"nothing at all", "", nil},
		{"SELECT on the tables", "", []string{"GRANT SELECT ON loyalty_card, loyalty_point_move, loyalty_point_history TO {role}"}},
		{
			"SELECT on everything", "",
			[]string{
				"GRANT SELECT ON ALL TABLES IN SCHEMA public, many TO {role}",
				"GRANT SELECT ON ALL SEQUENCES IN SCHEMA public, many TO {role}",
			},
		},
		{"SELECT to hand on", "", []string{"GRANT SELECT ON loyalty_card TO {role} WITH GRANT OPTION"}},
		{"SELECT on a column", "", []string{"GRANT SELECT (id, code) ON loyalty_card TO {role}"}},
		{
			"SELECT through PUBLIC", "",
			[]string{"GRANT SELECT ON loyalty_card TO PUBLIC", "GRANT SELECT (code) ON loyalty_card TO PUBLIC"},
		},
		{"TEMPORARY", "", []string{"GRANT TEMPORARY ON DATABASE {db} TO {role}", "GRANT CONNECT ON DATABASE {db} TO {role}"}},
		{"EXECUTE", "", []string{"GRANT EXECUTE ON FUNCTION harmless() TO {role}"}},
		{"USAGE on schemas", "", []string{`GRANT USAGE ON SCHEMA public, many, "Books" TO {role}`}},
		{"pg_read_all_data", "", []string{"GRANT pg_read_all_data TO {role}"}},
		{"pg_monitor", "", []string{"GRANT pg_monitor TO {role}"}},
		{"pg_read_all_stats", "", []string{"GRANT pg_read_all_stats TO {role}"}},
		{"inherits from a group that reads", "", []string{"GRANT SELECT ON loyalty_card TO {group}", "GRANT {group} TO {role}"}},
		{
			"not inheriting, of a group of readers", "NOINHERIT",
			[]string{"GRANT SELECT ON loyalty_card TO {depth}", "GRANT {depth} TO {group}", "GRANT {group} TO {role}"},
		},
		{
			"its group has a member that writes", "",
			[]string{"GRANT INSERT ON loyalty_card TO {depth}", "GRANT {group} TO {role}, {depth}"},
		},
		{"another role may write", "", []string{"GRANT ALL ON loyalty_card TO {group}", "GRANT ALL ON SCHEMA public TO {group}"}},
		{"default privileges to read", "", []string{"ALTER DEFAULT PRIVILEGES FOR ROLE {group} GRANT SELECT ON TABLES TO {role}"}},
		{"read-only by setting", "", []string{"ALTER ROLE {role} SET default_transaction_read_only = on"}},
		{"limited", "CONNECTION LIMIT 8 VALID UNTIL '2999-01-01'", nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			require.NoError(t, newCast(t, test.attributes, test.grants).safety(t))
		})
	}
	require.GreaterOrEqual(t, len(tests), 10)
}

// A temporary table belongs to the role, and is nothing of Odoo's.
func TestSafetyAcceptsTemporaryTables(t *testing.T) {
	t.Parallel()
	c := newCast(t, "", []string{"GRANT TEMPORARY ON DATABASE {db} TO {role}"})
	other, err := pgx.Connect(t.Context(), c.role.DSN)
	require.NoError(t, err)
	defer other.Close(t.Context())
	_, err = other.Exec(t.Context(), "CREATE TEMPORARY TABLE mine (id serial PRIMARY KEY, body text)")
	require.NoError(t, err)
	require.NoError(t, c.safety(t))
}

// Safety is asked at every start, so it must be quick on a big Odoo.
func BenchmarkSafety(b *testing.B) {
	db := pgtest.New(b)
	role := pgtest.Role(b, db, "")
	for first := 0; first < 4000; first += 1000 {
		db.Exec(b, fmt.Sprintf(`DO $$ BEGIN FOR i IN %d..%d LOOP
			EXECUTE 'CREATE TABLE t' || i || ' (id serial PRIMARY KEY, a text, b text, c text, d integer, e integer)';
			EXECUTE 'GRANT SELECT, INSERT, UPDATE (a) ON t' || i || ' TO %s'; END LOOP; END $$`, first, first+999, role.Name))
	}
	source, err := odoo.Open(b.Context(), role.DSN, "bench")
	require.NoError(b, err)
	defer source.Close()
	for b.Loop() {
		require.ErrorIs(b, source.Safety(b.Context()), engine.ErrUnsafeSource)
	}
}
