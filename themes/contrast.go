package themes

import (
	"fmt"
	"math"
)

// maxContrast is that of black and white.
const maxContrast = 21

// decorative are the roles that carry no text: what they show is also said in words beside them.
var decorative = map[Role]float64{BarFill: 3, BarRest: 1.3, Border: 1.3}

// least is the contrast that a role must keep to its background.
func (t Theme) least(role Role) float64 {
	if least, ok := decorative[role]; ok {
		return least
	}
	return t.Contrast
}

// Faults lists the roles whose contrast is below what the palette promises.
func (t Theme) Faults() []string {
	var faults []string
	for _, role := range Roles() {
		want, look := t.least(role), t.Look(role)
		front, back := look.FG, look.BG
		if front == "" {
			front = t.Ink
		}
		if back == "" {
			back = t.Canvas
		}
		if got := Contrast(front, back); got < want {
			faults = append(faults, fmt.Sprintf("%s: %s on %s has %.2f, wants %.1f", role, front, back, got, want))
		}
	}
	return faults
}

// Contrast is the ratio of two colours by the rules of WCAG 2, 1 … 21; 0 where one is not a colour.
func Contrast(a, b string) float64 {
	first, okA := luminance(a)
	second, okB := luminance(b)
	if !okA || !okB {
		return 0
	}
	return (max(first, second) + 0.05) / (min(first, second) + 0.05)
}

func luminance(colour string) (float64, bool) {
	r, g, b, err := rgb(colour)
	if err != nil {
		return 0, false
	}
	return 0.2126*linear(r) + 0.7152*linear(g) + 0.0722*linear(b), true
}

func linear(part int) float64 {
	v := float64(part) / 255
	if v <= 0.04045 {
		return v / 12.92
	}
	return math.Pow((v+0.055)/1.055, 2.4)
}
