package embedded

import (
	"bytes"
	"context"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

func TestStartStop(t *testing.T) {
	t.Parallel()
	for range 2 {
		s := mustStart(t, Options{})
		require.False(t, s.Reused())
		require.Equal(t, s.Version(), strings.Fields(query(t, s.DSN("postgres"), "SHOW server_version"))[0])
		require.Equal(t, "off,UTC,UTF8,C", query(t, s.DSN("postgres"),
			"SELECT current_setting('fsync') || ',' || current_setting('timezone') || ',' || "+
				"pg_encoding_to_char(encoding) || ',' || datcollate FROM pg_database WHERE datname = 'template0'"))

		var stops sync.WaitGroup
		for range 4 {
			stops.Go(func() { _ = s.Stop(t.Context()) })
		}
		stops.Wait()
		mustStop(t, s)
		require.NoDirExists(t, s.room.dir)
		requireNothingRuns(t, s.room.dir)
		select {
		case <-s.Done():
			require.Fail(t, "Done is for servers that end by themselves")
		default:
		}
		require.NoError(t, s.Err())
		_, err := pgx.Connect(t.Context(), s.DSN("postgres"))
		require.Error(t, err)
	}
}

func TestEveryConnectionNeedsItsPassword(t *testing.T) {
	t.Parallel()
	var told bytes.Buffer
	s := mustStart(t, Options{
		Settings: map[string]string{"work_mem": "7MB", "listen_addresses": "*"},
		Logger:   slog.New(slog.NewTextHandler(&told, &slog.HandlerOptions{Level: slog.LevelDebug})),
	})
	require.Equal(t, "7MB", query(t, s.DSN("postgres"), "SHOW work_mem"))
	require.Equal(t, loopback, query(t, s.DSN("postgres"), "SHOW listen_addresses"))
	query(t, s.DSN("postgres"), "CREATE ROLE reader LOGIN PASSWORD 'p@ss: /w?rd'")
	require.Equal(t, "reader", query(t, s.DSNAs("reader", "p@ss: /w?rd", "postgres"), "SELECT current_user::text"))

	tcp := "postgres://reader@" + s.Addr() + "/postgres?sslmode=disable"
	for _, dsn := range []string{tcp, s.DSNAs("reader", "", "postgres"), s.DSNAs("postgres", "postgres", "postgres")} {
		_, err := pgx.Connect(t.Context(), dsn)
		require.Error(t, err, dsn)
	}
	conn, err := pgx.Connect(t.Context(), s.DSN("postgres"))
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), "CREATE ROLE reader PASSWORD 'secret'")
	require.ErrorContains(t, err, "already exists")
	require.NoError(t, conn.Close(t.Context()))
	log := told.String() + s.room.logTail()
	require.Contains(t, log, "already exists")
	for _, secret := range []string{s.password, "secret", "p@ss"} {
		require.NotContains(t, log, secret)
	}

	info, err := os.Stat(filepath.Join(s.room.home, socketsName))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o700), info.Mode().Perm())
	info, err = os.Stat(s.room.password())
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}

func TestReopenedDirKeepsData(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(newDir(t), "with space, comma", "demo")
	s := mustStart(t, Options{Dir: dir, Durable: true})
	require.False(t, s.Reused())
	require.Equal(t, "on", query(t, s.DSN("postgres"), "SHOW fsync"))
	query(t, s.DSN("postgres"), "CREATE TABLE kept AS SELECT 'here' AS v")
	mustStop(t, s)

	s = mustStart(t, Options{Dir: dir})
	require.True(t, s.Reused())
	require.Equal(t, "here", query(t, s.DSN("postgres"), "SELECT v FROM kept"))
	require.ErrorIs(t, Remove(t.Context(), dir), ErrInUse)
	mustStop(t, s)

	theirs := filepath.Join(dir, "notes.txt")
	require.NoError(t, os.WriteFile(theirs, nil, 0o600))
	require.NoError(t, Remove(t.Context(), dir))
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, left, 1, "Remove takes what is the server's alone")
	require.NoError(t, os.Remove(theirs))
	require.NoError(t, Remove(t.Context(), dir), "nothing to remove is no error")
	require.NoError(t, Remove(t.Context(), filepath.Join(dir, "never")))
}

func TestForeignDirIsRefused(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	require.NoError(t, os.Mkdir(filepath.Join(dir, dataName), 0o755))
	_, err := Start(t.Context(), Options{Dir: dir})
	require.ErrorContains(t, err, "is not a PostgreSQL cluster")
	require.ErrorContains(t, Remove(t.Context(), dir), "was not made by ferry")
	require.DirExists(t, filepath.Join(dir, dataName))
}

func TestServerThatEndsByItself(t *testing.T) {
	t.Parallel()
	s := mustStart(t, Options{})
	require.NoError(t, syscall.Kill(s.proc.pid(), syscall.SIGKILL))
	select {
	case <-s.Done():
	case <-time.After(10 * time.Second):
		require.Fail(t, "Done was not closed")
	}
	require.ErrorContains(t, s.Err(), "ended by itself (signal: killed)")
	mustStop(t, s)
	require.NoDirExists(t, s.room.dir)
	requireNothingRuns(t, s.room.dir)
}

func TestServerThatDiesEarlySaysWhy(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	_, err := Start(t.Context(), Options{Dir: dir, Settings: map[string]string{"no_such_parameter": "1"}})
	require.ErrorContains(t, err, `unrecognized configuration parameter "no_such_parameter"`)
	requireNothingRuns(t, dir)

	s := mustStart(t, Options{Dir: dir}) // the lock is free again, the cluster whole
	require.True(t, s.Reused())
}

func TestCancelledStartLeavesNothing(t *testing.T) {
	t.Parallel()
	dir := newDir(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancelled := make(chan struct{})
	go func() {
		defer close(cancelled)
		defer cancel()
		ticker := time.NewTicker(time.Millisecond)
		defer ticker.Stop()
		for range ticker.C {
			// initdb is at it
			if found, _ := filepath.Glob(filepath.Join(dir, stagingName, "PG_VERSION")); len(found) > 0 || t.Context().Err() != nil {
				return
			}
		}
	}()
	_, err := Start(ctx, Options{Dir: dir})
	<-cancelled
	require.ErrorIs(t, err, context.Canceled)
	requireNothingRuns(t, dir)
	left, err := filepath.Glob(filepath.Join(dir, "pgdata*"))
	require.NoError(t, err)
	require.Empty(t, left)
}

func TestSocketPathTooLong(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(newDir(t), strings.Repeat("long", 25))
	s := mustStart(t, Options{Dir: dir})
	u, err := url.Parse(s.DSN("postgres"))
	require.NoError(t, err)
	require.Equal(t, s.Addr(), u.Host, "TCP stands in")
	require.Equal(t, "1", query(t, s.DSN("postgres"), "SELECT '1'"))
}

func TestRootsUnreadableHome(t *testing.T) {
	t.Parallel()
	if os.Geteuid() != 0 {
		t.Skip("only root runs the server as another user")
	}
	base := newDir(t)
	m := thisMachine()
	m.outside = filepath.Join(base, "lib")
	home := filepath.Join(base, "root")
	require.NoError(t, os.Mkdir(home, 0o700))
	dir := filepath.Join(home, ".local", "state", "demo")
	start := func() *Server {
		s, err := m.start(t.Context(), Options{Dir: dir})
		require.NoError(t, err)
		t.Cleanup(func() { _ = s.Stop(context.WithoutCancel(t.Context())) })
		return s
	}

	s := start()
	require.Equal(t, m.outside, filepath.Dir(s.room.home))
	query(t, s.DSN("postgres"), "CREATE TABLE kept AS SELECT 'here' AS v")
	_, err := m.start(t.Context(), Options{Dir: dir})
	require.ErrorIs(t, err, ErrInUse)
	mustStop(t, s)

	moved := dir + "-moved"
	require.NoError(t, os.Rename(dir, moved))
	dir = moved
	s = start()
	require.True(t, s.Reused(), "the pointer is what counts")
	require.Equal(t, "here", query(t, s.DSN("postgres"), "SELECT v FROM kept"))
	mustStop(t, s)

	require.NoError(t, m.remove(t.Context(), dir))
	require.NoDirExists(t, s.room.home)
	require.NoDirExists(t, dir)
	s = start()
	require.False(t, s.Reused())
	mustStop(t, s)

	require.NoError(t, os.RemoveAll(dir))
	s = start()
	require.False(t, s.Reused(), "a removed Dir takes its cluster along")
	mustStop(t, s)
}
