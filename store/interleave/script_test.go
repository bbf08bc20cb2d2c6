package interleave_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// timestamp is the form in which the source's dates are written.
const timestamp = "2006-01-02 15:04:05.999999"

// script is one interleaving: everything that happens in it is drawn from its seed, and happens in one goroutine, step
// by step.
type script struct {
	*rand.Rand

	source  *source
	seed    uint64
	clock   time.Time // goes on by seconds with each step, so that overlaps of seconds mean something
	writers []*writer
	log     []string

	looks, steps, refused int

	// What there is or was, also what was undone: a step that does not find its row does nothing.
	cards, moves, lines []int64
	promised            []int64 // ids of moves that a history row names already
	codes               []string
}

func newScript(s *source, seed uint64) *script {
	sc := &script{
		Rand: rand.New(rand.NewPCG(seed, 0)), source: s, seed: seed,
		clock: time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC),
	}
	for n := range 2 + sc.IntN(writers-1) {
		sc.writers = append(sc.writers, &writer{script: sc, n: n + 1, conn: s.writers[n], left: 1 + sc.IntN(3)})
	}
	return sc
}

// begin fills the source: a few cards with some ledger, written in the days before.
func (s *script) begin(ctx context.Context) error {
	w := &writer{script: s, conn: s.source.writers[0]}
	for range 2 + s.IntN(4) {
		if err := w.alone(ctx, (*writer).insertCard); err != nil {
			return err
		}
	}
	for range 2 + s.IntN(8) {
		insert := (*writer).insertLine
		if s.IntN(3) == 0 {
			insert = (*writer).insertMove
		}
		if err := w.alone(ctx, insert); err != nil {
			return err
		}
	}
	return nil
}

// turn lets one of the writers do its next step; it gives false when all are done.
func (s *script) turn(ctx context.Context) (bool, error) {
	var ready, slow []*writer
	for _, w := range s.writers {
		switch {
		case w.tx == nil && w.left == 0:
		case w.tx != nil && w.tx.slow && s.IntN(6) > 0:
			slow = append(slow, w)
		default:
			ready = append(ready, w)
		}
	}
	if len(ready) == 0 {
		ready = slow
	}
	if len(ready) == 0 {
		return false, nil
	}
	s.steps++
	s.clock = s.clock.Add(time.Duration(s.IntN(20_000)) * time.Millisecond)
	return true, ready[s.IntN(len(ready))].step(ctx)
}

// vacuum freezes all rows, now and then, or puts them into new files if nobody holds them.
func (s *script) vacuum(ctx context.Context) error {
	if s.IntN(8) > 0 {
		return nil
	}
	how := "FULL, FREEZE"
	if slices.ContainsFunc(s.writers, func(w *writer) bool { return w.tx != nil }) {
		how = "FREEZE, TRUNCATE false" // cutting a table's end would wait for the transactions that are open
	}
	sql := "VACUUM (" + how + ") " + strings.Join(tables, ", ")
	s.notef("%s  %s", s.clock.Format(time.TimeOnly), sql)
	for _, w := range s.writers {
		if w.tx == nil {
			continue
		}
		// What a session read last keeps hold of its page until its next statement, and freezing waits for that.
		if _, err := w.conn.Exec(ctx, "SELECT 1"); err != nil {
			return err
		}
	}
	_, err := s.source.pool.Exec(ctx, sql)
	return err
}

// oldest is the write_date of the oldest transaction that is open; without one, of the next.
func (s *script) oldest() time.Time {
	out := s.clock
	for _, w := range s.writers {
		if w.tx != nil && w.tx.date.Before(out) {
			out = w.tx.date
		}
	}
	return out
}

func (s *script) notef(format string, args ...any) {
	s.log = append(s.log, fmt.Sprintf(format, args...))
}

// String is what has happened, a line for each step.
func (s *script) String() string {
	return fmt.Sprintf("interleaving %d:\n%s", s.seed, strings.Join(s.log, "\n"))
}

// close ends what is still open after a failure.
func (s *script) close(ctx context.Context) {
	for _, w := range s.writers {
		if w.tx != nil {
			_, _ = w.conn.Exec(ctx, "ROLLBACK")
			w.tx = nil
		}
	}
}

// writer is a session that does one transaction after the other.
type writer struct {
	*script

	n    int
	conn *pgx.Conn
	left int // transactions still to begin
	tx   *transaction
}

// transaction is one that is open.
type transaction struct {
	date  time.Time // its beginning, which Odoo writes into every row
	left  int       // steps still to do before its end
	saves int       // savepoints that are open
	slow  bool      // it commits late: others get many more turns
}

// step begins a transaction, does something in it, or ends it.
func (w *writer) step(ctx context.Context) error {
	switch {
	case w.tx == nil:
		w.left--
		w.tx = &transaction{date: w.clock, left: 1 + w.IntN(6), slow: w.IntN(3) == 0}
		level := "REPEATABLE READ" // Odoo's; raw SQL comes at the other
		if w.IntN(3) == 0 {
			level = "READ COMMITTED"
		}
		if err := w.command(ctx, "BEGIN ISOLATION LEVEL "+level); err != nil {
			return err
		}
		if w.IntN(3) > 0 {
			return nil
		}
		// Its snapshot is as old as its beginning, its transaction id will not be.
		_, err := w.write(ctx, `SELECT id FROM loyalty_card WHERE id = $1`, w.pick(w.cards))
		return err
	case w.tx.left > 0:
		w.tx.left--
		return w.act(ctx)
	}
	end := "COMMIT"
	if w.IntN(5) == 0 {
		end = "ROLLBACK"
	}
	w.tx = nil
	return w.command(ctx, end)
}

// alone does a step in a transaction of its own, some days ago.
func (w *writer) alone(ctx context.Context, do func(*writer, context.Context) error) error {
	w.tx = &transaction{date: w.clock.Add(-time.Duration(w.IntN(100*3600)) * time.Second)}
	if err := w.command(ctx, "BEGIN"); err != nil {
		return err
	}
	switch err := do(w, ctx); {
	case errors.Is(err, errRefused):
		return nil
	case err != nil:
		return err
	}
	w.tx = nil
	return w.command(ctx, "COMMIT")
}

func (w *writer) command(ctx context.Context, sql string) error {
	_, err := w.conn.Exec(ctx, sql)
	w.notef("%s  writer %d: %s", w.clock.Format(time.TimeOnly), w.n, sql)
	return err
}

// refusals are what may become of a statement that meets another session's, as every application knows them.
var refusals = map[string]bool{
	"23503": true, // a row that it refers to is gone
	"23505": true, // the code is taken
	"40001": true, // somebody changed the row since the transaction's snapshot
	"55P03": true, // somebody holds the lock
}

// errRefused says that a statement was refused and what it belonged to undone.
var errRefused = errors.New("refused")

// write does a statement and gives the ids of its rows. If it is refused, it undoes the transaction, or what came since
// the last savepoint, and fails with errRefused.
func (w *writer) write(ctx context.Context, sql string, args ...any) ([]int64, error) {
	found, err := w.conn.Query(ctx, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("%s %v: %w", sql, args, err)
	}
	ids, err := pgx.CollectRows(found, pgx.RowTo[int64])
	if err == nil {
		w.notef("%s  writer %d: %s %v → %v", w.clock.Format(time.TimeOnly), w.n, sql, args, ids)
		return ids, nil
	}
	pg, ok := errors.AsType[*pgconn.PgError](err)
	if !ok || !refusals[pg.Code] {
		return nil, fmt.Errorf("%s %v: %w", sql, args, err)
	}
	w.notef("%s  writer %d: %s %v → %s", w.clock.Format(time.TimeOnly), w.n, sql, args, pg.Message)
	w.refused++
	undo := "ROLLBACK"
	if w.tx.saves > 0 {
		undo = fmt.Sprintf("ROLLBACK TO s%d", w.tx.saves)
	} else {
		w.tx = nil
	}
	if err := w.command(ctx, undo); err != nil {
		return nil, err
	}
	return nil, errRefused
}
