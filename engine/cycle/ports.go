package cycle

import (
	"context"
	"io"
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
type SourceSnapshot interface { //nolint:interfacebloat // plans and batches ask different things of one and the same state
	// State says where in the source's own time the snapshot stands.
	State(ctx context.Context) (SourceState, error)
	// Shape names the form in which an entity's columns are stored. It fails with ErrShape.
	Shape(ctx context.Context, e *entity.Entity) (Shape, error)
	MaxID(ctx context.Context, e *entity.Entity) (int64, error)
	// Count gives the number of rows, or an estimate if counting takes longer than the limit.
	Count(ctx context.Context, e *entity.Entity, limit time.Duration) (rows int64, estimated bool, err error)
	// Changes reads the rows that transactions from a floor on have written, in any order. It gives false if they are more than
	// most, or if finding them takes longer than the limit.
	Changes(ctx context.Context, e *entity.Entity, since Floor, most int, limit time.Duration, each func(entity.Row) error) (bool, error)
	// Tally counts all rows and those that transactions from a floor on have written. It gives false if that
	// takes longer than the limit.
	Tally(ctx context.Context, e *entity.Entity, since Floor, limit time.Duration) (Tally, bool, error)
	// Range reads the rows with ids above low up to high, in id order; with a floor only those that transactions from it on
	// have written.
	Range(ctx context.Context, e *entity.Entity, low, high int64, since Floor, each func(entity.Row) error) error
	// Stream reads the rows with ids above low up to high, in id order. A row is only valid during the call, but for its texts.
	Stream(ctx context.Context, e *entity.Entity, low, high int64, each func(*entity.Row) error) error
	// ByID reads the rows of the given ids that exist, in id order.
	ByID(ctx context.Context, e *entity.Entity, ids []int64, each func(entity.Row) error) error
	// Sum sums up the hashes of the rows with ids above low up to high, but for those of some ids.
	Sum(ctx context.Context, e *entity.Entity, low, high int64, but []int64) (RangeSum, error)
	// Hashes gives the rows with ids above low up to high by the hashes of what they should be in the engine, in id order.
	Hashes(ctx context.Context, e *entity.Entity, low, high int64) ([]RowHash, error)
	// Buckets sums up the ids above low up to high by buckets of BucketWidth; empty ones are left out.
	Buckets(ctx context.Context, e *entity.Entity, low, high int64) ([]Bucket, error)
	// IDs gives the ids above low up to high that exist, in order, and of them those that transactions from a floor on have
	// written.
	IDs(ctx context.Context, e *entity.Entity, low, high int64, since Floor) (all, young []int64, err error)
	Close()
}

// SourceState is where a snapshot stands.
type SourceState struct {
	Floor       Floor  // every transaction below it had ended
	Next        Floor  // the first transaction id that had not been given yet
	Timeline    int64  // of the write-ahead log; another one after a recovery or a failover
	Incarnation string // the server process that answered, and whether it is a standby
	PinnedBy    string // who holds the floor back, in words; empty: nobody
}

// Shape is the form in which a source has an entity's columns.
type Shape struct {
	Columns map[string]string // every column of the table with its type
	Read    string            // those that are read, in one text: rows read under another one may be stored differently
}

// Tally is what is counted of a table at one moment.
type Tally struct {
	Rows      int64
	Changed   int64
	Low, High int64 // the changed ids are above Low, and up to High
	MaxID     int64
}

// Bucket sums up the ids of one range of ids.
type Bucket struct {
	Number int64 // ids above Number × BucketWidth
	Rows   int64
	Sum    string // of a hash of each id, the same arithmetic on both sides
}

// BucketWidth is how many ids a bucket spans.
const BucketWidth = 4096

// Work is a batch as a worker takes it up, with what its run has frozen.
type Work struct {
	engine.Claim

	Since          Floor // a load reads only what transactions from it on have written; empty: every row
	Rules          entity.Rules
	RulesHash      string // of Rules, with the codec of the program that froze them
	Policies       Policies
	SourceIdentity string
	Tries          int    // how often it has failed before
	LastSQLState   string // of the failure before, if a database said one

	Entities  []string        // of a plan: those that the run is about; empty: all
	Bases     map[string]Base // of a plan: by entity
	Alike     bool            // of a load of every row: whoever wrote the engine's rows judged and stored them as this run does
	AnySource bool            // somebody decided that the source may be another one than before
}

// Base is what the cycles before have left of an entity.
type Base struct {
	Floor       Floor // of the last one that was completed; empty: there is none
	Earlier     Floor // of one that is ten minutes older, or the oldest that is known
	RulesHash   string
	Identity    string // of the source
	Next        Floor
	Timeline    int64
	Incarnation string
	Shape       string            // Shape.Read
	Columns     map[string]string // Shape.Columns when they were last looked at; nil: never
	SweepDue    bool              // its ids were not compared for longer than the policy allows
	PausedBy    string            // nobody may carve its batches
}

// Target is the engine database, as one attempt at a batch sees it. Its transactions complete the attempt's job when
// they commit.
type Target interface {
	// Claim marks a batch as running here. It fails with ErrFenced if this attempt may not have it.
	Claim(ctx context.Context, batch engine.BatchID, attempt int, by engine.Process) (Work, error)
	// Begin opens the batch's one writing transaction, under its fence. It fails with ErrFenced.
	Begin(ctx context.Context, w Work) (Load, error)
	// Split cuts a batch in two and hands both out anew, for its rows are too much for one. Nothing is counted against it.
	Split(ctx context.Context, w Work) error
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
	Filler
	Sweeper
	Mender

	// Plan makes the run's steps, those that a tick has carried out already among them, and carves the first batches.
	Plan(ctx context.Context, plan Plan) error
	// Ask stops the run, before it goes on with this batch, until an operator answers.
	Ask(ctx context.Context, question string) error
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
	// Stored reads the engine's rows of a scope, in id order.
	Stored(ctx context.Context, e *entity.Entity, of Scope) (*Stored, error)
	// Sum sums up the hashes of the engine's rows with ids above low up to high, but for those of some ids.
	Sum(ctx context.Context, e *entity.Entity, low, high int64, but []int64) (RangeSum, error)
	// Hashes gives the engine's rows with ids above low up to high by the hashes of what they are, in id order.
	Hashes(ctx context.Context, e *entity.Entity, low, high int64) ([]RowHash, error)
	// Open gives what is in quarantine of a scope.
	Open(ctx context.Context, e *entity.Entity, of Scope) ([]OpenEntry, error)
	// Due gives the rows of a range that are in quarantine and should be read again, in id order.
	Due(ctx context.Context, e *entity.Entity, low, high int64, limit int) ([]int64, error)
	// Present gives those of the ids that are in the engine.
	Present(ctx context.Context, e *entity.Entity, ids []int64) (map[int64]bool, error)
	// Holders gives the engine's rows that hold any of the codes.
	Holders(ctx context.Context, e *entity.Entity, codes []string) ([]Holder, error)
	// LockCodes makes concurrent batches that move the same codes wait for this one.
	LockCodes(ctx context.Context, codes []string) error
	// Accounted gives how many source rows the engine accounts for, once counts are added to what was committed: engine rows
	// − stale − extra + quarantined. It fails with ErrNotInitialised where nothing was ever counted.
	Accounted(ctx context.Context, e *entity.Entity, counts engine.Counts) (int64, error)
	// Following gives what the derived columns of rows hold, and what they should by what the engine has, in id order.
	Following(ctx context.Context, e *entity.Entity, ids []int64) ([]Follower, error)
}

// LoadWriter changes what the engine holds.
type LoadWriter interface {
	// Retire takes the code away from rows that lost it and stay in the engine.
	Retire(ctx context.Context, e *entity.Entity, ids []int64) error
	// Update writes changed rows, tuples of mapped columns; it gives back the ones that the database refused.
	Update(ctx context.Context, e *entity.Entity, rows *pgcopy.Tuples) ([]Refusal, error)
	// Insert writes new rows, tuples of insert columns; it gives back the ones that the database refused.
	Insert(ctx context.Context, e *entity.Entity, rows *pgcopy.Tuples) ([]Refusal, error)
	// Quarantine keeps faults, and settles those of the open entries that are no fault any more: released if exists says
	// that the source row is there, gone if not. It gives how many faults were new, or changed, and how many entries were
	// settled. What another batch puts there meanwhile stays.
	Quarantine(ctx context.Context, e *entity.Entity, open []OpenEntry, faults []Fault, exists func(id int64) bool) (kept, settled int64, err error)
	// Wake has rows in quarantine read again: those that wait for one of the arrived parents, and those whose code belongs
	// to one of the rows that may have given it up. What the scope covers has been read just now and sleeps on.
	Wake(ctx context.Context, e *entity.Entity, arrived, gaveUp []int64, but Scope) error
	// Link points rows that were loaded without their parent at those of the parents that have come. It gives how many.
	Link(ctx context.Context, parent *entity.Entity, ids []int64) (int64, error)
	// Rename tells the rows in quarantine that claim one of these codes who owns it now.
	Rename(ctx context.Context, e *entity.Entity, owners map[string]int64) error
	// Extras keeps the engine rows of the scope whose source row is gone, and forgets others of the scope.
	Extras(ctx context.Context, e *entity.Entity, of Scope, ids []int64) error
	// DropLosers deletes rows that lost their code during a first load, before anything refers to them.
	DropLosers(ctx context.Context, e *entity.Entity) (int64, error)
	// Settle computes the points of the cards with Odoo ids above low up to high from their ledgers.
	Settle(ctx context.Context, low, high int64, first bool) (changed int64, err error)
	// SettleRows does so for some cards; the versions of fresh ones, which this transaction has written, do not rise again.
	SettleRows(ctx context.Context, ids, fresh []int64) (changed int64, err error)
}

// Filler fills tables that have no keys yet. Nobody else writes them, and nothing is looked up in them row by row.
type Filler interface {
	// Fill copies new rows into the table, a binary COPY stream of insert columns; it gives how many. If the database refuses
	// them none is there, and the transaction goes on as before.
	Fill(ctx context.Context, e *entity.Entity, rows io.Reader) (int64, error)
	// Loaded gives the ids of an entity's rows that came from Odoo, in no order.
	Loaded(ctx context.Context, e *entity.Entity, each func(id int64)) error
	// Balances gives the cards with Odoo ids above low up to high whose points a line of the engine's ledger decides, in id
	// order, whether or not the cards are in the engine.
	Balances(ctx context.Context, low, high int64) ([]Balance, error)
}

// Balance is what a card's ledger says.
type Balance struct {
	ID     int64
	Points int64 // hundredths
}

// Sweeper finds and removes what is gone from the source.
type Sweeper interface {
	// Buckets sums up, like the source's, the ids that the engine accounts for: its rows but for extras, and quarantine.
	Buckets(ctx context.Context, e *entity.Entity, low, high int64) ([]Bucket, error)
	// Known gives the ids that the engine accounts for, in order.
	Known(ctx context.Context, e *entity.Entity, low, high int64) ([]int64, error)
	// Gone keeps rows whose source row is gone: those in the engine as extra, those in quarantine as gone. It gives how many
	// the engine has, and the rows whose derived columns the ones in quarantine held back.
	Gone(ctx context.Context, e *entity.Entity, ids []int64) (extra int64, fed []int64, err error)
	// Returned forgets those of the ids that were extra; the others it gives back.
	Returned(ctx context.Context, e *entity.Entity, ids []int64) (missing []int64, err error)
	// Vanished gives the extras of a range that may leave.
	Vanished(ctx context.Context, e *entity.Entity, low, high int64) ([]int64, error)
	// Remove deletes extras, with the stale rows that hang on them; links to them become empty. What cannot leave stays, and
	// says why. It gives how many left, and the rows whose derived columns follow from those.
	Remove(ctx context.Context, e *entity.Entity, ids []int64) (removed int64, fed []int64, err error)
}

// Mender keeps what becomes of a repair's plan.
type Mender interface {
	// LockRows keeps others from writing rows of the engine until the transaction ends.
	LockRows(ctx context.Context, e *entity.Entity, ids []int64) error
	// PlanItems gives the items of the run's plan that are about rows of a scope, in id order. Outcome is what the plan said.
	PlanItems(ctx context.Context, e *entity.Entity, of Scope) ([]engine.RepairItem, error)
	// KeepItems stores what became of items. The discrepancies of those that were applied are repaired from now on.
	KeepItems(ctx context.Context, e *entity.Entity, items []engine.RepairItem) error
	// Kept says of extras that Remove left why it did.
	Kept(ctx context.Context, e *entity.Entity, ids []int64) (map[int64]string, error)
}

// Follower is a derived column of a row.
type Follower struct {
	ID       int64
	Column   string
	Stored   string
	Expected string
	FromRow  bool // it follows from the row's own column, no row of another entity decides
	Owned    bool // the engine has made the row its own
}

// Stored are engine rows in id order: their tuples of mapped columns, and which of them the engine has made its own.
type Stored struct {
	Rows  pgcopy.Tuples
	Owned []bool
	Gone  []int64 // ids of rows that the engine has deleted, in order; they are not loaded again unattended
}

// OpenEntry is a row that was in quarantine when a merge began.
type OpenEntry struct {
	ID       int64
	ParentID int64
	LastSeen time.Time
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
	State    SourceState
	WhyFull  string // why an incremental run reads every row; empty: it does not
	Entities []EntityPlan
	Notes    []string // for the journal: what an operator should know of
}

// EntityPlan bounds an entity's cycle.
type EntityPlan struct {
	Entity    *entity.Entity
	Shape     Shape
	Since     Floor // empty: every row is read
	MaxID     int64
	Rows      int64
	Estimated bool
	Counted   bool           // what follows is known
	Changed   int64          // of Rows, since the floor
	Low, High int64          // of the changed ids; see Tally
	Whole     bool           // what changed was read with the plan: few rows, for a tick
	Done      *engine.Counts // the tick has carried it out; nil: it is to be loaded in batches
	Sweep     bool           // the ids of both sides are to be compared

	rows []judged // that changed, in id order; if Whole
}
