package crossing_test

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/engine/cycle"
	"ferry/store/crossing/oracle"
	"ferry/store/embedded"
)

// TestTheEngineDatabaseCrashesInTheMiddleOfABatch kills the server of the engine database while batches are being written
// and starts it again, FERRY_OUTAGE seconds later: the same process goes on.
func TestTheEngineDatabaseCrashesInTheMiddleOfABatch(t *testing.T) {
	t.Parallel()
	source := newSource(t)
	dir := t.TempDir()
	server := boot(t, dir)
	_, err := execute(t, server.DSN("postgres"), `CREATE DATABASE engine TEMPLATE template0`)
	require.NoError(t, err)
	require.NoError(t, initEngine(t.Context(), server.DSN("engine")))
	way, err := newWire(t.Context(), server.DSN("engine"), nil)
	require.NoError(t, err)
	t.Cleanup(way.close)

	g := newGate(cycle.PointCheckpoint, 3)
	f := here(t, source.reader, way.dsn, "ferry", 2, g)
	run := f.begin()
	g.await(t, 1) // the other one waits for what this one has locked
	crash(t, server)
	g.open()
	<-time.After(time.Duration(fromEnv(t, "FERRY_OUTAGE", 0)) * time.Second)
	server = boot(t, dir)
	require.NoError(t, way.lead(server.DSN("engine")))
	back := time.Now()
	pool, err := pgxpool.New(t.Context(), server.DSN("engine"))
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	until(t, pool, `SELECT sum(batches_done) > 4 OR bool_and(state = 'done') FROM ferry.step`)
	resumed := time.Since(back)
	t.Logf("it went on %.1f s after the server had come back", resumed.Seconds())
	require.Less(t, resumed, 30*time.Second)
	until(t, pool, isDone, run)
	exact(t, source, pool, int64(run))
	f.drain() // before its server goes
}

// boot starts a server of the test's own, on the cluster in a directory.
func boot(t *testing.T, dir string) *embedded.Server {
	t.Helper()
	server, err := embedded.Start(t.Context(), embedded.Options{Dir: filepath.Join(dir, "cluster"), Durable: true})
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), limit)
		defer cancel()
		require.NoError(t, server.Stop(ctx))
	})
	return server
}

// crash kills a server's first process; the others notice and end.
func crash(t *testing.T, server *embedded.Server) {
	t.Helper()
	end(t, server, syscall.SIGKILL)
}

// end sends a signal to a server's first process and waits until the server is gone.
func end(t *testing.T, server *embedded.Server, with syscall.Signal) {
	t.Helper()
	data, err := execute(t, server.DSN("postgres"), `SHOW data_directory`)
	require.NoError(t, err)
	file, err := os.ReadFile(filepath.Join(data, "postmaster.pid"))
	require.NoError(t, err)
	first, _, _ := strings.Cut(string(file), "\n")
	pid, err := strconv.Atoi(first)
	require.NoError(t, err)
	require.NoError(t, syscall.Kill(pid, with))
	<-server.Done()
	require.NoError(t, server.Stop(t.Context()))
}

// execute runs one statement and gives the first value of its answer, if it has one.
func execute(t *testing.T, dsn, sql string) (string, error) {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), dsn)
	require.NoError(t, err)
	defer pool.Close()
	if !strings.HasPrefix(sql, "SHOW") {
		_, err = pool.Exec(t.Context(), sql)
		return "", err
	}
	return oracle.One(t, pool, sql), nil
}

// TestAnIDThatTheEngineGaveToItsOwnRow stops the run, for quarantine would hide that two rows claim an id.
func TestAnIDThatTheEngineGaveToItsOwnRow(t *testing.T) {
	t.Parallel()
	source, target := newSource(t), newEngine(t)
	id := oracle.One(t, source.pool, `SELECT max(id)::text FROM loyalty_card WHERE partner_id > 0 AND program_id > 0
		AND points BETWEEN 0 AND 1e6 AND code ~ '^[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}$'`)
	target.Exec(t, `INSERT INTO loyalty_cards (id, code, points) VALUES (`+id+`, 'THE ENGINE''S OWN', 0)`)
	f := here(t, source.reader, target.DSN, "ferry", 2, nil)
	run := f.begin()
	until(t, target.pool, `SELECT state IN ('failed', 'done') FROM ferry.run WHERE id = $1`, run)
	require.Equal(t, "engine: writing loyalty_cards: id "+id+" belongs to Odoo's loyalty_card "+id+", but the engine gave it to a row of its own; "+
		"give that row another id (the table's sequence starts at 1099511627776), then resume the run (SQLSTATE 23505)",
		oracle.One(t, target.pool, `SELECT error FROM ferry.run WHERE id = $1`, run))

	target.Exec(t, `UPDATE loyalty_cards SET id = nextval('loyalty_cards_id_seq') WHERE id = `+id)
	require.NoError(t, f.Resume(t.Context(), engine.Act{Run: run, Seen: engine.RunFailed}))
	until(t, target.pool, isDone, run)
	oracle.Counted(t, source.pool, target.pool, int64(run))
	oracle.Faithful(t, source.pool, target.pool)
	require.Equal(t, "1099511627776", oracle.One(t, target.pool, `SELECT id::text FROM loyalty_cards WHERE odoo_card_id IS NULL`))
}
