package main

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/creack/pty"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/engine/control"
	"ferry/store/embedded/pgtest"
	"ferry/store/enginedb"
	"ferry/store/migrations"
	"ferry/store/odoo"
	"ferry/store/queue"
)

// gateLock is held by a test that keeps batches from ending; see gated.
const gateLock = 7

// gated initialises an engine database in which a batch that inserts cards waits, in its transaction, as long as somebody
// holds gateLock: so a test decides how long a batch takes.
func gated(ctx context.Context, dsn string) error {
	pool, err := pgxpool.New(ctx, dsn)
	if err != nil {
		return err
	}
	defer pool.Close()
	if err := migrations.Init(ctx, pool, nil, slog.New(slog.DiscardHandler)); err != nil {
		return err
	}
	_, err = pool.Exec(ctx, fmt.Sprintf(`CREATE FUNCTION public.gate() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			WHILE NOT pg_try_advisory_xact_lock_shared(%d) LOOP PERFORM pg_sleep(0.01); END LOOP;
			RETURN NULL;
		END $$;
		CREATE TRIGGER gate BEFORE INSERT ON public.loyalty_cards FOR EACH STATEMENT EXECUTE FUNCTION public.gate()`, gateLock))
	return err
}

// stage is a pair of databases in a certain state, and a console process on them.
type stage struct {
	*process

	env   map[string]string
	steer *control.Control // from another process, as far as ferry can tell
	gate  *pgx.Conn
	pool  *pgxpool.Pool
}

// states are what a console is ended in.
var states = []string{"no run", "running", "paused"}

// newStage prepares the databases and starts a console on them.
func newStage(t *testing.T, state string, controlled bool, env map[string]string) *stage {
	t.Helper()
	s := prepare(t, state)
	maps.Copy(s.env, env)
	s.process = launch(t, s.env, controlled)
	shows := []string{"idle"}
	if state != "no run" {
		shows = []string{"#1", state}
	}
	if state == "running" {
		s.arrives(t)
	}
	s.await("a frame with "+strings.Join(shows, " "), func() bool {
		text := strings.ToLower(s.text())
		return strings.Contains(text, shows[0]) && strings.Contains(text, shows[len(shows)-1])
	})
	return s
}

// prepare brings a pair of databases into a state: the gate is shut, and a run has been started and perhaps paused.
func prepare(t *testing.T, state string) *stage {
	t.Helper()
	source, target := pgtest.New(t, pgtest.Template("odoo18", odooDump)), pgtest.New(t, pgtest.Template("gated", gated))
	reader := pgtest.Role(t, source, "", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
	s := &stage{
		gate: target.Conn(t), pool: target.Pool(t), steer: steering(t, reader.DSN, target.DSN),
		env: map[string]string{
			"FERRY_SOURCE": reader.DSN, "FERRY_TARGET": target.DSN, "HOME": t.TempDir(), "USER": "tester", "TERM": "xterm-256color",
		},
	}
	s.exec(t, `SELECT pg_advisory_lock($1)`, gateLock)
	if state == "no run" {
		return s
	}
	id, err := s.steer.StartFull(t.Context(), engine.StartOptions{})
	require.NoError(t, err)
	if state == "paused" {
		require.NoError(t, s.steer.Pause(t.Context(), engine.Act{Run: id}))
	}
	return s
}

// arrives waits until a batch is at the gate.
func (s *stage) arrives(t *testing.T) {
	t.Helper()
	s.await("a batch that waits at the gate", func() bool { return s.one(t, atGate) == "1" })
}

const atGate = `SELECT count(*)::text FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'COPY%loyalty_cards%' AND state = 'active'`

// steering is another ferry on the databases, without workers.
func steering(t *testing.T, source, target string) *control.Control {
	t.Helper()
	logger := slog.New(slog.DiscardHandler)
	from, err := odoo.Open(t.Context(), source, "ferry test")
	require.NoError(t, err)
	t.Cleanup(from.Close)
	to, err := enginedb.Open(t.Context(), target, "ferry test", 4, false)
	require.NoError(t, err)
	t.Cleanup(to.Close)
	jobs, err := queue.New(to, logger)
	require.NoError(t, err)
	return control.New(control.Config{
		Ledger: to, Source: from, Workers: jobs, Logger: logger,
		Process: engine.Process{ID: t.Name(), Host: "elsewhere", PID: 1}, Actor: engine.Actor{User: "sari", Host: "elsewhere"},
	})
}

func (s *stage) exec(t *testing.T, sql string, args ...any) {
	t.Helper()
	_, err := s.gate.Exec(t.Context(), sql, args...)
	require.NoError(t, err)
}

// one reads one text from the engine database.
func (s *stage) one(t *testing.T, sql string) string {
	t.Helper()
	var text string
	require.NoError(t, s.pool.QueryRow(t.Context(), sql).Scan(&text))
	return text
}

// open lets batches end.
func (s *stage) open(t *testing.T) {
	t.Helper()
	s.exec(t, `SELECT pg_advisory_unlock_all()`)
}

// goesOn lets the run go on, wherever it stands.
func (s *stage) goesOn(t *testing.T, state string) {
	t.Helper()
	s.open(t)
	if state == "paused" {
		require.NoError(t, s.steer.Resume(t.Context(), engine.Act{Run: 1}))
	}
}

func (s *stage) run(t *testing.T) string {
	t.Helper()
	return s.one(t, `SELECT coalesce(max(state), 'none') FROM ferry.run`)
}

// journal is what is kept about this process's console.
func (s *stage) journal(t *testing.T) string {
	t.Helper()
	return s.one(t, `SELECT coalesce(string_agg(action || ' #' || run_id || ': ' || outcome, E'\n' ORDER BY id), '') FROM ferry.journal
		WHERE action IN ('lost the console of', 'leave headless')`)
}

// ending is one way in which a console ends.
type ending struct {
	name    string
	control bool
	env     func(state string) map[string]string
	act     func(t *testing.T, s *stage, state string)
	code    int    // of the process
	drains  bool   // the run does not go on
	aborts  bool   // … and the batch in flight neither
	journal string // where the run goes on
	gone    bool   // the terminal is, afterwards
	only    string // this state
}

var endings = []ending{
	{name: "TERM", control: true, code: 143, drains: true, act: func(_ *testing.T, s *stage, _ string) { s.signal(syscall.SIGTERM) }},
	{name: "INT twice", control: true, code: 130, drains: true, aborts: true, act: func(_ *testing.T, s *stage, state string) {
		s.signal(syscall.SIGINT)
		if state == "running" {
			s.says("draining")
			s.signal(syscall.SIGINT)
		}
	}},
	{name: "HUP", control: true, journal: "hung up", act: func(_ *testing.T, s *stage, _ string) { s.signal(syscall.SIGHUP) }},
	{name: "EIO", journal: "hung up", gone: true, act: closeMaster},
	{name: "window closed", control: true, journal: "hung up", gone: true, act: closeMaster, only: "running"}, // HUP and EIO at once
	{name: "stall", control: true, journal: "took nothing for 2s", act: func(_ *testing.T, s *stage, _ string) {
		s.stall()
		s.await("the console to be given up", func() bool { return strings.Contains(s.log(), "console was lost") })
		s.await("the rest to be done", func() bool { return strings.Contains(s.log(), "without a console") || !s.alive() })
		s.read()
	}},
	{
		name: "panic", control: true, code: 1, journal: "crashed: boom in ",
		env: func(state string) map[string]string {
			return map[string]string{panicEnv: map[string]string{"no run": "update", "running": "view", "paused": "command"}[state]}
		},
		act: func(t *testing.T, s *stage, _ string) {
			t.Helper()
			s.press("!")
			s.says("ferry: the console crashed: boom in ")
			require.NotContains(t, s.text(), "goroutine", "the stack is for the log")
			require.Contains(t, s.log(), "terminal_pty_test.go", "where it happened")
		},
	},
	{name: "q, headless", control: true, journal: "goes on with it", act: func(_ *testing.T, s *stage, state string) { quit(s, state, "\x1b[B") }},
	{name: "q, drain", control: true, drains: true, act: func(_ *testing.T, s *stage, state string) { quit(s, state, "\x1b[B", "\x1b[B") }},
}

func closeMaster(t *testing.T, s *stage, _ string) {
	t.Helper()
	require.NoError(t, s.slave.Close())
	require.NoError(t, s.master.Close())
}

// quit leaves, and answers the question that comes while there is a run.
func quit(s *stage, state string, down ...string) {
	s.press("q")
	if state == "no run" {
		return
	}
	s.shows("stay", "leave it running", "drain and stop")
	for _, key := range down {
		s.press(key)
	}
	s.press("\r")
}

// TestEveryEndOfAConsole ends a console in every way and state: the work is drained or goes on as that way says, the
// process ends with the right code, and the terminal is as it was found.
func TestEveryEndOfAConsole(t *testing.T) {
	t.Parallel()
	for _, e := range endings {
		for _, state := range states {
			if e.only != "" && e.only != state {
				continue
			}
			t.Run(e.name+"/"+state, func(t *testing.T) {
				t.Parallel()
				var env map[string]string
				if e.env != nil {
					env = e.env(state)
				}
				s := newStage(t, state, e.control, env)
				before := s.flagsIf(!e.gone)
				began := time.Now()
				e.act(t, s, state)
				if !e.gone {
					s.sane()
					require.Equal(t, before, s.flags(), "flags that the shell shares")
				}
				free := time.Since(began)
				s.endsAs(t, e, state)
				t.Logf("the terminal is the shell's after %v; exit code %d after %v; run %s", free.Round(10*time.Millisecond), s.exits(),
					s.ended.Sub(began).Round(10*time.Millisecond), s.run(t))
			})
		}
	}
}

func (s *stage) flagsIf(there bool) int {
	if !there {
		return 0
	}
	return s.flags()
}

// endsAs checks what becomes of the run and of the process once the console has ended.
func (s *stage) endsAs(t *testing.T, e ending, state string) {
	t.Helper()
	if state == "no run" {
		require.Equal(t, e.code, s.exits())
		require.Equal(t, "none", s.run(t))
		return
	}
	if e.drains {
		if state == "running" && !e.aborts {
			require.True(t, s.alive(), "it waits for the batch in flight")
			require.Equal(t, "1", s.one(t, atGate), "which is left alone")
			s.open(t)
		}
		require.Equal(t, e.code, s.exits())
		want := map[string]string{"running": "interrupted", "paused": "paused"}[state]
		require.Equal(t, want, s.run(t))
		require.Equal(t, "0", s.one(t, `SELECT count(*)::text FROM ferry.batch WHERE state = 'running'`))
		require.Equal(t, "0", s.one(t, `SELECT count(*)::text FROM ferry.worker`), "it signed off")
		rows := s.one(t, `SELECT count(*)::text FROM loyalty_cards`)
		require.Equal(t, state == "running" && !e.aborts, rows != "0", "%s cards", rows)
		return
	}
	s.await("the next console to be told", func() bool {
		journal := s.journal(t)
		return strings.Contains(journal, e.journal) && strings.Contains(journal, fmt.Sprintf("%d goes on with it", s.cmd.Process.Pid))
	})
	if !e.gone {
		s.says(fmt.Sprintf("in this process (%d)", s.cmd.Process.Pid)) // a line for whoever has the terminal
	}
	require.True(t, s.alive(), "it works")
	s.goesOn(t, state)
	require.Equal(t, e.code, s.exits())
	require.Equal(t, "done", s.run(t))
	require.Contains(t, s.log(), "working without a console")
}

// TestInterruptedAfterwards covers processes whose console has ended already: the first signal drains, the second aborts.
func TestInterruptedAfterwards(t *testing.T) {
	t.Parallel()
	for name, signals := range map[string]int{"once": 1, "twice": 2} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, "running", true, nil)
			quit(s, "running", "\x1b[B")
			s.sane()
			s.says("goes on in this process")
			s.press("\x03") // the terminal makes it a signal again
			s.shows("draining")
			s.signal(syscall.SIGHUP) // a terminal that goes away does not make it abort
			require.True(t, s.alive())
			if signals == 2 {
				s.press("\x03")
			} else {
				s.open(t)
			}
			require.Equal(t, 130, s.exits())
			require.Equal(t, "interrupted", s.run(t))
			require.Equal(t, signals == 1, s.one(t, `SELECT count(*)::text FROM loyalty_cards`) != "0")
		})
	}
}

// A console that does not answer is left behind.
func TestTermWhileTheConsoleHangs(t *testing.T) {
	t.Parallel()
	s := newStage(t, "running", true, map[string]string{panicEnv: "hang"})
	s.press("!")
	began := time.Now()
	s.signal(syscall.SIGTERM)
	s.sane()
	require.Less(t, time.Since(began), 3*time.Second)
	require.True(t, s.alive(), "it drains")
	s.open(t)
	require.Equal(t, 143, s.exits())
	require.Equal(t, "interrupted", s.run(t))
}

func TestTermWhileTheTerminalTakesNothing(t *testing.T) {
	t.Parallel()
	s := newStage(t, "no run", true, nil)
	s.stall()
	began := time.Now()
	s.signal(syscall.SIGTERM)
	require.Equal(t, 143, s.exits())
	require.Less(t, s.ended.Sub(began), 3*time.Second)
	s.read()
	s.sane()
}

// unanswered is less than half of what one query costs that nobody answers. Both take far below a second; a machine that
// is busy with other tests is no reason to fail.
const unanswered = 2 * time.Second

// TestNothingIsAskedBeforeTheFirstFrame runs the whole program on a terminal that answers nothing. It runs alone.
func TestNothingIsAskedBeforeTheFirstFrame(t *testing.T) { //nolint:paralleltest // it looks at the clock
	queries := []string{"\x1b]11;?", "\x1b]10;?", "\x1b[6n", "\x1b[c", "\x1b[>c", "\x1b[?u"}
	began := time.Now()
	p := launch(t, map[string]string{"TERM": "xterm-256color"}, true, "version")
	require.Equal(t, exitClean, p.exits())
	t.Logf("version after %v", p.ended.Sub(began))
	require.Less(t, p.ended.Sub(began), unanswered)
	p.shows("ferry")
	began = time.Now()
	c := launch(t, nowhere, true)
	c.await("a first frame", func() bool { return c.full() && strings.Contains(c.text(), "quit") })
	t.Logf("first frame after %v", time.Since(began))
	require.Less(t, time.Since(began), unanswered)
	for _, query := range queries {
		require.NotContains(t, p.received(), query)
		require.NotContains(t, c.received(), query)
	}
	c.press("q")
	require.Equal(t, exitClean, c.exits())
	c.sane()
}

func TestSuspendedUnderAShell(t *testing.T) {
	t.Parallel()
	shell, err := exec.LookPath("sh")
	require.NoError(t, err)
	self, err := os.Executable()
	require.NoError(t, err)
	// A shell with job control: what follows a command that was stopped is its next command.
	script := `"$0"; echo in the shell; read x; bg; echo in the background; read x; fg; echo "code $?"`
	p := launchCommand(t, nowhere, true, exec.CommandContext(t.Context(), shell, "-mc", script, self))
	p.await("a first frame", func() bool { return p.full() && strings.Contains(p.text(), "quit") })
	p.press("\x1a")
	p.shows("in the shell")
	p.sane()
	p.press("\n")
	p.shows("in the background")
	p.sane() // it does not fight with the shell for the terminal
	require.NoError(t, resize(p, 100, 30))
	p.press("\n")
	p.await("the console, at the new size", func() bool { return p.full() && strings.Contains(p.text(), strings.Repeat("─", 90)) })
	p.press("q")
	p.shows("code 0")
	p.sane()
}

func TestSuspendedWithoutAShell(t *testing.T) {
	t.Parallel()
	s := newStage(t, "running", true, nil)
	before := strings.Count(s.received(), ansi.SetModeAltScreenSaveCursor)
	s.press("\x1a")
	s.await("the console again", func() bool {
		return strings.Count(s.received(), ansi.SetModeAltScreenSaveCursor) > before && s.full() && strings.Contains(strings.ToLower(s.text()), "running")
	})
	s.signal(syscall.SIGTERM)
	s.sane()
	s.open(t)
	require.Equal(t, 143, s.exits())
}

// nowhere are databases that refuse connections.
var nowhere = map[string]string{
	"FERRY_SOURCE": "postgres://nobody@127.0.0.1:1/none", "FERRY_TARGET": "postgres://nobody@127.0.0.1:1/none", "TERM": "xterm-256color",
}

func TestWithoutATerminalOnEveryStreamThereAreLines(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	require.NoError(t, err)
	for _, streams := range []string{"0<&-", "</dev/null", "| cat", "0<&- | cat", "2>&-"} {
		t.Run(streams, func(t *testing.T) {
			t.Parallel()
			script := `TERM=dumb "$0" ` + streams
			p := launchCommand(t, nowhere, true, exec.CommandContext(t.Context(), "sh", "-c", script, self))
			p.says("unreachable")
			require.False(t, p.full())
			require.Equal(t, p.before, p.termios())
			p.press("\x03") // a signal to all of them
			p.exits()
			p.sane()
		})
	}
}

func TestLinesEndWithTheirReader(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	require.NoError(t, err)
	p := launchCommand(t, nowhere, true, exec.CommandContext(t.Context(), "sh", "-c", `{ "$0" --json; echo "code $?" >&2; } | head -n 1`, self))
	p.says("code 141")
	p.exits()
}

func resize(p *process, columns, rows uint16) error {
	p.mu.Lock()
	p.screen.Resize(int(columns), int(rows))
	p.mu.Unlock()
	return pty.Setsize(p.master, &pty.Winsize{Rows: rows, Cols: columns})
}
