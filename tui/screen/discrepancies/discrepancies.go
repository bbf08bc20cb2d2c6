// Package discrepancies is the screen of what checks have found: how many by entity, cause and state; the discrepancies
// themselves; one of them with its life; and what a repair would write.
//
//	counts ─open→ rows ─open→ row ─open→ the card view      back goes the other way
//	                 R → the plan of a repair → the typed name of the database → its run
//
// The proof comes with each snapshot; counts, rows and plans are read by commands. What is done about discrepancies is asked
// by the console; this screen says what is selected, and shows the plan.
package discrepancies

import (
	"context"
	"slices"

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
	// Discrepancies lists a page of discrepancies.
	Discrepancies(ctx context.Context, which engine.DiscrepancySelection, l engine.Listing) (engine.Page[engine.Discrepancy], error)
	// DiscrepancyCounts counts the open ones by entity, cause and state.
	DiscrepancyCounts(ctx context.Context, which engine.DiscrepancySelection) ([]engine.DiscrepancyCount, error)
	// PlanRepair writes down what a repair would do.
	PlanRepair(ctx context.Context, which engine.DiscrepancySelection, o engine.RepairOptions, act engine.Act) (*engine.RepairPlan, error)
}

// level is how far the operator has gone in.
type level int

const (
	inCounts level = iota
	inRows
	inRow
)

// Discrepancies is the screen.
type Discrepancies struct {
	desk    Desk
	reading feed.Reading
	show    func(engine.CardKey) tea.Cmd
	sight   screen.Sight
	width   int
	height  int
	level   level

	counts feed.Shelf[[]engine.DiscrepancyCount]
	lines  []engine.DiscrepancyCount // in order
	anew   bool                      // they are wanted again
	proof  mark                      // what they were read for
	list   screen.List

	about  engine.DiscrepancyCount // the line that is opened; of no entity: all of them
	grid   *grid.Grid[engine.Discrepancy]
	row    engine.Discrepancy // the one that is opened
	fresh  feed.Shelf[engine.Page[engine.Discrepancy]]
	again  bool          // it is wanted again
	scroll screen.Scroll // within it

	planning bool // the plan has the screen
	plan     plan
}

// mark tells whether a check or a repair has changed what is found.
type mark struct {
	run                engine.RunID
	settled, inFlight  int64
	explained, newest  int64
	repaired, finished int64
}

var (
	_ screen.Reader = (*Discrepancies)(nil)
	_ screen.Owner  = (*Discrepancies)(nil)
	_ screen.Finder = (*Discrepancies)(nil)
	_ screen.Typist = (*Discrepancies)(nil)
	_ screen.Copier = (*Discrepancies)(nil)
	_ screen.Carded = (*Discrepancies)(nil)
	_ screen.Paned  = (*Discrepancies)(nil)
)

// New makes the screen. Show is the command that has a card shown.
func New(desk Desk, reading feed.Reading, show func(engine.CardKey) tea.Cmd) *Discrepancies {
	d := &Discrepancies{desk: desk, reading: reading, show: show}
	d.grid = d.newGrid(&d.about)
	return d
}

// Tab names the screen.
func (d *Discrepancies) Tab() screen.Tab {
	return screen.Tab{Action: keymap.Discrepancies, Short: "Diff", Long: "Discrepancies"}
}

// SetSize says how much room there is.
func (d *Discrepancies) SetSize(width, height int) { d.width, d.height = width, height }

// See takes what there is to see. When a check or a repair has changed what is found, it is read again.
func (d *Discrepancies) See(sight screen.Sight) {
	d.sight = sight
	d.grid.See(sight.Now, sight.Keys)
	if now := markOf(sight.Snapshot); now != d.proof {
		d.proof, d.anew = now, true
	}
}

func markOf(s *engine.Snapshot) mark {
	m := mark{
		settled: s.Proof.Settled, inFlight: s.Proof.InFlight, explained: s.Proof.Explained, newest: s.Proof.NewestAt.UnixNano(),
		repaired: s.Proof.RepairedAt.UnixNano(),
	}
	if c := s.Check; c != nil {
		m.run, m.finished = c.ID, c.FinishedAt.UnixNano()
		m.settled, m.inFlight = m.settled+c.Settled, m.inFlight+c.InFlight
	}
	return m
}

// Do moves about, goes in and comes back, and marks.
func (d *Discrepancies) Do(action keymap.Action) (tea.Cmd, bool) {
	if d.planning {
		return nil, d.doInPlan(action)
	}
	switch action { //nolint:exhaustive // the others are movements, or not for this screen
	case keymap.Open:
		return d.enter()
	case keymap.Back:
		if d.level == inRows && d.grid.Do(action) { // it takes the filter away
			return nil, true
		}
		if d.level == inCounts {
			return nil, false
		}
		d.level--
		return nil, true
	}
	switch d.level {
	case inCounts:
		return nil, d.list.Do(action)
	case inRows:
		return nil, d.grid.Do(action)
	case inRow:
		if (action == keymap.Next || action == keymap.Previous) && d.grid.Do(action) {
			d.turnToRow()
			return nil, true
		}
		return nil, d.scroll.Do(action)
	}
	return nil, false
}

// enter opens what is selected.
func (d *Discrepancies) enter() (tea.Cmd, bool) {
	switch {
	case d.level == inCounts:
		line := d.selected()
		if line == nil {
			return nil, false
		}
		d.open(*line)
		d.level = inRows
	case d.level == inRows && d.grid.Row() != nil:
		d.level = inRow
		d.turnToRow()
	case d.level == inRow && d.Card() != (engine.CardKey{}):
		return d.show(d.Card()), true
	default:
		return nil, false
	}
	return nil, true
}

// Panes reports whether the list stands beside the row under its cursor.
func (d *Discrepancies) Panes() bool {
	return d.width >= screen.Wide && !d.planning && d.level != inCounts && (d.level == inRow || d.grid.Row() != nil)
}

// OtherPane turns from the list to the row beside it, or back.
func (d *Discrepancies) OtherPane() {
	if d.level == inRows {
		d.level = inRow
		d.turnToRow()
		return
	}
	d.level = inRows
}

// turnToRow opens the row under the grid's cursor.
func (d *Discrepancies) turnToRow() {
	if row := d.grid.Row(); row != nil {
		d.row, d.scroll, d.again = *row, screen.Scroll{}, false
		d.fresh.Clear()
	}
}

// open makes another line of the counts the one whose rows are read.
func (d *Discrepancies) open(line engine.DiscrepancyCount) {
	if d.grid.Known() && sameLine(&d.about, &line) {
		d.about = line
		return
	}
	d.about = line
	d.grid.Open(nil) // what it waits for is not wanted any more
	d.grid = d.newGrid(&line)
	d.grid.See(d.sight.Now, d.sight.Keys)
	which := selection(&line)
	d.grid.Open(func(ctx context.Context, f engine.Filter, want engine.Listing) (engine.Page[engine.Discrepancy], error) {
		asked := which
		asked.Filter = f
		return d.desk.Discrepancies(ctx, asked, want)
	})
}

func sameLine(a, b *engine.DiscrepancyCount) bool {
	return a.Entity == b.Entity && a.Cause == b.Cause && a.State == b.State
}

// selection means the discrepancies of a line of the counts.
func selection(line *engine.DiscrepancyCount) engine.DiscrepancySelection {
	which := engine.DiscrepancySelection{Entity: line.Entity, Cause: line.Cause}
	if line.State != "" {
		which.States = []engine.DiscrepancyState{line.State}
	}
	return which
}

// Found lists what actions can be about: the row that is opened or under the cursor, or what is marked; then all of the line.
func (d *Discrepancies) Found() []screen.Found {
	if d.planning {
		return nil
	}
	switch d.level {
	case inCounts:
		if line := d.selected(); line != nil {
			return []screen.Found{allOf(line, nil, engine.Known(line.Fields))}
		}
		return nil
	case inRow:
		return []screen.Found{theRow(&d.row, d.sight)}
	case inRows:
	}
	marked := d.grid.Selection()
	all := allOf(&d.about, marked.Filter, d.grid.Total())
	switch {
	case marked.All:
		return []screen.Found{all}
	case !marked.None():
		return []screen.Found{theMarked(marked.Rows, d.sight), all}
	case d.grid.Row() != nil:
		return []screen.Found{theRow(d.grid.Row(), d.sight), all}
	}
	return nil
}

// theRow is one discrepancy, in the state that the operator sees.
func theRow(row *engine.Discrepancy, sight screen.Sight) screen.Found {
	return screen.Found{
		Name: name(row), Short: "this one", Of: name(row), Count: engine.Known[int64](1), Acked: row.Acknowledged(sight.Now),
		Extras: row.Cause.OnlyInEngine(), Kept: row.Cause.OnlyInEngine(),
		Which: engine.DiscrepancySelection{IDs: []int64{row.ID}, States: []engine.DiscrepancyState{row.State}},
	}
}

// theMarked are those that are marked, in the states in which they were when last seen.
func theMarked(rows []engine.Discrepancy, sight screen.Sight) screen.Found {
	n := int64(len(rows))
	f := screen.Found{Short: "the " + widget.Plural(n, "marked one", "marked ones"), Count: engine.Known(n)}
	f.Name = f.Short
	for i := range rows {
		row := &rows[i]
		f.Which.IDs = append(f.Which.IDs, row.ID)
		if !slices.Contains(f.Which.States, row.State) {
			f.Which.States = append(f.Which.States, row.State)
		}
		f.Acked = f.Acked || row.Acknowledged(sight.Now)
		f.Extras = f.Extras || row.Cause.OnlyInEngine()
	}
	return f
}

// allOf are all of a line of the counts that fit a filter.
func allOf(line *engine.DiscrepancyCount, filter engine.Filter, total engine.Maybe[int64]) screen.Found {
	which := selection(line)
	which.Filter = filter
	if len(which.States) == 0 {
		which.States = engine.OpenDiscrepancy
	}
	f := screen.Found{
		Short: "all", Of: lineName(line), Which: which, Count: total, Acked: line.Acknowledged > 0,
		Extras: line.Cause == "" || line.Cause.OnlyInEngine(),
	}
	if total.Known {
		f.Short = "all " + widget.Count(total.Value)
	}
	if len(filter) > 0 {
		f.Of = "that fit the filter"
	}
	f.Name = f.Short + " " + f.Of
	return f
}

// Changed says that something was done: marks have done their part, and what is shown is read again.
func (d *Discrepancies) Changed() {
	d.anew, d.again = true, true
	d.grid.Unmark()
	d.grid.Renew()
}

// Card is the card of what is selected.
func (d *Discrepancies) Card() engine.CardKey {
	switch {
	case d.planning:
		return d.plan.card()
	case d.level == inRow:
		return card(&d.row)
	case d.level == inRows && d.grid.Row() != nil:
		return card(d.grid.Row())
	}
	return engine.CardKey{}
}

// Text is the filter that is typed.
func (d *Discrepancies) Text() screen.Text { return d.grid }

// Offers lists what the footer names.
func (d *Discrepancies) Offers() []screen.Offer {
	if d.planning {
		return d.plan.offers()
	}
	var offers []screen.Offer
	add := func(action keymap.Action, word string) {
		if d.Refusal(action) == "" {
			offers = append(offers, screen.Offer{Action: action, Word: word})
		}
	}
	acts := func() {
		if d.sight.Snapshot.OnlyLooks() != "" {
			return
		}
		add(keymap.Recheck, "re-check")
		add(keymap.Repair, "repair")
		add(keymap.Acknowledge, "acknowledge")
	}
	switch {
	case d.level == inCounts && d.selected() != nil:
		add(keymap.Open, "open")
		acts()
		add(keymap.Export, "export")
	case d.level == inRows && d.grid.Row() != nil:
		add(keymap.Open, "open")
		add(keymap.Mark, "mark")
		add(keymap.Filter, "filter")
		acts()
		add(keymap.Export, "export")
	case d.level == inRow:
		if d.Card() != (engine.CardKey{}) {
			add(keymap.Open, "card")
		}
		acts()
		add(keymap.Copy, "copy")
	}
	if d.level != inCounts {
		offers = append(offers, screen.Offer{Action: keymap.Back, Word: "back"})
	}
	return offers
}

// Owns reports whether an action means something here.
func (d *Discrepancies) Owns(action keymap.Action) bool {
	switch action { //nolint:exhaustive // the others are not this screen's
	case keymap.Filter, keymap.Sort, keymap.SortReverse, keymap.Mark, keymap.MarkRange, keymap.MarkAll, keymap.Next, keymap.Previous,
		keymap.Left, keymap.Right, keymap.Repair, keymap.Acknowledge, keymap.Export, keymap.Recheck, keymap.Copy:
		return true
	}
	return false
}

// Refusal says why an action of this screen cannot be taken now.
func (d *Discrepancies) Refusal(action keymap.Action) string {
	switch action { //nolint:exhaustive // the others are not this screen's
	case keymap.Retry, keymap.Waive, keymap.Switch:
		return "that is about quarantine; " + d.sight.Keys.Key(keymap.Quarantine) + " opens it"
	case keymap.Forecast:
		return "that is on preflight; " + d.sight.Keys.Key(keymap.Preflight) + " opens it"
	case keymap.Recheck, keymap.Repair, keymap.Acknowledge, keymap.Export:
		return d.actRefusal(action)
	case keymap.Copy:
		if text, _ := d.Copy(); text == "" {
			return "there is nothing to copy"
		}
	case keymap.Mark, keymap.MarkRange, keymap.MarkAll, keymap.Filter, keymap.Sort, keymap.SortReverse, keymap.Next, keymap.Previous,
		keymap.Left, keymap.Right:
		if d.level != inRows && (d.level != inRow || (action != keymap.Next && action != keymap.Previous)) || d.planning {
			return "that is about the list of discrepancies; open a line first"
		}
		return d.grid.Refusal(action)
	}
	return ""
}

// actRefusal says why nothing can be done about discrepancies now.
func (d *Discrepancies) actRefusal(action keymap.Action) string {
	if why := d.sight.Snapshot.OnlyLooks(); why != "" && action != keymap.Export {
		return why
	}
	if hinders := d.sight.Hinders(); hinders != "" {
		return hinders
	}
	if d.planning {
		return d.plan.refusal(action)
	}
	found := d.Found()
	switch {
	case len(found) == 0:
		return "there is no discrepancy to do anything about"
	case action == keymap.Repair:
		return d.repairRefusal(&found[0])
	}
	return ""
}

// repairRefusal says why a repair could not do anything.
func (d *Discrepancies) repairRefusal(f *screen.Found) string {
	states := f.Which.States
	only := func(s engine.DiscrepancyState) bool { return len(states) == 1 && states[0] == s }
	switch {
	case only(engine.DiscrepancyExplained) && !f.Extras:
		return "what is explained is kept by policy: a repair leaves it"
	case only(engine.DiscrepancyVerified):
		return "a later check found both sides equal: there is nothing to repair"
	case only(engine.DiscrepancyRepaired):
		return "it is repaired; " + d.sight.Keys.Key(keymap.Recheck) + " has it checked"
	}
	return ""
}
