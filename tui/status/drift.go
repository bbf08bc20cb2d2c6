package status

import "ferry/engine"

var drifts = map[engine.Drift]string{
	engine.DriftHistory: "its points are not the last balance of its history",
	engine.DriftMoves:   "its points are not the sum of its active moves",
	engine.DriftRunning: "a running balance breaks",
}

// OfDrift says how a card's balances disagree in Odoo itself.
func OfDrift(d engine.Drift) string {
	if words, ok := drifts[d]; ok {
		return words
	}
	return string(d)
}
