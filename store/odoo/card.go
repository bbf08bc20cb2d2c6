package odoo

import (
	"context"

	"ferry/engine/check"
)

var _ check.CardSource = (*DB)(nil)

// CardSnapshot begins a transaction that sees one state of the source.
func (db *DB) CardSnapshot(ctx context.Context) (check.CardSnapshot, error) {
	return nil, ctx.Err()
}
