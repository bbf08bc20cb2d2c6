package app_test

import (
	"pgregory.net/rapid"

	"ferry/engine"
)

func drawValue(t *rapid.T) engine.Maybe[string] {
	return drawMaybe(t, rapid.OneOf(rapid.Custom(drawText), rapid.SampledFrom([]string{"150.00", "NULL", "–", "", " ", "-1.33e-15", "NaN", "1e22"})))
}

func drawDrifts(t *rapid.T) []engine.Drift {
	var out []engine.Drift
	for range few(t) {
		out = append(out, pick(t, engine.DriftHistory, engine.DriftMoves, engine.DriftRunning, engine.Drift(drawText(t))))
	}
	return out
}

func drawCause(t *rapid.T) engine.Cause {
	return pick(t, "", engine.CauseMissing, engine.CauseExtra, engine.CauseField, engine.CauseQuarantined, engine.CauseWaitingParent,
		engine.CauseDeletedAtSource, engine.CauseWrittenOnTarget, engine.Cause(drawText(t)))
}

// drawCard draws a report on one of a few cards, or on none.
func drawCard(t *rapid.T) *engine.CardReport {
	r := &engine.CardReport{
		ID: rapid.Int64Range(0, 3).Draw(t, "card"), Code: drawText(t), Sentence: drawText(t), Cause: drawCause(t),
		AtSource: rapid.Bool().Draw(t, "at source"), InEngine: rapid.Bool().Draw(t, "in engine"), Settled: drawMaybe(t, rapid.Bool()),
		Points: drawValue(t), Last: drawValue(t), Moves: drawValue(t), Engine: drawValue(t), Drifts: drawDrifts(t), Rule: drawText(t),
		LinesTotal: number(t), FromSource: rapid.Bool().Draw(t, "from source"), Cost: drawText(t), Stated: drawText(t), Provenance: drawText(t),
		Break: drawMaybe(t, anyNumber), Run: engine.RunID(number(t)),
		Batch: engine.BatchID(number(t)), WrittenAt: drawTime(t), ReadAt: drawTime(t),
	}
	for range few(t) {
		r.Others = append(r.Others, number(t))
		r.Fields = append(r.Fields, engine.CardField{
			Name: drawText(t), Raw: drawValue(t), Source: drawValue(t), Expected: drawValue(t), Target: drawValue(t), Equal: rapid.Bool().Draw(t, "equal"),
		})
		r.Discrepancies = append(r.Discrepancies, engine.Discrepancy{
			ID: number(t), Entity: drawText(t), Row: number(t), Field: drawText(t), Expected: drawValue(t), Target: drawValue(t), Cause: drawCause(t),
			State: engine.DiscrepancyState(drawText(t)), FoundAt: drawTime(t), AckBy: drawText(t), AckNote: drawText(t), AckUntil: drawTime(t),
		})
		r.Differences = r.Discrepancies
		r.Lines = append(r.Lines, engine.CardLine{
			ID: number(t), At: drawTime(t), Amount: drawValue(t), Balance: drawValue(t), Running: drawValue(t), Broken: rapid.Bool().Draw(t, "broken"),
			Origin: drawText(t), Move: drawMaybe(t, anyNumber), InEngine: rapid.Bool().Draw(t, "in engine"), Why: drawText(t),
		})
	}
	if rapid.Bool().Draw(t, "quarantined") {
		r.Quarantine = &engine.QuarantineRow{
			Reason: drawReason(t), Detail: drawText(t), State: drawText(t), WaivedBy: drawText(t), WaivedNote: drawText(t), Hangs: number(t),
			Stale: rapid.Bool().Draw(t, "stale"), FirstSeen: drawTime(t),
		}
	}
	return r
}

func drawLedger(t *rapid.T) (v engine.LedgerView, cards []engine.LedgerCard) {
	v = engine.LedgerView{
		Cards: drawMaybe(t, anyNumber), Drifted: drawMaybe(t, anyNumber), History: drawMaybe(t, anyNumber), Moves: drawMaybe(t, anyNumber),
		Incomplete: drawMaybe(t, anyNumber), Run: engine.RunID(number(t)), At: drawTime(t),
	}
	for i := range 4 * few(t) {
		cards = append(cards, engine.LedgerCard{
			Card: int64(i + 1), Code: drawText(t), Points: drawValue(t), Last: drawValue(t), Moves: drawValue(t), Drifts: drawDrifts(t),
			Size: drawText(t), Engine: drawValue(t), Waiting: rapid.Bool().Draw(t, "waiting"), SeenAt: drawTime(t),
		})
	}
	return v, cards
}
