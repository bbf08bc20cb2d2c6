package tuitest

import (
	"strconv"
	"time"

	"ferry/engine"
)

// Quarantined is a snapshot with rows in quarantine for every kind of reason.
func Quarantined() *engine.Snapshot {
	s := InStep()
	s.Reasons = []engine.ReasonView{
		{Entity: "loyalty_card", Reason: "card.partner_missing", Rows: 384, Waived: 300, Hangs: 212},
		{Entity: "loyalty_card", Reason: "card.code_empty", Rows: 7, Hangs: 3},
		{Entity: "loyalty_point_move", Reason: "waiting_parent", Rows: 212},
		{Entity: "loyalty_card", Reason: "code_taken", Rows: 21},
		{Entity: "loyalty_card", Reason: "engine_owned", Rows: 2},
		{Entity: "loyalty_card", Reason: "refused_22003", Rows: 1},
	}
	return s
}

// Rules lists some rules, one of each kind.
func Rules() []engine.RuleView {
	return []engine.RuleView{
		{Name: "card.code_empty", Entity: "loyalty_card", Why: "its code is empty", Severity: "reject", Default: "reject", Fixed: true},
		{Name: "card.partner_missing", Entity: "loyalty_card", Why: "it has no partner", Severity: "reject", Default: "reject"},
		{Name: "card.points_negative", Entity: "loyalty_card", Why: "its points are negative", Severity: "warn", Default: "reject"},
	}
}

// Rows are so many rows of quarantine for each of the reasons of Quarantined, at most as many as those say.
func Rows(most int) []engine.QuarantineRow {
	var out []engine.QuarantineRow
	for i, r := range Quarantined().Reasons {
		for n := range min(most, int(r.Rows)) {
			row := engine.QuarantineRow{
				Entity: r.Entity, ID: int64(100_001 + n*len(Quarantined().Reasons) + i), State: "open", Reason: r.Reason,
				Detail: "it has no partner", Attempts: 1 + n%4, FirstSeen: Noon.Add(-26 * time.Hour), LastSeen: Noon.Add(-time.Duration(n) * time.Hour),
				Payload: map[string]string{
					"code": "0446-4c6f-" + strconv.Itoa(4000+n), "partner_id": "", "program_id": "3", "points": "30.3",
					"create_date": "2024-02-11 08:30:12.4411", "write_date": "2025-10-30 21:12:40.1",
				},
			}
			suit(&row, n)
			out = append(out, row)
		}
	}
	return out
}

// suit makes a row fit its reason.
func suit(row *engine.QuarantineRow, n int) {
	switch row.Reason {
	case "card.partner_missing":
		row.Hangs = int64(n % 3)
		if n >= 4 && n < 304 {
			row.State, row.WaivedBy, row.WaivedNote = "waived", "sari@db2", "coupons have no partner"
		}
	case "card.code_empty":
		row.Detail, row.Payload["code"] = "its code is empty", "\u00a0 \t"
		row.Due = n == 2
	case "waiting_parent":
		row.State, row.Detail, row.ParentEntity, row.Parent = "waiting_parent", "loyalty_card 100001 is not in the engine", "loyalty_card",
			engine.Known[int64](100_001)
	case "code_taken":
		row.Detail, row.Owner, row.Stale = "its code belongs to card 17", engine.Known[int64](17), true
	case "engine_owned":
		row.Detail = "points: engine 12.00, Odoo 10.00"
	case "refused_22003":
		row.Detail, row.SQLState = "numeric field overflow", "22003"
	}
}
