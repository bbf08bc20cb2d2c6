package engine

import (
	"context"
	"time"
)

// CardKey names a card: by id, or by a code, which is cleaned as a load would. Text that is a number is both. Or it is the
// card that a row of another entity belongs to.
type CardKey struct {
	ID     int64
	Code   string
	Entity string // source table of a row that belongs to the card; empty: it is named by itself
	Row    int64  // its Odoo id
}

// CardField is one field of a card, side by side.
type CardField struct {
	Name     string        // the engine's column
	Raw      Maybe[string] // as the source has it
	Source   Maybe[string] // canonical
	Expected Maybe[string] // what the engine should have
	Target   Maybe[string]
	Equal    bool
}

// CardLine is one line of a card's ledger, in the order of Odoo ids.
type CardLine struct {
	ID       int64
	At       time.Time
	Amount   Maybe[string]
	Balance  Maybe[string] // as it is stored
	Running  Maybe[string] // the balance before plus the amount
	Broken   bool          // Balance is not Running
	Origin   string
	Move     Maybe[int64]
	InEngine bool
	Why      string // why it is not in the engine, or how the engine's copy differs; empty otherwise
}

// CardReport is everything about one card, healthy, drifted, quarantined, deleted or unknown.
type CardReport struct {
	Key      CardKey
	ID       int64  // 0: neither side knows it
	Code     string // cleaned
	Sentence string // first of all, and enough on most days
	Cause    Cause  // empty: nothing is wrong with the engine's copy
	AtSource bool
	InEngine bool
	Settled  Maybe[bool] // whether a difference is no change under way
	Fields   []CardField
	Others   []int64 // other cards of the same code, by id

	Quarantine    *QuarantineRow
	Discrepancies []Discrepancy // open ones, of the card and of its moves and lines
	Differences   []Discrepancy // what this look found itself, of the card and of its moves and lines; they have no number

	Points Maybe[string] // Odoo's three balances, as the source has them
	Last   Maybe[string]
	Moves  Maybe[string]
	Drifts []Drift
	Stated string        // where Last and Moves come from, in words; empty: neither is known
	Break  Maybe[int64]  // the first line shown at which the running balance breaks
	Engine Maybe[string] // what the engine says
	Rule   string        // why it says so, in words: the balance policy

	Lines      []CardLine // the newest LinesShown, from the engine's copy or, if asked for, from the source
	LinesTotal int64
	FromSource bool
	Cost       string // what reading the ledger from the source costs, in words

	Run        RunID // that last wrote the card; 0: not known
	Batch      BatchID
	WrittenAt  time.Time
	ReadAt     time.Time // when this report was read
	Provenance string    // what is known of how the engine's copy came about, in words
}

// LinesShown bounds the lines of a CardReport.
const LinesShown = 500

// CardDesk answers why a card is as it is.
type CardDesk interface {
	// Card reads a card on both sides; scan also reads its ledger from the source, which may be a scan of the whole table.
	// A card that nobody knows is a report too.
	Card(ctx context.Context, key CardKey, scan bool) (*CardReport, error)
}
