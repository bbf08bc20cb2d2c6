package status

import (
	"ferry/engine"
	"ferry/themes"
)

// FoundStates are the states of a discrepancy; what wants an operator comes first.
func FoundStates() []engine.DiscrepancyState {
	return []engine.DiscrepancyState{
		engine.DiscrepancySettled, engine.DiscrepancyInFlight, engine.DiscrepancyRepaired, engine.DiscrepancyExplained, engine.DiscrepancyVerified,
	}
}

var (
	inFlight      = Sign{"◌", "in flight", themes.Info}
	explainedSign = Sign{"–", "explained", themes.Muted}
)

var foundSigns = map[engine.DiscrepancyState]Sign{
	engine.DiscrepancySettled:   {"✗", "settled", themes.Bad},
	engine.DiscrepancyInFlight:  inFlight,
	engine.DiscrepancyRepaired:  {"◐", "repaired", themes.Info},
	engine.DiscrepancyExplained: explainedSign,
	engine.DiscrepancyVerified:  {"✓", "verified", themes.OK},
}

var foundAbout = map[engine.DiscrepancyState]string{
	engine.DiscrepancySettled:   "it is no change under way",
	engine.DiscrepancyInFlight:  "it may be a change under way; once a cycle has been behind it, it is settled or gone",
	engine.DiscrepancyRepaired:  "a repair has written it; no check has seen that yet",
	engine.DiscrepancyExplained: "known and kept by policy: outside of the rate",
	engine.DiscrepancyVerified:  "a later check found both sides equal",
}

// OfFound says how the state of a discrepancy is shown.
func OfFound(s engine.DiscrepancyState) Sign {
	if sign, ok := foundSigns[s]; ok {
		return sign
	}
	return Sign{"◆", string(s), themes.Warn}
}

// AboutFound says what the state of a discrepancy means; empty of one that this program does not know.
func AboutFound(s engine.DiscrepancyState) string { return foundAbout[s] }

// Card is how a card stands.
type Card string

// How a card may stand.
const (
	CardUnknown     Card = "unknown"
	CardExplained   Card = "explained"
	CardInFlight    Card = "in flight"
	CardWrong       Card = "wrong"
	CardQuarantined Card = "in quarantine"
	CardDrifted     Card = "drifted in Odoo"
	CardRight       Card = "right"
)

var cards = map[Card]Sign{
	CardUnknown:     {"○", "unknown", themes.Muted},
	CardExplained:   explainedSign,
	CardInFlight:    inFlight,
	CardWrong:       {"✗", "wrong", themes.Bad},
	CardQuarantined: {"◆", "in quarantine", themes.Warn},
	CardDrifted:     {"◆", "drifted in Odoo", themes.Warn},
	CardRight:       {"✓", "right", themes.OK},
}

// Sign gives glyph, word and role.
func (c Card) Sign() Sign { return cards[c] }
