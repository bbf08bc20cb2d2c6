package crossing_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/store/crossing/oracle"
	"ferry/store/demo"
	"ferry/store/embedded/pgtest"
	"ferry/store/migrations"
)

// cards is the size of a source: with four ledger rows for each, enough for a run of some thirty batches.
const cards = 3000

// limit bounds every wait of a test. On a busy machine a full sync may well take a minute.
const limit = 3 * time.Minute

// fromEnv reads a number that changes a test.
func fromEnv(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err, name)
	return n
}

// randomness is seeded anew in every run, and says how to repeat it.
func randomness(t *testing.T) *rand.Rand {
	t.Helper()
	seed := fromEnv(t, "FERRY_SEED", os.Getpid())
	t.Logf("FERRY_SEED=%d repeats what is drawn here", seed)
	name := fnv.New64()
	_, _ = name.Write([]byte(t.Name()))
	return rand.New(rand.NewPCG(uint64(seed), name.Sum64()))
}

// odooBase is a source, read through a role that may do nothing else.
type odooBase struct {
	*pgtest.DB

	pool   *pgxpool.Pool
	reader string
	role   string // the reader's
}

func newSource(t *testing.T) *odooBase {
	t.Helper()
	db := pgtest.New(t, pgtest.Template("source", demo.Filling(demo.Params{Cards: cards, Seed: 4, LedgerPerCard: 4})))
	role := pgtest.Role(t, db, "", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
	return &odooBase{db, db.Pool(t), role.DSN, role.Name}
}

// engineBase is an initialised engine database.
type engineBase struct {
	*pgtest.DB

	pool *pgxpool.Pool
}

func newEngine(t *testing.T) *engineBase {
	t.Helper()
	db := pgtest.New(t, pgtest.Template("engine", initEngine))
	return &engineBase{db, db.Pool(t)}
}

func initEngine(ctx context.Context, dsn string) error {
	pool, err := pgxpool.New(ctx, dsn)
	if err != nil {
		return err
	}
	defer pool.Close()
	if err := migrations.Init(ctx, pool, nil, slog.New(slog.DiscardHandler)); err != nil {
		return err
	}
	// Checks come where a test begins them: a rolling one takes its time, and would be waited for.
	_, err = pool.Exec(ctx, `INSERT INTO ferry.policy VALUES ('proof-every', '0')`)
	return err
}

// exact requires that everything is in the engine, once, and counted.
func exact(t *testing.T, source *odooBase, target *pgxpool.Pool, run int64) {
	t.Helper()
	oracle.FirstLoad(t, source.pool, target, run)
	oracle.Faithful(t, source.pool, target)
}

// process is a ferry of its own.
type process struct {
	t     *testing.T
	o     orders
	cmd   *exec.Cmd
	in    io.WriteCloser
	lines chan string
	ended chan struct{}
}

// start starts a ferry. It ends with the test at the latest.
func start(t *testing.T, o orders) *process {
	t.Helper()
	text, err := json.Marshal(o)
	require.NoError(t, err)
	self, err := os.Executable()
	require.NoError(t, err)
	p := &process{t: t, o: o, cmd: exec.Command(self), lines: make(chan string, 100), ended: make(chan struct{})} //nolint:noctx // killed below
	p.cmd.Env = append(os.Environ(), childEnv+"="+string(text))
	p.cmd.Stderr = t.Output()
	p.in, err = p.cmd.StdinPipe()
	require.NoError(t, err)
	out, err := p.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, p.cmd.Start())
	var reading sync.WaitGroup
	reading.Go(func() {
		defer close(p.lines)
		for scan := bufio.NewScanner(out); scan.Scan(); {
			p.lines <- scan.Text()
		}
	})
	go func() {
		reading.Wait()
		_ = p.cmd.Wait()
		close(p.ended)
	}()
	t.Cleanup(p.kill)
	return p
}

func (p *process) signal(s syscall.Signal) { _ = p.cmd.Process.Signal(s) }

// kill ends the process at once and waits until it is gone.
func (p *process) kill() {
	p.signal(syscall.SIGKILL)
	p.gone()
}

func (p *process) gone() {
	select {
	case <-p.ended:
	case <-time.After(limit):
		p.t.Errorf("%s does not end", p.o.ID)
	}
}

// leave lets the process drain and end, and requires that it does so well.
func (p *process) leave() {
	p.t.Helper()
	_ = p.in.Close()
	p.gone()
	require.Equal(p.t, 0, p.cmd.ProcessState.ExitCode(), "%s: %s", p.o.ID, p.cmd.ProcessState)
}

// begin tells the process to start a full run.
func (p *process) begin() { p.tell("start") }

// tell tells the process to start a run.
func (p *process) tell(what string) {
	_, err := fmt.Fprintln(p.in, what)
	require.NoError(p.t, err)
}

// hear waits for the next line that begins with one of the words; it gives the word and the rest. The word is empty if
// the process ended.
func (p *process) hear(words ...string) (word, rest string) {
	p.t.Helper()
	deadline := time.After(limit)
	for {
		select {
		case line, more := <-p.lines:
			if !more {
				return "", ""
			}
			word, rest, _ := strings.Cut(line, " ")
			if slices.Contains(words, word) {
				return word, rest
			}
			require.Failf(p.t, "unexpected", "%s says %q, not one of %v", p.o.ID, line, words)
		case <-deadline:
			require.Failf(p.t, "silence", "%s says nothing of %v", p.o.ID, words)
		}
	}
}

// run waits until the process says which run it is at.
func (p *process) run() int64 {
	p.t.Helper()
	word, rest := p.hear("run")
	require.Equal(p.t, "run", word, "%s ended", p.o.ID)
	id, err := strconv.ParseInt(rest, 10, 64)
	require.NoError(p.t, err)
	return id
}

// finish waits until the process has seen its run done.
func (p *process) finish() {
	p.t.Helper()
	word, rest := p.hear("end")
	require.Equal(p.t, "end done ", word+" "+rest, p.o.ID)
	p.gone()
}

// until waits until a query gives true.
func until(t *testing.T, db *pgxpool.Pool, sql string, args ...any) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		var yes bool
		if err := db.QueryRow(ctx, sql, args...).Scan(&yes); ctx.Err() == nil {
			require.NoError(t, err, sql)
		}
		if yes {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			require.Failf(t, "never came true", "%s %v\n%s", sql, args, strings.Join(state(t, db), "\n"))
		}
	}
}

// state says where runs and batches are, for a test that failed.
func state(t *testing.T, db *pgxpool.Pool) []string {
	t.Helper()
	return oracle.Rows(t, db, `
		(SELECT 'run ' || id || ' ' || state || ' ' || error || ' ' || last_error FROM ferry.run ORDER BY id)
		UNION ALL (SELECT 'step ' || run_id || ' ' || verb || ' ' || entity || ' ' || state || ' open ' || open FROM ferry.step WHERE state = 'running')
		UNION ALL (SELECT 'batch ' || id || ' ' || state || ' attempt ' || attempt || ' at ' || worker || ' ' || error FROM ferry.batch WHERE state <> 'done')
		UNION ALL (SELECT 'job ' || id || ' ' || state || ' ' || args::text || ' ' || coalesce(attempted_by::text, '')
			FROM ferry.river_job WHERE state <> 'completed')
		UNION ALL (SELECT 'worker ' || id || ' seen ' || seen_at FROM ferry.worker)
		UNION ALL (SELECT 'journal ' || at || ' ' || actor || ' ' || action || ' ' || outcome FROM ferry.journal ORDER BY id)`)
}

// runState gives a run's state, who brought it there and why.
func runState(t *testing.T, db *pgxpool.Pool, run engine.RunID) string {
	t.Helper()
	return oracle.One(t, db, `SELECT concat_ws('|', state, state_by, state_reason) FROM ferry.run WHERE id = $1`, run)
}
