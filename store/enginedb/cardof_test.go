package enginedb_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ferry/engine/entity"
	"ferry/store/embedded/pgtest"
	"ferry/store/enginedb"
)

// A row belongs to the card that the engine says; one that never came, to the one that quarantine saw.
func TestTheCardOfARow(t *testing.T) {
	t.Parallel()
	target := pgtest.New(t, initialised())
	target.Exec(t, `INSERT INTO public.loyalty_cards (id, odoo_card_id, code, points) VALUES (7, 7, 'A', 0), (8, 8, 'B', 0)`,
		`INSERT INTO public.point_moves (id, odoo_move_id, loyalty_card_id) VALUES (501, 501, 7)`,
		`INSERT INTO public.point_history (id, odoo_history_id, loyalty_card_id) VALUES (991, 991, 8)`,
		`INSERT INTO ferry.run (kind, writes, state, epoch, source_identity, rules, rules_hash, requested_by)
			VALUES ('full', true, 'done', 1, '', '{}', '', '')`,
		`INSERT INTO ferry.quarantine (entity, source_id, state, reason, detail, payload, parent_entity, parent_id, run_id)
			SELECT e, i, 'waiting_parent', 'waiting_parent', '', '{}', p, 9, id FROM ferry.run, (VALUES
				('loyalty_point_move', 501, 'loyalty_card'), ('loyalty_point_move', 502, 'loyalty_card'), ('loyalty_point_history', 992, 'loyalty_point_move')
			) rows (e, i, p)`)
	db, err := enginedb.Open(t.Context(), target.DSN, "test", 2, false)
	require.NoError(t, err)
	t.Cleanup(db.Close)
	for _, c := range []struct {
		e         *entity.Entity
		row, card int64
	}{
		{entity.Move, 501, 7}, {entity.Move, 502, 9}, {entity.Move, 503, 0}, {entity.History, 991, 8}, {entity.History, 992, 0}, {entity.Card, 7, 0},
	} {
		card, err := db.CardOfRow(t.Context(), c.e, c.row)
		require.NoError(t, err)
		require.Equal(t, c.card, card, "%s %d", c.e.Name, c.row)
	}
	db.Close()
	_, err = db.CardOfRow(t.Context(), entity.Move, 501)
	require.Error(t, err)
}
