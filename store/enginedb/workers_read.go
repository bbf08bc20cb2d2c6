package enginedb

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"ferry/engine"
)

// rateWindow is how far back the rate of a process looks: some batches, which take about a second each.
const rateWindow = 15 * time.Second

// readWorkers reads which processes are alive, what they hold, and what they have lately read: of the runs that are active, the
// rows of batches that ended within the window, or since the run began if that is shorter.
func readWorkers(ctx context.Context, tx pgx.Tx, s *engine.Snapshot) error {
	rows, err := tx.Query(ctx, `
		WITH lately AS (
			SELECT b.worker, sum(b.read) / extract(epoch FROM greatest(interval '1 second',
				least($2::interval, clock_timestamp() - min(coalesce(r.started_at, r.created_at)))))::float8 AS rate
			FROM ferry.run r JOIN ferry.batch b ON b.run_id = r.id
			WHERE r.state = ANY($1) AND b.state = 'done' AND b.finished_at > clock_timestamp() - $2::interval GROUP BY b.worker)
		SELECT w.id, w.host, w.pid, w.workers, clock_timestamp() - w.seen_at,
			(SELECT count(*) FROM ferry.batch b WHERE b.worker = w.id AND b.state = 'running'), l.rate
		FROM ferry.worker w LEFT JOIN lately l ON l.worker = w.id AND l.rate > 0
		WHERE w.seen_at > clock_timestamp() - interval '5 minutes' ORDER BY w.started_at, w.id`, activeStates(), rateWindow)
	if err != nil {
		return err
	}
	s.Workers, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (engine.WorkerView, error) {
		var v engine.WorkerView
		var rate *float64
		err := row.Scan(&v.ID, &v.Host, &v.PID, &v.Workers, &v.Silent, &v.Busy, &rate)
		if rate != nil {
			v.RowsPerSecond = engine.Known(*rate)
		}
		return v, err
	})
	return err
}

// readQueue counts the batches that wait or are worked on.
func readQueue(ctx context.Context, tx pgx.Tx, s *engine.Snapshot) error {
	return tx.QueryRow(ctx, `SELECT count(*) FILTER (WHERE b.state = 'queued'), count(*) FILTER (WHERE b.state = 'running')
		FROM ferry.batch b JOIN ferry.run r ON r.id = b.run_id WHERE b.state IN ('queued', 'running') AND r.state = ANY($1)`,
		activeStates()).Scan(&s.Queue.Waiting, &s.Queue.Running)
}
