package tuitest

import (
	"context"
	"fmt"
	"time"

	"ferry/engine"
)

// Prover is an operator that can also check.
type Prover struct {
	*Operator

	Checks []*engine.CheckView // what Check gives, by id
}

// StartCheck is noted; the check gets number 17.
func (p *Prover) StartCheck(_ context.Context, o engine.CheckOptions) (engine.RunID, error) {
	return 17, p.take(Call{Action: "check", Every: o.MaxDuration, Act: engine.Act{Reason: o.Reason}})
}

// Check gives a check.
func (p *Prover) Check(_ context.Context, id engine.RunID) (*engine.CheckView, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if err := p.read(fmt.Sprintf("check %d", id)); err != nil {
		return nil, err
	}
	for _, c := range p.Checks {
		if c.ID == id {
			return c, nil
		}
	}
	return nil, fmt.Errorf("%w: #%d", engine.ErrNoSuchRun, id)
}

// Findings are discrepancies of every cause and in every state, and as many more settled ones as make n.
func Findings(n int) []engine.Discrepancy {
	out := everyFinding()
	for i := len(out); i < n; i++ {
		at := Noon.Add(-time.Hour)
		out = append(out, engine.Discrepancy{
			ID: int64(5000 + i), Entity: "loyalty_point_history", Row: int64(3_000_000 + 7*i), Field: "balance", Source: engine.Known("120.00"),
			Expected: engine.Known("120.00"), Target: engine.Known(fmt.Sprintf("%d.00", i)), Cause: engine.CauseField, State: engine.DiscrepancySettled,
			FoundRun: 14, FoundAt: at, SeenRun: 14, SeenAt: at, SettledAt: at.Add(time.Minute),
		})
	}
	return out[:min(n, len(out))]
}

func everyFinding() []engine.Discrepancy {
	known := engine.Known[string]
	none := engine.Maybe[string]{}
	found := Noon.Add(-4 * time.Minute)
	row := func(
		id int64, entity string, row int64, field string, values [3]engine.Maybe[string], c engine.Cause, s engine.DiscrepancyState,
	) engine.Discrepancy {
		d := engine.Discrepancy{
			ID: id, Entity: entity, Row: row, Field: field, Source: values[0], Expected: values[1], Target: values[2], Cause: c, State: s,
			FoundRun: 14, FoundAt: found, SeenRun: 14, SeenAt: found,
		}
		if s != engine.DiscrepancyInFlight && s != engine.DiscrepancyExplained {
			d.SettledAt = found.Add(50 * time.Second)
		}
		return d
	}
	type three = [3]engine.Maybe[string]
	out := []engine.Discrepancy{
		row(301, "loyalty_card", 184_467, "points", three{known("150.00"), known("150.00"), known("120.00")}, engine.CauseField, engine.DiscrepancySettled),
		row(302, "loyalty_card", 184_467, "code", three{
			known(" 0446-4c6f "), known("0446-4C6F"), known("0446-4C60"),
		}, engine.CauseField, engine.DiscrepancySettled),
		row(303, "loyalty_card", 190_001, "", three{known("#190001"), known("#190001"), none}, engine.CauseMissing, engine.DiscrepancySettled),
		row(304, "loyalty_point_move", 77_001, "", three{none, none, known("#77001")}, engine.CauseExtra, engine.DiscrepancySettled),
		row(305, "loyalty_point_move", 77_002, "create_date", three{
			known("2025-10-26 01:30:00"), known("2025-10-26 01:30:00Z"), known("2025-10-26 02:30:00Z"),
		}, engine.CauseField, engine.DiscrepancyInFlight),
		row(306, "loyalty_card", 100_001, "", three{known("#100001"), none, none}, engine.CauseQuarantined, engine.DiscrepancyExplained),
		row(307, "loyalty_point_move", 90_017, "", three{known("#90017"), known("#90017"), none}, engine.CauseWaitingParent, engine.DiscrepancyExplained),
		row(308, "loyalty_card", 8, "points", three{known("10.00"), known("10.00"), known("12.00")}, engine.CauseWrittenOnTarget, engine.DiscrepancyExplained),
		row(309, "loyalty_card", 12, "", three{none, none, known("#12")}, engine.CauseDeletedAtSource, engine.DiscrepancyExplained),
		row(310, "loyalty_card", 15, "points", three{known("7.50"), known("7.50"), known("7.05")}, engine.CauseField, engine.DiscrepancyRepaired),
	}
	out[1].AckBy, out[1].AckNote, out[1].AckAt = "sari@db2", "Odoo's module rewrites codes tonight", Noon.Add(-time.Minute)
	out[1].AckUntil = Noon.Add(23 * time.Hour)
	out[9].RepairedRun, out[9].RepairedAt = 16, Noon.Add(-time.Minute)
	return out
}

// Planned is the plan of a repair, with so many rows that it would delete.
func Planned(deletes int64) *engine.RepairPlan {
	p := &engine.RepairPlan{
		ID: 3, Hash: "9f2c41aa", State: engine.RepairPlanned, By: "sari@db2", MadeAt: Noon.Add(-10 * time.Second), Database: "loyalty",
		ByCause: map[engine.Cause]int64{engine.CauseField: 1, engine.CauseMissing: 1}, Total: 2,
		Items: []engine.RepairItem{
			{
				Entity: "loyalty_card", Row: 190_001, Cause: engine.CauseMissing, Action: engine.RepairWrite, State: engine.RepairPlanned,
				After: map[string]string{"code": "0446-AAAA", "points": "12.00"},
			},
			{
				Entity: "loyalty_card", Row: 184_467, Cause: engine.CauseField, Action: engine.RepairWrite, State: engine.RepairPlanned,
				Before: map[string]string{"code": "0446-4C60", "points": "120.00"}, After: map[string]string{"code": "0446-4C6F", "points": "150.00"},
			},
		},
	}
	if deletes > 0 {
		p.Deletes, p.Total, p.ByCause[engine.CauseExtra] = deletes, p.Total+deletes, deletes
		p.Items = append(p.Items, engine.RepairItem{
			Entity: "loyalty_point_move", Row: 77_001, Cause: engine.CauseExtra, Action: engine.RepairDelete, State: engine.RepairPlanned,
			Before: map[string]string{"amount": "-3.00", "card_id": "184467"},
		})
	}
	return p
}
