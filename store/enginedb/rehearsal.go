package enginedb

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"ferry/engine"
	"ferry/engine/rehearsal"
	"ferry/store/sqlstate"
)

// rehearsalLockSpace is held by whoever begins a rehearsal, or goes on with one that had ended.
const rehearsalLockSpace = 0x66657268

// StartRehearsal makes a rehearsal with its steps and gates. It fails with ErrRunActive while another one is active, and with
// ErrSealed: nothing could be carried over.
func (db *DB) StartRehearsal(ctx context.Context, sourceIdentity string, by engine.Actor, o engine.RehearsalOptions) (engine.RunID, error) {
	var id engine.RunID
	err := db.inOpenTx(ctx, "starting a rehearsal", func(tx pgx.Tx) error {
		if err := refuseSecondRehearsal(ctx, tx); err != nil {
			return err
		}
		policies, err := currentPolicies(ctx, tx)
		if err != nil {
			return err
		}
		limits, err := json.Marshal(rehearsal.LimitsOf(o, policies.Levels.AgreementTarget.All, policies.Levels.FreshTarget))
		if err != nil {
			return fmt.Errorf("freezing the limits: %w", err)
		}
		id, err = insertRun(ctx, tx, newRun{Kind: engine.RunRehearsal, SourceIdentity: sourceIdentity, Actor: by, Reason: o.Reason}, 0)
		if err != nil {
			return err
		}
		if err := setState(ctx, tx, id, engine.RunRunning, by.String(), o.Reason); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `INSERT INTO ferry.rehearsal (run_id, freezing, limits) VALUES ($1, $2, $3)`, id, string(o.Freeze), limits); err != nil {
			return err
		}
		if err := insertRunbook(ctx, tx, id, o.Freeze); err != nil {
			return err
		}
		return record(ctx, tx, entry{Actor: by, Action: "start rehearsal", Run: id, Reason: o.Reason, Outcome: "freeze: " + string(o.Freeze)})
	})
	return id, err
}

func insertRunbook(ctx context.Context, tx pgx.Tx, id engine.RunID, freeze engine.Freeze) error {
	batch := &pgx.Batch{}
	for i, name := range rehearsal.Steps() {
		batch.Queue(`INSERT INTO ferry.rehearsal_step (run_id, seq, name) VALUES ($1, $2, $3)`, id, i, string(name))
	}
	for i, name := range rehearsal.GatesOf(freeze) {
		batch.Queue(`INSERT INTO ferry.rehearsal_gate (run_id, seq, name) VALUES ($1, $2, $3)`, id, i, string(name))
	}
	return tx.SendBatch(ctx, batch).Close()
}

// refuseSecondRehearsal fails with ErrRunActive, naming it, while a rehearsal is active.
func refuseSecondRehearsal(ctx context.Context, tx pgx.Tx) error {
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1, 0)`, rehearsalLockSpace); err != nil {
		return err
	}
	var id engine.RunID
	var state, by string
	err := tx.QueryRow(ctx, `SELECT id, state, requested_by FROM ferry.run WHERE kind = 'rehearsal' AND state = ANY($1) LIMIT 1`,
		activeStates()).Scan(&id, &state, &by)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	return engine.Refuse(engine.ErrRunActive, "another rehearsal is active: #%d is %s, started by %s; wait for it, "+
		"or abort it (`ferry cancel %[1]d`)", id, state, by)
}

// proceedRehearsal lets a rehearsal go on, by whoever takes it up.
func proceedRehearsal(ctx context.Context, tx pgx.Tx, r runRow, by engine.Actor, reason string) error {
	if _, err := tx.Exec(ctx, `UPDATE ferry.rehearsal SET holder = '', holder_name = '' WHERE run_id = $1`, r.ID); err != nil {
		return err
	}
	if r.State.Ended() {
		if err := reviveRehearsal(ctx, tx, r); err != nil {
			return err
		}
	}
	return setState(ctx, tx, r.ID, engine.RunRunning, by.String(), reason)
}

// reviveRehearsal lets an ended rehearsal go on with the step at which it was. One that was aborted is frozen no longer: what
// stands behind its freeze begins again.
func reviveRehearsal(ctx context.Context, tx pgx.Tx, r runRow) error {
	if err := refuseSecondRehearsal(ctx, tx); err != nil {
		return err
	}
	var later engine.RunID
	err := tx.QueryRow(ctx, `SELECT coalesce(max(id), 0) FROM ferry.run WHERE kind = 'rehearsal' AND id > $1`, r.ID).Scan(&later)
	if err != nil {
		return err
	}
	if later != 0 {
		return engine.Refuse(engine.ErrStateChanged, "rehearsal #%d was overtaken: #%d has begun since; start a new one", r.ID, later)
	}
	if r.State == engine.RunCancelled {
		if err := thaw(ctx, tx, r.ID); err != nil {
			return err
		}
	}
	_, err = tx.Exec(ctx, `UPDATE ferry.run SET error = '' WHERE id = $1`, r.ID)
	return err
}

// thaw forgets a rehearsal's freeze and all that came behind it.
func thaw(ctx context.Context, tx pgx.Tx, id engine.RunID) error {
	_, err := tx.Exec(ctx, `UPDATE ferry.rehearsal_step SET state = 'waiting', work = NULL, found = '', started_at = NULL, finished_at = NULL, idle = '0'
		WHERE run_id = $1 AND seq >= (SELECT seq FROM ferry.rehearsal_step WHERE run_id = $1 AND name = $2)`, id, string(engine.RehearseFreeze))
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE ferry.rehearsal SET frozen_at = NULL, frozen_by = '', confirmed_at = NULL, confirmed_by = '', base = NULL
		WHERE run_id = $1`, id)
	return err
}

// ConfirmFreeze keeps the answer that Odoo is frozen, with where the source stood right before it; nil: that could not be looked at,
// and whoever carries the rehearsal out looks later.
func (db *DB) ConfirmFreeze(ctx context.Context, act engine.Act, base *rehearsal.Mark, by engine.Actor) error {
	return db.answer(ctx, act, true, by, base)
}

// confirmFreeze keeps that an operator said that Odoo is frozen. How long that took is nobody's idleness.
func confirmFreeze(ctx context.Context, tx pgx.Tx, id engine.RunID, base *rehearsal.Mark, by engine.Actor) error {
	var mark []byte
	if base != nil {
		text, err := json.Marshal(base)
		if err != nil {
			return fmt.Errorf("keeping where the source stands: %w", err)
		}
		mark = text
	}
	_, err := tx.Exec(ctx, `UPDATE ferry.rehearsal SET confirmed_at = clock_timestamp(), confirmed_by = $2, held_at = clock_timestamp(),
		base = $3::jsonb WHERE run_id = $1`, id, by.String(), mark)
	return err
}

// HoldRehearsal takes a rehearsal up for a process, or keeps it. It reports whether that process carries it out; it gives false
// while another one does that is alive. The time in which nobody did is counted with the step that is under way.
func (db *DB) HoldRehearsal(ctx context.Context, id engine.RunID, p engine.Process) (bool, error) {
	held := false
	err := db.inTx(ctx, "taking a rehearsal up", func(tx pgx.Tx) error {
		r, err := lockRun(ctx, tx, id)
		if err != nil {
			return err
		}
		var holder string
		var alive bool
		err = tx.QueryRow(ctx, `SELECT holder, EXISTS (SELECT FROM ferry.worker w WHERE w.id = h.holder AND w.workers > 0
				AND w.seen_at > clock_timestamp() - $2::interval) FROM ferry.rehearsal h WHERE run_id = $1 FOR UPDATE`, id, db.silence).Scan(&holder, &alive)
		if err != nil {
			return err
		}
		if holder != p.ID && alive {
			return nil
		}
		held = true
		if holder != p.ID {
			if err := takeRehearsalUp(ctx, tx, r, holder, p); err != nil {
				return err
			}
		}
		_, err = tx.Exec(ctx, `UPDATE ferry.rehearsal SET holder = $2, holder_name = $3, held_at = clock_timestamp() WHERE run_id = $1`,
			id, p.ID, fmt.Sprintf("%s:%d", p.Host, p.PID))
		return err
	})
	return held, err
}

// takeRehearsalUp counts the time since somebody carried a rehearsal out, and says who goes on with it.
func takeRehearsalUp(ctx context.Context, tx pgx.Tx, r runRow, before string, p engine.Process) error {
	_, err := tx.Exec(ctx, `UPDATE ferry.rehearsal_step s SET idle = s.idle + greatest(clock_timestamp() - greatest(h.held_at, s.started_at), interval '0')
		FROM ferry.rehearsal h WHERE h.run_id = $1 AND s.run_id = $1 AND s.state = 'running' AND h.held_at IS NOT NULL`, r.ID)
	if err != nil {
		return err
	}
	tag, err := tx.Exec(ctx, `UPDATE ferry.rehearsal SET breaks = breaks + 1 WHERE run_id = $1 AND held_at IS NOT NULL AND verdict = ''`, r.ID)
	if err != nil || tag.RowsAffected() == 0 {
		return err
	}
	outcome := fmt.Sprintf("%s:%d goes on with it", p.Host, p.PID)
	if before != "" {
		outcome += " in the place of " + before
	}
	return record(ctx, tx, entry{Action: "take over rehearsal", Run: r.ID, State: string(r.State), Outcome: outcome})
}

// KeepRehearsal keeps what an action of the runbook has changed, if the rehearsal is still the process's, and has not been
// stopped meanwhile. It fails with ErrStateChanged.
func (db *DB) KeepRehearsal(ctx context.Context, id engine.RunID, holder string, c rehearsal.Change) error {
	return db.inTx(ctx, "keeping a rehearsal", func(tx pgx.Tx) error {
		r, err := lockRun(ctx, tx, id)
		if err != nil {
			return err
		}
		var by string
		if err := tx.QueryRow(ctx, `SELECT holder FROM ferry.rehearsal WHERE run_id = $1 FOR UPDATE`, id).Scan(&by); err != nil {
			return err
		}
		runbook := len(c.Steps) > 0 || c.Ask != "" || c.Frozen != nil
		if by != holder || r.State != engine.RunRunning && (r.State != engine.RunDone || runbook) {
			return engine.Refuse(engine.ErrStateChanged, "rehearsal #%d is %s, and carried out by %s", id, r.State, orNobody(by))
		}
		return keepProgress(ctx, tx, r, c)
	})
}

func keepProgress(ctx context.Context, tx pgx.Tx, r runRow, c rehearsal.Change) error {
	if err := keepSteps(ctx, tx, r.ID, c.Steps); err != nil {
		return err
	}
	if err := keepGates(ctx, tx, r.ID, c); err != nil {
		return err
	}
	if c.Base != nil {
		text, err := json.Marshal(c.Base)
		if err != nil {
			return fmt.Errorf("keeping where the source stands: %w", err)
		}
		if _, err := tx.Exec(ctx, `UPDATE ferry.rehearsal SET base = $2 WHERE run_id = $1`, r.ID, text); err != nil {
			return err
		}
	}
	if c.Frozen != nil {
		_, err := tx.Exec(ctx, `UPDATE ferry.rehearsal SET frozen_at = coalesce(confirmed_at, clock_timestamp() - $2::interval), frozen_by = $3
			WHERE run_id = $1`, r.ID, c.Frozen.For, c.Frozen.By)
		if err != nil {
			return err
		}
		if err := record(ctx, tx, entry{Action: "freeze", Run: r.ID, State: string(r.State), Outcome: c.Frozen.By + "; Odoo may be unfrozen: no"}); err != nil {
			return err
		}
	}
	if c.Ask != "" {
		return askQuestion(ctx, tx, r.ID, askedFreeze, c.Ask)
	}
	return keepEnd(ctx, tx, r, c.Ended)
}

func keepSteps(ctx context.Context, tx pgx.Tx, id engine.RunID, steps []engine.RehearsalStep) error {
	for _, s := range steps {
		_, err := tx.Exec(ctx, `UPDATE ferry.rehearsal_step SET state = $3, work = nullif($4::bigint, 0), found = $5,
				started_at = CASE WHEN $3 IN ('waiting', 'skipped') THEN started_at ELSE coalesce(started_at, clock_timestamp()) END,
				finished_at = CASE WHEN $3 IN ('done', 'failed') THEN clock_timestamp() END
			WHERE run_id = $1 AND name = $2`, id, string(s.Name), string(s.State), int64(s.Run), s.Found)
		if err != nil {
			return err
		}
	}
	return nil
}

func keepGates(ctx context.Context, tx pgx.Tx, id engine.RunID, c rehearsal.Change) error {
	for _, g := range c.Gates {
		_, err := tx.Exec(ctx, `UPDATE ferry.rehearsal_gate SET verdict = $3, figure = $4, threshold = $5, evidence = $6, advice = $7,
				shown_by = nullif($8::bigint, 0), at = clock_timestamp(), asked_by = '', work = NULL WHERE run_id = $1 AND name = $2`,
			id, string(g.Name), string(g.Verdict), g.Figure, g.Threshold, g.Evidence, g.Advice, int64(g.Run))
		if err != nil {
			return err
		}
	}
	for name, run := range c.Work {
		if _, err := tx.Exec(ctx, `UPDATE ferry.rehearsal_gate SET work = $3 WHERE run_id = $1 AND name = $2`, id, string(name), int64(run)); err != nil {
			return err
		}
	}
	return nil
}

// keepEnd keeps a verdict. The first one ends the rehearsal; a later one, behind a gate that was measured again, is about the
// same state of the source.
func keepEnd(ctx context.Context, tx pgx.Tx, r runRow, e *rehearsal.Ended) error {
	if e == nil {
		return nil
	}
	var mark []byte
	if e.Mark != nil {
		text, err := json.Marshal(e.Mark)
		if err != nil {
			return fmt.Errorf("keeping where the source stands: %w", err)
		}
		mark = text
	}
	_, err := tx.Exec(ctx, `UPDATE ferry.rehearsal SET verdict = $2, why = $3, verdict_at = coalesce(verdict_at, clock_timestamp()),
		mark = coalesce(mark, $4::jsonb) WHERE run_id = $1`, r.ID, string(e.Verdict), e.Why, mark)
	if err != nil {
		return err
	}
	if r.State == engine.RunRunning {
		if err := setState(ctx, tx, r.ID, engine.RunDone, "", ""); err != nil {
			return err
		}
	}
	return record(ctx, tx, entry{Action: "rehearsal", Run: r.ID, State: string(r.State), Reason: e.Why, Outcome: engine.GoWord(e.Verdict)})
}

// RerunGate asks for a gate of the last rehearsal to be measured again.
func (db *DB) RerunGate(ctx context.Context, act engine.Act, gate engine.GateName, by engine.Actor) error {
	return db.inTx(ctx, "asking for a gate to be measured again", func(tx pgx.Tx) error {
		r, err := lockRun(ctx, tx, act.Run)
		if err != nil {
			return err
		}
		var last engine.RunID
		if err := tx.QueryRow(ctx, `SELECT coalesce(max(run_id), 0) FROM ferry.rehearsal`).Scan(&last); err != nil {
			return err
		}
		switch {
		case act.Seen != "" && act.Seen != r.State:
			return engine.Refuse(engine.ErrStateChanged, "rehearsal #%d is %s, set by %s", r.ID, r.State, orNobody(r.By))
		case last != r.ID:
			return engine.Refuse(engine.ErrStateChanged, "gates are measured as things are now, so only those of the last rehearsal, #%d, "+
				"are measured again", last)
		case r.State != engine.RunRunning && r.State != engine.RunDone:
			return engine.Refuse(engine.ErrStateChanged, "rehearsal #%d is %s; resume it (`ferry resume --run %[1]d`) to measure its gates", r.ID, r.State)
		}
		tag, err := tx.Exec(ctx, `UPDATE ferry.rehearsal_gate SET asked_by = $3, work = NULL WHERE run_id = $1 AND name = $2 AND asked_by = ''`,
			r.ID, string(gate), by.String())
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return refuseGate(ctx, tx, r.ID, gate)
		}
		return record(ctx, tx, entry{
			Actor: by, Action: "measure gate " + string(gate), Run: r.ID, State: string(r.State), Reason: act.Reason, Outcome: "asked",
		})
	})
}

// refuseGate says why a gate is not measured again: somebody has asked for it already, or the rehearsal has none of that name.
func refuseGate(ctx context.Context, tx pgx.Tx, id engine.RunID, gate engine.GateName) error {
	var by string
	var has []string
	err := tx.QueryRow(ctx, `SELECT coalesce(max(asked_by) FILTER (WHERE name = $2), ''), coalesce(array_agg(name ORDER BY seq), '{}')
		FROM ferry.rehearsal_gate WHERE run_id = $1`, id, string(gate)).Scan(&by, &has)
	if err != nil {
		return err
	}
	if by != "" {
		return engine.Refuse(engine.ErrStateChanged, "gate %s of rehearsal #%d is being measured again already, for %s", gate, id, by)
	}
	return engine.Refuse(engine.ErrStateChanged, "rehearsal #%d has no gate %q; it has %s", id, gate, strings.Join(has, ", "))
}

// ExpireRehearsal keeps that the source has moved on since a GO.
func (db *DB) ExpireRehearsal(ctx context.Context, id engine.RunID, moved string) error {
	return db.inTx(ctx, "keeping that a GO has expired", func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `UPDATE ferry.rehearsal SET expired_at = clock_timestamp(), moved = $2 WHERE run_id = $1 AND expired_at IS NULL`, id, moved)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		return record(ctx, tx, entry{Action: "GO expired", Run: id, Outcome: moved})
	})
}

// SampleRehearsal keeps what is seen of a rehearsal now.
func (db *DB) SampleRehearsal(ctx context.Context, id engine.RunID, s engine.RehearsalSample) error {
	var fresh *time.Duration
	if s.Fresh.Known {
		fresh = &s.Fresh.Value
	}
	_, err := db.pool.Exec(ctx, `INSERT INTO ferry.rehearsal_sample (run_id, step, work, rows, fresh) VALUES ($1, $2, nullif($3::bigint, 0), $4, $5::interval)
		ON CONFLICT DO NOTHING`, id, string(s.Step), int64(s.Run), s.Rows, fresh)
	return sqlstate.Wrap(engine.SideTarget, "keeping what is seen of a rehearsal", err)
}
