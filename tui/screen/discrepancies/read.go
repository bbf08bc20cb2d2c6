package discrepancies

import (
	"cmp"
	"context"
	"slices"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"ferry/engine"
	"ferry/tui/status"
)

const (
	readLimit = 15 * time.Second
	retry     = 3 * time.Second  // between two attempts
	pulse     = 2 * time.Second  // between two looks while a check is under way
	renew     = 30 * time.Second // somebody else may have acknowledged some
	slowRead  = 2 * time.Second  // reading that takes longer gets a clock
)

// Fetch asks for what is in sight and not known, or not fresh.
func (d *Discrepancies) Fetch() tea.Cmd {
	if d.sight.Hinders() != "" {
		return nil
	}
	counts := d.fetchCounts()
	if d.level == inCounts {
		return counts
	}
	return tea.Batch(counts, d.grid.Fetch(), d.fetchRow())
}

// fetchRow reads the opened discrepancy again, in whatever state it is by now: it may have left the list.
func (d *Discrepancies) fetchRow() tea.Cmd {
	if d.level != inRow || !d.again || !d.fresh.Rested(d.sight.Now, 0) {
		return nil
	}
	d.again = false
	which := engine.DiscrepancySelection{IDs: []int64{d.row.ID}, States: status.FoundStates()}
	return d.fresh.Fetch(d.sight.Now, d.reading, readLimit, func(ctx context.Context) (engine.Page[engine.Discrepancy], error) {
		return d.desk.Discrepancies(ctx, which, engine.Listing{Limit: 1})
	})
}

func (d *Discrepancies) fetchCounts() tea.Cmd {
	wait := renew
	switch {
	case d.counts.Err != nil:
		wait = retry
	case !d.counts.Known:
		wait = 0
	case d.anew && d.sight.Checking() != nil:
		wait = pulse
	case d.anew:
		wait = 0
	}
	if !d.counts.Rested(d.sight.Now, wait) {
		return nil
	}
	d.anew = false
	return d.counts.Fetch(d.sight.Now, d.reading, readLimit, func(ctx context.Context) ([]engine.DiscrepancyCount, error) {
		return d.desk.DiscrepancyCounts(ctx, engine.DiscrepancySelection{})
	})
}

// Take takes an answer.
func (d *Discrepancies) Take(msg tea.Msg) bool {
	switch {
	case d.counts.Take(d.sight.Now, msg):
		if d.counts.Err == nil {
			d.takeCounts()
		}
	case d.grid.Take(msg):
	case d.fresh.Take(d.sight.Now, msg):
		if rows := d.fresh.Value.Rows; d.fresh.Err == nil && len(rows) == 1 && rows[0].ID == d.row.ID {
			d.row = rows[0]
		}
	case d.plan.shelf.Take(d.sight.Now, msg):
		d.plan.arrived()
	default:
		return false
	}
	return true
}

// takeCounts puts the counts in order. The cursor stays on its line, and rows that are shown are read again.
func (d *Discrepancies) takeCounts() {
	selected := d.selected()
	d.lines = inOrder(d.counts.Value, d.sight.Snapshot)
	find := func(line *engine.DiscrepancyCount) int {
		return slices.IndexFunc(d.lines, func(c engine.DiscrepancyCount) bool { return sameLine(&c, line) })
	}
	if selected != nil {
		was := *selected
		if at := find(&was); at >= 0 {
			d.list.Follow(at)
		}
	}
	if at := find(&d.about); at >= 0 {
		d.about = d.lines[at]
	} else {
		d.about.Rows, d.about.Fields, d.about.Acknowledged = 0, 0, 0
	}
	d.again = true
	d.grid.Renew()
}

// inOrder sorts counts: what wants an operator first, then by entity and cause. Where there are several, one line for all of
// them leads.
func inOrder(counts []engine.DiscrepancyCount, s *engine.Snapshot) []engine.DiscrepancyCount {
	out := slices.DeleteFunc(slices.Clone(counts), func(c engine.DiscrepancyCount) bool { return c.Fields <= 0 && c.Rows <= 0 })
	place := func(entity string) int {
		return slices.IndexFunc(s.Entities, func(e engine.EntityView) bool { return e.Name == entity })
	}
	slices.SortStableFunc(out, func(a, b engine.DiscrepancyCount) int {
		return cmp.Or(
			cmp.Compare(slices.Index(status.FoundStates(), a.State), slices.Index(status.FoundStates(), b.State)),
			cmp.Compare(place(a.Entity), place(b.Entity)),
			cmp.Compare(a.Entity, b.Entity), cmp.Compare(slices.Index(engine.Causes, a.Cause), slices.Index(engine.Causes, b.Cause)),
			cmp.Compare(a.Cause, b.Cause))
	})
	if len(out) < 2 {
		return out
	}
	var all engine.DiscrepancyCount
	for _, c := range out {
		all.Rows += c.Rows // a row with several causes counts once for each
		all.Fields += c.Fields
		all.Acknowledged += c.Acknowledged
	}
	return slices.Insert(out, 0, all)
}

// selected is the line of the counts under the cursor, or nil.
func (d *Discrepancies) selected() *engine.DiscrepancyCount {
	if at := d.list.At(); at < len(d.lines) {
		return &d.lines[at]
	}
	return nil
}
