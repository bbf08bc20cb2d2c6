package enginedb

import (
	"context"

	"github.com/jackc/pgx/v5"

	"ferry/engine/entity"
)

// skip goes on to the next id that there is anything to do about. Above the source's highest id of the planning snapshot, that is
// what the engine knows: a row far away from all others must not cost batches of nothing in between. What the source writes there
// meanwhile is the next cycle's. The last batch is always carved: with it the step ends.
func skip(ctx context.Context, tx pgx.Tx, s *step) error {
	if s.High-s.Carved <= s.Width {
		return nil
	}
	var beyond *int64
	if err := tx.QueryRow(ctx, `SELECT source_high FROM ferry.step WHERE id = $1`, s.ID).Scan(&beyond); err != nil {
		return err
	}
	if beyond == nil || s.Carved < *beyond {
		return nil
	}
	e, err := entity.Lookup(s.Entity)
	if err != nil {
		return err
	}
	var next *int64
	err = tx.QueryRow(ctx, `SELECT least(
			(SELECT `+ident(e.OdooID)+` FROM `+public(e)+` WHERE `+ident(e.OdooID)+` > $2 ORDER BY 1 LIMIT 1),
			(SELECT source_id FROM ferry.quarantine WHERE entity = $1 AND source_id > $2 AND state IN `+openStates+` ORDER BY 1 LIMIT 1),
			(SELECT id FROM ferry.extra WHERE entity = $1 AND id > $2 ORDER BY 1 LIMIT 1))`, e.Name, s.Carved).Scan(&next)
	if err != nil {
		return err
	}
	if next == nil || *next > s.High {
		s.Carved = s.High - 1
		return nil
	}
	s.Carved = *next - 1
	return nil
}
