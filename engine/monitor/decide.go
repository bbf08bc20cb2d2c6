package monitor

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"ferry/engine"
)

// Key is what an alert is about: there is at most one open alert of each.
type Key struct{ Rule, Entity string }

// Open is an alert that has not ended.
type Open struct {
	Key

	ID         int64
	Severity   engine.Severity
	Text       string
	FiredAt    time.Time
	ClearSince time.Time // all has been well since; zero: it is not, or nobody knows
	Told       bool      // somebody was told that it fires
}

// Kind is what a message says.
type Kind string

// The kinds of messages.
const (
	Firing   Kind = "firing"
	Resolved Kind = "resolved"
	Reminder Kind = "reminder"
	Test     Kind = "test"
)

// Change is what becomes of one alert.
type Change struct {
	Key

	ID         int64 // 0: it is a new one
	Severity   engine.Severity
	Text       string
	ClearSince time.Time
	Ends       bool
	Told       bool   // from now on
	Say        Kind   // empty: nobody is told anything
	Message    string // what they are told
}

// Decide decides what becomes of the open alerts and which new ones there are, in the order of the findings. told is when
// somebody was last told anything about a key, whether its alert is open or over.
//
// What fires is told at once, unless it comes within the quiet period of the last message about it; then it is told once
// that has passed, if it still fires. It ends when all has been well for a while, and not when nobody knows; whoever was
// told that it fires is told that it is over.
func Decide(open []Open, told map[Key]time.Time, findings []Finding, t Thresholds, now time.Time) []Change {
	var out []Change
	for _, f := range findings {
		key := Key{f.Rule, f.Entity}
		at := slices.IndexFunc(open, func(o Open) bool { return o.Key == key })
		switch {
		case f.State == engine.LevelAlert && at < 0:
			out = append(out, say(Change{Key: key, Severity: f.Severity, Text: f.Text}, told[key], t, now))
		case f.State == engine.LevelAlert:
			out = append(out, again(open[at], f, told[key], t, now))
		case at >= 0:
			out = append(out, calm(open[at], f, t, now))
		}
	}
	return out
}

// say tells that an alert fires, unless it is quiet.
func say(c Change, last time.Time, t Thresholds, now time.Time) Change {
	if last.IsZero() || now.Sub(last) >= t.Quiet(c.Severity) {
		c.Told, c.Say, c.Message = true, Firing, c.Text
	}
	return c
}

// again is an alert that goes on.
func again(o Open, f Finding, last time.Time, t Thresholds, now time.Time) Change {
	c := Change{ID: o.ID, Key: o.Key, Severity: f.Severity, Text: f.Text, Told: o.Told}
	switch {
	case !o.Told:
		return say(c, last, t, now)
	case rank(f.Severity) > rank(o.Severity):
		c.Say, c.Message = Firing, f.Text
	case f.Severity == engine.SeverityCritical && t.Remind > 0 && now.Sub(last) >= t.Remind:
		c.Say, c.Message = Reminder, fmt.Sprintf("Still so after %s: %s", Span(now.Sub(o.FiredAt)), f.Text)
	}
	return c
}

// calm is an alert whose cause was not seen any more.
func calm(o Open, f Finding, t Thresholds, now time.Time) Change {
	c := Change{ID: o.ID, Key: o.Key, Severity: o.Severity, Text: o.Text, Told: o.Told}
	if f.State == engine.LevelUnknown {
		return c // nobody knows: it neither ends nor comes nearer to its end
	}
	c.ClearSince = o.ClearSince
	if c.ClearSince.IsZero() {
		c.ClearSince = now
	}
	if now.Sub(c.ClearSince) < t.ClearAfter {
		return c
	}
	c.Ends = true
	if c.Told {
		c.Say = Resolved
		c.Message = fmt.Sprintf("Over after %s, and well for %s; nothing is left to do. It was: %s",
			Span(now.Sub(o.FiredAt)), Span(now.Sub(c.ClearSince)), o.Text)
	}
	return c
}

// rank orders severities.
func rank(s engine.Severity) int {
	return slices.Index([]engine.Severity{engine.SeverityInfo, engine.SeverityWarning, engine.SeverityCritical}, s)
}

// ByUrgency orders alerts: the most urgent first, then the oldest.
func ByUrgency(a, b engine.AlertView) int {
	return cmp.Or(cmp.Compare(rank(b.Severity), rank(a.Severity)), a.FiredAt.Compare(b.FiredAt), cmp.Compare(a.ID, b.ID))
}
