package grid

import (
	"io"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/charmbracelet/x/ansi"
	"github.com/muesli/termenv"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ferry/themes"
	"ferry/tui/canvas"
	"ferry/tui/keymap"
	"ferry/tui/termprobe"
)

var sgr = regexp.MustCompile("\x1b\\[[0-9;]*m")

func drawText(t *rapid.T) string {
	return rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
		"", "\x1b[2J\x1b[H", "\x1b]52;c;AAAA\x07", "\u009b31m", "\u202eevil", "a\nb\tc\r", "\xff\xfe", "字字字", "🇩🇪", "e\u0301", "\u0301",
		"👨\u200d👩\u200d👧", strings.Repeat("long ", 60),
	})).Draw(t, "text")
}

// Whatever the rows hold, the size, the columns' widths and the actions: exactly the lines that were asked for, each
// exactly as wide, and no control byte but the renderer's own.
func TestEveryFrameOfAGridIsSound(t *testing.T) {
	t.Parallel()
	palettes, err := themes.Load("")
	require.NoError(t, err)
	rapid.Check(t, func(t *rapid.T) {
		s := &store{}
		for id := range rapid.SampledFrom([]int{0, 1, 7, 130}).Draw(t, "rows") {
			i := item{id: id}
			if id < 4 {
				i.group, i.word = drawText(t), drawText(t)
			}
			s.add(i)
		}
		b := newBench(t.Context(), 80, 24, s.read)
		for i := range b.grid.config.Columns {
			c := &b.grid.config.Columns[i]
			c.Title, c.Width, c.Min = drawText(t), rapid.IntRange(0, 90).Draw(t, "wide"), rapid.IntRange(0, 40).Draw(t, "min")
			c.Drop, c.Fill = rapid.IntRange(0, 3).Draw(t, "drop"), rapid.Bool().Draw(t, "fill")
		}
		theme, err := palettes.Get(rapid.SampledFrom(palettes.Names()).Draw(t, "theme"))
		require.NoError(t, err)
		profile := rapid.SampledFrom([]termenv.Profile{termenv.Ascii, termenv.ANSI, termenv.TrueColor}).Draw(t, "colours")
		styles := theme.Styles(termprobe.NewRenderer(io.Discard, termprobe.InColours(profile)))
		title := drawText(t)
		for range rapid.IntRange(1, 8).Draw(t, "steps") {
			b.width, b.height = rapid.IntRange(20, 250).Draw(t, "width"), rapid.IntRange(5, 80).Draw(t, "height")
			b.grid.Hidden = rapid.Bool().Draw(t, "hidden")
			b.pass(time.Duration(rapid.IntRange(0, 5000).Draw(t, "ms")) * time.Millisecond)
			act(t, b)
			if rapid.Bool().Draw(t, "read") {
				b.settle(t)
			}
			frame := canvas.Frame(&styles, b.grid.Lines(canvas.Of(themes.Title, title), b.width, b.height), b.width)
			lines := strings.Split(frame, "\n")
			require.Len(t, lines, b.height)
			for _, line := range lines {
				require.Equal(t, b.width, ansi.StringWidth(line), "%q", line)
				for _, r := range sgr.ReplaceAllString(line, "") {
					require.False(t, unicode.IsControl(r) || unicode.Is(unicode.Cf, r), "%U in %q", r, line)
				}
			}
		}
	})
}

func act(t *rapid.T, b *bench) {
	actions := []keymap.Action{
		keymap.Up, keymap.Down, keymap.PageUp, keymap.PageDown, keymap.Top, keymap.Bottom, keymap.Left, keymap.Right, keymap.Sort,
		keymap.SortReverse, keymap.Mark, keymap.MarkRange, keymap.MarkAll, keymap.Next, keymap.Previous, keymap.Filter, keymap.Back,
	}
	edits := []keymap.Action{
		keymap.FieldAccept, keymap.FieldClose, keymap.FieldLeft, keymap.FieldRight, keymap.FieldHome, keymap.FieldEnd, keymap.FieldErase,
		keymap.FieldDelete, keymap.FieldClear, keymap.FieldNext,
	}
	switch {
	case !b.grid.Typing():
		b.grid.Do(rapid.SampledFrom(actions).Draw(t, "do"))
	case rapid.Bool().Draw(t, "type"):
		b.grid.Type(drawText(t))
	default:
		b.grid.Edit(rapid.SampledFrom(edits).Draw(t, "edit"))
	}
}

// Without colours the row under the cursor, marks and the order are told by signs and words.
func TestAGridNeedsNoColours(t *testing.T) {
	t.Parallel()
	s := &store{}
	for i := range 9 {
		s.add(item{id: i + 1, group: "g", word: "w"})
	}
	b := newBench(t.Context(), 80, 12, s.read)
	b.settle(t)
	b.do(t, keymap.Sort, keymap.SortReverse, keymap.Mark)
	styles := themes.Theme{Name: "plain"}.Styles(termprobe.NewRenderer(io.Discard, termprobe.InColours(termenv.Ascii)))
	frame := canvas.ASCII(canvas.Frame(&styles, b.lines(), b.width))
	require.NotContains(t, frame, "\x1b")
	require.Regexp(t, `(?m)^  \*  1 `, frame)
	require.Regexp(t, `(?m)^>    2 `, frame)
	require.Contains(t, frame, "group v")
	require.Contains(t, frame, "by group, falling")
	for _, r := range frame {
		require.Less(t, r, rune(128), "%c", r)
	}
}
