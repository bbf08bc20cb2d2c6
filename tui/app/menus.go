package app

import (
	"context"
	"fmt"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"ferry/engine"
	"ferry/tui/keymap"
	"ferry/tui/status"
	"ferry/tui/widget"
)

// step is how often a process starts a tick that keeps the engine in step.
const step = 20 * time.Second

// choice is a way out of a form that needs no words.
func choice(name string, take func(string) tea.Cmd) option {
	return option{choice: widget.Choice{Name: name}, take: take}
}

// about is a way out of a form, with a line about it.
func about(name, line string, take func(string) tea.Cmd) option {
	return option{choice: widget.Choice{Name: name, About: line}, take: take}
}

// barred is an option that cannot be taken for a reason, if there is one.
func (o option) barred(reason string) option {
	o.bar = reason
	return o
}

// askStart is the start menu. It names both databases and says what will happen, so choosing is enough: nothing is asked
// twice, for a sync that was not wanted can be cancelled and harms nothing.
func (m *Model) askStart() {
	s, run := m.sight.Snapshot, m.subject()
	busy, changed := "", "one tick: read what changed"
	if last := m.run(); last != nil && last.State.Active() {
		busy = onlyOne(last)
	}
	if s.Sealed != nil {
		busy = sealedWords(s.Sealed)
	}
	resumes := busy
	if busy == "" {
		busy = m.unkeyed()
	}
	if s.Floor.Floor == "" {
		changed = "one tick; the first one reads every row"
	}
	items := []option{
		about("full sync", "read every row, write what differs", m.startFull).barred(busy),
		about("incremental sync", changed, m.startIncremental).barred(busy),
		m.stepOption(),
	}
	items = append(append(items, m.checkOptions()...), m.rehearseOption())
	if run != nil && run.State.Resumable() && !run.State.Active() {
		line := became(run.State) + "; go on where it stood"
		items = append(items, about(fmt.Sprintf("resume #%d", run.ID), line, func(string) tea.Cmd {
			m.askResume(run)
			return nil
		}).barred(resumes))
	}
	text := []string{s.Source.Address + " → " + s.Target.Address}
	if !m.workersAlive() {
		text = append(text, "No worker is alive: the run would wait in the queue until one is.")
	}
	m.ask(widget.Form{Title: "Start", Text: text, Ask: "reason (optional)", Hint: m.hint(true)}, items...)
	if m.screens[m.current].Tab().Action == keymap.Rehearsal {
		m.dialog.focus(rehearseName)
	}
}

// unkeyed says why nothing may write but the run that the engine's tables wait for; empty: they have their keys.
func (m *Model) unkeyed() string {
	if first := m.sight.Snapshot.Unkeyed; first != 0 {
		return fmt.Sprintf("first load #%d has left the tables without keys; it must come to its end first", first)
	}
	return ""
}

// stepOption lets this process start ticks, or no longer.
func (m *Model) stepOption() option {
	s := m.sight.Snapshot
	every, doing, done := step, "keep in step", "this process starts a tick every "+widget.Duration(step)
	name, line := "keep in step", "a tick every "+widget.Duration(step)+" from this process"
	if s.Schedule.Here {
		every, doing, done = 0, "stop keeping in step", "this process starts no more ticks"
		name, line = "stop keeping in step", "this process starts no more ticks"
		if others := len(s.Schedule.Keepers) - 1; others > 0 {
			line += "; " + widget.Plural(int64(others), "other does", "others do")
		}
	} else if s.Schedule.Paused() {
		line += ", once they are resumed: paused by " + s.Schedule.PausedBy
	}
	o := about(name, line, func(string) tea.Cmd {
		return m.perform(doing, engine.Act{}, func(ctx context.Context) (string, error) {
			return done, m.config.Operator.KeepInStep(ctx, every)
		})
	})
	if s.Sealed != nil && !s.Schedule.Here {
		return o.barred(sealedWords(s.Sealed))
	}
	if reason := m.unkeyed(); reason != "" && !s.Schedule.Here {
		return o.barred(reason)
	}
	if s.Process.Workers == 0 && !s.Schedule.Here {
		return o.barred("this process has no workers; start ferry without --workers 0")
	}
	return o
}

func (m *Model) startFull(reason string) tea.Cmd {
	return m.perform("start a full sync", engine.Act{}, func(ctx context.Context) (string, error) {
		id, err := m.config.Operator.StartFull(ctx, engine.StartOptions{Reason: reason})
		return fmt.Sprintf("run #%d was queued", id), err
	})
}

func (m *Model) startIncremental(reason string) tea.Cmd {
	return m.perform("start an incremental sync", engine.Act{}, func(ctx context.Context) (string, error) {
		id, err := m.config.Operator.StartIncremental(ctx, engine.StartOptions{Reason: reason})
		return fmt.Sprintf("run #%d was queued", id), err
	})
}

// askResume asks to resume a run.
func (m *Model) askResume(run *engine.RunView) {
	text := "It is about to pause. Resuming lets it go on."
	if run.State != engine.RunPausing {
		text = "I" + strings.TrimPrefix(became(run.State), "i") + ". It goes on where it stood: what is done is not done again."
		if held := m.held(); held != "" {
			text += " It would wait for " + held + ", which somebody holds back."
		}
		if !m.workersAlive() {
			text += " No worker is alive: it would wait until one is."
		}
	}
	m.askAct(run, "Resume", "resume", text, m.config.Operator.Resume)
}

// askPause asks what is to be paused or resumed: the run, everything, the ticks, or one entity. On a run of the past that
// is opened there is only that to resume.
func (m *Model) askPause(run *engine.RunView) {
	if last := m.run(); run != nil && (last == nil || run.ID != last.ID) {
		m.askResume(run)
		return
	}
	held, others := m.entityOptions()
	title := m.pauseTitle(len(held) > 0)
	items := append([]option{about("Cancel", "change nothing", nil)}, held...)
	if run != nil && (run.State.Active() || run.State.Resumable()) {
		title = "Pause " + name(run) + " for everyone?"
		if run.State.Resumable() {
			title = "Resume " + name(run) + " for everyone?"
		}
		items = append(items, m.runOption(run))
		if !run.State.Resumable() || m.sight.Snapshot.Schedule.Paused() {
			items = append(items, m.allOption(run)) // else there is nothing beside the run to resume
		}
	} else if m.sight.Snapshot.Schedule.Paused() {
		title = "Resume the ticks for everyone?"
	}
	items = append(items, m.checkPauseOptions()...)
	items = append(append(items, m.ticksOption()), others...)
	m.ask(widget.Form{Title: title, Ask: "reason (optional)", Hint: m.hint(true)}, items...)
	if run != nil && (run.State.Active() || run.State.Resumable()) {
		m.dialog.about, m.dialog.seen = run.ID, run.State
	}
}

// pauseTitle says what can be paused where no run is.
func (m *Model) pauseTitle(held bool) string {
	switch {
	case held:
		return "Pause or resume for everyone?"
	case m.sight.Checking() != nil:
		return "Pause the check, ticks or an entity for everyone?"
	}
	return "Pause ticks or an entity for everyone?"
}

// runOption pauses the run, or resumes it.
func (m *Model) runOption(run *engine.RunView) option {
	seen, verb, act := engine.Act{Run: run.ID, Seen: run.State}, "pause", m.config.Operator.Pause
	line := "batches in flight end first"
	if run.State.Resumable() {
		verb, act = "resume", m.config.Operator.Resume
		line = became(run.State) + whoWhy(run.StateBy, run.Reason)
		if held := m.held(); held != "" {
			line = "it would wait for " + held + ", which somebody holds back"
		}
		if !m.workersAlive() {
			line = "no worker is alive: it would wait until one is"
		}
	}
	o := about(verb+" "+name(run), line, func(reason string) tea.Cmd {
		seen.Reason = reason
		return m.perform(verb+" "+name(run), seen, func(ctx context.Context) (string, error) {
			return "asked to " + verb + " " + name(run), act(ctx, seen)
		})
	})
	switch {
	case run.State == engine.RunAsking:
		return o.barred("it needs an answer first")
	case m.sight.Snapshot.Sealed != nil && run.State.Resumable():
		return o.barred(sealedWords(m.sight.Snapshot.Sealed))
	}
	return o
}

// held names the first entity that somebody holds back, if there is one.
func (m *Model) held() string {
	for _, e := range m.sight.Snapshot.Entities {
		if e.PausedBy != "" {
			return e.Name
		}
	}
	return ""
}

// became says how a run came to stand where it stands.
func became(state engine.RunState) string {
	switch state { //nolint:exhaustive // the others are where it is
	case engine.RunCancelled, engine.RunInterrupted:
		return "it was " + status.State(state).Sign().Word
	case engine.RunFailed:
		return "it failed"
	}
	return "it is " + status.State(state).Sign().Word
}

// allOption pauses the run and the ticks that would follow it, or lets both go on.
func (m *Model) allOption(run *engine.RunView) option {
	seen, resume := engine.Act{Run: run.ID, Seen: run.State}, run.State.Resumable()
	verb, done, line := "pause everything", "the ticks are paused, and "+name(run)+" is asked to pause", "the run, and the ticks after it"
	ticks, act := m.config.Operator.PauseSchedule, m.config.Operator.Pause
	if resume {
		verb, done, line = "resume everything", "the ticks are resumed, and "+name(run)+" is asked to go on", "the run, and the ticks"
		if held := m.held(); held != "" {
			line += "; the run would wait for " + held
		}
		ticks, act = m.config.Operator.ResumeSchedule, m.config.Operator.Resume
	}
	paused, check := m.sight.Snapshot.Schedule.Paused(), m.sight.Checking()
	if check != nil && check.State.Resumable() != resume {
		check = nil // it stands as it is wanted already
	}
	if check != nil {
		line += fmt.Sprintf(", and check #%d", check.ID)
	}
	o := about(verb, line, func(reason string) tea.Cmd {
		seen.Reason = reason
		return m.perform(verb, seen, func(ctx context.Context) (string, error) {
			if paused == resume { // else the ticks are there already
				if err := ticks(ctx, engine.Act{Reason: reason}); err != nil {
					return "", fmt.Errorf("ticks: %w", err)
				}
			}
			if check != nil {
				if err := act(ctx, engine.Act{Run: check.ID, Seen: check.State, Reason: reason}); err != nil {
					return "", fmt.Errorf("check #%d: %w", check.ID, err)
				}
			}
			return done, act(ctx, seen)
		})
	})
	if run.State == engine.RunAsking {
		return o.barred("the run needs an answer first")
	}
	return o
}

// ticksOption holds the ticks back, or lets them come again.
func (m *Model) ticksOption() option {
	s := m.sight.Snapshot.Schedule
	verb, done, act := "pause the ticks", "the ticks are paused", m.config.Operator.PauseSchedule
	line := "none begins until resumed"
	if s.Paused() {
		verb, done, act = "resume the ticks", "the ticks come again", m.config.Operator.ResumeSchedule
		line = "paused" + whoWhy(s.PausedBy, s.Reason)
	}
	o := about(verb, line, func(reason string) tea.Cmd {
		asked := engine.Act{Reason: reason}
		return m.perform(verb, asked, func(ctx context.Context) (string, error) { return done, act(ctx, asked) })
	})
	if seal := m.sight.Snapshot.Sealed; seal != nil && s.Paused() {
		return o.barred(sealedWords(seal))
	}
	return o
}

// entityOptions are one for each entity. Those that are held back are apart: a run that is resumed waits for them, so they
// come first.
func (m *Model) entityOptions() (held, others []option) {
	for _, e := range m.sight.Snapshot.Entities {
		if e.PausedBy != "" {
			held = append(held, m.entityOption(e))
		} else {
			others = append(others, m.entityOption(e))
		}
	}
	return held, others
}

// entityOption holds an entity's batches back, or lets them be carved again.
func (m *Model) entityOption(e engine.EntityView) option {
	verb, done, act := "pause "+e.Name, e.Name+" is paused", m.config.Operator.PauseEntity
	line := "ticks leave it out"
	if e.PausedBy != "" {
		verb, done, act = "resume "+e.Name, e.Name+" is resumed", m.config.Operator.ResumeEntity
		line = "paused" + whoWhy(e.PausedBy, e.PausedReason)
	}
	return about(verb, line, func(reason string) tea.Cmd {
		asked := engine.Act{Reason: reason}
		return m.perform(verb, asked, func(ctx context.Context) (string, error) { return done, act(ctx, e.Name, asked) })
	})
}

// whoWhy is " by sari@db2: index rebuild", as far as it is known.
func whoWhy(who, why string) string {
	text := ""
	if who != "" {
		text = " by " + who
	}
	if why != "" {
		text += ": " + why
	}
	return text
}
