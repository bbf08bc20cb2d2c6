package engine

import "time"

// QuarantineRow is a source row that is not in the engine as it should be.
type QuarantineRow struct {
	Entity       string            `json:"entity"` // source table
	ID           int64             `json:"id"`     // Odoo's
	State        string            `json:"state"`  // open, waiting_parent, waived
	Reason       string            `json:"reason"` // a rule's name, waiting_parent, code_taken, engine_owned, refused_<SQLSTATE>
	Detail       string            `json:"detail"` // in words
	SQLState     string            `json:"sqlstate,omitempty"`
	ParentEntity string            `json:"parent_entity,omitempty"`
	Parent       Maybe[int64]      `json:"parent_id"`
	Owner        Maybe[int64]      `json:"owner_id"` // the row that its code belongs to
	Stale        bool              `json:"stale"`    // an older good version stays in the engine
	Payload      map[string]string `json:"payload"`  // its columns, for display
	Attempts     int               `json:"attempts"`
	Due          bool              `json:"due"`       // the next tick reads it again
	Hangs        int64             `json:"hangs"`     // rows of other entities that wait for this one
	WaivedBy     string            `json:"waived_by"` // who decided that it may stay in quarantine; empty: nobody
	WaivedNote   string            `json:"waived_note"`
	FirstSeen    time.Time         `json:"first_seen"`
	LastSeen     time.Time         `json:"last_seen"`
}

// QuarantineSelection says which rows of quarantine are meant: all that fit every field; an empty field fits all.
type QuarantineSelection struct {
	Entity string
	Reason string
	IDs    []int64 // needs Entity
	Filter Filter  // columns: QuarantineFields
}

// QuarantineFields lists what rows of quarantine can be filtered and sorted by; entity and reason only where the selection
// leaves them open. State is in the words of the console: open, waits, due, waived.
func QuarantineFields() []string {
	return []string{"id", "entity", "state", "reason", "detail", "sqlstate", "parent", "owner", "tries", "waived_by", "note", "first", "last", "payload"}
}

// RuleView is a rule and what is done about a row that breaks it.
type RuleView struct {
	Name     string `json:"name"` // "card.partner_missing"
	Entity   string `json:"entity"`
	Why      string `json:"why"`      // what is wrong with a row that breaks it
	Severity string `json:"severity"` // reject, warn, off
	Default  string `json:"default"`
	Fixed    bool   `json:"fixed"` // the engine's tables cannot hold such a row: always reject
}
