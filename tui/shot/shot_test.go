package shot_test

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/muesli/termenv"
	"github.com/stretchr/testify/require"

	"ferry/themes"
	"ferry/tui/canvas"
	"ferry/tui/shot"
	"ferry/tui/termprobe"
	"ferry/tui/widget"
)

func picture(t *testing.T, name string, lines ...canvas.Line) string {
	t.Helper()
	palettes, err := themes.Load("")
	require.NoError(t, err)
	theme, err := palettes.Get(name)
	require.NoError(t, err)
	styles := theme.Styles(termprobe.NewRenderer(io.Discard, termprobe.InColours(termenv.TrueColor)))
	svg, err := shot.SVG(canvas.Frame(&styles, lines, 24), 24, len(lines), theme, "a <frame>")
	require.NoError(t, err)
	return svg
}

func wellFormed(t *testing.T, svg string) {
	t.Helper()
	decoder := xml.NewDecoder(strings.NewReader(svg))
	for {
		_, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		require.NoError(t, err)
	}
}

func TestAPictureKeepsTextColoursAndWeight(t *testing.T) {
	t.Parallel()
	svg := picture(t, themes.DefaultDark,
		canvas.Of(themes.Bad, "5 < 6 & ␛"), canvas.Of(themes.OK, "fine"), canvas.Of(themes.Selection, "› here"))
	wellFormed(t, svg)
	require.Contains(t, svg, "a &lt;frame&gt;")
	require.Contains(t, svg, `font-weight="700" textLength="75.6"`)
	require.Contains(t, svg, ">5 &lt; 6 &amp; ␛</text>")
	require.Contains(t, svg, `fill="#7fd88f"`)
	require.Contains(t, svg, `fill="#24486e"/>`, "the selection has its background")
	require.Contains(t, svg, `fill="#11151c"/>`, "the canvas is the theme's")
}

func TestBarsAndBordersAreShapes(t *testing.T) {
	t.Parallel()
	lines := append([]canvas.Line{widget.Bar(0.4, 20)}, widget.Box("box", []canvas.Line{canvas.Of(themes.Text, "in")}, 20)...)
	svg := picture(t, themes.DefaultLight, lines...)
	wellFormed(t, svg)
	for _, drawn := range "█─│╭╮╰╯" {
		require.NotContains(t, svg, string(drawn))
	}
	require.Contains(t, svg, "<path ")
	require.Contains(t, svg, ">in</text>")
}

func TestReverseSwapsTheColours(t *testing.T) {
	t.Parallel()
	svg := picture(t, themes.Mono, canvas.Of(themes.Selection, "turned"))
	require.Contains(t, svg, `fill="#000000"/>`)
	require.Contains(t, svg, `fill="#ffffff" textLength`)
}
