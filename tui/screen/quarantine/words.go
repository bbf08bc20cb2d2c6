package quarantine

import (
	"strconv"
	"strings"

	"ferry/engine"
	"ferry/tui/cure"
)

// The reasons that are not rules.
const (
	waiting = "waiting_parent"
	taken   = "code_taken"
)

// meaning says why rows are in quarantine for a reason, and what would make them valid.
func meaning(reason string, rule *engine.RuleView) (why, valid string) {
	return cure.OfQuarantine(reason, rule)
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
