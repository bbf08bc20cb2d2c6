package rehearsal

import (
	"time"

	"ferry/engine"
)

// Kept is a rehearsal with what is kept of it for whoever carries it out.
type Kept struct {
	engine.RehearsalView

	Base *Mark // the source at the freeze, or without one before the last tick read; nil: not taken yet
	Mark *Mark // the source at the verdict
	Work map[engine.GateName]engine.RunID
}

// Change is what one action of the runbook changes. It is kept whole or not at all.
type Change struct {
	Steps  []engine.RehearsalStep // by name: state, run and what was found; their times are kept as they come into a state
	Gates  []engine.RehearsalGate // by name; one that was measured is not asked for any more
	Work   map[engine.GateName]engine.RunID
	Base   *Mark
	Frozen *Frozen
	Ask    string // a question: the rehearsal waits for its answer
	Ended  *Ended
}

// Frozen says that the source stands still.
type Frozen struct {
	By  string        // who said so, or how it was seen
	For time.Duration // since when, before now
}

// Ended is a verdict. Mark is nil where none could be taken; it is kept with the first verdict and never changed by a later one.
type Ended struct {
	Verdict engine.Verdict
	Why     string
	Mark    *Mark
}
