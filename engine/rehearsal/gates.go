package rehearsal

import (
	"fmt"
	"strings"
	"time"

	"ferry/engine"
	"ferry/engine/check"
	"ferry/engine/entity"
	"ferry/engine/monitor"
)

// Seen is what gates are judged by. What is nil or not known was not seen.
type Seen struct {
	Now      time.Time // by the engine's clock, when Snapshot was taken
	Snapshot *engine.Snapshot
	Check    *engine.CheckView // the full pass of the rehearsal
	Repaired engine.Maybe[time.Time]
	Failed   engine.Maybe[[]engine.RunView] // runs that failed since the rehearsal began
	Still    Stillness                      // since the freeze, or without one since before the last tick read
	Limits   engine.RehearsalLimits
}

// Measure judges one gate. It passes only on figures that are all known.
func Measure(name engine.GateName, s Seen) engine.RehearsalGate {
	g := engine.RehearsalGate{Name: name, Verdict: engine.CouldNotCheck}
	switch name {
	case engine.GateAgreement:
		s.agreement(&g)
	case engine.GateDifferences:
		s.differences(&g)
	case engine.GateAccounted:
		s.accounted(&g)
	case engine.GateRejected:
		s.rejected(&g)
	case engine.GateDrift:
		s.drift(&g)
	case engine.GateFreshness:
		s.freshness(&g)
	case engine.GateFailedRuns:
		s.failedRuns(&g)
	case engine.GateStill:
		s.still(&g)
	}
	return g
}

// Need is what has to be done before a gate can be measured again.
type Need string

// The needs.
const (
	NeedLook  Need = "look"  // nothing: it is looked at as things are
	NeedCycle Need = "cycle" // a tick
	NeedCheck Need = "check" // a full pass
)

// NeedOf says what measuring a gate again takes.
func NeedOf(gate engine.GateName) Need {
	switch gate {
	case engine.GateAgreement, engine.GateDifferences, engine.GateDrift:
		return NeedCheck
	case engine.GateFreshness, engine.GateAccounted, engine.GateRejected:
		return NeedCycle
	case engine.GateFailedRuns, engine.GateStill:
	}
	return NeedLook
}

// whole gives the full pass if it is one: of all rows, come to its end.
func (s Seen) whole(g *engine.RehearsalGate) *engine.CheckView {
	c := s.Check
	if c == nil {
		g.Evidence, g.Advice = "no full check was made", "let the rehearsal come to its check, or measure this gate again"
		return nil
	}
	g.Run = c.ID
	switch {
	case c.Rolling || c.Recheck:
		g.Evidence = fmt.Sprintf("check #%d is not of all rows", c.ID)
	case c.State != engine.RunDone:
		g.Evidence = fmt.Sprintf("check #%d is %s%s", c.ID, c.State, colon(c.Error))
	case len(c.Entities) < len(entity.All()):
		g.Evidence = fmt.Sprintf("check #%d is not of all entities", c.ID)
	case c.Coverage < 1:
		g.Evidence = fmt.Sprintf("check #%d compared %s of the ids", c.ID, check.Percent(c.Coverage))
	default:
		return c
	}
	g.Advice = "measure this gate again: it begins a whole check"
	return nil
}

func (s Seen) agreement(g *engine.RehearsalGate) {
	g.Threshold = "≥ " + monitor.Percent(s.Limits.Agreement)
	c := s.whole(g)
	if c == nil {
		return
	}
	share := engine.CheckEntity{Compared: c.Compared, Settled: c.Settled}.Agreement()
	if !share.Known {
		g.Evidence = fmt.Sprintf("check #%d compared no row: both sides are empty, or all rows are explained", c.ID)
		return
	}
	worst, name := share.Value, ""
	for _, e := range c.Entities {
		if own := e.Agreement(); own.Known && own.Value < worst {
			worst, name = own.Value, " of "+e.Name // a small one must not hide behind a large one
		}
	}
	g.Figure = monitor.Percent(worst, s.Limits.Agreement) + name
	g.Evidence = fmt.Sprintf("check #%d: %d of %d rows differ, %d explained", c.ID, c.Settled, c.Compared, c.Explain)
	switch {
	case worst < s.Limits.Agreement:
		g.Verdict, g.Advice = engine.Fail, "`ferry discrepancies list` shows them, `ferry repair plan` mends what can be mended"
	case c.InFlight > 0:
		g.Evidence += fmt.Sprintf("; %d may be changes under way", c.InFlight)
		g.Advice = whyUnsettled
	default:
		g.Verdict = engine.Pass
	}
}

func (s Seen) differences(g *engine.RehearsalGate) {
	g.Threshold = "0 settled in a full pass without repair"
	c := s.whole(g)
	if c == nil {
		return
	}
	g.Figure = fmt.Sprintf("%d settled, %d in flight", c.Settled, c.InFlight)
	g.Evidence = fmt.Sprintf("check #%d: %s, %d rows compared", c.ID, c.Verdict, c.Compared)
	switch {
	case c.Settled > 0:
		g.Verdict, g.Advice = engine.Fail, "`ferry discrepancies list` shows them, `ferry repair plan` mends what can be mended"
	case !s.Repaired.Known:
		g.Evidence += "; whether something was repaired meanwhile is not known"
	case c.StartedAt.IsZero() || !s.Repaired.Value.IsZero() && !s.Repaired.Value.Before(c.StartedAt):
		g.Evidence += "; rows were repaired since it began, and repaired is not verified"
		g.Advice = "measure this gate again: it begins a whole check"
	case c.Verdict != engine.Pass:
		g.Evidence += colon(c.Why)
		g.Advice = whyUnsettled
	default:
		g.Verdict = engine.Pass
	}
}

// whyUnsettled is what to do where a check could not settle what it found.
const whyUnsettled = "let ticks come (`ferry status` says whether they do), then measure this gate again: it begins a whole check"

// entities gives the entities of the snapshot; none where it was not read.
func (s Seen) entities(g *engine.RehearsalGate) []engine.EntityView {
	if s.Snapshot == nil || len(s.Snapshot.Entities) == 0 {
		g.Evidence = "the engine database was not read"
		return nil
	}
	if run := s.Snapshot.Run; run != nil {
		g.Run = run.ID
	}
	return s.Snapshot.Entities
}

// byEntity judges a gate that is about every entity: it fails where one does, and passes where all are known. Judge gives what is said
// of an entity, and what stands against it.
func (s Seen) byEntity(g *engine.RehearsalGate, judge func(e engine.EntityView) (said, against string, known bool)) (failed []string, passed bool) {
	of := s.entities(g)
	var parts, unknown []string
	for _, e := range of {
		said, against, known := judge(e)
		if !known {
			unknown = append(unknown, e.Name)
			continue
		}
		parts = append(parts, said)
		if against != "" {
			failed = append(failed, against)
		}
	}
	switch {
	case len(of) == 0:
		return nil, false
	case len(unknown) > 0:
		parts = append(parts, "not counted: "+strings.Join(unknown, ", "))
		g.Advice = "measure this gate again: it begins a tick, which counts"
	}
	g.Evidence = strings.Join(parts, "; ")
	if len(failed) > 0 {
		g.Verdict = engine.Fail
	}
	return failed, len(failed)+len(unknown) == 0
}

func (s Seen) accounted(g *engine.RehearsalGate) {
	g.Threshold = "source = engine − stale − extra + quarantined"
	wrong, passed := s.byEntity(g, func(e engine.EntityView) (said, against string, known bool) {
		if !e.Accounted.Known || !e.SourceRows.Known || !e.TargetRows.Known || !e.Stale.Known || !e.Extra.Known || !e.Quarantined.Known {
			return "", "", false
		}
		sign := "="
		if !e.Accounted.Value {
			sign, against = "≠", e.Name
		}
		return fmt.Sprintf("%s: %d %s %d − %d − %d + %d", e.Name, e.SourceRows.Value, sign, e.TargetRows.Value, e.Stale.Value, e.Extra.Value,
			e.Quarantined.Value), against, true
	})
	switch {
	case len(wrong) > 0:
		g.Figure = "does not add up: " + strings.Join(wrong, ", ")
		g.Advice = "`ferry sync full` reads every row; if it still does not add up, `ferry check` names the rows"
	case passed:
		g.Verdict, g.Figure = engine.Pass, "adds up"
	}
}

func (s Seen) rejected(g *engine.RehearsalGate) {
	g.Threshold = "each entity within its limit"
	over, passed := s.byEntity(g, func(e engine.EntityView) (said, against string, known bool) {
		share := e.RejectedShare()
		if !share.Known || !e.RejectedLimit.Known {
			return "", "", false
		}
		said = fmt.Sprintf("%s %s (limit %s)", e.Name, monitor.Percent(share.Value, e.RejectedLimit.Value), monitor.Percent(e.RejectedLimit.Value))
		if share.Value > e.RejectedLimit.Value {
			against = said
		}
		return said, against, true
	})
	switch {
	case len(over) > 0:
		g.Figure = strings.Join(over, ", ")
		g.Advice = "`ferry quarantine list` shows them by reason; mend them in Odoo, waive them, or switch the rule"
	case passed:
		g.Verdict, g.Figure = engine.Pass, "within"
	}
}

func (s Seen) drift(g *engine.RehearsalGate) {
	g.Threshold = "≤ " + monitor.Percent(s.Limits.Drift) + " of the cards"
	c := s.whole(g)
	switch {
	case c == nil:
		return
	case s.Snapshot == nil:
		g.Evidence = "the engine database was not read"
		return
	}
	l := s.Snapshot.Ledger
	if !l.Cards.Known || !l.Drifted.Known {
		g.Evidence, g.Advice = "Odoo's own balances were not compared", "measure this gate again: it begins a whole check"
		return
	}
	if l.Run < c.ID {
		g.Evidence = fmt.Sprintf("Odoo's own balances were compared by run #%d, before check #%d", l.Run, c.ID)
		return
	}
	share := 0.0
	if l.Cards.Value > 0 {
		share = float64(l.Drifted.Value) / float64(l.Cards.Value)
	}
	g.Figure = fmt.Sprintf("%s (%d of %d)", monitor.Percent(share, s.Limits.Drift), l.Drifted.Value, l.Cards.Value)
	g.Evidence = fmt.Sprintf("check #%d: %d cards disagree with their history, %d with their moves", c.ID, l.History.Or(0), l.Moves.Or(0))
	if share > s.Limits.Drift {
		g.Verdict, g.Advice = engine.Fail, "`ferry ledger list` shows them; Odoo disagrees with itself, and is mended in Odoo"
		return
	}
	g.Verdict = engine.Pass
}

// freshness is what a change must wait for. Of a source that stands still since before the last tick read it everything is in the
// engine, however long ago that was.
func (s Seen) freshness(g *engine.RehearsalGate) {
	g.Threshold = "≤ " + monitor.Span(s.Limits.Freshness)
	if len(s.entities(g)) == 0 {
		return // whether one of them is held is not known
	}
	bound := s.Snapshot.Freshness.Bound(s.Now)
	if !bound.Known {
		g.Evidence, g.Advice = "no cycle has been completed", "measure this gate again: it begins a tick"
		return
	}
	held := heldBack(s.Snapshot)
	switch {
	case held != "":
		g.Evidence, g.Advice = held+" is held: ticks do not read it", "`ferry resume --entity "+held+"` lets them"
	case s.Still.Behind != "": // a tick reads what the standby shows
		g.Evidence = s.Still.Behind
	case s.Still.Known && !s.Still.Moved:
		g.Verdict, g.Figure = engine.Pass, "0 s"
		g.Evidence = "nothing was written at the source since before the last tick began to read"
	case bound.Value <= s.Limits.Freshness:
		g.Verdict, g.Figure = engine.Pass, "≤ "+monitor.Span(bound.Value)
		g.Evidence = "the last tick began to read then"
	default:
		g.Verdict, g.Figure = engine.Fail, "≤ "+monitor.Span(bound.Value)
		g.Evidence = "the last tick began to read then" + colon(s.Still.What)
		g.Advice = "keep the engine in step (`ferry sync incremental --watch`) while the rehearsal goes on"
	}
}

func heldBack(s *engine.Snapshot) string {
	for _, e := range s.Entities {
		if e.PausedBy != "" {
			return e.Name
		}
	}
	return ""
}

func (s Seen) failedRuns(g *engine.RehearsalGate) {
	g.Threshold = "0 since the rehearsal began"
	if !s.Failed.Known {
		g.Evidence = "the history of runs was not read"
		return
	}
	g.Figure = fmt.Sprintf("%d failed", len(s.Failed.Value))
	if len(s.Failed.Value) == 0 {
		g.Verdict, g.Evidence = engine.Pass, "every run ended well"
		return
	}
	first := s.Failed.Value[0]
	g.Verdict, g.Run = engine.Fail, first.ID
	g.Evidence = fmt.Sprintf("%s run #%d%s", first.Kind, first.ID, colon(first.Error))
	g.Advice = fmt.Sprintf("`ferry runs show %d` shows it", first.ID)
}

func (s Seen) still(g *engine.RehearsalGate) {
	g.Threshold = "nothing written since the freeze"
	if !s.Still.Known {
		g.Evidence = s.Still.What
		return
	}
	if s.Still.Moved {
		g.Verdict, g.Figure, g.Evidence = engine.Fail, "written", s.Still.What
		g.Advice = "find what still writes to Odoo (its workers, cron, integrations), and rehearse again"
		return
	}
	g.Verdict, g.Figure, g.Evidence = engine.Pass, "0 rows written", "the source's rows are those of the freeze"
}

func colon(text string) string {
	if text == "" {
		return ""
	}
	return ": " + text
}
