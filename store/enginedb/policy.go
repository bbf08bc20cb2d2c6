package enginedb

import (
	"context"

	"github.com/jackc/pgx/v5"

	"ferry/engine"
	"ferry/engine/cycle"
	"ferry/store/sqlstate"
)

// Policies reads the policies in force.
func (db *DB) Policies(ctx context.Context) (cycle.Policies, error) {
	p, err := currentPolicies(ctx, db.pool)
	return p, sqlstate.Wrap(engine.SideTarget, "reading the policies", err)
}

// SetPolicy gives a policy another value; the next run begins with it. How fast runs go counts at once.
func (db *DB) SetPolicy(ctx context.Context, name, value string, act engine.Act, by engine.Actor) error {
	return db.inOpenTx(ctx, "changing a policy", func(tx pgx.Tx) error {
		// What is not in the table has its default, so there may be no row to lock.
		if _, err := tx.Exec(ctx, `LOCK TABLE ferry.policy IN SHARE ROW EXCLUSIVE MODE`); err != nil {
			return err
		}
		p, err := currentPolicies(ctx, tx)
		if err != nil {
			return err
		}
		before := p.Get(name)
		if err := p.Set(name, value); err != nil {
			return err
		}
		after := p.Get(name)
		if before == after {
			return engine.Refuse(engine.ErrStateChanged, "policy %s is %s already", name, before)
		}
		_, err = tx.Exec(ctx, `INSERT INTO ferry.policy (name, value, set_by, set_at, reason) VALUES ($1, $2, $3, clock_timestamp(), $4)
			ON CONFLICT (name) DO UPDATE SET value = EXCLUDED.value, set_by = EXCLUDED.set_by, set_at = EXCLUDED.set_at, reason = EXCLUDED.reason`,
			name, after, by.String(), act.Reason)
		if err != nil {
			return err
		}
		if name == engine.PolicyThrottle || name == engine.PolicyBatchRows {
			if err := db.recarve(ctx, tx); err != nil {
				return err
			}
		}
		return record(ctx, tx, entry{Actor: by, Action: "policy " + name, State: before, Reason: act.Reason, Outcome: after})
	})
}
