package odoo

import (
	"context"
	"time"

	"ferry/engine"
	"ferry/store/sqlstate"
)

// OldestTransaction is how long ferry's longest transaction at the source has been open, in any process that uses this role;
// 0: none is. A role always sees its own sessions.
func (db *DB) OldestTransaction(ctx context.Context) (time.Duration, error) {
	var seconds float64
	err := db.pool.QueryRow(ctx, `SELECT coalesce(max(extract(epoch FROM clock_timestamp() - xact_start)), 0)::float8 FROM pg_stat_activity
		WHERE usename = current_user AND datname = current_database() AND application_name LIKE 'ferry %' AND pid <> pg_backend_pid()`).Scan(&seconds)
	return time.Duration(seconds * float64(time.Second)), sqlstate.Wrap(engine.SideSource, "looking for ferry's own transactions", err)
}
