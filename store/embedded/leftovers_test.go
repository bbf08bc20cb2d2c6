package embedded

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

func TestTwoProcessesOnOneDir(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	owner, cmd, _ := startOwner(t, dir)

	_, err := Start(t.Context(), Options{Dir: dir})
	var inUse *InUseError
	require.ErrorIs(t, err, ErrInUse)
	require.ErrorAs(t, err, &inUse)
	require.Equal(t, InUseError{Dir: dir, PID: owner.PID}, *inUse)
	require.ErrorContains(t, err, "process "+strconv.Itoa(owner.PID))

	query(t, owner.DSN, "CREATE TABLE kept AS SELECT 'here' AS v")
	conn, err := pgx.Connect(t.Context(), owner.DSN)
	require.NoError(t, err)
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait()
	_, err = conn.PgConn().ReceiveMessage(t.Context()) // the server says goodbye, or is just gone
	for err == nil {
		_, err = conn.PgConn().ReceiveMessage(t.Context())
	}

	s := mustStart(t, Options{Dir: dir}) // while the watchdog may still be at it
	require.True(t, s.Reused())
	require.Equal(t, "here", query(t, s.DSN("postgres"), "SELECT v FROM kept"))
	mustStop(t, s)
	requireNothingRuns(t, dir)
}

func TestKilledOwnerOfTemporaryServer(t *testing.T) {
	t.Parallel()
	owner, cmd, _ := startOwner(t, temporary)
	require.NotEmpty(t, running(owner.Dir))
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait()
	requireNothingRuns(t, owner.Dir)
	mustStart(t, Options{})
	require.NoDirExists(t, owner.Dir, "the next start removes what the dead left")
}

func TestExitWithoutStop(t *testing.T) {
	t.Parallel()
	owner, cmd, stdin := startOwner(t, temporary)
	require.NoError(t, stdin.Close())
	require.NoError(t, cmd.Wait())
	requireNothingRuns(t, owner.Dir)
	require.NoError(t, os.RemoveAll(owner.Dir))
}

func TestServerWithoutOwnerAndWatchdog(t *testing.T) {
	t.Parallel()
	if !exists("/proc/self/cwd") {
		t.Skip("needs /proc to find the watchdog")
	}
	dir := newDir(t)
	owner, cmd, _ := startOwner(t, dir)
	for _, found := range running(dir) {
		if pid, rest, _ := strings.Cut(found, " "); strings.Contains(rest, "ferry-postgres") {
			n, err := strconv.Atoi(pid)
			require.NoError(t, err)
			require.NoError(t, syscall.Kill(n, syscall.SIGKILL))
		}
	}
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait()
	require.NoError(t, syscall.Kill(owner.Server, 0), "without a watchdog the server stays")

	s := mustStart(t, Options{Dir: dir})
	require.True(t, s.Reused())
	require.NotEqual(t, owner.Server, s.proc.pid())
	require.False(t, serves(t.Context(), owner.Server, s.room.data()))
}

func TestStalePidFile(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	s := mustStart(t, Options{Dir: dir})
	mustStop(t, s)
	// A crash left the file, and the pid has come to belong to someone else: us.
	stale := fmt.Sprintf("%d\n%s\n1700000000\n5432\n\n127.0.0.1\n 1 1\nready\n", os.Getpid(), s.room.data())
	require.NoError(t, os.WriteFile(filepath.Join(s.room.data(), pidName), []byte(stale), 0o600))
	s = mustStart(t, Options{Dir: dir})
	require.True(t, s.Reused())
}

func TestSweepSparesTheLiving(t *testing.T) {
	t.Parallel()
	base := newDir(t)
	m := machine{temp: []string{base}, find: newFinder}
	living, err := m.openTemporary(t.Context())
	require.NoError(t, err)
	newborn, err := os.MkdirTemp(base, temporaryPrefix) //nolint:usetesting // its name matters
	require.NoError(t, err)
	old, err := os.MkdirTemp(base, temporaryPrefix) //nolint:usetesting // its name matters
	require.NoError(t, err)
	long := time.Now().Add(-2 * sweepAge)
	require.NoError(t, os.Chtimes(old, long, long))
	dead, err := m.openTemporary(t.Context())
	require.NoError(t, err)
	dead.locks[0].release()

	m.sweep(t.Context(), discard)
	require.DirExists(t, living.dir)
	require.DirExists(t, newborn, "about to get its lock")
	require.NoDirExists(t, old)
	require.NoDirExists(t, dead.dir)
	require.NoError(t, living.close())
}
