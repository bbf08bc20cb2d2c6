package enginedb

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"ferry/engine"
	"ferry/engine/cycle"
	"ferry/engine/entity"
	"ferry/store/idsum"
)

// knownIDs are the ids of a range that the engine accounts for: its rows but for extras, and what is in quarantine alone.
func knownIDs(e *entity.Entity) string {
	return `(SELECT t.` + ident(e.OdooID) + ` AS id FROM ` + public(e) + ` t WHERE t.` + ident(e.OdooID) + ` > $2 AND t.` + ident(e.OdooID) + ` <= $3
			AND NOT EXISTS (SELECT FROM ferry.extra x WHERE x.entity = $1 AND x.id = t.` + ident(e.OdooID) + `)
		UNION ALL SELECT source_id FROM ferry.quarantine
			WHERE entity = $1 AND source_id > $2 AND source_id <= $3 AND NOT stale AND state IN ` + openStates + `)`
}

// Buckets sums up the ids that the engine accounts for.
func (l *load) Buckets(ctx context.Context, e *entity.Entity, low, high int64) ([]cycle.Bucket, error) {
	rows, err := l.tx.Query(ctx, `SELECT (id - 1) / $4, count(*), `+idsum.Sum+` FROM `+knownIDs(e)+` k GROUP BY 1 ORDER BY 1`,
		e.Name, low, high, int64(cycle.BucketWidth))
	if err != nil {
		return nil, wrap("summing up ids of "+e.Target, err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowToStructByPos[cycle.Bucket])
	return out, wrap("summing up ids of "+e.Target, err)
}

// Known gives the ids that the engine accounts for.
func (l *load) Known(ctx context.Context, e *entity.Entity, low, high int64) ([]int64, error) {
	return l.ids(ctx, "reading ids of "+e.Target, `SELECT id FROM `+knownIDs(e)+` k ORDER BY id`, e.Name, low, high)
}

func (l *load) ids(ctx context.Context, doing, sql string, args ...any) ([]int64, error) {
	rows, err := l.tx.Query(ctx, sql, args...)
	if err != nil {
		return nil, wrap(doing, err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	return out, wrap(doing, err)
}

// Gone keeps rows whose source row is gone. A row that was stale is extra from now on, and its entry in quarantine gone.
func (l *load) Gone(ctx context.Context, e *entity.Entity, ids []int64) (int64, []int64, error) {
	const doing = "listing rows that are gone"
	feeds := ""
	if parent, ok := e.Feeds(); ok {
		feeds = parent.Entity
	}
	fed, err := l.ids(ctx, doing, `WITH gone AS (
			UPDATE ferry.quarantine SET state = 'gone', stale = false, due = false, resolved_at = clock_timestamp(), run_id = $3
			WHERE entity = $1 AND source_id = ANY($2) AND state IN `+openStates+` RETURNING parent_entity, parent_id)
		SELECT DISTINCT parent_id FROM gone WHERE parent_entity = $4 AND parent_id IS NOT NULL ORDER BY 1`, e.Name, ids, l.w.Run, feeds)
	if err != nil {
		return 0, nil, err
	}
	here, err := l.ids(ctx, doing, `SELECT id FROM `+public(e)+` WHERE id = ANY($1) AND `+ident(e.OdooID)+` IS NOT NULL`, ids)
	if err != nil {
		return 0, nil, err
	}
	return int64(len(here)), fed, wrap(doing, keepExtras(ctx, l.tx, e, l.w.Run, here))
}

// Returned forgets those of the ids that were extra, and gives back the others.
func (l *load) Returned(ctx context.Context, e *entity.Entity, ids []int64) ([]int64, error) {
	return l.ids(ctx, "listing rows that came back", `WITH back AS (DELETE FROM ferry.extra WHERE entity = $1 AND id = ANY($2) RETURNING id)
		SELECT id FROM unnest($2::bigint[]) id WHERE id NOT IN (SELECT id FROM back) ORDER BY 1`, e.Name, ids)
}

// Vanished gives the extras of a range that may leave.
func (l *load) Vanished(ctx context.Context, e *entity.Entity, low, high int64) ([]int64, error) {
	return l.ids(ctx, "listing extra rows", `SELECT id FROM ferry.extra WHERE entity = $1 AND id > $2 AND id <= $3 AND kept = '' ORDER BY id`,
		e.Name, low, high)
}

// Remove deletes extras. What the engine has made its own stays, and what others still point at; both say so, and are
// looked at again in the next full cycle.
//
// Rows that hang on a deleted one leave with it if they are stale, for quarantine has them; a link to it becomes empty.
func (l *load) Remove(ctx context.Context, e *entity.Entity, ids []int64) (int64, []int64, error) {
	doing := "deleting rows that are gone from " + e.Target
	if err := l.keep(ctx, e, ids, `the engine has made it its own (`+howOwned+`)`, ownedBy(e, "t")); err != nil {
		return 0, nil, wrap(doing, err)
	}
	for _, child := range e.Children() { // before any child leaves, for a row that stays keeps them all
		if err := l.holdBack(ctx, e, child, ids); err != nil {
			return 0, nil, wrap(doing, err)
		}
	}
	for _, child := range e.Children() {
		if err := l.letGo(ctx, e, child, ids); err != nil {
			return 0, nil, wrap(doing, err)
		}
	}
	fed := `NULL::bigint`
	if parent, ok := e.Feeds(); ok {
		fed = ident(e.Columns[parent.Column].Target)
	}
	rows, err := l.tx.Query(ctx, `WITH gone AS (
			DELETE FROM `+public(e)+` t USING ferry.extra x
			WHERE x.entity = $1 AND x.id = t.id AND x.kept = '' AND t.id = ANY($2) RETURNING t.id, `+fed+` AS fed),
		forgotten AS (DELETE FROM ferry.extra WHERE entity = $1 AND id IN (SELECT id FROM gone))
		SELECT fed FROM gone`, e.Name, ids)
	if err != nil {
		return 0, nil, wrap(doing, err)
	}
	all, err := pgx.CollectRows(rows, pgx.RowTo[*int64])
	if err != nil {
		return 0, nil, wrap(doing, err)
	}
	var touched []int64
	for _, id := range all {
		if id != nil {
			touched = append(touched, *id)
		}
	}
	return int64(len(all)), touched, nil
}

// keep says of extras why they are not deleted.
func (l *load) keep(ctx context.Context, e *entity.Entity, ids []int64, why, condition string) error {
	_, err := l.tx.Exec(ctx, `UPDATE ferry.extra x SET kept = $3 FROM `+public(e)+` t
		WHERE x.entity = $1 AND x.id = ANY($2) AND x.kept = '' AND t.id = x.id AND `+condition, e.Name, ids, why)
	return err
}

// holdBack keeps extras that rows of a child belong to which cannot leave with them.
func (l *load) holdBack(ctx context.Context, e, child *entity.Entity, ids []int64) error {
	for _, p := range child.Parents {
		if p.Entity != e.Name {
			continue
		}
		if p.Link != "" { // the link would be emptied
			_, err := l.tx.Exec(ctx, `UPDATE ferry.extra x SET kept = $3 WHERE x.entity = $1 AND x.id = ANY($2) AND x.kept = '' AND EXISTS (
				SELECT FROM `+public(child)+` c WHERE c.`+ident(p.Link)+` = x.id AND `+ownedBy(child, "c")+`)`,
				e.Name, ids, "rows of "+child.Target+" that the engine has made its own are linked to it")
			if err != nil {
				return err
			}
			continue
		}
		stale := `EXISTS (SELECT FROM ferry.quarantine q
			WHERE q.entity = $3 AND q.source_id = c.` + ident(child.OdooID) + ` AND q.stale AND q.state IN ` + openStates + `)`
		_, err := l.tx.Exec(ctx, `UPDATE ferry.extra x SET kept = $4
			WHERE x.entity = $1 AND x.id = ANY($2) AND x.kept = '' AND EXISTS (
				SELECT FROM `+public(child)+` c WHERE c.`+ident(child.Columns[p.Column].Target)+` = x.id
				AND (`+ownedBy(child, "c")+` OR c.`+ident(child.OdooID)+` IS NULL OR NOT `+stale+`))`,
			e.Name, ids, child.Name, "rows of "+child.Target+" still belong to it")
		if err != nil {
			return err
		}
	}
	return nil
}

// letGo parts an entity's extras from the rows of one of its children.
func (l *load) letGo(ctx context.Context, e, child *entity.Entity, ids []int64) error {
	for _, p := range child.Parents {
		if p.Entity != e.Name {
			continue
		}
		if p.Link != "" {
			_, err := l.tx.Exec(ctx, `UPDATE `+public(child)+` SET `+ident(p.Link)+` = NULL, sync_version = sync_version + 1
				WHERE `+ident(p.Link)+` IN (SELECT id FROM ferry.extra WHERE entity = $1 AND id = ANY($2) AND kept = '')`, e.Name, ids)
			if err != nil {
				return err
			}
			continue
		}
		column := ident(child.Columns[p.Column].Target)
		if err := l.removeStale(ctx, e, child, column, ids); err != nil {
			return err
		}
	}
	return nil
}

// removeStale deletes the stale rows that hang on extras which leave. Links to them become empty first.
func (l *load) removeStale(ctx context.Context, e, child *entity.Entity, column string, ids []int64) error {
	leaving := `SELECT c.id FROM ` + public(child) + ` c JOIN ferry.extra x ON x.id = c.` + column + ` WHERE x.entity = $1 AND x.id = ANY($2) AND x.kept = ''`
	for _, grandchild := range child.Children() {
		for _, p := range grandchild.Parents {
			if p.Entity != child.Name || p.Link == "" {
				continue
			}
			_, err := l.tx.Exec(ctx, `UPDATE `+public(grandchild)+` SET `+ident(p.Link)+` = NULL, sync_version = sync_version + 1
				WHERE `+ident(p.Link)+` IN (`+leaving+`)`, e.Name, ids)
			if err != nil {
				return err
			}
		}
	}
	rows, err := l.tx.Query(ctx, `DELETE FROM `+public(child)+` WHERE id IN (`+leaving+`) RETURNING id`, e.Name, ids)
	if err != nil {
		return err
	}
	gone, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil || len(gone) == 0 {
		return err
	}
	_, err = l.tx.Exec(ctx, `UPDATE ferry.quarantine SET stale = false WHERE entity = $1 AND source_id = ANY($2)`, child.Name, gone)
	if err != nil {
		return err
	}
	return addTarget(ctx, l.tx, child.Name, -int64(len(gone)))
}

// addTarget keeps the number of an entity's rows in the engine up to date, in the transaction that changes it.
func addTarget(ctx context.Context, tx pgx.Tx, name string, rows int64) error {
	if rows == 0 {
		return nil
	}
	_, err := tx.Exec(ctx, `UPDATE ferry.entity_state SET target_rows = target_rows + $2 WHERE entity = $1`, name, rows)
	return err
}

// Link points rows that were loaded without their parent at those of the parents that have come.
func (l *load) Link(ctx context.Context, parent *entity.Entity, ids []int64) (int64, error) {
	var linked int64
	if len(ids) == 0 {
		return 0, nil
	}
	for _, child := range parent.Children() {
		for _, p := range child.Parents {
			if p.Entity != parent.Name || p.Link == "" {
				continue
			}
			column := ident(child.Columns[p.Column].Target)
			tag, err := l.tx.Exec(ctx, `UPDATE `+public(child)+` t SET `+ident(p.Link)+` = `+column+`, sync_version = sync_version + 1
				WHERE `+column+` = ANY($1) AND `+ident(p.Link)+` IS NULL AND NOT `+ownedBy(child, "t"), ids)
			if err != nil {
				return 0, wrap("linking rows of "+child.Target, err)
			}
			linked += tag.RowsAffected()
		}
	}
	return linked, nil
}

// Accounted gives how many source rows the engine accounts for, with what this transaction adds.
func (l *load) Accounted(ctx context.Context, e *entity.Entity, counts engine.Counts) (int64, error) {
	var rows int64
	err := l.tx.QueryRow(ctx, `SELECT s.target_rows + $2 - (SELECT count(*) FROM ferry.extra WHERE entity = $1)
			+ (SELECT count(*) FROM ferry.quarantine WHERE entity = $1 AND NOT stale AND state IN `+openStates+`)
		FROM ferry.entity_state s WHERE s.entity = $1`, e.Name, counts.Inserted-counts.Deleted).Scan(&rows)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, fmt.Errorf("%w: the rows of %s were never counted", engine.ErrNotInitialised, e.Target)
	}
	return rows, wrap("counting what is accounted for", err)
}
