package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
	"github.com/jackc/pgx/v5"
	"github.com/spf13/cobra"
	"github.com/stretchr/testify/require"

	"ferry/store/embedded/pgtest"
)

// canary is a password of everything that could end it early where it is masked; traces are what would be left of it.
const canary = `c4n4ry:/?#@%41'"\=&t41l`

var traces = []string{"c4n4ry", "t41l"}

// way is a way in which a password may be given: it gets the addresses without one, and gives the environment.
type way struct {
	name string
	give func(t *testing.T, home string, bare map[string]string) map[string]string
}

var ways = []way{
	{"a URL in the environment", func(_ *testing.T, _ string, bare map[string]string) map[string]string {
		return each(bare, asURLWith)
	}},
	{"keywords in the environment", func(_ *testing.T, _ string, bare map[string]string) map[string]string {
		return each(bare, func(dsn string) string {
			return dsn + " password='" + strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(canary) + "'"
		})
	}},
	{"PGPASSWORD", func(_ *testing.T, _ string, bare map[string]string) map[string]string {
		return with(bare, "PGPASSWORD", canary)
	}},
	{"PGPASSFILE", func(t *testing.T, home string, bare map[string]string) map[string]string {
		t.Helper()
		return with(bare, "PGPASSFILE", passfile(t, filepath.Join(home, "passwords")))
	}},
	{"the usual password file", func(t *testing.T, home string, bare map[string]string) map[string]string {
		t.Helper()
		passfile(t, filepath.Join(home, ".pgpass"))
		return bare
	}},
	{"a service file", func(t *testing.T, home string, bare map[string]string) map[string]string {
		t.Helper()
		var text strings.Builder
		for name, dsn := range bare {
			fmt.Fprintf(&text, "[%s]\n%s\npassword=%s\n", name, strings.ReplaceAll(strings.ReplaceAll(dsn, "' ", "\n"), "'", ""), canary)
		}
		file := filepath.Join(home, "services")
		require.NoError(t, os.WriteFile(file, []byte(text.String()), 0o600))
		out := map[string]string{"PGSERVICEFILE": file}
		for name := range bare {
			out[name] = "service=" + name
		}
		return out
	}},
	{"the config's password file", func(t *testing.T, home string, bare map[string]string) map[string]string {
		t.Helper()
		b := &bench{env: map[string]string{"HOME": home}}
		b.configure(t, fmt.Sprintf("passfile = %q\nsource = %q\ntarget = %q\n", passfile(t, filepath.Join(home, "own")),
			bare["FERRY_SOURCE"], bare["FERRY_TARGET"]))
		return nil
	}},
}

func each(bare map[string]string, change func(string) string) map[string]string {
	out := map[string]string{}
	for name, dsn := range bare {
		out[name] = change(dsn)
	}
	return out
}

func with(env map[string]string, name, value string) map[string]string {
	env = maps.Clone(env)
	env[name] = value
	return env
}

func passfile(t *testing.T, file string) string {
	t.Helper()
	line := "*:*:*:*:" + strings.NewReplacer(`\`, `\\`, ":", `\:`).Replace(canary) + "\n"
	require.NoError(t, os.WriteFile(file, []byte(line), 0o600))
	return file
}

// asURL turns keywords of a test into a URL.
func asURL(dsn string) string {
	config, err := pgx.ParseConfig(dsn)
	if err != nil {
		panic(err)
	}
	u := url.URL{Scheme: "postgres", User: url.User(config.User), Path: "/" + config.Database}
	u.RawQuery = strings.ReplaceAll(url.Values{
		"host": {config.Host}, "port": {strconv.FormatUint(uint64(config.Port), 10)}, "sslmode": {"disable"},
	}.Encode(), "+", "%20")
	return u.String()
}

// cage is a pair of databases that one role opens with the canary as its password, and all that ferry says of them.
type cage struct {
	target *pgtest.DB
	bare   map[string]string // the addresses, without the password
	home   string
	env    map[string]string
}

func newCage(t *testing.T, w way) *cage {
	t.Helper()
	c := &cage{target: pgtest.New(t), home: t.TempDir()} // before the source: a role goes once all that it may do has gone
	source := pgtest.New(t, pgtest.Template("odoo18", odooDump))
	role := pgtest.Role(t, c.target, "", "GRANT CREATE ON DATABASE "+c.target.Name+" TO {role}", "GRANT CREATE ON SCHEMA public TO {role}")
	c.target.Exec(t, fmt.Sprintf(`ALTER ROLE %s PASSWORD '%s'`, role.Name, strings.ReplaceAll(canary, "'", "''")))
	source.Exec(t, "GRANT SELECT ON ALL TABLES IN SCHEMA public TO "+role.Name)
	config, err := pgx.ParseConfig(role.DSN)
	require.NoError(t, err)
	c.bare = map[string]string{}
	for name, database := range map[string]string{"FERRY_SOURCE": source.Name, "FERRY_TARGET": c.target.Name} {
		c.bare[name] = fmt.Sprintf("host='%s' port='%d' user='%s' dbname='%s' sslmode='disable'", config.Host, config.Port, role.Name, database)
	}
	c.env = c.given(t, w, c.bare)
	return c
}

// given is the environment of a process that is given the password in a way.
func (c *cage) given(t *testing.T, w way, bare map[string]string) map[string]string {
	t.Helper()
	env := map[string]string{"HOME": c.home, "USER": "tester", "TERM": "xterm-256color", "XDG_STATE_HOME": filepath.Join(c.home, "state")}
	maps.Copy(env, w.give(t, c.home, bare))
	// Channels that nobody answers, so that every message about them ends in an error.
	token := "c4n4ryt41l"
	env["FERRY_ALERTS"] = fmt.Sprintf("generic+http://127.0.0.1:9/%s?x=%[1]s "+
		"alertmanager+http://u:%[1]s@127.0.0.1:9 smtp://u:%[1]s@127.0.0.1:9/?from=a@x.y&to=b@x.y", token)
	return env
}

// silent requires that a text has no trace of the password, even across the ends of lines and between colours.
func silent(t *testing.T, what, text string) {
	t.Helper()
	plain := blanks.ReplaceAllString(ansi.Strip(text), "")
	for _, trace := range traces {
		if at := strings.Index(plain, trace); at >= 0 {
			require.Failf(t, "a password was told", "%s: …%s…", what, plain[max(0, at-200):min(len(plain), at+100)])
		}
	}
}

var blanks = regexp.MustCompile(`\s+`)

// says runs a command as a process of its own and gives its exit code, and what it says on both streams.
func (c *cage) says(t *testing.T, env map[string]string, args ...string) (code int, out string) {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	cmd := exec.CommandContext(ctx, self, args...)
	cmd.Env = []string{childEnv + "=1", "GORACE=atexit_sleep_ms=0 " + os.Getenv("GORACE"), "PATH=" + os.Getenv("PATH")}
	for name, value := range env {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Run(); err != nil {
		_, exited := errors.AsType[*exec.ExitError](err)
		require.True(t, exited, "%v", err)
	}
	silent(t, strings.Join(args, " "), said.String())
	return cmd.ProcessState.ExitCode(), said.String()
}

// everyCommand gives every command that ferry has, in an order in which each has something to say, with arguments where it wants
// some.
func everyCommand() [][]string {
	first := [][]string{{"preflight"}, {"init"}, {"sync", "full"}}
	arguments := map[string][]string{"runs show": {"1"}, "cancel": {"1"}, "replay": {demoRecording, "--speed", "max"}}
	all := slices.Clone(first)
	var walk func(cmd *cobra.Command, path []string)
	walk = func(cmd *cobra.Command, path []string) {
		for _, sub := range cmd.Commands() {
			walk(sub, append(slices.Clone(path), sub.Name()))
		}
		name := strings.Join(path, " ")
		if name == "serve" || name == "worker" {
			return // they do not end by themselves: see serves
		}
		if name == "demo" || name == "bench" {
			return // they have servers of their own; a demo prints the passwords of its, so that others can use it
		}
		if cmd.HasSubCommands() || slices.ContainsFunc(first, func(c []string) bool { return strings.Join(c, " ") == name }) {
			return
		}
		all = append(all, append(path, arguments[name]...))
	}
	walk((&ferry{}).command(), nil)
	return all
}

func someWays(t *testing.T) []way {
	t.Helper()
	drawn := slices.Clone(ways)
	if os.Getenv("FERRY_WAYS") != "" {
		return drawn
	}
	rand.Shuffle(len(drawn), func(i, k int) { drawn[i], drawn[k] = drawn[k], drawn[i] })
	return drawn[:2] // the names of subtests say which
}

// TestAPasswordIsNeverTold gives a password in each way that is allowed, and looks for it in all that ferry says: each
// command's lines, with a database that answers and with one that does not; each screen; the log with a panic's stack; and
// everything that is kept in the engine database. Two ways are drawn by lot, for each takes hundreds of processes; FERRY_WAYS=1 goes all.
func TestAPasswordIsNeverTold(t *testing.T) {
	t.Parallel()
	for _, w := range someWays(t) {
		t.Run(w.name, func(t *testing.T) {
			t.Parallel()
			c := newCage(t, w)
			for _, command := range everyCommand() {
				code, said := c.says(t, c.env, append(command, "--json")...)
				switch command[0] {
				case "preflight", "init", "status":
					require.Equal(t, exitClean, code, "%v: the password was not taken: %s", command, said)
				}
			}
			c.everyScreen(t)
			c.crashes(t)
			_, said := c.says(t, c.env, "alerts", "test")
			require.Contains(t, said, "3 of 3 channels did not take the message")
			kept := c.kept(t)
			require.Contains(t, kept, "start full")
			silent(t, "the engine database", kept)

			c.serves(t, c.env, "ready")

			away := c.given(t, w, each(c.bare, func(dsn string) string {
				return strings.Replace(dsn, "host='", "host='/nowhere", 1)
			}))
			for _, command := range [][]string{{"preflight"}, {"init"}, {"sync", "full"}, {"status"}, {"config", "check"}} {
				c.says(t, away, append(command, "--json")...)
				c.says(t, away, command...)
			}
			c.everyTrouble(t, away)
			c.serves(t, away, "not ready")
			log, err := os.ReadFile(filepath.Join(c.home, "state", "ferry", "ferry.log"))
			require.NoError(t, err)
			require.Contains(t, string(log), "terminal_pty_test.go", "the panic's stack")
			silent(t, "the log", string(log))
		})
	}
}

// visits presses keys, and after each waits until the screen shows a text.
func (p *process) visits(steps ...[2]string) {
	p.t.Helper()
	for _, step := range steps {
		p.press(step[0])
		p.shows(step[1])
	}
}

// everyScreen walks through the console of databases that answer.
func (c *cage) everyScreen(t *testing.T) {
	t.Helper()
	tape := filepath.Join(t.TempDir(), "night.jsonl")
	p := launch(t, with(c.env, "FERRY_RECORD", tape), true)
	p.shows("DONE", "s start")
	require.NoError(t, resize(p, 100, 120)) // nothing is below the window
	p.visits(
		[2]string{"2", "newest first"}, [2]string{"G", "› #1"}, [2]string{"\r", "handed out once"},
		[2]string{"\r", "of run #1: "}, [2]string{"\x1b", "owners loyalty_card"},
		[2]string{"\x1b", "newest first"},
		[2]string{"4", "hang on"}, [2]string{"\r", "seen"}, [2]string{"\x1b", "hang on"},
		[2]string{"7", "start full"}, [2]string{"P", "looked "}, [2]string{"f", "card.partner_missing"},
		[2]string{"?", "choose a theme"},
		[2]string{"\x1b", "looked "}, [2]string{"1", "›1 Over"}, [2]string{"s", "closes"}, [2]string{"\x03", "s start"},
	)
	p.press("q")
	require.Equal(t, exitClean, p.exits())
	silent(t, "the console", p.received())
	text, err := os.ReadFile(tape)
	require.NoError(t, err)
	require.Contains(t, string(text), `"ask":"QuarantineRows"`)
	silent(t, "the recording", string(text))
}

// serves runs unattended until the log says how it stands, and reads the log and every answer.
func (c *cage) serves(t *testing.T, env map[string]string, stands string) {
	t.Helper()
	for _, command := range []string{"serve", "worker"} {
		u := (&bench{env: env}).unattend(t, command, local)
		u.await(stands)
		for _, path := range []string{"/", "/metrics", "/healthz", "/readyz", "/nothing"} {
			_, body := u.asks(path)
			silent(t, command+path, body)
		}
		require.Equal(t, exitClean, u.ends(), u.log())
		silent(t, command, u.log()+u.out.String())
	}
	_, unit := c.says(t, env, "serve", "--print-unit")
	require.Contains(t, unit, "[Service]")
}

// everyTrouble walks through the console of databases that do not answer, and the screen on which their addresses are edited.
func (c *cage) everyTrouble(t *testing.T, env map[string]string) {
	t.Helper()
	p := launch(t, env, true)
	p.shows("no such file or directory")
	require.NoError(t, resize(p, 100, 60))
	p.visits([2]string{"P", "source: connection"}, [2]string{"2", "›2 Runs"}, [2]string{"7", "›7 Log"}, [2]string{"1", "›1 Over"})
	p.press("e")
	p.shows("connect", "› Test")
	p.press("\r")
	p.shows("2 preconditions fail", "no server has its socket there")
	p.visits([2]string{"\x1b[B\x1b[B\x1b[B\x1b[B", "› source"}, [2]string{"\x15", "changed since this test"})
	p.press("\x1b[200~" + asURLWith(c.bare["FERRY_SOURCE"]) + "\x1b[201~")
	p.shows("no password here")
	p.press("\x1b")
	p.exits()
	silent(t, "the console without databases", p.received())
}

// crashes lets the console panic with an address in its hands.
func (c *cage) crashes(t *testing.T) {
	t.Helper()
	p := launch(t, with(c.env, panicEnv, "address"), true)
	p.shows("DONE", "s start")
	p.press("!")
	require.Equal(t, exitError, p.exits())
	p.says("ferry: the console crashed: boom at ")
	silent(t, "the terminal of a console that crashed", p.received())
}

// kept is all that is kept in ferry's schema.
func (c *cage) kept(t *testing.T) string {
	t.Helper()
	db := c.target.Pool(t)
	rows, err := db.Query(t.Context(), `SELECT quote_ident(table_name) FROM information_schema.tables WHERE table_schema = 'ferry'`)
	require.NoError(t, err)
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	require.Contains(t, tables, "journal")
	var out strings.Builder
	for _, table := range tables {
		var text string
		require.NoError(t, db.QueryRow(t.Context(), `SELECT coalesce(string_agg(t::text, E'\n'), '') FROM ferry.`+table+` t`).Scan(&text))
		out.WriteString(text)
	}
	return out.String()
}

// asURLWith is an address with the password in it.
func asURLWith(dsn string) string {
	config, _ := pgx.ParseConfig(dsn)
	return strings.Replace(asURL(dsn), "//"+config.User+"@", "//"+config.User+":"+url.QueryEscape(canary)+"@", 1)
}
