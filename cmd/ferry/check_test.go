package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestACheckByCommandPassesAndIsShownByStatus(t *testing.T) {
	t.Parallel()
	b := synced(t)
	require.Equal(t, "unknown", object(t, b.result(t, "status"), "check")["verdict"])
	require.Nil(t, object(t, b.result(t, "status"), "check")["compared"], "unknown is null")
	r := b.result(t, "check")
	check := object(t, r, "check")
	require.Equal(t, "check", r["kind"])
	require.Equal(t, "pass", check["verdict"])
	require.InDelta(t, 1, figure(t, check, "consistency_rate"), 0)
	require.InDelta(t, 1, figure(t, check, "coverage"), 0)
	require.Positive(t, figure(t, check, "explained"))
	require.Positive(t, figure(t, object(t, check, "by_cause"), "quarantined"))

	status := b.result(t, "status")
	require.Equal(t, "full", status["kind"], "a check is not the run of a status")
	require.Equal(t, "pass", object(t, status, "check")["verdict"])
	require.InDelta(t, figure(t, check, "compared"), figure(t, object(t, status, "check"), "compared"), 0)
	require.Equal(t, "pass", object(t, b.result(t, "sync", "incremental", tolerant), "check")["verdict"])
	require.Contains(t, b.ferry(t, "runs", "list").out, "check")
}

func TestACheckByCommandTellsWhatDiffers(t *testing.T) {
	t.Parallel()
	b := synced(t)
	b.target.Exec(t, `UPDATE point_moves SET initial_point = initial_point + 0.01 WHERE id = 13`,
		`INSERT INTO point_moves SELECT (jsonb_populate_record(m, '{"id": 700, "odoo_move_id": 700}')).* FROM point_moves m WHERE id = 14`)
	a := b.ferry(t, "check", "--entity", "loyalty_point_move", "--json")
	require.Equal(t, exitDiscrepancy, a.code, a.err)
	var found []map[string]any
	for _, line := range lines(t, a.out) {
		if line["type"] == "discrepancy" {
			found = append(found, line)
		}
	}
	require.Len(t, found, 2)
	require.Equal(t, "initial_point", found[0]["field"])
	require.Equal(t, true, found[0]["settled"])
	require.Equal(t, true, found[1]["settled"], "a cycle was begun, and is behind it")
	require.Equal(t, "extra", found[1]["cause"])
	require.Contains(t, a.err, "2 of")
	require.Equal(t, "fail", object(t, b.result(t, "status"), "check")["verdict"])
}

func TestACheckThatMayOnlyReadKeepsNoRecordAndBeginsNoCycle(t *testing.T) {
	t.Parallel()
	b := synced(t)
	onlooker := b.onlooker(t)
	before := b.fingerprint(t)
	require.Equal(t, exitClean, onlooker.ferry(t, "check", "--read-only").code)
	b.source.Exec(t, `UPDATE loyalty_point_move SET initial_point = initial_point + 1 WHERE id = 13`)
	a := onlooker.ferry(t, "check", "--read-only", "--json")
	require.Equal(t, exitUnchecked, a.code, a.err)
	require.Contains(t, a.err, "may be changes under way")
	all := lines(t, a.out)
	require.Equal(t, "discrepancy", all[0]["type"])
	require.Equal(t, false, all[0]["settled"])
	last := all[len(all)-1]
	require.Nil(t, last["run"], "there is none")
	require.Equal(t, "unknown", object(t, last, "check")["verdict"])
	require.Equal(t, before, b.fingerprint(t))
}

func TestACheckOfAnEngineThatWasNeverFilledSaysSo(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.Equal(t, exitClean, b.ferry(t, "init").code)
	a := b.ferry(t, "check")
	require.Equal(t, exitUnchecked, a.code, a.err)
	require.Contains(t, a.err, "ferry sync full")
	require.Equal(t, exitUsage, b.ferry(t, "check", "--entity", "nonsense").code)
}
