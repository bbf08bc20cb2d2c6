package soak_test

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"ferry/engine/entity"
	"ferry/store/demo"
	"ferry/store/independent"
)

// key names a row of one of the entities.
type key struct {
	entity string
	id     int64
}

// read runs the oracle's SQL for rows of an entity, and gives each by its content's hash.
const hashed = `SELECT split_part(row, '|', 1)::bigint AS id, hashtextextended(row, 0) AS hash FROM (%s) AS s (row)`

// witness reads what a transaction leaves of its rows: the hash of what the engine should hold of each.
func witness(ctx context.Context, tx pgx.Tx, rows []demo.RowRef) (any, error) {
	seen := map[key]int64{}
	for _, e := range entity.All() {
		var ids []int64
		for _, row := range rows {
			if row.Table == e.Name && !row.Deleted {
				ids = append(ids, row.ID)
			}
		}
		if len(ids) == 0 {
			continue
		}
		source, _ := independent.Contents(e.Name)
		found, err := tx.Query(ctx, fmt.Sprintf(hashed, source), ids)
		if err != nil {
			return nil, err
		}
		var id, hash int64
		_, err = pgx.ForEachRow(found, []any{&id, &hash}, func() error {
			seen[key{e.Name, id}] = hash
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return seen, nil
}
