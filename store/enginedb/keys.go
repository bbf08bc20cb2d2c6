package enginedb

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"ferry/engine"
	"ferry/engine/cycle"
	"ferry/engine/entity"
	"ferry/store/migrations"
	"ferry/store/sqlstate"
)

// What refuses a key while it is built.
const (
	uniqueViolation     = "23505"
	foreignKeyViolation = "23503"
)

// Build opens a transaction that builds keys. It holds the batch and no lease, for that would keep an operator's cancel
// waiting for minutes: the fence is checked when the batch is stored.
func (t *Target) Build(ctx context.Context, w cycle.Work) (cycle.Build, error) {
	l, err := t.open(ctx, w)
	if err != nil {
		return nil, err
	}
	l.late = true
	// Sorting in memory is worth a quarter of the time, and the server's own figure may be meant for many sessions at once. Where
	// several indexes are built at the same time, processes beside each builder cost it half as much again, and gain nothing.
	_, err = l.tx.Exec(ctx, `SELECT
		set_config('maintenance_work_mem', greatest(pg_size_bytes(current_setting('maintenance_work_mem')), 268435456) / 1024 || 'kB', true),
		set_config('statement_timeout', '0', true),
		set_config('max_parallel_maintenance_workers', CASE WHEN sum(workers) > 1 THEN '0' ELSE current_setting('max_parallel_maintenance_workers') END, true)
		FROM ferry.worker WHERE seen_at > clock_timestamp() - $1::interval`, t.db.silence)
	if err != nil {
		l.Rollback()
		return nil, wrap("preparing to build keys", err)
	}
	return l, nil
}

// watchEvery is how often it is looked whether a batch that takes long is still this attempt's.
const watchEvery = time.Second

// Watch gives a context that ends, with ErrFenced as its cause, when a batch is not this attempt's any more.
func (t *Target) Watch(ctx context.Context, w cycle.Work) (context.Context, func()) {
	watched, end := context.WithCancelCause(ctx)
	go func() {
		look := time.NewTicker(watchEvery)
		defer look.Stop()
		for {
			select {
			case <-watched.Done():
				return
			case <-look.C:
			}
			var current bool
			err := t.db.pool.QueryRow(watched, `SELECT EXISTS (SELECT FROM ferry.batch b JOIN ferry.run r ON r.id = b.run_id
				WHERE b.id = $1 AND b.attempt = $2 AND b.state = 'running' AND r.epoch = $3 AND r.state = ANY($4))`,
				w.Batch, w.Attempt, w.Epoch, activeStates()).Scan(&current)
			if err == nil && !current {
				end(fmt.Errorf("%w: its run was ended, or it was handed to another worker", engine.ErrFenced))
			}
		}
	}()
	return watched, func() { end(nil) }
}

// Index builds one of a table's indexes.
func (l *load) Index(ctx context.Context, e *entity.Entity, number int64) error {
	all := plainIndexes(e)
	if number < 0 || number >= int64(len(all)) {
		return fmt.Errorf("%s has %d indexes to be built, there is no number %d", e.Target, len(all), number+1)
	}
	_, err := l.tx.Exec(ctx, all[number].Build)
	return wrapAt(sqlstate.PhaseKeys, "building "+all[number].Name, err)
}

// IndexCodes builds the index of codes, and reports whether that was possible: no code is there twice.
func (l *load) IndexCodes(ctx context.Context, e *entity.Entity) (bool, error) {
	for _, i := range migrations.Indexes(e) {
		if !i.Code {
			continue
		}
		refused, err := l.attempt(ctx, i.Build, uniqueViolation)
		if refused || err != nil {
			return false, wrapAt(sqlstate.PhaseKeys, "building "+i.Name, err)
		}
	}
	return true, nil
}

// attempt carries a statement out, or reports that it was refused in the given way; then nothing has happened.
func (l *load) attempt(ctx context.Context, statement, state string) (refused bool, err error) {
	if _, err := l.tx.Exec(ctx, `SAVEPOINT ferry_attempt`); err != nil {
		return false, err
	}
	_, err = l.tx.Exec(ctx, statement)
	if pg, ok := errors.AsType[*pgconn.PgError](err); ok && pg.Code == state {
		_, err = l.tx.Exec(ctx, `ROLLBACK TO SAVEPOINT ferry_attempt; RELEASE SAVEPOINT ferry_attempt`)
		return true, err
	}
	if err != nil {
		return false, err
	}
	_, err = l.tx.Exec(ctx, `RELEASE SAVEPOINT ferry_attempt`)
	return false, err
}

// Shared gives rows from Odoo whose code belongs to another row, in id order: to one of the engine's own, else to the lowest id that
// has it.
func (l *load) Shared(ctx context.Context, e *entity.Entity, limit int) ([]cycle.Loser, error) {
	code := ident(e.Columns[e.Code].Target)
	rows, err := l.tx.Query(ctx, `SELECT t.id, o.owner FROM `+public(e)+` t JOIN (
			SELECT `+code+` AS code, coalesce(min(id) FILTER (WHERE `+kept(e)+`), min(id)) AS owner FROM `+public(e)+` t
			GROUP BY 1 HAVING count(*) > 1) o ON t.`+code+` = o.code
		WHERE t.id <> o.owner AND NOT (`+kept(e)+`) ORDER BY t.id LIMIT $1`, limit)
	if err != nil {
		return nil, wrap("looking for shared codes", err)
	}
	var out []cycle.Loser
	for rows.Next() {
		var loser cycle.Loser
		if err := rows.Scan(&loser.ID, &loser.Owner); err != nil {
			rows.Close()
			return nil, wrap("looking for shared codes", err)
		}
		out = append(out, loser)
	}
	return out, wrap("looking for shared codes", rows.Err())
}

// Evict takes rows out of the table again; quarantine has them.
func (l *load) Evict(ctx context.Context, e *entity.Entity, ids []int64) (int64, error) {
	tag, err := l.tx.Exec(ctx, `DELETE FROM `+public(e)+` WHERE id = ANY($1)`, ids)
	return tag.RowsAffected(), wrap("taking out rows that lost their code", err)
}

// Attach makes a table's indexes the constraints that they are for.
func (l *load) Attach(ctx context.Context, e *entity.Entity) error {
	for _, i := range migrations.Indexes(e) {
		if i.Attach == "" {
			continue
		}
		if _, err := l.tx.Exec(ctx, i.Attach); err != nil {
			return wrapAt(sqlstate.PhaseKeys, "adding "+i.Name, err)
		}
	}
	return nil
}

// Refer adds a table's foreign keys. Rows whose parent is not there wait for it in quarantine from now on, and links to one
// that is not there are emptied; it gives how many rows left. Those whose parent lost its code are known; others there are only
// if the source changed while it was read.
func (l *load) Refer(ctx context.Context, e *entity.Entity) (evicted int64, err error) {
	keys := migrations.ForeignKeys(e)
	for _, p := range e.Parents {
		parent, err := entity.Lookup(p.Entity)
		if err != nil {
			return evicted, err
		}
		r := reference{of: e, parent: parent, by: p, column: e.Columns[p.Column].Target}
		if p.Link != "" {
			r.column = p.Link
		}
		left, err := l.refer(ctx, r, keys[r.column])
		evicted += left
		if err != nil {
			return evicted, wrapAt(sqlstate.PhaseKeys, "adding the foreign key from "+e.Target+" to "+parent.Target, err)
		}
	}
	return evicted, nil
}

// refer adds one foreign key, and gives how many rows left for it.
func (l *load) refer(ctx context.Context, r reference, add string) (int64, error) {
	column := `t.` + ident(r.column)
	lost, err := l.withoutParent(ctx, r, `EXISTS (SELECT FROM ferry.quarantine q
		WHERE q.entity = $1 AND q.reason = $2 AND q.state IN `+openStates+` AND q.source_id = `+column+`)`, r.parent.Name, entity.ReasonCode)
	if err != nil {
		return lost, err
	}
	refused, err := l.attempt(ctx, add, foreignKeyViolation)
	if !refused || err != nil {
		return lost, err
	}
	more, err := l.withoutParent(ctx, r, column+` IS NOT NULL AND NOT EXISTS (SELECT FROM `+public(r.parent)+` p WHERE p.id = `+column+`)`)
	if err == nil {
		_, err = l.tx.Exec(ctx, add)
	}
	return lost + more, err
}

// reference is a column that points at a parent.
type reference struct {
	of, parent *entity.Entity
	by         entity.Parent
	column     string
}

// kept is the condition that a row t is the engine's own: it did not come from Odoo, or the engine has made it its own. Whoever
// has put it there beside the load decides about it.
func kept(e *entity.Entity) string { return "t." + ident(e.OdooID) + ` IS NULL OR ` + ownedBy(e, "t") }

// withoutParent sees to the rows t from Odoo for which a condition holds, as their parent is not there: a link is emptied, other
// rows leave.
func (l *load) withoutParent(ctx context.Context, r reference, condition string, args ...any) (int64, error) {
	doing := "looking for rows of " + r.of.Target + " without " + r.parent.Target
	if len(args) > 0 {
		var some bool
		err := l.tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM ferry.quarantine
			WHERE entity = $1 AND reason = $2 AND state IN `+openStates+`)`, args...).Scan(&some)
		if err != nil || !some {
			return 0, wrap(doing, err)
		}
	}
	condition = `NOT (` + kept(r.of) + `) AND ` + condition
	if r.by.Link != "" {
		_, err := l.tx.Exec(ctx, `UPDATE `+public(r.of)+` t SET `+ident(r.column)+` = NULL WHERE `+condition, args...)
		return 0, wrap(doing, err)
	}
	n := len(args)
	place := func(i int) string { return fmt.Sprintf("$%d", n+i) }
	tag, err := l.tx.Exec(ctx, `WITH gone AS (
			DELETE FROM `+public(r.of)+` t WHERE `+condition+` RETURNING t.id, t.`+ident(r.column)+` AS parent)
		INSERT INTO ferry.quarantine (entity, source_id, state, reason, detail, parent_entity, parent_id, run_id)
		SELECT `+place(1)+`, id, 'waiting_parent', `+place(2)+`, format(`+place(5)+`::text, `+place(3)+`::text, parent),
			`+place(3)+`, parent, `+place(4)+` FROM gone
		ON CONFLICT (entity, source_id) DO UPDATE SET state = EXCLUDED.state, reason = EXCLUDED.reason, detail = EXCLUDED.detail, sqlstate = '',
			parent_entity = EXCLUDED.parent_entity, parent_id = EXCLUDED.parent_id, claim = NULL, owner_id = NULL, stale = false, payload = NULL,
			due = false, waived_by = '', waived_note = '', attempts = 1, first_seen = clock_timestamp(), last_seen = clock_timestamp(),
			resolved_at = NULL, run_id = EXCLUDED.run_id`,
		append(slices.Clone(args), r.of.Name, entity.ReasonWaiting, r.parent.Name, l.w.Run, cycle.AbsentDetail)...)
	return tag.RowsAffected(), wrap(doing, err)
}

// Finish renews what the planner knows of a table, and has rows read again that wait for a parent which is there: whoever set
// them aside did not know of it yet.
func (l *load) Finish(ctx context.Context, e *entity.Entity) error {
	for _, p := range e.Parents {
		parent, err := entity.Lookup(p.Entity)
		if err != nil {
			return err
		}
		_, err = l.tx.Exec(ctx, `UPDATE ferry.quarantine q SET due = true WHERE entity = $1 AND parent_entity = $2 AND state = 'waiting_parent' AND NOT due
			AND EXISTS (SELECT FROM `+public(parent)+` WHERE id = q.parent_id)`, e.Name, parent.Name)
		if err != nil {
			return wrap("looking for parents that have come", err)
		}
	}
	_, err := l.tx.Exec(ctx, `ANALYZE `+public(e))
	return wrap("analysing "+e.Target, err)
}
