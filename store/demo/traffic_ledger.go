package demo

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/jackc/pgx/v5"
)

// entry is a row of the ledger to be made.
type entry struct {
	name, origin    string
	move            *int64
	amount, balance float64
}

const insertHistory = `INSERT INTO loyalty_point_history (loyalty_card_id, partner_id, point_move_id, create_uid, write_uid, name, origin,
		transaction_time, create_date, write_date, points_amount, points_balance)
	SELECT $1, $2, $3, 2, 2, $4, $5, date_trunc('second', t), t AS created, t, $6, $7 FROM (SELECT now() AT TIME ZONE 'UTC') AS n (t)
	RETURNING id`

func (w *work) record(ctx context.Context, c card, e entry) error {
	_, err := w.insert(ctx, tableHistory, insertHistory, c.id, c.partner, e.move, e.name, e.origin, e.amount, e.balance)
	return err
}

// earn is a sale: a lot of points, a row of the ledger, the card.
func (w *work) earn(ctx context.Context) error {
	c, err := w.anyCard(ctx, 0)
	if err != nil {
		return err
	}
	amount, order := price(w.rng), origin(w.rng)
	var days *int // for life
	if w.rng.Float64() < 0.8 {
		n := 30 * (1 + w.rng.IntN(24))
		days = &n
	}
	move, err := w.insert(ctx, tableMove, `INSERT INTO loyalty_point_move (expired_interval, loyalty_card_id, create_uid, write_uid, name,
			expired_interval_type, origin, state, gain_date, expiration_date, create_date, write_date, initial_point, remaining_point)
		SELECT coalesce($2::integer, 0), $1, 2, 2, 'Earn ' || $3::text, CASE WHEN $2 IS NOT NULL THEN 'day' END, $3, 'active',
			date_trunc('second', t), date_trunc('second', t) + make_interval(days => $2), t AS created, t, $4::float8, $4
		FROM (SELECT now() AT TIME ZONE 'UTC') AS n (t)
		RETURNING id`, c.id, days, order, amount)
	if err != nil {
		return err
	}
	// A running balance adds binary floats, and keeps what they leave behind.
	c.points += amount
	if err := w.record(ctx, c, entry{name: "Earn", origin: order, move: &move, amount: amount, balance: c.points}); err != nil {
		return err
	}
	w.newMoves = append(w.newMoves, newMove{c.id, move})
	return w.settle(ctx, c)
}

// lot is a move with points left.
type lot struct {
	id        int64
	remaining float64
}

// redeem uses points, of the lots that expire first.
func (w *work) redeem(ctx context.Context) error {
	c, lots, err := w.redeemable(ctx)
	if err != nil {
		return err
	}
	var total float64
	for _, l := range lots {
		total += l.remaining
	}
	total = min(total, c.points)
	// A quarter of all redemptions take all there is.
	if share := w.rng.Float64(); share < 0.75 {
		total = max(math.Floor(total*share*100)/100, min(total, 0.01))
	}
	if !(total > 0) { // nor NaN
		return errNothing
	}
	order := origin(w.rng)
	for _, l := range lots {
		take := min(l.remaining, total)
		total -= take
		c.points -= take
		err := w.change(ctx, tableMove, `UPDATE loyalty_point_move SET remaining_point = $2, write_uid = 2,
				state = CASE WHEN $2::float8 = 0 THEN 'depleted' ELSE state END, write_date = now() AT TIME ZONE 'UTC'
			WHERE id = $1`, l.id, l.remaining-take)
		if err != nil {
			return err
		}
		if err := w.record(ctx, c, entry{name: "Use", origin: order, move: &l.id, amount: -take, balance: c.points}); err != nil {
			return err
		}
		if total <= 0 {
			break
		}
	}
	w.redemptions = append(w.redemptions, redemption{c.id, order})
	return w.settle(ctx, c)
}

// redeemable draws a card with points to use, by way of a move that has some.
func (w *work) redeemable(ctx context.Context) (card, []lot, error) {
	var move, id int64
	err := w.near(ctx, tableMove, []any{&move, &id}, `SELECT id, loyalty_card_id FROM loyalty_point_move
		WHERE id >= $1 AND state = 'active' AND remaining_point > 0 AND remaining_point < 1e12 AND loyalty_card_id <> ALL($2)
		ORDER BY id LIMIT 1`, w.world.taken())
	if err != nil {
		return card{}, nil, err
	}
	c, err := w.card(ctx, id)
	if err != nil {
		return card{}, nil, err
	}
	rows, _ := w.tx.Query(ctx, `SELECT id, remaining_point FROM loyalty_point_move
		WHERE id = ANY($1) AND loyalty_card_id = $2 AND state = 'active' AND remaining_point > 0 AND remaining_point < 1e12
		ORDER BY expiration_date NULLS LAST, gain_date, id`, append(w.world.movesOf(id), move), id) // CollectRows has the error
	lots, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (lot, error) {
		var l lot
		return l, row.Scan(&l.id, &l.remaining)
	})
	if err != nil {
		return card{}, nil, fmt.Errorf("read moves: %w", err)
	}
	return c, lots, nil
}

// use is a row of a redemption that is to be cancelled.
type use struct {
	id     int64
	move   *int64
	amount float64
}

// cancel takes a redemption back: what was taken returns to its lots, and the rows of the ledger go, or stay without an
// amount. Rows that came after them keep their balances, so an old redemption leaves a ledger that does not add up.
func (w *work) cancel(ctx context.Context) error {
	r, err := w.oldRedemption(ctx)
	if err != nil {
		return err
	}
	c, err := w.card(ctx, r.card)
	if err != nil {
		return err
	}
	rows, _ := w.tx.Query(ctx, `SELECT id, point_move_id, points_amount FROM loyalty_point_history
		WHERE origin = $1 AND loyalty_card_id = $2 AND points_amount < 0 AND points_amount > -1e12
		ORDER BY id LIMIT 20`, r.origin, r.card) // CollectRows has the error
	uses, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (use, error) {
		var u use
		return u, row.Scan(&u.id, &u.move, &u.amount)
	})
	if err != nil {
		return fmt.Errorf("read history: %w", err)
	}
	if len(uses) == 0 {
		return errNothing
	}
	void := w.rng.Float64() < 0.5
	for _, u := range uses {
		c.points -= u.amount
		if err := w.giveBack(ctx, c, u, void); err != nil {
			return err
		}
	}
	w.cancelled = append(w.cancelled, r)
	return w.settle(ctx, c)
}

// oldRedemption is one that the traffic made lately, mostly, or any.
func (w *work) oldRedemption(ctx context.Context) (redemption, error) {
	if r, ok := w.world.redemption(w.rng); ok && w.rng.Float64() < 0.9 {
		return r, nil
	}
	var r redemption
	err := w.near(ctx, tableHistory, []any{&r.card, &r.origin}, `SELECT loyalty_card_id, origin FROM loyalty_point_history
		WHERE id >= $1 AND points_amount < 0 AND points_amount > -1e12 AND point_move_id IS NOT NULL AND origin IS NOT NULL
			AND loyalty_card_id IS NOT NULL AND loyalty_card_id <> ALL($2)
		ORDER BY id LIMIT 1`, w.world.taken())
	return r, err
}

func (w *work) giveBack(ctx context.Context, c card, u use, void bool) error {
	if u.move != nil {
		moves, err := w.ids(ctx, `UPDATE loyalty_point_move SET remaining_point = least(initial_point, remaining_point + $2::float8),
				state = CASE state WHEN 'depleted' THEN 'active' ELSE state END, write_uid = 2, write_date = now() AT TIME ZONE 'UTC'
			WHERE id = $1 AND state IN ('active', 'depleted')
			RETURNING id`, *u.move, -u.amount)
		if err != nil {
			return err
		}
		w.wrote(tableMove, moves...)
	}
	if void {
		return w.change(ctx, tableHistory, `UPDATE loyalty_point_history SET points_amount = 0, points_balance = $2, name = 'Cancelled',
				write_uid = 2, write_date = now() AT TIME ZONE 'UTC'
			WHERE id = $1`, u.id, c.points)
	}
	return w.remove(ctx, tableHistory, `DELETE FROM loyalty_point_history WHERE id = $1`, u.id)
}

// deleteHistory deletes a row of the ledger, wherever it stands.
func (w *work) deleteHistory(ctx context.Context) error {
	var id int64
	if err := w.near(ctx, tableHistory, []any{&id}, `SELECT id FROM loyalty_point_history WHERE id >= $1 ORDER BY id LIMIT 1`); err != nil {
		return err
	}
	return w.remove(ctx, tableHistory, `DELETE FROM loyalty_point_history WHERE id = $1`, id)
}

// repoint moves a row of the ledger to another card, with or without one of its lots.
func (w *work) repoint(ctx context.Context) error {
	var id, from int64
	err := w.near(ctx, tableHistory, []any{&id, &from}, `SELECT id, loyalty_card_id FROM loyalty_point_history
		WHERE id >= $1 AND loyalty_card_id IS NOT NULL AND loyalty_card_id <> ALL($2) ORDER BY id LIMIT 1`, w.world.taken())
	if err != nil {
		return err
	}
	var move *int64
	var to int64
	if w.rng.Float64() < 0.5 {
		err = w.near(ctx, tableMove, []any{&move, &to}, `SELECT id, loyalty_card_id FROM loyalty_point_move
			WHERE id >= $1 AND loyalty_card_id <> $2 AND loyalty_card_id <> ALL($3) ORDER BY id LIMIT 1`, from, w.world.taken())
	} else {
		var c card
		c, err = w.anyCard(ctx, from)
		to = c.id
	}
	if err != nil {
		return err
	}
	return w.change(ctx, tableHistory, `UPDATE loyalty_point_history SET loyalty_card_id = $2, point_move_id = $3, write_uid = 2,
		write_date = now() AT TIME ZONE 'UTC' WHERE id = $1`, id, to, move)
}

// savepoint is a transaction of which a part is taken back, and another part written under an id of its own.
func (w *work) savepoint(ctx context.Context) error {
	if err := w.earn(ctx); err != nil {
		return err
	}
	if err := w.within(ctx, func() error {
		if err := w.earn(ctx); err != nil {
			return err
		}
		return errRolledBack
	}); err != nil {
		return err
	}
	return w.within(ctx, func() error { return w.touch(ctx) })
}

// within does something under a savepoint, and goes back to it if told so.
func (w *work) within(ctx context.Context, do func() error) error {
	outer := *w
	savepoint, err := w.tx.Begin(ctx)
	if err != nil {
		return fmt.Errorf("set a savepoint: %w", err)
	}
	w.tx = savepoint
	switch err := do(); {
	case errors.Is(err, errRolledBack):
		if err := savepoint.Rollback(ctx); err != nil {
			return fmt.Errorf("go back to a savepoint: %w", err)
		}
		claimed := w.claimed
		*w = outer
		w.claimed = claimed
		return nil
	case err != nil:
		return err // the whole transaction is lost
	}
	w.tx = outer.tx
	if err := savepoint.Commit(ctx); err != nil {
		return fmt.Errorf("release a savepoint: %w", err)
	}
	return nil
}

// rollBack does what a sale does, and then none of it.
func (w *work) rollBack(ctx context.Context) error {
	if err := w.newCard(ctx); err != nil {
		return err
	}
	if err := w.earn(ctx); err != nil {
		return err
	}
	return errRolledBack
}

// importSales is the beginning of a long transaction: the rest is that it stays open.
func (w *work) importSales(ctx context.Context) error {
	if err := w.newCard(ctx); err != nil {
		return err
	}
	for range 2 + w.rng.IntN(3) {
		if err := w.earn(ctx); err != nil {
			return err
		}
	}
	if err := w.redeem(ctx); !errors.Is(err, errNothing) {
		return err
	}
	return nil // nobody has points to use: the rest is enough
}
