package enginedb

import (
	"context"

	"github.com/jackc/pgx/v5"

	"ferry/engine/cycle"
	"ferry/engine/entity"
	"ferry/store/digest"
	"ferry/store/sqlstate"
)

// settledPoints gives of cards c what their points should be and what they are: the balance of the latest ledger line in the
// engine, by Odoo id. A card without a line, or whose latest line at the source is in quarantine, has what Odoo's card says.
// This is the one definition of it, for those who write it and for those who prove it.
//
// Which cards are meant is said by a condition. Own: the card's own points decide.
func settledPoints(of cards) string {
	return `
			SELECT c.id, coalesce(l.points, c.odoo_points, 0) AS points, l.points IS NULL AS own, c.points AS has,
				CASE WHEN h.id > coalesce(q.id, 0) THEN h.id END AS line, ` + ownedBy(entity.Card, "c") + ` AS owned
			FROM public.loyalty_cards c` + of.latest() + `
			CROSS JOIN LATERAL (SELECT CASE WHEN h.id > coalesce(q.id, 0) THEN h.points_balance END AS points) l
			WHERE ` + of.where + ` AND c.odoo_card_id IS NOT NULL`
}

// cards are some cards c: those of a range, between two bounds as SQL, or else of a condition alone.
type cards struct{ where, low, high string }

// cardsBetween are the cards with ids above low up to high, which are SQL.
func cardsBetween(low, high string) cards {
	return cards{`c.id > ` + low + ` AND c.id <= ` + high, low, high}
}

// latest joins to cards c their latest ledger line in the engine, h, and the latest that is in quarantine, q.
//
// Of a range, what is in quarantine is read in one pass: to ask for each card would cost nearly as much as its line does, and most
// have none there.
func (of cards) latest() string {
	const refused = ` FROM ferry.quarantine WHERE entity = 'loyalty_point_history' AND state IN ` + openStates
	lines := `
			LEFT JOIN LATERAL (
				SELECT odoo_history_id AS id, points_balance FROM public.point_history
				WHERE loyalty_card_id = c.id AND odoo_history_id IS NOT NULL ORDER BY odoo_history_id DESC LIMIT 1) h ON true`
	if of.high == "" {
		return lines + `
			LEFT JOIN LATERAL (SELECT max(source_id) AS id` + refused + ` AND parent_id = c.id) q ON true`
	}
	return lines + `
			LEFT JOIN (SELECT parent_id, max(source_id) AS id` + refused + ` AND parent_id > ` + of.low + ` AND parent_id <= ` + of.high + `
				GROUP BY parent_id) q ON q.parent_id = c.id`
}

// rangeSettings are for statements about the cards of a range. By statistics of before a large load the planner would look through
// all that is in quarantine once for each card; and its estimates would have it compile what takes less long than that.
var rangeSettings = map[string]string{"enable_nestloop": "off", "jit": "off"}

// Balances gives the cards of a range whose points a ledger line decides, in id order. The cards need not be in the engine.
func (l *load) Balances(ctx context.Context, low, high int64) ([]cycle.Balance, error) {
	var out []cycle.Balance
	err := digest.Under(ctx, l.tx, rangeSettings, func() error {
		rows, err := l.tx.Query(ctx, `SELECT c.id, (h.points_balance * 100)::bigint FROM generate_series($1::bigint + 1, $2::bigint) c (id)`+
			cardsBetween("$1", "$2").latest()+` WHERE h.id > coalesce(q.id, 0) AND h.points_balance IS NOT NULL ORDER BY c.id`, low, high)
		if err != nil {
			return err
		}
		out, err = pgx.CollectRows(rows, pgx.RowToStructByPos[cycle.Balance])
		return err
	})
	return out, wrapAt(sqlstate.PhaseRead, "reading balances from the ledger", err)
}

// settlePoints computes cards' points.
//
// Where says which cards c are meant, by parameters from $2 on; $1 is how much their version rises.
func settlePoints(where, rise string) string {
	return `
		UPDATE public.loyalty_cards c SET points = s.points, sync_version = c.sync_version + ` + rise + `
		FROM (` + settledPoints(cards{where: where}) + `) s
		WHERE c.id = s.id AND c.points <> s.points AND NOT ` + ownedBy(entity.Card, "c")
}

// Settle computes the points of a range of cards. A card that the engine has made its own keeps its points.
//
// Cards whose points are right already are only read: to lock a row writes it, and most cards of a cycle need nothing. Those
// that differ are locked and then computed again, see SettleRows. A card that was right, and whose ledger changes while the
// range is looked at, is settled by the transaction that writes the line.
func (l *load) Settle(ctx context.Context, low, high int64, first bool) (int64, error) {
	var ids []int64
	err := digest.Under(ctx, l.tx, rangeSettings, func() (err error) {
		ids, err = l.ids(ctx, "comparing points with the ledger",
			`SELECT id FROM (`+settledPoints(cardsBetween("$1", "$2"))+`) s WHERE has <> points AND NOT owned ORDER BY id`, low, high)
		return err
	})
	if err != nil || len(ids) == 0 {
		return 0, wrapAt(sqlstate.PhaseRead, "comparing points with the ledger", err)
	}
	var fresh []int64
	if first {
		fresh = ids // their points are still being stored for the first time
	}
	return l.SettleRows(ctx, ids, fresh)
}

// SettleRows computes the points of some cards. The version of a card that this transaction has written rose with that already.
//
// Two statements: the first locks the cards in order, the second sees every ledger line that was committed before the
// locks were held. One statement would compute from a snapshot older than its locks and lose a concurrent line.
func (l *load) SettleRows(ctx context.Context, ids, fresh []int64) (int64, error) {
	if fresh == nil {
		fresh = []int64{}
	}
	_, err := l.tx.Exec(ctx, `SELECT FROM public.loyalty_cards WHERE id = ANY($1) AND odoo_card_id IS NOT NULL
		ORDER BY id FOR NO KEY UPDATE`, ids)
	if err != nil {
		return 0, wrap("locking cards", err)
	}
	tag, err := l.tx.Exec(ctx, settlePoints(`c.id = ANY($2)`, `CASE WHEN c.id = ANY($1) THEN 0 ELSE 1 END`), fresh, ids)
	return tag.RowsAffected(), wrap("settling points", err)
}
