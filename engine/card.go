package engine

import (
	"context"
	"time"
)

// CardKey names a card: by id, or by a code, which is cleaned as a load would. Text that is a number is both.
type CardKey struct {
	ID   int64  `json:"id"`
	Code string `json:"code"`
}

// CardField is one field of a card, side by side.
type CardField struct {
	Name     string        `json:"name"`     // the engine's column
	Raw      Maybe[string] `json:"raw"`      // as the source has it
	Source   Maybe[string] `json:"source"`   // canonical
	Expected Maybe[string] `json:"expected"` // what the engine should have
	Target   Maybe[string] `json:"target"`
	Equal    bool          `json:"equal"`
}

// CardLine is one line of a card's ledger, in the order of Odoo ids.
type CardLine struct {
	ID       int64         `json:"id"`
	At       time.Time     `json:"at,omitzero"`
	Amount   Maybe[string] `json:"amount"`
	Balance  Maybe[string] `json:"balance"` // as it is stored
	Running  Maybe[string] `json:"running"` // the balance before plus the amount
	Broken   bool          `json:"broken"`  // Balance is not Running
	Origin   string        `json:"origin"`
	Move     Maybe[int64]  `json:"move"`
	InEngine bool          `json:"in_engine"`
	Why      string        `json:"why"` // why it is not in the engine, or how the engine's copy differs; empty otherwise
}

// CardReport is everything about one card, healthy, drifted, quarantined, deleted or unknown.
type CardReport struct {
	Key      CardKey     `json:"asked"`
	ID       int64       `json:"id"`       // 0: neither side knows it
	Code     string      `json:"code"`     // cleaned
	Sentence string      `json:"sentence"` // first of all, and enough on most days
	Cause    Cause       `json:"cause"`    // empty: nothing is wrong with the engine's copy
	AtSource bool        `json:"at_source"`
	InEngine bool        `json:"in_engine"`
	Settled  Maybe[bool] `json:"settled"` // whether a difference is no change under way
	Fields   []CardField `json:"fields"`
	Others   []int64     `json:"others"` // other cards of the same code, by id

	Quarantine    *QuarantineRow `json:"quarantine"`
	Discrepancies []Discrepancy  `json:"discrepancies"` // open ones, of the card and of its moves and lines
	Differences   []Discrepancy  `json:"differences"`   // what this look found itself, of the card and of its moves and lines; they have no number

	Points Maybe[string] `json:"points"` // Odoo's three balances, as the source has them
	Last   Maybe[string] `json:"last_balance"`
	Moves  Maybe[string] `json:"moves"`
	Drifts []Drift       `json:"drifts"`
	Stated string        `json:"stated"`        // where Last and Moves come from, in words; empty: neither is known
	Break  Maybe[int64]  `json:"first_break"`   // the first line shown at which the running balance breaks
	Engine Maybe[string] `json:"engine_points"` // what the engine says
	Rule   string        `json:"rule"`          // why it says so, in words: the balance policy

	Lines      []CardLine `json:"lines"` // the newest LinesShown, from the engine's copy or, if asked for, from the source
	LinesTotal int64      `json:"lines_total"`
	FromSource bool       `json:"from_source"`
	Cost       string     `json:"cost"` // what reading the ledger from the source costs, in words

	Run        RunID     `json:"run"` // that last wrote the card; 0: not known
	Batch      BatchID   `json:"batch"`
	WrittenAt  time.Time `json:"written_at,omitzero"`
	ReadAt     time.Time `json:"read_at,omitzero"` // when this report was read
	Provenance string    `json:"provenance"`       // what is known of how the engine's copy came about, in words
}

// LinesShown bounds the lines of a CardReport.
const LinesShown = 500

// CardDesk answers why a card is as it is.
type CardDesk interface {
	// Card reads a card on both sides; scan also reads its ledger from the source, which may be a scan of the whole table.
	// A card that nobody knows is a report too.
	Card(ctx context.Context, key CardKey, scan bool) (*CardReport, error)
}
