package quarantine

import (
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"ferry/tui/screen"
)

const (
	readLimit = 15 * time.Second
	retry     = 3 * time.Second  // between two attempts
	renew     = 15 * time.Second // somebody else may have switched a rule
	settle    = time.Second / 4  // a cursor that rests so long wants to see
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
	return tea.Batch(rules, q.rows.Fetch())
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

// Take takes an answer.
func (q *Quarantine) Take(msg tea.Msg) bool {
	now := q.sight.Now
	switch {
	case q.rules.Take(now, msg):
		if q.rules.Err == nil {
			q.See(q.sight)
		}
	case q.rows.Take(msg):
		if row := q.rows.Find(q.key); row != nil && q.level == inRow {
			q.row = *row
		}
	default:
		return false
	}
	return true
}
