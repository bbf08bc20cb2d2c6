package app

import (
	"context"
	"fmt"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"ferry/engine"
	"ferry/tui/screen"
	"ferry/tui/widget"
)

func name(run *engine.RunView) string { return fmt.Sprintf("run #%d", run.ID) }

func (m *Model) askCancel(run *engine.RunView) {
	m.askAct(run, "Cancel run", "cancel", "Batches that have not begun to commit are refused. Rows already written stay, and the run "+
		"can be resumed later.", m.config.Operator.Cancel)
}

// askAnswer puts the question of a run, in its own words. The harmless answer has the focus: a run that is stopped can be
// resumed, and asks again.
func (m *Model) askAnswer() {
	run := m.run()
	seen := engine.Act{Run: run.ID, Seen: run.State}
	answer := func(accept bool, doing string) func(string) tea.Cmd {
		return func(reason string) tea.Cmd {
			seen.Reason = reason
			return m.perform("answer "+name(run), seen, func(ctx context.Context) (string, error) {
				return name(run) + ": asked to " + doing, m.config.Operator.Answer(ctx, seen, accept)
			})
		}
	}
	m.ask(widget.Form{Title: fmt.Sprintf("Run #%d needs an answer", run.ID), Text: []string{run.Question}, Ask: "reason (optional)", Hint: m.hint(true)},
		about("Stop", "nothing more is done; what was found stays listed; ticks are paused until somebody resumes them", answer(false, "stop")),
		about("Accept", "go on as the question says", answer(true, "go on")))
	m.dialog.about, m.dialog.seen = run.ID, run.State
}

// askAct asks for an action on a run, and takes it on the run in the state that the operator sees now.
func (m *Model) askAct(run *engine.RunView, verb, doing, text string, act func(context.Context, engine.Act) error) {
	about, seen := name(run), engine.Act{Run: run.ID, Seen: run.State}
	title := fmt.Sprintf("%s #%d for everyone?", verb, run.ID)
	if doing != "cancel" {
		title = fmt.Sprintf("%s %s for everyone?", verb, about)
	}
	m.ask(widget.Form{Title: title, Text: []string{text}, Ask: "reason (optional)", Hint: m.hint(true)},
		choice(map[bool]string{true: "Keep it running", false: "Cancel"}[doing == "cancel"], nil),
		choice(verb, func(reason string) tea.Cmd {
			seen.Reason = reason
			return m.perform(doing+" "+about, seen, func(ctx context.Context) (string, error) {
				return "asked to " + doing + " " + about, act(ctx, seen)
			})
		}))
	m.dialog.about, m.dialog.seen = run.ID, run.State
}

// askRetry asks to hand the selected batch out again, or to read the selected rows again.
func (m *Model) askRetry() {
	if s := m.selection(); s != nil {
		m.askRetryRows(s)
		return
	}
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
		choice("Cancel", nil),
		choice("Retry", func(reason string) tea.Cmd {
			seen.Reason = reason
			return m.perform("retry "+about, seen, func(ctx context.Context) (string, error) {
				return "asked to retry " + about, m.config.Operator.RetryBatch(ctx, seen, batch)
			})
		}))
	m.dialog.about, m.dialog.seen = run.ID, run.State
}

// askConnect leaves to edit the addresses; if a run is at work here it asks first.
func (m *Model) askConnect() tea.Cmd {
	if !m.worksHere() {
		return m.leave(ExitConnect)
	}
	m.ask(widget.Form{
		Title: "Edit the addresses? " + m.atWork(),
		Text:  []string{"Its batches in flight end first; " + m.afterDrain() + "."},
		Hint:  m.hint(false),
	},
		choice("Cancel", nil),
		choice("Drain and edit", func(string) tea.Cmd { return m.leave(ExitConnect) }))
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
		choice("Cancel", nil),
		choice(verb, func(string) tea.Cmd {
			return m.perform("initialise the engine database", engine.Act{}, func(ctx context.Context) (string, error) {
				return "the engine database is initialised", m.config.Operator.Init(ctx)
			})
		}))
}
