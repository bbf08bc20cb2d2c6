package screen

import (
	"time"

	"ferry/engine"
	"ferry/tui/widget"
)

// The service level of agreement, where the monitor has judged nothing else: below the target it is missed, below the
// alert somebody is told.
const (
	AgreementTarget = 0.999
	AgreementAlert  = 0.99
)

// The names of the service levels that are told in a place of their own.
const (
	levelAgreement = "agreement"
	levelFreshness = "freshness"
	levelProof     = "proof"
)

// ToldElsewhere reports whether a level of the monitor has a line of its own.
func ToldElsewhere(l *engine.LevelView) bool {
	return l.Name == levelAgreement || l.Name == levelFreshness || l.Name == levelProof
}

// AgreementGoal is the target of agreement in words: as the monitor has it, which an operator may have set otherwise.
func (s Sight) AgreementGoal() string {
	if !s.Snapshot.Monitor.At.IsZero() {
		for i := range s.Snapshot.Monitor.Levels {
			if l := &s.Snapshot.Monitor.Levels[i]; l.Name == levelAgreement && l.Target != "" {
				return l.Target
			}
		}
	}
	return "≥ 99.9 %"
}

// Agreement is the part of the compared rows that agree, in words, and how the level is kept. If an entity is below its
// target it is that one's: a small one must not hide behind a large one.
func (s Sight) Agreement() (text string, state engine.LevelState) {
	text, state, _ = s.AgreementOf()
	return text, state
}

// AgreementOf also names the entity whose it is; empty: of all.
func (s Sight) AgreementOf() (text string, state engine.LevelState, entity string) {
	p := &s.Snapshot.Proof
	text, state = agreement(p.Agreement, p.Settled), standing(p.Agreement)
	if text == widget.Unknown {
		return text, engine.LevelUnknown, ""
	}
	for i := range p.Entities {
		e := &p.Entities[i]
		part := e.Agreement()
		its := standing(part)
		if judged := s.judged(e.Name); judged != nil && its != engine.LevelUnknown {
			its = judged.State
		}
		if badness[its] > badness[state] {
			text, state, entity = agreement(part, e.Settled), its, e.Name
		}
	}
	return text, state, entity
}

var badness = map[engine.LevelState]int{engine.LevelMissed: 1, engine.LevelAlert: 2}

func agreement(part engine.Maybe[float64], settled int64) string {
	return widget.Agreement(part, settled, AgreementTarget, AgreementAlert)
}

// standing is how the level of agreement is kept, where nobody has judged it.
func standing(part engine.Maybe[float64]) engine.LevelState {
	switch {
	case !part.Known:
		return engine.LevelUnknown
	case part.Value < AgreementAlert:
		return engine.LevelAlert
	case part.Value < AgreementTarget:
		return engine.LevelMissed
	}
	return engine.LevelKept
}

// judged is what the monitor said last of the agreement of an entity, or nil.
func (s Sight) judged(entity string) *engine.LevelView {
	if s.Snapshot.Monitor.At.IsZero() {
		return nil
	}
	for i := range s.Snapshot.Monitor.Levels {
		l := &s.Snapshot.Monitor.Levels[i]
		if l.Name == levelAgreement && l.Entity == entity && l.State != engine.LevelUnknown {
			return l
		}
	}
	return nil
}

// Age is how old a proof is, in its largest unit: nobody needs more, and it must not change each second.
func Age(d time.Duration) string {
	for _, unit := range []time.Duration{24 * time.Hour, time.Hour, time.Minute} {
		if d >= unit {
			return widget.Duration(d.Truncate(unit))
		}
	}
	return widget.Duration(d)
}

// Proven says in one word or two how old the oldest proof is: "4m old", "26h old, expired", "62% so far"; unknown as "–". It
// reports whether that is as it should be, which an unknown one is not.
func (s Sight) Proven() (text string, good bool) {
	p := &s.Snapshot.Proof
	if p.Never() && p.Verdict == engine.CouldNotCheck {
		return "none yet", false
	}
	if p.Verdict == engine.CouldNotCheck {
		return string(engine.CouldNotCheck), false
	}
	age := p.Age(s.Now)
	switch {
	case age.Known && p.MaxAge > 0 && age.Value > p.MaxAge:
		return Age(age.Value) + " old, expired", false
	case age.Known:
		return Age(age.Value) + " old", true
	case p.Coverage > 0:
		return widget.Progress(p.Coverage) + " so far", true
	}
	return widget.Unknown, false
}

// Checking is the check that is under way, or nil.
func (s Sight) Checking() *engine.CheckView {
	if s.Snapshot == nil || s.Snapshot.Check == nil || !s.Snapshot.Check.State.Active() {
		return nil
	}
	return s.Snapshot.Check
}
