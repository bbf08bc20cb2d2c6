// Package card is the view of one card: why it is as it is. One sentence comes first and is enough on most days; below it
// stand the fields of both sides, Odoo's three balances and the engine's, what checks and quarantine say, the ledger line
// by line, and who wrote the card.
//
// A card is read when it is asked for, and again on request. Its ledger is the engine's copy; to read it from Odoo costs
// a scan of a table there, so that is done on request only, once the cost has been shown. Narrow windows scroll through
// all of it, wide ones have the ledger beside the rest.
package card

import (
	"context"
	"slices"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"ferry/engine"
	"ferry/tui/feed"
	"ferry/tui/keymap"
	"ferry/tui/screen"
	"ferry/tui/widget"
)

const (
	readLimit = 30 * time.Second
	retry     = 3 * time.Second // between two attempts
	slowRead  = 2 * time.Second // reading that takes longer gets a clock
)

// Desk is what the view reads; an engine.Operator is one.
type Desk interface {
	// Card reads a card on both sides; scan also reads its ledger from the source.
	Card(ctx context.Context, key engine.CardKey, scan bool) (*engine.CardReport, error)
}

// Card is the view.
type Card struct {
	desk    Desk
	reading feed.Reading
	sight   screen.Sight
	width   int
	height  int

	key     engine.CardKey
	wanted  bool // the card is to be read, or read again
	report  feed.Shelf[*engine.CardReport]
	scanned feed.Shelf[*engine.CardReport] // with the ledger from the source
	stopped bool                           // the last scan was stopped

	all    screen.Scroll // beside the ledger: all else
	ledger screen.Scroll
	aside  bool  // movements are in the ledger, where it stands beside the rest
	wrong  []int // where in the ledger something is wrong, as it was drawn
}

var (
	_ screen.Reader     = (*Card)(nil)
	_ screen.Discrepant = (*Card)(nil)
	_ screen.Copier     = (*Card)(nil)
	_ screen.CardViewer = (*Card)(nil)
)

// New makes the view.
func New(desk Desk, reading feed.Reading) *Card { return &Card{desk: desk, reading: reading} }

// Tab names the view. One looks in and goes back.
func (c *Card) Tab() screen.Tab {
	return screen.Tab{Action: keymap.Card, Short: "Card", Long: "Card", Aside: true}
}

// SetSize says how much room there is.
func (c *Card) SetSize(width, height int) { c.width, c.height = width, height }

// See takes what there is to see.
func (c *Card) See(sight screen.Sight) { c.sight = sight }

// Show turns to a card. The one that is shown is read again.
func (c *Card) Show(key engine.CardKey) {
	if key != c.key {
		c.report.Clear()
		c.scanned.Clear()
		c.key, c.stopped, c.aside = key, false, false
		c.all, c.ledger = screen.Scroll{}, screen.Scroll{}
	}
	c.wanted = true
}

// Shown is the card that was asked for last.
func (c *Card) Shown() engine.CardKey {
	if r := c.now(); r != nil && r.ID != 0 && c.key.Entity != "" {
		return engine.CardKey{ID: r.ID} // nobody types a row
	}
	return c.key
}

// Found is what actions are about: the open discrepancies of the card, and of its moves and lines, in the states that the
// operator sees.
func (c *Card) Found() []screen.Found {
	r := c.now()
	if r == nil || len(r.Discrepancies) == 0 {
		return nil
	}
	n := int64(len(r.Discrepancies))
	f := screen.Found{Name: widget.Plural(n, "discrepancy", "discrepancies") + " of card " + id(r.ID), Count: engine.Known(n)}
	for i := range r.Discrepancies {
		d := &r.Discrepancies[i]
		f.Which.IDs = append(f.Which.IDs, d.ID)
		if !slices.Contains(f.Which.States, d.State) {
			f.Which.States = append(f.Which.States, d.State)
		}
		f.Acked = f.Acked || d.Acknowledged(c.sight.Now)
		f.Extras = f.Extras || d.Cause.OnlyInEngine()
	}
	return []screen.Found{f}
}

// Changed says that something was done about them: the card is read again.
func (c *Card) Changed() { c.wanted = c.key != engine.CardKey{} }

// now is the newest report, or nil.
func (c *Card) now() *engine.CardReport {
	switch {
	case c.scanned.Known && (!c.report.Known || !c.scanned.At.Before(c.report.At)):
		return c.scanned.Value
	case c.report.Known:
		return c.report.Value
	}
	return nil
}

// Do reads again, reads the ledger from the source or stops that, and moves.
func (c *Card) Do(action keymap.Action) (tea.Cmd, bool) {
	switch action { //nolint:exhaustive // the others are movements, or not for this screen
	case keymap.Recheck:
		c.wanted = true
		return nil, true
	case keymap.Forecast:
		c.stopped = false
		return c.scan(), true
	case keymap.Back:
		if c.scanned.Waiting() {
			c.scanned.Drop()
			c.stopped = true
			return nil, true
		}
		if c.wide() && c.aside {
			c.aside = false
			return nil, true
		}
		return nil, false
	case keymap.Open:
		if !c.wide() || c.aside || c.now() == nil {
			return nil, false
		}
		c.aside = true
		return nil, true
	}
	if action == keymap.Next || action == keymap.Previous {
		c.seek(action == keymap.Next)
		return nil, true
	}
	if c.wide() && c.aside {
		return nil, c.ledger.Do(action)
	}
	return nil, c.all.Do(action)
}

// seek scrolls to the next line of the ledger at which something is wrong, or to the one before.
func (c *Card) seek(next bool) {
	scroll := &c.all
	if c.wide() {
		scroll, c.aside = &c.ledger, true
	}
	to := -1
	for _, at := range c.wrong {
		if next && at > scroll.Top() {
			to = at
			break
		}
		if !next && at < scroll.Top() {
			to = at
		}
	}
	if to >= 0 {
		scroll.To(to)
	}
}

// wide reports whether the ledger stands beside the rest; of a card that nobody knows there is neither.
func (c *Card) wide() bool {
	r := c.now()
	return c.width >= screen.Wide && (r == nil || r.ID != 0)
}

// Panes reports whether two panes stand side by side.
func (c *Card) Panes() bool { return c.wide() && c.now() != nil }

// OtherPane turns to the ledger, or back from it.
func (c *Card) OtherPane() { c.aside = !c.aside }

// Fetch reads the card if that is wanted, and tries again where it failed.
func (c *Card) Fetch() tea.Cmd {
	if c.key == (engine.CardKey{}) || c.sight.Hinders() != "" {
		return nil
	}
	failed := c.report.Err != nil && c.report.Rested(c.sight.Now, retry)
	if !c.wanted && !failed {
		return nil
	}
	if c.report.Waiting() {
		return nil
	}
	c.wanted = false
	key := c.key
	return c.report.Fetch(c.sight.Now, c.reading, readLimit, func(ctx context.Context) (*engine.CardReport, error) {
		return c.desk.Card(ctx, key, false)
	})
}

// scan reads the ledger from the source, for as long as that takes.
func (c *Card) scan() tea.Cmd {
	key := c.key
	if r := c.now(); r != nil && r.ID != 0 {
		key = engine.CardKey{ID: r.ID}
	}
	return c.scanned.Fetch(c.sight.Now, c.reading, 0, func(ctx context.Context) (*engine.CardReport, error) {
		return c.desk.Card(ctx, key, true)
	})
}

// Take takes an answer.
func (c *Card) Take(msg tea.Msg) bool {
	return c.report.Take(c.sight.Now, msg) || c.scanned.Take(c.sight.Now, msg)
}

// Offers lists what the footer names.
func (c *Card) Offers() []screen.Offer {
	var offers []screen.Offer
	offer := func(action keymap.Action, word string) {
		if c.Refusal(action) == "" {
			offers = append(offers, screen.Offer{Action: action, Word: word})
		}
	}
	back := "back"
	switch {
	case c.scanned.Waiting():
		back = "stop reading"
	case c.wide() && c.now() != nil && !c.aside:
		offer(keymap.Open, "ledger")
	}
	offer(keymap.Repair, "repair")
	offer(keymap.Acknowledge, "acknowledge")
	offer(keymap.Recheck, "again")
	offer(keymap.Forecast, "ledger from Odoo")
	return append(offers, screen.Offer{Action: keymap.Back, Word: back}, screen.Offer{Action: keymap.Card, Word: "another"})
}

// Owns reports whether an action of some screens only means something here.
func (c *Card) Owns(action keymap.Action) bool {
	switch action { //nolint:exhaustive // the others are of lists
	case keymap.Repair, keymap.Acknowledge, keymap.Next, keymap.Previous:
		return true
	}
	return false
}

// Copy is the card's id.
func (c *Card) Copy() (text, what string) {
	if r := c.now(); r != nil && r.ID != 0 {
		return id(r.ID), "card " + id(r.ID)
	}
	return "", ""
}

// Refusal says why an action of this screen cannot be taken now.
func (c *Card) Refusal(action keymap.Action) string {
	none := c.key == engine.CardKey{}
	switch action { //nolint:exhaustive // the others are not this screen's
	case keymap.Recheck, keymap.Forecast, keymap.Repair, keymap.Acknowledge:
		switch {
		case none:
			return "no card is chosen; " + c.sight.Keys.Key(keymap.Card) + " asks for one"
		case c.sight.Hinders() != "":
			return c.sight.Hinders()
		}
	case keymap.Retry:
		return "that is about batches and quarantine; " + c.sight.Keys.Key(keymap.Quarantine) + " shows its rows"
	}
	switch action { //nolint:exhaustive // the others are not this screen's
	case keymap.Recheck:
		if c.report.Waiting() {
			return "the card is being read"
		}
	case keymap.Forecast:
		return c.scanRefusal()
	case keymap.Next, keymap.Previous:
		if len(c.wrong) == 0 {
			return "nothing is wrong with the lines of its ledger that are shown"
		}
	case keymap.Repair, keymap.Acknowledge:
		switch {
		case c.sight.Snapshot.OnlyLooks() != "":
			return c.sight.Snapshot.OnlyLooks()
		case len(c.Found()) == 0:
			return "no check has found a discrepancy of this card that is open"
		}
	}
	return ""
}

func (c *Card) scanRefusal() string {
	switch r := c.now(); {
	case c.scanned.Waiting():
		return "its ledger is being read from Odoo"
	case r == nil:
		return "the card is not read yet"
	case r.ID == 0:
		return "nobody knows this card, so it has no ledger"
	case c.sight.Snapshot.Source.Down():
		return "the source does not answer; ferry keeps trying"
	}
	return ""
}
