package odoo

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"ferry/engine"
	"ferry/engine/redact"
	"ferry/store/sqlstate"
)

// holdersLimit bounds the look at who holds a lock: it only makes an error's text better.
const holdersLimit = 2 * time.Second

// shownHolders is how many holders of a lock are named.
const shownHolders = 3

// lockHolders says who keeps a table from being read: "waiting for lock held by pid 812 (odoo), idle in transaction,
// 40 s". What this role may not see is said to be hidden, with the grant that would show it. It gives nothing if nobody
// holds the table any more.
//
// It looks on a session of its own, for the one that waited has failed.
func (db *DB) lockHolders(ctx context.Context, table string) string {
	ctx, cancel := context.WithTimeout(ctx, holdersLimit)
	defer cancel()
	conn, err := db.pool.Acquire(ctx)
	if err != nil {
		return unseen(err)
	}
	defer conn.Release()
	locks, err := exclusiveLocks(ctx, conn, table)
	if err != nil {
		return unseen(err)
	}
	if len(locks) == 0 {
		return ""
	}
	if locks[0].Granted {
		return "waiting for lock held by " + together(locks)
	}
	// Nobody holds it: whoever waits for it stands in our way all the same, and somebody else in theirs.
	first := locks[0]
	behind, err := blockers(ctx, conn, first.PID)
	if err != nil {
		return unseen(err)
	}
	text := "waiting behind " + first.inLock() + ", who waits to lock the table"
	if len(behind) > 0 {
		text += " held by " + together(behind)
	}
	return text
}

func unseen(err error) string {
	return "who holds the lock could not be seen: " + sqlstate.Wrap(engine.SideSource, "looking for locks", err).Error()
}

// occupant is a session, a prepared transaction or the server itself, as far as this role may see it.
type occupant struct {
	PID         int32  // 0: a prepared transaction
	Name        string // the user; for a prepared transaction, what it is called and whose it is
	Application string
	State       string
	Open        *time.Duration // nil: this role may not see since when
	Grant       string         // the statement that would show it; empty: none would
}

type lock struct {
	occupant

	Granted bool
}

// occupantColumns describe a session a or a prepared transaction p, for the fields of an occupant. A session that has a
// transaction and shows no beginning is hidden from this role; the process that replays a primary's log has neither.
const occupantColumns = `coalesce(a.pid, 0), coalesce(a.usename, format('prepared transaction %s of %s', p.gid, p.owner),
	CASE WHEN pg_is_in_recovery() THEN 'recovery, for the primary' END, 'the server')::text,
	coalesce(a.application_name, ''), coalesce(a.state, ''),
	greatest(clock_timestamp() - coalesce(a.xact_start, p.prepared), CASE WHEN coalesce(a.xact_start, p.prepared) IS NOT NULL THEN interval '0' END),
	CASE WHEN a.usename IS NULL THEN '' ELSE 'GRANT pg_read_all_stats TO ' || quote_ident(current_user) END`

// exclusiveLocks gives those who hold a table, or an index of it, for themselves alone, the longest first; and after them
// those who wait to. No other lock keeps a reader out.
func exclusiveLocks(ctx context.Context, db querier, table string) ([]lock, error) {
	rows, err := db.Query(ctx, `
		WITH wanted (oid) AS (
			SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'public' AND c.relname = $1
		), held AS (
			SELECT DISTINCT l.pid, l.virtualtransaction, l.granted FROM pg_locks l
			WHERE l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock'
				AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
				AND l.relation IN (SELECT oid FROM wanted UNION SELECT indexrelid FROM pg_index WHERE indrelid IN (SELECT oid FROM wanted))
		)
		SELECT `+occupantColumns+`, held.granted FROM held
		LEFT JOIN pg_stat_activity a ON a.pid = held.pid
		LEFT JOIN (pg_locks own JOIN pg_prepared_xacts p ON p.transaction = own.transactionid)
			ON held.pid IS NULL AND own.pid IS NULL AND own.locktype = 'transactionid' AND own.virtualtransaction = held.virtualtransaction
		ORDER BY held.granted DESC, coalesce(a.xact_start, p.prepared), a.pid`, table)
	if err != nil {
		return nil, err
	}
	locks, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (l lock, err error) {
		return l, row.Scan(append(l.fields(), &l.Granted)...)
	})
	if err != nil || len(locks) == 0 || !locks[0].Granted {
		return locks, err //nolint:wrapcheck // unseen classes it
	}
	for i, l := range locks {
		if !l.Granted {
			return locks[:i], nil
		}
	}
	return locks, nil
}

// blockers gives those whom a session waits for.
func blockers(ctx context.Context, db querier, pid int32) ([]lock, error) {
	rows, err := db.Query(ctx, `
		SELECT `+occupantColumns+`, true FROM (SELECT DISTINCT unnest(pg_blocking_pids($1))) AS b (pid)
		JOIN pg_stat_activity a ON a.pid = b.pid LEFT JOIN pg_prepared_xacts p ON false
		ORDER BY a.xact_start, a.pid`, pid)
	if err != nil {
		return nil, err
	}
	locks, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (l lock, err error) {
		return l, row.Scan(append(l.fields(), &l.Granted)...)
	})
	return locks, err //nolint:wrapcheck // unseen classes it
}

// fields are where occupantColumns go.
func (o *occupant) fields() []any {
	return []any{&o.PID, &o.Name, &o.Application, &o.State, &o.Open, &o.Grant}
}

// together names the first of several occupants.
func together(locks []lock) string {
	var parts []string
	for _, l := range locks[:min(len(locks), shownHolders)] {
		parts = append(parts, l.inLock())
	}
	if more := len(locks) - shownHolders; more > 0 {
		parts = append(parts, fmt.Sprintf("%d more", more))
	}
	return strings.Join(parts, " and ")
}

// inLock is "pid 812 (odoo), idle in transaction, 40 s".
func (o *occupant) inLock() string {
	if o.PID == 0 {
		return redact.Text(o.Name + o.since())
	}
	name := o.Name
	if o.Application != "" {
		name += ", " + o.Application
	}
	return redact.Text(fmt.Sprintf("pid %d (%s)", o.PID, name) + o.since())
}

// since is what follows a name: ", idle in transaction, 40 s", or what would show it.
func (o *occupant) since() string {
	switch {
	case o.Open == nil && o.Grant == "":
		return ""
	case o.Open == nil:
		return ", since when cannot be seen; " + o.Grant
	}
	text := ""
	if o.State != "" {
		text = ", " + o.State
	}
	return text + ", " + age(*o.Open)
}

// age is a time in its largest unit that still says something.
func age(d time.Duration) string {
	switch {
	case d < 2*time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h", int(d.Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}
