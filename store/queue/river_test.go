package queue

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/riverqueue/river/rivertype"
	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/store/embedded/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }

// failing is a worker that meets a full disk at a batch's attempt 1, and a session that ended at every other.
type failing struct {
	river.WorkerDefaults[BatchArgs]
}

func (failing) Work(_ context.Context, job *river.Job[BatchArgs]) error {
	if job.Args.Attempt == 1 {
		return classed(engine.ClassSlowRetry)
	}
	return classed(engine.ClassReconnect)
}

// River asks for the next attempt only after it has told of the error: the whole of backoff rests on that.
func TestRiverWaitsLongerAfterAFullDisk(t *testing.T) {
	t.Parallel()
	pool := pgtest.New(t).Pool(t)
	migrator, err := rivermigrate.New(riverpgxv5.New(pool), &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	_, err = migrator.Migrate(t.Context(), rivermigrate.DirectionUp, nil)
	require.NoError(t, err)

	pace := &backoff{}
	workers := river.NewWorkers()
	river.AddWorker(workers, &failing{})
	client, err := river.NewClient(riverpgxv5.New(pool), &river.Config{
		Queues: map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: 2}}, Workers: workers,
		Logger: slog.New(slog.DiscardHandler), RetryPolicy: pace, ErrorHandler: pace,
	})
	require.NoError(t, err)
	failed, unsubscribe := client.Subscribe(river.EventKindJobFailed)
	defer unsubscribe()
	require.NoError(t, client.Start(t.Context()))
	t.Cleanup(func() { require.NoError(t, client.Stop(context.WithoutCancel(t.Context()))) })

	// The slow one first: it does not come back while the other is looked at.
	require.Greater(t, untilRetry(t, client, failed, 1), 3*time.Second)
	require.Less(t, untilRetry(t, client, failed, 2), time.Second)
}

// untilRetry puts a job in and gives how long, once it has failed, it has to wait.
func untilRetry(t *testing.T, client *river.Client[pgx.Tx], failed <-chan *river.Event, attempt int) time.Duration {
	t.Helper()
	put, err := client.Insert(t.Context(), BatchArgs{Batch: 1, Attempt: attempt}, nil)
	require.NoError(t, err)
	job := (<-failed).Job
	require.Equal(t, put.Job.ID, job.ID)
	require.NotEqual(t, rivertype.JobStateCancelled, job.State)
	return time.Until(job.ScheduledAt)
}
