package status

import (
	"ferry/engine"
	"ferry/engine/rehearsal"
	"ferry/themes"
)

var rehearsalSigns = map[engine.RehearsalStepState]Sign{
	engine.RehearsalWaiting: {"◌", "waiting", themes.Muted},
	engine.RehearsalRunning: {"●", "running", themes.OK},
	engine.RehearsalDone:    {"✓", "done", themes.OK},
	engine.RehearsalFailed:  {"✗", "failed", themes.Bad},
	engine.RehearsalSkipped: {"○", "skipped", themes.Muted},
	rehearsal.StepAsks:      needsAnswer,
	rehearsal.StepPaused:    {"‖", string(rehearsal.StepPaused), themes.Warn},
	rehearsal.StepStopped:   {"×", string(rehearsal.StepStopped), themes.Warn},
}

// OfRehearsalStep says how a step of a rehearsal is shown. In one that stands still nothing runs.
func OfRehearsalStep(s engine.RehearsalStepState, v *engine.RehearsalView) Sign {
	s = rehearsal.Stands(s, v)
	if sign, ok := rehearsalSigns[s]; ok {
		return sign
	}
	return Sign{"◆", string(s), themes.Warn}
}

// OfRehearsal says how a rehearsal is shown: by its verdict, else by where it stands.
func OfRehearsal(v *engine.RehearsalView) Sign {
	word := rehearsal.Outcome(v)
	switch {
	case v.Verdict == engine.Pass && v.Standing == engine.StandingHolds:
		return Sign{"✓", word, themes.OK}
	case v.Verdict == engine.Pass:
		return Sign{"◐", word, themes.Warn}
	case v.Verdict == engine.Fail:
		return Sign{"✗", word, themes.Bad}
	case v.Verdict != "":
		return Sign{"?", word, themes.Warn}
	case v.Lost:
		return Sign{"◆", word, themes.Bad}
	}
	sign := State(v.State).Sign()
	sign.Word = word
	return sign
}
