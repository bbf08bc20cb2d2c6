package themes_test

import (
	"io"
	"path/filepath"
	"strings"
	"testing"

	"github.com/charmbracelet/lipgloss"
	"github.com/muesli/termenv"
	"github.com/stretchr/testify/require"

	"ferry/themes"
)

func TestEveryPaletteKeepsItsContrast(t *testing.T) {
	t.Parallel()
	set, err := themes.Load("")
	require.NoError(t, err)
	require.ElementsMatch(t, []string{
		"default-dark", "default-light", "catppuccin-mocha", "catppuccin-latte", "gruvbox-dark", "gruvbox-light", "nord", "dracula",
		"ansi16", "ansi16-light", "high-contrast", "colour-blind", "mono",
	}, set.Names())
	files, err := filepath.Glob("*.toml")
	require.NoError(t, err)
	require.Len(t, files, len(set), "every file is a palette without fault")
	for name, theme := range set {
		require.Empty(t, theme.Faults(), name)
		require.GreaterOrEqual(t, theme.Contrast, 4.5, name)
	}
	require.GreaterOrEqual(t, set["high-contrast"].Contrast, 7.0)
}

func TestContrastFollowsWCAG(t *testing.T) {
	t.Parallel()
	require.InDelta(t, 21, themes.Contrast("#000000", "#ffffff"), 0.001)
	require.InDelta(t, 1, themes.Contrast("#123456", "#123456"), 0.001)
	require.InDelta(t, 4.54, themes.Contrast("#767676", "#ffffff"), 0.01, "the greyest grey that may carry text on white")
	require.Zero(t, themes.Contrast("red", "#ffffff"))
}

func renderer(p termenv.Profile, dark bool) *lipgloss.Renderer {
	r := lipgloss.NewRenderer(io.Discard)
	r.SetColorProfile(p)
	r.SetHasDarkBackground(dark)
	return r
}

func TestThePaletteFollowsTheTerminal(t *testing.T) {
	t.Parallel()
	require.Equal(t, themes.DefaultDark, themes.DefaultFor(renderer(termenv.TrueColor, true)))
	require.Equal(t, themes.DefaultLight, themes.DefaultFor(renderer(termenv.ANSI256, false)))
	require.Equal(t, themes.ANSI16, themes.DefaultFor(renderer(termenv.ANSI, true)))
	require.Equal(t, themes.ANSI16Light, themes.DefaultFor(renderer(termenv.ANSI, false)))
}

func TestStyles(t *testing.T) {
	t.Parallel()
	palettes, err := themes.Load("")
	require.NoError(t, err)
	paint := func(name string, p termenv.Profile, role themes.Role) string {
		palettes, err := themes.Load("")
		require.NoError(t, err)
		theme, err := palettes.Get(name)
		require.NoError(t, err)
		styles := theme.Styles(renderer(p, true))
		var b strings.Builder
		styles.Paint(&b, role, "words")
		return b.String()
	}
	require.Equal(t, "\x1b[38;2;127;216;143mwords\x1b[0m", paint("default-dark", termenv.TrueColor, themes.OK))
	require.Equal(t, "\x1b[92mwords\x1b[0m", paint("ansi16", termenv.ANSI, themes.OK))
	require.Equal(t, "\x1b[7mwords\x1b[0m", paint("mono", termenv.ANSI, themes.Selection))
	for _, role := range themes.Roles() {
		for _, name := range palettes.Names() {
			require.Equal(t, "words", paint(name, termenv.Ascii, role), "without colours nothing is added, not even weight")
		}
	}
}
