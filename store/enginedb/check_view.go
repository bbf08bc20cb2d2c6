package enginedb

import (
	"context"
	"errors"
	"slices"

	"github.com/jackc/pgx/v5"

	"ferry/engine"
	"ferry/engine/check"
	"ferry/engine/entity"
	"ferry/store/sqlstate"
)

// Check gives what one check says. It fails with ErrNoSuchRun.
func (db *DB) Check(ctx context.Context, id engine.RunID) (*engine.CheckView, error) {
	var v *engine.CheckView
	err := pgx.BeginTxFunc(ctx, db.pool, readOnly, func(tx pgx.Tx) error {
		var err error
		v, err = readCheck(ctx, tx, id)
		return err
	})
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, engine.Refuse(engine.ErrNoSuchRun, "run #%d is no check; `ferry runs list` lists runs", id)
	}
	return v, sqlstate.Wrap(engine.SideTarget, "reading a check", err)
}

// readLastCheck reads the active check, what somebody waits for first, else the last whole one, else the last.
func readLastCheck(ctx context.Context, tx pgx.Tx, s *engine.Snapshot) error {
	var id engine.RunID
	err := tx.QueryRow(ctx, `SELECT id FROM ferry.run r WHERE kind = 'check' ORDER BY state = ANY($1) DESC,
		CASE WHEN state = ANY($1) THEN options->>'sort' = 'rolling' ELSE options->>'sort' = 'rows' OR state <> 'done' END, id DESC LIMIT 1`,
		activeStates()).Scan(&id)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	s.Check, err = readCheck(ctx, tx, id)
	return err
}

// readCheck reads a check. It gives pgx.ErrNoRows where there is none.
func readCheck(ctx context.Context, tx pgx.Tx, id engine.RunID) (*engine.CheckView, error) {
	v := &engine.CheckView{}
	var sort check.Sort
	err := scanRun(tx.QueryRow(ctx, `SELECT `+runColumns+`, coalesce(r.options->>'sort', ''), r.why, r.waits
		FROM ferry.run r WHERE r.id = $1 AND r.kind = 'check'`, id), &v.RunView, &sort, &v.Why, &v.Waits)
	if err != nil {
		return nil, err
	}
	v.Rolling, v.Recheck = sort == check.SortRolling, sort == check.SortRows
	s := &engine.Snapshot{Run: &v.RunView}
	if err := readSteps(ctx, tx, s); err != nil {
		return nil, err
	}
	v.Errors = s.Errors
	if v.Entities, err = checkedEntities(ctx, tx, id); err != nil {
		return nil, err
	}
	if err := coverageOf(ctx, tx, v); err != nil {
		return nil, err
	}
	byPlace(v.Entities)
	for _, c := range v.Entities {
		v.Compared += c.Compared
		v.Settled += c.Settled
		v.InFlight += c.InFlight
		v.Explain += c.Explained
	}
	v.Verdict, v.Why = check.Judge(v)
	v.Done = v.Coverage
	if v.State == engine.RunDone {
		v.Done = 1
	}
	if !v.State.Active() {
		v.Waits = ""
	}
	return v, nil
}

// coverageOf is the part of all ids of a check that it has compared.
func coverageOf(ctx context.Context, tx pgx.Tx, v *engine.CheckView) error {
	return tx.QueryRow(ctx, `SELECT CASE WHEN count(*) = 0 THEN CASE WHEN $2 THEN 1 ELSE 0 END WHEN sum(high - low) = 0 THEN 1
			ELSE sum(carved - low - coalesce((SELECT sum(b.high - b.low) FROM ferry.batch b WHERE b.step_id = s.id AND b.state <> 'done'), 0))
				/ sum(high - low) END::float8
		FROM ferry.step s WHERE run_id = $1 AND verb = 'compare'`, v.ID, v.State == engine.RunDone).Scan(&v.Coverage)
}

// byPlace sorts entities as everywhere: parents first.
func byPlace(of []engine.CheckEntity) {
	place := func(c engine.CheckEntity) int {
		return slices.IndexFunc(entity.All(), func(e *entity.Entity) bool { return e.Name == c.Name })
	}
	slices.SortFunc(of, func(a, b engine.CheckEntity) int { return place(a) - place(b) })
}

// FoundBy lists what a check has seen, or a later one since, that is not over: by number, from behind one on.
func (db *DB) FoundBy(ctx context.Context, run engine.RunID, after int64, limit int) ([]engine.Discrepancy, error) {
	rows, err := db.pool.Query(ctx, `SELECT `+discrepancyValues+`
		FROM ferry.discrepancy d JOIN ferry.check_entity c ON c.run_id = $1 AND c.entity = d.entity
		WHERE d.state IN ('in_flight', 'settled', 'explained') AND d.seen_run >= $1 AND d.id > $2 ORDER BY d.id LIMIT $3`, run, after, limit)
	if err != nil {
		return nil, sqlstate.Wrap(engine.SideTarget, "listing what a check has found", err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (engine.Discrepancy, error) { return scanDiscrepancy(row, nil) })
	return out, sqlstate.Wrap(engine.SideTarget, "listing what a check has found", err)
}

// UnfinishedCheck gives a whole check that has not ended well and may be gone on with: an active one, or the last one if it was
// interrupted and was of the same entities. It gives nil without one.
func (db *DB) UnfinishedCheck(ctx context.Context, o engine.CheckOptions) (*engine.RunView, error) {
	r := &engine.RunView{}
	var same bool
	err := scanRun(db.pool.QueryRow(ctx, `SELECT `+runColumns+`, r.until IS NULL AND $3 AND coalesce(r.entities, '{}') = coalesce($2::text[], '{}')
		FROM ferry.run r WHERE NOT r.writes AND r.options->>'sort' = 'whole' ORDER BY r.state = ANY($1) DESC, r.id DESC LIMIT 1`,
		activeStates(), o.Entities, o.MaxDuration == 0), r, &same)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil //nolint:nilnil // there is none, which is no error
	}
	if err != nil {
		return nil, sqlstate.Wrap(engine.SideTarget, "looking for an unfinished check", err)
	}
	if r.State.Active() || r.State == engine.RunInterrupted && same {
		return r, nil
	}
	return nil, nil //nolint:nilnil // as above
}

// Extras gives the rows of a range of ids whose source row is gone, in order.
func (db *DB) Extras(ctx context.Context, e *entity.Entity, low, high int64) ([]int64, error) {
	rows, err := db.pool.Query(ctx, `SELECT id FROM ferry.extra WHERE entity = $1 AND id > $2 AND id <= $3 ORDER BY id`, e.Name, low, high)
	if err != nil {
		return nil, sqlstate.Wrap(engine.SideTarget, "listing extra rows", err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	return ids, sqlstate.Wrap(engine.SideTarget, "listing extra rows", err)
}
