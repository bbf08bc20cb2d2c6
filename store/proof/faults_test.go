package proof_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"
)

// row is a row of an entity.
type row struct {
	Entity string
	ID     int64
}

// fault is one kind of fault: how it is planted in the engine, and what at the source tells that Odoo has written what it is
// about since, so that a tick may have mended it.
type fault struct {
	name   string
	entity string
	field  string // that the check must name; empty: the whole row
	plant  string // $1: how many, $2: a seed; gives the ids of the rows
	traces string // $1: ids; gives id and text, the same as long as nothing was written there
}

// pick chooses rows of a table; classes of ids keep the kinds apart, and what is explained is no place for a fault.
func pick(table, entity string, class int, where string) string {
	return fmt.Sprintf(`SELECT t.id FROM public.%[1]s t WHERE t.id < 1000000000 AND t.id %% 8 = %[2]d AND %[3]s AND NOT EXISTS (
		SELECT FROM ferry.quarantine q WHERE q.entity = '%[4]s' AND q.source_id = t.id AND q.state IN ('open', 'waiting_parent', 'waived'))
		AND NOT EXISTS (SELECT FROM ferry.extra x WHERE x.entity = '%[4]s' AND x.id = t.id)
		ORDER BY hashint8extended(t.id, $2::bigint) LIMIT $1::int`, table, class, where, entity)
}

const (
	card    = "loyalty_card"
	move    = "loyalty_point_move"
	history = "loyalty_point_history"

	swapped = "swapped codes"

	// A line that is not its card's last, so that points do not follow from it.
	notLast = `EXISTS (SELECT FROM public.point_history l WHERE l.loyalty_card_id = t.loyalty_card_id AND l.odoo_history_id > t.odoo_history_id)`
)

func versions(table string) string {
	return `SELECT id::bigint, xmin::text FROM ` + table + ` WHERE id = ANY($1)`
}

var faults = []fault{
	{"corrupted field", history, "origin", `UPDATE public.point_history SET origin = coalesce(origin, '') || '?' WHERE id IN (` +
		pick("point_history", history, 0, "true") + `) RETURNING id`, versions(history)},
	{"wrong decimal in the last place", history, "points_amount", `UPDATE public.point_history SET points_amount = coalesce(points_amount, 0) + 0.01
		WHERE id IN (` + pick("point_history", history, 1, "true") + `) RETURNING id`, versions(history)},
	{
		"missing", history, "", `DELETE FROM public.point_history WHERE id IN (` + pick("point_history", history, 2, notLast) + `) RETURNING id`,
		versions(history),
	},
	{"extra", move, "", `INSERT INTO public.point_moves (id, odoo_move_id, loyalty_card_id, gain_date, state, initial_point, remaining_point)
		SELECT 1500000000 + row_number() OVER (), 1500000000 + row_number() OVER (), t.id, now(), 'active', 1, 1 FROM (` +
		pick("loyalty_cards", card, 3, "true") + `) t RETURNING id`, versions(move)},
	{"shifted time zone", move, "gain_date", `UPDATE public.point_moves SET gain_date = gain_date + interval '2 hours' WHERE id IN (` +
		pick("point_moves", move, 4, "true") + `) RETURNING id`, versions(move)},
	{
		swapped, card, "code", `WITH p AS (SELECT id, row_number() OVER (ORDER BY id) - 1 AS n FROM (` + pick("loyalty_cards", card, 5, "true") + `) t),
		o AS (SELECT a.id, c.code FROM p a JOIN p b ON b.n = CASE a.n % 2 WHEN 0 THEN a.n + 1 ELSE a.n - 1 END JOIN public.loyalty_cards c ON c.id = b.id)
		UPDATE public.loyalty_cards c SET code = o.code FROM o WHERE c.id = o.id RETURNING c.id`,
		versions(card),
	},
	{
		"broken link", history, "point_move_id", `UPDATE public.point_history SET point_move_id = NULL WHERE id IN (` +
			pick("point_history", history, 6, "point_move_id IS NOT NULL") + `) RETURNING id`,
		`SELECT h.id::bigint, h.xmin::text || ' ' || coalesce(m.xmin::text, '') FROM loyalty_point_history h
			LEFT JOIN loyalty_point_move m ON m.id = h.point_move_id WHERE h.id = ANY($1)`,
	},
	{
		"tampered points", card, "points", `UPDATE public.loyalty_cards SET points = points + 5 WHERE id IN (` +
			pick("loyalty_cards", card, 7, "true") + `) RETURNING id`,
		`SELECT c.id::bigint, c.xmin::text || ' ' || coalesce((SELECT string_agg(h.xmin::text, ' ' ORDER BY h.id)
			FROM loyalty_point_history h WHERE h.loyalty_card_id = c.id), '') FROM loyalty_card c WHERE c.id = ANY($1)`,
	},
}

// planted are the faults that are in the engine, by row.
type planted map[row]*trace

// trace is a planted fault, and what the source showed before.
type trace struct {
	fault  fault
	before string
	twin   int64 // the card that it has swapped codes with: a tick that writes the one mends both
}

// plant puts faults of every kind into the engine; it gives them with what the source showed of them beforehand.
func (w *world) plant(t *testing.T, each int, seed int64) planted {
	t.Helper()
	before := map[string]map[int64]string{} // of all rows: which ones it will be is not known yet
	for _, f := range faults {
		before[f.name] = traces(t, w.source, f, nil)
	}
	w.passFloor(t) // what was written before is read no more, so it cannot mend what is planted from here on
	all := planted{}
	for _, f := range faults {
		n := each - each%2
		found, err := w.target.Query(t.Context(), f.plant, n, seed)
		require.NoError(t, err, f.name)
		ids, err := pgx.CollectRows(found, pgx.RowTo[int64])
		require.NoError(t, err, f.name)
		require.Len(t, ids, n, "too few rows for %s", f.name)
		slices.Sort(ids)
		for i, id := range ids {
			tr := &trace{fault: f, before: before[f.name][id]}
			if f.name == swapped {
				tr.twin = ids[i^1]
			}
			all[row{f.entity, id}] = tr
		}
	}
	return all
}

// traces asks the source; without ids about every row.
func traces(t *testing.T, source *pgxpool.Pool, f fault, ids []int64) map[int64]string {
	t.Helper()
	sql := f.traces
	if ids == nil {
		sql = strings.NewReplacer("id = ANY($1)", "$1::bigint[] IS NULL").Replace(sql)
		sql = strings.NewReplacer("h.$1::", "$1::", "c.$1::", "$1::").Replace(sql)
	}
	found, err := source.Query(t.Context(), sql, ids)
	require.NoError(t, err, f.name)
	out := map[int64]string{}
	var id int64
	var text string
	_, err = pgx.ForEachRow(found, []any{&id, &text}, func() error {
		out[id] = text
		return nil
	})
	require.NoError(t, err)
	return out
}

// untouched gives the planted faults of whose rows Odoo has written nothing since: those that no tick can have mended.
func (p planted) untouched(t *testing.T, source *pgxpool.Pool) planted {
	t.Helper()
	left := planted{}
	for _, f := range faults {
		var ids []int64
		for r, tr := range p {
			if tr.fault.name == f.name {
				ids = append(ids, r.ID)
			}
		}
		now := traces(t, source, f, ids)
		for _, id := range ids {
			r := row{f.entity, id}
			twin := row{f.entity, p[r].twin}
			if p[r].before == now[id] && (p[r].twin == 0 || p[twin].before == now[twin.ID]) {
				left[r] = p[r]
			}
		}
	}
	return left
}
