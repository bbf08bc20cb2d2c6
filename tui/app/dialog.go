package app

import (
	"fmt"
	"strings"

	tea "github.com/charmbracelet/bubbletea"

	"ferry/engine"
	"ferry/themes"
	"ferry/tui/canvas"
	"ferry/tui/keymap"
	"ferry/tui/status"
	"ferry/tui/widget"
)

// dialog is a form that is open, with what each of its choices does.
type dialog struct {
	form    widget.Form
	options []option
	about   engine.RunID    // the run that the question is about; 0: none
	seen    engine.RunState // its state when the question was asked
	follow  func(*dialog)   // tells the choices of what was typed; nil: they stand as they are
}

type option struct {
	choice widget.Choice
	take   func(answer string) tea.Cmd // nil: only closes the form
	bar    string                      // why it cannot be taken now; empty: it can
	needs  string                      // what is said if it is taken without a line of text; empty: none is needed
	check  func(answer string) string  // what is wrong with the line of text; nil: nothing can be
	policy string                      // the policy that it changes; empty: none
	fixed  string                      // to this value; empty: to what is typed
}

func (m *Model) ask(form widget.Form, options ...option) {
	for _, o := range options {
		if o.bar != "" {
			o.choice.About = "not now: " + o.bar
		}
		form.Choices = append(form.Choices, o.choice)
	}
	m.dialog = &dialog{form: form, options: options}
}

// hint tells how a form is used.
func (m *Model) hint(typed bool) string {
	next, accept, shut := m.keys.Key(keymap.FormNext), m.keys.Key(keymap.FormAccept), m.keys.Key(keymap.FormClose)
	text := fmt.Sprintf("%s next · %s takes it · %s closes", next, accept, shut)
	if typed {
		text = "type a reason · " + text + "\nthe journal will name " + m.config.Actor.String()
	}
	return text
}

// formKey takes a key while a form is open: the form has all keys to itself.
func (m *Model) formKey(msg tea.KeyMsg) tea.Cmd {
	form := &m.dialog.form
	action, bound := m.keys.InForm(msg.String())
	if m.dialog.follow != nil {
		defer m.dialog.follow(m.dialog)
	}
	switch {
	case !bound || msg.Paste:
		if typed(msg) {
			form.Type(string(msg.Runes))
		}
		return nil
	case m.tooSmall() && action != keymap.FormClose:
		return nil // what cannot be read must not be answered
	}
	switch action { //nolint:exhaustive // only forms' actions are in this scope
	case keymap.FormNext:
		form.Move(1)
	case keymap.FormPrev:
		form.Move(-1)
	case keymap.FormErase:
		form.Erase()
	case keymap.FormClear:
		form.Clear()
	case keymap.FormClose:
		m.dialog = nil
	case keymap.FormAccept:
		return m.take()
	}
	return nil
}

// take closes the form and does what was chosen. What cannot be done is not, and the form stays to say why.
func (m *Model) take() tea.Cmd {
	d := m.dialog
	chosen, answer := d.options[d.form.Focus()], strings.TrimSpace(d.form.Answer)
	switch {
	case chosen.bar != "":
		d.form.Note = "not now: " + chosen.bar
		return nil
	case chosen.needs != "" && answer == "":
		d.form.Note = chosen.needs
		return nil
	case chosen.check != nil && chosen.check(answer) != "":
		d.form.Note = chosen.check(answer)
		return nil
	}
	m.dialog = nil
	if chosen.take != nil {
		return chosen.take(answer)
	}
	return nil
}

// dialogLines draws the open form. If the run that it is about has changed since, it says so.
func (m *Model) dialogLines() []canvas.Line {
	lines := m.dialog.form.Lines(m.width, m.height)
	run := m.subject()
	if check := checkRun(m.sight.Snapshot); check != nil && check.ID == m.dialog.about {
		run = check
	}
	if m.dialog.about == 0 || run == nil || len(lines) == 0 {
		return lines
	}
	var news string
	switch {
	case run.ID != m.dialog.about:
		news = fmt.Sprintf("run #%d has begun meanwhile", run.ID)
	case run.State != m.dialog.seen:
		news = "meanwhile: " + status.State(run.State).Sign().Word
		if run.StateBy != "" {
			news += " by " + run.StateBy
		}
		news += ", " + widget.Ago(run.Since, m.sight.Now)
	default:
		return lines
	}
	last := len(lines) - 1
	width := lines[last].Width()
	note := canvas.Of(themes.Warn, " "+news+" ")
	note = note.Fit(min(note.Width(), width-4))
	lines[last] = lines[last].Over(2, note)
	return lines
}

// focus puts the focus on a choice by its name, if there is one.
func (d *dialog) focus(name string) {
	for i, o := range d.options {
		if o.choice.Name == name {
			d.form.Move(i - d.form.Focus())
			return
		}
	}
}
