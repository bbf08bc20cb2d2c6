package enginedb_test

import (
	"context"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/store/embedded/pgtest"
	"ferry/store/enginedb"
	"ferry/store/migrations"
	"ferry/store/odoo"
)

// initialised is an engine database as `ferry init` makes it.
func initialised() pgtest.Option {
	return pgtest.Template("initialised", func(ctx context.Context, dsn string) error {
		pool, err := pgxpool.New(ctx, dsn)
		if err != nil {
			return err
		}
		defer pool.Close()
		return migrations.Init(ctx, pool, nil, slog.New(slog.DiscardHandler))
	})
}

func preflight(t *testing.T, dsn string, readOnly bool) engine.Preflight {
	t.Helper()
	db, err := enginedb.Open(t.Context(), dsn, "test", 4, readOnly)
	require.NoError(t, err)
	defer db.Close()
	return db.Preflight(t.Context())
}

func line(t *testing.T, lines engine.Preflight, name string) engine.PreflightLine {
	t.Helper()
	for _, l := range lines {
		if l.Name == name {
			return l
		}
	}
	require.Failf(t, "no such line", "%q in %+v", name, lines)
	return engine.PreflightLine{}
}

func TestPreflightOfAnEmptyDatabase(t *testing.T) {
	t.Parallel()
	lines := preflight(t, pgtest.New(t).DSN, false)
	require.False(t, lines.Failed(), "%+v", lines)
	require.Contains(t, line(t, lines, "engine: schema ferry").Found, "will be created by `ferry init`")
	require.Contains(t, line(t, lines, "engine: tables").Found, "will be created by `ferry init`")
	require.Equal(t, engine.CouldNotCheck, line(t, lines, "engine: space").Verdict)
}

func TestPreflightOfAnInitialisedDatabase(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, initialised())
	lines := preflight(t, db.DSN, false)
	require.False(t, lines.Failed(), "%+v", lines)
	require.Equal(t, "at this program's version", line(t, lines, "engine: schema ferry").Found)
	require.Equal(t, "3 of 3, with all columns and keys", line(t, lines, "engine: tables").Found)
	require.Equal(t, engine.Pass, line(t, lines, "engine: writable").Verdict)
	require.Contains(t, line(t, lines, "engine: identity").Found, "/"+db.Name)

	looking := preflight(t, db.DSN, true)
	require.False(t, looking.Failed(), "%+v", looking)
	require.Equal(t, engine.CouldNotCheck, line(t, looking, "engine: writable").Verdict)
}

func TestPreflightFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name          string
		sql           []string
		line          string
		verdict       engine.Verdict
		found, advice string
	}{
		{
			"an older schema",
			[]string{"DELETE FROM ferry.river_migration WHERE version > 3"},
			"schema ferry", engine.Pass, "older", "ferry init",
		},
		{
			"a newer schema",
			[]string{"INSERT INTO ferry.schema_version (version_id, is_applied) VALUES (99999, true)"},
			"schema ferry", engine.Fail, "newer", "install",
		},
		{
			"a column is missing",
			[]string{"ALTER TABLE point_moves DROP origin"},
			"tables", engine.Fail, "3 of 3 exist, and lack", `ADD COLUMN "origin" text`,
		},
		{
			"a table is missing",
			[]string{"DROP TABLE point_history"},
			"tables", engine.Fail, "2 of 3 exist, and lack", `CREATE TABLE "public"."point_history"`,
		},
		{
			"a key is missing",
			[]string{"ALTER TABLE loyalty_cards DROP CONSTRAINT loyalty_cards_code_key"},
			"tables", engine.Fail, "lack", "UNIQUE (code) DEFERRABLE INITIALLY DEFERRED",
		},
		{
			"read-only by setting",
			[]string{"ALTER ROLE {role} SET default_transaction_read_only = on"},
			"writable", engine.Fail, "default_transaction_read_only is on", "RESET",
		},
		{
			"may not write",
			[]string{"REVOKE UPDATE, DELETE ON loyalty_cards FROM {role}"},
			"privileges", engine.Fail, "role {role} lacks", "GRANT UPDATE, DELETE ON public.loyalty_cards TO {role}",
		},
		{
			"may not use schema ferry",
			[]string{"REVOKE USAGE ON SCHEMA ferry FROM {role}"},
			"privileges", engine.Fail, "lacks", "GRANT USAGE ON SCHEMA ferry TO {role}",
		},
		{
			"may not write the queue",
			[]string{"REVOKE INSERT ON ferry.river_job FROM {role}"},
			"privileges", engine.Fail, "lacks", "GRANT INSERT ON ferry.river_job TO {role}",
		},
		{
			"no temporary tables",
			[]string{"REVOKE TEMPORARY ON DATABASE {db} FROM PUBLIC"},
			"privileges", engine.Fail, "lacks", "GRANT TEMPORARY ON DATABASE {db} TO {role}",
		},
		{
			"may not make the schema",
			[]string{"DROP SCHEMA ferry CASCADE"},
			"privileges", engine.Fail, "lacks", "GRANT CREATE ON DATABASE {db} TO {role}",
		},
		{
			"may not make the tables",
			[]string{"DROP TABLE loyalty_cards, point_moves, point_history"},
			"privileges", engine.Fail, "lacks", "GRANT CREATE ON SCHEMA public TO {role}",
		},
		{"all is well", nil, "privileges", engine.Pass, "write what is there", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			db := pgtest.New(t, initialised())
			role := pgtest.Role(t, db, "", append([]string{
				"REVOKE CREATE ON SCHEMA public FROM PUBLIC", "GRANT USAGE ON SCHEMA ferry TO {role}",
				"GRANT ALL ON ALL TABLES IN SCHEMA ferry, public TO {role}", "GRANT ALL ON ALL SEQUENCES IN SCHEMA ferry, public TO {role}",
			}, fillAll(test.sql, "{db}", db.Name)...)...)
			fill := strings.NewReplacer("{role}", role.Name, "{db}", db.Name).Replace
			l := line(t, preflight(t, role.DSN, false), "engine: "+test.line)
			require.Equal(t, test.verdict, l.Verdict, l)
			require.Contains(t, l.Found, fill(test.found))
			require.Contains(t, l.Advice, fill(test.advice))
		})
	}
}

func fillAll(sql []string, name, value string) []string {
	out := make([]string, len(sql))
	for i, s := range sql {
		out[i] = strings.ReplaceAll(s, name, value)
	}
	return out
}

func TestPreflightNoticesSwappedDatabases(t *testing.T) {
	t.Parallel()
	dump, err := os.ReadFile("../../testdata/loyalty_odoo18.sql")
	require.NoError(t, err)
	db := pgtest.New(t)
	db.Exec(t, string(dump))
	lines := preflight(t, db.DSN, false)
	require.True(t, lines.Unsafe())
	l := line(t, lines, "engine: database")
	require.Equal(t, engine.Fail, l.Verdict)
	require.Contains(t, l.Found, "it has loyalty_card, loyalty_point_history, loyalty_point_move; looks like Odoo's: swapped?")
}

func TestIdentityIsTheSourcesInTheSameDatabase(t *testing.T) {
	t.Parallel()
	db, other := pgtest.New(t), pgtest.New(t)
	identity := func(dsn string) string {
		target, err := enginedb.Open(t.Context(), dsn, "test", 4, true)
		require.NoError(t, err)
		defer target.Close()
		id, err := target.Identity(t.Context())
		require.NoError(t, err)
		return id
	}
	source, err := odoo.Open(t.Context(), db.DSN, "test")
	require.NoError(t, err)
	defer source.Close()
	of, err := source.Identity(t.Context())
	require.NoError(t, err)
	require.True(t, engine.Preflight{engine.SameDatabase(of, identity(db.DSN))}.Unsafe())
	line := engine.SameDatabase(of, identity(other.DSN))
	require.Equal(t, engine.Pass, line.Verdict)
	require.Contains(t, line.Found, "two databases of one cluster")
}

func TestPreflightOfAnUnreachableEngine(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	config, err := pgx.ParseConfig(db.DSN)
	require.NoError(t, err)
	lines := preflight(t, strings.Replace(db.DSN, config.Database, "nowhere", 1), false)
	require.Len(t, lines, 1)
	require.Equal(t, engine.Fail, lines[0].Verdict)
	require.NotContains(t, lines[0].Found, config.Password)
}
