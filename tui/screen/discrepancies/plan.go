package discrepancies

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"

	"ferry/engine"
	"ferry/themes"
	"ferry/tui/canvas"
	"ferry/tui/feed"
	"ferry/tui/keymap"
	"ferry/tui/screen"
	"ferry/tui/widget"
)

const (
	planLimit = 2 * time.Minute // both sides are read for it
	planLasts = 24 * time.Hour  // an older plan is stale
)

// plan is what a repair would write, while it is looked at.
type plan struct {
	shelf   feed.Shelf[*engine.RepairPlan]
	reason  string
	scroll  screen.Scroll
	lines   []canvas.Line // of the rows
	width   int           // for which they were made
	refused string        // why it was not carried out
	now     time.Time
	keys    keymap.Map
}

// Plan has a repair planned, and shows the plan once it is made.
func (d *Discrepancies) Plan(which engine.DiscrepancySelection, o engine.RepairOptions, act engine.Act) tea.Cmd {
	d.plan.shelf.Clear()
	d.plan.reason, d.plan.scroll, d.plan.lines, d.plan.refused = act.Reason, screen.Scroll{}, nil, ""
	d.planning = true
	return d.plan.shelf.Fetch(d.sight.Now, d.reading, planLimit, func(ctx context.Context) (*engine.RepairPlan, error) {
		return d.desk.PlanRepair(ctx, which, o, act)
	})
}

// Planned is the plan that is shown.
func (d *Discrepancies) Planned() (made *engine.RepairPlan, reason string) {
	if !d.planning {
		return nil, ""
	}
	return d.plan.made(), d.plan.reason
}

// Repaired says that the plan has begun to be carried out; or why not.
func (d *Discrepancies) Repaired(err error) {
	if err != nil {
		d.plan.refused = err.Error()
		return
	}
	d.planning = false
	d.level = min(d.level, inRows)
	d.plan.shelf.Clear()
	d.Changed()
}

func (p *plan) made() *engine.RepairPlan {
	if !p.shelf.Known || p.shelf.Err != nil {
		return nil
	}
	return p.shelf.Value
}

func (p *plan) arrived() { p.lines, p.scroll = nil, screen.Scroll{} }

// doInPlan moves about in the plan, and leaves it.
func (d *Discrepancies) doInPlan(action keymap.Action) bool {
	if action == keymap.Back {
		d.planning = false
		d.plan.shelf.Clear()
		return true
	}
	return d.plan.scroll.Do(action)
}

func (p *plan) offers() []screen.Offer {
	var offers []screen.Offer
	if p.refusal(keymap.Repair) == "" {
		offers = append(offers, screen.Offer{Action: keymap.Repair, Word: "repair these rows"})
	}
	return append(offers, screen.Offer{Action: keymap.Back, Word: "leave it"})
}

// refusal says why an action cannot be taken on the plan.
func (p *plan) refusal(action keymap.Action) string {
	made := p.made()
	switch {
	case action != keymap.Repair:
		return "this is the plan of a repair; " + p.keys.Key(keymap.Back) + " goes back"
	case p.shelf.Err != nil:
		return "the plan could not be made; " + p.keys.Key(keymap.Back) + " goes back, where another one can be"
	case made == nil:
		return "the plan is not made yet"
	case made.Total == 0:
		return "there is nothing to repair"
	case made.State != engine.RepairPlanned && made.State != "":
		return "plan #" + planNumber(made) + " is " + string(made.State) + "; plan the repair anew"
	case !made.MadeAt.IsZero() && p.now.Sub(made.MadeAt) > planLasts:
		return "plan #" + planNumber(made) + " is older than a day: the rows may have changed; plan the repair anew"
	}
	return ""
}

func planNumber(p *engine.RepairPlan) string { return strconv.FormatInt(p.ID, 10) }

// card is the card that a plan is about, if it is about one row alone.
func (p *plan) card() engine.CardKey {
	made := p.made()
	if made == nil || len(made.Items) != 1 {
		return engine.CardKey{}
	}
	return card(&engine.Discrepancy{Entity: made.Items[0].Entity, Row: made.Items[0].Row})
}

// planLines draws the plan: what would be written in all, then row by row.
func (d *Discrepancies) planLines(width, height int) []canvas.Line {
	p := &d.plan
	p.now, p.keys = d.sight.Now, d.sight.Keys
	made := p.made()
	switch {
	case p.shelf.Err != nil:
		lines := append([]canvas.Line{canvas.Of(themes.Title, " plan of a repair"), {}}, fault("the plan could not be made", p.shelf.Err, width)...)
		lines[len(lines)-1] = canvas.Of(themes.Muted, "  "+d.sight.Keys.Key(keymap.Back)+" goes back; no row was changed")
		return lines
	case made == nil:
		text := "reading both sides to plan the repair"
		if asked := p.shelf.Asked; p.shelf.Waiting() && d.sight.Now.Sub(asked) >= slowRead {
			text += ", " + widget.Duration(d.sight.Now.Sub(asked))
		}
		return append([]canvas.Line{canvas.Of(themes.Title, " plan of a repair"), {}}, say(themes.Muted, text+"; no row is changed", width)...)
	}
	lines := d.planHead(made, width)
	if p.lines == nil || p.width != width {
		p.lines, p.width = itemLines(made, width), width
	}
	return append(lines, p.scroll.Window(p.lines, max(1, height-len(lines)))...)
}

// planHead says what the plan is in all.
func (d *Discrepancies) planHead(made *engine.RepairPlan, width int) []canvas.Line {
	p := &d.plan
	title := canvas.Of(themes.Title, " plan #"+planNumber(made))
	title.Put(themes.Text, " would change "+widget.Plural(made.Total, "row", "rows")+" of "+made.Database)
	note := canvas.Of(themes.Muted, "nothing is written yet ")
	if room := width - note.Width() - 2; title.Width() <= room {
		title.To(width - note.Width()).Add(note)
	}
	lines := []canvas.Line{title.Fit(width)}
	if p.refused != "" {
		lines = append(lines, say(themes.Bad, "✗ not carried out: "+p.refused, width)...)
		lines = append(lines, say(themes.Info, "→ "+p.keys.Key(keymap.Back)+" goes back, where the repair can be planned anew", width)...)
	} else if reason := p.refusal(keymap.Repair); reason != "" {
		lines = append(lines, say(themes.Warn, reason, width)...)
	}
	var by canvas.Line
	for _, c := range slices.SortedFunc(maps.Keys(made.ByCause), byCause) {
		by.Put(themes.Muted, " "+causeName(c)+" ").Put(themes.Text, widget.Count(made.ByCause[c])+" ")
	}
	if made.Deletes > 0 {
		by.Put(themes.Bad, " ✗ "+widget.Plural(made.Deletes, "row would be DELETED", "rows would be DELETED"))
	}
	if by.Width() > 0 {
		lines = append(lines, by.Fit(width))
	}
	return append(lines, canvas.Line{})
}

func byCause(a, b engine.Cause) int {
	if by := slices.Index(engine.Causes, a) - slices.Index(engine.Causes, b); by != 0 {
		return by
	}
	return len(a) - len(b)
}

// itemLines are the rows of a plan by cause, each with its columns before and after.
func itemLines(made *engine.RepairPlan, width int) []canvas.Line {
	lines := []canvas.Line{}
	items := slices.Clone(made.Items)
	slices.SortStableFunc(items, func(a, b engine.RepairItem) int { return byCause(a.Cause, b.Cause) })
	var last engine.Cause
	for i := range items {
		item := &items[i]
		if i == 0 || item.Cause != last {
			if i > 0 {
				lines = append(lines, canvas.Line{})
			}
			lines = append(lines, canvas.Of(themes.Title, " "+causeName(item.Cause)))
			last = item.Cause
		}
		lines = append(lines, oneItem(item, width)...)
	}
	if shown := int64(len(items)); shown < made.Total {
		lines = append(lines, canvas.Line{}, canvas.Of(themes.Warn, fmt.Sprintf(" the first %s of %s rows are shown; `ferry repair` lists them all",
			widget.Count(shown), widget.Count(made.Total))))
	}
	return lines
}

var actions = map[engine.RepairAction]struct {
	word string
	role themes.Role
}{
	engine.RepairWrite:  {"write", themes.Text},
	engine.RepairSettle: {"settle points", themes.Text},
	engine.RepairDelete: {"DELETE", themes.Bad},
}

// oneItem is one row: what is done to it, and each column that changes.
func oneItem(item *engine.RepairItem, width int) []canvas.Line {
	l := canvas.Of(themes.Title, "  "+item.Entity+" "+strconv.FormatInt(item.Row, 10))
	act, known := actions[item.Action]
	if !known {
		act.word, act.role = string(item.Action), themes.Warn
	}
	if item.Action == engine.RepairWrite && len(item.Before) == 0 {
		act.word = "insert"
	}
	l.Put(themes.Text, "  ").Put(act.role, act.word)
	if item.State != "" && item.State != engine.RepairPlanned {
		l.Put(themes.Warn, "  "+string(item.State))
	}
	if item.Outcome != "" {
		l.Put(themes.Muted, "  "+item.Outcome)
	}
	lines := []canvas.Line{l.Fit(min(l.Width(), width))}
	names := slices.Sorted(maps.Keys(item.Before))
	for name := range item.After {
		if _, both := item.Before[name]; !both {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		before, had := item.Before[name]
		after, has := item.After[name]
		text := canvas.Of(themes.Text, "")
		text.Add(shown(before, had, themes.Muted)).Put(themes.Muted, " → ").Add(shown(after, has, themes.OK))
		l := canvas.Of(themes.Muted, "    "+name)
		l.To(max(24, l.Width()+1)).Add(text)
		if l.Width() < width {
			lines = append(lines, l)
			continue
		}
		lines = append(lines, long(name, "before", before, had, width)...)
		lines = append(lines, long("", "after", after, has, width)...)
	}
	return lines
}

// long is a value that has no room beside another.
func long(name, label, text string, there bool, width int) []canvas.Line {
	l := shown(text, there, themes.Text)
	var lines []canvas.Line
	for i, part := range canvas.Wrap(themes.Text, l.String(), max(10, width-34)) {
		line := canvas.Of(themes.Muted, "    ")
		if i == 0 {
			line.Put(themes.Muted, name).To(24).Put(themes.Muted, label)
		}
		lines = append(lines, *line.To(32).Add(part))
	}
	return lines
}

func shown(text string, there bool, role themes.Role) canvas.Line {
	cell := value(engine.Maybe[string]{Value: text, Known: there})
	if there {
		cell.Role = role
	}
	return canvas.Of(cell.Role, cell.Text)
}

// copied is the plan as text.
func (p *plan) copied() (text, what string) {
	made := p.made()
	if made == nil {
		return "", ""
	}
	var b strings.Builder
	for i := range p.lines {
		b.WriteString(p.lines[i].String() + "\n")
	}
	return b.String(), "plan #" + planNumber(made)
}
