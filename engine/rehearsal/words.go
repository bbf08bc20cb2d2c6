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
	case answered(v) && v.Waits():
		state = "answered, waits"
	case v.Lost:
		state = "interrupted"
	}
	if step := v.Current(); step != nil {
		state += " at " + string(step.Name)
	}
	return state
}

// The states of a step as people see it, beside those that are kept: in a rehearsal that stands still nothing runs.
const (
	StepAsks    engine.RehearsalStepState = "needs answer"
	StepPaused  engine.RehearsalStepState = "paused"
	StepStopped engine.RehearsalStepState = "stopped"
)

// Stands is the state of a rehearsal's step as people see it.
func Stands(s engine.RehearsalStepState, v *engine.RehearsalView) engine.RehearsalStepState {
	if s != engine.RehearsalRunning {
		return s
	}
	switch {
	case v.State == engine.RunAsking:
		return StepAsks
	case v.State == engine.RunPaused:
		return StepPaused
	case v.State != engine.RunRunning || v.Lost:
		return StepStopped
	}
	return s
}

// Ways are how something is done about a rehearsal, where it is told: by a command, or by a key.
type Ways struct {
	Resume string // also one that was aborted
	GoOn   string // with one that nobody carries out
	Answer string // the question, with what is asked
}

// Commands are the ways of a command line.
func Commands(v *engine.RehearsalView) Ways {
	return Ways{Resume: fmt.Sprintf("`ferry rehearse --resume %d`", v.ID), GoOn: "`ferry rehearse`", Answer: v.Question}
}

// Sentence says how a rehearsal stands, why, and what may be done now, by commands.
func Sentence(v *engine.RehearsalView) string { return SentenceBy(v, Commands(v)) }

// SentenceBy says how a rehearsal stands, why, and what may be done now.
func SentenceBy(v *engine.RehearsalView, by Ways) string {
	if v.Verdict != "" {
		return verdictSentence(v)
	}
	switch {
	case v.State == engine.RunCancelled:
		return fmt.Sprintf("Aborted by %s%s. %s resumes it; its freeze then begins anew.", v.StateBy, within(v.Reason), by.Resume)
	case answered(v) && v.Waits():
		return "Answered by " + v.ConfirmedBy + "; waits for a process with workers. " + by.GoOn + " goes on with it."
	case v.State == engine.RunInterrupted:
		return "Interrupted: the process that carried it out is gone. " + by.Resume + " resumes it."
	case v.Lost:
		return "Interrupted: the process that carried it out is gone. " + by.GoOn + " goes on with it."
	case v.Waits():
		return "Waits for a process with workers. " + by.GoOn + " goes on with it."
	case v.State == engine.RunAsking:
		return by.Answer
	}
	if step := v.Current(); step != nil && step.Found != "" {
		return fmt.Sprintf("Step %s: %s.", step.Name, strings.TrimSuffix(step.Found, "."))
	}
	return "Under way."
}

func verdictSentence(v *engine.RehearsalView) string {
	switch {
	case v.Verdict == engine.Pass && v.Standing == engine.StandingExpired:
		return "GO, but it has expired: the source has moved on" + behind(v.Moved) + ". Rehearse again."
	case v.Verdict == engine.Pass && v.Standing == engine.StandingUnknown:
		return "GO. Whether it still holds is not known" + behind(v.Moved) + "."
	case v.Verdict == engine.Pass:
		return "GO: every gate passed, and the source is as it was."
	}
	return v.Go() + behind(v.Why) + "."
}

// answered reports whether an operator has said that Odoo is frozen, and nothing has come of it yet.
func answered(v *engine.RehearsalView) bool { return v.ConfirmedBy != "" && v.FrozenAt.IsZero() }

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
	case v.Freeze == engine.FreezeNone:
		return "none, without a freeze"
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

// TicksPaused says what comes of ticks that are paused, and the cure.
func TicksPaused(s engine.Schedule) string {
	return fmt.Sprintf("ticks are paused by %s%s: what a check finds in flight would wait for one in vain, for minutes; "+
		"`ferry resume --schedule` lets them come", s.PausedBy, within(s.Reason))
}
