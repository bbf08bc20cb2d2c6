package app

import (
	"cmp"

	"github.com/charmbracelet/x/ansi"

	"ferry/engine"
	"ferry/themes"
	"ferry/tui/canvas"
	"ferry/tui/sanitize"
	"ferry/tui/widget"
)

// where names both databases. In a narrow window addresses lose their beginnings, never the marks behind them: that the
// source is only read, and that somebody else may be answering, must be seen.
func (m *Model) where(room int) canvas.Line {
	s := m.sight.Snapshot
	from, to := sanitize.Text(s.Source.Address), sanitize.Text(s.Target.Address)
	whole := m.named(from, to)
	if over := whole.Width() - room; over > 0 {
		source, target := shareOut(ansi.StringWidth(from), ansi.StringWidth(to), over)
		return m.named(ending(from, source), ending(to, target))
	}
	return whole
}

// shortAddress is what an address keeps at least.
const shortAddress = 6

// shareOut takes what is over from two widths, the wider one first.
func shareOut(a, b, over int) (int, int) {
	for ; over > 0 && max(a, b) > shortAddress; over-- {
		if a >= b {
			a--
		} else {
			b--
		}
	}
	return a, b
}

// ending is the end of an address, which names the database.
func ending(address string, width int) string {
	if over := ansi.StringWidth(address) - width; over > 0 {
		return ansi.TruncateLeft(address, over+1, "…")
	}
	return address
}

func (m *Model) named(source, target string) canvas.Line {
	s := m.sight.Snapshot
	l := canvas.Of(themes.Title, " "+m.config.Title)
	if s.Profile != "" {
		l.Put(themes.Accent, " "+s.Profile)
	}
	l.Put(themes.Text, "  ")
	side := func(address string, e engine.Endpoint) {
		l.Put(themes.Text, cmp.Or(address, widget.Unknown))
		if e.ReadOnly {
			l.Put(themes.Muted, " RO")
		}
		if e.Insecure {
			l.Put(themes.Warn, " unverified")
		}
	}
	side(source, s.Source)
	l.Put(themes.Muted, " → ")
	side(target, s.Target)
	return l
}
