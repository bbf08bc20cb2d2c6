// Package sanitize makes text from elsewhere fit to be shown: every byte that a terminal would obey, and every
// character that nobody would see, becomes visible. Nothing is dropped, for such bytes are what an operator hunts.
//
//	C0 controls, DEL             their pictures: ␀ ␉ ␊ ␛ ␡
//	C1 controls                  \u009b
//	bidi and other invisibles    \u202e, \u200b, \ufeff, \U000e0041
//	bytes that are not UTF-8     \x9b
//	a mark that has no letter    ◌́   (a text that begins with one would change what stands before it)
//
// So \u always names a code point and \x a raw byte. Letters, marks, spaces and wide characters stay as they are.
// It is the only sanitiser, and package canvas, through which all text reaches the screen, always applies it.
package sanitize

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"
)

const (
	pictures      = '\u2400' // the picture of NUL; those of the other C0 controls follow in order
	pictureOfDel  = '\u2421'
	lastC0        = 0x1f
	del           = 0x7f
	basicPlane    = 0xffff
	ellipsis      = "…"
	ellipsisWidth = 1
	bearer        = "◌" // what Unicode shows a mark on that has no letter
)

// Text is s on one line with everything that is not plain text made visible. Text(Text(s)) == Text(s).
func Text(s string) string {
	if joinsBefore(s) {
		s = bearer + s
	}
	at := firstUnfit(s)
	if at < 0 {
		return s
	}
	var b strings.Builder
	b.Grow(len(s) + 16)
	b.WriteString(s[:at])
	for at < len(s) {
		r, size := utf8.DecodeRuneInString(s[at:])
		if r == utf8.RuneError && size == 1 {
			fmt.Fprintf(&b, `\x%02x`, s[at])
		} else {
			show(&b, r)
		}
		at += size
	}
	return b.String()
}

// joinsBefore reports whether the first character of a text would become one with what stands before it.
func joinsBefore(s string) bool {
	if s == "" || s[0] < utf8.RuneSelf {
		return false
	}
	r, size := utf8.DecodeRuneInString(s)
	if (r == utf8.RuneError && size == 1) || hidden(r) {
		return false // it will be written out
	}
	cluster, _ := ansi.FirstGraphemeCluster(" "+s[:size], ansi.GraphemeWidth)
	return cluster != " "
}

// firstUnfit is the index of the first byte that must be changed, or -1.
func firstUnfit(s string) int {
	for at := 0; at < len(s); {
		if c := s[at]; c < utf8.RuneSelf {
			if c <= lastC0 || c == del {
				return at
			}
			at++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[at:])
		if (r == utf8.RuneError && size == 1) || hidden(r) {
			return at
		}
		at += size
	}
	return -1
}

func show(b *strings.Builder, r rune) {
	switch {
	case r <= lastC0:
		b.WriteRune(pictures + r)
	case r == del:
		b.WriteRune(pictureOfDel)
	case !hidden(r):
		b.WriteRune(r)
	case r <= basicPlane:
		fmt.Fprintf(b, `\u%04x`, r)
	default:
		fmt.Fprintf(b, `\U%08x`, r)
	}
}

// hidden reports whether a character beyond ASCII has no shape of its own, or steers how its neighbours are drawn.
// Variation selectors count: terminals disagree about the width of what they follow.
func hidden(r rune) bool {
	return !unicode.IsGraphic(r) ||
		unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

// Fit is Text(s), cut to at most width cells; "…" stands for what was cut.
func Fit(s string, width int) string {
	s = Text(s)
	switch {
	case width <= 0:
		return ""
	case ansi.StringWidth(s) <= width:
		return s
	case width <= ellipsisWidth:
		return ellipsis
	}
	return ansi.Truncate(s, width, ellipsis)
}

// Pad is Fit filled up with spaces to exactly width cells.
func Pad(s string, width int) string {
	s = Fit(s, width)
	for missing := width - ansi.StringWidth(s); missing > 0; missing = width - ansi.StringWidth(s) {
		s += strings.Repeat(" ", missing) // again, if a last character joined with the first space
	}
	return s
}

// PadLeft is Pad with the spaces before the text, for figures.
func PadLeft(s string, width int) string {
	s = Fit(s, width)
	return strings.Repeat(" ", max(0, width-ansi.StringWidth(s))) + s
}
