package check

import (
	"github.com/shopspring/decimal"

	"ferry/engine"
)

// driftAbove is how far two balances may lie apart before they disagree.
var driftAbove = decimal.New(1, -6)

// NotFinite is the size of a drift of which an amount is no finite number.
const NotFinite = "NaN"

// amount reads a balance as a source writes it; no amount is 0. It gives false for what is no finite number.
func amount(text engine.Maybe[string]) (decimal.Decimal, bool) {
	if !text.Known {
		return decimal.Zero, true
	}
	d, err := decimal.NewFromString(text.Value)
	return d, err == nil
}

// apart gives the distance of two amounts, and whether they disagree. What is no finite number agrees with nothing.
func apart(a, b engine.Maybe[string]) (distance decimal.Decimal, finite, disagree bool) {
	x, ok := amount(a)
	y, also := amount(b)
	if !ok || !also {
		return decimal.Zero, false, true
	}
	distance = x.Sub(y).Abs()
	return distance, true, distance.GreaterThan(driftAbove)
}

// Drifts compares a card's points with its other two balances, where it has them. It gives how they disagree, and the largest
// distance between any two of the three.
func Drifts(points, last, moves engine.Maybe[string]) (drifts []engine.Drift, size string) {
	largest, finite := decimal.Zero, true
	look := func(a, b engine.Maybe[string]) bool {
		distance, is, disagree := apart(a, b)
		finite = finite && is
		largest = decimal.Max(largest, distance)
		return disagree
	}
	if last.Known && look(points, last) {
		drifts = append(drifts, engine.DriftHistory)
	}
	if moves.Known && look(points, moves) {
		drifts = append(drifts, engine.DriftMoves)
	}
	if last.Known && moves.Known {
		look(last, moves)
	}
	if !finite {
		return drifts, NotFinite
	}
	return drifts, largest.String()
}

// breaks gives the balance that a line should show behind the one before it, and whether it shows another.
func breaks(before, amountOf, balance engine.Maybe[string]) (running engine.Maybe[string], broken bool) {
	b, ok := amount(before)
	a, also := amount(amountOf)
	if !ok || !also {
		return engine.Maybe[string]{}, true
	}
	running = engine.Known(b.Add(a).String())
	_, _, broken = apart(running, balance)
	return running, broken
}

// Run fills in what each line of a card should show; lines are newest first and follow on each other without a gap. Of the
// oldest it is not known unless before says what it follows on.
func Run(lines []engine.CardLine, before engine.Maybe[string], known bool) {
	for i := len(lines) - 1; i >= 0; i-- {
		if known {
			lines[i].Running, lines[i].Broken = breaks(before, lines[i].Amount, lines[i].Balance)
		}
		before, known = lines[i].Balance, true
	}
}
