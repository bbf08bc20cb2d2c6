// Package quarantine is the screen of the rows that are not in the engine as they should be: why, what hangs on them,
// what would make them valid, and the rule's switch; the rows of a reason; one row whole.
//
//	reasons ─open→ rows ─open→ row      back goes the other way
//
// The reasons come with each snapshot, rows and rules are read by commands: rows page by page as one scrolls, so that a
// million of them move like ten. Narrow windows show one level at a time, wide ones the reasons beside what is selected.
// What is done about rows is asked by the console; this screen says what is selected.
package quarantine

import (
	"context"
	"maps"
	"slices"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"ferry/engine"
	"ferry/tui/feed"
	"ferry/tui/keymap"
	"ferry/tui/screen"
)

// Desk is what the screen reads; an engine.Operator is one.
type Desk interface {
	// QuarantineRows lists rows by entity and id, from behind a row on.
	QuarantineRows(
		ctx context.Context, which engine.QuarantineSelection, after engine.QuarantineKey, limit int,
	) ([]engine.QuarantineRow, error)
	// Rules lists every rule with its severity in force.
	Rules(ctx context.Context) ([]engine.RuleView, error)
}

// level is how far the operator has gone in.
type level int

const (
	inReasons level = iota
	inRows
	inRow
)

// Quarantine is the screen.
type Quarantine struct {
	desk    Desk
	reading feed.Reading
	sight   screen.Sight
	width   int
	height  int
	level   level

	reasons []engine.ReasonView // with rows first; then rules that are not as they were made, to switch them back
	list    screen.List
	moved   time.Time // when the cursor last moved among the reasons
	rules   feed.Shelf[[]engine.RuleView]
	anew    bool // the rules are wanted again

	about  engine.ReasonView // the reason whose rows are read
	pages  pages
	rows   screen.List
	window [2]int // the rows that were in sight when last drawn
	marks  map[int64]bool
	row    engine.QuarantineRow // the one that is opened
	scroll screen.Scroll        // within it
}

var (
	_ screen.Reader   = (*Quarantine)(nil)
	_ screen.Guide    = (*Quarantine)(nil)
	_ screen.Selector = (*Quarantine)(nil)
)

// New makes the screen.
func New(desk Desk, reading feed.Reading) *Quarantine {
	return &Quarantine{desk: desk, reading: reading, marks: map[int64]bool{}}
}

// Tab names the screen.
func (q *Quarantine) Tab() screen.Tab {
	return screen.Tab{Action: keymap.Quarantine, Short: "Quar", Long: "Quarantine"}
}

// SetSize says how much room there is.
func (q *Quarantine) SetSize(width, height int) { q.width, q.height = width, height }

// See takes what there is to see. The cursor stays on its reason, wherever that stands now; rows of which there are more
// or fewer than before are read again.
func (q *Quarantine) See(sight screen.Sight) {
	q.sight = sight
	selected := q.selected()
	q.gather()
	if selected != nil {
		if at := q.indexOf(selected); at >= 0 {
			q.list.Follow(at)
		}
	}
	now := q.about
	if at := q.indexOf(&q.about); at >= 0 {
		now = q.reasons[at]
	} else if kept, known := q.kept(); len(sight.Snapshot.Reasons) > 0 || (known && kept == 0) {
		now.Rows, now.Waived, now.Hangs = 0, 0, 0 // all have left; without any reasons they may just not be counted yet
	}
	if now != q.about {
		q.about = now
		q.pages.spoil()
	}
}

// gather lists the reasons.
func (q *Quarantine) gather() {
	q.reasons = slices.Clone(q.sight.Snapshot.Reasons)
	for _, rule := range q.rules.Value {
		known := slices.ContainsFunc(q.reasons, func(r engine.ReasonView) bool { return r.Reason == rule.Name })
		if !known && rule.Severity != rule.Default {
			q.reasons = append(q.reasons, engine.ReasonView{Entity: rule.Entity, Reason: rule.Name})
		}
	}
}

func (q *Quarantine) indexOf(r *engine.ReasonView) int {
	return slices.IndexFunc(q.reasons, func(o engine.ReasonView) bool { return o.Entity == r.Entity && o.Reason == r.Reason })
}

// selected is the reason under the cursor, or nil.
func (q *Quarantine) selected() *engine.ReasonView {
	if at := q.list.At(); at < len(q.reasons) {
		return &q.reasons[at]
	}
	return nil
}

// Do moves about, goes in and comes back, and marks rows.
func (q *Quarantine) Do(action keymap.Action) (tea.Cmd, bool) {
	switch action { //nolint:exhaustive // the others are movements, or not for this screen
	case keymap.Open:
		return nil, q.enter()
	case keymap.Back:
		if q.level == inReasons {
			return nil, false
		}
		q.level--
		return nil, true
	case keymap.Recheck:
		q.anew = true
		q.pages.spoil()
		return nil, true
	case keymap.Mark:
		return nil, q.mark()
	}
	switch q.level {
	case inReasons:
		if !q.list.Do(action) {
			return nil, false
		}
		q.moved = q.sight.Now
	case inRows:
		return nil, q.rows.Do(action)
	case inRow:
		return nil, q.scroll.Do(action)
	}
	return nil, true
}

// enter opens what is selected.
func (q *Quarantine) enter() bool {
	switch reason := q.selected(); {
	case q.level == inReasons && reason != nil:
		q.turnTo(*reason)
		q.level = inRows
	case q.level == inRows && q.pages.row(q.rows.At()) != nil:
		q.level, q.row, q.scroll = inRow, *q.pages.row(q.rows.At()), screen.Scroll{}
	default:
		return false
	}
	return true
}

// turnTo makes another reason the one whose rows are read.
func (q *Quarantine) turnTo(reason engine.ReasonView) {
	if q.about.Entity == reason.Entity && q.about.Reason == reason.Reason {
		return
	}
	q.about = reason
	q.pages.clear()
	q.rows.Reset()
	clear(q.marks)
}

// mark marks the row under the cursor, or takes its mark away, and goes on to the next.
func (q *Quarantine) mark() bool {
	row := q.pages.row(q.rows.At())
	if q.level != inRows || row == nil {
		return false
	}
	if q.marks[row.ID] {
		delete(q.marks, row.ID)
	} else {
		q.marks[row.ID] = true
	}
	q.rows.Do(keymap.Down)
	return true
}

// Selected says what actions are about.
func (q *Quarantine) Selected() *screen.Selection {
	reason := q.selected()
	if q.level != inReasons {
		reason = &q.about
	}
	if reason == nil || reason.Reason == "" {
		return nil
	}
	s := &screen.Selection{Reason: *reason, Title: title(reason), Rule: q.rule(reason.Reason)}
	switch q.level {
	case inReasons:
	case inRows:
		s.Row = q.pages.row(q.rows.At())
		s.Marked = slices.Sorted(maps.Keys(q.marks))
	case inRow:
		s.Row = &q.row
	}
	return s
}

// Changed says that something was done about rows or rules: marks have done their part, and what is shown is read again.
func (q *Quarantine) Changed() {
	clear(q.marks)
	q.anew = true
	q.pages.spoil()
}

// rule is the rule that a reason is, or nil.
func (q *Quarantine) rule(reason string) *engine.RuleView {
	at := slices.IndexFunc(q.rules.Value, func(r engine.RuleView) bool { return r.Name == reason })
	if at < 0 {
		return nil
	}
	return &q.rules.Value[at]
}

// Offers lists what the footer names.
func (q *Quarantine) Offers() []screen.Offer {
	var offers []screen.Offer
	offer := func(action keymap.Action, word string) {
		if q.Refusal(action) == "" {
			offers = append(offers, screen.Offer{Action: action, Word: word})
		}
	}
	if q.level != inRow && q.Selected() != nil {
		offer(keymap.Open, "open")
	}
	offer(keymap.Mark, "mark")
	offer(keymap.Retry, "retry")
	offer(keymap.Waive, "waive")
	offer(keymap.Switch, "rule")
	if q.level != inReasons {
		offer(keymap.Back, "back")
	}
	return offers
}

// Refusal says why an action of this screen cannot be taken now.
func (q *Quarantine) Refusal(action keymap.Action) string {
	s := q.Selected()
	switch action { //nolint:exhaustive // the others are not this screen's
	case keymap.Recheck:
		return q.sight.Hinders()
	case keymap.Forecast:
		return "that is on preflight; " + q.sight.Keys.Key(keymap.Preflight) + " opens it"
	case keymap.Mark:
		if q.level != inRows || s == nil || s.Row == nil {
			return "open a reason first; its rows can be marked"
		}
	case keymap.Retry, keymap.Waive:
		switch {
		case q.sight.Hinders() != "":
			return q.sight.Hinders()
		case s == nil:
			return "nothing is in quarantine"
		case s.Reason.Rows == 0:
			return "no row is in quarantine for " + s.Title
		}
	case keymap.Switch:
		return q.switchRefusal(s)
	}
	return ""
}

func (q *Quarantine) switchRefusal(s *screen.Selection) string {
	switch {
	case q.sight.Hinders() != "":
		return q.sight.Hinders()
	case s == nil:
		return "nothing is in quarantine, and every rule is at its default"
	case !isRule(s.Reason.Reason):
		return s.Reason.Reason + " is no rule, so there is nothing to switch"
	case s.Rule == nil:
		return "the rules are not read yet"
	case s.Rule.Fixed:
		return s.Rule.Name + " is fixed: the engine's tables cannot hold such a row"
	}
	return ""
}
