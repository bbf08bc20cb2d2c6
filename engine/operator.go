package engine

import (
	"context"
	"time"
)

// Operator is the one door through which a console or a command acts. Its methods may take as long as a database takes
// and must not be called from a terminal's event loop; Snapshot never blocks.
type Operator interface {
	// Snapshot is the latest state; never nil.
	Snapshot() *Snapshot
	// Init makes or migrates the engine tables and ferry's schema. It is idempotent.
	Init(ctx context.Context) error
	// Preflight looks at every precondition. With forecast it also reads the source and says what the rules would reject.
	Preflight(ctx context.Context, forecast bool) (Preflight, error)

	Starter
	Steerer
	Historian
	QuarantineDesk
	Checker
	DiscrepancyDesk
	Repairer
	LedgerDesk
	CardDesk
	AlertDesk
	Rehearser
	Sealer
	PolicyDesk
}

// Starter begins runs.
type Starter interface {
	// StartFull begins a full run. It fails with ErrRunActive while another writing run is active, and with ErrSealed.
	StartFull(ctx context.Context, o StartOptions) (RunID, error)
	// StartIncremental begins one tick. It fails with ErrRunActive while another writing run is active, and with ErrSealed.
	StartIncremental(ctx context.Context, o StartOptions) (RunID, error)
	// KeepInStep lets this process start a tick whenever one is due, every so often, or no longer (0). It needs workers.
	KeepInStep(ctx context.Context, every time.Duration) error
}

// Steerer acts on runs, entities and the schedule.
type Steerer interface {
	// Pause asks a run to stop carving batches; it is paused once those in flight have ended.
	Pause(ctx context.Context, act Act) error
	// Resume lets a run carve batches again; it also continues a cancelled, failed or interrupted run.
	Resume(ctx context.Context, act Act) error
	// Cancel ends a run; batches that did not yet begin to commit are refused.
	Cancel(ctx context.Context, act Act) error
	// Answer answers the question of a run: accept lets it go on, else it is cancelled.
	Answer(ctx context.Context, act Act, accept bool) error
	// RetryBatch hands a batch out again at once; if its run failed, the run is resumed with it.
	RetryBatch(ctx context.Context, act Act, batch BatchID) error
	// PauseEntity stops the carving of an entity's batches, in this run and in later ones; ticks leave the entity out.
	PauseEntity(ctx context.Context, entity string, act Act) error
	// ResumeEntity lets an entity's batches be carved again.
	ResumeEntity(ctx context.Context, entity string, act Act) error
	// PauseSchedule holds ticks back, in every process; one that is under way goes on.
	PauseSchedule(ctx context.Context, act Act) error
	// ResumeSchedule lets ticks come again.
	ResumeSchedule(ctx context.Context, act Act) error
}

// Historian tells what has been.
type Historian interface {
	// Runs lists runs before the given one, newest first; 0 begins with the newest.
	Runs(ctx context.Context, before RunID, limit int) ([]RunSummary, error)
	// RunDetail gives a run with its steps and batches. It fails with ErrNoSuchRun.
	RunDetail(ctx context.Context, id RunID) (*RunDetail, error)
	// Journal gives a page of what was done, by number if no order is asked for.
	Journal(ctx context.Context, filter Filter, want Listing) (Page[JournalEntry], error)
}

// QuarantineDesk looks after the source rows that are not in the engine as they should be.
type QuarantineDesk interface {
	// QuarantineRows gives a page of the rows that are in quarantine now, by entity and id if no order is asked for.
	QuarantineRows(ctx context.Context, which QuarantineSelection, want Listing) (Page[QuarantineRow], error)
	// RetryQuarantine has rows read again by the next tick, which is begun at once if none is active. It gives how many.
	RetryQuarantine(ctx context.Context, which QuarantineSelection, act Act) (int64, error)
	// Waive decides that rows may stay in quarantine, with a note in act.Reason: they are no longer counted as rejected. With
	// again they are counted again. It gives how many rows changed.
	Waive(ctx context.Context, which QuarantineSelection, act Act, again bool) (int64, error)
	// Rules lists every rule with its severity in force.
	Rules(ctx context.Context) ([]RuleView, error)
	// SetRule gives a rule another severity; the next run reads every row once.
	SetRule(ctx context.Context, rule, severity string, act Act) error
}

// StartOptions narrow a run.
type StartOptions struct {
	Reason   string
	Entities []string // source tables; none: all
	// Restart empties tables that a first load has left without keys, and begins it again. It fails with ErrStateChanged where
	// they have their keys.
	Restart bool
}

// Act is an action on a run, with the state that the operator saw: if the run is in another one by now, the action
// fails with ErrStateChanged and says which.
type Act struct {
	Run    RunID
	Seen   RunState // empty: whatever it is
	Reason string
}
