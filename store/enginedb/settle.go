package enginedb

import "context"

// settlePoints computes cards' points: the balance of the latest ledger line in the engine, by Odoo id. A card without a
// line, or whose latest line at the source is in quarantine, has what Odoo's card says.
//
// Where says which cards c are meant, by parameters from $2 on; $1 is how much their version rises.
func settlePoints(where, rise string) string {
	return `
		UPDATE public.loyalty_cards c SET points = s.points, sync_version = c.sync_version + ` + rise + `
		FROM (` + ledgerPoints(where) + `) s
		WHERE c.id = s.id AND c.points <> s.points AND NOT c.synced_to_odoo`
}

// ledgerPoints gives the points that cards c should have, and whether the card's own are all that decides.
func ledgerPoints(where string) string {
	return `SELECT c.id, coalesce(l.points, c.odoo_points, 0) AS points, l.points IS NULL AS own
			FROM public.loyalty_cards c
			LEFT JOIN LATERAL (
				SELECT odoo_history_id AS id, points_balance FROM public.point_history
				WHERE loyalty_card_id = c.id AND odoo_history_id IS NOT NULL ORDER BY odoo_history_id DESC LIMIT 1) h ON true
			LEFT JOIN LATERAL (
				SELECT max(source_id) AS id FROM ferry.quarantine
				WHERE entity = 'loyalty_point_history' AND parent_id = c.id AND state IN ` + openStates + `) q ON true
			CROSS JOIN LATERAL (SELECT CASE WHEN h.id > coalesce(q.id, 0) THEN h.points_balance END AS points) l
			WHERE ` + where + ` AND c.odoo_card_id IS NOT NULL`
}

// Settle computes the points of a range of cards. A card that the engine has made its own keeps its points.
//
// Two statements: the first locks the cards in order, the second sees every ledger line that was committed before the
// locks were held. One statement would compute from a snapshot older than its locks and lose a concurrent line.
func (l *load) Settle(ctx context.Context, low, high int64, first bool) (int64, error) {
	_, err := l.tx.Exec(ctx, `SELECT FROM public.loyalty_cards WHERE id > $1 AND id <= $2 AND odoo_card_id IS NOT NULL
		ORDER BY id FOR NO KEY UPDATE`, low, high)
	if err != nil {
		return 0, wrap("locking cards", err)
	}
	rise := 1
	if first {
		rise = 0 // the card's points are still being stored for the first time
	}
	tag, err := l.tx.Exec(ctx, settlePoints(`c.id > $2 AND c.id <= $3`, `$1`), rise, low, high)
	return tag.RowsAffected(), wrap("settling points", err)
}

// SettleRows computes the points of some cards, in the same two statements. The version of a card that this transaction
// has written rose with that already.
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
