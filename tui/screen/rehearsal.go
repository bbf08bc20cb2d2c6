package screen

import (
	tea "github.com/charmbracelet/bubbletea"

	"ferry/engine"
)

// Stage is the screen of rehearsals, so that actions are taken on the one that is shown.
type Stage interface {
	Owner
	// Shown is the rehearsal that is shown, or nil.
	Shown() *engine.RehearsalView
	// Gate is the gate under the cursor, or nil.
	Gate() *engine.RehearsalGate
	// Changed says that something was done about it.
	Changed()
}

// OpenEvidence is what the screen of rehearsals says to have shown what a gate rests on.
type OpenEvidence struct {
	Gate engine.RehearsalGate
}

// ShowEvidence is the command that says so.
func ShowEvidence(gate engine.RehearsalGate) tea.Cmd {
	return func() tea.Msg { return OpenEvidence{gate} }
}
