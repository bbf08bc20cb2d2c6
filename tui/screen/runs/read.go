package runs

import (
	"context"
	"slices"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"ferry/engine"
	"ferry/tui/screen"
)

// Fetch asks for what is in sight and not known, or not fresh.
func (r *Runs) Fetch() tea.Cmd {
	if r.sight.Hinders() != "" {
		return nil
	}
	var cmds []tea.Cmd
	if r.level == inList || r.wide() || !r.head.Known {
		cmds = append(cmds, r.fetchList())
	}
	if r.level == inList && r.wide() && r.sight.Now.Sub(r.moved) >= settle && r.list.At() < len(r.runs) {
		r.turnTo(r.runs[r.list.At()].ID)
	}
	if r.level != inList || r.wide() {
		cmds = append(cmds, r.fetchDetail(), r.fetchCheck())
	}
	return tea.Batch(cmds...)
}

func (r *Runs) wide() bool { return r.width >= screen.Wide }

func (r *Runs) fetchList() tea.Cmd {
	wait := retry
	switch {
	case r.head.Err != nil:
	case !r.head.Known, r.news():
		wait = pulse
	default:
		return r.fetchOlder()
	}
	if !r.head.Rested(r.sight.Now, wait) {
		return nil
	}
	return r.readHead()
}

// news reports whether the snapshot knows of something that the list does not show, or a run is moving.
func (r *Runs) news() bool {
	runs := []*engine.RunView{r.sight.Snapshot.Run}
	if c := r.sight.Snapshot.Check; c != nil {
		runs = append(runs, &c.RunView)
	}
	return slices.ContainsFunc(runs, r.moves)
}

// moves reports whether a run is moving, or stands elsewhere than the list says.
func (r *Runs) moves(run *engine.RunView) bool {
	if run == nil {
		return false
	}
	at := slices.IndexFunc(r.runs, func(s engine.RunSummary) bool { return s.ID == run.ID })
	return run.State.Active() || at < 0 || r.runs[at].State != run.State
}

func (r *Runs) readHead() tea.Cmd {
	return r.head.Fetch(r.sight.Now, r.reading, readLimit, func(ctx context.Context) ([]engine.RunSummary, error) {
		return r.history.Runs(ctx, 0, pageSize)
	})
}

// fetchOlder reads the next page once the cursor comes near the end of what is known.
func (r *Runs) fetchOlder() tea.Cmd {
	n := len(r.runs)
	if r.all || n == 0 || r.list.At() < n-r.height || !r.older.Rested(r.sight.Now, 0) {
		return nil
	}
	if r.older.Err != nil && !r.older.Rested(r.sight.Now, retry) {
		return nil
	}
	before := r.runs[n-1].ID
	return r.older.Fetch(r.sight.Now, r.reading, readLimit, func(ctx context.Context) ([]engine.RunSummary, error) {
		return r.history.Runs(ctx, before, pageSize)
	})
}

func (r *Runs) fetchDetail() tea.Cmd {
	if r.about == 0 {
		return nil
	}
	wait := pulse
	switch s := r.shown(); {
	case r.detail.Err != nil:
		wait = retry
	case !r.detail.Known:
		wait = 0
	case r.active(s), s.State != r.detail.Value.State:
	default:
		return nil
	}
	if !r.detail.Rested(r.sight.Now, wait) {
		return nil
	}
	return r.readDetail()
}

func (r *Runs) readDetail() tea.Cmd {
	id := r.about
	return r.detail.Fetch(r.sight.Now, r.reading, readLimit, func(ctx context.Context) (*engine.RunDetail, error) {
		return r.history.RunDetail(ctx, id)
	})
}

// Take takes an answer.
func (r *Runs) Take(msg tea.Msg) bool {
	now := r.sight.Now
	switch {
	case r.head.Take(now, msg):
		if r.head.Err == nil {
			r.merge(r.head.Value)
		}
	case r.older.Take(now, msg):
		if page := r.older.Value; r.older.Err == nil {
			r.append(page)
		}
	case r.check.Take(now, msg):
	case r.detail.Take(now, msg):
		if r.detail.Err == nil {
			r.follow()
		}
	default:
		return false
	}
	return true
}

// merge puts the newest page before what is known of older runs.
func (r *Runs) merge(page []engine.RunSummary) {
	selected := r.about
	if at := r.list.At(); r.level == inList && at < len(r.runs) {
		selected = r.runs[at].ID
	}
	rest := r.runs
	if len(page) < pageSize {
		rest, r.all = nil, true
	} else {
		last := page[len(page)-1].ID
		at := slices.IndexFunc(rest, func(s engine.RunSummary) bool { return s.ID < last })
		switch {
		case len(rest) > 0 && rest[0].ID < last, at < 0: // runs in between are not known
			rest, r.all = nil, false
		default:
			rest = rest[at:]
		}
	}
	r.runs = slices.Concat(page, rest)
	if r.list.At() == 0 && r.level == inList {
		return // who is at the top sees what is new
	}
	if at := slices.IndexFunc(r.runs, func(s engine.RunSummary) bool { return s.ID == selected }); at >= 0 {
		r.list.Follow(at)
	}
}

// append puts an older page behind what is known; a page that does not follow is from before the list was made anew.
func (r *Runs) append(page []engine.RunSummary) {
	if n := len(r.runs); len(page) > 0 && (n == 0 || page[0].ID >= r.runs[n-1].ID) {
		return
	}
	r.runs = slices.Concat(r.runs, page)
	r.all = len(page) < pageSize
}

// follow keeps the batch selected that the operator has chosen, wherever it stands now.
func (r *Runs) follow() {
	batches := r.detail.Value.Batches
	at := slices.IndexFunc(batches, func(b engine.BatchView) bool { return b.ID == r.batch.ID })
	switch {
	case len(batches) == 0:
		if r.level != inBatch {
			r.batch = engine.BatchView{}
		}
	case at >= 0 && (r.batches.At() > 0 || r.level == inBatch):
		r.batches.Follow(at)
		r.batch = batches[at]
	case r.level != inBatch:
		r.batch = batches[min(r.batches.At(), len(batches)-1)]
	}
}

// waits says for how long an answer has been awaited, once that is worth a word.
func (r *Runs) waits(asked time.Time) time.Duration {
	if d := r.sight.Now.Sub(asked); !asked.IsZero() && d >= slowRead {
		return d
	}
	return 0
}
