package monitor

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// mostDecimals bounds a percentage: a share of int64 rows beside a limit needs no more to be told from it.
const mostDecimals = 15

// Percent writes a share as a percentage of at least two significant decimals, and of as many as it takes not to read like a
// limit that it is not: "1.04 %" beside "1 %", "98.9996 %" beside "99 %".
func Percent(share float64, limits ...float64) string {
	if math.IsNaN(share) || math.IsInf(share, 0) {
		return "unknown"
	}
	for decimals := 2; ; decimals++ {
		text := percent(share, decimals)
		apart := decimals >= mostDecimals || share == 0 || share == 1 || text != "0" && text != "100"
		for _, limit := range limits {
			apart = apart && (limit == share || decimals >= mostDecimals || text != percent(limit, decimals))
		}
		if apart {
			return text + " %"
		}
	}
}

func percent(share float64, decimals int) string {
	text := strconv.FormatFloat(100*share, 'f', decimals, 64)
	return strings.TrimSuffix(strings.TrimRight(text, "0"), ".")
}

// Span writes a span of time: "14 s", "12 min 5 s", "3 h 2 min", "2 d 4 h". It cuts off and never rounds up.
func Span(d time.Duration) string {
	units := []struct {
		of   time.Duration
		name string
	}{{24 * time.Hour, "d"}, {time.Hour, "h"}, {time.Minute, "min"}, {time.Second, "s"}}
	if d < time.Second {
		return strconv.FormatInt(max(d, 0).Milliseconds(), 10) + " ms"
	}
	for i, u := range units {
		if d < u.of {
			continue
		}
		text := strconv.FormatInt(int64(d/u.of), 10) + " " + u.name
		if i+1 < len(units) {
			if rest := d % u.of / units[i+1].of; rest > 0 {
				text += " " + strconv.FormatInt(int64(rest), 10) + " " + units[i+1].name
			}
		}
		return text
	}
	return "0 s"
}

// spanBeside is Span, with milliseconds where it would read like a limit that it is not.
func spanBeside(d, limit time.Duration) string {
	if text := Span(d); d == limit || text != Span(limit) {
		return text
	}
	return Span(d) + " " + Span(d%time.Second)
}
