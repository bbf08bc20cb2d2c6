// Package screen says what a screen of the console is. Each screen lives in a folder below, knows nothing of the others,
// and is added to the console by one line in package app.
//
// A screen is given what there is to see (See), how much room it has (SetSize) and what the operator wants (Do), in
// actions of the keymap, never in keys. It gives back lines; it does no I/O and asks no clock. What it wants done is
// returned as a command.
package screen

import (
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"ferry/engine"
	"ferry/tui/canvas"
	"ferry/tui/keymap"
	"ferry/tui/status"
)

// Wide is the width from which panes stand side by side.
const Wide = 120

// Sight is what there is to see at a moment.
type Sight struct {
	Snapshot *engine.Snapshot
	State    status.State
	Now      time.Time
	Keys     keymap.Map // to name the key of an action

	RejectedLevel float64 // the share of an entity's rows that may be rejected; 0: RejectedLevel
}

// Hinders says why the engine database cannot be read or acted on at all, or nothing.
func (s Sight) Hinders() string {
	switch {
	case s.Snapshot == nil || s.State == status.Connecting:
		return "the databases are not reached yet"
	case s.Snapshot.Target.Down():
		return "the engine database does not answer; ferry keeps trying"
	case s.Snapshot.Setup == engine.SetupMissing:
		return "the engine database is not initialised; " + s.Keys.Key(keymap.Init) + " initialises it"
	case s.Snapshot.Setup == engine.SetupOlder:
		return "the engine database was initialised by an older ferry; " + s.Keys.Key(keymap.Init) + " migrates it"
	case s.Snapshot.Setup == engine.SetupNewer:
		return "the engine database was initialised by a newer ferry; use that one"
	}
	return ""
}

// Tab is how a screen is called.
type Tab struct {
	Action keymap.Action // that leads to it
	Short  string
	Long   string
	Aside  bool // it is not in the row of tabs: one looks in and goes back
}

// Screen is one screen of the console.
type Screen interface {
	// Tab says how the screen is called, and which action leads to it.
	Tab() Tab
	// See takes what there is to see from now on.
	See(Sight)
	// SetSize says how much room there is, before Lines is asked.
	SetSize(width, height int)
	// Do carries out an action; false says that the screen has no use for it.
	Do(keymap.Action) (tea.Cmd, bool)
	// Lines draws the screen; the app cuts and fills to the size that was set.
	Lines() []canvas.Line
}

// Reader is a screen that reads from the engine what a snapshot does not hold.
type Reader interface {
	Screen
	// Fetch gives the command for what the screen lacks now; it is asked while the screen is in sight.
	Fetch() tea.Cmd
	// Take takes the answer; false says that it is not, or no longer, wanted here.
	Take(tea.Msg) bool
}

// Chooser is a screen on which a run or a batch is opened, so that actions are taken on it.
type Chooser interface {
	Screen
	// Run is the run that is opened, or nil.
	Run() *engine.RunView
	// Batch is the batch that is selected, or nil.
	Batch() *engine.BatchView
}

// Typist is a screen with a line of text that can have the keys, such as a filter.
type Typist interface {
	Screen
	// Text is that line; a grid is one.
	Text() Text
}

// Text is a line of text.
type Text interface {
	// Typing reports whether it has all keys now.
	Typing() bool
	// Type puts text in.
	Type(text string)
	// Edit carries out an action of a field; false says that it has no use for it.
	Edit(action keymap.Action) bool
}

// Paned is a screen on which, in a wide window, two panes stand side by side and one of them has the cursor.
type Paned interface {
	Screen
	// Panes reports whether there are two of them now.
	Panes() bool
	// OtherPane gives the cursor to the other one.
	OtherPane()
}

// Deep is a screen with levels: what is opened, and in it something else.
type Deep interface {
	Screen
	// Depth is how many times one can go back within it.
	Depth() int
}

// Copier is a screen with something to copy.
type Copier interface {
	Screen
	// Copy is the text, and what it is in a few words; empty: there is nothing.
	Copy() (text, what string)
}

// Selector is a screen on which rows of quarantine are selected, so that actions are taken on them.
type Selector interface {
	Screen
	// Selected says what actions are about, or nil.
	Selected() *Selection
	// Changed says that something was done about them.
	Changed()
}

// ReasonShower is a screen that can show the rows that are in quarantine for a reason.
type ReasonShower interface {
	Screen
	// ShowReason shows them.
	ShowReason(reason engine.ReasonView)
}

// Selection are rows of quarantine: one, those that are marked, or all that are there for a reason.
type Selection struct {
	Reason engine.ReasonView
	Title  string // the reason by name
	Rule   *engine.RuleView
	Row    *engine.QuarantineRow // under the cursor; nil: none is
	Marked []int64
	All    bool          // all rows that fit the filter are marked
	Filter engine.Filter // the one in force
	Fit    engine.Maybe[int64]
}

// Guide is a screen with actions of its own.
type Guide interface {
	Screen
	// Offers lists what the footer names, with a word for each.
	Offers() []Offer
	// Refusal says why one of its actions cannot be taken now, or nothing.
	Refusal(keymap.Action) string
}

// Owner is a guide with actions that only some screens have: those of lists, and of what is in them.
type Owner interface {
	Guide
	// Owns reports whether an action means something on this screen, be it possible now or not.
	Owns(action keymap.Action) bool
}

// Offer is an action with the word for it as things stand.
type Offer struct {
	Action keymap.Action
	Word   string
}
