package enginedb

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"ferry/engine"
	"ferry/store/sqlstate"
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
	actor := e.Actor.String()
	if e.Actor == (engine.Actor{}) {
		actor = "ferry" // nobody asked for it
	}
	var run *engine.RunID
	if e.Run != 0 {
		run = &e.Run
	}
	_, err := q.Exec(ctx, `INSERT INTO ferry.journal (actor, ssh, action, run_id, state, reason, outcome)
		VALUES ($1, $2, $3, $4, $5, $6, $7)`, actor, e.Actor.SSH, e.Action, run, e.State, e.Reason, e.Outcome)
	return err
}

// Refused keeps an action that was not carried out, and why. It is for actions whose own transaction was undone.
func (db *DB) Refused(ctx context.Context, by engine.Actor, action string, act engine.Act, cause error) error {
	return db.inTx(ctx, "keeping a refused action", func(tx pgx.Tx) error {
		return record(ctx, tx, entry{
			Actor: by, Action: action, Run: act.Run, State: string(act.Seen), Reason: act.Reason, Outcome: "refused: " + cause.Error(),
		})
	})
}

// Journal lists what was done, newest first, before the given entry; 0 begins with the newest.
func (db *DB) Journal(ctx context.Context, before int64, limit int) ([]engine.JournalEntry, error) {
	rows, err := db.pool.Query(ctx, `SELECT id, at, actor, ssh, action, run_id, state, reason, outcome FROM ferry.journal
		WHERE $1 = 0 OR id < $1 ORDER BY id DESC LIMIT $2`, before, limit)
	if err != nil {
		return nil, sqlstate.Wrap(engine.SideTarget, "reading the journal", err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (engine.JournalEntry, error) {
		var e engine.JournalEntry
		var run *int64
		var at time.Time
		err := row.Scan(&e.ID, &at, &e.Actor, &e.SSH, &e.Action, &run, &e.State, &e.Reason, &e.Outcome)
		e.At, e.Run = at.UTC(), maybe(run)
		return e, err
	})
	return out, sqlstate.Wrap(engine.SideTarget, "reading the journal", err)
}

// maybe is a column that may be NULL.
func maybe[T any](v *T) engine.Maybe[T] {
	if v == nil {
		return engine.Maybe[T]{}
	}
	return engine.Known(*v)
}
