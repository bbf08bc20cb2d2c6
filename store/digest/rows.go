package digest

import (
	"context"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"ferry/engine/cycle"
	"ferry/engine/entity"
	"ferry/engine/pgcopy"
)

// SourceRows is a query for COPY: of each row with an id above low up to high, in order, its id, the hash that Row says, and
// whether rounding its points shows. Either is NULL where SQL cannot say it exactly: the row itself can.
//
// It sends a hash of each row, not sums of many: where one row in a hundred differs, evenly spread, nearly every chunk of
// more than a hundred rows does.
func SourceRows(e *entity.Entity, shape entity.Shape, low, high int64) string {
	s := Source(e, shape)
	hash, rounded := s.sourceRow(e, shape)
	return s.rows([]string{hash, rounded}, low, high)
}

// sourceRow gives SQL for a source row's hash, and for whether rounding its points shows.
func (s Side) sourceRow(e *entity.Entity, shape entity.Shape) (hash, rounding string) {
	rounded := []string{"false"}
	for i, c := range e.Columns {
		if c.Kind == entity.KindPoints && shape[i] != entity.WireAbsent {
			rounded = append(rounded, strings.ReplaceAll(roundingShows(shape[i]), "{p}", pgx.Identifier{c.Source}.Sanitize()))
		}
	}
	var exact []string
	if s.inexact != "" {
		exact = []string{"NOT coalesce(" + s.inexact + ", false)"}
	}
	return when(exact, s.Row()), strings.Join(rounded, " OR ")
}

// EngineRows is such a query for the engine's rows: id and hash. The hash is NULL where the row alone does not say that it is as
// it should be: somebody else than ferry has written it, as owned says, a condition on a row t, or it lacks the link to a parent
// that is there.
func EngineRows(e *entity.Entity, owned string, low, high int64) (string, error) {
	s := Engine(e)
	hash, err := s.engineRow(e, owned)
	if err != nil {
		return "", err
	}
	return s.rows([]string{hash}, low, high), nil
}

// engineRow gives SQL for an engine row's hash; owned is the condition that it is somebody else's.
func (s Side) engineRow(e *entity.Entity, owned string) (string, error) {
	sure := []string{"NOT " + owned, "id = " + s.id}
	for _, p := range e.Parents {
		if p.Link == "" {
			continue
		}
		parent, err := entity.Lookup(p.Entity)
		if err != nil {
			return "", err
		}
		named, link := pgx.Identifier{e.Columns[p.Column].Target}.Sanitize(), pgx.Identifier{p.Link}.Sanitize()
		// A scalar subquery is asked of the few rows without a link; an EXISTS might be answered by reading all parents first.
		sure = append(sure, "CASE WHEN "+link+" IS NULL AND "+named+" IS NOT NULL THEN (SELECT false FROM "+
			pgx.Identifier{"public", parent.Target}.Sanitize()+" parent WHERE parent.id = t."+named+" AND parent."+
			pgx.Identifier{parent.OdooID}.Sanitize()+" IS NOT NULL) IS NULL ELSE true END")
	}
	return when(sure, s.Row()), nil
}

// SumOfSource sums up the source's rows with ids above low up to high, but for some of them.
func SumOfSource(ctx context.Context, tx pgx.Tx, e *entity.Entity, shape entity.Shape, low, high int64, but []int64) (cycle.RangeSum, error) {
	s := Source(e, shape)
	hash, rounding := s.sourceRow(e, shape)
	return s.sum(ctx, tx, hash, rounding, low, high, but)
}

// SumOfEngine sums up the engine's rows likewise; of owned, see EngineRows.
func SumOfEngine(ctx context.Context, tx pgx.Tx, e *entity.Entity, owned string, low, high int64, but []int64) (cycle.RangeSum, error) {
	s := Engine(e)
	hash, err := s.engineRow(e, owned)
	if err != nil {
		return cycle.RangeSum{}, err
	}
	return s.sum(ctx, tx, hash, "false", low, high, but)
}

// sum sums up hashes. A row of which one of the two expressions is NULL is in no sum: it is listed.
func (s Side) sum(ctx context.Context, tx pgx.Tx, hash, rounding string, low, high int64, but []int64) (out cycle.RangeSum, err error) {
	args := []any{pgx.QueryExecModeExec}
	column := strings.TrimSuffix(s.id, "::bigint")
	where := s.named() + " AND " + column + " > " + number(low) + " AND " + column + " <= " + number(high)
	if len(but) > 0 {
		where += s.unless(low, high)
		args = append(args, bits(low, high, but))
	}
	sql := "SELECT count(hash) FILTER (WHERE rounded IS NOT NULL), coalesce(sum(hash) FILTER (WHERE rounded IS NOT NULL), 0)::text," +
		" count(*) FILTER (WHERE rounded AND hash IS NOT NULL), array_agg(id) FILTER (WHERE hash IS NULL OR rounded IS NULL)" +
		"\nFROM (SELECT " + s.id + " AS id, " + hash + " AS hash, " + rounding + " AS rounded\nFROM " + where + " OFFSET 0) hashed"
	err = Under(ctx, tx, Settings, func() error {
		return tx.QueryRow(ctx, sql, args...).Scan(&out.Rows, &out.Sum, &out.Rounded, &out.Look)
	})
	slices.Sort(out.Look)
	return out, err
}

// rows selects of the rows t with ids above low up to high id and expressions. They are sorted by the column, which the index
// has in order, not by what is made of it.
func (s Side) rows(list []string, low, high int64) string {
	return "SELECT " + s.id + ", " + strings.Join(list, ", ") + " FROM " + s.named() +
		" AND t.id > " + number(low) + " AND t.id <= " + number(high) + " ORDER BY t.id"
}

// named is the table, called t.
func (s Side) named() string { return strings.Replace(s.from, " WHERE ", " t WHERE ", 1) }

func when(conditions []string, then string) string {
	if len(conditions) == 0 {
		return then
	}
	return "CASE WHEN " + strings.Join(conditions, "\n\tAND ") + " THEN " + then + " END"
}

// roundingShows is whether the shortest decimal of points {p} and its rounding to two places are more than 1e-6 apart; NULL
// where this does not say. (Of several numbers one that shows is enough, and so says OR.)
//
// What is a number of two places already is its own rounding; see sourceNumber. Below 1e7 the residue |p*100 − round(p*100)| is
// off by less than 4e-7: a hundred times half a unit in the last place of p is 1e-7, and the product adds 6e-8 of its own. So
// wherever it is more than 1e-6 away from the threshold, 1e-4 in hundredths, it decides.
func roundingShows(wire entity.Wire) string {
	if wire == entity.WireFloat8 {
		return `CASE WHEN abs({p}) < 1e11 THEN CASE WHEN round({p} * 100) / 100 = {p} THEN false
				WHEN abs({p}) >= 1e7 THEN NULL
				WHEN abs({p} * 100 - round({p} * 100)) > 1.01e-4 THEN true
				WHEN abs({p} * 100 - round({p} * 100)) < 0.99e-4 THEN false END
			WHEN {p} IS NULL THEN false END`
	}
	return "CASE WHEN abs({p}) < 100000000000 THEN abs({p} - round({p}, 2)) > 0.000001 WHEN {p} IS NULL THEN false END"
}

// CopyRows reads what SourceRows or EngineRows ask for.
func CopyRows(ctx context.Context, conn *pgconn.PgConn, query string) ([]cycle.RowHash, error) {
	var out []cycle.RowHash
	split := pgcopy.NewSplitter(func(fields [][]byte) error {
		id, err := pgcopy.Int(fields[0])
		if err != nil {
			return err
		}
		row := cycle.RowHash{ID: id, Look: fields[1] == nil}
		if !row.Look {
			if row.Sum, err = pgcopy.Int(fields[1]); err != nil {
				return err
			}
		}
		switch {
		case len(fields) < 3:
		case fields[2] == nil:
			row.Look = true
		default:
			if row.Rounded, err = pgcopy.Bool(fields[2]); err != nil {
				return err
			}
		}
		out = append(out, row)
		return nil
	})
	if _, err := conn.CopyTo(ctx, split, "COPY ("+query+") TO STDOUT (FORMAT binary)"); err != nil {
		return nil, err //nolint:wrapcheck // the caller says whose error it is
	}
	return out, split.Close()
}
