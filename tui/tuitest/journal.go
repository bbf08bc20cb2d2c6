package tuitest

import (
	"context"
	"strconv"
	"time"

	"ferry/engine"
)

// Journalled gives what was done, oldest first.
func (o *Operator) Journalled(entries ...engine.JournalEntry) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.journal = entries
}

// Journal gives a page of what Journalled was given.
func (o *Operator) Journal(_ context.Context, filter engine.Filter, want engine.Listing) (engine.Page[engine.JournalEntry], error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.read("journal " + asked(want)); err != nil {
		return engine.Page[engine.JournalEntry]{}, err
	}
	key := func(e engine.JournalEntry) string { return strconv.FormatInt(e.ID, 10) }
	return Paged(o.journal, key, func(e engine.JournalEntry, column string) string {
		switch column {
		case "at":
			return e.At.UTC().Format(time.RFC3339)
		case "who":
			return e.Actor
		case "ssh":
			return e.SSH
		case "action":
			return e.Action
		case "run":
			if e.Run.Known {
				return strconv.FormatInt(e.Run.Value, 10)
			}
			return ""
		case "state":
			return e.State
		case "outcome":
			return e.Outcome
		case "reason":
			return e.Reason
		}
		return key(e)
	}, filter, want)
}

// Deeds are what people and ferry have done in a night before a cutover, oldest first.
func Deeds() []engine.JournalEntry {
	at := func(d time.Duration) time.Time { return Noon.Add(-d) }
	run := engine.Known[int64](12)
	return []engine.JournalEntry{
		{ID: 101, At: at(50 * time.Minute), Actor: "sari@db2", SSH: "10.0.8.2", Action: "init", Outcome: "initialised"},
		{ID: 102, At: at(40 * time.Minute), Actor: "sari@db2", SSH: "10.0.8.2", Action: "start full", Run: run, Reason: "first load", Outcome: "queued"},
		{ID: 103, At: at(30 * time.Minute), Actor: "jo@ops1", Action: "pause", Run: run, State: "running", Reason: "index rebuild on db1", Outcome: "pausing"},
		{
			ID: 104, At: at(28 * time.Minute), Actor: "sari@db2", SSH: "10.0.8.2", Action: "pause", Run: run, State: "running",
			Outcome: "refused: run #12 is already pausing by jo@ops1",
		},
		{ID: 105, At: at(20 * time.Minute), Actor: "jo@ops1", Action: "resume", Run: run, State: "paused", Outcome: "running"},
		{ID: 106, At: at(9 * time.Minute), Actor: "ferry", Action: "take over", Run: run, Outcome: "2 batches of silent workers"},
		{ID: 107, At: at(time.Minute), Actor: "jo@ops1", Action: "rule card.partner_missing", State: "reject", Reason: "coupons \x1b[2J", Outcome: "warn"},
	}
}
