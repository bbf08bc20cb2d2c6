package interleave_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
)

// subject is somebody who keeps a copy of the source by looking at it now and then.
type subject interface {
	// Look brings the copy up to date.
	Look(ctx context.Context) error
}

// poll is a subject with a copy in memory. Every look reads, in one snapshot, the rows that a condition takes for
// changed, and a mark from which the next look goes on. It sees no deletes, and they are not held against it.
type poll struct {
	pollRule

	source *source
	oldest func() time.Time // write_date of the oldest transaction that is open
	copied rows
	marks  map[string]string // by table; none before the first look, which reads everything
}

// pollRule says what a poll takes for changed.
type pollRule struct {
	name  string
	right bool   // it must lose nothing; the others must lose something
	where string // rows that changed since the mark $1
	mark  string // query for the next mark, from the table %[1]s; empty: the oldest open transaction's write_date
}

const latestWrite = `SELECT coalesce(max(write_date), '-infinity')::text FROM %[1]s`

// pollRules are ferry's own rule, in the simplest form there is, and the negative controls.
var pollRules = []pollRule{
	{
		name:  "age(xmin) against a floor", // ferry's rule
		right: true,
		where: `age(xmin) BETWEEN 0 AND age($1::text::xid8::xid)`,
		mark:  `SELECT pg_snapshot_xmin(pg_current_snapshot())::text`,
	},
	{
		name:  "age(xmin) against a floor that is one too high", // shows that the scripts reach the edge of ferry's rule
		where: `age(xmin) BETWEEN 0 AND age($1::text::xid8::xid) - 1`,
		mark:  `SELECT pg_snapshot_xmin(pg_current_snapshot())::text`,
	},
	{
		name:  "write_date > last",
		where: `write_date > $1::text::timestamp`,
		mark:  latestWrite,
	},
	{
		name:  "keyset (write_date, id) with 30 s of overlap",
		where: `(write_date, id) > ($1::text::timestamp - interval '30 seconds', 0)`,
		mark:  latestWrite,
	},
	{
		name:  "write_date ≥ a floor", // a perfect one: no transaction that is open began before it
		where: `write_date >= $1::text::timestamp`,
	},
	{
		name:  "NOT pg_visible_in_snapshot(xmin, previous)",
		where: `NOT pg_visible_in_snapshot(xmin::text::xid8, $1::text::pg_snapshot)`,
		mark:  `SELECT pg_current_snapshot()::text`,
	},
}

func newPoll(r pollRule, s *source, oldest func() time.Time) *poll {
	return &poll{pollRule: r, source: s, oldest: oldest, copied: rows{}, marks: map[string]string{}}
}

func (p *poll) Look(ctx context.Context) error {
	options := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	return pgx.BeginTxFunc(ctx, p.source.looker, options, func(tx pgx.Tx) error {
		for _, table := range tables {
			since, looked := p.marks[table]
			next := p.oldest().Format(timestamp)
			if p.mark != "" {
				if err := tx.QueryRow(ctx, fmt.Sprintf(p.mark+`%.0[1]s`, table)).Scan(&next); err != nil {
					return err
				}
			}
			where, args := p.where, []any{since}
			if !looked {
				where, args = "true", nil
			}
			if err := p.copied.take(ctx, tx, table, where, args...); err != nil {
				return err
			}
			p.marks[table] = next
		}
		return nil
	})
}

// lost says which rows of the source a copy misses, and which it has as they were.
func lost(want, got rows) []string {
	var out []string
	for _, r := range want.sorted() {
		switch text, there := got[r]; {
		case !there:
			out = append(out, fmt.Sprintf("%s %d is missing: %s", r.table, r.id, want[r]))
		case text != want[r]:
			out = append(out, fmt.Sprintf("%s %d is stale: %s, is %s", r.table, r.id, text, want[r]))
		}
	}
	return out
}

func (r rows) sorted() []row {
	out := make([]row, 0, len(r))
	for key := range r {
		out = append(out, key)
	}
	slices.SortFunc(out, func(a, b row) int { return cmp.Or(cmp.Compare(a.table, b.table), cmp.Compare(a.id, b.id)) })
	return out
}
