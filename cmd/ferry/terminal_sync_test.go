package main

import (
	"net"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestSignalsToASync: the first drains to a batch boundary, a second aborts, and a terminal that goes away never does.
func TestSignalsToASync(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		signals []syscall.Signal
		code    int
		aborts  bool
	}{
		{"TERM", []syscall.Signal{syscall.SIGTERM}, 143, false},
		{"INT", []syscall.Signal{syscall.SIGINT}, 130, false},
		{"HUP", []syscall.Signal{syscall.SIGHUP}, 129, false},
		{"HUP twice", []syscall.Signal{syscall.SIGHUP, syscall.SIGHUP}, 129, false},
		{"INT twice", []syscall.Signal{syscall.SIGINT, syscall.SIGINT}, 130, true},
		{"HUP then TERM", []syscall.Signal{syscall.SIGHUP, syscall.SIGTERM}, 129, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := prepare(t, "no run")
			s.process = launch(t, s.env, true, "sync", "full")
			s.arrives(t)
			for i, number := range c.signals {
				if i == 1 {
					s.says("draining")
				}
				s.signal(number)
			}
			if !c.aborts {
				require.True(t, s.alive())
				s.open(t)
			}
			require.Equal(t, c.code, s.exits())
			s.says(map[bool]string{true: "ferry: aborted", false: "is at a batch boundary"}[c.aborts])
			require.Equal(t, "interrupted", s.run(t))
			require.Equal(t, !c.aborts, s.one(t, `SELECT count(*)::text FROM loyalty_cards`) != "0")
		})
	}
}

// TestASyncIsInterruptedBeforeItsRun covers both places where a sync waits for others before there is work of its own.
func TestASyncIsInterruptedBeforeItsRun(t *testing.T) {
	t.Parallel()
	t.Run("for a database that does not answer", func(t *testing.T) {
		t.Parallel()
		s := prepare(t, "no run")
		deaf, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer deaf.Close()
		asked := make(chan net.Conn, 1)
		go func() {
			if conn, err := deaf.Accept(); err == nil {
				asked <- conn
			}
		}()
		s.env["FERRY_SOURCE"] = "postgres://reader@" + deaf.Addr().String() + "/prod?sslmode=disable"
		s.process = launch(t, s.env, true, "sync", "full")
		conn := <-asked
		defer conn.Close()
		s.interruptedBefore(t)
		require.Equal(t, "none", s.run(t))
	})
	t.Run("for another process", func(t *testing.T) {
		t.Parallel()
		s := newStage(t, "running", true, nil)
		holder := s.process
		s.process = launch(t, s.env, true, "sync", "full")
		s.await("it to look", func() bool {
			return s.one(t, `SELECT count(*)::text FROM pg_stat_activity
				WHERE datname = current_database() AND application_name LIKE '%:`+strconv.Itoa(s.cmd.Process.Pid)+`'`) != "0"
		})
		s.interruptedBefore(t)
		require.Equal(t, "running", s.run(t))
		require.True(t, holder.alive())
	})
}

func (s *stage) interruptedBefore(t *testing.T) {
	t.Helper()
	began := time.Now()
	s.signal(syscall.SIGTERM)
	require.Equal(t, 143, s.exits())
	require.Less(t, s.ended.Sub(began), 3*time.Second)
	s.says("interrupted before a run was under way")
}

// TestASyncOnAFullDiskSaysWhyItWaits: so does `ferry status` elsewhere.
func TestASyncOnAFullDiskSaysWhyItWaits(t *testing.T) {
	t.Parallel()
	s := prepare(t, "no run")
	s.exec(t, `CREATE FUNCTION public.full() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$`)
	s.exec(t, `CREATE TRIGGER full_disk BEFORE INSERT ON public.loyalty_cards FOR EACH STATEMENT EXECUTE FUNCTION public.full()`)
	s.open(t)
	s.process = launch(t, s.env, true, "sync", "full")
	s.says("could not extend file (SQLSTATE 53100); the disk is full: free space there; ferry goes on by itself")
	b := &bench{env: s.env}
	a := b.ferry(t, "status")
	require.Equal(t, exitClean, a.code)
	require.Contains(t, a.out, "could not extend file (SQLSTATE 53100); the disk is full")
	all := lines(t, b.ferry(t, "status", "--json").out)
	require.Contains(t, all[len(all)-1]["last_error"], "53100")
	s.exec(t, `DROP TRIGGER full_disk ON public.loyalty_cards`)
	require.Equal(t, exitDiscrepancy, s.exits(), "it went on by itself; many rows of this dump are rejected")
}

// TestASyncOutlivesItsReader: `ferry sync full --json | head -n 1` carries every row, and its exit code says how.
func TestASyncOutlivesItsReader(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	require.NoError(t, err)
	s := prepare(t, "no run")
	s.process = launchCommand(t, s.env, true, exec.CommandContext(t.Context(), "sh", "-c",
		`{ "$0" sync full --json; echo "code $?" >&2; } | head -n 1`, self))
	s.says("nobody reads standard output any more")
	s.open(t)
	s.says("code 3") // too many rejects: as with a reader
	s.exits()
	require.Equal(t, "done", s.run(t))
}

// TestASyncWhoseReaderSleeps: the run goes on, and the process can still be interrupted.
func TestASyncWhoseReaderSleeps(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	require.NoError(t, err)
	s := prepare(t, "no run")
	s.open(t)
	reader, writer, err := os.Pipe()
	require.NoError(t, err)
	defer reader.Close()
	for {
		require.NoError(t, writer.SetWriteDeadline(time.Now().Add(20*time.Millisecond)))
		if _, err := writer.Write(make([]byte, 1)); err != nil {
			break
		}
	}
	cmd := exec.CommandContext(t.Context(), self, "sync", "full", "--json")
	s.process = launchCommand(t, s.env, true, cmd, writer)
	require.NoError(t, writer.Close())
	s.await("the end of the run", func() bool { return s.run(t) == "done" })
	require.True(t, s.alive(), "it waits for its reader")
	s.signal(syscall.SIGTERM)
	require.Equal(t, 143, s.exits())
}
