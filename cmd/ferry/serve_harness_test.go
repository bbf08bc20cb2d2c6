package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/store/crossing/oracle"
	"ferry/store/demo"
	"ferry/store/embedded/pgtest"
)

// unattended is a ferry serve or worker in a process of its own. Its log is read as it is written.
type unattended struct {
	t   *testing.T
	cmd *exec.Cmd
	out *strings.Builder
	url string

	mu      sync.Mutex
	said    []string
	grown   chan struct{} // closed, and made anew, with every line
	silent  chan struct{} // closed when it says nothing any more
	secrets []string
}

// unattend starts one, with the arguments behind its command, and waits until it has begun.
func (b *bench) unattend(t *testing.T, args ...string) *unattended {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 2*time.Minute)
	t.Cleanup(cancel)
	argv := slices.Concat(b.launcher, []string{self}, args, []string{"--json"})
	u := &unattended{
		t: t, cmd: exec.CommandContext(ctx, argv[0], argv[1:]...), out: &strings.Builder{},
		grown: make(chan struct{}), silent: make(chan struct{}), secrets: []string{secretOf(b.env["FERRY_SOURCE"]), secretOf(b.env["FERRY_TARGET"])},
	}
	u.cmd.Env = append(os.Environ(), childEnv+"=1")
	for name, value := range b.env {
		u.cmd.Env = append(u.cmd.Env, name+"="+value)
	}
	u.cmd.Stdout = u.out
	log, err := u.cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, u.cmd.Start())
	go u.read(log)
	t.Cleanup(func() {
		_ = u.cmd.Process.Kill()
		<-u.silent
		_ = u.cmd.Wait()
	})
	if at, _ := u.await("started")["listens_at"].(string); at != "" {
		u.url = "http://" + at
	}
	return u
}

func (u *unattended) read(log io.Reader) {
	defer close(u.silent)
	lines := bufio.NewScanner(log)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		u.mu.Lock()
		u.said = append(u.said, lines.Text())
		close(u.grown)
		u.grown = make(chan struct{})
		u.mu.Unlock()
	}
}

// log is all that it has said.
func (u *unattended) log() string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return strings.Join(u.said, "\n")
}

// await gives the first line of the log with this message in which all texts stand, and waits for it.
func (u *unattended) await(message string, texts ...string) map[string]any {
	u.t.Helper()
	timeout := time.After(time.Minute)
	for at := 0; ; {
		u.mu.Lock()
		said, grown := u.said[at:], u.grown
		at = len(u.said)
		u.mu.Unlock()
		for _, text := range said {
			for _, secret := range u.secrets {
				require.NotContains(u.t, text, secret)
			}
			line := map[string]any{}
			if json.Unmarshal([]byte(text), &line) == nil && line["msg"] == message && holdsAll(text, texts) {
				return line
			}
		}
		select {
		case <-grown:
		case <-u.silent:
			require.Fail(u.t, "it ended before it said "+message, u.log())
		case <-timeout:
			require.Fail(u.t, "it never said "+message, u.log())
		}
	}
}

func holdsAll(text string, parts []string) bool {
	for _, part := range parts {
		if !strings.Contains(text, part) {
			return false
		}
	}
	return true
}

// asks gives what it answers.
func (u *unattended) asks(path string) (status int, body string) {
	u.t.Helper()
	request, err := http.NewRequestWithContext(u.t.Context(), http.MethodGet, u.url+path, http.NoBody)
	require.NoError(u.t, err)
	answer, err := http.DefaultClient.Do(request)
	require.NoError(u.t, err)
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	require.NoError(u.t, err)
	for _, secret := range u.secrets {
		require.NotContains(u.t, string(text), secret, path)
	}
	return answer.StatusCode, string(text)
}

// scrape gives its metrics, which Prometheus's parser reads and its linter finds nothing to say about.
func (u *unattended) scrape() map[string]*dto.MetricFamily {
	u.t.Helper()
	status, body := u.asks("/metrics")
	require.Equal(u.t, http.StatusOK, status)
	return parsed(u.t, body)
}

func parsed(t *testing.T, body string) map[string]*dto.MetricFamily {
	t.Helper()
	problems, err := promlint.New(strings.NewReader(body)).Lint()
	require.NoError(t, err)
	require.Empty(t, problems)
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(strings.NewReader(body))
	require.NoError(t, err)
	return families
}

// summed sums up a metric over the series that have these values among their labels; it is not known without one.
func summed(families map[string]*dto.MetricFamily, name string, labels ...string) engine.Maybe[float64] {
	var sum engine.Maybe[float64]
	for _, m := range families[name].GetMetric() {
		has := map[string]bool{}
		for _, l := range m.GetLabel() {
			has[l.GetValue()] = true
		}
		fits := true
		for _, label := range labels {
			fits = fits && has[label]
		}
		if fits {
			sum = engine.Known(sum.Value + m.GetCounter().GetValue() + m.GetGauge().GetValue())
		}
	}
	return sum
}

// ends tells it to end, and gives the exit code.
func (u *unattended) ends() int {
	u.t.Helper()
	require.NoError(u.t, u.cmd.Process.Signal(syscall.SIGTERM))
	return u.exits()
}

func (u *unattended) exits() int {
	u.t.Helper()
	<-u.silent
	_ = u.cmd.Wait()
	return u.cmd.ProcessState.ExitCode()
}

// local is where a test listens: any port that is free.
const local = "--listen=127.0.0.1:0"

// demoBench is a bench whose source the demo's generator has filled, initialised.
func demoBench(t *testing.T, cards int) *bench {
	t.Helper()
	return filledBench(t, demo.Params{Cards: cards, Seed: 3})
}

// filledBench is a bench on a generated world, initialised.
func filledBench(t *testing.T, world demo.Params) *bench {
	t.Helper()
	b := &bench{source: pgtest.New(t, pgtest.Template(fmt.Sprintf("%+v", world), demo.Filling(world))), target: pgtest.New(t)}
	reader := pgtest.Role(t, b.source, "", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
	b.reader = reader.Name
	b.env = map[string]string{
		"FERRY_SOURCE": reader.DSN, "FERRY_TARGET": b.target.DSN, "HOME": t.TempDir(), "USER": "tester", "TERM": "dumb",
	}
	require.Equal(t, exitClean, b.ferry(t, "init").code)
	return b
}

// startFull begins a full run as a console without workers does, and gives its number.
func (b *bench) startFull(t *testing.T) engine.RunID {
	t.Helper()
	var id engine.RunID
	b.beside(t, func(c *crossing) {
		var err error
		id, err = c.StartFull(t.Context(), engine.StartOptions{})
		require.NoError(t, err)
	})
	return id
}

// beside does something by a ferry without workers.
func (b *bench) beside(t *testing.T, do func(c *crossing)) {
	t.Helper()
	f := b.program(t)
	c, err := f.open(t.Context(), 0, logTo(t.Output(), nil))
	require.NoError(t, err)
	defer c.close()
	do(c)
}

// awaitDone waits until a run is done.
func (b *bench) awaitDone(t *testing.T, id engine.RunID) {
	t.Helper()
	b.comes(t, string(engine.RunDone), fmt.Sprintf(`SELECT state FROM ferry.run WHERE id = %d`, id))
}

// comes waits until the engine database answers a query as wanted.
func (b *bench) comes(t *testing.T, want, sql string) {
	t.Helper()
	pool := b.target.Pool(t)
	until(t, "it never is "+want+": "+sql, func() bool { return oracle.One(t, pool, sql) == want })
}

// until looks again and again whether something has come true.
func until(t *testing.T, otherwise string, is func() bool) {
	t.Helper()
	look := time.NewTicker(20 * time.Millisecond)
	defer look.Stop()
	for late := time.After(time.Minute); !is(); {
		select {
		case <-look.C:
		case <-late:
			require.Fail(t, otherwise)
		}
	}
}

// gate holds up batches that load an entity, in the middle of their writing transactions, until it is opened.
type gate struct {
	t    *testing.T
	conn *pgx.Conn
	b    *bench
}

const gateKey = 424242

func (b *bench) shut(t *testing.T, of string) *gate {
	t.Helper()
	b.target.Exec(t, fmt.Sprintf(`CREATE OR REPLACE FUNCTION gate() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			IF EXISTS (SELECT FROM ferry.step WHERE id = NEW.step_id AND verb = 'load' AND entity = '%s') THEN
				PERFORM pg_advisory_xact_lock_shared(%d);
			END IF;
			RETURN NEW; END $$`, of, gateKey),
		`CREATE OR REPLACE TRIGGER gate BEFORE UPDATE ON ferry.batch FOR EACH ROW WHEN (NEW.state = 'done') EXECUTE FUNCTION gate()`)
	g := &gate{t: t, conn: b.target.Conn(t), b: b}
	_, err := g.conn.Exec(t.Context(), `SELECT pg_advisory_lock($1)`, gateKey)
	require.NoError(t, err)
	return g
}

// holds waits until so many batches stand before it.
func (g *gate) holds(batches int) {
	g.t.Helper()
	g.b.comes(g.t, strconv.Itoa(batches), fmt.Sprintf(`SELECT count(*)::text FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
		AND objid = %d AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`, gateKey))
}

func (g *gate) open() {
	g.t.Helper()
	_, err := g.conn.Exec(g.t.Context(), `SELECT pg_advisory_unlock($1)`, gateKey)
	require.NoError(g.t, err)
}

// program is an invocation of the program within the test, with settings as the environment has them.
func (b *bench) program(t *testing.T) *ferry {
	t.Helper()
	f := &ferry{streams: streams{out: t.Output(), err: t.Output()}, getenv: func(name string) string { return b.env[name] }}
	flags := f.command().PersistentFlags()
	require.NoError(t, f.settings.given(flags, f.getenv))
	require.NoError(t, f.settings.fill(flags, f.getenv))
	return f
}
