package widget_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/charmbracelet/x/ansi"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ferry/engine"
	"ferry/themes"
	"ferry/tui/canvas"
	"ferry/tui/widget"
)

func TestFiguresInWords(t *testing.T) {
	t.Parallel()
	equal := func(want, got string) { t.Helper(); require.Equal(t, want, got) }
	equal("0", widget.Count(0))
	equal("999", widget.Count(999))
	equal("1,234,567", widget.Count(1_234_567))
	equal("-1,000", widget.Count(-1000))
	equal("-9,223,372,036,854,775,808", widget.Count(math.MinInt64))
	equal("–", widget.MaybeCount(engine.Maybe[int64]{}))
	equal("0", widget.MaybeCount(engine.Known[int64](0)))

	equal("812", widget.Short(812))
	equal("41.2k", widget.Short(41_230))
	equal("100k", widget.Short(99_990))
	equal("1.0M", widget.Short(999_900))
	equal("41.2k/s", widget.Rate(engine.Known(41_230.0)))
	equal("0.5/s", widget.Rate(engine.Known(0.5)))
	equal("–", widget.Rate(engine.Maybe[float64]{}))
	equal("–", widget.Rate(engine.Known(math.NaN())))

	equal("0%", widget.Share(engine.Known(0.0)))
	equal("<0.01%", widget.Share(engine.Known(0.000001)))
	equal("0.27%", widget.Share(engine.Known(0.0027)))
	equal("12.5%", widget.Share(engine.Known(0.125)))
	equal("99.98%", widget.Share(engine.Known(0.99981)))
	equal(">99.99%", widget.Share(engine.Known(0.999999)))
	equal("100%", widget.Share(engine.Known(1.0)))
	equal("–", widget.Share(engine.Maybe[float64]{}))
	equal("99%", widget.Progress(0.9999))
	equal("100%", widget.Progress(1))

	equal("0s", widget.Duration(-time.Second))
	equal("59s", widget.Duration(59_999*time.Millisecond))
	equal("2m10s", widget.Duration(130*time.Second))
	equal("2m", widget.Duration(2*time.Minute))
	equal("3h05m", widget.Duration(3*time.Hour+5*time.Minute+59*time.Second))
	equal("2d4h", widget.Duration(52*time.Hour))

	equal("0s", widget.Span(-time.Second))
	equal("999ms", widget.Span(999_900*time.Microsecond))
	equal("1.0s", widget.Span(time.Second))
	equal("9.9s", widget.Span(9_999*time.Millisecond))
	equal("10s", widget.Span(10*time.Second))

	equal("", widget.ETA(engine.ETA{}))
	equal("ETA measuring", widget.ETA(engine.ETA{State: engine.ETAMeasuring}))
	equal("ETA 1s", widget.ETA(engine.ETA{State: engine.ETAReady}))
	equal("ETA ≥ 2m", widget.ETA(engine.ETA{State: engine.ETAAtLeast, Left: 2 * time.Minute}))

	at := time.Date(2025, 11, 3, 21, 4, 11, 0, time.FixedZone("", 3600))
	equal("20:04:11Z", widget.Clock(at))
	equal("–", widget.Clock(time.Time{}))
	equal("20:04:11Z", widget.When(at, at.Add(time.Hour)))
	equal("2025-11-03 20:04Z", widget.When(at, at.Add(24*time.Hour)))
	equal("20:04:11Z", widget.Moment(at, at.Add(time.Hour)))
	equal("1d ago 20:04Z", widget.Moment(at, at.Add(5*time.Hour)))
	equal("99d ago 20:04Z", widget.Moment(at, at.Add(99*24*time.Hour)))
	equal("2025-11-03", widget.Moment(at, at.Add(100*24*time.Hour)))
	equal("2025-11-03", widget.Moment(at, at.Add(-24*time.Hour)))
	equal("–", widget.Moment(time.Time{}, at))
	equal("3m ago", widget.Ago(at, at.Add(3*time.Minute+59*time.Second)))
	equal("59s ago", widget.Ago(at, at.Add(59*time.Second)))
	equal("2d ago", widget.Ago(at, at.Add(71*time.Hour)))
	equal("–", widget.Ago(time.Time{}, at))
	equal("1 batch", widget.Plural(1, "batch", "batches"))
	equal("1,000 batches", widget.Plural(1000, "batch", "batches"))
}

func TestABarIsFullOnlyWhenAllIsDone(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		done := rapid.Float64().Draw(t, "done")
		width := rapid.IntRange(-1, 60).Draw(t, "width")
		l := widget.Bar(done, width)
		require.Equal(t, max(0, width), l.Width())
		require.Equal(t, max(0, width), ansi.StringWidth(l.String()))
		if width > 0 {
			require.Equal(t, done >= 1, l.String() == strings.Repeat("█", width))
		}
	})
	l := widget.Bar(0.5, 3)
	require.Equal(t, "█▌─", l.String())
	require.Equal(t, "#=-", canvas.ASCII(l.String()))
}

func TestSpark(t *testing.T) {
	t.Parallel()
	require.Equal(t, "▁▄█", widget.Spark([]float64{9, 0, 5, 10}, 3))
	require.Equal(t, "▁ ▁", widget.Spark([]float64{0, math.NaN(), 0}, 9))
	require.Empty(t, widget.Spark(nil, 5))
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOf(rapid.Float64()).Draw(t, "values")
		width := rapid.IntRange(-1, 20).Draw(t, "width")
		require.Equal(t, min(len(values), max(0, width)), ansi.StringWidth(widget.Spark(values, width)))
	})
}

func TestAFormNeedsNoColours(t *testing.T) {
	t.Parallel()
	f := widget.Form{Title: "Pause?", Ask: "reason", Choices: []widget.Choice{{Name: "Cancel"}, {Name: "Pause"}}}
	text := func() string {
		var b strings.Builder
		for _, l := range f.Lines(80, 24) {
			b.WriteString(l.String() + "\n")
		}
		return b.String()
	}
	require.Contains(t, text(), "› Cancel")
	f.Move(1)
	require.Contains(t, text(), "› Pause")
	f.Move(1)
	require.Equal(t, 0, f.Focus())
	f.Move(-1)
	require.Equal(t, 1, f.Focus())

	f.Type("night\nshift \x1b")
	require.Equal(t, "night shift ␛", f.Answer)
	f.Erase()
	require.Equal(t, "night shift ", f.Answer)
	f.Type(strings.Repeat("x", 500))
	require.Len(t, f.Answer, 200)
	require.Contains(t, text(), "…xxx", "the end of a long answer is shown")
	f.Clear()
	f.Erase()
	require.Empty(t, f.Answer)
}

// What does not fit a small window is said in fewer words; every choice is there in any case.
func TestAFormFitsItsWindow(t *testing.T) {
	t.Parallel()
	f := widget.Form{
		Title: "Answer run #12", Text: []string{strings.Repeat("many rows are gone ", 30), "second paragraph"}, Ask: "reason",
		Choices: []widget.Choice{{Name: "stop", About: strings.Repeat("about it ", 12)}, {Name: "go on", About: "short"}}, Hint: "how",
	}
	for height := 10; height < 30; height++ {
		lines := f.Lines(60, height)
		require.LessOrEqual(t, len(lines), height)
		var text strings.Builder
		for _, l := range lines {
			text.WriteString(l.String() + "\n")
		}
		for _, want := range []string{"› stop", "go on", "reason", "how", "╰"} {
			require.Contains(t, text.String(), want)
		}
	}
	f.Note = "a reason is needed"
	lines := f.Lines(80, 24)
	require.Contains(t, lines[len(lines)-2].String(), "a reason is needed")
	f.Type("x")
	require.Empty(t, f.Note)
}

func TestATableDropsWhatMayBeDropped(t *testing.T) {
	t.Parallel()
	columns := []widget.Column{{Title: "name", Left: true}, {Title: "rows"}, {Title: "less"}, {Title: "least"}}
	columns[2].Drop, columns[3].Drop = 1, 2
	rows := [][]widget.Cell{{{Role: themes.Title, Text: "card"}, {Text: "1,234"}, {Text: "5"}, {Text: "6"}}}
	head := func(width int) string {
		lines := widget.Table(columns, rows, width)
		require.Len(t, lines, 2)
		return strings.Join(strings.Fields(lines[0].String()), " ")
	}
	require.Equal(t, "name rows less least", head(80))
	require.Equal(t, "name rows less", head(20))
	require.Equal(t, "name rows", head(14))
	require.Equal(t, "name rows", head(3))
	lines := widget.Table(columns, rows, 80)
	require.Equal(t, " card  1,234     5      6", lines[1].String())
}

func TestAnInputIsEditedAtItsCursor(t *testing.T) {
	t.Parallel()
	in := widget.NewInput("postgres")
	in.Home()
	in.Move(-1)
	in.Delete()
	in.Insert("P\x1b字")
	in.End()
	in.Erase()
	require.Equal(t, "P␛字ostgre", in.String())
	l := in.Line(20, true)
	require.Equal(t, "P␛字ostgre_", l.String())
	in.Insert(strings.Repeat("x", 2000))
	require.Len(t, []rune(in.String()), 1000)
	l = in.Line(20, true)
	require.Equal(t, "…"+strings.Repeat("x", 18)+"_", l.String(), "the part around the cursor is drawn")
	in.Clear()
	in.Erase()
	in.Delete()
	require.Empty(t, in.String())
	rapid.Check(t, func(t *rapid.T) {
		in, width := widget.NewInput(rapid.String().Draw(t, "text")), rapid.IntRange(1, 30).Draw(t, "width")
		in.Move(-rapid.IntRange(0, 40).Draw(t, "back"))
		l := in.Line(width, rapid.Bool().Draw(t, "focus"))
		require.LessOrEqual(t, l.Width(), width)
	})
}

func TestAGridGivesWhatIsLeftToOneColumn(t *testing.T) {
	t.Parallel()
	g := widget.NewGrid([]widget.Column{
		{Title: "id", Left: true, Width: 3}, {Title: "error", Left: true, Width: 6, Fill: true, Drop: 2}, {Title: "n", Width: 2, Drop: 1},
	}, 2, 30)
	head, row := g.Head(), g.Row([]widget.Cell{{Text: "7"}, {Text: "a long error that is cut"}, {Text: "5"}})
	require.Equal(t, "  id   error                 n", head.String())
	require.Equal(t, "  7    a long error that …   5", row.String())
	require.True(t, g.Shows("error"))
	g = widget.NewGrid([]widget.Column{{Title: "id", Width: 3}, {Title: "error", Width: 6, Drop: 1}}, 2, 9)
	require.False(t, g.Shows("error"))
}
