package tuitest

import (
	"time"

	"ferry/engine"
)

// Proofs lists the states of an engine that is being proven right, or wrong.
func Proofs() []Scenario {
	return []Scenario{
		{"proven", Proven()},
		{"disproven", Disproven()},
		{"checking", Checking()},
		{"could-not-check", CouldNotCheck()},
		{"proof-expired", ProofExpired()},
		{"proof-after-repair", AfterRepair()},
		{"alerts", Alarmed()},
		{"levels-judged", Judged()},
	}
}

// Proven is kept in step, and a check has found nothing.
func Proven() *engine.Snapshot {
	s := InStep()
	s.Proof = engine.ProofView{
		Verdict: engine.Pass, Agreement: engine.Known(1.0), Compared: 6_444_278, InFlight: 3, Explained: 890, Coverage: 1,
		ByCause:  map[engine.Cause]int64{engine.CauseQuarantined: 678, engine.CauseWaitingParent: 212},
		OldestAt: Noon.Add(-4*time.Minute - 9*time.Second), NewestAt: Noon.Add(-2 * time.Minute), CleanAt: Noon.Add(-2 * time.Minute), MaxAge: 24 * time.Hour,
	}
	s.Check = &engine.CheckView{
		RunView: engine.RunView{
			ID: 14, Kind: engine.RunCheck, State: engine.RunDone, By: "sari@db2", CreatedAt: Noon.Add(-4*time.Minute - 9*time.Second),
			StartedAt: Noon.Add(-4*time.Minute - 9*time.Second), FinishedAt: Noon.Add(-2 * time.Minute), Since: Noon.Add(-2 * time.Minute),
		},
		Verdict: engine.Pass, Done: 1, Coverage: 1, Compared: s.Proof.Compared, InFlight: 3, Explain: 890,
	}
	s.Ledger = engine.LedgerView{
		Cards: engine.Known[int64](228_331), Drifted: engine.Known[int64](45), History: engine.Known[int64](8), Moves: engine.Known[int64](37),
		Incomplete: engine.Known[int64](2), Run: 14, At: Noon.Add(-3 * time.Minute),
	}
	return s
}

// Disproven has settled differences.
func Disproven() *engine.Snapshot {
	s := Proven()
	s.Proof.Verdict, s.Proof.Why, s.Proof.Settled = engine.Fail, "1,204 rows differ, and no change under way explains it", 1204
	s.Proof.Agreement, s.Proof.CleanAt = engine.Known(float64(s.Proof.Compared-1204)/float64(s.Proof.Compared)), time.Time{}
	s.Check.Verdict, s.Check.Settled = engine.Fail, 1204
	return s
}

// Checking is in the midst of a check, which waits for a tick.
func Checking() *engine.Snapshot {
	s := Proven()
	s.Check = &engine.CheckView{
		RunView: engine.RunView{
			ID: 15, Kind: engine.RunCheck, State: engine.RunRunning, By: "sari@db2", CreatedAt: Noon.Add(-50 * time.Second),
			StartedAt: Noon.Add(-49 * time.Second), Since: Noon.Add(-49 * time.Second), NowDoing: "comparing loyalty_point_move",
		},
		Waits: "no tick has ended since", Done: 0.625, Compared: 4_100_000, InFlight: 41,
	}
	return s
}

// CouldNotCheck has looked, and lacks a grant.
func CouldNotCheck() *engine.Snapshot {
	s := Proven()
	s.Proof = engine.ProofView{
		Verdict: engine.CouldNotCheck, Coverage: 0.41, NewestAt: Noon.Add(-2 * time.Minute), MaxAge: 24 * time.Hour,
		Why: "permission denied for table loyalty_point_move (SQLSTATE 42501); GRANT SELECT ON loyalty_point_move TO ferry_reader",
	}
	s.Ledger = engine.LedgerView{}
	s.Check.Verdict, s.Check.Why = engine.CouldNotCheck, s.Proof.Why
	return s
}

// ProofExpired was proven so long ago that it counts no more.
func ProofExpired() *engine.Snapshot {
	s := Proven()
	s.Proof.Verdict, s.Proof.Why = "", "the oldest proof is older than 1d"
	s.Proof.OldestAt, s.Proof.Coverage = Noon.Add(-26*time.Hour-9*time.Minute), 0.88
	return s
}

// AfterRepair was repaired, which no check has seen yet.
func AfterRepair() *engine.Snapshot {
	s := Proven()
	s.Proof.Verdict, s.Proof.Why = "", "repaired 3m ago: no whole check has ended since"
	s.Proof.RepairedAt, s.Proof.CleanAt = Noon.Add(-3*time.Minute), time.Time{}
	return s
}

// Judged was looked at by the monitor.
func Judged() *engine.Snapshot {
	s := Proven()
	s.Monitor.At = Noon.Add(-time.Minute)
	for _, e := range s.Entities {
		s.Proof.Entities = append(s.Proof.Entities, engine.CheckEntity{Name: e.Name, Compared: e.SourceRows.Value, Coverage: 1})
		s.Monitor.Levels = append(s.Monitor.Levels,
			engine.LevelView{Name: "agreement", Entity: e.Name, State: engine.LevelKept, Figure: "100 %", Target: "≥ 99.9 %"},
			engine.LevelView{Name: "nothing lost", Entity: e.Name, State: engine.LevelKept, Figure: "0 rows"},
			engine.LevelView{Name: "rejected share", Entity: e.Name, State: engine.LevelKept, Figure: "0.01 %", Target: "≤ 1 %"})
	}
	s.Monitor.Levels = append(s.Monitor.Levels,
		engine.LevelView{Name: "proof", State: engine.LevelKept, Figure: "pass", Target: "pass"},
		engine.LevelView{Name: "freshness", State: engine.LevelKept, Figure: "14 s", Target: "< 60 s"},
		engine.LevelView{Name: "failed ticks", State: engine.LevelKept, Figure: "0 of 178"},
		engine.LevelView{Name: "floor", State: engine.LevelUnknown, Figure: "–", Why: "GRANT pg_read_all_stats TO ferry_reader"})
	return s
}

// Alarmed has alerts that fire, and a channel that does not take them.
func Alarmed() *engine.Snapshot {
	s := Disproven()
	judged := Judged()
	s.Monitor, s.Proof.Entities = judged.Monitor, judged.Proof.Entities
	s.Proof.Entities[0].Settled = 3_402 // little among all rows, much among the cards
	s.Monitor.Levels[0] = engine.LevelView{
		Name: "agreement", Entity: "loyalty_card", State: engine.LevelAlert, Figure: "98.51 %", Target: "≥ 99.9 %",
		Why: "look at the discrepancies, and repair them",
	}
	s.Monitor.Firing = []engine.AlertView{
		{
			ID: 7, Rule: "agreement", Severity: engine.SeverityCritical, FiredAt: Noon.Add(-4 * time.Minute),
			Text: "1.49 % of the rows differ; the limit is 1 %. Open the discrepancies (3) and repair them.",
		},
		{ID: 8, Rule: "failed ticks", Severity: engine.SeverityWarning, FiredAt: Noon.Add(-time.Minute), Text: "3 ticks failed in a row."},
	}
	s.Monitor.Pending, s.Monitor.Failed = 2, "slack: 503 Service Unavailable"
	return s
}
