package control_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/store/crossing/oracle"
)

// faithful requires that the engine holds what the source has.
func (b *bundle) faithful(t *testing.T) {
	t.Helper()
	oracle.Faithful(t, b.source.pool, b.target.pool)
}

// fingerprint is the engine's three tables as they are stored, row versions included.
func (b *bundle) fingerprint(t *testing.T) string {
	t.Helper()
	return oracle.Fingerprint(t, b.target.pool)
}

func TestARealOdooCrossesThroughARoleThatMayOnlyRead(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	s := b.full(t)
	done(t, s)
	b.faithful(t)

	counts := map[string][2]int64{}
	for _, e := range s.Entities {
		counts[e.Name] = [2]int64{e.SourceRows.Value, e.TargetRows.Value}
	}
	require.Equal(t, map[string][2]int64{
		"loyalty_card": {456, 251}, "loyalty_point_move": {562, 535}, "loyalty_point_history": {907, 814},
	}, counts)

	// What the rules set aside, counted at the source by SQL of the test's own.
	noPartner := one(t, b.source, `SELECT count(*)::text FROM loyalty_card WHERE coalesce(partner_id, 0) = 0`)
	require.Contains(t, s.Reasons, engine.ReasonView{Entity: "loyalty_card", Reason: "card.partner_missing", Rows: atoi(t, noPartner)})
	require.Equal(t, "0", one(t, b.target, `SELECT max(sync_version)::text FROM (SELECT sync_version FROM loyalty_cards
		UNION ALL SELECT sync_version FROM point_moves UNION ALL SELECT sync_version FROM point_history) v`))
}

func TestASecondFullSyncWritesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	done(t, b.full(t))
	before := b.fingerprint(t)
	s := b.full(t)
	done(t, s)
	require.Equal(t, before, b.fingerprint(t), "a row was written although nothing had changed")
	for _, e := range s.Entities {
		require.Equal(t, e.TargetRows.Value, e.Counts.Unchanged, e.Name)
		require.Zero(t, e.Counts.Inserted+e.Counts.Updated+e.Counts.Settled+e.Counts.Deleted, e.Name)
	}
}

func TestEveryKindOfChangeIsCarriedAndCountedOnce(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	done(t, b.full(t))
	card := rows(t, b.target, `SELECT id::text FROM loyalty_cards WHERE id IN (SELECT loyalty_card_id FROM point_history)
		AND id IN (SELECT loyalty_card_id FROM point_moves) ORDER BY id LIMIT 5`)
	orphan := one(t, b.source, `SELECT min(id)::text FROM loyalty_card WHERE partner_id IS NULL`)
	b.source.Exec(t,
		`UPDATE loyalty_card SET points = points + 1.005 WHERE id = `+card[0], // raw SQL, write_date untouched
		`UPDATE loyalty_card SET partner_id = NULL WHERE id = `+card[1],       // turns invalid: stale
		`UPDATE loyalty_point_history SET loyalty_card_id = NULL WHERE loyalty_card_id = `+card[2],
		`DELETE FROM loyalty_point_move WHERE loyalty_card_id = `+card[2],
		`DELETE FROM loyalty_card WHERE id = `+card[2],              // extra, its ledger stale
		`UPDATE loyalty_card SET partner_id = 7 WHERE id = `+orphan, // released
		`INSERT INTO loyalty_card (code, partner_id, program_id, points) VALUES ('  neu-' || E'\t', 1, (SELECT min(id) FROM loyalty_program), 0.1)`,
		fmt.Sprintf(`INSERT INTO loyalty_point_history (loyalty_card_id, points_amount, points_balance, transaction_time)
			VALUES (%s, 5, 105.555, now() AT TIME ZONE 'UTC')`, card[3]),
	)
	s := b.full(t)
	done(t, s)
	b.faithful(t)
	cards := s.Entities[0]
	require.EqualValues(t, 1, cards.Counts.Updated)
	require.EqualValues(t, 2, cards.Counts.Inserted)
	require.EqualValues(t, 1, cards.Extra.Value)
	require.EqualValues(t, 1, cards.Stale.Value)
	require.Equal(t, "1", one(t, b.target, `SELECT sync_version::text FROM loyalty_cards WHERE id = $1`, card[0]))
	require.Equal(t, "105.56", one(t, b.target, `SELECT points::text FROM loyalty_cards WHERE id = $1`, card[3]))
	require.Equal(t, "NEU-", one(t, b.target, `SELECT code FROM loyalty_cards ORDER BY id DESC LIMIT 1`))
	require.Equal(t, "released", one(t, b.target, `SELECT state FROM ferry.quarantine WHERE entity = 'loyalty_card' AND source_id = $1`, orphan))

	before := b.fingerprint(t)
	done(t, b.full(t))
	require.Equal(t, before, b.fingerprint(t))
}

// What the engine marked as its own is not overwritten: whichever column it changed, and whatever Odoo did meanwhile.
func TestARowThatTheEngineMadeItsOwnIsNotOverwritten(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ source, target string }{
		"partner":              {"", `partner_id = 4242`},
		"points":               {"", `points = 777`},
		"points of the ledger": {`UPDATE loyalty_point_history SET points_balance = 5 WHERE loyalty_card_id = %s`, `points = 777`},
		"changed at both":      {`UPDATE loyalty_card SET points = points + 1 WHERE id = %s`, `odoo_points = 1`},
		"its code moved on":    {`UPDATE loyalty_card SET code = 'elsewhere' WHERE id = %s`, `partner_id = 4242`},
		"it was deleted": {`UPDATE loyalty_point_history SET loyalty_card_id = NULL WHERE loyalty_card_id = %[1]s;
			DELETE FROM loyalty_point_move WHERE loyalty_card_id = %[1]s; DELETE FROM loyalty_card WHERE id = %[1]s`, `points = 777`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, odooDump)
			done(t, b.full(t))
			id := one(t, b.target, `SELECT max(id)::text FROM loyalty_cards WHERE id IN (SELECT loyalty_card_id FROM point_history)`)
			code := one(t, b.target, `SELECT code FROM loyalty_cards WHERE id = $1`, id)
			b.target.Exec(t, `UPDATE loyalty_cards SET synced_to_odoo = true, `+c.target+` WHERE id = `+id)
			kept := one(t, b.target, `SELECT xmin || to_jsonb(c)::text FROM loyalty_cards c WHERE id = $1`, id)
			for statement := range strings.SplitSeq(strings.ReplaceAll(strings.ReplaceAll(c.source, "%[1]s", id), "%s", id), ";") {
				b.source.Exec(t, statement)
			}
			if strings.HasPrefix(name, "its code") {
				// Another card, with a lower id, takes the code.
				b.source.Exec(t, `UPDATE loyalty_card SET code = lower('`+code+`')
					WHERE id = (SELECT min(id) FROM loyalty_card WHERE partner_id > 0 AND points > 0)`)
			}
			s := b.full(t)
			require.Equal(t, engine.RunDone, s.Run.State, s.Run.Error)
			require.Equal(t, kept, one(t, b.target, `SELECT xmin || to_jsonb(c)::text FROM loyalty_cards c WHERE id = $1`, id))
			require.True(t, s.Entities[0].Accounted.Value)
		})
	}
}

func TestOneBadRowNeverCostsAGoodOne(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	b.target.Exec(t, `ALTER TABLE loyalty_cards ADD CONSTRAINT no_sevens CHECK (id % 7 <> 0)`,
		`ALTER TABLE point_history ADD CONSTRAINT short_origins CHECK (length(origin) < 3 OR id % 11 <> 0)`)
	s := b.full(t)
	done(t, s)
	b.faithful(t)
	refused := rows(t, b.target, `SELECT source_id::text FROM ferry.quarantine WHERE reason = 'refused_23514' AND entity = 'loyalty_card'`)
	require.NotEmpty(t, refused)
	for _, id := range refused {
		require.Zero(t, atoi(t, id)%7)
	}
	require.Contains(t, one(t, b.target, `SELECT DISTINCT detail FROM ferry.quarantine
		WHERE reason = 'refused_23514' AND entity = 'loyalty_card'`), "no_sevens")
	require.Empty(t, rows(t, b.target, `SELECT id::text FROM loyalty_cards WHERE id % 7 = 0`))

	b.target.Exec(t, `ALTER TABLE loyalty_cards DROP CONSTRAINT no_sevens`)
	done(t, b.full(t))
	b.faithful(t)
	require.Empty(t, rows(t, b.target, `SELECT source_id::text FROM ferry.quarantine
		WHERE reason = 'refused_23514' AND entity = 'loyalty_card' AND state = 'open'`))
}
