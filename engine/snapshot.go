package engine

import "time"

// Setup says whether the engine database is ready for runs.
type Setup string

// The answers of Setup.
const (
	SetupUnknown Setup = ""      // not read yet
	SetupMissing Setup = "none"  // no ferry schema: `ferry init`
	SetupReady   Setup = "ready" // at this program's version
	SetupOlder   Setup = "older" // `ferry init` migrates it
	SetupNewer   Setup = "newer" // this program is too old
)

// Snapshot is everything a console shows, as one immutable value: the durable state of the engine database, and this
// process's own. A new one is published a few times a second; nobody ever waits for a reader.
type Snapshot struct {
	Sequence uint64    // rises with every publication
	TakenAt  time.Time // when the durable state was read; zero: never yet
	Process  Process
	Profile  string
	Source   Endpoint
	Target   Endpoint
	Setup    Setup
	Run      *RunView     // the active run, else the last one, else nil
	Entities []EntityView // parents first; always all entities
	Steps    []StepView   // of Run, in order
	Workers  []WorkerView // alive anywhere
	Activity []Activity   // newest first
	Errors   int64        // errors kept with Run
	Reasons  []ReasonView // of what is in quarantine now, most frequent first
}

// Endpoint is one of the two databases as this process sees it.
type Endpoint struct {
	Address   string // "odoo@10.0.4.7/prod", without secrets
	Version   string // "15.18"
	ReadOnly  bool
	Insecure  bool // TLS is not verified off loopback
	Err       string
	DownSince time.Time // zero while reachable
	NextTry   time.Time
}

// Down reports whether the last attempt to reach the database failed.
func (e Endpoint) Down() bool { return !e.DownSince.IsZero() }

// RunView is a run as it is shown.
type RunView struct {
	ID          RunID
	Kind        RunKind
	State       RunState
	Source      string    // identity of the cluster and database that it reads
	First       bool      // it fills empty tables
	Since       time.Time // when it came into State
	By          string    // who started it
	StateBy     string    // who paused or cancelled it
	Reason      string    // why, in that person's words
	CreatedAt   time.Time
	StartedAt   time.Time
	FinishedAt  time.Time // zero while active
	Error       string    // why it failed
	NowDoing    string    // "loading loyalty_card", "settling points"
	LastError   string    // the newest error of a batch, although the run goes on
	LastErrorAt time.Time
}

// StepView is one step of the run.
type StepView struct {
	Verb         StepVerb
	Entity       string
	State        StepState
	Counts       Counts
	Errors       int64
	Open         int // batches in flight
	BatchesDone  int64
	BatchesTotal Maybe[int64] // estimated until the step ends
	Done         float64      // 0 … 1, by id range
	StartedAt    time.Time
	FinishedAt   time.Time
}

// EntityView is one entity: its part in the run, and its state now.
type EntityView struct {
	Name            string // source table
	Target          string // engine table
	State           StepState
	Counts          Counts // of the run
	Errors          int64
	SourceRows      Maybe[int64]
	SourceEstimated bool // from the planner's statistics, not counted
	TargetRows      Maybe[int64]
	Quarantined     Maybe[int64]
	Waiting         Maybe[int64] // of Quarantined: valid, its parent is not in the engine
	Stale           Maybe[int64]
	Extra           Maybe[int64]
	BatchesDone     int64
	BatchesTotal    Maybe[int64]
	Done            float64 // 0 … 1
	RowsPerSecond   Maybe[float64]
	ETA             ETA
	Accounted       Maybe[bool] // source rows = engine rows − stale − extra + quarantined; unknown until a run has ended
}

// RejectedShare is the part of the source's rows that a rule or the database refused, without those that only wait for
// a parent.
func (e EntityView) RejectedShare() Maybe[float64] {
	if !e.SourceRows.Known || !e.Quarantined.Known {
		return Maybe[float64]{}
	}
	if e.SourceRows.Value == 0 {
		return Known(0.0)
	}
	return Known(float64(e.Quarantined.Value-e.Waiting.Or(0)) / float64(e.SourceRows.Value))
}

// ETAState says what an ETA is worth, so that 0 is never ambiguous.
type ETAState string

// The states of an ETA.
const (
	ETANone      ETAState = ""          // nothing is running
	ETAMeasuring ETAState = "measuring" // too early to say
	ETAReady     ETAState = "ready"
	ETAAtLeast   ETAState = "at-least" // the total is an estimate
)

// ETA is the time a step still needs.
type ETA struct {
	State ETAState
	Left  time.Duration
}

// WorkerView is one process that is alive.
type WorkerView struct {
	ID       string
	Host     string
	PID      int
	Workers  int
	Busy     int // batches it holds
	Silent   time.Duration
	Here     bool // it is this process
	SilentMS int64
}

// Activity is one line of the journal.
type Activity struct {
	At   time.Time
	By   string
	What string
}

// ReasonView counts what is in quarantine for one reason.
type ReasonView struct {
	Entity string
	Reason string // the rule's name, "waiting_parent", "code_taken", or the SQLSTATE of a refusal
	Rows   int64
	Hangs  int64 // rows of other entities that wait for these
}
