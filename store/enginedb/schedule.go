package enginedb

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"ferry/engine"
	"ferry/store/sqlstate"
)

// SetEvery says how often ticks come, for every process.
func (db *DB) SetEvery(ctx context.Context, every time.Duration, by engine.Actor) error {
	return db.inOpenTx(ctx, "changing how often ticks come", func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `UPDATE ferry.schedule SET every = $1, next_at = least(next_at, clock_timestamp() + $1) WHERE every <> $1`, every)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		return record(ctx, tx, entry{Actor: by, Action: "schedule", Outcome: "a tick every " + every.String()})
	})
}

// PauseSchedule holds ticks back in every process.
func (db *DB) PauseSchedule(ctx context.Context, act engine.Act, by engine.Actor) error {
	return db.inTx(ctx, "pausing the schedule", func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `UPDATE ferry.schedule SET paused_by = $1, reason = $2, paused_at = clock_timestamp() WHERE paused_by = ''`,
			by.String(), act.Reason)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			var who, why string
			if err := tx.QueryRow(ctx, `SELECT paused_by, reason FROM ferry.schedule`).Scan(&who, &why); err != nil {
				return err
			}
			return engine.Refuse(engine.ErrStateChanged, "the ticks are already paused by %s%s", who, inWords(why))
		}
		return record(ctx, tx, entry{Actor: by, Action: "pause schedule", Reason: act.Reason, Outcome: "paused"})
	})
}

// ResumeSchedule lets ticks come again, the first at once.
func (db *DB) ResumeSchedule(ctx context.Context, act engine.Act, by engine.Actor) error {
	return db.inOpenTx(ctx, "resuming the schedule", func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `UPDATE ferry.schedule SET paused_by = '', reason = '', paused_at = NULL, next_at = clock_timestamp() WHERE paused_by <> ''`)
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return engine.Refuse(engine.ErrStateChanged, "the ticks are not paused")
		}
		return record(ctx, tx, entry{Actor: by, Action: "resume schedule", Reason: act.Reason, Outcome: "resumed"})
	})
}

// inWords adds a reason, if there is one.
func inWords(reason string) string {
	if reason == "" {
		return ""
	}
	return " (" + reason + ")"
}

// TickDue reports whether a tick should begin now: its time has come, nobody holds ticks back, no run is active, and the engine is
// not sealed.
func (db *DB) TickDue(ctx context.Context) (bool, error) {
	var due bool
	err := db.pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM ferry.schedule WHERE paused_by = '' AND next_at <= clock_timestamp())
		AND NOT EXISTS (SELECT FROM ferry.run WHERE writes AND state = ANY($1)) AND NOT EXISTS (SELECT FROM ferry.unkeyed)
		AND NOT EXISTS (SELECT FROM ferry.seal WHERE unsealed_at IS NULL)`, activeStates()).Scan(&due)
	return due, sqlstate.Wrap(engine.SideTarget, "looking whether a tick is due", err)
}

// errNotDue says that another process began the tick.
var errNotDue = errors.New("no tick is due")

// takeTick takes the tick that is due. Its successor is due a whole interval after it, at once if it takes longer.
func takeTick(ctx context.Context, tx pgx.Tx) error {
	tag, err := tx.Exec(ctx, `UPDATE ferry.schedule SET next_at = clock_timestamp() + every WHERE paused_by = '' AND next_at <= clock_timestamp()`)
	if err == nil && tag.RowsAffected() == 0 {
		return errNotDue
	}
	return err
}

// Tick begins the tick that is due. It gives 0 if another process was faster.
func (db *DB) Tick(ctx context.Context, sourceIdentity string, by engine.Actor) (engine.RunID, error) {
	id, err := db.start(ctx, newRun{Kind: engine.RunIncremental, SourceIdentity: sourceIdentity, Actor: by, Scheduled: true})
	if isOneOf(err, errNotDue, engine.ErrRunActive, engine.ErrSealed) {
		return 0, nil
	}
	return id, err
}

// StartIncremental makes an incremental run that somebody asked for. It fails with ErrRunActive while another writing run is
// active.
func (db *DB) StartIncremental(ctx context.Context, sourceIdentity string, by engine.Actor, o engine.StartOptions) (engine.RunID, error) {
	return db.start(ctx, newRun{Kind: engine.RunIncremental, SourceIdentity: sourceIdentity, Actor: by, Reason: o.Reason, Entities: o.Entities})
}

// readSchedule reads when ticks come, and who starts them.
func readSchedule(ctx context.Context, tx pgx.Tx, silence time.Duration, s *engine.Snapshot) error {
	var pausedAt *time.Time
	err := tx.QueryRow(ctx, `SELECT every, next_at, paused_by, paused_at, reason FROM ferry.schedule`).
		Scan(&s.Schedule.Every, &s.Schedule.NextAt, &s.Schedule.PausedBy, &pausedAt, &s.Schedule.Reason)
	if err != nil {
		return err
	}
	s.Schedule.PausedSince = orZero(pausedAt)
	rows, err := tx.Query(ctx, `SELECT host || ':' || pid FROM ferry.worker
		WHERE keeps AND seen_at > clock_timestamp() - $1::interval ORDER BY started_at`, silence)
	if err != nil {
		return err
	}
	s.Schedule.Keepers, err = pgx.CollectRows(rows, pgx.RowTo[string])
	return err
}

// readFreshness reads how late the engine may be behind the source, and what holds the floor back.
func readFreshness(ctx context.Context, tx pgx.Tx, s *engine.Snapshot) error {
	var readAt, tickedAt *time.Time
	var p50, p99, most *float64
	err := tx.QueryRow(ctx, `SELECT (`+readFrom+`), (SELECT max(visible_at) FROM ferry.tick), count(*),
			percentile_cont(0.5) WITHIN GROUP (ORDER BY bound_ms), percentile_cont(0.99) WITHIN GROUP (ORDER BY bound_ms), max(bound_ms)::float8
		FROM ferry.tick WHERE visible_at > clock_timestamp() - interval '1 hour'`).
		Scan(&readAt, &tickedAt, &s.Freshness.Ticks, &p50, &p99, &most)
	if err != nil {
		return err
	}
	s.Freshness.ReadFrom, s.Freshness.TickedAt = orZero(readAt), orZero(tickedAt)
	s.Freshness.P50, s.Freshness.P99, s.Freshness.Max = millis(p50), millis(p99), millis(most)
	return readFloorView(ctx, tx, s)
}

func millis(v *float64) engine.Maybe[time.Duration] {
	if v == nil {
		return engine.Maybe[time.Duration]{}
	}
	return engine.Known(time.Duration(*v * float64(time.Millisecond)))
}

// readFloorView reads the floor that is furthest behind. It is pinned since the first of several cycles at which it was the id of one
// and the same transaction, which was still running. A floor that was the next id to be given to a transaction was held by nobody then: if
// it stands at the next cycle, whoever got that id may have begun a moment before.
func readFloorView(ctx context.Context, tx pgx.Tx, s *engine.Snapshot) error {
	var since *time.Time
	err := tx.QueryRow(ctx, `SELECT f.floor::text, f.read_from, f.pinned_by, CASE WHEN f.next_xid > f.floor THEN (
			SELECT min(o.read_from) FROM ferry.floor o WHERE o.entity = f.entity AND o.floor = f.floor AND o.source_identity = f.source_identity
				AND o.next_xid > o.floor
			HAVING count(*) > 1) END
		FROM (SELECT DISTINCT ON (entity) * FROM ferry.floor ORDER BY entity, run_id DESC) f ORDER BY f.read_from, f.floor LIMIT 1`).
		Scan(&s.Floor.Floor, &s.Floor.TakenAt, &s.Floor.PinnedBy, &since)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	s.Floor.PinnedSince = orZero(since)
	return err
}
