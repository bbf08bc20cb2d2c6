package app_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/muesli/termenv"
	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/tui/app"
	"ferry/tui/feed"
	"ferry/tui/termprobe"
	"ferry/tui/tuitest"
)

var update = flag.Bool("update", false, "write the golden frames anew")

const goldenFolder = "../../testdata/golden"

// bench is a console on a scripted operator, with the time in the test's hands.
type bench struct {
	t        *testing.T
	operator *tuitest.Operator
	model    *app.Model
	now      time.Time
}

func setup(t *testing.T, s *engine.Snapshot, width, height int, change ...func(*app.Config)) *bench {
	t.Helper()
	b := &bench{t: t, operator: tuitest.NewOperator(s), now: tuitest.Noon}
	config := app.Config{
		Operator: b.operator,
		Actor:    engine.Actor{User: "sari", Host: "db2"},
		Renderer: termprobe.NewRenderer(io.Discard, termprobe.InColours(termenv.Ascii)),
		Clock:    func() time.Time { return b.now },
	}
	b.operator.Journalled(tuitest.Deeds()...)
	for _, c := range change {
		c(&config)
	}
	b.model = app.New(t.Context(), config)
	tuitest.Send(b.model, tea.WindowSizeMsg{Width: width, Height: height})
	b.beat()
	return b
}

// beat brings what the operator shows now.
func (b *bench) beat() {
	tuitest.Send(b.model, feed.New(b.operator, func() time.Time { return b.now }, false).Now())
}

// pass lets time pass, with a beat every second.
func (b *bench) pass(d time.Duration) {
	for end := b.now.Add(d); b.now.Before(end); {
		b.now = b.now.Add(time.Second)
		b.beat()
	}
}

func (b *bench) press(keys ...string) bool { return tuitest.Press(b.model, keys...) }

func (b *bench) frame() string { return b.model.View() }

func TestGoldenFrames(t *testing.T) {
	t.Parallel()
	sizes := []struct {
		name          string
		width, height int
	}{{"80x24", 80, 24}, {"140x45", 140, 45}}
	frames := map[string]string{}
	for _, size := range sizes {
		for _, scenario := range tuitest.Scenarios() {
			b := setup(t, scenario.Snapshot, size.width, size.height)
			frames[scenario.Name+"."+size.name] = b.frame()
		}
		for name, keys := range map[string][]string{
			"dialog-pause": {"p", "n", "i", "g", "h", "t"}, "dialog-cancel": {"x"}, "dialog-quit": {"q"}, "help": {"?"},
			"activity": {"7"}, "refused": {"i"}, "no-such-screen": {"3"}, "menu-busy": {"s", "enter"},
		} {
			b := setup(t, tuitest.Running(), size.width, size.height)
			b.press(keys...)
			frames[name+"."+size.name] = b.frame()
		}
		b := setup(t, tuitest.Halt(tuitest.Failed()), size.width, size.height)
		b.press("s")
		frames["menu-start."+size.name] = b.frame()
		for name, c := range map[string]struct {
			s    *engine.Snapshot
			keys []string
		}{
			"dialog-answer": {tuitest.Asking(), []string{"A"}}, "menu-in-step": {tuitest.InStep(), []string{"s"}},
			"dialog-resume": {tuitest.TicksPaused(), []string{"p"}}, "dialog-quit-in-step": {tuitest.InStep(), []string{"q"}},
			"dialog-seal": {tuitest.Done(), []string{"S", "g", "o"}}, "dialog-unseal": {tuitest.Sealed(), []string{"S"}},
			"dialog-seal-name": {tuitest.Done(), []string{"S", "tab", "enter", "l", "o"}},
			"menu-sealed":      {tuitest.Sealed(), []string{"s"}}, "menu-viewer": {tuitest.Viewing(), []string{"s", "p"}},
			"dialog-quit-asking": {tuitest.Asking(), []string{"q"}}, "dialog-quit-paused": {paused(), []string{"q"}},
		} {
			b := setup(t, c.s, size.width, size.height)
			b.press(c.keys...)
			frames[name+"."+size.name] = b.frame()
		}
		b = setup(t, tuitest.Bare(engine.SetupMissing), size.width, size.height)
		b.press("enter")
		frames["dialog-init."+size.name] = b.frame()
	}
	b := setup(t, tuitest.Running(), 59, 15)
	frames["too-small.59x15"] = b.frame()
	b = setup(t, tuitest.Running(), 80, 24, func(c *app.Config) { c.ASCII = true })
	frames["ascii.80x24"] = b.frame()

	for name, frame := range frames {
		compare(t, name, frame)
	}
}

// paused is a run of this process alone that somebody has paused.
func paused() *engine.Snapshot {
	s := tuitest.Halt(tuitest.Running())
	s.Run.State, s.Run.StateBy, s.Run.Since = engine.RunPaused, "sari@db2", tuitest.Noon.Add(-time.Minute)
	s.Workers = s.Workers[:1]
	return s
}

// desk is a console on the quarantine screen, with so many rows for a reason.
func desk(t *testing.T, s *engine.Snapshot, width, height, rows int, change ...func(*app.Config)) *bench {
	t.Helper()
	b := setup(t, s, width, height, change...)
	b.operator.Hold(tuitest.Rows(rows)...)
	b.operator.Rule(tuitest.Rules()...)
	b.press("4")
	b.pass(2 * time.Second)
	return b
}

func TestGoldenFramesOfQuarantine(t *testing.T) {
	t.Parallel()
	for _, size := range [][2]int{{80, 24}, {140, 45}} {
		for name, keys := range map[string][]string{
			"quarantine": nil, "quarantine-fixed": {"down"}, "quarantine-refused": {"down", "down", "down", "down", "down"},
			"quarantine-switched": {"G"}, "quarantine-rows": {"enter", "down", " ", "down", "m"}, "quarantine-rows-far": {"enter", "G", "G", "G", "up"},
			"quarantine-row": {"enter", "down", "down", "down", "down", "enter"}, "quarantine-row-code": {"down", "down", "down", "enter", "enter"},
			"dialog-retry-rows": {"enter", "T"}, "dialog-retry-reason": {"T"}, "dialog-waive": {"enter", " ", " ", "w", "c", "o", "l", "d"},
			"dialog-waive-needs": {"w", "tab", "enter"}, "dialog-rule": {"v"},
		} {
			b := desk(t, tuitest.Quarantined(), size[0], size[1], 384)
			for _, key := range keys {
				b.press(key)
				b.pass(time.Second)
			}
			compare(t, fmt.Sprintf("%s.%dx%d", name, size[0], size[1]), b.frame())
		}
		empty := tuitest.NobodyTicks()
		empty.Reasons = nil
		for i := range empty.Entities {
			empty.Entities[i].Quarantined, empty.Entities[i].Waiting = engine.Known[int64](0), engine.Known[int64](0)
		}
		b := setup(t, empty, size[0], size[1])
		b.press("4")
		compare(t, fmt.Sprintf("quarantine-empty.%dx%d", size[0], size[1]), b.frame())
		b = setup(t, tuitest.Quarantined(), size[0], size[1])
		b.operator.FailReads(errors.New("read quarantine: permission denied for table quarantine (SQLSTATE 42501)"))
		b.press("4", "enter")
		b.pass(time.Second)
		compare(t, fmt.Sprintf("quarantine-error.%dx%d", size[0], size[1]), b.frame())
	}
}

func compare(t *testing.T, name, frame string) {
	t.Helper()
	var trimmed []string
	for line := range strings.SplitSeq(frame, "\n") {
		trimmed = append(trimmed, strings.TrimRight(line, " "))
	}
	got := []byte(strings.Join(trimmed, "\n") + "\n")
	file := filepath.Join(goldenFolder, name+".txt")
	if *update {
		require.NoError(t, os.MkdirAll(goldenFolder, 0o755))
		require.NoError(t, os.WriteFile(file, got, 0o644))
		return
	}
	want, err := os.ReadFile(file)
	require.NoError(t, err, "run the test with -update")
	if !bytes.Equal(want, got) {
		t.Errorf("%s differs; look at it and run with -update\nwant:\n%s\ngot:\n%s", file, want, got)
	}
}
