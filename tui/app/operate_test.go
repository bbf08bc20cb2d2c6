package app_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/themes"
	"ferry/tui/app"
	"ferry/tui/tuitest"
)

func TestAThrottleIsSetFromTheConsole(t *testing.T) {
	t.Parallel()
	b := setup(t, tuitest.Running(), 80, 24)
	b.press("b", "enter")
	require.Empty(t, b.operator.Calls(), "the harmless choice has the focus")
	b.press("b", "tab", "enter")
	require.Contains(t, b.frame(), "Type the new value first, then why")
	b.press("2", "0", "0", "0")
	require.Contains(t, b.frame(), "throttle: none → 2000")
	require.Contains(t, b.frame(), "batch-rows: auto → 2000")
	b.press("enter")
	require.Contains(t, b.frame(), "Say why as well")
	b.press(" ", "s", "l", "o", "w", "enter")
	require.Equal(t, []tuitest.Call{{Action: "set policy", Set: "throttle=2000", Act: engine.Act{Reason: "slow"}}}, b.operator.Calls())
	require.Contains(t, b.frame(), "✓ throttle: none → 2000")

	b = setup(t, tuitest.Throttled(), 80, 24)
	require.Contains(t, b.frame(), "THROTTLED full #12 ≤ 2,000/s by sari@db2: Odoo is slow")
	b.press("b", "o", "k", "tab", "tab", "enter")
	require.Equal(t, "throttle=none", b.operator.Calls()[0].Set)
	b.press(":", "p", "o", "l", "i", "c", "y", " ", "d", "e", "l", "e")
	b.press("enter")
	require.Contains(t, b.frame(), "Policy deletes, for everyone")

	for _, s := range []*engine.Snapshot{tuitest.ReadOnly(), tuitest.Viewing(), tuitest.Sealed()} {
		b = setup(t, s, 100, 24)
		b.press("b")
		require.Regexp(t, "b: (this console only looks|the engine database lets role|the engine is sealed)", b.frame())
	}
}

// The palette reaches what menus offer, themes, policies and cards, by a few letters of their names.
func TestThePaletteReachesEverything(t *testing.T) {
	t.Parallel()
	set := themes.BuiltIn()
	var list []themes.Theme
	for _, name := range set.Names() {
		theme, err := set.Get(name)
		require.NoError(t, err)
		list = append(list, theme)
	}
	s := tuitest.InStep()
	s.Schedule.PausedBy = ""
	for typed, first := range map[string]string{
		"sfs": "start full sync", "full": "start full sync", "ptt": "pause the ticks", "hist pause": "pause loyalty_point_history",
		"deletes": "set policy deletes", "1234": "card 1234", "card ab-12": "card ab-12", "ovw": "overview", "qua": "quarantine",
		"rdump": "", "kis": "stop keeping in step",
	} {
		b := setup(t, s, 100, 24, func(c *app.Config) { c.Themes = list })
		b.press(":")
		for _, r := range typed {
			b.press(string(r))
		}
		if first == "" {
			require.Contains(t, b.frame(), "no action is called so; ctrl+u erases the line")
			continue
		}
		lines := strings.Split(b.frame(), "\n")
		found := false
		for _, line := range lines {
			if strings.HasPrefix(line, "› ") {
				found = true
				require.Contains(t, line, " "+first, typed)
			}
		}
		require.True(t, found, b.frame())
	}
	b := setup(t, tuitest.InStep(), 100, 30)
	b.press(":", "f", "u", "l", "l", "enter")
	require.Contains(t, b.frame(), "› full sync", "it opens the menu, where a reason can be typed")
	b.press("esc", ":")
	require.Contains(t, b.frame(), "› s       start full sync", "what was done lately comes first")
}

// What succeeds takes no error away, and neither does time or another screen.
func TestToastsNeverHideErrors(t *testing.T) {
	t.Parallel()
	b := setup(t, tuitest.Running(), 80, 24)
	b.operator.Fail(errors.New("disk full"))
	b.press("p", "tab", "enter")
	require.Contains(t, b.frame(), "not done: disk full")
	b.operator.Fail(nil)
	b.press("p", "tab", "enter")
	require.Contains(t, b.frame(), "not done: disk full")
	require.Contains(t, b.frame(), "✓ asked to pause run #12")
	b.press("2", "7", "y", "1")
	b.pass(time.Minute)
	require.Contains(t, b.frame(), "not done: disk full", "it stays until it is dismissed")
	require.NotContains(t, b.frame(), "✓ asked to pause")
	b.press(":")
	require.Contains(t, b.frame(), "not done: disk full")
	b.press("esc", "esc")
	require.NotContains(t, b.frame(), "disk full")
}

func TestTheScreenIsWrittenToFiles(t *testing.T) {
	t.Parallel()
	files := map[string]string{}
	theme, err := themes.BuiltIn().Get("default-dark")
	require.NoError(t, err)
	b := setup(t, tuitest.Running(), 80, 24, func(c *app.Config) {
		c.Themes = []themes.Theme{theme}
		c.Save = func(name, text string) (string, error) {
			files[name] = text
			return "/state/" + name, nil
		}
	})
	shown := b.frame()
	b.press("D")
	require.Contains(t, b.frame(), "✓ the screen is in /state/screen-20251103-210411.txt")
	text := files["screen-20251103-210411.txt"]
	require.Len(t, strings.Split(strings.TrimSuffix(text, "\n"), "\n"), 24)
	for i, line := range strings.Split(shown, "\n") {
		require.Equal(t, strings.TrimRight(line, " "), strings.Split(text, "\n")[i])
	}
	require.Contains(t, files["screen-20251103-210411.svg"], "<svg ")

	b = setup(t, tuitest.Running(), 80, 24)
	b.press("D")
	require.Contains(t, b.frame(), "D: no files can be written from here")
}

// The mouse does nothing unless it is asked for; then the wheel scrolls, and a click selects a row or a tab.
func TestTheMouseIsOptIn(t *testing.T) {
	t.Parallel()
	click := func(b *bench, x, y int) {
		tuitest.Send(b.model, tea.MouseMsg{X: x, Y: y, Button: tea.MouseButtonLeft, Action: tea.MouseActionPress})
	}
	row := func(b *bench) int {
		for y, line := range strings.Split(b.frame(), "\n") {
			if strings.HasPrefix(line, "› ") {
				return y
			}
		}
		return -1
	}
	b := desk(t, tuitest.Quarantined(), 80, 24, 40)
	b.press("enter")
	b.pass(time.Second)
	before := b.frame()
	click(b, 10, row(b)+3)
	require.Equal(t, before, b.frame(), "it is off")
	b.press("ctrl+t")
	require.Contains(t, b.frame(), "the mouse scrolls and selects rows and tabs")
	at := row(b)
	click(b, 10, at+3)
	require.Equal(t, at+3, row(b))
	click(b, 10, at+1)
	require.Equal(t, at+1, row(b))
	click(b, 10, 3)
	require.Equal(t, at+1, row(b), "no row stands there")
	tuitest.Send(b.model, tea.MouseMsg{Button: tea.MouseButtonWheelDown, Action: tea.MouseActionPress})
	require.Equal(t, at+4, row(b))
	left, _, found := strings.Cut(strings.Split(b.frame(), "\n")[2], "2 Runs")
	require.True(t, found)
	click(b, len([]rune(left))+2, 2)
	require.Contains(t, b.frame(), "›2 Runs")
	b.press("ctrl+t")
	require.Contains(t, b.frame(), "the mouse is the terminal's again")
}

// Everything is the check as well, where one is under way.
func TestEverythingIsPausedWithTheCheck(t *testing.T) {
	t.Parallel()
	s := tuitest.Checking()
	running := tuitest.Running()
	s.Run = running.Run
	b := setup(t, s, 100, 30)
	b.press(":", "p", "e", "v")
	require.Contains(t, b.frame(), "› p       pause everything")
	b.press("enter")
	require.Contains(t, b.frame(), "and check #")
	b.press("enter")
	var asked []string
	for _, c := range b.operator.Calls() {
		asked = append(asked, c.Action)
	}
	require.Equal(t, []string{"pause schedule", "pause", "pause"}, asked)
	require.Equal(t, s.Check.ID, b.operator.Calls()[1].Act.Run)
	require.Equal(t, s.Run.ID, b.operator.Calls()[2].Act.Run)
}
