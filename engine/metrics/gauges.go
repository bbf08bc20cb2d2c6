package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"ferry/engine"
)

// gauges reads the latest snapshot whenever it is asked.
type gauges struct {
	look func() *engine.Snapshot
	now  func() time.Time
}

func gauge(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(namespace+"_"+name, help, labels, nil)
}

var (
	databaseUp  = gauge("database_up", "Whether a database answers this process: 1, or 0.", "side")
	schemaReady = gauge("schema_ready", "Whether ferry's schema in the engine database is this version's: 1, or 0.")
	freshness   = gauge("freshness_seconds",
		"How old the oldest change at the source may be that is not in the engine yet: an upper bound, by entity.", "entity")
	transactionAge = gauge("source_transaction_age_seconds", "How long ferry's longest transaction at the source has been open, in any process.")

	sourceRows      = gauge("source_rows", "Rows of the source, as counted when the last cycle ended.", "entity")
	engineRows      = gauge("engine_rows", "Rows of the engine that came from the source.", "entity")
	staleRows       = gauge("stale_rows", "Rows of the engine whose source row is in quarantine: an older version stays.", "entity")
	extraRows       = gauge("extra_rows", "Rows of the engine whose source row is gone.", "entity")
	quarantineRows  = gauge("quarantine_rows", "Rows in quarantine: open, waiting_parent or waived.", "entity", "state")
	rejectedRatio   = gauge("rejected_ratio", "The share of the source's rows that is rejected: in quarantine, and neither waiting nor waived.", "entity")
	accounted       = gauge("rows_accounted", "Whether source rows = engine rows - stale - extra + quarantined: 1, or 0.", "entity")
	agreement       = gauge("agreement_ratio", "The share of the compared rows that agree.")
	entityAgreement = gauge("entity_agreement_ratio", "The share of an entity's compared rows that agree.", "entity")
	coverage        = gauge("proof_coverage_ratio", "The share of ids whose last comparison is young enough to count.")
	proofAge        = gauge("proof_age_seconds", "How long ago the ids were compared that have not been for longest.")
	discrepancies   = gauge("discrepancies", "Rows that differ: settled, or in_flight, which may be changes under way.", "state")

	sealed         = gauge("sealed", "Whether the engine is sealed, and nothing of ferry writes it: 1, or 0.")
	floorPinned    = gauge("floor_pinned", "Whether a transaction of the source holds the floor back: 1, or 0.")
	floorPinnedFor = gauge("floor_pinned_seconds", "How long the floor had stood still when it was taken last; 0 while it moves.")

	queueDepth  = gauge("queue_depth", "Batches of active runs that are carved and not done: waiting, or running.", "state")
	processes   = gauge("worker_processes", "Processes with workers that are alive.")
	workers     = gauge("workers", "Workers of all processes that are alive.")
	busyWorkers = gauge("workers_busy", "Of those, the ones that are at a batch.")
	runActive   = gauge("run_active", "Whether a run of the kind is active: 1, or 0.", "kind")
	runWaits    = gauge("run_waits", "Whether the active run waits for an operator: paused, or asking; 1, or 0.", "for")

	schedulePaused  = gauge("schedule_paused", "Whether somebody holds ticks back: 1, or 0.")
	scheduleKeepers = gauge("schedule_keepers", "Processes that start ticks when they are due.")
	ticksFailing    = gauge("ticks_failing", "Ticks that failed one behind the other, up to now.")
	alertsFiring    = gauge("alerts_firing", "Alerts that fire.", "severity")
)

// Describe sends nothing: which gauges there are depends on what is known.
func (*gauges) Describe(chan<- *prometheus.Desc) {}

// Collect tells what the latest snapshot says.
func (g *gauges) Collect(out chan<- prometheus.Metric) {
	s, now := g.look(), g.now()
	if s.At.IsZero() {
		return // nothing was looked at yet
	}
	t := teller{out}
	for side, at := range map[string]*engine.Endpoint{"source": &s.Source, "engine": &s.Target} {
		if at.Down() || at.Version != "" {
			t.flag(databaseUp, !at.Down(), side)
		}
	}
	if age := s.Source.Oldest; age.Known && !s.Source.Down() {
		t.tell(transactionAge, age.Value.Seconds())
	}
	if s.Setup != engine.SetupUnknown && !s.Target.Down() {
		t.flag(schemaReady, s.Setup == engine.SetupReady)
	}
	if s.TakenAt.IsZero() {
		return
	}
	for i := range s.Entities {
		if e := &s.Entities[i]; !e.ReadFrom.IsZero() {
			t.tell(freshness, max(0, s.Now(now).Sub(e.ReadFrom)).Seconds(), e.Name)
		}
	}
	if s.Target.Down() || s.Setup != engine.SetupReady {
		return // what is read from it is not known any more
	}
	t.flag(sealed, s.Sealed != nil)
	t.rows(s)
	t.proof(&s.Proof, s.Now(now))
	t.floor(&s.Floor)
	t.work(s)
	t.schedule(s)
}

// teller sends figures.
type teller struct{ out chan<- prometheus.Metric }

func (t teller) tell(d *prometheus.Desc, v float64, labels ...string) {
	t.out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
}

func (t teller) flag(d *prometheus.Desc, is bool, labels ...string) {
	v := 0.0
	if is {
		v = 1
	}
	t.tell(d, v, labels...)
}

func (t teller) count(d *prometheus.Desc, n engine.Maybe[int64], labels ...string) {
	if n.Known {
		t.tell(d, float64(n.Value), labels...)
	}
}

func (t teller) ratio(d *prometheus.Desc, share engine.Maybe[float64], labels ...string) {
	if share.Known {
		t.tell(d, share.Value, labels...)
	}
}

func (t teller) rows(s *engine.Snapshot) {
	for i := range s.Entities {
		e := &s.Entities[i]
		if !e.SourceEstimated {
			t.count(sourceRows, e.SourceRows, e.Name)
		}
		t.count(engineRows, e.TargetRows, e.Name)
		t.count(staleRows, e.Stale, e.Name)
		t.count(extraRows, e.Extra, e.Name)
		t.ratio(rejectedRatio, e.RejectedShare(), e.Name)
		if e.Accounted.Known {
			t.flag(accounted, e.Accounted.Value, e.Name)
		}
		if !e.Quarantined.Known || !e.Waiting.Known || !e.Waived.Known {
			continue
		}
		t.tell(quarantineRows, float64(e.Quarantined.Value-e.Waiting.Value-e.Waived.Value), e.Name, "open")
		t.tell(quarantineRows, float64(e.Waiting.Value), e.Name, "waiting_parent")
		t.tell(quarantineRows, float64(e.Waived.Value), e.Name, "waived")
	}
}

func (t teller) proof(p *engine.ProofView, now time.Time) {
	if p.Never() {
		return // nothing was ever compared, so nothing is proven and nothing has failed
	}
	t.ratio(agreement, p.Agreement)
	for i := range p.Entities {
		t.ratio(entityAgreement, p.Entities[i].Agreement(), p.Entities[i].Name)
	}
	t.tell(coverage, p.Coverage)
	if age := p.Age(now); age.Known {
		t.tell(proofAge, max(0, age.Value).Seconds())
	}
	t.tell(discrepancies, float64(p.Settled), "settled")
	t.tell(discrepancies, float64(p.InFlight), "in_flight")
}

func (t teller) floor(f *engine.FloorView) {
	if f.Floor == "" {
		return
	}
	t.flag(floorPinned, !f.PinnedSince.IsZero())
	t.tell(floorPinnedFor, f.Pinned().Seconds())
}

func (t teller) work(s *engine.Snapshot) {
	t.tell(queueDepth, float64(s.Queue.Waiting), "waiting")
	t.tell(queueDepth, float64(s.Queue.Running), "running")
	var alive, all, busy int
	for i := range s.Workers {
		if w := &s.Workers[i]; w.Works() {
			alive, all, busy = alive+1, all+w.Workers, busy+min(w.Busy, w.Workers)
		}
	}
	t.tell(processes, float64(alive))
	t.tell(workers, float64(all))
	t.tell(busyWorkers, float64(busy))
	for _, kind := range []engine.RunKind{engine.RunFull, engine.RunIncremental, engine.RunRepair} {
		t.flag(runActive, s.Run != nil && s.Run.Kind == kind && s.Run.State.Active(), string(kind))
	}
	t.flag(runActive, s.Check != nil && s.Check.State.Active(), string(engine.RunCheck))
	t.flag(runWaits, s.Run != nil && s.Run.State == engine.RunPaused, "resume")
	t.flag(runWaits, s.Run != nil && s.Run.State == engine.RunAsking, "answer")
}

func (t teller) schedule(s *engine.Snapshot) {
	t.flag(schedulePaused, s.Schedule.Paused())
	t.tell(scheduleKeepers, float64(len(s.Schedule.Keepers)))
	t.tell(ticksFailing, float64(s.Schedule.FailedInRow))
	if s.Monitor.At.IsZero() {
		return // never judged
	}
	firing := map[engine.Severity]int{engine.SeverityInfo: 0, engine.SeverityWarning: 0, engine.SeverityCritical: 0}
	for i := range s.Monitor.Firing {
		firing[s.Monitor.Firing[i].Severity]++
	}
	for severity, n := range firing {
		t.tell(alertsFiring, float64(n), string(severity))
	}
}
