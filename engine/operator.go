package engine

import "context"

// Operator is the one door through which a console or a command acts. Its methods may take as long as a database takes
// and must not be called from a terminal's event loop; Snapshot never blocks.
type Operator interface {
	// Snapshot is the latest state; never nil.
	Snapshot() *Snapshot
	// Init makes or migrates the engine tables and ferry's schema. It is idempotent.
	Init(ctx context.Context) error
	// StartFull begins a full run. It fails with ErrRunActive while another writing run is active.
	StartFull(ctx context.Context, o StartOptions) (RunID, error)
	// Pause asks a run to stop carving batches; it is paused once those in flight have ended.
	Pause(ctx context.Context, act Act) error
	// Resume lets a run carve batches again; it also continues a cancelled, failed or interrupted run.
	Resume(ctx context.Context, act Act) error
	// Cancel ends a run; batches that did not yet begin to commit are refused.
	Cancel(ctx context.Context, act Act) error
	// RetryBatch hands a batch out again at once; if its run failed, the run is resumed with it.
	RetryBatch(ctx context.Context, act Act, batch BatchID) error
	// Preflight looks at every precondition. With forecast it also reads the source and says what the rules would reject.
	Preflight(ctx context.Context, forecast bool) (Preflight, error)
	// Runs lists runs before the given one, newest first; 0 begins with the newest.
	Runs(ctx context.Context, before RunID, limit int) ([]RunSummary, error)
	// RunDetail gives a run with its steps and batches. It fails with ErrNoSuchRun.
	RunDetail(ctx context.Context, id RunID) (*RunDetail, error)
}

// StartOptions narrow a run.
type StartOptions struct {
	Reason string
}

// Act is an action on a run, with the state that the operator saw: if the run is in another one by now, the action
// fails with ErrStateChanged and says which.
type Act struct {
	Run    RunID
	Seen   RunState // empty: whatever it is
	Reason string
}
