package app_test

import (
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/muesli/termenv"
	"github.com/stretchr/testify/require"

	"ferry/engine/recording"
	"ferry/tui/app"
	"ferry/tui/feed"
	"ferry/tui/keymap"
	"ferry/tui/termprobe"
	"ferry/tui/tuitest"
)

const demoRecording = "../../testdata/recordings/demo.jsonl.gz"

// replay is a console on the recording of a demo, with the time in which it is watched in the test's hands.
type replay struct {
	player *recording.Player
	model  *app.Model
	now    time.Time
}

func readDemo(t *testing.T) *recording.Recording {
	t.Helper()
	file, err := os.Open(demoRecording)
	require.NoError(t, err)
	defer file.Close()
	r, err := recording.Read(file)
	require.NoError(t, err)
	require.Empty(t, r.Trouble)
	return r
}

func rerun(t *testing.T, r *recording.Recording, from time.Duration, width, height int) *replay {
	t.Helper()
	p := &replay{now: tuitest.Noon}
	p.player = recording.Play(r, "demo.jsonl.gz", 1, func() time.Time { return p.now })
	p.player.Seek(from)
	p.model = app.New(t.Context(), app.Config{
		Operator: p.player, Replay: p.player, Clock: p.player.Now,
		Renderer: termprobe.NewRenderer(io.Discard, termprobe.InColours(termenv.Ascii)),
	})
	tuitest.Send(p.model, tea.WindowSizeMsg{Width: width, Height: height})
	p.pass(0)
	return p
}

// pass lets time pass for who watches, and beats.
func (p *replay) pass(d time.Duration) {
	p.now = p.now.Add(d)
	tuitest.Send(p.model, feed.New(p.player, p.player.Now, false).Now())
}

func (p *replay) press(keys ...string) {
	for _, key := range keys {
		tuitest.Press(p.model, key)
		p.pass(time.Second / 4)
	}
}

func (p *replay) frame() string { return p.model.View() }

// loading is a moment in the first load of the recording.
const loading = 34_600 * time.Millisecond

// Every screen, as a real run filled it.
func TestGoldenFramesOfARecording(t *testing.T) {
	t.Parallel()
	r := readDemo(t)
	for _, size := range [][2]int{{80, 24}, {140, 45}} {
		p := rerun(t, r, loading, size[0], size[1])
		compare(t, fmt.Sprintf("replay-loading.%dx%d", size[0], size[1]), p.frame())
		for name, keys := range map[string][]string{
			"overview": {"1"}, "runs": {"2"}, "run": {"2", "G", "enter"}, "discrepancies": {"3"}, "discrepancies-rows": {"3", "enter"},
			"quarantine": {"4"}, "quarantine-rows": {"4", "enter"}, "ledger": {"5"}, "rehearsal": {"6"}, "activity": {"7"},
			"card": {"c", "1", "2", "3", "4", "enter"}, "preflight": {"P"}, "forecast": {"P", "f"}, "help": {"?"},
		} {
			p := rerun(t, r, -6*time.Second, size[0], size[1])
			p.press(keys...)
			for range 4 {
				p.pass(time.Second / 2)
			}
			p.player.Hold()
			p.player.Seek(-time.Second)
			p.pass(0)
			require.NotContains(t, p.frame(), "nobody had opened", name)
			compare(t, fmt.Sprintf("replay-%s.%dx%d", name, size[0], size[1]), p.frame())
		}
	}
}

func TestAReplayIsSteeredByKeys(t *testing.T) {
	t.Parallel()
	p := rerun(t, readDemo(t), 0, 80, 24)
	require.Contains(t, p.frame(), "REPLAY 1x")
	require.Contains(t, p.frame(), "space hold")
	p.press(">", ">")
	require.Contains(t, p.frame(), "REPLAY 4x")
	before := p.player.Now()
	p.pass(5 * time.Second)
	require.Equal(t, before.Add(20*time.Second), p.player.Now())
	require.Contains(t, p.frame(), p.player.Now().UTC().Format("15:04:05Z"), "the recording's time")
	p.press(" ")
	require.Contains(t, p.frame(), "REPLAY held")
	held := p.frame()
	p.pass(time.Minute)
	require.Equal(t, held, p.frame())
	p.press("]")
	require.Greater(t, p.player.Now(), before)
	at := p.player.Now()
	p.press("[")
	require.True(t, p.player.Now().Before(at))
	p.press("}")
	require.Greater(t, p.player.Now(), at)
	p.press("{", "{", "{", "{", "{", "{", "{", "{")
	require.Contains(t, p.frame(), "no run yet", "back at the beginning nothing is known that came later")
	p.press(" ", ">", ">", ">", ">", ">", ">", ">")
	p.pass(time.Second)
	require.Contains(t, p.frame(), "REPLAY end")
	p.press("?")
	require.Contains(t, p.frame(), "help")
}

// A replay that goes back forgets what screens have read, and reads it again as it was then.
func TestAReplayThatGoesBackForgets(t *testing.T) {
	t.Parallel()
	p := rerun(t, readDemo(t), -time.Second, 80, 24)
	p.press("2")
	p.pass(time.Second)
	require.Contains(t, p.frame(), "newest first")
	p.player.Seek(20 * time.Second)
	p.pass(0)
	p.pass(time.Second)
	require.Contains(t, p.frame(), "›2 Runs")
	require.True(t, tuitest.Says(p.frame(), "nobody had opened this while it was made by then: it was first opened at"), p.frame())
}

// No action is possible on a recording, wherever one is; each says so.
func TestNoActionOnARecording(t *testing.T) {
	t.Parallel()
	r := readDemo(t)
	for _, where := range []string{"1", "2", "3", "4", "5", "6", "7"} {
		p := rerun(t, r, -6*time.Second, 80, 24)
		p.press(where)
		p.pass(time.Second)
		for _, action := range []keymap.Action{
			keymap.Start, keymap.Pause, keymap.Cancel, keymap.Answer, keymap.Init, keymap.Seal, keymap.Retry, keymap.Waive, keymap.Switch,
			keymap.Recheck, keymap.Repair, keymap.Acknowledge, keymap.Export, keymap.Rerun,
		} {
			key := keymap.Default().Key(action)
			p.press(key)
			require.Contains(t, p.frame(), key+": this is a recording", "%s on screen %s", action, where)
		}
		p.press("q")
		require.Equal(t, app.ExitQuit, p.model.Exit(), "nothing is at work here")
	}
}

// Who shows no recording has none of its keys, and is not told of them.
func TestKeysOfAReplayAreOnlyThere(t *testing.T) {
	t.Parallel()
	b := setup(t, tuitest.Running(), 80, 100)
	b.press("?")
	require.NotContains(t, b.frame(), "a replay")
	b = desk(t, tuitest.Quarantined(), 80, 24, 20)
	b.press("enter", " ")
	b.pass(time.Second)
	require.Contains(t, b.frame(), "1 marked", "space marks")
	b.press("]", "{")
	require.Contains(t, b.frame(), "1 marked")
	p := rerun(t, readDemo(t), -time.Second, 80, 180)
	p.press("?")
	require.Equal(t, 7, strings.Count(p.frame(), "a replay: "))
}
