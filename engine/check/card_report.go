package check

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"ferry/engine"
	"ferry/engine/entity"
)

// report puts what is known of a card into the form that it is shown in.
func (f *cardFacts) report() *engine.CardReport {
	h, b := f.here, f.balances
	r := &engine.CardReport{
		Key: f.key, ID: f.id, Code: f.cleanedCode(), AtSource: f.row != nil, InEngine: h.InEngine || h.Own, Fields: f.fields, Others: f.others,
		Quarantine: h.Quarantine, Discrepancies: h.Discrepancies, Differences: f.differences(),
		Points: b.points, Last: b.last, Moves: b.moves, Drifts: b.drifts, Stated: b.stated, Break: b.broken, Engine: h.Points, Rule: f.rule(),
		FromSource: f.ledger != nil, Cost: f.cost, Run: h.Run, ReadAt: f.readAt, Provenance: f.provenance(),
	}
	for _, other := range h.Others {
		if !slices.Contains(r.Others, other) && other != f.id {
			r.Others = append(r.Others, other)
		}
	}
	if f.ledger != nil {
		r.Lines, r.LinesTotal = f.sourceLines(), f.ledger.Total
	} else {
		r.Lines, r.LinesTotal = f.lines(), h.LinesTotal
	}
	f.sayOfLines(r.Lines)
	r.Settled = f.settled()
	r.Sentence, r.Cause = f.sentence()
	if !r.AtSource && !r.InEngine && h.Quarantine == nil && h.Past == nil {
		r.ID = 0
	}
	return r
}

// cleanedCode is the card's code as the engine has it or would have it.
func (f *cardFacts) cleanedCode() string {
	if f.row != nil {
		return entity.CleanCode(f.raw["code"].Or(""))
	}
	if code := f.here.Copy.Fields["code"]; code.Known {
		return code.Value
	}
	return f.code
}

// sourceLines are the card's lines as the source has them, with what is known of each in the engine.
func (f *cardFacts) sourceLines() []engine.CardLine {
	out := slices.Clone(f.ledger.Lines)
	oldest := f.oldestLine()
	for i := range out {
		line := &out[i]
		line.InEngine = slices.ContainsFunc(f.here.Lines, func(c Copy) bool { return c.ID == line.ID }) || line.ID < oldest
		for _, r := range f.here.Refused {
			if r.ID == line.ID {
				line.Why = r.Reason + ": " + r.Detail
			}
		}
		switch {
		case line.InEngine || line.Why != "":
		case !f.here.InEngine:
			line.Why = "its card is not in the engine"
		case f.state(entity.History, line.ID) == engine.DiscrepancySettled:
			line.Why = "missing in the engine"
		default:
			line.Why = "not in the engine yet: it was written after the last cycle began to read"
		}
	}
	return out
}

// sayOfLines says of each line how the engine's copy differs.
func (f *cardFacts) sayOfLines(lines []engine.CardLine) {
	for i := range lines {
		var what []string
		for _, d := range f.children {
			if d.Entity != entity.History.Name || d.Row != lines[i].ID || d.Cause == engine.CauseMissing {
				continue
			}
			if d.Field == "" {
				what = append(what, "gone from Odoo")
				continue
			}
			what = append(what, fmt.Sprintf("%s is %s in the engine, should be %s", d.Field, textOf(d.Target), textOf(d.Expected)))
		}
		if len(what) > 0 && lines[i].Why == "" {
			lines[i].Why = strings.Join(what, "; ")
		}
	}
}

// differences lists everything that this look found to differ, in the form of what checks find.
func (f *cardFacts) differences() []engine.Discrepancy {
	var out []engine.Discrepancy
	state := engine.DiscrepancyInFlight
	if f.young.Known && !f.young.Value {
		state = engine.DiscrepancySettled
	}
	cause := engine.CauseField
	if f.here.Copy.Owned {
		cause = engine.CauseWrittenOnTarget
	}
	add := func(field engine.CardField, state engine.DiscrepancyState) {
		out = append(out, engine.Discrepancy{
			Entity: entity.Card.Name, Row: f.id, Field: field.Name, Source: field.Source, Expected: field.Expected, Target: field.Target,
			Cause: cause, State: state,
		})
	}
	for _, field := range f.wrong() {
		add(field, state)
	}
	if points, wrong := f.wrongPoints(); wrong {
		add(points, engine.DiscrepancySettled)
	}
	return append(out, f.children...)
}

// settled says of what differs whether it is no change under way; unknown where nothing differs or it cannot be said.
func (f *cardFacts) settled() engine.Maybe[bool] {
	missing := f.row != nil && !f.here.InEngine && f.here.Quarantine == nil
	switch {
	case missing || len(f.wrong()) > 0:
		if !f.young.Known {
			return engine.Maybe[bool]{}
		}
		return engine.Known(!f.young.Value)
	case len(f.differences()) > 0:
		return engine.Known(!slices.ContainsFunc(f.differences(), func(d engine.Discrepancy) bool { return d.State == engine.DiscrepancyInFlight }))
	}
	return engine.Maybe[bool]{}
}

// rule says why the engine has the points that it has.
func (f *cardFacts) rule() string {
	h := f.here
	switch {
	case !h.InEngine:
		return ""
	case h.Copy.Owned:
		return "the engine has made the card its own (synced_to_odoo): its points are not ferry's"
	case h.Incomplete:
		return "the latest line in Odoo is in quarantine, so the points are what Odoo's card says"
	case h.LastLine == nil:
		return "the card has no line in its ledger, so the points are what Odoo's card says"
	}
	return fmt.Sprintf("policy ledger: the points are the balance of the latest line, %d", *h.LastLine)
}

// provenance says what is kept of how the engine's copy came about. Which run wrote a row is not.
func (f *cardFacts) provenance() string {
	h := f.here
	var parts []string
	if at := h.Copy.Fields["updated_at"]; h.InEngine && at.Known {
		parts = append(parts, "Odoo wrote the version in the engine at "+at.Value)
	}
	if floor, ok := h.Floors[entity.Card.Name]; ok {
		parts = append(parts, "the last completed cycle began to read at "+floor.ReadFrom.Format(time.RFC3339))
	}
	switch {
	case h.Quarantine != nil:
		parts = append(parts, fmt.Sprintf("run #%d put it into quarantine as it is there now", h.Run))
	case h.Past != nil:
		parts = append(parts, fmt.Sprintf("it was in quarantine (%s) until run #%d", h.Past.Reason, h.Run))
	}
	if h.Extra != nil {
		parts = append(parts, fmt.Sprintf("run #%d saw at %s that it is gone from Odoo", h.Extra.Run, h.Extra.FoundAt.Format(time.RFC3339)))
	}
	if h.InEngine {
		parts = append(parts, "which run wrote it last is not kept")
	}
	return strings.Join(parts, "; ")
}

// instant reads a time in canonical form; what is none, or infinite, is zero.
func instant(text engine.Maybe[string]) time.Time {
	at, err := time.Parse(time.RFC3339Nano, text.Or(""))
	if err != nil {
		return time.Time{}
	}
	return at
}

func number(text engine.Maybe[string]) engine.Maybe[int64] {
	n, err := strconv.ParseInt(text.Or(""), 10, 64)
	if err != nil {
		return engine.Maybe[int64]{}
	}
	return engine.Known(n)
}

// textOf is a value in a sentence, short and in one piece: whatever a database has put into it.
func textOf(v engine.Maybe[string]) string {
	if !v.Known {
		return "nothing"
	}
	const most = 40
	if runes := []rune(v.Value); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	if v.Value == "" {
		return `""`
	}
	return v.Value
}

// pointsText is an amount in a sentence: two places, or all that there are.
func pointsText(v engine.Maybe[string]) string {
	d, err := decimal.NewFromString(v.Or("0"))
	const places, most = -2, 24
	if err != nil {
		return textOf(v)
	}
	if !v.Known {
		return "0.00 (NULL)"
	}
	if d.Exponent() >= places && d.NumDigits() <= most && d.Exponent() <= most {
		return d.StringFixed(-places)
	}
	if text := d.String(); len(text) <= most {
		return text
	}
	return textOf(v)
}
