package rehearsal

import (
	"time"

	"ferry/engine"
)

// Report is a rehearsal in the form that scripts rely on: unknown is null, and fields are only ever added.
type Report struct {
	V           int                  `json:"v"`
	Type        string               `json:"type"`
	Run         engine.RunID         `json:"run"`
	Kind        engine.RunKind       `json:"kind"`
	State       engine.RunState      `json:"state"`
	By          string               `json:"by"`
	Reason      string               `json:"reason"`
	StartedAt   engine.Maybe[string] `json:"started_at"`
	FinishedAt  engine.Maybe[string] `json:"finished_at"`
	Duration    engine.Maybe[int64]  `json:"duration_ms"`
	Freeze      engine.Freeze        `json:"freeze"`
	ConfirmedAt engine.Maybe[string] `json:"confirmed_at"` // an operator's answer that Odoo is frozen
	ConfirmedBy engine.Maybe[string] `json:"confirmed_by"`
	FrozenAt    engine.Maybe[string] `json:"frozen_at"`
	FrozenBy    engine.Maybe[string] `json:"frozen_by"`
	MayUnfreeze engine.Maybe[bool]   `json:"odoo_may_be_unfrozen"` // null: it was never frozen
	Verdict     engine.Maybe[string] `json:"verdict"`              // GO, NO-GO, unknown; null: none yet
	Why         engine.Maybe[string] `json:"why"`
	VerdictAt   engine.Maybe[string] `json:"verdict_at"`
	Standing    engine.Maybe[string] `json:"standing"` // of a GO: holds, expired, unknown
	ExpiredAt   engine.Maybe[string] `json:"expired_at"`
	Moved       engine.Maybe[string] `json:"moved"`
	Window      engine.Maybe[int64]  `json:"window_ms"` // how long the real cutover keeps Odoo frozen
	Idle        int64                `json:"idle_ms"`
	Breaks      int                  `json:"breaks"`
	Step        engine.Maybe[string] `json:"step"`     // at which it is
	Question    engine.Maybe[string] `json:"question"` // what an operator must answer
	Holder      engine.Maybe[string] `json:"holder"`   // the process that carries it out
	Limits      ReportLimits         `json:"limits"`
	Steps       []ReportStep         `json:"steps"`
	Gates       []ReportGate         `json:"gates"`
}

// ReportLimits are the thresholds of a rehearsal.
type ReportLimits struct {
	Agreement float64 `json:"agreement"`
	Freshness int64   `json:"freshness_ms"`
	Drift     float64 `json:"drift"`
	Quiet     int64   `json:"quiet_ms"`
}

// ReportStep is a step of a rehearsal.
type ReportStep struct {
	Name       engine.RehearsalStepName  `json:"name"`
	State      engine.RehearsalStepState `json:"state"`
	Inside     bool                      `json:"inside_freeze"`
	Run        engine.Maybe[int64]       `json:"run"`
	Found      string                    `json:"found"`
	StartedAt  engine.Maybe[string]      `json:"started_at"`
	FinishedAt engine.Maybe[string]      `json:"finished_at"`
	Duration   engine.Maybe[int64]       `json:"duration_ms"` // without idle_ms
	Idle       int64                     `json:"idle_ms"`     // in which nobody carried it out
}

// ReportGate is a gate of a rehearsal.
type ReportGate struct {
	Name      engine.GateName      `json:"name"`
	Verdict   engine.Maybe[string] `json:"verdict"` // pass, fail, unknown; null: not measured yet
	Figure    engine.Maybe[string] `json:"figure"`
	Threshold string               `json:"threshold"`
	Evidence  string               `json:"evidence"`
	Advice    engine.Maybe[string] `json:"advice"`
	Run       engine.Maybe[int64]  `json:"run"`
	At        engine.Maybe[string] `json:"at"`
	AskedBy   engine.Maybe[string] `json:"asked_by"` // it is being measured again
}

// NewReport puts a rehearsal into that form.
func NewReport(kind string, v *engine.RehearsalView, now time.Time) Report {
	r := Report{
		V: 1, Type: kind, Run: v.ID, Kind: engine.RunRehearsal, State: v.State, By: v.By, Reason: v.Reason, StartedAt: instant(v.StartedAt),
		FinishedAt: instant(v.FinishedAt), Freeze: v.Freeze, ConfirmedAt: instant(v.ConfirmedAt),
		ConfirmedBy: text(v.ConfirmedBy), FrozenAt: instant(v.FrozenAt), FrozenBy: text(v.FrozenBy), MayUnfreeze: v.MayUnfreeze(),
		Verdict: text(verdictWord(v.Verdict)), Why: text(v.Why), VerdictAt: instant(v.VerdictAt), Standing: text(string(v.Standing)),
		ExpiredAt: instant(v.ExpiredAt), Moved: text(v.Moved), Window: millis(v.Window), Idle: v.Idle.Milliseconds(), Breaks: v.Breaks,
		Question: text(v.Question), Holder: text(v.Holder),
		Limits: ReportLimits{v.Limits.Agreement, v.Limits.Freshness.Milliseconds(), v.Limits.Drift, v.Limits.Quiet.Milliseconds()},
		Steps:  []ReportStep{}, Gates: []ReportGate{},
	}
	if !v.StartedAt.IsZero() {
		end := v.FinishedAt
		if end.IsZero() {
			end = now
		}
		r.Duration = engine.Known(max(end.Sub(v.StartedAt), 0).Milliseconds())
	}
	if step := v.Current(); step != nil {
		r.Step = text(string(step.Name))
	}
	for _, s := range v.Steps {
		r.Steps = append(r.Steps, ReportStep{
			s.Name, s.State, v.Freeze != engine.FreezeNone && Inside(s.Name), number(s.Run), s.Found, instant(s.StartedAt),
			instant(s.FinishedAt), millis(s.Took()), s.Idle.Milliseconds(),
		})
	}
	for _, g := range v.Gates {
		verdict := string(g.Verdict)
		if g.Verdict == engine.CouldNotCheck {
			verdict = "unknown"
		}
		r.Gates = append(r.Gates, ReportGate{
			g.Name, text(verdict), text(g.Figure), g.Threshold, g.Evidence, text(g.Advice), number(g.Run), instant(g.At), text(g.AskedBy),
		})
	}
	return r
}

// verdictWord is a verdict as scripts know it.
func verdictWord(v engine.Verdict) string {
	if v == engine.CouldNotCheck {
		return "unknown"
	}
	return engine.GoWord(v)
}

// ComparisonReport sets two rehearsals side by side, in the form that scripts rely on.
type ComparisonReport struct {
	V      int                    `json:"v"`
	Type   string                 `json:"type"`
	A      engine.RunID           `json:"a"`
	B      engine.RunID           `json:"b"`
	Window engine.Maybe[int64]    `json:"window_change_ms"`
	Steps  []ComparisonReportStep `json:"steps"`
	Gates  []ComparisonReportGate `json:"gates"`
	Of     [2]Report              `json:"rehearsals"`
}

// ComparisonReportStep is a step of both.
type ComparisonReportStep struct {
	Name   engine.RehearsalStepName `json:"name"`
	A      engine.Maybe[int64]      `json:"a_ms"`
	B      engine.Maybe[int64]      `json:"b_ms"`
	Change engine.Maybe[int64]      `json:"change_ms"`
}

// ComparisonReportGate is a gate of both.
type ComparisonReportGate struct {
	Name    engine.GateName      `json:"name"`
	A       engine.Maybe[string] `json:"a"`
	B       engine.Maybe[string] `json:"b"`
	FigureA engine.Maybe[string] `json:"a_figure"`
	FigureB engine.Maybe[string] `json:"b_figure"`
	Changed bool                 `json:"changed"`
}

// NewComparisonReport puts a comparison into that form.
func NewComparisonReport(c Comparison, now time.Time) ComparisonReport {
	r := ComparisonReport{
		V: 1, Type: "result", A: c.A.ID, B: c.B.ID, Window: millis(c.Window), Steps: []ComparisonReportStep{}, Gates: []ComparisonReportGate{},
		Of: [2]Report{NewReport("rehearsal", c.A, now), NewReport("rehearsal", c.B, now)},
	}
	for _, p := range c.Steps {
		r.Steps = append(r.Steps, ComparisonReportStep{p.Name, millis(p.A.Took()), millis(p.B.Took()), millis(p.Change)})
	}
	for _, p := range c.Gates {
		r.Gates = append(r.Gates, ComparisonReportGate{
			p.Name, text(string(p.A.Verdict)), text(string(p.B.Verdict)), text(p.A.Figure), text(p.B.Figure), p.Changed(),
		})
	}
	return r
}

func text(s string) engine.Maybe[string] { return engine.Maybe[string]{Value: s, Known: s != ""} }

func number(id engine.RunID) engine.Maybe[int64] {
	return engine.Maybe[int64]{Value: int64(id), Known: id != 0}
}

func instant(t time.Time) engine.Maybe[string] {
	if t.IsZero() {
		return engine.Maybe[string]{}
	}
	return engine.Known(t.UTC().Format("2006-01-02T15:04:05.000Z"))
}

func millis(d engine.Maybe[time.Duration]) engine.Maybe[int64] {
	return engine.Maybe[int64]{Value: d.Value.Milliseconds(), Known: d.Known}
}
