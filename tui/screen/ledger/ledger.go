// Package ledger is the screen of Odoo's own truth: the cards whose three balances disagree in Odoo itself. The engine's
// copy of such a card may well be equal to Odoo's; without this screen a faithful copy of corrupt data would pass for healthy.
//
// A check looks at the ledger and keeps what it finds; the screen sums that up and lists it page by page. Enter opens the
// view of a card, which has the line at which its running balance breaks.
package ledger

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
	// LedgerCards lists cards whose balances disagree in Odoo.
	LedgerCards(ctx context.Context, which engine.LedgerSelection, l engine.Listing) (engine.Page[engine.LedgerCard], error)
}

// Ledger is the screen.
type Ledger struct {
	sight  screen.Sight
	width  int
	height int
	grid   *grid.Grid[engine.LedgerCard]
	seen   time.Time // when the ledger was looked at, as of the rows that are shown
}

var (
	_ screen.Reader = (*Ledger)(nil)
	_ screen.Owner  = (*Ledger)(nil)
	_ screen.Typist = (*Ledger)(nil)
	_ screen.Copier = (*Ledger)(nil)
	_ screen.Carded = (*Ledger)(nil)
)

// New makes the screen. What is furthest apart comes first.
func New(desk Desk, reading feed.Reading) *Ledger {
	l := &Ledger{}
	l.grid = grid.New(grid.Config[engine.LedgerCard]{
		Columns: l.columns(), Reading: reading, Empty: "no card disagrees with itself",
		Source: func(ctx context.Context, filter engine.Filter, want engine.Listing) (engine.Page[engine.LedgerCard], error) {
			return desk.LedgerCards(ctx, engine.LedgerSelection{Filter: filter}, want)
		},
	})
	l.grid.SortBy(engine.Order{Column: "size", Descending: true})
	return l
}

// Tab names the screen.
func (l *Ledger) Tab() screen.Tab {
	return screen.Tab{Action: keymap.Ledger, Short: "Ledg", Long: "Ledger"}
}

// SetSize says how much room there is.
func (l *Ledger) SetSize(width, height int) { l.width, l.height = width, height }

// See takes what there is to see. Once the ledger was looked at anew the rows in sight are read again.
func (l *Ledger) See(sight screen.Sight) {
	l.sight = sight
	l.grid.See(sight.Now, sight.Keys)
	if at := sight.Snapshot.Ledger.At; !at.Equal(l.seen) {
		l.seen = at
		l.grid.Renew()
	}
}

// looked reports whether a check has ever looked at the ledger.
func (l *Ledger) looked() bool { return !l.sight.Snapshot.Ledger.At.IsZero() }

// Fetch reads the rows that are missing.
func (l *Ledger) Fetch() tea.Cmd {
	if l.sight.Hinders() != "" || !l.looked() {
		return nil
	}
	return l.grid.Fetch()
}

// Take takes an answer.
func (l *Ledger) Take(msg tea.Msg) bool { return l.grid.Take(msg) }

// Text is the line in which a filter is typed.
func (l *Ledger) Text() screen.Text { return l.grid }

// Do opens the card under the cursor, reads again, and moves about in the list.
func (l *Ledger) Do(action keymap.Action) (tea.Cmd, bool) {
	switch action { //nolint:exhaustive // the others are the list's, or not for this screen
	case keymap.Open:
		if l.grid.Row() == nil {
			return nil, false
		}
		return screen.ShowCard(l.Card()), true
	case keymap.Recheck:
		l.grid.Renew()
		return nil, true
	}
	return nil, l.grid.Do(action)
}

// Copy is the id of the card under the cursor.
func (l *Ledger) Copy() (text, what string) {
	row := l.grid.Row()
	if row == nil {
		return "", ""
	}
	text = strconv.FormatInt(row.Card, 10)
	return text, "card " + text
}

// Owns reports whether an action of some screens only means something here.
func (l *Ledger) Owns(action keymap.Action) bool {
	return grid.Owns(action) || action == keymap.Repair || action == keymap.Acknowledge
}

// Card is the card under the cursor.
func (l *Ledger) Card() engine.CardKey {
	if row := l.grid.Row(); row != nil {
		return engine.CardKey{ID: row.Card}
	}
	return engine.CardKey{}
}

// Offers lists what the footer names.
func (l *Ledger) Offers() []screen.Offer {
	if l.grid.Row() == nil {
		return nil
	}
	return []screen.Offer{
		{Action: keymap.Open, Word: "open"},
		{Action: keymap.Filter, Word: "filter"},
		{Action: keymap.Sort, Word: "sort"},
		{Action: keymap.Card, Word: "card"},
	}
}

// Refusal says why an action of this screen cannot be taken now.
func (l *Ledger) Refusal(action keymap.Action) string {
	switch action { //nolint:exhaustive // the others are the list's
	case keymap.Mark, keymap.MarkRange, keymap.MarkAll:
		return "nothing can be done here with many cards at once; they are mended in Odoo"
	case keymap.Repair, keymap.Acknowledge:
		return "the engine's copy is not what is wrong here; these cards are mended in Odoo"
	case keymap.Retry:
		return "that is about batches and quarantine; " + l.sight.Keys.Key(keymap.Quarantine) + " shows its rows"
	case keymap.Forecast:
		return "open a card first; its ledger can be read from Odoo"
	case keymap.Recheck:
		if why := l.sight.Hinders(); why != "" {
			return why
		}
		if !l.looked() {
			return "nobody has looked at the ledger yet; " + l.sight.Keys.Key(keymap.Start) + " begins a check"
		}
	}
	return l.grid.Refusal(action)
}
