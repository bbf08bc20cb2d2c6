package app_test

import (
	"io"
	"testing"
	"time"

	"github.com/muesli/termenv"
	"github.com/stretchr/testify/require"

	"ferry/themes"
	"ferry/tui/app"
	"ferry/tui/termprobe"
	"ferry/tui/tuitest"
)

// wardrobe is a console that has the named themes, on a terminal with true colours.
func wardrobe(names ...string) func(*app.Config) {
	return func(c *app.Config) {
		for _, name := range names {
			c.Themes = append(c.Themes, themes.BuiltIn()[name])
		}
		c.Renderer = termprobe.NewRenderer(io.Discard, termprobe.InColours(termenv.TrueColor), termprobe.On(termprobe.Dark))
	}
}

// A theme is tried on as the cursor comes to it; enter keeps it, esc goes back to the one before.
func TestAThemeIsChosenByLookingAtIt(t *testing.T) {
	t.Parallel()
	for _, size := range [][2]int{{80, 24}, {60, 16}, {140, 45}} {
		const frost, pink = "48;2;46;52;64m", "48;2;40;42;54m" // the canvas of Nord, of Dracula
		b := setup(t, tuitest.Running(), size[0], size[1], wardrobe("default-dark", "dracula", "nord"))
		plain := b.frame()
		b.press("t")
		require.Contains(t, b.frame(), "Theme 1/3")
		require.Contains(t, b.frame(), "› default-dark")
		b.press("down")
		require.Contains(t, b.frame(), "› dracula")
		require.Contains(t, b.frame(), pink)
		b.press("t")
		require.Contains(t, b.frame(), frost)
		b.press("p", "1", "7")
		require.Contains(t, b.frame(), "› nord", "nothing else is done meanwhile")
		b.press("esc")
		require.Equal(t, plain, b.frame(), "it is as it was")

		b.press("t", "G", "enter")
		require.Contains(t, b.frame(), frost)
		require.NotContains(t, b.frame(), "Theme ")
		require.Contains(t, b.frame(), `✓ theme nord; theme = "nord" in the config keeps it`)
		b.press("t", "t", "q")
		require.Contains(t, b.frame(), frost, "q closes it too, and does not end the console")
		require.Equal(t, app.ExitNone, b.model.Exit())
		require.Empty(t, b.operator.Calls())
	}
}

func TestWhatWasWrongWithThemesIsAnErrorThatStays(t *testing.T) {
	t.Parallel()
	b := setup(t, tuitest.Running(), 80, 24, func(c *app.Config) { c.Faults = []string{"theme own is left out: own.toml:3:1: unknown role"} })
	b.pass(time.Minute)
	require.Contains(t, b.frame(), "✗ theme own is left out: own.toml:3:1: unknown role")
	b.press("esc")
	require.NotContains(t, b.frame(), "own.toml")
}

func TestGoldenFrameOfThemes(t *testing.T) {
	t.Parallel()
	for _, size := range [][2]int{{80, 24}, {140, 45}} {
		b := setup(t, tuitest.Running(), size[0], size[1], wardrobe(themes.BuiltIn().Names()...), func(c *app.Config) {
			for i := range c.Themes { // themes that show nothing, so that the frame is plain
				c.Themes[i] = themes.Theme{Name: c.Themes[i].Name}
			}
		})
		b.press("t", "down", "down")
		compare(t, "themes."+map[int]string{80: "80x24", 140: "140x45"}[size[0]], b.frame())
	}
}
