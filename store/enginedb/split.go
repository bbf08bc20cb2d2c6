package enginedb

import (
	"context"

	"github.com/jackc/pgx/v5"

	"ferry/engine/cycle"
)

// Split cuts a batch in two and hands both out anew. The next batches of its step are carved as narrow as the halves.
func (t *Target) Split(ctx context.Context, w cycle.Work) error {
	return t.db.inTx(ctx, "cutting a batch in two", func(tx pgx.Tx) error {
		if err := fence(ctx, tx, w); err != nil {
			return err
		}
		middle := w.Low + (w.High-w.Low)/2
		tag, err := tx.Exec(ctx, `UPDATE ferry.batch SET high = $3, sqlstate = '' WHERE id = $1 AND attempt = $2 AND state = 'running'`,
			w.Batch, w.Attempt, middle)
		if err != nil || tag.RowsAffected() == 0 {
			return err // handed to somebody else meanwhile
		}
		upper := Job{Attempt: 1}
		var step int64
		err = tx.QueryRow(ctx, `INSERT INTO ferry.batch (run_id, step_id, low, high) SELECT run_id, step_id, $2, $3 FROM ferry.batch WHERE id = $1
			RETURNING id, step_id`, w.Batch, middle, w.High).Scan(&upper.Batch, &step)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `UPDATE ferry.step SET open = open + 1, width = greatest(1, least(width, $2)) WHERE id = $1`, step, middle-w.Low)
		if err != nil {
			return err
		}
		if err := t.db.queue.Enqueue(ctx, tx, []Job{upper}); err != nil {
			return err
		}
		_, err = t.db.handOn(ctx, tx, []Job{{Batch: w.Batch, Attempt: w.Attempt}})
		if err != nil {
			return err
		}
		return t.complete(ctx, tx)
	})
}

// Ask stops the run until an operator answers; its batch waits for the answer without a job.
func (l *load) Ask(ctx context.Context, question string) error {
	_, err := l.tx.Exec(ctx, `UPDATE ferry.batch SET state = 'queued', worker = '', attempt = attempt + 1 WHERE id = $1 AND attempt = $2 AND state = 'running'`,
		l.w.Batch, l.w.Attempt)
	if err != nil {
		return wrap("asking", err)
	}
	if err := askQuestion(ctx, l.tx, l.w.Run, askedSource, question); err != nil {
		return wrap("asking", err)
	}
	return wrap("completing the batch's job", l.target.complete(ctx, l.tx))
}
