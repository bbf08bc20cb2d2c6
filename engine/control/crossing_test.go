package control_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/engine/entity"
)

// contents are, for each entity, the values that a row has at the source and in the engine: as text, by SQL that shares
// nothing with ferry's own way. Codes are left to codesAgree, for SQL cannot clean them.
var contents = map[string][2]string{
	"loyalty_card": {
		`SELECT concat_ws('|', id, coalesce(partner_id::text, '-'), coalesce(program_id::text, '-'),
			round(coalesce(points, 0)::text::numeric, 2), coalesce(create_date::text, '-'), coalesce(write_date::text, '-'))
		FROM loyalty_card WHERE id = ANY($1) ORDER BY id`,
		`SELECT concat_ws('|', odoo_card_id, coalesce(partner_id::text, '-'), coalesce(program_id::text, '-'), odoo_points,
			coalesce((created_at AT TIME ZONE 'UTC')::text, '-'), coalesce((updated_at AT TIME ZONE 'UTC')::text, '-'))
		FROM loyalty_cards WHERE id = odoo_card_id ORDER BY id`,
	},
	"loyalty_point_move": {
		`SELECT concat_ws('|', id, loyalty_card_id, coalesce(membership_product_id::text, '-'), gain_date,
			coalesce(expiration_date::text, '-'), round(coalesce(initial_point, 0)::text::numeric, 2),
			round(coalesce(remaining_point, 0)::text::numeric, 2), state, coalesce(origin, '-'),
			coalesce(create_date::text, '-'), coalesce(write_date::text, '-'))
		FROM loyalty_point_move WHERE id = ANY($1) ORDER BY id`,
		`SELECT concat_ws('|', odoo_move_id, loyalty_card_id, coalesce(membership_product_id::text, '-'),
			gain_date AT TIME ZONE 'UTC', coalesce((expiration_date AT TIME ZONE 'UTC')::text, '-'), initial_point,
			remaining_point, state, coalesce(origin, '-'),
			coalesce((created_at AT TIME ZONE 'UTC')::text, '-'), coalesce((updated_at AT TIME ZONE 'UTC')::text, '-'))
		FROM point_moves WHERE id = odoo_move_id ORDER BY id`,
	},
	"loyalty_point_history": {
		`SELECT concat_ws('|', id, loyalty_card_id, coalesce(point_move_id::text, '-'),
			round(coalesce(points_amount, 0)::text::numeric, 2), round(coalesce(points_balance, 0)::text::numeric, 2),
			transaction_time, coalesce(origin, '-'), coalesce(membership_product_id::text, '-'),
			coalesce(status_membership_product_id::text, '-'), coalesce(create_date::text, '-'))
		FROM loyalty_point_history WHERE id = ANY($1) ORDER BY id`,
		`SELECT concat_ws('|', odoo_history_id, loyalty_card_id, coalesce(odoo_move_id::text, '-'), points_amount, points_balance,
			transaction_time AT TIME ZONE 'UTC', coalesce(origin, '-'), coalesce(membership_product_id::text, '-'),
			coalesce(status_membership_product_id::text, '-'), coalesce((created_at AT TIME ZONE 'UTC')::text, '-'))
		FROM point_history WHERE id = odoo_history_id ORDER BY id`,
	},
}

// faithful requires that every row in the engine equals the source's row of the same id, that every source row is in the
// engine or in quarantine, and that points are what the engine's ledger says.
func (b *bundle) faithful(t *testing.T) {
	t.Helper()
	for _, e := range entity.All() {
		good := rows(t, b.target, `SELECT id::text FROM `+e.Target+` WHERE `+e.OdooID+` IS NOT NULL
			EXCEPT SELECT source_id::text FROM ferry.quarantine WHERE entity = $1 AND stale
			EXCEPT SELECT id::text FROM ferry.extra WHERE entity = $1`, e.Name)
		want := rows(t, b.source, contents[e.Name][0], good)
		got := rows(t, b.target, contents[e.Name][1])
		got = slices.DeleteFunc(got, func(row string) bool {
			id, _, _ := strings.Cut(row, "|")
			return !slices.Contains(good, id)
		})
		require.Equal(t, want, got, e.Name)

		source := rows(t, b.source, `SELECT id::text FROM `+e.Name+` ORDER BY 1`)
		placed := rows(t, b.target, `SELECT id::text FROM `+e.Target+` WHERE `+e.OdooID+` IS NOT NULL
			UNION SELECT source_id::text FROM ferry.quarantine WHERE entity = $1 AND state IN ('open', 'waiting_parent', 'waived')
			EXCEPT SELECT id::text FROM ferry.extra WHERE entity = $1 ORDER BY 1`, e.Name)
		require.Equal(t, source, placed, "every %s is in the engine or in quarantine", e.Name)
	}
	b.codesAgree(t)
	require.Empty(t, rows(t, b.target, `
		WITH latest AS (SELECT DISTINCT ON (loyalty_card_id) loyalty_card_id, odoo_history_id, points_balance FROM point_history
			WHERE odoo_history_id IS NOT NULL ORDER BY loyalty_card_id, odoo_history_id DESC),
		held AS (SELECT parent_id, max(source_id) AS id FROM ferry.quarantine
			WHERE entity = 'loyalty_point_history' AND state IN ('open', 'waiting_parent', 'waived') GROUP BY 1)
		SELECT c.id || ' has ' || c.points FROM loyalty_cards c LEFT JOIN latest l ON l.loyalty_card_id = c.id LEFT JOIN held h ON h.parent_id = c.id
		WHERE c.points <> CASE WHEN l.odoo_history_id > coalesce(h.id, 0) THEN l.points_balance ELSE c.odoo_points END`))
	require.Empty(t, rows(t, b.target, `SELECT h.id::text FROM point_history h LEFT JOIN point_moves m ON m.id = h.odoo_move_id
		WHERE h.point_move_id IS DISTINCT FROM m.id`), "a line is linked exactly if its move is in the engine")
}

// codesAgree compares codes as domain rules define them, cleaned by other functions than ferry's.
func (b *bundle) codesAgree(t *testing.T) {
	t.Helper()
	source := map[string]string{}
	for _, row := range rows(t, b.source, `SELECT id || '|' || code FROM loyalty_card`) {
		id, code, _ := strings.Cut(row, "|")
		code = strings.TrimFunc(code, unicode.IsSpace)
		source[id] = strings.Map(unicode.ToUpper, code)
	}
	for _, row := range rows(t, b.target, `SELECT id || '|' || code FROM loyalty_cards WHERE odoo_card_id IS NOT NULL
		AND NOT EXISTS (SELECT FROM ferry.quarantine q WHERE q.entity = 'loyalty_card' AND q.source_id = loyalty_cards.id AND q.stale)
		AND NOT EXISTS (SELECT FROM ferry.extra x WHERE x.entity = 'loyalty_card' AND x.id = loyalty_cards.id)`) {
		id, code, _ := strings.Cut(row, "|")
		require.Equal(t, source[id], code, "code of card %s", id)
	}
}

// fingerprint is the engine's three tables as they are stored, row versions included.
func (b *bundle) fingerprint(t *testing.T) string {
	t.Helper()
	var out strings.Builder
	for _, e := range entity.All() {
		out.WriteString(one(t, b.target, `SELECT md5(string_agg(t.xmin || t::text, '' ORDER BY id)) FROM `+e.Target+` t`))
	}
	return out.String()
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

func TestARowThatTheEngineMadeItsOwnIsNotOverwritten(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	done(t, b.full(t))
	id := one(t, b.target, `SELECT min(id)::text FROM loyalty_cards`)
	b.target.Exec(t, `UPDATE loyalty_cards SET synced_to_odoo = true, partner_id = 4242 WHERE id = `+id)
	s := b.full(t)
	require.Equal(t, engine.RunDone, s.Run.State)
	require.Equal(t, "4242", one(t, b.target, `SELECT partner_id::text FROM loyalty_cards WHERE id = $1`, id))
	require.Equal(t, "engine_owned", one(t, b.target, `SELECT reason FROM ferry.quarantine WHERE entity = 'loyalty_card' AND source_id = $1`, id))
	require.True(t, s.Entities[0].Accounted.Value)
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
	require.Contains(t, one(t, b.target, `SELECT DISTINCT detail FROM ferry.quarantine WHERE reason = 'refused_23514' AND entity = 'loyalty_card'`), "no_sevens")
	require.Empty(t, rows(t, b.target, `SELECT id::text FROM loyalty_cards WHERE id % 7 = 0`))

	b.target.Exec(t, `ALTER TABLE loyalty_cards DROP CONSTRAINT no_sevens`)
	done(t, b.full(t))
	b.faithful(t)
	require.Empty(t, rows(t, b.target, `SELECT source_id::text FROM ferry.quarantine WHERE reason = 'refused_23514' AND entity = 'loyalty_card' AND state = 'open'`))
}
