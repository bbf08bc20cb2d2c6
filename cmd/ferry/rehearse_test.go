package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/store/demo"
	"ferry/store/embedded/pgtest"
	"ferry/store/grants"
)

// rehearsable is a bench with a small clean world, and an engine database with nothing in it.
func rehearsable(t *testing.T) *bench {
	t.Helper()
	return filledBench(t, demo.Params{Cards: 300, Seed: 5, Clean: true})
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

// atFreeze reports whether a rehearsal carries out its freeze, and is not only about to.
func atFreeze(line map[string]any) bool {
	steps, _ := line["steps"].([]any)
	for _, step := range steps {
		if s, ok := step.(map[string]any); ok && s["name"] == "freeze" {
			return s["state"] == "running"
		}
	}
	return false
}

// The process dies, the machine with it; whoever types the command again goes on with the same rehearsal.
func TestARehearsalThatWasKilledIsGoneOnWith(t *testing.T) {
	t.Parallel()
	b := rehearsable(t)
	c := b.start(t, "rehearse", "--quiet", "1h", "--json")
	c.until(t, atFreeze)
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
	id := numberOf(t, c.until(t, atFreeze))
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

// The process that asked is gone when its question is answered: the answer is seen everywhere, and what is written from then on is found
// by whoever comes.
func TestAnAnswerIsShownAndHoldsThoughNobodyIsThere(t *testing.T) {
	t.Parallel()
	b := rehearsable(t)
	c := b.start(t, "rehearse", "--freeze", "confirm", "--json")
	c.until(t, func(line map[string]any) bool { return line["state"] == "asking" })
	_, _ = c.end(t, syscall.SIGTERM)
	require.Equal(t, exitClean, b.ferry(t, "answer", "1", "accept").code)
	const waits = "nswered by "
	require.Regexp(t, `rehearsal #1: A`+waits+`\S+; waits for a process with workers`, b.ferry(t, "status").out)
	require.Regexp(t, `A`+waits+`\S+; waits for a process with workers. .ferry rehearse. goes on`, b.ferry(t, "rehearsals", "show", "1").out)
	require.Contains(t, lines(t, b.ferry(t, "rehearsals", "list", "--json").out)[0]["confirmed_by"], "@")

	b.source.Exec(t, `UPDATE loyalty_card SET points = points WHERE id = (SELECT min(id) FROM loyalty_card)`)
	a := b.ferry(t, "rehearse", "--json")
	require.Equal(t, exitDiscrepancy, a.code, a.err)
	require.Contains(t, a.err, "NO-GO: still: written", "it was written behind the answer, and before anybody looked")
}

func TestWhatIsNoRehearsalOrNoGateOfItIsToldApart(t *testing.T) {
	t.Parallel()
	b := rehearsable(t)
	require.Contains(t, b.ferry(t, "rehearse", "--agreement", "200").err, "agreement 200 %: say which part of the rows must agree, from 0 % to 100 %")
	require.Contains(t, b.ferry(t, "rehearse", "--gate", "x").err, `--gate "x" is none of [agreement `)
	require.Contains(t, b.ferry(t, "rehearse", "--gate", "still").err, "there has been no rehearsal yet")
	require.Equal(t, exitClean, b.ferry(t, "pause", "--schedule", "--reason", "night").code)
	a := b.ferry(t, "rehearse", "--freeze", "none", "--quiet", "300ms")
	require.Equal(t, exitClean, a.code, a.err)
	const paused = "ticks are paused by "
	require.Contains(t, a.err, paused, "at once")
	require.Regexp(t, `preflight .*`+paused+`\S+ \(night\): .*ferry resume --schedule`, a.out)
	require.Contains(t, a.out, "downtime window: none, without a freeze")
	id := b.text(t, `SELECT max(id)::text FROM ferry.run WHERE kind = 'rehearsal'`)
	a = b.ferry(t, "rehearse", "--gate", "still")
	require.Equal(t, exitRefused, a.code, a.err)
	require.Contains(t, a.err, `rehearsal #`+id+` has no gate "still"; it has agreement, differences,`)
	require.Contains(t, b.ferry(t, "rehearsals", "show", "999").err, "there is no run #999;")
	full := b.text(t, `SELECT id::text FROM ferry.run WHERE kind = 'full'`)
	require.Contains(t, b.ferry(t, "rehearsals", "show", full).err, "#"+full+" is no rehearsal but a run of kind full")
}

// Who may not rehearse is told so at once, though there is a rehearsal that it could wait for.
func TestWhoMayNotRehearseIsRefusedAtOnce(t *testing.T) {
	t.Parallel()
	b := rehearsable(t)
	b.target.Exec(t, `WITH r AS (INSERT INTO ferry.run (kind, writes, state, epoch, source_identity, rules, rules_hash, requested_by)
		VALUES ('rehearsal', false, 'running', 0, '', '{}', '', 'somebody') RETURNING id)
		INSERT INTO ferry.rehearsal (run_id, freezing, limits, holder) SELECT id, 'none', '{}', 'another' FROM r`,
		`INSERT INTO ferry.worker (id, host, pid, workers, version, seen_at) VALUES ('another', 'db2', 1, 1, '', now() + interval '1 hour')`)
	owner := b.env["FERRY_TARGET"]
	for name, c := range map[string]struct {
		section grants.Section
		without string
		says    string
	}{
		"a viewer": {grants.Viewer(grants.Roles{Viewer: "{role}", EngineDatabase: b.target.Name}), "", "may look and change nothing"},
		"somebody with a part": {
			grants.Operator(grants.Roles{Operator: "{role}", EngineDatabase: b.target.Name}), `"rehearsal_step"`, "ON ferry.rehearsal_step TO",
		},
	} {
		b.env["FERRY_TARGET"] = pgtest.Role(t, b.target, "NOINHERIT", statementsFor(c.section, c.without)...).DSN
		began := time.Now()
		a := b.ferry(t, "rehearse")
		require.Equal(t, exitRefused, a.code, name, a.err)
		require.Contains(t, a.err, "the engine database does not let this role do that: ", name)
		require.Contains(t, a.err, c.says, name)
		require.Contains(t, a.err, "`ferry grants`", name)
		require.Less(t, time.Since(began), adoptLimit/2, name)
	}
	b.env["FERRY_TARGET"] = owner
	require.Equal(t, exitRefused, b.ferry(t, "rehearse", "--read-only").code)
}

// statementsFor are the statements of a section for a role that there is, but for those that name something.
func statementsFor(s grants.Section, without string) []string {
	var out []string
	for _, st := range s.Statements[1:] {
		if without == "" || !strings.Contains(st.SQL, without) {
			out = append(out, st.SQL)
		}
	}
	return out
}

func TestRehearsalsAreToldAlikeAndInColumns(t *testing.T) {
	t.Parallel()
	v := &engine.RehearsalView{
		RunView: engine.RunView{ID: 3, State: engine.RunCancelled, StateBy: "sari@db2"},
		Steps:   []engine.RehearsalStep{{Name: engine.RehearseCheck, State: engine.RehearsalRunning, StartedAt: time.Unix(0, 0)}},
		Gates:   []engine.RehearsalGate{{Name: engine.GateDrift}},
	}
	told := describeRehearsal(v)
	text := strings.Join(told, "\n")
	require.Contains(t, text, "  check      stopped ", "nothing runs in what was aborted")
	require.Contains(t, text, "`ferry rehearse --resume 3` resumes it")
	for i, line := range told {
		require.False(t, line == "" && i > 0 && told[i-1] == "", "no two empty lines: %q", text)
	}
	require.Contains(t, told[len(told)-1], "drift", "a gate that was not measured has no line below it")

	lines := aligned([][]string{{"drift", "fail 1.51 % (3450 of 228331), which is long", "pass 0 %", "changed"}, {"check", "1 s", "2 s", "+1 s"}})
	require.Equal(t, strings.Index(lines[0], "pass 0 %"), strings.Index(lines[1], "2 s"))
	require.Contains(t, lines[0], "long  pass")
}
