package canvas

import (
	"strings"

	"github.com/charmbracelet/x/ansi"

	"ferry/themes"
	"ferry/tui/sanitize"
)

// Block makes exactly height lines, each exactly width cells, of what a screen drew.
func Block(lines []Line, width, height int) []Line {
	out := make([]Line, 0, max(0, height))
	for i := range max(0, height) {
		var l Line
		if i < len(lines) {
			l = lines[i]
		}
		out = append(out, l.Fit(width))
	}
	return out
}

// Lay puts a box over lines, its first cell at the given column and row.
func Lay(under, box []Line, column, row int) {
	for i, l := range box {
		if at := row + i; at >= 0 && at < len(under) {
			under[at] = under[at].Over(column, l)
		}
	}
}

// Beside puts blocks next to each other; each must consist of lines of equal width.
func Beside(gap int, blocks ...[]Line) []Line {
	var out []Line
	left := 0
	for i, block := range blocks {
		if i > 0 {
			left += gap
		}
		width := 0
		for row, l := range block {
			if row >= len(out) {
				out = append(out, Line{})
			}
			out[row].fill(left)
			out[row].Add(l)
			width = max(width, l.width)
		}
		left += width
	}
	return out
}

// Labelled wraps a text to the right of a column behind a label, indented by one; an empty text gives no line.
func Labelled(label string, column int, role themes.Role, text string, width int) []Line {
	if text == "" {
		return nil
	}
	var lines []Line
	for i, l := range Wrap(role, text, max(10, width-column-1)) {
		line := Of(themes.Text, " ")
		if i == 0 {
			line.Put(themes.Muted, label)
		}
		lines = append(lines, *line.To(column).Add(l))
	}
	return lines
}

// Wrap breaks a text into lines of at most width cells, at spaces where it can.
func Wrap(role themes.Role, text string, width int) []Line {
	if width <= 0 {
		return nil
	}
	var lines []Line
	for part := range strings.SplitSeq(ansi.Wrap(sanitize.Text(text), width, ""), "\n") {
		lines = append(lines, Of(role, strings.TrimRight(part, " ")))
	}
	return lines
}

// Frame turns lines into what the terminal gets: exactly as many lines as given, each width cells wide.
func Frame(styles *themes.Styles, lines []Line, width int) string {
	var b strings.Builder
	b.Grow(len(lines) * (width + 32))
	for i := range lines {
		if i > 0 {
			b.WriteByte('\n')
		}
		l := lines[i].Fit(width)
		// Characters may join across pieces, and then take fewer or more cells than their sum. Measure the whole.
		if text := l.String(); ansi.StringWidth(text) != width {
			styles.Paint(&b, themes.Text, sanitize.Pad(text, width))
			continue
		}
		for _, s := range l.spans {
			styles.Paint(&b, s.role, s.text)
		}
	}
	return b.String()
}

// ASCII replaces the shapes that ferry itself draws by ASCII of the same width, for a terminal or a font without them.
// Data keeps its characters, except those that are such shapes.
func ASCII(frame string) string { return toASCII.Replace(frame) }

var toASCII = strings.NewReplacer(
	"█", "#", "▉", "#", "▊", "#", "▋", "#", "▌", "=", "▍", "=", "▎", "=", "▏", "=",
	"▁", "_", "▂", "_", "▃", ".", "▄", "-", "▅", "=", "▆", "+", "▇", "*",
	"─", "-", "│", "|", "╭", "+", "╮", "+", "╰", "+", "╯", "+", "├", "+", "┤", "+",
	"›", ">", "…", "~", "–", "-", "—", "-", "−", "-", "→", ">", "←", "<", "·", ".", "↑", "^", "↓", "v", "↳", ">", "≥", ">", "≈", "~",
	"▲", "^", "▼", "v", "●", "*", "○", "o", "◌", ".", "◐", "%", "◑", "%", "‖", "=", "✓", "+", "✗", "x", "×", "x", "◆", "!", "▪", "*",
)
