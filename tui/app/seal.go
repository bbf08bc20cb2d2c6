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
	case keymap.Waive, keymap.Switch, keymap.Retry, keymap.Throttle:
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
		return fmt.Sprintf("run #%d %s: let it end or cancel it first", s.Run.ID, s.Run.State.Is())
	}
	return ""
}

// askSeal asks whether the engine is to be sealed, or opened again, and why.
func (m *Model) askSeal() {
	s := m.sight.Snapshot
	name := databaseName(s)
	then := func(title, verb string, take func(act engine.Act) func(string) tea.Cmd) func(string) tea.Cmd {
		return func(reason string) tea.Cmd {
			m.askName(title, verb, take(engine.Act{Reason: reason}))
			return nil
		}
	}
	if s.Sealed == nil {
		m.ask(widget.Form{Title: "Seal " + name + "?", Ask: "reason (optional)", Hint: m.hint(true), Text: []string{
			"No sync, tick or repair writes the engine from then on, in any process, until somebody opens it again. A tick under way ends " +
				"first. Looking and checking go on.",
		}}, choice("Cancel", nil), choice("Seal", then("Seal "+name+"?", "Seal", m.seal)))
		return
	}
	opens := then("Open "+name+" again?", "Open", func(act engine.Act) func(string) tea.Cmd { return m.unseal(act, false) })
	over := then("Open "+name+", and let others' rows be overwritten?", "Open", func(act engine.Act) func(string) tea.Cmd { return m.unseal(act, true) })
	m.ask(widget.Form{Title: "Open " + name + " again?", Ask: "reason (optional)", Hint: m.hint(true), Text: []string{
		"S" + strings.TrimPrefix(sealedWords(s.Sealed), "the engine is s") + ", since " + widget.When(s.Sealed.At, m.sight.Now) +
			". Ticks stay paused until somebody resumes them.",
	}}, choice("Cancel", nil), about("Open", "what others wrote meanwhile stays theirs", opens),
		about("Open, overwrite", "later runs may overwrite what others wrote", over))
}

// askName asks for the name of the engine database, typed, before something grave is done.
func (m *Model) askName(title, verb string, take func(typed string) tea.Cmd) {
	name := databaseName(m.sight.Snapshot)
	grave := choice(verb, take)
	grave.needs = "Type the name of the engine database: " + name
	grave.check = func(answer string) string {
		if answer != name {
			return "“" + answer + "” is not the name of the engine database: " + name
		}
		return ""
	}
	m.ask(widget.Form{Title: title, Ask: "type " + name, Hint: m.hint(false)}, choice("Cancel", nil), grave)
}

func databaseName(s *engine.Snapshot) string { return strings.TrimSpace(sanitize.Text(s.Database)) }

func (m *Model) seal(act engine.Act) func(string) tea.Cmd {
	return func(string) tea.Cmd {
		name := m.sight.Snapshot.Database
		return m.perform("seal "+name, act, func(ctx context.Context) (string, error) {
			return name + " is sealed", m.config.Operator.Seal(ctx, name, act)
		})
	}
}

func (m *Model) unseal(act engine.Act, overwrite bool) func(string) tea.Cmd {
	return func(string) tea.Cmd {
		name := m.sight.Snapshot.Database
		return m.perform("open "+name, act, func(ctx context.Context) (string, error) {
			done, err := m.config.Operator.Unseal(ctx, name, engine.UnsealOptions{Overwrite: overwrite}, act)
			return fmt.Sprintf("%s is open again; others wrote %s and deleted %s; the ticks are paused", name,
				widget.Plural(done.Written, "row", "rows"), widget.Count(done.Deleted)), err
		})
	}
}
