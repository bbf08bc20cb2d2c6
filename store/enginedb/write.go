package enginedb

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"ferry/engine"
	"ferry/engine/cycle"
	"ferry/engine/entity"
	"ferry/engine/pgcopy"
	"ferry/store/digest"
	"ferry/store/sqlstate"
)

// Insert copies new rows into the table.
func (l *load) Insert(ctx context.Context, e *entity.Entity, rows *pgcopy.Tuples) ([]cycle.Refusal, error) {
	return l.bisect(ctx, e, rows, 0, rows.Len(), func(from, until int) error {
		return l.copyIn(ctx, public(e), e.InsertColumns(), rows, from, until)
	})
}

// Fill copies new rows into a table without keys.
func (l *load) Fill(ctx context.Context, e *entity.Entity, rows io.Reader) (int64, error) {
	if _, err := l.tx.Exec(ctx, `SAVEPOINT ferry_fill`); err != nil {
		return 0, wrap("filling "+e.Target, err)
	}
	tag, err := l.conn.Conn().PgConn().CopyFrom(ctx, rows, copyFrom(public(e), e.InsertColumns()))
	if err == nil {
		_, err = l.tx.Exec(ctx, `RELEASE SAVEPOINT ferry_fill`)
		return tag.RowsAffected(), wrap("filling "+e.Target, err)
	}
	if _, ok := errors.AsType[*pgconn.PgError](err); ok {
		if _, back := l.tx.Exec(ctx, `ROLLBACK TO SAVEPOINT ferry_fill; RELEASE SAVEPOINT ferry_fill`); back != nil {
			err = errors.Join(err, back)
		}
	}
	return 0, wrapAt(sqlstate.PhaseWrite, "filling "+e.Target, err)
}

// Loaded gives the ids of an entity's rows that came from Odoo.
func (l *load) Loaded(ctx context.Context, e *entity.Entity, each func(id int64)) error {
	split := pgcopy.NewSplitter(func(fields [][]byte) error {
		id, err := pgcopy.Int(fields[0])
		if err == nil {
			each(id)
		}
		return err
	})
	id := ident(e.OdooID)
	_, err := l.conn.Conn().PgConn().CopyTo(ctx, split, "COPY (SELECT "+id+" FROM "+public(e)+" WHERE "+id+" IS NOT NULL) TO STDOUT (FORMAT binary)")
	if err == nil {
		err = split.Close()
	}
	return wrapAt(sqlstate.PhaseRead, "reading the ids of "+e.Target, err)
}

// Update copies changed rows into a temporary table and writes them with one UPDATE. A row that holds the new content
// already is not written.
func (l *load) Update(ctx context.Context, e *entity.Entity, rows *pgcopy.Tuples) ([]cycle.Refusal, error) {
	if rows.Len() == 0 {
		return nil, nil
	}
	changed := pgx.Identifier{"ferry_changed_" + e.Target}.Sanitize()
	columns := idents(e.MappedColumns())
	list := strings.Join(columns, ", ")
	_, err := l.tx.Exec(ctx, `CREATE TEMPORARY TABLE IF NOT EXISTS `+changed+` AS SELECT `+list+` FROM `+public(e)+` WITH NO DATA`)
	if err != nil {
		return nil, wrap("preparing changed rows", err)
	}
	theirs, ours := "s."+strings.Join(columns, ", s."), "t."+strings.Join(columns, ", t.")
	update := `UPDATE ` + public(e) + ` AS t SET (` + list + `, sync_version) = ROW(` + theirs + `, t.sync_version + 1)
		FROM ` + changed + ` s WHERE t.id = s.id AND NOT ` + ownedBy(e, "t") + ` AND (` + ours + `) IS DISTINCT FROM (` + theirs + `)`
	return l.bisect(ctx, e, rows, 0, rows.Len(), func(from, until int) error {
		if _, err := l.tx.Exec(ctx, `TRUNCATE `+changed); err != nil {
			return err
		}
		if err := l.copyIn(ctx, changed, e.MappedColumns(), rows, from, until); err != nil {
			return err
		}
		var tag pgconn.CommandTag
		err := digest.Under(ctx, l.tx, rowSettings, func() (err error) {
			tag, err = l.tx.Exec(ctx, update)
			return err
		})
		if err == nil && tag.RowsAffected() != int64(until-from) {
			// Another transaction wrote some of these rows since they were compared; the next attempt compares again.
			return &engine.DatabaseError{
				Side: engine.SideTarget, Class: engine.ClassRetry, Doing: "updating " + e.Target,
				Err: fmt.Errorf("%d rows were to change, %d did", until-from, tag.RowsAffected()),
			}
		}
		return err
	})
}

func (l *load) copyIn(ctx context.Context, table string, columns []string, rows *pgcopy.Tuples, from, until int) error {
	tag, err := l.conn.Conn().PgConn().CopyFrom(ctx, rows.Reader(from, until), copyFrom(table, columns))
	if err == nil && tag.RowsAffected() != int64(until-from) {
		return fmt.Errorf("%d rows were copied into %s, the server took %d", until-from, table, tag.RowsAffected())
	}
	return err
}

func copyFrom(table string, columns []string) string {
	return "COPY " + table + " (" + strings.Join(idents(columns), ", ") + ") FROM STDIN (FORMAT binary)"
}

// bisect writes rows from…until under a savepoint. If the database refuses a row, it halves until it has found which:
// one bad row never costs a good one. Errors that are not about a row end the batch.
func (l *load) bisect(ctx context.Context, e *entity.Entity, rows *pgcopy.Tuples, from, until int,
	write func(from, until int) error,
) ([]cycle.Refusal, error) {
	if from == until {
		return nil, nil
	}
	if _, err := l.tx.Exec(ctx, `SAVEPOINT ferry_write`); err != nil {
		return nil, wrap("writing rows", err)
	}
	err := write(from, until)
	if err == nil {
		_, err = l.tx.Exec(ctx, `RELEASE SAVEPOINT ferry_write`)
		return nil, wrap("writing rows", err)
	}
	classed := wrapAt(sqlstate.PhaseWrite, "writing rows", err)
	if engine.ClassOf(classed) != engine.ClassQuarantine {
		return nil, classed
	}
	if _, err := l.tx.Exec(ctx, `ROLLBACK TO SAVEPOINT ferry_write; RELEASE SAVEPOINT ferry_write`); err != nil {
		return nil, wrap("writing rows", err)
	}
	if until-from == 1 {
		pg, _ := errors.AsType[*pgconn.PgError](err)
		if err := l.taken(ctx, e, rows.ID(from), pg); err != nil {
			return nil, err
		}
		return []cycle.Refusal{{ID: rows.ID(from), SQLState: pg.Code, Constraint: pg.ConstraintName, Message: pg.Message}}, nil
	}
	middle := from + (until-from)/2
	low, err := l.bisect(ctx, e, rows, from, middle, write)
	if err != nil {
		return nil, err
	}
	high, err := l.bisect(ctx, e, rows, middle, until, write)
	return append(low, high...), err
}
