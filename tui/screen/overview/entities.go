package overview

import (
	"strconv"
	"strings"

	"ferry/engine"
	"ferry/themes"
	"ferry/tui/canvas"
	"ferry/tui/sanitize"
	"ferry/tui/status"
	"ferry/tui/widget"
)

const (
	nameWidth   = 22
	barColumn   = nameWidth + 3
	besidesABar = 30 // cells for percentage, rate and ETA
	minBar      = 5
	notBegun    = "not begun"
	maxBar      = 40
	longVerdict = 100
)

// standing is what an entity or a step is at, in a word; empty while figures say it.
func standing(state engine.StepState, run *engine.RunView) string {
	switch {
	case run == nil:
		return ""
	case state == engine.StepDone:
		return "done"
	case run.State.Ended() && state == engine.StepWaiting:
		return notBegun
	case run.State.Ended():
		return "stopped"
	case state == engine.StepWaiting:
		return "queued"
	case still(run):
		return status.State(run.State).Sign().Word
	}
	return ""
}

// entity draws one entity on two lines, or on more where there is room.
func (o *Overview) entity(e engine.EntityView, roomy bool) []canvas.Line {
	run := o.sight.Snapshot.Run
	clean := run == nil || run.State == engine.RunDone || o.passing(run)
	if clean && e.PausedBy != "" || held(e) {
		return o.heldBack(e, clean, roomy)
	}
	if clean {
		return o.balance(e, run != nil && roomy)
	}
	lines := []canvas.Line{o.progress(e.Name, standing(e.State, run), e.Done, widget.Rate(e.RowsPerSecond), widget.ETA(e.ETA))}
	if e.State == engine.StepWaiting {
		lines = append(lines, o.awaited(e))
	} else {
		lines = append(lines, o.counts(e))
	}
	if roomy {
		lines = append(lines, o.identity(e))
	}
	return lines
}

// balance draws what is true of an entity while no run changes it: its verdict and its sum, and what the last run did.
func (o *Overview) balance(e engine.EntityView, counts bool) []canvas.Line {
	lines := []canvas.Line{o.verdict(e)}
	if counts {
		lines = append(lines, o.counts(e))
	}
	if !e.TargetRows.Known {
		return append(lines, o.awaited(e))
	}
	return append(lines, o.identity(e))
}

// heldBack draws an entity that no run may touch: by whom and why, and figures that are not those of now.
func (o *Overview) heldBack(e engine.EntityView, clean, roomy bool) []canvas.Line {
	l := canvas.Of(themes.Text, " ")
	l.Put(themes.Title, sanitize.Fit(e.Name, nameWidth)).To(barColumn).Put(themes.Warn, heldBy(e))
	lines := []canvas.Line{l.Fit(min(l.Width(), max(0, o.width-1)))}
	if !clean && e.State == engine.StepRunning {
		lines = append(lines, o.counts(e))
	}
	switch {
	case !e.TargetRows.Known:
		lines = append(lines, o.awaited(e))
	case clean || roomy || e.State != engine.StepRunning:
		before := o.sum(e, "before that: ")
		lines = append(lines, before.In(themes.Muted))
	}
	return lines
}

// held reports whether somebody holds back what the run has yet to do with an entity.
func held(e engine.EntityView) bool { return e.PausedBy != "" && e.State != engine.StepDone }

// heldBy says who holds an entity's batches back, and why.
func heldBy(e engine.EntityView) string {
	text := "‖ paused by " + e.PausedBy
	if e.PausedReason != "" {
		text += ": " + e.PausedReason
	}
	return text
}

// progress draws a name with its bar.
func (o *Overview) progress(name, word string, done float64, rate, eta string) canvas.Line {
	l := canvas.Of(themes.Text, " ")
	l.Put(themes.Title, sanitize.Fit(name, nameWidth)).To(barColumn)
	if word == "queued" || word == notBegun {
		l.Put(themes.Muted, word)
		return l
	}
	l.Add(widget.Bar(done, max(minBar, min(maxBar, o.width-barColumn-besidesABar))))
	l.Put(themes.Title, sanitize.PadLeft(widget.Progress(done), 6))
	if word != "" {
		role := themes.Warn
		if word == "done" {
			role = themes.OK
		}
		l.PutRight(o.width-1, role, word)
		return l
	}
	if rate != "" {
		l.Put(themes.Text, sanitize.PadLeft(rate, 10))
	}
	l.PutRight(o.width-1, themes.Text, eta)
	return l
}

// figure appends a name and its number.
func figure(l *canvas.Line, name, number string, role themes.Role) {
	if l.Width() > 3 {
		l.Put(themes.Text, "  ")
	}
	l.Put(themes.Muted, name+" ").Put(role, number)
}

// alarm is the role of a number that should be 0.
func alarm(n int64, role themes.Role) themes.Role {
	if n == 0 {
		return themes.Text
	}
	return role
}

// counts draws what the run did to an entity: with whole numbers, else with short ones.
func (o *Overview) counts(e engine.EntityView) canvas.Line {
	wording := func(number func(int64) string) canvas.Line {
		l := canvas.Of(themes.Text, "   ")
		figure(&l, "new", number(e.Counts.Inserted), themes.Text)
		figure(&l, "changed", number(e.Counts.Updated), themes.Text)
		figure(&l, "same", number(e.Counts.Unchanged), themes.Text)
		figure(&l, "rejected", number(e.Counts.Rejected), alarm(e.Counts.Rejected, themes.Warn))
		figure(&l, "errors", number(e.Errors), alarm(e.Errors, themes.Bad))
		l.PutRight(o.width-1, themes.Muted, "batches "+batches(e.BatchesDone, e.BatchesTotal, e.State))
		return l
	}
	short := func(n int64) string { return widget.Short(float64(n)) }
	return widget.FirstFit(o.width, wording(widget.Count), wording(short))
}

// batches writes 39/50, or 39/~50 while the total is an estimate.
func batches(done int64, total engine.Maybe[int64], state engine.StepState) string {
	about := ""
	if total.Known && state != engine.StepDone {
		about = "~"
	}
	return widget.Count(done) + "/" + about + widget.MaybeCount(total)
}

func sourceRows(e engine.EntityView) string {
	rows := widget.MaybeCount(e.SourceRows)
	if e.SourceEstimated && e.SourceRows.Known {
		return "~" + rows
	}
	return rows
}

func (o *Overview) awaited(e engine.EntityView) canvas.Line {
	l := canvas.Of(themes.Text, "   ")
	figure(&l, "source rows", sourceRows(e), themes.Text)
	figure(&l, "engine rows", widget.MaybeCount(e.TargetRows), themes.Text)
	return l
}

// verdict says whether every row of an entity is accounted for.
func (o *Overview) verdict(e engine.EntityView) canvas.Line {
	l := canvas.Of(themes.Text, " ")
	l.Put(themes.Title, sanitize.Fit(e.Name, nameWidth)).To(barColumn)
	text, role := o.accounted(e)
	if o.width < longVerdict {
		text = strings.Replace(text, "every row ", "", 1)
	}
	l.Put(role, text)
	waits := ""
	if e.Waiting.Or(0) > 0 {
		waits = widget.Count(e.Waiting.Value) + " wait  "
	}
	if e.Waived.Or(0) > 0 {
		waits += widget.Count(e.Waived.Value) + " waived  "
	}
	share, role := o.share(e, " ✗ over the limit")
	if waits += "rejected "; l.Width()+len(waits)+len(share)+2 > o.width {
		waits = "rejected " // what is about some of the rows goes first
		if l.Width()+len(waits)+len(share) > o.width {
			share, _ = o.share(e, " ✗ over")
		}
	}
	l.PutRight(o.width-1, role, waits+share)
	return l
}

// share is the part of an entity's rows that is rejected; above its limit that is said.
func (o *Overview) share(e engine.EntityView, over string) (string, themes.Role) {
	text := o.sight.Rejected(e)
	if o.sight.TooMany(e) {
		return text + over, themes.Warn
	}
	return text, themes.Muted
}

// accounted is the verdict in words. While a run moves rows, and after one that ended early, the sum need not come out.
func (o *Overview) accounted(e engine.EntityView) (string, themes.Role) {
	run := o.sight.Snapshot.Run
	switch {
	case !e.Accounted.Known:
		return widget.Unknown + " not counted yet", themes.Muted
	case e.Accounted.Value:
		return "✓ every row accounted for", themes.OK
	case run == nil || run.State != engine.RunDone:
		return widget.Unknown + " counted when a run is done", themes.Muted
	}
	if off, ok := imbalance(e); ok && off != 0 {
		return "✗ " + widget.Plural(max(off, -off), "row", "rows") + " NOT accounted for", themes.Bad
	}
	return "✗ rows NOT accounted for", themes.Bad
}

// imbalance is by how many rows the identity misses.
func imbalance(e engine.EntityView) (int64, bool) {
	known := e.SourceRows.Known && e.TargetRows.Known && e.Stale.Known && e.Extra.Known && e.Quarantined.Known
	return e.SourceRows.Value - (e.TargetRows.Value - e.Stale.Value - e.Extra.Value + e.Quarantined.Value), known
}

// identity draws the sum that must come out.
func (o *Overview) identity(e engine.EntityView) canvas.Line { return o.sum(e, "") }

func (o *Overview) sum(e engine.EntityView, label string) canvas.Line {
	wording := func(source, target, stale, extra, quarantined string) canvas.Line {
		l := canvas.Of(themes.Text, "   "+label)
		add := func(sign, name, number string, role themes.Role) {
			l.Put(themes.Muted, sign+name+" ").Put(role, number)
		}
		add("", source, sourceRows(e), themes.Text)
		add(" = ", target, widget.MaybeCount(e.TargetRows), themes.Text)
		add(" − ", stale, widget.MaybeCount(e.Stale), alarm(e.Stale.Or(0), themes.Warn))
		add(" − ", extra, widget.MaybeCount(e.Extra), alarm(e.Extra.Or(0), themes.Warn))
		add(" + ", quarantined, widget.MaybeCount(e.Quarantined), alarm(e.Quarantined.Or(0), themes.Warn))
		return l
	}
	return widget.FirstFit(o.width,
		wording("source", "engine", "stale", "extra", "quarantined"),
		wording("src", "eng", "stale", "extra", "quar"))
}

// progressTable draws the run with one line per entity.
func (o *Overview) progressTable() []canvas.Line {
	run := o.sight.Snapshot.Run
	columns := []widget.Column{
		{Title: "run #" + strconv.FormatInt(int64(run.ID), 10), Left: true, Width: nameWidth},
		{Title: "", Left: true, Width: max(10, min(maxBar, o.width-112))},
		{Title: "done"},
		{Title: "rows/s", Width: 8},
		{Title: "left", Width: 9},
		{Title: "new"},
		{Title: "changed"},
		{Title: "same"},
		{Title: "rejected"},
		{Title: "errors"},
		{Title: "batches", Drop: 1},
	}
	rows := make([][]widget.Cell, 0, len(o.sight.Snapshot.Entities))
	for _, e := range o.sight.Snapshot.Entities {
		rows = append(rows, progressRow(e, run))
	}
	return widget.Table(columns, rows, o.width)
}

func progressRow(e engine.EntityView, run *engine.RunView) []widget.Cell {
	number := func(n int64, role themes.Role) widget.Cell {
		return widget.Cell{Role: alarm(n, role), Text: widget.Count(n)}
	}
	rate, left := widget.Rate(e.RowsPerSecond), strings.TrimPrefix(widget.ETA(e.ETA), "ETA ")
	role := themes.Text
	word := standing(e.State, run)
	if held(e) {
		word = "paused"
	}
	if word != "" {
		left, role = word, themes.Muted
		if word == "done" {
			role = themes.OK
		}
	}
	if e.State != engine.StepRunning || run.State.Ended() || still(run) {
		rate = ""
	}
	return []widget.Cell{
		{Role: themes.Title, Text: e.Name},
		{Draw: func(width int) canvas.Line { return widget.Bar(e.Done, width) }},
		{Role: themes.Title, Text: widget.Progress(e.Done)},
		{Text: rate},
		{Role: role, Text: left},
		number(e.Counts.Inserted, themes.Text),
		number(e.Counts.Updated, themes.Text),
		number(e.Counts.Unchanged, themes.Text),
		number(e.Counts.Rejected, themes.Warn),
		number(e.Errors, themes.Bad),
		{Role: themes.Muted, Text: batches(e.BatchesDone, e.BatchesTotal, e.State)},
	}
}

// rowsTable draws the identity with one line per entity.
func (o *Overview) rowsTable() []canvas.Line {
	columns := []widget.Column{
		{Title: "rows", Left: true, Width: nameWidth},
		{Title: "source", Width: 11},
		{Title: "= engine", Width: 11},
		{Title: "− stale", Width: 8},
		{Title: "− extra", Width: 8},
		{Title: "+ quarantined", Width: 13},
		{Title: "(wait)", Width: 6},
		{Title: "(waived)", Width: 8, Drop: 2},
		{Title: "rejected", Width: 9, Drop: 1},
		{Title: "", Left: true, Width: 32},
	}
	rows := make([][]widget.Cell, 0, len(o.sight.Snapshot.Entities))
	for _, e := range o.sight.Snapshot.Entities {
		before := e.PausedBy != ""
		number := func(n engine.Maybe[int64]) widget.Cell {
			if before {
				return widget.Cell{Role: themes.Muted, Text: widget.MaybeCount(n)}
			}
			return widget.Cell{Role: alarm(n.Or(0), themes.Warn), Text: widget.MaybeCount(n)}
		}
		text, role := o.accounted(e)
		share, shareRole := o.share(e, " over")
		if before { // by whom and why is said below
			text, role, shareRole = "‖ paused: figures from before", themes.Warn, themes.Muted
		}
		rows = append(rows, []widget.Cell{
			{Role: themes.Title, Text: e.Name},
			{Text: sourceRows(e)},
			{Text: widget.MaybeCount(e.TargetRows)},
			number(e.Stale),
			number(e.Extra),
			number(e.Quarantined),
			number(e.Waiting),
			number(e.Waived),
			{Role: shareRole, Text: share},
			{Role: role, Text: text},
		})
	}
	return widget.Table(columns, rows, o.width)
}
