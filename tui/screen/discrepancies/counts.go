package discrepancies

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
	indent      = 2
	labelColumn = 11
	belowLines  = 5  // about the line under the cursor
	roomyFrom   = 14 // lines; from here on there is room for that
)

// Lines draws the screen.
func (d *Discrepancies) Lines() []canvas.Line {
	if d.sight.Snapshot == nil {
		return nil
	}
	if d.sight.Hinders() != "" && !d.counts.Known {
		return d.sight.Hindered(d.width)
	}
	d.grid.Hidden = d.Panes() && d.level == inRow
	switch {
	case d.planning:
		return d.planLines(d.width, d.height)
	case d.level == inCounts:
		return d.countLines(d.width, d.height)
	case d.Panes():
		return d.rowsBeside()
	case d.level == inRow:
		return d.wholeRow(&d.row, d.width, d.height)
	}
	return d.grid.Lines(d.rowsTitle(), d.width, d.height)
}

// rowsBeside draws the list with what is opened, or under the cursor, beside it.
func (d *Discrepancies) rowsBeside() []canvas.Line {
	right := d.width * 2 / 5
	left := d.width - right - 1
	row := &d.row
	if d.level == inRows {
		row, d.scroll = d.grid.Row(), screen.Scroll{}
	}
	return screen.Beside(d.grid.Lines(d.rowsTitle(), left, d.height), d.wholeRow(row, right, d.height), left, d.width, d.height)
}

// say wraps a text with an indent.
func say(role themes.Role, text string, width int) []canvas.Line {
	var lines []canvas.Line
	for _, l := range canvas.Wrap(role, text, max(10, width-4)) {
		line := canvas.Of(themes.Text, "  ")
		lines = append(lines, *line.Add(l))
	}
	return lines
}

// labelled wraps a text behind a label.
func labelled(label string, role themes.Role, text string, width int) []canvas.Line {
	return canvas.Labelled(label, labelColumn, role, text, width)
}

// fault tells an error of reading, with its cure.
func fault(what string, err error, width int) []canvas.Line {
	lines := say(themes.Bad, "✗ "+what+": "+err.Error(), width)
	if advice := cure.ForError(err); advice != "" {
		lines = append(lines, say(themes.Info, "→ "+advice, width)...)
	}
	return append(lines, say(themes.Muted, "ferry tries again by itself", width)...)
}

var countColumns = []widget.Column{
	{Title: "entity", Left: true, Width: 21},
	{Title: "cause", Left: true, Width: 12},
	{Title: "state", Left: true, Width: 11},
	{Title: "rows", Width: 9},
	{Title: "fields", Width: 9, Drop: 2},
	{Title: "acked", Width: 7, Drop: 1},
	{Title: "", Left: true, Width: 24, Fill: true, Drop: 3},
}

// countLines draws what was found, by entity, cause and state; above it the verdict, below it what the selected line means.
func (d *Discrepancies) countLines(width, height int) []canvas.Line {
	lines := []canvas.Line{d.verdict(width)}
	switch {
	case !d.counts.Known && d.counts.Err != nil:
		return append(append(lines, canvas.Line{}), fault("what was found could not be read", d.counts.Err, width)...)
	case !d.counts.Known:
		text := "reading what was found"
		if asked := d.counts.Asked; d.counts.Waiting() && d.sight.Now.Sub(asked) >= slowRead {
			text += ", " + widget.Duration(d.sight.Now.Sub(asked))
		}
		return append(append(lines, canvas.Line{}), say(themes.Muted, text, width)...)
	case len(d.lines) == 0:
		return append(append(lines, canvas.Line{}), d.nothing(width)...)
	}
	if d.counts.Err != nil {
		lines = append(lines, say(themes.Bad, "✗ could not be read again: "+d.counts.Err.Error(), width)[0])
	}
	var below []canvas.Line
	if height >= roomyFrom {
		below = append([]canvas.Line{{}}, d.meaning(width)...)
		below = below[:min(len(below), height/2)]
		below = canvas.Block(below, width, max(len(below), belowLines))
	}
	columns := widget.NewGrid(countColumns, indent, width-1)
	drawn := d.list.Draw(nil, columns.Head(), len(d.lines), width, max(2, height-len(lines)-len(below)), func(i int) canvas.Line {
		return columns.Row(countCells(&d.lines[i]))
	})
	lines = append(lines, drawn...)
	if len(below) > 0 {
		lines = append(canvas.Block(lines, width, height-len(below)), below...)
	}
	return lines
}

func countCells(c *engine.DiscrepancyCount) []widget.Cell {
	acked := widget.Cell{Role: themes.Muted, Text: widget.Count(c.Acknowledged)}
	if c.Acknowledged > 0 {
		acked.Role = themes.Info
	}
	cells := []widget.Cell{
		{Role: themes.Title, Text: "all"}, {}, {}, {Text: widget.Count(c.Rows)}, {Text: widget.Count(c.Fields)}, acked, {},
	}
	if c.Entity == "" && c.Cause == "" && c.State == "" {
		return cells
	}
	s := status.OfFound(c.State)
	cells[0].Text = c.Entity
	cells[1] = widget.Cell{Text: causeName(c.Cause)}
	cells[2] = widget.Cell{Role: s.Role, Text: s.Glyph + " " + s.Word}
	cells[3].Role = s.Role
	cells[6] = widget.Cell{Role: themes.Muted, Text: status.AboutFound(c.State)}
	return cells
}

// lineName names a line of the counts.
func lineName(c *engine.DiscrepancyCount) string {
	if c.Entity == "" && c.Cause == "" && c.State == "" {
		return "that are open"
	}
	return "of " + c.Entity + ": " + causeName(c.Cause) + ", " + status.OfFound(c.State).Word
}

// meaning says what the line under the cursor means and what cures it.
func (d *Discrepancies) meaning(width int) []canvas.Line {
	c := d.selected()
	if c == nil {
		return nil
	}
	if c.Cause == "" {
		return labelled("all", themes.Muted, "everything that is open; "+d.sight.Keys.Key(keymap.Open)+" lists it, "+
			d.sight.Keys.Key(keymap.Filter)+" then narrows it down", width)
	}
	words := causes[c.Cause]
	lines := labelled("why", themes.Text, words.why, width)
	lines = append(lines, labelled("state", status.OfFound(c.State).Role, status.AboutFound(c.State), width)...)
	if c.State == engine.DiscrepancySettled || c.State == engine.DiscrepancyExplained {
		lines = append(lines, labelled("to cure", themes.Info, words.cure, width)...)
	}
	return lines
}

// verdict is what is proven: how much agrees, what differs, how old that is, and what the last check said.
func (d *Discrepancies) verdict(width int) canvas.Line {
	p := &d.sight.Snapshot.Proof
	l := canvas.Of(themes.Title, " discrepancies")
	text, state := d.sight.Agreement()
	if state != engine.LevelUnknown {
		role := map[engine.LevelState]themes.Role{engine.LevelKept: themes.OK, engine.LevelMissed: themes.Warn, engine.LevelAlert: themes.Bad}[state]
		l.Put(themes.Muted, "  agree ").Put(role, text)
	}
	if p.Settled > 0 {
		l.Put(themes.Text, "  ").Put(themes.Bad, widget.Plural(p.Settled, "row differs", "rows differ"))
	}
	if proven, good := d.sight.Proven(); proven != widget.Unknown {
		role := themes.Text
		if !good {
			role = themes.Warn
		}
		if p.Verdict != engine.CouldNotCheck {
			l.Put(themes.Muted, "  proof")
		}
		l.Put(themes.Text, " ").Put(role, proven)
	}
	var right canvas.Line
	if c := d.sight.Snapshot.Check; c != nil {
		right.Put(themes.Muted, " check #"+strconv.FormatInt(int64(c.ID), 10)+" ")
		s := status.State(c.State).Sign()
		switch c.State { //nolint:exhaustive // the others are told by their word
		case engine.RunRunning, engine.RunPlanning:
			s.Word, s.Role = widget.Progress(c.Done), themes.Info
		case engine.RunDone:
			s = status.OfVerdict(c.Verdict)
		}
		right.Put(s.Role, s.Glyph+" "+s.Word+" ")
	}
	l = l.Fit(max(0, width-right.Width()))
	return *l.Add(right)
}

// nothing says in words why there is no discrepancy: nobody looked, nothing was found, or nothing could be.
func (d *Discrepancies) nothing(width int) []canvas.Line {
	s := d.sight.Snapshot
	p := &s.Proof
	var lines []canvas.Line
	add := func(role themes.Role, text string) { lines = append(lines, say(role, text, width)...) }
	begin := d.sight.Keys.Key(keymap.Start) + " → check everything"
	if why := d.sight.Hinders(); why != "" {
		begin = why
	}
	if why := s.OnlyLooks(); why != "" {
		begin = why + ": begin a check in another one, or with `ferry check`"
	}
	age, good := d.sight.Proven()
	switch c := d.sight.Checking(); {
	case c != nil:
		add(themes.Title, "Check #"+strconv.FormatInt(int64(c.ID), 10)+" is under way, "+widget.Progress(c.Done)+": nothing was found so far.")
		if c.Waits != "" {
			add(themes.Muted, "It waits: "+c.Waits+".")
		}
	case p.Verdict == engine.CouldNotCheck:
		text := "Could not check."
		if p.Why != "" {
			text = "Could not check: " + p.Why
		}
		add(themes.Warn, text)
		if advice := cure.For(p.Why); advice != "" {
			add(themes.Info, "→ "+advice)
		}
		add(themes.Muted, "Nothing was found, but that proves nothing.")
	case s.Check == nil && p.Compared == 0:
		add(themes.Title, "No check has been yet: nobody knows whether the engine is right.")
		lines = append(lines, canvas.Line{})
		add(themes.Accent, widget.Cursor+begin)
	case p.Verdict == engine.Pass && good:
		add(themes.OK, "✓ Nothing was found: every row that was compared agrees.")
		add(themes.Muted, "The oldest proof is "+age+"; it covers "+widget.Progress(p.Coverage)+" of all rows.")
	default:
		add(themes.Warn, "Nothing is open, and nothing is proven either.")
		if p.Why != "" {
			add(themes.Text, p.Why)
		} else if age != widget.Unknown {
			add(themes.Text, "The proof is "+age+" and covers "+widget.Progress(p.Coverage)+".")
		}
		add(themes.Accent, widget.Cursor+begin)
	}
	return lines
}
