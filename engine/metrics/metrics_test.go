package metrics_test

import (
	"bytes"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/engine/cycle"
	"ferry/engine/entity"
	"ferry/engine/metrics"
)

// scrape asks for the metrics as Prometheus does, and requires that it could read them, and that its linter has nothing to say.
func scrape(t *testing.T, m *metrics.Metrics) map[string]*dto.MetricFamily {
	t.Helper()
	answer := httptest.NewRecorder()
	m.Handler(slog.New(slog.DiscardHandler)).ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
	require.Equal(t, http.StatusOK, answer.Code)
	body, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	problems, err := promlint.New(bytes.NewReader(body)).Lint()
	require.NoError(t, err)
	require.Empty(t, problems)
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(body))
	require.NoError(t, err)
	return families
}

// value is a gauge's or a counter's figure, if it is told.
func value(families map[string]*dto.MetricFamily, name string, labels ...string) (float64, bool) {
	for _, m := range families[name].GetMetric() {
		var has []string
		for _, l := range m.GetLabel() {
			has = append(has, l.GetValue())
		}
		if slices.Equal(has, labels) {
			return m.GetGauge().GetValue() + m.GetCounter().GetValue(), true
		}
	}
	return 0, false
}

func ours(families map[string]*dto.MetricFamily) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(families)), func(name string) bool {
		return !strings.HasPrefix(name, "ferry_") || families[name].GetType() != dto.MetricType_GAUGE
	})
}

// What is not known is left out: before anybody has looked, while there is no schema, and while the engine database is away.
func TestWhatIsNotKnownIsLeftOut(t *testing.T) {
	t.Parallel()
	s := &engine.Snapshot{}
	m := metrics.New("v1", func() *engine.Snapshot { return s })
	require.Equal(t, []string{"ferry_build_info"}, ours(scrape(t, m)))

	s = &engine.Snapshot{At: time.Now(), Target: engine.Endpoint{Version: "15"}, Setup: engine.SetupMissing}
	require.Equal(t, []string{"ferry_build_info", "ferry_database_up", "ferry_schema_ready"}, ours(scrape(t, m)))
	_, told := value(scrape(t, m), "ferry_database_up", "source")
	require.False(t, told, "nobody has looked at it")

	s = &engine.Snapshot{
		At: time.Now(), TakenAt: time.Now(), ReadAt: time.Now(), Setup: engine.SetupReady, Target: engine.Endpoint{Version: "15"},
		Source: engine.Endpoint{DownSince: time.Now(), Oldest: engine.Known(time.Second)}, Entities: []engine.EntityView{{Name: "loyalty_card"}},
	}
	all := scrape(t, m)
	for _, name := range []string{
		"ferry_freshness_seconds", "ferry_agreement_ratio", "ferry_floor_pinned", "ferry_floor_pinned_seconds", "ferry_source_transaction_age_seconds",
		"ferry_source_rows", "ferry_engine_rows", "ferry_quarantine_rows", "ferry_rejected_ratio", "ferry_discrepancies", "ferry_alerts_firing",
	} {
		require.NotContains(t, all, name)
	}
	up, _ := value(all, "ferry_database_up", "source")
	require.Zero(t, up)
	depth, told := value(all, "ferry_queue_depth", "waiting")
	require.True(t, told, "that nothing waits is known")
	require.Zero(t, depth)
}

// full is a snapshot of which everything is known, read half a minute ago by an engine whose clock is an hour ahead.
func full() *engine.Snapshot {
	here := time.Now().Add(-30 * time.Second)
	there := here.Add(time.Hour)
	return &engine.Snapshot{
		At: time.Now(), ReadAt: here, TakenAt: there, Setup: engine.SetupReady,
		Source: engine.Endpoint{Version: "15", Oldest: engine.Known(1500 * time.Millisecond)}, Target: engine.Endpoint{Version: "15"},
		Run: &engine.RunView{Kind: engine.RunIncremental, State: engine.RunPaused},
		Entities: []engine.EntityView{{
			Name: "loyalty_card", SourceRows: engine.Known[int64](200), TargetRows: engine.Known[int64](180), Stale: engine.Known[int64](0),
			Extra: engine.Known[int64](0), Quarantined: engine.Known[int64](20), Waiting: engine.Known[int64](7), Waived: engine.Known[int64](3),
			Accounted: engine.Known(true), ReadFrom: there.Add(-10 * time.Second),
		}},
		Workers: []engine.WorkerView{{Workers: 2, Busy: 1}, {Workers: 4, Busy: 9}, {Workers: 8, Silent: time.Minute}, {}},
		Queue:   engine.QueueView{Waiting: 5, Running: 3},
		Floor:   engine.FloorView{Floor: "77", TakenAt: there, PinnedSince: there.Add(-time.Minute)},
		Schedule: engine.Schedule{
			PausedBy: "x", Keepers: []string{"a:1", "b:2"}, FailedInRow: 4,
		},
		Check: &engine.CheckView{RunView: engine.RunView{Kind: engine.RunCheck, State: engine.RunRunning}},
		Proof: engine.ProofView{
			Agreement: engine.Known(0.9995), Coverage: 0.5, Settled: 2, InFlight: 1, NewestAt: there, OldestAt: there.Add(-time.Minute),
			Entities: []engine.CheckEntity{{Name: "loyalty_card", Compared: 100, Settled: 2}, {Name: "loyalty_point_move"}},
		},
		Monitor: engine.MonitorView{At: there, Firing: []engine.AlertView{{Severity: engine.SeverityCritical}, {Severity: engine.SeverityCritical}}},
	}
}

func TestGaugesSayWhatTheSnapshotSays(t *testing.T) {
	t.Parallel()
	s := full()
	m := metrics.New("v1", func() *engine.Snapshot { return s })
	all := scrape(t, m)
	for name, want := range map[string]float64{
		"ferry_build_info v1": 1, "ferry_database_up source": 1, "ferry_database_up engine": 1, "ferry_schema_ready": 1,
		"ferry_source_transaction_age_seconds": 1.5,
		"ferry_source_rows loyalty_card":       200, "ferry_engine_rows loyalty_card": 180, "ferry_stale_rows loyalty_card": 0,
		"ferry_quarantine_rows loyalty_card open": 10, "ferry_quarantine_rows loyalty_card waiting_parent": 7,
		"ferry_quarantine_rows loyalty_card waived": 3, "ferry_rejected_ratio loyalty_card": 0.05, "ferry_rows_accounted loyalty_card": 1,
		"ferry_agreement_ratio": 0.9995, "ferry_entity_agreement_ratio loyalty_card": 0.98, "ferry_proof_coverage_ratio": 0.5,
		"ferry_discrepancies settled": 2, "ferry_discrepancies in_flight": 1, "ferry_floor_pinned": 1,
		"ferry_queue_depth waiting": 5, "ferry_queue_depth running": 3,
		"ferry_worker_processes": 2, "ferry_workers": 6, "ferry_workers_busy": 5,
		"ferry_run_active incremental": 1, "ferry_run_active full": 0, "ferry_run_active check": 1, "ferry_run_waits resume": 1, "ferry_run_waits answer": 0,
		"ferry_schedule_paused": 1, "ferry_schedule_keepers": 2, "ferry_ticks_failing": 4,
		"ferry_sealed": 0, "ferry_floor_pinned_seconds": 60,
		"ferry_alerts_firing critical": 2, "ferry_alerts_firing warning": 0,
	} {
		words := strings.Fields(name)
		got, told := value(all, words[0], words[1:]...)
		require.True(t, told, name)
		require.InDelta(t, want, got, 1e-9, name)
	}
	_, told := value(all, "ferry_entity_agreement_ratio", "loyalty_point_move")
	require.False(t, told, "none of it was compared")
	for name, want := range map[string]float64{"ferry_freshness_seconds loyalty_card": 40, "ferry_proof_age_seconds": 90} {
		words := strings.Fields(name)
		got, told := value(all, words[0], words[1:]...)
		require.True(t, told, name)
		require.InDelta(t, want, got, 5, "%s: by the engine's clock, as of now", name)
	}

	s.Target = engine.Endpoint{DownSince: time.Now()}
	require.Equal(t, []string{
		"ferry_build_info", "ferry_database_up", "ferry_freshness_seconds", "ferry_source_transaction_age_seconds",
	}, ours(scrape(t, m)), "a bound holds though nobody can be asked")
}

func TestCountersAddWhatWasCommitted(t *testing.T) {
	t.Parallel()
	m := metrics.New("v1", func() *engine.Snapshot { return &engine.Snapshot{} })
	for _, e := range entity.All() {
		zero, told := value(scrape(t, m), "ferry_rows_inserted_total", e.Name, "full")
		require.True(t, told, "that nothing was inserted yet is known")
		require.Zero(t, zero)
	}
	m.Committed(cycle.Committed{Kind: engine.RunFull, Verb: engine.StepLoad, Took: 300 * time.Millisecond, Rows: map[string]engine.Counts{
		"loyalty_card": {Read: 10, Inserted: 6, Updated: 1, Unchanged: 1, Rejected: 2, Deleted: 3},
	}})
	m.Committed(cycle.Committed{Kind: engine.RunFull, Verb: engine.StepOwners, Rows: map[string]engine.Counts{"loyalty_card": {Inserted: -2, Rejected: 2}}})
	m.Failed(engine.StepPlan, "")
	m.Failed(engine.StepLoad, "loyalty_card")
	all := scrape(t, m)
	for name, want := range map[string]float64{
		"read": 10, "inserted": 6, "withdrawn": 2, "updated": 1, "unchanged": 1, "quarantined": 4, "deleted": 3,
	} {
		got, _ := value(all, "ferry_rows_"+name+"_total", "loyalty_card", "full")
		require.InDelta(t, want, got, 0, name)
	}
	for _, labels := range [][]string{{"all", "plan"}, {"loyalty_card", "load"}} {
		got, _ := value(all, "ferry_batch_errors_total", labels...)
		require.InDelta(t, 1.0, got, 0, labels)
	}
	var load *dto.Histogram
	for _, x := range all["ferry_batch_duration_seconds"].GetMetric() {
		if x.GetLabel()[0].GetValue() == "load" {
			load = x.GetHistogram()
		}
	}
	require.EqualValues(t, 1, load.GetSampleCount())
	require.InDelta(t, 0.3, load.GetSampleSum(), 1e-9)
}

// A scraper comes for years: what it is answered with is given back.
func TestScrapesKeepNothing(t *testing.T) {
	t.Parallel()
	s := full()
	m := metrics.New("v1", func() *engine.Snapshot { return s })
	handler := m.Handler(slog.New(slog.DiscardHandler))
	used := func(scrapes int) (heap uint64) {
		for range scrapes {
			handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil))
		}
		runtime.GC()
		var mem runtime.MemStats
		runtime.ReadMemStats(&mem)
		return mem.HeapAlloc
	}
	before := used(200)
	after := used(2000)
	require.Less(t, after, before+1<<20, "2,000 scrapes left something behind")
}
