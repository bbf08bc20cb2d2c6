package tuitest

import (
	"time"

	"ferry/engine"
)

// Noon is the moment at which all scenarios are seen.
var Noon = time.Date(2025, 11, 3, 21, 4, 11, 0, time.UTC)

// Scenario is a state that a console can meet.
type Scenario struct {
	Name     string
	Snapshot *engine.Snapshot
}

// Scenarios lists one for each state.
func Scenarios() []Scenario {
	state := func(s engine.RunState, change func(*engine.RunView)) *engine.Snapshot {
		snapshot := Running()
		snapshot.Run.State = s
		change(snapshot.Run)
		return snapshot
	}
	stopped := func(r *engine.RunView) {
		r.Since, r.StateBy, r.NowDoing = Noon.Add(-3*time.Minute), "sari@db2", ""
		r.Reason = "index rebuild on db1"
	}
	return append([]Scenario{
		{"connecting", Connecting()},
		{"never-reached", NeverReached()},
		{"not-initialised", Bare(engine.SetupMissing)},
		{"schema-older", Bare(engine.SetupOlder)},
		{"schema-newer", Bare(engine.SetupNewer)},
		{"idle", Bare(engine.SetupReady)},
		{"queued", state(engine.RunQueued, func(r *engine.RunView) { r.NowDoing = "waiting for a worker" })},
		{"planning", state(engine.RunPlanning, func(r *engine.RunView) { r.NowDoing = "planning snapshot of the source" })},
		{"running", Running()},
		{"throttled", Throttled()},
		{"pausing", state(engine.RunPausing, func(r *engine.RunView) { stopped(r); r.NowDoing = "2 batches end first" })},
		{"paused", Halt(state(engine.RunPaused, func(r *engine.RunView) { stopped(r); r.NowDoing = "loading loyalty_card" }))},
		{"interrupted", Halt(state(engine.RunInterrupted, stopped))},
		{"cancelled", Halt(state(engine.RunCancelled, stopped))},
		{"failed", Failed()},
		{"done", Done()},
		{"unaccounted", Unaccounted()},
		{"unreachable-engine", Unreachable()},
		{"unreachable-source", SourceDown()},
		{"read-only", ReadOnly()},
		{"viewer", Viewing()},
		{"sealed", Sealed()},
		{"sealed-unreachable", SealedAndDown()},
	}, append(Cycles(), Proofs()...)...)
}

// Throttled is a first load that somebody holds to a rate.
func Throttled() *engine.Snapshot {
	s := Running()
	why := engine.PolicyView{
		Name: engine.PolicyThrottle, Value: "2000", Default: "none", By: "sari@db2", At: Noon.Add(-40 * time.Second), Reason: "Odoo is slow",
	}
	*s.Policy(engine.PolicyThrottle) = why
	s.Pace = engine.PaceView{RowsPerSecond: 2000, By: why.By, At: why.At, Reason: why.Reason}
	return s
}

// Bare is reached, with nothing in it yet.
func Bare(setup engine.Setup) *engine.Snapshot {
	s := &engine.Snapshot{
		Sequence: 41,
		TakenAt:  Noon.Add(-200 * time.Millisecond),
		Process:  engine.Process{ID: "p1", Host: "db1", PID: 4711, Workers: 2, StartedAt: Noon.Add(-time.Hour)},
		Profile:  "prod",
		Source:   engine.Endpoint{Address: "odoo@10.0.4.7/prod", Version: "15.18", ReadOnly: true},
		Target:   engine.Endpoint{Address: "engine@10.0.4.9/loyalty", Version: "15.18"},
		Database: "loyalty",
		Setup:    setup,
	}
	if setup != engine.SetupReady {
		return s
	}
	s.Policies = []engine.PolicyView{
		{Name: engine.PolicyBatchRows, Value: "auto", Default: "auto"},
		{Name: "deletes", Value: "report", Default: "report"},
		{Name: engine.PolicyThrottle, Value: "none", Default: "none"},
	}
	s.Workers = []engine.WorkerView{{ID: "p1", Host: "db1", PID: 4711, Workers: 2, Here: true}}
	s.Entities = []engine.EntityView{
		{Name: "loyalty_card", Target: "loyalty_cards", SourceRows: engine.Known[int64](228_340), SourceEstimated: true},
		{Name: "loyalty_point_move", Target: "point_moves", SourceRows: engine.Known[int64](1_204_900), SourceEstimated: true},
		{Name: "loyalty_point_history", Target: "point_history", SourceRows: engine.Known[int64](5_012_000), SourceEstimated: true},
	}
	s.Activity = []engine.Activity{{At: Noon.Add(-20 * time.Minute), By: "sari@db2", What: "initialised the engine database"}}
	return s
}

// Connecting has not read anything yet.
func Connecting() *engine.Snapshot {
	s := Bare(engine.SetupUnknown)
	s.TakenAt = time.Time{}
	s.Source.Version, s.Target.Version = "", ""
	return s
}

// NeverReached could not reach the engine database so far.
func NeverReached() *engine.Snapshot {
	s := Connecting()
	s.Source.Version = "15.18"
	s.Target.DownSince, s.Target.NextTry = Noon.Add(-12*time.Second), Noon.Add(3*time.Second)
	s.Target.Err = "connect: dial tcp 10.0.4.9:5432: connect: connection refused"
	return s
}

// Running is in the midst of a first load.
func Running() *engine.Snapshot {
	s := Bare(engine.SetupReady)
	s.Run = &engine.RunView{
		ID: 12, Kind: engine.RunFull, State: engine.RunRunning, First: true, By: "sari@db2",
		CreatedAt: Noon.Add(-70 * time.Second), StartedAt: Noon.Add(-68 * time.Second), Since: Noon.Add(-60 * time.Second),
		NowDoing:  "loading loyalty_card, 2 batches in flight",
		LastError: "engine: write loyalty_card 180001…185000: deadlock detected (SQLSTATE 40P01)", LastErrorAt: Noon.Add(-9 * time.Second),
	}
	s.Errors = 2
	card := &s.Entities[0]
	card.State, card.Done, card.Errors = engine.StepRunning, 0.783, 2
	card.Counts = engine.Counts{Read: 178_812, Inserted: 178_201, Rejected: 611}
	card.BatchesDone, card.BatchesTotal = 39, engine.Known[int64](50)
	card.RowsPerSecond, card.ETA = engine.Known(41_230.0), engine.ETA{State: engine.ETAReady, Left: 12 * time.Second}
	card.Quarantined, card.Waiting = engine.Known[int64](611), engine.Known[int64](0)
	s.Entities[1].State, s.Entities[2].State = engine.StepWaiting, engine.StepWaiting
	s.Steps = []engine.StepView{
		{Verb: engine.StepPlan, State: engine.StepDone, Done: 1},
		{Verb: engine.StepLoad, Entity: "loyalty_card", State: engine.StepRunning, Done: 0.783},
		{Verb: engine.StepLoad, Entity: "loyalty_point_move", State: engine.StepWaiting},
		{Verb: engine.StepLoad, Entity: "loyalty_point_history", State: engine.StepWaiting},
		{Verb: engine.StepSettle, Entity: "loyalty_card", State: engine.StepWaiting},
	}
	s.Workers = []engine.WorkerView{
		{ID: "p1", Host: "db1", PID: 4711, Workers: 2, Busy: 2, Here: true},
		{ID: "p2", Host: "db2", PID: 912, Workers: 2, Silent: 12 * time.Second},
		{ID: "p3", Host: "bastion", PID: 77},
	}
	s.Reasons = []engine.ReasonView{
		{Entity: "loyalty_card", Reason: "card.partner_missing", Rows: 384, Hangs: 212},
		{Entity: "loyalty_card", Reason: "card.points_negative", Rows: 206},
		{Entity: "loyalty_card", Reason: "code_taken", Rows: 21},
	}
	s.Activity = append([]engine.Activity{
		{At: Noon.Add(-9 * time.Second), By: "", What: "batch 39 of loyalty_card: deadlock detected, tried again"},
		{At: Noon.Add(-70 * time.Second), By: "sari@db2", What: "started full run #12"},
	}, s.Activity...)
	return s
}

// Halt takes the motion out of a running snapshot.
func Halt(s *engine.Snapshot) *engine.Snapshot {
	for i := range s.Entities {
		s.Entities[i].RowsPerSecond, s.Entities[i].ETA = engine.Maybe[float64]{}, engine.ETA{}
	}
	for i := range s.Workers {
		s.Workers[i].Busy = 0
	}
	return s
}

// Failed met an error that waiting cannot cure.
func Failed() *engine.Snapshot {
	s := Halt(Running())
	s.Run.State, s.Run.Since, s.Run.NowDoing = engine.RunFailed, Noon.Add(-4*time.Minute), ""
	s.Run.CreatedAt, s.Run.StartedAt = Noon.Add(-6*time.Minute), Noon.Add(-358*time.Second)
	s.Run.Error = "source: read loyalty_point_move: permission denied for table loyalty_point_move (SQLSTATE 42501)"
	return s
}

// Done ended well.
func Done() *engine.Snapshot {
	s := Halt(Running())
	s.Run.State, s.Run.NowDoing, s.Run.LastError = engine.RunDone, "", ""
	s.Run.StartedAt, s.Run.FinishedAt = Noon.Add(-6*time.Minute), Noon.Add(-110*time.Second)
	s.Run.Since = s.Run.FinishedAt
	s.Errors = 0
	figures := []struct{ source, target, quarantined, waiting int64 }{
		{228_331, 227_720, 611, 0}, {1_204_877, 1_204_610, 267, 212}, {5_011_960, 5_011_948, 12, 0},
	}
	for i, f := range figures {
		e := &s.Entities[i]
		e.State, e.Done, e.Errors = engine.StepDone, 1, 0
		e.Counts = engine.Counts{Read: f.source, Inserted: f.target, Rejected: f.quarantined}
		e.SourceRows, e.SourceEstimated, e.TargetRows = engine.Known(f.source), false, engine.Known(f.target)
		e.Quarantined, e.Waiting = engine.Known(f.quarantined), engine.Known(f.waiting)
		e.Stale, e.Extra, e.Accounted = engine.Known[int64](0), engine.Known[int64](0), engine.Known(true)
		e.BatchesDone = f.source/5000 + 1
		e.BatchesTotal = engine.Known(e.BatchesDone)
	}
	for i := range s.Steps {
		s.Steps[i].State, s.Steps[i].Done = engine.StepDone, 1
	}
	settle := &s.Steps[len(s.Steps)-1]
	settle.Counts.Settled, settle.BatchesDone, settle.BatchesTotal = 31_204, 46, engine.Known[int64](46)
	s.Reasons = append(s.Reasons, engine.ReasonView{Entity: "loyalty_point_move", Reason: "waiting_parent", Rows: 212})
	s.Activity[1].At = Noon.Add(-6 * time.Minute)
	s.Activity[0] = engine.Activity{At: s.Run.FinishedAt, What: "full run #12 ended: every row accounted for"}
	return s
}

// Unaccounted ended, but the sum does not come out.
func Unaccounted() *engine.Snapshot {
	s := Done()
	e := &s.Entities[1]
	e.TargetRows, e.Stale, e.Accounted = engine.Known[int64](1_204_607), engine.Known[int64](4), engine.Known(false)
	return s
}

// Unreachable lost the engine database in the midst of a run.
func Unreachable() *engine.Snapshot {
	s := Running()
	s.TakenAt = Noon.Add(-13 * time.Second)
	s.Target.DownSince, s.Target.NextTry = Noon.Add(-12*time.Second), Noon.Add(3*time.Second)
	s.Target.Err = "read state: server closed the connection unexpectedly (SQLSTATE 57P03)"
	return s
}

// SourceDown lost the source in the midst of a run.
func SourceDown() *engine.Snapshot {
	s := Running()
	s.Source.DownSince, s.Source.NextTry = Noon.Add(-75*time.Second), Noon.Add(8*time.Second)
	s.Source.Err = "connect: dial tcp 10.0.4.7:5432: i/o timeout"
	return s
}

// ReadOnly only looks on.
func ReadOnly() *engine.Snapshot {
	s := Done()
	s.Process.ReadOnly, s.Process.Workers = true, 0
	return s
}

// Elsewhere is a run whose workers are all in other processes.
func Elsewhere() *engine.Snapshot {
	s := Running()
	s.Process.Workers = 0
	s.Workers = []engine.WorkerView{
		{ID: "p2", Host: "db2", PID: 912, Workers: 2, Busy: 2},
		{ID: "p4", Host: "db3", PID: 20_315, Workers: 4},
		{ID: "p1", Host: "db1", PID: 4711, Here: true},
	}
	return s
}

// Orphaned is a run whose workers are gone, in a process with so many of its own.
func Orphaned(workers int) *engine.Snapshot {
	s := Halt(Running())
	s.Process.Workers = workers
	s.Workers = []engine.WorkerView{{ID: "p2", Host: "db2", PID: 912, Workers: 2, Silent: 74 * time.Second}}
	return s
}
