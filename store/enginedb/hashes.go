package enginedb

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"ferry/engine/cycle"
	"ferry/engine/entity"
	"ferry/store/digest"
	"ferry/store/sqlstate"
)

// Hashes gives the engine's rows of a range by the hashes of their content, in id order.
func (l *load) Hashes(ctx context.Context, e *entity.Entity, low, high int64) ([]cycle.RowHash, error) {
	query, err := digest.EngineRows(e, ownedBy(e, "t"), low, high)
	if err != nil {
		return nil, fmt.Errorf("hashing rows of %s: %w", e.Target, err)
	}
	out, err := digest.CopyRows(ctx, l.conn.Conn().PgConn(), query)
	return out, wrapAt(sqlstate.PhaseRead, "hashing rows of "+e.Target, err)
}

// Sum sums up the hashes of the engine's rows of a range, but for some.
func (l *load) Sum(ctx context.Context, e *entity.Entity, low, high int64, but []int64) (cycle.RangeSum, error) {
	out, err := digest.SumOfEngine(ctx, l.tx, e, ownedBy(e, "t"), low, high, but)
	return out, wrapAt(sqlstate.PhaseRead, "summing up hashes of "+e.Target, err)
}

// storedAlike reports whether all rows of a step's entity were judged and stored as the step's run does it: since the last run
// that has read every one of them and come to its end, all runs that write went by the same rules and read the same source in
// the same shape. A row that such a run has stored, and that is equal to the source's now, would be stored by this one, too.
func storedAlike(ctx context.Context, tx pgx.Tx, w cycle.Work) (bool, error) {
	var alike bool
	err := tx.QueryRow(ctx, `
		WITH mine AS (
			SELECT r.rules_hash, r.source_identity, s.shape FROM ferry.run r JOIN ferry.step s ON s.run_id = r.id
			WHERE r.id = $1 AND s.entity = $2 AND s.verb = 'load'),
		whole AS (
			SELECT max(r.id) AS id FROM ferry.run r JOIN ferry.step s ON s.run_id = r.id
			WHERE r.id < $1 AND r.writes AND r.state = 'done' AND s.entity = $2 AND s.verb = 'load' AND s.since IS NULL)
		SELECT whole.id IS NOT NULL AND NOT EXISTS (
			SELECT FROM ferry.run r LEFT JOIN ferry.step s ON s.run_id = r.id AND s.entity = $2 AND s.verb = 'load'
			WHERE r.id >= whole.id AND r.id < $1 AND r.writes
				AND (r.rules_hash, r.source_identity, coalesce(s.shape, mine.shape)) IS DISTINCT FROM (mine.rules_hash, mine.source_identity, mine.shape))
		FROM mine, whole`, w.Run, w.Entity).Scan(&alike)
	return alike, err
}
