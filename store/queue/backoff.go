package queue

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"ferry/engine"
)

// maxBackoff bounds the wait before a batch is tried again: a minute of it would already break the service level.
const maxBackoff = 15 * time.Second

// The waits after a first failure; each further one doubles them up to maxBackoff. What is jittered away is at most half.
const (
	firstBackoff     = 200 * time.Millisecond
	firstSlowBackoff = 10 * time.Second // a full disk is not emptied in a second, and each try writes to it
)

// backoff waits a little longer after every failure, with jitter so that batches that failed together do not return
// together. River tells it of an error and then asks for the time of the next attempt, without the error: so it keeps in
// between which jobs met one that wants a slow retry.
type backoff struct {
	mu   sync.Mutex
	slow map[int64]bool // by job
}

var (
	_ river.ErrorHandler      = (*backoff)(nil)
	_ river.ClientRetryPolicy = (*backoff)(nil)
)

// HandleError takes note of an attempt's error.
func (b *backoff) HandleError(_ context.Context, job *rivertype.JobRow, err error) *river.ErrorHandlerResult {
	if engine.ClassOf(err) != engine.ClassSlowRetry {
		return nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.slow == nil {
		b.slow = map[int64]bool{}
	}
	b.slow[job.ID] = true
	return nil
}

// HandlePanic leaves a panic to River, which keeps it as the attempt's error.
func (b *backoff) HandlePanic(context.Context, *rivertype.JobRow, any, string) *river.ErrorHandlerResult {
	return nil
}

// NextRetry gives the time of the next attempt.
func (b *backoff) NextRetry(job *rivertype.JobRow) time.Time {
	b.mu.Lock()
	slow := b.slow[job.ID]
	delete(b.slow, job.ID)
	b.mu.Unlock()
	return time.Now().Add(wait(len(job.Errors), slow))
}

// wait is how long to wait after some failures and one more.
func wait(failures int, slow bool) time.Duration {
	first := firstBackoff
	if slow {
		first = firstSlowBackoff
	}
	full := min(first<<min(failures, 7), maxBackoff)
	return full/2 + rand.N(full/2) //nolint:gosec // jitter needs no secrecy
}
