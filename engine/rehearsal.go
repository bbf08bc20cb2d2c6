package engine

import (
	"context"
	"time"
)

// RunRehearsal is the kind of a rehearsal: a runbook that begins other runs and waits for them. It writes none of the
// engine's rows itself, and never seals.
const RunRehearsal RunKind = "rehearsal"

// Freeze says how a rehearsal knows that nothing is written at the source.
type Freeze string

// The ways to freeze.
const (
	FreezeDetect  Freeze = "detect"  // no row was written for a while
	FreezeConfirm Freeze = "confirm" // an operator says so
	FreezeNone    Freeze = "none"    // it is not: the source goes on
)

// Freezes lists the ways to freeze.
var Freezes = []Freeze{FreezeDetect, FreezeConfirm, FreezeNone}

// RehearsalStepName names a step of the runbook.
type RehearsalStepName string

// The steps, in order. Those behind the freeze are the ones that the real cutover has to wait for.
const (
	RehearsePreflight RehearsalStepName = "preflight"
	RehearseLoad      RehearsalStepName = "load"     // a first load, or a tick that catches up
	RehearseFreeze    RehearsalStepName = "freeze"   // the source stands still
	RehearseCatchUp   RehearsalStepName = "catch-up" // the last tick
	RehearseCheck     RehearsalStepName = "check"
	RehearseLedger    RehearsalStepName = "ledger"
	RehearseVerdict   RehearsalStepName = "verdict"
)

// RehearsalStepState is where a step of the runbook stands.
type RehearsalStepState string

// The states of a step.
const (
	RehearsalWaiting RehearsalStepState = "waiting"
	RehearsalRunning RehearsalStepState = "running"
	RehearsalDone    RehearsalStepState = "done"
	RehearsalFailed  RehearsalStepState = "failed"
	RehearsalSkipped RehearsalStepState = "skipped" // there is nothing to do, or a step before it failed
)

// Ended reports whether nothing more comes of a step.
func (s RehearsalStepState) Ended() bool { return s != RehearsalWaiting && s != RehearsalRunning }

// RehearsalStep is one step of the runbook.
type RehearsalStep struct {
	Name       RehearsalStepName
	State      RehearsalStepState
	Run        RunID  // what it began; 0: nothing
	Found      string // what came of it, or what it waits for, in words
	StartedAt  time.Time
	FinishedAt time.Time
	Idle       time.Duration // of it, the time in which nobody carried it out
}

// Took is how long a step took, without the time in which nobody carried it out; unknown until it has ended.
func (s RehearsalStep) Took() Maybe[time.Duration] {
	if s.StartedAt.IsZero() || s.FinishedAt.IsZero() {
		return Maybe[time.Duration]{}
	}
	return Known(max(s.FinishedAt.Sub(s.StartedAt)-s.Idle, 0))
}

// GateName names a gate.
type GateName string

// The gates.
const (
	GateAgreement   GateName = "agreement"   // enough of the compared rows agree
	GateFreshness   GateName = "freshness"   // what is committed at the source is in the engine soon enough
	GateAccounted   GateName = "accounted"   // source rows = engine rows − stale − extra + quarantined
	GateRejected    GateName = "rejected"    // the rejected share of every entity is within its limit
	GateDifferences GateName = "differences" // a full pass found no settled difference, and nothing was repaired in it
	GateDrift       GateName = "drift"       // Odoo's own balances disagree on few cards
	GateFailedRuns  GateName = "failed-runs" // no run failed
	GateStill       GateName = "still"       // a frozen source was not written
)

// Gates lists the gates in the order of reports.
var Gates = []GateName{
	GateAgreement, GateDifferences, GateAccounted, GateRejected, GateDrift, GateFreshness, GateFailedRuns, GateStill,
}

// RehearsalGate is one condition of a GO.
type RehearsalGate struct {
	Name      GateName
	Verdict   Verdict // empty: not measured yet
	Figure    string  // "99.98 %"; empty: it could not be measured
	Threshold string  // "≥ 99.9 %"
	Evidence  string  // what the figure rests on, or why there is none
	Advice    string  // what to do about it; empty if nothing
	Run       RunID   // which shows it; 0: none
	At        time.Time
	AskedBy   string // who asked for it to be measured again, which has not been done yet; empty: nobody
}

// RehearsalLimits are the thresholds of the gates.
type RehearsalLimits struct {
	Agreement float64       `json:"agreement"` // at least this part of the compared rows agrees
	Freshness time.Duration `json:"freshness"` // at most so late
	Drift     float64       `json:"drift"`     // at most this part of the cards has drifted in Odoo
	Quiet     time.Duration `json:"quiet"`     // so long without a write is a freeze, where it is detected
}

// RehearsalOptions are what a rehearsal is asked for. What is not known is as the policies or the defaults have it.
type RehearsalOptions struct {
	Reason    string
	Freeze    Freeze
	Agreement Maybe[float64]
	Freshness Maybe[time.Duration]
	Drift     Maybe[float64]
	Quiet     Maybe[time.Duration]
}

// Standing says whether a GO still holds.
type Standing string

// The standings.
const (
	StandingNone    Standing = ""        // there is no GO that could expire
	StandingHolds   Standing = "holds"   // the source is as it was
	StandingExpired Standing = "expired" // the source has moved on
	StandingUnknown Standing = "unknown" // nobody could look
)

// RehearsalView is a rehearsal as it is shown. Its number is that of its run.
type RehearsalView struct {
	RunView

	Freeze    Freeze
	Limits    RehearsalLimits
	Steps     []RehearsalStep
	Gates     []RehearsalGate
	Verdict   Verdict // Pass: GO, Fail: NO-GO; empty: none yet
	Why       string  // what stands against a GO, in words
	VerdictAt time.Time

	ConfirmedAt time.Time // when an operator said that Odoo is frozen; zero: nobody has
	ConfirmedBy string

	FrozenAt  time.Time // since when the source stands still; zero: it was not frozen
	FrozenBy  string    // who said so, or how it was seen
	Standing  Standing
	ExpiredAt time.Time // when it was seen that the source has moved on
	Moved     string    // what moved, or why nobody could look

	Holder      string        // "host:pid" of the process that carries it out; empty: none does
	HeldAt      time.Time     // when it last did
	Lost        bool          // the process that carried it out is gone
	Idle        time.Duration // in which nobody carried it out
	Breaks      int           // how often somebody else had to go on with it
	WindowSoFar time.Duration // of the steps inside the freeze that have ended; 0 without a freeze
	Window      Maybe[time.Duration]
}

// Go is a rehearsal's verdict in the words of a cutover.
func (v *RehearsalView) Go() string { return GoWord(v.Verdict) }

// GoWord is a verdict in the words of a cutover. What could not be checked is no GO.
func GoWord(v Verdict) string {
	switch v {
	case Pass:
		return "GO"
	case Fail:
		return "NO-GO"
	case CouldNotCheck:
		return "NO-GO, could not check"
	}
	return ""
}

// Waits reports whether a rehearsal would go on, and nobody carries it out.
func (v *RehearsalView) Waits() bool { return v.State == RunRunning && (v.Lost || v.Holder == "") }

// Frozen reports whether the rehearsal keeps the source frozen: from the freeze until its verdict, or its abort.
func (v *RehearsalView) Frozen() bool {
	return !v.FrozenAt.IsZero() && v.VerdictAt.IsZero() && v.State != RunCancelled && v.State != RunFailed
}

// MayUnfreeze says whether Odoo may be unfrozen; unknown where it was never frozen.
func (v *RehearsalView) MayUnfreeze() Maybe[bool] {
	if v.FrozenAt.IsZero() {
		return Maybe[bool]{}
	}
	return Known(!v.Frozen())
}

// Step gives a step by its name, or nil.
func (v *RehearsalView) Step(name RehearsalStepName) *RehearsalStep {
	for i := range v.Steps {
		if v.Steps[i].Name == name {
			return &v.Steps[i]
		}
	}
	return nil
}

// Current is the step at which the runbook is, or nil behind the last one.
func (v *RehearsalView) Current() *RehearsalStep {
	for i := range v.Steps {
		if !v.Steps[i].State.Ended() {
			return &v.Steps[i]
		}
	}
	return nil
}

// Gate gives a gate by its name, or nil.
func (v *RehearsalView) Gate(name GateName) *RehearsalGate {
	for i := range v.Gates {
		if v.Gates[i].Name == name {
			return &v.Gates[i]
		}
	}
	return nil
}

// Asked reports whether somebody waits for a gate to be measured again.
func (v *RehearsalView) Asked() bool {
	for i := range v.Gates {
		if v.Gates[i].AskedBy != "" {
			return true
		}
	}
	return false
}

// RehearsalSample is what was seen at one moment of a rehearsal.
type RehearsalSample struct {
	At    time.Time
	Step  RehearsalStepName
	Run   RunID
	Rows  int64                // that its run had read or compared by then
	Fresh Maybe[time.Duration] // how late the engine was at most
}

// Rehearser rehearses the cutover. A rehearsal is aborted, resumed and answered as a run is: see Steerer.
type Rehearser interface {
	// StartRehearsal begins a rehearsal. It fails with ErrRunActive while another one is active.
	StartRehearsal(ctx context.Context, o RehearsalOptions) (RunID, error)
	// Rehearsals lists rehearsals before the given one, newest first; 0 begins with the newest. It looks whether a GO still holds.
	Rehearsals(ctx context.Context, before RunID, limit int) ([]RehearsalView, error)
	// Rehearsal gives one, and looks whether its GO still holds. It fails with ErrNoSuchRun.
	Rehearsal(ctx context.Context, id RunID) (*RehearsalView, error)
	// RehearsalSamples gives what was seen in the course of one, oldest first.
	RehearsalSamples(ctx context.Context, id RunID) ([]RehearsalSample, error)
	// RerunGate has a gate of the last rehearsal measured again, by a process with workers.
	RerunGate(ctx context.Context, act Act, gate GateName) error
}
