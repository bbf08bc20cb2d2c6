package card

import (
	"strconv"
	"strings"
	"time"

	"ferry/engine"
	"ferry/themes"
	"ferry/tui/canvas"
	"ferry/tui/keymap"
	"ferry/tui/widget"
)

const stampWidth = len("2006-01-02 15:04:05")

const longAmount = 18 // cells of an amount

// ledgerColumns are as wide as the amounts in them, for one that is cut would mislead.
func ledgerColumns(lines []engine.CardLine) []widget.Column {
	id, amounts := 5, [3]int{}
	for i := range lines {
		l := &lines[i]
		id = max(id, len(strconv.FormatInt(l.ID, 10)))
		for n, m := range []engine.Maybe[string]{l.Amount, l.Balance, l.Running} {
			cell := canvas.Of(themes.Text, amount(m))
			amounts[n] = min(longAmount, max(amounts[n], cell.Width()))
		}
	}
	return []widget.Column{
		{Title: "", Left: true, Width: 1},
		{Title: "line", Width: id},
		{Title: "when", Left: true, Width: stampWidth, Drop: 2},
		{Title: "amount", Width: amounts[0]},
		{Title: "balance", Width: amounts[1]},
		{Title: "running", Width: amounts[2]},
		{Title: "move", Width: id, Drop: 3},
		{Title: "origin", Left: true, Width: 8, Fill: true, Drop: 4},
	}
}

// timeline draws the ledger line by line, with the balance that each should lead to. Where it does not, that is said below
// the line, and so it is why a line is not in the engine. It gives the title apart, and where among the lines something is wrong.
func (c *Card) timeline(r *engine.CardReport, width int) (title, lines []canvas.Line, wrong []int) {
	if r.ID == 0 {
		return nil, nil, nil
	}
	title = c.timelineTitle(r, width)
	if len(r.Lines) == 0 {
		return title, nil, nil
	}
	grid := widget.NewGrid(ledgerColumns(r.Lines), 1, width-1)
	title = append(title, grid.Head())
	for i := range r.Lines {
		l := &r.Lines[i]
		if l.Broken || !l.InEngine || l.Why != "" {
			wrong = append(wrong, len(lines))
		}
		lines = append(lines, grid.Row(ledgerRow(l)))
		if l.Broken {
			text := "breaks: stored " + amount(l.Balance) + ", running " + amount(l.Running)
			lines = append(lines, below(themes.Bad, text, width)...)
		}
		if text := copied(l); text != "" {
			lines = append(lines, below(themes.Warn, text, width)...)
		}
	}
	return title, lines, wrong
}

// copied says what is wrong with the engine's copy of a line, or nothing.
func copied(l *engine.CardLine) string {
	switch {
	case l.InEngine && l.Why != "":
		return "differs in the engine: " + l.Why
	case l.InEngine:
		return ""
	case l.Why != "":
		return "not in the engine: " + l.Why
	}
	return "not in the engine"
}

// below is what is said of the line above.
func below(role themes.Role, text string, width int) []canvas.Line {
	const indent = 5
	lines := canvas.Wrap(role, text, max(10, width-indent-1))
	for i := range lines {
		l := canvas.Of(themes.Muted, "   ↳ ")
		if i > 0 {
			l = canvas.Of(themes.Muted, "     ")
		}
		lines[i] = *l.Add(lines[i])
	}
	return lines
}

func ledgerRow(l *engine.CardLine) []widget.Cell {
	mark, balance := widget.Cell{}, widget.Cell{Text: amount(l.Balance)}
	switch {
	case l.Broken:
		mark, balance.Role = widget.Cell{Role: themes.Bad, Text: "✗"}, themes.Bad
	case !l.InEngine || l.Why != "":
		mark = widget.Cell{Role: themes.Warn, Text: "○"}
	}
	move := ""
	if l.Move.Known {
		move = id(l.Move.Value)
	}
	return []widget.Cell{
		mark,
		{Role: themes.Title, Text: id(l.ID)},
		{Role: themes.Muted, Text: stamp(l.At)},
		{Text: amount(l.Amount)},
		balance,
		{Role: themes.Muted, Text: amount(l.Running)},
		{Role: themes.Muted, Text: move},
		{Role: themes.Muted, Text: l.Origin},
	}
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return widget.Unknown
	}
	return t.UTC().Format(time.DateTime)
}

// timelineTitle says how many lines there are and whose, where the running balance breaks first, and what it costs to read
// them from Odoo.
func (c *Card) timelineTitle(r *engine.CardReport, width int) []canvas.Line {
	l := canvas.Of(themes.Title, " ledger")
	if c.wide() && c.aside {
		l = canvas.Of(themes.Accent, "›ledger")
	}
	l.Put(themes.Text, "  ")
	whose := "the engine's copy"
	if r.FromSource {
		whose = "from Odoo"
	}
	switch shown := int64(len(r.Lines)); {
	case r.LinesTotal == 0 && shown == 0:
		l.Put(themes.Muted, "no lines, "+whose)
	case shown < r.LinesTotal:
		l.Put(themes.Muted, "the newest "+widget.Count(shown)+" of "+widget.Count(r.LinesTotal)+" lines, "+whose)
	default:
		l.Put(themes.Muted, widget.Plural(shown, "line", "lines")+", "+whose)
	}
	lines := []canvas.Line{l.Fit(width)}
	if breaks := broken(r.Lines); len(breaks) > 0 {
		first := r.Break.Or(breaks[0]) // which may be further back than what is shown
		text := "✗ the running balance breaks " + widget.Plural(int64(len(breaks)), "time", "times") + ", first at line " + id(first)
		lines = append(lines, wrap(themes.Bad, text, width)...)
	}
	return append(lines, c.cost(r, width)...)
}

// cost says what reading the ledger from the source would cost, or how that stands.
func (c *Card) cost(r *engine.CardReport, width int) []canvas.Line {
	switch now := c.sight.Now; {
	case c.scanned.Waiting():
		text := "◌ reading it from Odoo, " + widget.Duration(now.Sub(c.scanned.Asked)) + "; " + c.sight.Keys.Key(keymap.Back) + " stops it"
		return wrap(themes.Info, text, width)
	case c.Refusal(keymap.Forecast) != "":
		return nil
	}
	text := c.sight.Keys.Key(keymap.Forecast) + " reads it from Odoo"
	if c.stopped {
		text = "stopped; " + text
	}
	if r.Cost != "" {
		text += ": " + strings.TrimSuffix(r.Cost, ".")
	}
	return wrap(themes.Muted, text, width)
}

func broken(lines []engine.CardLine) []int64 {
	var out []int64
	for i := range lines {
		if lines[i].Broken {
			out = append(out, lines[i].ID)
		}
	}
	return out
}
