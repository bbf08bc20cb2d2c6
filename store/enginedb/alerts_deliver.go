package enginedb

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"ferry/engine"
	"ferry/engine/monitor"
	"ferry/engine/redact"
	"ferry/store/sqlstate"
)

// Channels makes known which channels this process has.
func (db *DB) Channels(ctx context.Context, names []string) error {
	_, err := db.pool.Exec(ctx, `INSERT INTO ferry.channel (name) SELECT unnest($1::text[])
		ON CONFLICT (name) DO UPDATE SET seen_at = clock_timestamp()`, names)
	return sqlstate.Wrap(engine.SideTarget, "making channels known", err)
}

// NextDelivery takes the next message that is due on a channel. Messages of one alert come in their order. Whoever takes one
// and is never heard of again leaves it to others: it is theirs once the lease is over.
func (db *DB) NextDelivery(ctx context.Context, channel, by string) (*monitor.Claim, error) {
	c := &monitor.Claim{Channel: channel}
	err := db.pool.QueryRow(ctx, `UPDATE ferry.delivery d SET tries = d.tries + 1, worker = $2, next_at = clock_timestamp() + $3::interval
		FROM ferry.alert a WHERE a.id = d.alert_id AND d.id = (
			SELECT n.id FROM ferry.delivery n WHERE n.channel = $1 AND n.state = 'pending' AND n.next_at <= clock_timestamp()
				AND n.created_at > clock_timestamp() - $4::interval
				AND NOT EXISTS (SELECT FROM ferry.delivery b WHERE b.alert_id = n.alert_id AND b.channel = n.channel AND b.state = 'pending' AND b.id < n.id)
			ORDER BY n.next_at, n.id LIMIT 1 FOR UPDATE SKIP LOCKED)
		RETURNING d.id, d.alert_id, d.message, a.rule, a.entity, d.severity, d.text, a.fired_at, d.created_at, d.tries`,
		channel, by, monitor.Lease, monitor.GiveUpAfter).
		Scan(&c.Delivery, &c.Alert, &c.Kind, &c.Rule, &c.Entity, &c.Severity, &c.Text, &c.FiredAt, &c.At, &c.Tries)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil //nolint:nilnil // no message is no failure
	}
	if err != nil {
		return nil, sqlstate.Wrap(engine.SideTarget, "looking for messages to send", err)
	}
	return c, nil
}

// Delivered keeps how an attempt ended. One that took longer than its lease may have been made by another process again.
func (db *DB) Delivered(ctx context.Context, c monitor.Claim, failure error) error {
	var err error
	if failure == nil {
		_, err = db.pool.Exec(ctx, `UPDATE ferry.delivery SET state = 'sent', sent_at = clock_timestamp(), error = ''
			WHERE id = $1 AND state <> 'sent'`, c.Delivery)
	} else {
		_, err = db.pool.Exec(ctx, `UPDATE ferry.delivery SET error = $2, next_at = clock_timestamp() + $3::interval
			WHERE id = $1 AND state = 'pending' AND tries = $4`, c.Delivery, redact.Text(failure.Error()), monitor.Backoff(c.Tries), c.Tries)
	}
	return sqlstate.Wrap(engine.SideTarget, "keeping what became of a message", err)
}
