// Package status says in one glyph, one word and one colour where ferry stands. It is the only place that knows how a
// state is named and shown.
//
// A state is read off a snapshot, the strongest reason first:
//
//	nothing read yet                        → connecting, or unreachable
//	a database does not answer              → unreachable
//	the engine database lacks ferry's schema → not initialised, schema older, schema newer
//	no run has ever been                    → idle
//	else                                    → the state of the last run
package status

import (
	"ferry/engine"
	"ferry/themes"
)

// State is where ferry stands.
type State string

// The states that are not those of a run.
const (
	Connecting     State = "connecting"
	Unreachable    State = "unreachable"
	NotInitialised State = "not initialised"
	SchemaOlder    State = "schema older"
	SchemaNewer    State = "schema newer"
	Idle           State = "idle"
)

// Sign is how a state is shown.
type Sign struct {
	Glyph string // one cell wide, in fonts everywhere, and never an emoji
	Word  string
	Role  themes.Role
}

var signs = map[State]Sign{
	Connecting:     {"◌", "connecting", themes.Info},
	Unreachable:    {"◆", "unreachable", themes.Bad},
	NotInitialised: {"○", "not initialised", themes.Warn},
	SchemaOlder:    {"○", "schema older", themes.Warn},
	SchemaNewer:    {"◆", "schema newer", themes.Bad},
	Idle:           {"○", "idle", themes.Muted},

	State(engine.RunQueued):      {"◌", "queued", themes.Info},
	State(engine.RunPlanning):    {"◌", "planning", themes.Info},
	State(engine.RunRunning):     {"●", "running", themes.OK},
	State(engine.RunPausing):     {"◐", "pausing", themes.Warn},
	State(engine.RunPaused):      {"‖", "paused", themes.Warn},
	State(engine.RunInterrupted): {"◆", "interrupted", themes.Bad},
	State(engine.RunCancelled):   {"×", "cancelled", themes.Warn},
	State(engine.RunFailed):      {"✗", "failed", themes.Bad},
	State(engine.RunDone):        {"✓", "done", themes.OK},
}

// Of reads the state off a snapshot.
func Of(s *engine.Snapshot) State {
	switch {
	case s.Target.Down() || s.Source.Down():
		return Unreachable
	case s.TakenAt.IsZero():
		return Connecting
	}
	switch s.Setup {
	case engine.SetupUnknown:
		return Connecting
	case engine.SetupMissing:
		return NotInitialised
	case engine.SetupOlder:
		return SchemaOlder
	case engine.SetupNewer:
		return SchemaNewer
	case engine.SetupReady:
	}
	if s.Run == nil {
		return Idle
	}
	return State(s.Run.State)
}

// Sign gives glyph, word and role. A state that this program does not know is shown by its own name.
func (s State) Sign() Sign {
	if sign, ok := signs[s]; ok {
		return sign
	}
	return Sign{"◆", string(s), themes.Warn}
}

// All lists the states, for tests and for the help.
func All() []State {
	return []State{
		Connecting, Unreachable, NotInitialised, SchemaOlder, SchemaNewer, Idle,
		State(engine.RunQueued), State(engine.RunPlanning), State(engine.RunRunning), State(engine.RunPausing),
		State(engine.RunPaused), State(engine.RunInterrupted), State(engine.RunCancelled), State(engine.RunFailed),
		State(engine.RunDone),
	}
}
