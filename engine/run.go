package engine

import (
	"slices"
	"time"
)

// RunID numbers runs of every kind in one sequence; operators quote it ("run #12").
type RunID int64

// RunKind says what a run is for.
type RunKind string

// The kinds of run.
const (
	RunFull        RunKind = "full"
	RunIncremental RunKind = "incremental"
)

// RunState is where a run stands; see the package comment for the arrows between states.
type RunState string

// The states of a run. Pausing is not paused: paused is only said once no batch is in flight any more.
const (
	RunQueued      RunState = "queued"
	RunPlanning    RunState = "planning"
	RunRunning     RunState = "running"
	RunPausing     RunState = "pausing"
	RunPaused      RunState = "paused"
	RunAsking      RunState = "asking" // it needs an operator's answer; see RunView.Question
	RunInterrupted RunState = "interrupted"
	RunCancelled   RunState = "cancelled"
	RunFailed      RunState = "failed"
	RunDone        RunState = "done"
)

// Word is the state as people read it, everywhere: "needs answer". Reports for programs have the state itself.
func (s RunState) Word() string {
	if s == RunAsking {
		return "needs answer"
	}
	return string(s)
}

// Is says the state as part of a sentence: "is paused", "needs an answer".
func (s RunState) Is() string {
	if s == RunAsking {
		return "needs an answer"
	}
	return "is " + string(s)
}

// ActiveStates are the states in which a run holds the entities it writes: no other writing run may start.
var ActiveStates = []RunState{RunQueued, RunPlanning, RunRunning, RunPausing, RunPaused, RunAsking}

// Active reports whether a run in this state holds the entities it writes.
func (s RunState) Active() bool { return slices.Contains(ActiveStates, s) }

// Ended reports whether nothing will happen to a run in this state without an operator.
func (s RunState) Ended() bool { return !s.Active() }

// Resumable reports whether an operator may continue a run from this state.
func (s RunState) Resumable() bool {
	switch s {
	case RunPausing, RunPaused, RunInterrupted, RunCancelled, RunFailed:
		return true
	case RunQueued, RunPlanning, RunRunning, RunAsking, RunDone:
		return false
	}
	return false
}

// StepVerb is what a step of a run does to its entity.
type StepVerb string

// The verbs of a step, in the order in which a run takes them.
const (
	StepPlan   StepVerb = "plan"   // one planning snapshot of the source: bounds, counts, the next floor; a small tick as a whole
	StepLoad   StepVerb = "load"   // source rows into the engine or into quarantine, by id range
	StepOwners StepVerb = "owners" // first load only: cards that lost their code leave
	StepIndex  StepVerb = "index"  // first load only: indexes of a table that was filled without any, one a batch
	StepKeys   StepVerb = "keys"   // first load only: keys and foreign keys of a table that was filled without any
	StepSettle StepVerb = "settle" // points of cards from their ledgers, by id range
	StepSweep  StepVerb = "sweep"  // ids that are gone from the source, by id range
	StepDelete StepVerb = "delete" // policy "delete" only: engine rows whose source row is gone leave, by id range
)

// StepState is where a step stands.
type StepState string

// The states of a step.
const (
	StepWaiting StepState = "waiting"
	StepRunning StepState = "running"
	StepDone    StepState = "done"
)

// BatchID numbers batches of all runs in one sequence.
type BatchID int64

// BatchState is where a batch stands.
type BatchState string

// The states of a batch. A batch that failed and will be tried again is queued, with its last error kept.
const (
	BatchQueued  BatchState = "queued"
	BatchRunning BatchState = "running"
	BatchDone    BatchState = "done"
	BatchFailed  BatchState = "failed"
)

// Claim is one batch as a worker takes it up: what to do, and the fence under which it may commit.
type Claim struct {
	Batch   BatchID
	Run     RunID
	Kind    RunKind
	Verb    StepVerb
	Entity  string // source table; empty for a plan
	Low     int64  // ids above Low …
	High    int64  // … up to and including High
	Epoch   int64  // raised by cancel and by every new run
	Attempt int    // raised whenever the batch is handed to somebody else
	First   bool   // the run fills empty tables
	Unkeyed bool   // without keys, indexes and foreign keys: they are built behind the rows
}

// Counts are the rows of a batch, a step or a run, each source row counted once in exactly one of Inserted, Updated,
// Unchanged and Rejected. They commit with the rows that they count.
type Counts struct {
	Read      int64 // source rows read in the snapshot of their range
	Inserted  int64
	Updated   int64
	Unchanged int64
	Rejected  int64 // put, or kept, in quarantine
	Deleted   int64 // engine rows that left because their source row is gone
	Stale     int64 // of Rejected: an older good version stays in the engine
	Extra     int64 // engine rows whose source row is gone
	Taken     int64 // rows that were not asked for, written along: their code passed to its owner, or their link's parent came
	Settled   int64 // cards whose points changed when settled
	Precise   int64 // rows with a value that rounding changed by more than 1e-6
	Warned    int64 // rows loaded although a rule of severity "warn" found fault
	Refused   int64 // of Rejected: the engine database refused them
	Faulted   int64 // of Rejected: not in quarantine before, or for another reason
	Released  int64 // rows that left quarantine: valid now, or gone from the source
	Missing   int64 // source rows that are neither in the engine nor in quarantine, though they should be
}

// Add sums counts.
func (c *Counts) Add(o Counts) {
	c.Read += o.Read
	c.Inserted += o.Inserted
	c.Updated += o.Updated
	c.Unchanged += o.Unchanged
	c.Rejected += o.Rejected
	c.Deleted += o.Deleted
	c.Stale += o.Stale
	c.Extra += o.Extra
	c.Taken += o.Taken
	c.Settled += o.Settled
	c.Precise += o.Precise
	c.Warned += o.Warned
	c.Refused += o.Refused
	c.Faulted += o.Faulted
	c.Released += o.Released
	c.Missing += o.Missing
}

// Idle reports whether nothing came of what was read: every row was in the engine, or in quarantine, as it should be.
func (c Counts) Idle() bool {
	seen := Counts{
		Read: c.Read, Unchanged: c.Unchanged, Precise: c.Precise, Warned: c.Warned, Rejected: c.Rejected, Stale: c.Stale, Refused: c.Refused,
	}
	return c == seen
}

// Balanced reports whether every row that was read is accounted for.
func (c Counts) Balanced() bool {
	return c.Read == c.Inserted+c.Updated+c.Unchanged+c.Rejected
}

// Actor is who asks for an action: the journal keeps it, and other consoles show it.
type Actor struct {
	User string // operating system user
	Host string // where the process runs
	SSH  string // address of the SSH client, empty without one
}

// String is how an actor is named on screens: "sari@db2".
func (a Actor) String() string {
	switch {
	case a.User == "" && a.Host == "":
		return "unknown"
	case a.Host == "":
		return a.User
	}
	return a.User + "@" + a.Host
}

// Process is one running ferry.
type Process struct {
	ID        string // unique for the life of the process
	Host      string
	PID       int
	Workers   int // 0: only looks and steers
	ReadOnly  bool
	Keeps     bool // it starts ticks when they are due
	StartedAt time.Time
}
