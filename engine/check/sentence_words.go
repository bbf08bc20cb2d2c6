package check

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"ferry/engine"
	"ferry/engine/entity"
)

// unknown reports whether no side has such a card, nor quarantine.
func (f *cardFacts) unknown() bool {
	return f.row == nil && (f.here == nil || !f.here.InEngine && !f.here.Own && f.here.Quarantine == nil)
}

// refused reports whether the card is in quarantine.
func (f *cardFacts) refused() bool { return f.here.Quarantine != nil }

// pointsWrong reports whether the card's points do not follow from its ledger.
func (f *cardFacts) pointsWrong() bool {
	_, wrong := f.wrongPoints()
	return wrong
}

// absent reports whether only the source has the card, and nothing explains that.
func (f *cardFacts) absent() bool {
	return f.row != nil && !f.here.InEngine && f.here.Quarantine == nil
}

func refusedFor(reason string) func(*cardFacts) bool {
	return func(f *cardFacts) bool {
		return f.here.Quarantine != nil && f.here.Quarantine.Reason == reason && f.here.Quarantine.State != "waived"
	}
}

func owner(f *cardFacts) string {
	if !f.here.Quarantine.Owner.Known {
		return "of another"
	}
	return strconv.FormatInt(f.here.Quarantine.Owner.Value, 10)
}

// whyRefused says in words what a rule or the engine database had against the card.
func whyRefused(f *cardFacts) string {
	if detail := f.here.Quarantine.Detail; detail != "" {
		return textLong(detail)
	}
	return "a reason that is not kept"
}

// textLong is a text in a sentence that may say more than a value.
func textLong(text string) string {
	const most = 160
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "…"
	}
	return text
}

// kept says that an older version of the card is in the engine.
func (f *cardFacts) kept() string {
	if f.here.Quarantine.Stale {
		return "An older version of it stays in the engine. "
	}
	return ""
}

func (f *cardFacts) due() string {
	if f.here.Quarantine.Due {
		return " The next tick reads it again."
	}
	return ""
}

// besides adds to another sentence that Odoo disagrees with itself.
func (f *cardFacts) besides() string {
	if len(f.balances.drifts) == 0 {
		return ""
	}
	return " Besides, Odoo disagrees with itself: " + f.threeBalances() + f.firstBreak() + "."
}

func (f *cardFacts) threeBalances() string {
	b := f.balances
	if b.rounded {
		b.points = described(entity.Card, f.row)["odoo_points"]
	}
	parts := []string{"card " + pointsText(b.points)}
	if b.last.Known {
		parts = append(parts, "last history "+pointsText(b.last))
	}
	if b.moves.Known {
		parts = append(parts, "moves "+pointsText(b.moves))
	}
	return strings.Join(parts, ", ")
}

func (f *cardFacts) firstBreak() string {
	if !f.balances.broken.Known {
		return ""
	}
	return fmt.Sprintf("; its running balance breaks first at line %d", f.balances.broken.Value)
}

func (f *cardFacts) drifts(kind engine.Drift) bool { return slices.Contains(f.balances.drifts, kind) }

// endless reports whether one of Odoo's balances is no finite number.
func (f *cardFacts) endless() bool {
	return slices.ContainsFunc([]engine.Maybe[string]{f.balances.points, f.balances.last, f.balances.moves}, func(v engine.Maybe[string]) bool {
		_, finite := amount(v)
		return !finite
	})
}

func (f *cardFacts) readFrom() string {
	floor, ok := f.here.Floors[entity.Card.Name]
	if !ok {
		return ""
	}
	return " (" + floor.ReadFrom.Format(time.RFC3339) + ")"
}

func (f *cardFacts) anyWrong() bool {
	return f.pointsWrong() || len(f.wrong()) > 0
}

// wrongNames says which fields differ and how, the first few of them.
func (f *cardFacts) wrongNames() string {
	fields := f.wrong()
	if p, wrong := f.wrongPoints(); wrong {
		fields = append(fields, p)
	}
	const most = 3
	var parts []string
	for _, field := range fields {
		if len(parts) == most {
			parts = append(parts, fmt.Sprintf("and %d more", len(fields)-most))
			break
		}
		parts = append(parts, fmt.Sprintf("%s is %s, should be %s", field.Name, textOf(field.Target), textOf(field.Expected)))
	}
	return strings.Join(parts, "; ")
}

// childNames says which lines and moves differ, the first few of them.
func (f *cardFacts) childNames() string {
	const most = 3
	var names []string
	rows := 0
	for _, d := range f.children {
		name := fmt.Sprintf("%s %d", entityWord(d.Entity), d.Row)
		if slices.Contains(names, name) {
			continue
		}
		rows++
		if rows <= most {
			names = append(names, name)
		}
	}
	if rows > most {
		names = append(names, "others")
	}
	return strings.Join(names, ", ")
}

func hasChild(cause engine.Cause) func(*cardFacts) bool {
	return func(f *cardFacts) bool { return f.has(cause) }
}

func (f *cardFacts) has(cause engine.Cause) bool {
	return slices.ContainsFunc(f.children, func(d engine.Discrepancy) bool { return d.Cause == cause })
}

func (f *cardFacts) allOf(cause engine.Cause) bool {
	return !slices.ContainsFunc(f.children, func(d engine.Discrepancy) bool { return d.Cause != cause })
}

func (f *cardFacts) childSettled() bool {
	return slices.ContainsFunc(f.children, func(d engine.Discrepancy) bool { return d.State == engine.DiscrepancySettled })
}

// found reports whether an open discrepancy of the checks is in a state.
func (f *cardFacts) found(state engine.DiscrepancyState) bool {
	return slices.ContainsFunc(f.here.Discrepancies, func(d engine.Discrepancy) bool { return d.State == state })
}

// latestRefused names the latest line, which is in quarantine, and says why.
func latestRefused(f *cardFacts) string {
	if len(f.here.Refused) == 0 {
		return "is in quarantine"
	}
	r := f.here.Refused[0]
	return fmt.Sprintf("%d, is in quarantine (%s: %s)", r.ID, r.Reason, textLong(r.Detail))
}
