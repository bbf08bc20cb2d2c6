// Package keymap is the one table of what can be done by key: its name, its keys, a word for the footer and a line for
// the help. Footer, help, command palette, lookup and the README's table all read it; nothing else mentions a key.
//
// Keys lead to actions, and screens and the app handle actions, never keys, so an operator may put any action on another
// key. A scope says where a binding counts: everywhere, on the screens, or in a form, which then has all keys to itself.
// While a database cannot be reached, what mends that goes before what a key means on a screen; so does what steers a replay.
// Within what counts at one moment a key means one thing; a collision is an error when a map is made.
package keymap

//go:generate go run ferry/tui/keymap/table ../../README.md

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Action is what an operator can ask for. Its text is the name used in the configuration.
type Action string

// The actions.
const (
	Overview      Action = "overview"
	Runs          Action = "runs"
	Discrepancies Action = "discrepancies"
	Quarantine    Action = "quarantine"
	Ledger        Action = "ledger"
	Rehearsal     Action = "rehearsal"
	Activity      Action = "activity"
	Preflight     Action = "preflight"
	Card          Action = "card"
	Connect       Action = "connect"

	Start       Action = "start"
	Pause       Action = "pause"
	Cancel      Action = "cancel"
	Answer      Action = "answer"
	Init        Action = "init"
	Seal        Action = "seal"
	Throttle    Action = "throttle"
	Retry       Action = "retry"
	Waive       Action = "waive"
	Switch      Action = "switch"
	Recheck     Action = "recheck"
	Repair      Action = "repair"
	Acknowledge Action = "acknowledge"
	Export      Action = "export"
	Rerun       Action = "rerun"
	Copy        Action = "copy"
	Forecast    Action = "forecast"
	Open        Action = "open"
	Back        Action = "back"
	Pane        Action = "pane"

	Filter      Action = "filter"
	Sort        Action = "sort"
	SortReverse Action = "sort-reverse"
	Mark        Action = "mark"
	MarkRange   Action = "mark-range"
	MarkAll     Action = "mark-all"
	Next        Action = "next"
	Previous    Action = "previous"

	Up       Action = "up"
	Down     Action = "down"
	Left     Action = "left"
	Right    Action = "right"
	PageUp   Action = "page-up"
	PageDown Action = "page-down"
	Top      Action = "top"
	Bottom   Action = "bottom"

	ReplayPause   Action = "replay-pause"
	ReplayBack    Action = "replay-back"
	ReplayStep    Action = "replay-step"
	ReplayRewind  Action = "replay-rewind"
	ReplayForward Action = "replay-forward"
	ReplaySlower  Action = "replay-slower"
	ReplayFaster  Action = "replay-faster"

	Palette Action = "palette"
	Help    Action = "help"
	Theme   Action = "theme"
	Dump    Action = "dump"
	Mouse   Action = "mouse"
	Redraw  Action = "redraw"
	Suspend Action = "suspend"
	Quit    Action = "quit"

	FormNext   Action = "form-next"
	FormPrev   Action = "form-previous"
	FormAccept Action = "form-accept"
	FormClose  Action = "form-close"
	FormErase  Action = "form-erase"
	FormClear  Action = "form-clear"

	FieldNext   Action = "field-next"
	FieldPrev   Action = "field-previous"
	FieldAccept Action = "field-accept"
	FieldClose  Action = "field-close"
	FieldLeft   Action = "field-left"
	FieldRight  Action = "field-right"
	FieldHome   Action = "field-home"
	FieldEnd    Action = "field-end"
	FieldErase  Action = "field-erase"
	FieldDelete Action = "field-delete"
	FieldClear  Action = "field-clear"
)

// Scope is where a binding counts.
type Scope string

// The scopes.
const (
	Everywhere Scope = "everywhere" // but not in a form
	Screens    Scope = "screens"    // moving about in a screen, and in the help
	Lost       Scope = "lost"       // while a database cannot be reached; there it goes before Screens
	Replays    Scope = "replays"    // while a recording is shown; there it goes before Screens
	Forms      Scope = "forms"
	Fields     Scope = "fields" // a form of several lines of text, such as Connect
)

// modal scopes have all keys to themselves.
func (s Scope) modal() bool { return s == Forms || s == Fields }

// Binding is one row of the table.
type Binding struct {
	Action Action
	Keys   []string // as Bubble Tea names them; the first is the one that is shown
	Short  string   // for the footer
	Long   string   // for the help
	Scope  Scope
	Footer bool
}

// Map is a table of bindings.
type Map struct {
	bindings []Binding
	lookup   map[Scope]map[string]Action
}

// Default is ferry's table.
func Default() Map {
	m, _ := New(defaults) // a test makes sure that nothing collides
	return m
}

var defaults = []Binding{
	{Answer, []string{"A"}, "answer", "answer the question of the run", Everywhere, true},
	{Start, []string{"s"}, "start", "start a sync or a check, keep in step every 20 s, or continue the last run", Everywhere, true},
	{Pause, []string{"p"}, "pause", "pause for everyone, or resume: the run, the check, one entity, the ticks", Everywhere, true},
	{Cancel, []string{"x"}, "cancel", "cancel the run or the check for everyone", Everywhere, true},
	{Init, []string{"i"}, "initialise", "make ferry's tables in the engine database, or migrate them", Everywhere, true},
	{Seal, []string{"S"}, "seal", "seal the engine against every ferry, after the cutover; or open it again", Everywhere, false},
	{Throttle, []string{"b"}, "throttle", "bound rows a second and rows of a batch, at once and for everyone", Everywhere, false},
	{Overview, []string{"1"}, "overview", "overview: is it running, is it right", Everywhere, false},
	{Runs, []string{"2"}, "runs", "runs: their history, steps and batches", Everywhere, false},
	{Discrepancies, []string{"3"}, "discrepancies", "discrepancies: where the engine is not what Odoo says, and why", Everywhere, false},
	{Quarantine, []string{"4"}, "quarantine", "quarantine: which rows are not in the engine, and why", Everywhere, false},
	{Ledger, []string{"5"}, "ledger", "ledger: cards whose balances disagree in Odoo itself", Everywhere, false},
	{Rehearsal, []string{"6"}, "rehearsal", "rehearsal: may we cut over, and how long does it take", Everywhere, false},
	{Activity, []string{"7"}, "activity", "activity: who did what, and when", Everywhere, false},
	{Card, []string{"c"}, "card", "a card by its id or code: what Odoo has, what the engine has, and why", Everywhere, true},
	{Preflight, []string{"P"}, "preflight", "preflight: may a sync begin", Everywhere, true},
	{Connect, []string{"e"}, "edit", "edit the addresses of the databases, while one does not answer", Lost, true},
	{Filter, []string{"/"}, "filter", "lists: only rows that fit; regex, !regex, column:regex", Screens, false},
	{Sort, []string{"o"}, "sort", "lists: sort by the next column", Screens, false},
	{SortReverse, []string{"O"}, "reverse", "lists: sort the other way round", Screens, false},
	{Mark, []string{" ", "m"}, "mark", "lists: mark the row, or take its mark away", Screens, false},
	{MarkRange, []string{"M"}, "mark to", "lists: mark all rows from the last mark to this one", Screens, false},
	{MarkAll, []string{"ctrl+a"}, "mark all", "lists: mark all rows that fit the filter, or take the marks away", Screens, false},
	{Next, []string{"n"}, "next", "lists: to the next row that is marked, or without marks to the next row", Screens, false},
	{Previous, []string{"N"}, "previous", "lists: to the one before", Screens, false},
	{Retry, []string{"T"}, "retry", "hand the selected batch out again; read rows of quarantine again", Screens, false},
	{Waive, []string{"w"}, "waive", "quarantine: let rows stay there, with a note; or count them again", Screens, false},
	{Switch, []string{"v"}, "rule", "quarantine: set the rule to reject, warn or off", Screens, false},
	{Recheck, []string{"r"}, "again", "look again", Screens, false},
	{Repair, []string{"R"}, "repair", "discrepancies, a card: plan the repair of rows, then carry it out", Screens, false},
	{Acknowledge, []string{"a"}, "acknowledge", "discrepancies, a card: take note of rows, with a reason", Screens, false},
	{Export, []string{"e"}, "export", "write the rows that are marked, or all that fit, to a file; a rehearsal: its report", Screens, false},
	{Rerun, []string{"."}, "measure again", "rehearsal: measure one gate again", Screens, false},
	{Copy, []string{"y"}, "copy", "copy what is selected to the clipboard of this terminal", Screens, false},
	{Forecast, []string{"f"}, "forecast", "preflight: forecast what the rules would reject; a card: read its ledger from Odoo", Screens, false},
	{Open, []string{"enter"}, "open", "open what is selected or offered", Screens, false},
	{Back, []string{"esc"}, "back", "take the filter away; go back; dismiss the message shown", Screens, false},
	{Pane, []string{"tab", "shift+tab"}, "pane", "in a wide window: to the other pane", Screens, false},
	{Up, []string{"up", "k"}, "up", "one line up", Screens, false},
	{Down, []string{"down", "j"}, "down", "one line down", Screens, false},
	{Left, []string{"left", "h"}, "left", "lists: columns further left", Screens, false},
	{Right, []string{"right", "l"}, "right", "lists: columns further right", Screens, false},
	{PageUp, []string{"pgup", "ctrl+b"}, "page up", "one page up", Screens, false},
	{PageDown, []string{"pgdown", "ctrl+f"}, "page down", "one page down", Screens, false},
	{Top, []string{"home", "g"}, "top", "to the first line", Screens, false},
	{Bottom, []string{"end", "G"}, "bottom", "to the last line", Screens, false},
	{Theme, []string{"t"}, "theme", "choose a theme by looking at it", Everywhere, false},
	{Dump, []string{"D"}, "dump", "write the screen to a file, as text and as a picture (SVG)", Everywhere, false},
	{Mouse, []string{"ctrl+t"}, "mouse", "let the mouse scroll and select, or leave it to the terminal", Everywhere, false},
	{Redraw, []string{"ctrl+l"}, "redraw", "draw the screen afresh", Everywhere, false},
	{Suspend, []string{"ctrl+z"}, "suspend", "back to the shell; fg returns", Everywhere, false},
	{ReplayPause, []string{" "}, "hold", "a replay: hold it, or let it go on; at its end once more", Replays, true},
	{ReplayBack, []string{"["}, "step back", "a replay: to the snapshot before, and hold there", Replays, false},
	{ReplayStep, []string{"]"}, "step", "a replay: to the next snapshot, and hold there", Replays, true},
	{ReplayRewind, []string{"{"}, "rewind", "a replay: half a minute back", Replays, false},
	{ReplayForward, []string{"}"}, "forward", "a replay: half a minute ahead", Replays, true},
	{ReplaySlower, []string{"<"}, "slower", "a replay: slower", Replays, false},
	{ReplayFaster, []string{">"}, "faster", "a replay: faster, up to ten minutes in a second", Replays, true},
	{Palette, []string{":"}, "command", "find any action by its name, and do it", Everywhere, true},
	{Help, []string{"?"}, "help", "this help", Everywhere, true},
	{Quit, []string{"q", "ctrl+c"}, "quit", "leave; asks first while a run is at work here", Everywhere, true},

	{FormNext, []string{"tab", "right", "down"}, "next", "next choice", Forms, false},
	{FormPrev, []string{"shift+tab", "left", "up"}, "previous", "previous choice", Forms, false},
	{FormAccept, []string{"enter"}, "choose", "take the choice that is marked ›", Forms, false},
	{FormClose, []string{"esc", "ctrl+c"}, "close", "close without doing anything", Forms, false},
	{FormErase, []string{"backspace", "ctrl+h"}, "erase", "erase a character", Forms, false},
	{FormClear, []string{"ctrl+u"}, "clear", "erase all", Forms, false},

	{FieldNext, []string{"tab", "down"}, "next", "next field", Fields, false},
	{FieldPrev, []string{"shift+tab", "up"}, "previous", "previous field", Fields, false},
	{FieldAccept, []string{"enter"}, "choose", "take what is marked ›", Fields, false},
	{FieldClose, []string{"esc", "ctrl+c"}, "leave", "leave without connecting", Fields, false},
	{FieldLeft, []string{"left", "ctrl+b"}, "left", "one character left", Fields, false},
	{FieldRight, []string{"right", "ctrl+f"}, "right", "one character right", Fields, false},
	{FieldHome, []string{"home", "ctrl+a"}, "home", "to the first character", Fields, false},
	{FieldEnd, []string{"end", "ctrl+e"}, "end", "behind the last character", Fields, false},
	{FieldErase, []string{"backspace", "ctrl+h"}, "erase", "erase the character before", Fields, false},
	{FieldDelete, []string{"delete", "ctrl+d"}, "delete", "erase the character under the cursor", Fields, false},
	{FieldClear, []string{"ctrl+u"}, "clear", "erase all", Fields, false},
}

// New makes a map of bindings. Two actions that count at the same moment may not share a key, an action has one row,
// and at least one key.
func New(bindings []Binding) (Map, error) {
	m := Map{bindings: slices.Clone(bindings), lookup: map[Scope]map[string]Action{}}
	seen := map[Action]bool{}
	for _, b := range bindings {
		switch {
		case seen[b.Action]:
			return Map{}, fmt.Errorf("keymap: action %q stands twice", b.Action)
		case len(b.Keys) == 0:
			return Map{}, fmt.Errorf("keymap: action %q has no key", b.Action)
		}
		seen[b.Action] = true
		for _, key := range b.Keys {
			if other, taken := m.taken(b.Scope, key); taken {
				return Map{}, fmt.Errorf("keymap: key %q means both %q and %q", key, other, b.Action)
			}
			if m.lookup[b.Scope] == nil {
				m.lookup[b.Scope] = map[string]Action{}
			}
			m.lookup[b.Scope][key] = b.Action
		}
	}
	return m, nil
}

func (m Map) taken(scope Scope, key string) (Action, bool) {
	for other, keys := range m.lookup {
		if together(other, scope) {
			if action, ok := keys[key]; ok {
				return action, true
			}
		}
	}
	return "", false
}

// together reports whether two scopes count at one moment, and none of them goes before the other.
func together(a, b Scope) bool {
	switch {
	case a == b:
		return true
	case a.modal() || b.modal():
		return false
	}
	return (a != Screens || !b.first()) && (b != Screens || !a.first())
}

// first reports whether a scope goes before what a key means on a screen.
func (s Scope) first() bool { return s == Lost || s == Replays }

// UnknownError says that there is no action, or no key, of a name.
type UnknownError struct {
	What  string // "action" or "key"
	Name  string
	For   string   // of a key: the action that was to have it
	Known []string // what there is, to suggest what may have been meant
}

func (e *UnknownError) Error() string {
	if e.For != "" {
		return fmt.Sprintf("keymap: %s: no %s %q", e.For, e.What, e.Name)
	}
	return fmt.Sprintf("keymap: no %s %q", e.What, e.Name)
}

// Remap gives actions other keys, by name. It fails with an UnknownError, or where two actions would share a key.
func (m Map) Remap(keys map[string][]string) (Map, error) {
	bindings := slices.Clone(m.bindings)
	for _, name := range slices.Sorted(maps.Keys(keys)) {
		at := slices.IndexFunc(bindings, func(b Binding) bool { return string(b.Action) == name })
		if at < 0 {
			known := make([]string, len(bindings))
			for i, b := range bindings {
				known[i] = string(b.Action)
			}
			return Map{}, &UnknownError{What: "action", Name: name, Known: known}
		}
		bindings[at].Keys = nil
		for _, key := range keys[name] {
			sent, ok := parseKey(key)
			if !ok {
				return Map{}, &UnknownError{What: "key", Name: key, For: name, Known: KeyNames()}
			}
			bindings[at].Keys = append(bindings[at].Keys, sent)
		}
	}
	return New(bindings)
}

// InLost is what a key means while a database cannot be reached, before all else that it means.
func (m Map) InLost(key string) (Action, bool) {
	action, ok := m.lookup[Lost][key]
	return action, ok
}

// InReplay is what a key means while a recording is shown, before all else that it means.
func (m Map) InReplay(key string) (Action, bool) {
	action, ok := m.lookup[Replays][key]
	return action, ok
}

// Action is what a key means on the screens.
func (m Map) Action(key string) (Action, bool) {
	if action, ok := m.lookup[Everywhere][key]; ok {
		return action, true
	}
	action, ok := m.lookup[Screens][key]
	return action, ok
}

// InForm is what a key means in a form; a key that means nothing is text.
func (m Map) InForm(key string) (Action, bool) {
	action, ok := m.lookup[Forms][key]
	return action, ok
}

// InField is what a key means among several fields; a key that means nothing is text.
func (m Map) InField(key string) (Action, bool) {
	action, ok := m.lookup[Fields][key]
	return action, ok
}

// Bindings lists the table in order.
func (m Map) Bindings() []Binding { return slices.Clone(m.bindings) }

// Key is the key to name for an action: "s", "space".
func (m Map) Key(action Action) string {
	for _, b := range m.bindings {
		if b.Action == action {
			return Name(b.Keys[0])
		}
	}
	return ""
}

// Name is a key as it is written for people.
func Name(key string) string {
	if before, ok := strings.CutSuffix(key, " "); ok {
		return before + "space"
	}
	return key
}

// AllKeys lists the keys of a binding as they are written for people: "up, k".
func (b Binding) AllKeys() string {
	names := make([]string, len(b.Keys))
	for i, key := range b.Keys {
		names[i] = Name(key)
	}
	return strings.Join(names, ", ")
}
