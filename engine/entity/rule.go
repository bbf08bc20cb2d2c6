package entity

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Severity is what a broken rule means for its row.
type Severity string

// The severities of a rule.
const (
	Reject Severity = "reject" // the row goes to quarantine
	Warn   Severity = "warn"   // the row is loaded and counted
	Off    Severity = "off"
)

// Rule is one thing that a row must keep.
type Rule struct {
	Name    string   // "card.partner_missing": how config, reports and screens name it
	Why     string   // what is wrong with a row that breaks it, in words
	Default Severity // severity where nothing else is set
	Fixed   bool     // the engine's tables cannot hold such a row: always reject
	Broken  func(Row) bool
}

// Reasons for quarantine that are not rules of one row.
const (
	ReasonWaiting = "waiting_parent" // valid, but its parent is not in the engine
	ReasonCode    = "code_taken"     // its code belongs to a card with a lower id
	ReasonOwned   = "engine_owned"   // the engine changed or deleted its copy; it is never overwritten unattended
)

// Rules are the severities in force for one run.
type Rules map[string]Severity

// DefaultRules gives every rule's default.
func DefaultRules() Rules {
	out := Rules{}
	for _, e := range All() {
		for _, r := range e.Rules {
			out[r.Name] = r.Default
		}
	}
	return out
}

// Of is the severity of a rule: the one set, else its default; a fixed rule always rejects.
func (r Rules) Of(rule Rule) Severity {
	if rule.Fixed {
		return Reject
	}
	if s, ok := r[rule.Name]; ok {
		return s
	}
	return rule.Default
}

// Verdict is what the rules say of one row.
type Verdict struct {
	Reason string   // the first rule that rejects it; empty: it may be loaded
	Detail string   // every rule that it broke, in words
	Warned []string // rules of severity warn that it broke
}

// Judge applies an entity's rules to a row. For many rows see Judges.
func (r Rules) Judge(e *Entity, row Row) Verdict { return r.Judges(e).Judge(row) }

// Judges are an entity's rules with the severities that are in force.
type Judges []judging

type judging struct {
	*Rule

	severity Severity
}

// Judges looks the severities of an entity's rules up once.
func (r Rules) Judges(e *Entity) Judges {
	out := make(Judges, 0, len(e.Rules))
	for i := range e.Rules {
		if severity := r.Of(e.Rules[i]); severity != Off {
			out = append(out, judging{&e.Rules[i], severity})
		}
	}
	return out
}

// Judge applies the rules to a row.
func (j Judges) Judge(row Row) Verdict {
	var v Verdict
	for _, rule := range j {
		if !rule.Broken(row) {
			continue
		}
		if rule.severity == Warn {
			v.Warned = append(v.Warned, rule.Name)
			continue
		}
		if v.Reason == "" {
			v.Reason, v.Detail = rule.Name, rule.Why
		} else {
			v.Detail += "; " + rule.Why
		}
	}
	return v
}

// Set gives a rule a severity, by name. It fails for a name or a severity that does not exist and for a rule that is
// fixed.
func (r Rules) Set(name string, s Severity) error {
	if s != Reject && s != Warn && s != Off {
		return fmt.Errorf("rule %s: no severity %q; there are: %s, %s, %s", name, s, Reject, Warn, Off)
	}
	for _, e := range All() {
		for _, rule := range e.Rules {
			if rule.Name != name {
				continue
			}
			if rule.Fixed && s != Reject {
				return fmt.Errorf("rule %s is fixed: the engine's tables cannot hold such a row", name)
			}
			r[name] = s
			return nil
		}
	}
	return fmt.Errorf("no rule %q; there are: %s", name, strings.Join(ruleNames(), ", "))
}

func ruleNames() []string {
	var out []string
	for _, e := range All() {
		for _, rule := range e.Rules {
			out = append(out, rule.Name)
		}
	}
	return out
}

// pointsInvalid is the rule of every entity that the engine's numeric(18,2) can hold its points.
func pointsInvalid(name string) Rule {
	return brokenAlways(name, "a number of points is NaN, infinite or beyond 16 digits", func(row Row) bool {
		return slices.ContainsFunc(row.Values, func(v Value) bool { return v.State == NotFinite || v.State == TooLarge })
	})
}

// timestampInvalid is the rule of every entity that no date is infinite and that the required ones are there.
func timestampInvalid(name string, required ...int) Rule {
	return brokenAlways(name, "a date is infinite, or a required one is missing", func(row Row) bool {
		return slices.ContainsFunc(row.Values, func(v Value) bool { return v.State == Endless }) ||
			slices.ContainsFunc(required, func(i int) bool { return row.Values[i].State == Null })
	})
}

// brokenWhen is a switchable rule.
func brokenWhen(name, why string, broken func(Row) bool) Rule {
	return Rule{Name: name, Why: why, Default: Reject, Broken: broken}
}

// brokenAlways is a rule that cannot be switched: the engine's tables, or what reads them, cannot hold such a row.
func brokenAlways(name, why string, broken func(Row) bool) Rule {
	return Rule{Name: name, Why: why, Default: Reject, Fixed: true, Broken: broken}
}

// Hash names a set of severities: a floor taken under one hash says nothing under another.
func (r Rules) Hash() string {
	h := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(r)) {
		fmt.Fprintf(h, "%s=%s\n", name, r[name])
	}
	fmt.Fprintf(h, "codec=%d\n", codecVersion)
	return hex.EncodeToString(h.Sum(nil))[:16]
}

// codecVersion rises whenever the same source row would be stored differently.
const codecVersion = 1
