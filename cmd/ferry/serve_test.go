package main

import (
	"context"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/engine/entity"
	"ferry/engine/metrics"
	"ferry/store/crossing/oracle"
)

// What a process counts is what the engine database says of its runs, over a full sync and ticks, and what the gauges say is
// what `ferry status` does.
func TestMetricsAgreeWithFerrysOwnCounts(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.Equal(t, exitClean, b.ferry(t, "init").code)
	f := b.program(t)
	c, err := f.open(t.Context(), 2, logTo(t.Output(), nil))
	require.NoError(t, err)
	defer c.close()
	m := metrics.New(version(), c.Snapshot)
	c.target.SetObserver(m)
	c.Run(t.Context())
	defer func() { require.NoError(t, c.Stop(context.WithoutCancel(t.Context()))) }()

	kinds := map[engine.RunKind]map[string]engine.Counts{engine.RunFull: {}, engine.RunIncremental: {}}
	carry := func(begin func(context.Context, engine.StartOptions) (engine.RunID, error)) {
		id, err := begin(t.Context(), engine.StartOptions{})
		require.NoError(t, err)
		b.awaitDone(t, id)
		detail, err := c.RunDetail(t.Context(), id)
		require.NoError(t, err)
		for _, step := range detail.Steps {
			sum := kinds[detail.Kind][step.Entity]
			sum.Add(step.Counts)
			kinds[detail.Kind][step.Entity] = sum
		}
	}
	carry(c.StartFull)
	b.source.Exec(t, `UPDATE loyalty_card SET points = points + 1 WHERE id IN (SELECT id FROM loyalty_card WHERE partner_id IS NOT NULL ORDER BY id LIMIT 9)`)
	carry(c.StartIncremental)
	b.source.Exec(t, `UPDATE loyalty_point_history SET points_amount = points_amount + 1`, `UPDATE loyalty_point_move SET write_date = now()`,
		`UPDATE loyalty_card SET partner_id = NULL WHERE id % 7 = 0`)
	carry(c.StartIncremental)
	carry(c.StartFull)

	gather := func() map[string]*dto.MetricFamily {
		families, err := m.Registry().Gather()
		require.NoError(t, err)
		out := map[string]*dto.MetricFamily{}
		for _, family := range families {
			out[family.GetName()] = family
		}
		return out
	}
	rowsOf := func(all map[string]*dto.MetricFamily, name, of, kind string) float64 {
		return summed(all, "ferry_rows_"+name+"_total", of, kind).Or(-1)
	}
	until(t, "not all was counted", func() bool { // a batch is told of behind its commit, a moment after others see it
		return rowsOf(gather(), "read", "loyalty_point_history", "full") == float64(kinds[engine.RunFull]["loyalty_point_history"].Read)
	})
	all := gather()
	for kind, byEntity := range kinds {
		for _, e := range entity.All() {
			counts := byEntity[e.Name]
			require.Positive(t, counts.Read, "%s %s", kind, e.Name)
			got := engine.Counts{
				Read: int64(rowsOf(all, "read", e.Name, string(kind))), Updated: int64(rowsOf(all, "updated", e.Name, string(kind))),
				Inserted:  int64(rowsOf(all, "inserted", e.Name, string(kind)) - rowsOf(all, "withdrawn", e.Name, string(kind))),
				Unchanged: int64(rowsOf(all, "unchanged", e.Name, string(kind))), Deleted: int64(rowsOf(all, "deleted", e.Name, string(kind))),
				Rejected: int64(rowsOf(all, "quarantined", e.Name, string(kind))),
			}
			want := engine.Counts{
				Read: counts.Read, Inserted: counts.Inserted, Updated: counts.Updated, Unchanged: counts.Unchanged,
				Deleted: counts.Deleted, Rejected: counts.Rejected,
			}
			require.Equal(t, want, got, "%s %s", kind, e.Name)
		}
	}
	status := b.result(t, "status")
	for _, e := range entity.All() {
		of := object(t, object(t, status, "entities"), e.Name)
		until(t, "the gauge says otherwise than status", func() bool {
			return summed(gather(), "ferry_engine_rows", e.Name) == engine.Known(figure(t, of, "target_rows"))
		})
		all := gather()
		require.Equal(t, engine.Known(figure(t, of, "source_rows")), summed(all, "ferry_source_rows", e.Name))
		require.Equal(t, engine.Known(figure(t, of, "quarantined")), summed(all, "ferry_quarantine_rows", e.Name))
		require.Less(t, summed(all, "ferry_freshness_seconds", e.Name).Or(-1), 60.0)
	}
}

// It comes up while nothing is there yet, says what it lacks, and is ready once that is cured; ticks begin with the first cycle.
func TestServeWaitsForWhatItLacksAndSaysSo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	u := b.unattend(t, "serve", local)
	u.await("not ready", "run `ferry init`")
	status, body := u.asks("/readyz")
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Contains(t, body, "run `ferry init`")
	status, body = u.asks("/healthz")
	require.Equal(t, http.StatusOK, status, body)

	require.Equal(t, exitClean, b.ferry(t, "init").code)
	u.await("ready")
	status, body = u.asks("/readyz")
	require.Equal(t, http.StatusOK, status, body)
	require.Equal(t, "ready\n", body)
	require.Equal(t, "0", b.text(t, `SELECT count(*)::text FROM ferry.run`), "no tick comes before the first cycle")
	require.False(t, summed(u.scrape(), "ferry_freshness_seconds").Known)

	id := b.startFull(t) // it has no workers: serve's do it
	u.await("run ended", `"kind":"full"`, `"state":"done"`)
	b.awaitDone(t, id)
	b.target.Exec(t, `UPDATE ferry.schedule SET every = '1s', next_at = clock_timestamp()`)
	b.source.Exec(t, `UPDATE loyalty_card SET points = points + 1 WHERE id = (SELECT min(id) FROM loyalty_card WHERE partner_id IS NOT NULL)`)
	u.await("run ended", `"kind":"incremental"`, `"updated":1`)
	oracle.Faithful(t, b.source.Pool(t), b.target.Pool(t))
	all := u.scrape()
	require.Equal(t, engine.Known(1.0), summed(all, "ferry_rows_updated_total", "loyalty_card", "incremental"))
	require.Equal(t, engine.Known(1.0), summed(all, "ferry_schedule_keepers"))

	// Another process steers it: no tick comes while the schedule is paused.
	require.Equal(t, exitClean, b.ferry(t, "pause", "--schedule", "--reason", "backup").code)
	until(t, "it does not see the pause", func() bool { return summed(u.scrape(), "ferry_schedule_paused") == engine.Known(1.0) })
	b.comes(t, "0", `SELECT count(*)::text FROM ferry.run WHERE writes AND state = ANY('{queued,planning,running}')`)
	before := b.text(t, `SELECT max(id)::text FROM ferry.run WHERE writes`)
	b.source.Exec(t, `UPDATE loyalty_card SET points = points + 1 WHERE id = (SELECT min(id) FROM loyalty_card WHERE partner_id IS NOT NULL)`)
	seen := b.text(t, `SELECT seen_at::text FROM ferry.worker`)
	b.comes(t, "true", `SELECT (seen_at > '`+seen+`'::timestamptz + interval '3 seconds')::text FROM ferry.worker`) // three ticks would have been due
	require.Equal(t, before, b.text(t, `SELECT max(id)::text FROM ferry.run WHERE writes`))
	require.Equal(t, exitClean, b.ferry(t, "resume", "--schedule").code)
	b.comes(t, "true", `SELECT (max(run_id) > `+before+`)::text FROM ferry.step WHERE updated = 1`)

	require.Equal(t, exitClean, u.ends(), u.log())
	require.Contains(t, u.log(), `"msg":"drained"`)
	last := lines(t, u.out.String())
	require.Equal(t, "result", last[len(last)-1]["type"])
	require.Equal(t, "0", b.text(t, `SELECT count(*)::text FROM ferry.worker`), "it has signed off")
}

// A database that answers nobody at the start is waited for, and said.
func TestServeOutlivesDatabasesThatAreAway(t *testing.T) {
	t.Parallel()
	b := synced(t)
	b.env["FERRY_SOURCE"] = "postgres://odoo:hunter2@127.0.0.1:1/prod?sslmode=disable"
	u := b.unattend(t, "serve", local)
	u.await("not ready", "the source odoo@127.0.0.1:1/prod does not answer since", "connection refused")
	status, body := u.asks("/readyz")
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Contains(t, body, "the source odoo@127.0.0.1:1/prod does not answer since")
	status, _ = u.asks("/healthz")
	require.Equal(t, http.StatusOK, status, "the process itself is well")
	all := u.scrape()
	require.Equal(t, engine.Known(0.0), summed(all, "ferry_database_up", "source"))
	require.False(t, summed(all, "ferry_source_transaction_age_seconds").Known)
	require.Equal(t, exitClean, u.ends())

	b.env["FERRY_TARGET"] = "postgres://engine:hunter2@127.0.0.1:1/engine?sslmode=disable"
	u = b.unattend(t, "serve", local)
	u.await("not ready", "the engine database engine@127.0.0.1:1/engine does not answer since")
	require.False(t, summed(u.scrape(), "ferry_queue_depth").Known, "it is not known, and not 0")
	require.Equal(t, exitClean, u.ends())
	for _, text := range []string{u.log(), u.out.String()} {
		require.NotContains(t, text, "hunter2")
	}
}

// Told to end in the middle of a batch, it lets that batch commit, begins no other, and ends with 0.
func TestServeDrainsInTheMiddleOfABatch(t *testing.T) {
	t.Parallel()
	b := demoBench(t, 1000)
	u := b.unattend(t, "serve", local, "--workers", "1")
	u.await("ready")
	g := b.shut(t, "loyalty_point_history")
	id := b.startFull(t)
	g.holds(1)
	inFlight := b.text(t, `SELECT id || ':' || attempt FROM ferry.batch WHERE state = 'running'`)
	require.NoError(t, u.cmd.Process.Signal(syscall.SIGTERM))
	u.await("draining: batches in flight end first; a second INT or TERM aborts them, which is safe too")
	status, body := u.asks("/readyz")
	require.Equal(t, http.StatusServiceUnavailable, status)
	require.Contains(t, body, "draining")
	g.open()
	require.Equal(t, exitClean, u.exits(), u.log())
	require.Equal(t, inFlight+":done", b.text(t, `SELECT id || ':' || attempt || ':' || state FROM ferry.batch WHERE id = `+
		strings.SplitN(inFlight, ":", 2)[0]), "it committed, at the attempt at which it was")
	require.Equal(t, "interrupted", b.text(t, `SELECT state FROM ferry.run`), "it is at a batch boundary")
	require.NotEqual(t, "0", b.text(t, `SELECT count(*)::text FROM ferry.step WHERE state <> 'done'`), "in the middle of the load")

	// The next one goes on with a first load that was interrupted, for nobody is there who would say so.
	u = b.unattend(t, "serve", local)
	u.await("run ended", `"kind":"full"`, `"state":"done"`)
	b.awaitDone(t, id)
	oracle.Faithful(t, b.source.Pool(t), b.target.Pool(t))
	oracle.FirstLoad(t, b.source.Pool(t), b.target.Pool(t), int64(id))
	require.Equal(t, exitClean, u.ends(), u.log())
}

// What cannot end within the limit is aborted, which is an error; so does a second signal.
func TestADrainHasALimit(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		limit string
		code  int
		again bool
	}{
		"the limit":       {"1s", exitError, false},
		"a second signal": {"1h", exitSignal + int(syscall.SIGTERM), true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := demoBench(t, 1000)
			g := b.shut(t, "loyalty_point_history")
			u := b.unattend(t, "worker", "--workers", "1", "--drain-limit", c.limit)
			require.Empty(t, u.url, "a worker listens only where it is told to")
			id := b.startFull(t)
			g.holds(1)
			require.NoError(t, u.cmd.Process.Signal(syscall.SIGTERM))
			u.await("draining: batches in flight end first; a second INT or TERM aborts them, which is safe too")
			if c.again {
				require.NoError(t, u.cmd.Process.Signal(syscall.SIGTERM))
			}
			require.Equal(t, c.code, u.exits(), u.log())
			g.open()
			u = b.unattend(t, "worker")
			b.beside(t, func(cross *crossing) {
				require.NoError(t, cross.Resume(t.Context(), engine.Act{Run: id}))
			})
			b.awaitDone(t, id)
			oracle.Faithful(t, b.source.Pool(t), b.target.Pool(t))
			require.Equal(t, exitClean, u.ends())
		})
	}
}

// A scraper that comes often leaves nothing behind in the process.
func TestScrapesLeaveTheProcessAsItIs(t *testing.T) {
	t.Parallel()
	b := synced(t)
	u := b.unattend(t, "serve", local)
	u.await("ready")
	for range 50 {
		u.scrape()
	}
	before := u.scrape()
	for range 500 {
		for _, path := range []string{"/metrics", "/healthz", "/readyz"} {
			status, body := u.asks(path)
			require.Equal(t, http.StatusOK, status, body)
		}
	}
	after := u.scrape()
	for name, room := range map[string]float64{"go_goroutines": 16, "process_open_fds": 16, "process_resident_memory_bytes": 16 << 20} {
		from, to := summed(before, name), summed(after, name)
		require.True(t, from.Known && to.Known, name)
		require.LessOrEqual(t, to.Value, from.Value+room, name)
		t.Logf("%s: %.0f, after 1,500 requests %.0f", name, from.Value, to.Value)
	}
	status, _ := u.asks("/debug/pprof/")
	require.Equal(t, http.StatusNotFound, status)
	require.Equal(t, exitClean, u.ends())
}

// With --read-only it is a mere exporter: it signs on nowhere, begins nothing, and is ready.
func TestServeThatOnlyLooks(t *testing.T) {
	t.Parallel()
	b := synced(t)
	u := b.unattend(t, "serve", local, "--read-only")
	u.await("ready")
	require.Equal(t, engine.Known(251.0), summed(u.scrape(), "ferry_engine_rows", "loyalty_card"))
	require.Equal(t, engine.Known(0.0), summed(u.scrape(), "ferry_schedule_keepers"))
	require.Equal(t, exitClean, u.ends())
	require.Equal(t, "1", b.text(t, `SELECT count(*)::text FROM ferry.run`))
	require.Contains(t, u.log(), "no alert is sent here", "whoever relies on them must know")
}

// Why a process is not ready is said in words, all of it, and without what an error may hold.
func TestReadinessInWords(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	well := func() *engine.Snapshot {
		return &engine.Snapshot{
			At: now, Setup: engine.SetupReady, Source: engine.Endpoint{Version: "15"}, Target: engine.Endpoint{Version: "15"},
			Workers: []engine.WorkerView{{Here: true, Workers: 2}, {Workers: 2}},
		}
	}
	d := &daemon{f: &ferry{settings: settings{Workers: 2}}}
	require.Empty(t, d.unready(well(), now))
	for want, spoil := range map[string]func(*engine.Snapshot){
		"starting: ":                                  func(s *engine.Snapshot) { *s = engine.Snapshot{} },
		"since 11:59:29; it hangs: restart it":        func(s *engine.Snapshot) { s.At = now.Add(-31 * time.Second) },
		"run `ferry init` to migrate it":              func(s *engine.Snapshot) { s.Setup = engine.SetupOlder },
		"use that version or a later one":             func(s *engine.Snapshot) { s.Setup = engine.SetupNewer },
		"have not signed on":                          func(s *engine.Snapshot) { s.Workers[0].Silent = time.Minute },
		"the source has not been looked at yet":       func(s *engine.Snapshot) { s.Source.Version = "" },
		"the source a@b/c does not answer since 12:0": func(s *engine.Snapshot) { s.Source = engine.Endpoint{Address: "a@b/c", DownSince: now, Err: "x"} },
	} {
		s := well()
		spoil(s)
		not := d.unready(s, now)
		require.Len(t, not, 1, want)
		require.Contains(t, not[0], want)
	}
	s := well()
	s.Target = engine.Endpoint{DownSince: now, Err: "no route to postgres://engine:hunter2@db/engine\x1b[2J"}
	why := "the source could be written: password=hunter2"
	d.trouble.Store(&why)
	not := strings.Join(d.unready(s, now), "\n")
	require.Contains(t, not, "the engine database")
	require.Contains(t, not, "no ticks begin here: the source could be written")
	require.NotContains(t, not, "hunter2")
	require.NotContains(t, not, "\x1b")
	d.draining.Store(true)
	require.Equal(t, []string{"draining: batches in flight end, none is begun here"}, d.unready(s, now))
}

// systemd is told when it is up, how it stands and that it lives, though the engine database is away.
func TestTheServiceManagerIsTold(t *testing.T) {
	t.Parallel()
	b := synced(t)
	socket := filepath.Join(t.TempDir(), "notify")
	listener, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: socket, Net: "unixgram"})
	require.NoError(t, err)
	defer listener.Close()
	b.env["NOTIFY_SOCKET"], b.env["WATCHDOG_USEC"] = socket, "3000000"
	b.env["FERRY_TARGET"] = "postgres://engine:hunter2@127.0.0.1:1/engine?sslmode=disable"
	u := b.unattend(t, "serve", local)
	heard := func(text string) {
		t.Helper()
		require.NoError(t, listener.SetReadDeadline(time.Now().Add(within)))
		for {
			buffer := make([]byte, 4096)
			n, err := listener.Read(buffer)
			require.NoError(t, err, "it never said %s", text)
			require.NotContains(t, string(buffer[:n]), "hunter2")
			if strings.Contains(string(buffer[:n]), text) {
				return
			}
		}
	}
	heard("READY=1\nSTATUS=not ready: the engine database engine@127.0.0.1:1/engine does not answer")
	heard("WATCHDOG=1")
	heard("WATCHDOG=1")
	require.NoError(t, u.cmd.Process.Signal(syscall.SIGTERM))
	heard("STOPPING=1")
	require.Equal(t, exitClean, u.exits())
}
