package app

import (
	"context"
	"fmt"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"ferry/engine"
	"ferry/tui/screen"
	"ferry/tui/status"
	"ferry/tui/widget"
)

func name(run *engine.RunView) string { return fmt.Sprintf("run #%d", run.ID) }

// askStart is the start menu. It names both databases and says what will happen, so choosing is enough: nothing is asked
// twice, for a sync that was not wanted can be cancelled and harms nothing.
func (m *Model) askStart() {
	s := m.sight.Snapshot
	items := []option{{
		widget.Choice{Name: "full sync", About: "read every row of the source, write what differs"},
		m.startFull,
	}}
	if run := m.subject(); run != nil && run.State.Resumable() {
		items = append(items, option{
			widget.Choice{Name: fmt.Sprintf("resume #%d", run.ID), About: fmt.Sprintf("it was %s; go on where it stood", run.State)},
			func(string) tea.Cmd { m.askPause(run); return nil },
		})
	}
	text := []string{s.Source.Address + " → " + s.Target.Address}
	if !m.workersAlive() {
		text = append(text, "No worker is alive: the run would wait in the queue until one is.")
	}
	m.ask(widget.Form{Title: "Start", Text: text, Ask: "reason (optional)", Hint: m.hint(true)}, items...)
}

func (m *Model) startFull(reason string) tea.Cmd {
	return m.perform("start a full sync", engine.Act{}, func(ctx context.Context) (string, error) {
		id, err := m.config.Operator.StartFull(ctx, engine.StartOptions{Reason: reason})
		return fmt.Sprintf("run #%d is queued", id), err
	})
}

// askPause asks to pause a run, or to resume it.
func (m *Model) askPause(run *engine.RunView) {
	switch {
	case run.State == engine.RunPausing:
		m.askAct(run, "Resume", "resume", "It is about to pause. Resuming lets it go on.", m.config.Operator.Resume)
	case run.State.Resumable():
		text := fmt.Sprintf("It is %s. It goes on where it stood: what is done is not done again.", run.State)
		if !m.workersAlive() {
			text += " No worker is alive: it would wait until one is."
		}
		m.askAct(run, "Resume", "resume", text, m.config.Operator.Resume)
	default:
		m.askAct(run, "Pause", "pause", "Batches in flight end first; then nothing is read or written until somebody resumes it, "+
			"here or in any other console.", m.config.Operator.Pause)
	}
}

func (m *Model) askCancel(run *engine.RunView) {
	m.askAct(run, "Cancel run", "cancel", "Batches that have not begun to commit are refused. Rows already written stay, and the run "+
		"can be resumed later.", m.config.Operator.Cancel)
}

// askAct asks for an action on a run, and takes it on the run in the state that the operator sees now.
func (m *Model) askAct(run *engine.RunView, verb, doing, text string, act func(context.Context, engine.Act) error) {
	about, seen := name(run), engine.Act{Run: run.ID, Seen: run.State}
	title := fmt.Sprintf("%s #%d for everyone?", verb, run.ID)
	if doing != "cancel" {
		title = fmt.Sprintf("%s %s for everyone?", verb, about)
	}
	m.ask(widget.Form{Title: title, Text: []string{text}, Ask: "reason (optional)", Hint: m.hint(true)},
		option{widget.Choice{Name: map[bool]string{true: "Keep it running", false: "Cancel"}[doing == "cancel"]}, nil},
		option{widget.Choice{Name: verb}, func(reason string) tea.Cmd {
			seen.Reason = reason
			return m.perform(doing+" "+about, seen, func(ctx context.Context) (string, error) {
				return "asked to " + doing + " " + about, act(ctx, seen)
			})
		}})
	m.dialog.about, m.dialog.seen = run.ID, run.State
}

// askRetry asks to hand the selected batch out again.
func (m *Model) askRetry() {
	chooser, ok := m.screens[m.current].(screen.Chooser)
	if !ok || chooser.Run() == nil || chooser.Batch() == nil {
		return
	}
	run, batch := chooser.Run(), chooser.Batch().ID
	seen := engine.Act{Run: run.ID, Seen: run.State}
	about := fmt.Sprintf("batch %d of %s", batch, name(run))
	text := "It is handed out again at once, instead of when its turn comes."
	if run.State.Ended() {
		text = fmt.Sprintf("%s is %s: it is resumed, and this batch with everything else that is not done.", name(run), run.State)
		text = strings.ToUpper(text[:1]) + text[1:]
	}
	m.ask(widget.Form{Title: "Retry " + about + "?", Text: []string{text}, Ask: "reason (optional)", Hint: m.hint(true)},
		option{widget.Choice{Name: "Cancel"}, nil},
		option{widget.Choice{Name: "Retry"}, func(reason string) tea.Cmd {
			seen.Reason = reason
			return m.perform("retry "+about, seen, func(ctx context.Context) (string, error) {
				return "asked to retry " + about, m.config.Operator.RetryBatch(ctx, seen, batch)
			})
		}})
	m.dialog.about, m.dialog.seen = run.ID, run.State
}

// askConnect leaves to edit the addresses; if a run is at work here it asks first.
func (m *Model) askConnect() tea.Cmd {
	if !m.worksHere() {
		return m.leave(ExitConnect)
	}
	m.ask(widget.Form{
		Title: "Edit the addresses? This process works on " + name(m.run()),
		Text:  []string{"Its batches in flight end first; " + m.afterDrain() + "."},
		Hint:  m.hint(false),
	},
		option{widget.Choice{Name: "Cancel"}, nil},
		option{widget.Choice{Name: "Drain and edit"}, func(string) tea.Cmd { return m.leave(ExitConnect) }})
	return nil
}

func (m *Model) askInit() {
	verb, text := "Initialise", "Makes the ferry schema, and the engine's tables where they are absent. The source is not touched."
	if m.sight.Snapshot.Setup == engine.SetupOlder {
		verb, text = "Migrate", "Brings the ferry schema to this program's version. Loaded rows stay as they are."
	}
	m.ask(widget.Form{
		Title: verb + " " + m.sight.Snapshot.Target.Address + "?",
		Text:  []string{text},
		Hint:  m.hint(false),
	},
		option{widget.Choice{Name: "Cancel"}, nil},
		option{widget.Choice{Name: verb}, func(string) tea.Cmd {
			return m.perform("initialise the engine database", engine.Act{}, func(ctx context.Context) (string, error) {
				return "the engine database is initialised", m.config.Operator.Init(ctx)
			})
		}})
}

// askQuit leaves at once, unless a run is at work in this process.
func (m *Model) askQuit() tea.Cmd {
	if !m.worksHere() {
		return m.leave(ExitQuit)
	}
	run := m.run()
	m.ask(widget.Form{
		Title: fmt.Sprintf("Leave? This process works on run #%d", run.ID),
		Hint:  m.hint(false),
	},
		option{widget.Choice{Name: "stay", About: "back to the console"}, nil},
		option{
			widget.Choice{Name: "leave it running", About: "the work goes on here without a console; open one any time"},
			func(string) tea.Cmd { return m.leave(ExitHeadless) },
		},
		option{
			widget.Choice{Name: "drain and stop", About: "batches in flight end, then this process stops; " + m.afterDrain()},
			func(string) tea.Cmd { return m.leave(ExitDrain) },
		})
	return nil
}

func (m *Model) leave(how Exit) tea.Cmd {
	m.exit = how
	return tea.Quit
}

// worksHere reports whether a run would lose workers if this process ended.
func (m *Model) worksHere() bool {
	run := m.run()
	return run != nil && run.State.Active() && m.sight.Snapshot.Process.Workers > 0
}

func (m *Model) workersAlive() bool {
	for _, w := range m.sight.Snapshot.Workers {
		if status.Works(&w) {
			return true
		}
	}
	return false
}

// afterDrain says what becomes of the run without this process.
func (m *Model) afterDrain() string {
	for _, w := range m.sight.Snapshot.Workers {
		if status.Works(&w) && !w.Here {
			return "other workers go on with the run"
		}
	}
	return "the run is interrupted and can be resumed"
}
