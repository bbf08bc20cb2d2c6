package odoo

import (
	"context"

	"github.com/jackc/pgx/v5"

	"ferry/engine"
	"ferry/engine/check"
	"ferry/engine/cycle"
	"ferry/engine/entity"
	"ferry/store/digest"
	"ferry/store/sqlstate"
)

var (
	_ check.Source         = (*DB)(nil)
	_ check.SourceSnapshot = (*Snapshot)(nil)
)

// Look begins a transaction for a look at the source. Close it soon: see MaxTransaction.
func (db *DB) Look(ctx context.Context) (check.SourceSnapshot, error) { return db.begin(ctx) }

// Cells gives the cells of a grid that hold a row.
func (s *Snapshot) Cells(ctx context.Context, e *entity.Entity, width int64) ([]int64, error) {
	rows, err := s.tx.Query(ctx, digest.Cells(table(e), "id", "true", width))
	if err != nil {
		return nil, sqlstate.Wrap(engine.SideSource, "looking where "+e.Name+" has rows", s.withHolders(ctx, e, err))
	}
	lows, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	return lows, sqlstate.Wrap(engine.SideSource, "looking where "+e.Name+" has rows", s.withHolders(ctx, e, err))
}

// Digests sums up the rows with ids above low up to high by chunks of width ids, but for those of the excluded ids.
func (s *Snapshot) Digests(ctx context.Context, e *entity.Entity, low, high, width int64, excluded []int64) ([]check.Chunk, error) {
	shape, err := s.shape(ctx, e)
	if err != nil {
		return nil, err
	}
	chunks, err := digest.Source(e, shape).Read(ctx, s.tx, low, high, width, excluded)
	if err != nil {
		return nil, sqlstate.Wrap(engine.SideSource, "summing up "+e.Name, s.withHolders(ctx, e, err))
	}
	out := make([]check.Chunk, len(chunks))
	for i, c := range chunks {
		out[i] = check.Chunk(c)
	}
	return out, nil
}

// Sum sums up the hashes of the rows with ids above low up to high, but for some.
func (s *Snapshot) Sum(ctx context.Context, e *entity.Entity, low, high int64, but []int64) (cycle.RangeSum, error) {
	shape, err := s.shape(ctx, e)
	if err != nil {
		return cycle.RangeSum{}, err
	}
	out, err := digest.SumOfSource(ctx, s.tx, e, shape, low, high, but)
	return out, sqlstate.Wrap(engine.SideSource, "summing up hashes of "+e.Name, s.withHolders(ctx, e, err))
}

// Hashes gives the rows with ids above low up to high by the hashes of what they should be in the engine, in id order.
func (s *Snapshot) Hashes(ctx context.Context, e *entity.Entity, low, high int64) ([]cycle.RowHash, error) {
	shape, err := s.shape(ctx, e)
	if err != nil {
		return nil, err
	}
	out, err := digest.CopyRows(ctx, s.conn.Conn().PgConn(), digest.SourceRows(e, shape, low, high))
	return out, sqlstate.Wrap(engine.SideSource, "hashing rows of "+e.Name, s.withHolders(ctx, e, err))
}

// Versions names the versions of the rows of some ids by the transactions that wrote them. Without a floor every row is young.
func (s *Snapshot) Versions(ctx context.Context, e *entity.Entity, ids []int64, floor cycle.Floor) (map[int64]check.Version, error) {
	young := "true"
	if floor != "" {
		var err error
		if young, err = youngerThan(floor); err != nil {
			return nil, err
		}
	}
	out := make(map[int64]check.Version, len(ids))
	if len(ids) == 0 {
		return out, nil
	}
	rows, err := s.tx.Query(ctx, `SELECT id::bigint, xmin::text, `+young+` FROM `+table(e)+` WHERE id IN (SELECT unnest($1::bigint[]))`, ids)
	if err != nil {
		return nil, sqlstate.Wrap(engine.SideSource, "reading versions of "+e.Name, s.withHolders(ctx, e, err))
	}
	var id int64
	var v check.Version
	_, err = pgx.ForEachRow(rows, []any{&id, &v.Name, &v.Young}, func() error {
		out[id] = v
		return nil
	})
	return out, sqlstate.Wrap(engine.SideSource, "reading versions of "+e.Name, err)
}
