package app_test

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/tui/screen"
	"ferry/tui/tuitest"
)

// deal is a console over cards in every kind of trouble.
func deal(t *testing.T, width, height int) *bench {
	t.Helper()
	b := setup(t, tuitest.InStep(), width, height)
	var reports []*engine.CardReport
	for _, c := range append(tuitest.Troubles(), tuitest.OtherCards()...) {
		if c.Report.ID != 0 {
			reports = append(reports, c.Report)
		}
	}
	b.operator.Deal(reports...)
	return b
}

func (b *bench) console(width, height int) *tuitest.Console {
	return tuitest.Open(b.model, b.operator, func() time.Time { return b.now }, width, height)
}

// From the opened console with at most four keys and the typed id, the sentence is on the screen at 80×24.
func TestWhyIsCardNWrong(t *testing.T) {
	t.Parallel()
	troubles := tuitest.Troubles()
	require.Len(t, troubles, 10)
	for _, c := range troubles {
		for _, typed := range []string{strconv.FormatInt(c.Report.ID, 10), strings.ToLower(c.Report.Code)} {
			console := deal(t, 80, 24).console(80, 24)
			frame := console.WhyIsCardWrong(typed)
			require.LessOrEqual(t, console.Typed, 4)
			require.NotEmpty(t, c.Report.Sentence)
			require.True(t, tuitest.Says(frame, c.Report.Sentence), "%s: %s\n%s", c.Name, c.Report.Sentence, frame)
			requireSound(t, frame, 80, 24)
		}
	}
}

func TestGoldenFramesOfACard(t *testing.T) {
	t.Parallel()
	for _, size := range [][2]int{{80, 24}, {140, 45}} {
		width, height := size[0], size[1]
		check := func(name string, b *bench) {
			t.Helper()
			compare(t, fmt.Sprintf("%s.%dx%d", name, width, height), b.frame())
		}
		for _, c := range append(tuitest.Troubles(), tuitest.OtherCards()...) {
			switch c.Name {
			case "decimal", "extra", "time-zone":
				continue // they look like others
			}
			b := deal(t, width, height)
			b.console(width, height).WhyIsCardWrong(screen.CardName(c.Report.Key))
			check("card-"+c.Name, b)
		}
		b := deal(t, width, height)
		b.press("c", "4", "7")
		check("card-prompt", b)
		b.press("2", "1", "enter", "esc", "c")
		check("card-prompt-again", b)
		b.press("enter", "G")
		check("card-drifted-end", b)
		b = deal(t, width, height)
		b.operator.FailReads(errors.New("source: read card: permission denied for table loyalty_card (SQLSTATE 42501)"))
		b.console(width, height).WhyIsCardWrong("4711")
		check("card-error", b)
		b = setup(t, tuitest.Unreachable(), width, height)
		b.console(width, height).WhyIsCardWrong("4711")
		check("card-unreachable", b)
		b = deal(t, width, height)
		b.operator.Deal(evilCard())
		b.console(width, height).WhyIsCardWrong("1")
		check("card-hostile", b)
	}
}

const evilText = "\x1b[2J\x1b]0;owned\x07\u202egpj\r\n\x9b31m"

func evilCard() *engine.CardReport {
	v := engine.Known(evilText)
	long := engine.Known(strings.Repeat("字", 1<<16))
	r := tuitest.RightCard(1)
	r.Code, r.Sentence, r.Rule, r.Cost, r.Cause = evilText, "Wrong: "+evilText+strings.Repeat(" and so on", 8), evilText, evilText, engine.Cause(evilText)
	r.Points, r.Last, r.Moves, r.Engine, r.Drifts = v, long, v, long, []engine.Drift{evilText}
	r.Fields = []engine.CardField{
		{Name: evilText, Raw: v, Source: long, Expected: v, Target: long}, {Name: "code", Raw: long, Source: v, Expected: v, Target: v, Equal: true},
	}
	r.Quarantine = &engine.QuarantineRow{Reason: evilText, Detail: evilText, State: evilText, WaivedBy: evilText, WaivedNote: evilText}
	r.Discrepancies = []engine.Discrepancy{{
		ID: 1, Entity: evilText, Field: evilText, Expected: v, Target: long, Cause: evilText, State: evilText, AckBy: evilText, AckNote: evilText,
	}}
	r.Differences, r.Stated, r.Provenance = r.Discrepancies, evilText, evilText
	r.Lines = []engine.CardLine{{ID: 1, Amount: v, Balance: long, Running: v, Broken: true, Origin: evilText, Why: evilText}}
	return r
}

func TestHostileCardsAreShownNotObeyed(t *testing.T) {
	t.Parallel()
	for _, size := range [][2]int{{60, 16}, {80, 24}, {120, 20}, {140, 45}} {
		b := deal(t, size[0], size[1])
		b.operator.Deal(evilCard())
		b.press("c", "1", "enter")
		for _, key := range []string{"down", "pgdown", "G", "enter", "G", "f", "esc", "g", "c"} {
			b.press(key)
			b.pass(time.Second)
			requireSound(t, b.frame(), size[0], size[1])
		}
	}
}

func TestThePromptTakesAnIdOrACode(t *testing.T) {
	t.Parallel()
	b := deal(t, 80, 24)
	b.press("c")
	require.Contains(t, b.frame(), " Card (id or code): _")
	b.press("4", "7", "1", "2", "backspace", "1", "enter")
	require.Equal(t, []string{"card 4711 4711"}, b.operator.Reads(), "a number is an id and a code")
	b.press("c")
	require.Contains(t, b.frame(), " Card (id or code): _ 4711 ", "the last one is offered")
	b.press("enter")
	require.Len(t, b.operator.Reads(), 2, "it is read again")
	b.press("c", "esc")
	require.Contains(t, b.frame(), "card 4711", "nothing was chosen")
	b.press("c")
	tuitest.Send(b.model, tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(" 0446-4c6f-4712 "), Paste: true})
	b.press("enter")
	require.Equal(t, "card 0  0446-4c6f-4712 ", b.operator.Reads()[2], "a code is cleaned where that is known, not here")
	require.Contains(t, b.frame(), "card 4712  0446-4C6F-4712")
	b.press("c", "-", "7", "enter")
	require.Equal(t, "card 0 -7", b.operator.Reads()[3])
}

// A fast hand, or a slow line, brings what belongs together in one piece.
func TestWhatIsTypedInOnePieceGoesIntoThePrompt(t *testing.T) {
	t.Parallel()
	b := deal(t, 80, 24)
	tuitest.Send(b.model, tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("c4711")})
	b.press("enter")
	require.Equal(t, []string{"card 4711 4711"}, b.operator.Reads())
}

func TestBackLeadsToWhereOneWas(t *testing.T) {
	t.Parallel()
	b := deal(t, 80, 24)
	b.press("2")
	runs := b.frame()
	b.press("P")
	preflight := b.frame()
	b.press("c", "4", "7", "1", "1", "enter", "c", "4", "7", "1", "3", "enter")
	require.Contains(t, b.frame(), "card 4713")
	b.press("esc")
	require.Equal(t, preflight, b.frame())
	b.press("esc")
	require.Equal(t, runs, b.frame())
}

func TestAnotherScreenOpensACard(t *testing.T) {
	t.Parallel()
	b := deal(t, 80, 24)
	b.press("4")
	tuitest.Send(b.model, screen.ShowCard(engine.CardKey{ID: 4713})())
	require.Contains(t, b.frame(), "Missing in the engine")
	b.press("esc")
	require.Contains(t, b.frame(), "›4 Quar")
}

// A row of moves or of the ledger is asked about by itself; whose it is, is found out where that is known.
func TestARowOfQuarantineLeadsToItsCard(t *testing.T) {
	t.Parallel()
	b := desk(t, tuitest.Quarantined(), 80, 24, 20)
	b.operator.Deal(tuitest.RightCard(4710))
	b.press("down", "down", "enter")
	b.pass(time.Second)
	require.Contains(t, b.frame(), "waits for card 100001")
	b.press("enter", "enter")
	reads := b.operator.Reads()
	require.Equal(t, "card of loyalty_point_move 100003", reads[len(reads)-1])
	b.press("esc")
	require.Contains(t, b.frame(), "loyalty_point_move 100003", "back leads to the row")
	b.press("c")
	require.Contains(t, b.frame(), " _ of move 100003 ", "what is selected is offered")
}
