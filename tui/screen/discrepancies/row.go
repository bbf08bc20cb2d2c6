package discrepancies

import (
	"fmt"
	"strings"
	"time"

	"ferry/engine"
	"ferry/themes"
	"ferry/tui/canvas"
	"ferry/tui/keymap"
	"ferry/tui/status"
	"ferry/tui/widget"
)

// wholeRow draws one discrepancy with its life.
func (d *Discrepancies) wholeRow(row *engine.Discrepancy, width, height int) []canvas.Line {
	return append([]canvas.Line{d.rowTitle(row, width)}, d.scroll.Window(d.rowBody(row, width), height-1)...)
}

func (d *Discrepancies) rowTitle(row *engine.Discrepancy, width int) canvas.Line {
	s := status.OfFound(row.State)
	l := canvas.Of(themes.Title, " "+row.Entity+" "+id(row))
	l.Put(themes.Text, "  "+field(row)+"  ").Put(s.Role, s.Glyph+" "+s.Word).Put(themes.Muted, "  "+causeName(row.Cause)+"  #"+number(row))
	if d.level == inRow && d.grid.Gone(number(row)) {
		l.PutRight(width-1, themes.OK, "it has left this list meanwhile")
	}
	return l.Fit(width)
}

func (d *Discrepancies) rowBody(row *engine.Discrepancy, width int) []canvas.Line {
	lines := values(row, width)
	words := causes[row.Cause]
	lines = append(lines, canvas.Line{})
	lines = append(lines, labelled("why", themes.Text, words.why, width)...)
	lines = append(lines, labelled("state", status.OfFound(row.State).Role, status.AboutFound(row.State), width)...)
	if row.State == engine.DiscrepancySettled || row.State == engine.DiscrepancyExplained {
		lines = append(lines, labelled("to cure", themes.Info, words.cure, width)...)
	}
	if card(row) != (engine.CardKey{}) && d.level == inRow {
		lines = append(lines, labelled("card", themes.Accent, d.sight.Keys.Key(keymap.Open)+" shows the card whole", width)...)
	}
	lines = append(lines, canvas.Line{}, canvas.Of(themes.Title, " its life"))
	return append(lines, d.life(row, width)...)
}

// values are the field's values side by side: source, expected, engine. Where they have no room beside each other, or are more
// than a line, they stand below each other.
func values(row *engine.Discrepancy, width int) []canvas.Line {
	source, expected, target := row.Sides()
	cells := []widget.Cell{value(source), value(expected), value(target)}
	names := []string{"source", "expected", "engine"}
	name := field(row)
	columns := []widget.Column{
		{Title: "field", Left: true}, {Title: names[0], Left: true}, {Title: names[1], Left: true}, {Title: names[2], Left: true},
	}
	if expected != target {
		cells[2].Role = themes.Bad
	}
	table := widget.Table(columns, [][]widget.Cell{append([]widget.Cell{{Role: themes.Title, Text: name}}, cells...)}, width)
	if table[1].Width() < width && table[0].Width() < width {
		return append([]canvas.Line{{}}, table...)
	}
	lines := []canvas.Line{{}}
	for i, cell := range cells {
		lines = append(lines, labelled(names[i], cell.Role, cell.Text, width)...)
	}
	return lines
}

// life is what became of a discrepancy, oldest first.
func (d *Discrepancies) life(row *engine.Discrepancy, width int) []canvas.Line {
	now := d.sight.Now
	var lines []canvas.Line
	add := func(label string, role themes.Role, text string) {
		lines = append(lines, labelled(label, role, text, width)...)
	}
	by := func(run engine.RunID, what string) string {
		if run == 0 {
			return ""
		}
		return fmt.Sprintf(" by %s #%d", what, run)
	}
	add("found", themes.Text, when(row.FoundAt, now)+by(row.FoundRun, "check"))
	if row.SeenRun != row.FoundRun && !row.SeenAt.IsZero() {
		add("seen", themes.Text, "last "+when(row.SeenAt, now)+by(row.SeenRun, "check"))
	}
	if !row.SettledAt.IsZero() {
		add("settled", themes.Bad, when(row.SettledAt, now)+": a cycle has been behind it")
	}
	add("known", themes.Info, known(row, now))
	if row.RepairedRun != 0 || !row.RepairedAt.IsZero() {
		add("repaired", themes.Info, when(row.RepairedAt, now)+by(row.RepairedRun, "run"))
	}
	switch {
	case row.VerifiedRun != 0 || !row.VerifiedAt.IsZero():
		add("verified", themes.OK, when(row.VerifiedAt, now)+by(row.VerifiedRun, "check"))
	case row.State == engine.DiscrepancyRepaired:
		add("verified", themes.Warn, "not yet: no check has looked since")
	}
	return lines
}

// known says who acknowledged a discrepancy, when, until when and why; nothing if nobody did.
func known(row *engine.Discrepancy, now time.Time) string {
	if row.AckBy == "" {
		return ""
	}
	text := "by " + row.AckBy
	if !row.AckAt.IsZero() {
		text += " " + when(row.AckAt, now)
	}
	switch {
	case row.AckUntil.IsZero():
		text += ", for good"
	case now.Before(row.AckUntil):
		text += ", until " + widget.When(row.AckUntil, now)
	default:
		text += ", until " + widget.When(row.AckUntil, now) + ": it counts no longer"
	}
	if strings.TrimSpace(row.AckNote) != "" {
		text += ": " + row.AckNote
	}
	return text
}

// Copy is the discrepancy that is opened or under the cursor, as text.
func (d *Discrepancies) Copy() (text, what string) {
	row := &d.row
	switch {
	case d.planning:
		return d.plan.copied()
	case d.level == inRows:
		if row = d.grid.Row(); row == nil {
			return "", ""
		}
	case d.level == inCounts:
		return "", ""
	}
	plain := func(v engine.Maybe[string]) string {
		if !v.Known {
			return widget.Unknown
		}
		return v.Value
	}
	source, expected, target := row.Sides()
	return fmt.Sprintf("%s %d %s: source %s, expected %s, engine %s (%s, %s, #%d)", row.Entity, row.Row, field(row),
		plain(source), plain(expected), plain(target), causeName(row.Cause), status.OfFound(row.State).Word, row.ID), name(row)
}
