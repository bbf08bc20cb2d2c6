package canvas_test

import (
	"io"
	"strings"
	"testing"

	"github.com/charmbracelet/x/ansi"
	"github.com/muesli/termenv"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ferry/themes"
	"ferry/tui/canvas"
	"ferry/tui/termprobe"
)

func TestLine(t *testing.T) {
	t.Parallel()
	l := canvas.Of(themes.Text, " name")
	l.To(8).Put(themes.OK, "fine").PutRight(20, themes.Muted, "12s")
	require.Equal(t, " name   fine     12s", l.String())
	cut := l.Fit(10)
	require.Equal(t, " name   f…", cut.String())
	filled := l.Fit(22)
	require.Equal(t, " name   fine     12s  ", filled.String())
	over := l.Over(2, canvas.Of(themes.Bad, "XX"))
	require.Equal(t, " nXXe   fine     12s", over.String())
	require.Equal(t, " name   fine     12s", l.String(), "what is derived from a line leaves it as it is")
	l.To(3).Put(themes.Text, "x")
	require.True(t, strings.HasSuffix(l.String(), "12s x"), "words never touch")
}

func TestHalfAWideCharacterBecomesASpace(t *testing.T) {
	t.Parallel()
	l := canvas.Of(themes.Text, "字字字")
	over := l.Over(1, canvas.Of(themes.Text, "abc"))
	require.Equal(t, " abc字", over.String())
	cut := l.Fit(4)
	require.Equal(t, "字 …", cut.String())
}

func TestPiecesStandBesideEachOther(t *testing.T) {
	t.Parallel()
	left := canvas.Block([]canvas.Line{canvas.Of(themes.Text, "a")}, 3, 1)
	right := canvas.Block([]canvas.Line{canvas.Of(themes.Text, "b"), canvas.Of(themes.Text, "c")}, 2, 2)
	lines := canvas.Beside(1, left, right)
	require.Len(t, lines, 2)
	require.Equal(t, "a   b ", lines[0].String())
	require.Equal(t, "    c ", lines[1].String())
}

// Whatever lines are made of, a frame has the size that was asked for and no control but the styles' own.
func TestAFrameIsExactlyAsLargeAsAsked(t *testing.T) {
	t.Parallel()
	palettes, err := themes.Load("")
	require.NoError(t, err)
	theme, err := palettes.Get(themes.DefaultDark)
	require.NoError(t, err)
	styles := theme.Styles(termprobe.NewRenderer(io.Discard, termprobe.InColours(termenv.TrueColor)))
	text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
		"🇩", "🇪", "\u0600", "ᄀ", "ᅡ", "\u0301", "👨", "\u200d", "👩", "字", "\x1b[2J", "\ufe0f", "ൎ", "क्",
	}))
	rapid.Check(t, func(t *rapid.T) {
		width, height := rapid.IntRange(1, 40).Draw(t, "width"), rapid.IntRange(1, 5).Draw(t, "height")
		lines := make([]canvas.Line, rapid.IntRange(0, 6).Draw(t, "lines"))
		for i := range lines {
			for _, s := range rapid.SliceOfN(text, 0, 6).Draw(t, "texts") {
				lines[i].Put(themes.Role(rapid.IntRange(0, len(themes.Roles())-1).Draw(t, "role")), s)
			}
		}
		block := canvas.Block(lines, width, height)
		box := canvas.Block([]canvas.Line{canvas.Of(themes.Text, "box")}, 5, 1)
		canvas.Lay(block, box, rapid.IntRange(0, 30).Draw(t, "column"), rapid.IntRange(-2, 6).Draw(t, "row"))
		rows := strings.Split(canvas.Frame(&styles, block, width), "\n")
		require.Len(t, rows, height)
		for _, row := range rows {
			require.Equal(t, width, ansi.StringWidth(row), "%q", row)
		}
	})
}
