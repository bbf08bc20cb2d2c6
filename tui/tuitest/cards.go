package tuitest

import (
	"strconv"
	"time"

	"ferry/engine"
)

// CardCase is a card in one kind of trouble, or in none.
type CardCase struct {
	Name   string
	Report *engine.CardReport
}

// RightCard is a card that is in the engine as it should be, and on which Odoo agrees with itself.
func RightCard(id int64) *engine.CardReport {
	same := func(name, raw, canonical string) engine.CardField {
		v := engine.Known(canonical)
		return engine.CardField{Name: name, Raw: engine.Known(raw), Source: v, Expected: v, Target: v, Equal: true}
	}
	r := &engine.CardReport{
		Key: engine.CardKey{ID: id}, ID: id, Code: "0446-4C6F-" + strconv.FormatInt(id, 10), AtSource: true, InEngine: true,
		Sentence: "Equal to Odoo's ledger, and Odoo agrees with itself: card, last history and moves say 150.00.",
		Fields: []engine.CardField{
			same("code", "0446-4c6f-"+strconv.FormatInt(id, 10), "0446-4C6F-"+strconv.FormatInt(id, 10)),
			same("partner_id", "812", "812"), same("program_id", "3", "3"),
			{Name: "points", Expected: engine.Known("150.00"), Target: engine.Known("150.00"), Equal: true},
			same("odoo_points", "150", "150.00"),
			same("created_at", "2024-02-11 08:30:12.4411", "2024-02-11T08:30:12.4411Z"),
			same("updated_at", "2025-10-30 21:12:40.1", "2025-10-30T21:12:40.1Z"),
		},
		Points: engine.Known("150"), Last: engine.Known("150"), Moves: engine.Known("150"), Engine: engine.Known("150.00"),
		Rule:       "the balance of its latest line in the engine (policy ledger)",
		LinesTotal: 3, Cost: "a scan of loyalty_point_history, about 5.0M rows, 4 s", Run: 12, Batch: 451,
		WrittenAt: Noon.Add(-26 * time.Hour), ReadAt: Noon,
	}
	balance := 0
	for i, amount := range []int{100, 80, -30} {
		balance += amount
		r.Lines = append(r.Lines, engine.CardLine{
			ID: int64(991 + i), At: Noon.Add(-time.Duration(90-i) * time.Hour), Amount: cents(amount), Balance: cents(balance),
			Running: cents(balance), Origin: "POS/000" + strconv.Itoa(i+1), Move: engine.Known(int64(501 + i)), InEngine: true,
		})
	}
	return r
}

func cents(n int) engine.Maybe[string] { return engine.Known(strconv.Itoa(n) + ".00") }

// differs makes a field of a card differ, and says so.
func differs(r *engine.CardReport, field, expected, target, sentence string) {
	r.Sentence, r.Cause, r.Settled = sentence, engine.CauseField, engine.Known(true)
	for i := range r.Fields {
		if f := &r.Fields[i]; f.Name == field {
			f.Expected, f.Target, f.Equal = engine.Known(expected), engine.Known(target), false
			if f.Source.Known {
				f.Source = f.Expected
			}
		}
	}
	r.Discrepancies = []engine.Discrepancy{{
		ID: 17, Entity: "loyalty_card", Row: r.ID, Field: field, Expected: engine.Known(expected), Target: engine.Known(target),
		Source: engine.Known(expected), Cause: engine.CauseField, State: engine.DiscrepancySettled, FoundRun: 4712,
		FoundAt: Noon.Add(-4 * time.Minute), SeenRun: 4715, SeenAt: Noon.Add(-time.Minute),
	}}
}

// Troubles are ten cards, each in another kind of trouble.
func Troubles() []CardCase {
	return append(wrongCopies(), wrongElsewhere()...)
}

// wrongCopies are cards whose copy in the engine is wrong.
func wrongCopies() []CardCase {
	field := RightCard(4711)
	differs(field, "partner_id", "812", "813", "Wrong in the engine: partner_id is 813, Odoo has 812. A repair writes it.")
	decimal := RightCard(4712)
	differs(decimal, "odoo_points", "150.00", "150.01", "Wrong in the engine: odoo_points is 150.01, Odoo has 150.00. A repair writes it.")
	missing := RightCard(4713)
	missing.Sentence = "Missing in the engine, and not in quarantine: Odoo has it since 2024-02-11. A repair writes it."
	missing.Cause, missing.Settled, missing.InEngine, missing.Engine = engine.CauseMissing, engine.Known(true), false, engine.Maybe[string]{}
	for i := range missing.Fields {
		missing.Fields[i].Target, missing.Fields[i].Equal = engine.Maybe[string]{}, false
	}
	extra := RightCard(4714)
	extra.Sentence = "Extra: the engine has it, Odoo does not, and no sweep saw it go. A repair deletes it if that is chosen."
	extra.Cause, extra.Settled, extra.AtSource = engine.CauseExtra, engine.Known(true), false
	extra.Points, extra.Last, extra.Moves = engine.Maybe[string]{}, engine.Maybe[string]{}, engine.Maybe[string]{}
	for i := range extra.Fields {
		f := &extra.Fields[i]
		f.Raw, f.Source, f.Expected, f.Equal = engine.Maybe[string]{}, engine.Maybe[string]{}, engine.Maybe[string]{}, false
	}
	zone := RightCard(4715)
	differs(zone, "updated_at", "2025-10-30T21:12:40.1Z", "2025-10-31T04:12:40.1Z",
		"Wrong in the engine: updated_at is 2025-10-31T04:12:40.1Z, 7 hours off, Odoo has 2025-10-30T21:12:40.1Z. A repair writes it.")
	swapped := RightCard(4716)
	differs(swapped, "code", "0446-4C6F-4716", "0446-4C6F-4717", "Wrong in the engine: it has the code of card 4717. A repair writes it.")
	swapped.Others = []int64{4717}
	tampered := RightCard(4718)
	differs(tampered, "points", "150.00", "9150.00", "Wrong in the engine: points are 9150.00, its ledger says 150.00. A repair settles them.")
	tampered.Engine = engine.Known("9150.00")
	return []CardCase{
		{"field", field},
		{"decimal", decimal},
		{"missing", missing},
		{"extra", extra},
		{"time-zone", zone},
		{"swapped-code", swapped},
		{"tampered-points", tampered},
	}
}

// wrongElsewhere are cards of which something else than a field of their own is wrong.
func wrongElsewhere() []CardCase {
	link := RightCard(4719)
	link.Sentence = "The card is right. One of its lines is wrong in the engine: line 992 has no move, Odoo has 502. A repair links it."
	link.Cause, link.Settled = engine.CauseField, engine.Known(true)
	link.Lines[1].Move = engine.Maybe[int64]{}
	link.Discrepancies = []engine.Discrepancy{{
		ID: 18, Entity: "loyalty_point_history", Row: 992, Field: "point_move_id", Expected: engine.Known("502"), Cause: engine.CauseField,
		State: engine.DiscrepancySettled, FoundRun: 4712, FoundAt: Noon.Add(-4 * time.Minute), SeenRun: 4715, SeenAt: Noon.Add(-time.Minute),
	}}
	link.Differences = link.Discrepancies
	link.Lines[1].Why = "odoo_move_id is nothing in the engine, should be 502"
	return []CardCase{{"broken-link", link}, {"quarantined", quarantinedCard()}, {"drifted", driftedCard()}}
}

func quarantinedCard() *engine.CardReport {
	r := RightCard(4720)
	r.Sentence = "In quarantine: it has no partner (card.partner_missing). Mend it in Odoo, and the next tick loads it."
	r.Cause, r.InEngine, r.Engine, r.Run, r.Batch = engine.CauseQuarantined, false, engine.Maybe[string]{}, 0, 0
	r.Quarantine = &engine.QuarantineRow{
		Entity: "loyalty_card", ID: r.ID, State: "open", Reason: "card.partner_missing", Detail: "it has no partner", Attempts: 3, Hangs: 3,
		FirstSeen: Noon.Add(-26 * time.Hour), LastSeen: Noon.Add(-time.Hour),
	}
	r.Fields = r.Fields[:3]
	r.Fields[1].Raw, r.Fields[1].Source = engine.Maybe[string]{}, engine.Maybe[string]{}
	for i := range r.Fields {
		r.Fields[i].Expected, r.Fields[i].Target, r.Fields[i].Equal = engine.Maybe[string]{}, engine.Maybe[string]{}, false
	}
	for i := range r.Lines {
		r.Lines[i].InEngine, r.Lines[i].Why = false, "waits for card 4720"
	}
	return r
}

func driftedCard() *engine.CardReport {
	r := RightCard(4721)
	r.Sentence = "Equal to Odoo's ledger. Odoo disagrees with itself: card 150.00, last history 120.00, moves 150.00. " +
		"Repair changes nothing; fix it in Odoo."
	r.Drifts, r.Last = []engine.Drift{engine.DriftHistory, engine.DriftRunning}, engine.Known("120")
	r.Fields[3].Expected, r.Fields[3].Target, r.Engine = engine.Known("120.00"), engine.Known("120.00"), engine.Known("120.00")
	last := &r.Lines[2]
	last.Balance, last.Broken = engine.Known("120.00"), true
	return r
}

// OtherCards are cards without trouble, or with one that is nobody's fault: right, deleted, in flight, unknown.
func OtherCards() []CardCase {
	deleted := RightCard(4722)
	deleted.Sentence = "Deleted in Odoo on 2025-11-02; the policy lets it stay in the engine, with its ledger. Nothing is wrong."
	deleted.Cause, deleted.AtSource = engine.CauseDeletedAtSource, false
	deleted.Points, deleted.Last, deleted.Moves = engine.Maybe[string]{}, engine.Maybe[string]{}, engine.Maybe[string]{}
	for i := range deleted.Fields {
		f := &deleted.Fields[i]
		f.Raw, f.Source, f.Expected, f.Equal = engine.Maybe[string]{}, engine.Maybe[string]{}, engine.Maybe[string]{}, false
	}
	flight := RightCard(4723)
	differs(flight, "partner_id", "812", "811", "Differs, but Odoo wrote it 4 s ago: the next tick carries it. Look again in a minute.")
	flight.Settled = engine.Known(false)
	flight.Discrepancies = nil
	unknown := &engine.CardReport{Key: engine.CardKey{ID: 999}, ReadAt: Noon}
	unknown.Sentence = "No card 999 in Odoo or the engine; check the id, or ask for it by its code."
	return []CardCase{{"right", RightCard(4710)}, {"deleted", deleted}, {"in-flight", flight}, {"unknown", unknown}}
}

// LookedAt is a snapshot of which the ledger has been looked at, with so many cards that disagree.
func LookedAt(drifted int64) *engine.Snapshot {
	s := InStep()
	s.Ledger = engine.LedgerView{
		Cards: engine.Known[int64](228_331), Drifted: engine.Known(drifted), History: engine.Known(drifted / 5), Moves: engine.Known(drifted * 4 / 5),
		Incomplete: engine.Known[int64](2), Run: 4712, At: Noon.Add(-4 * time.Minute),
	}
	return s
}

// Drifted are so many cards whose balances disagree in Odoo.
func Drifted(n int) []engine.LedgerCard {
	out := make([]engine.LedgerCard, n)
	for i := range out {
		c := &out[i]
		*c = engine.LedgerCard{
			Card: int64(4000 + 7*i), Code: "0446-4c6f-" + strconv.Itoa(4000+i), Points: cents(150), Last: cents(150), Moves: cents(150 - i - 1),
			Drifts: []engine.Drift{engine.DriftMoves}, Size: strconv.Itoa(i+1) + ".00", Engine: cents(150), SeenRun: 4712, SeenAt: Noon.Add(-4 * time.Minute),
		}
		switch i % 5 {
		case 0:
			c.Last, c.Moves, c.Drifts, c.Engine = cents(150-i-1), cents(150), []engine.Drift{engine.DriftHistory, engine.DriftRunning}, cents(150-i-1)
		case 3:
			c.Last, c.Waiting = engine.Maybe[string]{}, true
		}
	}
	return out
}
