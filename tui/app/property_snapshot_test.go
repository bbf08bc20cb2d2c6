package app_test

import (
	"time"

	"pgregory.net/rapid"

	"ferry/engine"
	"ferry/tui/tuitest"
)

func drawTime(t *rapid.T) time.Time {
	if rapid.IntRange(0, 4).Draw(t, "no time") == 0 {
		return time.Time{}
	}
	return tuitest.Noon.Add(time.Duration(rapid.Int64Range(-1e15, 1e13).Draw(t, "time")))
}

func drawMaybe[T any](t *rapid.T, g *rapid.Generator[T]) engine.Maybe[T] {
	return engine.Maybe[T]{Value: g.Draw(t, "value"), Known: rapid.Bool().Draw(t, "known")}
}

func pick[T any](t *rapid.T, from ...T) T { return rapid.SampledFrom(from).Draw(t, "pick") }

func drawEndpoint(t *rapid.T) engine.Endpoint {
	e := engine.Endpoint{Address: drawText(t), Version: drawText(t)}
	e.ReadOnly, e.Insecure = rapid.Bool().Draw(t, "ro"), rapid.Bool().Draw(t, "tls")
	if rapid.IntRange(0, 3).Draw(t, "down") == 0 {
		e.DownSince, e.NextTry, e.Err = drawTime(t), drawTime(t), drawText(t)
	}
	return e
}

func drawRun(t *rapid.T) *engine.RunView {
	if rapid.IntRange(0, 5).Draw(t, "no run") == 0 {
		return nil
	}
	return &engine.RunView{
		ID: engine.RunID(rapid.Int64().Draw(t, "id")), Kind: pick(t, engine.RunFull, engine.RunIncremental),
		State: pick(t, engine.RunQueued, engine.RunPlanning, engine.RunRunning, engine.RunPausing, engine.RunPaused, engine.RunAsking,
			engine.RunInterrupted, engine.RunCancelled, engine.RunFailed, engine.RunDone, engine.RunState("unheard of")),
		First: rapid.Bool().Draw(t, "first"), Since: drawTime(t), By: drawText(t), StateBy: drawText(t), Reason: drawText(t),
		CreatedAt: drawTime(t), StartedAt: drawTime(t), FinishedAt: drawTime(t), Error: drawText(t), NowDoing: drawText(t),
		LastError: drawText(t), LastErrorAt: drawTime(t), Question: drawText(t), Scheduled: rapid.Bool().Draw(t, "scheduled"),
		Ticks: int(anyNumber.Draw(t, "ticks")), FirstAt: drawTime(t), WhyFull: drawText(t),
	}
}

var (
	anyNumber = rapid.OneOf(rapid.Int64(), rapid.Int64Range(0, 9_999_999))
	anyShare  = rapid.OneOf(rapid.Float64(), rapid.Float64Range(0, 1))
)

func number(t *rapid.T) int64 { return anyNumber.Draw(t, "number") }

func few(t *rapid.T) int { return rapid.IntRange(0, 5).Draw(t, "few") }

func drawStep(t *rapid.T) engine.StepState {
	return pick(t, engine.StepWaiting, engine.StepRunning, engine.StepDone)
}

func drawEntity(t *rapid.T) engine.EntityView {
	return engine.EntityView{
		Name: drawText(t), State: drawStep(t), Errors: number(t), Done: anyShare.Draw(t, "done"),
		Counts:     engine.Counts{Read: number(t), Inserted: number(t), Updated: number(t), Unchanged: number(t), Rejected: number(t)},
		SourceRows: drawMaybe(t, anyNumber), SourceEstimated: rapid.Bool().Draw(t, "estimated"), TargetRows: drawMaybe(t, anyNumber),
		Quarantined: drawMaybe(t, anyNumber), Waiting: drawMaybe(t, anyNumber), Stale: drawMaybe(t, anyNumber),
		Extra: drawMaybe(t, anyNumber), BatchesDone: number(t), BatchesTotal: drawMaybe(t, anyNumber),
		RowsPerSecond: drawMaybe(t, anyShare),
		ETA: engine.ETA{
			State: pick(t, engine.ETANone, engine.ETAMeasuring, engine.ETAReady, engine.ETAAtLeast),
			Left:  time.Duration(number(t)),
		},
		Accounted: drawMaybe(t, rapid.Bool()), Waived: drawMaybe(t, anyNumber), PausedBy: drawText(t), PausedReason: drawText(t),
	}
}

func drawSnapshot(t *rapid.T) *engine.Snapshot {
	s := &engine.Snapshot{
		Sequence: rapid.Uint64().Draw(t, "sequence"), TakenAt: drawTime(t), Profile: drawText(t),
		Process: engine.Process{Workers: few(t), ReadOnly: rapid.Bool().Draw(t, "read-only")},
		Source:  drawEndpoint(t), Target: drawEndpoint(t), Run: drawRun(t), Errors: number(t), Setup: engine.SetupReady,
	}
	if rapid.IntRange(0, 2).Draw(t, "not set up") == 0 {
		s.Setup = pick(t, engine.SetupUnknown, engine.SetupMissing, engine.SetupOlder, engine.SetupNewer)
	}
	for range few(t) {
		s.Entities = append(s.Entities, drawEntity(t))
	}
	for range few(t) {
		verb := pick(t, engine.StepPlan, engine.StepLoad, engine.StepOwners, engine.StepSettle, engine.StepSweep, engine.StepDelete)
		s.Steps = append(s.Steps, engine.StepView{
			Verb: verb, State: drawStep(t), Done: anyShare.Draw(t, "done"), BatchesTotal: drawMaybe(t, anyNumber),
		})
	}
	for range few(t) {
		w := engine.WorkerView{Host: drawText(t), Workers: few(t), Busy: few(t), Silent: time.Duration(number(t))}
		s.Workers = append(s.Workers, w)
		s.Activity = append(s.Activity, engine.Activity{At: drawTime(t), By: drawText(t), What: drawText(t)})
		s.Reasons = append(s.Reasons, engine.ReasonView{Entity: drawText(t), Reason: drawReason(t), Rows: number(t), Waived: number(t), Hangs: number(t)})
	}
	drawCycle(t, s)
	return s
}
