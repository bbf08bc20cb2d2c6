package card

import (
	"ferry/engine"
	"ferry/themes"
	"ferry/tui/canvas"
	"ferry/tui/screen"
	"ferry/tui/widget"
)

// children lists what this look found to differ of the card's moves and lines.
func children(r *engine.CardReport, width int) []canvas.Line {
	var lines []canvas.Line
	n := int64(0)
	for i := range r.Differences {
		d := &r.Differences[i]
		if d.Entity == cardEntity {
			continue // the fields say so
		}
		n++
		text := causeWords(d.Cause)
		if d.Field != "" {
			text = d.Field + " is " + orNothing(d.Target) + ", should be " + orNothing(d.Expected)
		}
		if d.State == engine.DiscrepancyInFlight {
			text += "; it may be a change under way"
		}
		lines = append(lines, labelled(screen.RowName(d.Entity, d.Row), themes.Bad, text, width)...)
	}
	if len(lines) == 0 {
		return nil
	}
	title := canvas.Of(themes.Title, " moves and lines")
	title.Put(themes.Text, "  ").Put(themes.Bad, "✗ "+widget.Plural(n, "difference", "differences"))
	return append([]canvas.Line{title}, lines...)
}
