package widget

import (
	"math"
	"strings"

	"ferry/themes"
	"ferry/tui/canvas"
)

const (
	barFull = "█"
	barRest = "─"
)

// eighths are the blocks that fill a part of a cell, from none to seven eighths.
var eighths = [8]string{"", "▏", "▎", "▍", "▌", "▋", "▊", "▉"}

// Bar draws a share of 1 in width cells, exact to an eighth of a cell. It is full only when the share is.
func Bar(done float64, width int) canvas.Line {
	var l canvas.Line
	if width <= 0 {
		return l
	}
	parts := int(clamp(done) * float64(width*len(eighths)))
	full, part := parts/len(eighths), eighths[parts%len(eighths)]
	l.Put(themes.BarFill, strings.Repeat(barFull, full)+part)
	l.Put(themes.BarRest, strings.Repeat(barRest, width-l.Width()))
	return l
}

var sparks = []string{"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"}

// Spark draws the newest values, the last one at the right, each as high as its share of the highest. A value that is not
// a number is a gap.
func Spark(values []float64, width int) string {
	values = values[max(0, len(values)-max(0, width)):]
	top := 0.0
	for _, v := range values {
		if drawable(v) {
			top = max(top, v)
		}
	}
	var b strings.Builder
	for _, v := range values {
		switch {
		case !drawable(v):
			b.WriteByte(' ')
		case top == 0:
			b.WriteString(sparks[0])
		default:
			b.WriteString(sparks[int(v/top*float64(len(sparks)-1))])
		}
	}
	return b.String()
}

func drawable(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) && v >= 0 }
