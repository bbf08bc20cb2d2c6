package odoo

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"ferry/engine"
	"ferry/engine/cycle"
	"ferry/engine/entity"
	"ferry/store/idsum"
	"ferry/store/sqlstate"
)

// State says where the snapshot stands: its floor is the lowest transaction id that was still running, so what had begun
// before is in this snapshot or undone.
//
// A primary knows its timeline from the log that it writes, a standby from the log that it follows.
func (s *Snapshot) State(ctx context.Context) (cycle.SourceState, error) {
	var out cycle.SourceState
	var floor, next string
	var started time.Time
	var standby bool
	var server string
	err := s.tx.QueryRow(ctx, `SELECT pg_snapshot_xmin(s)::text, pg_snapshot_xmax(s)::text, pg_postmaster_start_time(), pg_is_in_recovery(),
			coalesce(host(inet_server_addr()), 'local') || ':' || coalesce(inet_server_port(), 0),
			CASE WHEN pg_is_in_recovery() THEN greatest((pg_control_checkpoint()).timeline_id, (pg_control_recovery()).min_recovery_end_timeline)::bigint
				ELSE ('x' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8))::bit(32)::bigint END
		FROM pg_current_snapshot() s`).Scan(&floor, &next, &started, &standby, &server, &out.Timeline)
	if err != nil {
		return out, sqlstate.Wrap(engine.SideSource, "taking a planning snapshot", err)
	}
	out.Floor, out.Next = cycle.Floor(floor), cycle.Floor(next)
	out.Incarnation = server + " since " + started.UTC().Format(time.RFC3339Nano)
	if standby {
		out.Incarnation += ", a standby"
	}
	out.PinnedBy, err = s.db.pin(ctx, s.tx)
	return out, err
}

// Shape names the form in which an entity's columns are stored. It fails with ErrShape.
func (s *Snapshot) Shape(ctx context.Context, e *entity.Entity) (cycle.Shape, error) {
	found, err := columns(ctx, s.tx, e.Name)
	if err != nil {
		return cycle.Shape{}, err
	}
	shape, err := shapeOf(e, found)
	if err != nil {
		return cycle.Shape{}, err
	}
	s.shapes[e.Name] = shape
	read := make([]string, 0, len(e.Columns))
	for _, c := range e.Columns {
		if kind, there := found[c.Source]; there {
			read = append(read, c.Source+" "+kind)
		}
	}
	slices.Sort(read)
	return cycle.Shape{Columns: maps.Clone(found), Read: strings.Join(read, ", ")}, nil
}

// shape is how this source has an entity's columns, looked up once a snapshot.
func (s *Snapshot) shape(ctx context.Context, e *entity.Entity) (entity.Shape, error) {
	if shape, known := s.shapes[e.Name]; known {
		return shape, nil
	}
	shape, err := discover(ctx, s.tx, e)
	if err == nil {
		s.shapes[e.Name] = shape
	}
	return shape, err
}

// youngerThan is the condition that a row was written by a transaction from a floor on. age() compares within the circle
// of 32-bit transaction ids, and knows no negative age but of rows that were frozen more than half a circle ago.
func youngerThan(since cycle.Floor) (string, error) {
	if _, err := strconv.ParseUint(string(since), 10, 64); err != nil {
		return "", fmt.Errorf("floor %q is no transaction id: %w", since, err)
	}
	return "age(xmin) BETWEEN 0 AND (SELECT age('" + string(since) + "'::xid8::xid))", nil
}

// Changes reads the rows that transactions from a floor on have written, as they come. It gives false if they are more than most, or
// if that takes longer than the limit; the transaction is protected by a savepoint.
func (s *Snapshot) Changes(
	ctx context.Context, e *entity.Entity, since cycle.Floor, most int, limit time.Duration, each func(entity.Row) error,
) (bool, error) {
	young, err := youngerThan(since)
	if err != nil {
		return false, err
	}
	rows := 0
	err = s.limited(ctx, limit, func(pgx.Tx) error {
		return s.read(ctx, e, " WHERE "+young+" LIMIT "+strconv.Itoa(most+1), func(row entity.Row) error {
			rows++
			if rows > most {
				return nil
			}
			return each(row)
		})
	})
	if isTimeout(err) {
		return false, nil
	}
	return err == nil && rows <= most, sqlstate.Wrap(engine.SideSource, "reading changes of "+e.Name, s.withHolders(ctx, e, err))
}

// Tally counts all rows and those that transactions from a floor on have written, in one pass. It gives false if that
// takes longer than the limit; the transaction is protected by a savepoint.
//
// OFFSET 0 keeps the two levels apart, so that a row's age is asked for once and not for each figure.
func (s *Snapshot) Tally(ctx context.Context, e *entity.Entity, since cycle.Floor, limit time.Duration) (t cycle.Tally, counted bool, err error) {
	young, err := youngerThan(since)
	if err != nil {
		return t, false, err
	}
	err = s.limited(ctx, limit, func(inner pgx.Tx) error {
		return inner.QueryRow(ctx, `SELECT count(*), coalesce(max(id), 0), count(young), coalesce(min(young), 1) - 1, coalesce(max(young), 0)
			FROM (SELECT id::bigint, CASE WHEN `+young+` THEN id::bigint END AS young FROM `+table(e)+` OFFSET 0) t`).
			Scan(&t.Rows, &t.MaxID, &t.Changed, &t.Low, &t.High)
	})
	if isTimeout(err) {
		return cycle.Tally{}, false, nil
	}
	return t, err == nil, sqlstate.Wrap(engine.SideSource, "counting changes of "+e.Name, s.withHolders(ctx, e, err))
}

// limited runs a statement that may take no longer than a limit. The transaction is as before when it returns without an error, or
// with a timeout.
func (s *Snapshot) limited(ctx context.Context, limit time.Duration, do func(inner pgx.Tx) error) error {
	inner, err := s.tx.Begin(ctx)
	if err != nil {
		return err //nolint:wrapcheck // the caller classes it, like those below
	}
	var usual, now string
	err = inner.QueryRow(ctx, `SELECT current_setting('statement_timeout'), set_config('statement_timeout', $1, true)`,
		strconv.FormatInt(limit.Milliseconds(), 10)).Scan(&usual, &now)
	if err == nil {
		err = do(inner)
	}
	if err == nil {
		// Released, a savepoint's settings stay.
		err = inner.QueryRow(ctx, `SELECT set_config('statement_timeout', $1, true)`, usual).Scan(&now)
	}
	if err == nil {
		return inner.Commit(ctx) //nolint:wrapcheck // see above
	}
	if !isTimeout(err) {
		return err //nolint:wrapcheck // see above
	}
	if back := inner.Rollback(ctx); back != nil {
		return back //nolint:wrapcheck // see above
	}
	return err //nolint:wrapcheck // see above
}

func isTimeout(err error) bool {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	return ok && pg.Code == "57014"
}

// Buckets sums up the ids above low up to high by buckets.
func (s *Snapshot) Buckets(ctx context.Context, e *entity.Entity, low, high int64) ([]cycle.Bucket, error) {
	rows, err := s.tx.Query(ctx, `SELECT (id::bigint - 1) / $3, count(*), `+idsum.Sum+`
		FROM (SELECT id::bigint FROM `+table(e)+` WHERE id > $1 AND id <= $2) t GROUP BY 1 ORDER BY 1`, low, high, int64(cycle.BucketWidth))
	if err != nil {
		return nil, sqlstate.Wrap(engine.SideSource, "summing up ids of "+e.Name, err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowToStructByPos[cycle.Bucket])
	return out, sqlstate.Wrap(engine.SideSource, "summing up ids of "+e.Name, err)
}

// IDs gives the ids above low up to high that exist, in order, and of them the young ones.
func (s *Snapshot) IDs(ctx context.Context, e *entity.Entity, low, high int64, since cycle.Floor) (all, young []int64, err error) {
	condition, err := youngerThan(since)
	if err != nil {
		return nil, nil, err
	}
	rows, err := s.tx.Query(ctx, `SELECT id::bigint, `+condition+` FROM `+table(e)+` WHERE id > $1 AND id <= $2 ORDER BY id`, low, high)
	if err != nil {
		return nil, nil, sqlstate.Wrap(engine.SideSource, "reading ids of "+e.Name, err)
	}
	var id int64
	var isYoung bool
	_, err = pgx.ForEachRow(rows, []any{&id, &isYoung}, func() error {
		all = append(all, id)
		if isYoung {
			young = append(young, id)
		}
		return nil
	})
	return all, young, sqlstate.Wrap(engine.SideSource, "reading ids of "+e.Name, err)
}
