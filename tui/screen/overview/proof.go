package overview

import (
	"strconv"
	"strings"

	"ferry/engine"
	"ferry/themes"
	"ferry/tui/canvas"
	"ferry/tui/keymap"
	"ferry/tui/screen"
	"ferry/tui/status"
	"ferry/tui/widget"
)

// proof is how much agrees and how old that is, what a running check is at, what Odoo itself disagrees on, and what somebody
// is to be told.
func (o *Overview) proof() []canvas.Line {
	lines := labelled("alerts", o.alerts())
	lines = append(lines, labelled("levels", o.judged())...)
	lines = append(lines, labelled("proof", o.proven())...)
	lines = append(lines, labelled("check", o.checking())...)
	return append(lines, labelled("ledger", o.ledger())...)
}

// room is how many cells a line behind a label has.
func (o *Overview) room() int { return max(10, o.width-labelColumn-1) }

// alerts says how many fire, the most urgent one in words, and what could not be delivered.
func (o *Overview) alerts() []canvas.Line {
	m := &o.sight.Snapshot.Monitor
	var lines []canvas.Line
	if n := len(m.Firing); n > 0 {
		first := &m.Firing[0]
		role, text := themes.Warn, string(first.Severity)+": "+first.Text
		if first.Severity == engine.SeverityCritical {
			role = themes.Bad
		}
		if n > 1 {
			text = widget.Plural(int64(n), "fires", "fire") + ", first of all " + text
		}
		if !first.FiredAt.IsZero() {
			text += " (" + widget.Ago(first.FiredAt, o.sight.Now) + ")"
		}
		lines = clip(canvas.Wrap(role, "✗ "+text, o.room()), 2)
	}
	if m.Pending > 0 {
		text := widget.Plural(m.Pending, "message is", "messages are") + " not delivered yet"
		role := themes.Muted
		if m.Failed != "" {
			text, role = text+": "+m.Failed, themes.Warn
		}
		lines = append(lines, clip(canvas.Wrap(role, text, o.room()), 2)...)
	}
	return lines
}

// judged are the service levels as the monitor judged them, those that are not kept first and with what to do, but for the
// ones that have a line of their own.
func (o *Overview) judged() []canvas.Line {
	m := &o.sight.Snapshot.Monitor
	if m.At.IsZero() {
		return nil
	}
	var lines, kept []canvas.Line
	type alike struct {
		name  string
		state engine.LevelState
		why   string
	}
	entities := map[alike]int64{} // for which the same is to be said
	of := func(l *engine.LevelView) alike { return alike{l.Name, l.State, l.Why} }
	for i := range m.Levels {
		if l := &m.Levels[i]; l.Entity != "" {
			entities[of(l)]++
		}
	}
	for i := range m.Levels {
		l := &m.Levels[i]
		switch {
		case screen.ToldElsewhere(l): // and newer there: these are as of the last judgement
		case l.Entity != "" && entities[of(l)] == 0: // said with another one's
		case l.State == engine.LevelUnknown && entities[of(l)] > 1:
			one := *l
			one.Entity = "of " + widget.Plural(entities[of(l)], "entity", "entities")
			lines = append(lines, o.missed(&one)...)
			delete(entities, of(l))
		case l.State != engine.LevelKept:
			lines = append(lines, o.missed(l)...)
		case l.Entity == "":
			kept = append(kept, o.level(l))
		default:
			line := canvas.Of(themes.OK, "✓ "+l.Name)
			kept = append(kept, *line.Put(themes.Muted, " of "+widget.Plural(entities[of(l)], "entity", "entities")))
			delete(entities, of(l))
		}
	}
	return append(lines, abreast(kept, o.room())...)
}

// level is one level with its figure.
func (o *Overview) level(l *engine.LevelView) canvas.Line {
	sign, role := "✓", themes.OK
	switch l.State {
	case engine.LevelMissed:
		sign, role = "✗", themes.Warn
	case engine.LevelAlert:
		sign, role = "✗ ALERT", themes.Bad
	case engine.LevelKept, engine.LevelUnknown:
		if l.State == engine.LevelUnknown {
			sign, role = widget.Unknown, themes.Warn
		}
	}
	name := l.Name
	if l.Entity != "" {
		name += " " + l.Entity
	}
	line := canvas.Of(role, sign+" "+name)
	switch {
	case l.State == engine.LevelUnknown:
		line.Put(themes.Text, " unknown")
	case l.Figure != "":
		line.Put(themes.Text, " "+l.Figure)
	}
	if !strings.HasPrefix(l.Target, "≤") && !strings.HasPrefix(l.Target, "≥") && !strings.HasPrefix(l.Target, "<") {
		return line // the name says what it ought to be
	}
	switch l.State {
	case engine.LevelKept:
		line.Put(themes.Muted, " "+l.Target)
	case engine.LevelMissed, engine.LevelAlert:
		line.Put(themes.Muted, ", not "+l.Target)
	case engine.LevelUnknown:
	}
	return line
}

// missed is a level that is not kept, with what to do: beside it, or where that has no room below it.
func (o *Overview) missed(l *engine.LevelView) []canvas.Line {
	line := o.level(l)
	if l.Why == "" {
		return []canvas.Line{line.Fit(min(line.Width(), o.room()))}
	}
	whole := line
	whole.Put(themes.Text, ": "+l.Why)
	if whole.Width() <= o.room() {
		return []canvas.Line{whole}
	}
	return append([]canvas.Line{line.Fit(min(line.Width(), o.room()))}, clip(canvas.Wrap(themes.Text, "→ "+l.Why, o.room()), 2)...)
}

// abreast puts pieces beside each other, on as many lines as it takes.
func abreast(pieces []canvas.Line, width int) []canvas.Line {
	var lines []canvas.Line
	for i := range pieces {
		last := len(lines) - 1
		if last < 0 || lines[last].Width()+2+pieces[i].Width() > width {
			lines = append(lines, pieces[i].Fit(min(pieces[i].Width(), width)))
			continue
		}
		lines[last].Put(themes.Text, "  ").Add(pieces[i])
	}
	return lines
}

// proven says how much agrees, how old the oldest proof is and how much it covers.
func (o *Overview) proven() []canvas.Line {
	s := o.sight.Snapshot
	p := &s.Proof
	text, state, entity := o.sight.AgreementOf()
	if p.Never() && p.Settled == 0 {
		return o.unproven()
	}
	l := agreed(text, state, o.sight.AgreementGoal(), entity)
	if p.Settled > 0 {
		l.Put(themes.Text, "  ").Put(themes.Bad, widget.Count(p.Settled)+" differ")
	}
	age, good := o.sight.Proven()
	role := themes.Text
	if !good {
		role = themes.Warn
	}
	if p.Verdict != engine.CouldNotCheck && age != widget.Unknown {
		l.Put(themes.Text, "  ").Put(role, age)
	}
	l.Put(themes.Muted, "  covers ").Put(themes.Text, widget.Progress(p.Coverage))
	whole := l
	if p.InFlight > 0 {
		whole.Put(themes.Muted, "  in flight ").Put(themes.Text, widget.Count(p.InFlight))
	}
	if p.Explained > 0 {
		whole.Put(themes.Muted, "  explained ").Put(themes.Text, widget.Count(p.Explained))
	}
	lines := []canvas.Line{widget.FirstFit(o.room(), whole, l)}
	if why := doubt(p); why != "" {
		lines = append(lines, clip(canvas.Wrap(themes.Warn, why, o.room()), 2)...)
	}
	return lines
}

// agreed says how much agrees, and whether that is enough.
func agreed(text string, state engine.LevelState, goal, entity string) canvas.Line {
	l := canvas.Of(themes.Muted, "agree ")
	if entity != "" {
		l.Put(themes.Text, entity+" ")
	}
	switch state {
	case engine.LevelKept:
		l.Put(themes.OK, text+" ✓").Put(themes.Muted, " "+goal)
	case engine.LevelMissed:
		l.Put(themes.Warn, text+" ✗ not "+goal)
	case engine.LevelAlert:
		l.Put(themes.Bad, text+" ✗ ALERT, not "+goal)
	case engine.LevelUnknown:
		l.Put(themes.Muted, text)
	}
	return l
}

// doubt is why what is proven is no pass, where the figures do not say it.
func doubt(p *engine.ProofView) string {
	switch {
	case p.Verdict == engine.CouldNotCheck:
		return string(engine.CouldNotCheck) + because(p.Why)
	case p.Verdict == "" && p.Why == "":
		return "no verdict yet"
	case p.Verdict == engine.Pass, p.Verdict == engine.Fail && p.Settled > 0:
		return ""
	}
	return p.Why
}

func because(why string) string {
	if why == "" {
		return ""
	}
	return ": " + why
}

// unproven says that nothing was checked yet, once there is something to check.
func (o *Overview) unproven() []canvas.Line {
	s := o.sight.Snapshot
	if s.Run == nil || (s.Run.State != engine.RunDone && !o.passing(s.Run)) || o.sight.Checking() != nil {
		return nil
	}
	l := canvas.Of(themes.Text, widget.Unknown+" ")
	l.Put(themes.Muted, "nothing was checked yet")
	if s.OnlyLooks() == "" {
		l.Put(themes.Muted, "; "+o.sight.Keys.Key(keymap.Start)+" → check everything")
	}
	return []canvas.Line{l}
}

// checking is the check that is under way, or stopped on its way: how far it is, and what it waits for.
func (o *Overview) checking() []canvas.Line {
	c := o.sight.Checking()
	if c == nil {
		return nil
	}
	l := canvas.Of(themes.Title, "#"+strconv.FormatInt(int64(c.ID), 10))
	if c.Recheck {
		l.Put(themes.Muted, " of some rows")
	}
	l.Put(themes.Text, "  ")
	if sign := status.State(c.State).Sign(); c.State != engine.RunRunning {
		l.Put(sign.Role, sign.Glyph+" "+sign.Word+"  ")
	}
	l.Put(themes.Text, widget.Progress(c.Done))
	switch {
	case still(&c.RunView):
		if c.StateBy != "" {
			l.Put(themes.Muted, "  by ").Put(themes.Info, c.StateBy)
		}
	case c.Waits != "":
		l.Put(themes.Muted, "  waits: ").Put(themes.Text, c.Waits)
	case c.NowDoing != "":
		l.Put(themes.Muted, "  "+c.NowDoing)
	}
	if c.Settled > 0 {
		l.Put(themes.Text, "  ").Put(themes.Bad, widget.Count(c.Settled)+" differ")
	}
	if c.Errors > 0 {
		l.Put(themes.Text, "  ").Put(themes.Bad, widget.Plural(c.Errors, "error", "errors"))
	}
	return []canvas.Line{l.Fit(min(l.Width(), o.room()))}
}

// ledger says on how many cards Odoo disagrees with itself.
func (o *Overview) ledger() []canvas.Line {
	v := &o.sight.Snapshot.Ledger
	if !v.Drifted.Known {
		return nil
	}
	if v.Drifted.Value == 0 && v.Incomplete.Or(0) == 0 {
		return []canvas.Line{canvas.Of(themes.Muted, "Odoo agrees with itself on every card")}
	}
	l := canvas.Of(themes.Warn, "Odoo disagrees with itself on "+widget.Plural(v.Drifted.Value, "card", "cards"))
	if n := v.Incomplete.Or(0); n > 0 {
		l.Put(themes.Muted, "; "+widget.Count(n)+" incomplete")
	}
	if !v.At.IsZero() {
		l.Put(themes.Muted, ", seen "+widget.Ago(v.At, o.sight.Now))
	}
	return []canvas.Line{l.Fit(min(l.Width(), o.room()))}
}
