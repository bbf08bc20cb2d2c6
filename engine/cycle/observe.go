package cycle

import (
	"time"

	"ferry/engine"
)

// Committed is a batch of which this process knows that it is durable.
type Committed struct {
	Kind engine.RunKind
	Verb engine.StepVerb
	Took time.Duration // from its beginning up to its commit
	// Rows are its counts by entity. A small tick has those of every entity, other batches those of one; of some rows fewer are
	// counted than before: a first load takes cards out again that it has counted as inserted.
	Rows map[string]engine.Counts
}

// Observer is told what this process has done. It is called behind a commit, never within a transaction, by several
// goroutines at once, and must not block. Whoever dies between a commit and the call has done what nobody is told of: the
// durable counts are those of the run.
type Observer interface {
	// Committed is told of a batch that is durable.
	Committed(b Committed)
	// Failed is told of an attempt that failed, once its error counts as one of the run. The entity of a plan is empty.
	Failed(verb engine.StepVerb, entity string)
}

// Unobserved is an Observer to which nothing matters.
type Unobserved struct{}

// Committed does nothing.
func (Unobserved) Committed(Committed) {}

// Failed does nothing.
func (Unobserved) Failed(engine.StepVerb, string) {}
