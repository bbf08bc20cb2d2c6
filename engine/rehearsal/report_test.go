package rehearsal_test

import (
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/engine/rehearsal"
)

// hostile is what an operator or a database may put into a text.
const hostile = "a|b\n# <script>alert(1)</script> [x](javascript:x) `c` \x1b[31m \u202e & *_~ https://evil.example/"

// rehearsed is a rehearsal that came to its verdict.
func rehearsed(id engine.RunID, took time.Duration) *engine.RehearsalView {
	v := &engine.RehearsalView{
		RunView: engine.RunView{
			ID: id, State: engine.RunDone, By: hostile, Reason: hostile, CreatedAt: noon, StartedAt: noon, FinishedAt: noon.Add(7 * took), Source: hostile,
		},
		Freeze: engine.FreezeConfirm, Verdict: engine.Fail, Why: hostile, VerdictAt: noon.Add(7 * took), FrozenAt: noon.Add(3 * took), FrozenBy: hostile,
	}
	for i, name := range rehearsal.Steps() {
		from := noon.Add(time.Duration(i) * took)
		v.Steps = append(v.Steps, engine.RehearsalStep{
			Name: name, State: engine.RehearsalDone, Run: 3, Found: hostile, StartedAt: from, FinishedAt: from.Add(took),
		})
	}
	for _, name := range engine.Gates {
		v.Gates = append(v.Gates, engine.RehearsalGate{Name: name, Verdict: engine.Pass, Figure: hostile, Threshold: "≥ 1", Evidence: hostile, Advice: hostile})
	}
	v.Gates[0].Verdict = engine.CouldNotCheck
	_, v.Window = rehearsal.Window(v)
	return v
}

func samples() []engine.RehearsalSample {
	return []engine.RehearsalSample{
		{At: noon, Step: engine.RehearseLoad, Run: 3},
		{At: noon.Add(time.Second), Step: engine.RehearseLoad, Run: 3, Rows: 5000, Fresh: engine.Known(time.Minute)},
		{At: noon.Add(2 * time.Second), Step: engine.RehearseCheck, Run: 4, Fresh: engine.Known(2 * time.Minute)},
		{At: noon.Add(3 * time.Second), Step: engine.RehearseCheck, Run: 4, Rows: 100},
	}
}

func TestAReportIsMarkdownJSONAndTwoCharts(t *testing.T) {
	t.Parallel()
	before, v := rehearsed(5, 2*time.Second), rehearsed(9, time.Second)
	files, err := rehearsal.Files("/tmp/a night.md", v, before, samples(), noon)
	require.NoError(t, err)
	var names []string
	for _, f := range files {
		names = append(names, f.Name)
	}
	require.Equal(t, []string{"/tmp/a night.md", "/tmp/a night.json", "/tmp/a night-throughput.svg", "/tmp/a night-freshness.svg"}, names)
	page := string(files[0].Text)
	for _, want := range []string{
		"# Rehearsal #9: NO-GO", "| downtime window | 4.0 s (", "## Compared with rehearsal #5", "| check | 2.0 s | 1.0 s | −1.0 s |",
		"| downtime window | 8.0 s | 4.0 s | −4.0 s |", "**Odoo may be unfrozen: yes**",
		"![rows per second](<a night-throughput.svg>)", "| agreement | could not check |",
	} {
		require.Contains(t, page, want)
	}
	var object map[string]any
	require.NoError(t, json.Unmarshal(files[1].Text, &object))
	require.Equal(t, "NO-GO", object["verdict"])
	require.InDelta(t, 4000, object["window_ms"], 0)
	require.Nil(t, object["standing"], "unknown is null")
	for _, f := range files[2:] {
		wellFormed(t, f.Text)
		require.Contains(t, string(f.Text), "polyline")
	}
	files, err = rehearsal.Files("x.json", v, nil, nil, noon)
	require.NoError(t, err)
	require.Len(t, files, 1)
}

// Without a freeze nobody's minutes are counted: there is no downtime to report, and nothing in a chart is shaded as frozen.
func TestWithoutAFreezeThereIsNoDowntimeWindow(t *testing.T) {
	t.Parallel()
	v := rehearsed(9, time.Second)
	v.Freeze, v.FrozenAt = engine.FreezeNone, time.Time{}
	v.Steps[2] = engine.RehearsalStep{Name: engine.RehearseFreeze, State: engine.RehearsalSkipped, StartedAt: v.Steps[2].StartedAt}
	sum, whole := rehearsal.Window(v)
	require.Zero(t, sum)
	require.False(t, whole.Known)
	v.Window = whole
	files, err := rehearsal.Files("night.md", v, rehearsed(5, time.Second), samples(), noon)
	require.NoError(t, err)
	page := string(files[0].Text)
	require.Contains(t, page, "| downtime window | none, without a freeze |")
	require.NotContains(t, page, "| yes |", "no step is inside a freeze")
	require.Contains(t, page, "| downtime window | 4.0 s | – | – |", "there is nothing to compare")
	var object map[string]any
	require.NoError(t, json.Unmarshal(files[1].Text, &object))
	require.Nil(t, object["window_ms"])
	require.NotContains(t, string(files[1].Text), `"inside_freeze": true`)
	for _, f := range files[2:] {
		require.NotContains(t, string(f.Text), ">freeze", "the step that was skipped is no band")
		require.NotContains(t, string(f.Text), "#dbe9f6")
		require.Contains(t, string(f.Text), ">check")
	}
}

// wellFormed requires XML.
func wellFormed(t *testing.T, text []byte) {
	t.Helper()
	for d := xml.NewDecoder(strings.NewReader(string(text))); ; {
		_, err := d.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		require.NoError(t, err)
	}
}

func TestHostileTextMeansNothingInAReport(t *testing.T) {
	t.Parallel()
	v := rehearsed(9, time.Second)
	page := rehearsal.Markdown(v, v, noon)
	for _, never := range []string{"<script", "[x](", "\x1b", "\u202e", "\n# <", "https://evil", "`c`"} {
		require.NotContains(t, page, never)
	}
	columns := -1
	for line := range strings.SplitSeq(page, "\n") {
		bars := strings.Count(strings.ReplaceAll(line, `\|`, ""), "|")
		if bars == 0 {
			columns = -1
			continue
		}
		if columns >= 0 {
			require.Equal(t, columns, bars, "a cell ends where it ends: %s", line)
		}
		columns = bars
	}
	wellFormed(t, rehearsal.Throughput(v, samples()))
	wellFormed(t, rehearsal.Freshness(&engine.RehearsalView{}, nil))
}

func TestTwoRehearsalsAreComparedStepByStep(t *testing.T) {
	t.Parallel()
	a, b := rehearsed(5, 2*time.Second), rehearsed(9, 3*time.Second)
	b.Steps[4].State, b.Steps[4].FinishedAt = engine.RehearsalFailed, b.Steps[4].StartedAt.Add(time.Second)
	b.Window = engine.Maybe[time.Duration]{}
	b.Gates = b.Gates[:len(b.Gates)-1]
	c := rehearsal.Compare(a, b)
	require.Len(t, c.Steps, 7)
	require.Equal(t, engine.Known(time.Second), c.Steps[3].Change)
	require.False(t, c.Steps[4].Change.Known, "one of them failed")
	require.False(t, c.Window.Known)
	require.Len(t, c.Gates, len(engine.Gates))
	require.True(t, c.Gates[len(c.Gates)-1].Changed(), "only one of them has it")
	require.Equal(t, "–", rehearsal.ChangeOf(c.Window))
	text, err := json.Marshal(rehearsal.NewComparisonReport(c, noon))
	require.NoError(t, err)
	require.Contains(t, string(text), `"change_ms":1000`)
	require.Contains(t, string(text), `"window_change_ms":null`)
}

func TestOptionsThatMeanNothingAreRefused(t *testing.T) {
	t.Parallel()
	o, err := rehearsal.Check(engine.RehearsalOptions{})
	require.NoError(t, err)
	require.Equal(t, engine.FreezeDetect, o.Freeze)
	for _, o := range []engine.RehearsalOptions{
		{Freeze: "ice"},
		{Agreement: engine.Known(1.1)},
		{Drift: engine.Known(-0.1)},
		{Freshness: engine.Known(time.Duration(0))},
		{Quiet: engine.Known(time.Nanosecond)},
	} {
		_, err := rehearsal.Check(o)
		require.Error(t, err)
	}
	require.InDelta(t, 1, rehearsal.LimitsOf(engine.RehearsalOptions{Agreement: engine.Known(1.0)}, 0.999, time.Minute).Agreement, 0)
	require.InDelta(t, 0.999, rehearsal.LimitsOf(engine.RehearsalOptions{}, 0.999, time.Minute).Agreement, 0)
}
