package crossing_test

import (
	"fmt"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/engine/cycle"
	"ferry/store/embedded"
	"ferry/store/embedded/pgtest"
)

// TestTheEngineDatabaseRestartsUnderLoad stops the server of the engine database immediately and starts it again, at
// points drawn from those of a batch, FERRY_RESTARTS times, in full syncs and in ticks by turns: the same process goes on,
// and each ends exact.
func TestTheEngineDatabaseRestartsUnderLoad(t *testing.T) {
	t.Parallel()
	restartsDuring(t, passages, fromEnv(t, "FERRY_RESTARTS", 2))
}

// restartsDuring stops the server so often, in works by turns.
func restartsDuring(t *testing.T, works []passage, restarts int) {
	t.Helper()
	random := randomness(t)
	r := &restarting{t: t, dir: t.TempDir(), source: newSource(t)}
	r.server = boot(t, r.dir)
	var longest time.Duration
	syncs := 0
	for left := restarts; left > 0; syncs++ {
		require.LessOrEqual(t, syncs, restarts, "no sync comes by any point")
		c := r.crossing(fmt.Sprintf("engine_%d", syncs))
		work := works[syncs%len(works)]
		work.begin(c)
		for hits := 0; left > 0 && hits < restarts/2; hits++ {
			took, struck := r.restart(c, work, work.points[random.IntN(len(work.points))], random.IntN(4))
			if !struck {
				break
			}
			longest = max(longest, took)
			left--
		}
		work.finish(c)
		c.ferry.drain() // before its server goes
	}
	t.Logf("%d immediate stops in %d works: went on at most %.1f s after the server was back", restarts, syncs, longest.Seconds())
}

// restarting is a server of engine databases that is stopped and started again.
type restarting struct {
	t      *testing.T
	dir    string
	source *odooBase
	server *embedded.Server
}

// crossing begins with an engine database of its own.
func (r *restarting) crossing(database string) *crossing {
	r.t.Helper()
	_, err := execute(r.t, r.server.DSN("postgres"), `CREATE DATABASE `+database+` TEMPLATE template0`)
	require.NoError(r.t, err)
	require.NoError(r.t, initEngine(r.t.Context(), r.server.DSN(database)))
	c := &crossing{
		t: r.t, source: r.source, target: &engineBase{DB: &pgtest.DB{Name: database}}, ways: map[engine.Side]*wire{}, moment: &moment{},
	}
	way, err := newWire(r.t.Context(), r.server.DSN(database), c.moment.watch)
	require.NoError(r.t, err)
	r.t.Cleanup(way.close)
	c.ways[engine.SideTarget] = way
	r.lead(c)
	c.ferry = hereWith(r.t, ferryOptions{
		id: "ferry", source: r.source.reader, target: way.dsn, workers: 2, tempo: quick, reached: c.moment.reached, log: r.t.Output(),
	}, nil)
	return c
}

// lead makes ferry and test find the server where it is now.
func (r *restarting) lead(c *crossing) {
	r.t.Helper()
	dsn := r.server.DSN(c.target.Name)
	require.NoError(r.t, c.ways[engine.SideTarget].lead(dsn))
	pool, err := pgxpool.New(r.t.Context(), dsn)
	require.NoError(r.t, err)
	r.t.Cleanup(pool.Close)
	c.target.DSN, c.target.pool = dsn, pool
}

// restart stops the server as a batch comes by a point, and starts it again. It gives how long it took from then until
// what was in hand was done; nothing if the work ended before.
func (r *restarting) restart(c *crossing, work passage, at cycle.Point, skip int) (took time.Duration, struck bool) {
	r.t.Helper()
	arrived, stopped := make(chan struct{}), make(chan struct{})
	let := sync.OnceFunc(func() { close(stopped) })
	defer let()
	c.moment.next(at, skip, true, func() {
		close(arrived)
		<-stopped // here, so that the batch is where it was
	})
	if !c.await(work, at, arrived) {
		return 0, false
	}
	c.target.pool.Close()
	end(r.t, r.server, syscall.SIGQUIT)
	let()
	r.server = boot(r.t, r.dir)
	r.lead(c)
	took = c.goesOn()
	r.t.Logf("stopped at %s (%d): went on %.1f s after the server was back", at, skip, took.Seconds())
	require.Less(r.t, took, resumeLimit, at)
	return took, true
}
