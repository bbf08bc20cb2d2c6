package soak_test

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"ferry/engine/entity"
	"ferry/store/demo"
	"ferry/store/independent"
)

// lateness measures how long each committed row takes from its COMMIT at the source to the COMMIT that made it visible in
// the engine.
//
// Both times are the servers' own (track_commit_timestamp, two clusters under one clock), so it does not matter how often
// anybody looks: pg_xact_commit_timestamp of the transaction that wrote the row at the source, and of the engine row's
// xmin. What makes it exact is to know which engine row is the first to show a commit. Each transaction of the traffic
// therefore reads, before it commits, what the engine should hold of its rows, by the oracle's SQL; whenever a batch
// of ferry's has committed, the rows that are waited for are read in the engine by the oracle's other half. Where the texts
// are equal, that commit has arrived, and with it every earlier one of the row.
//
// A commit that leaves a row as the engine has it already carries nothing. A row that enters quarantine, or is found to be
// gone, has arrived when ferry says so. What is written to a row that is in quarantine already shows nowhere, unless it
// lets the row in: it is waited for until a cycle has ended that began after it.
type lateness struct {
	source, target *pgxpool.Pool

	mu      sync.Mutex
	waiting map[key][]version
	millis  []int64                     // samples by whole milliseconds, so that measuring takes no more and more memory
	worst   map[way]arrival             // of all
	visible map[time.Time]time.Duration // the latest arrival with each transaction of the engine, until a bound is known

	commits, rows, arrived, same, aside int64
}

// version is a row as a transaction left it.
type version struct {
	kind    string
	xid     uint64
	at      time.Time // of its COMMIT; zero: not looked up yet
	hash    int64
	deleted bool
}

// way is how a row arrives.
type way string

const (
	wayEngine way = "in the engine"
	wayHeld   way = "in quarantine"
	wayGone   way = "gone"
)

type arrival struct {
	key

	version

	late time.Duration
}

const longestMillis = 600_000

func newLateness(source, target *pgxpool.Pool) *lateness {
	return &lateness{
		source: source, target: target, waiting: map[key][]version{}, millis: make([]int64, longestMillis),
		visible: map[time.Time]time.Duration{}, worst: map[way]arrival{},
	}
}

// committed takes down a transaction of the traffic.
func (l *lateness) committed(c demo.Commit) {
	seen, _ := c.Seen.(map[key]int64)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.commits++
	for _, row := range c.Rows {
		k := key{row.Table, row.ID}
		hash, there := seen[k]
		if !there && !row.Deleted {
			continue // a partner
		}
		if _, err := entity.Lookup(row.Table); err != nil {
			continue
		}
		l.rows++
		l.waiting[k] = append(l.waiting[k], version{kind: c.Kind, xid: c.XID, hash: hash, deleted: row.Deleted})
	}
}

// look finds out what has arrived.
func (l *lateness) look(ctx context.Context) error {
	if err := l.date(ctx); err != nil {
		return err
	}
	return pgx.BeginTxFunc(ctx, l.target, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		var read time.Time
		if err := tx.QueryRow(ctx, `SELECT max(read_from) FROM ferry.run WHERE state = 'done'`).Scan(&read); err != nil {
			return err
		}
		for _, e := range entity.All() {
			if err := l.lookAt(ctx, tx, e, read); err != nil {
				return fmt.Errorf("looking at %s: %w", e.Target, err)
			}
		}
		return nil
	})
}

// date looks up when transactions were committed, and brings each row's into that order.
func (l *lateness) date(ctx context.Context) error {
	undated := map[uint64]time.Time{}
	l.mu.Lock()
	for _, versions := range l.waiting {
		for _, v := range versions {
			if v.at.IsZero() {
				undated[v.xid] = time.Time{}
			}
		}
	}
	l.mu.Unlock()
	xids := make([]int64, 0, len(undated))
	for xid := range undated {
		xids = append(xids, int64(xid))
	}
	rows, err := l.source.Query(ctx, `SELECT x, pg_xact_commit_timestamp((x % 4294967296)::text::xid) FROM unnest($1::bigint[]) x`, xids)
	if err != nil {
		return err
	}
	var xid int64
	var at time.Time
	_, err = pgx.ForEachRow(rows, []any{&xid, &at}, func() error {
		undated[uint64(xid)] = at
		return nil
	})
	if err != nil {
		return fmt.Errorf("dating commits: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, versions := range l.waiting {
		for i := range versions {
			if versions[i].at.IsZero() {
				versions[i].at = undated[versions[i].xid]
			}
		}
		slices.SortStableFunc(versions, func(a, b version) int {
			if a.at.IsZero() != b.at.IsZero() { // those that were committed meanwhile come last
				return map[bool]int{true: 1, false: -1}[a.at.IsZero()]
			}
			return a.at.Compare(b.at)
		})
	}
	return nil
}

// place is where a row of the source is found on the other side.
type place struct {
	hash      int64
	visible   time.Time // of the engine's row; zero: there is none
	extra     time.Time // when it was listed as gone; zero: it is not
	gone      time.Time // likewise, of a row in quarantine
	heldSince time.Time // in quarantine; zero: it is not
	held      time.Time // when that was last written
}

func (l *lateness) lookAt(ctx context.Context, tx pgx.Tx, e *entity.Entity, read time.Time) error {
	var ids []int64
	l.mu.Lock()
	for k := range l.waiting {
		if k.entity == e.Name {
			ids = append(ids, k.id)
		}
	}
	l.mu.Unlock()
	places := make(map[int64]*place, len(ids))
	for _, id := range ids {
		places[id] = &place{}
	}
	if err := readPlaces(ctx, tx, e, ids, places); err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, p := range places {
		k := key{e.Name, id}
		dated := slices.IndexFunc(l.waiting[k], func(v version) bool { return v.at.IsZero() })
		if dated < 0 {
			dated = len(l.waiting[k])
		}
		if left := l.waiting[k][l.settle(k, l.waiting[k][:dated], *p, read):]; len(left) > 0 {
			l.waiting[k] = left
		} else {
			delete(l.waiting, k)
		}
	}
	return nil
}

func readPlaces(ctx context.Context, tx pgx.Tx, e *entity.Entity, ids []int64, places map[int64]*place) error {
	_, target := independent.Contents(e.Name)
	var id, hash int64
	var at, since time.Time
	var state string
	for _, read := range []struct {
		sql  string
		into []any
		each func(p *place)
	}{
		{fmt.Sprintf(hashed, target), []any{&id, &hash}, func(p *place) { p.hash = hash }},
		{
			`SELECT id, pg_xact_commit_timestamp(xmin) FROM ` + e.Target + ` WHERE id = ANY($1) AND id = ` + e.OdooID,
			[]any{&id, &at},
			func(p *place) { p.visible = at },
		},
		{
			`SELECT id, pg_xact_commit_timestamp(xmin) FROM ferry.extra WHERE id = ANY($1) AND entity = '` + e.Name + `'`,
			[]any{&id, &at},
			func(p *place) { p.extra = at },
		},
		{
			`SELECT source_id, state, pg_xact_commit_timestamp(xmin), first_seen FROM ferry.quarantine
			WHERE source_id = ANY($1) AND state <> 'released' AND entity = '` + e.Name + `'`,
			[]any{&id, &state, &at, &since},
			func(p *place) {
				if state == "gone" {
					p.gone = at
				} else {
					p.heldSince, p.held = since, at
				}
			},
		},
	} {
		rows, err := tx.Query(ctx, read.sql, ids)
		if err != nil {
			return err
		}
		_, err = pgx.ForEachRow(rows, read.into, func() error {
			read.each(places[id])
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// settle takes down which of a row's versions have arrived, once everything that was committed before a moment has been read. It
// gives how many need not be waited for any more.
func (l *lateness) settle(k key, versions []version, p place, read time.Time) int {
	done := 0
	if !p.visible.IsZero() {
		for i, v := range versions {
			if !v.deleted && v.hash == p.hash {
				done = i + 1
			}
		}
		for _, v := range versions[:done] {
			l.arrive(k, v, wayEngine, p.visible)
		}
	}
	left := versions[done:]
	gone := p.extra
	if gone.IsZero() {
		gone = p.gone
	}
	last := slices.IndexFunc(left, func(v version) bool { return v.deleted && v.at.Before(gone) })
	switch {
	case last >= 0:
		for _, v := range left[:last+1] {
			l.arrive(k, v, wayGone, gone)
		}
		return done + last + 1
	case p.heldSince.IsZero():
		return done
	}
	for i, v := range left {
		switch {
		case i == 0 && v.at.Before(p.heldSince):
			l.arrive(k, v, wayHeld, p.held)
		case v.at.Before(read):
			l.aside++
		default:
			return done
		}
		done++
	}
	return done
}

// arrive takes down that a version became visible with a transaction of the engine.
func (l *lateness) arrive(k key, v version, how way, visible time.Time) {
	late := visible.Sub(v.at)
	if late < 0 {
		l.same++ // it was there already
		return
	}
	l.arrived++
	l.millis[min(late.Milliseconds(), longestMillis-1)]++
	if late > l.worst[how].late {
		l.worst[how] = arrival{k, v, late}
	}
	l.visible[visible] = max(l.visible[visible], late)
}

// latest is the longest that any row took.
func (l *lateness) latest() time.Duration {
	return max(l.worst[wayEngine].late, l.worst[wayHeld].late, l.worst[wayGone].late)
}

// percentile gives the lateness that a share of all rows did not exceed, to the millisecond above.
func (l *lateness) percentile(share float64) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	need := int64(share * float64(l.arrived))
	for ms, n := range l.millis {
		if need -= n; need < 0 {
			return time.Duration(ms+1) * time.Millisecond
		}
	}
	return longestMillis * time.Millisecond
}

// missing are the rows that have not arrived, but for those that came and went before anybody looked.
func (l *lateness) missing() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var out []string
	for k, versions := range l.waiting {
		if v := versions[len(versions)-1]; !v.deleted {
			out = append(out, fmt.Sprintf("%s %d, committed %s by %q", k.entity, k.id, v.at.Format(time.RFC3339Nano), v.kind))
		}
	}
	slices.Sort(out)
	return out
}
