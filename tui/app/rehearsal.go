package app

import (
	"context"
	"fmt"

	tea "github.com/charmbracelet/bubbletea"

	"ferry/engine"
	"ferry/engine/rehearsal"
	"ferry/tui/keymap"
	"ferry/tui/screen"
	"ferry/tui/widget"
)

// stage is the screen of rehearsals if it is in sight, with the rehearsal that is shown; nil if not.
func (m *Model) stage() (screen.Stage, *engine.RehearsalView) {
	s, ok := m.screens[m.current].(screen.Stage)
	if !ok || m.help != nil || s.Shown() == nil {
		return nil, nil
	}
	return s, s.Shown()
}

// rehearsed is the active or last rehearsal, or nil.
func (m *Model) rehearsed() *engine.RehearsalView {
	if m.sight.Snapshot == nil {
		return nil
	}
	return m.sight.Snapshot.Rehearsal
}

// askedFreeze is the rehearsal that waits for an answer, unless a run does too: that one comes first.
func (m *Model) askedFreeze() *engine.RehearsalView {
	v := m.rehearsed()
	if v == nil || v.State != engine.RunAsking {
		return nil
	}
	if run := m.run(); run != nil && run.State == engine.RunAsking {
		if s, _ := m.stage(); s == nil {
			return nil
		}
	}
	return v
}

// aboutRehearsal opens the form of an action on the rehearsal that is shown; false says that it is none.
func (m *Model) aboutRehearsal(action keymap.Action) (tea.Cmd, bool) {
	if action == keymap.Answer {
		if v := m.askedFreeze(); v != nil {
			m.askFrozen(v)
			return nil, true
		}
		return nil, false
	}
	s, v := m.stage()
	if s == nil {
		return nil, false
	}
	switch action { //nolint:exhaustive // the others are not about rehearsals
	case keymap.Pause:
		m.askHoldRehearsal(v)
	case keymap.Cancel:
		m.askAbort(v)
	case keymap.Rerun:
		m.askRerun(s, v)
	case keymap.Export:
		return m.report(v), true
	default:
		return nil, false
	}
	return nil, true
}

// rehearsalRefusal says what speaks against an action on the rehearsal that is shown; false: the action is about something else.
func (m *Model) rehearsalRefusal(action keymap.Action) (string, bool) {
	if action == keymap.Answer {
		return "", m.askedFreeze() != nil
	}
	_, v := m.stage()
	if v == nil {
		return "", false
	}
	current := m.rehearsed() != nil && m.rehearsed().ID == v.ID
	switch action { //nolint:exhaustive // the others are about runs
	case keymap.Cancel:
		if !v.State.Active() {
			return fmt.Sprintf("rehearsal #%d is %s already", v.ID, v.State), true
		}
		return "", true
	case keymap.Pause:
		switch {
		case !current:
			return fmt.Sprintf("rehearsal #%d was overtaken: another one has begun since", v.ID), true
		case v.State == engine.RunAsking:
			return fmt.Sprintf("rehearsal #%d needs an answer: %s", v.ID, m.keys.Key(keymap.Answer)), true
		case v.State == engine.RunDone:
			return fmt.Sprintf("rehearsal #%d has its verdict: nothing to pause or resume", v.ID), true
		}
		return "", true
	}
	return "", false
}

func rehearsalName(v *engine.RehearsalView) string { return fmt.Sprintf("rehearsal #%d", v.ID) }

// askFrozen asks whether Odoo is frozen. The harmless answer has the focus.
func (m *Model) askFrozen(v *engine.RehearsalView) {
	seen, what := engine.Act{Run: v.ID, Seen: v.State}, rehearsalName(v)
	answer := func(accept bool, done string) func(string) tea.Cmd {
		return func(reason string) tea.Cmd {
			seen.Reason = reason
			return m.perform("answer "+what, seen, func(ctx context.Context) (string, error) {
				return what + ": " + done, m.config.Operator.Answer(ctx, seen, accept)
			})
		}
	}
	m.ask(widget.Form{
		Title: "Is Odoo frozen? Rehearsal needs an answer", Ask: "reason (optional)", Hint: m.hint(true),
		Text: []string{"Stop everything that writes to it: users, workers, cron, integrations. From the answer on every screen says whether it " +
			"may be unfrozen."},
	},
		about("Not yet", "change nothing; the rehearsal waits", nil),
		about("It is frozen", "the steps inside the freeze begin, and its minutes are counted", answer(true, "Odoo is frozen")),
		about("Abort the rehearsal", "what is loaded stays; it can be resumed later", answer(false, "asked to abort")))
}

// askHoldRehearsal pauses a rehearsal, or lets it go on.
func (m *Model) askHoldRehearsal(v *engine.RehearsalView) {
	verb, doing, act := "Pause", "pause", m.config.Operator.Pause
	text := "Its runbook stands still; the run that its step has begun goes on. " + freezeStays(v)
	if v.State.Resumable() {
		verb, doing, act, text = "Resume", "resume", m.config.Operator.Resume, "It goes on with its step. "+freezeStays(v)
		if v.State == engine.RunCancelled {
			text = "It was aborted: its freeze, and what came behind it, begin anew."
		}
	}
	m.askRehearsal(v, verb, doing, text, act)
}

// freezeStays reminds of what is frozen.
func freezeStays(v *engine.RehearsalView) string {
	if !v.Frozen() {
		return ""
	}
	return rehearsal.Unfreeze(v) + "."
}

func (m *Model) askAbort(v *engine.RehearsalView) {
	text := "What is loaded stays, and a run that it has begun goes on. It can be resumed later, with another freeze."
	if v.Frozen() {
		text += " Odoo may be unfrozen then."
	}
	m.askRehearsal(v, "Abort", "abort", text, m.config.Operator.Cancel)
}

// askRehearsal asks for an action on a rehearsal, and takes it in the state that the operator sees now.
func (m *Model) askRehearsal(v *engine.RehearsalView, verb, doing, text string, act func(context.Context, engine.Act) error) {
	seen, what := engine.Act{Run: v.ID, Seen: v.State}, rehearsalName(v)
	m.ask(widget.Form{Title: verb + " " + what + " for everyone?", Text: []string{text}, Ask: "reason (optional)", Hint: m.hint(true)},
		choice("Change nothing", nil),
		choice(verb, func(reason string) tea.Cmd {
			seen.Reason = reason
			return m.perform(doing+" "+what, seen, func(ctx context.Context) (string, error) {
				return "asked to " + doing + " " + what, act(ctx, seen)
			})
		}))
}

// needs says in words what measuring a gate again takes.
var needs = map[rehearsal.Need]string{
	rehearsal.NeedLook:  "It is looked at as things are now.",
	rehearsal.NeedCycle: "A tick is begun for it.",
	rehearsal.NeedCheck: "A whole check is begun for it.",
}

// askRerun asks to measure the gate under the cursor again.
func (m *Model) askRerun(s screen.Stage, v *engine.RehearsalView) {
	g := s.Gate()
	if g == nil {
		return
	}
	name, seen := g.Name, engine.Act{Run: v.ID, Seen: v.State}
	text := needs[rehearsal.NeedOf(name)] + " The verdict is decided anew, about the state of the source that it was about."
	if v.State == engine.RunRunning {
		text = "It is looked at as things are now, and measured once more at the verdict."
	}
	m.ask(widget.Form{Title: fmt.Sprintf("Measure gate %s again?", name), Text: []string{text}, Ask: "reason (optional)", Hint: m.hint(true)},
		choice("Measure it", func(reason string) tea.Cmd {
			seen.Reason = reason
			return m.performThen("measure gate "+string(name), seen, func(ctx context.Context) (string, error) {
				return fmt.Sprintf("gate %s is measured again", name), m.config.Operator.RerunGate(ctx, seen, name)
			}, func(error) { s.Changed() })
		}),
		choice("Cancel", nil))
}

// report writes the report of the rehearsal that is shown.
func (m *Model) report(v *engine.RehearsalView) tea.Cmd {
	id := v.ID
	return m.perform("write the report", engine.Act{}, func(ctx context.Context) (string, error) {
		name, err := m.config.Report(ctx, id)
		return "report: " + name, err
	})
}

const rehearseName = "rehearse the cutover"

// rehearseOption begins a rehearsal, or goes on with the one that was interrupted.
func (m *Model) rehearseOption() option {
	busy, v := "", m.rehearsed()
	if v != nil && v.State.Active() {
		busy = fmt.Sprintf("rehearsal #%d %s", v.ID, v.State.Is())
	}
	if m.sight.Snapshot.Process.Workers == 0 {
		busy = "this process has no workers; start ferry without --workers 0"
	}
	return about(rehearseName, "GO or NO-GO, and the downtime it takes", func(reason string) tea.Cmd {
		m.askFreeze(reason)
		return nil
	}).barred(busy)
}

// askFreeze asks how it is known that nothing is written to Odoo.
func (m *Model) askFreeze(reason string) {
	begin := func(freeze engine.Freeze) func(string) tea.Cmd {
		return func(why string) tea.Cmd {
			if why == "" {
				why = reason
			}
			return m.perform("rehearse the cutover", engine.Act{}, func(ctx context.Context) (string, error) {
				id, err := m.config.Operator.StartRehearsal(ctx, engine.RehearsalOptions{Reason: why, Freeze: freeze})
				return fmt.Sprintf("rehearsal #%d has begun: %s", id, m.keys.Key(keymap.Rehearsal)), err
			})
		}
	}
	m.ask(widget.Form{
		Title: "Rehearse the cutover?", Ask: "reason (optional)", Answer: reason, Hint: m.hint(true),
		Text: []string{"Preflight, first load or catch-up, freeze, final catch-up, full check, ledger, verdict. It never seals."},
	},
		about("Cancel", "change nothing", nil),
		about("detect the freeze", "once nothing was written to Odoo for a while", begin(engine.FreezeDetect)),
		about("confirm the freeze", "it asks, and you answer once Odoo is frozen", begin(engine.FreezeConfirm)),
		about("without a freeze", "the figures are of a source that goes on", begin(engine.FreezeNone)))
}

// openEvidence turns to the screen on which what a gate rests on can be looked at.
func (m *Model) openEvidence(g engine.RehearsalGate) tea.Cmd {
	to := map[engine.GateName]keymap.Action{
		engine.GateAgreement: keymap.Discrepancies, engine.GateDifferences: keymap.Discrepancies, engine.GateRejected: keymap.Quarantine,
		engine.GateDrift: keymap.Ledger, engine.GateAccounted: keymap.Overview, engine.GateFreshness: keymap.Runs, engine.GateFailedRuns: keymap.Runs,
	}[g.Name]
	for i, s := range m.screens {
		if to == "" || s.Tab().Action != to {
			continue
		}
		if shower, ok := s.(screen.RunShower); ok && g.Run != 0 && to == keymap.Runs {
			return m.drill(i, func() { shower.ShowRun(g.Run) })
		}
		return m.drill(i, nil)
	}
	m.notices.say(m.sight.Now, fmt.Sprintf("gate %s: all there is to see of it stands here", g.Name))
	return nil
}

// frozenWords is what every screen says while Odoo is frozen, and while a rehearsal asks; empty: nothing.
func (m *Model) frozenWords() string {
	v := m.rehearsed()
	if v == nil {
		return ""
	}
	switch {
	case v.Frozen():
		return fmt.Sprintf("%s (%s, %s)", rehearsal.Unfreeze(v), rehearsalName(v), rehearsal.Outcome(v))
	case v.Waits() && v.ConfirmedBy != "":
		return fmt.Sprintf("! %s: answered by %s; waits for a process with workers", rehearsalName(v), v.ConfirmedBy)
	case v.State == engine.RunAsking:
		text := rehearsalName(v) + " needs an answer: is Odoo frozen?"
		if m.refusal(keymap.Answer) == "" {
			text += " " + m.keys.Key(keymap.Answer) + " answers"
		}
		return "? " + text
	}
	return ""
}
