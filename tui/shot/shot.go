// Package shot turns a frame of the console into a picture: a self-contained SVG, for a README that shows what the
// console really draws. The frame is fed to a terminal emulator, so the picture has what a terminal would have shown;
// bars and borders are drawn as shapes, so that they join whatever font the reader has.
package shot

import (
	"encoding/xml"
	"fmt"
	"image/color"
	"strings"

	uv "github.com/charmbracelet/ultraviolet"
	"github.com/charmbracelet/x/vt"

	"ferry/themes"
)

const (
	cellWidth  = 8.4
	cellHeight = 19.0
	fontSize   = 14
	baseline   = 14.0
	margin     = 14.0
	line       = 1.2 // width of borders
)

// SVG draws a frame of a terminal with the given number of columns and rows, on the canvas of a palette.
func SVG(frame string, columns, rows int, theme themes.Theme, title string) (string, error) {
	terminal := vt.NewEmulator(columns, rows)
	if _, err := terminal.WriteString(strings.ReplaceAll(frame, "\n", "\r\n")); err != nil {
		return "", fmt.Errorf("draw the frame: %w", err)
	}
	p := painter{theme: theme}
	width, height := float64(columns)*cellWidth+2*margin, float64(rows)*cellHeight+2*margin
	p.printf(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.1f %.1f" width="%.0f" height="%.0f" role="img">`+"\n",
		width, height, width, height)
	p.printf("<title>%s</title>\n", escape(title))
	p.printf(`<rect width="100%%" height="100%%" rx="8" fill="%s"/>`+"\n", theme.Canvas)
	p.printf(`<g font-family="ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace" font-size="%d" xml:space="preserve" `+
		`transform="translate(%.0f %.0f)">`+"\n", fontSize, margin, margin)
	for y := range rows {
		p.row(terminal, columns, y)
	}
	p.printf("</g>\n</svg>\n")
	return p.out.String(), terminal.Close()
}

type painter struct {
	theme themes.Theme
	out   strings.Builder
}

func (p *painter) printf(format string, args ...any) { fmt.Fprintf(&p.out, format, args...) }

// piece is a stretch of cells that look alike.
type piece struct {
	text       string
	x, cells   int
	front, bak string
	bold, line bool
}

func (p *painter) row(terminal *vt.Emulator, columns, y int) {
	var now piece
	for x := 0; x < columns; {
		cell := terminal.CellAt(x, y)
		if cell == nil || cell.Width < 1 {
			x++
			continue
		}
		next := p.look(cell, x)
		if next.text == "" {
			next.text = " "
		}
		alone := p.shape(next, y)
		if now.cells > 0 && (alone || !now.joins(next)) {
			p.text(now, y)
			now = piece{}
		}
		switch {
		case alone:
		case now.cells == 0:
			now = next
		default:
			now.text += next.text
			now.cells += next.cells
		}
		x += cell.Width
	}
	p.text(now, y)
}

func (p piece) joins(next piece) bool {
	return p.front == next.front && p.bak == next.bak && p.bold == next.bold && p.line == next.line
}

// look reads the colours of a cell.
func (p *painter) look(cell *uv.Cell, x int) piece {
	style := cell.Style
	front, back := hex(style.Fg, p.theme.Ink), hex(style.Bg, "")
	if style.Attrs&uv.AttrReverse != 0 {
		if back == "" {
			back = p.theme.Canvas
		}
		front, back = back, front
	}
	return piece{
		text: cell.Content, x: x, cells: cell.Width, front: front, bak: back,
		bold: style.Attrs&uv.AttrBold != 0, line: style.Underline != 0,
	}
}

func (p *painter) text(t piece, y int) {
	if t.cells == 0 {
		return
	}
	left, top := float64(t.x)*cellWidth, float64(y)*cellHeight
	if t.bak != "" {
		p.printf(`<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>`+"\n",
			left, top, float64(t.cells)*cellWidth, cellHeight, t.bak)
	}
	// Spaces around the text move and shorten it: not every viewer keeps them.
	bare := strings.TrimLeft(t.text, " ")
	t.x, t.cells = t.x+len(t.text)-len(bare), t.cells-(len(t.text)-len(bare))
	t.text = strings.TrimRight(bare, " ")
	t.cells -= len(bare) - len(t.text)
	if t.text == "" {
		return
	}
	left = float64(t.x) * cellWidth
	extra := ""
	if t.bold {
		extra += ` font-weight="700"`
	}
	if t.line {
		extra += ` text-decoration="underline"`
	}
	p.printf(`<text x="%.1f" y="%.1f" fill="%s"%s textLength="%.1f">%s</text>`+"\n",
		left, top+baseline, t.front, extra, float64(t.cells)*cellWidth, escape(t.text))
}

// eighths are the blocks of bars, by how many eighths of a cell they fill.
const eighths = "▏▎▍▌▋▊▉█"

// corners are the ends of rounded corners, in cells from the middle of theirs: where the curve begins and where it ends.
var corners = map[string][4]float64{
	"╭": {0, .5, .5, 0}, "╮": {0, .5, -.5, 0}, "╰": {0, -.5, .5, 0}, "╯": {0, -.5, -.5, 0},
}

// shape draws a cell that is a part of a bar or of a border; false says that it is neither.
func (p *painter) shape(t piece, y int) bool {
	left, top := float64(t.x)*cellWidth, float64(y)*cellHeight
	if at := strings.Index(eighths, t.text); at >= 0 && t.text != " " {
		part := float64(at/len("█")+1) / 8
		p.printf(`<rect x="%.2f" y="%.1f" width="%.2f" height="%.1f" fill="%s"/>`+"\n",
			left, top+cellHeight*0.2, cellWidth*part, cellHeight*0.6, t.front)
		return true
	}
	middle, centre := left+cellWidth/2, top+cellHeight/2
	switch t.text {
	case "─":
		p.printf(`<rect x="%.1f" y="%.2f" width="%.1f" height="%.1f" fill="%s"/>`+"\n", left, centre-line/2, cellWidth, line, t.front)
		return true
	case "│":
		p.printf(`<rect x="%.2f" y="%.1f" width="%.1f" height="%.1f" fill="%s"/>`+"\n", middle-line/2, top, line, cellHeight, t.front)
		return true
	}
	c, ok := corners[t.text]
	if ok {
		p.printf(`<path d="M%.2f %.2fQ%.2f %.2f %.2f %.2f" fill="none" stroke="%s" stroke-width="%.1f"/>`+"\n",
			middle+c[0]*cellWidth, centre+c[1]*cellHeight, middle, centre, middle+c[2]*cellWidth, centre+c[3]*cellHeight, t.front, line)
	}
	return ok
}

func hex(c color.Color, otherwise string) string {
	if c == nil {
		return otherwise
	}
	r, g, b, _ := c.RGBA()
	return fmt.Sprintf("#%02x%02x%02x", r>>8, g>>8, b>>8)
}

func escape(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s))
	return b.String()
}
