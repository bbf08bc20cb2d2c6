package quarantine

import (
	"regexp"
	"strconv"
	"strings"

	"ferry/engine"
	"ferry/tui/cure"
)

// The reasons that are not rules.
const (
	waiting = "waiting_parent"
	taken   = "code_taken"
	owned   = "engine_owned"
)

const reject = "reject" // the severity of a rule that keeps rows out

var sqlstate = regexp.MustCompile(`^(?:refused_)?([0-9A-Z]{5})$`)

// meaning says why rows are in quarantine for a reason, and what would make them valid.
func meaning(reason string, rule *engine.RuleView) (why, valid string) {
	switch {
	case rule != nil && rule.Fixed:
		return sentence(rule.Why), "mend them in Odoo; the next tick loads them. The engine's tables cannot hold such rows"
	case rule != nil && rule.Severity != reject:
		return sentence(rule.Why), "the rule is " + rule.Severity + ": the next run loads such rows as they are"
	case rule != nil:
		return sentence(rule.Why), "mend them in Odoo, and the next tick loads them; or set the rule to warn, and they are loaded as they are"
	case reason == waiting:
		return "Valid, but the row that they belong to is not in the engine.",
			"they are loaded by themselves once it is; see why that one is in quarantine"
	case reason == taken:
		return "After cleaning, their code belongs to a card with a lower id.",
			"give them another code in Odoo; they are loaded by themselves once the code is free"
	case reason == owned:
		return "The engine has made its copy its own (synced_to_odoo), and Odoo's row differs.",
			"ferry never overwrites such a row: settle with the engine's owners which one holds"
	}
	if m := sqlstate.FindStringSubmatch(reason); m != nil {
		why, valid = "The engine database refused them with SQLSTATE "+m[1]+".", cure.For("SQLSTATE "+m[1])
		if valid == "" {
			valid = "mend them in Odoo, or what forbids them in the engine; then have them read again"
		}
		return why, valid
	}
	return "", ""
}

func sentence(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

// isRule reports whether a reason is a rule: those have a dot in their name.
func isRule(reason string) bool { return strings.Contains(reason, ".") }

// title names a reason; one that several entities can have is named with its entity.
func title(r *engine.ReasonView) string {
	if isRule(r.Reason) {
		return r.Reason
	}
	return r.Entity + " " + r.Reason
}

// standing is how a row stands, in a word.
func standing(row *engine.QuarantineRow) string {
	switch {
	case row.WaivedBy != "" || row.State == "waived":
		return "waived"
	case row.Due:
		return "due"
	case row.State == waiting:
		return "waits"
	}
	return row.State
}

// detail says in few words what a row's own detail says in many, where it only names another row.
func detail(row *engine.QuarantineRow) string {
	switch {
	case row.Reason == taken && row.Owner.Known:
		return "code of #" + strconv.FormatInt(row.Owner.Value, 10)
	case row.Reason == waiting && row.Parent.Known:
		parent := strings.ReplaceAll(strings.TrimPrefix(row.ParentEntity, "loyalty_"), "_", " ")
		return "waits for " + parent + " " + strconv.FormatInt(row.Parent.Value, 10)
	}
	return row.Detail
}
