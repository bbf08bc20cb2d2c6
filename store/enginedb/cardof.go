package enginedb

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"ferry/engine"
	"ferry/engine/check"
	"ferry/engine/entity"
	"ferry/store/sqlstate"
)

var _ check.RowOwner = (*DB)(nil)

// CardOfRow gives the card that a row belongs to: as the engine has it, else as quarantine last saw it.
func (db *DB) CardOfRow(ctx context.Context, e *entity.Entity, row int64) (card int64, err error) {
	for _, p := range e.Parents {
		if p.Entity != entity.Card.Name {
			continue
		}
		err = db.pool.QueryRow(ctx, `SELECT id FROM (
			SELECT 1 AS place, `+ident(e.Columns[p.Column].Target)+` AS id FROM `+public(e)+` WHERE `+ident(e.OdooID)+` = $1
			UNION ALL SELECT 2, parent_id FROM ferry.quarantine
				WHERE entity = $2 AND source_id = $1 AND parent_entity = $3 AND parent_id IS NOT NULL
		) known ORDER BY place LIMIT 1`, row, e.Name, p.Entity).Scan(&card)
		if errors.Is(err, pgx.ErrNoRows) {
			return 0, nil
		}
		return card, sqlstate.Wrap(engine.SideTarget, "looking for the card of a row", err)
	}
	return 0, nil
}
