package cycle

import (
	"context"
	"time"

	"ferry/engine"
	"ferry/engine/entity"
	"ferry/engine/pgcopy"
)

// Source is the database that is read.
type Source interface {
	// Identity names cluster and database.
	Identity(ctx context.Context) (string, error)
	// Snapshot begins a short read-only transaction.
	Snapshot(ctx context.Context) (SourceSnapshot, error)
}

// SourceSnapshot is one state of the source. It is for one goroutine.
type SourceSnapshot interface {
	Floor(ctx context.Context) (Floor, error)
	MaxID(ctx context.Context, e *entity.Entity) (int64, error)
	// Count gives the number of rows, or an estimate if counting takes longer than the limit.
	Count(ctx context.Context, e *entity.Entity, limit time.Duration) (rows int64, estimated bool, err error)
	// Range reads the rows with ids above low up to high, in id order.
	Range(ctx context.Context, e *entity.Entity, low, high int64, each func(entity.Row) error) error
	// ByID reads the rows of the given ids that exist, in id order.
	ByID(ctx context.Context, e *entity.Entity, ids []int64, each func(entity.Row) error) error
	Close()
}

// Work is a batch as a worker takes it up, with what its run has frozen.
type Work struct {
	engine.Claim

	Rules          entity.Rules
	RulesHash      string // of Rules, with the codec of the program that froze them
	SourceIdentity string
	Tries          int    // how often it has failed before
	LastSQLState   string // of the failure before, if a database said one
}

// Target is the engine database, as one attempt at a batch sees it. Its transactions complete the attempt's job when
// they commit.
type Target interface {
	// Claim marks a batch as running here. It fails with ErrFenced if this attempt may not have it.
	Claim(ctx context.Context, batch engine.BatchID, attempt int, by engine.Process) (Work, error)
	// Planned stores a plan: it makes the run's steps, carves the first batches and completes the planning batch.
	Planned(ctx context.Context, w Work, plan Plan) error
	// Begin opens the batch's one writing transaction, under its fence. It fails with ErrFenced.
	Begin(ctx context.Context, w Work) (Load, error)
	// HandBack puts a batch that this process is not fit for back into the queue, under a raised attempt. Nothing is
	// counted against the batch; the run keeps why.
	HandBack(ctx context.Context, w Work, why error) error
	// Failed keeps an attempt's error with its batch and run. A final error ends the run.
	Failed(ctx context.Context, w Work, cause error, final bool) error
}

// Load is the writing transaction of one batch.
type Load interface {
	LoadReader
	LoadWriter

	// Checkpoint stores the counts and the checkpoint, carves the next batches and completes the job. It fails with
	// ErrFenced if the batch is no longer this attempt's.
	Checkpoint(ctx context.Context, counts engine.Counts, took time.Duration) error
	// Commit makes it all durable.
	Commit(ctx context.Context) error
	// Rollback undoes what was not committed.
	Rollback()
}

// LoadReader is what the engine holds, as the transaction sees it.
type LoadReader interface {
	// Stored reads the engine's rows with Odoo ids above low up to high, in id order.
	Stored(ctx context.Context, e *entity.Entity, low, high int64) (*Stored, error)
	// StoredByID reads the engine's rows with the given Odoo ids, in id order.
	StoredByID(ctx context.Context, e *entity.Entity, ids []int64) (*Stored, error)
	// Present gives those of the ids that are in the engine.
	Present(ctx context.Context, e *entity.Entity, ids []int64) (map[int64]bool, error)
	// Holders gives the engine's rows that hold any of the codes.
	Holders(ctx context.Context, e *entity.Entity, codes []string) ([]Holder, error)
	// LockCodes makes concurrent batches that move the same codes wait for this one.
	LockCodes(ctx context.Context, codes []string) error
}

// LoadWriter changes what the engine holds.
type LoadWriter interface {
	// Retire takes the code away from rows that lost it and stay in the engine.
	Retire(ctx context.Context, e *entity.Entity, ids []int64) error
	// Update writes changed rows, tuples of mapped columns; it gives back the ones that the database refused.
	Update(ctx context.Context, e *entity.Entity, rows *pgcopy.Tuples) ([]Refusal, error)
	// Insert writes new rows, tuples of insert columns; it gives back the ones that the database refused.
	Insert(ctx context.Context, e *entity.Entity, rows *pgcopy.Tuples) ([]Refusal, error)
	// Quarantine keeps faults, and settles what was in quarantine in the range (low, high] when the transaction began and
	// is no fault any more: released if exists says that the source row is there, gone if not. What another batch puts
	// there meanwhile stays.
	Quarantine(ctx context.Context, w Work, faults []Fault, exists func(id int64) bool) error
	// Rename tells the rows in quarantine that claim one of these codes who owns it now.
	Rename(ctx context.Context, e *entity.Entity, owners map[string]int64) error
	// Extras keeps the engine rows of the range whose source row is gone, and forgets others of the range.
	Extras(ctx context.Context, w Work, ids []int64) error
	// DropLosers deletes rows that lost their code during a first load, before anything refers to them.
	DropLosers(ctx context.Context, e *entity.Entity) (int64, error)
	// Settle computes the points of the cards with Odoo ids above low up to high from their ledgers.
	Settle(ctx context.Context, low, high int64, first bool) (changed int64, err error)
}

// Stored are engine rows in id order: their tuples of mapped columns, and which of them the engine has made its own.
type Stored struct {
	Rows  pgcopy.Tuples
	Owned []bool
}

// Holder is an engine row that holds a code.
type Holder struct {
	ID   int64
	Code string
	// Kept: the code stays with the row whatever Odoo says. It is the engine's own (no Odoo id), or the engine has made
	// it its own (synced_to_odoo), and nothing of such a row is overwritten unattended.
	Kept bool
}

// Refusal is a row that the engine database refused.
type Refusal struct {
	ID         int64
	SQLState   string
	Constraint string
	Message    string
}

// Fault is a source row that is not in the engine as it should be.
type Fault struct {
	ID       int64
	Reason   string
	Detail   string
	SQLState string
	Waiting  bool   // valid: it only waits for its parent
	Parent   string // entity of the parent that it has or waits for
	ParentID int64
	Claim    string // the code that it would have
	Owner    int64  // the row that its code belongs to
	Stale    bool   // an older good version stays in the engine
	Payload  map[string]string
}

// Plan is what one planning snapshot of the source says.
type Plan struct {
	Floor    Floor
	Entities []EntityPlan
}

// EntityPlan bounds an entity's cycle.
type EntityPlan struct {
	Entity    *entity.Entity
	MaxID     int64
	Rows      int64
	Estimated bool
}
