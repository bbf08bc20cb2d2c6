package enginedb

import (
	"context"
	"fmt"

	"ferry/engine"
	"ferry/store/sqlstate"
)

// Identity names the cluster and the database, in the form in which the source's identity is given: see
// engine.SameDatabase.
func (db *DB) Identity(ctx context.Context) (string, error) {
	var system int64
	var database string
	err := db.pool.QueryRow(ctx,
		`SELECT (pg_control_system()).system_identifier, current_database()`).Scan(&system, &database)
	if err != nil {
		return "", sqlstate.Wrap(engine.SideTarget, "identifying the cluster", err)
	}
	return fmt.Sprintf("%d/%s", system, database), nil
}
