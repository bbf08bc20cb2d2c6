package themes

import (
	"maps"

	"github.com/muesli/termenv"
)

// sixteen names the palette of the terminal's own sixteen colours.
func sixteen(dark bool) string {
	if dark {
		return ANSI16
	}
	return ANSI16Light
}

// For is the palette as a terminal can show it: with so many colours, on a dark background or a light one.
//
//   - True colours: as it is.
//   - 256: each colour is the nearest one that keeps the palette's contrast.
//   - 16: these are the terminal owner's, and nothing near them can be relied on. The palette of the sixteen colours
//     stands in, with those looks that this palette names for such terminals.
//   - None: nothing at all; words and glyphs say everything.
//
// The canvas is painted if the palette wants that, or is made for another background.
func (t Theme) For(colours termenv.Profile, dark bool) Theme {
	switch {
	case colours == termenv.Ascii:
		t.Role, t.ANSI = nil, nil
		return t
	case t.terminals():
		t.Paint = false
		return t
	case colours == termenv.ANSI:
		return t.in16(dark)
	}
	t.Paint = t.Paint || IsDark(t.Canvas) != dark
	if colours == termenv.ANSI256 {
		t = t.in256()
	}
	if t.Paint {
		t = t.painted()
	}
	return t
}

// terminals reports whether the palette has only colours that are the terminal's own, whose background is too.
func (t Theme) terminals() bool {
	for _, look := range t.Role {
		for _, colour := range []string{look.FG, look.BG} {
			if colour != "" && !isOneOf16(colour) {
				return false
			}
		}
	}
	return true
}

func (t Theme) in16(dark bool) Theme {
	own, stand := t.ANSI, builtInSet()[sixteen(dark)]
	stand.Name = t.Name
	stand.Role = maps.Clone(stand.Role)
	if IsDark(t.Canvas) == dark {
		maps.Copy(stand.Role, own)
	}
	return stand
}

func (t Theme) in256() Theme {
	if t.Paint {
		t.Canvas = nearest(t.Canvas, "", 0)
		t.Ink = nearest(t.Ink, t.Canvas, t.Contrast)
	}
	looks := make(map[string]Look, len(t.Role))
	for _, role := range Roles() {
		look := t.Look(role)
		look.BG = nearest(look.BG, "", 0)
		back := look.BG
		if back == "" {
			back = t.Canvas
		}
		look.FG = nearest(look.FG, back, t.least(role))
		looks[role.String()] = look
	}
	t.Role = looks
	return t
}

// painted gives every role the canvas for its background, and ink where it has no colour.
func (t Theme) painted() Theme {
	looks := make(map[string]Look, len(t.Role))
	for name, look := range t.Role {
		if look.FG == "" {
			look.FG = t.Ink
		}
		if look.BG == "" {
			look.BG = t.Canvas
		}
		looks[name] = look
	}
	t.Role = looks
	return t
}
