package benchmark

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"golang.org/x/sync/errgroup"

	"ferry/engine/entity"
	"ferry/engine/pgcopy"
)

const (
	checkClean   = "check/ferry"
	checkFaults  = "check/ferry-100"
	streamClean  = "check/streaming"
	streamFaults = "check/streaming-100"
)

// faults is how many rows of the engine are made wrong.
const faults = 100

// checks is the stage of full checks.
func checks(ctx context.Context, b *bench) error {
	engine, err := b.filled(ctx)
	if err != nil {
		return err
	}
	if _, _, err := b.ferry(ctx, b.whole, engine, "sync", "incremental", "--plain"); err != nil { // nothing is in flight behind it
		return err
	}
	err = b.rounds(ctx, "checks of equal databases",
		func(ctx context.Context, _ int) error {
			return b.check(ctx, b.whole, engine, checkClean, "ferry check", 0)
		},
		func(ctx context.Context, _ int) error {
			return b.streaming(ctx, engine, streamClean, "both sides streamed in order", 0)
		})
	if err != nil {
		return err
	}
	wrong := min(faults, int(b.whole.rows[entity.All()[0].Name])/2)
	if err := change(ctx, b.owner(engine), plant(wrong)...); err != nil {
		return err
	}
	err = b.rounds(ctx, "checks of databases with rows that differ",
		func(ctx context.Context, _ int) error {
			return b.check(ctx, b.whole, engine, checkFaults, fmt.Sprintf("ferry check, %d rows differ", wrong), wrong)
		},
		func(ctx context.Context, _ int) error {
			return b.streaming(ctx, engine, streamFaults, fmt.Sprintf("both sides streamed in order, %d rows differ", wrong), wrong)
		})
	if err != nil {
		return err
	}
	// Later stages want an engine that is right.
	b.loaded = ""
	return b.drop(ctx, engine)
}

// plant makes rows of the engine wrong: as many altogether as it is told.
func plant(wrong int) []string {
	cards, moves := wrong/5, wrong/5
	lines := wrong - cards - moves
	some := func(e *entity.Entity, set string, rows int) string {
		return "UPDATE " + engineTable(e) + " SET " + set + " WHERE id IN (SELECT id FROM " + engineTable(e) + " WHERE " + e.OdooID +
			" IS NOT NULL ORDER BY hashint8(id) LIMIT " + itoa(rows) + ")"
	}
	return []string{
		some(entity.Card, "partner_id = coalesce(partner_id, 0) + 1", cards),
		some(entity.Move, "gain_date = gain_date + interval '1 us'", moves),
		some(entity.History, "points_amount = points_amount + 0.01", lines),
	}
}

// check runs ferry's check, which must find as many rows that differ as there are.
func (b *bench) check(ctx context.Context, s *source, engine, name, what string, wrong int) error {
	c := b.command(s, engine, "check", "--json", "--workers", "2")
	if wrong > 0 {
		c.exits = exitDiscrepancy
	}
	out, took, err := c.run(ctx)
	if err != nil {
		return err
	}
	var said struct {
		Check struct {
			Verdict  string `json:"verdict"`
			Settled  int    `json:"settled"`
			Compared int64  `json:"compared"`
		} `json:"check"`
	}
	if err := json.Unmarshal([]byte(lastLine(out)), &said); err != nil {
		return fmt.Errorf("reading the check's report: %w", err)
	}
	if said.Check.Settled != wrong || said.Check.Compared != s.all() {
		return fmt.Errorf("the check found %d of %d rows that differ, and compared %d of %d rows", said.Check.Settled, wrong, said.Check.Compared, s.all())
	}
	b.took(b.report.figure(name, what, s.all()), took)
	return nil
}

func lastLine(text string) string {
	text = strings.TrimRight(text, "\n")
	return text[strings.LastIndexByte(text, '\n')+1:]
}

// streaming is the usual way to compare: both sides are sorted by id, streamed side by side, and compared row by row. The casts are
// the server's.
func (b *bench) streaming(ctx context.Context, engine, name, what string, wrong int) error {
	began := time.Now()
	differ := 0
	for _, e := range entity.All() {
		n, err := b.compareStreams(ctx, e, engine)
		if err != nil {
			return err
		}
		differ += n
	}
	took := time.Since(began)
	if differ != wrong {
		return fmt.Errorf("ordered streaming found %d of %d rows that differ", differ, wrong)
	}
	b.took(b.report.figure(name, what, b.whole.all()), cost{wall: took})
	return nil
}

// compareStreams counts the rows of an entity that are not the same on both sides.
func (b *bench) compareStreams(ctx context.Context, e *entity.Entity, engine string) (differ int, err error) {
	theirs, ours := inOrder(e)
	group, ctx := errgroup.WithContext(ctx)
	left, right := stream(ctx, group, b.whole.reader, theirs), stream(ctx, group, b.owner(engine), ours)
	group.Go(func() error {
		l, r := cursor{from: left}, cursor{from: right}
		l.next()
		r.next()
		for !l.ended || !r.ended {
			switch {
			case r.ended || !l.ended && l.id() < r.id():
				differ++
				l.next()
			case l.ended || r.id() < l.id():
				differ++
				r.next()
			default:
				if !bytes.Equal(l.row(), r.row()) {
					differ++
				}
				l.next()
				r.next()
			}
		}
		return nil
	})
	if err := group.Wait(); err != nil {
		return 0, fmt.Errorf("streaming %s: %w", e.Name, err)
	}
	return differ, nil
}

// part is how many rows are handed over at a time.
const part = 4096

// stream runs a COPY and gives its rows.
func stream(ctx context.Context, group *errgroup.Group, dsn, sql string) <-chan *pgcopy.Tuples {
	parts := make(chan *pgcopy.Tuples, 4)
	group.Go(func() error {
		defer close(parts)
		conn, err := pgx.Connect(ctx, dsn)
		if err != nil {
			return fmt.Errorf("connecting: %w", err)
		}
		defer conn.Close(ctx) //nolint:errcheck // nothing is lost
		now := &pgcopy.Tuples{}
		hand := func() error {
			select {
			case parts <- now:
			case <-ctx.Done():
				return ctx.Err()
			}
			now = &pgcopy.Tuples{}
			return nil
		}
		split := pgcopy.NewSplitter(func(fields [][]byte) error {
			id, err := pgcopy.Int(fields[0])
			if err != nil {
				return err
			}
			now.AppendRaw(id, fields)
			if now.Len() == part {
				return hand()
			}
			return nil
		})
		if _, err := conn.PgConn().CopyTo(ctx, split, sql); err != nil {
			return fmt.Errorf("COPY: %w", err)
		}
		return errors.Join(split.Close(), hand())
	})
	return parts
}

// cursor stands at a row of a stream.
type cursor struct {
	from  <-chan *pgcopy.Tuples
	now   *pgcopy.Tuples
	place int
	ended bool
}

// next goes to the next row, if there is one.
func (c *cursor) next() {
	c.place++
	for !c.ended && (c.now == nil || c.place >= c.now.Len()) {
		c.place = 0
		var more bool
		c.now, more = <-c.from
		c.ended = !more
	}
}

func (c *cursor) id() int64   { return c.now.ID(c.place) }
func (c *cursor) row() []byte { return c.now.Bytes(c.place) }
