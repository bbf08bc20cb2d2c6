// Package runs is the screen of the history: every run, newest first; one run with its steps and batches; one batch
// whole.
//
//	list ─open→ run ─open→ batch      back goes the other way
//
// Narrow windows show one of them at a time, wide ones the list beside what is selected. What is shown is read by
// commands: the list page by page as one scrolls down, the run that is in sight again at most once a second while it is
// active. An answer that comes after the operator has turned to another run is refused, and figures that could not be
// renewed say how old they are.
package runs

import (
	"context"
	"fmt"
	"slices"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"ferry/engine"
	"ferry/tui/feed"
	"ferry/tui/keymap"
	"ferry/tui/screen"
	"ferry/tui/widget"
)

const (
	pageSize  = 50
	readLimit = 15 * time.Second
	pulse     = time.Second     // between two looks at what moves
	retry     = 3 * time.Second // between two attempts
	settle    = time.Second / 4 // a cursor that rests so long wants to see
	staleFrom = 4 * time.Second // figures of an active run that are older are called old
	slowRead  = 2 * time.Second // reading that takes longer gets a clock
)

// History is what the screen reads; an engine.Operator is one.
type History interface {
	// Runs lists runs before the given one, newest first.
	Runs(ctx context.Context, before engine.RunID, limit int) ([]engine.RunSummary, error)
	// RunDetail gives one run.
	RunDetail(ctx context.Context, id engine.RunID) (*engine.RunDetail, error)
}

// level is how far the operator has gone in.
type level int

const (
	inList level = iota
	inRun
	inBatch
)

// Runs is the screen.
type Runs struct {
	history History
	reading feed.Reading
	sight   screen.Sight
	width   int
	height  int
	level   level

	head  feed.Shelf[[]engine.RunSummary] // the newest page
	older feed.Shelf[[]engine.RunSummary] // the page after the last one
	runs  []engine.RunSummary             // newest first
	all   bool                            // the last one is the oldest
	list  screen.List
	moved time.Time // when the cursor last moved in the list

	detail  feed.Shelf[*engine.RunDetail]
	about   engine.RunID // that detail is about
	batches screen.List
	batch   engine.BatchView // the one that is selected
	scroll  screen.Scroll    // within a batch

	check feed.Shelf[*engine.CheckView] // what the opened run says, if it is a check
}

var (
	_ screen.Reader  = (*Runs)(nil)
	_ screen.Chooser = (*Runs)(nil)
	_ screen.Guide   = (*Runs)(nil)
	_ screen.Paned   = (*Runs)(nil)
	_ screen.Deep    = (*Runs)(nil)
)

// New makes the screen.
func New(history History, reading feed.Reading) *Runs {
	return &Runs{history: history, reading: reading}
}

// Tab names the screen.
func (r *Runs) Tab() screen.Tab { return screen.Tab{Action: keymap.Runs, Short: "Runs", Long: "Runs"} }

// SetSize says how much room there is.
func (r *Runs) SetSize(width, height int) { r.width, r.height = width, height }

// See takes what there is to see.
func (r *Runs) See(sight screen.Sight) { r.sight = sight }

// Do moves about, goes in and comes back.
func (r *Runs) Do(action keymap.Action) (tea.Cmd, bool) {
	switch action { //nolint:exhaustive // the others are movements, or not for this screen
	case keymap.Open:
		return nil, r.enter()
	case keymap.Back:
		if r.level == inList {
			return nil, false
		}
		r.level--
		return nil, true
	case keymap.Recheck:
		return r.again(), true
	}
	switch r.level {
	case inList:
		if !r.list.Do(action) {
			return nil, false
		}
		r.moved = r.sight.Now
	case inRun:
		if !r.batches.Do(action) {
			return nil, false
		}
		r.choose()
	case inBatch:
		return nil, r.scroll.Do(action)
	}
	return nil, true
}

// Depth is how far the operator has gone in.
func (r *Runs) Depth() int { return int(r.level) }

// enter opens what is selected.
func (r *Runs) enter() bool {
	switch {
	case r.level == inList && r.list.At() < len(r.runs):
		r.level = inRun
		r.turnTo(r.runs[r.list.At()].ID)
	case r.level == inRun && r.Batch() != nil:
		r.level, r.scroll = inBatch, screen.Scroll{}
	default:
		return false
	}
	return true
}

// Panes reports whether the list stands beside a run.
func (r *Runs) Panes() bool { return r.wide() && r.sight.Snapshot != nil && r.nothing() == nil }

// OtherPane turns from the list to the run beside it, or back.
func (r *Runs) OtherPane() {
	if r.level == inList {
		r.enter()
		return
	}
	r.level = inList
}

// turnTo makes another run the one that is read.
func (r *Runs) turnTo(id engine.RunID) {
	if r.about == id {
		return
	}
	r.about, r.batch = id, engine.BatchView{}
	r.detail.Clear()
	r.check.Clear()
	r.batches.Reset()
}

// again reads anew what is in sight.
func (r *Runs) again() tea.Cmd {
	if r.sight.Hinders() != "" {
		return nil
	}
	if r.level == inList {
		return r.readHead()
	}
	return r.readDetail()
}

// Run is the run that is opened.
func (r *Runs) Run() *engine.RunView {
	if r.level == inList {
		return nil
	}
	if s := r.shown(); s != nil {
		return &s.RunView
	}
	return nil
}

// shown is the run that the detail is about, as far as it is known.
func (r *Runs) shown() *engine.RunSummary {
	if r.detail.Known {
		s := r.detail.Value.RunSummary
		return r.now(&s)
	}
	at := slices.IndexFunc(r.runs, func(s engine.RunSummary) bool { return s.ID == r.about })
	if at < 0 {
		return nil
	}
	return r.now(&r.runs[at])
}

// now is a run as it stands now: the whole frame shows the state of the last snapshot.
func (r *Runs) now(s *engine.RunSummary) *engine.RunSummary {
	view := *s
	if r.sight.Snapshot != nil && r.sight.Snapshot.Run != nil && r.sight.Snapshot.Run.ID == s.ID {
		view.RunView = *r.sight.Snapshot.Run
	}
	if r.sight.Snapshot != nil && r.sight.Snapshot.Check != nil && r.sight.Snapshot.Check.ID == s.ID {
		view.RunView = r.sight.Snapshot.Check.RunView
	}
	return &view
}

// Batch is the batch that is selected.
func (r *Runs) Batch() *engine.BatchView {
	if r.level == inList || !r.detail.Known || r.batch.ID == 0 {
		return nil
	}
	return &r.batch
}

// choose keeps the batch under the cursor.
func (r *Runs) choose() {
	if at := r.batches.At(); r.detail.Known && at < len(r.detail.Value.Batches) {
		r.batch = r.detail.Value.Batches[at]
	}
}

// Offers lists what the footer names.
func (r *Runs) Offers() []screen.Offer {
	var offers []screen.Offer
	switch {
	case r.level == inList && len(r.runs) > 0:
		offers = append(offers, screen.Offer{Action: keymap.Open, Word: "open"})
	case r.level == inRun && r.Batch() != nil:
		offers = append(offers, screen.Offer{Action: keymap.Open, Word: "open"})
	}
	if r.Batch() != nil && r.Refusal(keymap.Retry) == "" {
		offers = append(offers, screen.Offer{Action: keymap.Retry, Word: "retry"})
	}
	if r.level != inList {
		offers = append(offers, screen.Offer{Action: keymap.Back, Word: "back"})
	}
	return offers
}

// Refusal says why an action of this screen cannot be taken now.
func (r *Runs) Refusal(action keymap.Action) string {
	switch action { //nolint:exhaustive // the others are not this screen's
	case keymap.Recheck:
		return r.sight.Hinders()
	case keymap.Forecast:
		return "that is on preflight; " + r.sight.Keys.Key(keymap.Preflight) + " opens it"
	case keymap.Retry:
	default:
		return ""
	}
	b := r.Batch()
	if b == nil {
		return "open a run and select a batch first"
	}
	last := r.sight.Snapshot.Run
	switch {
	case b.State == engine.BatchDone:
		return "batch " + number(b.ID) + " is done: there is nothing to retry"
	case b.State == engine.BatchRunning && r.Run().State.Active():
		return "batch " + number(b.ID) + " is at work on " + process(b.Worker) + "; if that process is gone, others take over by themselves"
	case r.Run().State.Ended() && last != nil && last.State.Active() && last.ID != r.Run().ID:
		return fmt.Sprintf("it would resume run #%d, but run #%d %s, and only one run writes at a time", r.Run().ID, last.ID, last.State.Is())
	}
	return ""
}

// active reports whether a run is moving.
func (r *Runs) active(s *engine.RunSummary) bool { return s != nil && s.State.Active() }

// age says how old figures are that should be newer, or nothing.
func (r *Runs) age(at time.Time, failed error, moving bool) string {
	old := r.sight.Now.Sub(at)
	if at.IsZero() || (failed == nil && (!moving || old < staleFrom)) {
		return ""
	}
	return "figures " + widget.Duration(old) + " old"
}
