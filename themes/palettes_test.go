package themes_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/muesli/termenv"
	"github.com/stretchr/testify/require"

	"ferry/themes"
)

var profiles = []termenv.Profile{termenv.TrueColor, termenv.ANSI256, termenv.ANSI, termenv.Ascii}

// telling are the roles that must never be taken for each other.
var telling = []themes.Role{themes.OK, themes.Warn, themes.Bad, themes.Selection}

// On every terminal what is well, what is doubtful, what is bad and what is selected look different, whatever palette was
// chosen, and all text keeps the contrast that the palette promises.
func TestEveryPaletteOnEveryTerminal(t *testing.T) {
	t.Parallel()
	const apart, visible = 15, 9 // by CIEDE2000
	for name, theme := range themes.BuiltIn() {
		for _, profile := range profiles {
			for _, dark := range []bool{true, false} {
				what := fmt.Sprintf("%s, %v, dark %v", name, profile.Name(), dark)
				shown := theme.For(profile, dark)
				if profile == termenv.Ascii {
					require.Empty(t, shown.Role, what)
					continue
				}
				require.Empty(t, shown.Faults(), what)
				for i, a := range telling {
					for _, b := range telling[i+1:] {
						one, other := shown.Look(a), shown.Look(b)
						require.NotEqual(t, one, other, "%s: %s and %s", what, a, b)
						if one.FG != "" && other.FG != "" && one.BG == other.BG && one.Reverse == other.Reverse {
							require.Greater(t, themes.Distance(one.FG, other.FG), float64(apart), "%s: %s and %s", what, a, b)
						}
					}
				}
				require.NotEqual(t, shown.Look(themes.Text), shown.Look(themes.Selection), what)
				if bar := shown.Look(themes.Selection).BG; bar != "" {
					require.Greater(t, themes.Distance(bar, shown.Canvas), float64(visible), "%s: the bar of what is selected", what)
				}
			}
		}
	}
}

// Where a palette is not made for the background that lies behind the text, it brings its own.
func TestACanvasIsPaintedWhereItIsNeeded(t *testing.T) {
	t.Parallel()
	all := themes.BuiltIn()
	for _, c := range []struct {
		name    string
		dark    bool
		painted bool
	}{
		{themes.DefaultDark, true, false},
		{themes.DefaultDark, false, true},
		{themes.DefaultLight, true, true},
		{themes.DefaultLight, false, false},
		{"nord", true, true},
		{"ansi16", false, false},
		{"mono", true, false},
	} {
		for _, profile := range []termenv.Profile{termenv.TrueColor, termenv.ANSI256} {
			for _, role := range themes.Roles() {
				if look := all[c.name].For(profile, c.dark).Look(role); role != themes.Selection {
					require.Equal(t, c.painted, look.BG != "", "%+v %s", c, role)
				}
			}
		}
		require.Empty(t, all[c.name].For(termenv.ANSI, c.dark).Look(themes.Text).BG, "sixteen colours stand on the terminal's own")
	}
}

// dichromats are the full deficiencies as matrices over linear red, green and blue, by Machado, Oliveira and Fernandes
// (2009).
var dichromats = map[string][9]float64{
	"protanopia":   {0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998},
	"deuteranopia": {0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.011820, 0.042940, 0.968881},
	"tritanopia":   {1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602, 0.004733, 0.691367, 0.303900},
}

// seen is a colour as an eye with a deficiency sees it.
func seen(t *testing.T, colour string, m [9]float64) string {
	t.Helper()
	var parts [3]uint8
	_, err := fmt.Sscanf(colour, "#%02x%02x%02x", &parts[0], &parts[1], &parts[2])
	require.NoError(t, err, colour)
	var linear [3]float64
	for i, part := range parts {
		linear[i] = math.Pow((float64(part)/255+0.055)/1.055, 2.4)
	}
	var out [3]int
	for i := range 3 {
		v := m[3*i]*linear[0] + m[3*i+1]*linear[1] + m[3*i+2]*linear[2]
		out[i] = int(math.Round(255 * max(0, 1.055*math.Pow(max(0, min(1, v)), 1/2.4)-0.055)))
	}
	return fmt.Sprintf("#%02x%02x%02x", out[0], out[1], out[2])
}

func TestColourBlindEyesTellWellFromBad(t *testing.T) {
	t.Parallel()
	theme := themes.BuiltIn()["colour-blind"]
	for name, m := range dichromats {
		for _, pair := range [][2]themes.Role{{themes.OK, themes.Warn}, {themes.OK, themes.Bad}, {themes.Warn, themes.Bad}} {
			a, b := theme.Look(pair[0]).FG, theme.Look(pair[1]).FG
			require.Greater(t, themes.Distance(seen(t, a, m), seen(t, b, m)), 20.0, "%s: %v", name, pair)
			require.Greater(t, themes.Contrast(a, b), 1.35, "%s: %v differ in lightness too", name, pair)
			require.Greater(t, themes.Contrast(seen(t, a, m), seen(t, b, m)), 1.3, "%s: %v, likewise to these eyes", name, pair)
		}
	}
}
