package app

import (
	tea "github.com/charmbracelet/bubbletea"

	"ferry/tui/keymap"
	"ferry/tui/screen"
)

// key takes what the operator pressed. Keys that came in one piece, from a fast hand or a slow line, count one by one.
func (m *Model) key(msg tea.KeyMsg) tea.Cmd {
	switch {
	case m.dialog != nil:
		return m.formKey(msg)
	case m.palette != nil:
		return m.paletteKey(msg)
	case m.text() != nil:
		m.textKey(msg)
		return nil
	case msg.Paste:
		return nil
	}
	if msg.Type != tea.KeyRunes || len(msg.Runes) < 2 {
		return m.press(msg.String())
	}
	var cmds []tea.Cmd
	for i, r := range msg.Runes {
		if m.dialog != nil { // the rest belongs to the form that the first ones opened, which nobody has read yet
			m.notices.sayHere(m.sight.Now, "a question opened: what you typed after "+string(msg.Runes[:i])+" was not taken")
			break
		}
		if m.palette != nil || m.text() != nil { // a line that they opened: the rest is what is typed there
			cmds = append(cmds, m.key(tea.KeyMsg{Type: tea.KeyRunes, Runes: msg.Runes[i:], Alt: msg.Alt}))
			break
		}
		cmds = append(cmds, m.press(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune{r}, Alt: msg.Alt}.String()))
	}
	return tea.Batch(cmds...)
}

func (m *Model) press(key string) tea.Cmd {
	action, ok := m.meaning(key)
	if !ok {
		if len(key) == 1 && key[0] >= '1' && key[0] <= '9' { // where the screens are
			m.notices.say(m.sight.Now, key+": "+noScreen(key))
		}
		return nil
	}
	if m.tooSmall() && action != keymap.Quit && action != keymap.Redraw && action != keymap.Suspend {
		return nil
	}
	if m.picker != nil && !m.tooSmall() {
		return m.pick(action)
	}
	if m.help != nil && m.inHelp(action) {
		return nil
	}
	if reason := m.refusal(action); reason != "" {
		m.notices.say(m.sight.Now, keymap.Name(key)+": "+reason)
		return nil
	}
	m.acted = action
	return m.do(action)
}

// meaning is the action that a key stands for now.
func (m *Model) meaning(key string) (keymap.Action, bool) {
	if action, ok := m.keys.InReplay(key); ok && m.config.Replay != nil {
		return action, true
	}
	if action, ok := m.keys.InLost(key); ok && m.refusal(action) == "" {
		return action, true
	}
	if action, ok := m.keys.Action(key); ok {
		return action, true
	}
	return m.keys.InLost(key)
}

// inHelp carries out an action on the open help; false says that the help has no use for it.
func (m *Model) inHelp(action keymap.Action) bool {
	switch {
	case m.help.Do(action):
	case action == keymap.Help || action == keymap.Back || action == keymap.Quit:
		m.help = nil
	default:
		return false
	}
	return true
}

// do carries out an action that nothing speaks against.
func (m *Model) do(action keymap.Action) tea.Cmd {
	if action == keymap.Card {
		m.askCard()
		return nil
	}
	for i, s := range m.screens {
		if s.Tab().Action == action {
			return m.show(i)
		}
	}
	if cmd, taken := m.aboutRehearsal(action); taken {
		return cmd
	}
	if m.question(action) {
		return nil
	}
	switch action { //nolint:exhaustive // the screen gets the others
	case keymap.Pane:
		if s, ok := m.screens[m.current].(screen.Paned); ok {
			s.OtherPane()
		}
	case keymap.Connect:
		return m.askConnect()
	case keymap.Help:
		m.help = &screen.Scroll{}
	case keymap.Palette:
		m.palette, m.help = newPalette(), nil
	case keymap.Copy:
		return m.copySelected()
	case keymap.Dump, keymap.Mouse, keymap.Theme, keymap.Redraw, keymap.Suspend:
		return m.display(action)
	case keymap.Quit:
		return m.askQuit()
	default:
		return m.onScreen(action)
	}
	return nil
}

// display carries out an action that is about the console itself.
func (m *Model) display(action keymap.Action) tea.Cmd {
	switch action { //nolint:exhaustive // the others are about something
	case keymap.Dump:
		return m.dump()
	case keymap.Mouse:
		return m.toggleMouse()
	case keymap.Redraw:
		return tea.ClearScreen
	case keymap.Suspend:
		return tea.Suspend
	}
	m.pickTheme()
	return nil
}

// question opens the form of an action that asks first; false says that it is none.
func (m *Model) question(action keymap.Action) bool {
	if m.aboutFound(action) {
		return true
	}
	switch action { //nolint:exhaustive // the others ask nothing
	case keymap.Start:
		m.askStart()
	case keymap.Pause:
		m.askPause(m.subject())
	case keymap.Cancel:
		m.askCancelOf(m.subject())
	case keymap.Answer:
		m.askAnswer()
	case keymap.Init:
		m.askInit()
	case keymap.Seal:
		m.askSeal()
	case keymap.Throttle:
		m.askThrottle()
	case keymap.Retry:
		m.askRetry()
	case keymap.Waive:
		m.askWaive(m.selection())
	case keymap.Switch:
		m.askSwitch(m.selection())
	default:
		return false
	}
	return true
}

// onScreen lets the current screen act; what it has no use for may still mean something to the console. An error that is
// shown is dismissed before one goes back, for that is what it says.
func (m *Model) onScreen(action keymap.Action) tea.Cmd {
	if m.steer(action) {
		return nil
	}
	if action == keymap.Filter {
		m.help = nil // who types must see where
	}
	if action == keymap.Back && m.backFirst() {
		return nil
	}
	if cmd, used := m.screens[m.current].Do(action); used {
		return cmd
	}
	switch {
	case action == keymap.Back:
		m.backLast()
	case action == keymap.Open && m.refusal(keymap.Answer) == "" && m.screens[m.current].Tab().Action == keymap.Overview:
		m.askAnswer()
	case action == keymap.Open && m.refusal(keymap.Init) == "":
		m.askInit()
	}
	return nil
}
