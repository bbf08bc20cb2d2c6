// Package independent says what rows both databases hold, by SQL that shares nothing with ferry's own way: what is read, judged, cleaned
// and merged there by Go is cast and rounded here by PostgreSQL. Tests of whole crossings rest on it, and so does the benchmark.
package independent

import "strings"

// contents are, for each entity, the values that a row has at the source and in the engine. Codes are not among them, for SQL
// cannot clean them.
var contents = map[string][2]string{
	"loyalty_card": {
		`SELECT concat_ws('|', id, coalesce(partner_id::text, '-'), coalesce(program_id::text, '-'),
			round(coalesce(points, 0)::text::numeric, 2), coalesce(create_date::text, '-'), coalesce(write_date::text, '-'))
		FROM loyalty_card WHERE id = ANY($1) ORDER BY id`,
		`SELECT concat_ws('|', odoo_card_id, coalesce(partner_id::text, '-'), coalesce(program_id::text, '-'), odoo_points,
			coalesce((created_at AT TIME ZONE 'UTC')::text, '-'), coalesce((updated_at AT TIME ZONE 'UTC')::text, '-'))
		FROM loyalty_cards WHERE id = ANY($1) AND id = odoo_card_id ORDER BY id`,
	},
	"loyalty_point_move": {
		`SELECT concat_ws('|', id, loyalty_card_id, coalesce(membership_product_id::text, '-'), gain_date,
			coalesce(expiration_date::text, '-'), round(coalesce(initial_point, 0)::text::numeric, 2),
			round(coalesce(remaining_point, 0)::text::numeric, 2), state, coalesce(origin, '-'),
			coalesce(create_date::text, '-'), coalesce(write_date::text, '-'))
		FROM loyalty_point_move WHERE id = ANY($1) ORDER BY id`,
		`SELECT concat_ws('|', odoo_move_id, loyalty_card_id, coalesce(membership_product_id::text, '-'),
			gain_date AT TIME ZONE 'UTC', coalesce((expiration_date AT TIME ZONE 'UTC')::text, '-'), initial_point,
			remaining_point, state, coalesce(origin, '-'),
			coalesce((created_at AT TIME ZONE 'UTC')::text, '-'), coalesce((updated_at AT TIME ZONE 'UTC')::text, '-'))
		FROM point_moves WHERE id = ANY($1) AND id = odoo_move_id ORDER BY id`,
	},
	"loyalty_point_history": {
		`SELECT concat_ws('|', id, loyalty_card_id, coalesce(point_move_id::text, '-'),
			round(coalesce(points_amount, 0)::text::numeric, 2), round(coalesce(points_balance, 0)::text::numeric, 2),
			transaction_time, coalesce(origin, '-'), coalesce(membership_product_id::text, '-'),
			coalesce(status_membership_product_id::text, '-'), coalesce(create_date::text, '-'))
		FROM loyalty_point_history WHERE id = ANY($1) ORDER BY id`,
		`SELECT concat_ws('|', odoo_history_id, loyalty_card_id, coalesce(odoo_move_id::text, '-'), points_amount, points_balance,
			transaction_time AT TIME ZONE 'UTC', coalesce(origin, '-'), coalesce(membership_product_id::text, '-'),
			coalesce(status_membership_product_id::text, '-'), coalesce((created_at AT TIME ZONE 'UTC')::text, '-'))
		FROM point_history WHERE id = ANY($1) AND id = odoo_history_id ORDER BY id`,
	},
}

// Contents gives the SQL by which an entity's rows of the ids $1 are told, at the source and in the engine: equal rows give
// equal texts, which begin with the id and a bar.
func Contents(of string) (source, target string) { return contents[of][0], contents[of][1] }

// Code is a code as the engine must have it, cleaned by other functions than ferry's.
func Code(source string) string { return strings.ToUpper(strings.TrimSpace(source)) }

// WrongPoints gives a line for each card of the engine whose points are not the balance of its ledger's last line; where that line
// is in quarantine, or there is none, they are Odoo's.
const WrongPoints = `
	WITH latest AS (SELECT DISTINCT ON (loyalty_card_id) loyalty_card_id, odoo_history_id, points_balance FROM point_history
		WHERE odoo_history_id IS NOT NULL ORDER BY loyalty_card_id, odoo_history_id DESC),
	held AS (SELECT parent_id, max(source_id) AS id FROM ferry.quarantine
		WHERE entity = 'loyalty_point_history' AND state IN ('open', 'waiting_parent', 'waived') GROUP BY 1)
	SELECT c.id || ' has ' || c.points FROM loyalty_cards c LEFT JOIN latest l ON l.loyalty_card_id = c.id LEFT JOIN held h ON h.parent_id = c.id
	WHERE c.points <> CASE WHEN l.odoo_history_id > coalesce(h.id, 0) THEN l.points_balance ELSE c.odoo_points END`

// WrongLinks gives a line for each line of history that is not linked exactly if its move is in the engine.
const WrongLinks = `SELECT h.id::text FROM point_history h LEFT JOIN point_moves m ON m.id = h.odoo_move_id
	WHERE h.point_move_id IS DISTINCT FROM m.id`
