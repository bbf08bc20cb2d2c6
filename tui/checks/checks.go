// Package checks draws preconditions: what fails first, then what could not be checked, then what holds. Each has its
// sign and its word, so that nothing rests on colour, and "could not check" never looks like a pass.
package checks

import (
	"github.com/charmbracelet/x/ansi"

	"ferry/engine"
	"ferry/themes"
	"ferry/tui/canvas"
	"ferry/tui/cure"
	"ferry/tui/sanitize"
	"ferry/tui/status"
	"ferry/tui/widget"
)

const (
	textColumn = 9   // what is said about a precondition stands below its name
	nameWidth  = 34  // a longer name has what was found below it
	longName   = 50  // the same in a wide window
	besideFrom = 76  // in narrower windows all names have
	wideFrom   = 120 // a wide window
)

// order is how urgent verdicts are.
var order = []engine.Verdict{engine.Fail, engine.CouldNotCheck, engine.Pass}

// known maps a verdict that this program does not know to the one that promises nothing.
func known(v engine.Verdict) engine.Verdict {
	if v == engine.Pass || v == engine.Fail {
		return v
	}
	return engine.CouldNotCheck
}

// Lines draws preconditions at a width.
func Lines(p engine.Preflight, width int) []canvas.Line {
	var lines []canvas.Line
	for _, verdict := range order {
		for i := range p {
			if known(p[i].Verdict) == verdict {
				lines = append(lines, line(&p[i], width)...)
			}
		}
	}
	return lines
}

// line draws one precondition: what holds on one line where it has room, what does not on several.
func line(p *engine.PreflightLine, width int) []canvas.Line {
	s := status.OfVerdict(known(p.Verdict))
	head := canvas.Of(s.Role, " "+s.Glyph+" "+s.Word)
	head.Put(themes.Text, "  ").Put(themes.Title, p.Name)
	room := nameWidth
	if width >= wideFrom {
		room = longName
	}
	if s.Word == string(engine.Pass) && width >= besideFrom && ansi.StringWidth(sanitize.Text(p.Name)) <= room-2 {
		return hang(head, textColumn+room, texts(p, width-textColumn-room-1))
	}
	return append([]canvas.Line{head}, hang(canvas.Line{}, textColumn, texts(p, width-textColumn-1))...)
}

// texts are what was found and what to do about it, wrapped.
func texts(p *engine.PreflightLine, width int) []canvas.Line {
	width = max(10, width)
	var lines []canvas.Line
	if p.Found != "" {
		lines = canvas.Wrap(themes.Text, p.Found, width)
	}
	if advice := cure.ForLine(*p); advice != "" {
		lines = append(lines, canvas.Wrap(themes.Info, "→ "+advice, width)...)
	}
	return lines
}

// hang puts lines below each other at a column, the first of them behind what stands there.
func hang(first canvas.Line, column int, texts []canvas.Line) []canvas.Line {
	if len(texts) == 0 && first.Width() > 0 {
		return []canvas.Line{first}
	}
	var lines []canvas.Line
	for _, t := range texts {
		first.To(column).Add(t)
		lines = append(lines, first)
		first = canvas.Line{}
	}
	return lines
}

// Summary is a sentence about all preconditions.
func Summary(p engine.Preflight) (string, themes.Role) {
	count := map[engine.Verdict]int64{}
	for i := range p {
		count[known(p[i].Verdict)]++
	}
	unchecked := ""
	if n := count[engine.CouldNotCheck]; n > 0 {
		unchecked = "; " + widget.Count(n) + " could not be checked"
	}
	switch {
	case len(p) == 0:
		return "? nothing was looked at", themes.Warn
	case p.Unsafe():
		return "✗ The source could be written: nothing is read before that is cured.", themes.Bad
	case count[engine.Fail] == 1:
		return "✗ 1 precondition fails: cure it before a sync" + unchecked + ".", themes.Bad
	case count[engine.Fail] > 1:
		return "✗ " + widget.Count(count[engine.Fail]) + " preconditions fail: cure them before a sync" + unchecked + ".", themes.Bad
	case unchecked != "":
		return "✓ Nothing fails" + unchecked + ": look at those.", themes.Warn
	}
	return "✓ Nothing stands in the way of a sync.", themes.OK
}
