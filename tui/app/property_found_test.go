package app_test

import (
	"time"

	"pgregory.net/rapid"

	"ferry/engine"
)

func drawVerdict(t *rapid.T) engine.Verdict {
	return pick(t, "", engine.Pass, engine.Fail, engine.CouldNotCheck, engine.Verdict(drawText(t)))
}

// drawProof makes up what is proven, what a check is at, and what the monitor says.
func drawProof(t *rapid.T, s *engine.Snapshot) {
	s.Proof = engine.ProofView{
		Verdict: drawVerdict(t), Why: drawText(t), Agreement: drawMaybe(t, anyShare), Compared: number(t), Settled: number(t), InFlight: number(t),
		Explained: number(t), Coverage: anyShare.Draw(t, "coverage"), OldestAt: drawTime(t), NewestAt: drawTime(t), CleanAt: drawTime(t),
		MaxAge: time.Duration(number(t)), RepairedAt: drawTime(t),
	}
	if run := drawRun(t); run != nil {
		run.Kind = engine.RunCheck
		s.Check = &engine.CheckView{
			RunView: *run, Rolling: rapid.Bool().Draw(t, "rolling"), Recheck: rapid.Bool().Draw(t, "recheck"), Verdict: drawVerdict(t), Why: drawText(t),
			Waits: drawText(t), Done: anyShare.Draw(t, "done"), Compared: number(t), Settled: number(t), InFlight: number(t), Explain: number(t),
			Coverage: anyShare.Draw(t, "coverage"), Errors: number(t),
		}
	}
	s.Ledger, _ = drawLedger(t)
	s.Monitor = engine.MonitorView{At: drawTime(t), Pending: number(t), Failed: drawText(t)}
	for range few(t) {
		s.Monitor.Levels = append(s.Monitor.Levels, engine.LevelView{
			Name: pick(t, "agreement", "freshness", drawText(t)), Entity: pick(t, "", drawText(t)), Figure: drawText(t), Target: drawText(t), Why: drawText(t),
			State: pick(t, engine.LevelKept, engine.LevelMissed, engine.LevelAlert, engine.LevelUnknown, engine.LevelState(drawText(t))),
		})
		s.Monitor.Firing = append(s.Monitor.Firing, engine.AlertView{
			Severity: pick(t, engine.SeverityInfo, engine.SeverityCritical, engine.Severity(drawText(t))), Text: drawText(t), FiredAt: drawTime(t),
		})
	}
}

func drawFound(t *rapid.T) []engine.Discrepancy {
	var out []engine.Discrepancy
	states := append([]engine.DiscrepancyState{engine.DiscrepancyVerified}, engine.OpenDiscrepancy...)
	for i := range pick(t, 0, 1, 5, 230) {
		d := engine.Discrepancy{ID: int64(i + 1), Entity: "loyalty_card", Row: int64(i), Cause: engine.CauseField, State: engine.DiscrepancySettled}
		if i < 5 {
			d = engine.Discrepancy{
				ID: int64(i + 1), Entity: pick(t, "loyalty_card", drawText(t)), Row: number(t), Field: drawText(t), Source: drawValue(t),
				Expected: drawValue(t), Target: drawValue(t), Cause: drawCause(t), State: pick(t, states...), FoundRun: engine.RunID(number(t)),
				FoundAt: drawTime(t), SeenRun: engine.RunID(number(t)), SeenAt: drawTime(t), SettledAt: drawTime(t), AckBy: drawText(t), AckNote: drawText(t),
				AckAt: drawTime(t), AckUntil: drawTime(t), RepairedRun: engine.RunID(number(t)), RepairedAt: drawTime(t),
				VerifiedRun: engine.RunID(number(t)), VerifiedAt: drawTime(t),
			}
		}
		out = append(out, d)
	}
	return out
}

func drawPlan(t *rapid.T) *engine.RepairPlan {
	p := &engine.RepairPlan{
		ID: number(t), Hash: drawText(t), State: pick(t, engine.RepairPlanned, engine.RepairApplied, engine.RepairState(drawText(t))), MadeAt: drawTime(t),
		Deletes: number(t), Database: drawText(t), Total: number(t), ByCause: map[engine.Cause]int64{drawCause(t): number(t), drawCause(t): number(t)},
	}
	for range few(t) {
		p.Items = append(p.Items, engine.RepairItem{
			Entity: drawText(t), Row: number(t), Cause: drawCause(t), Outcome: drawText(t),
			Before: map[string]string{drawText(t): drawText(t), "x": drawText(t)},
			Action: pick(t, engine.RepairWrite, engine.RepairDelete, engine.RepairAction(drawText(t))), After: map[string]string{"x": drawText(t)},
			State: pick(t, engine.RepairPlanned, engine.RepairMoved, engine.RepairState(drawText(t))),
		})
	}
	return p
}
