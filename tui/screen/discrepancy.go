package screen

import (
	tea "github.com/charmbracelet/bubbletea"

	"ferry/engine"
)

// Discrepant is a screen of what discrepancies can be about, so that those actions are taken on them that it owns.
type Discrepant interface {
	Owner
	// Found lists what actions can be about, the narrowest first; none: nothing is selected.
	Found() []Found
	// Changed says that something was done about them.
	Changed()
}

// Finder is the screen of all discrepancies. Repairs are planned there, wherever they were asked for.
type Finder interface {
	Discrepant
	// Plan has a repair planned, and shows the plan once it is made.
	Plan(which engine.DiscrepancySelection, o engine.RepairOptions, act engine.Act) tea.Cmd
	// Planned is the plan that is shown, with the reason that was given for it; nil: none is.
	Planned() (plan *engine.RepairPlan, reason string)
	// Repaired says that the plan that is shown has begun to be carried out; or why not.
	Repaired(err error)
}

// Found are discrepancies that an action can be about.
type Found struct {
	Name   string // "all 12 of loyalty_card: field, settled"
	Short  string // "all 12", "this one", "the 3 marked ones"
	Of     string // what these are of; empty: said by Short
	Which  engine.DiscrepancySelection
	Count  engine.Maybe[int64]
	Acked  bool // some of them may be acknowledged
	Extras bool // some of them may be rows that the source does not have
	Kept   bool // all of them are such rows
}

// RunShower is a screen that can show a run whole.
type RunShower interface {
	Screen
	// ShowRun opens a run.
	ShowRun(id engine.RunID)
}

// Carded is a screen on which something may be selected that has a card.
type Carded interface {
	Screen
	// Card is the card of what is selected; the zero key: it has none.
	Card() engine.CardKey
}
