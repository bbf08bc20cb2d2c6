package main

import (
	"context"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/store/demo"
	"ferry/store/embedded/pgtest"
)

// cleanWorld is a small demo world without faults.
func cleanWorld(ctx context.Context, dsn string) error {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = demo.Generate(ctx, conn, demo.Params{Cards: 300, Seed: 5, Clean: true})
	return err
}

// rehearsable is a bench with a small clean world, and an engine database with nothing in it.
func rehearsable(t *testing.T) *bench {
	t.Helper()
	b := &bench{source: pgtest.New(t, pgtest.Template("demo-clean", cleanWorld)), target: pgtest.New(t)}
	reader := pgtest.Role(t, b.source, "", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
	b.reader = reader.Name
	b.env = map[string]string{
		"FERRY_SOURCE": reader.DSN, "FERRY_TARGET": b.target.DSN, "HOME": t.TempDir(), "USER": "tester", "TERM": "xterm-256color",
	}
	require.Equal(t, exitClean, b.ferry(t, "init").code)
	return b
}

// lastLine is the last line of JSON.
func lastLine(t *testing.T, a answer) map[string]any {
	t.Helper()
	all := lines(t, a.out)
	require.NotEmpty(t, all, a.err)
	return all[len(all)-1]
}

func TestRehearsalsByCommandFromNothingToGoAndToNoGo(t *testing.T) {
	t.Parallel()
	b := rehearsable(t)
	require.Contains(t, b.ferry(t, "rehearsals", "list").out, "there has been no rehearsal yet")
	require.Equal(t, exitError, b.ferry(t, "rehearsals", "show", "1").code)
	require.Equal(t, exitUsage, b.ferry(t, "rehearse", "--freeze", "ice").code)
	require.Equal(t, exitUsage, b.ferry(t, "rehearse", "--agreement", "101").code)
	require.Equal(t, exitUsage, b.ferry(t, "rehearse", "--report", "/nowhere/x.md").code)
	require.Equal(t, exitRefused, b.ferry(t, "rehearse", "--read-only").code)

	dir := t.TempDir()
	a := b.ferry(t, "rehearse", "--quiet", "300ms", "--agreement", "100", "--report", filepath.Join(dir, "night.md"), "--reason", "a | <b>", "--json")
	require.Equal(t, exitClean, a.code, a.out+a.err)
	r := lastLine(t, a)
	require.Equal(t, "result", r["type"])
	require.Equal(t, "rehearsal", r["kind"])
	require.Equal(t, "GO", r["verdict"])
	require.Equal(t, "holds", r["standing"])
	require.Equal(t, true, r["odoo_may_be_unfrozen"])
	require.Positive(t, figure(t, r, "window_ms"))
	require.InDelta(t, 1, figure(t, object(t, r, "limits"), "agreement"), 0)
	frozen := false
	for _, line := range lines(t, a.out) {
		may, known := line["odoo_may_be_unfrozen"].(bool)
		frozen = frozen || line["type"] == "progress" && known && !may
	}
	require.True(t, frozen, "while it is frozen every line says so: %s", a.out)
	for _, name := range []string{"night.md", "night.json", "night-throughput.svg", "night-freshness.svg"} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(t, err)
		require.NotContains(t, string(text), "<b>")
	}
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, left, 4, "nothing half written lies about")
	require.Contains(t, b.ferry(t, "rehearsals", "list").out, "GO ")

	b.source.Exec(t, `UPDATE loyalty_card SET points = coalesce(points, 0) + 7 WHERE id <= (SELECT min(id) + 20 FROM loyalty_card)`)
	a = b.ferry(t, "rehearsals", "list", "--json")
	first := lines(t, a.out)[0]
	require.Equal(t, "expired", first["standing"], a.out)
	require.Contains(t, first["moved"], "loyalty_card")
	require.Contains(t, b.ferry(t, "rehearsals", "show", "1").out, "GO, but it has expired: the source has moved on")

	a = b.ferry(t, "rehearse", "--freeze", "none", "--report", filepath.Join(dir, "second.json"))
	require.Equal(t, exitDiscrepancy, a.code, a.out+a.err)
	require.Contains(t, a.err, "NO-GO: drift: ")
	require.NotContains(t, a.out, "Odoo may be unfrozen", "it was never frozen")
	all := lines(t, b.ferry(t, "rehearsals", "list", "--json").out)
	second := all[0]
	require.Equal(t, "NO-GO", second["verdict"])
	require.Nil(t, second["standing"])
	require.Len(t, all, 3)

	a = b.ferry(t, "rehearsals", "compare", "1", numberOf(t, second))
	require.Equal(t, exitClean, a.code, a.err)
	require.Regexp(t, `drift +pass 0 % \(0 of 300\) +fail .* +changed`, a.out)
	require.Regexp(t, `(?m)^check +\S+ (ms|s) +\S+ (ms|s) +[+−=]`, a.out)
	compared := b.result(t, "rehearsals", "compare", "1", numberOf(t, second))
	require.Len(t, compared["steps"], 7)
	require.Equal(t, exitUsage, b.ferry(t, "rehearsals", "compare", "1").code)

	a = b.ferry(t, "rehearse", "--gate", "failed-runs", "--json")
	require.Equal(t, exitDiscrepancy, a.code, a.out+a.err)
	require.Equal(t, second["run"], lastLine(t, a)["run"], "no other one has begun")
	require.Contains(t, b.ferry(t, "runs", "list").out, "rehearsal")
	require.Contains(t, b.ferry(t, "journal", "list").out, "Odoo may be unfrozen: no")
}

func numberOf(t *testing.T, of map[string]any) string {
	t.Helper()
	return strconv.FormatFloat(figure(t, of, "run"), 'f', -1, 64)
}

func TestAFreezeIsConfirmedByAnswerAndAbortedByCancel(t *testing.T) {
	t.Parallel()
	b := rehearsable(t)
	c := b.start(t, "rehearse", "--freeze", "confirm", "--json")
	asking := func(line map[string]any) bool { return line["state"] == "asking" }
	asked := c.until(t, asking)
	require.Contains(t, asked["question"], "ferry answer 1 accept")
	require.Nil(t, asked["odoo_may_be_unfrozen"])
	require.Contains(t, b.ferry(t, "status").out, "rehearsal #1 needs answer")
	refused := b.ferry(t, "seal", "--confirm", b.target.Name)
	require.Equal(t, exitRefused, refused.code, refused.err)
	require.Contains(t, refused.err, "another rehearsal is active: #1")
	a := b.ferry(t, "answer", "1", "accept", "--reason", "shop closed")
	require.Equal(t, exitClean, a.code, a.err)
	result := c.until(t, func(line map[string]any) bool { return line["type"] == "result" })
	require.Equal(t, "GO", result["verdict"], result["why"])
	require.Contains(t, result["frozen_by"], "confirmed by")
	require.NoError(t, c.cmd.Wait())

	c = b.start(t, "rehearse", "--freeze", "confirm", "--json")
	id := numberOf(t, c.until(t, asking))
	require.Equal(t, exitClean, b.ferry(t, "cancel", id, "--reason", "not tonight").code)
	for c.out.Scan() { // to its end
	}
	_ = c.cmd.Wait()
	require.Equal(t, exitError, c.cmd.ProcessState.ExitCode(), c.err())
	require.Contains(t, c.err(), "was aborted by")
	require.Contains(t, b.ferry(t, "rehearsals", "show", id).out, "Aborted by")

	require.Equal(t, exitUsage, b.ferry(t, "rehearse", "--resume", id, "--freeze", "none").code, "it keeps what it was begun with")
	c = b.start(t, "rehearse", "--resume", id, "--json")
	c.until(t, asking)
	require.Equal(t, exitClean, b.ferry(t, "answer", id, "accept").code)
	require.Equal(t, "GO", c.until(t, func(line map[string]any) bool { return line["type"] == "result" })["verdict"])
}

// The process dies, the machine with it; whoever types the command again goes on with the same rehearsal.
func TestARehearsalThatWasKilledIsGoneOnWith(t *testing.T) {
	t.Parallel()
	b := rehearsable(t)
	c := b.start(t, "rehearse", "--quiet", "1h", "--json")
	c.until(t, func(line map[string]any) bool { return line["step"] == "freeze" })
	_, _ = c.end(t, syscall.SIGKILL)
	b.target.Exec(t, `UPDATE ferry.rehearsal SET limits = jsonb_set(limits, '{quiet}', '300000000')`)
	a := b.ferry(t, "rehearse", "--json")
	require.Equal(t, exitClean, a.code, a.out+a.err)
	require.Contains(t, a.err, "going on with rehearsal #1, whose process is gone")
	r := lastLine(t, a)
	require.EqualValues(t, 1, r["run"])
	require.EqualValues(t, 1, r["breaks"])
	require.Positive(t, figure(t, r, "idle_ms"))

	c = b.start(t, "rehearse", "--quiet", "1h", "--json")
	id := numberOf(t, c.until(t, func(line map[string]any) bool { return line["step"] == "freeze" }))
	code, _ := c.end(t, syscall.SIGTERM)
	require.Equal(t, exitSignal+int(syscall.SIGTERM), code, c.err())
	require.Contains(t, c.err(), "`ferry rehearse` goes on with it")
	require.Contains(t, b.ferry(t, "rehearsals", "show", id).out, "Interrupted")
}

func TestAVerdictHasItsExitCode(t *testing.T) {
	t.Parallel()
	for verdict, code := range map[engine.Verdict]int{
		engine.Pass: exitClean, engine.Fail: exitDiscrepancy, engine.CouldNotCheck: exitUnchecked, "": exitError,
	} {
		require.Equal(t, code, exitCode(decided(&engine.RehearsalView{Verdict: verdict, Why: "why"})), string(verdict))
	}
	for standing, code := range map[engine.Standing]int{
		engine.StandingHolds: exitClean, engine.StandingExpired: exitDiscrepancy, engine.StandingUnknown: exitUnchecked,
	} {
		v := &engine.RehearsalView{Verdict: engine.Pass, Standing: standing, Moved: "loyalty_card: rows written", Freeze: engine.FreezeDetect}
		require.Equal(t, code, exitCode(decided(v)), "%s: a GO that does not hold is none", standing)
		v.Freeze = engine.FreezeNone
		require.Equal(t, exitClean, exitCode(decided(v)), "%s: the source was to go on", standing)
	}
}
