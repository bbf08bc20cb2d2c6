package odoo

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"ferry/engine"
	"ferry/engine/cycle"
	"ferry/engine/entity"
	"ferry/engine/pgcopy"
	"ferry/store/sqlstate"
)

// Snapshot is one short read-only transaction on the source.
type Snapshot struct {
	db     *DB
	conn   *pgxpool.Conn
	tx     pgx.Tx
	shapes map[string]entity.Shape // discovered in this snapshot
}

var (
	_ cycle.Source         = (*DB)(nil)
	_ cycle.SourceSnapshot = (*Snapshot)(nil)
)

// Snapshot begins a transaction that sees one state of the source. Close it soon: see MaxTransaction.
func (db *DB) Snapshot(ctx context.Context) (cycle.SourceSnapshot, error) { return db.begin(ctx) }

func (db *DB) begin(ctx context.Context) (*Snapshot, error) {
	conn, err := db.pool.Acquire(ctx)
	if err != nil {
		return nil, sqlstate.Wrap(engine.SideSource, "connecting", err)
	}
	tx, err := conn.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		conn.Release()
		return nil, sqlstate.Wrap(engine.SideSource, "beginning a snapshot", err)
	}
	return &Snapshot{db: db, conn: conn, tx: tx, shapes: map[string]entity.Shape{}}, nil
}

// Close ends the transaction. A session whose transaction cannot be ended is dropped with it.
func (s *Snapshot) Close() {
	if s.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if err := s.tx.Rollback(ctx); err != nil && !errors.Is(err, pgx.ErrTxClosed) {
		_ = s.conn.Conn().Close(ctx)
	}
	s.conn.Release()
	s.conn = nil
}

// MaxID is an entity's highest id, 0 without rows.
func (s *Snapshot) MaxID(ctx context.Context, e *entity.Entity) (int64, error) {
	var highest int64
	err := s.tx.QueryRow(ctx, `SELECT coalesce(max(id), 0) FROM `+table(e)).Scan(&highest)
	return highest, sqlstate.Wrap(engine.SideSource, "reading the highest id of "+e.Name, s.withHolders(ctx, e, err))
}

// Count gives an entity's number of rows: counted, or the planner's estimate if counting takes longer than the limit.
// After an estimate the transaction is the same one; it was protected by a savepoint.
//
// xmin is in no index: where rows were changed all over a table, an index is slower than the table, for each entry's visibility has
// to be looked up there.
func (s *Snapshot) Count(ctx context.Context, e *entity.Entity, limit time.Duration) (rows int64, estimated bool, err error) {
	err = s.limited(ctx, limit, func(inner pgx.Tx) error {
		return inner.QueryRow(ctx, `SELECT count(xmin) FROM `+table(e)).Scan(&rows)
	})
	if !isTimeout(err) {
		return rows, false, sqlstate.Wrap(engine.SideSource, "counting "+e.Name, s.withHolders(ctx, e, err))
	}
	err = s.tx.QueryRow(ctx, `SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = to_regclass('public.' || quote_ident($1))`,
		e.Name).Scan(&rows)
	return rows, true, sqlstate.Wrap(engine.SideSource, "estimating "+e.Name, err)
}

// Range reads the rows with ids above low up to high, in id order; with a floor only those that transactions from it on
// have written.
func (s *Snapshot) Range(ctx context.Context, e *entity.Entity, low, high int64, since cycle.Floor, each func(entity.Row) error) error {
	where := " WHERE " + within(low, high)
	if since != "" {
		young, err := youngerThan(since)
		if err != nil {
			return err
		}
		where += " AND " + young
	}
	return s.read(ctx, e, where+byID(e), each)
}

// byID is the order of ids, by the column, which the index has in order; "id" alone would be what the list makes of it, and sorted.
func byID(e *entity.Entity) string { return " ORDER BY " + table(e) + ".id" }

// within is the condition that an id is above low up to high. COPY takes no parameters; integers written by strconv are
// the one thing that is put into its text.
func within(low, high int64) string { return above("id", low, high) }

func above(column string, low, high int64) string {
	return column + " > " + strconv.FormatInt(low, 10) + " AND " + column + " <= " + strconv.FormatInt(high, 10)
}

// ByID reads the rows with the given ids, in id order; ids without a row are left out.
func (s *Snapshot) ByID(ctx context.Context, e *entity.Entity, ids []int64, each func(entity.Row) error) error {
	if len(ids) == 0 {
		return nil
	}
	list := make([]string, len(ids))
	for i, id := range ids {
		list[i] = strconv.FormatInt(id, 10)
	}
	return s.read(ctx, e, " WHERE id IN ("+strings.Join(list, ",")+")"+byID(e), each)
}

// read copies rows out, of which and in which order the rest of the statement says.
func (s *Snapshot) read(ctx context.Context, e *entity.Entity, rest string, each func(entity.Row) error) error {
	return s.tuples(ctx, e, rest, func(decoder *entity.Decoder) func([][]byte) error {
		return func(fields [][]byte) error {
			row, err := decoder.Decode(fields)
			if err != nil {
				return err
			}
			return each(row)
		}
	})
}

// Stream reads the rows with ids above low up to high, in id order, each into the same row.
func (s *Snapshot) Stream(ctx context.Context, e *entity.Entity, low, high int64, each func(*entity.Row) error) error {
	return s.tuples(ctx, e, " WHERE "+within(low, high)+byID(e), func(decoder *entity.Decoder) func([][]byte) error {
		row := entity.Row{Values: make([]entity.Value, len(e.Columns))}
		return func(fields [][]byte) error {
			if err := decoder.DecodeInto(&row, fields); err != nil {
				return err
			}
			return each(&row)
		}
	})
}

// tuples copies rows out.
func (s *Snapshot) tuples(ctx context.Context, e *entity.Entity, rest string, take func(*entity.Decoder) func([][]byte) error) error {
	shape, err := s.shape(ctx, e)
	if err != nil {
		return err
	}
	split := pgcopy.NewSplitter(take(entity.NewDecoder(e, shape)))
	sql := "COPY (SELECT " + selectList(e, shape) + " FROM " + table(e) + rest + ") TO STDOUT (FORMAT binary)"
	if _, err := s.conn.Conn().PgConn().CopyTo(ctx, split, sql); err != nil {
		return sqlstate.Wrap(engine.SideSource, "reading "+e.Name, s.withHolders(ctx, e, err))
	}
	if err := split.Close(); err != nil {
		return fmt.Errorf("reading %s: %w", e.Name, err)
	}
	return nil
}

// lockNotAvailable is what a server says of a lock that it waited for in vain.
const lockNotAvailable = "55P03"

// withHolders adds to an error about a lock who holds it.
func (s *Snapshot) withHolders(ctx context.Context, e *entity.Entity, err error) error {
	if pg, ok := errors.AsType[*pgconn.PgError](err); !ok || pg.Code != lockNotAvailable {
		return err
	}
	if who := s.db.lockHolders(ctx, e.Name); who != "" {
		return fmt.Errorf("%w; %s", err, who)
	}
	return err
}

// selectList names id and the entity's columns that this source has; integers and texts in one form.
func selectList(e *entity.Entity, shape entity.Shape) string {
	list := []string{"id::bigint"}
	for i, c := range e.Columns {
		name := pgx.Identifier{c.Source}.Sanitize()
		switch shape[i] {
		case entity.WireAbsent:
			continue
		case entity.WireInt, entity.WireInt8:
			name += "::bigint"
		case entity.WireText:
			name += "::text"
		case entity.WireFloat8, entity.WireNumeric, entity.WireTime:
		}
		list = append(list, name)
	}
	return strings.Join(list, ", ")
}

func table(e *entity.Entity) string { return pgx.Identifier{"public", e.Name}.Sanitize() }
