package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ferry/engine/recording"
)

const demoRecording = "../../testdata/recordings/demo.jsonl.gz"

// bare is a bench without databases.
func bare(t *testing.T) *bench {
	t.Helper()
	return &bench{env: map[string]string{"HOME": t.TempDir(), "USER": "tester", "TERM": "xterm-256color"}}
}

func TestAReplayIsPrintedWithoutATerminal(t *testing.T) {
	t.Parallel()
	b := bare(t)
	a := b.ferry(t, "replay", demoRecording, "--speed", "max")
	require.Equal(t, exitClean, a.code, a.err)
	require.Contains(t, a.err, "replaying demo.jsonl.gz: ")
	require.Contains(t, a.err, "ferry_reader@local/odoo → ferry_engine@local/engine")
	require.Contains(t, a.out, "full run #1 running")
	a = b.ferry(t, "replay", demoRecording, "--speed", "max", "--json", "--from", "-20s")
	require.Equal(t, exitClean, a.code, a.err)
	all := lines(t, a.out)
	require.Greater(t, len(all), 2, "at full speed a busy machine prints fewer")
	require.Equal(t, "progress", all[0]["type"])
	require.Equal(t, "result", all[len(all)-1]["type"])
	began := time.Now()
	a = b.ferry(t, "replay", demoRecording, "--speed", "8x", "--from", "-4s")
	require.Equal(t, exitClean, a.code, a.err)
	require.GreaterOrEqual(t, time.Since(began), 250*time.Millisecond, "it takes its time")
}

func TestRecordingsThatCannotBeShown(t *testing.T) {
	t.Parallel()
	b, dir := bare(t), t.TempDir()
	file := func(name, text string) string {
		name = filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
		return name
	}
	for _, c := range []struct {
		code int
		says string
		args []string
	}{
		{exitUsage, "name one recording", nil},
		{exitUsage, "is no speed", []string{demoRecording, "--speed", "fast"}},
		{exitUsage, "long", []string{demoRecording, "--from", "2h"}},
		{exitUsage, "--size 80", []string{demoRecording, "--size", "80"}},
		{exitUsage, "--screen moon", []string{demoRecording, "--screen", "moon"}},
		{exitError, "no such file", []string{filepath.Join(dir, "none")}},
		{exitError, "that is no recording of ferry's", []string{file("text", "hello\n")}},
		{exitError, "it has format 9, and this ferry knows formats up to 1", []string{file("new", `{"v":9,"type":"recording"}`+"\n")}},
	} {
		a := b.ferry(t, append([]string{"replay"}, c.args...)...)
		require.Equal(t, c.code, a.code, a.err)
		require.Contains(t, a.err, c.says)
	}
	whole := unzipped(t, demoRecording)
	a := b.ferry(t, "replay", "--speed", "max", file("cut", string(whole[:len(whole)*2/3])))
	require.Equal(t, exitClean, a.code, a.err)
	require.Contains(t, a.err, "the recording ends early: it was cut off in line ")
	require.Contains(t, a.out, "full run #1 running")
}

func unzipped(t *testing.T, name string) []byte {
	t.Helper()
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	zip, err := gzip.NewReader(bytes.NewReader(text))
	require.NoError(t, err)
	var out bytes.Buffer
	_, err = out.ReadFrom(zip)
	require.NoError(t, err)
	return out.Bytes()
}

func TestPicturesOfAReplay(t *testing.T) {
	t.Parallel()
	b, dir := bare(t), t.TempDir()
	draw := func() map[string]string {
		a := b.ferry(t, "replay", demoRecording, "--screenshot", dir, "--size", "80x24,100x30", "--screen", "runs,card:1234", "--theme", "mono")
		require.Equal(t, exitClean, a.code, a.err)
		out := map[string]string{}
		for name := range strings.FieldsSeq(a.out) {
			text, err := os.ReadFile(name)
			require.NoError(t, err)
			out[filepath.Base(name)] = string(text)
		}
		return out
	}
	pictures := draw()
	require.Len(t, pictures, 4)
	require.Contains(t, pictures["runs.80x24.mono.svg"], "newest first")
	require.Contains(t, pictures["card.100x30.mono.svg"], "1234")
	require.NotContains(t, pictures["runs.80x24.mono.svg"], "REPLAY", "as it was shown")
	require.Equal(t, pictures, draw(), "the same each time")
}

// A console is recorded, and what it was shown comes back; nothing secret is in the file, which is its owner's alone.
func TestAConsoleIsRecorded(t *testing.T) {
	t.Parallel()
	b := setup(t)
	require.Equal(t, exitClean, b.ferry(t, "init").code)
	file := filepath.Join(t.TempDir(), "night.jsonl.gz")
	b.env["FERRY_RECORD"] = file
	p := launch(t, b.env, true)
	p.shows("no run yet", "REC ")
	p.press("2")
	p.shows("›2 Runs")
	p.press("P")
	p.shows("looked ")
	p.press("q")
	require.Equal(t, exitClean, p.exits())
	p.says("snapshots and answers to " + file)
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	text := unzipped(t, file)
	for _, side := range []string{"FERRY_SOURCE", "FERRY_TARGET"} {
		require.NotContains(t, string(text), secretOf(b.env[side]))
	}
	require.True(t, json.Valid(bytes.SplitN(text, []byte("\n"), 2)[0]))
	tape, err := recording.Read(bytes.NewReader(text))
	require.NoError(t, err)
	require.Empty(t, tape.Trouble)

	again := launch(t, b.env, true)
	require.Equal(t, exitUsage, again.exits())
	again.says("exists, and a recording overwrites nothing")

	watch := launch(t, map[string]string{"HOME": b.env["HOME"], "TERM": "xterm-256color"}, true, "replay", file, "--from", "-1s")
	watch.shows("REPLAY", "no run yet")
	watch.press("P")
	watch.shows("looked ")
	watch.press("s")
	watch.shows("s: this is a recording")
	watch.press("q")
	require.Equal(t, exitClean, watch.exits())
}

// What works without a console can be looked at in one afterwards.
func TestCommandsAndDaemonsAreRecorded(t *testing.T) {
	t.Parallel()
	b := demoBench(t, 200)
	folder := t.TempDir()
	a := b.ferry(t, "sync", "full", "--record", filepath.Join(folder, "sync.jsonl"))
	require.Equal(t, exitDiscrepancy, a.code, a.err)
	require.Regexp(t, `recorded [1-9]\d* snapshots and answers to \S+sync.jsonl; `, a.err)
	u := b.unattend(t, "serve", local, "--record", folder)
	u.await("ready")
	require.Equal(t, exitClean, u.ends(), u.log())
	require.Regexp(t, `recorded [1-9]\d* snapshots and answers to \S+jsonl.gz; `, u.log())

	taped, err := filepath.Glob(filepath.Join(folder, "*"))
	require.NoError(t, err)
	require.Len(t, taped, 2)
	for _, tape := range taped {
		shown := b.ferry(t, "replay", tape, "--plain", "--speed", "max")
		require.Equal(t, exitClean, shown.code, shown.err)
		require.Contains(t, shown.out, "full run #1 done", tape)
	}
}
