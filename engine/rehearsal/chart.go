package rehearsal

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"ferry/engine"
)

// The size of a chart, and of what stands around it.
const (
	chartWidth, chartHeight = 900.0, 280.0
	chartLeft, chartRight   = 70.0, 20.0
	chartTop, chartBottom   = 44.0, 40.0
)

// point is one figure of a chart; where it is not known the line has a gap.
type point struct {
	at    time.Time
	value engine.Maybe[float64]
}

// Throughput draws the rows per second that the steps' runs read or compared.
func Throughput(v *engine.RehearsalView, samples []engine.RehearsalSample) []byte {
	var points []point
	for i, s := range samples {
		if i == 0 || s.Run == 0 || samples[i-1].Run != s.Run {
			points = append(points, point{at: s.At}) // between two runs the line has a gap
			continue
		}
		before := samples[i-1]
		if took := s.At.Sub(before.At).Seconds(); took > 0 {
			rate := engine.Known(max(0, float64(s.Rows-before.Rows)/took)) // so many all the while
			points = append(points, point{before.At, rate}, point{s.At, rate})
		}
	}
	return draw(v, fmt.Sprintf("Rehearsal #%d: rows per second", v.ID), points, short)
}

// Freshness draws how late the engine was at most.
func Freshness(v *engine.RehearsalView, samples []engine.RehearsalSample) []byte {
	var points []point
	for _, s := range samples {
		p := point{at: s.At}
		if s.Fresh.Known {
			p.value = engine.Known(s.Fresh.Value.Seconds())
		}
		points = append(points, p)
	}
	return draw(v, fmt.Sprintf("Rehearsal #%d: how late the engine was at most", v.ID), points, func(f float64) string {
		return Span(time.Duration(f * float64(time.Second)))
	})
}

// canvas draws one chart.
type canvas struct {
	bytes.Buffer

	from time.Time
	span float64 // seconds
	most float64
}

func (c *canvas) x(at time.Time) float64 {
	return chartLeft + min(max(at.Sub(c.from).Seconds()/c.span, 0), 1)*(chartWidth-chartLeft-chartRight)
}

func (c *canvas) y(value float64) float64 {
	return chartHeight - chartBottom - min(value/c.most, 1)*(chartHeight-chartTop-chartBottom)
}

func draw(v *engine.RehearsalView, title string, points []point, unit func(float64) string) []byte {
	c := &canvas{from: v.CreatedAt, most: 1}
	until := v.VerdictAt
	for _, p := range points {
		c.most = max(c.most, p.value.Or(0))
		if p.at.After(until) {
			until = p.at
		}
	}
	c.most, c.span = nice(c.most), max(until.Sub(c.from).Seconds(), 1)
	fmt.Fprintf(c, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %g %g" width="%[1]g" height="%[2]g" role="img" `+
		`font-family="sans-serif" font-size="12">`+"\n", chartWidth, chartHeight)
	fmt.Fprintf(c, "<title>%s</title>\n<rect width=\"100%%\" height=\"100%%\" fill=\"#ffffff\"/>\n", escaped(title))
	c.label(chartLeft, 18, "start", "#111111", title)
	c.bands(v)
	c.axes(unit)
	c.line(points)
	c.WriteString("</svg>\n")
	return c.Bytes()
}

// bands shade the steps, and with another colour those inside the freeze.
func (c *canvas) bands(v *engine.RehearsalView) {
	for i, s := range v.Steps {
		if s.StartedAt.IsZero() || s.State == engine.RehearsalSkipped {
			continue
		}
		end := s.FinishedAt
		if end.IsZero() {
			end = c.from.Add(time.Duration(c.span * float64(time.Second)))
		}
		fill := "#f2f2f2"
		if i%2 == 1 {
			fill = "#e6e6e6"
		}
		if Inside(s.Name) && !v.FrozenAt.IsZero() {
			fill = "#dbe9f6"
		}
		left, width := c.x(s.StartedAt), c.x(end)-c.x(s.StartedAt)
		fmt.Fprintf(c, `<rect x="%.1f" y="%g" width="%.1f" height="%g" fill="%s" stroke="#ffffff"><title>%s %s</title></rect>`+"\n",
			left, chartTop, max(width, 0.5), chartHeight-chartTop-chartBottom, fill, escaped(string(s.Name)), escaped(SpanOf(s.Took())))
		if width > 8*float64(len(s.Name)) { // else the word would run into the next
			c.label(left+4, chartTop-6, "start", "#555555", string(s.Name))
		}
	}
}

func (c *canvas) axes(unit func(float64) string) {
	for i := range 5 {
		value := c.most * float64(i) / 4
		y := c.y(value)
		fmt.Fprintf(c, `<line x1="%g" x2="%g" y1="%.1f" y2="%[3]g" stroke="#bbbbbb" stroke-width="0.5"/>`+"\n", chartLeft, chartWidth-chartRight, y)
		c.label(chartLeft-6, y+4, "end", "#555555", unit(value))
		at := c.from.Add(time.Duration(c.span * float64(i) / 4 * float64(time.Second)))
		c.label(c.x(at), chartHeight-chartBottom+18, "middle", "#555555", "+"+Span(at.Sub(c.from)))
	}
	c.label(chartWidth-chartRight, 18, "end", "#555555", "from "+moment(c.from))
}

func (c *canvas) line(points []point) {
	var path []string
	drawn := func() {
		if len(path) > 1 {
			fmt.Fprintf(c, `<polyline fill="none" stroke="#1f5fa8" stroke-width="1.5" points="%s"/>`+"\n", strings.Join(path, " "))
		} else if len(path) == 1 {
			x, y, _ := strings.Cut(path[0], ",")
			fmt.Fprintf(c, `<circle cx="%s" cy="%s" r="2" fill="#1f5fa8"/>`+"\n", x, y)
		}
		path = nil
	}
	for _, p := range points {
		if !p.value.Known {
			drawn()
			continue
		}
		path = append(path, fmt.Sprintf("%.1f,%.1f", c.x(p.at), c.y(p.value.Value)))
	}
	drawn()
}

func (c *canvas) label(x, y float64, anchor, fill, words string) {
	fmt.Fprintf(c, `<text x="%.1f" y="%.1f" text-anchor="%s" fill="%s">%s</text>`+"\n", x, y, anchor, fill, escaped(words))
}

func escaped(words string) string {
	var b bytes.Buffer
	_ = xml.EscapeText(&b, []byte(words)) // a buffer takes everything
	return b.String()
}

// nice is the next round figure.
func nice(most float64) float64 {
	power := math.Pow(10, math.Floor(math.Log10(most)))
	for _, step := range []float64{1, 2, 4, 5, 10} {
		if most <= step*power {
			return step * power
		}
	}
	return most
}

// short is a figure with as few digits as it takes.
func short(f float64) string {
	switch {
	case f >= 1e6:
		return strconv.FormatFloat(f/1e6, 'g', 3, 64) + "M"
	case f >= 1e4:
		return strconv.FormatFloat(f/1e3, 'g', 3, 64) + "k"
	}
	return strconv.FormatFloat(f, 'f', -1, 64)
}
