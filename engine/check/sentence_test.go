package check

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/engine/entity"
)

var at = time.Date(2026, 3, 1, 2, 14, 5, 0, time.UTC)

// healthy are the facts of card 7, which is as it should be: 30 points by its two lines and its move.
func healthy(change ...func(*cardFacts)) *cardFacts {
	text := engine.Known[string]
	fields := map[string]engine.Maybe[string]{
		"code": text("ABC"), "partner_id": text("1"), "program_id": text("2"), "odoo_points": text("30.00"),
	}
	last := int64(12)
	f := &cardFacts{
		key: engine.CardKey{ID: 7}, id: 7, searched: true,
		raw:   map[string]engine.Maybe[string]{"code": text(" abc"), "points": text("30"), "partner_id": text("1"), "program_id": text("2")},
		row:   cardRow("ABC", 1, 3000),
		young: engine.Known(false),
		fresh: map[string]map[int64]bool{entity.History.Name: {}, entity.Move.Name: {}},
		copies: map[string]map[int64]entity.Row{
			entity.History.Name: {11: lineRow(11, 1000, 1000), 12: lineRow(12, 2000, 3000)}, entity.Move.Name: {},
		},
		here: &CardHere{
			ID: 7, InEngine: true, Copy: Copy{ID: 7, Fields: fields}, Points: text("30.00"), LastLine: &last, Last: text("30.00"),
			Lines:    []Copy{lineCopy(12, "20.00", "30.00"), lineCopy(11, "10.00", "10.00")},
			MovesSum: text("30.00"), MovesTotal: 1, MovesActive: 1,
			Floors: map[string]CardFloor{entity.Card.Name: {Floor: "1000", ReadFrom: at}},
		},
	}
	for _, c := range change {
		c(f)
	}
	f.compare()
	return f
}

func values(e *entity.Entity, set map[string]entity.Value) []entity.Value {
	out := make([]entity.Value, len(e.Columns))
	for i, c := range e.Columns {
		out[i] = set[c.Source]
		if c.Kind == entity.KindPoints {
			out[i].State = entity.Present
		}
	}
	return out
}

func cardRow(code string, partner, hundredths int64) *entity.Row {
	return &entity.Row{ID: 7, Values: values(entity.Card, map[string]entity.Value{
		"code": {State: entity.Present, Text: code}, "partner_id": {State: entity.Present, Int: partner},
		"program_id": {State: entity.Present, Int: 2}, "points": {Int: hundredths},
	})}
}

func lineRow(id, amount, balance int64) entity.Row {
	return entity.Row{ID: id, Values: values(entity.History, map[string]entity.Value{
		"loyalty_card_id": {State: entity.Present, Int: 7}, "points_amount": {Int: amount}, "points_balance": {Int: balance},
	})}
}

func lineCopy(id int64, amount, balance string) Copy {
	return Copy{ID: id, Fields: map[string]engine.Maybe[string]{
		"loyalty_card_id": engine.Known("7"), "points_amount": engine.Known(amount), "points_balance": engine.Known(balance),
	}}
}

func gone(f *cardFacts)    { f.raw, f.row = nil, nil }
func nowhere(f *cardFacts) { f.here = &CardHere{Floors: f.here.Floors} }
func refused(q engine.QuarantineRow) func(*cardFacts) {
	return func(f *cardFacts) {
		if q.State == "" {
			q.State = "open"
		}
		if !q.Stale {
			nowhere(f)
		}
		f.here.ID, f.here.Quarantine, f.here.Run = 7, &q, 5
	}
}

func inEngine(field, value string) func(*cardFacts) {
	return func(f *cardFacts) { f.here.Copy.Fields[field] = engine.Known(value) }
}
func owned(f *cardFacts)   { f.here.Copy.Owned = true }
func young(f *cardFacts)   { f.young = engine.Known(true) }
func noCycle(f *cardFacts) { f.young, f.here.Floors = engine.Maybe[bool]{}, nil }

// settledLine says that a line was written before the last cycle.
func settledLine(f *cardFacts) { f.fresh[entity.History.Name][11] = false }

func found(state engine.DiscrepancyState) func(*cardFacts) {
	return func(f *cardFacts) {
		f.here.Discrepancies = []engine.Discrepancy{{State: state, SeenRun: 9, SeenAt: at}}
	}
}

// sentences has facts for every verdict, in the order of the verdicts.
var sentences = []struct {
	name  string
	facts []func(*cardFacts)
	says  string
}{
	{
		"deleted and forgotten",
		[]func(*cardFacts){gone, nowhere, func(f *cardFacts) { f.here.Run, f.here.Past = 5, &engine.QuarantineRow{Reason: "card.partner_missing"} }},
		"Card 7 is gone: it was in quarantine (card.partner_missing) until run #5 saw that Odoo had deleted it. " +
			"The engine never kept it; nothing is to be done.",
	},
	{
		"unknown, not searched whole",
		[]func(*cardFacts){gone, nowhere, func(f *cardFacts) { f.key, f.searched = engine.CardKey{Code: "x\ny"}, false }},
		"No card of code x\ny is known to the engine, and none is spelled so in Odoo; whether one is spelled otherwise was not found out within 2 s. " +
			"Ask by its id, or look it up in Odoo.",
	},
	{
		"unknown",
		[]func(*cardFacts){gone, nowhere, func(f *cardFacts) { f.key = engine.CardKey{ID: 7, Code: "7"} }},
		"No card of id 7 or code 7 is known: Odoo has none, the engine has none, and quarantine holds none. Check the number or the code; " +
			"a card that Odoo deleted before any run saw it leaves no trace.",
	},
	{
		"the engine's own",
		[]func(*cardFacts){gone, nowhere, func(f *cardFacts) { f.here.Own = true }},
		"Card 7 is the engine's own: it has no Odoo id, so ferry neither reads nor writes it. Look at it in the engine.",
	},
	{
		"refused, then deleted",
		[]func(*cardFacts){gone, refused(engine.QuarantineRow{Reason: "card.partner_missing"})},
		"Card 7 is deleted in Odoo; before that it was in quarantine (card.partner_missing). The next sweep ends its entry; nothing is to be done.",
	},
	{
		"code taken",
		[]func(*cardFacts){refused(engine.QuarantineRow{Reason: entity.ReasonCode, Owner: engine.Known[int64](3)})},
		"Not in the engine as it should be: its code ABC belongs to card 3, which has the lower id. Give one of the two another code in Odoo; " +
			"the next tick then brings it.",
	},
	{
		"refused, made its own",
		[]func(*cardFacts){refused(engine.QuarantineRow{Reason: entity.ReasonOwned, Stale: true})},
		"Not as in Odoo: the engine has made this card its own (synced_to_odoo), and Odoo has changed it since, so ferry does not overwrite it. " +
			"Decide which side is right; a repair with that cause writes Odoo's version.",
	},
	{
		"waiting for a parent",
		[]func(*cardFacts){refused(engine.QuarantineRow{
			Reason: entity.ReasonWaiting, State: "waiting_parent", ParentEntity: "loyalty_program", Parent: engine.Known[int64](2),
		})},
		"Not in the engine yet: it is valid, and waits for loyalty_program 2 to come. Nothing is to be done with this card; see to that one.",
	},
	{
		"waived",
		[]func(*cardFacts){refused(engine.QuarantineRow{
			Reason: "card.partner_missing", Detail: "it has no partner", State: "waived", WaivedBy: "sari@db2", WaivedNote: "a gift card",
		})},
		"Not in the engine as it should be, and somebody knows: it has no partner (card.partner_missing). sari@db2 waived it: a gift card. " +
			"Nothing is to be done, unless that has changed.",
	},
	{
		"stale",
		[]func(*cardFacts){refused(engine.QuarantineRow{Reason: "card.partner_missing", Detail: "it has no partner", Stale: true, Due: true})},
		"The engine has an older version: Odoo's card was refused since, for it has no partner (card.partner_missing). " +
			"Correct it in Odoo and the next tick brings it, or waive it. The next tick reads it again.",
	},
	{
		"refused",
		[]func(*cardFacts){refused(engine.QuarantineRow{Reason: "card.partner_missing", Detail: "it has no partner", Hangs: 6})},
		"Not in the engine: it was refused, for it has no partner (card.partner_missing). 6 of its moves and lines wait for it. " +
			"Correct it in Odoo and the next tick brings it, or waive it.",
	},
	{
		"deleted in Odoo",
		[]func(*cardFacts){gone, func(f *cardFacts) { f.here.Extra = &CardExtra{Run: 6, FoundAt: at} }},
		"In the engine, and not in Odoo, or no more: run #6 saw that at 2026-03-01T02:14:05Z; it stays, for the policy is to report, not to delete. " +
			"A repair that is told to delete takes it away.",
	},
	{
		"gone, and no sweep yet",
		[]func(*cardFacts){gone},
		"The engine has this card and Odoo does not, and no run has seen it go: it was deleted since the last sweep, or never was Odoo's. " +
			"Wait for the next sweep, which lists it; a card that stays like this was put there by somebody else.",
	},
	{
		"never synced",
		[]func(*cardFacts){nowhere, noCycle},
		"Odoo has this card, and no sync was completed yet, so the engine does not. Run `ferry sync full`.",
	},
	{
		"on its way",
		[]func(*cardFacts){nowhere, young},
		"Not in the engine yet: Odoo wrote it after the last cycle began to read (2026-03-01T02:14:05Z). The next tick brings it; look again then.",
	},
	{
		"missing",
		[]func(*cardFacts){nowhere},
		"Missing: Odoo has this card unchanged since before the last cycle (2026-03-01T02:14:05Z), and neither the engine nor quarantine holds it. " +
			"Somebody deleted it in the engine; a repair brings it back.",
	},
	{
		"written on the target",
		[]func(*cardFacts){owned, inEngine("partner_id", "9")},
		"Differs from Odoo (partner_id is 9, should be 1), and the engine has made it its own (synced_to_odoo), so ferry never overwrites it unattended. " +
			"Decide which side is right; a repair with that cause writes Odoo's version.",
	},
	{
		"fields under way",
		[]func(*cardFacts){young, inEngine("partner_id", "9")},
		"Differs from Odoo (partner_id is 9, should be 1), and Odoo wrote it after the last cycle began to read (2026-03-01T02:14:05Z): it is under way. " +
			"Look again after the next tick.",
	},
	{
		"fields, no cycle",
		[]func(*cardFacts){noCycle, inEngine("partner_id", "9")},
		"Differs from Odoo (partner_id is 9, should be 1), and no cycle was completed yet, so that may be a load under way. Look again when it has ended.",
	},
	{
		"fields",
		[]func(*cardFacts){inEngine("code", strings.Repeat("Z", 50)), inEngine("partner_id", "9")},
		"Wrong in the engine: code is " + strings.Repeat("Z", 40) + "…, should be ABC; partner_id is 9, should be 1. " +
			"Odoo has not written it since before the last cycle (2026-03-01T02:14:05Z), so it is no change under way: " +
			"somebody wrote the engine's row. A repair restores it.",
	},
	{
		"points",
		[]func(*cardFacts){func(f *cardFacts) { f.here.Points = engine.Known("29.99") }},
		"Wrong points in the engine: 29.99, and its own ledger says 30.00 (policy ledger: the points are the balance of the latest line, 12). " +
			"Somebody wrote the points; a repair settles them anew.",
	},
	{
		"lines or moves gone",
		[]func(*cardFacts){func(f *cardFacts) { delete(f.copies[entity.History.Name], 11) }},
		"The card is equal to Odoo, but the engine still has what Odoo has deleted: line 11. Such rows stay until the delete policy or a repair takes them.",
	},
	{
		"lines or moves made its own",
		[]func(*cardFacts){func(f *cardFacts) {
			f.here.Lines[1].Owned, f.here.Lines[1].Fields["points_amount"] = true, engine.Known("11.00")
		}},
		"The card is equal to Odoo, but not line 11, which the engine has made its own (synced_to_odoo). Decide which side is right; " +
			"a repair with that cause writes Odoo's version.",
	},
	{
		"lines missing",
		[]func(*cardFacts){settledLine, func(f *cardFacts) {
			f.ledger = &CardLedger{Last: engine.Known("30"), Moves: engine.Known("30"), Lines: []engine.CardLine{{ID: 12}, {ID: 11}}}
			f.here.Lines = f.here.Lines[:1]
		}},
		"Its ledger is incomplete in the engine. Odoo has, unchanged since before the last cycle, what neither the engine nor quarantine holds: line 11. " +
			"A repair brings it back.",
	},
	{
		"lines or moves",
		[]func(*cardFacts){settledLine, func(f *cardFacts) { f.here.Lines[1].Fields["points_amount"] = engine.Known("11.00") }},
		"The card is equal to Odoo, but of its ledger the engine's copy is wrong: line 11. Odoo has not written that since before the last cycle, " +
			"so somebody wrote the engine's rows. A repair restores them.",
	},
	{
		"lines or moves under way",
		[]func(*cardFacts){func(f *cardFacts) { f.here.Lines[1].Fields["points_amount"] = engine.Known("11.00") }},
		"The card is equal to Odoo; of its ledger, something changed after the last cycle began to read and is under way: line 11. " +
			"Look again after the next tick.",
	},
	{
		"incomplete",
		[]func(*cardFacts){func(f *cardFacts) {
			f.here.Incomplete = true
			f.here.Refused = []Refused{{ID: 13, Reason: "history.balance_negative", Detail: "its balance is negative"}}
		}},
		"Incomplete: the latest line of its ledger, 13, is in quarantine (history.balance_negative: its balance is negative), " +
			"so the points (30.00) are what Odoo's card says. Correct the line in Odoo and the next tick brings it.",
	},
	{
		"not a number",
		[]func(*cardFacts){func(f *cardFacts) { f.ledger = &CardLedger{Last: engine.Known("30"), Moves: engine.Known("NaN")} }},
		"Equal to Odoo's ledger, as far as a number can be. One of Odoo's own balances is no finite number: card 30.00, last history 30.00, moves NaN. " +
			"Repair changes nothing; fix it in Odoo.",
	},
	{
		"drift",
		[]func(*cardFacts){func(f *cardFacts) {
			f.row, f.raw["points"] = cardRow("ABC", 1, 15000), engine.Known("150")
			f.here.Copy.Fields["odoo_points"], f.here.MovesSum = engine.Known("150.00"), engine.Known("150.00")
		}},
		"Equal to Odoo's ledger. Odoo disagrees with itself: card 150.00, last history 30.00, moves 150.00. Repair changes nothing; fix it in Odoo.",
	},
	{
		"broken running balance",
		[]func(*cardFacts){func(f *cardFacts) {
			f.ledger = &CardLedger{Last: engine.Known("30"), Moves: engine.Known("30"), First: engine.Known[int64](12)}
		}},
		"Equal to Odoo's ledger. Odoo's three balances agree (30.00), but not line by line; its running balance breaks first at line 12. " +
			"Repair changes nothing; see in Odoo who wrote that line.",
	},
	{
		"repaired, not verified",
		[]func(*cardFacts){found(engine.DiscrepancyRepaired)},
		"Equal to Odoo now: a repair has written it, and no check has seen that yet. The next check verifies it; a re-check does so at once.",
	},
	{
		"found, and gone since",
		[]func(*cardFacts){found(engine.DiscrepancySettled)},
		"Equal to Odoo now; check #9 still saw a difference at 2026-03-01T02:14:05Z. A re-check takes it off the list.",
	},
	{
		"some lines refused",
		[]func(*cardFacts){func(f *cardFacts) {
			f.here.Refused = []Refused{{ID: 9, Payload: map[string]string{"points_balance": "0.00"}}}
		}},
		"Equal to Odoo: points 30.00, by its latest line. In quarantine, and without a say in the points: 1 of its older lines, 0 of its moves. " +
			"`ferry quarantine list` says why.",
	},
	{
		"healthy, made its own",
		[]func(*cardFacts){owned},
		"Equal to Odoo: points 30.00. The engine has made it its own (synced_to_odoo): ferry writes it no more. Nothing is to be done.",
	},
	{
		"healthy", nil,
		"Equal to Odoo: points 30.00, every field the same, and Odoo's three balances agree. Nothing is to be done.",
	},
}

func TestEverySentenceSaysWhatIsSoWhyAndWhatToDo(t *testing.T) {
	t.Parallel()
	require.Len(t, sentences, len(verdicts))
	for i, s := range sentences {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			f := healthy(s.facts...)
			require.Equal(t, verdicts[i].name, s.name, "they are in the same order")
			require.Equal(t, s.name, f.verdict().name)
			r := f.report()
			require.Equal(t, s.says, r.Sentence)
			require.Equal(t, verdicts[i].cause, r.Cause)
		})
	}
}

func TestWhatABalanceIsNotKnownIsNotSaid(t *testing.T) {
	t.Parallel()
	f := healthy(func(f *cardFacts) {
		f.here.Lines, f.here.LastLine, f.here.Last, f.here.MovesSum = nil, nil, engine.Maybe[string]{}, engine.Maybe[string]{}
	})
	require.Contains(t, f.report().Sentence, "it has no ledger yet")
	f = healthy(func(f *cardFacts) { f.here.RefusedMoves = []Refused{{ID: 1}} })
	require.Empty(t, f.balances.stated, "a move that waits says nothing of itself")
	require.Empty(t, f.balances.drifts)
	f = healthy(func(f *cardFacts) {
		f.here.Known = &engine.LedgerCard{
			Points: engine.Known("30"), Last: engine.Known("30.004"), Moves: engine.Known("30"),
			Drifts: []engine.Drift{engine.DriftHistory}, SeenAt: at,
		}
	})
	require.Equal(t, "as the check of 2026-03-01 02:14:05Z saw them", f.balances.stated, "it is exact, and the copy still says the same")
	require.Contains(t, f.report().Sentence, "card 30.00, last history 30.004, moves 30.00.")
	f = healthy(func(f *cardFacts) {
		f.here.Known = &engine.LedgerCard{
			Points: engine.Known("30"), Last: engine.Known("40"), Moves: engine.Known("30"), Drifts: []engine.Drift{engine.DriftHistory}, SeenAt: at,
		}
	})
	require.Contains(t, f.report().Sentence, "three balances agree", "Odoo was mended since")
}
