package benchmark

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"ferry/engine/entity"
)

const (
	resyncNone = "resync/ferry-none"
	resyncSome = "resync/ferry-1%"
	tickFerry  = "tick/ferry"
	tickInside = "tick/ferry/run"
	tickScans  = "tick/scans"
)

// resyncs is the stage of full syncs over an engine that is filled.
func resyncs(ctx context.Context, b *bench) error {
	engine, err := b.filled(ctx)
	if err != nil {
		return err
	}
	none := func(ctx context.Context, _ int) error {
		return b.resync(ctx, b.whole, engine, resyncNone, "full re-sync, nothing changed")
	}
	some := func(ctx context.Context, round int) error {
		if _, err := b.disturb(ctx, b.whole.all()/100, round); err != nil {
			return err
		}
		return b.resync(ctx, b.whole, engine, resyncSome, "full re-sync, 1 % changed")
	}
	if err := b.rounds(ctx, "full re-syncs", none, some); err != nil {
		return err
	}
	return b.compare(ctx, "after full re-syncs", b.whole, engine)
}

func (b *bench) resync(ctx context.Context, s *source, engine, name, what string) error {
	_, took, err := b.ferry(ctx, s, engine, "sync", "full", "--plain", "--workers", "2")
	if err != nil {
		return err
	}
	if _, _, err := b.lastRun(ctx, engine, s); err != nil {
		return err
	}
	b.took(b.report.figure(name, what, s.all()), took)
	return nil
}

// disturb changes about so many rows of the whole source, others in each round, spread over the tables as their rows are: what a
// row's content is, and not only when it was written.
func (b *bench) disturb(ctx context.Context, rows int64, round int) (changed int64, err error) {
	every := max(1, b.whole.all()/max(1, rows))
	conn, err := pgx.Connect(ctx, b.whole.dsn)
	if err != nil {
		return 0, fmt.Errorf("connecting to the source: %w", err)
	}
	defer conn.Close(ctx) //nolint:errcheck // nothing is lost
	for _, sql := range []string{
		`UPDATE loyalty_card SET write_date = write_date + interval '1 second' WHERE id % $1 = $2`,
		`UPDATE loyalty_point_move SET origin = coalesce(origin, '') || '*' WHERE id % $1 = $2`,
		`UPDATE loyalty_point_history SET origin = coalesce(origin, '') || '*' WHERE id % $1 = $2`,
	} {
		tag, err := conn.Exec(ctx, sql, every, int64(round)%every)
		if err != nil {
			return 0, fmt.Errorf("changing rows of the source: %w", err)
		}
		changed += tag.RowsAffected()
	}
	return changed, b.settle(ctx)
}

// changes is how many an increment carries.
const changes = 10_000

// ticks is the stage of increments: ferry's, and the scans without which nobody knows what changed.
func ticks(ctx context.Context, b *bench) error {
	engine, err := b.filled(ctx)
	if err != nil {
		return err
	}
	if _, _, err := b.ferry(ctx, b.whole, engine, "sync", "incremental", "--plain"); err != nil { // nothing is due behind it
		return err
	}
	carried := min(changes, b.whole.all()/10)
	tick := func(ctx context.Context, round int) error {
		changed, err := b.disturb(ctx, carried, round+b.o.Rounds)
		if err != nil {
			return err
		}
		_, took, err := b.ferry(ctx, b.whole, engine, "sync", "incremental", "--plain", "--workers", "2")
		if err != nil {
			return err
		}
		inside, updated, err := b.lastRun(ctx, engine, b.whole)
		if err != nil {
			return err
		}
		if updated < changed {
			return fmt.Errorf("the increment wrote %d of %d rows", updated, changed)
		}
		b.took(b.report.figure(tickFerry, fmt.Sprintf("increment of %d changes, the whole process", carried), carried), took)
		b.took(b.report.figure(tickInside, "  its run in the process", carried), cost{wall: inside})
		return nil
	}
	if err := b.rounds(ctx, "increments", tick, b.scans); err != nil {
		return err
	}
	return b.compare(ctx, "after increments", b.whole, engine)
}

// scans asks each table what transactions have written lately, and does nothing with the answer.
func (b *bench) scans(ctx context.Context, _ int) error {
	conn, err := pgx.Connect(ctx, b.whole.reader)
	if err != nil {
		return fmt.Errorf("connecting to the source: %w", err)
	}
	defer conn.Close(ctx) //nolint:errcheck // nothing is lost
	began := time.Now()
	for _, e := range entity.All() {
		var found int64
		if err := conn.QueryRow(ctx, `SELECT count(*) FROM `+sourceTable(e)+` WHERE age(xmin) <= 4`).Scan(&found); err != nil {
			return fmt.Errorf("scanning %s: %w", e.Name, err)
		}
	}
	b.took(b.report.figure(tickScans, "bare age(xmin) scans of the three tables", b.whole.all()), cost{wall: time.Since(began)})
	return nil
}
