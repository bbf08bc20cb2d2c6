package odoo_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/store/embedded/pgtest"
	"ferry/store/migrations"
	"ferry/store/odoo"
)

const readAll = "GRANT SELECT ON loyalty_card, loyalty_point_move, loyalty_point_history TO {role}"

func preflight(t *testing.T, dsn string) engine.Preflight {
	t.Helper()
	db, err := odoo.Open(t.Context(), dsn, "test")
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

func TestPreflightOfAReader(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, odoo18())
	db.Exec(t, "REVOKE CREATE ON SCHEMA public FROM PUBLIC", "ANALYZE")
	role := pgtest.Role(t, db, "", readAll)
	lines := preflight(t, role.DSN)
	require.False(t, lines.Failed(), "%+v", lines)
	for _, l := range lines {
		require.NotEqual(t, engine.Fail, l.Verdict, l)
		require.NotEmpty(t, l.Found, l)
		require.NotContains(t, l.Found, "\n")
	}
	require.Contains(t, line(t, lines, "source: connection").Found, role.Name)
	require.Contains(t, line(t, lines, "source: version").Found, "PostgreSQL 1")
	require.Contains(t, line(t, lines, "source: session").Found, "read-only")
	require.Contains(t, line(t, lines, "source: identity").Found, "/"+db.Name)
	require.Equal(t, "role "+role.Name+" cannot write", line(t, lines, "source: privileges").Found)
	require.Equal(t, "7 columns; points: double precision", line(t, lines, "source: loyalty_card columns").Found)
	var count string
	require.NoError(t, db.Conn(t).QueryRow(t.Context(), "SELECT 'about ' || count(*) || '; ' FROM loyalty_point_history").Scan(&count))
	require.Contains(t, line(t, lines, "source: loyalty_point_history rows").Found, count)
	require.Equal(t, engine.Pass, line(t, lines, "source: clock").Verdict)
}

func TestPreflightFindsWhatIsWrong(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, attributes string
		sql              []string
		line             string
		verdict          engine.Verdict
		found, advice    string
	}{
		{
			"numeric points", "",
			[]string{"ALTER TABLE loyalty_card ALTER points TYPE numeric"},
			"loyalty_card columns", engine.Pass, "points: numeric", "",
		},
		{
			"an optional column is absent", "",
			[]string{"ALTER TABLE loyalty_point_move DROP membership_product_id"},
			"loyalty_point_move columns", engine.Pass, "membership_product_id: absent, read as NULL", "",
		},
		{
			"a column is missing", "",
			[]string{"ALTER TABLE loyalty_card DROP partner_id, DROP points"},
			"loyalty_card columns", engine.Fail, "partner_id is missing, points is missing", "update the Odoo module",
		},
		{
			"a column is of a wrong type", "",
			[]string{"ALTER TABLE loyalty_point_history ALTER points_balance TYPE text"},
			"loyalty_point_history columns", engine.Fail, "points_balance is of type text", "",
		},
		{
			"times with time zone", "",
			[]string{"ALTER TABLE loyalty_point_move ALTER gain_date TYPE timestamptz"},
			"loyalty_point_move columns", engine.Fail, "gain_date is of type timestamptz", "",
		},
		{
			"a table is missing", "",
			[]string{"DROP TABLE loyalty_point_history"},
			"loyalty_point_history", engine.Fail, "there is no table public.loyalty_point_history", "install the Odoo module",
		},
		{
			"no SELECT", "",
			[]string{"REVOKE SELECT ON loyalty_point_move FROM {role}"},
			"loyalty_point_move", engine.Fail, "may not read", "GRANT SELECT ON public.loyalty_point_move TO {role}",
		},
		{
			"SELECT on a column only", "",
			[]string{"REVOKE SELECT ON loyalty_card FROM {role}", "GRANT SELECT (id, code) ON loyalty_card TO {role}"},
			"loyalty_card", engine.Fail, "may not read", "GRANT SELECT ON public.loyalty_card TO {role}",
		},
		{
			"no USAGE on the schema", "",
			[]string{"REVOKE USAGE ON SCHEMA public FROM PUBLIC"},
			"loyalty_card", engine.Fail, "may not read", "GRANT USAGE ON SCHEMA public TO {role}",
		},
		{
			"row level security", "",
			[]string{"ALTER TABLE loyalty_card ENABLE ROW LEVEL SECURITY"},
			"loyalty_card", engine.Fail, "row level security hides rows", "DISABLE ROW LEVEL SECURITY",
		},
		{
			"no key", "",
			[]string{"ALTER TABLE loyalty_point_history DROP CONSTRAINT loyalty_point_history_pkey"},
			"loyalty_point_history", engine.Fail, "no unique index on id", "ADD PRIMARY KEY (id)",
		},
		{
			"a view", "",
			[]string{"ALTER TABLE loyalty_point_history RENAME TO h", "CREATE VIEW loyalty_point_history AS SELECT * FROM h", readAll},
			"loyalty_point_history", engine.Fail, "it is not a table", "",
		},
		{
			"no statistics", "",
			[]string{
				"ALTER TABLE loyalty_point_history RENAME TO h", "CREATE TABLE loyalty_point_history (LIKE h)",
				"INSERT INTO loyalty_point_history SELECT * FROM h", readAll,
			},
			"loyalty_point_history rows", engine.CouldNotCheck, "no statistics", "ANALYZE public.loyalty_point_history",
		},
		{
			"a role that writes", "",
			[]string{"GRANT DELETE ON loyalty_card TO {role}"},
			"privileges", engine.Fail, "role {role} could write: it has DELETE on table public.loyalty_card",
			"REVOKE DELETE ON public.loyalty_card FROM {role}",
		},
		{
			"an Odoo without loyalty", "",
			[]string{"DROP TABLE loyalty_card CASCADE", "CREATE TABLE res_partner ()"},
			"database", engine.Fail, "an Odoo without the loyalty module", "--source",
		},
		{
			"some other database", "",
			[]string{"DROP TABLE loyalty_card CASCADE"},
			"database", engine.Fail, "no loyalty_card: not a database of Odoo", "--source",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			db := pgtest.New(t, odoo18())
			db.Exec(t, "REVOKE CREATE ON SCHEMA public FROM PUBLIC")
			role := pgtest.Role(t, db, test.attributes, append([]string{readAll}, test.sql...)...)
			fill := strings.NewReplacer("{role}", role.Name).Replace
			lines := preflight(t, role.DSN)
			l := line(t, lines, "source: "+test.line)
			require.Equal(t, test.verdict, l.Verdict, l)
			require.Contains(t, l.Found, fill(test.found))
			require.Contains(t, l.Advice, fill(test.advice))
			require.Equal(t, test.line == "privileges", lines.Unsafe())
		})
	}
}

func TestPreflightNoticesSwappedDatabases(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, pgtest.Template("engine", func(ctx context.Context, dsn string) error {
		pool, err := pgxpool.New(ctx, dsn)
		if err != nil {
			return err
		}
		defer pool.Close()
		return migrations.Init(ctx, pool, nil, slog.New(slog.DiscardHandler))
	}))
	l := line(t, preflight(t, db.DSN), "source: database")
	require.Equal(t, engine.Fail, l.Verdict)
	require.Equal(t, "no loyalty_card, but loyalty_cards, point_moves, point_history, schema ferry; looks like ferry's target: swapped?",
		l.Found)
}

func TestPreflightSeesOpenTransactions(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, odoo18())
	writer := db.Conn(t)
	tx, err := writer.Begin(t.Context())
	require.NoError(t, err)
	_, err = tx.Exec(t.Context(), "UPDATE loyalty_card SET points = 1 WHERE id = (SELECT min(id) FROM loyalty_card)")
	require.NoError(t, err)

	plain := pgtest.Role(t, db, "", readAll)
	l := line(t, preflight(t, plain.DSN), "source: transactions")
	require.Equal(t, engine.CouldNotCheck, l.Verdict, l)
	require.Equal(t, "GRANT pg_read_all_stats TO "+plain.Name, l.Advice)

	seeing := pgtest.Role(t, db, "", readAll, "GRANT pg_read_all_stats TO {role}")
	l = line(t, preflight(t, seeing.DSN), "source: transactions")
	require.Equal(t, engine.Pass, l.Verdict, l)
	require.Contains(t, l.Found, "the oldest that writes is open for")
}

func TestPreflightOfAnUnreachableSource(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	config, err := pgx.ParseConfig(db.DSN)
	require.NoError(t, err)
	lines := preflight(t, strings.Replace(db.DSN, config.Database, "nowhere", 1))
	require.Len(t, lines, 1)
	require.Equal(t, engine.Fail, lines[0].Verdict)
	require.Contains(t, lines[0].Found, "nowhere")
	require.NotContains(t, lines[0].Found, config.Password)
}

// A role that only reads can tell which cluster it is connected to.
func TestIdentityOfAReader(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, odoo18())
	role := pgtest.Role(t, db, "", readAll)
	source, err := odoo.Open(t.Context(), role.DSN, "test")
	require.NoError(t, err)
	defer source.Close()
	identity, err := source.Identity(t.Context())
	require.NoError(t, err)
	require.Regexp(t, `^\d+/`+db.Name+"$", identity)
}
