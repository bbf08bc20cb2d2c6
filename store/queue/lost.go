package queue

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/jackc/pgx/v5"

	"ferry/engine"
	"ferry/store/enginedb"
)

// presence counts who is at which batch in this process.
type presence struct {
	mu sync.Mutex
	at map[engine.BatchID]int
}

func (p *presence) enter(batch engine.BatchID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.at == nil {
		p.at = map[engine.BatchID]int{}
	}
	p.at[batch]++
}

func (p *presence) leave(batch engine.BatchID) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.at[batch]--
	if p.at[batch] == 0 {
		delete(p.at, batch)
	}
}

// Busy reports whether this process works on a batch at this moment.
func (q *Queue) Busy(batch engine.BatchID) bool {
	q.busy.mu.Lock()
	defer q.busy.mu.Unlock()
	return q.busy.at[batch] > 0
}

// Lost gives those of the jobs that will never be worked on. River itself notices after an hour: it gives a job to a
// process and waits for that to answer, whether it was killed before it took the batch up, or could not say how the
// attempt ended because the database was away for longer than River's few retries.
//
// A job that waits, for its turn or for its next try, is not lost. One that is out is not lost while the process that
// has it lives; this process knows better of its own, but for the moment between fetching a job and beginning with it.
func (q *Queue) Lost(ctx context.Context, tx pgx.Tx, jobs []enginedb.Job, here string, living []string) ([]enginedb.Job, error) {
	if len(jobs) == 0 {
		return nil, nil
	}
	batches := make([]int64, len(jobs))
	attempts := make([]int, len(jobs))
	for i, j := range jobs {
		batches[i], attempts[i] = int64(j.Batch), j.Attempt
	}
	others := slices.DeleteFunc(slices.Clone(living), func(id string) bool { return id == here })
	rows, err := tx.Query(ctx, `
		SELECT w.batch, w.attempt, coalesce(bool_or(
				j.state IN ('available', 'pending', 'retryable', 'scheduled') OR j.by = ANY($3) OR j.attempted_at > now() - interval '1 second'), false),
			coalesce(bool_or(j.state = 'running' AND j.by = $4), false)
		FROM unnest($1::bigint[], $2::integer[]) AS w (batch, attempt)
		LEFT JOIN LATERAL (
			SELECT state, attempted_at, attempted_by[array_upper(attempted_by, 1)] AS by FROM ferry.river_job
			WHERE kind = $5 AND state IN ('available', 'pending', 'retryable', 'running', 'scheduled')
				AND args @> jsonb_build_object('batch', w.batch, 'attempt', w.attempt)) j ON true
		GROUP BY 1, 2 ORDER BY 1`, batches, attempts, others, here, BatchArgs{}.Kind())
	if err != nil {
		return nil, fmt.Errorf("looking for lost jobs: %w", err)
	}
	var lost []enginedb.Job
	var job enginedb.Job
	var live, ours bool
	_, err = pgx.ForEachRow(rows, []any{&job.Batch, &job.Attempt, &live, &ours}, func() error {
		if !live && (!ours || !q.Busy(job.Batch)) {
			lost = append(lost, job)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("looking for lost jobs: %w", err)
	}
	return lost, nil
}
