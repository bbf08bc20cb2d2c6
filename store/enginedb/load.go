package enginedb

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
	"ferry/store/digest"
	"ferry/store/sqlstate"
)

// load is the writing transaction of one batch.
type load struct {
	counted

	target *Target
	conn   *pgxpool.Conn
	tx     pgx.Tx
	w      cycle.Work
	late   bool // it holds no lease until it is stored
}

func wrap(doing string, err error) error { return sqlstate.Wrap(engine.SideTarget, doing, err) }

func wrapAt(phase sqlstate.Phase, doing string, err error) error {
	return sqlstate.WrapAt(sqlstate.Place{Side: engine.SideTarget, Phase: phase}, doing, err)
}

// rowSettings are for statements about rows that a list or a temporary table names. The planner knows nothing of either and would read the
// whole of a table to find a few hundred of its rows; by the key each takes microseconds, and no more than a batch's are asked for.
var rowSettings = map[string]string{"enable_seqscan": "off", "enable_hashjoin": "off", "enable_mergejoin": "off", "jit": "off"}

// Stored reads the engine's rows of a scope. COPY takes no parameters; integers written by strconv are all that is put
// into its text.
func (l *load) Stored(ctx context.Context, e *entity.Entity, of cycle.Scope) (*cycle.Stored, error) {
	if of.IDs == nil {
		return l.stored(ctx, e, "id > "+strconv.FormatInt(of.Low, 10)+" AND id <= "+strconv.FormatInt(of.High, 10))
	}
	if len(of.IDs) == 0 {
		return &cycle.Stored{}, nil
	}
	list := make([]string, len(of.IDs))
	for i, id := range of.IDs {
		list[i] = strconv.FormatInt(id, 10)
	}
	var out *cycle.Stored
	err := digest.Under(ctx, l.tx, rowSettings, func() (err error) {
		out, err = l.stored(ctx, e, "id = ANY('{"+strings.Join(list, ",")+"}'::bigint[])")
		return err
	})
	return out, wrapAt(sqlstate.PhaseRead, "reading "+e.Target, err)
}

// stored copies rows out.
func (l *load) stored(ctx context.Context, e *entity.Entity, where string) (*cycle.Stored, error) {
	out := &cycle.Stored{}
	split := pgcopy.NewSplitter(func(fields [][]byte) error {
		last := len(fields) - 1
		id, err := pgcopy.Int(fields[0])
		if err != nil {
			return err
		}
		owned, err := pgcopy.Bool(fields[last])
		if err != nil {
			return err
		}
		out.Rows.AppendRaw(id, fields[:last])
		out.Owned = append(out.Owned, owned)
		return nil
	})
	sql := "COPY (SELECT " + strings.Join(idents(e.MappedColumns()), ", ") + ", " + ownedBy(e, "t") + " FROM " + public(e) +
		" t WHERE " + where + " AND " + ident(e.OdooID) + " IS NOT NULL ORDER BY id) TO STDOUT (FORMAT binary)"
	if _, err := l.conn.Conn().PgConn().CopyTo(ctx, split, sql); err != nil {
		return nil, wrapAt(sqlstate.PhaseRead, "reading "+e.Target, err)
	}
	if err := split.Close(); err != nil {
		return nil, wrapAt(sqlstate.PhaseRead, "reading "+e.Target, err)
	}
	var err error
	out.Gone, err = l.ids(ctx, "reading which rows the engine has deleted",
		`SELECT id FROM ferry.owned WHERE entity = $1 AND gone AND `+where+` ORDER BY id`, e.Name)
	return out, err
}

// Present gives those of the ids that are in the engine with an Odoo id.
func (l *load) Present(ctx context.Context, e *entity.Entity, ids []int64) (map[int64]bool, error) {
	out := make(map[int64]bool, len(ids))
	if len(ids) == 0 {
		return out, nil
	}
	rows, err := l.tx.Query(ctx, `SELECT id FROM `+public(e)+` WHERE id = ANY($1) AND `+ident(e.OdooID)+` IS NOT NULL`, ids)
	if err != nil {
		return nil, wrapAt(sqlstate.PhaseRead, "looking for parents in "+e.Target, err)
	}
	var id int64
	_, err = pgx.ForEachRow(rows, []any{&id}, func() error {
		out[id] = true
		return nil
	})
	return out, wrapAt(sqlstate.PhaseRead, "looking for parents in "+e.Target, err)
}

// Holders gives the engine's rows that hold any of the codes.
func (l *load) Holders(ctx context.Context, e *entity.Entity, codes []string) ([]cycle.Holder, error) {
	code := ident(e.Columns[e.Code].Target)
	var out []cycle.Holder
	err := digest.Under(ctx, l.tx, rowSettings, func() error {
		rows, err := l.tx.Query(ctx, `SELECT id, `+code+`, `+ident(e.OdooID)+` IS NULL OR `+ownedBy(e, "t")+`
			FROM `+public(e)+` t WHERE `+code+` = ANY($1)`, codes)
		if err != nil {
			return err
		}
		out, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (cycle.Holder, error) {
			var h cycle.Holder
			return h, row.Scan(&h.ID, &h.Code, &h.Kept)
		})
		return err
	})
	return out, wrapAt(sqlstate.PhaseRead, "looking for holders of codes", err)
}

// codeLocks bounds the advisory locks of a batch: codes share them by hash, so that a batch that moves thousands of
// codes does not exhaust the server's lock table.
const codeLocks = 512

// codeLockSpace is the first key of our advisory locks on codes; any fixed number will do.
const codeLockSpace = 0x66657272 // "ferr"

// LockCodes waits for concurrent batches that move the same codes, in one order everywhere.
func (l *load) LockCodes(ctx context.Context, codes []string) error {
	_, err := l.tx.Exec(ctx, `
		SELECT pg_advisory_xact_lock($1, slot) FROM (
			SELECT DISTINCT (hashtext(c) & 2147483647) % $2 AS slot FROM unnest($3::text[]) c ORDER BY slot) s`,
		codeLockSpace, codeLocks, codes)
	return wrapAt(sqlstate.PhaseRead, "locking codes", err)
}

// Retire gives rows that lost their code one that no clean code can be: it has lower case in it.
func (l *load) Retire(ctx context.Context, e *entity.Entity, ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	code := ident(e.Columns[e.Code].Target)
	_, err := l.tx.Exec(ctx, `UPDATE `+public(e)+` t SET `+code+` = `+code+` || '#ferry' || id, sync_version = sync_version + 1
		WHERE id = ANY($1) AND NOT `+ownedBy(e, "t")+` AND `+code+` NOT LIKE '%#ferry' || id`, ids)
	return wrap("taking codes from rows that lost them", err)
}

// DropLosers deletes the rows of a first load that lost their code: nothing refers to them yet, and quarantine has them. A row that the
// engine has made its own meanwhile stays, and is stale.
func (l *load) DropLosers(ctx context.Context, e *entity.Entity) (int64, error) {
	tag, err := l.tx.Exec(ctx, `DELETE FROM `+public(e)+` t USING ferry.quarantine q
		WHERE q.entity = $1 AND q.reason = $2 AND q.stale AND q.state = 'open' AND t.id = q.source_id AND NOT (`+kept(e)+`)`, e.Name, entity.ReasonCode)
	if err != nil {
		return 0, wrap("dropping cards that lost their code", err)
	}
	_, err = l.tx.Exec(ctx, `UPDATE ferry.quarantine q SET stale = false WHERE entity = $1 AND reason = $2 AND stale AND state = 'open'
		AND NOT EXISTS (SELECT FROM `+public(e)+` t WHERE t.id = q.source_id)`, e.Name, entity.ReasonCode)
	return tag.RowsAffected(), wrap("dropping cards that lost their code", err)
}

// Checkpoint writes what belongs to the batch's rows: deferred constraints first, then counts, checkpoint, next batches
// and the job.
func (l *load) Checkpoint(ctx context.Context, counts engine.Counts, took time.Duration) error {
	if l.late {
		if err := fence(ctx, l.tx, l.w); err != nil {
			return wrap("checking the batch's lease", err)
		}
	}
	if _, err := l.tx.Exec(ctx, `SET CONSTRAINTS ALL IMMEDIATE`); err != nil {
		return l.deferredRefusal(err)
	}
	if err := l.target.db.advance(ctx, l.tx, l.w, counts, took); err != nil {
		return wrap("storing the batch's counts", err)
	}
	l.add(l.w.Entity, counts, took)
	return wrap("completing the batch's job", l.target.complete(ctx, l.tx))
}

// Commit makes the batch durable. Whether a commit without an answer took place is for the next attempt to find out.
func (l *load) Commit(ctx context.Context) error {
	if err := l.tx.Commit(ctx); err != nil {
		return wrapAt(sqlstate.PhaseCommit, "committing a batch", err)
	}
	l.tell(l.target.db.observer, l.w)
	l.confirm(ctx)
	return nil
}

// confirm adds to the bound of the run that the batch has ended, if it has, what the end of the transaction took: its rows
// are visible from now on, and not since the bound was written down within it. Whoever dies before that leaves a bound
// that is too low by so much.
func (l *load) confirm(ctx context.Context) {
	_, _ = l.conn.Exec(ctx, `UPDATE ferry.tick SET visible_at = clock_timestamp(),
			bound_ms = bound_ms + ceil(extract(epoch FROM clock_timestamp() - visible_at) * 1000)::bigint
		WHERE run_id = $1 AND visible_at > now() - interval '1 hour'`, l.w.Run)
}

// deferredRefusal classes the error of a deferred constraint. A code that is taken after all was claimed by a batch
// that committed meanwhile: the next attempt sees it.
func (l *load) deferredRefusal(err error) error {
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok && pg.Code == "23505" && hasCodes(pg.TableName) {
		return &engine.DatabaseError{
			Side: engine.SideTarget, Class: engine.ClassRetry, SQLState: pg.Code,
			Doing: "checking that codes are unique", Err: fmt.Errorf("another batch took the code at the same moment: %w", err),
		}
	}
	return wrapAt(sqlstate.PhaseCommit, "checking deferred constraints", err)
}

// hasCodes reports whether an engine table holds codes.
func hasCodes(table string) bool {
	return slices.ContainsFunc(entity.All(), func(e *entity.Entity) bool { return e.Target == table && e.Code >= 0 })
}

// taken says what is done about a refusal that is about a row's id. An id of Odoo's that the engine gave to a row of its
// own is for people to settle; one that another transaction wrote at this moment is there when the batch compares again.
// It gives nil for every other refusal.
func (l *load) taken(ctx context.Context, e *entity.Entity, id int64, pg *pgconn.PgError) error {
	if pg.Code != "23505" || pg.TableName != e.Target {
		return nil
	}
	var identity, own bool
	err := l.tx.QueryRow(ctx, `SELECT
		EXISTS (SELECT FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
			JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey)
			WHERE i.indrelid = $1::regclass AND c.relname = $2 AND a.attname IN ('id', $3)),
		EXISTS (SELECT FROM `+public(e)+` WHERE id = $4 AND `+ident(e.OdooID)+` IS NULL)`,
		public(e), pg.ConstraintName, e.OdooID, id).Scan(&identity, &own)
	switch {
	case err != nil:
		return wrap("looking who has an id", err)
	case !identity:
		return nil
	case own:
		return &engine.DatabaseError{
			Side: engine.SideTarget, Class: engine.ClassStop, SQLState: pg.Code, Doing: "writing " + e.Target,
			Err: fmt.Errorf("id %d belongs to Odoo's %s %d, but the engine gave it to a row of its own; "+
				"give that row another id (the table's sequence starts at %d), then resume the run", id, e.Name, id, entity.FirstOwnID),
		}
	}
	return &engine.DatabaseError{
		Side: engine.SideTarget, Class: engine.ClassRetry, SQLState: pg.Code, Doing: "writing " + e.Target,
		Err: fmt.Errorf("another transaction wrote id %d at the same moment", id),
	}
}

// Rollback undoes what was not committed. A session that cannot even do that is dropped.
func (l *load) Rollback() {
	if l.conn == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	if err := l.tx.Rollback(ctx); err != nil && !errors.Is(err, pgx.ErrTxClosed) {
		_ = l.conn.Conn().Close(ctx)
	}
	l.conn.Release()
	l.conn = nil
}

// sortedIDs gives the ids of faults, in order.
func sortedIDs(faults []cycle.Fault) []int64 {
	out := make([]int64, len(faults))
	for i, f := range faults {
		out[i] = f.ID
	}
	slices.Sort(out)
	return out
}
