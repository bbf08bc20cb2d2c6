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
	rows, err := db.pool.Query(ctx, `SELECT `+journalValues+` FROM ferry.journal
		WHERE $1 = 0 OR id < $1 ORDER BY id DESC LIMIT $2`, before, limit)
	if err != nil {
		return nil, sqlstate.Wrap(engine.SideTarget, "reading the journal", err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (engine.JournalEntry, error) { return scanEntry(row, nil) })
	return out, sqlstate.Wrap(engine.SideTarget, "reading the journal", err)
}

// journalValues are what scanEntry reads.
const journalValues = `id, at, actor, ssh, action, run_id, state, reason, outcome`

func scanEntry(row pgx.CollectableRow, cursor []any) (engine.JournalEntry, error) {
	var e engine.JournalEntry
	var run *int64
	var at time.Time
	err := row.Scan(append([]any{&e.ID, &at, &e.Actor, &e.SSH, &e.Action, &run, &e.State, &e.Reason, &e.Outcome}, cursor...)...)
	e.At, e.Run = at.UTC(), maybe(run)
	return e, err
}

// journalList is the journal as a list to be filtered and sorted.
var journalList = listing{
	from: "ferry.journal j", where: "true", values: journalValues,
	key: listColumn{name: "id", sql: "j.id", cast: "bigint"},
	columns: []listColumn{
		{name: "id", sql: "j.id", cast: "bigint"},
		{name: "at", sql: "j.at", cast: "timestamptz"},
		{name: "who", sql: "j.actor", cast: "text"},
		{name: "ssh", sql: "j.ssh", cast: "text"},
		{name: "action", sql: "j.action", cast: "text"},
		{name: "run", sql: "j.run_id", cast: "bigint"},
		{name: "state", sql: "j.state", cast: "text"},
		{name: "outcome", sql: "j.outcome", cast: "text"},
		{name: "reason", sql: "j.reason", cast: "text"},
	},
}

// JournalEntries gives a page of what was done, by number if no order is asked for.
func (db *DB) JournalEntries(ctx context.Context, filter engine.Filter, want engine.Listing) (engine.Page[engine.JournalEntry], error) {
	var page engine.Page[engine.JournalEntry]
	err := pgx.BeginTxFunc(ctx, db.pool, readOnly, func(tx pgx.Tx) (err error) {
		page, err = readPage(ctx, tx, journalList, filter, want, scanEntry)
		return err
	})
	return page, sqlstate.Wrap(engine.SideTarget, "reading the journal", err)
}

// maybe is a column that may be NULL.
func maybe[T any](v *T) engine.Maybe[T] {
	if v == nil {
		return engine.Maybe[T]{}
	}
	return engine.Known(*v)
}
