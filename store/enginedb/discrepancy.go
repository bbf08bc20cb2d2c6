package enginedb

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"ferry/engine"
)

// acknowledged is who knows of a discrepancy d; NULL where nobody does, or not any more.
const acknowledged = `CASE WHEN d.ack_by <> '' AND (d.ack_until IS NULL OR d.ack_until > clock_timestamp()) THEN d.ack_by END`

// discrepancies are all discrepancies, as a list.
var discrepancies = listing{
	from:  `ferry.discrepancy d`,
	where: `true`,
	key:   listColumn{name: "number", sql: `d.id`, cast: "bigint"},
	columns: []listColumn{
		{name: "number", sql: `d.id`, cast: "bigint"},
		{name: "entity", sql: `d.entity`, cast: "text"},
		{name: "id", sql: `d.row_id`, cast: "bigint"},
		{name: "field", sql: `d.field`, cast: "text"},
		{name: "cause", sql: `d.cause`, cast: "text"},
		{name: "state", sql: `d.state`, cast: "text"},
		{name: "source", sql: `d.source`, cast: "text"},
		{name: "expected", sql: `d.expected`, cast: "text"},
		{name: "target", sql: `d.target`, cast: "text"},
		{name: "found", sql: `d.found_at`, cast: "timestamptz"},
		{name: "seen", sql: `d.seen_at`, cast: "timestamptz"},
		{name: "acknowledged", sql: acknowledged, cast: "text"},
	},
	values: discrepancyValues,
}

// discrepancyValues is what scanDiscrepancy reads of a discrepancy d.
const discrepancyValues = `d.id, d.entity, d.row_id, d.field, d.source, d.expected, d.target, d.cause, d.state, d.found_run, d.found_at,
	d.seen_run, d.seen_at, d.settled_at, d.ack_by, d.ack_note, d.ack_at, d.ack_until, d.repaired_run, d.repaired_at, d.verified_run, d.verified_at`

// meant is the list of the discrepancies that a selection means, its filter apart.
func meant(which engine.DiscrepancySelection) (listing, error) {
	if len(which.Rows) > 0 && which.Entity == "" {
		return listing{}, engine.Refuse(engine.ErrNoSuchRow, "an id means nothing without its entity")
	}
	states := which.States
	if len(states) == 0 && len(which.IDs) == 0 {
		states = engine.OpenDiscrepancy
	}
	l := discrepancies
	l.where = `($1 = '' OR d.entity = $1) AND ($2 = '' OR d.cause = $2) AND ($3::text[] IS NULL OR d.state = ANY($3))
		AND ($4 = 0 OR d.seen_run = $4) AND ($5::bigint[] IS NULL OR d.id = ANY($5)) AND ($6::bigint[] IS NULL OR d.row_id = ANY($6))`
	l.args = []any{which.Entity, string(which.Cause), texts(states), int64(which.Run), idsOrNull(which.IDs), idsOrNull(which.Rows)}
	return l, nil
}

// texts are names as a parameter; none at all is NULL.
func texts[T ~string](names []T) []string {
	var out []string
	for _, n := range names {
		out = append(out, string(n))
	}
	return out
}

// idsOrNull is a list as a parameter; an empty one is NULL, which fits all.
func idsOrNull(ids []int64) []int64 {
	if len(ids) == 0 {
		return nil
	}
	return ids
}

// Discrepancies lists a page of discrepancies.
func (db *DB) Discrepancies(ctx context.Context, which engine.DiscrepancySelection, want engine.Listing) (engine.Page[engine.Discrepancy], error) {
	var page engine.Page[engine.Discrepancy]
	l, err := meant(which)
	if err != nil {
		return page, err
	}
	err = db.look(ctx, "listing discrepancies", func(tx pgx.Tx) error {
		page, err = readPage(ctx, tx, l, which.Filter, want, scanDiscrepancy)
		return err
	})
	return page, err
}

// look runs fn on one state of the engine, in which nothing can be written.
func (db *DB) look(ctx context.Context, doing string, fn func(pgx.Tx) error) error {
	err := pgx.BeginTxFunc(ctx, db.pool, readOnly, fn)
	if engine.IsRefusal(err) {
		return err
	}
	return wrap(doing, err)
}

func scanDiscrepancy(row pgx.CollectableRow, more []any) (engine.Discrepancy, error) {
	var d engine.Discrepancy
	var source, expected, target *string
	var settled, ackAt, ackUntil, repaired, verified *time.Time
	var repairedRun, verifiedRun *int64
	err := row.Scan(append([]any{
		&d.ID, &d.Entity, &d.Row, &d.Field, &source, &expected, &target, &d.Cause, &d.State, &d.FoundRun, &d.FoundAt, &d.SeenRun, &d.SeenAt,
		&settled, &d.AckBy, &d.AckNote, &ackAt, &ackUntil, &repairedRun, &repaired, &verifiedRun, &verified,
	}, more...)...)
	d.Source, d.Expected, d.Target = maybeText(source), maybeText(expected), maybeText(target)
	d.FoundAt, d.SeenAt, d.SettledAt = d.FoundAt.UTC(), d.SeenAt.UTC(), orZero(settled)
	d.AckAt, d.AckUntil, d.RepairedAt, d.VerifiedAt = orZero(ackAt), orZero(ackUntil), orZero(repaired), orZero(verified)
	d.RepairedRun, d.VerifiedRun = engine.RunID(maybe(repairedRun).Or(0)), engine.RunID(maybe(verifiedRun).Or(0))
	return d, err
}

// maybeText is a text that may be NULL.
func maybeText(v *string) engine.Maybe[string] {
	if v == nil {
		return engine.Maybe[string]{}
	}
	return engine.Known(*v)
}

// DiscrepancyCounts counts discrepancies by entity, cause and state.
func (db *DB) DiscrepancyCounts(ctx context.Context, which engine.DiscrepancySelection) ([]engine.DiscrepancyCount, error) {
	l, err := meant(which)
	if err != nil {
		return nil, err
	}
	var out []engine.DiscrepancyCount
	err = db.look(ctx, "counting discrepancies", func(tx pgx.Tx) error {
		rows, err := l.matching(ctx, tx, which.Filter, `d.entity, d.cause, d.state, count(DISTINCT d.row_id), count(*), count(`+acknowledged+`)`,
			` GROUP BY 1, 2, 3 ORDER BY 1, 2, 3`)
		if err != nil {
			return err
		}
		out, err = pgx.CollectRows(rows, pgx.RowToStructByPos[engine.DiscrepancyCount])
		return badFilter(which.Filter, err)
	})
	return out, err
}

// matching selects something of all rows of a listing that fit a filter.
func (l listing) matching(ctx context.Context, tx pgx.Tx, f engine.Filter, values, behind string) (pgx.Rows, error) {
	q, err := l.filtered(f)
	if err != nil {
		return nil, err
	}
	if err := l.bounded(ctx, tx); err != nil {
		return nil, err
	}
	rows, err := tx.Query(ctx, `SELECT `+values+` FROM `+l.from+` WHERE `+q.fits()+behind, q.args...)
	return rows, badFilter(f, err)
}

// MostRechecked bounds the rows of one re-check: more of them are a matter for a check of all.
const MostRechecked = 50_000

// DiscrepantRows gives the rows that a selection is about, by entity. It fails with ErrNoSuchRow if there are none.
func (db *DB) DiscrepantRows(ctx context.Context, which engine.DiscrepancySelection) (map[string][]int64, error) {
	l, err := meant(which)
	if err != nil {
		return nil, err
	}
	out := map[string][]int64{}
	err = db.look(ctx, "selecting discrepancies", func(tx pgx.Tx) error {
		rows, err := l.matching(ctx, tx, which.Filter, `DISTINCT d.entity, d.row_id`, fmt.Sprintf(` ORDER BY 1, 2 LIMIT %d`, MostRechecked+1))
		if err != nil {
			return err
		}
		var name string
		var id int64
		tag, err := pgx.ForEachRow(rows, []any{&name, &id}, func() error {
			out[name] = append(out[name], id)
			return nil
		})
		switch {
		case err != nil:
			return badFilter(which.Filter, err)
		case len(out) == 0:
			return engine.Refuse(engine.ErrNoSuchRow, "there is no such discrepancy: %s", aboutDiscrepancies(which))
		case tag.RowsAffected() > MostRechecked:
			return engine.Refuse(engine.ErrNoSuchRow, "these are more than %d rows; say fewer, or begin a check of all", MostRechecked)
		}
		return nil
	})
	return out, err
}

// aboutDiscrepancies says which discrepancies an action is about, for the journal.
func aboutDiscrepancies(which engine.DiscrepancySelection) string {
	var parts []string
	add := func(format string, args ...any) { parts = append(parts, fmt.Sprintf(format, args...)) }
	switch {
	case len(which.IDs) == 1:
		add("number %d", which.IDs[0])
	case len(which.IDs) > 1:
		add("%d numbers", len(which.IDs))
	}
	switch {
	case len(which.Rows) == 1:
		add("%s %d", which.Entity, which.Rows[0])
	case len(which.Rows) > 1:
		add("%d rows of %s", len(which.Rows), which.Entity)
	case which.Entity != "":
		add("of %s", which.Entity)
	}
	if which.Cause != "" {
		add("with cause %s", which.Cause)
	}
	if len(which.States) > 0 {
		add("that are %s", strings.Join(texts(which.States), " or "))
	}
	if which.Run != 0 {
		add("seen by run #%d", which.Run)
	}
	for _, term := range which.Filter {
		not := ""
		if term.Not {
			not = "!"
		}
		add("that fit %s%s:%s", not, term.Field, term.Pattern)
	}
	if len(parts) == 0 {
		return "all that are open"
	}
	return strings.Join(parts, ", ")
}

// Acknowledge notes that somebody knows of discrepancies, until a moment or for good; with again that is taken back. It changes
// nothing of what is true, so no rate changes. It gives how many.
func (db *DB) Acknowledge(
	ctx context.Context, which engine.DiscrepancySelection, until time.Time, again bool, act engine.Act, by engine.Actor,
) (int64, error) {
	l, err := meant(which)
	if err != nil {
		return 0, err
	}
	action, set := "acknowledge", `ack_by = %s, ack_note = %s, ack_at = clock_timestamp(), ack_until = %s`
	if again {
		action, set = "take back an acknowledgement", `ack_by = '', ack_note = '', ack_at = NULL, ack_until = NULL`
		l.where += ` AND d.ack_by <> ''`
	}
	l.where += ` AND d.state <> 'verified'`
	var changed int64
	err = db.inTx(ctx, action, func(tx pgx.Tx) error {
		q, err := l.filtered(which.Filter)
		if err != nil {
			return err
		}
		if err := l.bounded(ctx, tx); err != nil {
			return err
		}
		if !again {
			set = fmt.Sprintf(set, q.bind(by.String()), q.bind(act.Reason), q.bind(orNever(until)))
		}
		tag, err := tx.Exec(ctx, `UPDATE `+l.from+` SET `+set+` WHERE `+q.fits(), q.args...)
		if err != nil {
			return badFilter(which.Filter, err)
		}
		if changed = tag.RowsAffected(); changed == 0 {
			return engine.Refuse(engine.ErrNoSuchRow, "nothing to change: no open discrepancy fits (%s)", aboutDiscrepancies(which))
		}
		outcome := fmt.Sprintf("%d discrepancies", changed)
		if !until.IsZero() && !again {
			outcome += ", until " + until.UTC().Format(time.RFC3339)
		}
		return record(ctx, tx, entry{Actor: by, Action: action, State: aboutDiscrepancies(which), Reason: act.Reason, Outcome: outcome})
	})
	return changed, err
}

// orNever is a moment as a parameter; none is NULL.
func orNever(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
