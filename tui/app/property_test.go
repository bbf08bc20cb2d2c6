package app_test

import (
	"io"
	"regexp"
	"strings"
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

var sgr = regexp.MustCompile("\x1b\\[[0-9;]*m")

func drawText(t *rapid.T) string {
	return rapid.OneOf(
		rapid.String(),
		rapid.SampledFrom([]string{
			"", "\x1b[2J\x1b[H", "\x1b]0;owned\x07", "\u009b31m", "\u202eevil", "a\nb\tc\r", "\xff\xfe", "字字字", "🇩🇪",
			"👨\u200d👩\u200d👧", strings.Repeat("long ", 60), "connection refused",
		}),
	).Draw(t, "text")
}

func drawTime(t *rapid.T) time.Time {
	if rapid.IntRange(0, 4).Draw(t, "no time") == 0 {
		return time.Time{}
	}
	return tuitest.Noon.Add(time.Duration(rapid.Int64Range(-1e15, 1e13).Draw(t, "time")))
}

func drawMaybe[T any](t *rapid.T, g *rapid.Generator[T]) engine.Maybe[T] {
	return engine.Maybe[T]{Value: g.Draw(t, "value"), Known: rapid.Bool().Draw(t, "known")}
}

func pick[T any](t *rapid.T, from ...T) T { return rapid.SampledFrom(from).Draw(t, "pick") }

func drawEndpoint(t *rapid.T) engine.Endpoint {
	e := engine.Endpoint{Address: drawText(t), Version: drawText(t)}
	e.ReadOnly, e.Insecure = rapid.Bool().Draw(t, "ro"), rapid.Bool().Draw(t, "tls")
	if rapid.IntRange(0, 3).Draw(t, "down") == 0 {
		e.DownSince, e.NextTry, e.Err = drawTime(t), drawTime(t), drawText(t)
	}
	return e
}

func drawRun(t *rapid.T) *engine.RunView {
	if rapid.IntRange(0, 5).Draw(t, "no run") == 0 {
		return nil
	}
	return &engine.RunView{
		ID: engine.RunID(rapid.Int64().Draw(t, "id")), Kind: pick(t, engine.RunFull, engine.RunIncremental),
		State: pick(t, engine.RunQueued, engine.RunPlanning, engine.RunRunning, engine.RunPausing, engine.RunPaused, engine.RunAsking,
			engine.RunInterrupted, engine.RunCancelled, engine.RunFailed, engine.RunDone, engine.RunState("unheard of")),
		First: rapid.Bool().Draw(t, "first"), Since: drawTime(t), By: drawText(t), StateBy: drawText(t), Reason: drawText(t),
		CreatedAt: drawTime(t), StartedAt: drawTime(t), FinishedAt: drawTime(t), Error: drawText(t), NowDoing: drawText(t),
		LastError: drawText(t), LastErrorAt: drawTime(t), Question: drawText(t), Scheduled: rapid.Bool().Draw(t, "scheduled"),
		Ticks: int(anyNumber.Draw(t, "ticks")), FirstAt: drawTime(t), WhyFull: drawText(t),
	}
}

var (
	anyNumber = rapid.OneOf(rapid.Int64(), rapid.Int64Range(0, 9_999_999))
	anyShare  = rapid.OneOf(rapid.Float64(), rapid.Float64Range(0, 1))
)

func number(t *rapid.T) int64 { return anyNumber.Draw(t, "number") }

func few(t *rapid.T) int { return rapid.IntRange(0, 5).Draw(t, "few") }

func drawStep(t *rapid.T) engine.StepState {
	return pick(t, engine.StepWaiting, engine.StepRunning, engine.StepDone)
}

func drawEntity(t *rapid.T) engine.EntityView {
	return engine.EntityView{
		Name: drawText(t), State: drawStep(t), Errors: number(t), Done: anyShare.Draw(t, "done"),
		Counts:     engine.Counts{Read: number(t), Inserted: number(t), Updated: number(t), Unchanged: number(t), Rejected: number(t)},
		SourceRows: drawMaybe(t, anyNumber), SourceEstimated: rapid.Bool().Draw(t, "estimated"), TargetRows: drawMaybe(t, anyNumber),
		Quarantined: drawMaybe(t, anyNumber), Waiting: drawMaybe(t, anyNumber), Stale: drawMaybe(t, anyNumber),
		Extra: drawMaybe(t, anyNumber), BatchesDone: number(t), BatchesTotal: drawMaybe(t, anyNumber),
		RowsPerSecond: drawMaybe(t, anyShare),
		ETA: engine.ETA{
			State: pick(t, engine.ETANone, engine.ETAMeasuring, engine.ETAReady, engine.ETAAtLeast),
			Left:  time.Duration(number(t)),
		},
		Accounted: drawMaybe(t, rapid.Bool()), Waived: drawMaybe(t, anyNumber), PausedBy: drawText(t), PausedReason: drawText(t),
	}
}

func drawSnapshot(t *rapid.T) *engine.Snapshot {
	s := &engine.Snapshot{
		Sequence: rapid.Uint64().Draw(t, "sequence"), TakenAt: drawTime(t), Profile: drawText(t),
		Process: engine.Process{Workers: few(t), ReadOnly: rapid.Bool().Draw(t, "read-only")},
		Source:  drawEndpoint(t), Target: drawEndpoint(t), Run: drawRun(t), Errors: number(t), Setup: engine.SetupReady,
	}
	if rapid.IntRange(0, 2).Draw(t, "not set up") == 0 {
		s.Setup = pick(t, engine.SetupUnknown, engine.SetupMissing, engine.SetupOlder, engine.SetupNewer)
	}
	for range few(t) {
		s.Entities = append(s.Entities, drawEntity(t))
	}
	for range few(t) {
		verb := pick(t, engine.StepPlan, engine.StepLoad, engine.StepOwners, engine.StepSettle, engine.StepSweep, engine.StepDelete)
		s.Steps = append(s.Steps, engine.StepView{
			Verb: verb, State: drawStep(t), Done: anyShare.Draw(t, "done"), BatchesTotal: drawMaybe(t, anyNumber),
		})
	}
	for range few(t) {
		w := engine.WorkerView{Host: drawText(t), Workers: few(t), Busy: few(t), Silent: time.Duration(number(t))}
		s.Workers = append(s.Workers, w)
		s.Activity = append(s.Activity, engine.Activity{At: drawTime(t), By: drawText(t), What: drawText(t)})
		s.Reasons = append(s.Reasons, engine.ReasonView{Entity: drawText(t), Reason: drawReason(t), Rows: number(t), Waived: number(t), Hangs: number(t)})
	}
	drawCycle(t, s)
	return s
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

var everyKey = []string{
	"2", "P", "T", "r", "f", "e", "2", "enter", "down", "A", "w", "v", "m", "4", "4", "enter", "enter", "down", "tab",
	"/", ":", "o", "O", "n", "N", "h", "l", "right", "M", "ctrl+a", "y", "c", "3", "5", "R", "a",
	"s", "p", "x", "i", "q", "?", "1", "7", "t", "enter", "esc", "tab", "shift+tab", "up", "down", "pgup", "pgdown", "home",
	"end", "g", "G", "ctrl+l", "ctrl+u", "backspace", "ctrl+c", "z", "字", " ", "f1", "alt+q",
}

// Whatever the data, the window, the theme and the keys: the frame fits the window exactly, nothing but ferry's own
// codes reaches the terminal, and nothing panics.
func TestEveryFrameIsSound(t *testing.T) {
	t.Parallel()
	palettes, err := themes.Load("")
	require.NoError(t, err)
	rapid.Check(t, func(t *rapid.T) {
		theme, err := palettes.Get(rapid.SampledFrom(palettes.Names()).Draw(t, "theme"))
		require.NoError(t, err)
		profile := pick(t, termenv.Ascii, termenv.ANSI, termenv.ANSI256, termenv.TrueColor)
		operator, now := tuitest.NewOperator(drawSnapshot(t)), tuitest.Noon
		past := func() {
			operator.Keep(drawHistory(t, operator.Snapshot().Run)...)
			operator.Find(drawPreflight(t), drawPreflight(t))
			operator.Hold(drawRows(t, operator.Snapshot().Reasons)...)
			operator.Rule(drawRules(t, operator.Snapshot().Reasons)...)
			operator.FailReads(drawError(t))
		}
		past()
		if rapid.Bool().Draw(t, "failing") {
			operator.Fail(engine.ErrRunActive)
		}
		model := app.New(t.Context(), app.Config{
			Operator: operator, Themes: []themes.Theme{theme, palettes[themes.Mono]},
			Renderer: termprobe.NewRenderer(io.Discard, termprobe.InColours(profile)),
			Clock:    func() time.Time { return now }, Clipboard: func(string) (string, error) { return "copied", nil }, ASCII: rapid.Bool().Draw(t, "ascii"),
		})
		beat := func() { tuitest.Send(model, feed.New(operator, func() time.Time { return now }, false).Now()) }
		width, height := 0, 0
		resize := func() {
			width, height = rapid.IntRange(20, 250).Draw(t, "width"), rapid.IntRange(5, 80).Draw(t, "height")
			if rapid.IntRange(0, 2).Draw(t, "narrow") == 0 {
				width, height = rapid.IntRange(60, 82).Draw(t, "width"), rapid.IntRange(16, 26).Draw(t, "height")
			}
			tuitest.Send(model, tea.WindowSizeMsg{Width: width, Height: height})
		}
		resize()
		requireSound(t, model.View(), width, height)
		for range rapid.IntRange(1, 10).Draw(t, "steps") {
			switch rapid.IntRange(0, 8).Draw(t, "what") {
			case 0:
				resize()
			case 1:
				operator.Show(drawSnapshot(t))
				if rapid.IntRange(0, 2).Draw(t, "other past") == 0 {
					past()
				}
				now = now.Add(time.Duration(rapid.IntRange(0, 5000).Draw(t, "ms")) * time.Millisecond)
			case 2:
				tuitest.Send(model, tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(drawText(t)), Paste: rapid.Bool().Draw(t, "paste")})
			default:
				tuitest.Press(model, rapid.SampledFrom(everyKey).Draw(t, "key"))
			}
			beat()
			requireSound(t, model.View(), width, height)
		}
	})
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
