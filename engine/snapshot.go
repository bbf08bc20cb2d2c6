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
	At       time.Time // of this publication, by this process's clock; zero: nothing was looked at yet
	TakenAt  time.Time // when the durable state was read, by the engine's clock; zero: never yet
	ReadAt   time.Time // the same moment by this process's clock
	Process  Process
	Profile  string
	Source   Endpoint
	Target   Endpoint
	Setup    Setup
	Run      *RunView     // the active run, else the last one, else nil
	Entities []EntityView // parents first; always all entities
	Steps    []StepView   // of Run, in order
	Workers  []WorkerView // alive anywhere
	Queue    QueueView    // of all active runs
	Activity []Activity   // newest first
	Errors   int64        // errors kept with Run
	Unkeyed  RunID        // the first load that must come to its end before anything else may write; 0: none
	Reasons  []ReasonView // of what is in quarantine now, most frequent first
	Sealed   *SealView    // nil: it is not
	Database string       // the engine database's own name, which grave actions want typed
	Viewer   string       // this process's role on the engine database, if that lets it look and change nothing; else empty

	Schedule  Schedule
	Freshness Freshness
	Floor     FloorView
	Pace      PaceView
	Policies  []PolicyView // by name; nil: not read

	Check   *CheckView // the active check, else the last whole one, else nil; Run is never a check
	Proof   ProofView
	Ledger  LedgerView
	Monitor MonitorView

	Rehearsal *RehearsalView // the active rehearsal, else the last one, else nil

	Tape *TapeView // nil: it is neither recorded nor replayed
}

// TapeView says that snapshots go to a recording, or come from one.
type TapeView struct {
	Replay bool   // they come from it: nothing of it can be acted on
	Name   string // the recording's file
	Speed  string // of a replay: "4x", "max"
	Paused bool   // of a replay, also at its end
	Ended  bool   // the replay is at the end of the recording
	Lost   int64  // snapshots and answers that could not be recorded
	Err    string // why nothing more is recorded, or why the recording ends early; empty: all is well
}

// Now is the engine's clock at a moment of this process's: the clocks of two machines differ.
func (s *Snapshot) Now(here time.Time) time.Time { return s.TakenAt.Add(here.Sub(s.ReadAt)) }

// QueueView counts the batches of active runs that are carved and not done.
type QueueView struct {
	Waiting int64 // for a worker
	Running int64
}

// OnlyLooks says why nothing can be done from this process whatever the engine's state is; empty: it may act.
func (s *Snapshot) OnlyLooks() string {
	switch {
	case s.Replayed():
		return "this is a recording"
	case s.Process.ReadOnly:
		return "this console only looks (--read-only)"
	case s.Viewer != "":
		return "the engine database lets role " + s.Viewer + " look and change nothing (`ferry grants` has an operator's role)"
	}
	return ""
}

// Replayed reports whether it comes from a recording.
func (s *Snapshot) Replayed() bool { return s.Tape != nil && s.Tape.Replay }

// Schedule is when ticks come: one at a time among all processes.
type Schedule struct {
	Every       time.Duration
	NextAt      time.Time // in the past: due, and late if nothing starts
	Keepers     []string  // "host:pid" of the processes that are alive and start ticks; none: no tick comes by itself
	Here        bool      // this process is one of them
	PausedBy    string    // empty: not paused
	PausedSince time.Time
	Reason      string // why it is paused

	FailedInRow int    // ticks that failed one behind the other, up to now
	FailedHour  int64  // ticks that failed in the last hour; Freshness.Ticks were completed in it
	LastFailure string // why the last of FailedInRow failed
}

// Paused reports whether somebody holds ticks back.
func (s Schedule) Paused() bool { return s.PausedBy != "" }

// Freshness says how late the engine is behind the source. All figures are upper bounds: a row that was committed right
// after a tick's snapshot waits for the next tick, and nothing shows when that was.
type Freshness struct {
	ReadFrom time.Time // everything committed before is in the engine, by the engine's clock; zero: nothing was ever read whole
	TickedAt time.Time // when the last completed run became visible
	// CountedAt is when the last completed cycle counted what there is; zero: none did. It tells one completed cycle from another.
	CountedAt time.Time
	Ticks     int64 // completed in the last hour, on which the figures below rest
	P50       Maybe[time.Duration]
	P99       Maybe[time.Duration]
	Max       Maybe[time.Duration]
}

// Bound is how old the oldest committed row may be that is not in the engine yet, as of now.
func (f Freshness) Bound(now time.Time) Maybe[time.Duration] {
	if f.ReadFrom.IsZero() {
		return Maybe[time.Duration]{}
	}
	return Known(max(now.Sub(f.ReadFrom), 0))
}

// FloorView is the transaction id of the source from which on the next tick reads, and what holds it back.
type FloorView struct {
	Floor       string    // of the entity that is furthest behind; empty: none, the next tick reads every row
	TakenAt     time.Time // when it was taken
	PinnedSince time.Time // zero: it moves; else it has stood still since, and everything written since is read again each tick
	PinnedBy    string    // "pid 812 odoo, idle in transaction"; or what would show it
}

// Pinned is how long the floor is known to have stood still: until it was taken last. What has become of the transaction that held it
// since then nobody has looked at. It is 0 where it moves.
func (f FloorView) Pinned() time.Duration {
	if f.PinnedSince.IsZero() {
		return 0
	}
	return max(f.TakenAt.Sub(f.PinnedSince), 0)
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
	Oldest    Maybe[time.Duration] // of the source: how long ferry's longest transaction there has been open, in any process; 0: none is
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
	Question    string    // what an operator must answer; set in RunAsking
	Scheduled   bool      // a tick that nobody asked for
	Ticks       int       // ticks that this line of history stands for: idle ones, or ones that failed alike, are folded into one
	FirstAt     time.Time // when the first of them was created
	WhyFull     string    // why an incremental run reads every row
	Only        []string  // entities that it was asked for; empty: all
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
	Waived          Maybe[int64] // of Quarantined: somebody decided that it may stay there
	Stale           Maybe[int64]
	Extra           Maybe[int64]
	BatchesDone     int64
	BatchesTotal    Maybe[int64]
	Done            float64 // 0 … 1
	RowsPerSecond   Maybe[float64]
	ETA             ETA
	Accounted       Maybe[bool] // source rows = engine rows − stale − extra + quarantined; unknown until a run has ended
	PausedBy        string      // who holds its batches back, in every run; empty: nobody
	PausedReason    string
	RejectedLimit   Maybe[float64] // by policy, the rejected share above which somebody must look; unknown: not read
	ReadFrom        time.Time      // everything committed before is in the engine, by the engine's clock; zero: it was never read whole
}

// RejectedShare is the part of the source's rows that a rule or the database refused, without those that only wait for
// a parent and those that were waived.
func (e EntityView) RejectedShare() Maybe[float64] {
	if !e.SourceRows.Known || !e.Quarantined.Known {
		return Maybe[float64]{}
	}
	if e.SourceRows.Value == 0 {
		return Known(0.0)
	}
	return Known(float64(e.Quarantined.Value-e.Waiting.Or(0)-e.Waived.Or(0)) / float64(e.SourceRows.Value))
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
	// RowsPerSecond is what it has read lately of the active runs, in batches that are done; unknown: none is.
	RowsPerSecond Maybe[float64]
}

// TakenOver is how long a process may be silent before others take its batches over.
const TakenOver = 10 * time.Second

// Works reports whether a process is alive and has workers. A silent one stays in the list for a while.
func (w *WorkerView) Works() bool { return w.Workers > 0 && w.Silent < TakenOver }

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
	Waived int64 // of Rows
	Hangs  int64 // rows of other entities that wait for these
}
