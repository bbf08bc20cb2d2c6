package main

import (
	"context"
	"fmt"

	"ferry/engine"
	"ferry/engine/check"
	"ferry/tui/widget"
)

// readRun reads the state of one run that has ended, with what is proven.
func (c *crossing) readRun(ctx context.Context, id engine.RunID) (*engine.Snapshot, error) {
	s, err := c.target.ReadRun(ctx, id)
	if err != nil {
		return nil, err
	}
	s.Proof, err = c.target.Proof(ctx)
	return s, err
}

// newCheck says what is proven: of a check what it found itself, else what is proven at this moment. Unknown is null.
func newCheck(s *engine.Snapshot) checkReport {
	if run := s.Run; run != nil && run.Kind == engine.RunCheck && s.Check != nil && s.Check.ID == run.ID {
		return checkedReport(s)
	}
	p := s.Proof
	r := checkReport{Verdict: verdictWord(p.Verdict), ConsistencyRate: p.Agreement, Why: known(p.Why)}
	if p.NewestAt.IsZero() {
		return r
	}
	r.Compared, r.Settled, r.InFlight, r.Explained = engine.Known(p.Compared), engine.Known(p.Settled), engine.Known(p.InFlight), engine.Known(p.Explained)
	r.Coverage, r.Age = engine.Known(p.Coverage), millis(p.Age(s.TakenAt))
	r.ByCause = newCauses(p.ByCause)
	return r
}

// checkedReport is what one check says.
func checkedReport(s *engine.Snapshot) checkReport {
	v := s.Check
	r := checkReport{
		Verdict: verdictWord(v.Verdict), Compared: engine.Known(v.Compared), Settled: engine.Known(v.Settled), InFlight: engine.Known(v.InFlight),
		Explained: engine.Known(v.Explain), Coverage: engine.Known(v.Coverage), Why: known(v.Why),
		ConsistencyRate: engine.CheckEntity{Compared: v.Compared, Settled: v.Settled}.Agreement(),
	}
	byCause := map[engine.Cause]int64{}
	for _, e := range v.Entities {
		for cause, rows := range e.ByCause {
			byCause[cause] += rows
		}
	}
	r.ByCause = newCauses(byCause)
	if !v.StartedAt.IsZero() {
		r.Age = millis(engine.Known(max(s.TakenAt.Sub(v.StartedAt), 0)))
	}
	return r
}

func newCauses(of map[engine.Cause]int64) causesReport {
	count := func(cause engine.Cause) engine.Maybe[int64] { return engine.Known(of[cause]) }
	return causesReport{
		Missing: count(engine.CauseMissing), Extra: count(engine.CauseExtra), Field: count(engine.CauseField),
		Quarantined: count(engine.CauseQuarantined), WaitingParent: count(engine.CauseWaitingParent),
		DeletedAtSource: count(engine.CauseDeletedAtSource), WrittenOnTarget: count(engine.CauseWrittenOnTarget),
	}
}

// verdictWord is a verdict as scripts know it.
func verdictWord(v engine.Verdict) string {
	switch v {
	case engine.Pass, engine.Fail:
		return string(v)
	case engine.CouldNotCheck:
	}
	return "unknown"
}

// proofLine says in words what is proven at this moment.
func proofLine(s *engine.Snapshot) string {
	p := s.Proof
	line := "proof: " + string(p.Verdict)
	if p.Verdict == "" {
		return ""
	}
	if p.Agreement.Known {
		line += fmt.Sprintf(", %s of %s rows differ, %s explained, %s of the ids looked at", widget.Count(p.Settled), widget.Count(p.Compared),
			widget.Count(p.Explained), check.Percent(p.Coverage))
		if age := p.Age(s.TakenAt); age.Known {
			line += ", the oldest " + widget.Span(age.Value) + " ago"
		}
	}
	if p.Why != "" {
		line += ": " + p.Why
	}
	return line
}
