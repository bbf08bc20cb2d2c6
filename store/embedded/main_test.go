package embedded

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

// ownerEnv makes the test binary an owner: it starts a server, in the directory named or a temporary one, and waits to
// be killed.
const (
	ownerEnv  = "FERRY_TEST_OWNER"
	temporary = "temporary"
)

func TestMain(m *testing.M) {
	if dir, ok := os.LookupEnv(ownerEnv); ok {
		own(dir)
		return
	}
	goleak.VerifyTestMain(m)
}

type owned struct {
	PID    int    `json:"pid"`    // of the owner
	Server int    `json:"server"` // pid of the server
	Dir    string `json:"dir"`
	DSN    string `json:"dsn"`
}

func own(dir string) {
	if dir == temporary {
		dir = ""
	}
	s, err := Start(context.Background(), Options{Dir: dir})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	_ = json.NewEncoder(os.Stdout).Encode(owned{os.Getpid(), s.proc.pid(), s.room.dir, s.DSN("postgres")})
	_, _ = io.Copy(io.Discard, os.Stdin) // its end is a way out too: without Stop
}

// startOwner runs a server in a process of its own.
func startOwner(t *testing.T, dir string) (owned, *exec.Cmd, io.Closer) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), ownerEnv+"="+dir)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	require.NoError(t, err)
	stdout, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	require.NoError(t, err, "the owner must tell of its server")
	var o owned
	require.NoError(t, json.Unmarshal(line, &o))
	return o, cmd, stdin
}

// newDir is a directory that the server's user can reach, unlike t.TempDir for root, and that has a short path.
func newDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "ferry-test-") //nolint:usetesting // see above
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(dir)) })
	require.NoError(t, os.Chmod(dir, 0o711))
	dir, err = filepath.EvalSymlinks(dir)
	require.NoError(t, err)
	return dir
}

func mustStart(t *testing.T, o Options) *Server {
	t.Helper()
	s, err := Start(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Stop(context.WithoutCancel(t.Context())) })
	return s
}

func mustStop(t *testing.T, s *Server) {
	t.Helper()
	require.NoError(t, s.Stop(context.WithoutCancel(t.Context())))
}

// query runs SQL on the server's own database and returns the one value it gives.
func query(t *testing.T, dsn, sql string) string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), dsn)
	require.NoError(t, err)
	defer func() { _ = conn.Close(t.Context()) }()
	rows, err := conn.Query(t.Context(), sql, pgx.QueryExecModeSimpleProtocol)
	require.NoError(t, err)
	values, err := pgx.CollectRows(rows, pgx.RowTo[string])
	require.NoError(t, err)
	return strings.Join(values, ",")
}

// running lists the processes that have to do with a directory: by their command line or by their working directory.
func running(dir string) []string {
	procs, _ := filepath.Glob("/proc/[0-9]*")
	if len(procs) == 0 {
		out, _ := exec.CommandContext(context.Background(), "ps", "axww", "-o", "command=").Output()
		return slices.DeleteFunc(strings.Split(string(out), "\n"), func(s string) bool { return !strings.Contains(s, dir) })
	}
	var found []string
	for _, proc := range procs {
		if filepath.Base(proc) == strconv.Itoa(os.Getpid()) {
			continue
		}
		cmdline, _ := os.ReadFile(filepath.Join(proc, "cmdline"))
		cwd, _ := os.Readlink(filepath.Join(proc, "cwd"))
		if strings.Contains(string(cmdline), dir) || strings.HasPrefix(cwd, dir) {
			found = append(found, filepath.Base(proc)+" "+strings.ReplaceAll(string(cmdline), "\x00", " "))
		}
	}
	return found
}

func requireNothingRuns(t *testing.T, dir string) {
	t.Helper()
	require.Eventually(t, func() bool { return len(running(dir)) == 0 }, 10*time.Second, 10*time.Millisecond,
		"processes are left for %s", dir)
}
