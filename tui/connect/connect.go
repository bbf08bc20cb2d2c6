// Package connect is the screen that asks for the two databases. It is a program of its own, because before it there is
// nothing to look at or to act on: where nothing is configured it comes first, and `e` in the console leads to it.
//
// Passwords are never typed here. One that is part of an address is refused, with the reason; one that came with the
// configuration is used and not shown, until its address is edited. Testing and connecting are the caller's: this
// package opens nothing.
package connect

import (
	"context"
	"errors"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/lipgloss"

	"ferry/engine"
	"ferry/themes"
	"ferry/tui/feed"
	"ferry/tui/keymap"
	"ferry/tui/screen"
	"ferry/tui/widget"
)

const (
	testLimit = time.Minute
	tick      = time.Second // while a test goes on
)

// Tester looks whether a crossing between two databases may begin. It may take as long as databases take, and must end
// with the context.
type Tester func(ctx context.Context, source, target string) engine.Preflight

// ErrTaken says that a profile of that name exists and says something else; it is replaced only where the operator says so.
var ErrTaken = errors.New("there is such a profile already")

// Saver keeps a pair of databases under its profile's name, and says in words where. It fails with ErrTaken unless it is
// told to replace.
type Saver func(ctx context.Context, pair Result, replace bool) (string, error)

// Config is what the screen needs.
type Config struct {
	Source, Target, Profile string // what the fields begin with
	Test                    Tester
	Save                    Saver
	Theme                   themes.Theme
	Renderer                *lipgloss.Renderer
	Clock                   func() time.Time // nil: the system's
	Keys                    *keymap.Map      // nil: ferry's own
	Why                     string           // what brought the operator here: "the engine database does not answer"; may be empty
	ASCII                   bool
}

// Result is what the operator decided.
type Result struct {
	Source   string
	Target   string
	Profile  string
	Accepted bool // connect; else the operator left
}

// The places that the focus can be at, in order.
const (
	onSource = iota
	onTarget
	onProfile
	onTest
	onConnect
	onSave
	onLeave
	places
)

// Model is the screen. Make it with New.
type Model struct {
	config    Config
	keys      keymap.Map
	styles    themes.Styles
	reading   feed.Reading
	fields    [onProfile + 1]widget.Input
	addresses [onTarget + 1]address
	focus     int
	fault     string
	test      feed.Shelf[engine.Preflight]
	tested    Result // what the test was about
	saved     feed.Shelf[string]
	saving    Result // what was saved, or is not yet
	replace   Result // what replaces another profile if it is saved once more
	scroll    screen.Scroll
	now       time.Time
	result    Result

	width, height int
	frame         string
}

// New makes the screen; a test that it starts ends with the context.
func New(ctx context.Context, config Config) *Model {
	if config.Clock == nil {
		config.Clock = time.Now
	}
	m := &Model{
		config: config, keys: keymap.Default(), styles: config.Theme.Styles(config.Renderer), reading: feed.NewReading(ctx),
		now: config.Clock(),
	}
	if config.Keys != nil {
		m.keys = *config.Keys
	}
	for i, given := range []string{config.Source, config.Target} {
		var text string
		text, m.addresses[i] = shown(given)
		m.fields[i] = widget.NewInput(text)
	}
	m.fields[onProfile] = widget.NewInput(config.Profile)
	if config.Source != "" && config.Target != "" {
		m.focus = onTest
	}
	return m
}

// ResultOf reads the decision off the model that a program returned.
func ResultOf(model tea.Model) Result {
	if m, ok := model.(*Model); ok && m != nil {
		return m.result
	}
	return Result{}
}

// Init sets the title of the window.
func (m *Model) Init() tea.Cmd { return tea.SetWindowTitle("ferry") }

// View hands out the frame that the last Update drew.
func (m *Model) View() string { return m.frame }

// second passes while a test goes on.
type second time.Time

// Update takes one message.
func (m *Model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	var cmd tea.Cmd
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = max(0, msg.Width), max(0, msg.Height)
	case tea.KeyMsg:
		cmd = m.key(msg)
	case second:
		m.now = time.Time(msg)
		if !m.test.Waiting() {
			return m, nil
		}
		cmd = m.wait()
	default:
		switch {
		case m.test.Take(m.now, msg):
		case m.saved.Take(m.now, msg):
			m.kept()
		default:
			return m, nil
		}
	}
	m.draw()
	return m, cmd
}

func (m *Model) wait() tea.Cmd {
	return tea.Tick(tick, func(t time.Time) tea.Msg { return second(t) })
}

// key takes what the operator pressed: the fields have all keys to themselves.
func (m *Model) key(msg tea.KeyMsg) tea.Cmd {
	action, bound := m.keys.InField(msg.String())
	switch {
	case !bound || msg.Paste:
		m.typed(msg)
		return nil
	case m.tooSmall() && action != keymap.FieldClose:
		return nil // what cannot be read must not be answered
	}
	switch action { //nolint:exhaustive // only fields' actions are in this scope
	case keymap.FieldClose:
		return m.leave()
	case keymap.FieldLeft:
		m.sideways(-1)
	case keymap.FieldRight:
		m.sideways(1)
	case keymap.FieldNext, keymap.FieldPrev, keymap.FieldAccept:
		return m.goOn(action)
	default:
		m.editing(action)
	}
	return nil
}

// typed takes text, and movements within what a test found.
func (m *Model) typed(msg tea.KeyMsg) {
	if (msg.Type == tea.KeyRunes || msg.Type == tea.KeySpace) && !msg.Alt {
		m.edit(func(in *widget.Input) { in.Insert(string(msg.Runes)) })
		if msg.Paste {
			m.scrub()
		}
		return
	}
	move, ok := m.keys.Action(msg.String())
	if ok && (move == keymap.PageUp || move == keymap.PageDown) {
		m.scroll.Do(move)
	}
}

// goOn leaves the place that has the focus, unless there is a password in it.
func (m *Model) goOn(action keymap.Action) tea.Cmd {
	switch {
	case m.scrub():
	case action == keymap.FieldNext:
		m.turn(1)
	case action == keymap.FieldPrev:
		m.turn(-1)
	default:
		return m.accept()
	}
	return nil
}

func (m *Model) turn(by int) {
	m.focus = (m.focus + by + places) % places
	if m.focus == onSave && m.config.Save == nil {
		m.turn(by)
	}
}

// sideways moves the cursor in a field, and from button to button.
func (m *Model) sideways(by int) {
	if m.focus <= onProfile {
		m.fields[m.focus].Move(by)
		return
	}
	if next := m.focus + by; next >= onTest && next <= onLeave {
		m.turn(by)
	}
}

func (m *Model) editing(action keymap.Action) {
	if m.focus > onProfile {
		return
	}
	switch in := &m.fields[m.focus]; action { //nolint:exhaustive // the others are dealt with
	case keymap.FieldHome:
		in.Home()
	case keymap.FieldEnd:
		in.End()
	case keymap.FieldErase:
		m.edit((*widget.Input).Erase)
	case keymap.FieldDelete:
		m.edit((*widget.Input).Delete)
	case keymap.FieldClear:
		m.edit((*widget.Input).Clear)
	}
}

// edit changes the field that has the focus. An address that came with a password loses it first.
func (m *Model) edit(change func(*widget.Input)) {
	if m.focus > onProfile {
		return
	}
	in := &m.fields[m.focus]
	if m.focus <= onTarget {
		m.addresses[m.focus].drop(in)
	}
	change(in)
	m.fault = ""
}

// scrub takes a password out of the address that has the focus, and says so.
func (m *Model) scrub() bool {
	if m.focus > onTarget || m.addresses[m.focus].original != "" {
		return false
	}
	text, had := withoutPassword(m.fields[m.focus].String())
	if had {
		m.fields[m.focus] = widget.NewInput(text)
		m.fault = labels[m.focus].name + noPassword
	}
	return had
}

// accept goes on from a field, or presses a button.
func (m *Model) accept() tea.Cmd {
	switch m.focus {
	case onTest:
		return m.startTest()
	case onConnect:
		if m.fault = m.refusal(); m.fault == "" {
			m.result = m.answer()
			m.result.Accepted = true
			m.test.Drop()
			m.saved.Drop()
			return tea.Quit
		}
	case onSave:
		return m.save()
	case onLeave:
		return m.leave()
	default:
		m.fault = m.fieldRefusal(m.focus)
		if m.fault == "" {
			m.turn(1)
		}
	}
	return nil
}

func (m *Model) leave() tea.Cmd {
	m.test.Drop()
	m.saved.Drop()
	m.result = Result{}
	return tea.Quit
}

func (m *Model) startTest() tea.Cmd {
	if m.fault = m.refusal(); m.fault != "" || m.test.Waiting() {
		return nil
	}
	m.now = m.config.Clock()
	m.test.Clear()
	m.tested, m.scroll = m.answer(), screen.Scroll{}
	source, target, test := m.tested.Source, m.tested.Target, m.config.Test
	ask := m.test.Fetch(m.now, m.reading, testLimit, func(ctx context.Context) (engine.Preflight, error) {
		return test(ctx, source, target), nil
	})
	return feed.Then(m.wait(), ask)
}

// answer is what the fields say; what was not edited is as it was given, with its password.
func (m *Model) answer() Result {
	r := Result{Source: m.text(onSource), Target: m.text(onTarget), Profile: m.text(onProfile)}
	if original := m.addresses[onSource].original; original != "" {
		r.Source = original
	}
	if original := m.addresses[onTarget].original; original != "" {
		r.Target = original
	}
	return r
}
