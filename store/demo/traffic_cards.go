package demo

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// typedCodes are what people type for a code; %s is two hexadecimal digits, so that now and then two of them are the
// same when trimmed and in upper case.
var typedCodes = []string{
	"summer %s", " Summer %s", "SUMMER %s\t", "straße-%s", "STRASSE-%s", "İstanbul %s", "istanbul %s", "ｆｕｌｌ-%s", "ＦＵＬＬ-%s",
	"รหัส-%s", "🎁-%s", "o'brien %s", "\u00a0nbsp %s", "NULL%s",
}

// generatedCode is a code as Odoo makes them.
func generatedCode(rng *rand.Rand) string {
	return fmt.Sprintf("044%x-%04x-4%03x", rng.IntN(16), rng.IntN(1<<16), rng.IntN(1<<12))
}

// code draws a code: mostly a generated one, else a typed one, one that collides with another card's when trimmed and in
// upper case, or a blank one.
func (w *work) code(ctx context.Context) (string, error) {
	switch x := w.rng.Float64(); {
	case x < 0.85:
		return generatedCode(w.rng), nil
	case x < 0.92:
		return fmt.Sprintf(typedCodes[w.rng.IntN(len(typedCodes))], fmt.Sprintf("%02x", w.rng.IntN(256))), nil
	case x < 0.99:
		return w.collidingCode(ctx)
	default:
		return strings.Repeat(" ", 1+w.rng.IntN(60)), nil
	}
}

func (w *work) collidingCode(ctx context.Context) (string, error) {
	var code string
	if err := w.near(ctx, tableCard, []any{&code}, `SELECT code FROM loyalty_card WHERE id >= $1 ORDER BY id LIMIT 1`); err != nil {
		return "", err
	}
	if upper := strings.ToUpper(code); upper != code && w.rng.Float64() < 0.7 {
		return upper, nil
	}
	return " " + code + " ", nil
}

// newCard makes a card, mostly with a customer, and sometimes with a present: a row of the ledger without a lot.
func (w *work) newCard(ctx context.Context) error {
	var c card
	if w.rng.Float64() < 0.96 {
		id, err := w.insert(ctx, tablePartner, `INSERT INTO res_partner (name, active, create_uid, write_uid, create_date, write_date)
			SELECT 'Customer ' || $1::text, true, 2, 2, t AS created, t FROM (SELECT now() AT TIME ZONE 'UTC') AS n (t) RETURNING id`,
			fmt.Sprintf("%06x", w.rng.IntN(1<<24)))
		if err != nil {
			return err
		}
		c.partner = &id
	}
	code, err := w.code(ctx)
	if err != nil {
		return err
	}
	var program *int64
	if n := len(w.world.programs); n > 0 {
		program = &w.world.programs[w.rng.IntN(n)]
	}
	gift := w.rng.Float64() < 0.4
	var points *float64 // a card that nothing was done with has NULL
	if gift {
		c.points = price(w.rng)
		points = &c.points
	}
	c.id, err = w.insert(ctx, tableCard, `INSERT INTO loyalty_card (program_id, company_id, partner_id, create_uid, write_uid, code, active,
			create_date, write_date, points)
		SELECT $1, 1, $2, 2, 2, $3, true, t AS created, t, $4 FROM (SELECT now() AT TIME ZONE 'UTC') AS n (t)
		RETURNING id`, program, c.partner, code, points)
	if err != nil || !gift {
		return err
	}
	return w.record(ctx, c, entry{name: "Note", origin: origin(w.rng), amount: c.points, balance: c.points})
}

// rawPoints is an SQL statement past the ORM: no write_date tells of it, and no ledger.
func (w *work) rawPoints(ctx context.Context) error {
	c, err := w.anyCard(ctx, 0)
	if err != nil {
		return err
	}
	delta := price(w.rng)
	if w.rng.Float64() < 0.4 && c.points > delta {
		delta = -delta
	}
	return w.change(ctx, tableCard, `UPDATE loyalty_card SET points = coalesce(points, 0) + $2 WHERE id = $1`, c.id, delta)
}

// touch writes the values that are there, as the ORM does when a form is saved or a module is installed.
func (w *work) touch(ctx context.Context) error {
	table, owner := tableCard, "id"
	switch x := w.rng.Float64(); {
	case x < 0.2:
		table, owner = tableMove, "loyalty_card_id"
	case x < 0.4:
		table, owner = tableHistory, "coalesce(loyalty_card_id, 0)"
	}
	name := pgx.Identifier{table}.Sanitize()
	ids, err := w.ids(ctx, `UPDATE `+name+` SET write_uid = 2, write_date = now() AT TIME ZONE 'UTC'
		WHERE id IN (SELECT id FROM `+name+` WHERE id >= $1 AND `+owner+` <> ALL($2) ORDER BY id LIMIT $3)
		RETURNING id`, w.world.from(w.rng, table), w.world.taken(), 1+w.rng.IntN(1+w.rng.IntN(20)))
	slices.Sort(ids)
	w.wrote(table, ids...)
	return err
}

const setCode = `UPDATE loyalty_card SET code = $2, write_uid = 2, write_date = now() AT TIME ZONE 'UTC' WHERE id = $1`

func (w *work) changeCode(ctx context.Context) error {
	c, err := w.anyCard(ctx, 0)
	if err != nil {
		return err
	}
	code, err := w.code(ctx)
	if err != nil {
		return err
	}
	return w.change(ctx, tableCard, setCode, c.id, code)
}

// swapCodes gives two cards each other's codes. Odoo's constraint is checked row by row, so one of them wears another
// code in between, which nobody ever sees.
func (w *work) swapCodes(ctx context.Context) error {
	a, err := w.anyCard(ctx, 0)
	if err != nil {
		return err
	}
	b, err := w.anyCard(ctx, a.id)
	if err != nil {
		return err
	}
	var codeA, codeB string
	if err := w.get(ctx, []any{&codeA, &codeB},
		`SELECT a.code, b.code FROM loyalty_card AS a, loyalty_card AS b WHERE a.id = $1 AND b.id = $2`, a.id, b.id); err != nil {
		return err
	}
	for _, step := range []struct {
		id   int64
		code string
	}{{a.id, fmt.Sprintf("swap-%d-%08x", a.id, w.rng.Uint32())}, {b.id, codeA}, {a.id, codeB}} {
		if err := w.change(ctx, tableCard, setCode, step.id, step.code); err != nil {
			return err
		}
	}
	return nil
}

// deleteCard deletes a card that has history and no moves: those that history without a lot leads to are looked through.
// The references make the server scan both tables, and so do the look-ups.
func (w *work) deleteCard(ctx context.Context) error {
	candidates, err := w.ids(ctx, `SELECT DISTINCT loyalty_card_id FROM (
			SELECT loyalty_card_id FROM loyalty_point_history
			WHERE id >= $1 AND point_move_id IS NULL AND loyalty_card_id IS NOT NULL AND loyalty_card_id <> ALL($2)
			ORDER BY id LIMIT 20
		) AS h`, w.world.from(w.rng, tableHistory), w.world.taken())
	if err != nil {
		return err
	}
	var id int64
	if err := w.get(ctx, []any{&id}, `SELECT c FROM unnest($1::integer[]) AS c
		EXCEPT SELECT loyalty_card_id FROM loyalty_point_move WHERE loyalty_card_id = ANY($1)
		ORDER BY 1 LIMIT 1`, candidates); err != nil {
		return err
	}
	history, err := w.ids(ctx, `SELECT id FROM loyalty_point_history WHERE loyalty_card_id = $1 ORDER BY id`, id)
	if err != nil {
		return err
	}
	w.wrote(tableHistory, history...) // by the reference
	return w.remove(ctx, tableCard, `DELETE FROM loyalty_card WHERE id = $1`, id)
}

// deletePartner deletes a customer; the cards stay, without one.
func (w *work) deletePartner(ctx context.Context) error {
	var id int64
	if err := w.near(ctx, tablePartner, []any{&id}, `SELECT id FROM res_partner WHERE id >= $1 ORDER BY id LIMIT 1`); err != nil {
		return err
	}
	cards, err := w.ids(ctx, `SELECT id FROM loyalty_card WHERE partner_id = $1 ORDER BY id`, id)
	if err != nil {
		return err
	}
	w.wrote(tableCard, cards...) // by the reference
	return w.remove(ctx, tablePartner, `DELETE FROM res_partner WHERE id = $1`, id)
}
