package tuitest

import (
	"context"
	"fmt"
	"slices"
	"time"

	"ferry/engine"
	"ferry/engine/rehearsal"
)

// StartRehearsal is noted; the rehearsal gets number 15.
func (o *Operator) StartRehearsal(_ context.Context, start engine.RehearsalOptions) (engine.RunID, error) {
	return 15, o.take(Call{Action: "rehearse", Rehearse: start})
}

// RerunGate is noted.
func (o *Operator) RerunGate(_ context.Context, act engine.Act, gate engine.GateName) error {
	return o.take(Call{Action: "rerun gate", Act: act, Set: string(gate)})
}

// Rehearse gives the rehearsals that there have been, newest first.
func (o *Operator) Rehearse(of ...engine.RehearsalView) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.rehearsals = of
}

// Rehearsals gives a page of what Rehearse was given.
func (o *Operator) Rehearsals(_ context.Context, before engine.RunID, limit int) ([]engine.RehearsalView, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.read(fmt.Sprintf("rehearsals before %d", before)); err != nil {
		return nil, err
	}
	of := slices.DeleteFunc(slices.Clone(o.rehearsals), func(v engine.RehearsalView) bool { return before != 0 && v.ID >= before })
	return of[:min(limit, len(of))], nil
}

// Rehearsal gives one of them.
func (o *Operator) Rehearsal(_ context.Context, id engine.RunID) (*engine.RehearsalView, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.read(fmt.Sprintf("rehearsal %d", id)); err != nil {
		return nil, err
	}
	for i := range o.rehearsals {
		if o.rehearsals[i].ID == id {
			v := o.rehearsals[i]
			return &v, nil
		}
	}
	return nil, fmt.Errorf("%w: #%d", engine.ErrNoSuchRun, id)
}

// RehearsalSamples gives none.
func (o *Operator) RehearsalSamples(context.Context, engine.RunID) ([]engine.RehearsalSample, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return nil, o.read("samples")
}

// RehearsalAt is a rehearsal that has come to a step, or with an empty one to its verdict: on time, so long a step.
func RehearsalAt(id engine.RunID, at engine.RehearsalStepName, took time.Duration) *engine.RehearsalView {
	v := &engine.RehearsalView{
		RunView: engine.RunView{
			ID: id, Kind: engine.RunRehearsal, State: engine.RunRunning, By: "sari@db2", Reason: "second night", CreatedAt: Noon.Add(-7 * took),
			StartedAt: Noon.Add(-7 * took), Since: Noon.Add(-7 * took),
		},
		Freeze: engine.FreezeDetect, Limits: engine.RehearsalLimits{Agreement: 0.999, Freshness: time.Minute, Drift: 0.01, Quiet: 15 * time.Second},
		Holder: "db1:4711", HeldAt: Noon,
	}
	found := map[engine.RehearsalStepName]string{
		engine.RehearsePreflight: "29 of 30 preconditions hold; could not check: engine: space",
		engine.RehearseLoad:      "incremental run #12: 1,204 rows read, 311 new, 12 changed, 0 rejected",
		engine.RehearseFreeze:    "no row was written for 16 s", engine.RehearseCatchUp: "incremental run #13: 4 rows read",
		engine.RehearseCheck: "check #14: pass, 6445168 rows compared, 0 differ", engine.RehearseLedger: "211 of 228331 cards disagree in Odoo itself",
	}
	reached := false
	for i, name := range rehearsal.Steps() {
		from := v.CreatedAt.Add(time.Duration(i) * took)
		s := engine.RehearsalStep{Name: name, State: engine.RehearsalDone, Found: found[name], StartedAt: from, FinishedAt: from.Add(took)}
		switch {
		case name == at:
			s.State, s.FinishedAt, s.Found, reached = engine.RehearsalRunning, time.Time{}, "", true
		case reached:
			s = engine.RehearsalStep{Name: name, State: engine.RehearsalWaiting}
		case name == engine.RehearseFreeze:
			v.FrozenAt, v.FrozenBy = s.FinishedAt, s.Found
		}
		v.Steps = append(v.Steps, s)
	}
	v.WindowSoFar, v.Window = rehearsal.Window(v)
	for _, name := range rehearsal.GatesOf(v.Freeze) {
		v.Gates = append(v.Gates, engine.RehearsalGate{Name: name})
	}
	if at == "" {
		Decided(v)
	}
	return v
}

// Decided gives a rehearsal its verdict: GO, unless gates are given that fail or could not be checked.
func Decided(v *engine.RehearsalView, against ...engine.RehearsalGate) *engine.RehearsalView {
	v.State, v.VerdictAt, v.FinishedAt = engine.RunDone, Noon.Add(-time.Minute), Noon.Add(-time.Minute)
	seen := map[engine.GateName][3]string{
		engine.GateAgreement:   {"99.99 %", "≥ 99.9 %", "check #14: 12 of 6445168 rows differ, 890 explained"},
		engine.GateDifferences: {"0 settled, 0 in flight", "0 settled in a full pass without repair", "check #14: pass, 6445168 rows compared"},
		engine.GateAccounted:   {"adds up", "source = engine − stale − extra + quarantined", "loyalty_card: 228331 = 227720 − 0 − 0 + 611"},
		engine.GateRejected:    {"within", "each entity within its limit", "loyalty_card 0.27 % (limit 1 %); loyalty_point_move 0 % (limit 1 %)"},
		engine.GateDrift:       {"0.09 % (211 of 228331)", "≤ 1 % of the cards", "check #14: 120 cards disagree with their history, 98 with their moves"},
		engine.GateFreshness:   {"0 s", "≤ 1 min", "nothing was written at the source since before the last tick began to read"},
		engine.GateFailedRuns:  {"0 failed", "0 since the rehearsal began", "every run ended well"},
		engine.GateStill:       {"0 rows written", "nothing written since the freeze", "the source's rows are those of the freeze"},
	}
	for i := range v.Gates {
		g := &v.Gates[i]
		s := seen[g.Name]
		*g = engine.RehearsalGate{Name: g.Name, Verdict: engine.Pass, Figure: s[0], Threshold: s[1], Evidence: s[2], Run: 14, At: v.VerdictAt}
		for _, other := range against {
			if other.Name == g.Name {
				*g = other
			}
		}
	}
	v.Verdict, v.Why = rehearsal.Decide(v.Steps, v.Gates)
	v.Standing = rehearsal.Standing(v.Verdict, rehearsal.Stillness{Known: true})
	return v
}

// Staged is a console beside a rehearsal.
func Staged(v *engine.RehearsalView) *engine.Snapshot {
	s := Done()
	s.Rehearsal = v
	return s
}

// AskingFreeze is a rehearsal that waits until somebody says that Odoo is frozen.
func AskingFreeze() *engine.RehearsalView {
	v := RehearsalAt(15, engine.RehearseFreeze, 40*time.Second)
	v.Freeze, v.State, v.Question = engine.FreezeConfirm, engine.RunAsking, rehearsal.Question(15)
	v.Steps[2].Found = "waits for an operator"
	return v
}

// Answered is a rehearsal whose question was answered while nobody was there to go on with it.
func Answered() *engine.RehearsalView {
	v := AskingFreeze()
	v.State, v.Question, v.Lost, v.ConfirmedBy, v.ConfirmedAt = engine.RunRunning, "", true, "sari@db2", Noon.Add(-time.Minute)
	return v
}

// DriftedGate is a gate that failed.
func DriftedGate() engine.RehearsalGate {
	return engine.RehearsalGate{
		Name: engine.GateDrift, Verdict: engine.Fail, Figure: "1.51 % (3450 of 228331)", Threshold: "≤ 1 % of the cards", Run: 14, At: Noon.Add(-time.Minute),
		Evidence: "check #14: 3120 cards disagree with their history, 980 with their moves",
		Advice:   "`ferry ledger list` shows them; Odoo disagrees with itself, and is mended in Odoo",
	}
}

// BlindGate is a gate that could not be checked.
func BlindGate() engine.RehearsalGate {
	return engine.RehearsalGate{
		Name: engine.GateStill, Verdict: engine.CouldNotCheck, Threshold: "nothing written since the freeze", At: Noon.Add(-time.Minute),
		Evidence: "the source could not be looked at: permission denied for table loyalty_point_history (SQLSTATE 42501); " +
			"GRANT SELECT ON loyalty_point_history TO ferry_reader",
	}
}
