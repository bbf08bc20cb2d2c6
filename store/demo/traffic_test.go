package demo_test

import (
	"context"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"ferry/store/demo"
	"ferry/store/embedded/pgtest"
)

// shop is a small database, such that sessions meet at the same rows.
func shop(t *testing.T) *pgtest.DB {
	t.Helper()
	return pgtest.New(t, pgtest.Template("demo shop", demo.Filling(demo.Params{Cards: 300, Seed: 5, Clean: true})))
}

// commits collects what the traffic logs, and tells when there is more.
type commits struct {
	mu   sync.Mutex
	all  []demo.Commit
	more chan struct{}
}

func newCommits() *commits { return &commits{more: make(chan struct{}, 1)} }

func (c *commits) add(commit demo.Commit) {
	c.mu.Lock()
	c.all = append(c.all, commit)
	c.mu.Unlock()
	select {
	case c.more <- struct{}{}:
	default:
	}
}

func (c *commits) list() []demo.Commit {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.all)
}

// await waits until the commits are enough.
func (c *commits) await(t *testing.T, what string, enough func([]demo.Commit) bool) {
	t.Helper()
	deadline := time.After(10 * time.Second)
	for !enough(c.list()) {
		select {
		case <-c.more:
		case <-deadline:
			t.Fatalf("after 10 seconds and %d commits: no %s", len(c.list()), what)
		}
	}
}

func (c *commits) awaitMore(t *testing.T, n int) {
	t.Helper()
	n += len(c.list())
	c.await(t, "further commits", func(all []demo.Commit) bool { return len(all) >= n })
}

// overtaken finds a long transaction during which a younger one began and committed.
func overtaken(all []demo.Commit) bool {
	return slices.ContainsFunc(all, func(long demo.Commit) bool {
		return long.Kind == "late" && slices.ContainsFunc(all, func(c demo.Commit) bool {
			return c.Kind != "late" && c.Started.After(long.Started) && c.Committed.Before(long.Server)
		})
	})
}

func start(t *testing.T, o demo.TrafficOptions) *demo.Traffic {
	t.Helper()
	traffic, err := demo.StartTraffic(t.Context(), o)
	require.NoError(t, err)
	t.Cleanup(traffic.Stop)
	return traffic
}

// Not parallel: it looks at all goroutines there are.
func TestTrafficHasEveryKindAndEndsCleanly(t *testing.T) { //nolint:paralleltest // see above
	db := shop(t)
	conn := db.Conn(t)
	before := goleak.IgnoreCurrent()
	log := newCommits()
	traffic := start(t, demo.TrafficOptions{
		DSN: db.DSN, Rate: 500, Seed: 3, Log: log.add,
		HoldMin: 200 * time.Millisecond, HoldMax: 500 * time.Millisecond,
	})
	log.await(t, "transaction of each kind", func(all []demo.Commit) bool {
		counts := traffic.Counts()
		return len(all) > 500 && overtaken(all) && !slices.ContainsFunc(demo.TrafficKinds(), func(kind string) bool { return counts[kind] == 0 })
	})
	traffic.Stop()
	assert.Zero(t, number(t, conn, `SELECT count(*) FROM pg_stat_activity
		WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL AND backend_type = 'client backend'`))
	goleak.VerifyNone(t, append(pgtest.IgnoreServer(), before)...)
	traffic.Stop() // again
	require.NoError(t, traffic.Err())

	all := log.list()
	counted := map[string]int64{"rollback": traffic.Counts()["rollback"]}
	for _, c := range all {
		counted[c.Kind]++
		assert.NotEmpty(t, c.Rows, c.Kind)
		assert.False(t, c.Server.Before(c.Started), "%+v", c)
		assert.False(t, c.Committed.Before(c.Started), "%+v", c) // one machine, one clock
	}
	assert.Equal(t, counted, traffic.Counts(), "what is counted was logged")
	checkRows(t, conn, all)
	checkShop(t, conn)
	checkWriteDates(t, conn, all)
}

// checkRows: what was logged is there, unless it was deleted.
func checkRows(t *testing.T, conn *pgx.Conn, all []demo.Commit) {
	t.Helper()
	written, gone := map[string]map[int64]bool{}, map[string]map[int64]bool{}
	for _, c := range all {
		for _, row := range c.Rows {
			set := written
			if row.Deleted {
				set = gone
			}
			if set[row.Table] == nil {
				set[row.Table] = map[int64]bool{}
			}
			set[row.Table][row.ID] = true
		}
	}
	for _, table := range []string{"res_partner", "loyalty_card", "loyalty_point_move", "loyalty_point_history"} {
		rows, err := conn.Query(t.Context(), `SELECT id FROM `+pgx.Identifier{table}.Sanitize())
		require.NoError(t, err)
		ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
		require.NoError(t, err)
		there := map[int64]bool{}
		for _, id := range ids {
			there[id] = true
			assert.False(t, gone[table][id], "%s %d was deleted", table, id)
		}
		assert.NotEmpty(t, written[table], table)
		for id := range written[table] {
			assert.True(t, there[id] || gone[table][id], "%s %d was written", table, id)
		}
	}
}

// checkShop: it began clean, and is now as shops are.
func checkShop(t *testing.T, conn *pgx.Conn) {
	t.Helper()
	for _, e := range []expectation{
		{"ledger without a card", 1, many, `SELECT count(*) FROM loyalty_point_history WHERE loyalty_card_id IS NULL`},
		{"cards without a partner", 1, many, `SELECT count(*) FROM loyalty_card WHERE partner_id IS NULL`},
		{"codes that collide", 1, many, `SELECT count(*) FROM (
			SELECT FROM loyalty_card GROUP BY upper(btrim(code, E' \t\n\u00A0')) HAVING count(*) > 1) AS t`},
		{"codes in between", 0, 0, `SELECT count(*) FROM loyalty_card WHERE code LIKE 'swap-%'`},
		{"redeemed in full", 1, many, `SELECT count(*) FROM loyalty_point_move WHERE state = 'depleted' AND write_uid = 2 AND remaining_point = 0`},
		{"depleted with a rest", 0, 0, `SELECT count(*) FROM loyalty_point_move WHERE state = 'depleted' AND remaining_point <> 0`},
		{"more left than gained, or less than nothing", 0, 0, `SELECT count(*) FROM loyalty_point_move
			WHERE remaining_point > initial_point OR remaining_point < 0`},
		{"redemptions of several lots", 1, many, `SELECT count(*) FROM (
			SELECT FROM loyalty_point_history WHERE name = 'Use' AND write_uid = 2 AND origin ~ '/[0-9a-f]{8}$'
			GROUP BY origin HAVING count(*) > 1) AS t`},
		{"cancelled", 1, many, `SELECT count(*) FROM loyalty_point_history WHERE name = 'Cancelled' AND points_amount = 0`},
		{"links to another card's move", 0, 0, `SELECT count(*) FROM loyalty_point_history h JOIN loyalty_point_move m ON m.id = h.point_move_id
			WHERE h.loyalty_card_id <> m.loyalty_card_id`},
		{"ledgers that do not give the points", 1, many, `SELECT count(*) FROM loyalty_card c WHERE points IS DISTINCT FROM (
			SELECT points_balance FROM loyalty_point_history WHERE loyalty_card_id = c.id ORDER BY id DESC LIMIT 1)`},
	} {
		n := number(t, conn, e.sql)
		assert.True(t, e.min <= n && n <= e.max, "%s: %v, want %v to %v", e.what, n, e.min, e.max)
	}
}

// checkWriteDates: they are the starts of transactions, except where the ORM had no part.
func checkWriteDates(t *testing.T, conn *pgx.Conn, all []demo.Commit) {
	t.Helper()
	starts := map[time.Time]bool{}
	for _, c := range all {
		starts[c.Started.UTC()] = true
	}
	var newest time.Time
	require.NoError(t, conn.QueryRow(t.Context(), `SELECT max(write_date) FROM loyalty_point_history`).Scan(&newest))
	assert.Contains(t, starts, newest.UTC())

	last := map[int64]demo.Commit{}
	for _, c := range all {
		for _, row := range c.Rows {
			if row.Table == "loyalty_card" && !row.Deleted && !c.Started.Before(last[row.ID].Started) {
				last[row.ID] = c
			}
		}
	}
	raw := 0
	for id, c := range last {
		if c.Kind != "raw points" {
			continue
		}
		raw++
		same := number(t, conn, `SELECT count(*) FROM loyalty_card WHERE id = $1 AND write_date = $2`, id, c.Started.UTC())
		assert.Zero(t, same, "card %d: a write past the ORM has no write_date", id)
	}
	assert.NotZero(t, raw)
}

func TestTrafficDependsOnItsSeed(t *testing.T) {
	t.Parallel()
	const n = 150
	weights := map[string]float64{}
	for _, kind := range demo.TrafficKinds() {
		weights[kind] = 1
	}
	delete(weights, "late")
	delete(weights, "delete card") // rests by the clock
	run := func(seed int64) []demo.Commit {
		log := newCommits()
		start(t, demo.TrafficOptions{DSN: shop(t).DSN, Rate: 500, Seed: seed, Sessions: 1, Long: -1, Log: log.add, Weights: weights})
		log.awaitMore(t, n)
		all := log.list()[:n]
		for i := range all {
			all[i].Started, all[i].Server, all[i].Committed, all[i].XID = time.Time{}, time.Time{}, time.Time{}, 0
		}
		return all
	}
	first := run(7)
	assert.Equal(t, first, run(7))
	assert.NotEqual(t, first, run(8))
}

// All sessions sell to one card: those that come second are told so by the server, and try again.
func TestTrafficLosesNoUpdate(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t)
	conn := db.Conn(t)
	_, err := demo.Generate(t.Context(), conn, demo.Params{Cards: 1, Seed: 2, Clean: true})
	require.NoError(t, err)
	const ledger, points = `SELECT coalesce(sum(points_amount), 0) FROM loyalty_point_history WHERE write_uid = 2`,
		`SELECT coalesce(sum(points), 0) FROM loyalty_card`
	before := number(t, conn, points) - number(t, conn, ledger)
	log := newCommits()
	traffic := start(t, demo.TrafficOptions{DSN: db.DSN, Rate: 1000, Long: -1, Log: log.add, Weights: map[string]float64{"earn": 1}})
	log.awaitMore(t, 200)
	traffic.Stop()
	require.NoError(t, traffic.Err(), "a conflict is no failure")
	assert.InDelta(t, number(t, conn, ledger), number(t, conn, points)-before, 1e-6)
	assert.NotZero(t, number(t, conn, `SELECT xact_rollback FROM pg_stat_database WHERE datname = current_database()`), "they met")
}

// told is a log whose warnings can be waited for.
type told struct {
	slog.Handler

	warned chan struct{}
}

func (h told) Handle(context.Context, slog.Record) error {
	select {
	case h.warned <- struct{}{}:
	default:
	}
	return nil
}

func (told) Enabled(_ context.Context, level slog.Level) bool { return level >= slog.LevelWarn }

func TestTrafficOutlivesItsConnections(t *testing.T) {
	t.Parallel()
	db := shop(t)
	conn := db.Conn(t)
	log, logger := newCommits(), told{slog.DiscardHandler, make(chan struct{}, 1)}
	traffic := start(t, demo.TrafficOptions{
		DSN: db.DSN, Rate: 300, Seed: 1, Log: log.add, Logger: slog.New(logger), HoldMin: 50 * time.Millisecond, HoldMax: 100 * time.Millisecond,
	})
	warned := func() {
		select {
		case <-logger.warned:
		case <-time.After(10 * time.Second):
			t.Fatal("nobody noticed")
		}
	}
	const killAll = `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'odoo'`
	for range 3 {
		log.awaitMore(t, 20)
		require.NotZero(t, number(t, conn, killAll))
		warned()
	}
	log.awaitMore(t, 20)
	require.Error(t, traffic.Err())

	// Now there is nothing to come back to, for a while. There may be a warning left of before.
	admin, err := pgx.Connect(t.Context(), pgtest.Server(t).DSN("postgres"))
	require.NoError(t, err)
	defer admin.Close(context.WithoutCancel(t.Context()))
	_, err = admin.Exec(t.Context(), `ALTER DATABASE `+db.Name+` ALLOW_CONNECTIONS false`)
	require.NoError(t, err)
	number(t, conn, killAll)
	for !strings.Contains(traffic.Err().Error(), "connecting") {
		warned()
	}
	_, err = admin.Exec(t.Context(), `ALTER DATABASE `+db.Name+` ALLOW_CONNECTIONS true`)
	require.NoError(t, err)
	log.awaitMore(t, 50)
	traffic.Stop()
	assert.Zero(t, number(t, conn, `SELECT count(*) FROM pg_stat_activity
		WHERE datname = current_database() AND application_name = 'odoo' AND xact_start IS NOT NULL`))
}

// Stop waits for nobody: not for a long transaction, and not for somebody else's lock. Nor does the end of the context.
func TestTrafficStopsAtOnce(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]demo.TrafficOptions{
		"in a long transaction": {HoldMin: time.Hour, HoldMax: time.Hour},
		"before a lock":         {Long: -1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db := shop(t)
			conn := db.Conn(t)
			ctx, cancel := context.WithCancel(t.Context())
			log := newCommits()
			o.DSN, o.Rate, o.Log = db.DSN, 200, log.add
			traffic, err := demo.StartTraffic(ctx, o)
			require.NoError(t, err)
			log.awaitMore(t, 50)
			if o.Long < 0 {
				_, err = conn.Exec(t.Context(), `BEGIN; LOCK TABLE loyalty_card`)
				require.NoError(t, err)
			}
			cancel()
			began := time.Now()
			traffic.Stop()
			assert.Less(t, time.Since(began), 5*time.Second)
			assert.Zero(t, traffic.Counts()["late"])
			assert.Zero(t, number(t, conn, `SELECT count(*) FROM pg_stat_activity
				WHERE datname = current_database() AND application_name = 'odoo' AND xact_start IS NOT NULL`))
		})
	}
}

func TestStartTrafficRefuses(t *testing.T) {
	t.Parallel()
	empty := pgtest.New(t).DSN
	for want, o := range map[string]demo.TrafficOptions{
		"no database":       {Rate: 1},
		"more than 0":       {DSN: empty},
		"at most":           {DSN: empty, Rate: 1e9},
		"sessions":          {DSN: empty, Rate: 1, Sessions: -1},
		"held":              {DSN: empty, Rate: 1, HoldMin: time.Second},
		`"dance"`:           {DSN: empty, Rate: 1, Weights: map[string]float64{"dance": 1}},
		"no kind":           {DSN: empty, Rate: 1, Weights: map[string]float64{"earn": 0}},
		"cannot parse":      {DSN: "host=localhost port=x", Rate: 1},
		"res_partner":       {DSN: empty, Rate: 1},
		"failed to connect": {DSN: "host=/nowhere password=geheim", Rate: 1},
	} {
		_, err := demo.StartTraffic(t.Context(), o)
		require.ErrorContains(t, err, want)
		assert.NotContains(t, err.Error(), "geheim")
	}
}
