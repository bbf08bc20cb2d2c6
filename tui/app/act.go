package app

import (
	"context"
	"fmt"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/muesli/termenv"

	"ferry/engine"
	"ferry/tui/keymap"
	"ferry/tui/status"
	"ferry/tui/widget"
)

// refusal says why an action cannot be taken now, or nothing if it can. It is shown when the key is pressed, and in
// the help.
func (m *Model) refusal(action keymap.Action) string {
	switch action { //nolint:exhaustive // nothing speaks against the others
	case keymap.Start, keymap.Pause, keymap.Cancel, keymap.Init:
		if reason := m.hinders(action); reason != "" {
			return reason
		}
	case keymap.Theme:
		switch {
		case m.config.Renderer.ColorProfile() == termenv.Ascii:
			return "there are no colours here (NO_COLOR, or the terminal has none)"
		case len(m.config.Themes) < 2:
			return "there is only one theme"
		}
	}
	return m.runRefusal(action)
}

// hinders names what stands in the way of any action on the engine.
func (m *Model) hinders(action keymap.Action) string {
	s := m.sight.Snapshot
	switch {
	case s == nil || m.sight.State == status.Connecting:
		return "the databases are not reached yet"
	case s.Process.ReadOnly:
		return "this console only looks (--read-only)"
	case s.Target.Down():
		return "the engine database does not answer; ferry keeps trying"
	case s.Setup == engine.SetupNewer:
		return "the engine database was initialised by a newer ferry; use that one"
	case action == keymap.Init:
		if s.Setup == engine.SetupReady {
			return "the engine database is initialised"
		}
	case s.Setup == engine.SetupMissing:
		return "the engine database is not initialised; " + m.keys.Key(keymap.Init) + " initialises it"
	case s.Setup == engine.SetupOlder:
		return "the engine database was initialised by an older ferry; " + m.keys.Key(keymap.Init) + " migrates it"
	}
	return ""
}

// runRefusal says what in the state of the run speaks against an action.
func (m *Model) runRefusal(action keymap.Action) string {
	run := m.run()
	active := run != nil && run.State.Active()
	switch action { //nolint:exhaustive // the others do not depend on the run
	case keymap.Start:
		if active {
			return fmt.Sprintf("run #%d is %s, and only one run writes at a time", run.ID, run.State)
		}
	case keymap.Pause:
		switch {
		case run == nil:
			return "there is no run to pause"
		case !active && !run.State.Resumable():
			return fmt.Sprintf("run #%d is %s: nothing to pause or resume", run.ID, run.State)
		}
	case keymap.Cancel:
		switch {
		case run == nil:
			return "there is no run to cancel"
		case !active:
			return fmt.Sprintf("run #%d is %s already", run.ID, run.State)
		}
	}
	return ""
}

func name(run *engine.RunView) string { return fmt.Sprintf("run #%d", run.ID) }

// askStart is the start menu. It names both databases and says what will happen, so choosing is enough: nothing is asked
// twice, for a sync that was not wanted can be cancelled and harms nothing.
func (m *Model) askStart() {
	s := m.sight.Snapshot
	items := []option{{
		widget.Choice{Name: "full sync", About: "read every row of the source, write what differs"},
		m.startFull,
	}}
	if run := m.run(); run != nil && run.State.Resumable() {
		items = append(items, option{
			widget.Choice{Name: fmt.Sprintf("resume #%d", run.ID), About: fmt.Sprintf("it was %s; go on where it stood", run.State)},
			func(string) tea.Cmd { m.askPause(); return nil },
		})
	}
	text := []string{s.Source.Address + " → " + s.Target.Address}
	if !m.workersAlive() {
		text = append(text, "No worker is alive: the run would wait in the queue until one is.")
	}
	m.ask(widget.Form{Title: "Start", Text: text, Ask: "reason (optional)", Hint: m.hint(true)}, items...)
}

func (m *Model) startFull(reason string) tea.Cmd {
	return m.perform("start a full sync", func(ctx context.Context) (string, error) {
		id, err := m.config.Operator.StartFull(ctx, engine.StartOptions{Reason: reason})
		return fmt.Sprintf("run #%d is queued", id), err
	})
}

func (m *Model) askPause() {
	run := m.run()
	if run.State.Resumable() && run.State != engine.RunPausing {
		text := fmt.Sprintf("It is %s. It goes on where it stood: what is done is not done again.", run.State)
		if !m.workersAlive() {
			text += " No worker is alive: it would wait until one is."
		}
		m.askAct("Resume", "resume", text, m.config.Operator.Resume)
		return
	}
	if run.State == engine.RunPausing {
		m.askAct("Resume", "resume", "It is about to pause. Resuming lets it go on.", m.config.Operator.Resume)
		return
	}
	m.askAct("Pause", "pause", "Batches in flight end first; then nothing is read or written until somebody resumes it, "+
		"here or in any other console.", m.config.Operator.Pause)
}

func (m *Model) askCancel() {
	m.askAct("Cancel run", "cancel", "Batches that have not begun to commit are refused. Rows already written stay, and the run "+
		"can be resumed later.", m.config.Operator.Cancel)
}

// askAct asks for an action on the run, and takes it on the run in the state that the operator sees now.
func (m *Model) askAct(verb, doing, text string, act func(context.Context, engine.Act) error) {
	run := m.run()
	seen := engine.Act{Run: run.ID, Seen: run.State}
	title := fmt.Sprintf("%s #%d for everyone?", verb, run.ID)
	if doing != "cancel" {
		title = fmt.Sprintf("%s %s for everyone?", verb, name(run))
	}
	m.ask(widget.Form{Title: title, Text: []string{text}, Ask: "reason (optional)", Hint: m.hint(true)},
		option{widget.Choice{Name: map[bool]string{true: "Keep it running", false: "Cancel"}[doing == "cancel"]}, nil},
		option{widget.Choice{Name: verb}, func(reason string) tea.Cmd {
			seen.Reason = reason
			return m.perform(doing+" "+name(run), func(ctx context.Context) (string, error) {
				return "asked to " + doing + " " + name(run), act(ctx, seen)
			})
		}})
	m.dialog.about, m.dialog.seen = run.ID, run.State
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
			return m.perform("initialise the engine database", func(ctx context.Context) (string, error) {
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
		if w.Workers > 0 {
			return true
		}
	}
	return false
}

// afterDrain says what becomes of the run without this process.
func (m *Model) afterDrain() string {
	for _, w := range m.sight.Snapshot.Workers {
		if w.Workers > 0 && !w.Here {
			return "other workers go on with the run"
		}
	}
	return "the run is interrupted and can be resumed"
}
