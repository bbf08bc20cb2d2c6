package widget

import (
	"slices"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"ferry/themes"
	"ferry/tui/canvas"
	"ferry/tui/keymap"
	"ferry/tui/sanitize"
)

const maxInput = 1000 // characters of a line

// Input is a line of text that can be edited. What would not be seen is made visible as it comes in.
type Input struct {
	text []rune
	at   int // the cursor stands before this character
}

// NewInput is an input with text in it, the cursor behind it.
func NewInput(text string) Input {
	var in Input
	in.Insert(text)
	return in
}

// String is the text.
func (in *Input) String() string { return string(in.text) }

// At is how many characters stand before the cursor.
func (in *Input) At() int { return in.at }

// Insert puts text in at the cursor.
func (in *Input) Insert(text string) {
	text = strings.NewReplacer("\r", "", "\n", "", "\t", " ").Replace(text)
	fresh := []rune(sanitize.Text(text))
	fresh = fresh[:min(len(fresh), max(0, maxInput-len(in.text)))]
	in.text = slices.Concat(in.text[:in.at], fresh, in.text[in.at:])
	in.at += len(fresh)
}

// Move moves the cursor by some characters.
func (in *Input) Move(by int) { in.at = max(0, min(len(in.text), in.at+by)) }

// Home puts the cursor before the first character.
func (in *Input) Home() { in.at = 0 }

// End puts the cursor behind the last character.
func (in *Input) End() { in.at = len(in.text) }

// Erase removes the character before the cursor.
func (in *Input) Erase() {
	if in.at > 0 {
		in.at--
		in.Delete()
	}
}

// Delete removes the character under the cursor.
func (in *Input) Delete() {
	if in.at < len(in.text) {
		in.text = slices.Delete(slices.Clone(in.text), in.at, in.at+1)
	}
}

// Clear removes all.
func (in *Input) Clear() { in.text, in.at = nil, 0 }

// Do carries out an action of a field; false says that it is none of a single line.
func (in *Input) Do(action keymap.Action) bool {
	switch action { //nolint:exhaustive // the others are of several fields
	case keymap.FieldLeft:
		in.Move(-1)
	case keymap.FieldRight:
		in.Move(1)
	case keymap.FieldHome:
		in.Home()
	case keymap.FieldEnd:
		in.End()
	case keymap.FieldErase:
		in.Erase()
	case keymap.FieldDelete:
		in.Delete()
	case keymap.FieldClear:
		in.Clear()
	default:
		return false
	}
	return true
}

// Line draws the text in width cells, with a caret where the cursor stands if the input has the focus. Of a long text the
// part around the cursor is drawn.
func (in *Input) Line(width int, focus bool) canvas.Line {
	if !focus {
		return canvas.Of(themes.Text, sanitize.Fit(in.String(), width))
	}
	before, after := string(in.text[:in.at]), string(in.text[in.at:])
	room := max(1, width-len(caret))
	if over := ansi.StringWidth(before) - room; over > 0 {
		before = ansi.TruncateLeft(before, over+1, "…")
	}
	l := canvas.Of(themes.Title, before)
	l.Put(themes.Accent, caret).Put(themes.Title, after)
	if l.Width() > width {
		return l.Fit(width)
	}
	return l
}
