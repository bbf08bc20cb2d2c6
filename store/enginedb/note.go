package enginedb

import (
	"context"

	"github.com/jackc/pgx/v5"

	"ferry/engine"
)

// Note keeps a line in the journal that belongs to no action on a run; run 0 is none.
func (db *DB) Note(ctx context.Context, by engine.Actor, run engine.RunID, action, outcome string) error {
	return db.inTx(ctx, "keeping a note", func(tx pgx.Tx) error {
		return record(ctx, tx, entry{Actor: by, Action: action, Run: run, Outcome: outcome})
	})
}
