package screen

import (
	"time"

	"ferry/engine/redact"
	"ferry/themes"
	"ferry/tui/canvas"
	"ferry/tui/cure"
	"ferry/tui/keymap"
	"ferry/tui/widget"
)

const hinderedIndent = 2

// Hindered says in words why a screen has nothing to show: what is in the way, since when, why, what cures it, and when ferry
// tries again. It is empty where nothing is in the way.
func (s Sight) Hindered(width int) []canvas.Line {
	why := s.Hinders()
	if why == "" {
		return nil
	}
	lines := append([]canvas.Line{{}}, Indented(canvas.Wrap(themes.Warn, why, max(10, width-2*hinderedIndent)), hinderedIndent)...)
	return append(lines, s.outage(width)...)
}

// outage tells of an engine database that does not answer.
func (s Sight) outage(width int) []canvas.Line {
	if s.Snapshot == nil || !s.Snapshot.Target.Down() {
		return nil
	}
	target, room := s.Snapshot.Target, max(10, width-2*hinderedIndent)
	text := "unreachable for " + widget.Duration(s.Now.Sub(target.DownSince))
	if left := target.NextTry.Sub(s.Now); left >= time.Second {
		text += ", next try in " + widget.Duration(left)
	} else {
		text += ", trying now"
	}
	lines := canvas.Wrap(themes.Muted, text, room)
	if cause := redact.Text(cure.Cause(target.Err)); cause != "" {
		lines = append(lines, canvas.Wrap(themes.Bad, cause, room)...)
	}
	if advice := cure.For(target.Err); advice != "" {
		lines = append(lines, canvas.Wrap(themes.Info, "→ "+advice, room)...)
	}
	lines = append(lines, canvas.Of(themes.Muted, s.Keys.Key(keymap.Connect)+" edits the addresses"))
	return Indented(lines, hinderedIndent)
}

// Indented puts so many cells before each line.
func Indented(lines []canvas.Line, by int) []canvas.Line {
	out := make([]canvas.Line, len(lines))
	for i := range lines {
		var l canvas.Line
		out[i] = *l.To(by).Add(lines[i])
	}
	return out
}

// Beside puts two panes next to each other with a rule between; the left one is so wide, the right one has the rest.
func Beside(left, right []canvas.Line, leftWidth, width, height int) []canvas.Line {
	rule := canvas.Block(nil, 1, height)
	for i := range rule {
		rule[i] = canvas.Of(themes.Border, "│")
	}
	return canvas.Beside(0, canvas.Block(left, leftWidth, height), rule, canvas.Block(right, width-leftWidth-1, height))
}
