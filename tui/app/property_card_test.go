package app_test

import (
	"io"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
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

func drawValue(t *rapid.T) engine.Maybe[string] {
	return drawMaybe(t, rapid.OneOf(rapid.Custom(drawText), rapid.SampledFrom([]string{"150.00", "NULL", "–", "", " ", "-1.33e-15", "NaN", "1e22"})))
}

func drawDrifts(t *rapid.T) []engine.Drift {
	var out []engine.Drift
	for range few(t) {
		out = append(out, pick(t, engine.DriftHistory, engine.DriftMoves, engine.DriftRunning, engine.Drift(drawText(t))))
	}
	return out
}

func drawCause(t *rapid.T) engine.Cause {
	return pick(t, "", engine.CauseMissing, engine.CauseExtra, engine.CauseField, engine.CauseQuarantined, engine.CauseWaitingParent,
		engine.CauseDeletedAtSource, engine.CauseWrittenOnTarget, engine.Cause(drawText(t)))
}

// drawCard draws a report on one of a few cards, or on none.
func drawCard(t *rapid.T) *engine.CardReport {
	r := &engine.CardReport{
		ID: rapid.Int64Range(0, 3).Draw(t, "card"), Code: drawText(t), Sentence: drawText(t), Cause: drawCause(t),
		AtSource: rapid.Bool().Draw(t, "at source"), InEngine: rapid.Bool().Draw(t, "in engine"), Settled: drawMaybe(t, rapid.Bool()),
		Points: drawValue(t), Last: drawValue(t), Moves: drawValue(t), Engine: drawValue(t), Drifts: drawDrifts(t), Rule: drawText(t),
		LinesTotal: number(t), FromSource: rapid.Bool().Draw(t, "from source"), Cost: drawText(t), Stated: drawText(t), Provenance: drawText(t),
		Break: drawMaybe(t, anyNumber), Run: engine.RunID(number(t)),
		Batch: engine.BatchID(number(t)), WrittenAt: drawTime(t), ReadAt: drawTime(t),
	}
	for range few(t) {
		r.Others = append(r.Others, number(t))
		r.Fields = append(r.Fields, engine.CardField{
			Name: drawText(t), Raw: drawValue(t), Source: drawValue(t), Expected: drawValue(t), Target: drawValue(t), Equal: rapid.Bool().Draw(t, "equal"),
		})
		r.Discrepancies = append(r.Discrepancies, engine.Discrepancy{
			ID: number(t), Entity: drawText(t), Row: number(t), Field: drawText(t), Expected: drawValue(t), Target: drawValue(t), Cause: drawCause(t),
			State: engine.DiscrepancyState(drawText(t)), FoundAt: drawTime(t), AckBy: drawText(t), AckNote: drawText(t), AckUntil: drawTime(t),
		})
		r.Differences = r.Discrepancies
		r.Lines = append(r.Lines, engine.CardLine{
			ID: number(t), At: drawTime(t), Amount: drawValue(t), Balance: drawValue(t), Running: drawValue(t), Broken: rapid.Bool().Draw(t, "broken"),
			Origin: drawText(t), Move: drawMaybe(t, anyNumber), InEngine: rapid.Bool().Draw(t, "in engine"), Why: drawText(t),
		})
	}
	if rapid.Bool().Draw(t, "quarantined") {
		r.Quarantine = &engine.QuarantineRow{
			Reason: drawReason(t), Detail: drawText(t), State: drawText(t), WaivedBy: drawText(t), WaivedNote: drawText(t), Hangs: number(t),
			Stale: rapid.Bool().Draw(t, "stale"), FirstSeen: drawTime(t),
		}
	}
	return r
}

func drawLedger(t *rapid.T) (v engine.LedgerView, cards []engine.LedgerCard) {
	v = engine.LedgerView{
		Cards: drawMaybe(t, anyNumber), Drifted: drawMaybe(t, anyNumber), History: drawMaybe(t, anyNumber), Moves: drawMaybe(t, anyNumber),
		Incomplete: drawMaybe(t, anyNumber), Run: engine.RunID(number(t)), At: drawTime(t),
	}
	for i := range 4 * few(t) {
		cards = append(cards, engine.LedgerCard{
			Card: int64(i + 1), Code: drawText(t), Points: drawValue(t), Last: drawValue(t), Moves: drawValue(t), Drifts: drawDrifts(t),
			Size: drawText(t), Engine: drawValue(t), Waiting: rapid.Bool().Draw(t, "waiting"), SeenAt: drawTime(t),
		})
	}
	return v, cards
}

// Whatever is known of cards and of the ledger, and wherever one goes: the frame is sound.
func TestEveryFrameOfCardsIsSound(t *testing.T) {
	t.Parallel()
	palettes, err := themes.Load("")
	require.NoError(t, err)
	keys := []string{
		"c", "1", "2", "3", "enter", "enter", "esc", "5", "5", "down", "down", "up", "pgdown", "G", "g", "n", "N", "f", "r", "y", "R", "a", "/", ":", "o",
		"O", "right", "left", "m", "backspace", "4", "?", "ctrl+u", "字", "\x1b",
	}
	rapid.Check(t, func(t *rapid.T) {
		theme, err := palettes.Get(rapid.SampledFrom(palettes.Names()).Draw(t, "theme"))
		require.NoError(t, err)
		operator, now := tuitest.NewOperator(tuitest.InStep()), tuitest.Noon
		news := func() {
			s := tuitest.InStep()
			if rapid.IntRange(0, 3).Draw(t, "trouble") == 0 {
				s = drawSnapshot(t)
			}
			var cards []engine.LedgerCard
			s.Ledger, cards = drawLedger(t)
			operator.Drift(cards...)
			operator.Deal(drawCard(t), drawCard(t), drawCard(t))
			operator.FailReads(drawError(t))
			operator.Show(s)
		}
		news()
		model := app.New(t.Context(), app.Config{
			Operator: operator, Themes: []themes.Theme{theme}, Clock: func() time.Time { return now }, ASCII: rapid.Bool().Draw(t, "ascii"),
			Renderer: termprobe.NewRenderer(io.Discard, termprobe.InColours(pick(t, termenv.Ascii, termenv.ANSI, termenv.TrueColor))),
		})
		width, height := 0, 0
		resize := func() {
			width, height = rapid.IntRange(58, 250).Draw(t, "width"), rapid.IntRange(15, 80).Draw(t, "height")
			if rapid.Bool().Draw(t, "narrow") {
				width, height = rapid.IntRange(60, 82).Draw(t, "width"), rapid.IntRange(16, 26).Draw(t, "height")
			}
			tuitest.Send(model, tea.WindowSizeMsg{Width: width, Height: height})
		}
		resize()
		beat := func() { tuitest.Send(model, feed.New(operator, func() time.Time { return now }, false).Now()) }
		beat()
		tuitest.Press(model, pick(t, []string{"5"}, []string{"c", "1", "enter"}, []string{"c", "2", "enter"})...)
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			switch rapid.IntRange(0, 9).Draw(t, "what") {
			case 0:
				resize()
			case 1:
				news()
				now = now.Add(time.Duration(rapid.IntRange(0, 9000).Draw(t, "ms")) * time.Millisecond)
			case 2:
				tuitest.Send(model, tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(drawText(t)), Paste: rapid.Bool().Draw(t, "paste")})
			default:
				tuitest.Press(model, rapid.SampledFrom(keys).Draw(t, "key"))
			}
			beat()
			requireSound(t, model.View(), width, height)
		}
	})
}
