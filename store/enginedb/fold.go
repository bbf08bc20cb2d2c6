package enginedb

import (
	"context"

	"github.com/jackc/pgx/v5"

	"ferry/engine"
)

// historyDays is how long a tick that nobody asked for is remembered.
const historyDays = 7

// foldIdle makes one line of history of a tick that found nothing and the idle one before it, and forgets ticks of long ago.
// The journal keeps no word of ticks that end well: nobody asked for them.
func foldIdle(ctx context.Context, tx pgx.Tx, run engine.RunID) error {
	before, err := runBefore(ctx, tx, run, engine.RunDone)
	if err != nil {
		return err
	}
	idle := before != 0
	for _, id := range []engine.RunID{run, before} {
		if idle {
			if idle, err = isIdle(ctx, tx, id); err != nil {
				return err
			}
		}
	}
	if idle {
		if err := fold(ctx, tx, before, run); err != nil {
			return err
		}
	}
	return expire(ctx, tx)
}

// isIdle reports whether nothing came of a run.
func isIdle(ctx context.Context, tx pgx.Tx, run engine.RunID) (bool, error) {
	var c engine.Counts
	var errs int64
	err := tx.QueryRow(ctx, `SELECT coalesce(sum(errors), 0), `+countSums()+` FROM ferry.step WHERE run_id = $1`, run).
		Scan(append([]any{&errs}, countValues(&c)...)...)
	return errs == 0 && c.Idle(), err
}

// runBefore gives the run before another among those that write, or among checks of its sort, if that was one which nobody
// asked for and is in the given state; else 0.
func runBefore(ctx context.Context, tx pgx.Tx, run engine.RunID, state engine.RunState) (engine.RunID, error) {
	rows, err := tx.Query(ctx, `SELECT id FROM (
			SELECT b.id, b.scheduled, b.state FROM ferry.run r JOIN ferry.run b ON b.id < r.id AND b.writes = r.writes
				AND (r.writes OR b.options->>'sort' = r.options->>'sort')
			WHERE r.id = $1 ORDER BY b.id DESC LIMIT 1) b
		WHERE scheduled AND state = $2`, run, string(state))
	if err != nil {
		return 0, err
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[engine.RunID])
	if err != nil || len(ids) == 0 {
		return 0, err
	}
	return ids[0], nil
}

// foldFailed makes one line of history of a tick that failed and of the one before it that failed alike. It gives false
// where the failure is news.
func foldFailed(ctx context.Context, tx pgx.Tx, run engine.RunID) (bool, error) {
	before, err := runBefore(ctx, tx, run, engine.RunFailed)
	if err != nil || before == 0 {
		return false, err
	}
	var alike bool
	err = tx.QueryRow(ctx, `SELECT r.scheduled AND r.error = b.error FROM ferry.run r, ferry.run b WHERE r.id = $1 AND b.id = $2`, run, before).Scan(&alike)
	if err != nil || !alike {
		return false, err
	}
	return true, fold(ctx, tx, before, run)
}

// fold adds an earlier run's line of history to a later one's.
func fold(ctx context.Context, tx pgx.Tx, before, run engine.RunID) error {
	_, err := tx.Exec(ctx, `
		UPDATE ferry.run r SET ticks = r.ticks + b.ticks, first_at = b.first_at FROM ferry.run b WHERE r.id = $1 AND b.id = $2`, run, before)
	if err != nil {
		return err
	}
	return forget(ctx, tx, []engine.RunID{before})
}

// forget takes runs out of history.
func forget(ctx context.Context, tx pgx.Tx, runs []engine.RunID) error {
	if len(runs) == 0 {
		return nil
	}
	for _, sql := range []string{
		`UPDATE ferry.lease SET run_id = NULL WHERE run_id = ANY($1)`,
		`DELETE FROM ferry.batch WHERE run_id = ANY($1)`,
		`DELETE FROM ferry.step WHERE run_id = ANY($1)`,
		`DELETE FROM ferry.check_entity WHERE run_id = ANY($1)`,
		`DELETE FROM ferry.run WHERE id = ANY($1)`,
	} {
		if _, err := tx.Exec(ctx, sql, runs); err != nil {
			return err
		}
	}
	return nil
}

// expire forgets ticks of long ago, a few at a time.
func expire(ctx context.Context, tx pgx.Tx) error {
	rows, err := tx.Query(ctx, `SELECT id FROM ferry.run WHERE scheduled AND finished_at < clock_timestamp() - make_interval(days => $1)
		AND state IN ('done', 'failed') ORDER BY id LIMIT 20`, historyDays)
	if err != nil {
		return err
	}
	old, err := pgx.CollectRows(rows, pgx.RowTo[engine.RunID])
	if err != nil {
		return err
	}
	return forget(ctx, tx, old)
}
