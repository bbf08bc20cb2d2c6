package main

import (
	"maps"
	"testing"

	"github.com/stretchr/testify/require"

	"ferry/store/embedded/pgtest"
)

// onlooker lets a bench see the engine database through a role that may do nothing but read.
func (b *bench) onlooker(t *testing.T) *bench {
	t.Helper()
	role := pgtest.Role(t, b.target, "", "GRANT USAGE ON SCHEMA ferry TO {role}", "GRANT SELECT ON ALL TABLES IN SCHEMA ferry, public TO {role}")
	own := *b
	own.env = maps.Clone(b.env)
	own.env["FERRY_TARGET"] = role.DSN
	return &own
}

// fingerprint is of every row of the engine database, with the transaction that wrote it.
func (b *bench) fingerprint(t *testing.T) string {
	t.Helper()
	return b.text(t, `SELECT string_agg(x, ',' ORDER BY x) FROM (
		SELECT c.oid::regclass || ' ' || (xpath('/row/h/text()', query_to_xml(format(
			'SELECT count(*) || '' '' 
				|| coalesce(md5(string_agg(t.xmin || t::text, '','' ORDER BY t.ctid)), '''') AS h FROM %s t', c.oid::regclass), false, true, '')))[1]::text AS x
		FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND n.nspname IN ('public', 'ferry')) tables`)
}

// foretold requires that a dry run says what the run does that follows it, and writes nothing. It gives what the run did.
func (b *bench) foretold(t *testing.T, kind string) (dry, done map[string]any) {
	t.Helper()
	before := b.fingerprint(t)
	dry = b.onlooker(t).result(t, "sync", kind, "--dry-run")
	require.Equal(t, before, b.fingerprint(t), "nothing is written")
	require.Equal(t, true, dry["dry_run"])
	done = b.result(t, "sync", kind, tolerant)
	require.Equal(t, done["why_full"], dry["why_full"])
	for name, of := range object(t, done, "entities") {
		did, _ := of.(map[string]any)
		foreseen := object(t, object(t, dry, "entities"), name)
		for _, count := range []string{"read", "inserted", "updated", "unchanged", "rejected", "precision", "warned"} {
			require.Equal(t, did[count], foreseen[count], "%s of %s", count, name)
		}
		known := b.listed[name] // a tick tells of those that are new, its result of all
		if kind == "full" || done["why_full"] != nil {
			known = 0
		}
		require.InDelta(t, did["extra"], figure(t, foreseen, "extra")+known, 0, "extra of %s", name)
		b.listed[name] = figure(t, did, "extra")
	}
	return dry, done
}

// upheaval changes the source in every way at once: points, new and lost partners, new rows and rows that are gone, swapped
// and freed codes, ledgers that move to other cards.
func (b *bench) upheaval(t *testing.T) {
	t.Helper()
	b.removeCards(t, "3")
	b.source.Exec(t, `DO $$ DECLARE ids bigint[]; n int; BEGIN
		SELECT count(*) % 50 + 1 INTO n FROM loyalty_card;
		SELECT array_agg(id ORDER BY id) INTO ids FROM loyalty_card WHERE partner_id IS NOT NULL AND points > 0 AND code IS NOT NULL;
		UPDATE loyalty_card SET points = points + 1.005 WHERE id = ids[10];
		UPDATE loyalty_card SET partner_id = NULL WHERE id = ids[11];
		UPDATE loyalty_card SET partner_id = 7 WHERE id IN (SELECT id FROM loyalty_card WHERE partner_id IS NULL ORDER BY id LIMIT 2);
		INSERT INTO loyalty_card (code, partner_id, program_id, points) SELECT code || n, 1, program_id, 5 FROM loyalty_card WHERE id = ids[12];
		INSERT INTO loyalty_card (code, partner_id, program_id, points) SELECT code || repeat(' ', n), 1, program_id, 5 FROM loyalty_card WHERE id = ids[13];
		UPDATE loyalty_card SET points = -1 WHERE id = ids[14];
		UPDATE loyalty_point_history SET loyalty_card_id = ids[15] WHERE id = (SELECT max(id) FROM loyalty_point_history WHERE loyalty_card_id = ids[16]);
		INSERT INTO loyalty_point_history (loyalty_card_id, points_amount, points_balance, transaction_time)
			SELECT (SELECT max(id) FROM loyalty_card), 5, 5, now() AT TIME ZONE 'UTC';
		UPDATE loyalty_card SET code = code || ' freed' WHERE id IN (SELECT min(id) FROM loyalty_card GROUP BY upper(trim(code)) HAVING count(*) > 1);
	END $$`)
}

func TestADryRunForetellsTheRunAndWritesNothing(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.listed = map[string]float64{}
	require.Equal(t, exitClean, b.ferry(t, "init").code)
	b.target.Exec(t, `INSERT INTO ferry.policy VALUES ('vanish-share', '1')`)
	_, done := b.foretold(t, "full") // a first load
	require.EqualValues(t, 251, object(t, object(t, done, "entities"), "loyalty_card")["inserted"])
	b.foretold(t, "full") // nothing changed
	b.foretold(t, "incremental")

	b.upheaval(t)
	_, done = b.foretold(t, "incremental")
	cards := object(t, object(t, done, "entities"), "loyalty_card")
	require.Positive(t, figure(t, cards, "inserted"))
	require.Positive(t, figure(t, cards, "updated"))
	require.Positive(t, figure(t, cards, "rejected"))
	require.EqualValues(t, 3, cards["extra"])

	b.upheaval(t)
	b.foretold(t, "full")
	require.Equal(t, exitClean, b.ferry(t, "quarantine", "rule", "card.partner_missing", "warn", "--reason", "x").code)
	dry, _ := b.foretold(t, "incremental")
	require.Contains(t, dry["why_full"], "rules")
}

func TestADryRunSaysWhatWouldStopTheRun(t *testing.T) {
	t.Parallel()
	b := synced(t)
	b.removeCards(t, "20")
	a := b.onlooker(t).ferry(t, "sync", "incremental", "--dry-run", "--read-only")
	require.Equal(t, exitClean, a.code, a.err)
	require.Contains(t, a.out, "nothing was written")
	require.Regexp(t, `loyalty_card +read 0 .* extra 20`, a.out)
	require.Contains(t, a.out, "it would stop and ask: 20 rows of loyalty_card are gone")
	require.Equal(t, exitRefused, b.ferry(t, "sync", "incremental", tolerant).code, "and so it does")
	require.Equal(t, exitUsage, b.ferry(t, "sync", "incremental", "--dry-run", "--watch").code)

	r := b.result(t, "sync", "full", "--dry-run", "--entity", "loyalty_card")
	require.Len(t, object(t, r, "entities"), 1, "only of what was asked for")
	require.EqualValues(t, 20, object(t, object(t, r, "entities"), "loyalty_card")["extra"])
}

func TestADryRunKnowsWhatEarlierRangesWouldHaveChanged(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.listed = map[string]float64{}
	require.Equal(t, exitClean, b.ferry(t, "init").code)
	// Cards whose ids are far from the others', with the codes of others; and ledgers of such cards.
	b.source.Exec(t, `INSERT INTO loyalty_card (id, code, partner_id, program_id, points)
			SELECT id + n * 30000, code || repeat(' ', n), 1, program_id, 5 FROM loyalty_card, generate_series(1, 2) n WHERE partner_id IS NOT NULL`,
		`INSERT INTO loyalty_card (id, code, partner_id, program_id, points)
			SELECT id + 100000, code || 'n', 1, program_id, 5 FROM loyalty_card WHERE id < 10000`,
		`INSERT INTO loyalty_point_history (loyalty_card_id, points_amount, points_balance, transaction_time)
			SELECT id, 5, 5, now() AT TIME ZONE 'UTC' FROM loyalty_card WHERE id > 10000`)
	_, done := b.foretold(t, "full")
	require.Greater(t, figure(t, object(t, object(t, done, "entities"), "loyalty_card"), "rejected"), 500.0, "most codes are taken thrice")

	// Codes pass to the next that has them, in ranges behind and before.
	b.source.Exec(t, `UPDATE loyalty_card SET code = code || 'm'
		WHERE id IN (SELECT id FROM loyalty_card WHERE partner_id IS NOT NULL AND id < 10000 ORDER BY id LIMIT 40)`)
	dry, _ := b.foretold(t, "full")
	require.Positive(t, figure(t, object(t, object(t, dry, "entities"), "loyalty_card"), "inserted"))

	// More than a tick carries at once; lines of a card that comes with it among them.
	b.source.Exec(t, `INSERT INTO loyalty_card (id, code, partner_id, program_id, points) SELECT 200001, 'late', 1, min(id), 5 FROM loyalty_program`,
		`INSERT INTO loyalty_point_history (loyalty_card_id, points_amount, points_balance, transaction_time)
			SELECT CASE WHEN n % 3 = 0 THEN 200001 ELSE (SELECT min(id) FROM loyalty_card WHERE partner_id IS NULL) END, 1, n, now() AT TIME ZONE 'UTC'
			FROM generate_series(1, 21000) n`,
		`UPDATE loyalty_card SET partner_id = 3 WHERE id = (SELECT min(id) FROM loyalty_card WHERE partner_id IS NULL AND points > 0)`)
	dry, _ = b.foretold(t, "incremental")
	require.Nil(t, dry["why_full"])
	require.GreaterOrEqual(t, figure(t, object(t, object(t, dry, "entities"), "loyalty_point_history"), "read"), 21000.0)
}
