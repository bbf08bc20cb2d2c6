// Package widget holds the small parts that screens are made of: bars, sparklines, figures in words, a form.
//
// A widget draws lines of package canvas and knows nothing of the engine's workings, of keys, or of the time of day.
// What is unknown is shown as "–", never as 0.
package widget

import (
	"cmp"
	"math"
	"strconv"
	"strings"
	"time"

	"ferry/engine"
)

// Unknown stands for a figure that has not been measured.
const Unknown = "–"

// Count writes a number in groups of three: 1,234,567.
func Count(n int64) string {
	digits := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, digits = "-", digits[1:]
	}
	var b strings.Builder
	b.WriteString(sign)
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return b.String()
}

// MaybeCount writes a number, or "–".
func MaybeCount(n engine.Maybe[int64]) string {
	if !n.Known {
		return Unknown
	}
	return Count(n.Value)
}

// Short writes a number in at most five characters: 812, 41.2k, 3.1M.
func Short(v float64) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return Unknown
	}
	sign := ""
	if v < 0 {
		sign, v = "-", -v
	}
	unit := ""
	for _, next := range []string{"k", "M", "G", "T", "P", "E"} {
		if v < 999.5 {
			break
		}
		v, unit = v/1000, next
	}
	if unit == "" || v >= 99.95 {
		return sign + strconv.FormatFloat(v, 'f', 0, 64) + unit
	}
	return sign + strconv.FormatFloat(v, 'f', 1, 64) + unit
}

// Rate writes rows per second: 41.2k/s.
func Rate(r engine.Maybe[float64]) string {
	if !r.Known {
		return Unknown
	}
	switch s := Short(r.Value); {
	case s == Unknown:
		return Unknown
	case r.Value > 0 && r.Value < 0.05:
		return "<0.1/s"
	case r.Value > 0 && r.Value < 1:
		return strconv.FormatFloat(r.Value, 'f', 1, 64) + "/s"
	default:
		return s + "/s"
	}
}

// Share writes a part of 1 as a percentage. What is not nothing never reads 0 %, and what is not all never reads 100 %.
func Share(part engine.Maybe[float64]) string {
	v := part.Value
	switch {
	case !part.Known || math.IsNaN(v) || math.IsInf(v, 0):
		return Unknown
	case v == 0:
		return "0%"
	case v > 0 && v < 0.0001:
		return "<0.01%"
	case v < 1 && v > 0.9999:
		return ">99.99%"
	}
	decimals := 1
	if v < 0.01 || (v > 0.99 && v < 1) {
		decimals = 2
	}
	return strings.TrimSuffix(strconv.FormatFloat(v*100, 'f', decimals, 64), ".0") + "%"
}

// ShareBeside writes a part of 1 like Share, but with as many digits as it takes to stand on its own side of each limit: what
// is above 1 % by a hair does not read "1%".
func ShareBeside(part engine.Maybe[float64], limits ...float64) string {
	text := Share(part)
	if text == Unknown || decides(text, part.Value, limits) {
		return text
	}
	for decimals := 2; decimals <= 6; decimals++ {
		if text = trimZeros(strconv.FormatFloat(part.Value*100, 'f', decimals, 64)) + "%"; decides(text, part.Value, limits) {
			return text
		}
	}
	for _, limit := range limits {
		if !decides(text, part.Value, []float64{limit}) {
			sign := "<"
			if part.Value > limit {
				sign = ">"
			}
			return sign + trimZeros(strconv.FormatFloat(limit*100, 'f', 6, 64)) + "%"
		}
	}
	return text
}

// Agreement writes the part of the rows that agree, rounded down, with the digits that decide about its limits. While some
// do not agree it never reads 100 %.
func Agreement(part engine.Maybe[float64], disagree int64, limits ...float64) string {
	v := part.Value
	switch {
	case !part.Known || math.IsNaN(v) || math.IsInf(v, 0):
		return Unknown
	case v >= 1 && disagree <= 0:
		return "100%"
	case v > 0.999999:
		return ">99.9999%"
	case v <= 0:
		return "0%"
	}
	digits := strconv.FormatFloat(v*100, 'f', 10, 64) // so many are the same whatever a float adds to them
	whole := strings.IndexByte(digits, '.')
	text := ""
	for decimals := 2; decimals <= 6; decimals++ {
		if text = trimZeros(digits[:whole+1+decimals]) + "%"; decides(text, v, limits) {
			break
		}
	}
	return text
}

// decides reports whether a percentage as it is written stands on the same side of each limit as what it is written for.
func decides(text string, v float64, limits []float64) bool {
	if strings.HasPrefix(text, "<") || strings.HasPrefix(text, ">") {
		text = strings.Trim(text, "<>")
	}
	written, err := strconv.ParseFloat(strings.TrimSuffix(text, "%"), 64)
	if err != nil {
		return true
	}
	for _, limit := range limits {
		if cmp.Compare(v, limit) != cmp.Compare(written, round(limit*100)) {
			return false
		}
	}
	return true
}

// round takes away what a float adds behind the digits that anybody writes.
func round(v float64) float64 { return math.Round(v*1e9) / 1e9 }

func trimZeros(text string) string { return strings.TrimSuffix(strings.TrimRight(text, "0"), ".") }

// Progress writes a part of 1 in whole percents, rounded down, so that 100% means finished.
func Progress(done float64) string {
	return strconv.Itoa(int(clamp(done)*100)) + "%"
}

func clamp(v float64) float64 {
	if math.IsNaN(v) {
		return 0
	}
	return min(1, max(0, v))
}

// Duration writes a time span in its two largest units: 12s, 2m10s, 3h05m, 2d4h.
func Duration(d time.Duration) string {
	const day = 24 * time.Hour
	if d < 0 {
		d = 0
	}
	switch d = d.Truncate(time.Second); {
	case d < time.Minute:
		return two(d, time.Second, "s", 0, "", false)
	case d < time.Hour:
		return two(d, time.Minute, "m", time.Second, "s", true)
	case d < day:
		return two(d, time.Hour, "h", time.Minute, "m", true)
	}
	return two(d, day, "d", time.Hour, "h", false)
}

// Span writes how long something took that may be over in a moment: 12ms, 1.4s, then as Duration.
func Span(d time.Duration) string {
	switch {
	case d < 0:
		return Duration(0)
	case d < time.Second:
		return strconv.FormatInt(d.Milliseconds(), 10) + "ms"
	case d < 10*time.Second:
		return strconv.FormatFloat(d.Truncate(time.Second/10).Seconds(), 'f', 1, 64) + "s"
	}
	return Duration(d)
}

func two(d, big time.Duration, bigName string, small time.Duration, smallName string, padded bool) string {
	s := strconv.FormatInt(int64(d/big), 10) + bigName
	if small == 0 {
		return s
	}
	rest := int64(d % big / small)
	switch {
	case rest == 0:
		return s
	case padded && rest < 10:
		s += "0"
	}
	return s + strconv.FormatInt(rest, 10) + smallName
}

// ETA writes the time that is left: "ETA 12s", "ETA ≥ 2m", "ETA measuring", or nothing where nothing runs. It never says 0.
func ETA(e engine.ETA) string {
	left := max(e.Left, time.Second)
	switch e.State {
	case engine.ETANone:
		return ""
	case engine.ETAMeasuring:
		return "ETA measuring"
	case engine.ETAReady:
		return "ETA " + Duration(left)
	case engine.ETAAtLeast:
		return "ETA ≥ " + Duration(left)
	}
	return ""
}

// Clock writes a time of day in UTC: 21:04:11Z.
func Clock(t time.Time) string {
	if t.IsZero() {
		return Unknown
	}
	return t.UTC().Format("15:04:05Z")
}

// When writes a time as seen from now: the time of day, with the date before it if that was another day.
func When(t, now time.Time) string {
	if t.IsZero() {
		return Unknown
	}
	t, now = t.UTC(), now.UTC()
	if t.Year() == now.Year() && t.YearDay() == now.YearDay() {
		return Clock(t)
	}
	return t.Format("2006-01-02 15:04Z")
}

// Moment writes a time in a column of MomentWidth cells: the time of day, for another day how many days ago that was
// ("3d ago 21:03Z"), and from a hundred days on the date.
func Moment(t, now time.Time) string {
	if t.IsZero() {
		return Unknown
	}
	t, now = t.UTC(), now.UTC()
	const day = 24 * time.Hour
	switch days := int(now.Truncate(day).Sub(t.Truncate(day)) / day); {
	case days == 0:
		return Clock(t)
	case days > 0 && days < 100:
		return strconv.Itoa(days) + "d ago " + t.Format("15:04Z")
	}
	return t.Format("2006-01-02")
}

// MomentWidth is the width of a column of moments.
const MomentWidth = len("99d ago 15:04Z")

// Ago writes how long ago something was, in its largest unit: "12s ago", "3m ago". Nobody needs more, and a line that
// changes every second costs a slow terminal.
func Ago(t, now time.Time) string {
	if t.IsZero() {
		return Unknown
	}
	d := now.Sub(t)
	for _, unit := range []time.Duration{24 * time.Hour, time.Hour, time.Minute} {
		if d >= unit {
			d = d.Truncate(unit)
			break
		}
	}
	return Duration(d) + " ago"
}

// Plural writes a number with the right form of its noun: "1 batch", "2 batches".
func Plural(n int64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return Count(n) + " " + many
}
