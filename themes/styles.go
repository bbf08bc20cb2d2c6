package themes

import (
	"strings"

	"github.com/charmbracelet/lipgloss"
)

// Styles are a palette made ready for one terminal: what to write before and after text of each role. On a terminal
// without colours, or under NO_COLOR, that is nothing at all.
type Styles struct {
	Theme Theme
	open  [roleCount]string
	shut  [roleCount]string
}

// Styles prepares the palette for a renderer, which must come from termprobe; see For.
func (t Theme) Styles(r *lipgloss.Renderer) Styles {
	styles := Styles{Theme: t}
	shown := t.For(r.ColorProfile(), r.HasDarkBackground())
	for _, role := range Roles() {
		look := shown.Look(role)
		style := r.NewStyle().Bold(look.Bold).Reverse(look.Reverse).Underline(look.Underline)
		if look.FG != "" {
			style = style.Foreground(lipgloss.Color(look.FG))
		}
		if look.BG != "" {
			style = style.Background(lipgloss.Color(look.BG))
		}
		// The codes around a letter that no code contains are the codes around any text; asking once keeps View cheap.
		styles.open[role], styles.shut[role], _ = strings.Cut(style.Render("x"), "x")
	}
	return styles
}

// Paint writes text in the look of a role. The text must have been through package sanitize.
func (s *Styles) Paint(b *strings.Builder, role Role, text string) {
	b.WriteString(s.open[role])
	b.WriteString(text)
	b.WriteString(s.shut[role])
}
