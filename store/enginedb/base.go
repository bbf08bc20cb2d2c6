package enginedb

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/jackc/pgx/v5"

	"ferry/engine/cycle"
	"ferry/engine/entity"
)

// readBases reads what the cycles before have left of each entity.
func readBases(ctx context.Context, tx pgx.Tx, w cycle.Work) (map[string]cycle.Base, error) {
	out := map[string]cycle.Base{}
	for _, e := range entity.All() {
		var b cycle.Base
		var columns []byte
		err := tx.QueryRow(ctx, `SELECT
				coalesce((SELECT paused_by FROM ferry.entity_pause WHERE entity = $1), ''),
				s.swept_at IS NULL OR s.swept_at < clock_timestamp() - $2::interval, s.columns
			FROM (SELECT 1) one LEFT JOIN ferry.entity_state s ON s.entity = $1`, e.Name, w.Policies.SweepEvery).Scan(&b.PausedBy, &b.SweepDue, &columns)
		if err != nil {
			return nil, err
		}
		if columns != nil {
			if err := json.Unmarshal(columns, &b.Columns); err != nil {
				return nil, err
			}
		}
		if err := readFloors(ctx, tx, e, &b); err != nil {
			return nil, err
		}
		out[e.Name] = b
	}
	return out, nil
}

// rewind is how far back a cycle reads when another server process answers than the one that the floor is of.
const rewind = `interval '10 minutes'`

// readFloors reads the newest floor of an entity, and one of some minutes before under the same circumstances, or the oldest
// that there is. A floor after which lower ones were taken is of a time that the source does not know any more, for it was
// set back since: its transaction ids may have been given again, or not yet.
func readFloors(ctx context.Context, tx pgx.Tx, e *entity.Entity, b *cycle.Base) error {
	err := tx.QueryRow(ctx, `WITH all_floors AS (
			SELECT run_id, floor, rules_hash, source_identity, next_xid, timeline, incarnation, shape, read_from,
				min(floor::text::numeric) OVER (ORDER BY run_id DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS lowest_since
			FROM ferry.floor WHERE entity = $1)
		SELECT f.floor::text, f.rules_hash, f.source_identity, coalesce(f.next_xid, f.floor)::text, f.timeline,
			f.incarnation, f.shape, coalesce((
			SELECT o.floor::text FROM all_floors o
			WHERE o.run_id < f.run_id AND o.rules_hash = f.rules_hash AND o.source_identity = f.source_identity
				AND o.timeline = f.timeline AND o.shape = f.shape
				AND o.lowest_since >= o.floor::text::numeric
			ORDER BY o.read_from <= clock_timestamp() - `+rewind+` DESC,
				CASE WHEN o.read_from <= clock_timestamp() - `+rewind+` THEN o.read_from END DESC, o.read_from LIMIT 1), '')
		FROM all_floors f ORDER BY f.run_id DESC LIMIT 1`, e.Name).
		Scan(&b.Floor, &b.RulesHash, &b.Identity, &b.Next, &b.Timeline, &b.Incarnation, &b.Shape, &b.Earlier)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	return err
}
