package crossing_test

import (
	"context"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"ferry/store/crossing/oracle"
	"ferry/store/demo"
	"ferry/store/embedded"
)

// cluster is a source on a server of the test's own, which may be stopped, set back, copied and promoted. Sessions go to
// it by an address that stays, whichever server is behind it.
type cluster struct {
	*odooBase

	t        *testing.T
	dir      string
	settings map[string]string
	server   *embedded.Server
	data     string // where the server has its files
	way      *wire
}

// readerPassword is that of the role by which ferry reads.
const readerPassword = "reads"

// newCluster starts a server with a generated source of a few cards on it.
func newCluster(t *testing.T, cards int) *cluster {
	t.Helper()
	// What is committed is in the log at once: a standby waits for that place.
	c := &cluster{t: t, dir: t.TempDir(), settings: map[string]string{"synchronous_commit": "on"}}
	c.start()
	_, err := execute(t, c.server.DSN("postgres"), `CREATE DATABASE odoo TEMPLATE template0`)
	require.NoError(t, err)
	conn, err := pgx.Connect(t.Context(), c.server.DSN("odoo"))
	require.NoError(t, err)
	_, err = demo.Generate(t.Context(), conn, demo.Params{Cards: cards, Seed: 4, LedgerPerCard: 4})
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), `CREATE ROLE reader LOGIN PASSWORD '`+readerPassword+`'; GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader`)
	require.NoError(t, err)
	require.NoError(t, conn.Close(t.Context()))
	c.way, err = newWire(t.Context(), c.server.DSN("odoo"), nil)
	require.NoError(t, err)
	t.Cleanup(c.way.close)
	pool, err := pgxpool.New(t.Context(), c.way.dsn)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	c.odooBase = &odooBase{pool: pool, reader: asReader(t, c.way.dsn), role: "reader"}
	return c
}

// asReader is an address for the role by which ferry reads.
func asReader(t *testing.T, dsn string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	require.NoError(t, err)
	u.User = url.UserPassword("reader", readerPassword)
	return u.String()
}

// start starts the server on the cluster's files; at its end they are as a shutdown in good order leaves them.
func (c *cluster) start() {
	c.t.Helper()
	server, err := embedded.Start(c.t.Context(), embedded.Options{Dir: filepath.Join(c.dir, "cluster"), Settings: c.settings})
	require.NoError(c.t, err)
	c.server = server
	c.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(c.t.Context()), limit)
		defer cancel()
		require.NoError(c.t, server.Stop(ctx))
	})
	c.data, err = execute(c.t, server.DSN("postgres"), `SHOW data_directory`)
	require.NoError(c.t, err)
	if c.way != nil {
		require.NoError(c.t, c.way.lead(server.DSN("odoo")))
		c.pool.Reset()
	}
}

func (c *cluster) stop() {
	c.t.Helper()
	require.NoError(c.t, c.server.Stop(c.t.Context()))
}

// exec runs statements, each in a transaction of its own.
func (c *cluster) exec(statements ...string) {
	c.t.Helper()
	for _, sql := range statements {
		_, err := c.pool.Exec(c.t.Context(), sql)
		require.NoError(c.t, err, sql)
	}
}

// one reads one text from the source.
func (c *cluster) one(sql string) string {
	c.t.Helper()
	return oracle.One(c.t, c.pool, sql)
}

// tool runs one of PostgreSQL's own programs, as the user to whom a server's files belong.
func tool(t *testing.T, data, name string, args ...string) {
	t.Helper()
	bin, err := embedded.FindBinaries(t.Context())
	require.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), filepath.Join(bin.Dir, name), args...)
	cmd.Dir = "/"
	if os.Geteuid() == 0 { // PostgreSQL's programs refuse to run as root
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: owner(t, data)}
	}
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s %s: %s", name, strings.Join(args, " "), out)
}

func owner(t *testing.T, path string) *syscall.Credential {
	t.Helper()
	info, err := os.Stat(path)
	require.NoError(t, err)
	st, ok := info.Sys().(*syscall.Stat_t)
	require.True(t, ok)
	return &syscall.Credential{Uid: st.Uid, Gid: st.Gid}
}

// copyTree copies a server's files, with their owners where that is possible. The target must not exist.
func copyTree(t *testing.T, from, to string) {
	t.Helper()
	who := owner(t, from)
	require.NoError(t, filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rest, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		place := filepath.Join(to, rest)
		if d.IsDir() {
			err = os.Mkdir(place, 0o700)
		} else {
			var content []byte
			if content, err = os.ReadFile(path); err == nil {
				err = os.WriteFile(place, content, 0o600)
			}
		}
		if err == nil && os.Geteuid() == 0 {
			err = os.Lchown(place, int(who.Uid), int(who.Gid))
		}
		return err
	}))
}
