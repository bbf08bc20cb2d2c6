package metrics

import (
	"github.com/prometheus/client_golang/prometheus"

	"ferry/engine"
	"ferry/engine/cycle"
	"ferry/engine/entity"
)

// seconds are the bounds of a batch's time: one is meant to take about a second, an index may take minutes.
var seconds = []float64{0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900}

// allEntities stands for the entity of a plan, which is about all of them.
const allEntities = "all"

// counters are what this process has done since it began.
type counters struct {
	rows   []rowCounter
	errors *prometheus.CounterVec
	batch  *prometheus.HistogramVec
}

// rowCounter is one figure of a batch's counts. A figure may be less than nothing: a first load takes cards out again that it
// has counted as inserted. A counter never falls, so that is a figure of its own.
type rowCounter struct {
	vec *prometheus.CounterVec
	of  func(engine.Counts) int64
}

func newCounters() *counters {
	rows := func(name, help string, of func(engine.Counts) int64) rowCounter {
		return rowCounter{prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Subsystem: "rows", Name: name + "_total", Help: help + ", by this process.",
		}, []string{"entity", "kind"}), of}
	}
	c := &counters{
		rows: []rowCounter{
			rows("read", "Source rows that were read in committed batches", func(c engine.Counts) int64 { return c.Read }),
			rows("inserted", "Rows that came into the engine", func(c engine.Counts) int64 { return max(c.Inserted, 0) }),
			rows("withdrawn", "Rows counted as inserted that a first load took out again, for their code belongs to another",
				func(c engine.Counts) int64 { return max(-c.Inserted, 0) }),
			rows("updated", "Rows of the engine that were changed", func(c engine.Counts) int64 { return c.Updated }),
			rows("unchanged", "Rows that were as they should be, and were not written", func(c engine.Counts) int64 { return c.Unchanged }),
			rows("deleted", "Rows that left the engine because their source row is gone", func(c engine.Counts) int64 { return c.Deleted }),
			rows("quarantined", "Rows that were put, or kept, in quarantine", func(c engine.Counts) int64 { return c.Rejected }),
		},
		errors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Namespace: namespace, Subsystem: "batch", Name: "errors_total",
			Help: "Failed attempts at batches that count as errors of their run, by this process; the plan of a run is of entity \"" + allEntities + "\".",
		}, []string{"entity", "verb"}),
		batch: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: namespace, Subsystem: "batch", Name: "duration_seconds",
			Help: "What committed batches took, by this process.", Buckets: seconds,
		}, []string{"verb"}),
	}
	for _, e := range entity.All() { // a rate needs a first sample: what has not happened yet is known to be 0
		for _, kind := range []engine.RunKind{engine.RunFull, engine.RunIncremental} {
			for _, r := range c.rows {
				r.vec.WithLabelValues(e.Name, string(kind))
			}
		}
		c.errors.WithLabelValues(e.Name, string(engine.StepLoad))
	}
	c.errors.WithLabelValues(allEntities, string(engine.StepPlan))
	return c
}

func (c *counters) register(r prometheus.Registerer) {
	for _, row := range c.rows {
		r.MustRegister(row.vec)
	}
	r.MustRegister(c.errors, c.batch)
}

// Committed adds a batch that is durable.
func (c *counters) Committed(b cycle.Committed) {
	c.batch.WithLabelValues(string(b.Verb)).Observe(b.Took.Seconds())
	for name, counts := range b.Rows {
		for _, row := range c.rows {
			if n := row.of(counts); n > 0 {
				row.vec.WithLabelValues(name, string(b.Kind)).Add(float64(n))
			}
		}
	}
}

// Failed adds an attempt that counts as an error of its run.
func (c *counters) Failed(verb engine.StepVerb, name string) {
	if name == "" {
		name = allEntities
	}
	c.errors.WithLabelValues(name, string(verb)).Inc()
}
