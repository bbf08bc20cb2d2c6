package control_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ferry/engine"
)

// A full sync of what is in step compares hashes, and brings everything back that differs, whichever side it is on.
func TestAFullSyncFindsWhatDiffersByHashes(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	done(t, b.full(t))
	equal := b.full(t)
	done(t, equal)

	b.target.Exec(t, `UPDATE point_history SET points_balance = -points_balance WHERE id IN (SELECT id FROM point_history WHERE points_balance > 0 LIMIT 3)`,
		`UPDATE point_history SET point_move_id = NULL WHERE id = (SELECT id FROM point_history WHERE point_move_id IS NOT NULL ORDER BY id OFFSET 9 LIMIT 1)`,
		`UPDATE point_moves SET gain_date = gain_date + interval '1 microsecond' WHERE id = (SELECT max(id) FROM point_moves)`,
		`UPDATE loyalty_cards SET points = points + 7 WHERE id = (SELECT max(id) FROM loyalty_cards)`,
		`DELETE FROM point_history WHERE id = (SELECT max(id) FROM point_history)`)
	b.source.Exec(t, `UPDATE loyalty_card SET code = code || ' X' WHERE id IN (SELECT id FROM loyalty_card WHERE partner_id > 0 ORDER BY id LIMIT 2)`,
		`UPDATE loyalty_point_move SET origin = NULL WHERE id = (SELECT min(id) FROM loyalty_point_move WHERE origin IS NOT NULL)`,
		`UPDATE loyalty_point_history SET points_balance = 'NaN' WHERE id = (SELECT min(id) FROM loyalty_point_history WHERE loyalty_card_id > 0)`)
	s := b.full(t)
	done(t, s)
	require.EqualValues(t, 2, b.entity(s, "loyalty_card").Counts.Updated)
	for _, e := range s.Entities {
		require.Equal(t, b.entity(equal, e.Name).Counts.Read, e.Counts.Read, "%s: rows that are known to be equal count as read", e.Name)
		require.Equal(t, b.entity(equal, e.Name).Counts.Precise, e.Counts.Precise, e.Name)
	}
	b.faithful(t)
	b.inStep(t)
}

// Where rows were judged otherwise than now, equal hashes say nothing about whether a row may stay.
func TestAChangedRuleIsAskedOfEqualRows(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	require.NoError(t, b.SetRule(t.Context(), "move.remaining_negative", "off", engine.Act{}))
	b.source.Exec(t, `UPDATE loyalty_point_move SET remaining_point = -1 WHERE id = (SELECT m.id FROM loyalty_point_move m
		JOIN loyalty_card c ON c.id = m.loyalty_card_id WHERE c.partner_id > 0 ORDER BY m.id LIMIT 1)`)
	done(t, b.full(t))
	require.Empty(t, b.held(t, "move.remaining_negative"))
	require.NoError(t, b.SetRule(t.Context(), "move.remaining_negative", "reject", engine.Act{}))
	s := b.full(t)
	done(t, s)
	held := b.held(t, "move.remaining_negative")
	require.Len(t, held, 1, "the row is the same on both sides, and rejected now")
}

// Of a range in which all is equal and nothing in quarantine there is nothing to read: that must not be taken for a range of which
// the source has nothing.
func TestARangeThatIsEqualThroughoutStaysAsItIs(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	b.source.Exec(t, `TRUNCATE loyalty_card, loyalty_point_move, loyalty_point_history CASCADE`,
		`INSERT INTO loyalty_card (id, code, partner_id, program_id, points)
			SELECT i * 100, 'kod' || i, 1, (SELECT min(id) FROM loyalty_program), i FROM generate_series(1, 300) i`)
	b.target.Exec(t, `INSERT INTO ferry.policy VALUES ('deletes', 'delete') ON CONFLICT (name) DO UPDATE SET value = EXCLUDED.value`)
	done(t, b.full(t))
	before := b.fingerprint(t)
	s := b.full(t)
	done(t, s)
	c := b.entity(s, "loyalty_card").Counts
	require.EqualValues(t, 300, c.Unchanged)
	require.Zero(t, c.Extra+c.Deleted+c.Inserted+c.Updated)
	require.Equal(t, before, b.fingerprint(t))
}
