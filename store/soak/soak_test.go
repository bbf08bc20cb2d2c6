package soak_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"ferry/store/crossing/oracle"
	"ferry/store/demo"
	"ferry/store/embedded"
	"ferry/store/migrations"
)

// scale says how long and how large a soak is.
type scale struct {
	soak, long, every time.Duration
	rate              float64
	cards             int
	seed              int64
}

// fromEnv is the scale that the environment asks for; what it leaves out is that of a test among others.
func fromEnv(t *testing.T) scale {
	t.Helper()
	s := scale{
		soak: duration(t, "FERRY_SOAK", 20*time.Second), long: duration(t, "FERRY_SOAK_LONG", 6*time.Second),
		every: duration(t, "FERRY_SOAK_EVERY", time.Second),
		rate:  number(t, "FERRY_SOAK_RATE", 200), cards: int(number(t, "FERRY_SOAK_CARDS", 3000)),
		seed: int64(number(t, "FERRY_SEED", float64(os.Getpid()))),
	}
	t.Logf("%v of %g transactions a second on %d cards, one held open for %v, a tick every %v; FERRY_SEED=%d draws them again",
		s.soak, s.rate, s.cards, s.long, s.every, s.seed)
	return s
}

func duration(t *testing.T, name string, otherwise time.Duration) time.Duration {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	d, err := time.ParseDuration(text)
	require.NoError(t, err, name)
	return d
}

func number(t *testing.T, name string, otherwise float64) float64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseFloat(text, 64)
	require.NoError(t, err, name)
	return n
}

// cluster starts a server of the test's own: the two databases are on two, as in life, for transactions of the one must not
// hold back the other's floor.
func cluster(t *testing.T) *embedded.Server {
	t.Helper()
	s, err := embedded.Start(t.Context(), embedded.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Stop(context.WithoutCancel(t.Context()))) })
	return s
}

func open(t *testing.T, dsn string) *pgxpool.Pool {
	t.Helper()
	pool, err := pgxpool.New(t.Context(), dsn)
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	return pool
}

// makeSource fills a source and gives the address by which ferry reads it.
func makeSource(t *testing.T, s *embedded.Server, o scale) (reader string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.DSN("postgres"))
	require.NoError(t, err)
	defer conn.Close(context.WithoutCancel(t.Context()))
	_, err = demo.Generate(t.Context(), conn, demo.Params{Cards: o.cards, Seed: o.seed})
	require.NoError(t, err)
	require.NoError(t, demo.GrantReader(t.Context(), conn, "ferry_reader", "soak"))
	return s.DSNAs("ferry_reader", "soak", "postgres")
}

// One minute is what ferry promises; the rest is what an operator may expect of a process that runs for months.
const (
	mostLate        = time.Minute
	mostTransaction = 10 * time.Second
)

func TestAnEngineKeepsInStepForAsLongAsOdooLives(t *testing.T) {
	t.Parallel()
	o := fromEnv(t)
	sourceServer, targetServer := cluster(t), cluster(t)
	reader := makeSource(t, sourceServer, o)
	source, target := open(t, sourceServer.DSN("postgres")), open(t, targetServer.DSN("postgres"))
	require.NoError(t, migrations.Init(t.Context(), target, nil, slog.New(slog.DiscardHandler)))
	// Odoo's rows are deleted one by one, by users; on few cards that is soon a large share of them.
	_, err := target.Exec(t.Context(), `INSERT INTO ferry.policy VALUES ('vanish-share', '0.2')`)
	require.NoError(t, err)
	f := startFerry(t, orders{Source: reader, Target: targetServer.DSN("postgres"), Every: o.every})
	ended(t, target, f.tell(tellFull))
	f.tell(tellKeep)

	late := newLateness(source, target)
	g := &gauge{source: source, target: target, late: late}
	watching, stop := context.WithCancel(t.Context())
	defer stop()
	watched := make(chan error, 1)
	go func() { watched <- g.watch(watching) }()
	log, err := os.Create(filepath.Join(t.TempDir(), "traffic.jsonl"))
	require.NoError(t, err)
	defer log.Close()
	lines := json.NewEncoder(log)
	traffic, err := demo.StartTraffic(t.Context(), demo.TrafficOptions{
		DSN: sourceServer.DSN("postgres"), Rate: o.rate, Seed: o.seed, Sessions: 12, Long: 1, HoldMin: o.long, HoldMax: o.long,
		Witness: witness, Log: func(c demo.Commit) {
			_ = lines.Encode(c)
			late.committed(c)
		},
	})
	require.NoError(t, err)
	goOn(t, f, g, o.soak, watched)
	traffic.Stop()
	require.NoError(t, traffic.Err())
	f.tell(tellRest)
	until(t, target, `SELECT count(*) = 0 FROM ferry.run WHERE writes AND finished_at IS NULL`)
	ended(t, target, f.tell(tellTick))
	stop()
	require.NoError(t, <-watched)
	f.leave()
	require.NoError(t, g.look(t.Context()))
	require.NoError(t, g.judge(t.Context(), 0))

	report(t, f, g, traffic, o)
	require.Positive(t, traffic.Counts()["late"], "a transaction wrote early and committed late")
	requireFresh(t, f, g)
	requireSameInDemo(t, g, log.Name())
	requireFlat(t, f.seen())
	requireSteady(t, g)
	oracle.Faithful(t, source, target)
	oracle.Balanced(t, source, target)
}

// goOn lets the soak go on, and says now and then how it goes.
func goOn(t *testing.T, f *ferry, g *gauge, soak time.Duration, watched <-chan error) {
	t.Helper()
	end, word := time.After(soak), time.NewTicker(soak/20)
	defer word.Stop()
	for began := time.Now(); ; {
		select {
		case <-end:
			return
		case <-f.ended:
			require.Fail(t, "the ferry ended")
		case err := <-watched:
			require.NoError(t, err, "the watch ended")
		case <-word.C:
			seen := f.seen()
			v := seen[len(seen)-1]
			g.late.mu.Lock()
			t.Logf("%6s  %7d commits  %8d rows arrived, latest %6.3f s  %6d waiting  rss %3d MB  heap %3d MB  %d goroutines  pinned %s",
				time.Since(began).Round(time.Second), g.late.commits, g.late.arrived, g.late.latest().Seconds(), len(g.late.waiting),
				v.RSS>>20, v.Heap>>20, v.Goroutines, v.Pinned.Round(time.Second))
			g.late.mu.Unlock()
		}
	}
}

// until waits until a query says true.
func until(t *testing.T, db *pgxpool.Pool, sql string, args ...any) {
	t.Helper()
	defer func() {
		if t.Failed() {
			t.Log(oracle.Rows(t, db, `SELECT concat_ws(' ', id, state, error, last_error, question) FROM ferry.run ORDER BY id DESC LIMIT 5`))
		}
	}()
	require.Eventually(t, func() bool {
		var yes bool
		return db.QueryRow(t.Context(), sql, args...).Scan(&yes) == nil && yes
	}, limit, 50*time.Millisecond, sql)
}

// ended waits until a run has ended well.
func ended(t *testing.T, db *pgxpool.Pool, run int64) {
	t.Helper()
	until(t, db, `SELECT finished_at IS NOT NULL FROM ferry.run WHERE id = $1`, run)
	require.Equal(t, "done ", oracle.One(t, db, `SELECT state || ' ' || error FROM ferry.run WHERE id = $1`, run))
}

// requireFresh requires that no row was late, that none is missing, and that ferry never claimed to be fresher than it was.
func requireFresh(t *testing.T, f *ferry, g *gauge) {
	t.Helper()
	require.Empty(t, g.late.missing(), "rows that never arrived")
	require.Greater(t, g.late.arrived, g.late.commits, "most commits write several rows, and they were found in the engine")
	require.Less(t, g.late.latest(), mostLate)
	require.Positive(t, g.judged)
	require.Empty(t, g.late.visible, "every arrival belongs to a run")
	require.GreaterOrEqual(t, g.margin, time.Duration(0), "a tick stated a bound below what was measured")
	seen := f.seen()
	if last := seen[len(seen)-1]; len(seen) < 3600 { // it is about the last hour
		require.GreaterOrEqual(t, last.Max, g.late.latest(), "the console states a bound below what was measured")
	}
}

// requireSameInDemo requires that what a demo says at its end, by the log and the engine's rows alone, is what was measured here
// while it happened.
func requireSameInDemo(t *testing.T, g *gauge, name string) {
	t.Helper()
	log, err := os.Open(name)
	require.NoError(t, err)
	defer log.Close()
	source, err := g.source.Acquire(t.Context())
	require.NoError(t, err)
	defer source.Release()
	target, err := g.target.Acquire(t.Context())
	require.NoError(t, err)
	defer target.Release()
	found, err := demo.MeasureFreshness(t.Context(), log, source.Conn(), target.Conn())
	require.NoError(t, err)
	t.Logf("as the demo measures it: %s", found)
	require.EqualValues(t, g.late.commits, found.Commits)
	require.Greater(t, found.Exact, found.Rows/3, "of %d rows", found.Rows)
	require.LessOrEqual(t, found.Max, g.late.latest())
	require.InEpsilon(t, g.late.percentile(.5).Seconds(), found.P50.Seconds(), 0.25)
}

// requireFlat requires that the process at the end is no larger than it was once it had warmed up.
func requireFlat(t *testing.T, seen []vitals) {
	t.Helper()
	early, final := quarter(seen, 1), quarter(seen, 3)
	for name, of := range gauges {
		require.LessOrEqual(t, median(final, of.read), median(early, of.read)*5/4+of.slack, name)
	}
}

// gauges are what must not grow, each with what it may differ by without growing.
var gauges = map[string]struct {
	read  func(v vitals) int64
	slack int64
}{
	"resident memory": {func(v vitals) int64 { return v.RSS }, 32 << 20},
	"heap":            {func(v vitals) int64 { return v.Heap }, 16 << 20},
	"goroutines":      {func(v vitals) int64 { return int64(v.Goroutines) }, 10},
}

func quarter(seen []vitals, n int) []vitals { return seen[len(seen)*n/4 : len(seen)*(n+1)/4] }

func median(seen []vitals, of func(v vitals) int64) int64 {
	values := make([]int64, len(seen))
	for i, v := range seen {
		values[i] = of(v)
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// requireSteady requires that every tick did what it should, without long transactions at the source.
func requireSteady(t *testing.T, g *gauge) {
	t.Helper()
	for _, tick := range g.ticks {
		require.Equal(t, "done", tick.state, "%+v", tick)
		require.Empty(t, tick.whyFull, "%+v", tick)
	}
	require.Positive(t, g.samples)
	require.Less(t, g.longest, mostTransaction, "ferry's longest transaction at the source")
}

// report prints the figures.
func report(t *testing.T, f *ferry, g *gauge, traffic *demo.Traffic, o scale) {
	t.Helper()
	seen := f.seen()
	last := seen[len(seen)-1]
	var total int64
	for _, n := range traffic.Counts() {
		total += n
	}
	typical, longest, mostRead, read, written := g.summary()
	tries := oracle.One(t, g.target, `SELECT coalesce(sum(tries), 0)::text FROM ferry.batch`)
	pinned := time.Duration(0)
	by := ""
	for _, v := range seen {
		if v.Pinned > pinned {
			pinned, by = v.Pinned, v.PinnedBy
		}
	}
	t.Logf("traffic: %d transactions, %.0f a second, %d of them held open for %v", total, float64(total)/o.soak.Seconds(),
		traffic.Counts()["late"], o.long)
	t.Logf("%d rows committed, %d of them as the engine had them, %d in quarantine before and after", g.late.rows, g.late.same, g.late.aside)
	t.Logf("freshness, exact, of %d rows: p50 %s  p99 %s  max %s", g.late.arrived, g.late.percentile(.5), g.late.percentile(.99),
		g.late.latest().Round(time.Millisecond))
	for how, worst := range g.late.worst {
		t.Logf("  the latest one %s: %s, %s %d, committed %s by %q", how, worst.late.Round(time.Millisecond), worst.entity, worst.id,
			worst.at.Format(time.TimeOnly), worst.kind)
	}
	t.Logf("freshness, as ferry bounds it: p50 %s  p99 %s  max %s; the closest of %d bounds was %s above what was measured",
		last.P50, last.P99, last.Max, g.judged, g.margin)
	t.Logf("ticks: %d, median %s, longest %s; %d rows read to write %d, at most %d in one; floor pinned for up to %s by %q; %s attempts failed",
		len(g.ticks), typical.Round(time.Millisecond), longest.Round(time.Millisecond), read, written, mostRead, pinned.Round(time.Second), by, tries)
	for _, line := range oracle.Rows(t, g.target, `SELECT count(*) || ' × ' || left(error, 200) FROM ferry.batch WHERE error <> '' GROUP BY error`) {
		t.Log("  " + line)
	}
	t.Logf("source: ferry's longest transaction %s, of %d samples", g.longest.Round(time.Millisecond), g.samples)
	for name, of := range gauges {
		t.Logf("%s: %s after warming up, %s at the end, %s at most", name, measure(name, median(quarter(seen, 1), of.read)),
			measure(name, median(quarter(seen, 3), of.read)), measure(name, of.read(slices.MaxFunc(seen, func(a, b vitals) int {
				return int(of.read(a) - of.read(b))
			}))))
	}
}

func measure(name string, n int64) string {
	if name == "goroutines" {
		return strconv.FormatInt(n, 10)
	}
	return fmt.Sprintf("%.1f MB", float64(n)/(1<<20))
}
