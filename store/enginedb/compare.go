package enginedb

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"ferry/engine"
	"ferry/engine/check"
	"ferry/engine/cycle"
	"ferry/engine/entity"
	"ferry/store/digest"
	"ferry/store/sqlstate"
)

var (
	_ check.Engine     = (*DB)(nil)
	_ check.EngineView = (*view)(nil)
)

// view is one state of the engine, and the rows of one source.
type view struct {
	*load

	at       check.Moment
	atRest   bool
	readFrom map[string]time.Time
}

// View begins a read-only transaction that sees one state of the engine.
func (db *DB) View(ctx context.Context) (check.EngineView, error) {
	conn, err := db.pool.Acquire(ctx)
	if err != nil {
		return nil, wrap("connecting", err)
	}
	tx, err := conn.BeginTx(ctx, readOnly)
	if err != nil {
		conn.Release()
		return nil, wrap("beginning to read", err)
	}
	v := &view{load: &load{conn: conn, tx: tx}, readFrom: map[string]time.Time{}}
	if err := v.begin(ctx); err != nil {
		v.Close() //nolint:contextcheck // it must end even if the context has
		return nil, wrap("looking where the engine stands", err)
	}
	return v, nil
}

// begin fixes what the view sees, and reads when that was and what the cycles had left by then. A run that is active may have
// carried a row and not yet what derives from it; so may one that did not come to its end, until a cycle does: what else ends
// well meanwhile has not mended that.
//
// What a view reads are ranges of some ten thousand ids: to start other processes for that, or to compile it, takes longer.
func (v *view) begin(ctx context.Context) error {
	_, err := v.tx.Exec(ctx, `SELECT set_config('jit', 'off', true), set_config('max_parallel_workers_per_gather', '0', true)`)
	if err != nil {
		return err
	}
	err = v.tx.QueryRow(ctx, `SELECT now(), pg_current_snapshot()::text, coalesce((SELECT bool_and(state = 'done') FROM ferry.run
				WHERE writes AND id >= (SELECT max(id) FROM ferry.run WHERE kind IN ('full', 'incremental'))), false)
			AND NOT EXISTS (SELECT FROM ferry.run WHERE writes AND state IN ('queued', 'planning', 'running', 'pausing', 'paused', 'asking'))`).
		Scan(&v.at.Time, &v.at.Snapshot, &v.atRest)
	if err != nil {
		return err
	}
	rows, err := v.tx.Query(ctx, `SELECT DISTINCT ON (entity) entity, read_from FROM ferry.floor ORDER BY entity, run_id DESC`)
	if err != nil {
		return err
	}
	var name string
	var at time.Time
	_, err = pgx.ForEachRow(rows, []any{&name, &at}, func() error {
		v.readFrom[name] = at
		return nil
	})
	return err
}

// Close ends the transaction.
func (v *view) Close() { v.Rollback() }

// At is the moment of the view, and whether the engine was at rest then. Its time is that of the transaction's begin, a little
// before it saw anything.
func (v *view) At() (at check.Moment, atRest bool) { return v.at, v.atRest }

// Now is the time by the engine's clock.
func (v *view) Now(ctx context.Context) (now time.Time, err error) {
	err = v.tx.QueryRow(ctx, `SELECT clock_timestamp()`).Scan(&now)
	return now, wrap("reading the engine's clock", err)
}

// Base is what the last completed cycle of an entity has left.
func (v *view) Base(ctx context.Context, e *entity.Entity) (cycle.Base, error) {
	var b cycle.Base
	err := readFloors(ctx, v.tx, e, &b)
	return b, wrap("reading the last cycle's floor", err)
}

// ReadFrom is when the last completed cycle of an entity began to read.
func (v *view) ReadFrom(e *entity.Entity) time.Time { return v.readFrom[e.Name] }

// Explained gives the rows of a scope that quarantine and extras account for.
func (v *view) Explained(ctx context.Context, e *entity.Entity, of cycle.Scope) (check.Explained, error) {
	out := check.Explained{ByCause: map[engine.Cause][]int64{}}
	for cause, from := range map[engine.Cause]string{
		engine.CauseQuarantined:     `source_id FROM ferry.quarantine WHERE state IN ('open', 'waived')`,
		engine.CauseWaitingParent:   `source_id FROM ferry.quarantine WHERE state = 'waiting_parent'`,
		engine.CauseDeletedAtSource: `id FROM ferry.extra WHERE true`,
	} {
		id := "source_id"
		if cause == engine.CauseDeletedAtSource {
			id = "id"
		}
		condition, args := inScope(id, of)
		ids, err := v.ids(ctx, "looking what is known of "+e.Name, `SELECT `+from+` AND entity = $1 AND `+condition+` ORDER BY 1`,
			append([]any{e.Name}, args...)...)
		if err != nil {
			return out, err
		}
		if len(ids) > 0 {
			out.ByCause[cause] = ids
		}
	}
	return out, nil
}

// Digests sums up the rows with an Odoo id above low up to high by chunks of width ids, but for those of the excluded ids.
func (v *view) Digests(ctx context.Context, e *entity.Entity, low, high, width int64, excluded []int64) ([]check.Chunk, error) {
	chunks, err := digest.Engine(e).Read(ctx, v.tx, low, high, width, excluded)
	if err != nil {
		return nil, wrapAt(sqlstate.PhaseRead, "summing up "+e.Target, err)
	}
	out := make([]check.Chunk, len(chunks))
	for i, c := range chunks {
		out[i] = check.Chunk(c)
	}
	return out, nil
}

// Derived gives what does not follow from the engine's own rows: the points of cards, and links that are missing although
// their parent is there. (A link to another parent than the row names is seen by comparing rows.)
func (v *view) Derived(ctx context.Context, e *entity.Entity, of cycle.Scope) ([]check.Derived, error) {
	var out []check.Derived
	if len(e.Derived) > 0 {
		wrong, err := v.unsettled(ctx, e, of)
		if err != nil {
			return nil, err
		}
		out = append(out, wrong...)
	}
	for _, p := range e.Parents {
		if p.Link == "" {
			continue
		}
		wrong, err := v.unlinked(ctx, e, p, of)
		if err != nil {
			return nil, err
		}
		out = append(out, wrong...)
	}
	return out, nil
}

// unsettled gives the cards of a scope whose points are not what settling them would make them.
func (v *view) unsettled(ctx context.Context, e *entity.Entity, of cycle.Scope) ([]check.Derived, error) {
	var out []check.Derived
	read := func() (err error) {
		out, err = v.unsettledOf(ctx, e, of)
		return err
	}
	var err error
	if of.IDs == nil {
		err = digest.Under(ctx, v.tx, rangeSettings, read)
	} else {
		err = read()
	}
	return out, wrapAt(sqlstate.PhaseRead, "comparing points with the ledger", err)
}

func (v *view) unsettledOf(ctx context.Context, e *entity.Entity, of cycle.Scope) ([]check.Derived, error) {
	condition, args := inScope("c.id", of)
	meant := cards{where: condition}
	if of.IDs == nil {
		meant = cardsBetween("$2", "$3")
	}
	rows, err := v.tx.Query(ctx, `SELECT id, points::text, has::text, coalesce('line ' || line, 'card') || ' ' || points, owned
		FROM (`+settledPoints(meant)+` AND $1 <> '') s WHERE points IS DISTINCT FROM has ORDER BY id`,
		append([]any{pgx.QueryExecModeExec, e.Name}, args...)...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (check.Derived, error) {
		d := check.Derived{Column: e.Derived[0].Target}
		var expected, target string
		err := row.Scan(&d.Row, &expected, &target, &d.From, &d.Owned)
		d.Expected, d.Target = engine.Known(expected), engine.Known(target)
		return d, err
	})
}

// unlinked gives the rows of a scope without a link to a parent that is in the engine. Parents are looked up one by one: nearly all
// rows have their link, which the planner cannot know, and would read all parents for each scope.
func (v *view) unlinked(ctx context.Context, e *entity.Entity, p entity.Parent, of cycle.Scope) ([]check.Derived, error) {
	parent, err := entity.Lookup(p.Entity)
	if err != nil {
		return nil, err
	}
	condition, args := inScope("t.id", of)
	named := "t." + ident(e.Columns[p.Column].Target)
	rows, err := v.tx.Query(ctx, `SELECT t.id, p.id, `+ownedBy(e, "t")+`
		FROM `+public(e)+` t, LATERAL (SELECT id FROM `+public(parent)+` WHERE id = `+named+` AND `+ident(parent.OdooID)+` IS NOT NULL OFFSET 0) p
		WHERE $1 <> '' AND `+condition+` AND t.`+ident(e.OdooID)+` IS NOT NULL AND t.`+ident(p.Link)+` IS NULL AND `+named+` IS NOT NULL
		ORDER BY 1`, append([]any{pgx.QueryExecModeExec, e.Name}, args...)...)
	if err != nil {
		return nil, wrapAt(sqlstate.PhaseRead, "looking for missing links of "+e.Target, err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (check.Derived, error) {
		d := check.Derived{Column: p.Link}
		var id int64
		err := row.Scan(&d.Row, &id, &d.Owned)
		d.Expected, d.From = engine.Known(entity.Value{State: entity.Present, Int: id}.Format(entity.KindInt)), check.LinkFrom(p.Entity, id, true)
		return d, err
	})
	return out, wrapAt(sqlstate.PhaseRead, "looking for missing links of "+e.Target, err)
}
