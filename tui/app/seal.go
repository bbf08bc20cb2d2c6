package app

import (
	"context"
	"fmt"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"ferry/engine"
	"ferry/tui/keymap"
	"ferry/tui/sanitize"
	"ferry/tui/widget"
)

// sealedAgainst says that an action would write although the engine is sealed; empty: it is not, or the action does not write.
func sealedAgainst(s *engine.Snapshot, action keymap.Action) string {
	if s == nil || s.Sealed == nil {
		return ""
	}
	switch action { //nolint:exhaustive // the others write nothing that a run would write by
	case keymap.Waive, keymap.Switch, keymap.Retry:
		return sealedWords(s.Sealed)
	}
	return ""
}

// sealedWords say that the engine is sealed, and by whom.
func sealedWords(s *engine.SealView) string {
	return "the engine is sealed by " + s.By + because(s.Reason)
}

// sealRefusal says why the engine can be neither sealed nor opened now.
func sealRefusal(s *engine.Snapshot) string {
	switch {
	case s == nil || s.Sealed != nil:
		return ""
	case s.Unkeyed != 0:
		return fmt.Sprintf("first load #%d has left the tables without keys; it must come to its end first", s.Unkeyed)
	case s.Run != nil && s.Run.State.Active() && !s.Run.Scheduled:
		return fmt.Sprintf("run #%d %s: let it end or cancel it first", s.Run.ID, is(s.Run.State))
	}
	return ""
}

// askSeal asks to seal the engine, or to open it again; either wants the name of its database typed.
func (m *Model) askSeal() {
	s := m.sight.Snapshot
	name := strings.TrimSpace(sanitize.Text(s.Database))
	grave := func(o option) option {
		o.needs = "Type the name of the engine database: " + name
		o.check = func(answer string) string {
			if answer != name {
				return "“" + answer + "” is not the name of the engine database: " + name
			}
			return ""
		}
		return o
	}
	form := widget.Form{Title: "Seal " + name + "?", Ask: "type " + name, Hint: m.hint(false), Text: []string{
		"No sync, tick or repair writes the engine from then on, in any process, until somebody opens it again. A tick under way ends first. " +
			"Looking and checking go on.",
	}}
	if s.Sealed == nil {
		m.ask(form, choice("Cancel", nil), grave(choice("Seal", m.seal)))
		return
	}
	form.Title = "Open " + name + " again?"
	form.Text = []string{
		"S" + strings.TrimPrefix(sealedWords(s.Sealed), "the engine is s") + ", since " + widget.When(s.Sealed.At, m.sight.Now) +
			". What others wrote meanwhile stays as it is; ticks stay paused until somebody resumes them.",
	}
	m.ask(form, choice("Cancel", nil), grave(choice("Open", m.unseal(false))),
		grave(about("Open, overwrite", "later runs may overwrite what others wrote", m.unseal(true))))
}

func (m *Model) seal(typed string) tea.Cmd {
	name := m.sight.Snapshot.Database
	return m.perform("seal "+name, engine.Act{}, func(ctx context.Context) (string, error) {
		return name + " is sealed", m.config.Operator.Seal(ctx, typed, engine.Act{})
	})
}

func (m *Model) unseal(overwrite bool) func(string) tea.Cmd {
	return func(typed string) tea.Cmd {
		name := m.sight.Snapshot.Database
		return m.perform("open "+name, engine.Act{}, func(ctx context.Context) (string, error) {
			done, err := m.config.Operator.Unseal(ctx, typed, engine.UnsealOptions{Overwrite: overwrite}, engine.Act{})
			return fmt.Sprintf("%s is open again; others wrote %s and deleted %s; the ticks are paused", name,
				widget.Plural(done.Written, "row", "rows"), widget.Count(done.Deleted)), err
		})
	}
}
