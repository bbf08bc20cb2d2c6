package enginedb

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"ferry/engine"
	"ferry/store/sqlstate"
)

// QuarantineFilter narrows a listing; empty fields do not.
type QuarantineFilter struct {
	Entity string
	Reason string
	Limit  int // rows at most; 0: all
}

// Quarantine hands on the rows that are in quarantine now, by entity, reason and id.
func (db *DB) Quarantine(ctx context.Context, f QuarantineFilter, each func(engine.QuarantineRow) error) error {
	return db.inTx(ctx, "listing quarantine", func(tx pgx.Tx) error {
		var limit *int
		if f.Limit > 0 {
			limit = &f.Limit
		}
		rows, err := tx.Query(ctx, `
			SELECT entity, source_id, state, reason, detail, sqlstate, parent_entity, parent_id, owner_id, stale, payload, attempts,
				first_seen, last_seen
			FROM ferry.quarantine
			WHERE state IN `+openStates+` AND ($1 = '' OR entity = $1) AND ($2 = '' OR reason = $2)
			ORDER BY entity, reason, source_id LIMIT $3`, f.Entity, f.Reason, limit)
		if err != nil {
			return err
		}
		defer rows.Close()
		for rows.Next() {
			var q engine.QuarantineRow
			var parent, owner *int64
			var first, last time.Time
			err := rows.Scan(&q.Entity, &q.ID, &q.State, &q.Reason, &q.Detail, &q.SQLState, &q.ParentEntity, &parent, &owner,
				&q.Stale, &q.Payload, &q.Attempts, &first, &last)
			if err != nil {
				return fmt.Errorf("reading a row: %w", err)
			}
			q.Parent, q.Owner, q.FirstSeen, q.LastSeen = maybe(parent), maybe(owner), first.UTC(), last.UTC()
			if err := each(q); err != nil {
				return err
			}
		}
		return sqlstate.Wrap(engine.SideTarget, "listing quarantine", rows.Err())
	})
}

func maybe(v *int64) engine.Maybe[int64] {
	if v == nil {
		return engine.Maybe[int64]{}
	}
	return engine.Known(*v)
}
