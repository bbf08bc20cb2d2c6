package check

import (
	"context"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"ferry/engine"
)

// exportPage is how many discrepancies are in memory at once, however many are exported.
const exportPage = 1000

// Lister lists discrepancies by pages.
type Lister interface {
	Discrepancies(ctx context.Context, which engine.DiscrepancySelection, l engine.Listing) (engine.Page[engine.Discrepancy], error)
}

// Every gives all discrepancies of a selection, by number, a page at a time. An error is the last that it gives.
func Every(ctx context.Context, desk Lister, which engine.DiscrepancySelection) iter.Seq2[engine.Discrepancy, error] {
	return func(yield func(engine.Discrepancy, error) bool) {
		want := engine.Listing{Limit: exportPage}
		for {
			page, err := desk.Discrepancies(ctx, which, want)
			if err != nil {
				yield(engine.Discrepancy{}, err)
				return
			}
			for _, d := range page.Rows {
				if !yield(d, nil) {
					return
				}
			}
			if !page.More || len(page.Cursors) == 0 {
				return
			}
			want.From = &page.Cursors[len(page.Cursors)-1]
		}
	}
}

// exportColumns are the columns of an export for people, in order.
var exportColumns = []string{
	"number", "entity", "id", "field", "cause", "state", "source", "expected", "target", "found_run", "found_at", "seen_run", "seen_at", "settled_at",
	"acknowledged_by", "acknowledged_note", "acknowledged_until", "repaired_run", "repaired_at",
}

// WriteCSV writes discrepancies as CSV for spreadsheets, and gives how many: no cell is a formula, and no character in it is
// hidden. Known and unknown values are both told: an unknown one is an empty cell, and "" is a known text without characters.
func WriteCSV(w io.Writer, all iter.Seq2[engine.Discrepancy, error]) (int64, error) {
	out := csv.NewWriter(w)
	if err := out.Write(exportColumns); err != nil {
		return 0, fmt.Errorf("writing CSV: %w", err)
	}
	var rows int64
	for d, err := range all {
		if err != nil {
			return rows, err
		}
		if err := out.Write(cells(d)); err != nil {
			return rows, fmt.Errorf("writing CSV: %w", err)
		}
		rows++
	}
	out.Flush()
	if err := out.Error(); err != nil {
		return rows, fmt.Errorf("writing CSV: %w", err)
	}
	return rows, nil
}

func cells(d engine.Discrepancy) []string {
	out := []string{
		strconv.FormatInt(d.ID, 10), d.Entity, strconv.FormatInt(d.Row, 10), d.Field, string(d.Cause), string(d.State),
		value(d.Source), value(d.Expected), value(d.Target), runNumber(d.FoundRun), moment(d.FoundAt), runNumber(d.SeenRun), moment(d.SeenAt),
		moment(d.SettledAt), d.AckBy, d.AckNote, moment(d.AckUntil), runNumber(d.RepairedRun), moment(d.RepairedAt),
	}
	for i := range out {
		out[i] = CSVCell(out[i])
	}
	return out
}

func value(v engine.Maybe[string]) string {
	if v.Known && v.Value == "" {
		return `""`
	}
	return v.Value
}

func runNumber(run engine.RunID) string {
	if run == 0 {
		return ""
	}
	return strconv.FormatInt(int64(run), 10)
}

func moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// plainNumber is what a spreadsheet may take for a number.
var plainNumber = regexp.MustCompile(`^-?\d+(\.\d+)?$`)

// formulaStarts are the characters with which a spreadsheet takes a cell for a formula, in both widths, and those that some
// skip in front of one.
const formulaStarts = "=+-@\t\r\n＝＋－＠"

// CSVCell makes a text safe for a spreadsheet's cell: what would be a formula begins with ', numbers stay numbers, and characters
// that nobody would see are made visible.
func CSVCell(text string) string {
	if plainNumber.MatchString(text) {
		return text
	}
	first, _ := utf8.DecodeRuneInString(strings.TrimLeft(text, " \u00a0\u3000"))
	if text != "" && first != utf8.RuneError && strings.ContainsRune(formulaStarts, first) {
		text = "'" + text
	}
	return visible(text)
}

// visible writes controls as their pictures, and other characters that show nothing, or turn the text around, by number.
func visible(text string) string {
	var b strings.Builder
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, text[i])
		case r < ' ':
			b.WriteRune('\u2400' + r)
		case r == 0x7f:
			b.WriteRune('\u2421')
		case r != ' ' && !unicode.IsGraphic(r), unicode.In(r, unicode.Zl, unicode.Zp):
			if r > 0xffff {
				fmt.Fprintf(&b, `\U%08x`, r)
			} else {
				fmt.Fprintf(&b, `\u%04x`, r)
			}
		default:
			b.WriteRune(r)
		}
		i += size
	}
	return b.String()
}

// exportLine is a discrepancy as scripts read it.
type exportLine struct {
	engine.Discrepancy

	V       int    `json:"v"`
	Type    string `json:"type"`
	Settled bool   `json:"settled"`
}

// JSONLine is a discrepancy in the form that scripts rely on; see the contract of the commands.
func JSONLine(d engine.Discrepancy) any { return exportLine{d, 1, "discrepancy", d.Settled()} }

// WriteJSONL writes discrepancies as one JSON object a line, values exactly as they are, and gives how many.
func WriteJSONL(w io.Writer, all iter.Seq2[engine.Discrepancy, error]) (int64, error) {
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	var rows int64
	for d, err := range all {
		if err != nil {
			return rows, err
		}
		if err := out.Encode(JSONLine(d)); err != nil {
			return rows, fmt.Errorf("writing JSON: %w", err)
		}
		rows++
	}
	return rows, nil
}
