package rehearsal

import (
	"fmt"
	"strings"
	"time"

	"ferry/engine"
	"ferry/engine/monitor"
)

// Unfreeze is the line that says whether Odoo may be unfrozen; empty where it was never frozen.
func Unfreeze(v *engine.RehearsalView) string {
	may := v.MayUnfreeze()
	switch {
	case !may.Known:
		return ""
	case may.Value:
		return "Odoo may be unfrozen: yes"
	}
	return "Odoo may be unfrozen: no"
}

// Outcome is how a rehearsal stands, in a few words: "GO, expired", "NO-GO", "at check".
func Outcome(v *engine.RehearsalView) string {
	switch {
	case v.Verdict == engine.Pass && v.Standing == engine.StandingExpired:
		return "GO, expired"
	case v.Verdict == engine.Pass && v.Standing == engine.StandingUnknown:
		return "GO, not looked at since"
	case v.Verdict != "":
		return v.Go()
	}
	state := string(v.State)
	switch {
	case v.State == engine.RunCancelled:
		state = "aborted"
	case v.State == engine.RunAsking:
		state = v.State.Word()
	case v.Lost:
		state = "interrupted"
	}
	if step := v.Current(); step != nil {
		state += " at " + string(step.Name)
	}
	return state
}

// Sentence says how a rehearsal stands, why, and what may be done now.
func Sentence(v *engine.RehearsalView) string {
	switch {
	case v.Verdict == engine.Pass && v.Standing == engine.StandingExpired:
		return "GO, but it has expired: the source has moved on" + behind(v.Moved) + ". Rehearse again."
	case v.Verdict == engine.Pass && v.Standing == engine.StandingUnknown:
		return "GO. Whether it still holds is not known" + behind(v.Moved) + "."
	case v.Verdict == engine.Pass:
		return "GO: every gate passed, and the source is as it was."
	case v.Verdict != "":
		return v.Go() + behind(v.Why) + "."
	case v.State == engine.RunCancelled:
		return fmt.Sprintf("Aborted by %s%s. `ferry resume --run %d` goes on; the freeze then begins anew.", v.StateBy, within(v.Reason), v.ID)
	case v.State == engine.RunInterrupted, v.Lost:
		return "Interrupted: the process that carried it out is gone. `ferry rehearse` goes on with it."
	case v.State == engine.RunAsking:
		return v.Question
	}
	if step := v.Current(); step != nil && step.Found != "" {
		return fmt.Sprintf("Step %s: %s.", step.Name, strings.TrimSuffix(step.Found, "."))
	}
	return "Under way."
}

func behind(text string) string { return colon(strings.TrimSuffix(text, ".")) }

func within(text string) string {
	if text == "" {
		return ""
	}
	return " (" + text + ")"
}

// WindowWords says how long the real cutover keeps Odoo frozen, as far as is known.
func WindowWords(v *engine.RehearsalView) string {
	switch {
	case v.Window.Known:
		return Span(v.Window.Value)
	case v.WindowSoFar > 0:
		return "at least " + Span(v.WindowSoFar)
	}
	return "not known yet"
}

// Span is a duration, with tenths below ten seconds: a rehearsal on little data is short.
func Span(d time.Duration) string {
	if d >= 100*time.Millisecond && d < 10*time.Second {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return monitor.Span(d)
}

// SpanOf is a duration that may not be known.
func SpanOf(d engine.Maybe[time.Duration]) string {
	if !d.Known {
		return "–"
	}
	return Span(d.Value)
}

// ChangeOf is how much longer something took: "+1.2 s", "−3 s", "="; unknown as a dash.
func ChangeOf(d engine.Maybe[time.Duration]) string {
	switch {
	case !d.Known:
		return "–"
	case d.Value > 0:
		return "+" + Span(d.Value)
	case d.Value < 0:
		return "−" + Span(-d.Value)
	}
	return "="
}

// VerdictWord is a gate's verdict; one that was not measured has none.
func VerdictWord(v engine.Verdict) string {
	if v == "" {
		return "–"
	}
	return string(v)
}
