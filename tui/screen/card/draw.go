package card

import (
	"slices"
	"strconv"
	"strings"

	"ferry/engine"
	"ferry/themes"
	"ferry/tui/canvas"
	"ferry/tui/cure"
	"ferry/tui/keymap"
	"ferry/tui/screen"
	"ferry/tui/widget"
)

const (
	label     = 12 // cells of a label before what it says
	leastPane = 4  // lines that the panes keep below the sentence
	leftOf    = 4  // the part of a wide window that is left of the ledger:
	wholeOf   = 7  // … so much of so much
	prose     = 60 // characters of a value within a sentence
)

// Lines draws the view.
func (c *Card) Lines() []canvas.Line {
	if c.sight.Snapshot == nil {
		return nil
	}
	lines := []canvas.Line{c.head()}
	r := c.now()
	if r == nil {
		return append(lines, c.none()...)
	}
	top := slices.Concat(c.trouble(), c.first(r, c.width))
	if c.wide() {
		return append(lines, c.abreast(r, top, c.height-len(lines))...)
	}
	body := slices.Concat(top, c.rest(r, c.width))
	title, ledger, wrong := c.timeline(r, c.width)
	if len(title) > 0 {
		body = append(append(body, canvas.Line{}), title...)
	}
	c.wrong = c.wrong[:0]
	for _, at := range wrong {
		c.wrong = append(c.wrong, len(body)+at)
	}
	return append(lines, c.all.Window(append(body, ledger...), max(1, c.height-1))...)
}

// abreast draws the ledger beside the rest, below what comes first.
func (c *Card) abreast(r *engine.CardReport, top []canvas.Line, height int) []canvas.Line {
	lines := slices.Concat(top[:min(len(top), max(1, height-leastPane))], []canvas.Line{{}})
	height = max(1, height-len(lines))
	left := c.width * leftOf / wholeOf
	title, ledger, wrong := c.timeline(r, c.width-left-1)
	c.wrong = wrong
	right := slices.Concat(title, c.ledger.Window(ledger, max(1, height-len(title))))
	return append(lines, screen.Beside(c.all.Window(c.rest(r, left), height), right, left, c.width, height)...)
}

// head names the card, how it stands, and of when that is.
func (c *Card) head() canvas.Line {
	l := canvas.Of(themes.Title, " card "+screen.CardName(c.key))
	at := canvas.Of(themes.Muted, " ")
	if r := c.now(); r != nil {
		if r.ID != 0 {
			l = canvas.Of(themes.Title, " card "+id(r.ID)+"  "+r.Code)
		}
		sign := verdict(r)
		l.Put(themes.Text, "  ").Put(sign.Role, sign.Glyph+" "+sign.Word)
		if !r.ReadAt.IsZero() {
			at.Put(themes.Muted, "read "+widget.When(r.ReadAt, c.sight.Now)+" ")
		}
	}
	switch {
	case c.report.Waiting():
		at = canvas.Of(themes.Info, " ◌ reading "+widget.Duration(c.sight.Now.Sub(c.report.Asked))+" ")
	case c.scanned.Waiting():
		at = canvas.Of(themes.Info, " ◌ reading its ledger from Odoo "+widget.Duration(c.sight.Now.Sub(c.scanned.Asked))+" ")
	}
	l = l.Fit(max(0, c.width-at.Width()))
	return *l.Add(at)
}

// none says why there is no report to show.
func (c *Card) none() []canvas.Line {
	lines := []canvas.Line{{}}
	hinders := c.sight.Hinders()
	switch {
	case c.key == engine.CardKey{}:
		return append(lines, c.wrap(themes.Muted, "No card is chosen; "+c.sight.Keys.Key(keymap.Card)+" asks for one.")...)
	case hinders != "":
		return append(lines, c.wrap(themes.Warn, c.unreachable("the card is read once that is over"))...)
	case c.report.Err != nil:
		return append(lines, c.fault("The card could not be read", c.report.Err)...)
	}
	text := "Reading card " + screen.CardName(c.key) + " from both databases"
	if d := c.sight.Now.Sub(c.report.Asked); c.report.Waiting() && d >= slowRead {
		text += ", " + widget.Duration(d)
	}
	return append(lines, c.wrap(themes.Muted, text+".")...)
}

// unreachable says what hinders reading, and what comes then.
func (c *Card) unreachable(then string) string {
	target := c.sight.Snapshot.Target
	if !target.Down() {
		return c.sight.Hinders() + "; " + then
	}
	return "engine database unreachable for " + widget.Duration(c.sight.Now.Sub(target.DownSince)) + "; " + then
}

// trouble says why what is shown may be old.
func (c *Card) trouble() []canvas.Line {
	var lines []canvas.Line
	if c.sight.Hinders() != "" {
		lines = append(lines, c.wrap(themes.Warn, "◆ "+c.unreachable("below is what was read last"))...)
	} else if c.report.Err != nil && !c.report.Waiting() {
		lines = append(lines, c.fault("The card could not be read again", c.report.Err)...)
	}
	if c.scanned.Err != nil && !c.scanned.Waiting() {
		lines = append(lines, c.fault("Its ledger could not be read from Odoo", c.scanned.Err)...)
	}
	return lines
}

func (c *Card) fault(what string, err error) []canvas.Line {
	lines := c.wrap(themes.Bad, "✗ "+what+": "+err.Error())
	if advice := cure.ForError(err); advice != "" {
		lines = append(lines, c.wrap(themes.Info, "→ "+advice)...)
	}
	return append(lines, c.wrap(themes.Muted, c.sight.Keys.Key(keymap.Recheck)+" reads it again")...)
}

func (c *Card) wrap(role themes.Role, text string) []canvas.Line { return wrap(role, text, c.width) }

func wrap(role themes.Role, text string, width int) []canvas.Line {
	var lines []canvas.Line
	for _, l := range canvas.Wrap(role, text, max(10, width-2)) {
		line := canvas.Of(themes.Text, " ")
		lines = append(lines, *line.Add(l))
	}
	return lines
}

// first is the sentence, and below it the cause and where the card is.
func (c *Card) first(r *engine.CardReport, width int) []canvas.Line {
	role := verdict(r).Role
	if role == themes.Muted || role == themes.Info {
		role = themes.Title
	}
	lines := wrap(role, sentence(r), width)
	var parts []string
	if r.Cause != "" {
		parts = append(parts, "cause: "+causeWords(r.Cause))
		if words := settledWords(r.Settled); words != "" {
			parts = append(parts, words)
		}
	}
	if r.ID != 0 {
		parts = append(parts, where(r))
	}
	return append(lines, wrap(themes.Muted, strings.Join(parts, " · "), width)...)
}

// where says which side has the card.
func where(r *engine.CardReport) string {
	switch {
	case r.AtSource && r.InEngine:
		return "on both sides"
	case r.AtSource:
		return "in Odoo, not in the engine"
	case r.InEngine:
		return "in the engine, not in Odoo"
	}
	return "neither in Odoo nor in the engine"
}

// rest is all that stands below the sentence, but for the ledger.
func (c *Card) rest(r *engine.CardReport, width int) []canvas.Line {
	var lines []canvas.Line
	own, others := c.fields(r, width), children(r, width)
	if _, differ := ordered(r); differ == 0 {
		own, others = others, own // what is wrong comes first
	}
	for _, part := range [][]canvas.Line{
		c.quarantine(r, width), own, others, c.balances(r, width), c.discrepancies(r, width), c.provenance(r, width),
	} {
		if len(part) == 0 {
			continue
		}
		if len(lines) > 0 || !c.wide() {
			lines = append(lines, canvas.Line{})
		}
		lines = append(lines, part...)
	}
	return lines
}

// labelled wraps a text behind a label.
func labelled(name string, role themes.Role, text string, width int) []canvas.Line {
	return canvas.Labelled(name, label, role, text, width)
}

func id(n int64) string { return strconv.FormatInt(n, 10) }

// quarantine tells the card's entry in quarantine, with what would cure it.
func (c *Card) quarantine(r *engine.CardReport, width int) []canvas.Line {
	q := r.Quarantine
	if q == nil {
		return nil
	}
	title := canvas.Of(themes.Title, " in quarantine")
	title.Put(themes.Text, "  ").Put(themes.Warn, "◆ "+q.Reason)
	state := strings.ReplaceAll(q.State, "_", " ")
	if q.WaivedBy != "" {
		state = "waived by " + q.WaivedBy + ": " + q.WaivedNote
	}
	lines := []canvas.Line{title}
	lines = append(lines, labelled("why", themes.Text, q.Detail, width)...)
	_, valid := cure.OfQuarantine(q.Reason, nil)
	if valid == "" {
		valid = "mend it in Odoo, and the next tick loads it; " + c.sight.Keys.Key(keymap.Quarantine) + " shows the rule and its switch"
	}
	lines = append(lines, labelled("to cure", themes.Info, valid, width)...)
	lines = append(lines, labelled("state", themes.Text, state+", since "+widget.When(q.FirstSeen, c.sight.Now), width)...)
	if q.Stale {
		lines = append(lines, labelled("", themes.Warn, "an older good version stays in the engine", width)...)
	}
	if q.Hangs > 0 {
		lines = append(lines, labelled("hangs", themes.Warn, widget.Plural(q.Hangs, "row waits", "rows wait")+" for it", width)...)
	}
	return lines
}

// balances sets Odoo's three balances beside the engine's.
func (c *Card) balances(r *engine.CardReport, width int) []canvas.Line {
	if r.ID == 0 {
		return nil
	}
	title := canvas.Of(themes.Title, " balances")
	if len(r.Drifts) > 0 {
		title.Put(themes.Text, "  ").Put(themes.Warn, "◆ Odoo disagrees with itself")
	}
	lines := []canvas.Line{title}
	if r.AtSource || r.Points.Known || r.Last.Known || r.Moves.Known {
		lines = append(lines, labelled("in Odoo", themes.Text,
			"points "+amount(r.Points)+" · last history "+amount(r.Last)+" · active moves "+amount(r.Moves), width)...)
		lines = append(lines, labelled("", themes.Muted, r.Stated, width)...)
	}
	lines = append(lines, labelled("", themes.Warn, driftWords(r.Drifts), width)...)
	if r.InEngine || r.Engine.Known {
		text := "points " + amount(r.Engine)
		if r.Rule != "" {
			text += ": " + r.Rule
		}
		lines = append(lines, labelled("in engine", themes.Text, text, width)...)
	}
	if len(lines) == 1 {
		return nil
	}
	return lines
}

// discrepancies lists what checks have found and nobody has mended.
func (c *Card) discrepancies(r *engine.CardReport, width int) []canvas.Line {
	n := int64(len(r.Discrepancies))
	if n == 0 {
		return nil
	}
	lines := []canvas.Line{canvas.Of(themes.Title, " "+widget.Plural(n, "open discrepancy", "open discrepancies"))}
	for i := range r.Discrepancies {
		d := &r.Discrepancies[i]
		text := screen.RowName(d.Entity, d.Row)
		if d.Entity == cardEntity {
			text = "card"
		}
		if d.Field != "" {
			text += " " + d.Field
		}
		text += ": " + causeWords(d.Cause) + ", " + strings.ReplaceAll(string(d.State), "_", " ") +
			"; found by check #" + id(int64(d.FoundRun)) + " " + widget.When(d.FoundAt, c.sight.Now)
		if d.Field != "" {
			text += "; expected " + amount(d.Expected) + ", engine " + amount(d.Target)
		}
		if d.Acknowledged(c.sight.Now) {
			text += "; acknowledged by " + d.AckBy + ": " + d.AckNote
		}
		lines = append(lines, labelled("#"+id(d.ID), themes.Text, text, width)...)
	}
	return lines
}

// provenance says who wrote the card, and which others claim its code.
func (c *Card) provenance(r *engine.CardReport, width int) []canvas.Line {
	var lines []canvas.Line
	if len(r.Others) > 0 {
		var others []string
		for _, other := range r.Others {
			others = append(others, "#"+id(other))
		}
		lines = append(lines, labelled("same code", themes.Warn, strings.Join(others, ", ")+": other cards whose code is the same after cleaning", width)...)
	}
	if r.Run != 0 && r.InEngine {
		text := "by run #" + id(int64(r.Run))
		if r.Batch != 0 {
			text += ", batch " + id(int64(r.Batch))
		}
		if !r.WrittenAt.IsZero() {
			text += ", " + widget.When(r.WrittenAt, c.sight.Now)
		}
		lines = append(lines, labelled("written", themes.Text, text, width)...)
	}
	lines = append(lines, labelled("known", themes.Text, r.Provenance, width)...)
	if len(lines) == 0 {
		return nil
	}
	return append([]canvas.Line{canvas.Of(themes.Title, " provenance")}, lines...)
}
