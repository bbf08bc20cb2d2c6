package tuitest

import (
	"time"

	"ferry/engine"
)

// Cycles lists the states of an engine that is kept in step.
func Cycles() []Scenario {
	return []Scenario{
		{"needs-answer", Asking()},
		{"in-step", InStep()},
		{"tick", Tick()},
		{"tick-full", TickOfAll()},
		{"ticks-paused", TicksPaused()},
		{"held", Held()},
		{"floor-pinned", Pinned()},
		{"over-limit", OverLimit()},
		{"nobody-ticks", NobodyTicks()},
	}
}

// InStep is between two ticks that this process starts.
func InStep() *engine.Snapshot {
	s := Done()
	s.Run = &engine.RunView{
		ID: 4711, Kind: engine.RunIncremental, State: engine.RunDone, Scheduled: true, Source: "7412/prod",
		CreatedAt: Noon.Add(-13 * time.Second), StartedAt: Noon.Add(-13 * time.Second), FinishedAt: Noon.Add(-12 * time.Second),
		Since: Noon.Add(-12 * time.Second), Ticks: 1, FirstAt: Noon.Add(-13 * time.Second),
	}
	s.Schedule = engine.Schedule{Every: 20 * time.Second, NextAt: Noon.Add(7 * time.Second), Keepers: []string{"db1:4711"}, Here: true}
	s.Freshness = engine.Freshness{
		ReadFrom: Noon.Add(-14 * time.Second), TickedAt: Noon.Add(-12 * time.Second), Ticks: 178,
		P50: engine.Known(11400 * time.Millisecond), P99: engine.Known(24100 * time.Millisecond), Max: engine.Known(31 * time.Second),
	}
	s.Floor = engine.FloorView{Floor: "88123907", TakenAt: Noon.Add(-13 * time.Second)}
	s.Steps = []engine.StepView{
		{Verb: engine.StepPlan, State: engine.StepDone, Done: 1, BatchesDone: 1, BatchesTotal: engine.Known[int64](1)},
		{Verb: engine.StepSweep, Entity: "loyalty_card", State: engine.StepDone, Done: 1, BatchesTotal: engine.Known[int64](0)},
		{Verb: engine.StepSweep, Entity: "loyalty_point_move", State: engine.StepDone, Done: 1, BatchesTotal: engine.Known[int64](0)},
	}
	for i := range s.Entities {
		s.Entities[i].Counts = engine.Counts{Read: 12, Inserted: 3, Updated: 2, Unchanged: 7}
	}
	s.Reasons[0].Waived = 300
	s.Entities[0].Waived = engine.Known[int64](300)
	s.Activity = append([]engine.Activity{{At: Noon.Add(-2 * time.Hour), By: "sari@db2", What: "waived 300 rows of card.partner_missing: coupons"}},
		s.Activity...)
	return s
}

// Tick is in the midst of a tick that is over in a moment.
func Tick() *engine.Snapshot {
	s := InStep()
	s.Run.State, s.Run.NowDoing = engine.RunRunning, "reading what changed"
	s.Run.StartedAt, s.Run.FinishedAt = Noon.Add(-time.Second), time.Time{}
	for i := range s.Entities {
		s.Entities[i].State = engine.StepWaiting
	}
	return s
}

// TickOfAll is a tick that reads every row, and looks for those that are gone.
func TickOfAll() *engine.Snapshot {
	s := InStep()
	s.Run.State, s.Run.NowDoing, s.Run.FinishedAt = engine.RunRunning, "looking for gone rows of loyalty_point_move", time.Time{}
	s.Run.StartedAt, s.Run.Since = Noon.Add(-3*time.Minute), Noon.Add(-3*time.Minute)
	s.Run.WhyFull = "the rules changed: card.partner_missing is warn since 21:00:51Z"
	s.Steps = []engine.StepView{
		{Verb: engine.StepPlan, State: engine.StepDone, Done: 1},
		{Verb: engine.StepLoad, Entity: "loyalty_card", State: engine.StepDone, Done: 1},
		{Verb: engine.StepSettle, State: engine.StepDone, Done: 1, BatchesDone: 46, BatchesTotal: engine.Known[int64](46)},
		{
			Verb: engine.StepSweep, Entity: "loyalty_card", State: engine.StepDone, Done: 1, BatchesDone: 12, BatchesTotal: engine.Known[int64](12),
			Counts: engine.Counts{Extra: 12},
		},
		{Verb: engine.StepSweep, Entity: "loyalty_point_move", State: engine.StepRunning, Done: 0.5, BatchesDone: 3, BatchesTotal: engine.Known[int64](6)},
		{Verb: engine.StepDelete, Entity: "loyalty_card", State: engine.StepWaiting},
	}
	return s
}

// Asking waits for an operator's answer.
func Asking() *engine.Snapshot {
	s := TickOfAll()
	s.Run.State, s.Run.WhyFull, s.Run.Since = engine.RunAsking, "", Noon.Add(-90*time.Second)
	s.Run.Question = "12,044 of 228,331 rows of loyalty_card (5.3 %) are gone from the source; the limit is 0.1 %. Are they meant to be gone? " +
		"If you accept, they are counted as extra; nothing is deleted, for the policy is \"report\"."
	return s
}

// TicksPaused is held back: the ticks by one operator, an entity by another.
func TicksPaused() *engine.Snapshot {
	s := InStep()
	s.Schedule.PausedBy, s.Schedule.PausedSince, s.Schedule.Reason = "sari@db2", Noon.Add(-26*time.Minute), "index rebuild on the engine database"
	s.Freshness.ReadFrom = Noon.Add(-26 * time.Minute)
	s.Entities[2].PausedBy, s.Entities[2].PausedReason = "budi@db1", "Odoo rewrites it tonight"
	return s
}

// Held is a full run that leaves out what an operator holds back.
func Held() *engine.Snapshot {
	s := Running()
	e := &s.Entities[1]
	e.PausedBy, e.PausedReason = "budi@db1", "Odoo rewrites it tonight"
	e.TargetRows, e.Stale, e.Extra = engine.Known[int64](1_204_610), engine.Known[int64](0), engine.Known[int64](0)
	e.Quarantined = engine.Known[int64](267)
	return s
}

// Pinned has a floor that does not move.
func Pinned() *engine.Snapshot {
	s := InStep()
	s.Floor.PinnedSince = s.Floor.TakenAt.Add(-12*time.Minute - 9*time.Second)
	s.Floor.PinnedBy = "pid 812 odoo, since when cannot be seen; GRANT pg_read_all_stats TO ferry_reader"
	s.Freshness.P99, s.Freshness.Max = engine.Known(71*time.Second), engine.Known(83*time.Second)
	s.Freshness.P50 = engine.Maybe[time.Duration]{}
	s.Schedule.Here, s.Schedule.Keepers = false, []string{"db2:912", "db3:20315", "db4:7"}
	s.Schedule.NextAt = Noon.Add(-3 * time.Minute)
	return s
}

// OverLimit ended with more rejected rows than the limit allows.
func OverLimit() *engine.Snapshot {
	s := Done()
	s.Entities[0].Quarantined, s.Entities[0].TargetRows = engine.Known[int64](6_110), engine.Known[int64](222_221)
	return s
}

// NobodyTicks has been synced once; nothing keeps it in step.
func NobodyTicks() *engine.Snapshot {
	s := Done()
	s.Freshness = engine.Freshness{ReadFrom: Noon.Add(-6 * time.Minute), TickedAt: Noon.Add(-110 * time.Second)}
	s.Floor = engine.FloorView{Floor: "88120001", TakenAt: Noon.Add(-6 * time.Minute)}
	return s
}
