package odoo

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ferry/engine"
	"ferry/engine/cycle"
	"ferry/engine/entity"
	"ferry/engine/rehearsal"
	"ferry/store/sqlstate"
)

var _ rehearsal.Source = (*DB)(nil)

// markLimit is how long taking a mark may keep its transaction open.
const markLimit = 9 * time.Second

// pair is what names one version of a row: its id and the transaction that wrote it, in arithmetic that no two versions are
// likely to share.
const pair = `((id::bigint * 1103515245 + 12345) & 2147483647) * ((xmin::text::bigint * 1103515245 + 12345) & 2147483647) & 4503599627370495`

// Mark takes a mark of the source: with another one, of what was written since its floor.
func (db *DB) Mark(ctx context.Context, since *rehearsal.Mark) (rehearsal.Mark, error) {
	limited, cancel := context.WithTimeout(ctx, markLimit)
	defer cancel()
	m, err := db.mark(limited, since)
	if err != nil && limited.Err() != nil && ctx.Err() == nil {
		return m, fmt.Errorf("%w: a pass over the source's tables takes longer than %s", errTooLarge, markLimit) // waiting cures nothing
	}
	return m, err
}

var errTooLarge = errors.New("where the source stands cannot be seen in one short transaction")

func (db *DB) mark(ctx context.Context, since *rehearsal.Mark) (rehearsal.Mark, error) {
	m := rehearsal.Mark{At: time.Now().UTC(), Tables: map[string]rehearsal.MarkTable{}}
	var err error
	if m.Source, err = db.Identity(ctx); err != nil {
		return m, err
	}
	if m.Follows, err = db.follows(ctx); err != nil { // before the snapshot, which then shows at least that
		return m, err
	}
	s, err := db.begin(ctx)
	if err != nil {
		return m, err
	}
	defer s.Close() //nolint:contextcheck // it ends whatever becomes of the context
	state, err := s.State(ctx)
	if err != nil {
		return m, err
	}
	m.Floor, m.Timeline = string(state.Floor), state.Timeline
	if since != nil {
		m.Floor = since.Floor
		if m.Timeline != since.Timeline || m.Source != since.Source {
			err := s.markAll(ctx, &m, string(state.Floor)) // ids of transactions say nothing there
			return m, err
		}
	}
	err = s.markAll(ctx, &m, m.Floor)
	return m, err
}

func (s *Snapshot) markAll(ctx context.Context, m *rehearsal.Mark, floor string) error {
	young, err := youngerThan(cycle.Floor(floor))
	if err != nil {
		return err
	}
	for _, e := range entity.All() {
		var t rehearsal.MarkTable
		err := s.tx.QueryRow(ctx, `SELECT count(*), count(pair), coalesce(sum(pair), 0)::text
			FROM (SELECT CASE WHEN `+young+` THEN `+pair+` END AS pair FROM `+table(e)+` OFFSET 0) t`).Scan(&t.Rows, &t.Young, &t.Sum)
		if err != nil {
			return sqlstate.Wrap(engine.SideSource, "looking where "+e.Name+" stands", s.withHolders(ctx, e, err))
		}
		m.Tables[e.Name] = t
	}
	return nil
}
