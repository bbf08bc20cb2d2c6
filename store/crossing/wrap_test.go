package crossing_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/store/crossing/oracle"
)

// aheadBy is how many transaction ids of a page of PostgreSQL's commit log are left before the wrap: a server may be set to
// the beginning of a page, for that page need not exist.
const aheadBy = 32768

// setXID restarts the server with a later next transaction id. It must lie less than 2^31 ahead of the oldest id in use.
func (c *cluster) setXID(next uint64) {
	c.t.Helper()
	c.stop()
	tool(c.t, c.data, "pg_resetwal", "-f", "-D", c.data,
		"-e", strconv.FormatUint(next>>32, 10), "-x", strconv.FormatUint(next&(1<<32-1), 10))
	c.start()
	require.GreaterOrEqual(c.t, c.nextXID(), next)
}

// nextXID is the first transaction id that was not given yet, in 64 bits.
func (c *cluster) nextXID() uint64 {
	c.t.Helper()
	return number(c.t, c.one(`SELECT pg_snapshot_xmax(pg_current_snapshot())::text`))
}

// freeze makes every row of every database older than all transactions, so that the oldest id in use moves up.
func (c *cluster) freeze() {
	c.t.Helper()
	c.exec(`ALTER DATABASE template0 ALLOW_CONNECTIONS true`)
	for _, database := range []string{"template0", "template1", "postgres", "odoo"} {
		conn, err := pgx.Connect(c.t.Context(), c.server.DSN(database))
		require.NoError(c.t, err)
		_, err = conn.Exec(c.t.Context(), `VACUUM (FREEZE)`)
		require.NoError(c.t, err)
		require.NoError(c.t, conn.Close(c.t.Context()))
	}
	c.exec(`CHECKPOINT`)
}

// consume uses up transaction ids: half of them in subtransactions of one transaction, which writes nothing that lasts.
func (c *cluster) consume(ids uint64) {
	c.t.Helper()
	c.exec(fmt.Sprintf(`DO $$ BEGIN FOR i IN 1..%d LOOP PERFORM pg_current_xact_id(); COMMIT; END LOOP; END $$`, ids/2))
	conn, err := c.pool.Acquire(c.t.Context())
	require.NoError(c.t, err)
	defer conn.Release()
	for _, sql := range []string{
		`CREATE TEMPORARY TABLE IF NOT EXISTS burnt (n integer)`,
		fmt.Sprintf(`DO $$ BEGIN FOR i IN 1..%d LOOP
			BEGIN INSERT INTO burnt VALUES (i); EXCEPTION WHEN division_by_zero THEN NULL; END; END LOOP; END $$`, ids/2),
	} {
		_, err := conn.Exec(c.t.Context(), sql)
		require.NoError(c.t, err)
	}
}

// change changes some rows of every table, as raw SQL does: inserted, updated, in savepoints and deleted.
func (c *cluster) change(rng *rand.Rand) {
	c.t.Helper()
	require.NoError(c.t, pgx.BeginFunc(c.t.Context(), c.pool, func(tx pgx.Tx) error {
		return changeIn(c.t.Context(), tx, rng, 0)
	}))
}

// changeIn does so in a transaction; odd (0 or 1) says which rows, for two that are open at the same time must not wait for
// each other.
func changeIn(ctx context.Context, tx pgx.Tx, rng *rand.Rand, odd int) error {
	for _, sql := range []string{
		`UPDATE loyalty_card SET points = points + 1.005 WHERE id %% 97 = %d`,
		`INSERT INTO loyalty_card (code, partner_id, program_id, points) SELECT 'wrap-' || clock_timestamp() || i, 7,
			(SELECT min(id) FROM loyalty_program), %d FROM generate_series(1, 3) i`,
		`UPDATE loyalty_point_history SET points_balance = points_balance + 1 WHERE id %% 97 = %d`,
		`INSERT INTO loyalty_point_history (loyalty_card_id, points_amount, points_balance, transaction_time)
			SELECT id, 1, points, now() AT TIME ZONE 'UTC' FROM loyalty_card WHERE id %% 97 = %d`,
		`UPDATE loyalty_point_move SET remaining_point = initial_point WHERE id %% 97 = %d`,
	} {
		inner, err := tx.Begin(ctx) // each in a savepoint: under a transaction id of its own
		if err != nil {
			return err
		}
		if _, err := inner.Exec(ctx, fmt.Sprintf(sql, 2*rng.IntN(48)+odd)); err != nil {
			return err
		}
		if err := inner.Commit(ctx); err != nil {
			return err
		}
	}
	return nil
}

// TestTransactionIDsWrapAround takes a source over both edges of the 32 bits that a row keeps of its transaction: 2^31, where
// ages change their sign, and 2^32, where ids begin anew. Rows are written before, across and after, old ones frozen.
func TestTransactionIDsWrapAround(t *testing.T) {
	t.Parallel()
	rng := randomness(t)
	source, target := newCluster(t, 1000), newEngine(t)
	f := here(t, source.reader, target.DSN, "ferry", 2, nil)
	f.full()
	inStep(t, source.pool, target.pool)

	source.leap(f, target, rng, 1_200_000_000, "transaction ids back")
	anHourGoesBy(t, f, target)
	source.leap(f, target, rng, 1<<31-aheadBy, "")
	source.cross(f, target, rng, 1<<31)
	source.leap(f, target, rng, 3_400_000_000, "transaction ids back")
	anHourGoesBy(t, f, target)
	source.leap(f, target, rng, 1<<32-aheadBy, "")
	source.cross(f, target, rng, 1<<32)

	// The floor would do, but the server was restarted, and the earlier floor from which it is to be read then lies too far
	// back: ages would have the wrong sign.
	anHourGoesBy(t, f, target)
	source.leap(f, target, rng, 1<<32+950_000_000, "")
	source.leap(f, target, rng, 1<<32+1_900_000_000, "transaction ids back")
}

// anHourGoesBy makes the floors older, so that the next tick forgets all but the newest.
func anHourGoesBy(t *testing.T, f *local, target *engineBase) {
	t.Helper()
	target.Exec(t, `UPDATE ferry.floor SET read_from = read_from - interval '2 hours'`)
	f.tick()
	f.tick()
	require.Equal(t, "1", oracle.One(t, target.pool, `SELECT count(DISTINCT floor)::text FROM ferry.floor`))
}

// leap goes on at a later transaction id, with rows changed before and after; the next tick reads all rows for a reason, or
// what changed if there is none.
func (c *cluster) leap(f *local, target *engineBase, rng *rand.Rand, to uint64, why string) {
	c.t.Helper()
	c.freeze()
	c.change(rng)
	from := c.nextXID()
	c.setXID(to - to%aheadBy)
	c.change(rng)
	s := f.tick()
	c.t.Logf("from transaction id %d to %d: %d rows read; why all: %q", from, to, read(s), s.Run.WhyFull)
	if why == "" {
		require.Empty(c.t, s.Run.WhyFull)
	} else {
		require.Contains(c.t, s.Run.WhyFull, why)
	}
	inStep(c.t, c.pool, target.pool)
	c.freeze() // so that the next leap may be as wide
}

// cross uses up the transaction ids on both sides of an edge while a transaction stays open across it, and ticks all along.
func (c *cluster) cross(f *local, target *engineBase, rng *rand.Rand, edge uint64) {
	c.t.Helper()
	late, err := c.pool.Begin(c.t.Context())
	require.NoError(c.t, err)
	defer func() { _ = late.Rollback(context.WithoutCancel(c.t.Context())) }()
	require.NoError(c.t, changeIn(c.t.Context(), late, rng, 1)) // committed only behind the edge
	c.consume(edge - c.nextXID() - 3_000)
	c.change(rng)
	c.stepped(f, target)
	for range 3 {
		c.change(rng)
		c.exec(`VACUUM (FREEZE)`)
		c.consume(1_500)
		c.change(rng)
		c.stepped(f, target)
	}
	require.Greater(c.t, c.nextXID(), edge)
	require.NoError(c.t, late.Commit(c.t.Context()))
	c.stepped(f, target)
	c.exec(`VACUUM FULL`, `VACUUM (FREEZE)`)
	s := f.tick()
	floor := oracle.One(c.t, target.pool, `SELECT min(f.floor::text::numeric)::text FROM ferry.floor f WHERE run_id = $1`, s.Run.ID)
	require.Zero(c.t, read(s), "nothing changed, nothing is read")
	c.t.Logf("beyond %d: floor %s, an idle tick reads %d rows", edge, floor, read(s))
	require.Greater(c.t, number(c.t, floor), edge, "floors are of 64 bits")
	c.change(rng)
	c.stepped(f, target)
}

// stepped runs a tick that reads no more than it must, and requires that nothing is lost.
func (c *cluster) stepped(f *local, target *engineBase) *engine.Snapshot {
	c.t.Helper()
	s := f.tick()
	require.Empty(c.t, s.Run.WhyFull)
	inStep(c.t, c.pool, target.pool)
	return s
}
