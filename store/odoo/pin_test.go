package odoo

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"ferry/store/embedded"
)

// cluster is a server of the test's own: other tests' transactions would hold back floors too.
type cluster struct {
	server *embedded.Server
	admin  *pgx.Conn
}

func newCluster(t *testing.T) *cluster {
	t.Helper()
	server, err := embedded.Start(t.Context(), embedded.Options{
		Settings: map[string]string{"max_prepared_transactions": "5", "autovacuum": "off"},
	})
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), time.Minute)
		defer cancel()
		require.NoError(t, server.Stop(ctx))
	})
	c := &cluster{server: server}
	c.admin = begin(t, c.dsn(), "admin").conn
	c.exec(t, `ROLLBACK`)
	c.exec(t, `CREATE TABLE card (id integer)`)
	c.exec(t, `CREATE ROLE plain LOGIN PASSWORD 'plain'`)
	c.exec(t, `CREATE ROLE stats LOGIN PASSWORD 'stats'`)
	c.exec(t, `GRANT pg_read_all_stats TO stats`)
	return c
}

func (c *cluster) dsn() string { return c.server.DSN("postgres") }

func (c *cluster) exec(t *testing.T, sql string) {
	t.Helper()
	_, err := c.admin.Exec(t.Context(), sql)
	require.NoError(t, err)
}

// pinned is what a new snapshot says, taken by a role with its name as password.
func (c *cluster) pinned(t *testing.T, role string) string {
	t.Helper()
	db, err := Open(t.Context(), c.server.DSNAs(role, role, "postgres"), "ferry")
	require.NoError(t, err)
	defer db.Close()
	snapshot := take(t, db)
	defer snapshot.Close()
	text, err := db.pin(t.Context(), snapshot.tx)
	require.NoError(t, err)
	return text
}

func take(t *testing.T, db *DB) *Snapshot {
	t.Helper()
	taken, err := db.Snapshot(t.Context())
	require.NoError(t, err)
	snapshot, ok := taken.(*Snapshot)
	require.True(t, ok)
	return snapshot
}

func TestWhoHoldsBackTheFloor(t *testing.T) {
	t.Parallel()
	c := newCluster(t)

	require.Empty(t, c.pinned(t, "stats"), "nobody writes")
	backup := begin(t, c.dsn(), "pg_dump", `SET TRANSACTION ISOLATION LEVEL REPEATABLE READ`, `SELECT FROM card`)
	require.Empty(t, c.pinned(t, "stats"), "one that only reads holds back no floor, however old")

	first := begin(t, c.dsn(), "odoo-18", `INSERT INTO card VALUES (1)`)
	second := begin(t, c.dsn(), "cron", `SAVEPOINT a`, `INSERT INTO card VALUES (2)`)
	require.Regexp(t, fmt.Sprintf(`^pid %d postgres, odoo-18, idle in transaction, \d+ s$`, first.pid), c.pinned(t, "stats"), "the oldest")
	require.Regexp(t, fmt.Sprintf(`^pid %d postgres(, odoo-18)?, since when cannot be seen; GRANT pg_read_all_stats TO plain$`, first.pid),
		c.pinned(t, "plain"))

	require.NoError(t, first.tx.Commit(t.Context()))
	require.Regexp(t, fmt.Sprintf(`^pid %d postgres, cron, idle in transaction, \d+ s$`, second.pid), c.pinned(t, "stats"), "the next")
	require.NoError(t, second.tx.Rollback(t.Context()))
	require.Empty(t, c.pinned(t, "stats"))
	require.NoError(t, backup.tx.Rollback(t.Context()))
}

func TestAFloorIsHeldBackByPreparedTransactionsAndOtherDatabases(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	prepared := begin(t, c.dsn(), "two-phase", `LOCK TABLE card IN ACCESS EXCLUSIVE MODE`, `INSERT INTO card VALUES (1)`,
		`PREPARE TRANSACTION 'shop-17'`)
	require.NoError(t, prepared.conn.Close(t.Context()))
	for _, role := range []string{"stats", "plain"} {
		require.Regexp(t, `^prepared transaction shop-17 of postgres, \d+ s$`, c.pinned(t, role), "nothing about it is hidden")
		db := reader(t, c.server.DSNAs(role, role, "postgres"))
		require.Regexp(t, `^waiting for lock held by prepared transaction shop-17 of postgres, \d+ s$`, db.lockHolders(t.Context(), "card"))
	}
	c.exec(t, `ROLLBACK PREPARED 'shop-17'`)

	c.exec(t, `CREATE DATABASE other`)
	other := begin(t, c.server.DSN("other"), "psql", `CREATE TABLE t ()`)
	require.Regexp(t, fmt.Sprintf(`^pid %d postgres, psql in database other, idle in transaction, \d+ s$`, other.pid), c.pinned(t, "stats"))
}

func TestWhatEndedSinceTheSnapshotHoldsNothingBackAnyMore(t *testing.T) {
	t.Parallel()
	c := newCluster(t)
	writer := begin(t, c.dsn(), "odoo-18", `INSERT INTO card VALUES (1)`)
	db := reader(t, c.dsn())
	snapshot := take(t, db)
	defer snapshot.Close()
	_, err := snapshot.tx.Exec(t.Context(), `SELECT pg_current_snapshot()`) // from here on its floor stands
	require.NoError(t, err)
	require.NoError(t, writer.tx.Commit(t.Context()))
	text, err := db.pin(t.Context(), snapshot.tx)
	require.NoError(t, err)
	require.Empty(t, text)
}

// A standby without a primary is one all the same.
func TestAStandbySaysThatItCannotTell(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "cluster")
	start := func() *embedded.Server {
		server, err := embedded.Start(t.Context(), embedded.Options{Dir: dir})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, server.Stop(context.WithoutCancel(t.Context()))) })
		return server
	}
	t.Cleanup(func() { require.NoError(t, embedded.Remove(context.WithoutCancel(t.Context()), dir)) })

	server := start()
	var data string
	conn := begin(t, server.DSN("postgres"), "admin").conn
	require.NoError(t, conn.QueryRow(t.Context(), `SHOW data_directory`).Scan(&data))
	require.NoError(t, server.Stop(t.Context()))
	require.NoError(t, os.WriteFile(filepath.Join(data, "standby.signal"), nil, 0o600))
	server = start()
	db := reader(t, server.DSN("postgres"))
	snapshot := take(t, db)
	text, err := db.pin(t.Context(), snapshot.tx)
	snapshot.Close()
	require.NoError(t, err)
	require.Equal(t, "cannot be seen; a standby does not show its primary's transactions", text)
	require.Empty(t, db.lockHolders(t.Context(), "pg_class"))
	require.NoError(t, server.Stop(t.Context()))
}
