package app_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"regexp"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"
	"github.com/muesli/termenv"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ferry/engine"
	"ferry/themes"
	"ferry/tui/app"
	"ferry/tui/feed"
	"ferry/tui/termprobe"
	"ferry/tui/tuitest"
)

// The property of frames is tried with so many cases, or with FERRY_FRAMES of them.
const (
	framesEnv    = "FERRY_FRAMES"
	framesCases  = 200
	framesAtOnce = 100 // of rapid's own: so many for a seed
)

var sgr = regexp.MustCompile("\x1b\\[[0-9;]*m")

// hostile are texts that break terminals, widths, or both.
var hostile = []string{
	"", " ", "\x00", "\x1b[2J\x1b[H", "\x1b]0;owned\x07", "\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "\x1bc", "\x1bP1$q\x1b\\", "\u009b31m", "\u0090q\u009c",
	"\u0085", "a\nb\tc\r\v\f\b", "\x7f\x7f", "\xff\xfe", "\xe2\x28\xa1", "\u202eevil\u202c", "\u2066isolated\u2069", "\u200fעברית 12",
	"العربية ١٢٣", "\u0600123",
	"字字字", "ｱｲｳ", "한국어", "\u1112\u1161\u11ab", "🇩🇪🇩", "👨\u200d👩\u200d👧", "👍🏽", "1\ufe0f\u20e3", "❤\ufe0f",
	"🏴\U000e0067\U000e0062\U000e007f", "e\u0301\u0302\u0303\u0304\u0305",
	"\u0301leading", "क्षि नमस्ते", "กำแพง", "zero\u200bwidth\ufeff", "soft\u00adhyphen", "\u2028line\u2029", "…",
	strings.Repeat("long ", 60), strings.Repeat("字", 300),
	strings.Repeat("x", 500), "connection refused", "read x: permission denied (SQLSTATE 42501)",
}

func drawText(t *rapid.T) string {
	return rapid.OneOf(rapid.String(), rapid.SampledFrom(hostile), rapid.SampledFrom(hostile)).Draw(t, "text")
}

// requireSound checks what must hold for every frame.
func requireSound(t require.TestingT, frame string, width, height int) {
	lines := strings.Split(frame, "\n")
	require.Len(t, lines, height)
	for _, line := range lines {
		require.Equal(t, width, ansi.StringWidth(line), "%q", line)
		for _, r := range sgr.ReplaceAllString(line, "") {
			require.False(t, unicode.IsControl(r) || unicode.Is(unicode.Cf, r), "%U in %q", r, line)
		}
	}
}

// Every key there is, and some that mean nothing; those that lead deeper more often.
var everyKey = []string{
	"1", "2", "3", "4", "5", "6", "7", "c", "P", "enter", "enter", "enter", "esc", "tab", "tab", "shift+tab", "/", ":", "?", "s", "p", "x", "i", "q", "A", "S",
	"T", "w", "v", "r", "R", "a", "e", ".", "f", "y", "o", "O", "m", "M", " ", "ctrl+a", "n", "N", "t", "up", "down", "down", "left", "right", "pgup", "pgdown",
	"home", "end",
	"g", "G", "h", "l", "ctrl+l", "ctrl+u", "backspace", "ctrl+c", "z", "字", "f1", "alt+q", "\x1b",
}

// world is a console on a made-up past and present.
type world struct {
	operator      *tuitest.Operator
	model         *app.Model
	now           time.Time
	width, height int
	silent        bool // nothing that is asked is ever answered
}

// parts are what there is to know beside the snapshot, by the screen on which it is seen, with keys that lead into the midst of it.
var parts = map[string]struct {
	make func(*rapid.T, *world)
	in   [][]string
}{
	"1": {func(t *rapid.T, w *world) { drawProof(t, w.operator.Snapshot()) }, nil},
	"2": {
		func(t *rapid.T, w *world) { w.operator.Keep(drawHistory(t, w.operator.Snapshot().Run)...) },
		[][]string{{"enter"}, {"enter", "enter"}},
	},
	"3": {func(t *rapid.T, w *world) {
		drawProof(t, w.operator.Snapshot())
		w.operator.Found(drawFound(t)...)
		w.operator.Plan(drawPlan(t))
	}, [][]string{{"enter"}, {"enter", "enter"}, {"R", "enter"}}},
	"4": {func(t *rapid.T, w *world) {
		reasons := w.operator.Snapshot().Reasons
		w.operator.Hold(drawRows(t, reasons)...)
		w.operator.Rule(drawRules(t, reasons)...)
	}, [][]string{{"enter"}, {"enter", "enter"}}},
	"5": {func(t *rapid.T, w *world) {
		view, cards := drawLedger(t)
		w.operator.Snapshot().Ledger = view
		w.operator.Drift(cards...)
	}, nil},
	"6": {drawRehearsals, nil},
	"7": {func(t *rapid.T, w *world) { w.operator.Journalled(drawJournal(t)...) }, nil},
	"P": {func(t *rapid.T, w *world) { w.operator.Find(drawPreflight(t), drawPreflight(t)) }, [][]string{{"f"}}},
	"c": {
		func(t *rapid.T, w *world) { w.operator.Deal(drawCard(t), drawCard(t), drawCard(t)) },
		[][]string{{"1", "enter"}, {"2", "enter", "enter"}},
	},
}

// news changes the snapshot: to anything at all, to a state that a console can meet, or to such a one with hostile parts.
func (w *world) news(t *rapid.T) {
	var s *engine.Snapshot
	if rapid.IntRange(0, 1).Draw(t, "anything") == 0 {
		s = drawSnapshot(t)
	} else {
		s = pick(t, tuitest.Scenarios()...).Snapshot
	}
	w.operator.Show(s)
}

// past changes what a screen has to show beside the snapshot, and whether it can be read.
func (w *world) past(t *rapid.T, key string) {
	parts[key].make(t, w)
	w.operator.Show(w.operator.Snapshot())
	w.operator.FailReads(drawError(t))
}

func drawWorld(t *rapid.T, palettes themes.Set) *world {
	theme, err := palettes.Get(rapid.SampledFrom(palettes.Names()).Draw(t, "theme"))
	require.NoError(t, err)
	w := &world{operator: tuitest.NewOperator(tuitest.Running()), now: tuitest.Noon, silent: rapid.IntRange(0, 7).Draw(t, "silent") == 0}
	w.news(t)
	if rapid.IntRange(0, 2).Draw(t, "failing") == 0 {
		w.operator.Fail(pick(t, engine.ErrRunActive, engine.Refuse(engine.ErrStateChanged, "%s", drawText(t))))
	}
	w.model = app.New(t.Context(), app.Config{
		Operator: &tuitest.Prover{Operator: w.operator}, Themes: []themes.Theme{theme, palettes[themes.Mono]}, Title: pick(t, "", drawText(t)),
		Renderer: termprobe.NewRenderer(io.Discard, termprobe.InColours(pick(t, termenv.Ascii, termenv.ANSI, termenv.ANSI256, termenv.TrueColor))),
		Clock:    func() time.Time { return w.now }, Clipboard: func(string) (string, error) { return "copied", nil }, ASCII: rapid.Bool().Draw(t, "ascii"),
		Report: func(context.Context, engine.RunID) (string, error) { return drawnReport, nil },
	})
	return w
}

// drawnReport is the name of a report, which a folder may have spoilt.
const drawnReport = "/srv/\x1b[2J/字.md"

// resize draws a window: any, often a small one, or one at the edge of a layout.
func (w *world) resize(t *rapid.T) {
	w.width, w.height = rapid.IntRange(20, 250).Draw(t, "width"), rapid.IntRange(5, 80).Draw(t, "height")
	switch rapid.IntRange(0, 3).Draw(t, "window") {
	case 0:
		w.width, w.height = rapid.IntRange(59, 82).Draw(t, "width"), rapid.IntRange(15, 26).Draw(t, "height")
	case 1:
		w.width = pick(t, 107, 108, 119, 120, 121, 140, 159, 160, 200)
	}
	tuitest.Send(w.model, tea.WindowSizeMsg{Width: w.width, Height: w.height})
}

func (w *world) beat() {
	beat := feed.New(w.operator, func() time.Time { return w.now }, false).Now()
	if w.silent {
		w.model.Update(beat)
		return
	}
	tuitest.Send(w.model, beat)
}

// step does one thing that happens to a console.
func (w *world) step(t *rapid.T, key string) {
	switch rapid.IntRange(0, 11).Draw(t, "what") {
	case 0:
		w.resize(t)
	case 1:
		w.news(t)
		w.now = w.now.Add(time.Duration(rapid.IntRange(0, 9000).Draw(t, "ms")) * time.Millisecond)
	case 2:
		w.past(t, key)
	case 3:
		tuitest.Send(w.model, tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(drawText(t)), Paste: rapid.Bool().Draw(t, "paste")})
	default:
		tuitest.Press(w.model, rapid.SampledFrom(everyKey).Draw(t, "key"))
	}
}

// Whatever the data, the window, the theme and the keys, on every screen, in dialogs, prompts, the palette and the help: the frame fits
// the window exactly, nothing but ferry's own codes reaches the terminal, and nothing panics.
func TestEveryFrameIsSound(t *testing.T) {
	t.Parallel()
	palettes, err := themes.Load("")
	require.NoError(t, err)
	cases := framesCases
	if text := os.Getenv(framesEnv); text != "" {
		cases, err = strconv.Atoi(text)
		require.NoError(t, err, framesEnv)
	}
	screens := []string{"1", "2", "3", "4", "5", "6", "7", "P", "c"}
	var frames atomic.Int64
	t.Cleanup(func() { t.Logf("%d frames", frames.Load()) })
	for round := range (cases + framesAtOnce - 1) / framesAtOnce {
		t.Run(fmt.Sprint("round ", round), func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				w := drawWorld(t, palettes)
				w.resize(t)
				requireSound(t, w.model.View(), w.width, w.height)
				key := rapid.SampledFrom(screens).Draw(t, "screen")
				w.past(t, key)
				w.beat()
				tuitest.Press(w.model, key)
				if in := parts[key].in; len(in) > 0 {
					tuitest.Press(w.model, pick(t, in...)...)
				}
				for range rapid.IntRange(1, 12).Draw(t, "steps") {
					w.beat()
					requireSound(t, w.model.View(), w.width, w.height)
					w.step(t, key)
					requireSound(t, w.model.View(), w.width, w.height)
					frames.Add(2)
				}
			})
		})
	}
}

func TestTheSmallestWindowsDoNotPanic(t *testing.T) {
	t.Parallel()
	for width := range 24 {
		for height := range 8 {
			b := setup(t, tuitest.Running(), width, height)
			b.press("p", "q", "?", "7")
			if width > 0 && height > 0 {
				requireSound(t, b.frame(), width, height)
			}
		}
	}
}

func BenchmarkFrame(b *testing.B) {
	operator, now := tuitest.NewOperator(tuitest.Running()), tuitest.Noon
	model := app.New(b.Context(), app.Config{
		Operator: operator, Renderer: termprobe.NewRenderer(io.Discard, termprobe.InColours(termenv.TrueColor)),
		Clock: func() time.Time { return now },
	})
	tuitest.Send(model, tea.WindowSizeMsg{Width: 140, Height: 45})
	pulse := feed.New(operator, func() time.Time { return now }, false)
	for b.Loop() {
		now = now.Add(time.Second)
		model.Update(pulse.Now())
	}
}
