package control_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPointsFollowWhenALineInQuarantineIsGone(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	done(t, b.full(t))
	card := b.livingCards(t)[0]
	latest := one(t, b.target, `SELECT points_balance::text FROM point_history WHERE loyalty_card_id = $1 ORDER BY id DESC LIMIT 1`, card)
	b.source.Exec(t, fmt.Sprintf(`INSERT INTO loyalty_point_history (loyalty_card_id, points_amount, points_balance, transaction_time)
		VALUES (%s, -5, -5, now() AT TIME ZONE 'UTC')`, card), `UPDATE loyalty_card SET points = 4711 WHERE id = `+card)
	b.inStep(t)
	require.Equal(t, "4711.00", one(t, b.target, `SELECT points::text FROM loyalty_cards WHERE id = $1`, card), "its latest line is in quarantine")

	b.source.Exec(t, `DELETE FROM loyalty_point_history WHERE points_balance = -5 AND loyalty_card_id = `+card)
	s := b.inStep(t)
	require.EqualValues(t, 1, b.entity(s, "loyalty_point_history").Counts.Settled)
	require.Equal(t, latest, one(t, b.target, `SELECT points::text FROM loyalty_cards WHERE id = $1`, card))
}

func TestACardThatCannotLeaveKeepsItsLedger(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	b.target.Exec(t, `INSERT INTO ferry.policy VALUES ('deletes', 'delete')`)
	done(t, b.full(t))
	card := b.livingCards(t)[0]
	lines := one(t, b.target, `SELECT count(*)::text FROM point_history WHERE loyalty_card_id = $1`, card)
	// Its moves stay as they are: somebody has dropped the key that Odoo would have.
	b.source.Exec(t, `ALTER TABLE loyalty_point_move DROP CONSTRAINT IF EXISTS loyalty_point_move_loyalty_card_id_fkey`,
		`UPDATE loyalty_point_history SET loyalty_card_id = NULL WHERE loyalty_card_id = `+card, `DELETE FROM loyalty_card WHERE id = `+card)
	b.inStep(t)
	require.Equal(t, "rows of point_moves still belong to it", one(t, b.target, `SELECT kept FROM ferry.extra WHERE entity = 'loyalty_card' AND id = $1`, card))
	require.Equal(t, lines, one(t, b.target, `SELECT count(*)::text FROM point_history WHERE loyalty_card_id = $1`, card))
}
