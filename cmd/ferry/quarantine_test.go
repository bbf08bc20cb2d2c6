package main

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// text asks a bench's engine database for one text.
func (b *bench) text(t *testing.T, sql string) string {
	t.Helper()
	var out string
	require.NoError(t, b.target.Pool(t).QueryRow(t.Context(), sql).Scan(&out))
	return out
}

func TestARowOfQuarantineIsShownWithEverythingAboutIt(t *testing.T) {
	t.Parallel()
	b := synced(t)
	loser := b.text(t, `SELECT min(source_id)::text FROM ferry.quarantine WHERE reason = 'code_taken'`)
	owner := b.text(t, `SELECT owner_id::text FROM ferry.quarantine WHERE reason = 'code_taken' ORDER BY source_id LIMIT 1`)
	a := b.ferry(t, "quarantine", "show", "loyalty_card", loser)
	require.Equal(t, exitClean, a.code, a.err)
	for _, text := range []string{
		"loyalty_card " + loser + " is in quarantine: its code belongs to another row", "code's row  loyalty_card " + owner,
		"it is not there", "once, first 20", "nothing waits for it", "    code  ", "    partner_id  ",
	} {
		require.Contains(t, a.out, text)
	}
	negative := b.text(t, `SELECT min(q.source_id)::text FROM ferry.quarantine q WHERE reason = 'card.points_negative'
		AND EXISTS (SELECT FROM ferry.quarantine h WHERE h.parent_id = q.source_id AND h.state = 'waiting_parent')`)
	row := b.result(t, "quarantine", "show", "loyalty_card", negative)
	require.Positive(t, figure(t, row, "hangs"))
	require.Contains(t, b.ferry(t, "quarantine", "show", "loyalty_card", negative).out, "its points are negative")
	waiting := b.text(t, `SELECT min(source_id)::text FROM ferry.quarantine WHERE state = 'waiting_parent' AND entity = 'loyalty_point_move'`)
	require.Contains(t, b.ferry(t, "quarantine", "show", "loyalty_point_move", waiting).out, "belongs to  loyalty_card ")

	there := b.text(t, `SELECT min(id)::text FROM loyalty_cards`)
	a = b.ferry(t, "quarantine", "show", "loyalty_card", there)
	require.Equal(t, exitError, a.code)
	require.Contains(t, a.err, "no such row in quarantine: loyalty_card "+there)
	for _, args := range [][]string{{"show", "loyalty_card"}, {"show", "loyalty_card", "x"}, {"show", "cards", "1"}} {
		require.Equal(t, exitUsage, b.ferry(t, append([]string{"quarantine"}, args...)...).code, args)
	}
}

func TestQuarantineIsListedByStateInPages(t *testing.T) {
	t.Parallel()
	b := synced(t)
	b.source.Exec(t, `INSERT INTO loyalty_card (code, partner_id, program_id, points)
		SELECT 'negative ' || n, 1, (SELECT min(id) FROM loyalty_program), -1 FROM generate_series(1, 1200) n`)
	b.ferry(t, "sync", "incremental")
	require.Greater(t, 1400, page, "the list takes several pages")
	whole := b.result(t, "quarantine", "list")
	require.Equal(t, b.text(t, `SELECT count(*)::text FROM ferry.quarantine WHERE state IN ('open', 'waiting_parent')`),
		strconv.Itoa(int(figure(t, whole, "rows"))))
	waiting := b.result(t, "quarantine", "list", "--state", "waiting_parent")
	require.Equal(t, b.text(t, `SELECT count(*)::text FROM ferry.quarantine WHERE state = 'waiting_parent'`),
		strconv.Itoa(int(figure(t, waiting, "rows"))))
	require.EqualValues(t, 700, b.result(t, "quarantine", "list", "--limit", "700")["rows"])
	require.Equal(t, exitUsage, b.ferry(t, "quarantine", "list", "--state", "waved").code)
	require.Contains(t, b.ferry(t, "quarantine", "list", "--state", "waived").out, "nothing of that")
}

func TestRowsAreWaivedWithANoteAndCountAgain(t *testing.T) {
	t.Parallel()
	b := synced(t)
	id := b.text(t, `SELECT min(source_id)::text FROM ferry.quarantine WHERE reason = 'card.partner_missing'`)
	for _, args := range [][]string{
		{"waive", "--all"},
		{"waive", "--note", "x"},
		{"waive", id, "--note", "x"},
		{"waive", "--all", "--entity", "loyalty_card", "--note", "x"},
		{"retry"},
		{"retry", id},
		{"retry", "--reason", "card.partner_mising"},
	} {
		require.Equal(t, exitUsage, b.ferry(t, append([]string{"quarantine"}, args...)...).code, args)
	}
	a := b.ferry(t, "quarantine", "waive", "--entity", "loyalty_card", id, "--note", "a coupon without an owner")
	require.Equal(t, exitClean, a.code, a.err)
	require.Contains(t, a.out, "1 row waived")
	require.Contains(t, b.ferry(t, "quarantine", "show", "loyalty_card", id).out, ": a coupon without an owner")
	require.Contains(t, b.ferry(t, "journal", "list").out, "a coupon without an owner")
	require.Equal(t, exitError, b.ferry(t, "quarantine", "waive", "--entity", "loyalty_card", id, "--note", "again").code, "it is waived already")

	require.EqualValues(t, 183, b.result(t, "quarantine", "waive", "--reason", "card.partner_missing", "--note", "all coupons")["rows"])
	require.EqualValues(t, 184, b.result(t, "quarantine", "list", "--state", "waived")["rows"])
	require.Contains(t, b.ferry(t, "status").out, "184 (184 of them waived)")
	a = b.ferry(t, "status", "--check")
	require.Equal(t, exitDiscrepancy, a.code)
	require.Contains(t, a.err, "4.61 % of loyalty_card were rejected, most of them for card.points_negative", "21 of 456, of which 15 are negative")

	require.EqualValues(t, 184, b.result(t, "quarantine", "waive", "--undo", "--reason", "card.partner_missing")["rows"])
	require.Contains(t, b.ferry(t, "status", "--check").err, "44.96 % of loyalty_card")
}

func TestRetriedRowsAreReadAgainAtOnce(t *testing.T) {
	t.Parallel()
	b := synced(t)
	id := b.text(t, `SELECT min(source_id)::text FROM ferry.quarantine WHERE reason = 'card.partner_missing'`)
	a := b.ferry(t, "quarantine", "retry", "--entity", "loyalty_card", id)
	require.Equal(t, exitClean, a.code, a.err)
	require.Contains(t, a.out, "1 row read again by run #2; 0 left quarantine")
	require.Contains(t, b.ferry(t, "quarantine", "show", "loyalty_card", id).out, "2 times, first")
	require.Equal(t, "done", b.result(t, "status")["state"])
	require.Equal(t, exitError, b.ferry(t, "quarantine", "retry", "--entity", "loyalty_card", "999999").code)
	require.EqualValues(t, 6, b.result(t, "quarantine", "retry", "--reason", "code_taken")["rows"])
	require.Equal(t, exitClean, b.ferry(t, "quarantine", "retry", "--all").code)
}

func TestARuleIsChangedWithAReasonAndTheConfigOnlySaysWhatItWants(t *testing.T) {
	t.Parallel()
	b := synced(t)
	for _, args := range [][]string{
		{"card.partner_missing"},
		{"card.partner_missing", "warn"},
		{"card.partner_mising", "warn", "--reason", "x"},
		{"card.partner_missing", "wran", "--reason", "x"},
		{"card.code_empty", "warn", "--reason", "x"},
	} {
		require.Equal(t, exitUsage, b.ferry(t, append([]string{"quarantine", "rule"}, args...)...).code, args)
	}
	a := b.ferry(t, "quarantine", "rule", "card.partner_missing", "warn", "--reason", "coupons are well")
	require.Equal(t, exitClean, a.code, a.err)
	require.Contains(t, a.out, "card.partner_missing is warn from now on")
	require.Equal(t, exitRefused, b.ferry(t, "quarantine", "rule", "card.partner_missing", "warn", "--reason", "again").code)
	require.Contains(t, b.ferry(t, "journal", "list").out, "coupons are well")

	b.configure(t, "rules.card.partner_missing = \"reject\"\n")
	a = b.ferry(t, "quarantine", "rules")
	require.Regexp(t, `card.partner_missing +warn +default reject +it has no partner; the config says reject, which is not in force`, a.out)
	require.Regexp(t, `card.code_empty +reject +fixed`, a.out)
	for _, row := range lines(t, b.ferry(t, "quarantine", "rules", "--json").out) {
		if row["name"] == "card.partner_missing" {
			require.Equal(t, true, row["differs_from_config"])
			require.Equal(t, "warn", row["severity"])
		}
	}
	r := b.result(t, "sync", "incremental", tolerant)
	require.Contains(t, r["why_full"], "rules")
	require.EqualValues(t, 184, object(t, object(t, r, "entities"), "loyalty_card")["warned"])
}
