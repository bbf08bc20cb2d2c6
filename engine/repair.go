package engine

import (
	"context"
	"time"
)

// RepairAction is what a repair does to a row.
type RepairAction string

// What a repair does. Only what was chosen explicitly is deleted.
const (
	RepairWrite  RepairAction = "write"  // the row as the source has it now: insert, update, or quarantine by the rules
	RepairSettle RepairAction = "settle" // the card's points from its ledger
	RepairDelete RepairAction = "delete" // an engine row that the source does not have
)

// RepairState is where a plan, or one of its items, stands.
type RepairState string

// The states of a plan and of its items.
const (
	RepairPlanned  RepairState = "planned"
	RepairApplying RepairState = "applying"
	RepairApplied  RepairState = "applied"
	RepairMoved    RepairState = "moved"   // the row changed since the plan was made: it was left as it is
	RepairRefused  RepairState = "refused" // the row may not be written; Outcome says why
	RepairFailed   RepairState = "failed"
)

// RepairItem is one row of a plan. Before and After are the engine's columns that would change, canonical.
type RepairItem struct {
	Entity  string            `json:"entity"`
	Row     int64             `json:"id"`
	Cause   Cause             `json:"cause"`
	Action  RepairAction      `json:"action"`
	Before  map[string]string `json:"before"`
	After   map[string]string `json:"after"`
	State   RepairState       `json:"state"`
	Outcome string            `json:"outcome"`
	With    int64             `json:"with,omitempty"` // the row along with which it is written, for its code passes on; 0: for its own sake
}

// RepairPlan is the exact rows that a repair would write. It is named by its id and the hash of its items; a plan whose
// rows have changed, or that is older than a day, is stale.
type RepairPlan struct {
	ID       int64                 `json:"id"`
	Hash     string                `json:"hash"`
	State    RepairState           `json:"state"`
	By       string                `json:"by"`
	MadeAt   time.Time             `json:"made_at"`
	Run      RunID                 `json:"run"` // that applied it
	Deletes  int64                 `json:"deletes"`
	Database string                `json:"database"` // whose name must be typed to apply it
	ByCause  map[Cause]int64       `json:"by_cause"`
	Total    int64                 `json:"total"`
	ByState  map[RepairState]int64 `json:"by_state"`
	Items    []RepairItem          `json:"items"` // at most the first RepairShown
}

// RepairShown bounds the items of a plan that are listed at once.
const RepairShown = 1000

// RepairOptions say how far a repair may go.
type RepairOptions struct {
	DeleteExtras bool // rows that the source does not have leave the engine
}

// Repairer mends what checks have found.
type Repairer interface {
	// PlanRepair reads both sides and writes down what a repair of the selected discrepancies would do; it changes no row.
	PlanRepair(ctx context.Context, which DiscrepancySelection, o RepairOptions, act Act) (*RepairPlan, error)
	// RepairPlan gives a plan. It fails with ErrNoSuchRow.
	RepairPlan(ctx context.Context, id int64) (*RepairPlan, error)
	// ApplyRepair begins the writing run that applies a plan. It fails with ErrStateChanged if hash is not the plan's or the
	// plan is stale or spent, and if confirm is not the name of the engine database.
	ApplyRepair(ctx context.Context, id int64, hash, confirm string, act Act) (RunID, error)
}
