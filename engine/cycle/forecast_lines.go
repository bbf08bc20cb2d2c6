package cycle

import (
	"fmt"
	"strings"

	"ferry/engine"
	"ferry/engine/entity"
)

// Preflight says the forecast in lines. They never fail: whether so many rejects are too many is the operator's word.
func (r ForecastResult) Preflight() engine.Preflight {
	var out engine.Preflight
	for _, e := range r.Entities {
		out = append(out, e.lines()...)
	}
	return out
}

func (e EntityForecast) lines() engine.Preflight {
	out := engine.Preflight{engine.PassLine("forecast: "+e.Entity, fmt.Sprintf("%s: %d would be loaded, %d rejected, %d wait for a parent",
		e.rows(e.Read), e.Loaded, e.Rejected(), e.Waiting))}
	for _, reject := range e.Rejects {
		out = append(out, engine.PassLine("forecast: "+e.Entity+" "+reject.Reason, e.says(reject)))
	}
	if e.CodesPartial {
		out = append(out, engine.UnknownLine("forecast: "+e.Entity+" codes",
			fmt.Sprintf("more than %d codes: there may be more that several rows have", maxCodes), ""))
	}
	if e.Precise > 0 {
		out = append(out, engine.PassLine("forecast: "+e.Entity+" precision",
			e.rows(e.Precise)+" with points that rounding to two places would change by more than 0.000001"))
	}
	if e.Warned > 0 {
		out = append(out, engine.PassLine("forecast: "+e.Entity+" warned",
			e.rows(e.Warned)+" would be loaded although a rule set to \"warn\" finds fault"))
	}
	return out
}

// says puts a reject in words: "184 cards have no partner: set rules.card.partner_missing = "warn" to load them; 212
// rows wait for them".
func (e EntityForecast) says(r RejectForecast) string {
	text := e.rows(r.Rows)
	lacks, isLack := strings.CutPrefix(r.Why, "it has ")
	switch {
	case r.Reason == entity.ReasonCode:
		text += fmt.Sprintf(" rejected: %d share %d codes, of each the one with the lowest id keeps it", e.CodeRows, e.Codes)
	case isLack && r.Rows == 1:
		text += " has " + lacks
	case isLack:
		text += " have " + lacks
	default:
		text += " rejected: " + r.Why
	}
	switch {
	case r.Reason == entity.ReasonCode:
		text += "; give the others one of their own in Odoo"
	case r.Fixed:
		text += "; the engine cannot hold such rows, correct them in Odoo"
	case r.Alone == 0:
		text += ", and break other rules too"
	default:
		text += fmt.Sprintf(": set rules.%s = %q to load them", r.Reason, entity.Warn)
		if more := r.Rows - r.Alone; more > 0 {
			text += fmt.Sprintf(" (but for %d that break other rules too)", more)
		}
	}
	switch r.Waiting {
	case 0:
	case 1:
		text += "; 1 row waits for them"
	default:
		text += fmt.Sprintf("; %d rows wait for them", r.Waiting)
	}
	return text
}

// rows counts in the entity's own word: "1 card", "12 cards", "3 history rows".
func (e EntityForecast) rows(n int64) string {
	noun := e.Short
	if strings.HasSuffix(noun, "y") {
		noun += " row" // a ledger's line has no name of its own
	}
	if n != 1 {
		noun += "s"
	}
	return fmt.Sprintf("%d %s", n, noun)
}
