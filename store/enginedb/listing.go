package enginedb

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"ferry/engine"
)

// listColumn is a column of a listing: what it is in SQL, and whether a row can be without it.
type listColumn struct {
	name string // what filters and orders call it
	sql  string // an expression over the listing's FROM
	cast string // the type of its values, to compare a cursor's text with: "bigint", "text", "timestamptz", "numeric"
}

// listing is a list that is read by pages: filtered, sorted and cut where the rows are, so that a million scroll like ten.
type listing struct {
	from    string // "ferry.discrepancy d"
	where   string // a condition on $1 … $n
	args    []any
	columns []listColumn
	key     listColumn // unique, never NULL: it decides between equal rows
	values  string     // what is selected of a row
}

// query is the statement under construction.
type query struct {
	args  []any
	where []string
}

// bind gives the placeholder of a parameter.
func (q *query) bind(v any) string {
	q.args = append(q.args, v)
	return "$" + strconv.Itoa(len(q.args))
}

// filtered begins a statement with the listing's own condition and a filter.
func (l listing) filtered(f engine.Filter) (*query, error) {
	q := &query{args: slices.Clone(l.args), where: []string{"(" + l.where + ")"}}
	for _, term := range f {
		var any []string
		for _, c := range l.columns {
			if term.Field == "" || term.Field == c.name {
				any = append(any, "coalesce(("+c.sql+")::text, '') ~* "+q.bind(term.Pattern))
			}
		}
		if len(any) == 0 {
			return nil, fmt.Errorf("this list has no column %q", term.Field)
		}
		cond := "(" + strings.Join(any, " OR ") + ")"
		if term.Not {
			cond = "NOT " + cond
		}
		q.where = append(q.where, cond)
	}
	return q, nil
}

// column finds what a listing is sorted by.
func (l listing) column(name string) (listColumn, error) {
	if name == "" || name == l.key.name {
		return l.key, nil
	}
	for _, c := range l.columns {
		if c.name == name {
			return c, nil
		}
	}
	return listColumn{}, fmt.Errorf("this list has no column %q", name)
}

// behind adds the condition that a row comes behind a cursor in an order. Rows without a value come last, in either direction.
func (l listing) behind(q *query, by listColumn, at engine.Cursor, descending, back bool) {
	keyCmp, cmp := ">", ">"
	if descending {
		cmp = "<"
	}
	if back {
		keyCmp = "<"
		cmp = map[string]string{">": "<", "<": ">"}[cmp]
	}
	key := q.bind(at.Key) + "::text::" + l.key.cast
	if by.name == l.key.name {
		q.where = append(q.where, l.key.sql+" "+cmp+" "+key)
		return
	}
	switch {
	case at.Null && back:
		q.where = append(q.where, fmt.Sprintf("(%s IS NOT NULL OR %s %s %s)", by.sql, l.key.sql, keyCmp, key))
	case at.Null:
		q.where = append(q.where, fmt.Sprintf("(%s IS NULL AND %s %s %s)", by.sql, l.key.sql, keyCmp, key))
	default:
		value := q.bind(at.Value) + "::text::" + by.cast
		cond := fmt.Sprintf("%s %s %s OR %[1]s = %[3]s AND %[4]s %[5]s %[6]s", by.sql, cmp, value, l.key.sql, keyCmp, key)
		if !back {
			cond += " OR " + by.sql + " IS NULL"
		}
		q.where = append(q.where, "("+cond+")")
	}
}

// readPage reads one page of a listing; scan reads the listing's values of a row, and two more behind them by scanning into what
// it is given: the cursor's.
func readPage[T any](
	ctx context.Context, tx pgx.Tx, l listing, f engine.Filter, want engine.Listing, scan func(row pgx.CollectableRow, cursor []any) (T, error),
) (engine.Page[T], error) {
	var page engine.Page[T]
	by, err := l.column(want.Order.Column)
	if err != nil {
		return page, err
	}
	if want.Count {
		q, err := l.filtered(f)
		if err != nil {
			return page, err
		}
		var total int64
		if err := tx.QueryRow(ctx, `SELECT count(*) FROM `+l.from+` WHERE `+strings.Join(q.where, " AND "), q.args...).Scan(&total); err != nil {
			return page, err
		}
		page.Total = engine.Known(total)
	}
	q, err := l.filtered(f)
	if err != nil {
		return page, err
	}
	if want.From != nil {
		l.behind(q, by, *want.From, want.Order.Descending, want.Back)
	}
	direction, keyDirection, nulls := "ASC", "ASC", "NULLS LAST"
	if want.Order.Descending {
		direction = "DESC"
		if by.name == l.key.name {
			keyDirection = "DESC"
		}
	}
	if want.Back {
		flip := map[string]string{"ASC": "DESC", "DESC": "ASC"}
		direction, keyDirection, nulls = flip[direction], flip[keyDirection], "NULLS FIRST"
	}
	order := l.key.sql + " " + keyDirection
	if by.name != l.key.name {
		order = by.sql + " " + direction + " " + nulls + ", " + order
	}
	rows, err := tx.Query(ctx, `SELECT `+l.values+`, (`+by.sql+`)::text, (`+l.key.sql+`)::text FROM `+l.from+
		` WHERE `+strings.Join(q.where, " AND ")+` ORDER BY `+order+` LIMIT `+q.bind(want.Limit+1), q.args...)
	if err != nil {
		return page, err
	}
	_, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (struct{}, error) {
		var value *string
		var at engine.Cursor
		v, err := scan(row, []any{&value, &at.Key})
		if err != nil {
			return struct{}{}, err
		}
		if value == nil {
			at.Null = true
		} else {
			at.Value = *value
		}
		page.Rows = append(page.Rows, v)
		page.Cursors = append(page.Cursors, at)
		return struct{}{}, nil
	})
	if err != nil {
		return page, err
	}
	if len(page.Rows) > want.Limit {
		page.More = true
		page.Rows, page.Cursors = page.Rows[:want.Limit], page.Cursors[:want.Limit]
	}
	if want.Back {
		slices.Reverse(page.Rows)
		slices.Reverse(page.Cursors)
	}
	return page, nil
}
