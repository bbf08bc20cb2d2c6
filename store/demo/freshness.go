package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// Freshness is how long rows of the traffic took from their COMMIT at the source to the COMMIT that made them visible in the
// engine. The figures are exact: both times are the server's own.
type Freshness struct {
	Commits int   // of the log, since the engine was first in step
	Rows    int   // that those wrote, with deletes
	Exact   int   // of them: measured, as below
	Left    int64 // transactions of the log whose time the server does not know any more

	P50, P99, Max time.Duration
}

func (f Freshness) String() string {
	if f.Exact == 0 {
		return fmt.Sprintf("freshness: no row of %d transactions can be measured", f.Commits)
	}
	return fmt.Sprintf("freshness, exact for %d rows of %d transactions: p50 %.3f s, p99 %.3f s, max %.3f s",
		f.Exact, f.Commits, f.P50.Seconds(), f.P99.Seconds(), f.Max.Seconds())
}

// ErrNoCommitTimes says that the server does not keep the times of its commits.
var ErrNoCommitTimes = errors.New("the server keeps no commit times (track_commit_timestamp is off)")

// MeasureFreshness reads a log of the traffic's commits, an encoded Commit each, and looks up in the source when they were
// committed and in the engine when their rows became visible. Both must be under one clock.
//
// The engine keeps one moment for each row: that of its last write. So a row is measured where that write is known to have
// brought a given commit and nothing else: an inserted card or ledger line that was not written since, and a move
// whose write_date is that of the transaction, for a move is only written when its source row changes; none that was ever in
// quarantine, where it was seen first. What was committed before the first cycle of the engine had ended is left out: nobody
// kept it in step.
func MeasureFreshness(ctx context.Context, log io.Reader, source, engine *pgx.Conn) (Freshness, error) {
	f, err := measure(ctx, log, source, engine)
	if err != nil {
		return f, fmt.Errorf("measure freshness: %w", err)
	}
	return f, nil
}

// freshnessChunk is how many commits are looked up at a time.
const freshnessChunk = 5000

func measure(ctx context.Context, log io.Reader, source, engine *pgx.Conn) (Freshness, error) {
	var f Freshness
	for _, conn := range []*pgx.Conn{source, engine} {
		var on bool
		if err := conn.QueryRow(ctx, `SELECT current_setting('track_commit_timestamp')::boolean`).Scan(&on); err != nil {
			return f, fmt.Errorf("look for commit times: %w", err)
		}
		if !on {
			return f, ErrNoCommitTimes
		}
	}
	var since *time.Time
	if err := engine.QueryRow(ctx, `SELECT min(finished_at) FROM ferry.run WHERE state = 'done'`).Scan(&since); err != nil {
		return f, fmt.Errorf("look for the first cycle: %w", err)
	}
	if since == nil {
		return f, nil
	}
	var late []time.Duration
	lines := json.NewDecoder(log)
	for end := false; !end; {
		var commits []Commit
		for len(commits) < freshnessChunk && !end {
			var c Commit
			err := lines.Decode(&c)
			switch {
			case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF): // the last line may be half written
				end = true
			case err != nil:
				return f, fmt.Errorf("read the log: %w", err)
			default:
				commits = append(commits, c)
			}
		}
		more, err := f.add(ctx, commits, *since, source, engine)
		if err != nil {
			return f, err
		}
		late = append(late, more...)
	}
	f.rank(late)
	return f, nil
}

// add measures some commits.
func (f *Freshness) add(ctx context.Context, commits []Commit, since time.Time, source, engine *pgx.Conn) ([]time.Duration, error) {
	xids := make([]int64, 0, len(commits))
	for _, c := range commits {
		xids = append(xids, int64(c.XID)) //nolint:gosec // a transaction id
	}
	committed := map[uint64]time.Time{}
	var xid int64
	var at *time.Time
	err := each(ctx, source, []any{&xid, &at}, func() {
		if at != nil {
			committed[uint64(xid)] = *at //nolint:gosec // as above
		}
	}, `SELECT x, pg_xact_commit_timestamp((x % 4294967296)::text::xid) FROM unnest($1::bigint[]) x`, xids)
	if err != nil {
		return nil, fmt.Errorf("look up commits: %w", err)
	}
	commits = slices.DeleteFunc(commits, func(c Commit) bool {
		at, known := committed[c.XID]
		if !known {
			f.Left++
		}
		return !known || at.Before(since)
	})
	f.Commits += len(commits)
	var late []time.Duration
	for _, t := range measured {
		more, err := f.lateRows(ctx, t, commits, committed, engine)
		if err != nil {
			return nil, fmt.Errorf("look up rows of %s: %w", t.engine, err)
		}
		late = append(late, more...)
	}
	return late, nil
}

// stamped says of a table where the engine has its rows, which time of a row is that of the transaction that brought it, and
// whether that holds for rows that were written again.
type stamped struct {
	table, engine, id, stamp string
	rewritten                bool
}

var measured = []stamped{
	{tableCard, "loyalty_cards", "odoo_card_id", "updated_at", false},
	{tableMove, "point_moves", "odoo_move_id", "updated_at", true},
	{tableHistory, "point_history", "odoo_history_id", "created_at", false},
}

func (f *Freshness) lateRows(ctx context.Context, t stamped, commits []Commit, committed map[uint64]time.Time, engine *pgx.Conn) ([]time.Duration, error) {
	type key struct {
		id      int64
		started int64
	}
	brought := map[key]time.Time{}
	var ids []int64
	for _, c := range commits {
		for _, row := range c.Rows {
			if row.Table == t.table {
				f.Rows++
				ids = append(ids, row.ID)
				brought[key{row.ID, c.Started.UnixMicro()}] = committed[c.XID]
			}
		}
	}
	var late []time.Duration
	var id int64
	var stamp, visible *time.Time
	err := each(ctx, engine, []any{&id, &stamp, &visible}, func() {
		if stamp == nil || visible == nil {
			return
		}
		if at, is := brought[key{id, stamp.UnixMicro()}]; is && !visible.Before(at) {
			late = append(late, visible.Sub(at))
		}
	}, `SELECT `+t.id+`, `+t.stamp+`, pg_xact_commit_timestamp(xmin) FROM `+t.engine+` r WHERE `+t.id+` = ANY($1) AND (sync_version = 0 OR $2)
		AND NOT EXISTS (SELECT FROM ferry.quarantine q WHERE q.entity = $3 AND q.source_id = r.`+t.id+`)`, ids, t.rewritten, t.table)
	return late, err
}

// rank sums the measured rows up.
func (f *Freshness) rank(late []time.Duration) {
	f.Exact = len(late)
	if len(late) == 0 {
		return
	}
	slices.Sort(late)
	at := func(share float64) time.Duration {
		return late[max(0, int(math.Ceil(share*float64(len(late))))-1)]
	}
	f.P50, f.P99, f.Max = at(0.5), at(0.99), late[len(late)-1]
}

// each reads rows into the same places, one after the other.
func each(ctx context.Context, conn *pgx.Conn, into []any, do func(), sql string, args ...any) error {
	rows, _ := conn.Query(ctx, sql, args...) // ForEachRow has the error
	_, err := pgx.ForEachRow(rows, into, func() error {
		do()
		return nil
	})
	return err //nolint:wrapcheck // the callers say what it was for
}
