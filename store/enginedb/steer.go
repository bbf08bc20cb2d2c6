package enginedb

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"ferry/engine"
	"ferry/engine/rehearsal"
)

// steering is one action on a run.
type steering struct {
	action  string
	act     engine.Act
	by      engine.Actor
	shut    bool // shut out the batches that do not hold their lease yet
	batches bool // it touches batches and steps: lock them, before the run as everywhere
	// decide gives the state that the run comes into, none if it has put the run into one itself, or an error that says
	// why not.
	decide func(tx pgx.Tx, r runRow, epoch int64) (engine.RunState, error)
}

// steer carries out an action: it locks the run, checks the state that the operator saw, decides, and keeps the action
// in the journal.
func (db *DB) steer(ctx context.Context, s steering) error {
	act, by := s.act, s.by
	return db.inTx(ctx, s.action, func(tx pgx.Tx) error {
		var raised int64
		if s.shut {
			// Leases come before the run: batches lock in that order.
			var err error
			if raised, err = raiseEpoch(ctx, tx); err != nil {
				return err
			}
		}
		if s.batches {
			if err := lockOpen(ctx, tx, act.Run); err != nil {
				return err
			}
		}
		r, err := lockRun(ctx, tx, act.Run)
		if err != nil {
			return err
		}
		if act.Seen != "" && act.Seen != r.State {
			return engine.Refuse(engine.ErrStateChanged, "run #%d is %s, set by %s", r.ID, r.State, orNobody(r.By))
		}
		to, err := s.decide(tx, r, raised)
		if err != nil {
			return err
		}
		if to == "" {
			err = tx.QueryRow(ctx, `SELECT state FROM ferry.run WHERE id = $1`, r.ID).Scan(&to)
		} else {
			err = setState(ctx, tx, r.ID, to, by.String(), act.Reason)
		}
		if err != nil {
			return err
		}
		return record(ctx, tx, entry{
			Actor: by, Action: s.action, Run: r.ID, State: string(r.State), Reason: act.Reason, Outcome: string(to),
		})
	})
}

// lockOpen locks what is unfinished of a run, in the order in which batches that end do.
func lockOpen(ctx context.Context, tx pgx.Tx, run engine.RunID) error {
	if _, err := tx.Exec(ctx, `SELECT FROM ferry.batch WHERE run_id = $1 AND state <> 'done' ORDER BY id FOR UPDATE`, run); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `SELECT FROM ferry.step WHERE run_id = $1 AND state <> 'done' ORDER BY seq FOR UPDATE`, run)
	return err
}

func orNobody(by string) string {
	if by == "" {
		return "ferry"
	}
	return by
}

// Pause stops the carving of batches. The run is pausing until the last batch in flight has ended.
func (db *DB) Pause(ctx context.Context, act engine.Act, by engine.Actor) error {
	return db.steer(ctx, steering{action: "pause", act: act, by: by, batches: true, decide: func(tx pgx.Tx, r runRow, _ int64) (engine.RunState, error) {
		switch r.State {
		case engine.RunPausing, engine.RunPaused:
			return "", engine.Refuse(engine.ErrStateChanged, "run #%d is already %s by %s", r.ID, r.State, orNobody(r.By))
		case engine.RunAsking:
			return "", engine.Refuse(engine.ErrNeedsAnswer, "run #%d needs an answer already; nothing of it is at work", r.ID)
		case engine.RunQueued, engine.RunPlanning, engine.RunRunning:
		case engine.RunInterrupted, engine.RunCancelled, engine.RunFailed, engine.RunDone:
			return "", engine.Refuse(engine.ErrStateChanged, "run #%d is %s, there is nothing to pause", r.ID, r.State)
		}
		if err := uncarve(ctx, tx, r.ID, true); err != nil { // what a throttle holds back is nobody's yet
			return "", err
		}
		var open int
		err := tx.QueryRow(ctx, `SELECT coalesce(sum(open), 0) FROM ferry.step WHERE run_id = $1 AND state = 'running'`, r.ID).Scan(&open)
		if err != nil {
			return "", err
		}
		living, err := db.living(ctx, tx)
		if err != nil {
			return "", err
		}
		if open == 0 || len(living) == 0 {
			return engine.RunPaused, nil // nothing is in flight, or nobody is there to end it
		}
		return engine.RunPausing, nil
	}})
}

// Resume lets a run go on. One that was only paused carves batches again; one that had ended without being done gets a
// new epoch, and its unfinished batches a new attempt.
func (db *DB) Resume(ctx context.Context, act engine.Act, by engine.Actor) error {
	var before engine.RunState
	var kind engine.RunKind
	err := db.inTx(ctx, "resuming a run", func(tx pgx.Tx) error {
		r, err := lockRun(ctx, tx, act.Run)
		act.Run, before, kind = r.ID, r.State, engine.RunKind(r.Kind)
		return err
	})
	if err != nil {
		return err
	}
	return db.steer(ctx, steering{
		action: "resume", act: act, by: by, shut: before.Ended() && kind.Writes(), batches: true,
		decide: func(tx pgx.Tx, r runRow, epoch int64) (engine.RunState, error) {
			if kind.Writes() {
				if err := refuseSealed(ctx, tx); err != nil {
					return "", err
				}
			}
			if held, err := heldBy(ctx, tx, r); held != nil || err != nil {
				return "", errors.Join(held, err)
			}
			if r.State == engine.RunAsking {
				return "", engine.Refuse(engine.ErrNeedsAnswer, "answer run #%d instead of resuming it", r.ID)
			}
			if !r.State.Resumable() {
				return "", engine.Refuse(engine.ErrStateChanged, "run #%d is %s, there is nothing to resume", r.ID, r.State)
			}
			if r.State.Ended() != before.Ended() {
				return "", engine.Refuse(engine.ErrStateChanged, "run #%d went from %s to %s at this moment", r.ID, before, r.State)
			}
			return "", db.proceed(ctx, tx, r, epoch, by, act.Reason)
		},
	})
}

// heldBy refuses to resume a run that waits for an entity which somebody holds: it would stop again at once.
func heldBy(ctx context.Context, tx pgx.Tx, r runRow) (refused, err error) {
	if r.State != engine.RunPaused {
		return nil, nil
	}
	var name, by, why string
	err = tx.QueryRow(ctx, `SELECT p.entity, p.paused_by, p.reason FROM ferry.entity_pause p JOIN ferry.run r ON starts_with(r.state_reason, p.entity || $2)
		WHERE r.id = $1 LIMIT 1`, r.ID, becauseOf("")).Scan(&name, &by, &why)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil
	}
	return engine.Refuse(engine.ErrStateChanged, "run #%d waits for %s, which %s holds%s; `ferry resume --entity %[2]s` lets it go on, "+
		"`ferry cancel %[1]d` lets others come without it", r.ID, name, by, inWords(why)), err
}

// proceed lets a stopped run go on. Its unfinished batches are handed out anew, unless it is only pausing: then they
// are being worked on. It may end at once, where nothing is left to do, or pause again, where its entity is paused.
func (db *DB) proceed(ctx context.Context, tx pgx.Tx, r runRow, epoch int64, by engine.Actor, reason string) error {
	if r.Kind == string(engine.RunRehearsal) {
		return proceedRehearsal(ctx, tx, r, by, reason)
	}
	if r.State.Ended() {
		if err := refuseOther(ctx, tx, r.ID); err != nil {
			return err
		}
		revive := db.revive
		if !engine.RunKind(r.Kind).Writes() {
			revive = reviveCheck
		}
		if err := revive(ctx, tx, r.ID, epoch); err != nil {
			return err
		}
	}
	// A run that ferry paused itself goes on because somebody has looked and decided so.
	if _, err := tx.Exec(ctx, `UPDATE ferry.run SET breaker_off = breaker_off OR state_by = 'ferry' WHERE id = $1`, r.ID); err != nil {
		return err
	}
	if err := setState(ctx, tx, r.ID, engine.RunRunning, by.String(), reason); err != nil {
		return err
	}
	if r.State != engine.RunPausing {
		if err := db.requeue(ctx, tx, r.ID); err != nil {
			return err
		}
	}
	return db.carveRunning(ctx, tx, r.ID)
}

// revive gives an ended run the leases again.
func (db *DB) revive(ctx context.Context, tx pgx.Tx, run engine.RunID, epoch int64) error {
	if err := refuseSecond(ctx, tx); err != nil {
		return err
	}
	if err := refuseOvertaken(ctx, tx, run); err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `UPDATE ferry.run SET epoch = $2, error = '' WHERE id = $1`, run, epoch); err != nil {
		return err
	}
	_, err := tx.Exec(ctx, `UPDATE ferry.lease SET run_id = $1`, run)
	return err
}

// refuseOvertaken refuses to revive a run that a later one has overtaken: that read every row, or by other rules, so what this
// one would still write is judged by rules that are not in force, on tables that are not as it found them.
func refuseOvertaken(ctx context.Context, tx pgx.Tx, run engine.RunID) error {
	var by engine.RunID
	err := tx.QueryRow(ctx, `SELECT n.id FROM ferry.run r JOIN ferry.run n ON n.id > r.id AND n.writes AND n.state = 'done'
		WHERE r.id = $1 AND (n.kind = 'full' OR n.why_full <> '' OR n.rules_hash <> r.rules_hash OR r.first) ORDER BY n.id DESC LIMIT 1`, run).Scan(&by)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return engine.Refuse(engine.ErrStateChanged, "run #%d was overtaken: run #%d has been completed since; start a new one", run, by)
}

// Cancel ends a run at once: batches that hold their lease commit, all others are refused. A check holds none, and shuts
// nobody out.
func (db *DB) Cancel(ctx context.Context, act engine.Act, by engine.Actor) error {
	writes, err := db.writes(ctx, act.Run)
	if err != nil {
		return err
	}
	return db.steer(ctx, steering{action: "cancel", act: act, by: by, shut: writes, decide: func(_ pgx.Tx, r runRow, _ int64) (engine.RunState, error) {
		if !r.State.Active() {
			return "", engine.Refuse(engine.ErrStateChanged, "run #%d is %s, there is nothing to cancel", r.ID, r.State)
		}
		return engine.RunCancelled, nil
	}})
}

// Answer answers the question of a run: accepted it goes on, else it is cancelled.
func (db *DB) Answer(ctx context.Context, act engine.Act, accept bool, by engine.Actor) error {
	return db.answer(ctx, act, accept, by, nil)
}

func (db *DB) answer(ctx context.Context, act engine.Act, accept bool, by engine.Actor, base *rehearsal.Mark) error {
	action := "answer stop"
	if accept {
		action = "answer accept"
	}
	return db.steer(ctx, steering{action: action, act: act, by: by, batches: true, decide: func(tx pgx.Tx, r runRow, _ int64) (engine.RunState, error) {
		switch {
		case r.State != engine.RunAsking:
			return "", engine.Refuse(engine.ErrStateChanged, "run #%d is %s and asks nothing", r.ID, r.State)
		case !accept && r.Kind == string(engine.RunRehearsal):
			return engine.RunCancelled, nil
		case !accept:
			return engine.RunCancelled, holdTicks(ctx, tx, r, by)
		case r.Kind == string(engine.RunRehearsal):
			return engine.RunRunning, confirmFreeze(ctx, tx, r.ID, base, by)
		}
		if _, err := tx.Exec(ctx, `UPDATE ferry.run SET accepted = accepted || asked, asked = '' WHERE id = $1`, r.ID); err != nil {
			return "", err
		}
		if err := setState(ctx, tx, r.ID, engine.RunRunning, by.String(), act.Reason); err != nil {
			return "", err
		}
		if err := db.requeue(ctx, tx, r.ID); err != nil { // a plan that asked before it went on
			return "", err
		}
		return "", db.carveRunning(ctx, tx, r.ID)
	}})
}

// holdTicks pauses the schedule after the answer "stop": the next tick would only ask the same again.
func holdTicks(ctx context.Context, tx pgx.Tx, r runRow, by engine.Actor) error {
	why := fmt.Sprintf("run #%d was answered with stop", r.ID)
	tag, err := tx.Exec(ctx, `UPDATE ferry.schedule SET paused_by = $1, reason = $2, paused_at = clock_timestamp() WHERE paused_by = ''`, by.String(), why)
	if err != nil || tag.RowsAffected() == 0 {
		return err
	}
	return record(ctx, tx, entry{Actor: by, Action: "pause schedule", Run: r.ID, Reason: why, Outcome: "paused"})
}

// requeue hands the unfinished batches of a run to whoever comes, under a raised attempt.
func (db *DB) requeue(ctx context.Context, tx pgx.Tx, run engine.RunID) error {
	rows, err := tx.Query(ctx, `UPDATE ferry.batch SET attempt = attempt + 1, state = 'queued', worker = ''
		WHERE run_id = $1 AND state <> 'done' RETURNING id, attempt`, run)
	if err != nil {
		return err
	}
	jobs, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Job])
	if err != nil || len(jobs) == 0 {
		return err
	}
	return db.queue.Enqueue(ctx, tx, jobs)
}
