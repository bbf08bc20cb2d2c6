package engine

import "time"

// JournalEntry is one action: who, from where, what, on what state, why, and how it ended. Entries are only ever added.
type JournalEntry struct {
	ID      int64        `json:"id"`
	At      time.Time    `json:"at"`
	Actor   string       `json:"actor"`         // operating system user and host; "ferry" for what nobody asked for
	SSH     string       `json:"ssh,omitempty"` // address of the SSH client
	Action  string       `json:"action"`
	Run     Maybe[int64] `json:"run"`
	State   string       `json:"state"` // the state that it acted on
	Reason  string       `json:"reason"`
	Outcome string       `json:"outcome"`
}
