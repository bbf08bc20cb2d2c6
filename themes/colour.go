package themes

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"

	"github.com/lucasb-eyer/go-colorful"
)

// value24 is a colour as one number, 0xrrggbb.
func value24(colour string) (int, error) {
	if number, err := strconv.Atoi(colour); err == nil && number >= 0 && number < len(xterm) {
		return xterm[number], nil
	}
	value, err := strconv.ParseUint(strings.TrimPrefix(colour, "#"), 16, 24)
	if err != nil || len(colour) != len("#rrggbb") || colour[0] != '#' {
		return 0, fmt.Errorf("colour %q: write #rrggbb, or 0 to 255", colour)
	}
	return int(value), nil
}

// rgb splits a colour into its parts, 0 … 255.
func rgb(colour string) (r, g, b int, err error) {
	value, err := value24(colour)
	return value >> 16, value >> 8 & 0xff, value & 0xff, err
}

// isOneOf16 reports whether a colour is the terminal's own.
func isOneOf16(colour string) bool {
	number, err := strconv.Atoi(colour)
	return err == nil && number >= 0 && number < 16
}

// IsDark reports whether light text is read on a colour rather than dark text.
func IsDark(colour string) bool { return Contrast(colour, "#ffffff") >= Contrast(colour, "#000000") }

// Distance is how different two colours look, by CIEDE2000 in its usual unit: 1 can just be told apart side by side, 100
// are black and white.
func Distance(a, b string) float64 { return mixed(a).DistanceCIEDE2000(mixed(b)) * 100 }

func mixed(colour string) colorful.Color {
	r, g, b, _ := rgb(colour) // what is no colour is black
	return colorful.Color{R: float64(r) / 255, G: float64(g) / 255, B: float64(b) / 255}
}

// xterm is what the 256 colours look like where nobody changed them; nobody changes those from 16 on.
var xterm = func() (all [256]int) {
	copy(all[:], []int{
		0x000000, 0xcd0000, 0x00cd00, 0xcdcd00, 0x0000ee, 0xcd00cd, 0x00cdcd, 0xe5e5e5,
		0x7f7f7f, 0xff0000, 0x00ff00, 0xffff00, 0x5c5cff, 0xff00ff, 0x00ffff, 0xffffff,
	})
	steps := [6]int{0x00, 0x5f, 0x87, 0xaf, 0xd7, 0xff}
	for i := range 216 {
		all[16+i] = steps[i/36]<<16 | steps[i/6%6]<<8 | steps[i%6]
	}
	for i := range 24 {
		all[232+i] = (8 + 10*i) * 0x010101
	}
	return all
}()

// nearest is the one of the 240 fixed colours that looks most like a colour among those that keep a contrast to another;
// an empty one asks for no contrast.
func nearest(colour, against string, contrast float64) string {
	if _, err := strconv.Atoi(colour); err == nil || colour == "" {
		return colour
	}
	key := fmt.Sprint(colour, against, contrast)
	if known, ok := found.Load(key); ok {
		best, _ := known.(string) // nothing else is kept there
		return best
	}
	best, least, wanted := "", math.Inf(1), okLab(colour)
	all := fixed()
	for i := 16; i < len(xterm); i++ {
		candidate := strconv.Itoa(i)
		if against != "" && Contrast(candidate, against) < contrast {
			continue
		}
		if d := apart(wanted, all[i]); d < least {
			best, least = candidate, d
		}
	}
	found.Store(key, best)
	return best
}

// okLab is a colour in a space where what is near looks alike.
func okLab(colour string) (lab [3]float64) {
	lab[0], lab[1], lab[2] = mixed(colour).OkLab()
	return lab
}

// fixed are the 256 colours in that space.
var fixed = sync.OnceValue(func() (all [256][3]float64) {
	for i := range all {
		all[i] = okLab(strconv.Itoa(i))
	}
	return all
})

// apart is the square of how far two colours are from each other there.
func apart(a, b [3]float64) float64 {
	l, x, y := a[0]-b[0], a[1]-b[1], a[2]-b[2]
	return l*l + x*x + y*y
}

// found keeps what was found: a console tries on every palette while one is chosen.
var found sync.Map
