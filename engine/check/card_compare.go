package check

import (
	"slices"
	"strings"

	"github.com/shopspring/decimal"

	"ferry/engine"
	"ferry/engine/entity"
)

// compare says what differs between the two sides, and how Odoo's balances stand.
func (f *cardFacts) compare() {
	if f.id == 0 {
		return
	}
	f.compareCard()
	f.compareChildren(entity.History, f.here.Lines, f.here.Refused)
	f.compareChildren(entity.Move, f.here.Moves, f.here.RefusedMoves)
	f.compareMissing()
	f.balance()
}

// described gives a source row's columns in canonical form, by the engine's names.
func described(e *entity.Entity, row *entity.Row) map[string]engine.Maybe[string] {
	out := map[string]engine.Maybe[string]{}
	if row == nil {
		return out
	}
	texts := e.Describe(*row)
	for _, c := range e.Columns {
		if text, there := texts[c.Source]; there && c.Target != "" {
			out[c.Target] = engine.Known(text)
		}
	}
	return out
}

// differing are the fields in which a row of the engine is not what its source row says, links included.
func differing(e *entity.Entity, row *entity.Row, c Copy) []engine.CardField {
	var out []engine.CardField
	source := described(e, row)
	for _, column := range e.Columns {
		if column.Target == "" {
			continue
		}
		field := engine.CardField{Name: column.Target, Source: source[column.Target], Expected: source[column.Target], Target: c.Fields[column.Target]}
		if field.Expected != field.Target {
			out = append(out, field)
		}
	}
	for _, p := range e.Parents {
		if p.Link == "" {
			continue
		}
		field := engine.CardField{Name: p.Link, Source: source[e.Columns[p.Column].Target], Expected: c.Fields[Linked], Target: c.Fields[p.Link]}
		if field.Expected != field.Target {
			out = append(out, field)
		}
	}
	return out
}

// judged reports whether the engine should have the card as the source has it.
func (f *cardFacts) judged() bool { return f.row != nil && f.here.Quarantine == nil && !f.here.Own }

// compareCard puts the card's fields side by side. What the engine should have is said of a card that it should have.
func (f *cardFacts) compareCard() {
	source := described(entity.Card, f.row)
	for _, c := range entity.Card.Columns {
		field := engine.CardField{Name: c.Target, Raw: f.raw[c.Source], Source: source[c.Target], Target: f.here.Copy.Fields[c.Target]}
		field.Equal = field.Source == field.Target
		if f.judged() {
			field.Expected = field.Source
		}
		f.fields = append(f.fields, field)
	}
	points := engine.CardField{Name: "points", Target: f.here.Points, Equal: true}
	if f.here.InEngine {
		points.Expected = f.expectedPoints()
		points.Source = points.Expected
		points.Equal = points.Expected == points.Target
	}
	f.fields = append(f.fields, points)
}

// expectedPoints are the points that follow from the engine's own rows; see the settling of points.
func (f *cardFacts) expectedPoints() engine.Maybe[string] {
	if f.here.LastLine != nil && !f.here.Incomplete && f.here.Last.Known {
		return f.here.Last
	}
	return engine.Known(f.here.Copy.Fields["odoo_points"].Or("0.00"))
}

// wrong are the fields of the card that are not what they should be.
func (f *cardFacts) wrong() []engine.CardField {
	var out []engine.CardField
	for _, field := range f.fields {
		if !field.Equal && field.Name != "points" && f.judged() && f.here.InEngine {
			out = append(out, field)
		}
	}
	return out
}

// wrongPoints is the card's points, if they do not follow from its ledger.
func (f *cardFacts) wrongPoints() (engine.CardField, bool) {
	for _, field := range f.fields {
		if field.Name == "points" && !field.Equal {
			return field, true
		}
	}
	return engine.CardField{}, false
}

// compareChildren compares the engine's copies of the card's lines or moves with their source rows. What is in quarantine is
// explained.
func (f *cardFacts) compareChildren(e *entity.Entity, copies []Copy, refused []Refused) {
	for _, c := range copies {
		if slices.ContainsFunc(refused, func(r Refused) bool { return r.ID == c.ID }) {
			continue
		}
		row, there := f.copies[e.Name][c.ID]
		if !there {
			d := engine.Discrepancy{Entity: e.Name, Row: c.ID, Cause: engine.CauseDeletedAtSource, State: engine.DiscrepancyExplained}
			f.children = append(f.children, d)
			continue
		}
		for _, field := range differing(e, &row, c) {
			d := engine.Discrepancy{
				Entity: e.Name, Row: c.ID, Field: field.Name, Source: field.Source, Expected: field.Expected, Target: field.Target,
				Cause: engine.CauseField, State: f.state(e, c.ID),
			}
			if c.Owned {
				d.Cause = engine.CauseWrittenOnTarget
			}
			f.children = append(f.children, d)
		}
	}
}

// compareMissing lists the lines that only the source has, where it was asked for its own.
func (f *cardFacts) compareMissing() {
	if f.ledger == nil || !f.here.InEngine {
		return
	}
	for _, line := range f.ledger.Lines {
		if !f.knows(line.ID) && line.ID > f.oldestLine() {
			f.children = append(f.children, engine.Discrepancy{
				Entity: entity.History.Name, Row: line.ID, Cause: engine.CauseMissing, State: f.state(entity.History, line.ID),
			})
		}
	}
}

// oldestLine is the line below which the engine may have lines that were not read.
func (f *cardFacts) oldestLine() int64 {
	if len(f.here.Lines) < engine.LinesShown {
		return 0
	}
	return f.here.Lines[len(f.here.Lines)-1].ID
}

// state is settled unless the source's row was written since its entity was read last, or that is not known.
func (f *cardFacts) state(e *entity.Entity, id int64) engine.DiscrepancyState {
	if young, asked := f.fresh[e.Name][id]; asked && !young {
		return engine.DiscrepancySettled
	}
	return engine.DiscrepancyInFlight
}

// cent is what rounding may have moved one amount of the engine's copy by.
var cent = decimal.New(5, -3)

// balance says how Odoo's three balances stand: exactly if the source was asked for the card's ledger; else from the engine's
// copy, which is rounded but fresh, unless rows of it are in quarantine that say nothing; else as the last check saw them.
func (f *cardFacts) balance() {
	b := &f.balances
	if f.raw == nil {
		return
	}
	b.points = f.raw["points"]
	if f.ledger != nil {
		b.last, b.moves, b.broken, b.stated = f.ledger.Last, f.ledger.Moves, f.ledger.First, "from the source, just now"
		b.drifts, _ = Drifts(b.points, b.last, b.moves)
		if b.broken.Known {
			b.drifts = append(b.drifts, engine.DriftRunning)
		}
		return
	}
	known := f.here.Known
	if known != nil && known.Points != b.points {
		known = nil // it has changed since
	}
	if f.copyOfBalances() && (known == nil || !f.tells(known)) {
		b.stated, b.rounded = "from the engine's copy, rounded to cents", true
		return
	}
	if known != nil {
		b.last, b.moves, b.drifts = known.Last, known.Moves, known.Drifts
		b.stated = "as the check of " + known.SeenAt.Format("2006-01-02 15:04:05Z") + " saw them"
	}
}

// copyOfBalances reads the balances from the engine's copy. It gives false if that does not have them all.
func (f *cardFacts) copyOfBalances() bool {
	b, h := &f.balances, f.here
	if !h.InEngine {
		return false
	}
	lines := f.lines()
	moves, active, ok := movesWith(h)
	if !ok || len(lines) > 0 && !lines[0].Balance.Known {
		return false
	}
	if len(lines) > 0 {
		b.last = lines[0].Balance
	}
	b.moves = moves
	hundredths := described(entity.Card, f.row)["odoo_points"]
	if apartBy(hundredths, b.last, cent.Add(cent)) && b.last.Known {
		b.drifts = append(b.drifts, engine.DriftHistory)
	}
	if apartBy(hundredths, b.moves, cent.Mul(decimal.NewFromInt(active+1))) && b.moves.Known {
		b.drifts = append(b.drifts, engine.DriftMoves)
	}
	for _, line := range slices.Backward(lines) {
		if line.Broken {
			b.broken = engine.Known(line.ID)
			b.drifts = append(b.drifts, engine.DriftRunning)
			break
		}
	}
	return true
}

// tells reports whether what the last check saw is what the engine's copy still says: it is exact, so it is the better one.
func (f *cardFacts) tells(known *engine.LedgerCard) bool {
	b := &f.balances
	same := b.last.Known == known.Last.Known && b.moves.Known == known.Moves.Known &&
		!apartBy(b.last, known.Last, cent) && !apartBy(b.moves, known.Moves, cent.Mul(decimal.NewFromInt(f.here.MovesActive+1)))
	if same {
		b.broken = engine.Maybe[int64]{}
	}
	return same
}

// apartBy reports whether two amounts lie further apart than so much, beyond what counts as no drift.
func apartBy(a, b engine.Maybe[string], slack decimal.Decimal) bool {
	distance, finite, _ := apart(a, b)
	return !finite || distance.GreaterThan(slack.Add(driftAbove))
}

// movesWith sums up what remains of the card's active moves, those in quarantine included. It gives false if one of those says
// nothing of itself.
func movesWith(h *CardHere) (sum engine.Maybe[string], active int64, ok bool) {
	total, _ := amount(h.MovesSum)
	active = h.MovesActive
	found := h.MovesSum.Known
	for _, r := range h.RefusedMoves {
		if r.Stale || r.Payload == nil {
			return sum, active, false
		}
		found = true
		if r.Payload["state"] != "active" {
			continue
		}
		rest, finite := amount(engine.Known(r.Payload["remaining_point"]))
		if !finite {
			return sum, active, false
		}
		total, active = total.Add(rest), active+1
	}
	if !found {
		return sum, active, true
	}
	return engine.Known(total.StringFixed(2)), active, true
}

// lines are the card's ledger by the engine's copy, newest first: what it has, and what is in quarantine.
func (f *cardFacts) lines() []engine.CardLine {
	h := f.here
	var out []engine.CardLine
	for _, c := range h.Lines {
		line := lineOf(c.ID, func(column string) engine.Maybe[string] { return c.Fields[column] })
		line.InEngine = true
		out = append(out, line)
	}
	for _, r := range h.Refused {
		line := lineOf(r.ID, func(column string) engine.Maybe[string] { return fromPayload(r, column) })
		line.Why = r.Reason + ": " + r.Detail
		if at := slices.IndexFunc(out, func(l engine.CardLine) bool { return l.ID == r.ID }); at >= 0 {
			line.InEngine = true
			out[at] = line
			continue
		}
		out = append(out, line)
	}
	slices.SortFunc(out, func(a, b engine.CardLine) int { return int(b.ID - a.ID) })
	runCopies(out)
	return out[:min(len(out), engine.LinesShown)]
}

// runCopies fills in what each line should show, by copies that are rounded. What follows on a line of which nothing is known is
// not known either.
func runCopies(lines []engine.CardLine) {
	slack := cent.Mul(decimal.NewFromInt(3))
	for i := range lines {
		if i+1 == len(lines) || !lines[i+1].Balance.Known || !lines[i].Balance.Known || !lines[i].Amount.Known {
			continue
		}
		lines[i].Running, lines[i].Broken = breaks(lines[i+1].Balance, lines[i].Amount, lines[i].Balance)
		lines[i].Broken = lines[i].Broken && apartBy(lines[i].Running, lines[i].Balance, slack)
	}
}

func lineOf(id int64, field func(column string) engine.Maybe[string]) engine.CardLine {
	return engine.CardLine{
		ID: id, At: instant(field("transaction_time")), Amount: field("points_amount"), Balance: field("points_balance"),
		Origin: field("origin").Or(""), Move: number(field("odoo_move_id")),
	}
}

// fromPayload gives a column of a row in quarantine, by the engine's name.
func fromPayload(r Refused, target string) engine.Maybe[string] {
	for _, c := range entity.History.Columns {
		if text, there := r.Payload[c.Source]; there && c.Target == target {
			return engine.Known(text)
		}
	}
	return engine.Maybe[string]{}
}

// entityWord is what an operator calls a row of an entity.
func entityWord(name string) string {
	if e, ok := entity.Find(name); ok && e == entity.History {
		return "line"
	}
	return strings.TrimPrefix(strings.TrimPrefix(name, "loyalty_point_"), "loyalty_")
}
