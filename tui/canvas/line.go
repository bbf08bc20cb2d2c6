// Package canvas is what screens draw with: lines of text in which every piece has a role, and no piece an escape.
//
// A screen hands back lines, not strings. Text enters a line through Put, which sanitises it, so nothing from a database
// can reach the terminal unseen; cutting, padding and laying one line over another count cells and never meet escape
// codes. Codes are added at the very end, by Frame, in the styles of one terminal.
package canvas

import (
	"slices"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"ferry/themes"
	"ferry/tui/sanitize"
)

const ellipsis = "…"

// Line is one line of the screen. The zero value is an empty one.
type Line struct {
	spans []span
	width int
}

type span struct {
	role  themes.Role
	text  string
	width int
}

// Of is a line that begins with text.
func Of(role themes.Role, text string) Line {
	var l Line
	l.Put(role, text)
	return l
}

// Width is the number of cells that the line takes.
func (l *Line) Width() int { return l.width }

// Put appends text, with everything in it made visible.
func (l *Line) Put(role themes.Role, text string) *Line {
	return l.put(role, sanitize.Text(text))
}

// Add appends another line.
func (l *Line) Add(other Line) *Line {
	for _, s := range other.spans {
		l.put(s.role, s.text)
	}
	return l
}

// To fills up with spaces to a column; a line that is already there gets one space, so that words never touch.
func (l *Line) To(column int) *Line {
	return l.put(themes.Text, strings.Repeat(" ", max(1, column-l.width)))
}

// PutRight appends text that ends at a column.
func (l *Line) PutRight(column int, role themes.Role, text string) *Line {
	text = sanitize.Text(text)
	l.To(column - ansi.StringWidth(text))
	return l.put(role, text)
}

// put appends clean text.
func (l *Line) put(role themes.Role, text string) *Line {
	if text == "" {
		return l
	}
	width := ansi.StringWidth(text)
	l.spans = append(slices.Clip(l.spans), span{role, text, width})
	l.width += width
	return l
}

// In is the line in one role throughout, for a selected or a stale one.
func (l *Line) In(role themes.Role) Line {
	var out Line
	for _, s := range l.spans {
		out.put(role, s.text)
	}
	return out
}

// Fit is the line made exactly width cells wide: cut with "…", or filled up with spaces.
func (l *Line) Fit(width int) Line {
	if width <= 0 {
		return Line{}
	}
	out := *l
	if l.width > width {
		out = l.slice(0, width-1)
		role := themes.Text
		if len(out.spans) > 0 {
			role = out.spans[len(out.spans)-1].role
		}
		out.put(role, ellipsis)
	}
	out.fill(width)
	return out
}

// Over is the line with another laid over it from a column on.
func (l *Line) Over(column int, top Line) Line {
	out := l.slice(0, column)
	out.fill(column)
	out.Add(top)
	rest := l.slice(column+top.width, l.width)
	out.Add(rest)
	return out
}

func (l *Line) fill(width int) {
	if missing := width - l.width; missing > 0 {
		l.put(themes.Text, strings.Repeat(" ", missing))
	}
}

// slice is the line from one column up to another, exactly as wide; half a wide character becomes a space.
func (l *Line) slice(from, to int) Line {
	var out Line
	at := 0
	for _, s := range l.spans {
		if at < to && at+s.width > from {
			out.put(s.role, cut(s.text, from-at, to-at, s.width))
		}
		at += s.width
	}
	return out
}

// cut is clean text from one cell up to another.
func cut(text string, from, to, width int) string {
	if from <= 0 && to >= width {
		return text
	}
	var b strings.Builder
	at := 0
	for text != "" {
		cluster, w := ansi.FirstGraphemeCluster(text, ansi.GraphemeWidth)
		start, end := max(at, from), min(at+w, to)
		switch {
		case at >= from && at+w <= to && at < to:
			b.WriteString(cluster)
		case start < end:
			b.WriteString(strings.Repeat(" ", end-start))
		}
		at += w
		text = text[len(cluster):]
	}
	return b.String()
}

// String is the text of the line without its roles.
func (l *Line) String() string {
	var b strings.Builder
	for _, s := range l.spans {
		b.WriteString(s.text)
	}
	return b.String()
}
