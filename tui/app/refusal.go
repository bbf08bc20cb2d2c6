package app

import (
	"fmt"
	"slices"

	"github.com/muesli/termenv"

	"ferry/engine"
	"ferry/tui/keymap"
	"ferry/tui/screen"
	"ferry/tui/status"
)

// refusal says why an action cannot be taken now, or nothing if it can. It is shown when the key is pressed, and in
// the help.
func (m *Model) refusal(action keymap.Action) string {
	if reason := m.replayRefusal(action); reason != "" {
		return reason
	}
	return m.liveRefusal(action)
}

// liveRefusal is refusal where no recording stands in the way.
func (m *Model) liveRefusal(action keymap.Action) string {
	switch action { //nolint:exhaustive // nothing speaks against the others
	case keymap.Start, keymap.Pause, keymap.Cancel, keymap.Answer, keymap.Init, keymap.Retry, keymap.Waive, keymap.Switch,
		keymap.Seal, keymap.Rerun, keymap.Throttle:
		if reason := m.hinders(action); reason != "" {
			return reason
		}
		if reason := sealedAgainst(m.sight.Snapshot, action); reason != "" {
			return reason
		}
	case keymap.Connect:
		return m.connectRefusal()
	case keymap.Discrepancies, keymap.Ledger:
		if !m.has(action) {
			return noScreen(m.keys.Key(action))
		}
	case keymap.Card:
		if !m.has(action) {
			return "there is no view of a card yet"
		}
	case keymap.Theme, keymap.Dump:
		return m.displayRefusal(action)
	}
	switch action { //nolint:exhaustive // these belong to screens
	case keymap.Retry, keymap.Recheck, keymap.Forecast, keymap.Waive, keymap.Switch:
		return m.screenRefusal(action)
	case keymap.Copy:
		return m.copyRefusal()
	case keymap.Pane:
		return m.paneRefusal()
	case keymap.Filter, keymap.Sort, keymap.SortReverse, keymap.Mark, keymap.MarkRange, keymap.MarkAll, keymap.Next, keymap.Previous,
		keymap.Left, keymap.Right, keymap.Repair, keymap.Acknowledge, keymap.Export, keymap.Rerun:
		return m.ownRefusal(action)
	}
	return m.runRefusal(action)
}

// displayRefusal says why the console cannot show itself otherwise, or elsewhere.
func (m *Model) displayRefusal(action keymap.Action) string {
	switch {
	case action == keymap.Dump && m.config.Save == nil:
		return "no files can be written from here"
	case action == keymap.Dump:
	case m.config.Renderer.ColorProfile() == termenv.Ascii:
		return "there are no colours here (NO_COLOR, or the terminal has none)"
	case len(m.config.Themes) < 2:
		return "there is only one theme"
	}
	return ""
}

// hinders names what stands in the way of any action on the engine.
func (m *Model) hinders(action keymap.Action) string {
	s := m.sight.Snapshot
	reached := s != nil && m.sight.State != status.Connecting
	if reached && s.OnlyLooks() != "" {
		return s.OnlyLooks()
	}
	if action == keymap.Init && reached && !s.Target.Down() {
		switch s.Setup {
		case engine.SetupMissing, engine.SetupOlder:
			return ""
		case engine.SetupReady:
			return "the engine database is initialised"
		case engine.SetupNewer, engine.SetupUnknown:
		}
	}
	return m.sight.Hinders()
}

// connectRefusal says why the addresses cannot be edited now.
func (m *Model) connectRefusal() string {
	switch {
	case m.sight.Snapshot == nil:
		return "the databases are not reached yet"
	case m.sight.State != status.Unreachable:
		return "both databases answer; to cross between others, start ferry on them"
	}
	return ""
}

// screenRefusal says what speaks against an action of a screen.
func (m *Model) screenRefusal(action keymap.Action) string {
	_, selects := m.screens[m.current].(screen.Selector)
	switch action { //nolint:exhaustive // the others are of several screens
	case keymap.Waive, keymap.Switch:
		if !selects {
			return "that is about quarantine; " + m.keys.Key(keymap.Quarantine) + " opens it"
		}
	}
	guide, ok := m.screens[m.current].(screen.Guide)
	if ok {
		return guide.Refusal(action)
	}
	switch action { //nolint:exhaustive // the others are not of a screen
	case keymap.Retry:
		return fmt.Sprintf("select a batch of a run (%s), or rows of quarantine (%s) first",
			m.keys.Key(keymap.Runs), m.keys.Key(keymap.Quarantine))
	case keymap.Forecast:
		return "that is on preflight; " + m.keys.Key(keymap.Preflight) + " opens it"
	}
	return "what is shown here is always fresh"
}

// has reports whether there is a screen that an action leads to.
func (m *Model) has(action keymap.Action) bool {
	return slices.ContainsFunc(m.screens, func(s screen.Screen) bool { return s.Tab().Action == action })
}

func noScreen(key string) string {
	return "there is no screen " + key + " yet; the row above names those there are"
}

// ownRefusal says what speaks against an action that only some screens have.
func (m *Model) ownRefusal(action keymap.Action) string {
	if s, _ := m.stage(); s != nil && action == keymap.Export && m.config.Report == nil {
		return "no report can be written from here; `ferry rehearsals show --report` does it"
	}
	about := action == keymap.Repair || action == keymap.Acknowledge
	missing := about && !m.has(keymap.Discrepancies)
	if owner, ok := m.screens[m.current].(screen.Owner); ok && owner.Owns(action) {
		if reason := owner.Refusal(action); reason != "" || !missing {
			return reason
		}
	}
	if missing {
		return "that is about discrepancies, of which there is no screen yet"
	}
	switch action { //nolint:exhaustive // the others are about lists
	case keymap.Repair, keymap.Acknowledge:
		return "that is about discrepancies; " + m.keys.Key(keymap.Discrepancies) + " opens them"
	case keymap.Rerun:
		return "that is about a rehearsal; " + m.keys.Key(keymap.Rehearsal) + " opens it"
	case keymap.Export:
		if m.sight.State == status.Unreachable {
			return "there is nothing here to export"
		}
		return "both databases answer, and there is nothing here to export"
	}
	return "that is for lists such as quarantine; " + m.keys.Key(keymap.Quarantine) + " opens it"
}

// paneRefusal says why there is no other pane to turn to.
func (m *Model) paneRefusal() string {
	s, ok := m.screens[m.current].(screen.Paned)
	switch {
	case ok && s.Panes():
		return ""
	case ok && m.width < screen.Wide:
		return fmt.Sprintf("panes stand side by side from %d columns on; this window has %d", screen.Wide, m.width)
	}
	return "there is only one pane here"
}

// copyRefusal says why nothing can be copied.
func (m *Model) copyRefusal() string {
	if m.config.Clipboard == nil {
		return "this terminal has no clipboard that ferry could reach"
	}
	if c, ok := m.screens[m.current].(screen.Copier); ok {
		if text, _ := c.Copy(); text != "" {
			return ""
		}
	}
	return "nothing is selected that could be copied"
}

// runRefusal says what in the state of the run speaks against an action.
func (m *Model) runRefusal(action keymap.Action) string {
	if reason, about := m.rehearsalRefusal(action); about {
		return reason
	}
	last, run := m.run(), m.subject()
	switch action { //nolint:exhaustive // the others do not depend on the run
	case keymap.Pause:
		return pauseRefusal(last, run)
	case keymap.Answer:
		switch {
		case last == nil:
			return "no run needs an answer"
		case last.State != engine.RunAsking:
			return fmt.Sprintf("run #%d %s: it needs no answer", last.ID, last.State.Is())
		}
	case keymap.Seal:
		return sealRefusal(m.sight.Snapshot)
	case keymap.Cancel:
		switch {
		case m.sight.Checking() != nil: // that can be cancelled in any case
		case run == nil:
			return "there is no run to cancel"
		case !run.State.Active():
			return fmt.Sprintf("run #%d is %s already", run.ID, run.State)
		}
	}
	return ""
}

// pauseRefusal says what speaks against pausing and resuming: only about a run of the past can there be anything.
func pauseRefusal(last, run *engine.RunView) string {
	switch {
	case run == nil || (last != nil && run.ID == last.ID):
	case run.State.Resumable() && last != nil && last.State.Active():
		return onlyOne(last)
	case !run.State.Resumable():
		return fmt.Sprintf("run #%d is %s: nothing to pause or resume", run.ID, run.State)
	}
	return ""
}

func onlyOne(run *engine.RunView) string {
	return fmt.Sprintf("run #%d %s, and only one run writes at a time", run.ID, run.State.Is())
}
