package app_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/tui/app"
	"ferry/tui/keymap"
	"ferry/tui/tuitest"
)

func TestThePaletteFindsAnActionAndDoesIt(t *testing.T) {
	t.Parallel()
	b := setup(t, tuitest.Running(), 80, 24)
	b.press(":")
	require.Contains(t, b.frame(), " : ")
	require.Contains(t, b.frame(), "keep in step every 20 s")
	b.press("s", "t", "e", "p", "s")
	require.Contains(t, b.frame(), "runs: their history, steps and batches")
	require.NotContains(t, b.frame(), "keep in step")
	b.press("enter")
	require.Contains(t, b.frame(), "›2 Runs", "what is found by its description is done")

	b.press(":", "q", "u", "a", "r")
	require.Contains(t, strings.Split(b.frame(), "\n")[7], "quarantine", "what is called so comes first")
	b.press("backspace", "backspace", "backspace", "backspace", "z", "z")
	require.Contains(t, b.frame(), "no action is called so")
	b.press("enter", "esc")
	require.Contains(t, b.frame(), "›2 Runs")
}

func TestThePaletteSaysWhyNot(t *testing.T) {
	t.Parallel()
	b := setup(t, tuitest.InStep(), 100, 24)
	b.press(":", "c", "a", "n", "c", "e", "l")
	require.Contains(t, b.frame(), "not now: run #4711 is done already")
	b.press("enter")
	require.Contains(t, b.frame(), " : cancel", "it stays, and says so")
	require.Contains(t, strings.Split(b.frame(), "\n")[5], "not now: run #4711 is done already")
	b.press("esc", "esc")
	require.Empty(t, b.operator.Calls())
}

// Every action of the screens is in the palette, and none of the forms'.
func TestThePaletteListsAllActions(t *testing.T) {
	t.Parallel()
	b := setup(t, tuitest.Running(), 140, 70)
	b.press(":")
	for _, binding := range keymap.Default().Bindings() {
		inForm := binding.Scope == keymap.Forms || binding.Scope == keymap.Fields || binding.Scope == keymap.Replays
		require.Equal(t, !inForm && binding.Action != keymap.Palette, strings.Contains(b.frame(), " "+string(binding.Action)+" "), binding.Action)
	}
}

// Keys that came in one piece are typed into the line that the first of them opened.
func TestKeysInOnePieceReachTheLineTheyOpen(t *testing.T) {
	t.Parallel()
	b := setup(t, tuitest.Running(), 80, 24)
	tuitest.Send(b.model, tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(":preflight")})
	require.Contains(t, b.frame(), " : preflight")
	b = desk(t, tuitest.Quarantined(), 80, 24, 20)
	b.press("enter")
	b.pass(time.Second)
	tuitest.Send(b.model, tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("/state:w")})
	require.Contains(t, b.frame(), " / state:w")
}

func TestAScreenThatIsNotThereSaysSo(t *testing.T) {
	t.Parallel()
	b := setup(t, tuitest.Running(), 100, 24)
	for key, why := range map[string]string{
		"8": "8: there is no screen 8 yet",
		"/": "/: that is for lists such as quarantine; 4 opens it", "h": "h: that is for lists",
		"e": "e: both databases answer, and there is nothing here to export",
		"y": "y: this terminal has no clipboard",
	} {
		b.press(key)
		require.Contains(t, b.frame(), why)
	}
}

// The key that exports edits the addresses while a database is away.
func TestOneKeyExportsOrEditsTheAddresses(t *testing.T) {
	t.Parallel()
	b := setup(t, tuitest.NeverReached(), 80, 24)
	require.Contains(t, b.frame(), "e edit")
	require.True(t, b.press("e"))
	require.Equal(t, app.ExitConnect, b.model.Exit())
}

func TestRowsAreFilteredByWhatIsTyped(t *testing.T) {
	t.Parallel()
	b := desk(t, tuitest.Quarantined(), 100, 30, 384)
	b.press("enter")
	b.pass(time.Second)
	b.press("/", "s", "t", "a", "t", "e", ":", "[")
	require.Contains(t, b.frame(), "is no pattern")
	b.press("backspace", "w", "a", "i", "v", "e", "d", "q", "4", "backspace", "backspace", "enter")
	b.pass(time.Second)
	require.Contains(t, b.frame(), "1/300")
	require.Contains(t, b.frame(), " / state:waived  esc clears the filter")
	b.press("w", "tab")
	require.Contains(t, b.frame(), "the 300 rows that fit state:waived")
	b.press("esc", "ctrl+a", "T")
	require.NotContains(t, b.frame(), "all 384 rows", "what is marked is what fits")
	b.press("enter")
	require.Equal(t, engine.QuarantineSelection{
		Entity: "loyalty_card", Reason: "card.partner_missing", Filter: engine.Filter{{Field: "state", Pattern: "waived"}},
	}, b.operator.Calls()[0].Which)
	require.Contains(t, b.frame(), "✓ 300 rows are read again")
	b.press("esc")
	b.pass(time.Second)
	require.Contains(t, b.frame(), "1/384", "esc clears the filter")
	b.press("esc")
	require.Contains(t, b.frame(), "quarantine  890 rows", "and goes back")
}

// Within a row that is opened, n and N go on to its neighbours.
func TestNextOpensTheNextRow(t *testing.T) {
	t.Parallel()
	b := desk(t, tuitest.Quarantined(), 80, 24, 20)
	b.press("enter")
	b.pass(time.Second)
	b.press("enter")
	require.Contains(t, b.frame(), "loyalty_card 100001")
	b.press("n", "n")
	require.Contains(t, b.frame(), "loyalty_card 100013")
	b.press("N")
	require.Contains(t, b.frame(), "loyalty_card 100007")
	b.press("o")
	require.Contains(t, b.frame(), "o: go back to the rows first")
}

func TestWhatIsSelectedIsCopied(t *testing.T) {
	t.Parallel()
	var copied []string
	var fail error
	b := desk(t, tuitest.Quarantined(), 80, 24, 20, func(c *app.Config) {
		c.Clipboard = func(text string) (string, error) {
			copied = append(copied, text)
			return "copied", fail
		}
	})
	b.press("enter")
	b.pass(time.Second)
	b.press("y")
	require.Equal(t, []string{"loyalty_card\t100001\topen\tcard.partner_missing\tit has no partner"}, copied)
	require.Contains(t, b.frame(), "✓ the row copied")
	b.press("m", "m", "y")
	require.Len(t, strings.Split(copied[1], "\n"), 3, "a line for each that is marked")
	fail = errors.New("it is closed")
	b.press("y")
	require.Contains(t, b.frame(), "it is closed")
	b.press("1", "y")
	require.Contains(t, b.frame(), "y: nothing is selected that could be copied")
}

func TestGoldenFramesOfLists(t *testing.T) {
	t.Parallel()
	for _, size := range [][2]int{{80, 24}, {140, 45}} {
		width, height := size[0], size[1]
		for name, keys := range map[string][]string{
			"filter-typed":    {"/", "s", "t", "a", "t", "e", ":", "w"},
			"filter-wrong":    {"/", "("},
			"filter":          {"/", "w", "a", "i", "t", "s", "esc", "/", "s", "t", "a", "t", "e", ":", "w", "enter"},
			"filter-nothing":  {"/", "z", "enter"},
			"sorted":          {"o", "o", "O", "down", "m", "down", "M"},
			"sideways":        {"l"},
			"marked-all":      {"ctrl+a"},
			"palette":         {":"},
			"palette-refused": {":", "m", "a", "r", "k", "tab", "enter"},
		} {
			b := desk(t, tuitest.Quarantined(), width, height, 384)
			b.press("enter")
			b.pass(time.Second)
			b.press(keys...)
			b.pass(time.Second)
			compare(t, fmt.Sprintf("list-%s.%dx%d", name, width, height), b.frame())
		}
	}
}
