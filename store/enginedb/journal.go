package enginedb

import (
	"context"

	"ferry/engine"
)

// entry is one line of the journal.
type entry struct {
	Actor   engine.Actor
	Action  string
	Run     engine.RunID // 0: about no run
	State   string       // what it acted on
	Reason  string
	Outcome string
}

// record keeps an action, in the transaction that carries it out.
func record(ctx context.Context, q querier, e entry) error {
	var run *engine.RunID
	if e.Run != 0 {
		run = &e.Run
	}
	actor := e.Actor.String()
	if e.Actor == (engine.Actor{}) {
		actor = "ferry" // nobody asked for it
	}
	_, err := q.Exec(ctx, `INSERT INTO ferry.journal (actor, ssh, action, run_id, state, reason, outcome)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`, actor, e.Actor.SSH, e.Action, run, e.State, e.Reason, e.Outcome)
	return err
}
