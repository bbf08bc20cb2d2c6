package engine

import (
	"context"
	"time"
)

// Drift is how a card's balances disagree in Odoo itself.
type Drift string

// The kinds of drift. A card may show several. What lists and counts is drift of the first two kinds; the third is looked for
// among the cards that have one of them, and when a card is shown.
const (
	DriftHistory Drift = "history" // its points are not the last balance of its history
	DriftMoves   Drift = "moves"   // its points are not the sum of what remains of its active moves
	DriftRunning Drift = "running" // a line's balance is not the one before plus its amount
)

// LedgerCard is one card whose balances disagree in Odoo, by amounts as the source has them: decimals as text.
type LedgerCard struct {
	Card    int64         `json:"card"`
	Code    string        `json:"code"` // as the source has it
	Points  Maybe[string] `json:"points"`
	Last    Maybe[string] `json:"last_balance"` // of the history line with the highest id; unknown: it has none
	Moves   Maybe[string] `json:"moves"`        // the sum of remaining_point over active moves; 0 if it has moves, none of them active
	Drifts  []Drift       `json:"drifts"`
	Size    string        `json:"size"` // the largest distance between two of them
	Engine  Maybe[string] `json:"engine_points"`
	Waiting bool          `json:"incomplete"` // its latest history line is in quarantine
	SeenRun RunID         `json:"seen_run"`
	SeenAt  time.Time     `json:"seen_at"`
}

// LedgerView sums the ledger up, as the last check that looked at it found it.
type LedgerView struct {
	Cards      Maybe[int64] // looked at
	Drifted    Maybe[int64]
	History    Maybe[int64] // of Drifted: by DriftHistory
	Moves      Maybe[int64] // of Drifted: by DriftMoves
	Incomplete Maybe[int64]
	Run        RunID
	At         time.Time
}

// LedgerSelection says which cards are meant; an empty field fits all.
type LedgerSelection struct {
	Drift      Drift
	Incomplete bool
	Filter     Filter
}

// LedgerColumns are what a list of the ledger can be filtered and sorted by.
var LedgerColumns = []string{"card", "code", "points", "last_balance", "moves", "drifts", "size", "engine_points", "seen_at"}

// LedgerDesk shows Odoo's own truth.
type LedgerDesk interface {
	// LedgerCards lists cards whose balances disagree in Odoo.
	LedgerCards(ctx context.Context, which LedgerSelection, l Listing) (Page[LedgerCard], error)
}
