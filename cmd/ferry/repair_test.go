package main

import (
	"encoding/csv"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// differs plants a settled discrepancy of a card's column, and gives its number.
func (b *bench) differs(t *testing.T, card, field, source string) string {
	t.Helper()
	b.target.Exec(t, fmt.Sprintf(`INSERT INTO ferry.discrepancy
			(entity, row_id, field, source, expected, target, cause, state, version_at, found_run, found_at, seen_run, seen_at, settled_at)
		VALUES ('loyalty_card', %s, '%s', $x$%s$x$, '1', '-4711', 'field', 'settled', now(), 2, now(), 2, now(), now())`, card, field, source))
	return b.text(t, `SELECT max(id)::text FROM ferry.discrepancy`)
}

// corrupted breaks a card's partner in the engine, and has that found.
func (b *bench) corrupted(t *testing.T) (card, number string) {
	t.Helper()
	card = b.text(t, `SELECT min(id)::text FROM loyalty_cards WHERE partner_id <> 4711`)
	b.target.Exec(t, `UPDATE loyalty_cards SET partner_id = 4711 WHERE id = `+card)
	return card, b.differs(t, card, "partner_id", "1")
}

func TestARepairIsPlannedShownAndAppliedByName(t *testing.T) {
	t.Parallel()
	b := synced(t)
	a := b.ferry(t, "repair", "plan")
	require.Equal(t, exitError, a.code)
	require.Contains(t, a.err, "nothing to repair: no settled discrepancy")
	card, number := b.corrupted(t)
	want := b.text(t, `SELECT current_database()`)

	a = b.ferry(t, "repair", "plan", "--cause", "field", "--filter", "field:partner")
	require.Equal(t, exitClean, a.code, a.err)
	require.Contains(t, a.out, "planned  write   loyalty_card")
	require.Regexp(t, `partner_id +4711 → \d+`, a.out)
	result := b.result(t, "repair", "plan", number)
	name, _ := result["plan"].(string)
	require.Regexp(t, `^2-[0-9a-f]{12}$`, name)
	require.Contains(t, b.ferry(t, "repair", "show", "2").out, "`ferry repair apply "+name+" --confirm "+want+"` carries it out")
	require.Equal(t, "4711", b.text(t, `SELECT partner_id::text FROM loyalty_cards WHERE id = `+card), "a plan writes nothing")

	for _, refused := range [][]string{
		{"repair", "apply", name, "--confirm", want + "x"},
		{"repair", "apply", "2-000000000000", "--confirm", want},
		{"repair", "apply", name, "--confirm", want, "--read-only"},
		{"repair", "plan", "--read-only"},
	} {
		a = b.ferry(t, refused...)
		require.Equal(t, exitRefused, a.code, "%v: %s", refused, a.err)
	}
	for _, wrong := range [][]string{
		{"repair"},
		{"repair", "apply"},
		{"repair", "apply", "2", "--confirm", want},
		{"repair", "apply", "2-00", "--confirm", want},
		{"repair", "apply", name},
		{"repair", "show", "x"},
		{"repair", "plan", "x"},
		{"repair", "plan", "--cause", "feild"},
		{"repair", "plan", "--filter", "("},
	} {
		require.Equal(t, exitUsage, b.ferry(t, wrong...).code, wrong)
	}
	require.Equal(t, exitError, b.ferry(t, "repair", "show", "99").code)

	a = b.ferry(t, "repair", "apply", name, "--confirm", want)
	require.Equal(t, exitClean, a.code, a.err)
	require.Contains(t, a.out, "applied  write   loyalty_card")
	require.Contains(t, a.out, "verified once a check has ended clean")
	require.NotEqual(t, "4711", b.text(t, `SELECT partner_id::text FROM loyalty_cards WHERE id = `+card))
	a = b.ferry(t, "repair", "apply", name, "--confirm", want)
	require.Equal(t, exitRefused, a.code)
	require.Contains(t, a.err, "plan 2 is spent: run #2")
	require.Contains(t, b.ferry(t, "runs", "list").out, "repair")
	require.Contains(t, b.ferry(t, "discrepancies", "show", number).out, "by run #2")
}

func TestARepairThatWasBrokenOffIsTakenUpByTheSameCommand(t *testing.T) {
	t.Parallel()
	b := synced(t)
	card, _ := b.corrupted(t)
	name, _ := b.result(t, "repair", "plan")["plan"].(string)
	database := b.text(t, `SELECT current_database()`)
	a := b.ferry(t, "repair", "apply", name, "--confirm", database, "--workers", "0")
	require.Equal(t, exitClean, a.code, a.err)
	require.Contains(t, a.out, "run #2 has begun")
	a = b.ferry(t, "sync", "incremental")
	require.Equal(t, exitRefused, a.code)
	require.Contains(t, a.err, "repair run #2 was left unfinished; the `ferry repair apply` that began it")
	require.Equal(t, exitClean, b.ferry(t, "cancel", "2").code)
	require.Contains(t, b.ferry(t, "repair", "show", name).out, "run #2 is at it")
	a = b.ferry(t, "repair", "apply", name, "--confirm", database+"x")
	require.Equal(t, exitRefused, a.code)
	require.Equal(t, "4711", b.text(t, `SELECT partner_id::text FROM loyalty_cards WHERE id = `+card))
	a = b.ferry(t, "repair", "apply", name, "--confirm", database)
	require.Equal(t, exitClean, a.code, a.err)
	require.NotEqual(t, "4711", b.text(t, `SELECT partner_id::text FROM loyalty_cards WHERE id = `+card))
}

func TestDiscrepanciesAreTheWorkbench(t *testing.T) {
	t.Parallel()
	b := synced(t)
	require.Contains(t, b.ferry(t, "discrepancies", "list").out, "no such discrepancy is known")
	hostile := b.differs(t, "7", "code", "=cmd|'/C calc'!A0\x1b[31m")
	points := b.differs(t, "8", "points", "-9.00")
	a := b.ferry(t, "discrepancies", "list")
	require.Equal(t, exitClean, a.code, a.err)
	require.NotContains(t, a.out, "\x1b", "made visible")
	require.Equal(t, 2, strings.Count(a.out, "\n"))
	list := lines(t, b.ferry(t, "discrepancies", "list", "--filter", "!field:code", "--json").out)
	require.Equal(t, []any{"discrepancy", "loyalty_card", 8.0, "points", "-9.00", true},
		[]any{list[0]["type"], list[0]["entity"], list[0]["id"], list[0]["field"], list[0]["source"], list[0]["settled"]})
	require.EqualValues(t, 1, list[1]["rows"])
	require.Equal(t, 1, strings.Count(b.ferry(t, "discrepancies", "list", "--limit", "1").out, "\n"))

	a = b.ferry(t, "discrepancies", "export")
	require.Equal(t, exitClean, a.code, a.err)
	cells, err := csv.NewReader(strings.NewReader(a.out)).ReadAll()
	require.NoError(t, err)
	require.Equal(t, []string{"'=cmd|'/C calc'!A0␛[31m", "-9.00"}, []string{cells[1][6], cells[2][6]})
	out := filepath.Join(t.TempDir(), "found.jsonl")
	require.Equal(t, exitClean, b.ferry(t, "discrepancies", "export", points, "--format", "jsonl", "--out", out).code)
	text, err := os.ReadFile(out)
	require.NoError(t, err)
	require.Equal(t, "-9.00", lines(t, string(text))[0]["source"])
	require.Equal(t, exitError, b.ferry(t, "discrepancies", "export", "--out", out).code, "nothing is overwritten")

	require.EqualValues(t, 1, b.result(t, "discrepancies", "acknowledge", hostile, "--note", "the card is a test", "--until", "72h")["discrepancies"])
	require.Contains(t, b.ferry(t, "discrepancies", "list").out, "(the card is a test)")
	require.Contains(t, b.ferry(t, "discrepancies", "show", "#"+hostile).out, ", until ")
	require.Contains(t, b.ferry(t, "journal", "list").out, "acknowledge")
	require.Equal(t, exitClean, b.ferry(t, "discrepancies", "acknowledge", "--all", "--undo").code)
	require.Equal(t, exitError, b.ferry(t, "discrepancies", "acknowledge", "--all", "--undo").code, "nothing is left of it")
	require.Equal(t, exitError, b.ferry(t, "discrepancies", "show", "99").code)
	require.Equal(t, exitRefused, b.ferry(t, "discrepancies", "acknowledge", hostile, "--note", "x", "--read-only").code)
	for _, wrong := range [][]string{
		{"acknowledge", hostile},
		{"acknowledge", "--note", "x"},
		{"acknowledge", hostile, "--note", "x", "--until", "yesterday"},
		{"acknowledge", "--all", hostile, "--note", "x"},
		{"list", "--state", "setled"},
		{"list", "--entity", "cards"},
		{"list", "--filter", "["},
		{"list", "--limit", "-1"},
		{"show"},
		{"show", "x"},
		{"recheck"},
		{"export", "--format", "xls"},
	} {
		require.Equal(t, exitUsage, b.ferry(t, append([]string{"discrepancies"}, wrong...)...).code, wrong)
	}
}

func TestAMomentToCome(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"": {}, "72h": now.Add(72 * time.Hour), "2026-03-02": now.Add(14 * time.Hour), "2026-03-01T10:00:01Z": now.Add(time.Second),
	} {
		got, err := moment(text, now)
		require.NoError(t, err, text)
		require.True(t, want.Equal(got), "%s: %s", text, got)
	}
	for _, text := range []string{"2026-03-01", "-1h", "0", "soon", "2026-03-01T10:00:00Z"} {
		_, err := moment(text, now)
		require.Error(t, err, text)
	}
}
