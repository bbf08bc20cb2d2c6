// Package status says in one glyph, one word and one colour where ferry stands. It is the only place that knows how a
// state is named and shown.
//
// A state is read off a snapshot, the strongest reason first:
//
//	nothing read yet                        → connecting, or unreachable
//	a database does not answer              → unreachable
//	the engine database lacks ferry's schema → not initialised, schema older, schema newer
//	somebody has sealed the engine          → sealed
//	no run has ever been                    → idle
//	ticks are held back since the last run   → ticks paused
//	a run that somebody has throttled       → throttled
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
	TicksPaused    State = "ticks paused"
	Sealed         State = "sealed"
	Throttled      State = "throttled"
)

// Sign is how a state is shown.
type Sign struct {
	Glyph string // one cell wide, in fonts everywhere, and never an emoji
	Word  string
	Role  themes.Role
}

// needsAnswer is whatever waits for an operator: a run, its step, a rehearsal.
var needsAnswer = Sign{"?", engine.RunAsking.Word(), themes.Bad}

var signs = map[State]Sign{
	Connecting:     {"◌", "connecting", themes.Info},
	Unreachable:    {"◆", "unreachable", themes.Bad},
	NotInitialised: {"○", "not initialised", themes.Warn},
	SchemaOlder:    {"○", "schema older", themes.Warn},
	SchemaNewer:    {"◆", "schema newer", themes.Bad},
	Idle:           {"○", "idle", themes.Muted},
	TicksPaused:    {"‖", "ticks paused", themes.Warn},
	Sealed:         {"■", "sealed", themes.Accent},

	Throttled: {"◑", "throttled", themes.Warn},

	State(engine.RunQueued):      {"◌", "queued", themes.Info},
	State(engine.RunPlanning):    {"◌", "planning", themes.Info},
	State(engine.RunRunning):     {"●", "running", themes.OK},
	State(engine.RunPausing):     {"◐", "pausing", themes.Warn},
	State(engine.RunPaused):      {"‖", "paused", themes.Warn},
	State(engine.RunAsking):      needsAnswer,
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
	case s.TakenAt.IsZero() && s.Setup == engine.SetupUnknown:
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
	switch {
	case s.Sealed != nil:
		return Sealed
	case ticksPaused(s):
		return TicksPaused
	case s.Run == nil:
		return Idle
	case s.Throttled():
		return Throttled
	}
	return State(s.Run.State)
}

// ticksPaused reports whether that ticks are held back is the news: a run that is active or can be resumed is stronger,
// and so is what came of a full run that ended since.
func ticksPaused(s *engine.Snapshot) bool {
	run := s.Run
	switch {
	case !s.Schedule.Paused():
		return false
	case run == nil:
		return true
	case run.State != engine.RunDone && (run.State != engine.RunCancelled || run.Kind != engine.RunIncremental):
		return false
	}
	return run.Kind == engine.RunIncremental || run.FinishedAt.Before(s.Schedule.PausedSince)
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
		Connecting, Unreachable, NotInitialised, SchemaOlder, SchemaNewer, Idle, TicksPaused, Sealed, Throttled,
		State(engine.RunQueued), State(engine.RunPlanning), State(engine.RunRunning), State(engine.RunPausing),
		State(engine.RunPaused), State(engine.RunAsking), State(engine.RunInterrupted), State(engine.RunCancelled),
		State(engine.RunFailed), State(engine.RunDone),
	}
}

var batchSigns = map[engine.BatchState]Sign{
	engine.BatchQueued:  {"◌", "queued", themes.Info},
	engine.BatchRunning: {"●", "running", themes.OK},
	engine.BatchDone:    {"✓", "done", themes.OK},
	engine.BatchFailed:  {"✗", "failed", themes.Bad},
}

// OfBatch says how the state of a batch is shown. One that was tried in vain and waits to be tried again is queued, but
// not as if nothing had been.
func OfBatch(b *engine.BatchView) Sign {
	sign, ok := batchSigns[b.State]
	if !ok {
		return Sign{"◆", string(b.State), themes.Warn}
	}
	if b.State == engine.BatchQueued && b.Tries > 0 {
		sign.Role = themes.Warn
	}
	return sign
}

var stepSigns = map[engine.StepState]Sign{
	engine.StepWaiting: {"◌", "waiting", themes.Muted},
	engine.StepRunning: {"●", "running", themes.OK},
	engine.StepDone:    {"✓", "done", themes.OK},
}

// OfStep says how the state of a step is shown. In a run that has ended nothing waits or runs any more.
func OfStep(s engine.StepState, run engine.RunState) Sign {
	switch {
	case run.Ended() && s == engine.StepWaiting:
		return Sign{"○", "not begun", themes.Muted}
	case run.Ended() && s == engine.StepRunning:
		return Sign{"×", "stopped", themes.Warn}
	case run == engine.RunPaused && s == engine.StepRunning:
		return Sign{"‖", "paused", themes.Warn}
	case run == engine.RunAsking && s == engine.StepRunning:
		return needsAnswer
	}
	if sign, ok := stepSigns[s]; ok {
		return sign
	}
	return Sign{"◆", string(s), themes.Warn}
}

// verbs are the steps in words: what a step is called in a list, and what one says while it is under way.
var verbs = map[engine.StepVerb]struct{ name, doing string }{
	engine.StepPlan:   {"plan", "planning"},
	engine.StepLoad:   {"load", "loading"},
	engine.StepOwners: {"code owners", "code owners"},
	engine.StepIndex:  {"index", "building indexes"},
	engine.StepKeys:   {"keys", "making keys"},
	engine.StepSettle: {"settle", "settling points"},
	engine.StepSweep:  {"sweep", "looking for gone rows"},
	engine.StepDelete: {"delete", "deleting gone rows"},

	engine.StepCompare: {"compare", "comparing"},
	engine.StepConfirm: {"confirm", "looking again at what differed"},
	engine.StepLedger:  {"ledger", "reading Odoo's balances"},
	engine.StepRepair:  {"repair", "repairing rows"},
}

// OfVerb names a step in a list: "sweep". One that this program does not know is named by its own name.
func OfVerb(v engine.StepVerb) string {
	if words, ok := verbs[v]; ok {
		return words.name
	}
	return string(v)
}

// Doing says what a step does: "looking for gone rows".
func Doing(v engine.StepVerb) string {
	if words, ok := verbs[v]; ok {
		return words.doing
	}
	return string(v)
}

// OfKind names the kind of a run: "tick" is an incremental one that nobody asked for.
func OfKind(run *engine.RunView) string {
	if run.Kind == engine.RunIncremental && run.Scheduled {
		return "tick"
	}
	return string(run.Kind)
}

var verdictSigns = map[engine.Verdict]Sign{
	engine.Pass:          {"✓", "pass", themes.OK},
	engine.Fail:          {"✗", "fail", themes.Bad},
	engine.CouldNotCheck: {"?", "could not check", themes.Warn},
}

// OfVerdict says how the verdict of a check is shown. Without one nothing is proven.
func OfVerdict(v engine.Verdict) Sign {
	if sign, ok := verdictSigns[v]; ok {
		return sign
	}
	return Sign{"–", "no verdict", themes.Muted}
}
