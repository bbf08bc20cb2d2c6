package runs

import (
	"strconv"
	"strings"
	"time"

	"ferry/engine"
	"ferry/themes"
	"ferry/tui/canvas"
	"ferry/tui/status"
	"ferry/tui/widget"
)

func number(id engine.BatchID) string { return strconv.FormatInt(int64(id), 10) }

// process shortens "host:pid:random" to what people know.
func process(worker string) string {
	if worker == "" {
		return widget.Unknown
	}
	parts := strings.SplitN(worker, ":", 3)
	return strings.Join(parts[:min(2, len(parts))], ":")
}

// alarm is the role of a number that should be 0.
func alarm(n int64, role themes.Role) themes.Role {
	if n == 0 {
		return themes.Text
	}
	return role
}

// figure appends a name and its number.
func figure(l *canvas.Line, name, number string, role themes.Role) {
	if l.Width() > 1 {
		l.Put(themes.Text, "  ")
	}
	l.Put(themes.Muted, name+" ").Put(role, number)
}

// folded reports whether a line of history stands for several ticks.
func folded(run *engine.RunView) bool { return run.Ticks > 1 }

// alike says what the ticks of a line have in common.
func alike(run *engine.RunView) string {
	if run.State == engine.RunDone {
		return "nothing had changed"
	}
	return "each " + status.State(run.State).Sign().Word + " alike"
}

// sinceWhen is when a run began, or the first of the ticks that its line stands for.
func (r *Runs) sinceWhen(run *engine.RunView) string {
	if !folded(run) {
		return widget.Moment(begun(run), r.sight.Now)
	}
	first := widget.Moment(run.FirstAt, r.sight.Now)
	if text := "since " + strings.TrimSuffix(first, "Z"); len(text) <= widget.MomentWidth {
		return text
	}
	return first
}

// begun is when a run started, or was asked for.
func begun(run *engine.RunView) time.Time {
	if run.StartedAt.IsZero() {
		return run.CreatedAt
	}
	return run.StartedAt
}

// took is how long a run has been at work.
func (r *Runs) took(run *engine.RunView) string {
	switch {
	case run.StartedAt.IsZero():
		return widget.Unknown
	case !run.FinishedAt.IsZero():
		return widget.Span(run.FinishedAt.Sub(run.StartedAt))
	case run.State.Ended():
		return widget.Span(run.Since.Sub(run.StartedAt))
	}
	return widget.Duration(r.sight.Now.Sub(run.StartedAt))
}

// counts draws what a run did: with whole numbers, else with short ones.
func counts(s *engine.RunSummary, width int) canvas.Line {
	wording := func(write func(int64) string) canvas.Line {
		l := canvas.Of(themes.Text, " ")
		figure(&l, "new", write(s.Counts.Inserted), themes.Text)
		figure(&l, "changed", write(s.Counts.Updated), themes.Text)
		figure(&l, "same", write(s.Counts.Unchanged), themes.Text)
		figure(&l, "rejected", write(s.Counts.Rejected), alarm(s.Counts.Rejected, themes.Warn))
		figure(&l, "errors", write(s.Errors), alarm(s.Errors, themes.Bad))
		figure(&l, "batches", write(s.Batches), themes.Text)
		return l
	}
	short := func(n int64) string { return widget.Short(float64(n)) }
	return widget.FirstFit(width, wording(widget.Count), wording(short))
}

// story says who began a run and who stopped it.
func (r *Runs) story(run *engine.RunView) canvas.Line {
	now := r.sight.Now
	if folded(run) {
		l := canvas.Of(themes.Text, " × "+widget.Count(int64(run.Ticks))+" ticks since "+widget.When(run.FirstAt, now))
		l.Put(themes.Muted, ", the newest ").Put(themes.Text, widget.When(run.CreatedAt, now))
		return *l.Put(themes.Muted, ": ").Put(themes.Text, alike(run))
	}
	l := canvas.Of(themes.Muted, " asked for ")
	l.Put(themes.Text, widget.When(run.CreatedAt, now))
	if run.By != "" {
		l.Put(themes.Muted, " by ").Put(themes.Info, run.By)
	}
	if run.Scheduled && run.By == "" {
		l.Put(themes.Muted, " by the schedule")
	}
	if run.State == engine.RunQueued || run.State == engine.RunRunning || run.State == engine.RunPlanning {
		return l
	}
	l.Put(themes.Muted, "; ").Put(themes.Text, status.State(run.State).Sign().Word+" "+widget.When(run.Since, now))
	if run.StateBy != "" {
		l.Put(themes.Muted, " by ").Put(themes.Info, run.StateBy)
	}
	return l
}
