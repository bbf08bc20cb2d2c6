package queue

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/riverqueue/river/rivertype"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ferry/engine"
)

// jobAfter is a job as River hands it over: with the errors of the attempts before the one that has just failed.
func jobAfter(id int64, failures int) *rivertype.JobRow {
	return &rivertype.JobRow{ID: id, Errors: make([]rivertype.AttemptError, failures)}
}

func classed(class engine.ErrorClass) error {
	return fmt.Errorf("batch 7: %w", &engine.DatabaseError{Side: engine.SideTarget, Class: class, Err: errors.New("refused")})
}

// next gives how long after a moment a job that met an error would be tried again.
func next(t *testing.T, b *backoff, job *rivertype.JobRow, err error) (atLeast, atMost time.Duration) {
	t.Helper()
	before := time.Now()
	require.Nil(t, b.HandleError(t.Context(), job, err), "River shall not cancel the job")
	at := b.NextRetry(job)
	return time.Until(at), at.Sub(before)
}

func TestAWaitIsBoundedAndGrowsWithTheFailures(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		failures, slow := rapid.IntRange(0, 10_000).Draw(t, "failures"), rapid.Bool().Draw(t, "slow")
		first := 200 * time.Millisecond
		if slow {
			first = 10 * time.Second
		}
		longest := first
		for range failures {
			if longest = 2 * longest; longest >= 15*time.Second {
				break
			}
		}
		longest = min(longest, 15*time.Second)
		got := wait(failures, slow)
		require.GreaterOrEqual(t, got, longest/2)
		require.Less(t, got, longest)
		if slow {
			require.GreaterOrEqual(t, got, 5*time.Second)
		}
		// All that may be waited after two failures more is longer than all that may be waited now, until the bound.
		if longest < 15*time.Second/4 {
			require.Greater(t, wait(failures+2, slow), got)
		}
	})
}

func TestAFullDiskIsTriedLessOftenThanALostSession(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		failures := rapid.IntRange(0, 20).Draw(t, "failures")
		var lost, full time.Duration
		for range 200 {
			lost, full = lost+wait(failures, false), full+wait(failures, true)
		}
		switch {
		case failures < 6:
			require.Greater(t, full, 3*lost/2)
		case failures == 6: // 12.8 s and 15 s
			require.Greater(t, full, lost)
		default:
			require.InEpsilon(t, float64(full), float64(lost), 0.2, "both are at the bound")
		}
	})
}

func TestBatchesThatFailedTogetherDoNotReturnTogether(t *testing.T) {
	t.Parallel()
	for _, slow := range []bool{false, true} {
		for failures := range 12 {
			waits := map[time.Duration]bool{}
			for range 100 {
				waits[wait(failures, slow)] = true
			}
			require.Greater(t, len(waits), 95, "%d failures", failures)
		}
	}
}

func TestTheErrorDecidesHowLongIsWaited(t *testing.T) {
	t.Parallel()
	b := &backoff{}
	for _, class := range []engine.ErrorClass{engine.ClassRetry, engine.ClassReconnect, engine.ClassStop} {
		_, atMost := next(t, b, jobAfter(1, 0), classed(class))
		require.Less(t, atMost, time.Second, class)
	}
	_, atMost := next(t, b, jobAfter(1, 2), errors.New("of no class"))
	require.Less(t, atMost, time.Second)
	atLeast, _ := next(t, b, jobAfter(1, 5), classed(engine.ClassReconnect))
	require.Greater(t, atLeast, 3*time.Second)
	atLeast, _ = next(t, b, jobAfter(1, 0), classed(engine.ClassSlowRetry))
	require.Greater(t, atLeast, 4*time.Second)
	require.Empty(t, b.slow, "what was asked for is forgotten")
}

func TestAnErrorIsItsOwnJobsAffair(t *testing.T) {
	t.Parallel()
	b := &backoff{}
	b.HandleError(t.Context(), jobAfter(1, 0), classed(engine.ClassSlowRetry))
	_, atMost := next(t, b, jobAfter(2, 0), classed(engine.ClassReconnect))
	require.Less(t, atMost, time.Second)
	require.Greater(t, time.Until(b.NextRetry(jobAfter(1, 0))), 4*time.Second)
	require.Less(t, time.Until(b.NextRetry(jobAfter(1, 0))), time.Second, "only once")
	require.Nil(t, b.HandlePanic(t.Context(), jobAfter(1, 0), "at the disco", ""))
}
