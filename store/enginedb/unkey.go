package enginedb

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"ferry/engine"
	"ferry/engine/cycle"
	"ferry/engine/entity"
	"ferry/store/migrations"
)

// A first load fills heaps, and builds keys, indexes and foreign keys behind the rows: that takes a fraction of what it takes
// to keep them up to date row by row. From the plan of such a run to its end the tables have no keys, and ferry.unkeyed
// names the run: it must come to its end, or begin again, before anybody else may write.

// unkeyedBy gives the run of which the engine's tables wait for their keys; 0: they have them.
func unkeyedBy(ctx context.Context, q querier) (engine.RunID, error) {
	var run engine.RunID
	err := q.QueryRow(ctx, `SELECT run_id FROM ferry.unkeyed`).Scan(&run)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, nil
	}
	return run, err
}

// refuseUnkeyed fails with ErrUnkeyed while the engine's tables have no keys.
func refuseUnkeyed(ctx context.Context, q querier) error {
	run, err := unkeyedBy(ctx, q)
	if err != nil || run == 0 {
		return err
	}
	return engine.Refuse(engine.ErrUnkeyed, "the engine's tables have no keys yet: full run #%d fills them and builds these at its end; "+
		"`ferry sync full` goes on with it, `ferry sync full --restart` empties the tables and begins again", run)
}

// refuseOther fails with ErrUnkeyed if a run that has ended may not go on because the engine's tables wait for another one.
func refuseOther(ctx context.Context, q querier, run engine.RunID) error {
	waits, err := unkeyedBy(ctx, q)
	if err != nil || waits == 0 || waits == run {
		return err
	}
	return refuseUnkeyed(ctx, q)
}

// unkey takes the keys from the engine's tables, which are empty, if that is nobody else's business. It reports whether they
// have none now. A lock that cannot be had soon is no reason to wait.
func (m *stepMaker) unkey(ctx context.Context) (bool, error) {
	run, err := unkeyedBy(ctx, m.tx)
	if err != nil || run != 0 {
		return run == m.w.Run, err
	}
	why, err := migrations.Untouched(ctx, m.tx)
	if err != nil {
		return false, err
	}
	if why == "" {
		if why, err = knownBefore(ctx, m.tx); err != nil {
			return false, err
		}
	}
	if why == "" {
		err := pgx.BeginFunc(ctx, m.tx, func(inner pgx.Tx) error {
			if _, err := inner.Exec(ctx, `SET LOCAL lock_timeout = '2s'`); err != nil {
				return err
			}
			for _, statement := range migrations.Unkey() {
				if _, err := inner.Exec(ctx, statement); err != nil {
					return err
				}
			}
			_, err := inner.Exec(ctx, `SET LOCAL lock_timeout = DEFAULT`)
			return err
		})
		switch pg, ok := errors.AsType[*pgconn.PgError](err); {
		case err == nil:
		case ok && pg.Code == "55P03":
			why = "somebody holds a lock on " + pg.TableName + " for longer than 2 s"
		default:
			return false, fmt.Errorf("taking the keys from the engine's tables: %w", err)
		}
	}
	if why != "" {
		return false, record(ctx, m.tx, entry{
			Action: "note", Run: m.w.Run, Outcome: "the engine's tables keep their keys while they are filled, which takes longer: " + why,
		})
	}
	_, err = m.tx.Exec(ctx, `INSERT INTO ferry.unkeyed (run_id) VALUES ($1)`, m.w.Run)
	return true, err
}

// knownBefore gives what is known of rows although the engine's tables are empty, or "": somebody emptied them. A stream looks
// nothing up, so it would not settle that; and what operators have decided about rows in quarantine is to last.
func knownBefore(ctx context.Context, q querier) (why string, err error) {
	err = q.QueryRow(ctx, `SELECT CASE WHEN EXISTS (SELECT FROM ferry.quarantine WHERE state IN `+openStates+`) THEN 'rows are in quarantine from before'
		WHEN EXISTS (SELECT FROM ferry.extra) THEN 'rows are listed as extra from before'
		WHEN EXISTS (SELECT FROM ferry.owned) THEN 'rows are listed as the engine''s own from before' ELSE '' END`).Scan(&why)
	return why, err
}

// makeFirst makes the steps of a run: those of a load into tables without keys, if it is one and may be.
func (m *stepMaker) makeFirst(ctx context.Context) error {
	if !m.first {
		return m.make(ctx)
	}
	unkeyed, err := m.unkey(ctx)
	if err != nil {
		return err
	}
	if !unkeyed {
		return m.make(ctx)
	}
	if _, err := m.tx.Exec(ctx, `UPDATE ferry.run SET unkeyed = true WHERE id = $1`, m.w.Run); err != nil {
		return err
	}
	return m.makeUnkeyed(ctx)
}

// makeUnkeyed makes the steps of a load into tables without keys.
//
// What derived columns follow from is looked up by its indexes, so these are built before the rows that have such columns are loaded:
// those of the table that was loaded last first, for it is the ledger, and the others' beside the end of that and the next load.
func (m *stepMaker) makeUnkeyed(ctx context.Context) error {
	var waiting []*entity.Entity
	indexed := func() error {
		for i, e := range slices.Backward(waiting) {
			if err := m.index(ctx, e, i < len(waiting)-1); err != nil {
				return err
			}
		}
		waiting = nil
		return nil
	}
	for _, e := range cycle.FillOrder() {
		beside := false
		if len(e.Derived) > 0 {
			beside = len(waiting) > 1
			if err := indexed(); err != nil {
				return err
			}
		}
		p := m.planOf(e)
		high, err := m.highest(ctx, p)
		if err != nil {
			return err
		}
		err = m.add(ctx, newStep{verb: engine.StepLoad, of: p, high: high, width: firstPour(high), beyond: p.MaxID, beside: beside})
		if err != nil {
			return err
		}
		waiting = append(waiting, e)
	}
	if err := indexed(); err != nil {
		return err
	}
	for _, e := range entity.All() {
		if err := m.add(ctx, newStep{verb: engine.StepKeys, of: m.planOf(e), high: 1, width: 1, beyond: 1}); err != nil {
			return err
		}
	}
	return nil
}

// index adds the building of a table's indexes: of codes that may be there twice once their owners are settled. Beside: the step before
// is about another table.
func (m *stepMaker) index(ctx context.Context, e *entity.Entity, beside bool) error {
	if e.Code >= 0 {
		beside = false // rows that lose their code are deleted, for which an index under construction would be waited for
		if err := m.add(ctx, newStep{verb: engine.StepOwners, of: m.planOf(e), high: 1, width: 1, beyond: 1}); err != nil {
			return err
		}
	}
	indexes := int64(len(plainIndexes(e)))
	return m.add(ctx, newStep{verb: engine.StepIndex, of: m.planOf(e), high: indexes, width: 1, beyond: indexes, beside: beside})
}

func (m *stepMaker) planOf(e *entity.Entity) cycle.EntityPlan {
	for _, p := range m.plan.Entities {
		if p.Entity == e {
			return p
		}
	}
	return cycle.EntityPlan{Entity: e}
}

// plainIndexes are the indexes that can be built at any time; those of codes come with their owners.
func plainIndexes(e *entity.Entity) []migrations.Index {
	var out []migrations.Index
	for _, i := range migrations.Indexes(e) {
		if !i.Code {
			out = append(out, i)
		}
	}
	return out
}

// beginUnkeyed refuses a run while the engine's tables have no keys, or has it begin their load again.
func (db *DB) beginUnkeyed(ctx context.Context, tx pgx.Tx, n newRun) error {
	if !n.Restart {
		return refuseUnkeyed(ctx, tx)
	}
	if len(n.Entities) > 0 {
		return engine.Refuse(engine.ErrStateChanged, "a first load is of all entities; begin it again without naming some")
	}
	_, err := db.restart(ctx, tx, n.Actor)
	return err
}

// restart empties tables without keys and what is known of their rows, for a full run that begins again.
func (*DB) restart(ctx context.Context, tx pgx.Tx, by engine.Actor) (before engine.RunID, err error) {
	before, err = unkeyedBy(ctx, tx)
	if err != nil {
		return 0, err
	}
	if before == 0 {
		return 0, engine.Refuse(engine.ErrStateChanged, "there is no first load to begin again: the engine's tables have their keys; "+
			"`ferry sync full` reads every row")
	}
	for _, e := range entity.All() {
		var own bool
		if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM `+public(e)+` t WHERE `+kept(e)+`)`).Scan(&own); err != nil {
			return 0, err
		}
		if own {
			return 0, engine.Refuse(engine.ErrStateChanged, "%s has rows that the engine has made its own; they are not deleted. "+
				"`ferry sync full` goes on with the first load", e.Target)
		}
	}
	statements := append(migrations.Unkey(), `DELETE FROM ferry.quarantine`, `DELETE FROM ferry.extra`, `DELETE FROM ferry.entity_state`)
	for _, e := range entity.All() {
		statements = append(statements, `TRUNCATE `+public(e))
	}
	for _, statement := range statements {
		if _, err := tx.Exec(ctx, statement); err != nil {
			return 0, err
		}
	}
	return before, record(ctx, tx, entry{Actor: by, Action: "restart", Run: before, Outcome: "the engine's tables are emptied"})
}
