package engine

import "time"

// RunSummary is one line of the history of runs.
type RunSummary struct {
	RunView

	Counts  Counts // of all its steps
	Errors  int64
	Batches int64 // done
}

// RunDetail is a run with everything that is kept about it.
type RunDetail struct {
	RunSummary

	Steps []StepView
	// Batches are the newest first, unfinished ones before all others; at most BatchesShown of BatchesTotal.
	Batches      []BatchView
	BatchesTotal int64
}

// BatchesShown bounds the batches of a RunDetail.
const BatchesShown = 1000

// BatchView is one batch of a run.
type BatchView struct {
	ID         BatchID
	Verb       StepVerb
	Entity     string
	Low, High  int64 // ids above Low up to and including High
	State      BatchState
	Attempt    int    // how often it was handed out
	Tries      int    // how often it failed
	Worker     string // "host:pid:…" of the process that has it, or had it last
	Counts     Counts
	Error      string // the last one, though a later attempt may have succeeded
	SQLState   string
	QueuedAt   time.Time
	StartedAt  time.Time // of the last attempt; zero: not begun
	FinishedAt time.Time // zero: not done
}
