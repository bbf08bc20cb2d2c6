package enginedb

import (
	"context"
	"encoding/json"

	"github.com/jackc/pgx/v5"

	"ferry/engine"
	"ferry/engine/check"
)

// differences are what a look found, by columns, as unnest takes them.
type differences struct {
	rows                       []int64
	fields, causes, versions   []string
	sources, expected, targets []*string
	settled                    []bool
}

func columnsOf(found []check.Difference) differences {
	var d differences
	for _, one := range found {
		d.rows = append(d.rows, one.Row)
		d.fields = append(d.fields, one.Field)
		d.causes = append(d.causes, string(one.Cause))
		d.versions = append(d.versions, one.Version)
		d.sources = append(d.sources, nullText(one.Source))
		d.expected = append(d.expected, nullText(one.Expected))
		d.targets = append(d.targets, nullText(one.Target))
		d.settled = append(d.settled, one.Settled)
	}
	return d
}

func nullText(v engine.Maybe[string]) *string {
	if !v.Known {
		return nil
	}
	return &v.Value
}

// tally counts rows that differ; a row with several wrong fields counts once, and as settled if one of them is.
type tally struct {
	settled, inFlight int64
	byCause           map[engine.Cause]int64 // of settled
}

// tallyRows counts the open discrepancies that fit a condition.
func tallyRows(ctx context.Context, tx pgx.Tx, where string, args ...any) (tally, error) {
	t := tally{byCause: map[engine.Cause]int64{}}
	rows, err := tx.Query(ctx, `
		SELECT coalesce(cause, ''), count(DISTINCT row_id) FILTER (WHERE settled), count(DISTINCT row_id) FILTER (WHERE NOT any_settled)
		FROM (SELECT row_id, cause, state = 'settled' AS settled, bool_or(state = 'settled') OVER (PARTITION BY row_id) AS any_settled
			FROM ferry.discrepancy d WHERE state IN ('in_flight', 'settled') AND `+where+`) d
		GROUP BY GROUPING SETS ((cause), ())`, args...)
	if err != nil {
		return t, err
	}
	var cause engine.Cause
	var settled, inFlight int64
	_, err = pgx.ForEachRow(rows, []any{&cause, &settled, &inFlight}, func() error {
		switch {
		case cause == "":
			t.settled, t.inFlight = settled, inFlight
		case settled > 0:
			t.byCause[cause] = settled
		}
		return nil
	})
	return t, err
}

// covered is the condition that a check (run $1) of an entity ($2) has looked at a row of it, for discrepancies d. Of a re-check
// it has the rows in $3.
const covered = `d.entity = $2 AND ($3::bigint[] IS NOT NULL AND d.row_id = ANY($3) OR $3::bigint[] IS NULL AND EXISTS (
	SELECT FROM ferry.batch b JOIN ferry.step s ON s.id = b.step_id
	WHERE b.run_id = $1 AND s.verb = 'compare' AND s.entity = d.entity AND b.state = 'done' AND d.row_id > b.low AND d.row_id <= b.high))`

// recount counts anew what differs of all that a check has looked at: meanwhile others may have looked, or repaired.
func recount(ctx context.Context, tx pgx.Tx, run engine.RunID) error {
	asked, err := readAsked(ctx, tx, run)
	if err != nil {
		return err
	}
	entities, err := checkedEntities(ctx, tx, run)
	if err != nil {
		return err
	}
	for _, c := range entities {
		t, err := tallyRows(ctx, tx, covered, run, c.Name, rowsAsked(asked, c.Name))
		if err != nil {
			return err
		}
		byCause := t.byCause
		for _, cause := range explaining {
			if rows := c.ByCause[cause]; rows > 0 {
				byCause[cause] = rows
			}
		}
		text, err := json.Marshal(byCause)
		if err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `UPDATE ferry.check_entity SET settled = $3, in_flight = $4, by_cause = $5 WHERE run_id = $1 AND entity = $2`,
			run, c.Name, t.settled, t.inFlight, text)
		if err != nil {
			return err
		}
	}
	return nil
}

// explaining are the causes that explain a difference; no discrepancy that is settled has one of them.
var explaining = []engine.Cause{engine.CauseQuarantined, engine.CauseWaitingParent, engine.CauseDeletedAtSource}

// rowsAsked are the rows of a re-check; NULL of any other.
func rowsAsked(asked check.Asked, entity string) []int64 {
	if asked.Sort != check.SortRows {
		return nil
	}
	return append([]int64{}, asked.Rows[entity]...)
}

// checkedEntities reads what a check says of its entities so far.
func checkedEntities(ctx context.Context, tx pgx.Tx, run engine.RunID) ([]engine.CheckEntity, error) {
	rows, err := tx.Query(ctx, `SELECT entity, compared, settled, in_flight, explained, by_cause,
			coalesce((SELECT CASE WHEN sum(high - low) > 0 THEN sum(carved - low - coalesce(
				(SELECT sum(b.high - b.low) FROM ferry.batch b WHERE b.step_id = s.id AND b.state <> 'done'), 0)) / sum(high - low) ELSE 1 END
			FROM ferry.step s WHERE s.run_id = c.run_id AND s.entity = c.entity AND s.verb = 'compare'), 0)::float8
		FROM ferry.check_entity c WHERE run_id = $1 ORDER BY entity`, run)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (engine.CheckEntity, error) {
		var c engine.CheckEntity
		var byCause []byte
		if err := row.Scan(&c.Name, &c.Compared, &c.Settled, &c.InFlight, &c.Explained, &byCause, &c.Coverage); err != nil {
			return c, err
		}
		return c, json.Unmarshal(byCause, &c.ByCause)
	})
}
