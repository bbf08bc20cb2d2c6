package crossing_test

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/engine/cycle"
	"ferry/engine/rehearsal"
	"ferry/store/crossing/oracle"
	"ferry/store/odoo"
)

// follow makes a hot standby of a cluster. For so long the primary's changes wait for readers that are in their way.
func (c *cluster) follow(patience string) *cluster {
	c.t.Helper()
	s := &cluster{t: c.t, dir: filepath.Join(c.dir, "standby"), settings: map[string]string{
		"max_standby_streaming_delay": patience,
		"hot_standby_feedback":        "off",
	}}
	s.start() // finds out where its files may be
	s.stop()
	who := owner(c.t, s.data)
	require.NoError(c.t, os.RemoveAll(s.data))
	require.NoError(c.t, os.Mkdir(s.data, 0o700))
	if os.Geteuid() == 0 {
		require.NoError(c.t, os.Chown(s.data, int(who.Uid), int(who.Gid)))
	}
	tool(c.t, c.data, "pg_basebackup", "-D", s.data, "-d", c.server.DSN("postgres"), "-R", "-X", "stream", "-c", "fast")
	password, err := os.ReadFile(filepath.Join(filepath.Dir(c.data), "superuser-password"))
	require.NoError(c.t, err)
	require.NoError(c.t, os.WriteFile(filepath.Join(filepath.Dir(s.data), "superuser-password"), password, 0o600))
	s.start()
	s.way, err = newWire(c.t.Context(), s.server.DSN("odoo"), nil)
	require.NoError(c.t, err)
	c.t.Cleanup(s.way.close)
	pool, err := pgxpool.New(c.t.Context(), s.way.dsn)
	require.NoError(c.t, err)
	c.t.Cleanup(pool.Close)
	s.odooBase = &odooBase{pool: pool, reader: asReader(c.t, s.way.dsn), role: "reader"}
	return s
}

// caughtUp waits until a standby shows what its primary has committed.
func (c *cluster) caughtUp(primary *cluster) {
	c.t.Helper()
	until(c.t, c.pool, `SELECT pg_last_wal_replay_lsn() >= $1::text::pg_lsn`, primary.one(`SELECT pg_current_wal_flush_lsn()::text`))
}

// TestAHotStandbyIsASource reads from a standby while its primary is written to: with transactions that commit late, and more
// subtransactions than a standby keeps apart. Then it is promoted.
func TestAHotStandbyIsASource(t *testing.T) {
	t.Parallel()
	rng := randomness(t)
	primary, target := newCluster(t, 1000), newEngine(t)
	standby := primary.follow("1min")
	require.Equal(t, "true", standby.one(`SELECT pg_is_in_recovery()::text`))
	f := here(t, standby.reader, target.DSN, "ferry", 2, nil)
	f.full()
	inStep(t, standby.pool, target.pool)

	for round := range 5 {
		late := primary.openWriter()
		require.NoError(t, changeIn(t.Context(), late, rng, 1))
		if round%2 == 1 {
			overflow(t, late)
		}
		primary.change(rng)
		primary.consume(100)
		primary.change(rng)
		standby.caughtUp(primary)
		if round == 0 {
			snapshot := standby.one(`SELECT pg_current_snapshot()::text`)
			t.Logf("a snapshot of the standby with a transaction open on the primary: %s", snapshot)
			require.Regexp(t, `^(\d+):(\d+):$`, snapshot, "it names none of the transactions that are open: what pg_visible_in_snapshot needs")
		}
		s := standby.stepped(f, target)
		require.NoError(t, late.Commit(t.Context()))
		standby.caughtUp(primary)
		after := standby.stepped(f, target)
		inStep(t, primary.pool, target.pool)
		t.Logf("round %d: %d rows read, then %d once the late one had committed", round, read(s), read(after))
	}
	until(t, standby.pool, `SELECT pg_snapshot_xmin(s) = pg_snapshot_xmax(s) FROM pg_current_snapshot() s`)
	standby.stepped(f, target)
	require.Zero(t, read(standby.stepped(f, target)), "an idle tick reads nothing")
	require.Contains(t, f.pinnedBy(t), "a standby does not show its primary's transactions")

	standby.exec(`SELECT pg_promote()`)
	until(t, standby.pool, `SELECT NOT pg_is_in_recovery()`)
	standby.change(rng)
	s := f.tick()
	t.Logf("after the promotion: why all rows: %q", s.Run.WhyFull)
	require.Contains(t, s.Run.WhyFull, "the source went from timeline 1 to 2")
	inStep(t, standby.pool, target.pool)
	standby.change(rng)
	standby.stepped(f, target)
}

// pinnedBy is what the last tick said of who holds the floor back.
func (l *local) pinnedBy(t *testing.T) string {
	t.Helper()
	return oracle.One(t, l.target.Pool(), `SELECT pinned_by FROM ferry.run ORDER BY id DESC LIMIT 1`)
}

// overflow gives an open transaction more subtransactions that have written than a server keeps in memory.
func overflow(t *testing.T, tx pgx.Tx) {
	t.Helper()
	_, err := tx.Exec(t.Context(), `DO $$ BEGIN FOR i IN 1..200 LOOP
		BEGIN UPDATE loyalty_card SET points = i WHERE id = (SELECT min(id) FROM loyalty_card WHERE id % 97 = 95);
		EXCEPTION WHEN division_by_zero THEN NULL; END; END LOOP; END $$`)
	require.NoError(t, err)
}

// TestAStandbyThatEndsASnapshotIsAskedAgain lets the primary's VACUUM remove rows that a batch's snapshot on the standby
// still sees: the standby ends the session, and the batch is tried again.
func TestAStandbyThatEndsASnapshotIsAskedAgain(t *testing.T) {
	t.Parallel()
	rng := randomness(t)
	primary, target := newCluster(t, 300), newEngine(t)
	standby := primary.follow("0")
	plain := here(t, standby.reader, target.DSN, "plain", 1, nil)
	plain.full()
	plain.drain()

	// Its rows are read, and a code that another card holds has it ask about that card: in the same snapshot.
	g := newGate(cycle.PointRead, 0)
	f := here(t, standby.reader, target.DSN, "ferry", 1, g)
	primary.change(rng)
	held := oracle.One(t, target.pool, `SELECT min(id)::text FROM loyalty_cards WHERE id % 97 = 95`) // nobody changes it
	primary.exec(`INSERT INTO loyalty_card (code, partner_id, program_id, points) SELECT ' ' || code, 7, program_id, 1 FROM loyalty_card WHERE id = ` + held)
	standby.caughtUp(primary)
	id := f.beginTick()
	g.await(t, 1)
	primary.exec(`UPDATE loyalty_point_history SET points_balance = points_balance + 1`, `UPDATE loyalty_card SET points = points + 1`, `VACUUM`)
	standby.caughtUp(primary)
	g.open()
	s := f.await(id)
	met := oracle.One(t, target.pool, `SELECT tries || ' try failed: ' || error FROM ferry.batch WHERE run_id = $1 AND tries > 0`, id)
	t.Logf("the run is %s; %s", s.Run.State, met)
	require.Contains(t, met, "1 try failed")
	require.Contains(t, met, "conflict with recovery")
	require.Equal(t, engine.RunDone, s.Run.State, s.Run.Error)
	standby.caughtUp(primary)
	f.tick()
	inStep(t, standby.pool, target.pool)
	inStep(t, primary.pool, target.pool)
}

// TestAStandbyThatStandsStillIsNotFrozen rehearses from a standby that does not show what its primary commits: nothing seems to be
// written, and that is no freeze. Once it follows again, and may be asked when it last heard of its primary, it is one.
func TestAStandbyThatStandsStillIsNotFrozen(t *testing.T) {
	t.Parallel()
	primary, target := newCluster(t, 100), newEngine(t)
	standby := primary.follow("0")
	source, err := odoo.Open(t.Context(), standby.reader, "ferry test")
	require.NoError(t, err)
	t.Cleanup(source.Close)
	mark := func() rehearsal.Mark {
		m, err := source.Mark(t.Context(), nil)
		require.NoError(t, err)
		return m
	}
	require.Contains(t, mark().Follows.Why, `GRANT pg_read_all_stats TO "reader"`, "when it last heard is hidden from it")
	primary.exec(`GRANT pg_read_all_stats TO reader`)
	standby.caughtUp(primary)
	m := mark()
	require.Empty(t, m.Behind())
	require.WithinDuration(t, time.Now(), m.ShownUntil(), rehearsal.MaxBehind)

	standby.exec(`SELECT pg_wal_replay_pause()`)
	until(t, standby.pool, `SELECT pg_is_wal_replay_paused()`)
	primary.exec(`UPDATE loyalty_card SET points = points + 1`)
	target.Exec(t, `INSERT INTO ferry.policy VALUES ('rejected-share', '1')`)
	f := here(t, standby.reader, target.DSN, "ferry", 1, nil)
	v := f.rehearsed(t, rehearsing)
	require.Equal(t, engine.CouldNotCheck, v.Verdict, v.Why)
	require.True(t, v.FrozenAt.IsZero())
	require.Equal(t, engine.RehearsalSkipped, v.Step(engine.RehearseFreeze).State)
	for _, gate := range []engine.GateName{engine.GateStill, engine.GateFreshness} {
		require.Equal(t, engine.CouldNotCheck, v.Gate(gate).Verdict, "%+v", v.Gate(gate))
		require.Contains(t, v.Gate(gate).Evidence, "pg_wal_replay_resume()")
	}

	// One that hears nothing asks for a sign of life after half of this.
	standby.exec(`SELECT pg_wal_replay_resume()`, `ALTER SYSTEM SET wal_receiver_timeout = '1s'`, `SELECT pg_reload_conf()`)
	standby.caughtUp(primary)
	v = f.rehearsed(t, rehearsing)
	require.Equal(t, engine.Pass, v.Verdict, v.Why)
	require.Contains(t, v.FrozenBy, "no row was written for")

	standby.exec(`ALTER SYSTEM SET primary_conninfo = ''`, `SELECT pg_reload_conf()`)
	until(t, standby.pool, `SELECT NOT EXISTS (SELECT FROM pg_stat_wal_receiver)`)
	require.Contains(t, mark().Follows.Why, "no WAL receiver is at work")
}

// rehearsed rehearses to the verdict.
func (l *local) rehearsed(t *testing.T, o engine.RehearsalOptions) *engine.RehearsalView {
	t.Helper()
	id, err := l.StartRehearsal(t.Context(), o)
	require.NoError(t, err)
	until(t, l.target.Pool(), `SELECT verdict <> '' FROM ferry.rehearsal WHERE run_id = $1`, id)
	v, err := l.Rehearsal(t.Context(), id)
	require.NoError(t, err)
	return v
}
