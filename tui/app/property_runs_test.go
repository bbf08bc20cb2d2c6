package app_test

import (
	"errors"

	"pgregory.net/rapid"

	"ferry/engine"
)

func drawCounts(t *rapid.T) engine.Counts {
	return engine.Counts{
		Read: number(t), Inserted: number(t), Updated: number(t), Unchanged: number(t), Rejected: number(t), Settled: number(t),
		Warned: number(t),
	}
}

func drawBatch(t *rapid.T) engine.BatchView {
	return engine.BatchView{
		ID: engine.BatchID(number(t)), Verb: pick(t, engine.StepPlan, engine.StepLoad, engine.StepVerb(drawText(t))), Entity: drawText(t),
		Low: number(t), High: number(t), Attempt: few(t), Tries: few(t), Worker: drawText(t), Counts: drawCounts(t),
		State: pick(t, engine.BatchQueued, engine.BatchRunning, engine.BatchDone, engine.BatchFailed, engine.BatchState(drawText(t))),
		Error: drawText(t), SQLState: drawText(t), QueuedAt: drawTime(t), StartedAt: drawTime(t), FinishedAt: drawTime(t),
	}
}

// drawHistory draws a past that may hold the run of a snapshot.
func drawHistory(t *rapid.T, run *engine.RunView) []*engine.RunDetail {
	var out []*engine.RunDetail
	for range few(t) {
		view := drawRun(t)
		if view == nil {
			continue
		}
		if run != nil && len(out) == 0 {
			view.ID = run.ID
		}
		d := &engine.RunDetail{
			RunSummary:   engine.RunSummary{RunView: *view, Counts: drawCounts(t), Errors: number(t), Batches: number(t)},
			BatchesTotal: number(t),
		}
		for range few(t) {
			d.Steps = append(d.Steps, engine.StepView{
				Verb: pick(t, engine.StepPlan, engine.StepLoad, engine.StepOwners, engine.StepSettle, engine.StepSweep), Entity: drawText(t),
				State: drawStep(t), Counts: drawCounts(t), Errors: number(t), BatchesDone: number(t),
				BatchesTotal: drawMaybe(t, anyNumber), StartedAt: drawTime(t), FinishedAt: drawTime(t),
			})
		}
		for range 2 * few(t) {
			d.Batches = append(d.Batches, drawBatch(t))
		}
		out = append(out, d)
	}
	return out
}

func drawPreflight(t *rapid.T) engine.Preflight {
	var p engine.Preflight
	for range few(t) {
		p = append(p, engine.PreflightLine{
			Name: drawText(t), Verdict: pick(t, engine.Pass, engine.Fail, engine.CouldNotCheck, engine.Verdict(drawText(t))),
			Found: drawText(t), Advice: drawText(t), Unsafe: rapid.Bool().Draw(t, "unsafe"),
		})
	}
	return p
}

func drawError(t *rapid.T) error {
	switch rapid.IntRange(0, 5).Draw(t, "error") {
	case 0:
		return errors.New(drawText(t))
	case 1:
		return engine.ErrNotInitialised
	}
	return nil
}
