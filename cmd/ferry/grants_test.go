package main

import (
	"context"
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"ferry/store/embedded/pgtest"
	"ferry/store/grants"
)

func TestGrantsArePrintedWithoutADatabaseAndWithoutAPassword(t *testing.T) {
	t.Parallel()
	b := &bench{env: map[string]string{"HOME": t.TempDir()}}
	a := b.ferry(t, "grants")
	require.Equal(t, exitClean, a.code, a.err)
	for _, says := range []string{
		`rolname = 'ferry_reader') THEN`, `CREATE ROLE "ferry_reader" LOGIN NOSUPERUSER`, `ALTER ROLE "ferry_reader" SET default_transaction_read_only = on`,
		`SET statement_timeout`, `GRANT CONNECT ON DATABASE %I TO %I', current_database(), 'ferry_reader')`,
		`GRANT SELECT ON "public"."loyalty_card" TO "ferry_reader"`,
		`GRANT SELECT, INSERT ON "ferry"."journal" TO "ferry_operator"`, `GRANT SELECT ON "ferry"."journal" TO "ferry_viewer"`,
	} {
		require.Contains(t, a.out, says)
	}
	source, engine, both := strings.Cut(a.out, "-- Run this on the engine database,")
	require.True(t, both)
	require.Contains(t, source, "-- Run this on Odoo's database, the source,")
	require.NotRegexp(t, `ferry_operator|ferry_viewer|"ferry"\.`, source)
	require.NotContains(t, engine, "ferry_reader")
	require.NotRegexp(t, `(?m)^\\|\\gexec|:"`, a.out, "any client runs it")
	require.Contains(t, engine, "advisory locks", "what a viewer may do all the same is said")
	require.NotContains(t, b.ferry(t, "grants", "--only", "source").out, "the engine database")
	require.NotContains(t, b.ferry(t, "grants", "--only", "engine").out, "the source")
	require.Equal(t, exitUsage, b.ferry(t, "grants", "--only", "both").code)
	require.NotRegexp(t, `(?i)password|superuser on|OWNER TO`, strings.ReplaceAll(a.out, "NOSUPERUSER", ""))
	for line := range strings.SplitSeq(a.out, "\n") {
		if strings.HasSuffix(line, `TO "ferry_viewer";`) {
			require.NotRegexp(t, `INSERT|UPDATE|DELETE|TRUNCATE`, line, "a viewer changes nothing")
		}
		if strings.Contains(line, `"journal"`) {
			require.NotRegexp(t, `UPDATE|DELETE|TRUNCATE|ALL`, line, "what was done stays said")
		}
	}

	b.env["FERRY_SOURCE"], b.env["FERRY_TARGET"] = "postgres://x@127.0.0.1:1/prod", "host=127.0.0.1 port=1 user=x dbname='the \"engine\"'"
	a = b.ferry(t, "grants", "--operator-role", `o"; DROP TABLE x; --`, "--own-tables")
	require.Equal(t, exitClean, a.code, a.err)
	require.Contains(t, a.out, `CREATE ROLE "o""; DROP TABLE x; --" LOGIN`, "names are quoted")
	require.Contains(t, a.out, `GRANT CONNECT ON DATABASE "prod" TO "ferry_reader"`)
	require.Contains(t, a.out, `GRANT CONNECT ON DATABASE "the ""engine""" TO "ferry_viewer"`)
	require.Contains(t, a.out, `ALTER TABLE "public"."loyalty_cards" OWNER TO`)
	require.Equal(t, exitUsage, b.ferry(t, "grants", "--viewer-role", "").code)

	all := lines(t, b.ferry(t, "grants", "--json").out)
	require.Equal(t, "result", all[len(all)-1]["type"])
	require.EqualValues(t, len(all)-1, all[len(all)-1]["rows"])
	require.Equal(t, "ferry_reader", all[0]["role"])
	require.Equal(t, "source", all[0]["database"])
}

// What is printed is run as it is on two real databases, twice, for names that need quotes; the roles then do what they are for, and no more.
func TestThePrintedGrantsMakeTheThreeRoles(t *testing.T) {
	t.Parallel()
	b := synced(t)
	names := map[string]string{}
	for _, role := range []string{"source", "operator", "viewer"} {
		names[role] = b.target.Name + ` $ferry$ '"\\ ` + role
	}
	args := []string{"grants", "--source-role", names["source"], "--operator-role", names["operator"], "--viewer-role", names["viewer"], "--only"}
	dsn := map[*pgtest.DB]string{b.source: b.env["FERRY_SOURCE"], b.target: b.env["FERRY_TARGET"]}
	for only, on := range map[string]*pgtest.DB{"source": b.source, "engine": b.target} {
		for range 2 {
			on.Exec(t, b.ferry(t, append(args, only)...).out)
		}
		admin := on.Conn(t)
		t.Cleanup(func() { // before the connection is closed
			for role, name := range names {
				if (role == "source") == (only == "source") {
					id := pgx.Identifier{name}.Sanitize()
					_, err := admin.Exec(context.WithoutCancel(t.Context()), `DROP OWNED BY `+id+`; DROP ROLE `+id)
					require.NoError(t, err)
				}
			}
		})
	}
	as := func(role string, on *pgtest.DB) *pgx.Conn {
		on.Exec(t, `ALTER ROLE `+pgx.Identifier{names[role]}.Sanitize()+` PASSWORD 'printed'`)
		c, err := pgx.ParseConfig(dsn[on])
		require.NoError(t, err)
		c.User, c.Password = names[role], "printed"
		conn, err := pgx.ConnectConfig(t.Context(), c)
		require.NoError(t, err)
		t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
		return conn
	}
	for _, c := range []struct {
		role  string
		on    *pgtest.DB
		may   string
		never string
	}{
		{"source", b.source, `SELECT FROM loyalty_card`, `CREATE TABLE public.mine ()`},
		{"operator", b.target, `UPDATE loyalty_cards SET partner_id = partner_id; SELECT FROM ferry.journal`, `DELETE FROM ferry.journal`},
		{"viewer", b.target, `SELECT FROM ferry.run; SELECT FROM loyalty_cards`, `UPDATE loyalty_cards SET partner_id = partner_id`},
	} {
		conn := as(c.role, c.on)
		_, err := conn.PgConn().Exec(t.Context(), c.may).ReadAll()
		require.NoError(t, err, c.role)
		_, err = conn.Exec(t.Context(), `SET default_transaction_read_only = off`) // that is a guard rail, and no wall
		require.NoError(t, err)
		_, err = conn.Exec(t.Context(), c.never)
		require.ErrorContains(t, err, "42501", c.role)
	}
}

// viewer is a bench whose sessions on the engine are a viewer's.
func viewer(t *testing.T) *bench {
	t.Helper()
	b := synced(t)
	var statements []string
	for _, st := range grants.Viewer(grants.Roles{Viewer: "{role}", EngineDatabase: b.target.Name}).Statements[1:] {
		statements = append(statements, st.SQL)
	}
	b.env["FERRY_TARGET"] = pgtest.Role(t, b.target, "NOINHERIT", statements...).DSN
	return b
}

func TestAViewersRoleRunsWhatOnlyReadsAndTheDatabaseRefusesTheRest(t *testing.T) {
	t.Parallel()
	b := viewer(t)
	card := b.text(t, `SELECT min(id)::text FROM loyalty_cards`)
	for _, args := range [][]string{
		{"status"},
		{"runs", "list"},
		{"runs", "show", "1"},
		{"journal", "list"},
		{"quarantine", "list"},
		{"quarantine", "rules"},
		{"discrepancies", "list"},
		{"card", "show", card},
		{"policy", "list"},
		{"alerts", "list"},
		{"sync", "incremental", "--dry-run"},
		{"check", "--read-only"},
		{"grants"},
	} {
		a := b.ferry(t, args...)
		require.Equal(t, exitClean, a.code, "%v: %s", args, a.err)
	}
	for _, args := range [][]string{
		{"pause"},
		{"pause", "--schedule"},
		{"cancel", "1"},
		{"resume", "--run", "1"},
		{"sync", "incremental"},
		{"sync", "full"},
		{"check"},
		{"sync", "incremental", "--watch"},
		{"policy", "set", "deletes", "delete", "--reason", "x"},
		{"seal", "--confirm", b.target.Name},
		{"unseal", "--confirm", b.target.Name},
		{"alerts", "test"},
		{"init"},
	} {
		a := b.ferry(t, args...)
		require.Equal(t, exitRefused, a.code, "%v: %s%s", args, a.out, a.err)
		require.Contains(t, a.err, "the engine database does not let this role do that", args)
		require.Contains(t, a.err, "42501", args)
		require.Contains(t, a.err, "`ferry grants`", args)
	}
}

func TestAViewersConsoleOpensEveryScreenAndSaysWhyNothingCanBeDone(t *testing.T) {
	t.Parallel()
	b := viewer(t)
	b.env["TERM"] = "xterm-256color"
	p := launch(t, b.env, true)
	p.shows("VIEWER", "›1 Over")
	for _, screen := range []struct{ key, shows string }{
		{"2", "›2 Runs"},
		{"3", "›3 Diff"},
		{"4", "card.partner_missing"},
		{"5", "›5 Ledg"},
		{"7", "start full"},
		{"P", "may look and change nothing"},
		{"1", "›1 Over"},
	} {
		p.press(screen.key)
		p.shows(screen.shows)
	}
	for _, key := range []string{"s", "p", "S"} {
		p.press(key)
		p.shows(key + ": the engine database lets role ")
	}
	p.press("q")
	require.Equal(t, exitClean, p.exits())
	require.Equal(t, "0", b.text(t, `SELECT count(*)::text FROM ferry.worker WHERE workers > 0 AND seen_at > now() - interval '5 seconds'`))
	require.LessOrEqual(t, len(regexp.MustCompile(`level=(WARN|ERROR)`).FindAllString(p.log(), -1)), 2, p.log())
}
