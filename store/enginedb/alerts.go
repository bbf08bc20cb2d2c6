package enginedb

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"ferry/engine"
	"ferry/engine/monitor"
	"ferry/store/sqlstate"
)

var _ monitor.Book = (*DB)(nil)

// judgeDue is the condition that levels are due to be judged by a snapshot that was taken at $1 and shows a cycle that counted at
// $2: their time has come, or that cycle is newer than the last one that was judged.
const judgeDue = `(judged_at IS NULL OR judged_at < $1
	AND (next_at <= clock_timestamp() OR coalesce($2::timestamptz > coalesce(counted_at, '-infinity'), false)))`

// JudgeDue reports whether levels are due to be judged, by a snapshot of the given age.
func (db *DB) JudgeDue(ctx context.Context, seen monitor.Seen) (bool, error) {
	var due bool
	err := db.pool.QueryRow(ctx, `SELECT `+judgeDue+` FROM ferry.monitor`, seen.Taken, timeOrNull(seen.Counted)).Scan(&due)
	return due, sqlstate.Wrap(engine.SideTarget, "looking whether service levels are due", err)
}

// Judge takes the judgement that is due, and keeps what comes of it. Of several processes the first one takes it; the others
// wait for its end and then find that none is due.
func (db *DB) Judge(ctx context.Context, seen monitor.Seen, by string, judge monitor.Judging) (bool, error) {
	judged := false
	err := db.inTx(ctx, "judging service levels", func(tx pgx.Tx) error {
		var now time.Time
		err := tx.QueryRow(ctx, `UPDATE ferry.monitor SET judged_at = $1, counted_at = $2, judged_by = $3, next_at = clock_timestamp() + $4::interval
			WHERE `+judgeDue+` RETURNING clock_timestamp()`, seen.Taken, timeOrNull(seen.Counted), by, monitor.Every).Scan(&now)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		open, err := openAlerts(ctx, tx)
		if err != nil {
			return err
		}
		told, err := lastTold(ctx, tx)
		if err != nil {
			return err
		}
		policies, err := currentPolicies(ctx, tx)
		if err != nil {
			return err
		}
		levels, changes := judge(open, told, policies.Levels, now)
		for _, c := range changes {
			if err := keepChange(ctx, tx, c, now); err != nil {
				return err
			}
		}
		text, err := json.Marshal(levels)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE ferry.monitor SET levels = $1`, text); err != nil {
			return err
		}
		judged = true
		return expireAlerts(ctx, tx)
	})
	return judged && err == nil, err
}

// openAlerts reads the alerts that have not ended.
func openAlerts(ctx context.Context, q querier) ([]monitor.Open, error) {
	rows, err := q.Query(ctx, `SELECT id, rule, entity, severity, text, fired_at, clear_since, told FROM ferry.alert WHERE resolved_at IS NULL ORDER BY id`)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (monitor.Open, error) {
		var o monitor.Open
		var since *time.Time
		err := row.Scan(&o.ID, &o.Rule, &o.Entity, &o.Severity, &o.Text, &o.FiredAt, &since, &o.Told)
		o.ClearSince = orZero(since)
		return o, err
	})
}

// lastTold reads when somebody was last told anything, by what it was about. What was told longer ago than any quiet period
// makes no difference.
func lastTold(ctx context.Context, q querier) (map[monitor.Key]time.Time, error) {
	rows, err := q.Query(ctx, `SELECT rule, entity, max(told_at) FROM ferry.alert WHERE told_at IS NOT NULL
		AND (resolved_at IS NULL OR resolved_at > clock_timestamp() - $1::interval) GROUP BY 1, 2`, monitor.KeepFor)
	if err != nil {
		return nil, err
	}
	out := map[monitor.Key]time.Time{}
	var key monitor.Key
	var at time.Time
	_, err = pgx.ForEachRow(rows, []any{&key.Rule, &key.Entity, &at}, func() error {
		out[key] = at
		return nil
	})
	return out, err
}

// keepChange keeps what becomes of one alert, and a message for every channel if somebody is to be told.
func keepChange(ctx context.Context, tx pgx.Tx, c monitor.Change, now time.Time) error {
	id := c.ID
	var err error
	if id == 0 {
		err = tx.QueryRow(ctx, `INSERT INTO ferry.alert (rule, entity, severity, text, fired_at, seen_at, told) VALUES ($1, $2, $3, $4, $5, $5, $6)
			RETURNING id`, c.Rule, c.Entity, string(c.Severity), c.Text, now, c.Told).Scan(&id)
	} else {
		_, err = tx.Exec(ctx, `UPDATE ferry.alert SET severity = $2, text = $3, told = $4, clear_since = $5,
				seen_at = CASE WHEN $5::timestamptz IS NULL THEN $6 ELSE seen_at END, resolved_at = CASE WHEN $7 THEN $6::timestamptz END
			WHERE id = $1`, id, string(c.Severity), c.Text, c.Told, timeOrNull(c.ClearSince), now, c.Ends)
	}
	if err != nil || c.Say == "" {
		return err
	}
	if _, err := tx.Exec(ctx, `UPDATE ferry.alert SET told_at = $2 WHERE id = $1`, id, now); err != nil {
		return err
	}
	// A reminder that is not through yet stands for this one too.
	_, err = tx.Exec(ctx, `INSERT INTO ferry.delivery (alert_id, channel, message, severity, text, created_at, next_at)
		SELECT $1, c.name, $2, $3, $4, $5, $5 FROM ferry.channel c WHERE c.seen_at > $5::timestamptz - $6::interval
			AND NOT ($2 = 'reminder' AND EXISTS (SELECT FROM ferry.delivery d WHERE d.alert_id = $1 AND d.channel = c.name AND d.state = 'pending'))`,
		id, string(c.Say), string(c.Severity), c.Message, now, monitor.GiveUpAfter)
	return err
}

func timeOrNull(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// expireAlerts gives up messages that nobody could send for a day, and forgets alerts that were over long ago.
func expireAlerts(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, `UPDATE ferry.delivery SET state = 'given_up',
			error = CASE WHEN error = '' THEN 'no ferry that has this channel was there' ELSE error END
		WHERE state = 'pending' AND created_at < clock_timestamp() - $1::interval`, monitor.GiveUpAfter)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `DELETE FROM ferry.alert WHERE resolved_at < clock_timestamp() - $1::interval`, monitor.KeepFor)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `DELETE FROM ferry.channel WHERE seen_at < clock_timestamp() - $1::interval`, monitor.KeepFor)
	return err
}

// KeepOutage keeps an alert that fired while it could not be kept. What is not through yet is sent from here on as any other
// message. Several processes may have seen the same outage: it is one alert.
func (db *DB) KeepOutage(ctx context.Context, o monitor.Outage) error {
	return db.inTx(ctx, "keeping what was told while the engine database did not answer", func(tx pgx.Tx) error {
		var id int64
		err := tx.QueryRow(ctx, `INSERT INTO ferry.alert (rule, entity, severity, text, fired_at, seen_at, told, told_at)
			VALUES ($1, $2, $3, $4, $5, clock_timestamp(), true, $6) ON CONFLICT (rule, entity) WHERE resolved_at IS NULL
			DO UPDATE SET seen_at = EXCLUDED.seen_at, told = true, told_at = greatest(alert.told_at, EXCLUDED.told_at), clear_since = NULL RETURNING id`,
			o.Rule, o.Entity, string(o.Severity), o.Text, o.FiredAt, o.ToldAt).Scan(&id)
		if err != nil {
			return err
		}
		for _, m := range o.Messages {
			state := "pending"
			if !m.SentAt.IsZero() {
				state = "sent"
			}
			_, err := tx.Exec(ctx, `INSERT INTO ferry.delivery (alert_id, channel, message, severity, text, state, tries, created_at, sent_at, error)
				VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
				id, m.Channel, string(m.Kind), string(o.Severity), m.Text, state, m.Tries, m.At, timeOrNull(m.SentAt), m.Error)
			if err != nil {
				return err
			}
		}
		return nil
	})
}
