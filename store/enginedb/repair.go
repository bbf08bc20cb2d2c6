package enginedb

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"ferry/engine"
	"ferry/engine/check"
	"ferry/engine/cycle"
	"ferry/engine/entity"
)

// MostRepaired bounds the rows of one plan: more of them are a matter for a full run, which mends rows in bulk.
const MostRepaired = 100_000

// RepairWanted gives the rows that a repair of the selected discrepancies is about: settled ones, which nobody has acknowledged
// unless they were chosen one by one; and, only if they are to be deleted, what the source does not have. It fails with
// ErrNoSuchRow if there are none, and with ErrUnsafeSource if the engine was not filled from this source.
func (db *DB) RepairWanted(
	ctx context.Context, which engine.DiscrepancySelection, o engine.RepairOptions, sourceIdentity string,
) ([]cycle.Wanted, error) {
	l, err := meant(which)
	if err != nil {
		return nil, err
	}
	l.args = append(l.args, o.DeleteExtras)
	l.where += fmt.Sprintf(` AND CASE WHEN d.cause IN ('%s', '%s') THEN $%d AND d.state IN ('settled', 'explained') ELSE d.state = 'settled' END`,
		engine.CauseExtra, engine.CauseDeletedAtSource, len(l.args))
	if len(which.IDs) == 0 && len(which.Rows) == 0 {
		l.where += ` AND ` + acknowledged + ` IS NULL`
	}
	var out []cycle.Wanted
	err = db.look(ctx, "selecting what to repair", func(tx pgx.Tx) error {
		if err := refuseOtherSource(ctx, tx, sourceIdentity); err != nil {
			return err
		}
		rows, err := l.matching(ctx, tx, which.Filter, `d.entity, d.row_id, array_agg(d.cause), array_agg(d.field)`,
			fmt.Sprintf(` GROUP BY 1, 2 ORDER BY 1, 2 LIMIT %d`, MostRepaired+1))
		if err != nil {
			return err
		}
		if out, err = pgx.CollectRows(rows, scanWanted); err != nil {
			return badFilter(which.Filter, err)
		}
		switch {
		case len(out) == 0:
			return engine.Refuse(engine.ErrNoSuchRow, "nothing to repair: no settled discrepancy fits (%s); what the source does not have is "+
				"repaired only by deleting it (--delete-extras), and what was acknowledged only if it is chosen by its number", aboutDiscrepancies(which))
		case len(out) > MostRepaired:
			return engine.Refuse(engine.ErrStateChanged, "these are more than %d rows, more than a plan holds: narrow the selection, "+
				"or run `ferry sync full`, which reads every row anew", MostRepaired)
		}
		return nil
	})
	return out, err
}

func scanWanted(row pgx.CollectableRow) (cycle.Wanted, error) {
	var w cycle.Wanted
	var causes, fields []string
	if err := row.Scan(&w.Entity, &w.Row, &causes, &fields); err != nil {
		return w, err
	}
	e, err := entity.Lookup(w.Entity)
	if err != nil {
		return w, err
	}
	at := slices.IndexFunc(engine.Causes, func(c engine.Cause) bool { return slices.Contains(causes, string(c)) })
	if at < 0 {
		return w, fmt.Errorf("%s %d has causes that this ferry does not know: %s", w.Entity, w.Row, strings.Join(causes, ", "))
	}
	w.Cause, w.Action = engine.Causes[at], engine.RepairWrite
	switch {
	case w.Cause == engine.CauseExtra || w.Cause == engine.CauseDeletedAtSource:
		w.Action = engine.RepairDelete
	case !slices.ContainsFunc(fields, func(f string) bool { return !slices.Contains(derivedColumns(e), f) }):
		w.Action = engine.RepairSettle
	}
	return w, nil
}

// derivedColumns are the engine columns that are computed in the engine.
func derivedColumns(e *entity.Entity) []string {
	out := []string{}
	for _, d := range e.Derived {
		out = append(out, d.Target)
	}
	return out
}

// refuseOtherSource refuses to mend the engine from another source than the one that it was filled from: what that one has by
// the same ids are other rows.
func refuseOtherSource(ctx context.Context, tx pgx.Tx, sourceIdentity string) error {
	var from string
	err := tx.QueryRow(ctx, `SELECT source_identity FROM ferry.floor ORDER BY run_id DESC, source_identity = $1 LIMIT 1`, sourceIdentity).Scan(&from)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return engine.Refuse(engine.ErrStateChanged, "no cycle has been completed yet, so there is nothing to repair: run `ferry sync full` first")
	case err != nil:
		return err
	case from != sourceIdentity:
		return engine.Refuse(engine.ErrUnsafeSource, "this source is %s, and the engine was filled from %s: its rows would overwrite the engine's; "+
			"a sync asks about that first", sourceIdentity, from)
	}
	return nil
}

// KeepPlan keeps a plan, and gives it its number.
func (db *DB) KeepPlan(ctx context.Context, items []engine.RepairItem, sourceIdentity string, act engine.Act, by engine.Actor) (*engine.RepairPlan, error) {
	if len(items) == 0 {
		return nil, engine.Refuse(engine.ErrNoSuchRow, "nothing to repair: the rows are as they should be by now; the next check says so")
	}
	hash, err := check.PlanHash(items)
	if err != nil {
		return nil, err
	}
	var plan *engine.RepairPlan
	err = db.inTx(ctx, "keeping a repair plan", func(tx pgx.Tx) error {
		var id int64
		_, err := tx.Exec(ctx, `DELETE FROM ferry.repair_plan WHERE state = 'planned' AND made_at < clock_timestamp() - interval '7 days'`)
		if err != nil {
			return err
		}
		err = tx.QueryRow(ctx, `INSERT INTO ferry.repair_plan (hash, state, made_by, reason, source_identity) VALUES ($1, 'planned', $2, $3, $4) RETURNING id`,
			hash, by.String(), act.Reason, sourceIdentity).Scan(&id)
		if err != nil {
			return err
		}
		_, err = tx.CopyFrom(ctx, pgx.Identifier{"ferry", "repair_item"},
			[]string{"plan_id", "seq", "entity", "row_id", "cause", "action", "before", "after", "note", "planned", "state", "along"},
			pgx.CopyFromSlice(len(items), func(i int) ([]any, error) {
				it := items[i]
				return []any{
					id, i, it.Entity, it.Row, string(it.Cause), string(it.Action), it.Before, it.After, it.Outcome, string(it.State), string(it.State), it.With,
				}, nil
			}))
		if err != nil {
			return err
		}
		if plan, err = readPlan(ctx, tx, id); err != nil {
			return err
		}
		return record(ctx, tx, entry{
			Actor: by, Action: "plan a repair", Reason: act.Reason,
			Outcome: fmt.Sprintf("plan %d of %d rows, %d of them to be deleted", id, plan.Total, plan.Deletes),
		})
	})
	return plan, err
}

// RepairPlan gives a plan with its first items.
func (db *DB) RepairPlan(ctx context.Context, id int64) (*engine.RepairPlan, error) {
	var plan *engine.RepairPlan
	err := db.look(ctx, "reading a repair plan", func(tx pgx.Tx) (err error) {
		plan, err = readPlan(ctx, tx, id)
		return err
	})
	return plan, err
}

func readPlan(ctx context.Context, tx pgx.Tx, id int64) (*engine.RepairPlan, error) {
	p := &engine.RepairPlan{ByCause: map[engine.Cause]int64{}, ByState: map[engine.RepairState]int64{}}
	var run *int64
	err := tx.QueryRow(ctx, `SELECT id, hash, state, made_by, made_at, run_id, current_database() FROM ferry.repair_plan WHERE id = $1`, id).
		Scan(&p.ID, &p.Hash, &p.State, &p.By, &p.MadeAt, &run, &p.Database)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, engine.Refuse(engine.ErrNoSuchRow, "there is no repair plan %d; `ferry repair plan` makes one", id)
	}
	if err != nil {
		return nil, err
	}
	p.MadeAt, p.Run = p.MadeAt.UTC(), engine.RunID(maybe(run).Or(0))
	rows, err := tx.Query(ctx, `SELECT cause, state, action, count(*) FROM ferry.repair_item WHERE plan_id = $1 GROUP BY 1, 2, 3`, id)
	if err != nil {
		return nil, err
	}
	var cause engine.Cause
	var state engine.RepairState
	var action engine.RepairAction
	var n int64
	_, err = pgx.ForEachRow(rows, []any{&cause, &state, &action, &n}, func() error {
		p.Total += n
		p.ByCause[cause] += n
		p.ByState[state] += n
		if action == engine.RepairDelete {
			p.Deletes += n
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	p.Items, err = readItems(ctx, tx, `state, CASE WHEN state = planned AND outcome = '' THEN note ELSE outcome END`,
		fmt.Sprintf(`plan_id = $1 ORDER BY seq LIMIT %d`, engine.RepairShown), id)
	return p, err
}

// asPlanned selects the state and outcome of items that the plan gave them.
const asPlanned = `planned, note`

// readItems reads items; fate selects their state and outcome.
func readItems(ctx context.Context, tx pgx.Tx, fate, where string, args ...any) ([]engine.RepairItem, error) {
	rows, err := tx.Query(ctx, `SELECT entity, row_id, cause, action, before, after, `+fate+`, along FROM ferry.repair_item WHERE `+where, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[engine.RepairItem])
}

// StartRepair begins the run that applies a plan. It fails with ErrRunActive while another writing run is active, and with
// ErrStateChanged if the plan may not be applied.
func (db *DB) StartRepair(ctx context.Context, o cycle.RepairOrder, act engine.Act, by engine.Actor) (engine.RunID, error) {
	var id engine.RunID
	err := db.inTx(ctx, "starting a repair", func(tx pgx.Tx) error {
		epoch, err := raiseEpoch(ctx, tx)
		if err != nil {
			return err
		}
		if err := refuseSealed(ctx, tx); err != nil {
			return err
		}
		if err := errors.Join(refuseSecond(ctx, tx), refuseUnkeyed(ctx, tx)); err != nil {
			return err
		}
		if err := refuseOtherSource(ctx, tx, o.SourceIdentity); err != nil {
			return err
		}
		if err := refusePlan(ctx, tx, o); err != nil {
			return err
		}
		n := newRun{Kind: engine.RunRepair, SourceIdentity: o.SourceIdentity, Actor: by, Reason: act.Reason}
		if id, err = insertRun(ctx, tx, n, epoch); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE ferry.lease SET run_id = $1`, id); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE ferry.repair_plan SET state = 'applying', run_id = $2 WHERE id = $1`, o.Plan, id); err != nil {
			return err
		}
		if err := repairSteps(ctx, tx, id, o.Plan); err != nil {
			return err
		}
		if err := setState(ctx, tx, id, engine.RunRunning, by.String(), act.Reason); err != nil {
			return err
		}
		err = record(ctx, tx, entry{Actor: by, Action: "start repair", Run: id, Reason: act.Reason, Outcome: fmt.Sprintf("applying plan %d", o.Plan)})
		if err != nil {
			return err
		}
		return db.carveRunning(ctx, tx, id)
	})
	return id, err
}

// staleAfter is how old a plan may be that is still applied.
const staleAfter = 24 * time.Hour

// refusePlan refuses a plan that is not the one that the operator means, or may not be applied any more.
func refusePlan(ctx context.Context, tx pgx.Tx, o cycle.RepairOrder) error {
	var hash, database, source string
	var state engine.RepairState
	var run *int64
	var age time.Duration
	err := tx.QueryRow(ctx, `SELECT hash, state, run_id, source_identity, clock_timestamp() - made_at, current_database()
		FROM ferry.repair_plan WHERE id = $1 FOR UPDATE`, o.Plan).Scan(&hash, &state, &run, &source, &age, &database)
	refuse := func(format string, args ...any) error { return engine.Refuse(engine.ErrStateChanged, format, args...) }
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return engine.Refuse(engine.ErrNoSuchRow, "there is no repair plan %d; `ferry repair plan` makes one", o.Plan)
	case err != nil:
		return err
	case len(o.Hash) < check.ShortHash || !strings.HasPrefix(hash, o.Hash):
		return refuse("plan %d is named %d-%s, not %[2]d-%[4]s: look at it with `ferry repair show %[1]d`, then say that name", o.Plan, o.Plan,
			hash[:check.ShortHash], o.Hash)
	case state != engine.RepairPlanned:
		return refuse("plan %d is spent: run #%d has taken it up; make a new plan", o.Plan, maybe(run).Or(0))
	case age > staleAfter:
		return refuse("plan %d is stale: it was made %s ago, and a plan may be a day old; make a new one", o.Plan, age.Round(time.Hour))
	case source != o.SourceIdentity:
		return refuse("plan %d was made on the source %s, this is %s; make a new one", o.Plan, source, o.SourceIdentity)
	case o.Confirm != database:
		return refuse("to apply plan %d type the name of the engine database, %s; %q was typed", o.Plan, database, o.Confirm)
	}
	items, err := readItems(ctx, tx, asPlanned, `plan_id = $1 ORDER BY seq`, o.Plan)
	if err != nil {
		return err
	}
	if now, err := check.PlanHash(items); err != nil || now != hash {
		return errors.Join(err, refuse("the rows of plan %d are not those that were planned; make a new one", o.Plan))
	}
	if !slices.ContainsFunc(items, func(it engine.RepairItem) bool { return it.State == engine.RepairPlanned && it.With == 0 }) {
		return refuse("nothing of plan %d may be written; `ferry repair show %[1]d` says why", o.Plan)
	}
	return nil
}

// repairSteps makes the steps of a repair: what is written and settled, parents first; then what is deleted, children first.
func repairSteps(ctx context.Context, tx pgx.Tx, run engine.RunID, plan int64) error {
	seq := 0
	add := func(verb engine.StepVerb, e *entity.Entity, condition string) error {
		var low, high *int64
		err := tx.QueryRow(ctx, `SELECT min(row_id) - 1, max(row_id) FROM ferry.repair_item
			WHERE plan_id = $1 AND entity = $2 AND state = 'planned' AND along = 0 AND `+condition, plan, e.Name).Scan(&low, &high)
		if err != nil || low == nil || high == nil {
			return err
		}
		seq++
		_, err = tx.Exec(ctx, `INSERT INTO ferry.step (run_id, seq, verb, entity, low, carved, high, width) VALUES ($1, $2, $3, $4, $5, $5, $6, $7)`,
			run, seq, string(verb), e.Name, *low, *high, firstWidth(*high-*low))
		return err
	}
	all := entity.All()
	for _, e := range all {
		if err := add(engine.StepRepair, e, `action IN ('write', 'settle')`); err != nil {
			return err
		}
	}
	for _, e := range slices.Backward(all) {
		if err := add(engine.StepDelete, e, `action = 'delete'`); err != nil {
			return err
		}
	}
	return nil
}

// finishRepair ends a repair: what nobody came by is left as it is, and both sides are counted anew, for rows that somebody
// else had taken away were never counted out.
func (db *DB) finishRepair(ctx context.Context, tx pgx.Tx, run engine.RunID) error {
	_, err := tx.Exec(ctx, `UPDATE ferry.repair_item i SET state = 'moved', outcome = 'the row that it was to be written along with was left as it is'
		FROM ferry.repair_plan p WHERE p.run_id = $1 AND i.plan_id = p.id AND i.state = 'planned'`, run)
	if err != nil {
		return err
	}
	var outcome string
	err = tx.QueryRow(ctx, `WITH plan AS (UPDATE ferry.repair_plan SET state = 'applied' WHERE run_id = $1 RETURNING id)
		SELECT format('done, plan %s: %s rows repaired, %s left for they had moved, %s refused, %s failed', min(p.id),
			count(*) FILTER (WHERE i.state = 'applied'), count(*) FILTER (WHERE i.state = 'moved'),
			count(*) FILTER (WHERE i.state = 'refused'), count(*) FILTER (WHERE i.state = 'failed'))
		FROM plan p JOIN ferry.repair_item i ON i.plan_id = p.id`, run).Scan(&outcome)
	if err != nil {
		return err
	}
	for _, e := range entity.All() {
		_, err := tx.Exec(ctx, `UPDATE ferry.entity_state SET target_rows = (SELECT count(*) FROM `+public(e)+` WHERE `+ident(e.OdooID)+` IS NOT NULL),
				extra = (SELECT count(*) FROM ferry.extra WHERE entity = $1),
				(quarantined, waiting, waived, stale) = (SELECT count(*), count(*) FILTER (WHERE state = 'waiting_parent'),
					count(*) FILTER (WHERE state = 'waived'), count(*) FILTER (WHERE stale)
					FROM ferry.quarantine WHERE entity = $1 AND state IN `+openStates+`)
			WHERE entity = $1`, e.Name)
		if err != nil {
			return err
		}
	}
	if err := setState(ctx, tx, run, engine.RunDone, "", ""); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `UPDATE ferry.lease SET run_id = NULL WHERE run_id = $1`, run); err != nil {
		return err
	}
	return record(ctx, tx, entry{Action: "finish", Run: run, State: string(engine.RunRunning), Outcome: outcome})
}
