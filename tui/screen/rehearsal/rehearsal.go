// Package rehearsal is the screen of rehearsals: may we cut over? It shows one at a time, the active or last one first: its steps
// with their times beside those of an earlier one, its gates, and what stands against a GO.
//
//	n older, N newer      enter opens what the gate under the cursor rests on      . measures it again
//
// While Odoo is frozen a line says whether it may be unfrozen. The list of all rehearsals is read by a command, once, and again when
// the snapshot knows of something that it does not show.
package rehearsal

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
)

const (
	pageSize  = 20
	readLimit = 60 * time.Second
	retry     = 5 * time.Second // between two attempts
	pulse     = time.Second     // between two looks at a list that does not tell what the snapshot does
)

// Desk is what the screen reads; an engine.Operator is one.
type Desk interface {
	// Rehearsals lists rehearsals before the given one, newest first.
	Rehearsals(ctx context.Context, before engine.RunID, limit int) ([]engine.RehearsalView, error)
}

// Rehearsal is the screen.
type Rehearsal struct {
	desk    Desk
	reading feed.Reading
	sight   screen.Sight
	width   int
	height  int

	list  feed.Shelf[[]engine.RehearsalView] // newest first
	stale bool                               // something was done since the list was read
	shown engine.RunID                       // 0: the one of the snapshot
	gates screen.List
}

var (
	_ screen.Reader = (*Rehearsal)(nil)
	_ screen.Stage  = (*Rehearsal)(nil)
	_ screen.Copier = (*Rehearsal)(nil)
)

// New makes the screen.
func New(desk Desk, reading feed.Reading) *Rehearsal { return &Rehearsal{desk: desk, reading: reading} }

// Tab names the screen.
func (r *Rehearsal) Tab() screen.Tab {
	return screen.Tab{Action: keymap.Rehearsal, Short: "Rehr", Long: "Rehearsal"}
}

// SetSize says how much room there is.
func (r *Rehearsal) SetSize(width, height int) { r.width, r.height = width, height }

// See takes what there is to see.
func (r *Rehearsal) See(sight screen.Sight) { r.sight = sight }

// Fetch reads the list where it is not known, or not up to date.
func (r *Rehearsal) Fetch() tea.Cmd {
	wait := time.Duration(0)
	switch {
	case r.list.Err != nil:
		wait = retry
	case r.list.Known && !r.stale: // it may not tell what the snapshot does, or not yet: that is no reason to ask without a pause
		wait = pulse
	}
	if r.sight.Hinders() != "" || !r.outdated() || !r.list.Rested(r.sight.Now, wait) {
		return nil
	}
	r.stale = false
	return r.list.Fetch(r.sight.Now, r.reading, readLimit, func(ctx context.Context) ([]engine.RehearsalView, error) {
		return r.desk.Rehearsals(ctx, 0, pageSize)
	})
}

// outdated reports whether the snapshot knows of something that the list does not show.
func (r *Rehearsal) outdated() bool {
	if !r.list.Known || r.stale {
		return true
	}
	now := r.sight.Snapshot.Rehearsal
	if now == nil {
		return false
	}
	at := slices.IndexFunc(r.list.Value, func(v engine.RehearsalView) bool { return v.ID == now.ID })
	return at < 0 || r.list.Value[at].Verdict != now.Verdict
}

// Take takes the list.
func (r *Rehearsal) Take(msg tea.Msg) bool { return r.list.Take(r.sight.Now, msg) }

// Changed says that something was done.
func (r *Rehearsal) Changed() { r.stale = true }

// Shown is the rehearsal that is shown: as the snapshot has it, where that is the one.
func (r *Rehearsal) Shown() *engine.RehearsalView {
	if r.sight.Snapshot == nil {
		return nil
	}
	now := r.sight.Snapshot.Rehearsal
	if now != nil && (r.shown == 0 || r.shown == now.ID) {
		return now
	}
	if at := r.at(); at >= 0 {
		return &r.list.Value[at]
	}
	return now
}

// at is where the rehearsal that is shown stands in the list, -1 where it does not.
func (r *Rehearsal) at() int {
	id := r.shown
	if id == 0 && r.sight.Snapshot != nil && r.sight.Snapshot.Rehearsal != nil {
		id = r.sight.Snapshot.Rehearsal.ID
	}
	return slices.IndexFunc(r.list.Value, func(v engine.RehearsalView) bool { return v.ID == id })
}

// before is the last rehearsal before the one that is shown that came to a verdict, or nil.
func (r *Rehearsal) before() *engine.RehearsalView {
	for i := r.at() + 1; i > 0 && i < len(r.list.Value); i++ {
		if r.list.Value[i].Verdict != "" {
			return &r.list.Value[i]
		}
	}
	return nil
}

// Gate is the gate under the cursor.
func (r *Rehearsal) Gate() *engine.RehearsalGate {
	v := r.Shown()
	if v == nil || r.gates.At() >= len(v.Gates) {
		return nil
	}
	return &v.Gates[r.gates.At()]
}

// Do moves about, turns to older and newer rehearsals, and opens what a gate rests on.
func (r *Rehearsal) Do(action keymap.Action) (tea.Cmd, bool) {
	switch action { //nolint:exhaustive // the others are movements, or not for this screen
	case keymap.Next, keymap.Previous:
		step := 1
		if action == keymap.Previous {
			step = -1
		}
		if at := r.at() + step; r.at() >= 0 && at >= 0 && at < len(r.list.Value) {
			r.shown = r.list.Value[at].ID
			r.gates.Reset()
		}
		return nil, true
	case keymap.Open:
		if g := r.Gate(); g != nil {
			return screen.ShowEvidence(*g), true
		}
		return nil, false
	case keymap.Back:
		if r.shown == 0 {
			return nil, false
		}
		r.shown = 0
		return nil, true
	case keymap.Recheck:
		r.stale = true
		return nil, true
	}
	return nil, r.gates.Do(action)
}

// Owns reports whether an action of some screens only means something here.
func (r *Rehearsal) Owns(action keymap.Action) bool {
	return action == keymap.Next || action == keymap.Previous || action == keymap.Export || action == keymap.Rerun
}

// Offers lists what the footer names.
func (r *Rehearsal) Offers() []screen.Offer {
	var offers []screen.Offer
	if v := r.Shown(); v != nil && v.State.Resumable() && r.current(v) && r.sight.Snapshot.OnlyLooks() == "" {
		offers = append(offers, screen.Offer{Action: keymap.Pause, Word: "resume"})
	}
	for _, o := range []screen.Offer{
		{Action: keymap.Open, Word: "evidence"},
		{Action: keymap.Rerun, Word: "measure again"},
		{Action: keymap.Export, Word: "report"},
		{Action: keymap.Next, Word: "older"},
	} {
		if r.Shown() != nil && r.Refusal(o.Action) == "" {
			offers = append(offers, o)
		}
	}
	return offers
}

// Refusal says why an action of this screen cannot be taken now.
func (r *Rehearsal) Refusal(action keymap.Action) string {
	v := r.Shown()
	switch action { //nolint:exhaustive // the others are not this screen's
	case keymap.Recheck:
		return r.sight.Hinders()
	case keymap.Retry:
		return "that is about batches and quarantine; " + r.sight.Keys.Key(keymap.Rerun) + " measures a gate again"
	case keymap.Forecast:
		return "that is on preflight; " + r.sight.Keys.Key(keymap.Preflight) + " opens it"
	case keymap.Next, keymap.Previous, keymap.Export, keymap.Rerun:
		if v == nil {
			return "there has been no rehearsal yet; " + r.sight.Keys.Key(keymap.Start) + " begins one"
		}
	}
	switch action { //nolint:exhaustive // likewise
	case keymap.Next:
		if r.at() < 0 || r.at()+1 >= len(r.list.Value) {
			return fmt.Sprintf("there is none before rehearsal #%d", v.ID)
		}
	case keymap.Previous:
		if r.at() <= 0 {
			return fmt.Sprintf("rehearsal #%d is the newest", v.ID)
		}
	case keymap.Rerun:
		return r.rerunRefusal(v)
	}
	return ""
}

// current reports whether a rehearsal is the active or last one.
func (r *Rehearsal) current(v *engine.RehearsalView) bool {
	return r.sight.Snapshot.Rehearsal != nil && v.ID == r.sight.Snapshot.Rehearsal.ID
}

// rerunRefusal says why a gate cannot be measured again.
func (r *Rehearsal) rerunRefusal(v *engine.RehearsalView) string {
	switch g := r.Gate(); {
	case g == nil:
		return "it has no gate to be measured"
	case !r.current(v):
		return "gates are measured as things are now: only those of the last rehearsal"
	case g.AskedBy != "":
		return fmt.Sprintf("gate %s is being measured again, for %s", g.Name, g.AskedBy)
	case v.State != engine.RunRunning && v.State != engine.RunDone:
		return fmt.Sprintf("rehearsal #%d %s; resume it first", v.ID, v.State.Is())
	}
	return ""
}

// Copy is the rehearsal in one line.
func (r *Rehearsal) Copy() (text, what string) {
	v := r.Shown()
	if v == nil {
		return "", ""
	}
	return summary(v), fmt.Sprintf("rehearsal #%d", v.ID)
}
