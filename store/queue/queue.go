// Package queue hands batches to workers through River, whose tables live beside ours in schema ferry.
//
// A job carries a batch's number and attempt and nothing else; everything that matters is read from the batch itself
// under its fence. So a job that runs twice, late, or after its run was cancelled is harmless: it is refused. The job is
// completed in the batch's own transaction; what River does beyond that (waking workers, retrying, choosing a leader)
// may be lost at any moment without losing a row.
package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertype"

	"ferry/engine"
	"ferry/engine/cycle"
	"ferry/store/enginedb"
	"ferry/store/migrations"
)

// maxAttempts is how often a batch is tried; what waiting cannot cure ends its run long before.
const maxAttempts = 10_000

// Queue is River on the engine database.
type Queue struct {
	db     *enginedb.DB
	insert *river.Client[pgx.Tx]
	logger *slog.Logger

	mu      sync.Mutex
	working *river.Client[pgx.Tx]
	leaving chan struct{} // closed when working is told to stop

	busy presence
}

var _ enginedb.Queue = (*Queue)(nil)

// New prepares the queue for putting jobs in; Start begins to work on them.
func New(db *enginedb.DB, logger *slog.Logger) (*Queue, error) {
	insert, err := river.NewClient(riverpgxv5.New(db.Pool()), &river.Config{
		Schema: migrations.Schema, Logger: logger,
		// River wakes workers at most once in this time; a batch whose wake-up is swallowed waits for the next poll.
		FetchCooldown: river.FetchCooldownMin,
	})
	if err != nil {
		return nil, fmt.Errorf("preparing the queue: %w", err)
	}
	q := &Queue{db: db, insert: insert, logger: logger}
	db.SetQueue(q)
	return q, nil
}

// BatchArgs is a job: one attempt at one batch.
type BatchArgs struct {
	Batch   engine.BatchID `json:"batch"`
	Attempt int            `json:"attempt"`
}

// Kind names the job to River.
func (BatchArgs) Kind() string { return "ferry_batch" }

// Enqueue puts batches in the queue when the transaction commits.
func (q *Queue) Enqueue(ctx context.Context, tx pgx.Tx, jobs []enginedb.Job) error {
	params := make([]river.InsertManyParams, len(jobs))
	for i, j := range jobs {
		params[i] = river.InsertManyParams{
			Args:       BatchArgs{Batch: j.Batch, Attempt: j.Attempt},
			InsertOpts: &river.InsertOpts{MaxAttempts: maxAttempts, Priority: 1 + j.Behind},
		}
		if j.After > 0 {
			params[i].InsertOpts.ScheduledAt = time.Now().Add(j.After)
		}
	}
	put, err := q.insert.InsertManyTx(ctx, tx, params)
	if err != nil {
		return fmt.Errorf("putting batches in the queue: %w", err)
	}
	return hold(ctx, tx, jobs, put)
}

// hold has jobs that are to come later wait where workers look for them: River would look only every five seconds whether
// their time has come. The time is told by the engine's clock, as workers ask it.
func hold(ctx context.Context, tx pgx.Tx, jobs []enginedb.Job, put []*rivertype.JobInsertResult) error {
	for i, j := range jobs {
		if j.After <= 0 {
			continue
		}
		_, err := tx.Exec(ctx, `UPDATE ferry.river_job SET state = 'available', scheduled_at = clock_timestamp() + $2::interval
			WHERE id = $1 AND state = 'scheduled'`, put[i].Job.ID, j.After)
		if err != nil {
			return fmt.Errorf("scheduling a batch: %w", err)
		}
	}
	return nil
}

// Start begins to work on batches with the given number of workers. Starting twice is harmless.
func (q *Queue) Start(ctx context.Context, executor *cycle.Executor, workers int) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.working != nil || workers == 0 {
		return nil
	}
	bundle := river.NewWorkers()
	leaving := make(chan struct{})
	river.AddWorker(bundle, &batchWorker{queue: q, executor: executor, leaving: leaving})
	pace := &backoff{}
	client, err := river.NewClient(riverpgxv5.New(q.db.Pool()), &river.Config{
		ID:                          executor.Process.ID,
		Schema:                      migrations.Schema,
		Queues:                      map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: workers}},
		Workers:                     bundle,
		Logger:                      q.logger,
		FetchCooldown:               5 * time.Millisecond,
		FetchPollInterval:           100 * time.Millisecond,
		JobTimeout:                  -1, // a batch bounds its transactions itself; building an index may take long
		RetryPolicy:                 pace,
		ErrorHandler:                pace,
		RescueStuckJobsAfter:        time.Hour, // ours is faster, see enginedb.TakeOver
		CompletedJobRetentionPeriod: time.Hour,
	})
	if err != nil {
		return fmt.Errorf("preparing workers: %w", err)
	}
	if err := client.Start(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("starting workers: %w", err)
	}
	q.working, q.leaving = client, leaving
	return nil
}

// Stop lets running batches end and stops. When ctx ends first, they are cancelled: safe, for a transaction that did not
// commit did nothing. Stopping twice is harmless.
func (q *Queue) Stop(ctx context.Context) error {
	q.mu.Lock()
	client, leaving := q.working, q.leaving
	q.working, q.leaving = nil, nil
	q.mu.Unlock()
	if client == nil {
		return nil
	}
	close(leaving)
	err := client.Stop(ctx)
	switch {
	case err == nil:
		return nil
	case ctx.Err() == nil:
		return fmt.Errorf("draining workers: %w", err)
	}
	hard, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := client.StopAndCancel(hard); err != nil {
		return fmt.Errorf("stopping workers: %w", err)
	}
	return nil
}

type batchWorker struct {
	river.WorkerDefaults[BatchArgs]

	queue    *Queue
	executor *cycle.Executor
	leaving  chan struct{}
}

// unfitPause is how long a worker that had to leave a batch to others takes no other: they are likely of the same run,
// and whoever is fit for them should come first.
const unfitPause = 5 * time.Second

// Work carries out one attempt at a batch.
func (w *batchWorker) Work(ctx context.Context, job *river.Job[BatchArgs]) error {
	err := w.execute(ctx, job)
	switch {
	case errors.Is(err, cycle.ErrFinal):
		return river.JobCancel(err) //nolint:wrapcheck // River looks for its own error
	case errors.Is(err, cycle.ErrUnfit):
		w.queue.logger.WarnContext(ctx, "batch left to others", "batch", job.Args.Batch, "why", err)
		select {
		case <-w.leaving:
		case <-ctx.Done():
		case <-time.After(unfitPause):
		}
		return nil
	}
	return err
}

func (w *batchWorker) execute(ctx context.Context, job *river.Job[BatchArgs]) error {
	w.queue.busy.enter(job.Args.Batch)
	defer w.queue.busy.leave(job.Args.Batch)
	target := w.queue.db.TargetFor(func(ctx context.Context, tx pgx.Tx) error { return completeJob(ctx, tx, job) })
	return w.executor.Execute(ctx, target, job.Args.Batch, job.Args.Attempt)
}

// completeJob marks the job as done in the batch's transaction. River completes a rescued job's other attempt too, and
// says nothing of one that was cancelled: so its answer is looked at.
func completeJob(ctx context.Context, tx pgx.Tx, job *river.Job[BatchArgs]) error {
	done, err := river.JobCompleteTx[*riverpgxv5.Driver](ctx, tx, job)
	if errors.Is(err, rivertype.ErrNotFound) {
		return fmt.Errorf("%w: its job %d is gone", engine.ErrFenced, job.ID)
	}
	if err != nil {
		return fmt.Errorf("completing job %d: %w", job.ID, err)
	}
	if done.State != rivertype.JobStateCompleted || done.Attempt != job.Attempt {
		return fmt.Errorf("%w: its job is %s at attempt %d, this is attempt %d", engine.ErrFenced, done.State, done.Attempt, job.Attempt)
	}
	return nil
}
