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
	key     listColumn    // unique, never NULL: it decides between equal rows
	values  string        // what is selected of a row
	limit   time.Duration // how long a statement may take; 0: listLimit
}

// listLimit is how long one statement of a listing may take: a pattern can keep a server busy for hours.
const listLimit = 5 * time.Second

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

// fits is the condition of the statement.
func (q *query) fits() string { return strings.Join(q.where, " AND ") }

// filtered begins a statement with the listing's own condition and a filter.
func (l listing) filtered(f engine.Filter) (*query, error) {
	q := &query{args: slices.Clone(l.args), where: []string{"(" + l.where + ")"}}
	for _, term := range f {
		pattern := q.bind(term.Pattern)
		var some []string
		for _, c := range l.columns {
			if term.Field == "" || term.Field == c.name {
				some = append(some, "coalesce(("+c.sql+")::text, '') ~* "+pattern)
			}
		}
		if len(some) == 0 {
			return nil, l.noColumn(term.Field)
		}
		cond := "(" + strings.Join(some, " OR ") + ")"
		if term.Not {
			cond = "NOT " + cond
		}
		q.where = append(q.where, cond)
	}
	return q, nil
}

// noColumn says which columns there are.
func (l listing) noColumn(name string) error {
	names := make([]string, len(l.columns))
	for i, c := range l.columns {
		names[i] = c.name
	}
	return engine.Refuse(engine.ErrBadFilter, "this list has no column %q; it has %s", name, strings.Join(names, ", "))
}

// way is a direction of an order.
type way struct{ word, sign string }

func wayOf(descending bool) way {
	if descending {
		return way{"DESC", "<"}
	}
	return way{"ASC", ">"}
}

// sorting is an order as it is read: backwards it is the other way round, and the page is turned afterwards.
type sorting struct {
	by         listColumn
	byKey      bool // by the key itself, which nothing needs to decide
	value, key way
	back       bool
}

// sorted finds what a listing is sorted by. Between equal rows the key decides, always upwards.
func (l listing) sorted(want engine.Listing) (sorting, error) {
	s := sorting{by: l.key, byKey: true, value: wayOf(want.Order.Descending != want.Back), key: wayOf(want.Back), back: want.Back}
	if name := want.Order.Column; name != "" && name != l.key.name {
		at := slices.IndexFunc(l.columns, func(c listColumn) bool { return c.name == name })
		if at < 0 {
			return s, l.noColumn(name)
		}
		s.by, s.byKey = l.columns[at], false
	}
	return s, nil
}

// orderBy is the order in SQL. Rows without a value come last, in either direction.
func (l listing) orderBy(s sorting) string {
	if s.byKey {
		return l.key.sql + " " + s.value.word
	}
	nulls := " NULLS LAST, "
	if s.back {
		nulls = " NULLS FIRST, "
	}
	return s.by.sql + " " + s.value.word + nulls + l.key.sql + " " + s.key.word
}

// behind adds the condition that a row comes behind a cursor in the order in which rows are read.
func (l listing) behind(q *query, s sorting, at engine.Cursor) {
	beyond := func(c listColumn, sign, text string) string {
		return c.sql + " " + sign + " " + q.bind(text) + "::text::" + c.cast
	}
	if s.byKey {
		q.where = append(q.where, beyond(l.key, s.value.sign, at.Key))
		return
	}
	none, equal := s.by.sql+" IS NULL", beyond(l.key, s.key.sign, at.Key)
	var cond string
	switch {
	case at.Null && s.back:
		cond = "NOT " + none + " OR " + equal
	case at.Null:
		cond = none + " AND " + equal
	default:
		cond = beyond(s.by, s.value.sign, at.Value) + " OR " + beyond(s.by, "=", at.Value) + " AND " + equal
		if !s.back {
			cond += " OR " + none
		}
	}
	q.where = append(q.where, "("+cond+")")
}

// readPage reads one page of a listing; scan reads the listing's values of a row, and two more behind them by scanning into what
// it is given: the cursor's. A filter that the database cannot apply is a refusal with ErrBadFilter.
func readPage[T any](
	ctx context.Context, tx pgx.Tx, l listing, f engine.Filter, want engine.Listing, scan func(row pgx.CollectableRow, cursor []any) (T, error),
) (engine.Page[T], error) {
	var page engine.Page[T]
	s, err := l.sorted(want)
	if err != nil {
		return page, err
	}
	if err := l.bounded(ctx, tx); err != nil {
		return page, err
	}
	if want.Count {
		total, err := l.count(ctx, tx, f)
		if err != nil {
			return page, err
		}
		page.Total = engine.Known(total)
	}
	q, err := l.filtered(f)
	if err != nil {
		return page, err
	}
	if want.From != nil {
		l.behind(q, s, *want.From)
	}
	rows, err := tx.Query(ctx, `SELECT `+l.values+`, (`+s.by.sql+`)::text, (`+l.key.sql+`)::text FROM `+l.from+
		` WHERE `+q.fits()+` ORDER BY `+l.orderBy(s)+` LIMIT `+q.bind(want.Limit+1), q.args...)
	if err != nil {
		return page, badFilter(f, err)
	}
	for rows.Next() {
		var value *string
		var at engine.Cursor
		v, err := scan(rows, []any{&value, &at.Key})
		if err != nil {
			rows.Close()
			return page, err
		}
		if at.Null = value == nil; !at.Null {
			at.Value = *value
		}
		page.Rows, page.Cursors = append(page.Rows, v), append(page.Cursors, at)
	}
	if err := rows.Err(); err != nil {
		return page, badFilter(f, err)
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

// bounded bounds what the transaction's statements may take from now on.
func (l listing) bounded(ctx context.Context, tx pgx.Tx) error {
	limit := l.limit
	if limit == 0 {
		limit = listLimit
	}
	_, err := tx.Exec(ctx, `SELECT set_config('statement_timeout', $1, true)`, strconv.FormatInt(limit.Milliseconds(), 10))
	return err
}

// count counts the rows that fit.
func (l listing) count(ctx context.Context, tx pgx.Tx, f engine.Filter) (int64, error) {
	q, err := l.filtered(f)
	if err != nil {
		return 0, err
	}
	var total int64
	err = tx.QueryRow(ctx, `SELECT count(*) FROM `+l.from+` WHERE `+q.fits(), q.args...).Scan(&total)
	return total, badFilter(f, err)
}

// What a server says of a pattern that it cannot read, or not apply in time.
const (
	codeBadPattern = "2201B"
	codeTooLong    = "57014"
)

// badFilter says of an error that the filter was at fault, if it was. The text need not be valid for the database although it
// is a regular expression: the two know different ones.
func badFilter(f engine.Filter, err error) error {
	pg, ok := errors.AsType[*pgconn.PgError](err)
	switch {
	case !ok || len(f) == 0:
		return err
	case pg.Code == codeBadPattern:
		return engine.Refuse(engine.ErrBadFilter, "the database cannot read a pattern of the filter: %s; write it more simply", pg.Message)
	case pg.Code == codeTooLong:
		return engine.Refuse(engine.ErrBadFilter, "the filter took too long and was given up: write a simpler pattern, or say which column is meant")
	}
	return fmt.Errorf("filtering: %w", err)
}
