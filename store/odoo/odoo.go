// Package odoo reads Odoo's PostgreSQL and never writes it.
//
// Every session is read-only by setting and by transaction, runs in UTC, sees every row or fails (row_security off),
// and carries timeouts, because a reader that holds a transaction open for long makes Odoo's own work fail. A Snapshot
// is one short REPEATABLE READ transaction: a batch reads its range, and what else it must know, in one of them.
package odoo

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"ferry/engine"
	"ferry/store/session"
	"ferry/store/sqlstate"
)

// MaxTransaction is how long a source transaction may take: Odoo gives up on a lock after 15 s, and others queue behind.
const MaxTransaction = 10 * time.Second

// sessions bounds what this process opens on the source.
const sessions = 8

// sessionSettings hold for every session on the source.
var sessionSettings = map[string]string{
	"default_transaction_read_only":       "on",
	"row_security":                        "off",
	"statement_timeout":                   "9500",
	"lock_timeout":                        "3000",
	"idle_in_transaction_session_timeout": "10000",
}

// DB is the source.
type DB struct {
	pool *pgxpool.Pool
}

// Open prepares sessions on the source; it does not connect yet. It fails on a connection string that cannot be read.
func Open(ctx context.Context, dsn, application string) (*DB, error) {
	pool, err := session.Open(ctx, dsn, application, sessions, sessionSettings)
	if err != nil {
		return nil, sqlstate.Wrap(engine.SideSource, "reading the source's connection string", err)
	}
	return &DB{pool: pool}, nil
}

// Close ends all sessions.
func (db *DB) Close() { db.pool.Close() }

// Address is the source without secrets: "odoo@10.0.4.7/prod".
func (db *DB) Address() string { return session.Address(db.pool.Config().ConnConfig) }

// Ping checks that the source answers, and gives its version.
func (db *DB) Ping(ctx context.Context) (version string, err error) {
	err = db.pool.QueryRow(ctx, `SELECT current_setting('server_version')`).Scan(&version)
	return version, sqlstate.Wrap(engine.SideSource, "connecting", err)
}

// Identity names the cluster and the database, so that a worker with another source can refuse a batch.
func (db *DB) Identity(ctx context.Context) (string, error) {
	var system int64
	var database string
	err := db.pool.QueryRow(ctx,
		`SELECT (pg_control_system()).system_identifier, current_database()`).Scan(&system, &database)
	if err != nil {
		return "", sqlstate.Wrap(engine.SideSource, "identifying the cluster", err)
	}
	return fmt.Sprintf("%d/%s", system, database), nil
}
