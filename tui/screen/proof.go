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
)

// Agreement is the part of the compared rows that agree, in words, and how the level is kept.
func (s Sight) Agreement() (text string, state engine.LevelState) {
	p := &s.Snapshot.Proof
	text = widget.Agreement(p.Agreement, p.Settled, AgreementTarget, AgreementAlert)
	if text == widget.Unknown {
		return text, engine.LevelUnknown
	}
	if judged := s.judged(levelAgreement); judged != nil && judged.State != engine.LevelUnknown {
		return text, judged.State
	}
	switch v := p.Agreement.Value; {
	case v < AgreementAlert:
		return text, engine.LevelAlert
	case v < AgreementTarget:
		return text, engine.LevelMissed
	}
	return text, engine.LevelKept
}

// judged is what the monitor said last of a level of all entities, or nil.
func (s Sight) judged(name string) *engine.LevelView {
	if s.Snapshot.Monitor.At.IsZero() {
		return nil
	}
	for i := range s.Snapshot.Monitor.Levels {
		if l := &s.Snapshot.Monitor.Levels[i]; l.Name == name && l.Entity == "" {
			return l
		}
	}
	return nil
}

// ToldElsewhere reports whether a level of the monitor has a line of its own.
func ToldElsewhere(l *engine.LevelView) bool {
	return l.Entity == "" && (l.Name == levelAgreement || l.Name == levelFreshness)
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
