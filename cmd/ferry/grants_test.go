package main

import (
	"regexp"
	"strings"
	"testing"

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
		`CREATE ROLE "ferry_reader" LOGIN NOSUPERUSER`, `ALTER ROLE "ferry_reader" SET default_transaction_read_only = on`,
		`SET statement_timeout`, `GRANT CONNECT ON DATABASE :"DBNAME" TO "ferry_reader"`, `GRANT SELECT ON "public"."loyalty_card" TO "ferry_reader"`,
		`GRANT SELECT, INSERT ON "ferry"."journal" TO "ferry_operator"`, `GRANT SELECT ON "ferry"."journal" TO "ferry_viewer"`,
	} {
		require.Contains(t, a.out, says)
	}
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
