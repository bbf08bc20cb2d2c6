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
	// CardInEngine finds a card by id, else by cleaned code, which some card holds or, as quarantine says, claims, and reads
	// everything about it from one state of the engine. What nobody knows has id 0.
	CardInEngine(ctx context.Context, id int64, code string) (*CardHere, error)
}

// CardSource reads single cards of the source.
type CardSource interface {
	// CardSnapshot begins a short read-only transaction.
	CardSnapshot(ctx context.Context) (CardSnapshot, error)
}

// CardSnapshot is one state of the source, for one card. It is for one goroutine; close it soon.
type CardSnapshot interface {
	// ByID reads rows in canonical form, in id order.
	ByID(ctx context.Context, e *entity.Entity, ids []int64, each func(entity.Row) error) error
	// IDs gives ids above low up to high, and those of them that transactions from a floor on have written.
	IDs(ctx context.Context, e *entity.Entity, low, high int64, since cycle.Floor) (all, young []int64, err error)
	// Raw gives the columns of a row as the source writes them; nil if there is no such row.
	Raw(ctx context.Context, e *entity.Entity, id int64) (map[string]engine.Maybe[string], error)
	// CodeOwners gives the ids of the cards whose codes clean to the first of some spellings, those that are spelled so at once.
	// It gives false if other spellings could not be looked for in the time that a snapshot may take.
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
	Last  engine.Maybe[string] // balance of the line with the highest id; unknown: it has none
	Moves engine.Maybe[string] // sum of what remains of active moves; unknown: it has no moves
	Lines []engine.CardLine    // newest first
	Total int64
	First engine.Maybe[int64] // the first of all lines at which the running balance breaks
}

// CardHere is everything that the engine knows of a card.
type CardHere struct {
	ID     int64   // 0: it knows nothing of such a card
	Others []int64 // other cards that hold or claim the same code

	InEngine bool // with an Odoo id
	Own      bool // it is the engine's own: there is such a card, without an Odoo id
	Copy     Copy
	Points   engine.Maybe[string]

	Quarantine *engine.QuarantineRow // it is there now
	Past       *engine.QuarantineRow // it was there: released or gone
	Run        engine.RunID          // that wrote the entry
	Extra      *CardExtra

	Incomplete   bool                 // its latest line at the source is in quarantine
	LastLine     *int64               // the latest in the engine
	Last         engine.Maybe[string] // its balance
	Lines        []Copy               // the newest
	Refused      []Refused            // its lines in quarantine, the newest
	LinesTotal   int64                // in the engine or in quarantine
	Moves        []Copy               // the newest
	RefusedMoves []Refused
	MovesTotal   int64 // in the engine
	MovesActive  int64
	MovesSum     engine.Maybe[string] // of the active ones; unknown: it has none at all

	Discrepancies []engine.Discrepancy
	Known         *engine.LedgerCard // what the last look at the ledger found; nil: no drift, or nobody looked
	LookedAt      time.Time          // when somebody looked at the ledger of its range; zero: never

	Floors map[string]CardFloor // by entity; none: no cycle was completed
}

// Linked is the field of a Copy that says which parent its link should point at.
const Linked = "(linked)"

// Copy is a row of the engine: its mapped columns in canonical form.
type Copy struct {
	ID     int64
	Owned  bool // synced_to_odoo: the engine has made it its own
	Fields map[string]engine.Maybe[string]
}

// Refused is a row of a card that is in quarantine.
type Refused struct {
	ID      int64
	Reason  string
	Detail  string
	Stale   bool
	Payload map[string]string
}

// CardFloor is from where on the last completed cycle may not have read an entity, and when that cycle began to read.
type CardFloor struct {
	Floor    cycle.Floor
	ReadFrom time.Time
}

// CardExtra is what is known of an engine row whose source row is gone.
type CardExtra struct {
	Run     engine.RunID
	FoundAt time.Time
	Kept    string // why it was not deleted; empty: nobody tried
}
