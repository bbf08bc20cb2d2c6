// Package enginedb keeps everything that ferry knows in the engine database: the rows themselves, and in schema ferry the
// runs with their steps and batches, quarantine, leases, workers and the journal.
//
// A batch's rows, counts, checkpoint and job commit in one transaction (load.go, write.go, steps.go), so what a console
// reads here (snapshot.go) is what is durable. The fence of every writing transaction is the entity's lease, locked
// FOR SHARE, with the epoch that its run began with; cancelling and new runs raise the epoch under FOR UPDATE.
//
// Locks are always taken in this order: the batch's own (workers.go), lease, codes, the engine's rows, quarantine, batch, step,
// entity_state, run; a run's row only FOR NO KEY UPDATE, for whatever refers to the run (quarantine, batches) holds a key share lock on it.
package enginedb

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"ferry/engine"
	"ferry/engine/cycle"
	"ferry/store/migrations"
	"ferry/store/session"
	"ferry/store/sqlstate"
)

// SilentAfter is how long a worker may be silent before its batches are handed to others.
const SilentAfter = engine.TakenOver

var sessionSettings = map[string]string{
	"lock_timeout":                        "10000",
	"idle_in_transaction_session_timeout": "15000",
}

// Job is a batch to be put in the queue, for the given attempt.
type Job struct {
	Batch   engine.BatchID
	Attempt int
	Behind  int           `db:"-"` // 0 to 3: jobs with a lower figure come first
	After   time.Duration `db:"-"` // it is not taken up before
}

// Queue carries batches to workers.
type Queue interface {
	// Enqueue puts jobs in the queue when the transaction commits.
	Enqueue(ctx context.Context, tx pgx.Tx, jobs []Job) error
	// Lost gives those of the jobs that will never be worked on: the queue does not have them, or has them with a process
	// that is not among the living, or with this one (here), which is not at them.
	Lost(ctx context.Context, tx pgx.Tx, jobs []Job, here string, living []string) ([]Job, error)
	// Busy reports whether this process works on a batch at this moment.
	Busy(batch engine.BatchID) bool
}

// DB is the engine database.
type DB struct {
	pool     *pgxpool.Pool
	queue    Queue
	silence  time.Duration
	observer cycle.Observer
}

// Open prepares sessions on the engine database; it does not connect yet. conns bounds them.
func Open(ctx context.Context, dsn, application string, conns int, readOnly bool) (*DB, error) {
	settings := maps.Clone(sessionSettings)
	if readOnly {
		settings["default_transaction_read_only"] = "on"
	}
	pool, err := session.Open(ctx, dsn, application, max(conns, 4), settings)
	if err != nil {
		return nil, sqlstate.Wrap(engine.SideTarget, "reading the target's connection string", err)
	}
	return &DB{pool: pool, silence: SilentAfter, observer: cycle.Unobserved{}}, nil
}

// Pool is the pool of sessions, for the queue, which shares our transactions.
func (db *DB) Pool() *pgxpool.Pool { return db.pool }

// SetQueue gives the queue into which batches are put.
func (db *DB) SetQueue(q Queue) { db.queue = q }

// SetObserver has an observer told of what this process commits, from the next batch on. Call it before workers start.
func (db *DB) SetObserver(o cycle.Observer) { db.observer = o }

// SetSilence changes how long a worker may be silent before its batches are handed to others, for tests: every process on
// a database must agree on it.
func (db *DB) SetSilence(d time.Duration) { db.silence = d }

// Close ends all sessions.
func (db *DB) Close() { db.pool.Close() }

// Address is the engine database without secrets: "engine@10.0.4.9/loyalty".
func (db *DB) Address() string {
	c := db.pool.Config().ConnConfig
	return session.Address(c)
}

// Ping checks that the engine database answers; it gives its version and whether ferry's schema is ready.
func (db *DB) Ping(ctx context.Context) (version string, setup engine.Setup, err error) {
	if err := db.pool.QueryRow(ctx, `SELECT current_setting('server_version')`).Scan(&version); err != nil {
		return "", engine.SetupUnknown, sqlstate.Wrap(engine.SideTarget, "connecting", err)
	}
	setup, err = migrations.Status(ctx, db.pool)
	return version, setup, sqlstate.Wrap(engine.SideTarget, "reading ferry's schema", err)
}

// Ready fails unless ferry's schema is at this program's version.
func (db *DB) Ready(ctx context.Context) error {
	_, setup, err := db.Ping(ctx)
	if err != nil {
		return err
	}
	switch setup {
	case engine.SetupReady:
		return nil
	case engine.SetupOlder:
		return fmt.Errorf("%w: run `ferry init` to migrate it", engine.ErrSchemaOlder)
	case engine.SetupNewer:
		return fmt.Errorf("%w: use that version or a later one", engine.ErrSchemaNewer)
	case engine.SetupMissing, engine.SetupUnknown:
	}
	return fmt.Errorf("%w: run `ferry init` first", engine.ErrNotInitialised)
}

// deadlock is what a server says that has ended one of several transactions, each of which waited for another.
const deadlock = "40P01"

// inTx runs fn in a transaction of the engine database and classes its errors, but for refusals, which no database said. One that
// was ended for a deadlock is tried again: nothing of it has happened, and the others are through.
func (db *DB) inTx(ctx context.Context, doing string, fn func(pgx.Tx) error) error {
	var err error
	for range 3 {
		err = pgx.BeginFunc(ctx, db.pool, fn)
		if pg, said := errors.AsType[*pgconn.PgError](err); !said || pg.Code != deadlock {
			break
		}
	}
	if engine.IsRefusal(err) {
		return err
	}
	return sqlstate.Wrap(engine.SideTarget, doing, err)
}
