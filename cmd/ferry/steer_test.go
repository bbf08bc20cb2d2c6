package main

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ferry/cmd/ferry/internal/config"
	"ferry/engine"
)

func TestByDefaultThePauseIsOfTheScheduleAndTheActiveRun(t *testing.T) {
	t.Parallel()
	b := synced(t)
	a := b.ferry(t, "pause", "--reason", "backup")
	require.Equal(t, exitClean, a.code, a.err)
	require.Equal(t, "paused: ticks, in every process (backup)\n", a.out)
	status := b.ferry(t, "status")
	require.Contains(t, status.out, "schedule: held back by ")
	require.Contains(t, status.out, "(backup); `ferry resume --schedule`")
	schedule := object(t, b.result(t, "status"), "schedule")
	require.Equal(t, "backup", schedule["reason"])
	a = b.ferry(t, "pause")
	require.Equal(t, exitRefused, a.code)
	require.Contains(t, a.err, "already paused by ")

	// A run begins, though no tick does: now the run is paused, and that the schedule is already is no error.
	require.Equal(t, exitClean, b.ferry(t, "pause", "--entity", "loyalty_card").code)
	child := b.start(t, "sync", "full", tolerant, "--json")
	child.until(t, func(line map[string]any) bool { return line["state"] == "paused" })
	r := b.result(t, "resume")
	require.Equal(t, []any{"the schedule"}, r["changed"])
	require.Contains(t, fmt.Sprint(r["notes"]), "`ferry resume --entity loyalty_card`", "the run waits for the entity")
	require.Equal(t, exitClean, b.ferry(t, "resume", "--entity", "loyalty_card").code)
	for child.out.Scan() { // to its end
	}
	require.NoError(t, child.cmd.Wait(), child.err())

	require.Equal(t, exitRefused, b.ferry(t, "resume").code, "nothing is paused")
	for _, args := range [][]string{
		{"pause", "--run", "1", "--schedule"}, {"resume", "--entity", "loyalty_card", "--schedule"}, {"pause", "--entity", "cards"},
	} {
		require.Equal(t, exitUsage, b.ferry(t, args...).code, args)
	}
	require.Equal(t, exitClean, b.ferry(t, "pause", "--schedule").code)
	require.Equal(t, exitClean, b.ferry(t, "resume", "--schedule").code)
}

func TestATickThatIsPausedEndsTheCommand(t *testing.T) {
	t.Parallel()
	b := synced(t)
	b.source.Exec(t, `UPDATE loyalty_card SET points = points + 1`, `UPDATE loyalty_point_history SET points_amount = points_amount`)
	b.target.Exec(t, `ALTER TABLE loyalty_cards ADD CHECK (odoo_points < -1) NOT VALID`) // the engine refuses every row: the run pauses itself
	a := b.ferry(t, "sync", "incremental", tolerant)
	require.Equal(t, exitRefused, a.code, a.out+a.err)
	require.Contains(t, a.err, "incremental run #2 is paused by ferry (the engine database refused")
	require.Contains(t, a.err, "`ferry resume --run 2`")
	again := b.ferry(t, "sync", "incremental", tolerant)
	require.Equal(t, exitRefused, again.code)
	require.Contains(t, again.err, "`ferry resume --run 2`")
}

func TestAStatusIsJudged(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for _, c := range []struct {
		name string
		do   func()
		code int
		says string
	}{
		{"not initialised", func() {}, exitUnchecked, "ferry init"},
		{"never synced", func() { require.Equal(t, exitClean, b.ferry(t, "init").code) }, exitUnchecked, "no cycle has been completed"},
		{
			"too many rejects", func() { require.Equal(t, exitDiscrepancy, b.ferry(t, "sync", "full").code) }, exitDiscrepancy,
			"44.96 % of loyalty_card were rejected, most of them for card.partner_missing",
		},
		{"all is well", func() { b.env["FERRY_REJECTED_SHARE"] = "1" }, exitClean, ""},
		{
			"rows that do not add up", func() {
				b.target.Exec(t, `UPDATE ferry.entity_state SET source_rows = source_rows + 1 WHERE entity = 'loyalty_card'`)
			},
			exitDiscrepancy, "the rows of loyalty_card do not add up: source 457, engine 251",
		},
		{"no source", func() {
			b.target.Exec(t, `UPDATE ferry.entity_state SET source_rows = source_rows - 1 WHERE entity = 'loyalty_card'`)
			b.env["FERRY_SOURCE"] = "postgres://odoo@127.0.0.1:1/prod"
		}, exitUnchecked, "the source odoo@127.0.0.1:1/prod does not answer"},
		{
			"no engine database", func() { b.env["FERRY_TARGET"] = "postgres://engine@127.0.0.1:1/engine" }, exitUnchecked,
			"the engine database engine@127.0.0.1:1/engine does not answer",
		},
	} {
		c.do()
		a := b.ferry(t, "status", "--check")
		require.Equal(t, c.code, a.code, "%s: %s%s", c.name, a.out, a.err)
		require.Contains(t, a.err, c.says, c.name)
		require.NotEmpty(t, a.out, "%s: it is printed all the same", c.name)
	}
}

func TestWaivedRowsDoNotCountAgainstTheLimit(t *testing.T) {
	t.Parallel()
	b := synced(t)
	require.Equal(t, exitDiscrepancy, b.ferry(t, "status", "--check").code)
	b.target.Exec(t, `UPDATE ferry.quarantine SET state = 'waived' WHERE state = 'open'`,
		`UPDATE ferry.entity_state st SET waived = (SELECT count(*) FROM ferry.quarantine q WHERE q.entity = st.entity AND q.state = 'waived')`)
	a := b.ferry(t, "status", "--check")
	require.Equal(t, exitClean, a.code, a.err)
	cards := object(t, object(t, b.result(t, "status"), "entities"), "loyalty_card")
	require.EqualValues(t, 205, cards["waived"])
	require.Equal(t, exitClean, b.ferry(t, "sync", "incremental").code, "nor those that only wait")
}

func TestStatusSaysHowLateTheEngineIs(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.Equal(t, exitClean, b.ferry(t, "init").code)
	r := b.result(t, "status")
	for _, unknown := range []string{"upper_bound_ms", "last_tick_ms", "floor_pinned_ms", "p50_ms"} {
		require.Nil(t, object(t, r, "freshness")[unknown], unknown)
	}
	require.Nil(t, object(t, r, "floor")["floor"])
	require.Contains(t, b.ferry(t, "status").out, "freshness unknown")

	b.ferry(t, "sync", "full")
	b.ferry(t, "sync", "incremental")
	r = b.result(t, "status")
	freshness := object(t, r, "freshness")
	require.GreaterOrEqual(t, figure(t, freshness, "upper_bound_ms"), figure(t, freshness, "last_tick_ms"),
		"what was read is older than when it became visible")
	require.Contains(t, b.ferry(t, "status").out, "freshness: at most ")
	require.Contains(t, b.ferry(t, "status").out, "schedule: nobody starts ticks")

	// Whoever holds a transaction open holds the floor back.
	idle := b.source.Conn(t)
	_, err := idle.Exec(t.Context(), `BEGIN; SELECT pg_current_xact_id()`)
	require.NoError(t, err)
	until(t, "the floor is never said to be pinned", func() bool { // others on this server may hold it back a little longer
		b.source.Exec(t, `UPDATE loyalty_card SET points = points WHERE id = (SELECT min(id) FROM loyalty_card)`)
		require.Equal(t, exitClean, b.ferry(t, "sync", "incremental", tolerant).code)
		return figure(t, object(t, b.result(t, "status"), "freshness"), "floor_pinned_ms") > 0
	})
	require.Contains(t, b.ferry(t, "status").out, "floor: pinned for ")
}

func TestWhatIsSaidIsOfTheRunThatWasSteered(t *testing.T) {
	t.Parallel()
	b := synced(t)
	b.removeCards(t, "20")
	require.Equal(t, exitRefused, b.ferry(t, "sync", "incremental", tolerant).code, "it asks")
	var out bytes.Buffer
	f := &ferry{streams: streams{out: &out, err: t.Output()}, getenv: func(name string) string { return b.env[name] }}
	f.settings = settings{Source: b.env["FERRY_SOURCE"], Target: b.env["FERRY_TARGET"], file: &config.File{}}
	require.NoError(t, f.steer(t.Context(), "cancelled", engine.Act{}, func(ctx context.Context, c *crossing, act engine.Act) error {
		if err := c.Cancel(ctx, act); err != nil {
			return err
		}
		_, err := c.StartIncremental(ctx, engine.StartOptions{}) // another run begins at this moment
		return err
	}))
	require.Equal(t, "cancelled: incremental run #2\n", out.String())
	require.Equal(t, "paused: ticks, in every process; incremental run #3 (x y)\n", b.ferry(t, "pause", "--reason", "x y").out)
	a := b.ferry(t, "pause")
	require.Equal(t, exitRefused, a.code)
	require.Equal(t, 1, strings.Count(a.err, "\n"), "one line: %q", a.err)
	r := b.result(t, "cancel", "3")
	require.Equal(t, []any{"run #3"}, r["changed"])
	require.EqualValues(t, 3, r["run"])
	require.Equal(t, "cancelled", r["state"])
}

func TestARunByHandSaysThatTicksArePaused(t *testing.T) {
	t.Parallel()
	b := synced(t)
	require.Equal(t, exitClean, b.ferry(t, "pause", "--schedule", "--reason", "x y").code)
	a := b.ferry(t, "sync", "incremental", tolerant)
	require.Equal(t, exitClean, a.code, a.err)
	require.Regexp(t, `^ticks are paused by \S+ \(x y\); this run was asked for by hand\n`, a.err)
}

func TestNumbersThatAreNoneAreSaidPlainly(t *testing.T) {
	t.Parallel()
	b := setup(t)
	for want, args := range map[string][]string{
		`--run "x" is no run's number`:           {"pause", "--run", "x"},
		`--run "0" is no run's number`:           {"resume", "--run", "0"},
		`"-" is no run's number`:                 {"cancel", "-"},
		`--limit -1: say a number of lines`:      {"runs", "list", "--limit", "-1"},
		`--limit -2: say a number of lines`:      {"journal", "list", "--limit", "-2"},
		`--limit -3: say a number of lines`:      {"quarantine", "list", "--limit", "-3"},
		`write --entity loyalty_card 171`:        {"quarantine", "retry", "loyalty_card", "171"},
		`write --entity loyalty_card 171 172`:    {"quarantine", "waive", "loyalty_card", "171", "172"},
		`"x" is no run's number; \x60ferry runs`: {"runs", "show", "x"},
	} {
		a := b.ferry(t, args...)
		require.Equal(t, exitUsage, a.code, args)
		require.Regexp(t, want, a.err)
		require.Equal(t, 1, strings.Count(a.err, "\n"), a.err)
	}
}
