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

// airyFrom is how many lines it takes for a run to be told at length; with fewer its batches come first.
const airyFrom = 26

// runLines draws one run: its title, then all the rest, which scrolls, with the header of the batches always in sight.
func (r *Runs) runLines(width, height int) []canvas.Line {
	s := r.shown()
	if s == nil {
		if r.detail.Err != nil {
			return append([]canvas.Line{{}}, r.fault("the run could not be read", r.detail.Err, width)...)
		}
		if r.about != 0 {
			return []canvas.Line{canvas.Of(themes.Muted, " reading run #"+strconv.FormatInt(int64(r.about), 10))}
		}
		return nil
	}
	lines := []canvas.Line{r.title(s, width)}
	lead := r.lead(s, width, height)
	if !r.detail.Known {
		lines = append(lines, lead...)
		if r.detail.Err != nil {
			return append(lines, r.fault("its steps and batches could not be read", r.detail.Err, width)...)
		}
		text := " reading its steps and batches"
		if d := r.waits(r.detail.Asked); d > 0 {
			text += ", " + widget.Duration(d)
		}
		return append(lines, canvas.Of(themes.Muted, text))
	}
	var below []canvas.Line
	if height >= roomyFrom && r.level == inRun {
		below = r.selectedBatch(width)
	}
	batches := r.detail.Value.Batches
	grid := widget.NewGrid(batchColumns, indent, width-1)
	header := grid.Head()
	if len(batches) == 0 {
		header = canvas.Of(themes.Muted, " no batch has been handed out")
	}
	lead = append(lead, r.stepTable(s, width, height)...)
	if height >= airyFrom {
		lead = append(lead, canvas.Line{}, r.batchesTitle(width))
	}
	r.batches.Hidden = r.level == inList
	draw := r.batches.Draw(lead, header, len(batches), width, max(2, height-1-len(below)), func(i int) canvas.Line {
		return grid.Row(r.batchRow(&batches[i]))
	})
	lines = append(lines, draw...)
	if len(below) > 0 {
		lines = append(canvas.Block(lines, width, height-len(below)), below...)
	}
	return lines
}

// title names a run and says how it stands.
func (r *Runs) title(s *engine.RunSummary, width int) canvas.Line {
	sign := status.State(s.State).Sign()
	l := canvas.Of(themes.Title, " run #"+strconv.FormatInt(int64(s.ID), 10))
	l.Put(themes.Text, "  "+status.OfKind(&s.RunView))
	if s.First {
		l.Put(themes.Muted, ", first load")
	}
	l.Put(themes.Text, "  ").Put(sign.Role, sign.Glyph+" "+sign.Word)
	if took := r.took(&s.RunView); s.State.Active() {
		l.Put(themes.Text, "  "+took).Put(themes.Muted, " so far")
	} else {
		l.Put(themes.Muted, "  took ").Put(themes.Text, took)
	}
	place := canvas.Of(themes.Muted, " ")
	if old := r.age(r.detail.At, r.detail.Err, s.State.Active()); old != "" {
		place.Put(themes.Warn, old+"  ")
	}
	if r.detail.Known && r.level == inRun {
		place.Put(themes.Muted, r.batches.Position(len(r.detail.Value.Batches), true))
		if open := r.notDone(); open > 0 {
			place.Put(themes.Warn, ", "+widget.Count(open)+" not done")
		}
		place.Put(themes.Muted, " ")
	}
	l = l.Fit(max(0, width-place.Width()))
	return *l.Add(place)
}

// lead tells about a run what stands before its tables.
func (r *Runs) lead(s *engine.RunSummary, width, height int) []canvas.Line {
	most := 3
	if height < airyFrom {
		most = 1
	}
	lines := append([]canvas.Line{r.story(&s.RunView)}, r.did(s, width)...)
	add := func(role themes.Role, text string, most int) {
		wrapped := canvas.Wrap(role, text, max(10, width-2))
		if len(wrapped) > most {
			wrapped = wrapped[:most]
			wrapped[most-1].Put(themes.Muted, " …")
		}
		for _, l := range wrapped {
			line := canvas.Of(themes.Text, " ")
			lines = append(lines, *line.Add(l))
		}
	}
	if s.State == engine.RunAsking {
		add(themes.Bad, "? "+s.Question+" → "+r.sight.Keys.Key(keymap.Answer)+" answers", 2*most)
	}
	for _, said := range []struct{ what, text string }{{"reads every row: ", s.WhyFull}, {"reason: ", s.Reason}} {
		if said.text != "" {
			add(themes.Text, said.what+said.text, most)
		}
	}
	fault := r.faultOf(&s.RunView)
	if fault != "" && s.State != engine.RunDone {
		add(themes.Bad, "✗ "+fault, most)
		if advice := cure.For(fault); advice != "" {
			add(themes.Info, "→ "+advice, most)
		}
	}
	if r.detail.Known && r.detail.Err != nil {
		add(themes.Bad, "✗ could not be read again: "+r.detail.Err.Error(), most)
	}
	if height >= airyFrom {
		lines = append(lines, canvas.Line{})
	}
	return lines
}

// faultOf is why a run failed, or its newest error.
func (r *Runs) faultOf(run *engine.RunView) string {
	if run.Error != "" || run.LastError == "" || run.LastErrorAt.IsZero() {
		return run.Error
	}
	return "last error " + widget.When(run.LastErrorAt, r.sight.Now) + ": " + run.LastError
}

var stepColumns = []widget.Column{
	{Title: "step", Left: true, Width: 23},
	{Title: "state", Left: true, Width: 14},
	{Title: "batches", Width: 9},
	{Title: "took", Width: 6, Drop: 1},
	{Title: "new", Width: 6, Drop: 6},
	{Title: "changed", Width: 7, Drop: 7},
	{Title: "same", Width: 6, Drop: 8},
	{Title: "rejected", Width: 8, Drop: 4},
	{Title: "errors", Width: 6, Drop: 3},
}

// stepTable draws the steps; where there is little room, those that have not begun share a line.
func (r *Runs) stepTable(s *engine.RunSummary, width, height int) []canvas.Line {
	steps := r.detail.Value.Steps
	if len(steps) == 0 {
		return nil
	}
	grid := widget.NewGrid(stepColumns, indent, width-1)
	lines := []canvas.Line{grid.Head()}
	var waiting []string
	for i := range steps {
		if step := &steps[i]; height < airyFrom && step.State == engine.StepWaiting {
			waiting = append(waiting, words(step.Verb, step.Entity))
			continue
		}
		lines = append(lines, grid.Row(r.stepRow(&steps[i], s.State)))
	}
	if len(waiting) > 0 {
		sign := status.OfStep(engine.StepWaiting, s.State)
		l := canvas.Of(sign.Role, "  "+sign.Glyph+" "+sign.Word+": ")
		lines = append(lines, *l.Put(themes.Muted, strings.Join(waiting, ", ")))
	}
	return lines
}

// notDone counts the batches that are not done; they are all among those that are shown.
func (r *Runs) notDone() int64 {
	open := int64(0)
	for i := range r.detail.Value.Batches {
		if r.detail.Value.Batches[i].State != engine.BatchDone {
			open++
		}
	}
	return open
}

func (r *Runs) stepRow(step *engine.StepView, run engine.RunState) []widget.Cell {
	sign := status.OfStep(step.State, run)
	took := ""
	switch {
	case step.StartedAt.IsZero():
	case !step.FinishedAt.IsZero():
		took = widget.Span(step.FinishedAt.Sub(step.StartedAt))
	case !run.Ended():
		took = widget.Duration(r.sight.Now.Sub(step.StartedAt))
	}
	batches := ""
	if step.State != engine.StepWaiting {
		about := ""
		if step.BatchesTotal.Known && step.State != engine.StepDone {
			about = "~"
		}
		batches = widget.Short(float64(step.BatchesDone))
		if step.BatchesTotal.Known {
			batches += "/" + about + widget.Short(float64(step.BatchesTotal.Value))
		}
	}
	cells := []widget.Cell{
		{Role: themes.Title, Text: words(step.Verb, step.Entity)},
		{Role: sign.Role, Text: sign.Glyph + " " + sign.Word},
		{Text: batches},
		{Text: took},
	}
	short := func(n int64, role themes.Role) widget.Cell {
		if step.State == engine.StepWaiting {
			return widget.Cell{}
		}
		return widget.Cell{Role: alarm(n, role), Text: widget.Short(float64(n))}
	}
	changed := changedBy(step.Verb, &step.Counts)
	if step.Verb == engine.StepPlan && step.Counts == (engine.Counts{}) {
		return append(cells, widget.Cell{}, widget.Cell{}, widget.Cell{}, widget.Cell{}, short(step.Errors, themes.Bad))
	}
	return append(cells, short(step.Counts.Inserted, themes.Text), short(changed, themes.Text),
		short(step.Counts.Unchanged, themes.Text), short(step.Counts.Rejected, themes.Warn), short(step.Errors, themes.Bad))
}

// changedBy is how many rows of the engine a step changed: cards that it settled, rows that it deleted.
func changedBy(verb engine.StepVerb, c *engine.Counts) int64 {
	switch verb {
	case engine.StepSettle:
		return c.Settled
	case engine.StepSweep, engine.StepDelete:
		return c.Updated + c.Deleted
	case engine.StepRepair:
		return c.Updated + c.Deleted + c.Settled
	case engine.StepPlan, engine.StepLoad, engine.StepOwners, engine.StepIndex, engine.StepKeys, engine.StepCompare, engine.StepConfirm, engine.StepLedger:
	}
	return c.Updated
}

func words(verb engine.StepVerb, entity string) string {
	if entity == "" {
		return status.OfVerb(verb)
	}
	return status.OfVerb(verb) + " " + entity
}

// batchesTitle says how many batches there are, and how many of them are not done.
func (r *Runs) batchesTitle(width int) canvas.Line {
	d, open := r.detail.Value, r.notDone()
	l := canvas.Of(themes.Title, " "+widget.Plural(d.BatchesTotal, "batch", "batches"))
	if open > 0 {
		l.Put(themes.Warn, ", "+widget.Count(open)+" not done")
	}
	if shown := int64(len(d.Batches)); shown < d.BatchesTotal {
		l.Put(themes.Muted, "; below: what is not done, then the newest, "+widget.Count(shown)+" in all")
	}
	return l.Fit(width)
}

var batchColumns = []widget.Column{
	{Title: "batch", Left: true, Width: 6},
	{Title: "step", Left: true, Width: 24},
	{Title: "ids", Left: true, Width: 17},
	{Title: "state", Left: true, Width: 9},
	{Title: "tries", Width: 5, Drop: 1},
	{Title: "took", Width: 6, Drop: 2},
	{Title: "new", Width: 6, Drop: 5},
	{Title: "changed", Width: 7, Drop: 6},
	{Title: "same", Width: 6, Drop: 7},
	{Title: "rejected", Width: 8, Drop: 4},
	{Title: "worker", Left: true, Width: 14, Drop: 8},
	{Title: "error", Left: true, Width: 20, Fill: true, Drop: 9},
}

func (r *Runs) batchRow(b *engine.BatchView) []widget.Cell {
	sign := status.OfBatch(b)
	short := func(n int64, role themes.Role) widget.Cell {
		if b.State != engine.BatchDone {
			return widget.Cell{}
		}
		return widget.Cell{Role: alarm(n, role), Text: widget.Short(float64(n))}
	}
	changed := changedBy(b.Verb, &b.Counts)
	role := themes.Text
	if b.Tries > 0 {
		role = themes.Warn
	}
	return []widget.Cell{
		{Role: themes.Title, Text: number(b.ID)},
		{Text: words(b.Verb, b.Entity)},
		{Role: themes.Muted, Text: ids(b)},
		{Role: sign.Role, Text: sign.Glyph + " " + sign.Word},
		{Role: role, Text: tries(b)},
		{Text: r.lasted(b)},
		short(b.Counts.Inserted, themes.Text),
		short(changed, themes.Text),
		short(b.Counts.Unchanged, themes.Text),
		short(b.Counts.Rejected, themes.Warn),
		{Role: themes.Muted, Text: process(b.Worker)},
		{Role: themes.Bad, Text: brief(b)},
	}
}
