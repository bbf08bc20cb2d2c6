package engine

import (
	"context"
	"time"
)

// The kinds of run that prove and mend. A check writes nothing of the engine's rows and runs beside any other run.
const (
	RunCheck  RunKind = "check"
	RunRepair RunKind = "repair"
)

// Writes reports whether runs of this kind write the engine's rows: one at a time, under its leases. A rehearsal only begins others.
func (k RunKind) Writes() bool { return k != RunCheck && k != RunRehearsal }

// The verbs of a check and of a repair.
const (
	StepCompare StepVerb = "compare" // both sides by id range: hashes, then rows and fields where they differ
	StepConfirm StepVerb = "confirm" // what differed is looked at again, behind a later cycle, until it is settled or gone
	StepLedger  StepVerb = "ledger"  // Odoo's own three balances of each card, at the source, by range of cards
	StepRepair  StepVerb = "repair"  // the rows of a plan, read anew from the source, by id range
)

// Cause is why a row of the engine is not what it should be.
type Cause string

// The causes.
const (
	CauseMissing         Cause = "missing"           // the source has it, the engine and quarantine do not
	CauseExtra           Cause = "extra"             // the engine has it, the source never said so
	CauseField           Cause = "field"             // a field differs
	CauseQuarantined     Cause = "quarantined"       // a rule or the database refused it: explained
	CauseWaitingParent   Cause = "waiting_parent"    // valid, its parent is not in the engine: explained
	CauseDeletedAtSource Cause = "deleted_at_source" // a sweep saw it go and the policy lets it stay: explained
	CauseWrittenOnTarget Cause = "written_on_target" // the engine has made the row its own (synced_to_odoo), and it differs
)

// Causes lists all causes in the order of reports.
var Causes = []Cause{
	CauseMissing, CauseExtra, CauseField, CauseQuarantined, CauseWaitingParent, CauseDeletedAtSource, CauseWrittenOnTarget,
}

// DiscrepancyState is where a discrepancy stands in its life. That somebody acknowledged it is told apart: it changes
// nothing of what is true.
type DiscrepancyState string

// The states of a discrepancy, in the order of a life.
const (
	DiscrepancyInFlight  DiscrepancyState = "in_flight" // found; no cycle has been behind it yet, so it may be a change under way
	DiscrepancySettled   DiscrepancyState = "settled"   // confirmed: a cycle has read, or rightly skipped, all that it derives from
	DiscrepancyExplained DiscrepancyState = "explained" // known and kept by policy: outside of the rate
	DiscrepancyRepaired  DiscrepancyState = "repaired"  // a repair has written it; no check has seen that yet
	DiscrepancyVerified  DiscrepancyState = "verified"  // a later check found both sides equal; its life is over
)

// OpenDiscrepancy lists the states in which a discrepancy is not over.
var OpenDiscrepancy = []DiscrepancyState{DiscrepancyInFlight, DiscrepancySettled, DiscrepancyExplained, DiscrepancyRepaired}

// Discrepancy is one field of one row, or a row as a whole, that is not in the engine as it should be. Its values are
// canonical, and as hostile as any string out of a database.
type Discrepancy struct {
	ID       int64            `json:"number"`
	Entity   string           `json:"entity"` // source table
	Row      int64            `json:"id"`     // Odoo's
	Field    string           `json:"field"`  // the engine's column; empty: the whole row
	Source   Maybe[string]    `json:"source"`
	Expected Maybe[string]    `json:"expected"`
	Target   Maybe[string]    `json:"target"`
	Cause    Cause            `json:"cause"`
	State    DiscrepancyState `json:"state"`

	FoundRun    RunID     `json:"found_run"`
	FoundAt     time.Time `json:"found_at"`
	SeenRun     RunID     `json:"seen_run"` // the last check that saw it
	SeenAt      time.Time `json:"seen_at"`
	SettledAt   time.Time `json:"settled_at,omitzero"`
	AckBy       string    `json:"acknowledged_by"` // empty: nobody
	AckNote     string    `json:"acknowledged_note"`
	AckAt       time.Time `json:"acknowledged_at,omitzero"`
	AckUntil    time.Time `json:"acknowledged_until,omitzero"` // behind it the acknowledgement counts no longer; zero: for good
	RepairedRun RunID     `json:"repaired_run"`
	RepairedAt  time.Time `json:"repaired_at,omitzero"`
	VerifiedRun RunID     `json:"verified_run"`
	VerifiedAt  time.Time `json:"verified_at,omitzero"`
}

// OnlyInEngine reports whether rows with this cause are in the engine and not in the source: only deleting them cures that.
func (c Cause) OnlyInEngine() bool { return c == CauseExtra || c == CauseDeletedAtSource }

// Sides are what the source has, what the engine should have and what it has: of a field its values; of a whole row whether
// it was there, where the cause says so.
func (d Discrepancy) Sides() (source, expected, target Maybe[string]) {
	if d.Field != "" {
		return d.Source, d.Expected, d.Target
	}
	there, gone := Known("there"), Known("not there")
	switch d.Cause {
	case CauseMissing:
		return there, there, gone
	case CauseExtra, CauseDeletedAtSource:
		return gone, gone, there
	case CauseQuarantined, CauseWaitingParent:
		source = there
	case CauseField, CauseWrittenOnTarget:
	}
	return source, expected, target
}

// Settled reports whether it is no change under way.
func (d Discrepancy) Settled() bool { return d.State == DiscrepancySettled }

// Acknowledged reports whether somebody's acknowledgement counts at a moment.
func (d Discrepancy) Acknowledged(now time.Time) bool {
	return d.AckBy != "" && (d.AckUntil.IsZero() || now.Before(d.AckUntil))
}

// DiscrepancySelection says which discrepancies are meant: all that fit every field; an empty field fits all.
type DiscrepancySelection struct {
	Entity string
	Cause  Cause
	States []DiscrepancyState // empty: the open ones
	Run    RunID              // seen by this check
	IDs    []int64            // by number
	Rows   []int64            // by Odoo id; needs Entity
	Filter Filter
}

// DiscrepancyCount counts open discrepancies.
type DiscrepancyCount struct {
	Entity       string
	Cause        Cause
	State        DiscrepancyState
	Rows         int64 // distinct rows
	Fields       int64
	Acknowledged int64 // of Fields
}

// CheckOptions narrow a check.
type CheckOptions struct {
	Reason      string
	Entities    []string           // source tables; none: all
	MaxDuration time.Duration      // then it ends with what it has covered; 0: when all is compared
	Rows        map[string][]int64 // only these rows, by entity: a re-check; nil: all
	Rolling     bool               // paced, in small budgets, begun by the monitor
}

// CheckEntity is what a check says of one entity. Counts are of rows: a row with two wrong fields counts once.
type CheckEntity struct {
	Name      string
	Compared  int64 // rows seen on either side, but for explained ones
	Settled   int64
	InFlight  int64
	Explained int64
	Coverage  float64 // 0 … 1, of the ids that there are
	ByCause   map[Cause]int64
}

// Agreement is the part of the compared rows that agree; unknown where nothing was compared.
func (c CheckEntity) Agreement() Maybe[float64] {
	if c.Compared == 0 {
		return Maybe[float64]{}
	}
	return Known(max(0, float64(c.Compared-c.Settled)/float64(c.Compared)))
}

// CheckView is a check as it is shown: while it runs, and when it has ended.
type CheckView struct {
	RunView

	Rolling  bool
	Recheck  bool // of some rows only
	Verdict  Verdict
	Why      string // why it could not check; empty otherwise
	Waits    string // what its confirmation waits for; empty: nothing
	Entities []CheckEntity
	Done     float64 // 0 … 1
	Compared int64
	Settled  int64
	InFlight int64
	Explain  int64
	Coverage float64
	Errors   int64
}

// ProofView is what is proven at this moment, by whichever check looked last at each range of ids.
type ProofView struct {
	Verdict    Verdict
	Why        string // why it is unknown, or what failed, in words
	Agreement  Maybe[float64]
	Entities   []CheckEntity
	Compared   int64
	Settled    int64
	InFlight   int64
	Explained  int64
	ByCause    map[Cause]int64
	Coverage   float64       // of ids whose proof is younger than MaxAge
	OldestAt   time.Time     // when the range was proven that was not looked at for longest; zero: one never was
	NewestAt   time.Time     // zero: nothing was ever compared
	CleanAt    time.Time     // when the last whole pass ended without a settled difference; zero: none since the last repair
	MaxAge     time.Duration // a proof that is older counts no more
	RepairedAt time.Time     // the last repair; zero: none
}

// Never reports whether nothing was ever compared: there is no proof, and none has failed.
func (p *ProofView) Never() bool { return p.NewestAt.IsZero() }

// Age is how old the oldest proof is; unknown while a range was never proven.
func (p ProofView) Age(now time.Time) Maybe[time.Duration] {
	if p.OldestAt.IsZero() {
		return Maybe[time.Duration]{}
	}
	return Known(max(now.Sub(p.OldestAt), 0))
}

// Checker proves the engine right.
type Checker interface {
	// StartCheck begins a check beside whatever else runs. It fails with ErrRunActive while another check of its sort is active.
	StartCheck(ctx context.Context, o CheckOptions) (RunID, error)
	// Check gives what one check says. It fails with ErrNoSuchRun.
	Check(ctx context.Context, id RunID) (*CheckView, error)
}

// DiscrepancyDesk looks after what checks have found.
type DiscrepancyDesk interface {
	// Discrepancies lists a page of discrepancies.
	Discrepancies(ctx context.Context, which DiscrepancySelection, l Listing) (Page[Discrepancy], error)
	// DiscrepancyCounts counts the open ones by entity, cause and state.
	DiscrepancyCounts(ctx context.Context, which DiscrepancySelection) ([]DiscrepancyCount, error)
	// Recheck begins a check of the selected rows only.
	Recheck(ctx context.Context, which DiscrepancySelection, act Act) (RunID, error)
	// Acknowledge notes that somebody knows, with a note in act.Reason; until may be zero: for good. With again the
	// acknowledgement is taken back. It gives how many.
	Acknowledge(ctx context.Context, which DiscrepancySelection, until time.Time, again bool, act Act) (int64, error)
}
