package interleave_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// kind is a kind of step, and how often it comes.
type kind struct {
	weight int
	do     func(*writer, context.Context) error
}

var kinds = []kind{
	{6, (*writer).insertCard},
	{8, (*writer).insertMove},
	{12, (*writer).insertLine},
	{4, (*writer).insertLineBeforeItsMove},
	{12, (*writer).changeCard},
	{8, (*writer).changeMove},
	{10, (*writer).changeLine},
	{3, (*writer).moveMove},
	{5, (*writer).moveLine},
	{4, (*writer).breakRow},
	{4, (*writer).deleteCard},
	{3, (*writer).deleteMove},
	{4, (*writer).deleteLine},
	{6, (*writer).rotateCodes},
	{3, (*writer).handCodeOn},
	{2, (*writer).touchAll},
	{1, (*writer).manySubtransactions},
	{24, (*writer).savepoint},
	{6, (*writer).rollbackTo},
	{5, (*writer).release},
}

// act does a step of a random kind. What is refused has been undone, and is no error.
func (w *writer) act(ctx context.Context) error {
	total := 0
	for _, k := range kinds {
		total += k.weight
	}
	at := w.IntN(total)
	for _, k := range kinds {
		if at -= k.weight; at < 0 {
			err := k.do(w, ctx)
			if errors.Is(err, errRefused) {
				return nil
			}
			return err
		}
	}
	return nil
}

// pick gives one of the ids, the younger ones more often; 0 if there is none.
func (w *writer) pick(ids []int64) int64 {
	if len(ids) == 0 {
		return 0
	}
	return ids[max(w.IntN(len(ids)), w.IntN(len(ids)))]
}

// points are numbers as Odoo has them.
func (w *writer) points() float64 {
	some := []float64{0, 0, 10, 12.5, 30.299999999999997, 0.1 + 0.2, -1.33e-15, 99.995}
	return some[w.IntN(len(some))] + float64(w.IntN(5))
}

// when is the write_date of a change: the transaction's, a back-dated one, or nil, which leaves it as it is.
func (w *writer) when() any {
	switch w.IntN(10) {
	case 0, 1, 2:
		return nil
	case 3:
		return w.tx.date.Add(-time.Duration(w.IntN(5000)) * time.Second).Format(timestamp)
	}
	return w.tx.date.Format(timestamp)
}

// newCode is mostly new, and now and then another card's in another writing.
func (w *writer) newCode() string {
	code := fmt.Sprintf("c44%x-%03x", w.IntN(16), len(w.codes))
	if len(w.codes) > 0 {
		switch old := w.codes[w.IntN(len(w.codes))]; w.IntN(8) {
		case 0:
			code = strings.ToUpper(old)
		case 1:
			code = old + " "
		}
	}
	w.codes = append(w.codes, code)
	return code
}

func (w *writer) insertCard(ctx context.Context) error { return w.insertCardWith(ctx, w.newCode()) }

func (w *writer) insertCardWith(ctx context.Context, code string) error {
	var partner any = 1 + w.IntN(3)
	if w.IntN(10) == 0 {
		partner = nil // it will be rejected
	}
	ids, err := w.write(ctx, `INSERT INTO loyalty_card (code, program_id, partner_id, points, create_date, write_date)
		SELECT $1, min(id), $2::int, $3::float8, $4::timestamp, $4::timestamp FROM loyalty_program RETURNING id`,
		code, partner, w.points(), w.tx.date.Format(timestamp))
	w.cards = append(w.cards, ids...)
	return err
}

// insertMove inserts a move, on a card that nobody is about to delete; it may be one that was promised.
func (w *writer) insertMove(ctx context.Context) error {
	var id any
	if len(w.promised) > 0 && w.IntN(2) == 0 {
		last := len(w.promised) - 1
		id, w.promised = w.promised[last], w.promised[:last]
	}
	ids, err := w.write(ctx, `INSERT INTO loyalty_point_move (id, loyalty_card_id, state, gain_date, create_date, write_date, initial_point, remaining_point)
		SELECT coalesce($1::bigint, nextval('loyalty_point_move_id_seq')), id, 'active', $3::timestamp, $3::timestamp, $3::timestamp, 200, $4::float8
		FROM (SELECT id FROM loyalty_card WHERE id = $2 FOR KEY SHARE SKIP LOCKED) c RETURNING id`,
		id, w.pick(w.cards), w.tx.date.Format(timestamp), w.points())
	w.moves = append(w.moves, ids...)
	return err
}

func (w *writer) insertLine(ctx context.Context) error {
	var move any
	if id := w.pick(w.moves); id > 0 && w.IntN(2) == 0 {
		move = id
	}
	return w.insertLineFor(ctx, move)
}

func (w *writer) insertLineFor(ctx context.Context, move any) error {
	ids, err := w.write(ctx, `INSERT INTO loyalty_point_history
			(loyalty_card_id, point_move_id, transaction_time, create_date, write_date, points_amount, points_balance)
		SELECT id, $2::bigint, $3::timestamp, $3::timestamp, $3::timestamp, $4::float8, $5::float8
		FROM (SELECT id FROM loyalty_card WHERE id = $1 FOR KEY SHARE SKIP LOCKED) c RETURNING id`,
		w.pick(w.cards), move, w.tx.date.Format(timestamp), w.points(), w.points())
	w.lines = append(w.lines, ids...)
	return err
}

// insertLineBeforeItsMove names a move that there is not yet, as sources without a reference between the two allow.
func (w *writer) insertLineBeforeItsMove(ctx context.Context) error {
	ids, err := w.write(ctx, `SELECT nextval('loyalty_point_move_id_seq')`)
	if err != nil {
		return err
	}
	w.promised = append(w.promised, ids...)
	if err := w.command(ctx, `SET LOCAL session_replication_role = replica`); err != nil {
		return err
	}
	if err := w.insertLineFor(ctx, ids[0]); err != nil {
		return err // with it, the setting is undone
	}
	return w.command(ctx, `SET LOCAL session_replication_role = origin`)
}

// update changes a row that nobody else has locked, with the change's arguments from $3 on.
func (w *writer) update(ctx context.Context, table, change string, id int64, args ...any) error {
	_, err := w.write(ctx, `UPDATE `+table+` SET `+change+`, write_date = coalesce($2::timestamp, write_date)
		WHERE id = (SELECT id FROM `+table+` WHERE id = $1 FOR NO KEY UPDATE SKIP LOCKED) RETURNING id`, append([]any{id, w.when()}, args...)...)
	return err
}

func (w *writer) changeCard(ctx context.Context) error {
	if w.IntN(4) == 0 { // partners are merged
		return w.update(ctx, "loyalty_card", "partner_id = $3", w.pick(w.cards), 1+w.IntN(3))
	}
	return w.update(ctx, "loyalty_card", "points = $3", w.pick(w.cards), w.points())
}

func (w *writer) changeMove(ctx context.Context) error {
	state := []string{"active", "depleted", "expired"}[w.IntN(3)]
	return w.update(ctx, "loyalty_point_move", "remaining_point = $3, state = $4", w.pick(w.moves), w.points(), state)
}

func (w *writer) changeLine(ctx context.Context) error {
	return w.update(ctx, "loyalty_point_history", "points_balance = $3", w.pick(w.lines), w.points())
}

// toCard points a row to another card, if nobody is about to delete that one.
const toCard = "loyalty_card_id = coalesce((SELECT id FROM loyalty_card WHERE id = $3 FOR KEY SHARE SKIP LOCKED), loyalty_card_id)"

func (w *writer) moveMove(ctx context.Context) error {
	return w.update(ctx, "loyalty_point_move", toCard, w.pick(w.moves), w.pick(w.cards))
}

func (w *writer) moveLine(ctx context.Context) error {
	return w.update(ctx, "loyalty_point_history", toCard, w.pick(w.lines), w.pick(w.cards))
}

// breakRow makes a row one that is rejected. Later changes may heal it.
func (w *writer) breakRow(ctx context.Context) error {
	switch w.IntN(5) {
	case 0:
		return w.update(ctx, "loyalty_card", "points = 'NaN'", w.pick(w.cards))
	case 1:
		return w.update(ctx, "loyalty_card", "partner_id = NULL", w.pick(w.cards))
	case 2:
		return w.update(ctx, "loyalty_point_move", "state = 'lost'", w.pick(w.moves))
	case 3:
		return w.update(ctx, "loyalty_point_history", "loyalty_card_id = NULL", w.pick(w.lines))
	}
	return w.update(ctx, "loyalty_point_history", "points_balance = -5", w.pick(w.lines))
}

// deleteCard deletes a card without moves. Its history stays, without a card.
func (w *writer) deleteCard(ctx context.Context) error {
	_, err := w.write(ctx, `DELETE FROM loyalty_card WHERE id = (SELECT id FROM loyalty_card WHERE id = $1 FOR UPDATE SKIP LOCKED)
		AND NOT EXISTS (SELECT FROM loyalty_point_move WHERE loyalty_card_id = $1) RETURNING id`, w.pick(w.cards))
	return err
}

func (w *writer) deleteMove(ctx context.Context) error {
	return w.remove(ctx, "loyalty_point_move", w.pick(w.moves))
}

func (w *writer) deleteLine(ctx context.Context) error {
	return w.remove(ctx, "loyalty_point_history", w.pick(w.lines))
}

func (w *writer) remove(ctx context.Context, table string, id int64) error {
	_, err := w.write(ctx, `DELETE FROM `+table+` WHERE id = (SELECT id FROM `+table+` WHERE id = $1 FOR UPDATE SKIP LOCKED) RETURNING id`, id)
	return err
}

// rotateCodes lets two cards swap their codes, or three hand them round.
func (w *writer) rotateCodes(ctx context.Context) error {
	wanted := make([]int64, 2+w.IntN(2))
	for i := range wanted {
		wanted[i] = w.pick(w.cards)
	}
	ids, err := w.write(ctx, `SELECT id FROM loyalty_card WHERE id = ANY($1) ORDER BY id FOR UPDATE SKIP LOCKED`, wanted)
	if err != nil || len(ids) < 2 {
		return err
	}
	// All are put aside first, for no code may be there twice at any moment.
	if _, err := w.write(ctx, `UPDATE loyalty_card SET code = code || '*' WHERE id = ANY($1) RETURNING id`, ids); err != nil {
		return err
	}
	from := slices.Concat(ids[1:], ids[:1])
	_, err = w.write(ctx, `UPDATE loyalty_card c SET code = rtrim(o.code, '*'), write_date = coalesce($3::timestamp, c.write_date)
		FROM unnest($1::bigint[], $2::bigint[]) m (id, "from") JOIN loyalty_card o ON o.id = m."from" WHERE c.id = m.id RETURNING c.id`, ids, from, w.when())
	return err
}

// handCodeOn gives a card's code to a new card.
func (w *writer) handCodeOn(ctx context.Context) error {
	ids, err := w.write(ctx, `UPDATE loyalty_card SET code = code || '-old', write_date = coalesce($2::timestamp, write_date)
		WHERE id = (SELECT id FROM loyalty_card WHERE id = $1 FOR UPDATE SKIP LOCKED) RETURNING id`, w.pick(w.cards), w.when())
	if err != nil || len(ids) == 0 {
		return err
	}
	ids, err = w.write(ctx, `INSERT INTO loyalty_card (code, program_id, partner_id, points, create_date, write_date)
		SELECT regexp_replace(code, '-old$', ''), program_id, 1, $2::float8, $3::timestamp, $3::timestamp FROM loyalty_card WHERE id = $1 RETURNING id`,
		ids[0], w.points(), w.tx.date.Format(timestamp))
	w.cards = append(w.cards, ids...)
	return err
}

// touchAll writes every row that can be had, and changes nothing but its write_date, as the installation of a module does.
func (w *writer) touchAll(ctx context.Context) error {
	table := tables[w.IntN(len(tables))]
	_, err := w.write(ctx, `UPDATE `+table+` SET write_date = $1::timestamp
		WHERE id IN (SELECT id FROM `+table+` FOR NO KEY UPDATE SKIP LOCKED) RETURNING id`, w.tx.date.Format(timestamp))
	return err
}

// manySubtransactions writes a row in more subtransactions than a session keeps in shared memory.
func (w *writer) manySubtransactions(ctx context.Context) error {
	_, err := w.write(ctx, fmt.Sprintf(`DO $$ BEGIN FOR i IN 1..70 LOOP
		BEGIN
			UPDATE loyalty_card SET points = i WHERE id = (SELECT id FROM loyalty_card WHERE id = %d FOR NO KEY UPDATE SKIP LOCKED);
		EXCEPTION WHEN serialization_failure THEN RETURN;
		END;
	END LOOP; END $$`, w.pick(w.cards)))
	return err
}

func (w *writer) savepoint(ctx context.Context) error {
	w.tx.saves++
	w.tx.left++ // something should come behind it
	return w.command(ctx, fmt.Sprintf("SAVEPOINT s%d", w.tx.saves))
}

func (w *writer) rollbackTo(ctx context.Context) error {
	if w.tx.saves == 0 {
		return nil
	}
	w.tx.saves = 1 + w.IntN(w.tx.saves)
	return w.command(ctx, fmt.Sprintf("ROLLBACK TO s%d", w.tx.saves))
}

func (w *writer) release(ctx context.Context) error {
	if w.tx.saves == 0 {
		return nil
	}
	save := 1 + w.IntN(w.tx.saves)
	w.tx.saves = save - 1
	return w.command(ctx, fmt.Sprintf("RELEASE s%d", save))
}
