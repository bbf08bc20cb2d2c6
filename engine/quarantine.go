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
	FirstSeen    time.Time         `json:"first_seen"`
	LastSeen     time.Time         `json:"last_seen"`
}
