// Package metrics tells Prometheus what this process has done and what it sees.
//
// Counters and histograms are of this process: they are told of a batch behind its commit, and begin at 0 with the process. So
// the sum over all processes is what was done, and a process that is killed between a commit and the telling leaves one batch
// out; exact figures of a run are those of the engine database (`ferry runs show`).
//
// Gauges are of the whole ferry: they are read off the latest snapshot when they are asked for, so that every process tells the
// same. What is not known is left out, and is never 0. While the engine database does not answer that is all that is read from
// it, but for freshness, which is a bound and holds.
package metrics

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"ferry/engine"
	"ferry/engine/cycle"
	"ferry/engine/redact"
)

const namespace = "ferry"

// How many scrapes are answered at once, and how long one may take: it reads memory only.
const (
	scrapesAtOnce = 4
	scrapeLimit   = 10 * time.Second
)

// Metrics are all that this process tells.
type Metrics struct {
	registry *prometheus.Registry
	counters *counters
}

var _ cycle.Observer = (*Metrics)(nil)

// New makes the metrics of a process of some version. Look gives the latest snapshot; it must not block.
func New(version string, look func() *engine.Snapshot) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry(), counters: newCounters()}
	m.counters.register(m.registry)
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Namespace: namespace, Name: "build_info", Help: "This process's version.", ConstLabels: prometheus.Labels{"version": version},
	})
	build.Set(1)
	m.registry.MustRegister(build, &gauges{look: look, now: time.Now}, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// Committed adds a batch that is durable.
func (m *Metrics) Committed(b cycle.Committed) { m.counters.Committed(b) }

// Failed adds an attempt that counts as an error of its run.
func (m *Metrics) Failed(verb engine.StepVerb, name string) { m.counters.Failed(verb, name) }

// Registry gives all metrics.
func (m *Metrics) Registry() *prometheus.Registry { return m.registry }

// Handler answers scrapes. What cannot be gathered is logged, and the rest is told.
func (m *Metrics) Handler(logger *slog.Logger) http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{
		ErrorLog: complaints{logger}, ErrorHandling: promhttp.ContinueOnError,
		MaxRequestsInFlight: scrapesAtOnce, Timeout: scrapeLimit,
	})
}

// complaints takes what goes wrong in a scrape.
type complaints struct{ *slog.Logger }

// Println logs an error of promhttp.
func (c complaints) Println(v ...any) {
	for _, what := range v {
		if err, ok := what.(error); ok {
			c.Warn("metrics could not be gathered", "error", redact.Text(err.Error()))
		}
	}
}
