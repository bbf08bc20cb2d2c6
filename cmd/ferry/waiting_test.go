package main

import (
	"bytes"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ferry/engine"
)

func TestARunThatIsPausedIsSaidOnceWithItsCure(t *testing.T) {
	t.Parallel()
	var errs bytes.Buffer
	tell := teller{f: &ferry{streams: streams{err: &errs}}}
	said := func(change func(*engine.RunView)) string {
		errs.Reset()
		run := &engine.RunView{
			ID: 42, Kind: engine.RunFull, State: engine.RunPaused, StateBy: "root@vm", Reason: "backup begins",
			NowDoing: "loading loyalty_card", StartedAt: time.Now().Add(-time.Second),
		}
		change(run)
		require.NoError(t, tell.tell(&engine.Snapshot{TakenAt: time.Now(), Run: run}))
		return errs.String()
	}
	as := func(*engine.RunView) {}
	running := func(run *engine.RunView) { run.State = engine.RunRunning }
	const paused = "full run #42 is paused by root@vm (backup begins); `ferry resume --run 42` lets it go on; waiting\n"
	require.Equal(t, paused, said(as))
	require.Empty(t, said(as))
	require.Contains(t, said(running), "full run #42 running 1")
	require.Equal(t, paused, said(as), "it is paused anew")
	require.Equal(t, "full run #42 is paused by root@vm (loyalty_point_move is paused: night); "+
		"`ferry resume --entity loyalty_point_move` lets it go on, `ferry cancel 42` ends it; waiting\n",
		said(func(run *engine.RunView) { run.Reason = "loyalty_point_move is paused: night" }))

	run := &engine.RunView{ID: 42, Kind: engine.RunFull, State: engine.RunPaused, StateBy: "root@vm", NowDoing: "loading loyalty_card"}
	require.Equal(t, "full run #42 paused by root@vm", headline(&engine.Snapshot{Run: run}), "nobody reads that root@vm were loading")
}

// stuck is a bench with a full run that waits, in a process of its own, for an entity that is held.
func stuck(t *testing.T) (*bench, *child) {
	t.Helper()
	b := synced(t)
	require.Equal(t, exitClean, b.ferry(t, "pause", "--entity", "loyalty_card", "--reason", "night").code)
	c := b.start(t, "sync", "full", tolerant, "--json")
	c.until(t, func(line map[string]any) bool { return line["state"] == "paused" })
	return b, c
}

func TestAnEntityThatIsHeldIsSaidWhereverItHoldsARun(t *testing.T) {
	t.Parallel()
	b, _ := stuck(t)
	const cure = "`ferry resume --entity loyalty_card` lets it go on, `ferry cancel 2` ends it"
	a := b.ferry(t, "status")
	require.Contains(t, a.out, cure)
	require.Regexp(t, `loyalty_card .* held by \S+ \(night\)`, a.out)
	require.NotRegexp(t, `loyalty_card .* source [0-9]+ =`, a.out)
	require.Contains(t, a.out, "freshness: not said while loyalty_card is held")
	cards := object(t, object(t, b.result(t, "status"), "entities"), "loyalty_card")
	require.Equal(t, "night", cards["held_reason"])
	a = b.ferry(t, "sync", "incremental")
	require.Equal(t, exitRefused, a.code)
	require.Contains(t, a.err, cure)
	a = b.ferry(t, "resume", "--run", "2")
	require.Equal(t, exitRefused, a.code, "it would come to the same entity again")
	require.Contains(t, a.err, "`ferry resume --entity loyalty_card` lets it go on, `ferry cancel 2` lets others come without it")
}

func TestARetryThatOthersCarryOutSaysSoAndLeavesNoTrace(t *testing.T) {
	t.Parallel()
	b, _ := stuck(t)
	id := b.text(t, `SELECT min(source_id)::text FROM ferry.quarantine WHERE reason = 'card.partner_missing'`)
	a := b.ferry(t, "quarantine", "retry", "--entity", "loyalty_card", id)
	require.Equal(t, exitClean, a.code, a.err)
	require.Equal(t, "1 row is read again by the next tick; full run #2 is active\n", a.out)
	require.Empty(t, a.err)
	require.Equal(t, "1", b.text(t, `SELECT count(*)::text FROM ferry.worker`), "it signed off")
	require.Equal(t, exitRefused, b.ferry(t, "sync", "incremental", "--watch", "--every", "1s", "--read-only").code)
	require.Equal(t, "1", b.text(t, `SELECT count(*)::text FROM ferry.worker`))
}

func TestATickThatWasAtWorkBeforeIsNotSaidToHaveReadWhatIsRetried(t *testing.T) {
	t.Parallel()
	b := synced(t)
	b.removeCards(t, "20")
	require.Equal(t, exitRefused, b.ferry(t, "sync", "incremental", tolerant).code, "it asks")
	a := b.ferry(t, "quarantine", "retry", "--reason", "card.points_negative")
	require.Equal(t, exitClean, a.code, a.err)
	require.Equal(t, "15 rows are read again by the next tick; incremental run #2 is active\n", a.out)
	require.Equal(t, "0", b.text(t, `SELECT count(*)::text FROM ferry.worker`))
}

func TestWhoGoesOnWithAnInterruptedRunIsNamed(t *testing.T) {
	t.Parallel()
	b, c := stuck(t)
	b.start(t, "sync", "incremental", "--watch", "--json")
	require.Eventually(t, func() bool { return b.text(t, `SELECT count(*)::text FROM ferry.worker`) == "2" }, time.Minute, 20*time.Millisecond)
	code, _ := c.end(t, syscall.SIGTERM)
	require.Equal(t, exitSignal+int(syscall.SIGTERM), code)
	require.Regexp(t, `run #2 is at a batch boundary, \S+:[0-9]+ goes on with run #2`, c.err())
	require.Equal(t, 1, strings.Count(c.err(), "goes on"), c.err())
}
