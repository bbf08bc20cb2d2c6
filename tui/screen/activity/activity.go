// Package activity is the screen of the journal: who did what, from where, on what state, why, and how it ended. It is read page by
// page, filtered and sorted where it is kept; below stands all about the entry under the cursor.
//
// While the engine database cannot be read, the latest entries that were seen are shown.
package activity

import (
	"context"
	"strconv"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"ferry/engine"
	"ferry/tui/feed"
	"ferry/tui/keymap"
	"ferry/tui/screen"
	"ferry/tui/widget/grid"
)

// Desk is what the screen reads; an engine.Operator is one.
type Desk interface {
	// Journal gives a page of what was done.
	Journal(ctx context.Context, filter engine.Filter, want engine.Listing) (engine.Page[engine.JournalEntry], error)
}

// Activity is the screen.
type Activity struct {
	sight  screen.Sight
	width  int
	height int
	scroll screen.Scroll // of the latest entries, while there is no list
	grid   *grid.Grid[engine.JournalEntry]
	seen   time.Time // of the newest entry, as of the rows that are shown
}

var (
	_ screen.Reader = (*Activity)(nil)
	_ screen.Owner  = (*Activity)(nil)
	_ screen.Typist = (*Activity)(nil)
	_ screen.Copier = (*Activity)(nil)
)

// New makes the screen. The newest entry comes first.
func New(desk Desk, reading feed.Reading) *Activity {
	a := &Activity{}
	a.grid = grid.New(grid.Config[engine.JournalEntry]{
		Columns: a.columns(), Reading: reading, Empty: "nothing has been done yet",
		Source: desk.Journal,
	})
	a.grid.SortBy(engine.Order{Column: "id", Descending: true})
	return a
}

// Tab names the screen.
func (a *Activity) Tab() screen.Tab {
	return screen.Tab{Action: keymap.Activity, Short: "Log", Long: "Activity"}
}

// SetSize says how much room there is.
func (a *Activity) SetSize(width, height int) { a.width, a.height = width, height }

// See takes what there is to see. Once something was done the rows in sight are read again.
func (a *Activity) See(sight screen.Sight) {
	a.sight = sight
	a.grid.See(sight.Now, sight.Keys)
	if latest := sight.Snapshot.Activity; len(latest) > 0 && !latest[0].At.Equal(a.seen) {
		a.seen = latest[0].At
		a.grid.Renew()
	}
}

// listed reports whether the journal can be read.
func (a *Activity) listed() bool { return a.sight.Hinders() == "" }

// Fetch reads the rows that are missing.
func (a *Activity) Fetch() tea.Cmd {
	if !a.listed() {
		return nil
	}
	return a.grid.Fetch()
}

// Take takes an answer.
func (a *Activity) Take(msg tea.Msg) bool { return a.grid.Take(msg) }

// Text is the line in which a filter is typed.
func (a *Activity) Text() screen.Text { return a.grid }

// Do opens the run of the entry under the cursor, reads again, and moves within the journal.
func (a *Activity) Do(action keymap.Action) (tea.Cmd, bool) {
	if !a.listed() {
		return nil, a.scroll.Do(action)
	}
	if action == keymap.Recheck {
		a.grid.Renew()
		return nil, true
	}
	return nil, a.grid.Do(action)
}

// Copy is the entry under the cursor, as one line.
func (a *Activity) Copy() (text, what string) {
	row := a.grid.Row()
	if row == nil || !a.listed() {
		return "", ""
	}
	return sentence(row), "entry " + strconv.FormatInt(row.ID, 10)
}

// Owns reports whether an action of some screens only means something here.
func (*Activity) Owns(action keymap.Action) bool { return grid.Owns(action) }

// Offers lists what the footer names.
func (a *Activity) Offers() []screen.Offer {
	if a.grid.Row() == nil || !a.listed() {
		return nil
	}
	return []screen.Offer{{Action: keymap.Filter, Word: "filter"}, {Action: keymap.Sort, Word: "sort"}}
}

// Refusal says why an action of this screen cannot be taken now.
func (a *Activity) Refusal(action keymap.Action) string {
	switch action { //nolint:exhaustive // the others are the list's
	case keymap.Mark, keymap.MarkRange, keymap.MarkAll:
		return "nothing can be done here with many entries at once; what was done stays said"
	case keymap.Retry:
		return "that is about batches and quarantine; " + a.sight.Keys.Key(keymap.Quarantine) + " shows its rows"
	case keymap.Forecast:
		return "that is on preflight; " + a.sight.Keys.Key(keymap.Preflight) + " opens it"
	}
	if why := a.sight.Hinders(); why != "" {
		return why
	}
	if action == keymap.Recheck {
		return ""
	}
	return a.grid.Refusal(action)
}
