package runs

import (
	"strconv"
	"strings"

	"ferry/engine"
	"ferry/themes"
	"ferry/tui/canvas"
	"ferry/tui/cure"
	"ferry/tui/keymap"
	"ferry/tui/status"
	"ferry/tui/widget"
)

const labelColumn = 11

// ids is the range of a batch; identifiers are written as one types them.
func ids(b *engine.BatchView) string {
	if b.Low == 0 && b.High == 0 {
		return ""
	}
	low := b.Low
	if low < b.High {
		low++
	}
	return strconv.FormatInt(low, 10) + "…" + strconv.FormatInt(b.High, 10)
}

// tries says how often a batch was handed out, and how often it failed: "3 2✗".
func tries(b *engine.BatchView) string {
	text := strconv.Itoa(b.Attempt)
	if b.Tries > 0 {
		text += " " + strconv.Itoa(b.Tries) + "✗"
	}
	return text
}

// lasted is how long the last attempt took, or takes.
func (r *Runs) lasted(b *engine.BatchView) string {
	switch {
	case b.StartedAt.IsZero():
		return ""
	case !b.FinishedAt.IsZero():
		return widget.Span(b.FinishedAt.Sub(b.StartedAt))
	case b.State == engine.BatchRunning:
		return widget.Duration(r.sight.Now.Sub(b.StartedAt))
	}
	return ""
}

// brief is the last error in short, with its SQLSTATE first: that is what one looks up.
func brief(b *engine.BatchView) string {
	if b.SQLState == "" {
		return b.Error
	}
	return b.SQLState + " " + b.Error
}

// selectedBatch tells below the table what has no room in it.
func (r *Runs) selectedBatch(width int) []canvas.Line {
	b := r.Batch()
	if b == nil {
		return nil
	}
	l := canvas.Of(themes.Text, " ")
	figure(&l, "batch", number(b.ID), themes.Title)
	l.Put(themes.Muted, ": "+r.handedOut(b))
	if b.Worker != "" {
		l.Put(themes.Muted, "; ").Put(themes.Text, process(b.Worker))
	}
	lines := []canvas.Line{{}, l}
	switch {
	case b.Error != "":
		lines = append(lines, canvas.Of(themes.Bad, " ✗ "+brief(b)))
		if advice := cure.For(withState(b)); advice != "" {
			lines = append(lines, canvas.Of(themes.Info, " → "+advice))
		}
	case b.State == engine.BatchDone && b.Counts.Read > 0:
		lines = append(lines, sums(&b.Counts))
	case b.State == engine.BatchDone:
		lines = append(lines, canvas.Of(themes.Muted, " "+others(b.Verb, &b.Counts)))
	}
	return canvas.Block(lines, width, paneLines)
}

// withState is the error with its SQLSTATE, by which cures are found.
func withState(b *engine.BatchView) string {
	if b.SQLState == "" || strings.Contains(b.Error, "SQLSTATE") {
		return b.Error
	}
	return b.Error + " (SQLSTATE " + b.SQLState + ")"
}

func (r *Runs) handedOut(b *engine.BatchView) string {
	if b.Attempt == 0 && b.Tries == 0 {
		return "not handed out yet"
	}
	text := "handed out " + times(b.Attempt)
	if b.Tries > 0 {
		text += ", failed " + times(b.Tries)
	}
	if took := r.lasted(b); took != "" {
		text += ", took " + took
	}
	return text
}

func times(n int) string {
	switch n {
	case 1:
		return "once"
	case 2:
		return "twice"
	}
	return widget.Count(int64(n)) + " times"
}

// sums are the rows of a batch; every row that was read is in one of the figures that follow.
func sums(c *engine.Counts) canvas.Line {
	l := canvas.Of(themes.Muted, " read ")
	l.Put(themes.Text, widget.Count(c.Read))
	part := func(sign, name string, n int64, role themes.Role) {
		l.Put(themes.Muted, " "+sign+" "+name+" ").Put(alarm(n, role), widget.Count(n))
	}
	part("=", "new", c.Inserted, themes.Text)
	part("+", "changed", c.Updated, themes.Text)
	part("+", "same", c.Unchanged, themes.Text)
	part("+", "rejected", c.Rejected, themes.Warn)
	if !c.Balanced() {
		l.Put(themes.Text, "  ").Put(themes.Bad, "✗ does NOT come out")
	}
	return l
}

// batchLines draws one batch whole.
func (r *Runs) batchLines(width, height int) []canvas.Line {
	b, run := &r.batch, r.Run()
	if run == nil {
		return nil
	}
	title := canvas.Of(themes.Title, " batch "+number(b.ID))
	title.Put(themes.Muted, " of ").Put(themes.Text, "run #"+strconv.FormatInt(int64(run.ID), 10))
	title.Put(themes.Muted, ": ").Put(themes.Text, words(b.Verb, b.Entity))
	if old := r.age(r.detail.At, r.detail.Err, run.State.Active()); old != "" {
		title.PutRight(width-1, themes.Warn, old)
	}
	lines := []canvas.Line{title}
	return append(lines, r.scroll.Window(r.batchBody(b, width), height-1)...)
}

func (r *Runs) batchBody(b *engine.BatchView, width int) []canvas.Line {
	var lines []canvas.Line
	put := func(label string, content ...canvas.Line) {
		for i, c := range content {
			l := canvas.Of(themes.Text, " ")
			if i == 0 {
				l.Put(themes.Muted, label)
			}
			l.To(labelColumn).Add(c)
			lines = append(lines, l)
		}
	}
	text := func(label, value string) {
		if value != "" {
			put(label, canvas.Wrap(themes.Text, value, max(10, width-labelColumn-1))...)
		}
	}
	sign, now := status.OfBatch(b), r.sight.Now
	put("state", canvas.Of(sign.Role, sign.Glyph+" "+sign.Word))
	text("ids", ids(b))
	text("tries", r.handedOut(b))
	text("worker", b.Worker)
	text("queued", widget.When(b.QueuedAt, now))
	text("begun", widget.When(b.StartedAt, now))
	text("ended", widget.When(b.FinishedAt, now))
	if b.State == engine.BatchDone {
		if l := sums(&b.Counts); b.Counts.Read > 0 {
			put("rows", canvas.Wrap(themes.Text, strings.TrimSpace(l.String()), max(10, width-labelColumn-1))...)
		}
		text("", others(b.Verb, &b.Counts))
	}
	lines = append(lines, canvas.Line{})
	if b.Error != "" {
		label := "error"
		if b.State == engine.BatchDone {
			label = "earlier"
		}
		if b.SQLState != "" {
			put(label, canvas.Of(themes.Bad, "SQLSTATE "+b.SQLState))
			label = ""
		}
		put(label, canvas.Wrap(themes.Bad, b.Error, max(10, width-labelColumn-1))...)
		if advice := cure.For(withState(b)); advice != "" {
			put("", canvas.Wrap(themes.Info, "→ "+advice, max(10, width-labelColumn-1))...)
		}
		lines = append(lines, canvas.Line{})
	}
	key := r.sight.Keys.Key(keymap.Retry)
	if reason := r.Refusal(keymap.Retry); reason != "" {
		text(key, "not now: "+reason)
	} else {
		put(key, canvas.Of(themes.Accent, "hands it out again at once"))
	}
	return lines
}

// others are the figures that most batches do not have.
func others(verb engine.StepVerb, c *engine.Counts) string {
	var parts []string
	for _, f := range []struct {
		name string
		n    int64
	}{
		{"deleted", c.Deleted},
		{"stale", c.Stale},
		{"extra", c.Extra},
		{"taken along", c.Taken},
		{"cards settled", c.Settled},
		{"rounded", c.Precise},
		{"warned", c.Warned},
		{"released", c.Released},
		{"missing", c.Missing},
	} {
		if f.n != 0 {
			parts = append(parts, f.name+" "+widget.Count(f.n))
		}
	}
	if c.Read == 0 && c.Rejected > 0 { // they were read by another batch, which counted them as new
		parts = append(parts, widget.Plural(c.Rejected, "row", "rows")+" left for quarantine")
	}
	switch {
	case len(parts) > 0 || c.Read > 0:
	case verb == engine.StepIndex:
		return "it built an index"
	case verb == engine.StepKeys:
		return "it made indexes keys, and added the foreign keys"
	default:
		return "it read and changed nothing"
	}
	return strings.Join(parts, "  ")
}
