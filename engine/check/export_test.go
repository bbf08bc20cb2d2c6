package check_test

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/engine/check"
)

func those(rows ...engine.Discrepancy) iter.Seq2[engine.Discrepancy, error] {
	return func(yield func(engine.Discrepancy, error) bool) {
		for _, d := range rows {
			if !yield(d, nil) {
				return
			}
		}
	}
}

func read(t require.TestingT, text string) [][]string {
	lines, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	require.NoError(t, err, text)
	return lines
}

func TestCellsAreNoFormulas(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                       "",
		"-9.00":                  "-9.00",
		"10.00":                  "10.00",
		"-9.00+1":                "'-9.00+1",
		"+4912":                  "'+4912",
		"-":                      "'-",
		"-1e5":                   "'-1e5",
		`=HYPERLINK("http://x")`: `'=HYPERLINK("http://x")`,
		"@SUM(A1)":               "'@SUM(A1)",
		"  =1":                   "'  =1",
		"＝1":                     "'＝1",
		"\t=1":                   "'␉=1",
		"\r=1":                   "'␍=1",
		"a\x00b\x1b[31m":         "a␀b␛[31m",
		"\u202eabc\u200b":        `\u202eabc\u200b`,
		"\x9b\u009b":             `\x9b\u009b`,
		"two\nlines":             "two␊lines",
		"straße 🙂 ไทย":           "straße 🙂 ไทย",
		"'quoted'":               "'quoted'",
	} {
		require.Equal(t, want, check.CSVCell(text), "%q", text)
	}
}

func TestAnExportForPeopleReadsBack(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 1, 10, 0, 0, 123_000_000, time.UTC)
	d := engine.Discrepancy{
		ID: 7, Entity: "loyalty_card", Row: 12, Field: "points", Cause: engine.CauseField, State: engine.DiscrepancySettled,
		Source: engine.Known(`a "quoted", text`), Expected: engine.Known(""), FoundRun: 3, FoundAt: at, AckBy: "=cmd|' /C calc'!A0",
	}
	var out strings.Builder
	rows, err := check.WriteCSV(&out, those(d, d))
	require.NoError(t, err)
	require.EqualValues(t, 2, rows)
	lines := read(t, out.String())
	require.Len(t, lines, 3)
	got := map[string]string{}
	for i, name := range lines[0] {
		got[name] = lines[1][i]
	}
	require.Equal(t, map[string]string{
		"number": "7", "entity": "loyalty_card", "id": "12", "field": "points", "cause": "field", "state": "settled",
		"source": `a "quoted", text`, "expected": `""`, "target": "", "found_run": "3", "found_at": "2026-03-01T10:00:00.123Z", "seen_run": "",
		"seen_at": "", "settled_at": "", "acknowledged_by": "'=cmd|' /C calc'!A0", "acknowledged_note": "", "acknowledged_until": "",
		"repaired_run": "", "repaired_at": "",
	}, got)
}

func TestAnExportForScriptsIsExact(t *testing.T) {
	t.Parallel()
	hostile := "<=\x00\x1b\u202e\n\"'>&"
	var out strings.Builder
	settled := engine.Discrepancy{ID: 1, Source: engine.Known(hostile), State: engine.DiscrepancySettled}
	rows, err := check.WriteJSONL(&out, those(settled, engine.Discrepancy{ID: 2}))
	require.NoError(t, err)
	require.EqualValues(t, 2, rows)
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	require.Len(t, lines, 2, "one object a line, whatever is in it")
	var first, second map[string]any
	require.NoError(t, json.Unmarshal([]byte(lines[0]), &first))
	require.NoError(t, json.Unmarshal([]byte(lines[1]), &second))
	require.Equal(t, hostile, first["source"])
	require.Equal(t, []any{1.0, "discrepancy", true}, []any{first["v"], first["type"], first["settled"]})
	require.Nil(t, second["source"])
	require.Contains(t, second, "source", "unknown is null")
}

// shelf is a long list that counts how much of it is asked for at once.
type shelf struct {
	rows  int64
	most  int
	fails int64
}

func (s *shelf) Discrepancies(_ context.Context, _ engine.DiscrepancySelection, l engine.Listing) (engine.Page[engine.Discrepancy], error) {
	var page engine.Page[engine.Discrepancy]
	from := int64(0)
	if l.From != nil {
		if _, err := fmt.Sscan(l.From.Key, &from); err != nil {
			return page, err
		}
	}
	if s.fails > 0 && from >= s.fails {
		return page, errors.New("the database went away")
	}
	for id := from + 1; id <= s.rows && len(page.Rows) < l.Limit; id++ {
		page.Rows = append(page.Rows, engine.Discrepancy{ID: id})
		page.Cursors = append(page.Cursors, engine.Cursor{Key: strconv.FormatInt(id, 10)})
	}
	page.More = from+int64(len(page.Rows)) < s.rows
	s.most = max(s.most, len(page.Rows))
	return page, nil
}

func TestALongExportIsReadByPages(t *testing.T) {
	t.Parallel()
	for _, n := range []int64{0, 1, 999, 1000, 1001, 12_345} {
		s := &shelf{rows: n}
		var out strings.Builder
		rows, err := check.WriteCSV(&out, check.Every(t.Context(), s, engine.DiscrepancySelection{}))
		require.NoError(t, err)
		require.Equal(t, n, rows)
		require.Len(t, read(t, out.String()), int(n)+1)
		require.LessOrEqual(t, s.most, 1000)
	}
	rows, err := check.WriteJSONL(&strings.Builder{}, check.Every(t.Context(), &shelf{rows: 5000, fails: 2000}, engine.DiscrepancySelection{}))
	require.ErrorContains(t, err, "went away")
	require.EqualValues(t, 2000, rows)
}

var aNumber = regexp.MustCompile(`^-?[0-9.]+$`)

func FuzzAnExportIsSafeAndReadsBack(f *testing.F) {
	for _, text := range []string{"", "=1", "-9.00", "\t+1", "a\r\nb", `""`, "\x00", "'", "\xff=", "＝", ",;\"\n"} {
		f.Add(text, text)
	}
	f.Fuzz(func(t *testing.T, source, note string) {
		var out strings.Builder
		_, err := check.WriteCSV(&out, those(engine.Discrepancy{ID: 1, Source: engine.Known(source), AckNote: note}))
		require.NoError(t, err)
		lines := read(t, out.String())
		require.Len(t, lines, 2)
		require.Len(t, lines[1], len(lines[0]))
		require.Equal(t, check.CSVCell(note), lines[1][15])
		if source != "" {
			require.Equal(t, check.CSVCell(source), lines[1][6])
		}
		for _, cell := range lines[1] {
			bare := strings.TrimLeft(cell, " \u00a0\u3000")
			require.False(t, strings.ContainsAny(bare[:min(1, len(bare))], "=+-@\t\r") && !aNumber.MatchString(cell), "%q", cell)
			require.False(t, strings.ContainsFunc(cell, unicode.IsControl), "%q", cell)
		}
	})
}

func TestThePlansNameFollowsItsRows(t *testing.T) {
	t.Parallel()
	items := []engine.RepairItem{{Entity: "loyalty_card", Row: 1, After: map[string]string{"a": "1", "b": "2"}}, {Entity: "loyalty_card", Row: 2}}
	name, err := check.PlanHash(items)
	require.NoError(t, err)
	again, err := check.PlanHash([]engine.RepairItem{{Entity: "loyalty_card", Row: 1, After: map[string]string{"b": "2", "a": "1"}}, items[1]})
	require.NoError(t, err)
	require.Equal(t, name, again)
	for _, other := range [][]engine.RepairItem{
		{items[1], items[0]},
		items[:1],
		{{Entity: "loyalty_card", Row: 1, After: map[string]string{"a": "1", "b": "3"}}, items[1]},
		{items[0], {Entity: "loyalty_card", Row: 2, Action: engine.RepairDelete}},
	} {
		changed, err := check.PlanHash(other)
		require.NoError(t, err)
		require.NotEqual(t, name, changed)
	}
}
