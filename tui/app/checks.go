package app

import (
	"context"
	"fmt"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"ferry/engine"
	"ferry/tui/screen"
	"ferry/tui/status"
	"ferry/tui/widget"
)

// Prover is what it takes to prove the engine right and to mend it; an engine.Operator is one.
type Prover interface {
	engine.Checker
	engine.DiscrepancyDesk
	engine.Repairer
}

// briefCheck is how long a check may take that is begun between two other things.
const briefCheck = 10 * time.Minute

// checkRun is the run of the check that a snapshot shows, or nil.
func checkRun(s *engine.Snapshot) *engine.RunView {
	if s == nil || s.Check == nil {
		return nil
	}
	return &s.Check.RunView
}

// checkOptions begin a check beside whatever else runs.
func (m *Model) checkOptions() []option {
	if m.prover == nil {
		return nil
	}
	busy, line := m.unkeyed(), "prove every row, beside whatever runs"
	switch check := m.sight.Checking(); {
	case check != nil && !check.Rolling:
		busy = fmt.Sprintf("check #%d %s", check.ID, check.State.Is())
	case m.run() == nil:
		busy = "nothing has been loaded that could be checked"
	}
	if s := m.sight.Snapshot.Schedule; busy == "" && (s.Paused() || len(s.Keepers) == 0) {
		line += "; no tick comes by itself, so it runs one to be sure"
	}
	start := func(most time.Duration, doing string) func(string) tea.Cmd {
		return func(reason string) tea.Cmd {
			return m.perform(doing, engine.Act{}, func(ctx context.Context) (string, error) {
				id, err := m.prover.StartCheck(ctx, engine.CheckOptions{Reason: reason, MaxDuration: most})
				return fmt.Sprintf("check #%d was queued", id), err
			})
		}
	}
	return []option{
		about("check everything", line, start(0, "check everything")).barred(busy),
		about("check for at most "+widget.Duration(briefCheck), "then it ends with what it has covered", start(briefCheck, "check")).barred(busy),
	}
}

// checkPauseOptions pause the check that is under way, or let it go on.
func (m *Model) checkPauseOptions() []option {
	check := m.sight.Checking()
	if check == nil {
		return nil
	}
	seen, verb, act, line := engine.Act{Run: check.ID, Seen: check.State}, "pause", m.config.Operator.Pause, "what it has compared stays proven"
	if check.State.Resumable() {
		verb, act, line = "resume", m.config.Operator.Resume, became(check.State)+whoWhy(check.StateBy, check.Reason)
	}
	name := fmt.Sprintf("check #%d", check.ID)
	return []option{about(verb+" "+name, line, func(reason string) tea.Cmd {
		seen.Reason = reason
		return m.perform(verb+" "+name, seen, func(ctx context.Context) (string, error) {
			return "asked to " + verb + " " + name, act(ctx, seen)
		})
	})}
}

// askCancelOf asks to cancel the run; while a check is under way too, it asks which of both.
func (m *Model) askCancelOf(run *engine.RunView) {
	check := m.sight.Checking()
	opened := false
	if c, ok := m.screens[m.current].(screen.Chooser); ok && m.help == nil {
		opened = c.Run() != nil
	}
	switch {
	case check == nil || (opened && run.ID != check.ID && run.State.Active()):
		m.askCancel(run)
		return
	case run == nil || !run.State.Active() || run.ID == check.ID:
		m.askCancelCheck(check)
		return
	}
	cancel := func(id engine.RunID, state engine.RunState, what string) option {
		seen := engine.Act{Run: id, Seen: state}
		return about("cancel "+what, "it is "+status.State(state).Sign().Word, func(reason string) tea.Cmd {
			seen.Reason = reason
			return m.perform("cancel "+what, seen, func(ctx context.Context) (string, error) {
				return "asked to cancel " + what, m.config.Operator.Cancel(ctx, seen)
			})
		})
	}
	m.ask(widget.Form{Title: "Cancel which one for everyone?", Ask: "reason (optional)", Hint: m.hint(true)},
		about("Keep both running", "change nothing", nil),
		cancel(run.ID, run.State, name(run)),
		cancel(check.ID, check.State, fmt.Sprintf("check #%d", check.ID)))
}

// askCancelCheck asks to cancel a check.
func (m *Model) askCancelCheck(check *engine.CheckView) {
	seen, what := engine.Act{Run: check.ID, Seen: check.State}, fmt.Sprintf("check #%d", check.ID)
	m.ask(widget.Form{
		Title: "Cancel " + what + " for everyone?", Ask: "reason (optional)", Hint: m.hint(true),
		Text: []string{"What it has compared stays proven; it can be resumed later."},
	},
		choice("Keep it running", nil),
		choice("Cancel check", func(reason string) tea.Cmd {
			seen.Reason = reason
			return m.perform("cancel "+what, seen, func(ctx context.Context) (string, error) {
				return "asked to cancel " + what, m.config.Operator.Cancel(ctx, seen)
			})
		}))
	m.dialog.about, m.dialog.seen = check.ID, check.State
}
