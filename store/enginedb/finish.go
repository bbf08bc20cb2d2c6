package enginedb

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"ferry/engine"
	"ferry/engine/cycle"
	"ferry/engine/entity"
)

// ending is what matters about a run that has nothing left to do.
type ending struct {
	id        engine.RunID
	kind      engine.RunKind
	scheduled bool
	accepted  []string
	policies  cycle.Policies
}

// wrapUp ends a run that has carried out all its steps. Rows that vanished in large numbers are a question first; by policy
// they are then deleted, in steps of their own.
func (db *DB) wrapUp(ctx context.Context, tx pgx.Tx, run engine.RunID) error {
	e := ending{id: run}
	var policies []byte
	err := tx.QueryRow(ctx, `SELECT kind, scheduled, accepted, policies FROM ferry.run WHERE id = $1`, run).Scan(&e.kind, &e.scheduled, &e.accepted, &policies)
	if err != nil {
		return err
	}
	if e.policies, err = readPolicies(policies); err != nil {
		return err
	}
	switch e.kind { //nolint:exhaustive // the others write
	case engine.RunRehearsal:
		return nil // its runbook ends it
	case engine.RunCheck:
		return db.finishCheck(ctx, tx, e)
	}
	if tripped, err := db.trip(ctx, tx, run); tripped || err != nil {
		return err
	}
	if e.kind == engine.RunRepair {
		return db.finishRepair(ctx, tx, e.id)
	}
	if !slices.Contains(e.accepted, askedVanished) {
		question, err := tooManyVanished(ctx, tx, e)
		if err != nil {
			return err
		}
		if question != "" {
			return askQuestion(ctx, tx, e.id, askedVanished, question)
		}
	}
	if err := acceptVanished(ctx, tx, e); err != nil {
		return err
	}
	if e.policies.Deletes == cycle.DeletesDelete {
		more, err := addDeletes(ctx, tx, run)
		if err != nil {
			return err
		}
		if more {
			return db.carveRunning(ctx, tx, run)
		}
	}
	return db.finishRun(ctx, tx, e)
}

// readPolicies reads frozen policies; what they do not say is as it is by default.
func readPolicies(text []byte) (cycle.Policies, error) {
	p := cycle.DefaultPolicies()
	if err := json.Unmarshal(text, &p); err != nil {
		return p, fmt.Errorf("reading the run's policies: %w", err)
	}
	return p, nil
}

// unasked is the condition that nobody was asked about an extra x under a policy ($1), and that none had to be: a run ended
// with it. Rows that may stay are no consent to delete them.
const unasked = `x.kept = '' AND CASE $1 WHEN 'delete' THEN x.accepted_as <> 'delete' ELSE x.accepted_as = '' END`

// acceptVanished keeps that a run may end with the extras that there are: they are few, or somebody accepted them.
func acceptVanished(ctx context.Context, tx pgx.Tx, e ending) error {
	_, err := tx.Exec(ctx, `UPDATE ferry.extra x SET accepted_as = $1 WHERE `+unasked, string(e.policies.Deletes))
	return err
}

// tooManyVanished gives the question that a run must ask about rows that are gone; empty: none. It is about all of which
// nobody was asked yet, whichever run found them: one that was stopped at this question leaves them to the next.
func tooManyVanished(ctx context.Context, tx pgx.Tx, e ending) (string, error) {
	rows, err := tx.Query(ctx, `SELECT x.entity, count(*), max(s.target_rows) FROM ferry.extra x JOIN ferry.entity_state s ON s.entity = x.entity
		WHERE `+unasked+` GROUP BY 1 ORDER BY 1`, string(e.policies.Deletes))
	if err != nil {
		return "", err
	}
	var parts []string
	var name string
	var vanished, of int64
	_, err = pgx.ForEachRow(rows, []any{&name, &vanished, &of}, func() error {
		if e.policies.TooManyVanished(vanished, of) {
			parts = append(parts, fmt.Sprintf("%d of %d rows of %s (%.2f %%)", vanished, of, name, 100*float64(vanished)/float64(max(of, 1))))
		}
		return nil
	})
	if err != nil || len(parts) == 0 {
		return "", err
	}
	what := "If you accept, they stay in the engine and are listed as extra."
	if e.policies.Deletes == cycle.DeletesDelete {
		what = "If you accept, they are deleted from the engine for good."
	}
	return fmt.Sprintf("%s are gone from the source (the limits are %g %% and %d rows: policies vanish-share, vanish-rows). %s "+
		"No tick comes until this is answered.", strings.Join(parts, " and "), 100*e.policies.VanishShare, e.policies.VanishRows, what), nil
}

// The kinds of questions.
const (
	askedVanished = "vanished"
	askedSource   = "source"
	askedFreeze   = "freeze" // of a rehearsal
)

// askQuestion stops a run until an operator answers.
func askQuestion(ctx context.Context, tx pgx.Tx, run engine.RunID, kind, question string) error {
	if _, err := tx.Exec(ctx, `UPDATE ferry.run SET asked = $2, question = $3 WHERE id = $1`, run, kind, question); err != nil {
		return err
	}
	if err := setState(ctx, tx, run, engine.RunAsking, "ferry", ""); err != nil {
		return err
	}
	return record(ctx, tx, entry{Action: "ask", Run: run, State: string(engine.RunRunning), Reason: question, Outcome: string(engine.RunAsking)})
}

// addDeletes adds the steps that delete extras, children first. It gives false if the run has them already, or if there is
// nothing to delete.
//
// What was kept although the policy says otherwise is looked at once more behind each sweep.
func addDeletes(ctx context.Context, tx pgx.Tx, run engine.RunID) (bool, error) {
	_, err := tx.Exec(ctx, `UPDATE ferry.extra x SET kept = '' WHERE kept <> ''
		AND EXISTS (SELECT FROM ferry.step s WHERE s.run_id = $1 AND s.verb = 'sweep' AND s.entity = x.entity)
		AND NOT EXISTS (SELECT FROM ferry.step s WHERE s.run_id = $1 AND s.verb = 'delete')`, run)
	if err != nil {
		return false, err
	}
	tag, err := tx.Exec(ctx, `INSERT INTO ferry.step (run_id, seq, verb, entity, high, width, source_high)
		SELECT $1, (SELECT max(seq) FROM ferry.step WHERE run_id = $1) + row_number() OVER (ORDER BY o.place), $2, o.entity, x.high, $4, 0
		FROM unnest($3::text[]) WITH ORDINALITY AS o (entity, place)
		CROSS JOIN LATERAL (SELECT max(id) AS high FROM ferry.extra x WHERE x.entity = o.entity AND x.kept = '') x
		WHERE x.high IS NOT NULL AND EXISTS (SELECT FROM ferry.step l WHERE l.run_id = $1 AND l.verb = 'load' AND l.entity = o.entity)
			AND NOT EXISTS (SELECT FROM ferry.step WHERE run_id = $1 AND verb = $2)`,
		run, string(engine.StepDelete), childrenFirst(), maxWidth)
	return tag.RowsAffected() > 0, err
}

func childrenFirst() []string {
	all := entity.All()
	out := make([]string, 0, len(all))
	for i := range all {
		out = append(out, all[len(all)-1-i].Name)
	}
	return out
}

// trip pauses a run of which the engine database refuses so many rows that the fault is hardly the rows'. Whoever resumes it
// has decided to go on.
func (*DB) trip(ctx context.Context, tx pgx.Tx, run engine.RunID) (bool, error) {
	var policies []byte
	var name string
	var refused, read int64
	var open int
	err := tx.QueryRow(ctx, `SELECT r.policies, s.entity, s.refused, s.read, (SELECT sum(open) FROM ferry.step o WHERE o.run_id = $1)
		FROM ferry.step s JOIN ferry.run r ON r.id = s.run_id
		WHERE s.run_id = $1 AND NOT r.breaker_off AND s.refused > 0 ORDER BY s.refused DESC LIMIT 1`, run).Scan(&policies, &name, &refused, &read, &open)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	p, err := readPolicies(policies)
	if err != nil || !p.TooManyRefused(refused, read) {
		return false, err
	}
	state := engine.RunPaused
	if open > 0 {
		state = engine.RunPausing
	}
	why := fmt.Sprintf("the engine database refused %d of %d rows of %s; `ferry quarantine list` has its reasons, resuming goes on all the same",
		refused, read, name)
	if err := setState(ctx, tx, run, state, "ferry", why); err != nil {
		return true, err
	}
	return true, record(ctx, tx, entry{Action: "pause", Run: run, State: string(engine.RunRunning), Reason: why, Outcome: string(state)})
}

// finishRun counts what is there now, stores the floors and ends the run: all in the last batch's transaction.
func (db *DB) finishRun(ctx context.Context, tx pgx.Tx, e ending) error {
	if err := analyseQuarantine(ctx, tx, e.id); err != nil {
		return err
	}
	if err := countEntities(ctx, tx, e.id); err != nil {
		return err
	}
	if err := keepTick(ctx, tx, e.id); err != nil {
		return err
	}
	if err := keepFloors(ctx, tx, e.id); err != nil {
		return err
	}
	if err := setState(ctx, tx, e.id, engine.RunDone, "", ""); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `UPDATE ferry.lease SET run_id = NULL WHERE run_id = $1`, e.id); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `DELETE FROM ferry.unkeyed u USING ferry.run r WHERE r.id = $1 AND u.run_id = r.id AND r.unkeyed`, e.id); err != nil {
		return err
	}
	outcome := string(engine.RunDone)
	var deleted int64
	if err := tx.QueryRow(ctx, `SELECT sum(deleted)::bigint FROM ferry.step WHERE run_id = $1`, e.id).Scan(&deleted); err != nil {
		return err
	}
	if deleted > 0 {
		outcome += fmt.Sprintf(", %d rows deleted", deleted)
	}
	if e.scheduled {
		if err := foldIdle(ctx, tx, e.id); err != nil || deleted == 0 {
			return err
		}
	}
	return record(ctx, tx, entry{Action: "finish", Run: e.id, State: string(engine.RunRunning), Outcome: outcome})
}

// analyseQuarantine renews what the planner knows of quarantine after a cycle that may have filled it: ticks look rows up in
// it at once, and autovacuum comes a minute later.
func analyseQuarantine(ctx context.Context, tx pgx.Tx, run engine.RunID) error {
	var whole bool
	err := tx.QueryRow(ctx, `SELECT coalesce(bool_or(since IS NULL), false) FROM ferry.step WHERE run_id = $1 AND verb = 'load'`, run).Scan(&whole)
	if err != nil || !whole {
		return err
	}
	_, err = tx.Exec(ctx, `ANALYZE ferry.quarantine`)
	return err
}

// countEntities counts each entity of a run. After a cycle that read every row both sides are counted; after a tick the
// engine's rows are those that its batches have added up, and the source's those of the tick's snapshot. After a sweep the
// source has what the engine accounts for and what is missing, for that is what the sweep compared.
func countEntities(ctx context.Context, tx pgx.Tx, run engine.RunID) error {
	for _, e := range entity.All() {
		_, err := tx.Exec(ctx, `
			UPDATE ferry.entity_state st SET run_id = $2, counted_at = clock_timestamp(),
				target_rows = n.target, quarantined = n.quarantined, waiting = n.waiting, waived = n.waived, stale = n.stale, extra = n.extra,
				source_rows = CASE WHEN n.swept THEN n.target - n.stale - n.extra + n.quarantined + n.missing
					WHEN n.whole THEN n.read ELSE n.tallied END,
				exact = n.swept OR n.whole OR n.tick AND n.tallied = n.target - n.stale - n.extra + n.quarantined,
				swept_at = CASE WHEN n.swept OR n.whole THEN clock_timestamp() ELSE st.swept_at END
			FROM (
				SELECT s.*, q.*, (SELECT count(*) FROM ferry.extra WHERE entity = $1) AS extra,
					CASE WHEN s.whole OR s.missing > 0 THEN (SELECT count(*) FROM `+public(e)+` WHERE `+ident(e.OdooID)+` IS NOT NULL)
						ELSE (SELECT target_rows FROM ferry.entity_state WHERE entity = $1) END AS target
				FROM (
					SELECT bool_or(verb = 'load' AND since IS NULL) AS whole, bool_or(verb = 'sweep') AS swept,
						bool_or(verb = 'load' AND since IS NOT NULL AND low = high) AS tick,
						coalesce(sum(read) FILTER (WHERE verb = 'load'), 0) AS read, coalesce(sum(missing), 0) AS missing,
						coalesce(max(source_rows) FILTER (WHERE verb = 'load'), 0) AS tallied
					FROM ferry.step WHERE run_id = $2 AND entity = $1 HAVING count(*) FILTER (WHERE verb = 'load') > 0) s,
					(SELECT count(*) AS quarantined, count(*) FILTER (WHERE state = 'waiting_parent') AS waiting,
						count(*) FILTER (WHERE state = 'waived') AS waived, count(*) FILTER (WHERE stale) AS stale
					FROM ferry.quarantine WHERE entity = $1 AND state IN `+openStates+`) q) n
			WHERE st.entity = $1`, e.Name, run)
		if err != nil {
			return err
		}
	}
	return nil
}

// keepTick keeps how late what became visible with this run may have been: what was committed right after the run before
// had begun to read is visible only now.
func keepTick(ctx context.Context, tx pgx.Tx, run engine.RunID) error {
	_, err := tx.Exec(ctx, `INSERT INTO ferry.tick (run_id, visible_at, bound_ms, rows)
		SELECT $1, clock_timestamp(), greatest(0, extract(epoch FROM clock_timestamp() - f.read_from) * 1000)::bigint,
			(SELECT coalesce(sum(inserted + updated + deleted), 0) FROM ferry.step WHERE run_id = $1)
		FROM (`+readFrom+`) f WHERE f.read_from IS NOT NULL ON CONFLICT DO NOTHING`, run)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `DELETE FROM ferry.tick WHERE visible_at < clock_timestamp() - interval '1 day'`)
	return err
}

// readFrom is when the completed cycle began to read that is furthest behind of all entities; NULL if one has none.
var readFrom = `SELECT CASE WHEN count(*) = ` + strconv.Itoa(len(entity.All())) + ` THEN min(read_from) END AS read_from
	FROM (SELECT DISTINCT ON (entity) entity, read_from FROM ferry.floor ORDER BY entity, run_id DESC) latest`

// keepFloors stores the floors that the run leaves, and forgets those that no cycle will go back to.
func keepFloors(ctx context.Context, tx pgx.Tx, run engine.RunID) error {
	_, err := tx.Exec(ctx, `INSERT INTO ferry.floor
			(entity, run_id, floor, rules_hash, source_identity, next_xid, timeline, incarnation, shape, read_from, pinned_by)
		SELECT s.entity, s.run_id, r.floor, r.rules_hash, r.source_identity, r.next_xid, r.timeline, r.incarnation, s.shape,
			coalesce(r.read_from, r.created_at), r.pinned_by
		FROM ferry.step s JOIN ferry.run r ON r.id = s.run_id
		WHERE s.run_id = $1 AND s.verb = 'load' AND r.floor IS NOT NULL`, run)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `DELETE FROM ferry.floor f
		USING (SELECT DISTINCT ON (entity) entity, run_id, floor FROM ferry.floor ORDER BY entity, run_id DESC) latest
		WHERE f.entity = latest.entity AND f.run_id < latest.run_id AND f.read_from < clock_timestamp() - interval '1 hour'
			AND (f.floor <> latest.floor OR EXISTS (
				SELECT FROM ferry.floor o WHERE o.entity = f.entity AND o.floor = f.floor AND o.run_id < f.run_id))`)
	return err
}
