package monitor

import (
	"fmt"
	"time"

	"ferry/engine"
)

// The rules. Their names are kept with alerts and sent to receivers; they never change.
const (
	RuleAgreement    = "agreement"
	RuleFreshness    = "freshness"
	RuleNothingLost  = "nothing-lost"
	RuleRejected     = "rejected-share"
	RuleFailedTicks  = "failed-ticks"
	RuleFloorPinned  = "floor-pinned"
	RuleTransaction  = "source-transaction"
	RuleProofFailed  = "proof-failed"
	RuleProofAge     = "proof-age"
	RuleRunAsks      = "run-asks"
	RuleRunStopped   = "run-stopped"
	RuleNoWorker     = "no-worker"
	RuleSourceDown   = "source-unreachable"
	RuleTargetDown   = "engine-unreachable"
	RulePaused       = "schedule-paused"
	leastCoverage    = 0.99 // a figure that rests on fewer of the ids says nothing of all
	silentAfter      = 15 * time.Second
	unworkedAfter    = 30 * time.Second
	leastTicksOfHour = 4
)

// Finding is what one rule says of one entity, or of all.
type Finding struct {
	Rule     string
	Entity   string // empty: of all
	Severity engine.Severity
	State    engine.LevelState // kept, alert or unknown; missed counts as kept
	Text     string            // of an alert: what happened, why, what to do now
}

// Judgement is what a snapshot says.
type Judgement struct {
	Levels   []engine.LevelView
	Findings []Finding
}

// judge collects.
type judge struct {
	s   *engine.Snapshot
	t   Thresholds
	now time.Time
	out Judgement
}

// Judge judges a snapshot. now is this process's clock, by which databases are down; all else is by the engine's, as of when
// the snapshot was taken.
func Judge(s *engine.Snapshot, t Thresholds, now time.Time) Judgement {
	j := &judge{s: s, t: t, now: now}
	j.databases()
	blind := j.blind()
	for _, e := range s.Entities {
		j.agreement(e, blind)
	}
	j.proof(blind)
	j.freshness(blind)
	for _, e := range s.Entities {
		j.nothingLost(e, blind)
	}
	for _, e := range s.Entities {
		j.rejected(e, blind)
	}
	j.ticks(blind)
	j.floor(blind)
	j.transaction()
	j.run(blind)
	j.schedule(blind)
	return j.out
}

// blind says why nothing is known of what the engine database holds; empty: it is.
func (j *judge) blind() string {
	switch {
	case j.s.Target.Down():
		return "the engine database does not answer"
	case j.s.Setup != engine.SetupReady:
		return "the engine database is not ready: `ferry init` makes or migrates it"
	case j.s.TakenAt.IsZero():
		return "the engine database was not read yet"
	}
	return ""
}

func (j *judge) level(l engine.LevelView) { j.out.Levels = append(j.out.Levels, l) }

// findf adds a finding. Whatever a database or an operator put into its text stays on one line.
func (j *judge) findf(rule, entity string, severity engine.Severity, state engine.LevelState, format string, args ...any) {
	f := Finding{Rule: rule, Entity: entity, Severity: severity, State: state}
	switch state {
	case engine.LevelAlert:
		f.Text = OneLine(fmt.Sprintf(format, args...))
	case engine.LevelMissed:
		f.State = engine.LevelKept
	case engine.LevelKept, engine.LevelUnknown:
	}
	j.out.Findings = append(j.out.Findings, f)
}

// databases tells of the two that do not answer.
func (j *judge) databases() {
	for _, side := range []struct {
		rule, name, effect string
		at                 engine.Endpoint
	}{
		{RuleSourceDown, "the source", "No tick can read it, so the engine falls behind", j.s.Source},
		{RuleTargetDown, "the engine database", "Nothing can be synced, shown or steered", j.s.Target},
	} {
		state := engine.LevelKept
		down := time.Duration(0)
		if side.at.Down() {
			if down = j.now.Sub(side.at.DownSince); down > j.t.UnreachableAfter {
				state = engine.LevelAlert
			}
		}
		if !side.at.Down() && side.at.Version == "" {
			state = engine.LevelUnknown // nobody has looked yet
		}
		j.findf(side.rule, "", engine.SeverityCritical, state,
			"%s %s has not answered for %s: %s. %s; ferry goes on trying. "+
				"Look whether its server runs and the network lets ferry through.", side.name, side.at.Address, Span(down), side.at.Err, side.effect)
	}
}

func (j *judge) agreement(e engine.EntityView, blind string) {
	target, line := j.t.AgreementTarget.For(e.Name), j.t.AgreementAlert.For(e.Name)
	l := engine.LevelView{Name: "agreement", Entity: e.Name, State: engine.LevelUnknown, Target: "≥ " + Percent(target), Why: blind}
	var proven engine.CheckEntity
	for _, c := range j.s.Proof.Entities {
		if c.Name == e.Name {
			proven = c
		}
	}
	agree := proven.Agreement()
	if blind == "" && !agree.Known {
		l.Why = "no check has compared it; `ferry check` does"
	}
	if blind == "" && agree.Known {
		l.Figure = Percent(agree.Value, target, line)
		repair := "`ferry discrepancies list` shows them with their causes, `ferry repair plan` what would mend them"
		switch {
		case agree.Value < line:
			l.State, l.Why = engine.LevelAlert, repair
		case agree.Value < target:
			l.State, l.Why = engine.LevelMissed, repair
		case proven.Coverage < leastCoverage:
			l.Why = fmt.Sprintf("only %s of the ids are proven; `ferry check` proves the rest", Percent(proven.Coverage, 1))
		default:
			l.State, l.Why = engine.LevelKept, ""
		}
	}
	j.level(l)
	j.findf(RuleAgreement, e.Name, engine.SeverityCritical, l.State,
		"Only %s of %s agree with Odoo (target %s, alert below %s): %d of %d compared rows differ "+
			"and it is no change under way. Look at `ferry discrepancies list`, then `ferry repair plan`.",
		l.Figure, e.Name, Percent(target), Percent(line), proven.Settled, proven.Compared)
}

func (j *judge) proof(blind string) {
	p := j.s.Proof
	l := engine.LevelView{Name: "proof", State: engine.LevelUnknown, Figure: "unknown", Target: "pass", Why: blind}
	failed, aged := engine.LevelUnknown, engine.LevelUnknown
	age := p.Age(j.s.TakenAt)
	if blind == "" {
		l.Why = p.Why
		switch p.Verdict {
		case engine.Pass:
			l.State, l.Figure, l.Why = engine.LevelKept, "pass", ""
		case engine.Fail:
			l.State, l.Figure = engine.LevelAlert, "fail"
		case engine.CouldNotCheck:
			l.Figure = string(engine.CouldNotCheck)
		}
		failed = l.State
		if l.Why == "" && l.State != engine.LevelKept {
			l.Why = "`ferry check` compares both sides"
		}
	}
	if blind == "" && age.Known && p.MaxAge > 0 { // what was never proven is not old; it is unknown
		aged = engine.LevelKept
		l.Figure += ", " + Span(age.Value) + " old"
		if age.Value > p.MaxAge && j.s.Sealed == nil { // sealed, nobody checks unless asked
			aged = engine.LevelAlert
		}
	}
	if aged == engine.LevelAlert && l.State == engine.LevelKept {
		l.State, l.Why = engine.LevelMissed, "the oldest part of it counts no more after "+Span(p.MaxAge)+"; `ferry check` renews it"
	}
	j.level(l)
	j.findf(RuleProofFailed, "", engine.SeverityWarning, failed,
		"The engine is not what Odoo says: %s and it is no change under way. "+
			"Look at `ferry discrepancies list`; `ferry repair plan` shows what would mend them.", differ(p.Settled))
	j.findf(RuleProofAge, "", engine.SeverityWarning, aged,
		"Part of the engine was last compared with Odoo %s ago (limit %s): no check has come round to it. "+
			"Look whether a ferry with workers runs; `ferry check` compares everything.", spanBeside(age.Value, p.MaxAge), Span(p.MaxAge))
}

func (j *judge) freshness(blind string) {
	l := engine.LevelView{Name: "freshness", State: engine.LevelUnknown, Target: "< " + Span(j.t.FreshTarget), Why: blind}
	bound := j.s.Freshness.Bound(j.s.TakenAt)
	c := j.s.Schedule
	if blind == "" {
		switch {
		case !bound.Known:
			l.Why = "no cycle has been completed; `ferry sync full` makes the first"
		case j.s.Sealed != nil:
			l.Why = "the engine is " + j.s.Sealed.String() + ", so it is not kept in step"
		case len(c.Keepers) == 0 && !c.Paused():
			l.Why = "nobody keeps the engine in step; `ferry sync incremental --watch` does"
		default:
			l.Figure = "≤ " + spanBeside(bound.Value, j.t.FreshTarget)
			l.State, l.Why = engine.LevelKept, ""
			if bound.Value >= j.t.FreshTarget {
				l.State, l.Why = engine.LevelMissed, j.whyLate()
			}
			if bound.Value >= j.t.FreshAlert {
				l.State = engine.LevelAlert
			}
		}
	}
	j.level(l)
	j.findf(RuleFreshness, "", engine.SeverityCritical, l.State,
		"The engine may be %s behind Odoo (target %s): %s. See `ferry status`, and `ferry runs list` for what the "+
			"last ticks did.", spanBeside(bound.Value, j.t.FreshTarget), Span(j.t.FreshTarget), j.whyLate())
}

// whyLate names what keeps ticks from moving the engine on.
func (j *judge) whyLate() string {
	c, run := j.s.Schedule, j.s.Run
	switch {
	case c.Paused():
		return "ticks are paused by " + c.PausedBy + because(c.Reason) + ", `ferry resume --schedule` lets them come"
	case j.s.Source.Down():
		return "the source does not answer"
	case run != nil && run.State == engine.RunAsking:
		return fmt.Sprintf("run #%d needs an answer, `ferry answer %d accept` or `stop`", run.ID, run.ID)
	case run != nil && run.State.Active():
		return fmt.Sprintf("%s run #%d %s", run.Kind, run.ID, run.State.Is())
	case c.FailedInRow > 0:
		return fmt.Sprintf("the last %d ticks failed: %s", c.FailedInRow, c.LastFailure)
	case len(c.Keepers) == 0:
		return "nobody starts ticks"
	}
	return "no tick has been completed since"
}

func (j *judge) nothingLost(e engine.EntityView, blind string) {
	l := engine.LevelView{Name: "nothing lost", Entity: e.Name, State: engine.LevelUnknown, Target: "source = engine − stale − extra + quarantined", Why: blind}
	if blind == "" {
		l.Why = "it is counted when a cycle ends"
		if e.Accounted.Known {
			l.State, l.Why, l.Figure = engine.LevelKept, "", "adds up"
			if !e.Accounted.Value {
				missing := e.SourceRows.Value - e.TargetRows.Value + e.Stale.Value + e.Extra.Value - e.Quarantined.Value
				l.State, l.Why, l.Figure = engine.LevelAlert, "`ferry sync full` reads every row", fmt.Sprintf("%+d rows", -missing)
			}
		}
	}
	j.level(l)
	j.findf(RuleNothingLost, e.Name, engine.SeverityCritical, l.State,
		"The rows of %s do not add up: the source has %d; the engine %d, less %d stale and %d extra, "+
			"and quarantine %d. Rows are missing, or written by somebody else. `ferry sync full` reads every row; then `ferry check`.",
		e.Name, e.SourceRows.Value, e.TargetRows.Value, e.Stale.Value, e.Extra.Value, e.Quarantined.Value)
}

func (j *judge) rejected(e engine.EntityView, blind string) {
	limit := j.t.RejectedShare.For(e.Name)
	l := engine.LevelView{Name: "rejected share", Entity: e.Name, State: engine.LevelUnknown, Target: "≤ " + Percent(limit), Why: blind}
	share := e.RejectedShare()
	if blind == "" {
		l.Why = "it is counted when a cycle ends"
		if share.Known {
			l.Figure = Percent(share.Value, limit)
			l.State, l.Why = engine.LevelKept, ""
			if share.Value > limit {
				l.State, l.Why = engine.LevelAlert, "`ferry quarantine list` shows them by reason"
			}
		}
	}
	j.level(l)
	j.findf(RuleRejected, e.Name, engine.SeverityWarning, l.State,
		"%s of %s are rejected (limit %s)%s. Mend them in Odoo, switch the rule to warn, or waive them: "+
			"`ferry quarantine list` shows them by reason.", l.Figure, e.Name, Percent(limit), j.mostFor(e.Name))
}

// mostFor names the reason for which most of an entity's rows are rejected.
func (j *judge) mostFor(entity string) string {
	reason, most := "", int64(0)
	for _, r := range j.s.Reasons {
		if rows := r.Rows - r.Waived; r.Entity == entity && r.Reason != "waiting_parent" && rows > most {
			reason, most = fmt.Sprintf(", %d of them for %s", rows, r.Reason), rows
		}
	}
	return reason
}

func differ(rows int64) string {
	if rows == 1 {
		return "1 row differs"
	}
	return fmt.Sprintf("%d rows differ", rows)
}

// because adds a reason, if there is one.
func because(reason string) string {
	if reason == "" {
		return ""
	}
	return " (" + reason + ")"
}
