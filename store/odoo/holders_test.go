package odoo

import (
	"context"
	"fmt"
	"regexp"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"ferry/store/embedded/pgtest"
)

// source is a database with a table to lock, and ferry's view of it as a role.
func source(t *testing.T, grants ...string) (*pgtest.DB, pgtest.Login, *DB) {
	t.Helper()
	db := pgtest.New(t)
	db.Exec(t, `CREATE TABLE loyalty_card (id integer PRIMARY KEY)`)
	role := pgtest.Role(t, db, "", append(grants, "GRANT SELECT ON loyalty_card TO {role}")...)
	return db, role, reader(t, role.DSN)
}

func reader(t *testing.T, dsn string) *DB {
	t.Helper()
	db, err := Open(t.Context(), dsn, "ferry")
	require.NoError(t, err)
	t.Cleanup(db.Close)
	return db
}

// person is somebody with a session and a transaction in it.
type person struct {
	conn *pgx.Conn
	tx   pgx.Tx
	pid  uint32
	user string
}

func begin(t *testing.T, dsn, application string, statements ...string) *person {
	t.Helper()
	config, err := pgx.ParseConfig(dsn)
	require.NoError(t, err)
	config.RuntimeParams["application_name"] = application
	conn, err := pgx.ConnectConfig(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	tx, err := conn.Begin(t.Context())
	require.NoError(t, err)
	for _, sql := range statements {
		_, err := tx.Exec(t.Context(), sql)
		require.NoError(t, err)
	}
	return &person{conn: conn, tx: tx, pid: conn.PgConn().PID(), user: config.User}
}

func TestWhoSeesEverythingIsToldWhoHoldsALockAndSinceWhen(t *testing.T) {
	t.Parallel()
	db, _, ferry := source(t, "GRANT pg_read_all_stats TO {role}")
	for who, view := range map[string]*DB{"pg_read_all_stats": ferry, "superuser": reader(t, db.DSN)} {
		require.Empty(t, view.lockHolders(t.Context(), "loyalty_card"), who)
		odoo := begin(t, db.DSN, "odoo-18", `LOCK TABLE loyalty_card IN ACCESS EXCLUSIVE MODE`)
		require.Regexp(t, fmt.Sprintf(`^waiting for lock held by pid %d \(%s, odoo-18\), idle in transaction, \d+ s$`, odoo.pid, odoo.user),
			view.lockHolders(t.Context(), "loyalty_card"), who)
		require.Empty(t, view.lockHolders(t.Context(), "loyalty_point_move"), "another table")
		require.NoError(t, odoo.tx.Rollback(t.Context()))
		require.Empty(t, view.lockHolders(t.Context(), "loyalty_card"), who)
	}
}

func TestAPlainReaderIsToldWhatItMaySeeAndWhichGrantShowsTheRest(t *testing.T) {
	t.Parallel()
	db, role, ferry := source(t)
	odoo := begin(t, db.DSN, "odoo-18", `LOCK TABLE loyalty_card IN ACCESS EXCLUSIVE MODE`)
	text := ferry.lockHolders(t.Context(), "loyalty_card")
	require.Regexp(t, fmt.Sprintf(`^waiting for lock held by pid %d \(%s(, odoo-18)?\), since when cannot be seen; `+
		`GRANT pg_read_all_stats TO %s$`, odoo.pid, odoo.user, role.Name), text)

	db.Exec(t, regexp.MustCompile(`GRANT .*`).FindString(text))
	require.Regexp(t, `\(.*, odoo-18\), idle in transaction, \d+ s$`, ferry.lockHolders(t.Context(), "loyalty_card"), "after the grant")
}

// Locks that a reader does not wait for are nobody's fault.
func TestOnlyALockThatKeepsReadersOutIsNamed(t *testing.T) {
	t.Parallel()
	db, _, ferry := source(t)
	odoo := begin(t, db.DSN, "", `LOCK TABLE loyalty_card IN EXCLUSIVE MODE`, `INSERT INTO loyalty_card VALUES (1)`)
	require.Empty(t, ferry.lockHolders(t.Context(), "loyalty_card"))
	require.NoError(t, odoo.tx.Rollback(t.Context()))

	begin(t, db.DSN, "", `LOCK TABLE loyalty_card IN ACCESS SHARE MODE`, `REINDEX INDEX loyalty_card_pkey`)
	require.Contains(t, ferry.lockHolders(t.Context(), "loyalty_card"), "waiting for lock held by pid ", "an index that is rebuilt")
}

// A migration that waits for a forgotten reader keeps out everybody who comes later; both are named.
func TestWhoWaitsToLockATableIsInTheWayToo(t *testing.T) {
	t.Parallel()
	db, _, ferry := source(t, "GRANT pg_read_all_stats TO {role}")
	forgotten := begin(t, db.DSN, "psql", `SELECT FROM loyalty_card`)
	migration := begin(t, db.DSN, "odoo -u loyalty")
	done := make(chan error, 1)
	go func() {
		_, err := migration.tx.Exec(t.Context(), `LOCK TABLE loyalty_card IN ACCESS EXCLUSIVE MODE`)
		done <- err
	}()
	require.Eventually(t, func() bool { return ferry.lockHolders(t.Context(), "loyalty_card") != "" }, 20*time.Second, 10*time.Millisecond)
	require.Regexp(t, fmt.Sprintf(`^waiting behind pid %d \(%s, odoo -u loyalty\), active, \d+ s, who waits to lock the table `+
		`held by pid %d \(%s, psql\), idle in transaction, \d+ s$`, migration.pid, migration.user, forgotten.pid, forgotten.user),
		ferry.lockHolders(t.Context(), "loyalty_card"))
	require.NoError(t, forgotten.tx.Rollback(t.Context()))
	require.NoError(t, <-done)
	require.Contains(t, ferry.lockHolders(t.Context(), "loyalty_card"), fmt.Sprintf("waiting for lock held by pid %d", migration.pid))
}

// What ferry really meets: its own read, refused by the lock's timeout.
func TestTheHolderIsThereWhenAReadTimesOut(t *testing.T) {
	t.Parallel()
	db, _, ferry := source(t)
	odoo := begin(t, db.DSN, "", `LOCK TABLE loyalty_card IN ACCESS EXCLUSIVE MODE`)
	conn, err := ferry.pool.Acquire(t.Context())
	require.NoError(t, err)
	defer conn.Release()
	_, err = conn.Exec(t.Context(), `SET lock_timeout = 20; SELECT FROM loyalty_card`)
	require.ErrorContains(t, err, "55P03")
	require.Contains(t, ferry.lockHolders(t.Context(), "loyalty_card"), fmt.Sprintf("pid %d (", odoo.pid))
}

func TestNoHolderIsInventedWhenTheSourceIsAway(t *testing.T) {
	t.Parallel()
	_, _, ferry := source(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.Contains(t, ferry.lockHolders(ctx, "loyalty_card"), "who holds the lock could not be seen: source: looking for locks: ")
}

func TestAnAgeIsSaidInItsLargestUnit(t *testing.T) {
	t.Parallel()
	for want, d := range map[string]time.Duration{
		"0 s": 0, "40 s": 40*time.Second + 900*time.Millisecond, "119 s": 119 * time.Second, "2 min": 2 * time.Minute,
		"12 min": 12*time.Minute + 59*time.Second, "119 min": 119 * time.Minute, "2 h": 2 * time.Hour, "47 h": 47 * time.Hour,
		"2 days": 48 * time.Hour, "30 days": 30 * 24 * time.Hour,
	} {
		require.Equal(t, want, age(d))
	}
}
