package check

import (
	"fmt"
	"strings"
	"time"

	"ferry/engine"
	"ferry/engine/entity"
)

// verdict is one answer to "why is this card as it is?": what is so, why, and what to do now.
type verdict struct {
	name  string // of the case, for tests
	cause engine.Cause
	holds func(*cardFacts) bool
	say   func(*cardFacts) string
}

// verdicts are the cases in order: the first that holds is what an operator reads. A card that is not there as it should be comes
// before its fields, those before its points, its lines, and what Odoo itself says wrong.
var verdicts = []verdict{
	// Cards that neither side has.
	{"deleted and forgotten", "", func(f *cardFacts) bool { return f.unknown() && f.here.Past != nil }, func(f *cardFacts) string {
		return fmt.Sprintf("Card %d is gone: it was in quarantine (%s) until run #%d saw that Odoo had deleted it. The engine never kept it; "+
			"nothing is to be done.", f.id, f.here.Past.Reason, f.here.Run)
	}},
	{"unknown, not searched whole", "", func(f *cardFacts) bool { return f.unknown() && !f.searched }, func(f *cardFacts) string {
		return "No card of " + f.asked() + " is known to the engine, and none is spelled so in Odoo; whether one is spelled otherwise was not found out " +
			"within 2 s. Ask by its id, or look it up in Odoo."
	}},
	{"unknown", "", (*cardFacts).unknown, func(f *cardFacts) string {
		return "No card of " + f.asked() + " is known: Odoo has none, the engine has none, and quarantine holds none. Check the number or the code; " +
			"a card that Odoo deleted before any run saw it leaves no trace."
	}},

	// Cards that Odoo never had.
	{"the engine's own", "", func(f *cardFacts) bool { return f.here.Own }, func(f *cardFacts) string {
		return fmt.Sprintf("Card %d is the engine's own: it has no Odoo id, so ferry neither reads nor writes it. Look at it in the engine.", f.id)
	}},

	// Cards in quarantine.
	{"refused, then deleted", engine.CauseQuarantined, func(f *cardFacts) bool { return f.refused() && f.row == nil }, func(f *cardFacts) string {
		return fmt.Sprintf("Card %d is deleted in Odoo; before that it was in quarantine (%s). The next sweep ends its entry; nothing is to be done.",
			f.id, f.here.Quarantine.Reason)
	}},
	{"code taken", engine.CauseQuarantined, refusedFor(entity.ReasonCode), func(f *cardFacts) string {
		return fmt.Sprintf("Not in the engine as it should be: its code %s belongs to card %s, which has the lower id. %s"+
			"Give one of the two another code in Odoo; the next tick then brings it.%s", textOf(engine.Known(f.cleanedCode())), owner(f), f.kept(), f.besides())
	}},
	{"refused, made its own", engine.CauseWrittenOnTarget, refusedFor(entity.ReasonOwned), func(f *cardFacts) string {
		return "Not as in Odoo: the engine has made this card its own (synced_to_odoo), and Odoo has changed it since, so ferry does not overwrite it. " +
			"Decide which side is right; a repair with that cause writes Odoo's version." + f.besides()
	}},
	{"waiting for a parent", engine.CauseWaitingParent, refusedFor(entity.ReasonWaiting), func(f *cardFacts) string {
		return fmt.Sprintf("Not in the engine yet: it is valid, and waits for %s %d to come. Nothing is to be done with this card; see to that one.",
			f.here.Quarantine.ParentEntity, f.here.Quarantine.Parent.Or(0))
	}},
	{"waived", engine.CauseQuarantined, func(f *cardFacts) bool { return f.refused() && f.here.Quarantine.State == "waived" }, func(f *cardFacts) string {
		q := f.here.Quarantine
		return fmt.Sprintf("Not in the engine as it should be, and somebody knows: %s (%s). %s waived it: %s. %s"+
			"Nothing is to be done, unless that has changed.%s", whyRefused(f), q.Reason, textLong(q.WaivedBy), textLong(q.WaivedNote), f.kept(), f.besides())
	}},
	{"stale", engine.CauseQuarantined, func(f *cardFacts) bool { return f.refused() && f.here.Quarantine.Stale }, func(f *cardFacts) string {
		return fmt.Sprintf("The engine has an older version: Odoo's card was refused since, for %s (%s). Correct it in Odoo and the next tick brings it, "+
			"or waive it.%s%s", whyRefused(f), f.here.Quarantine.Reason, f.due(), f.besides())
	}},
	{"refused", engine.CauseQuarantined, (*cardFacts).refused, func(f *cardFacts) string {
		waits := ""
		if n := f.here.Quarantine.Hangs; n > 0 {
			waits = fmt.Sprintf(" %d of its moves and lines wait for it.", n)
		}
		return fmt.Sprintf("Not in the engine: it was refused, for %s (%s).%s Correct it in Odoo and the next tick brings it, or waive it.%s%s",
			whyRefused(f), f.here.Quarantine.Reason, waits, f.due(), f.besides())
	}},

	// Cards that only one side has.
	{"deleted in Odoo", engine.CauseDeletedAtSource, func(f *cardFacts) bool { return f.row == nil && f.here.Extra != nil }, func(f *cardFacts) string {
		why := "the policy is to report, not to delete"
		if f.here.Extra.Kept != "" {
			why = f.here.Extra.Kept
		}
		return fmt.Sprintf("In the engine, and not in Odoo, or no more: run #%d saw that at %s; it stays, for %s. "+
			"A repair that is told to delete takes it away.",
			f.here.Extra.Run, f.here.Extra.FoundAt.Format(time.RFC3339), why)
	}},
	{"gone, and no sweep yet", engine.CauseExtra, func(f *cardFacts) bool { return f.row == nil }, func(*cardFacts) string {
		return "The engine has this card and Odoo does not, and no run has seen it go: it was deleted since the last sweep, or never was Odoo's. " +
			"Wait for the next sweep, which lists it; a card that stays like this was put there by somebody else."
	}},
	{"never synced", engine.CauseMissing, func(f *cardFacts) bool { return f.absent() && !f.young.Known }, func(*cardFacts) string {
		return "Odoo has this card, and no sync was completed yet, so the engine does not. Run `ferry sync full`."
	}},
	{"on its way", engine.CauseMissing, func(f *cardFacts) bool { return f.absent() && f.young.Value }, func(f *cardFacts) string {
		return "Not in the engine yet: Odoo wrote it after the last cycle began to read" + f.readFrom() + ". The next tick brings it; look again then."
	}},
	{"missing", engine.CauseMissing, (*cardFacts).absent, func(f *cardFacts) string {
		return "Missing: Odoo has this card unchanged since before the last cycle" + f.readFrom() + ", and neither the engine nor quarantine holds it. " +
			"Somebody deleted it in the engine; a repair brings it back."
	}},

	// Cards whose fields differ.
	{"written on the target", engine.CauseWrittenOnTarget, func(f *cardFacts) bool { return f.here.Copy.Owned && f.anyWrong() }, func(f *cardFacts) string {
		return "Differs from Odoo (" + f.wrongNames() + "), and the engine has made it its own (synced_to_odoo), so ferry never overwrites it unattended. " +
			"Decide which side is right; a repair with that cause writes Odoo's version."
	}},
	{"fields under way", engine.CauseField, func(f *cardFacts) bool { return len(f.wrong()) > 0 && f.young.Or(false) }, func(f *cardFacts) string {
		return "Differs from Odoo (" + f.wrongNames() + "), and Odoo wrote it after the last cycle began to read" + f.readFrom() +
			": it is under way. Look again after the next tick."
	}},
	{"fields, no cycle", engine.CauseField, func(f *cardFacts) bool { return len(f.wrong()) > 0 && !f.young.Known }, func(f *cardFacts) string {
		return "Differs from Odoo (" + f.wrongNames() + "), and no cycle was completed yet, so that may be a load under way. Look again when it has ended."
	}},
	{"fields", engine.CauseField, func(f *cardFacts) bool { return len(f.wrong()) > 0 }, func(f *cardFacts) string {
		return "Wrong in the engine: " + f.wrongNames() + ". Odoo has not written it since before the last cycle" + f.readFrom() +
			", so it is no change under way: somebody wrote the engine's row. A repair restores it."
	}},
	{"points", engine.CauseField, (*cardFacts).pointsWrong, func(f *cardFacts) string {
		p, _ := f.wrongPoints()
		return fmt.Sprintf("Wrong points in the engine: %s, and its own ledger says %s (%s). Somebody wrote the points; a repair settles them anew.",
			pointsText(p.Target), pointsText(p.Expected), f.rule())
	}},

	// Cards whose lines or moves differ.
	{"lines or moves gone", engine.CauseDeletedAtSource, func(f *cardFacts) bool {
		return len(f.children) > 0 && f.children[0].Cause == engine.CauseDeletedAtSource && f.allOf(engine.CauseDeletedAtSource)
	}, func(f *cardFacts) string {
		return "The card is equal to Odoo, but the engine still has what Odoo has deleted: " + f.childNames() + ". Such rows stay until the delete policy " +
			"or a repair takes them."
	}},
	{"lines or moves made its own", engine.CauseWrittenOnTarget, hasChild(engine.CauseWrittenOnTarget), func(f *cardFacts) string {
		return "The card is equal to Odoo, but not " + f.childNames() + ", which the engine has made its own (synced_to_odoo). " +
			"Decide which side is right; a repair with that cause writes Odoo's version."
	}},
	{"lines missing", engine.CauseMissing, func(f *cardFacts) bool { return f.has(engine.CauseMissing) && f.childSettled() }, func(f *cardFacts) string {
		return "Its ledger is incomplete in the engine. Odoo has, unchanged since before the last cycle, what neither the engine nor quarantine holds: " +
			f.childNames() + ". A repair brings it back."
	}},
	{"lines or moves", engine.CauseField, func(f *cardFacts) bool { return f.has(engine.CauseField) && f.childSettled() }, func(f *cardFacts) string {
		return "The card is equal to Odoo, but of its ledger the engine's copy is wrong: " + f.childNames() + ". Odoo has not written that since before the " +
			"last cycle, so somebody wrote the engine's rows. A repair restores them."
	}},
	{"lines or moves under way", "", func(f *cardFacts) bool { return len(f.children) > 0 }, func(f *cardFacts) string {
		return "The card is equal to Odoo; of its ledger, something changed after the last cycle began to read and is under way: " + f.childNames() +
			". Look again after the next tick."
	}},

	// Cards that are as they should be; Odoo itself may not be.
	{"incomplete", "", func(f *cardFacts) bool { return f.here.Incomplete }, func(f *cardFacts) string {
		return fmt.Sprintf("Incomplete: the latest line of its ledger, %s, so the points (%s) are what Odoo's card says. "+
			"Correct the line in Odoo and the next tick brings it.%s", latestRefused(f), pointsText(f.here.Points), f.besides())
	}},
	{"not a number", "", func(f *cardFacts) bool { return len(f.balances.drifts) > 0 && f.endless() }, func(f *cardFacts) string {
		return "Equal to Odoo's ledger, as far as a number can be. One of Odoo's own balances is no finite number: " + f.threeBalances() +
			". Repair changes nothing; fix it in Odoo."
	}},
	{"drift", "", func(f *cardFacts) bool { return f.drifts(engine.DriftHistory) || f.drifts(engine.DriftMoves) }, func(f *cardFacts) string {
		return "Equal to Odoo's ledger. Odoo disagrees with itself: " + f.threeBalances() + f.firstBreak() + ". Repair changes nothing; fix it in Odoo."
	}},
	{"broken running balance", "", func(f *cardFacts) bool { return f.drifts(engine.DriftRunning) }, func(f *cardFacts) string {
		return "Equal to Odoo's ledger. Odoo's three balances agree (" + pointsText(f.balances.points) + "), but not line by line" + f.firstBreak() +
			". Repair changes nothing; see in Odoo who wrote that line."
	}},
	{"repaired, not verified", "", func(f *cardFacts) bool { return f.found(engine.DiscrepancyRepaired) }, func(*cardFacts) string {
		return "Equal to Odoo now: a repair has written it, and no check has seen that yet. The next check verifies it; a re-check does so at once."
	}},
	{"found, and gone since", "", func(f *cardFacts) bool {
		return f.found(engine.DiscrepancySettled) || f.found(engine.DiscrepancyInFlight)
	}, func(f *cardFacts) string {
		d := f.here.Discrepancies[0]
		return fmt.Sprintf("Equal to Odoo now; check #%d still saw a difference at %s. A re-check takes it off the list.",
			d.SeenRun, d.SeenAt.Format(time.RFC3339))
	}},
	{"some lines refused", "", func(f *cardFacts) bool { return len(f.here.Refused)+len(f.here.RefusedMoves) > 0 }, func(f *cardFacts) string {
		return fmt.Sprintf("Equal to Odoo: points %s, by its latest line. In quarantine, and without a say in the points: "+
			"%d of its older lines, %d of its moves. `ferry quarantine list` says why.",
			pointsText(f.here.Points), len(f.here.Refused), len(f.here.RefusedMoves))
	}},
	{"healthy, made its own", "", func(f *cardFacts) bool { return f.here.Copy.Owned }, func(f *cardFacts) string {
		return fmt.Sprintf("Equal to Odoo: points %s. The engine has made it its own (synced_to_odoo): ferry writes it no more. Nothing is to be done.",
			pointsText(f.here.Points))
	}},
	{"healthy", "", func(*cardFacts) bool { return true }, func(f *cardFacts) string {
		rests := "what of Odoo's other balances is known agrees"
		if f.balances.last.Known && f.balances.moves.Known {
			rests = "Odoo's three balances agree"
		} else if !f.balances.last.Known && !f.balances.moves.Known {
			rests = "it has no ledger yet"
		}
		return fmt.Sprintf("Equal to Odoo: points %s, every field the same, and %s. Nothing is to be done.", pointsText(f.here.Points), rests)
	}},
}

// sentence gives the first verdict that holds.
func (f *cardFacts) sentence() (string, engine.Cause) {
	v := f.verdict()
	return v.say(f), v.cause
}

func (f *cardFacts) verdict() verdict {
	for _, v := range verdicts {
		if v.holds(f) {
			return v
		}
	}
	return verdicts[len(verdicts)-1]
}

// asked is what somebody asked for, in words.
func (f *cardFacts) asked() string {
	var parts []string
	if f.key.ID != 0 {
		parts = append(parts, fmt.Sprintf("id %d", f.key.ID))
	}
	if f.key.Code != "" {
		parts = append(parts, "code "+textOf(engine.Known(f.key.Code)))
	}
	return strings.Join(parts, " or ")
}
