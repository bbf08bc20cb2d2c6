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
	"slices"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"ferry/engine"
	"ferry/tui/feed"
	"ferry/tui/keymap"
	"ferry/tui/screen"
	"ferry/tui/widget"
	"ferry/tui/widget/grid"
)

// Desk is what the screen reads; an engine.Operator is one.
type Desk interface {
	// QuarantineRows gives a page of the rows that are meant.
	QuarantineRows(ctx context.Context, which engine.QuarantineSelection, want engine.Listing) (engine.Page[engine.QuarantineRow], error)
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
	rows   *grid.Grid[engine.QuarantineRow]
	row    engine.QuarantineRow // the one that is opened
	key    string               // its key in the grid
	scroll screen.Scroll        // within it
}

var (
	_ screen.Reader   = (*Quarantine)(nil)
	_ screen.Owner    = (*Quarantine)(nil)
	_ screen.Typist   = (*Quarantine)(nil)
	_ screen.Copier   = (*Quarantine)(nil)
	_ screen.Selector = (*Quarantine)(nil)
	_ screen.Carded   = (*Quarantine)(nil)
	_ screen.Paned    = (*Quarantine)(nil)

	_ screen.ReasonShower = (*Quarantine)(nil)
)

// New makes the screen.
func New(desk Desk, reading feed.Reading) *Quarantine {
	q := &Quarantine{desk: desk, reading: reading}
	q.rows = grid.New(grid.Config[engine.QuarantineRow]{
		Columns: q.columns(), Fields: []string{"parent", "owner", "sqlstate", "waived_by", "note", "first", "payload"}, Reading: reading,
		Empty: "no row is in quarantine for this reason any more",
	})
	return q
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
	q.rows.See(sight.Now, sight.Keys)
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
		q.rows.Renew()
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
		if q.level == inRow {
			return screen.ShowCard(q.Card()), true
		}
		return nil, q.enter()
	case keymap.Back:
		if q.level == inReasons {
			return nil, false
		}
		if q.level != inRows || !q.rows.Do(action) {
			q.level--
		}
		return nil, true
	case keymap.Recheck:
		q.anew = true
		q.rows.Renew()
		return nil, true
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
		if action == keymap.Next || action == keymap.Previous {
			q.rows.Do(action)
			q.openRow()
			return nil, true
		}
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
	case q.level == inRows && q.rows.Row() != nil:
		q.level = inRow
		q.openRow()
	default:
		return false
	}
	return true
}

// ShowReason shows the rows of a reason.
func (q *Quarantine) ShowReason(reason engine.ReasonView) {
	if at := q.indexOf(&reason); at >= 0 {
		q.list.Follow(at)
	}
	q.turnTo(reason)
	q.level = inRows
}

// Panes reports whether the reasons stand beside the rows of one.
func (q *Quarantine) Panes() bool { return q.wide() && q.selected() != nil }

// OtherPane turns from the reasons to the rows beside them, or back.
func (q *Quarantine) OtherPane() {
	if q.level == inReasons {
		q.enter()
		return
	}
	q.level = inReasons
}

// openRow shows the row under the cursor whole.
func (q *Quarantine) openRow() {
	if row := q.rows.Row(); row != nil {
		q.row, q.key, q.scroll = *row, q.rows.Key(), screen.Scroll{}
	}
}

// turnTo makes another reason the one whose rows are read.
func (q *Quarantine) turnTo(reason engine.ReasonView) {
	if q.about.Entity == reason.Entity && q.about.Reason == reason.Reason {
		return
	}
	q.about = reason
	which := engine.QuarantineSelection{Entity: reason.Entity, Reason: reason.Reason}
	q.rows.Open(func(ctx context.Context, filter engine.Filter, want engine.Listing) (engine.Page[engine.QuarantineRow], error) {
		those := which
		those.Filter = filter
		return q.desk.QuarantineRows(ctx, those, want)
	})
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
		s.Row = q.rows.Row()
		marked := q.rows.Selection()
		s.All, s.Filter, s.Fit = marked.All, marked.Filter, q.rows.Total()
		for i := range marked.Rows {
			s.Marked = append(s.Marked, marked.Rows[i].ID)
		}
	case inRow:
		s.Row = &q.row
	}
	return s
}

// Changed says that something was done about rows or rules: marks have done their part, and what is shown is read again.
func (q *Quarantine) Changed() {
	q.rows.Unmark()
	q.anew = true
	q.rows.Renew()
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
	switch {
	case q.level == inRow:
		offer(keymap.Open, "its card")
	case q.Selected() != nil:
		offer(keymap.Open, "open")
	}
	offer(keymap.Mark, "mark")
	offer(keymap.Retry, "retry")
	offer(keymap.Waive, "waive")
	offer(keymap.Switch, "rule")
	if q.level != inReasons {
		offer(keymap.Back, "back")
	}
	if q.level == inRows {
		offer(keymap.Filter, "filter")
		offer(keymap.Sort, "sort")
	}
	return offers
}

// Card is the card that the row is, or belongs to.
func (q *Quarantine) Card() engine.CardKey {
	switch row := q.rows.Row(); {
	case q.level == inRow:
		return screen.CardOf(q.row.Entity, q.row.ID)
	case q.level == inRows && row != nil:
		return screen.CardOf(row.Entity, row.ID)
	}
	return engine.CardKey{}
}

// Owns reports whether an action means something here.
func (q *Quarantine) Owns(action keymap.Action) bool { return grid.Owns(action) }

// Text is the filter of the rows.
func (q *Quarantine) Text() screen.Text { return q.rows }

// Copy is the row that is selected, or those that are marked, one on a line.
func (q *Quarantine) Copy() (text, what string) {
	switch s := q.Selected(); {
	case s == nil:
		return "", ""
	case q.level == inReasons:
		return s.Title, "the reason"
	case len(s.Marked) > 0:
		var lines strings.Builder
		for _, row := range q.rows.Selection().Rows {
			lines.WriteString(line(&row) + "\n")
		}
		return lines.String(), widget.Plural(int64(len(s.Marked)), "row", "rows")
	case s.Row != nil:
		return line(s.Row), "the row"
	}
	return "", ""
}

// line is a row as it is copied: fields with tabs between.
func line(row *engine.QuarantineRow) string {
	return strings.Join([]string{row.Entity, id(row), row.State, row.Reason, row.Detail}, "\t")
}

// Refusal says why an action of this screen cannot be taken now.
func (q *Quarantine) Refusal(action keymap.Action) string {
	if grid.Owns(action) {
		return q.listRefusal(action)
	}
	s := q.Selected()
	switch action { //nolint:exhaustive // the others are not this screen's
	case keymap.Recheck:
		return q.sight.Hinders()
	case keymap.Forecast:
		return "that is on preflight; " + q.sight.Keys.Key(keymap.Preflight) + " opens it"
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

// listRefusal says why the list of rows cannot do something now.
func (q *Quarantine) listRefusal(action keymap.Action) string {
	steps := action == keymap.Next || action == keymap.Previous
	switch {
	case q.level == inReasons:
		return "open a reason first; its rows can be marked, filtered and sorted"
	case q.level == inRow && !steps:
		return "go back to the rows first"
	}
	return q.rows.Refusal(action)
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
