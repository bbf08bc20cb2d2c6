package enginedb

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"ferry/engine"
)

// Heartbeat says that a process is alive. Call it every two seconds; after SilentAfter others take its batches over.
func (db *DB) Heartbeat(ctx context.Context, p engine.Process, version string) error {
	return db.inTx(ctx, "saying that this process is alive", func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO ferry.worker (id, host, pid, workers, version) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (id) DO UPDATE SET seen_at = clock_timestamp(), workers = EXCLUDED.workers`,
			p.ID, p.Host, p.PID, p.Workers, version)
		return err
	})
}

// Leave says that a process ends in good order: it holds no batch any more.
func (db *DB) Leave(ctx context.Context, p engine.Process) error {
	return db.inTx(ctx, "signing off", func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `DELETE FROM ferry.worker WHERE id = $1`, p.ID)
		return err
	})
}

// TakeOver hands the batches of silent workers to whoever comes next, and forgets workers that have been silent for an
// hour. It gives how many batches were handed on.
func (db *DB) TakeOver(ctx context.Context) (int, error) {
	handed := 0
	err := db.inTx(ctx, "taking over from silent workers", func(tx pgx.Tx) error {
		rows, err := tx.Query(ctx, `SELECT DISTINCT b.run_id FROM ferry.batch b JOIN ferry.run r ON r.id = b.run_id
			WHERE b.state = 'running' AND r.state = ANY($1)`, activeStates())
		if err != nil {
			return err
		}
		runs, err := pgx.CollectRows(rows, pgx.RowTo[engine.RunID])
		if err != nil {
			return err
		}
		for _, run := range runs {
			n, err := db.requeue(ctx, tx, run, SilentAfter)
			if err != nil {
				return err
			}
			handed += n
			if n > 0 {
				err := record(ctx, tx, entry{Action: "take over", Run: run, Outcome: fmt.Sprintf("%d batches of silent workers", n)})
				if err != nil {
					return err
				}
			}
		}
		_, err = tx.Exec(ctx, `DELETE FROM ferry.worker WHERE seen_at < clock_timestamp() - interval '1 hour'`)
		return err
	})
	return handed, err
}
