package app

import (
	"slices"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"ferry/engine"
	"ferry/tui/keymap"
	"ferry/tui/screen"
	"ferry/tui/widget"
)

// command is one thing that the palette can do.
type command struct {
	name  string
	key   string // that does it without the palette; empty: none
	about string
	bar   string // why it cannot be done now; empty: it can
	take  func() tea.Cmd
}

// commands lists everything that can be done: every action by its name, what the start and pause menus offer, themes, policies
// and, where one is typed, a card.
func (m *Model) commands(typed string) []command {
	var out []command
	if card := cardTyped(typed); card != (engine.CardKey{}) && m.refusal(keymap.Card) == "" {
		out = append(out, command{
			name: "card " + screen.CardName(card), key: m.keys.Key(keymap.Card), about: "go to this card",
			take: func() tea.Cmd { m.openCard(card); return nil },
		})
	}
	for _, b := range m.keys.Bindings() {
		if b.Scope == keymap.Forms || b.Scope == keymap.Fields || b.Action == keymap.Palette || b.Scope == keymap.Replays && m.config.Replay == nil {
			continue
		}
		out = append(out, command{
			name: string(b.Action), key: keymap.Name(b.Keys[0]), about: b.Long, bar: m.refusal(b.Action),
			take: func() tea.Cmd { return m.do(b.Action) },
		})
	}
	out = append(out, m.offered(keymap.Start)...)
	out = append(out, m.offered(keymap.Pause)...)
	out = append(append(out, m.rejectedCommands()...), m.exportCommands()...)
	return append(append(out, m.themeCommands()...), m.policyCommands()...)
}

// rejectedCommands show the rows of each reason for which there are any in quarantine, and have them read again.
func (m *Model) rejectedCommands() []command {
	var at int
	var shower screen.ReasonShower
	for i, s := range m.screens {
		if show, ok := s.(screen.ReasonShower); ok {
			at, shower = i, show
		}
	}
	if shower == nil || m.sight.Snapshot == nil {
		return nil
	}
	bar := m.hinders(keymap.Retry)
	if bar == "" {
		bar = sealedAgainst(m.sight.Snapshot, keymap.Retry)
	}
	var shown, again []command
	for _, r := range m.sight.Snapshot.Reasons {
		show := func() tea.Cmd {
			cmd := m.show(at)
			shower.ShowReason(r)
			return cmd
		}
		rows := widget.Plural(r.Rows, "row", "rows") + " of " + r.Entity
		shown = append(shown, command{name: "show rejected " + r.Reason, key: m.keys.Key(keymap.Quarantine), about: rows, take: show})
		again = append(again, command{
			name: "retry rejected " + r.Reason, key: m.keys.Key(keymap.Retry), about: "read again: " + rows, bar: bar,
			take: func() tea.Cmd {
				cmd := show()
				m.askRetryRows(&screen.Selection{Reason: r, Title: r.Reason})
				return cmd
			},
		})
	}
	return append(shown, again...)
}

// exportCommands write all discrepancies of an entity and a cause to a file.
func (m *Model) exportCommands() []command {
	if m.prover == nil || m.sight.Snapshot == nil {
		return nil
	}
	bar := m.sight.Hinders()
	var out []command
	for _, cause := range []engine.Cause{
		engine.CauseMissing, engine.CauseExtra, engine.CauseField, engine.CauseQuarantined, engine.CauseWaitingParent,
		engine.CauseDeletedAtSource, engine.CauseWrittenOnTarget,
	} {
		for _, e := range m.sight.Snapshot.Entities {
			found := screen.Found{
				Name: "all of " + e.Name + ": " + string(cause), Short: "all", Of: e.Name + ": " + string(cause),
				Which: engine.DiscrepancySelection{Entity: e.Name, Cause: cause},
			}
			out = append(out, command{
				name: "export " + string(cause) + " " + e.Name, about: "discrepancies, to a file", bar: bar,
				take: func() tea.Cmd {
					m.askExport([]screen.Found{found})
					return nil
				},
			})
		}
	}
	return out
}

// cardTyped is the card that is typed behind "card", or as a number alone; the zero key: none is.
func cardTyped(typed string) engine.CardKey {
	typed = strings.TrimSpace(typed)
	if first, rest, behind := strings.Cut(typed, " "); behind && strings.EqualFold(first, "card") && strings.TrimSpace(rest) != "" {
		return screen.ParseCard(rest)
	}
	if typed != "" && strings.Trim(typed, "0123456789") == "" {
		return screen.ParseCard(typed)
	}
	return engine.CardKey{}
}

// offered lists what the menu of an action offers now. To take one opens the menu with that choice under the cursor.
func (m *Model) offered(action keymap.Action) []command {
	if m.refusal(action) != "" {
		return nil
	}
	kept := m.dialog
	m.dialog = nil
	if _, taken := m.aboutRehearsal(action); !taken {
		m.question(action)
	}
	menu := m.dialog
	m.dialog = kept
	if menu == nil {
		return nil
	}
	var out []command
	for _, o := range menu.options {
		if o.take == nil {
			continue
		}
		name := o.choice.Name
		if strings.HasSuffix(name, " sync") {
			name = string(action) + " " + name
		}
		out = append(out, command{
			name: strings.ToLower(name), key: m.keys.Key(action), about: o.choice.About, bar: o.bar,
			take: func() tea.Cmd {
				cmd := m.do(action)
				if m.dialog != nil {
					m.dialog.focus(o.choice.Name)
				}
				return cmd
			},
		})
	}
	return out
}

func (m *Model) themeCommands() []command {
	if m.refusal(keymap.Theme) != "" {
		return nil
	}
	var out []command
	for i, theme := range m.config.Themes {
		line := "draw in these colours"
		if i == m.theme {
			line = "in use"
		}
		out = append(out, command{name: "set theme " + theme.Name, about: line, take: func() tea.Cmd { m.setTheme(i); return nil }})
	}
	return out
}

func (m *Model) policyCommands() []command {
	if m.sight.Snapshot == nil {
		return nil
	}
	bar := m.refusal(keymap.Throttle) // it is a policy like the others
	var out []command
	for _, p := range m.sight.Snapshot.Policies {
		line := "now " + p.Value
		if p.Value != p.Default {
			line += ", default " + p.Default
		}
		out = append(out, command{
			name: "set policy " + p.Name, about: line, bar: bar,
			take: func() tea.Cmd { m.askPolicy(p.Name); return nil },
		})
	}
	return out
}

// used puts a command first in the palette from now on.
func (m *Model) used(name string) {
	m.recent = append([]string{name}, slices.DeleteFunc(m.recent, func(s string) bool { return s == name })...)
	m.recent = m.recent[:min(len(m.recent), recentShown)]
}

const recentShown = 5

// unused says why an action changed nothing; empty: that is how it should be.
func (m *Model) unused(action keymap.Action) string {
	switch action { //nolint:exhaustive // the others work on what is shown
	case keymap.Open:
		return "nothing is selected that could be opened"
	case keymap.Back, keymap.Up, keymap.Down, keymap.Left, keymap.Right, keymap.PageUp, keymap.PageDown, keymap.Top, keymap.Bottom,
		keymap.Next, keymap.Previous:
		return "" // it is at the end, or at the beginning, already
	case m.screens[m.current].Tab().Action:
		return "this screen is shown already"
	}
	return "there is nothing here yet that it could be about"
}
