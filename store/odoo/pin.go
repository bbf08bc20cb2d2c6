package odoo

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"ferry/engine"
	"ferry/engine/redact"
	"ferry/store/sqlstate"
)

// pin says who holds back the floor of a snapshot: "pid 812 odoo, idle in transaction, 12 min". What this role may not
// see is said to be hidden, with the grant that would show it. It gives nothing if no transaction does.
//
// The floor is the id of the oldest transaction that has written and had not ended when the snapshot was taken, in
// whatever database of the cluster. A transaction that only reads holds back vacuum, but no floor: however long a backup
// takes, it is not to blame. q is the snapshot's own session: on another one the floor may have moved on.
func (db *DB) pin(ctx context.Context, q querier) (string, error) {
	const doing = "looking who holds back the floor"
	var standby bool
	if err := q.QueryRow(ctx, `SELECT pg_is_in_recovery()`).Scan(&standby); err != nil {
		return "", sqlstate.Wrap(engine.SideSource, doing, err)
	}
	if standby {
		return "cannot be seen; a standby does not show its primary's transactions", nil
	}
	var o occupant
	var elsewhere string
	err := q.QueryRow(ctx, `
		WITH floor (xid) AS (SELECT pg_snapshot_xmin(pg_current_snapshot())::xid)
		SELECT `+occupantColumns+`, coalesce(nullif(coalesce(a.datname, p.database), current_database()), '')::text
		FROM floor
		LEFT JOIN pg_stat_activity a ON a.backend_xid = floor.xid
		LEFT JOIN pg_prepared_xacts p ON p.transaction = floor.xid
		WHERE a.pid IS NOT NULL OR p.gid IS NOT NULL LIMIT 1`).Scan(append(o.fields(), &elsewhere)...)
	if errors.Is(err, pgx.ErrNoRows) {
		return "", nil
	}
	if err != nil {
		return "", sqlstate.Wrap(engine.SideSource, doing, err)
	}
	return redact.Text(o.atFloor(elsewhere)), nil
}

// atFloor is "pid 812 odoo, psql in database test, idle in transaction, 12 min".
func (o *occupant) atFloor(elsewhere string) string {
	name := o.Name
	if o.PID != 0 {
		name = fmt.Sprintf("pid %d %s", o.PID, o.Name)
	}
	if o.Application != "" {
		name += ", " + o.Application
	}
	if elsewhere != "" {
		name += " in database " + elsewhere
	}
	return name + o.since()
}
