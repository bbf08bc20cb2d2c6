// Package cycle is the one extraction algorithm: it plans a run over the source, and carries out its batches.
//
// A cycle reads every row that was written by transactions from the entity's floor on; a full run is the cycle without a
// floor. What a cycle is about, it knows by id: a batch is an id range of one entity, or of it the rows that changed and
// those in quarantine that are due. In one short source snapshot its rows are read and judged; in one engine transaction
// they are merged with the engine's rows of the same ids, and every source row ends in exactly one place:
//
//	read → decode, judge (entity) → owners of codes → parents → merge: new | changed | unchanged | fault
//	     → write, bisecting to the row where the engine refuses → quarantine → who must follow → points
//	     → counts, checkpoint, job: COMMIT
//
// A first load into empty tables streams instead (pour.go), with hints in the place of look-ups (hint.go), and builds keys behind
// the rows (keys.go). A full run over what was stored before leaves out rows whose hashes are equal (hashes.go).
//
// A tick with few changes does so for all entities in one snapshot and one transaction. Rows that are gone from the source
// show in no change: sweeps find them, by comparing sums of ids.
//
// Files in that order: ports.go (what the stores provide), execute.go, base.go (floors), plan.go, tick.go, load.go,
// hashes.go, pour.go, hint.go, keys.go, scope.go, codes.go, merge.go, faults.go, effects.go, sweep.go; policy.go; forecast.go and dryrun.go, which only look.
// Nothing here knows SQL; exactness comes from merging by id and comparing canonical bytes.
package cycle

import (
	"context"
	"log/slog"
	"time"

	"ferry/engine"
)

// Floor is a 64-bit transaction id of the source, in decimal: every transaction below it had ended when it was taken.
type Floor string

// MaxRows bounds the rows of a batch, and with them a worker's memory, whatever the table's size.
const MaxRows = 50_000

// countedRows is how many rows a source table has at most, by the planner's estimate, that the plan of a full cycle counts.
const countedRows = 2_000_000

// countLimit is how long planning may count a source table before it settles for the planner's estimate: three
// tables stay within what a source transaction may take.
const countLimit = 2500 * time.Millisecond

// tallyLimit is how long a tick may count a source table and its changes; beyond it the tick reads in batches. What all
// tables take together is bounded by sourceLimit.
const tallyLimit = 5 * time.Second

// changesLimit is how long a tick may look for the changed rows of one table before it settles for counting them.
const changesLimit = 3 * time.Second

// planReserve is what counting leaves of a planning snapshot's time for everything else.
const planReserve = 2 * time.Second

// sourceLimit is how long a batch may keep its source transaction open; see the source's own rule of 10 s.
const sourceLimit = 9 * time.Second

// maxRetries is how often a batch may meet concurrent transactions before that is no coincidence any more.
const maxRetries = 20

// maxTimeouts is how often a batch may be cancelled by a timeout before that is an error that waiting does not cure.
const maxTimeouts = 5

// Executor carries out batches.
type Executor struct {
	Source  Source
	Process engine.Process
	Logger  *slog.Logger
	Reached func(Point) // nil but in tests that end or stop a worker there

	hints hints

	// Others carry out the verbs that are no part of a cycle, such as those of a check.
	Others map[engine.StepVerb]Verb
	// Plans plan the runs that are no cycle, by their kind.
	Plans map[engine.RunKind]Verb

	sums, hashes thrift
}

// Verb carries out one attempt at a batch; it ends with the attempt's one transaction, or with an error.
type Verb func(ctx context.Context, target Target, w Work) error

// Point is a named step of a batch.
type Point string

// The points, in the order in which a batch comes by. A plan and a settling come by some of them only.
const (
	PointTake         Point = "take"       // its job is at this worker, the batch is not yet
	PointConnect      Point = "connect"    // the batch is this worker's
	PointSnapshot     Point = "snapshot"   // the source's snapshot is open
	PointRead         Point = "read"       // its rows are here, the writing transaction has not begun
	PointMerge        Point = "merge"      // it is known what becomes of every row
	PointWrite        Point = "write"      // rows and quarantine are written
	PointPoints       Point = "points"     // cards' points are written
	PointCheckpoint   Point = "checkpoint" // counts, next batches and the job's completion are written
	PointCommitSent   Point = "commit-sent"
	PointCommitAnswer Point = "commit-acknowledged"
)

// at tells tests where a batch is. Nothing in ferry can say PointCommitSent: that needs an eye on the wire.
func (x *Executor) at(p Point) {
	if x.Reached != nil {
		x.Reached(p)
	}
}
