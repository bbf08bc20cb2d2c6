package entity

import (
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"ferry/engine/pgcopy"
)

// Describe gives a row's columns as text, for people to look at. NULL columns are left out.
func (e *Entity) Describe(row Row) map[string]string {
	out := make(map[string]string, len(e.Columns))
	for i, c := range e.Columns {
		if v := row.Values[i]; v.State != Null {
			out[c.Source] = v.format(c.Kind)
		}
	}
	return out
}

// maxShown bounds a text that is kept for people to look at, in bytes.
const maxShown = 4000

// shorten cuts a text that is too long to be looked at, at a character's end.
func shorten(text string) string {
	if len(text) <= maxShown {
		return text
	}
	end := maxShown
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return fmt.Sprintf("%s… (%d bytes)", text[:end], len(text))
}

func (v Value) format(kind Kind) string {
	switch v.State {
	case NotFinite:
		return "not a finite number"
	case TooLarge:
		return "beyond 16 digits"
	case Endless:
		if v.Int == pgcopy.TimeNegInfinity {
			return "-infinity"
		}
		return "infinity"
	case Null, Present, Rounded:
	}
	switch kind {
	case KindText:
		return shorten(v.Text)
	case KindPoints:
		return FormatPoints(v.Int)
	case KindTime:
		// By seconds: the years above 294246 are too many microseconds since 1970 for an int64.
		at := time.Unix(v.Int/1e6+pgcopy.EpochUnixMicro/1e6, v.Int%1e6*1000)
		return at.UTC().Format("2006-01-02T15:04:05.999999Z")
	case KindInt:
	}
	return strconv.FormatInt(v.Int, 10)
}
