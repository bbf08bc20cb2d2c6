// Package app is the console itself: it routes messages to screens, forms and the engine, and draws the frame around
// them. It decides nothing about loyalty data, and no screen knows it.
//
//	key → keymap → action → the open form, else the app, else the screen
//	beat → snapshot → sight → every screen
//	task → outcome → a notice
//	screen → what it lacks → answer → that screen
//
// Update does no I/O and asks no clock: time comes with each beat. It draws the frame once for every message that
// changes something, and View only hands it out.
package app

import (
	"context"
	"slices"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/lipgloss"

	"ferry/engine"
	"ferry/themes"
	"ferry/tui/feed"
	"ferry/tui/keymap"
	"ferry/tui/screen"
	"ferry/tui/screen/activity"
	"ferry/tui/screen/card"
	"ferry/tui/screen/discrepancies"
	"ferry/tui/screen/ledger"
	"ferry/tui/screen/overview"
	"ferry/tui/screen/preflight"
	"ferry/tui/screen/quarantine"
	"ferry/tui/screen/rehearsal"
	"ferry/tui/screen/runs"
	"ferry/tui/status"
	"ferry/tui/widget"
)

// Exit is how the operator left the console.
type Exit int

// The ways to leave.
const (
	ExitNone     Exit = iota // not by a choice: the console was ended from outside
	ExitQuit                 // nothing was at work in this process
	ExitHeadless             // leave the run at work in this process, without a console
	ExitDrain                // let the batches in flight end, then stop
	ExitConnect              // edit the addresses of the databases, then come back
)

// Config is what a console needs.
type Config struct {
	Operator     engine.Operator
	Actor        engine.Actor
	Themes       []themes.Theme // the first is used, `t` chooses among them; none: no colours
	Faults       []string       // what was wrong with the settings and did not stop the console; shown until dismissed
	Renderer     *lipgloss.Renderer
	Clock        func() time.Time // nil: the system's
	Keys         *keymap.Map      // nil: ferry's own
	Title        string           // first word of the frame, and the window's title; empty: ferry
	LowBandwidth bool
	Rejected     float64 // the share of an entity's rows that may be rejected; 0: one percent
	ASCII        bool    // draw with ASCII only
	Replay       Replay  // steers the recording that Operator replays, in whose time Clock is; nil: it is no replay

	// Report writes the report of a rehearsal, and says where to; nil: none can be written.
	Report func(ctx context.Context, id engine.RunID) (file string, err error)
	Create func(file string) (File, error) // makes a new file, such as NewFile; nil: nothing can be exported
	// Clipboard takes what is copied, and says where it is now; nil: nothing can be.
	Clipboard func(text string) (where string, err error)
	// Save writes a file of the console's own, and says where it is; nil: none can be written.
	Save  func(name, text string) (file string, err error)
	Mouse bool // it scrolls and selects from the beginning
}

// Model is the console. Make it with New.
type Model struct {
	config  Config
	prover  Prover // nil: the operator cannot prove anything
	keys    keymap.Map
	theme   int
	styles  themes.Styles
	feed    feed.Feed
	hands   feed.Hands
	reading feed.Reading
	screens []screen.Screen
	current int
	before  []place // where one came from, the last one last

	last    feed.Beat
	sight   screen.Sight
	pending map[string]pending // tasks under way
	notices notices
	dialog  *dialog
	prompt  *prompt
	help    *screen.Scroll
	palette *palette
	picker  *picker
	acted   keymap.Action // what the last key was for, unless it was refused
	recent  []string      // what was done by the palette, the latest first
	mouse   bool          // it scrolls and selects
	exit    Exit

	width, height int
	frame         string
}

// New makes a console; the tasks that it starts end with the context.
func New(ctx context.Context, config Config) *Model {
	if config.Clock == nil {
		config.Clock = time.Now
	}
	if config.Title == "" {
		config.Title = "ferry"
	}
	if len(config.Themes) == 0 {
		config.Themes = []themes.Theme{{Name: "plain"}}
	}
	keys := keymap.Default()
	if config.Keys != nil {
		keys = *config.Keys
	}
	prover, _ := config.Operator.(Prover)
	m := &Model{
		config:  config,
		prover:  prover,
		keys:    keys,
		styles:  config.Themes[0].Styles(config.Renderer),
		feed:    feed.New(config.Operator, config.Clock, config.LowBandwidth),
		hands:   feed.NewHands(ctx),
		reading: feed.NewReading(ctx),
		pending: map[string]pending{},
		mouse:   config.Mouse,
	}
	m.screens = m.fresh()
	for _, text := range config.Faults {
		m.notices.fail(fault{text: text})
	}
	return m
}

// fresh makes all screens, in the order of their tabs.
func (m *Model) fresh() []screen.Screen {
	operator, reading := m.config.Operator, m.reading
	screens := []screen.Screen{
		overview.New(), runs.New(operator, reading), quarantine.New(operator, reading),
		ledger.New(operator, reading), rehearsal.New(operator, reading), activity.New(operator, reading),
		preflight.New(operator, reading), card.New(operator, reading),
	}
	if m.prover != nil {
		screens = slices.Insert(screens, 2, screen.Screen(discrepancies.New(m.prover, reading, screen.ShowCard)))
	}
	return screens
}

// Init asks for the first beat.
func (m *Model) Init() tea.Cmd {
	return tea.Batch(m.feed.Now, tea.SetWindowTitle(m.config.Title), m.mouseMode())
}

// View hands out the frame that the last Update drew.
func (m *Model) View() string { return m.frame }

// Exit says how the operator left.
func (m *Model) Exit() Exit { return m.exit }

// ExitOf reads Exit off the model that a program returned.
func ExitOf(model tea.Model) Exit {
	if m, ok := model.(*Model); ok && m != nil {
		return m.exit
	}
	return ExitNone
}

// Update takes one message.
func (m *Model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	var cmd tea.Cmd
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = max(0, msg.Width), max(0, msg.Height)
	case tea.KeyMsg:
		cmd = m.keyed(msg)
		return m, cmd
	case feed.Beat:
		news := m.beat(msg)
		fetch := m.fetch()
		if news || fetch != nil {
			m.draw()
		}
		return m, feed.Then(m.feed.Next(m.busy()), fetch)
	case feed.Outcome:
		m.outcome(msg)
	case screen.OpenCard:
		m.openCard(msg.Key)
	case screen.OpenEvidence:
		cmd = m.openEvidence(msg.Gate)
	case tea.MouseMsg:
		cmd = m.mouseEvent(tea.MouseEvent(msg))
	case tea.ResumeMsg:
		cmd = m.mouseMode()
	default:
		if !m.hand(msg) {
			return m, nil
		}
	}
	cmd = tea.Batch(cmd, m.fetch())
	m.draw()
	return m, cmd
}

// keyed takes a key, and says so where it has done nothing: no key is answered with silence.
func (m *Model) keyed(msg tea.KeyMsg) tea.Cmd {
	before := m.frame
	m.acted = ""
	cmd := tea.Batch(m.key(msg), m.fetch())
	m.draw()
	if cmd == nil && m.acted != "" && m.frame == before && !m.tooSmall() {
		if why := m.unused(m.acted); why != "" {
			m.notices.say(m.sight.Now, m.keys.Key(m.acted)+": "+why)
			m.draw()
		}
	}
	return cmd
}

// fetch asks for what the screen in sight lacks.
func (m *Model) fetch() tea.Cmd {
	if s, ok := m.screens[m.current].(screen.Reader); ok && m.sight.Snapshot != nil && !m.tooSmall() {
		return s.Fetch()
	}
	return nil
}

// hand gives an answer to the screen that asked; false says that nobody wants it.
func (m *Model) hand(msg tea.Msg) bool {
	for _, s := range m.screens {
		if r, ok := s.(screen.Reader); ok && r.Take(msg) {
			return true
		}
	}
	return false
}

// beat takes in a snapshot; false says that nothing needs drawing.
func (m *Model) beat(b feed.Beat) bool {
	if b.Snapshot == nil || !b.Differs(m.last) {
		return false
	}
	m.rewind(b.At)
	m.tellTape(m.last.Snapshot, b.Snapshot)
	m.last = b
	m.sight = screen.Sight{Snapshot: b.Snapshot, State: status.Of(b.Snapshot), Now: b.At, Keys: m.keys, RejectedLevel: m.config.Rejected}
	for _, s := range m.screens {
		s.See(m.sight)
	}
	m.notices.expire(b.At)
	m.notices.date(b.Snapshot.Run, b.At)
	m.notices.date(checkRun(b.Snapshot), b.At)
	return true
}

// busy reports whether figures are likely to move.
func (m *Model) busy() bool {
	rehearses := m.rehearsed() != nil && m.rehearsed().State.Active()
	return len(m.pending) > 0 || m.replays() || (m.run() != nil && m.run().State.Active()) || m.sight.Checking() != nil || rehearses
}

// run is the run that the operator sees, or nil.
func (m *Model) run() *engine.RunView {
	if m.sight.Snapshot == nil {
		return nil
	}
	return m.sight.Snapshot.Run
}

// subject is the run that actions are taken on: the one that is opened, else the active or last one. It may be nil.
func (m *Model) subject() *engine.RunView {
	if c, ok := m.screens[m.current].(screen.Chooser); ok && m.help == nil {
		if run := c.Run(); run != nil {
			return run
		}
	}
	return m.run()
}

// pending is a task under way.
type pending struct {
	since time.Time
	act   engine.Act // on what run, and the state that the operator saw; zero if it is about none
	then  func(error)
}

// perform starts a task, unless the same one is under way.
func (m *Model) perform(doing string, act engine.Act, task feed.Task) tea.Cmd {
	return m.performThen(doing, act, task, nil)
}

// performThen also does something once the task has ended.
func (m *Model) performThen(doing string, act engine.Act, task feed.Task, then func(error)) tea.Cmd {
	if p, ok := m.pending[doing]; ok {
		m.notices.say(m.sight.Now, doing+": already asked "+widget.Ago(p.since, m.sight.Now))
		return nil
	}
	m.pending[doing] = pending{m.sight.Now, act, then}
	return m.hands(doing, task)
}
