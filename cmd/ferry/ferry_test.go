package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"ferry/store/embedded/pgtest"
)

func TestMain(m *testing.M) {
	if os.Getenv(childEnv) != "" {
		playFerry()
	}
	pgtest.Main(m, pgtest.CheckLeaks())
}

// bench is a source and a target for one test, and the environment that names them.
type bench struct {
	source, target *pgtest.DB
	reader         string // the source's role
	env            map[string]string
	launcher       []string           // the command that begins processes; empty: they begin by themselves
	listed         map[string]float64 // extra rows that are known, by entity: see foretold
}

func setup(t *testing.T) *bench {
	t.Helper()
	b := &bench{source: pgtest.New(t, pgtest.Template("odoo18", odooDump)), target: pgtest.New(t)}
	reader := pgtest.Role(t, b.source, "", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
	b.reader = reader.Name
	b.env = map[string]string{
		"FERRY_SOURCE": reader.DSN, "FERRY_TARGET": b.target.DSN, "HOME": t.TempDir(), "USER": "tester", "TERM": "xterm-256color",
	}
	return b
}

func odooDump(ctx context.Context, dsn string) error {
	dump, err := os.ReadFile("../../testdata/loyalty_odoo18.sql")
	if err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.PgConn().Exec(ctx, string(dump)).ReadAll()
	return err
}

// answer is how an invocation ended.
type answer struct {
	code     int
	out, err string
}

// ferry invokes the program.
func (b *bench) ferry(t *testing.T, args ...string) answer {
	t.Helper()
	null, err := os.Open(os.DevNull)
	require.NoError(t, err)
	defer null.Close()
	var out, errs bytes.Buffer
	code := run(args, streams{in: null, out: &out, err: &errs}, func(name string) string { return b.env[name] })
	for name, text := range map[string]string{"stdout": out.String(), "stderr": errs.String()} {
		require.NotContains(t, text, secretOf(b.env["FERRY_SOURCE"]), name)
		require.NotContains(t, text, secretOf(b.env["FERRY_TARGET"]), name)
	}
	return answer{code, out.String(), errs.String()}
}

// secretOf is the password of a connection string.
func secretOf(dsn string) string {
	config, err := pgx.ParseConfig(dsn)
	if err != nil || config.Password == "" {
		return "\x00 no secret"
	}
	return config.Password
}

// object gives a field that is an object.
func object(t *testing.T, of map[string]any, name string) map[string]any {
	t.Helper()
	field, ok := of[name].(map[string]any)
	require.True(t, ok, "%s is no object: %v", name, of[name])
	return field
}

// figure gives a field that is a number.
func figure(t *testing.T, of map[string]any, name string) float64 {
	t.Helper()
	field, ok := of[name].(float64)
	require.True(t, ok, "%s is no number: %v", name, of[name])
	return field
}

// lines decodes JSON lines.
func lines(t *testing.T, text string) []map[string]any {
	t.Helper()
	var out []map[string]any
	decoder := json.NewDecoder(strings.NewReader(text))
	for {
		var object map[string]any
		err := decoder.Decode(&object)
		if err == io.EOF {
			return out
		}
		require.NoError(t, err, text)
		require.EqualValues(t, 1, object["v"])
		out = append(out, object)
	}
}

func TestAWholeCrossingByCommands(t *testing.T) {
	t.Parallel()
	b := setup(t)
	a := b.ferry(t, "status")
	require.Equal(t, exitError, a.code)
	require.Contains(t, a.err, "run `ferry init` first")

	a = b.ferry(t, "preflight", "--json")
	require.Equal(t, exitClean, a.code, a.out+a.err)

	for range 2 { // idempotent
		a = b.ferry(t, "init")
		require.Equal(t, exitClean, a.code, a.err)
	}
	require.Equal(t, "initialised", b.result(t, "init")["state"])

	a = b.ferry(t, "sync", "full", "--json")
	require.Equal(t, exitDiscrepancy, a.code, "40 %% of the dump's cards have no partner")
	require.Contains(t, a.err, "card.partner_missing")
	require.Equal(t, 1, strings.Count(a.err, "\n"), "one line on stderr: %q", a.err)
	all := lines(t, a.out)
	result := all[len(all)-1]
	require.Equal(t, "result", result["type"])
	require.Equal(t, "done", result["state"])
	require.Equal(t, "full", result["kind"])
	cards := object(t, object(t, result, "entities"), "loyalty_card")
	require.EqualValues(t, 456, cards["source_rows"])
	require.EqualValues(t, 251, cards["target_rows"])
	require.EqualValues(t, 251, cards["inserted"])
	require.EqualValues(t, 205, cards["quarantined"])
	require.Equal(t, true, cards["accounted"])
	for _, unknown := range []string{"consistency_rate", "age_ms"} {
		require.Nil(t, object(t, result, "check")[unknown], "unknown is null")
	}
	require.Equal(t, "unknown", object(t, result, "check")["verdict"])

	a = b.ferry(t, "status", "--json")
	require.Equal(t, exitClean, a.code)
	status := lines(t, a.out)[0]
	require.Equal(t, result["entities"], status["entities"])

	a = b.ferry(t, "status")
	require.Contains(t, a.out, "full run #1 done")
	require.Contains(t, a.out, "source 456 = engine 251 − stale 0 − extra 0 + quarantined 205")
}

func TestQuarantineIsListedWithReasons(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.Equal(t, exitClean, b.ferry(t, "init").code)
	require.Contains(t, b.ferry(t, "quarantine", "list").out, "nothing is in quarantine")
	b.ferry(t, "sync", "full")
	a := b.ferry(t, "quarantine", "list", "--json", "--entity", "loyalty_card", "--reason", "code_taken")
	require.Equal(t, exitClean, a.code, a.err)
	rows := lines(t, a.out)
	require.EqualValues(t, 6, rows[len(rows)-1]["rows"])
	for _, row := range rows[:len(rows)-1] {
		require.NotNil(t, row["owner_id"])
		require.Less(t, figure(t, row, "owner_id"), figure(t, row, "id"))
		require.NotEmpty(t, object(t, row, "payload")["code"])
	}
	require.NotContains(t, b.ferry(t, "quarantine", "list").out, "\x1b", "control bytes of the data are made visible")
	a = b.ferry(t, "quarantine", "list", "--entity", "cards")
	require.Equal(t, exitUsage, a.code)
}

func TestWhatIsWrongIsSaidInOneLine(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, c := range []struct {
		name string
		args []string
		env  map[string]string
		code int
		says []string
	}{
		{"no databases", []string{"sync", "full"}, map[string]string{"FERRY_SOURCE": ""}, exitUsage, []string{"--source", "FERRY_SOURCE", "ferry demo"}},
		{"unknown command", []string{"snyc"}, nil, exitUsage, []string{`"snyc"`, "--help"}},
		{"unknown flag", []string{"status", "--jsn"}, nil, exitUsage, []string{"--jsn"}},
		{"password in argv, as URL", []string{"status", "--source", "postgres://odoo:hunter2@db/prod"}, nil, exitUsage, []string{"PGPASSFILE"}},
		{"password in argv, as key", []string{"status", "--target", "host=db password=hunter2"}, nil, exitUsage, []string{"PGPASSFILE"}},
		{"no such server", []string{"sync", "full", "--source", "postgres://odoo@127.0.0.1:1/prod"}, nil, exitError, []string{"source", "127.0.0.1"}},
		{"not initialised", []string{"sync", "full"}, nil, exitError, []string{"ferry init"}},
		{"workers out of range", []string{"status", "--workers", "1000"}, nil, exitUsage, []string{"0 to 64"}},
		{"bad environment", []string{"status"}, map[string]string{"FERRY_WORKERS": "many"}, exitUsage, []string{"FERRY_WORKERS"}},
		{"read-only sync", []string{"sync", "full", "--read-only"}, nil, exitRefused, []string{"read-only"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			own := *b
			own.env = map[string]string{}
			maps.Copy(own.env, b.env)
			maps.Copy(own.env, c.env)
			a := own.ferry(t, c.args...)
			require.Equal(t, c.code, a.code, a.err)
			require.Empty(t, a.out)
			require.NotContains(t, a.err, "hunter2")
			for _, text := range c.says {
				require.Contains(t, a.err, text)
			}
			require.Equal(t, 1, strings.Count(a.err, "\n"), "one line: %q", a.err)
		})
	}
}

func TestASourceThatCouldBeWrittenIsRefused(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.Equal(t, exitClean, b.ferry(t, "init").code)
	writer := pgtest.Role(t, b.source, "", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}", "GRANT UPDATE (points) ON loyalty_card TO {role}")
	b.env["FERRY_SOURCE"] = writer.DSN
	for _, args := range [][]string{{"sync", "full"}, {"preflight"}} {
		a := b.ferry(t, args...)
		require.Equal(t, exitRefused, a.code, a.err)
		require.Contains(t, a.out+a.err, "loyalty_card")
		require.Contains(t, a.out+a.err, "UPDATE")
	}
}

// What a command was given is wrong in ways that only a server knows; each is one line that says what, why and what to do.
func TestDatabasesThatWillNotDoAreSaidInOneLine(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		spoil func(t *testing.T, b *bench)
		args  []string
		code  int
		says  []string
	}{
		"wrong password": {
			func(_ *testing.T, b *bench) {
				b.env["FERRY_SOURCE"] = altered(b.env["FERRY_SOURCE"], "password", "wrong")
			},
			[]string{"status"},
			exitError,
			[]string{"the source ", "(--source): FATAL: password authentication failed", "; check user and password"},
		},
		"no such database": {
			func(_ *testing.T, b *bench) {
				b.env["FERRY_TARGET"] = altered(b.env["FERRY_TARGET"], "dbname", "nowhere")
			},
			[]string{"status"},
			exitError,
			[]string{"the engine database ", "(--target): FATAL: database \"nowhere\" does not exist", "; that database does not exist"},
		},
		"another database than Odoo's": {
			func(t *testing.T, b *bench) {
				t.Helper()
				b.env["FERRY_SOURCE"] = pgtest.Role(t, pgtest.New(t), "").DSN
			},
			[]string{"sync", "full"},
			exitError,
			[]string{"no table public.loyalty_card;", "no table public.loyalty_point_history;", "is --source Odoo's database? `ferry preflight`"},
		},
		"a column is missing": {
			func(t *testing.T, b *bench) {
				t.Helper()
				b.source.Exec(t, `ALTER TABLE loyalty_point_history RENAME points_amount TO amount`)
			},
			[]string{"sync", "full"},
			exitError,
			[]string{"in the source's loyalty_point_history, points_amount is missing", "`ferry preflight`"},
		},
		"the source may not be read": {
			func(t *testing.T, b *bench) {
				t.Helper()
				b.source.Exec(t, `REVOKE SELECT ON loyalty_card FROM `+b.reader)
			},
			[]string{"sync", "full"},
			exitError,
			[]string{"permission denied for table loyalty_card", "; the role lacks a grant: `ferry preflight` names it"},
		},
		"the engine takes no writes": {
			func(t *testing.T, b *bench) {
				t.Helper()
				b.target.Exec(t, `ALTER DATABASE `+b.target.Name+` SET default_transaction_read_only = on`)
			},
			[]string{"sync", "full"},
			exitError,
			[]string{"read-only transaction", "; the server takes no writes", "`ferry preflight`"},
		},
		"the engine may not be written": {
			func(t *testing.T, b *bench) {
				t.Helper()
				b.env["FERRY_TARGET"] = pgtest.Role(t, b.target, "").DSN
			},
			[]string{"sync", "full"},
			exitError,
			[]string{"permission denied for schema ferry", "; the role lacks a grant: `ferry preflight` names it"},
		},
		"init where nothing may be made": {
			func(t *testing.T, b *bench) {
				t.Helper()
				b.env["FERRY_TARGET"] = pgtest.Role(t, pgtest.New(t), "").DSN
			},
			[]string{"init"},
			exitRefused,
			[]string{"permission denied", "; the role lacks a grant: `ferry preflight` names it"},
		},
		"Odoo's database as the engine": {
			func(_ *testing.T, b *bench) { b.env["FERRY_TARGET"] = b.source.DSN }, // whose role may do everything
			[]string{"init"}, exitRefused, []string{"unsafe source", "has loyalty_card", "exchange --source and --target"},
		},
		"source and engine swapped": {
			func(_ *testing.T, b *bench) {
				b.env["FERRY_SOURCE"], b.env["FERRY_TARGET"] = b.target.DSN, b.source.DSN
			},
			[]string{"init"},
			exitRefused,
			[]string{"unsafe source", "has loyalty_card", "exchange --source and --target"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t)
			require.Equal(t, exitClean, b.ferry(t, "init").code)
			c.spoil(t, b)
			a := b.ferry(t, c.args...)
			require.Equal(t, c.code, a.code, a.err)
			for _, text := range c.says {
				require.Contains(t, a.err, text)
			}
			// How far a run came before it failed is progress, of which there may be a line or none.
			said := slices.DeleteFunc(slices.Collect(strings.Lines(a.err)), func(line string) bool { return strings.HasPrefix(line, "full run #1 ") })
			require.Len(t, said, 1, "one line: %q", a.err)
			var made bool
			require.NoError(t, b.source.Conn(t).QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = 'ferry')
				OR to_regclass('loyalty_cards') IS NOT NULL`).Scan(&made))
			require.False(t, made, "nothing is made in Odoo's database")
		})
	}
}

// altered is a connection string of a test with another value of one parameter.
func altered(dsn, name, value string) string {
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		panic(err)
	}
	all := map[string]string{
		"host": config.Host, "port": strconv.Itoa(int(config.Port)), "user": config.User, "password": config.Password,
		"dbname": config.Database, "sslmode": "disable",
	}
	all[name] = value
	var parts []string
	for name, value := range all {
		parts = append(parts, name+"='"+value+"'")
	}
	return strings.Join(parts, " ")
}

func TestSteeringFromTheCommandLine(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.Equal(t, exitClean, b.ferry(t, "init").code)
	b.ferry(t, "sync", "full")
	a := b.ferry(t, "pause", "--run", "1", "--reason", "lunch")
	require.Equal(t, exitRefused, a.code, a.err)
	require.Contains(t, a.err, "nothing to pause")
	a = b.ferry(t, "cancel", "99")
	require.Equal(t, exitError, a.code)
	require.Contains(t, a.err, "there is no run #99")
}

func TestVersionAndHelp(t *testing.T) {
	t.Parallel()
	b := &bench{env: map[string]string{}}
	require.Regexp(t, `--headless +print the two`, b.ferry(t, "demo", "--help").out, "it takes no value")
	for _, command := range []string{"policy set", "quarantine rule", "quarantine waive"} {
		require.Contains(t, b.ferry(t, append(strings.Fields(command), "--help")...).out, "required", command)
	}
	require.Contains(t, b.ferry(t, "version").out, "ferry ")
	require.Equal(t, "result", lines(t, b.ferry(t, "version", "--json").out)[0]["type"])
	a := b.ferry(t, "--help")
	require.Equal(t, exitClean, a.code)
	for _, name := range []string{
		"demo", "init", "preflight", "sync", "status", "quarantine", "pause", "resume", "cancel", "serve", "worker", "version", "completion",
	} {
		require.Contains(t, a.out, name)
	}
}
