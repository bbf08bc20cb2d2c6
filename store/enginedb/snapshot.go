package enginedb

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"ferry/engine"
	"ferry/engine/entity"
	"ferry/store/sqlstate"
)

// Read gives the durable part of a snapshot, about the active run, else the last one: one transaction, a handful of
// queries on small tables.
func (db *DB) Read(ctx context.Context) (*engine.Snapshot, error) { return db.ReadRun(ctx, 0) }

// ReadRun is Read about one run. It fails with ErrNoSuchRun.
func (db *DB) ReadRun(ctx context.Context, id engine.RunID) (*engine.Snapshot, error) {
	s := &engine.Snapshot{}
	err := pgx.BeginTxFunc(ctx, db.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		err := tx.QueryRow(ctx, `SELECT clock_timestamp(), current_database(),
			CASE WHEN has_table_privilege('ferry.run', 'INSERT') THEN '' ELSE current_user::text END`).Scan(&s.TakenAt, &s.Database, &s.Viewer)
		if err != nil {
			return err
		}
		if err := readRun(ctx, tx, s, id); err != nil {
			return err
		}
		if s.Unkeyed, err = unkeyedBy(ctx, tx); err != nil {
			return err
		}
		if s.Sealed, err = readSeal(ctx, tx); err != nil {
			return err
		}
		steps := []func(context.Context, pgx.Tx, *engine.Snapshot) error{
			readSteps, readEntities, readWorkers, readQueue, readActivity, readFreshness, readLedger, readMonitor, readPolicyViews,
			func(ctx context.Context, tx pgx.Tx, s *engine.Snapshot) error {
				return readSchedule(ctx, tx, db.silence, s)
			},
			readLastCheck,
			func(ctx context.Context, tx pgx.Tx, s *engine.Snapshot) error {
				return readRehearsal(ctx, tx, db.silence, s)
			},
		}
		for _, read := range steps {
			if err := read(ctx, tx, s); err != nil {
				return err
			}
		}
		return nil
	})
	return s, sqlstate.Wrap(engine.SideTarget, "reading the state of runs", err)
}

// readRun reads a run: the given one, else the active one that writes, else the last one that did, if there is any.
func readRun(ctx context.Context, tx pgx.Tx, s *engine.Snapshot, id engine.RunID) error {
	r := &engine.RunView{}
	err := scanRun(tx.QueryRow(ctx, `SELECT `+runColumns+` FROM ferry.run r WHERE $2::bigint = 0 AND r.writes OR r.id = $2::bigint
		ORDER BY r.state = ANY($1) DESC, r.id DESC LIMIT 1`, activeStates(), id), r)
	switch {
	case errors.Is(err, pgx.ErrNoRows) && id == 0:
		return nil
	case errors.Is(err, pgx.ErrNoRows):
		return noSuchRun(id)
	}
	s.Run = r
	return err
}

func orZero(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

func readSteps(ctx context.Context, tx pgx.Tx, s *engine.Snapshot) error {
	if s.Run == nil {
		return nil
	}
	rows, err := tx.Query(ctx, `SELECT verb, entity, state, errors, open, batches_done, high - low, carved - low, width,
			coalesce((SELECT sum(b.high - b.low) FROM ferry.batch b WHERE b.step_id = step.id AND b.state <> 'done'), 0),
			started_at, finished_at, `+countList("")+`
		FROM ferry.step WHERE run_id = $1 ORDER BY seq`, s.Run.ID)
	if err != nil {
		return err
	}
	s.Steps, err = pgx.CollectRows(rows, scanStep)
	for _, v := range s.Steps {
		s.Errors += v.Errors
		if v.State != engine.StepRunning || !s.Run.State.Active() {
			continue
		}
		if s.Run.NowDoing != "" {
			s.Run.NowDoing += ", "
		}
		s.Run.NowDoing += doing(v)
	}
	return err
}

func scanStep(row pgx.CollectableRow) (engine.StepView, error) {
	var v engine.StepView
	var high, carved, width, unfinished int64
	var started, finished *time.Time
	err := row.Scan(append([]any{
		&v.Verb, &v.Entity, &v.State, &v.Errors, &v.Open, &v.BatchesDone, &high, &carved, &width, &unfinished,
		&started, &finished,
	}, countValues(&v.Counts)...)...)
	v.StartedAt, v.FinishedAt = orZero(started), orZero(finished)
	switch {
	case v.State == engine.StepDone:
		v.Done = 1
		if v.Verb == engine.StepCompare && high > 0 {
			v.Done = float64(carved-unfinished) / float64(high) // it may have been cut short
		}
		v.BatchesTotal = engine.Known(v.BatchesDone)
	case v.State == engine.StepRunning && high > 0:
		v.Done = float64(carved-unfinished) / float64(high)
		v.BatchesTotal = engine.Known(v.BatchesDone + int64(v.Open) + (high-carved+width-1)/max(width, 1))
	}
	return v, err
}

// doing says in words what a step does.
func doing(v engine.StepView) string {
	switch v.Verb {
	case engine.StepPlan:
		return "taking the planning snapshot of the source"
	case engine.StepLoad:
		return "loading " + v.Entity
	case engine.StepOwners:
		return "settling who owns each code"
	case engine.StepIndex:
		return "building indexes of " + v.Entity
	case engine.StepKeys:
		return "making keys of " + v.Entity
	case engine.StepSettle:
		return "settling points of " + v.Entity
	case engine.StepSweep:
		return "looking for rows that are gone from " + v.Entity
	case engine.StepDelete:
		return "deleting rows that are gone from " + v.Entity
	case engine.StepCompare:
		return "comparing " + v.Entity
	case engine.StepConfirm:
		return "confirming what differs, behind a later cycle"
	case engine.StepLedger:
		return "comparing Odoo's own balances"
	case engine.StepRepair:
		return "repairing " + v.Entity
	}
	return fmt.Sprintf("%s %s", v.Verb, v.Entity)
}

// readEntities joins each entity's part in the run with its state when its last cycle ended.
func readEntities(ctx context.Context, tx pgx.Tx, s *engine.Snapshot) error {
	for _, e := range entity.All() {
		v := engine.EntityView{Name: e.Name, Target: e.Target, State: engine.StepWaiting}
		for _, step := range s.Steps {
			if step.Entity == e.Name {
				joinStep(&v, step)
			}
		}
		if err := readState(ctx, tx, s.Run, &v); err != nil {
			return err
		}
		s.Entities = append(s.Entities, v)
	}
	return nil
}

// joinStep adds a step to its entity: the load leads, others only add what they counted.
func joinStep(v *engine.EntityView, step engine.StepView) {
	v.Counts.Add(step.Counts)
	v.Errors += step.Errors
	if step.Verb != engine.StepLoad {
		return
	}
	v.State, v.Done = step.State, step.Done
	v.BatchesDone, v.BatchesTotal = step.BatchesDone, step.BatchesTotal
}

func readState(ctx context.Context, tx pgx.Tx, run *engine.RunView, v *engine.EntityView) error {
	if err := readEntityPause(ctx, tx, v); err != nil {
		return err
	}
	if err := readFromOf(ctx, tx, v); err != nil {
		return err
	}
	var counted int64
	var source, target, quarantined, waiting, waived, stale, extra int64
	var exact bool
	err := tx.QueryRow(ctx, `SELECT run_id, source_rows, target_rows, quarantined, waiting, waived, stale, extra, exact
		FROM ferry.entity_state WHERE entity = $1`, v.Name).Scan(&counted, &source, &target, &quarantined, &waiting, &waived, &stale, &extra, &exact)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil // no plan was made yet
	}
	if err != nil {
		return err
	}
	v.TargetRows = engine.Known(target)
	// While a cycle goes on, what was counted at the end of the last one says nothing of this one's rows; ticks are so short
	// that their predecessor's figures stand, and a check or a repair is no cycle.
	if run == nil || !recounts(run) {
		v.SourceRows = engine.Known(source)
		v.Quarantined, v.Waiting, v.Waived = engine.Known(quarantined), engine.Known(waiting), engine.Known(waived)
		v.Stale, v.Extra = engine.Known(stale), engine.Known(extra)
		if exact && (run == nil || counted == int64(run.ID) || run.Kind == engine.RunIncremental || !run.Kind.Writes()) {
			v.Accounted = engine.Known(source == target-stale-extra+quarantined)
		}
		return nil
	}
	return readPlanned(ctx, tx, run, v)
}

// recounts reports whether an active run will have read every row, so that what was counted before it says nothing meanwhile.
func recounts(run *engine.RunView) bool {
	switch run.Kind {
	case engine.RunFull:
		return run.State.Active()
	case engine.RunIncremental:
		return run.State.Active() && run.WhyFull != ""
	case engine.RunCheck, engine.RunRepair, engine.RunRehearsal:
	}
	return false
}

// readPlanned gives the plan's figure for the source while a cycle goes on.
func readPlanned(ctx context.Context, tx pgx.Tx, run *engine.RunView, v *engine.EntityView) error {
	var planned *int64
	err := tx.QueryRow(ctx, `SELECT source_rows, source_estimated FROM ferry.step WHERE run_id = $1 AND entity = $2 AND verb = 'load'`,
		run.ID, v.Name).Scan(&planned, &v.SourceEstimated)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if planned != nil {
		v.SourceRows = engine.Known(*planned)
	}
	return err
}

func readEntityPause(ctx context.Context, tx pgx.Tx, v *engine.EntityView) error {
	err := tx.QueryRow(ctx, `SELECT paused_by, reason FROM ferry.entity_pause WHERE entity = $1`, v.Name).Scan(&v.PausedBy, &v.PausedReason)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	return err
}

// readFromOf reads when the completed cycle began to read that an entity's rows are known by.
func readFromOf(ctx context.Context, tx pgx.Tx, v *engine.EntityView) error {
	var at *time.Time
	err := tx.QueryRow(ctx, `SELECT read_from FROM ferry.floor WHERE entity = $1 ORDER BY run_id DESC LIMIT 1`, v.Name).Scan(&at)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	v.ReadFrom = orZero(at)
	return err
}

func readActivity(ctx context.Context, tx pgx.Tx, s *engine.Snapshot) error {
	rows, err := tx.Query(ctx, `SELECT at, actor, action || coalesce(' run #' || run_id, '') ||
			CASE WHEN outcome <> '' THEN ': ' || outcome ELSE '' END || CASE WHEN reason <> '' THEN ' ("' || reason || '")' ELSE '' END
		FROM ferry.journal ORDER BY id DESC LIMIT 20`)
	if err != nil {
		return err
	}
	s.Activity, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (engine.Activity, error) {
		var v engine.Activity
		return v, row.Scan(&v.At, &v.By, &v.What)
	})
	return err
}

// Reasons groups what is in quarantine, with what hangs on it: rows of other entities that wait for these. It is read
// apart from the snapshot because its cost rises with the rows in quarantine.
func (db *DB) Reasons(ctx context.Context) ([]engine.ReasonView, error) {
	rows, err := db.pool.Query(ctx, `
		WITH hanging AS (
			SELECT parent_entity, parent_id, count(*) AS rows FROM ferry.quarantine WHERE state = 'waiting_parent' GROUP BY 1, 2)
		SELECT q.entity, q.reason, count(*), count(*) FILTER (WHERE q.state = 'waived'), coalesce(sum(h.rows), 0)::bigint
		FROM ferry.quarantine q LEFT JOIN hanging h ON h.parent_entity = q.entity AND h.parent_id = q.source_id
		WHERE q.state IN `+openStates+` GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2`)
	if err != nil {
		return nil, sqlstate.Wrap(engine.SideTarget, "counting quarantine", err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (engine.ReasonView, error) {
		var v engine.ReasonView
		return v, row.Scan(&v.Entity, &v.Reason, &v.Rows, &v.Waived, &v.Hangs)
	})
	return out, sqlstate.Wrap(engine.SideTarget, "counting quarantine", err)
}
