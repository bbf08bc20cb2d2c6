package enginedb

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"ferry/engine"
	"ferry/engine/check"
	"ferry/engine/entity"
	"ferry/store/sqlstate"
)

// StartCheck makes a check and its planning batch. It takes no lease, for it writes none of the engine's rows. It fails with
// ErrRunActive while another check of its sort is active.
func (db *DB) StartCheck(ctx context.Context, sourceIdentity string, by engine.Actor, o engine.CheckOptions) (engine.RunID, error) {
	asked, err := askedOf(o)
	if err != nil {
		return 0, err
	}
	options, err := json.Marshal(asked)
	if err != nil {
		return 0, fmt.Errorf("keeping what the check is of: %w", err)
	}
	n := newRun{
		Kind: engine.RunCheck, SourceIdentity: sourceIdentity, Actor: by, Reason: o.Reason, Entities: o.Entities,
		Scheduled: o.Rolling, Options: options, Limit: atLeast(o.MaxDuration),
	}
	if asked.Sort == check.SortRows {
		n.Entities = slices.Sorted(maps.Keys(asked.Rows))
	}
	var id engine.RunID
	err = db.inTx(ctx, "starting a check", func(tx pgx.Tx) error {
		if err := errors.Join(refuseSecondCheck(ctx, tx, asked.Sort), refuseUnkeyed(ctx, tx)); err != nil {
			return err // without keys nothing can be looked up in the engine's tables
		}
		if err := queueForLease(ctx, tx); err != nil { // who unseals decides about them, and is not to be overtaken
			return err
		}
		if _, err := noteOwned(ctx, tx); err != nil { // under a seal, so that it is not taken for ferry's fault
			return err
		}
		if o.Rolling {
			if due, err := rollDue(ctx, tx); err != nil || !due {
				return errors.Join(err, errNotDue)
			}
		}
		if id, err = insertRun(ctx, tx, n, 0); err != nil {
			return err
		}
		if err := db.plannedBatch(ctx, tx, id); err != nil || o.Rolling {
			return err
		}
		return record(ctx, tx, entry{Actor: by, Action: "start check", Run: id, Reason: o.Reason, Outcome: "queued"})
	})
	if o.Rolling && isOneOf(err, errNotDue, engine.ErrRunActive, engine.ErrUnkeyed) {
		return 0, nil
	}
	return id, err
}

func isOneOf(err error, causes ...error) bool {
	return slices.ContainsFunc(causes, func(cause error) bool { return errors.Is(err, cause) })
}

// askedOf puts what a check was asked for into the form that it is kept in.
func askedOf(o engine.CheckOptions) (check.Asked, error) {
	asked := check.Asked{Sort: check.SortWhole, Limited: o.MaxDuration > 0}
	switch {
	case o.Rolling:
		asked.Sort = check.SortRolling
	case o.Rows != nil:
		asked.Sort, asked.Rows = check.SortRows, map[string][]int64{}
	}
	total := 0
	for name, ids := range o.Rows {
		if _, err := entity.Lookup(name); err != nil {
			return asked, err
		}
		ids = slices.Clone(ids)
		slices.Sort(ids)
		if ids = slices.Compact(ids); len(ids) > 0 {
			asked.Rows[name] = ids
			total += len(ids)
		}
	}
	switch {
	case asked.Sort == check.SortRows && total == 0:
		return asked, engine.Refuse(engine.ErrNoSuchRow, "there are no rows to be checked again")
	case total > check.MostRows:
		return asked, engine.Refuse(engine.ErrStateChanged, "%d rows are too many to be checked again one by one; `ferry check` compares all", total)
	}
	return asked, nil
}

// checkLockSpace is held by whoever begins a check; proofLockSpace, with an entity's place, by whoever keeps what was found of it.
const (
	checkLockSpace = 0x66657263
	proofLockSpace = 0x66657270
)

// refuseSecondCheck fails with ErrRunActive, naming the run, while a check of this sort is active.
func refuseSecondCheck(ctx context.Context, tx pgx.Tx, sort check.Sort) error {
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1, 0)`, checkLockSpace); err != nil {
		return err
	}
	var id engine.RunID
	var state, by string
	err := tx.QueryRow(ctx, `SELECT id, state, requested_by FROM ferry.run
		WHERE NOT writes AND state = ANY($1) AND options->>'sort' = $2 LIMIT 1`, activeStates(), string(sort)).Scan(&id, &state, &by)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return engine.Refuse(engine.ErrRunActive, "another check is active: run #%d is %s, started by %s; wait for it, resume it (`ferry resume --run %[1]d`) "+
		"or cancel it (`ferry cancel %[1]d`)", id, state, by)
}

// reviveCheck lets an ended check go on.
func reviveCheck(ctx context.Context, tx pgx.Tx, run engine.RunID, _ int64) error {
	asked, err := readAsked(ctx, tx, run)
	if err != nil {
		return err
	}
	if err := refuseSecondCheck(ctx, tx, asked.Sort); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE ferry.run SET error = '', verdict = '', why = '', waits = '' WHERE id = $1`, run)
	return err
}

// writes reports whether a run is one that writes; run 0 is.
func (db *DB) writes(ctx context.Context, run engine.RunID) (bool, error) {
	writes := true
	if run == 0 {
		return writes, nil
	}
	err := db.pool.QueryRow(ctx, `SELECT writes FROM ferry.run WHERE id = $1`, run).Scan(&writes)
	if errors.Is(err, pgx.ErrNoRows) {
		return writes, noSuchRun(run)
	}
	return writes, sqlstate.Wrap(engine.SideTarget, "looking at a run", err)
}

func readAsked(ctx context.Context, q querier, run engine.RunID) (check.Asked, error) {
	var asked check.Asked
	var text []byte
	if err := q.QueryRow(ctx, `SELECT options FROM ferry.run WHERE id = $1`, run).Scan(&text); err != nil {
		return asked, err
	}
	if err := json.Unmarshal(text, &asked); err != nil {
		return asked, fmt.Errorf("reading what run #%d was asked for: %w", run, err)
	}
	return asked, nil
}

// provesOnly reports whether a step of this verb writes none of the engine's rows.
func provesOnly(verb engine.StepVerb) bool {
	return verb == engine.StepCompare || verb == engine.StepConfirm || verb == engine.StepLedger
}

// Checks come behind what writes, and rolling ones behind those that somebody waits for.
const (
	behindWriting = 1
	behindAll     = 2
)

// rollSoon is how soon a rolling check goes on after it has seen what may be a change under way: it is told from a fault once a
// tick has been behind it.
const rollSoon = 30 * time.Second

// checkPace has a check occupy all workers, or half of them beside a run that writes. A rolling one has a single worker now and
// then: a pass takes half of the time after which a proof should be renewed.
func checkPace(ctx context.Context, tx pgx.Tx, s step, workers int) (pace, error) {
	p := pace{outstanding: max(1, workers), widest: check.WidestBatch, bound: math.MaxInt64, behind: behindWriting}
	var sort check.Sort
	var policies []byte
	var ids int64
	var unsettled, beside bool
	err := tx.QueryRow(ctx, `SELECT coalesce(options->>'sort', ''), policies, coalesce(until < clock_timestamp(), false) AND $2 = 'compare',
			(SELECT coalesce(sum(high - low), 0) FROM ferry.step WHERE run_id = r.id AND verb = 'compare'),
			EXISTS (SELECT FROM ferry.discrepancy WHERE seen_run = r.id AND state = 'in_flight'),
			EXISTS (SELECT FROM ferry.run WHERE writes AND state IN ('queued', 'planning', 'running', 'pausing'))
		FROM ferry.run r WHERE id = $1`, s.Run, string(s.Verb)).Scan(&sort, &policies, &p.over, &ids, &unsettled, &beside)
	if beside {
		p.outstanding = max(1, workers/2)
	}
	if err != nil || sort != check.SortRolling {
		return p, err
	}
	frozen, err := readPolicies(policies)
	if err != nil {
		return p, err
	}
	p.outstanding, p.behind = 1, behindAll
	if s.Verb == engine.StepCompare {
		p.widest = check.Cell
		p.after = frozen.ProofEvery / 2 / time.Duration(max(1, ids/check.Cell))
		if unsettled {
			p.after = min(p.after, rollSoon)
		}
	}
	return p, nil
}

// endComparing ends the comparison of a check whose time is up, once nothing of it is in flight; what was not compared shows in
// its coverage.
func (db *DB) endComparing(ctx context.Context, tx pgx.Tx, s step) error {
	if s.Open > 0 {
		return nil
	}
	_, err := tx.Exec(ctx, `UPDATE ferry.step SET state = 'done', finished_at = clock_timestamp(), started_at = coalesce(started_at, clock_timestamp())
		WHERE run_id = $1 AND verb = 'compare' AND state <> 'done'`, s.Run)
	if err != nil {
		return err
	}
	return db.nextStep(ctx, tx, s)
}

// finishCheck counts once more what differs, judges, and ends the check.
func (db *DB) finishCheck(ctx context.Context, tx pgx.Tx, e ending) error {
	if err := recount(ctx, tx, e.id); err != nil {
		return err
	}
	if err := setState(ctx, tx, e.id, engine.RunDone, "", ""); err != nil {
		return err
	}
	v, err := readCheck(ctx, tx, e.id)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE ferry.run SET verdict = $2, why = $3, waits = '' WHERE id = $1`, e.id, string(v.Verdict), v.Why)
	if err != nil {
		return err
	}
	for _, c := range v.Entities {
		if _, err := tx.Exec(ctx, `UPDATE ferry.check_entity SET coverage = $3 WHERE run_id = $1 AND entity = $2`, e.id, c.Name, c.Coverage); err != nil {
			return err
		}
	}
	if e.scheduled {
		return foldRolling(ctx, tx, v)
	}
	return record(ctx, tx, entry{
		Action: "check", Run: e.id, State: string(engine.RunRunning), Reason: v.Why,
		Outcome: fmt.Sprintf("%s: %d rows compared, %d differ, %s of the ids", v.Verdict, v.Compared, v.Settled, check.Percent(v.Coverage)),
	})
}

// foldRolling makes one line of history of a rolling check that found all well and the one before it that did.
func foldRolling(ctx context.Context, tx pgx.Tx, v *engine.CheckView) error {
	before, err := runBefore(ctx, tx, v.ID, engine.RunDone)
	if err != nil {
		return err
	}
	var alike bool
	if before != 0 && v.Verdict == engine.Pass {
		if err := tx.QueryRow(ctx, `SELECT verdict = 'pass' FROM ferry.run WHERE id = $1`, before).Scan(&alike); err != nil {
			return err
		}
	}
	if alike {
		if err := fold(ctx, tx, before, v.ID); err != nil {
			return err
		}
	}
	return expire(ctx, tx)
}

// atLeast is a limit that the engine database can tell from none.
func atLeast(limit time.Duration) time.Duration {
	if limit > 0 {
		return max(limit, time.Microsecond)
	}
	return 0
}
