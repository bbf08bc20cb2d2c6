package main

import (
	"bufio"
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ferry/cmd/ferry/internal/config"
)

// tolerant lets the dump's many rejects pass.
const tolerant = "--rejected-share=1"

// synced is a bench after init and a full sync.
func synced(t *testing.T) *bench {
	t.Helper()
	b := setup(t)
	require.Equal(t, exitClean, b.ferry(t, "init").code)
	a := b.ferry(t, "sync", "full", tolerant)
	require.Equal(t, exitClean, a.code, a.err)
	return b
}

// result invokes a command that must end well, and gives its last line of JSON.
func (b *bench) result(t *testing.T, args ...string) map[string]any {
	t.Helper()
	a := b.ferry(t, append(args, "--json")...)
	require.Equal(t, exitClean, a.code, a.out+a.err)
	all := lines(t, a.out)
	require.NotEmpty(t, all, a.err)
	last := all[len(all)-1]
	require.Equal(t, "result", last["type"])
	return last
}

// removeCards deletes cards as Odoo does: their ledgers stay, without a card.
func (b *bench) removeCards(t *testing.T, n string) {
	t.Helper()
	// So few are a question only here.
	b.target.Exec(t, `INSERT INTO ferry.policy VALUES ('vanish-rows', '15') ON CONFLICT (name) DO UPDATE SET value = EXCLUDED.value`)
	ids := b.text(t, `SELECT string_agg(id::text, ',') FROM (SELECT id FROM loyalty_cards ORDER BY id LIMIT `+n+`) c`)
	b.source.Exec(t, `UPDATE loyalty_point_history SET loyalty_card_id = NULL WHERE loyalty_card_id IN (`+ids+`)`,
		`UPDATE loyalty_point_history SET point_move_id = NULL WHERE point_move_id IN (SELECT id FROM loyalty_point_move WHERE loyalty_card_id IN (`+ids+`))`,
		`DELETE FROM loyalty_point_move WHERE loyalty_card_id IN (`+ids+`)`, `DELETE FROM loyalty_card WHERE id IN (`+ids+`)`)
}

func TestATickByCommandReadsWhatChanged(t *testing.T) {
	t.Parallel()
	b := synced(t)
	b.source.Exec(t, `UPDATE loyalty_card SET points = points + 1 WHERE id = (SELECT min(id) FROM loyalty_card WHERE partner_id IS NOT NULL)`)
	r := b.result(t, "sync", "incremental", tolerant, "--reason", "look here")
	require.Equal(t, "incremental", r["kind"])
	require.Equal(t, "done", r["state"])
	require.Nil(t, r["why_full"])
	cards := object(t, object(t, r, "entities"), "loyalty_card")
	require.EqualValues(t, 1, cards["read"])
	require.EqualValues(t, 1, cards["updated"])
	require.EqualValues(t, 0, object(t, object(t, r, "entities"), "loyalty_point_move")["read"])
	require.Less(t, figure(t, object(t, r, "freshness"), "upper_bound_ms"), 60_000.0)
	require.Contains(t, b.ferry(t, "journal", "list").out, "look here")
	require.Equal(t, exitDiscrepancy, b.ferry(t, "sync", "incremental").code, "rejects above their limit still say so")
}

func TestATickWithoutACycleReadsEveryRowAndSaysWhy(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.Equal(t, exitClean, b.ferry(t, "init").code)
	r := b.result(t, "sync", "incremental", tolerant)
	require.Equal(t, "no cycle has been completed yet", r["why_full"])
	require.EqualValues(t, 456, object(t, object(t, r, "entities"), "loyalty_card")["read"])
}

func TestASyncOfOneEntityReadsNoOther(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.Equal(t, exitClean, b.ferry(t, "init").code)
	r := b.result(t, "sync", "full", tolerant, "--entity", "loyalty_card")
	require.EqualValues(t, 456, object(t, object(t, r, "entities"), "loyalty_card")["read"])
	require.Nil(t, object(t, object(t, r, "entities"), "loyalty_point_move")["source_rows"], "nobody looked at it")
	require.Equal(t, exitUsage, b.ferry(t, "sync", "full", "--entity", "cards").code)
	require.Equal(t, exitUsage, b.ferry(t, "sync", "incremental", "--every", "5s").code, "it needs --watch")
	require.Equal(t, exitUsage, b.ferry(t, "sync", "incremental", "--watch", "--every", "1ms").code)
	require.Equal(t, exitUsage, b.ferry(t, "sync", "incremental", "--watch", "--entity", "loyalty_card").code)
}

func TestAQuestionIsPrintedAndAnswered(t *testing.T) {
	t.Parallel()
	for _, word := range []string{"accept", "stop"} {
		t.Run(word, func(t *testing.T) {
			t.Parallel()
			b := synced(t)
			b.removeCards(t, "20")
			a := b.ferry(t, "sync", "incremental", tolerant)
			require.Equal(t, exitRefused, a.code, a.out+a.err)
			require.Contains(t, a.err, "20 of 251 rows of loyalty_card")
			require.Contains(t, a.err, "`ferry answer 2 accept`")
			for _, args := range [][]string{{"sync", "incremental"}, {"sync", "full"}, {"sync", "incremental", "--watch"}} {
				again := b.ferry(t, args...)
				require.Equal(t, exitRefused, again.code, again.err)
				require.Contains(t, again.err, "`ferry answer 2 accept`", "it stays open")
			}
			require.Contains(t, b.ferry(t, "status").out, "`ferry answer 2 accept`")
			require.Contains(t, b.result(t, "status")["question"], "20 of 251 rows")

			require.Equal(t, exitUsage, b.ferry(t, "answer", "2").code)
			require.Equal(t, exitUsage, b.ferry(t, "answer", "2", "maybe").code)
			a = b.ferry(t, "answer", "2", word, "--reason", "season's end")
			require.Equal(t, exitClean, a.code, a.err)
			state := map[string]string{"accept": "done", "stop": "cancelled"}[word]
			require.Equal(t, state, b.result(t, "status")["state"])
			require.Contains(t, b.ferry(t, "journal", "list").out, "season's end")
			require.Equal(t, exitRefused, b.ferry(t, "answer", "2", word).code, "it asks nothing any more")
			require.Equal(t, exitError, b.ferry(t, "answer", "99", word).code)
		})
	}
}

func TestAnInterruptedFullRunIsFinishedThoughTicksRanSince(t *testing.T) {
	t.Parallel()
	b := synced(t)
	// A full run that stops between two batches: its entity is paused, so none is carved, and its process leaves.
	require.Equal(t, exitClean, b.ferry(t, "pause", "--entity", "loyalty_card").code)
	child := b.start(t, "sync", "full", tolerant, "--json")
	child.until(t, func(line map[string]any) bool { return line["state"] == "paused" })
	b.target.Exec(t, `UPDATE ferry.run SET state = 'interrupted', state_by = 'ferry' WHERE id = 2 AND state = 'paused'`)
	child.end(t, syscall.SIGTERM)
	require.Equal(t, exitClean, b.ferry(t, "resume", "--entity", "loyalty_card").code)
	require.Equal(t, exitClean, b.ferry(t, "sync", "incremental", tolerant).code)
	require.EqualValues(t, 3, b.result(t, "status")["run"])

	a := b.ferry(t, "sync", "full", tolerant, "--json")
	require.Equal(t, exitClean, a.code, a.err)
	require.Contains(t, a.err, "resuming full run #2")
	all := lines(t, a.out)
	require.EqualValues(t, 2, all[len(all)-1]["run"])
	require.Equal(t, "done", all[len(all)-1]["state"])
}

// child is a ferry in a process of its own, whose standard output is read line by line.
type child struct {
	cmd *exec.Cmd
	out *bufio.Scanner
	log *os.File
}

// err is what it wrote to standard error so far.
func (c *child) err() string {
	text, err := os.ReadFile(c.log.Name())
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// start invokes the program in a process of its own.
func (b *bench) start(t *testing.T, args ...string) *child {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	c := &child{cmd: exec.CommandContext(ctx, self, args...)}
	c.cmd.Env = append(os.Environ(), childEnv+"=1")
	for name, value := range b.env {
		c.cmd.Env = append(c.cmd.Env, name+"="+value)
	}
	c.log, err = os.Create(filepath.Join(t.TempDir(), "stderr"))
	require.NoError(t, err)
	defer c.log.Close()
	c.cmd.Stderr = c.log
	out, err := c.cmd.StdoutPipe()
	require.NoError(t, err)
	c.out = bufio.NewScanner(out)
	require.NoError(t, c.cmd.Start())
	t.Cleanup(func() {
		_ = c.cmd.Process.Kill()
		_ = c.cmd.Wait()
	})
	return c
}

// until reads lines up to one that will do, and gives it.
func (c *child) until(t *testing.T, is func(line map[string]any) bool) map[string]any {
	t.Helper()
	for c.out.Scan() {
		line := map[string]any{}
		require.NoError(t, json.Unmarshal(c.out.Bytes(), &line), c.out.Text())
		if is(line) {
			return line
		}
	}
	require.Fail(t, "it ended before", c.err())
	return nil
}

// end interrupts the process, and gives its exit code and the last line.
func (c *child) end(t *testing.T, s syscall.Signal) (code int, last map[string]any) {
	t.Helper()
	require.NoError(t, c.cmd.Process.Signal(s))
	for c.out.Scan() {
		last = map[string]any{}
		require.NoError(t, json.Unmarshal(c.out.Bytes(), &last), c.out.Text())
	}
	_ = c.cmd.Wait()
	return c.cmd.ProcessState.ExitCode(), last
}

func isTick(line map[string]any) bool { return line["type"] == "tick" }

func TestWatchingTellsEveryTickUntilInterrupted(t *testing.T) {
	t.Parallel()
	b := synced(t)
	c := b.start(t, "sync", "incremental", "--watch", "--every", "1s", "--json", "--reason", "night shift")
	first := c.until(t, isTick)
	require.Equal(t, "incremental", first["kind"])
	require.Equal(t, "done", first["state"])
	b.source.Exec(t, `UPDATE loyalty_card SET points = points + 1 WHERE id = (SELECT min(id) FROM loyalty_card WHERE partner_id IS NOT NULL)`)
	changed := c.until(t, func(line map[string]any) bool {
		return isTick(line) && figure(t, object(t, object(t, line, "entities"), "loyalty_card"), "updated") == 1
	})
	require.Greater(t, figure(t, changed, "run"), figure(t, first, "run"))
	require.Less(t, figure(t, object(t, changed, "freshness"), "upper_bound_ms"), 60_000.0)
	status := b.result(t, "status")
	require.Len(t, object(t, status, "schedule")["keepers"], 1)
	require.EqualValues(t, 1000, object(t, status, "schedule")["every_ms"])
	require.Contains(t, b.ferry(t, "journal", "list").out, "night shift")

	// A tick that fails is told, and the next one tries again.
	b.source.Exec(t, `ALTER TABLE loyalty_card RENAME COLUMN points TO pts`)
	c.until(t, func(line map[string]any) bool { return isTick(line) && line["state"] == "failed" })
	b.source.Exec(t, `ALTER TABLE loyalty_card RENAME COLUMN pts TO points`)
	c.until(t, func(line map[string]any) bool { return isTick(line) && line["state"] == "done" })

	code, last := c.end(t, syscall.SIGTERM)
	require.Equal(t, exitSignal+int(syscall.SIGTERM), code, c.err())
	require.Equal(t, "result", last["type"])
	require.Empty(t, object(t, b.result(t, "status"), "schedule")["keepers"], "it signed off")
}

func TestWatchingFoldsIdleTicksForPeople(t *testing.T) {
	t.Parallel()
	b := synced(t)
	c := b.start(t, "sync", "incremental", "--watch", "--every", "1s")
	require.True(t, c.out.Scan(), c.err())
	require.Contains(t, c.out.Text(), "nothing changed in 1 tick")
	ticks := func() float64 { return figure(t, b.result(t, "status"), "run") }
	began := ticks()
	require.Eventually(t, func() bool { return ticks() >= began+2 }, time.Minute, 50*time.Millisecond)
	b.source.Exec(t, `UPDATE loyalty_card SET points = points + 1 WHERE id = (SELECT min(id) FROM loyalty_card WHERE partner_id IS NOT NULL)`)
	require.True(t, c.out.Scan(), c.err())
	require.Contains(t, c.out.Text(), "changed 1", "idle ones in between are not told within a minute")
	require.Contains(t, c.out.Text(), "behind")
	require.NoError(t, c.cmd.Process.Signal(syscall.SIGINT))
	for c.out.Scan() { // to the end
	}
	_ = c.cmd.Wait()
	require.Equal(t, exitSignal+int(syscall.SIGINT), c.cmd.ProcessState.ExitCode())
}

func TestATickWhoseProcessWasKilledIsTakenOver(t *testing.T) {
	t.Parallel()
	b := synced(t)
	b.source.Exec(t, `UPDATE loyalty_card SET points = points + 1 WHERE id = (SELECT min(id) FROM loyalty_card WHERE partner_id IS NOT NULL)`)
	lock := b.target.Conn(t)
	_, err := lock.Exec(t.Context(), `BEGIN; LOCK TABLE loyalty_cards`)
	require.NoError(t, err)
	c := b.start(t, "sync", "incremental", tolerant, "--json")
	c.until(t, func(line map[string]any) bool { return line["state"] == "planning" })
	require.NoError(t, c.cmd.Process.Kill())
	_, err = lock.Exec(t.Context(), `ROLLBACK`)
	require.NoError(t, err)
	a := b.ferry(t, "sync", "incremental", tolerant, "--json")
	require.Equal(t, exitClean, a.code, a.err)
	require.Contains(t, a.err, "taking over incremental run #2")
	all := lines(t, a.out)
	last := all[len(all)-1]
	require.EqualValues(t, 2, last["run"])
	require.EqualValues(t, 1, object(t, object(t, last, "entities"), "loyalty_card")["updated"])
}

func TestAConsoleThatEndsStartsNoMoreTicks(t *testing.T) {
	t.Parallel()
	b := synced(t)
	f := &ferry{getenv: func(name string) string { return b.env[name] }}
	f.settings = settings{Source: b.env["FERRY_SOURCE"], Target: b.env["FERRY_TARGET"], file: &config.File{}}
	logger := slog.New(slog.DiscardHandler)
	c, err := f.open(t.Context(), 2, logger)
	require.NoError(t, err)
	defer c.close()
	c.Run(t.Context())
	require.NoError(t, c.KeepInStep(t.Context(), time.Second))
	require.Eventually(t, func() bool { s := c.Snapshot(); return s.Process.Keeps && s.Run != nil && s.Run.ID > 2 }, time.Minute, 20*time.Millisecond)
	a := &afterlife{c: c, say: func(string, ...any) {}, logger: logger}
	require.NoError(t, a.stop(t.Context()))
	require.Equal(t, "0", b.text(t, `SELECT count(*)::text FROM ferry.worker`))
	require.Equal(t, "0", b.text(t, `SELECT count(*)::text FROM ferry.run WHERE writes AND state NOT IN ('done', 'interrupted')`))
}
