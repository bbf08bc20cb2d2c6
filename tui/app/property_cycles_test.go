package app_test

import (
	"time"

	"pgregory.net/rapid"

	"ferry/engine"
	"ferry/tui/tuitest"
)

func drawSpan(t *rapid.T) time.Duration { return time.Duration(anyNumber.Draw(t, "span")) }

func drawCycle(t *rapid.T, s *engine.Snapshot) {
	span := rapid.Map(anyNumber, func(n int64) time.Duration { return time.Duration(n) })
	s.Schedule = engine.Schedule{
		Every: drawSpan(t), NextAt: drawTime(t), Here: rapid.Bool().Draw(t, "here"), PausedSince: drawTime(t), Reason: drawText(t),
	}
	if rapid.IntRange(0, 2).Draw(t, "ticks paused") == 0 {
		s.Schedule.PausedBy = drawText(t)
	}
	for range few(t) {
		s.Schedule.Keepers = append(s.Schedule.Keepers, drawText(t))
	}
	s.Freshness = engine.Freshness{
		ReadFrom: drawTime(t), TickedAt: drawTime(t), Ticks: number(t), P50: drawMaybe(t, span), P99: drawMaybe(t, span), Max: drawMaybe(t, span),
	}
	s.Floor = engine.FloorView{Floor: drawText(t), TakenAt: drawTime(t), PinnedSince: drawTime(t), PinnedBy: drawText(t)}
}

func drawReason(t *rapid.T) string {
	return pick(t, "card.code_empty", "card.partner_missing", "waiting_parent", "code_taken", "engine_owned", "refused_22003", "23514", drawText(t))
}

// drawRows draws rows that may have the reasons of a snapshot; sometimes more than a page of them.
func drawRows(t *rapid.T, reasons []engine.ReasonView) []engine.QuarantineRow {
	var out []engine.QuarantineRow
	for _, r := range reasons {
		for n := range pick(t, 0, 1, 5, 230) {
			row := engine.QuarantineRow{Entity: r.Entity, Reason: r.Reason, ID: int64(n)}
			if n < 3 {
				row.ID, row.State, row.Detail, row.SQLState = number(t), drawText(t), drawText(t), drawText(t)
				row.ParentEntity, row.Parent, row.Owner = drawText(t), drawMaybe(t, anyNumber), drawMaybe(t, anyNumber)
				row.Payload = map[string]string{drawText(t): drawText(t), "code": drawText(t)}
				row.Attempts, row.Hangs, row.WaivedBy, row.WaivedNote = few(t), number(t), drawText(t), drawText(t)
				row.Due, row.Stale = rapid.Bool().Draw(t, "due"), rapid.Bool().Draw(t, "stale")
				row.FirstSeen, row.LastSeen = drawTime(t), drawTime(t)
			}
			out = append(out, row)
		}
	}
	return out
}

func drawRules(t *rapid.T, reasons []engine.ReasonView) []engine.RuleView {
	out := tuitest.Rules()
	for _, r := range reasons {
		out = append(out, engine.RuleView{
			Name: r.Reason, Entity: r.Entity, Why: drawText(t), Severity: pick(t, "reject", "warn", "off", drawText(t)), Default: "reject",
			Fixed: rapid.Bool().Draw(t, "fixed"),
		})
	}
	return out
}
