package runs

import (
	"strconv"

	"ferry/engine"
	"ferry/themes"
	"ferry/tui/canvas"
	"ferry/tui/cure"
	"ferry/tui/keymap"
	"ferry/tui/screen"
	"ferry/tui/status"
	"ferry/tui/widget"
)

const (
	listWidth = 56 // of the list beside a run
	paneLines = 4  // below a list: what is selected, in full
	roomyFrom = 14 // lines; from here on there is room for that
	indent    = 2
)

// Lines draws the screen.
func (r *Runs) Lines() []canvas.Line {
	if r.sight.Snapshot == nil {
		return nil
	}
	if lines := r.nothing(); lines != nil {
		return lines
	}
	if r.wide() {
		width := r.width - listWidth - 1
		right := r.runLines
		if r.level == inBatch {
			right = r.batchLines
		}
		return screen.Beside(r.listLines(listWidth, r.height), right(width, r.height), listWidth, r.width, r.height)
	}
	switch r.level {
	case inList:
		return r.listLines(r.width, r.height)
	case inRun:
		return r.runLines(r.width, r.height)
	case inBatch:
	}
	return r.batchLines(r.width, r.height)
}

// nothing says why there are no runs to show.
func (r *Runs) nothing() []canvas.Line {
	if len(r.runs) > 0 || (r.level != inList && r.sight.Hinders() == "") {
		return nil
	}
	switch {
	case r.sight.Hinders() != "":
		return r.sight.Hindered(r.width)
	case r.head.Err != nil:
		return append([]canvas.Line{{}}, r.fault("the history of runs could not be read", r.head.Err, r.width)...)
	case !r.head.Known:
		text := "  reading the history of runs"
		if d := r.waits(r.head.Asked); d > 0 {
			text += ", " + widget.Duration(d)
		}
		return []canvas.Line{{}, canvas.Of(themes.Muted, text)}
	}
	return []canvas.Line{
		{},
		canvas.Of(themes.Title, "  No run has been yet."),
		{},
		canvas.Of(themes.Accent, "  "+widget.Cursor+r.sight.Keys.Key(keymap.Start)+" starts a sync"),
	}
}

// fault tells an error of reading, with its cure.
func (r *Runs) fault(what string, err error, width int) []canvas.Line {
	var lines []canvas.Line
	add := func(role themes.Role, text string) {
		for _, l := range canvas.Wrap(role, text, max(10, width-4)) {
			line := canvas.Of(themes.Text, "  ")
			lines = append(lines, *line.Add(l))
		}
	}
	add(themes.Bad, "✗ "+what+": "+err.Error())
	if advice := cure.ForError(err); advice != "" {
		add(themes.Info, "→ "+advice)
	}
	add(themes.Muted, "ferry tries again by itself; "+r.sight.Keys.Key(keymap.Recheck)+" tries at once")
	return lines
}

func (r *Runs) listLines(width, height int) []canvas.Line {
	title := canvas.Of(themes.Title, " runs")
	if old := r.age(r.head.At, r.head.Err, r.sight.Snapshot.Run != nil && r.sight.Snapshot.Run.State.Active()); old != "" {
		title.Put(themes.Warn, "  "+old)
	} else {
		title.Put(themes.Muted, "  newest first")
	}
	place := canvas.Of(themes.Muted, " "+r.list.Position(len(r.runs), r.all)+" ")
	title = title.Fit(max(0, width-place.Width()))
	lines := []canvas.Line{*title.Add(place)}
	var below []canvas.Line
	if !r.wide() && height >= roomyFrom {
		below = r.selectedRun(width)
	}
	r.list.Hidden = r.wide() && r.level != inList
	grid := widget.NewGrid(r.columns(width), indent, width-1)
	rows := r.list.Draw(nil, grid.Head(), len(r.runs), width, max(2, height-1-len(below)), func(i int) canvas.Line {
		return grid.Row(r.row(r.now(&r.runs[i]), &grid))
	})
	lines = append(lines, rows...)
	if len(below) > 0 {
		lines = append(canvas.Block(lines, width, height-len(below)), below...)
	}
	return lines
}

func (r *Runs) columns(width int) []widget.Column {
	kind, figure := 6, 6
	if width >= 100 {
		kind, figure = 11, 11
	}
	return []widget.Column{
		{Title: "run", Left: true, Width: 5},
		{Title: "kind", Left: true, Width: kind},
		{Title: "state", Left: true, Width: 14},
		{Title: "started", Left: true, Width: widget.MomentWidth},
		{Title: "took", Width: 6},
		{Title: "new", Width: figure, Drop: 6},
		{Title: "changed", Width: max(7, figure), Drop: 7},
		{Title: "same", Width: figure, Drop: 8},
		{Title: "rejected", Width: 8, Drop: 5},
		{Title: "errors", Width: 6, Drop: 4},
		{Title: "who", Left: true, Width: 12, Drop: 9},
	}
}

func (r *Runs) row(s *engine.RunSummary, grid *widget.Grid) []widget.Cell {
	sign := status.State(s.State).Sign()
	word, kind := sign.Glyph+" "+sign.Word, status.OfKind(&s.RunView)
	if folded(&s.RunView) {
		word += " × " + widget.Short(float64(s.Ticks))
	}
	if !grid.Shows("who") && s.Kind == engine.RunIncremental && !s.Scheduled {
		kind = "incr."
	}
	figure := func(n int64, role themes.Role) widget.Cell {
		if compares(&s.RunView) {
			return widget.Cell{} // it writes no rows
		}
		text := widget.Short(float64(n))
		if grid.Shows("who") {
			text = widget.Count(n)
		}
		return widget.Cell{Role: alarm(n, role), Text: text}
	}
	return []widget.Cell{
		{Role: themes.Title, Text: "#" + strconv.FormatInt(int64(s.ID), 10)},
		{Text: kind},
		{Role: sign.Role, Text: word},
		{Text: r.sinceWhen(&s.RunView)},
		{Text: r.took(&s.RunView)},
		figure(s.Counts.Inserted, themes.Text),
		figure(s.Counts.Updated, themes.Text),
		figure(s.Counts.Unchanged, themes.Text),
		figure(s.Counts.Rejected, themes.Warn),
		figure(s.Errors, themes.Bad),
		{Role: themes.Info, Text: s.By},
	}
}

// selectedRun tells below the list what has no room in it.
func (r *Runs) selectedRun(width int) []canvas.Line {
	if r.list.At() >= len(r.runs) {
		return nil
	}
	s := r.now(&r.runs[r.list.At()])
	lines := append([]canvas.Line{{}}, r.did(s, width)...)
	lines = append(lines, r.story(&s.RunView))
	switch {
	case r.head.Err != nil:
		lines = append(lines, canvas.Of(themes.Bad, " ✗ the list could not be renewed: "+r.head.Err.Error()))
	case r.older.Err != nil:
		lines = append(lines, canvas.Of(themes.Bad, " ✗ older runs could not be read: "+r.older.Err.Error()))
	case s.Error != "":
		lines = append(lines, canvas.Of(themes.Bad, " ✗ "+s.Error))
	case s.State == engine.RunAsking:
		lines = append(lines, canvas.Of(themes.Bad, " ? "+s.Question))
	case s.WhyFull != "":
		lines = append(lines, canvas.Of(themes.Text, " reads every row: "+s.WhyFull))
	case s.Reason != "":
		lines = append(lines, canvas.Of(themes.Text, " reason: "+s.Reason))
	}
	return canvas.Block(lines, width, paneLines)
}
