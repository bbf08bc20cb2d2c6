package card

import (
	"slices"
	"strings"

	"ferry/engine"
	"ferry/themes"
	"ferry/tui/screen"
	"ferry/tui/status"
	"ferry/tui/widget"
)

// verdict says in a sign how a card stands. What is wrong with the engine's copy comes before what is wrong in Odoo.
func verdict(r *engine.CardReport) status.Sign {
	switch {
	case r.ID == 0 || (!r.AtSource && !r.InEngine && r.Quarantine == nil):
		return status.CardUnknown.Sign()
	case explained(r.Cause):
		return status.CardExplained.Sign()
	case r.Cause != "" && r.Settled.Known && !r.Settled.Value:
		return status.CardInFlight.Sign()
	case r.Cause != "":
		return status.CardWrong.Sign()
	case r.Quarantine != nil:
		return status.CardQuarantined.Sign()
	case len(r.Drifts) > 0:
		return status.CardDrifted.Sign()
	}
	return status.CardRight.Sign()
}

// explained reports whether a cause is known and kept by policy: a difference that is nobody's fault to mend here.
func explained(c engine.Cause) bool {
	return c == engine.CauseQuarantined || c == engine.CauseWaitingParent || c == engine.CauseDeletedAtSource
}

// causes are the causes in a few words.
var causes = map[engine.Cause]string{
	engine.CauseMissing:         "missing: Odoo has it, the engine and quarantine do not",
	engine.CauseExtra:           "extra: the engine has it, Odoo does not",
	engine.CauseField:           "a field differs",
	engine.CauseQuarantined:     "in quarantine",
	engine.CauseWaitingParent:   "waits for the row that it belongs to",
	engine.CauseDeletedAtSource: "deleted in Odoo; the policy lets it stay",
	engine.CauseWrittenOnTarget: "the engine has made it its own (synced_to_odoo)",
}

func causeWords(c engine.Cause) string {
	if words, ok := causes[c]; ok {
		return words
	}
	return string(c)
}

// settledWords says whether a difference may still go by itself; nothing where that is not known.
func settledWords(m engine.Maybe[bool]) string {
	switch {
	case !m.Known:
		return ""
	case m.Value:
		return "settled: no change under way"
	}
	return "in flight: it may be a change under way"
}

func driftWords(all []engine.Drift) string {
	var words []string
	for _, d := range all {
		words = append(words, status.OfDrift(d))
	}
	return strings.Join(words, "; ")
}

// sentence is what the report says first.
func sentence(r *engine.CardReport) string {
	if r.Sentence != "" || r.ID != 0 {
		return r.Sentence
	}
	return "No card " + screen.CardName(r.Key) + " in Odoo or the engine; check the number, or look it up by its code."
}

// ordered are the fields, those that differ first.
func ordered(r *engine.CardReport) (fields []engine.CardField, differ int) {
	fields = slices.Clone(r.Fields)
	slices.SortStableFunc(fields, func(a, b engine.CardField) int {
		switch {
		case a.Equal == b.Equal:
			return 0
		case b.Equal:
			return -1
		}
		return 1
	})
	for i := range fields {
		if !fields[i].Equal {
			differ++
		}
	}
	return fields, differ
}

const longValue = 400 // characters of one value

// value is a side's value of a field: NULL where the side has the row without one, "–" where it has no such column or row.
func value(m engine.Maybe[string], has bool) widget.Cell {
	switch {
	case m.Known:
		return widget.Cell{Text: widget.Value(m.Value, longValue)}
	case has:
		return widget.Cell{Role: themes.Muted, Text: widget.Null}
	}
	return widget.Cell{Role: themes.Muted, Text: widget.Unknown}
}

// amount is a decimal as it came.
func amount(m engine.Maybe[string]) string {
	if !m.Known {
		return widget.Unknown
	}
	return widget.Value(m.Value, prose)
}

func orNothing(m engine.Maybe[string]) string {
	if !m.Known {
		return "nothing"
	}
	return amount(m)
}

const cardEntity = "loyalty_card"
