package rehearsal

import (
	"fmt"
	"strconv"
	"strings"

	"ferry/engine"
	"ferry/engine/rehearsal"
	"ferry/themes"
	"ferry/tui/canvas"
	"ferry/tui/cure"
	"ferry/tui/keymap"
	"ferry/tui/status"
	"ferry/tui/widget"
)

const (
	indent    = 2
	roomyFrom = 24 // lines; from here on there is room for more about the gate under the cursor
)

// Lines draws the screen.
func (r *Rehearsal) Lines() []canvas.Line {
	if r.sight.Snapshot == nil {
		return nil
	}
	v := r.Shown()
	if v == nil {
		return r.none()
	}
	lines := append([]canvas.Line{r.title(v)}, r.standing(v)...)
	below := r.about()
	grid := widget.NewGrid(gateColumns, indent, r.width-1)
	rest := max(3, r.height-len(lines)-len(below))
	lead := r.steps(v)
	if r.height >= roomyFrom {
		lead = append(lead, canvas.Line{})
	}
	draw := func(height int) []canvas.Line {
		return r.gates.Draw(lead, grid.Head(), len(v.Gates), r.width, height, func(i int) canvas.Line { return grid.Row(gateRow(&v.Gates[i])) })
	}
	drawn := draw(rest)
	if len(lead)+1+len(v.Gates) > rest {
		drawn = append(draw(rest-1), r.hidden())
	}
	return append(append(lines, drawn...), below...)
}

// hidden says what of the steps and the gates is out of sight.
func (r *Rehearsal) hidden() canvas.Line {
	l := canvas.Of(themes.Muted, " ")
	if r.gates.Top() > 0 {
		l.Put(themes.Muted, " ↑ "+widget.Plural(int64(r.gates.Top()), "line", "lines")+" ")
	}
	if r.gates.Below() > 0 {
		l.Put(themes.Muted, " ↓ "+widget.Plural(int64(r.gates.Below()), "more gate", "more gates"))
	}
	return l
}

// none says why there is nothing to show.
func (r *Rehearsal) none() []canvas.Line {
	text := "There has been no rehearsal yet; " + r.sight.Keys.Key(keymap.Start) + " begins one: preflight, first load or catch-up, freeze, " +
		"final catch-up, full check, ledger, verdict. It says GO or NO-GO, and how long the real cutover keeps Odoo frozen. It never seals."
	if r.sight.Hinders() != "" {
		return r.sight.Hindered(r.width)
	}
	return append([]canvas.Line{{}}, indented(canvas.Wrap(themes.Text, text, max(10, r.width-4)), "  ")...)
}

func indented(lines []canvas.Line, by string) []canvas.Line {
	for i := range lines {
		l := canvas.Of(themes.Text, by)
		lines[i] = *l.Add(lines[i])
	}
	return lines
}

// title names the rehearsal and says how it stands.
func (r *Rehearsal) title(v *engine.RehearsalView) canvas.Line {
	sign := status.OfRehearsal(v)
	l := canvas.Of(themes.Title, " rehearsal #"+number(v.ID))
	l.Put(themes.Text, "  ").Put(sign.Role, sign.Glyph+" "+sign.Word)
	l.Put(themes.Muted, "  freeze "+string(v.Freeze)).Put(themes.Muted, "  downtime ").Put(themes.Text, rehearsal.WindowWords(v))
	place := ""
	if at := r.at(); at >= 0 {
		place = fmt.Sprintf(" %d/%d ", at+1, len(r.list.Value))
	}
	l = l.Fit(max(0, r.width-len(place)))
	return *l.Put(themes.Muted, place)
}

// standing says what stands against a GO, and whether Odoo may be unfrozen.
func (r *Rehearsal) standing(v *engine.RehearsalView) []canvas.Line {
	role := status.OfRehearsal(v).Role
	if v.Verdict == "" {
		role = themes.Text
	}
	text := rehearsal.SentenceBy(v, r.ways(v))
	if v.State == engine.RunAsking {
		role = themes.Bad
	}
	most := 2
	if r.height >= roomyFrom {
		most = 6
	}
	lines := indented(canvas.Wrap(role, text, max(10, r.width-2)), " ")
	if len(lines) > most {
		lines = lines[:most]
		lines[most-1].Put(themes.Muted, " …")
	}
	if r.list.Err != nil {
		lines = append(lines, canvas.Of(themes.Bad, " ✗ earlier ones could not be read: "+cure.Cause(r.list.Err.Error())))
	}
	if line := rehearsal.Unfreeze(v); line != "" {
		role := themes.OK
		if v.Frozen() {
			role = themes.Bad
			line += ", frozen since " + widget.When(v.FrozenAt, r.sight.Now)
		}
		lines = append(lines, canvas.Of(role, " "+line))
	}
	return lines
}

// ways are how something is done about a rehearsal from here; a process that only looks names the commands.
func (r *Rehearsal) ways(v *engine.RehearsalView) rehearsal.Ways {
	by := rehearsal.Commands(v)
	if r.sight.Snapshot.OnlyLooks() != "" {
		return by
	}
	if r.sight.Snapshot.Process.Workers > 0 {
		by.GoOn = "This process"
	}
	by.Resume = r.sight.Keys.Key(keymap.Pause)
	by.Answer = "Is Odoo frozen? Stop everything that writes to it, then answer: " + r.sight.Keys.Key(keymap.Answer)
	return by
}

var stepColumns = []widget.Column{
	{Title: "step", Left: true, Width: 10},
	{Title: "state", Left: true, Width: 14},
	{Title: "took", Width: 9},
	{Title: "before", Width: 9, Drop: 2},
	{Title: "change", Width: 9, Drop: 1},
	{Title: "found", Left: true, Width: 24, Fill: true, Drop: 3},
}

// steps draws the runbook, with the times of the rehearsal before beside its own. What a step waits for has a line of its own
// where the column is narrow.
func (r *Rehearsal) steps(v *engine.RehearsalView) []canvas.Line {
	before := r.before()
	columns := stepColumns
	if before == nil {
		columns = append(append([]widget.Column{}, stepColumns[:3]...), stepColumns[5])
	} else {
		columns = append([]widget.Column{}, columns...)
		columns[3].Title = "#" + number(before.ID)
	}
	grid := widget.NewGrid(columns, indent, r.width-1)
	lines := []canvas.Line{grid.Head()}
	var pairs []rehearsal.StepPair
	if before != nil {
		pairs = rehearsal.Compare(before, v).Steps
	}
	for i := range v.Steps {
		s := &v.Steps[i]
		sign := status.OfRehearsalStep(s.State, v)
		took := widget.Cell{Text: rehearsal.SpanOf(s.Took())}
		if s.State == engine.RehearsalRunning && !s.StartedAt.IsZero() && v.State == engine.RunRunning && !v.Lost {
			took.Text = widget.Duration(r.sight.Now.Sub(s.StartedAt))
		}
		if s.Idle > 0 {
			took.Role = themes.Warn
		}
		name := widget.Cell{Role: themes.Title, Text: string(s.Name)}
		if rehearsal.Inside(s.Name) {
			name.Text = "│ " + name.Text
		}
		cells := []widget.Cell{name, {Role: sign.Role, Text: sign.Glyph + " " + sign.Word}, took}
		if before != nil {
			cells = append(cells, r.beside(pairs, s.Name)...)
		}
		lines = append(lines, grid.Row(append(cells, widget.Cell{Role: themes.Muted, Text: s.Found})))
	}
	return lines
}

// beside are the times of the rehearsal before.
func (*Rehearsal) beside(pairs []rehearsal.StepPair, name engine.RehearsalStepName) []widget.Cell {
	for _, p := range pairs {
		if p.Name != name {
			continue
		}
		role := themes.Muted
		if p.Change.Known && p.Change.Value > p.A.Took().Value/2 {
			role = themes.Warn // half as long again, or more
		}
		return []widget.Cell{{Role: themes.Muted, Text: rehearsal.SpanOf(p.A.Took())}, {Role: role, Text: rehearsal.ChangeOf(p.Change)}}
	}
	return []widget.Cell{{}, {}}
}

var gateColumns = []widget.Column{
	{Title: "gate", Left: true, Width: 11},
	{Title: "verdict", Left: true, Width: 17},
	{Title: "figure", Left: true, Width: 20, Drop: 1},
	{Title: "wanted", Left: true, Width: 18, Fill: true, Drop: 2},
}

func gateRow(g *engine.RehearsalGate) []widget.Cell {
	sign := status.OfVerdict(g.Verdict)
	verdict := widget.Cell{Role: sign.Role, Text: sign.Glyph + " " + sign.Word}
	switch {
	case g.AskedBy != "":
		verdict = widget.Cell{Role: themes.Info, Text: "◌ being measured"}
	case g.Verdict == "":
		verdict = widget.Cell{Role: themes.Muted, Text: "◌ not measured"}
	}
	figure := g.Figure
	if figure == "" {
		figure = widget.Unknown
	}
	return []widget.Cell{{Role: themes.Title, Text: string(g.Name)}, verdict, {Text: figure}, {Role: themes.Muted, Text: g.Threshold}}
}

// about tells what the gate under the cursor rests on, and what to do about it.
func (r *Rehearsal) about() []canvas.Line {
	g := r.Gate()
	if g == nil {
		return nil
	}
	most, lines := 1, []canvas.Line(nil)
	if g.Verdict != engine.Pass && g.Verdict != "" {
		most = 2 // it names the grant that is missing, or the rows
	}
	if r.height >= roomyFrom {
		most, lines = 4, []canvas.Line{{}}
	}
	add := func(role themes.Role, text string) {
		wrapped := indented(canvas.Wrap(role, text, max(10, r.width-4)), " ")
		if len(wrapped) > most {
			wrapped = wrapped[:most]
			wrapped[most-1].Put(themes.Muted, " …")
		}
		lines = append(lines, wrapped...)
	}
	text := string(g.Name) + ": "
	switch {
	case g.Evidence != "":
		text += g.Evidence
	case g.Verdict == "":
		text += "measured when the rehearsal comes to its verdict"
	}
	if most > 1 && g.Figure != "" {
		text += " (" + g.Figure + ", wanted " + g.Threshold + ")"
	}
	add(themes.Text, text)
	if g.Advice != "" {
		add(themes.Info, "→ "+g.Advice)
	}
	return lines
}

// summary is a rehearsal in one line.
func summary(v *engine.RehearsalView) string {
	parts := []string{"rehearsal #" + number(v.ID) + ": " + rehearsal.Outcome(v)}
	if v.Why != "" {
		parts = append(parts, v.Why)
	}
	return strings.Join(append(parts, "downtime window "+rehearsal.WindowWords(v)), "; ")
}

func number(id engine.RunID) string { return strconv.FormatInt(int64(id), 10) }
