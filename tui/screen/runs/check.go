package runs

import (
	"context"

	tea "github.com/charmbracelet/bubbletea"

	"ferry/engine"
	"ferry/themes"
	"ferry/tui/canvas"
	"ferry/tui/screen"
	"ferry/tui/status"
	"ferry/tui/widget"
)

// checks is what tells the verdict of a check; an engine.Operator is one.
type checks interface {
	// Check gives what one check says.
	Check(ctx context.Context, id engine.RunID) (*engine.CheckView, error)
}

var _ screen.RunShower = (*Runs)(nil)

// ShowRun opens a run.
func (r *Runs) ShowRun(id engine.RunID) {
	r.turnTo(id)
	r.level = inRun
}

// compares reports whether a run writes nothing, and only compares.
func compares(run *engine.RunView) bool { return run.Kind == engine.RunCheck }

// fetchCheck reads the verdict of the check that is opened, and again while it is under way.
func (r *Runs) fetchCheck() tea.Cmd {
	desk, ok := r.history.(checks)
	s := r.shown()
	if !ok || s == nil || !compares(&s.RunView) {
		return nil
	}
	wait := pulse
	switch {
	case r.check.Err != nil:
		wait = retry
	case !r.check.Known:
		wait = 0
	case !r.active(s) && r.check.Value.State == s.State:
		return nil
	}
	if !r.check.Rested(r.sight.Now, wait) {
		return nil
	}
	id := r.about
	return r.check.Fetch(r.sight.Now, r.reading, readLimit, func(ctx context.Context) (*engine.CheckView, error) {
		return desk.Check(ctx, id)
	})
}

// checkOf is what is known of a check: from the snapshot, which is newer, or as it was read.
func (r *Runs) checkOf(id engine.RunID) *engine.CheckView {
	if c := r.sight.Snapshot.Check; c != nil && c.ID == id {
		return c
	}
	if r.check.Known && r.check.Value != nil && r.check.Value.ID == id {
		return r.check.Value
	}
	return nil
}

// verdict says of a check what it compared and found; of one that nothing is known of it says nothing.
func (r *Runs) verdict(s *engine.RunSummary, width int) []canvas.Line {
	c := r.checkOf(s.ID)
	if c == nil {
		return nil
	}
	l := canvas.Of(themes.Text, " ")
	if s.State == engine.RunDone {
		sign := status.OfVerdict(c.Verdict)
		l.Put(sign.Role, sign.Glyph+" "+sign.Word)
	} else {
		l.Put(themes.Text, widget.Progress(c.Done))
	}
	long, short := l, l
	for _, write := range []struct {
		to     *canvas.Line
		number func(int64) string
	}{{&long, widget.Count}, {&short, func(n int64) string { return widget.Short(float64(n)) }}} {
		figure(write.to, "compared", write.number(c.Compared), themes.Text)
		figure(write.to, "differ", write.number(c.Settled), alarm(c.Settled, themes.Bad))
		figure(write.to, "in flight", write.number(c.InFlight), themes.Text)
		figure(write.to, "explained", write.number(c.Explain), themes.Text)
		if c.Errors > 0 {
			figure(write.to, "errors", write.number(c.Errors), themes.Bad)
		}
		figure(write.to, "covers", widget.Progress(c.Coverage), themes.Text)
	}
	lines := []canvas.Line{widget.FirstFit(width, long, short)}
	add := func(role themes.Role, text string) {
		wrapped := canvas.Wrap(role, text, max(10, width-2))
		for _, part := range wrapped[:min(len(wrapped), 2)] {
			line := canvas.Of(themes.Text, " ")
			lines = append(lines, *line.Add(part))
		}
	}
	if c.Why != "" {
		add(themes.Warn, c.Why)
	}
	if c.Waits != "" && s.State.Active() {
		add(themes.Muted, "waits: "+c.Waits)
	}
	return lines
}

// did draws what a run did: rows, or for a check what it found.
func (r *Runs) did(s *engine.RunSummary, width int) []canvas.Line {
	if compares(&s.RunView) {
		return r.verdict(s, width)
	}
	return []canvas.Line{counts(s, width)}
}
