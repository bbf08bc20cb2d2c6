package cure

import (
	"regexp"
	"strings"

	"ferry/engine"
)

const reject = "reject" // the severity of a rule that keeps rows out

var sqlstate = regexp.MustCompile(`^(?:refused_)?([0-9A-Z]{5})$`)

// OfQuarantine says why rows are in quarantine for a reason, and what would make them valid. The rule is the one that the
// reason names, if it is known.
func OfQuarantine(reason string, rule *engine.RuleView) (why, valid string) {
	switch {
	case rule != nil && rule.Fixed:
		return sentence(rule.Why), "mend them in Odoo; the next tick loads them. The engine's tables cannot hold such rows"
	case rule != nil && rule.Severity != reject:
		return sentence(rule.Why), "the rule is " + rule.Severity + ": the next run loads such rows as they are"
	case rule != nil:
		return sentence(rule.Why), "mend them in Odoo, and the next tick loads them; or set the rule to warn, and they are loaded as they are"
	case reason == "waiting_parent":
		return "Valid, but the row that they belong to is not in the engine.",
			"they are loaded by themselves once it is; see why that one is in quarantine"
	case reason == "code_taken":
		return "After cleaning, their code belongs to a card with a lower id.",
			"give them another code in Odoo; they are loaded by themselves once the code is free"
	case reason == "engine_owned":
		return "The engine has made its copy its own (synced_to_odoo), and Odoo's row differs.",
			"ferry never overwrites such a row: settle with the engine's owners which one holds"
	}
	if m := sqlstate.FindStringSubmatch(reason); m != nil {
		why, valid = "The engine database refused them with SQLSTATE "+m[1]+".", For("SQLSTATE "+m[1])
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
