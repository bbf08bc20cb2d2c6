package app

import (
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"ferry/engine"
	"ferry/tui/status"
	"ferry/tui/widget"
)

// askQuit leaves at once, unless something is at work in this process.
func (m *Model) askQuit() tea.Cmd {
	if !m.worksHere() {
		return m.leave(ExitQuit)
	}
	headless := "the work goes on here without a console; open one any time"
	if run := m.run(); m.runHere() && still(run) {
		headless = "without a console this process waits until the run goes on, and works on it then"
	}
	m.ask(widget.Form{Title: "Leave? " + m.atWork(), Hint: m.hint(false)},
		about("stay", "back to the console", nil),
		about("leave it running", headless, func(string) tea.Cmd { return m.leave(ExitHeadless) }),
		about("drain and stop", "batches in flight end, then this process stops; "+m.afterDrain(),
			func(string) tea.Cmd { return m.leave(ExitDrain) }))
	return nil
}

func (m *Model) leave(how Exit) tea.Cmd {
	m.exit = how
	return tea.Quit
}

// worksHere reports whether something would stop, or lose workers, if this process ended.
func (m *Model) worksHere() bool { return m.config.Replay == nil && (m.runHere() || m.keepsHere()) }

// runHere reports whether a run would lose workers.
func (m *Model) runHere() bool {
	run := m.run()
	return run != nil && run.State.Active() && m.sight.Snapshot.Process.Workers > 0
}

// keepsHere reports whether this process starts ticks.
func (m *Model) keepsHere() bool { return m.sight.Snapshot != nil && m.sight.Snapshot.Schedule.Here }

// still reports whether an active run does nothing until somebody acts on it.
func still(run *engine.RunView) bool {
	return run.State == engine.RunPaused || run.State == engine.RunAsking
}

// atWork says what this process is at.
func (m *Model) atWork() string {
	switch run := m.run(); {
	case !m.runHere():
		return "This process starts the ticks"
	case still(run):
		text := name(run) + " is " + status.State(run.State).Sign().Word
		if run.State == engine.RunAsking {
			text = name(run) + " needs an answer"
		}
		return strings.ToUpper(text[:1]) + text[1:]
	default:
		return "This process works on " + name(run)
	}
}

func (m *Model) workersAlive() bool {
	for _, w := range m.sight.Snapshot.Workers {
		if w.Works() {
			return true
		}
	}
	return false
}

// afterDrain says what becomes of the work without this process.
func (m *Model) afterDrain() string {
	var parts []string
	if m.runHere() {
		parts = append(parts, m.runAfterDrain())
	}
	if s := m.sight.Snapshot.Schedule; m.keepsHere() {
		switch {
		case s.Paused():
		case len(s.Keepers) > 1:
			parts = append(parts, "others start the ticks")
		default:
			parts = append(parts, "no tick comes by itself any more")
		}
	}
	if len(parts) == 0 {
		return "nothing else changes"
	}
	return strings.Join(parts, "; ")
}

func (m *Model) runAfterDrain() string {
	switch run := m.run(); run.State {
	case engine.RunPaused, engine.RunPausing:
		return "the run stays paused"
	case engine.RunAsking:
		return "the run still needs its answer"
	case engine.RunQueued, engine.RunPlanning, engine.RunRunning, engine.RunInterrupted, engine.RunCancelled, engine.RunFailed, engine.RunDone:
	}
	for _, w := range m.sight.Snapshot.Workers {
		if w.Works() && !w.Here {
			return "other workers go on with the run"
		}
	}
	return "the run is interrupted and can be resumed"
}
