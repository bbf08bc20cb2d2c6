package ledger

import (
	"math"
	"strconv"
	"strings"

	"ferry/engine"
	"ferry/themes"
	"ferry/tui/canvas"
	"ferry/tui/keymap"
	"ferry/tui/status"
	"ferry/tui/widget"
	"ferry/tui/widget/grid"
)

const (
	roomyFrom = 14 // lines; from here on there is room for more about the card under the cursor
	longValue = 60 // characters of an amount
)

// Lines draws the screen.
func (l *Ledger) Lines() []canvas.Line {
	if l.sight.Snapshot == nil {
		return nil
	}
	lines := l.summary()
	if !l.looked() {
		return lines
	}
	var below []canvas.Line
	if l.height >= roomyFrom {
		below = l.about()
	}
	rest := max(3, l.height-len(lines)-len(below))
	return append(append(lines, l.grid.Lines(canvas.Of(themes.Title, " cards that disagree"), l.width, rest)...), below...)
}

// summary says what the last look at the ledger found, and of when that is.
func (l *Ledger) summary() []canvas.Line {
	v, now := l.sight.Snapshot.Ledger, l.sight.Now
	if !l.looked() {
		return l.never()
	}
	head := canvas.Of(themes.Title, " Odoo's ledger")
	head.Put(themes.Text, "  "+widget.MaybeCount(v.Cards)+" cards looked at")
	drifted := canvas.Of(themes.Text, "  ")
	switch {
	case v.Drifted.Known && v.Drifted.Value == 0:
		drifted.Put(themes.OK, "✓ each agrees with itself")
	case v.Drifted.Known:
		drifted.Put(themes.Warn, "◆ "+widget.Plural(v.Drifted.Value, "disagrees", "disagree")+" with itself")
	default:
		drifted.Put(themes.Muted, "how many disagree is not known")
	}
	head.Add(drifted)
	var parts []string
	if v.Drifted.Value > 0 {
		parts = append(parts, widget.MaybeCount(v.History)+" history", widget.MaybeCount(v.Moves)+" moves")
	}
	parts = append(parts, widget.MaybeCount(v.Incomplete)+" incomplete")
	when := "looked at " + widget.When(v.At, now)
	if v.Run != 0 {
		when += " by check #" + strconv.FormatInt(int64(v.Run), 10)
	}
	text := strings.Join(append(parts, when), " · ")
	if whole := text + " · " + widget.Ago(v.At, now); len(whole) < l.width {
		text = whole
	}
	return append([]canvas.Line{head.Fit(l.width)}, indented(canvas.Wrap(themes.Muted, text, max(10, l.width-2)), " ")...)
}

// never says why there is nothing to show.
func (l *Ledger) never() []canvas.Line {
	text := "Nobody has looked at Odoo's ledger yet: run a check, " + l.sight.Keys.Key(keymap.Start) +
		" begins one. It adds up each card's points, the last balance of its history and its active moves, and lists the cards on which Odoo " +
		"disagrees with itself."
	if l.sight.Hinders() != "" {
		return l.sight.Hindered(l.width)
	}
	return append([]canvas.Line{{}}, indented(canvas.Wrap(themes.Text, text, max(10, l.width-4)), "  ")...)
}

func indented(lines []canvas.Line, by string) []canvas.Line {
	for i := range lines {
		l := canvas.Of(themes.Text, by)
		lines[i] = *l.Add(lines[i])
	}
	return lines
}

// about tells of the card under the cursor how it disagrees, in words.
func (l *Ledger) about() []canvas.Line {
	row := l.grid.Row()
	if row == nil {
		return nil
	}
	var words []string
	for _, d := range row.Drifts {
		words = append(words, status.OfDrift(d))
	}
	text := "card " + strconv.FormatInt(row.Card, 10) + ": " + strings.Join(words, "; ")
	if row.Waiting {
		text += "; incomplete: its latest line is in quarantine, so the engine goes by the card's own points"
	}
	lines := append([]canvas.Line{{}}, indented(canvas.Wrap(themes.Text, text, max(10, l.width-2)), " ")...)
	const most = 3
	return lines[:min(len(lines), most)]
}

// columns are the grid's.
func (l *Ledger) columns() []grid.Column[engine.LedgerCard] {
	type card = engine.LedgerCard
	figure := func(title, name string, drop int, of func(*card) engine.Maybe[string]) grid.Column[card] {
		return grid.Column[card]{Title: title, Name: name, Width: 12, Min: 8, Drop: drop, Cell: func(c *card) widget.Cell {
			return amount(of(c))
		}}
	}
	return []grid.Column[card]{
		{Title: "card", Name: "card", Left: true, Width: 9, Min: 7, Cell: func(c *card) widget.Cell {
			return widget.Cell{Role: themes.Title, Text: strconv.FormatInt(c.Card, 10)}
		}},
		{Title: "code", Name: "code", Left: true, Width: 16, Min: 14, Fill: true, Drop: 3, Cell: func(c *card) widget.Cell {
			return widget.Cell{Text: widget.Value(c.Code, longValue)}
		}},
		figure("points", "points", 0, func(c *card) engine.Maybe[string] { return c.Points }),
		figure("last", "last_balance", 0, func(c *card) engine.Maybe[string] { return c.Last }),
		figure("moves", "moves", 0, func(c *card) engine.Maybe[string] { return c.Moves }),
		{Title: "size", Name: "size", Width: 10, Min: 7, Drop: 1, Cell: func(c *card) widget.Cell {
			return widget.Cell{Role: themes.Warn, Text: brief(c.Size)}
		}},
		{Title: "kinds", Name: "drifts", Left: true, Width: 18, Min: 8, Drop: 2, Cell: kinds},
		figure("engine", "engine_points", 4, func(c *card) engine.Maybe[string] { return c.Engine }),
		{Title: "looked at", Name: "seen_at", Left: true, Width: widget.MomentWidth, Drop: 5, Cell: func(c *card) widget.Cell {
			return widget.Cell{Role: themes.Muted, Text: widget.Moment(c.SeenAt, l.sight.Now)}
		}},
	}
}

func kinds(c *engine.LedgerCard) widget.Cell {
	var words []string
	for _, d := range c.Drifts {
		words = append(words, string(d))
	}
	if c.Waiting {
		words = append(words, "incomplete")
	}
	return widget.Cell{Role: themes.Warn, Text: strings.Join(words, " ")}
}

func amount(m engine.Maybe[string]) widget.Cell {
	if !m.Known {
		return widget.Cell{Role: themes.Muted, Text: widget.Unknown}
	}
	return widget.Cell{Text: brief(m.Value)}
}

// brief is an amount for a narrow column: to two places, which it says. A number that is cut in the middle may have lost the
// exponent that makes it nothing. The card view has all digits.
func brief(text string) string {
	const places, most = 2, 1e9
	value, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(value) || math.IsInf(value, 0) {
		return widget.Value(text, longValue)
	}
	short := strconv.FormatFloat(value, 'f', places, 64)
	if math.Abs(value) >= most {
		short = strconv.FormatFloat(value, 'g', 3, 64)
	}
	switch rounded, _ := strconv.ParseFloat(short, 64); {
	case rounded == value && math.Abs(value) < most:
		if len(text) <= len(short) {
			return text
		}
		return short // a difference of floats may have more digits than say anything
	case rounded == value:
		return short
	case rounded == 0:
		short = "0.00"
	}
	return "≈" + short
}
