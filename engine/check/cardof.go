package check

import (
	"context"
	"fmt"
	"strconv"

	"ferry/engine"
	"ferry/engine/entity"
)

// RowOwner knows which card a row of the engine, or of quarantine, belongs to.
type RowOwner interface {
	// CardOfRow gives the card of a row; 0: the engine does not know it.
	CardOfRow(ctx context.Context, e *entity.Entity, row int64) (int64, error)
}

// CardOf finds the card that a key means. A row belongs to the card that Odoo says, or, where it is gone there, to the one that
// the engine says. A row that nobody knows gives a key of no card, and why.
func CardOf(ctx context.Context, here RowOwner, there CardSource, key engine.CardKey) (card engine.CardKey, why string, err error) {
	if key.Entity == "" || key.Entity == entity.Card.Name {
		if key.Entity != "" {
			key = engine.CardKey{ID: key.Row}
		}
		return key, "", nil
	}
	e, ok := entity.Find(key.Entity)
	if !ok {
		return engine.CardKey{}, key.Entity + " is none of the tables that ferry carries, so no card is known of its rows.", nil
	}
	id, err := cardAtSource(ctx, there, e, key.Row)
	if err != nil {
		return engine.CardKey{}, "", err
	}
	if id == 0 {
		if id, err = here.CardOfRow(ctx, e, key.Row); err != nil {
			return engine.CardKey{}, "", err
		}
	}
	if id == 0 {
		why = fmt.Sprintf("Row %d of %s belongs to no card that is known: Odoo does not have it, or without a card, and neither the engine nor "+
			"quarantine says whose it was.", key.Row, e.Name)
	}
	return engine.CardKey{ID: id}, why, nil
}

// cardAtSource is the card that a row names at the source; 0: the row is gone, or names none.
func cardAtSource(ctx context.Context, there CardSource, e *entity.Entity, row int64) (int64, error) {
	snap, err := there.CardSnapshot(ctx)
	if err != nil {
		return 0, err
	}
	defer snap.Close()
	raw, err := snap.Raw(ctx, e, row)
	if err != nil {
		return 0, err
	}
	for _, p := range e.Parents {
		if p.Entity == entity.Card.Name {
			id, _ := strconv.ParseInt(raw[e.Columns[p.Column].Source].Or(""), 10, 64)
			return id, nil
		}
	}
	return 0, nil
}
