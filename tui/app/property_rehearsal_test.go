package app_test

import (
	"time"

	"pgregory.net/rapid"

	"ferry/engine"
	"ferry/tui/tuitest"
)

func drawJournal(t *rapid.T) []engine.JournalEntry {
	var out []engine.JournalEntry
	for i := range pick(t, 0, 1, 5, 230) {
		e := engine.JournalEntry{ID: int64(i + 1), At: tuitest.Noon, Actor: "sari@db2", Action: "pause"}
		if i < 5 {
			e = engine.JournalEntry{
				ID: int64(i + 1), At: drawTime(t), Actor: drawText(t), SSH: drawText(t), Action: drawText(t), Run: drawMaybe(t, anyNumber),
				State: drawText(t), Reason: drawText(t), Outcome: drawText(t),
			}
		}
		out = append(out, e)
	}
	return out
}

// drawRehearsal draws a rehearsal at any step, well made or not.
func drawRehearsal(t *rapid.T) *engine.RehearsalView {
	steps := []engine.RehearsalStepName{"", engine.RehearsePreflight, engine.RehearseFreeze, engine.RehearseCheck}
	v := tuitest.RehearsalAt(engine.RunID(rapid.Int64Range(1, 20).Draw(t, "rehearsal")), pick(t, steps...), drawSpan(t)%(100*time.Hour))
	if run := drawRun(t); run != nil && rapid.Bool().Draw(t, "any run") {
		id := v.ID
		v.RunView = *run
		v.ID, v.Kind = id, engine.RunRehearsal
	}
	if rapid.Bool().Draw(t, "hostile") {
		return v
	}
	v.Freeze = pick(t, engine.FreezeDetect, engine.FreezeConfirm, engine.FreezeNone, engine.Freeze(drawText(t)))
	v.Verdict, v.Why, v.VerdictAt, v.FrozenAt, v.FrozenBy = drawVerdict(t), drawText(t), drawTime(t), drawTime(t), drawText(t)
	v.Standing, v.ExpiredAt, v.Moved = engine.Standing(drawText(t)), drawTime(t), drawText(t)
	v.Holder, v.HeldAt, v.Lost, v.Idle, v.Breaks = drawText(t), drawTime(t), rapid.Bool().Draw(t, "lost"), drawSpan(t), few(t)
	for i := range v.Steps {
		s := &v.Steps[i]
		s.State, s.Found = pick(t, s.State, engine.RehearsalDone, engine.RehearsalStepState(drawText(t))), drawText(t)
		s.StartedAt, s.FinishedAt = drawTime(t), drawTime(t)
	}
	for i := range v.Gates {
		g := &v.Gates[i]
		g.Verdict, g.Figure, g.Threshold, g.Evidence = drawVerdict(t), drawText(t), drawText(t), drawText(t)
		g.Advice, g.Run, g.At = drawText(t), engine.RunID(number(t)), drawTime(t)
	}
	for range few(t) {
		v.Gates = append(v.Gates, engine.RehearsalGate{Name: engine.GateName(drawText(t)), Verdict: drawVerdict(t)})
	}
	return v
}

func drawRehearsals(t *rapid.T, w *world) {
	var past []engine.RehearsalView
	for range few(t) {
		past = append(past, *drawRehearsal(t))
	}
	w.operator.Rehearse(past...)
	if rapid.IntRange(0, 3).Draw(t, "one now") > 0 {
		w.operator.Snapshot().Rehearsal = drawRehearsal(t)
	}
}
