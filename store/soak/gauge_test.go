package soak_test

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// gauge watches the two databases while the soak goes on.
type gauge struct {
	source, target *pgxpool.Pool
	late           *lateness

	batches string        // how many have been carried out, and the last one's end
	longest time.Duration // transaction of ferry's at the source
	ticks   []tick
	bounds  []bound
	margin  time.Duration // the least by which a bound was above what it bounds
	judged  int
	samples int
}

// tick is a run that has ended.
type tick struct {
	id             int64
	state, error   string
	took           time.Duration
	read, written  int64
	whyFull        string
	pinned         bool
	planned, ended time.Time
}

// bound is what ferry says about a tick: no row that became visible with it was later than this.
type bound struct {
	visible time.Time
	most    time.Duration
}

// watch looks until ctx ends.
func (g *gauge) watch(ctx context.Context) error {
	every := time.NewTicker(100 * time.Millisecond)
	defer every.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-every.C:
		}
		if err := g.look(ctx); err != nil && ctx.Err() == nil {
			return err
		}
	}
}

func (g *gauge) look(ctx context.Context) error {
	var longest time.Duration
	err := g.source.QueryRow(ctx, `SELECT coalesce(max(clock_timestamp() - xact_start), interval '0') FROM pg_stat_activity
		WHERE application_name LIKE 'ferry%'`).Scan(&longest)
	if err != nil {
		return fmt.Errorf("looking for ferry's transactions: %w", err)
	}
	g.samples++
	g.longest = max(g.longest, longest)

	var batches string
	err = g.target.QueryRow(ctx, `SELECT concat_ws(' ', count(*), max(finished_at)) FROM ferry.batch WHERE state = 'done'`).Scan(&batches)
	if err != nil || batches == g.batches {
		return err
	}
	g.batches = batches
	if err := g.late.look(ctx); err != nil {
		return err
	}
	if err := g.readTicks(ctx); err != nil {
		return fmt.Errorf("reading ticks: %w", err)
	}
	return g.judge(ctx, 2*time.Second)
}

func (g *gauge) readTicks(ctx context.Context) error {
	var after int64
	if n := len(g.ticks); n > 0 {
		after = g.ticks[n-1].id
	}
	rows, err := g.target.Query(ctx, `SELECT r.id, r.state, r.error, r.finished_at - r.created_at, coalesce(sum(s.read), 0)::bigint,
			coalesce(sum(s.inserted + s.updated + s.deleted), 0)::bigint, r.why_full, r.pinned_by <> '', coalesce(r.read_from, r.created_at), r.finished_at
		FROM ferry.run r LEFT JOIN ferry.step s ON s.run_id = r.id
		WHERE r.id > $1 AND r.kind = 'incremental' AND r.finished_at IS NOT NULL GROUP BY r.id ORDER BY r.id`, after)
	if err != nil {
		return err
	}
	var t tick
	_, err = pgx.ForEachRow(rows, []any{&t.id, &t.state, &t.error, &t.took, &t.read, &t.written, &t.whyFull, &t.pinned, &t.planned, &t.ended}, func() error {
		g.ticks = append(g.ticks, t)
		return nil
	})
	return err
}

// judge compares what arrived with each run with the bound that ferry states for it. The row that states it was committed
// by the run's last transaction or right behind it, so that is told by its xmin too; until it is so old nothing is judged.
func (g *gauge) judge(ctx context.Context, old time.Duration) error {
	rows, err := g.target.Query(ctx, `SELECT pg_xact_commit_timestamp(xmin), bound_ms FROM ferry.tick
		WHERE visible_at <= clock_timestamp() - $1::interval ORDER BY 1`, old)
	if err != nil {
		return err
	}
	g.bounds = g.bounds[:0]
	var b bound
	var ms int64
	_, err = pgx.ForEachRow(rows, []any{&b.visible, &ms}, func() error {
		b.most = time.Duration(ms) * time.Millisecond
		g.bounds = append(g.bounds, b)
		return nil
	})
	if err != nil {
		return fmt.Errorf("reading bounds: %w", err)
	}
	g.late.mu.Lock()
	defer g.late.mu.Unlock()
	for visible, late := range g.late.visible {
		of := slices.IndexFunc(g.bounds, func(b bound) bool { return !b.visible.Before(visible) })
		if of < 0 {
			continue // its run goes on
		}
		delete(g.late.visible, visible)
		if margin := g.bounds[of].most - late; g.judged == 0 || margin < g.margin {
			g.margin = margin
		}
		g.judged++
	}
	return nil
}

// longestTick gives the ticks' median and longest duration, and the most rows that one read.
func (g *gauge) summary() (median, longest time.Duration, mostRead, read, written int64) {
	took := make([]time.Duration, len(g.ticks))
	for i, t := range g.ticks {
		took[i] = t.took
		mostRead = max(mostRead, t.read)
		read += t.read
		written += t.written
	}
	slices.Sort(took)
	return took[len(took)/2], took[len(took)-1], mostRead, read, written
}
