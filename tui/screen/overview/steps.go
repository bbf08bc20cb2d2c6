package overview

import (
	"slices"

	"ferry/engine"
	"ferry/themes"
	"ferry/tui/canvas"
	"ferry/tui/status"
	"ferry/tui/widget"
)

// beyondLoading are the steps that are no entity's load, as they are shown: one line for each verb.
var beyondLoading = []engine.StepVerb{
	engine.StepOwners, engine.StepIndex, engine.StepKeys, engine.StepSettle, engine.StepSweep, engine.StepDelete, engine.StepRepair,
}

// steps draws the steps of the run that belong to no single entity's load.
func (o *Overview) steps() []canvas.Line {
	run := o.sight.Snapshot.Run
	if o.passing(run) || passed(run) {
		return nil // lines that come and go every few seconds move all that is below
	}
	var lines []canvas.Line
	for _, verb := range beyondLoading {
		step, ok := together(o.sight.Snapshot.Steps, verb)
		switch {
		case !ok:
		case step.State == engine.StepDone && run != nil && run.State == engine.RunDone:
			if run.Kind == engine.RunIncremental && step.Counts.Idle() {
				continue // a tick ends every few seconds: only what came of it is worth a line
			}
			l := canvas.Of(themes.Text, " ")
			l.Put(themes.Title, status.Doing(verb)).To(barColumn).Put(themes.OK, "✓ done")
			if text := came(verb, &step.Counts); text != "" {
				l.PutRight(o.width-1, themes.Muted, text)
			}
			lines = append(lines, l)
		default:
			lines = append(lines, o.progress(status.Doing(verb), standing(step.State, run), step.Done, "",
				"batches "+batches(step.BatchesDone, step.BatchesTotal, step.State)))
		}
	}
	return lines
}

// came is what came of a step.
func came(verb engine.StepVerb, c *engine.Counts) string {
	switch verb {
	case engine.StepSettle:
		return widget.Plural(c.Settled, "card changed", "cards changed")
	case engine.StepSweep:
		if c.Extra == 0 {
			return "none is gone"
		}
		return widget.Plural(c.Extra, "row is", "rows are") + " gone from the source"
	case engine.StepDelete:
		return widget.Plural(c.Deleted, "row deleted", "rows deleted")
	case engine.StepRepair:
		return widget.Plural(c.Inserted+c.Updated+c.Deleted, "row changed", "rows changed")
	case engine.StepPlan, engine.StepLoad, engine.StepOwners, engine.StepIndex, engine.StepKeys, engine.StepCompare, engine.StepConfirm, engine.StepLedger:
	}
	return ""
}

// together sums the steps with a verb, one for each entity, up to one.
func together(steps []engine.StepView, verb engine.StepVerb) (engine.StepView, bool) {
	var sum engine.StepView
	var states []engine.StepState
	total, done := engine.Known[int64](0), 0.0
	for _, step := range steps {
		if step.Verb != verb {
			continue
		}
		states = append(states, step.State)
		sum.Verb, sum.Entity = verb, step.Entity
		sum.Counts.Add(step.Counts)
		sum.Errors += step.Errors
		sum.BatchesDone += step.BatchesDone
		total = engine.Maybe[int64]{Value: total.Value + step.BatchesTotal.Value, Known: total.Known && step.BatchesTotal.Known}
		done += step.Done
	}
	if len(states) == 0 {
		return sum, false
	}
	sum.BatchesTotal, sum.Done = total, done/float64(len(states))
	same := func(state engine.StepState) bool {
		return !slices.ContainsFunc(states, func(s engine.StepState) bool { return s != state })
	}
	switch {
	case same(engine.StepDone):
		sum.State = engine.StepDone
	case same(engine.StepWaiting):
		sum.State = engine.StepWaiting
	default:
		sum.State = engine.StepRunning
	}
	return sum, true
}
