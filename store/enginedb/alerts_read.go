package enginedb

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"ferry/engine"
	"ferry/engine/monitor"
	"ferry/store/sqlstate"
)

// alertsFrom reads alerts a with what became of their messages.
const alertsFrom = `SELECT a.id, a.rule, a.entity, a.severity, a.text, a.fired_at, a.seen_at, a.resolved_at, NOT a.told,
		d.sent, d.pending, coalesce(d.error, '')
	FROM ferry.alert a CROSS JOIN LATERAL (SELECT count(*) FILTER (WHERE state = 'sent') AS sent, count(*) FILTER (WHERE state = 'pending') AS pending,
		(array_agg(error ORDER BY id DESC) FILTER (WHERE error <> ''))[1] AS error FROM ferry.delivery WHERE alert_id = a.id) d `

func scanAlert(row pgx.CollectableRow) (engine.AlertView, error) {
	var v engine.AlertView
	var resolved *time.Time
	err := row.Scan(&v.ID, &v.Rule, &v.Entity, &v.Severity, &v.Text, &v.FiredAt, &v.SeenAt, &resolved, &v.Quiet, &v.Sent, &v.Pending, &v.LastError)
	v.FiredAt, v.SeenAt, v.ResolvedAt = v.FiredAt.UTC(), v.SeenAt.UTC(), orZero(resolved)
	return v, err
}

// Alerts lists alerts, newest first.
func (db *DB) Alerts(ctx context.Context, before int64, limit int) ([]engine.AlertView, error) {
	rows, err := db.pool.Query(ctx, alertsFrom+`WHERE $1 = 0 OR a.id < $1 ORDER BY a.id DESC LIMIT $2`, before, limit)
	if err != nil {
		return nil, sqlstate.Wrap(engine.SideTarget, "listing alerts", err)
	}
	out, err := pgx.CollectRows(rows, scanAlert)
	return out, sqlstate.Wrap(engine.SideTarget, "listing alerts", err)
}

// firingShown bounds the alerts of a snapshot.
const firingShown = 50

// readMonitor reads what the monitor said last, what fires, and what is not through.
func readMonitor(ctx context.Context, tx pgx.Tx, s *engine.Snapshot) error {
	m := &s.Monitor
	var at, counted *time.Time
	var levels []byte
	err := tx.QueryRow(ctx, `SELECT judged_at, levels, (SELECT count(*) FROM ferry.delivery WHERE state = 'pending'),
			coalesce((SELECT channel || ': ' || error FROM ferry.delivery WHERE state = 'pending' AND error <> '' ORDER BY id DESC LIMIT 1), ''),
			(SELECT max(counted_at) FROM ferry.entity_state s JOIN ferry.run r ON r.id = s.run_id WHERE r.state = 'done')
		FROM ferry.monitor`).Scan(&at, &levels, &m.Pending, &m.Failed, &counted)
	if err != nil {
		return err
	}
	m.At, s.Freshness.CountedAt = orZero(at), orZero(counted)
	if err := json.Unmarshal(levels, &m.Levels); err != nil {
		return err
	}
	if old := s.TakenAt.Sub(m.At); old > 3*monitor.Every {
		for i := range m.Levels { // what was kept then is not known to be now
			m.Levels[i].State, m.Levels[i].Why = engine.LevelUnknown, "nobody has judged it for "+monitor.Span(old)+": no ferry that may act is there"
		}
	}
	rows, err := tx.Query(ctx, alertsFrom+`WHERE a.resolved_at IS NULL ORDER BY a.id LIMIT $1`, firingShown)
	if err != nil {
		return err
	}
	if m.Firing, err = pgx.CollectRows(rows, scanAlert); err != nil {
		return err
	}
	slices.SortFunc(m.Firing, monitor.ByUrgency)
	policies, err := currentPolicies(ctx, tx)
	if err != nil {
		return err
	}
	for i := range s.Entities {
		s.Entities[i].RejectedLimit = engine.Known(policies.Levels.RejectedShare.For(s.Entities[i].Name))
	}
	return readFailedTicks(ctx, tx, s)
}

// readFailedTicks reads how many ticks failed: one behind the other up to now, and in the last hour. A line of history may
// stand for many that failed alike; of one that began before that hour only its part counts.
func readFailedTicks(ctx context.Context, tx pgx.Tx, s *engine.Snapshot) error {
	return tx.QueryRow(ctx, `WITH failed AS (SELECT id, ticks, error, first_at, finished_at FROM ferry.run WHERE scheduled AND writes AND state = 'failed')
		SELECT coalesce(sum(ticks) FILTER (WHERE in_row), 0), coalesce((array_agg(error ORDER BY id DESC) FILTER (WHERE in_row))[1], ''),
			coalesce(sum(ceil(ticks * least(1, extract(epoch FROM finished_at - (clock_timestamp() - interval '1 hour'))
				/ greatest(extract(epoch FROM finished_at - first_at), 0.001)))) FILTER (WHERE finished_at > clock_timestamp() - interval '1 hour'), 0)::bigint
		FROM (SELECT id, ticks, error, first_at, finished_at,
			id > coalesce((SELECT max(id) FROM ferry.run WHERE writes AND state = 'done'), 0) AS in_row FROM failed) f`).
		Scan(&s.Schedule.FailedInRow, &s.Schedule.LastFailure, &s.Schedule.FailedHour)
}
