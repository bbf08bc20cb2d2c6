package quarantine

import (
	"context"
	"slices"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"ferry/engine"
	"ferry/tui/screen"
)

const (
	readLimit = 15 * time.Second
	retry     = 3 * time.Second  // between two attempts
	renew     = 15 * time.Second // somebody else may have switched a rule
	settle    = time.Second / 4  // a cursor that rests so long wants to see
	slowRead  = 2 * time.Second  // reading that takes longer gets a clock
)

func (q *Quarantine) wide() bool { return q.width >= screen.Wide }

// Fetch asks for what is in sight and not known, or not fresh.
func (q *Quarantine) Fetch() tea.Cmd {
	if q.sight.Hinders() != "" {
		return nil
	}
	rules := q.fetchRules()
	if q.level == inReasons && q.sight.Now.Sub(q.moved) >= settle && q.selected() != nil {
		q.turnTo(*q.selected())
	}
	return tea.Batch(rules, q.fetchRows())
}

func (q *Quarantine) fetchRules() tea.Cmd {
	wait := renew
	switch {
	case q.rules.Err != nil:
		wait = retry
	case !q.rules.Known, q.anew:
		wait = 0
	}
	if !q.rules.Rested(q.sight.Now, wait) {
		return nil
	}
	q.anew = false
	return q.rules.Fetch(q.sight.Now, q.reading, readLimit, q.desk.Rules)
}

// fetchRows reads the page that is missing for the rows in sight.
func (q *Quarantine) fetchRows() tea.Cmd {
	if q.about.Reason == "" {
		return nil
	}
	q.pages.forget(q.window[0], q.window[1])
	at, after, ok := q.pages.wants(q.window[0], q.window[1])
	wait := time.Duration(0)
	if q.pages.shelf.Err != nil {
		wait = retry
	}
	if !ok || !q.pages.shelf.Rested(q.sight.Now, wait) {
		return nil
	}
	which := engine.QuarantineSelection{Entity: q.about.Entity, Reason: q.about.Reason}
	return q.pages.shelf.Fetch(q.sight.Now, q.reading, readLimit, func(ctx context.Context) (batch, error) {
		rows, err := q.desk.QuarantineRows(ctx, which, after, pageSize)
		return batch{at, rows}, err
	})
}

// Take takes an answer.
func (q *Quarantine) Take(msg tea.Msg) bool {
	now := q.sight.Now
	switch {
	case q.rules.Take(now, msg):
		if q.rules.Err == nil {
			q.See(q.sight)
		}
	case q.pages.shelf.Take(now, msg):
		if q.pages.shelf.Err == nil {
			q.take(q.pages.shelf.Value)
		}
	default:
		return false
	}
	return true
}

// take puts a page in its place. The cursor stays on its row; if that has left, on the one that came after it.
func (q *Quarantine) take(b batch) {
	at := q.rows.At()
	row := q.pages.row(at)
	q.pages.put(b)
	if fresh := slices.IndexFunc(b.rows, func(r engine.QuarantineRow) bool { return r.ID == q.row.ID }); fresh >= 0 && q.level == inRow {
		q.row = b.rows[fresh]
	}
	if row == nil || at == 0 {
		return
	}
	q.rows.Follow(q.pages.place(row.ID))
}
