package demo

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/jackc/pgx/v5"
)

// work is one transaction under way.
type work struct {
	tx     pgx.Tx
	world  *world
	rng    *rand.Rand
	claims bool // cards that it writes are kept from the others until it ends

	claimed []int64
	written []RowRef

	// What the world is told if this commits.
	newMoves    []newMove
	redemptions []redemption
	cancelled   []redemption
}

type newMove struct{ card, move int64 }

// card is what a transaction reads of a card before it writes to it.
type card struct {
	id      int64
	points  float64
	partner *int64
}

func (w *work) wrote(table string, ids ...int64) {
	for _, id := range ids {
		w.written = append(w.written, RowRef{Table: table, ID: id})
	}
}

// rows are the rows written, each once, in the order in which they were first written.
func (w *work) rows() []RowRef {
	type key struct {
		table string
		id    int64
	}
	place := make(map[key]int, len(w.written))
	var rows []RowRef
	for _, row := range w.written {
		k := key{row.Table, row.ID}
		if i, ok := place[k]; ok {
			rows[i].Deleted = rows[i].Deleted || row.Deleted
			continue
		}
		place[k] = len(rows)
		rows = append(rows, row)
	}
	return rows
}

// get reads one row; there being none is errNothing.
func (w *work) get(ctx context.Context, dest []any, sql string, args ...any) error {
	err := w.tx.QueryRow(ctx, sql, args...).Scan(dest...)
	if errors.Is(err, pgx.ErrNoRows) {
		return errNothing
	}
	if err != nil {
		return fmt.Errorf("read: %w", err)
	}
	return nil
}

// near is get for a statement whose $1 is an id drawn from the table; where it finds nothing from there on, it begins
// at the lowest.
func (w *work) near(ctx context.Context, table string, dest []any, sql string, more ...any) error {
	err := w.get(ctx, dest, sql, append([]any{w.world.from(w.rng, table)}, more...)...)
	if errors.Is(err, errNothing) {
		return w.get(ctx, dest, sql, append([]any{0}, more...)...)
	}
	return err
}

// ids runs a statement that yields ids.
func (w *work) ids(ctx context.Context, sql string, args ...any) ([]int64, error) {
	rows, _ := w.tx.Query(ctx, sql, args...) // CollectRows has the error
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		return nil, fmt.Errorf("execute: %w", err)
	}
	return ids, nil
}

// insert runs a statement that makes one row of the table.
func (w *work) insert(ctx context.Context, table, sql string, args ...any) (int64, error) {
	var id int64
	if err := w.get(ctx, []any{&id}, sql, args...); err != nil {
		return 0, err
	}
	w.wrote(table, id)
	return id, nil
}

// change runs a statement that writes the row of the table which is its $1.
func (w *work) change(ctx context.Context, table, sql string, id int64, more ...any) error {
	if _, err := w.tx.Exec(ctx, sql, append([]any{id}, more...)...); err != nil {
		return fmt.Errorf("execute: %w", err)
	}
	w.wrote(table, id)
	return nil
}

// remove runs a statement that deletes the row of the table which is its $1.
func (w *work) remove(ctx context.Context, table, sql string, id int64) error {
	if _, err := w.tx.Exec(ctx, sql, id); err != nil {
		return fmt.Errorf("execute: %w", err)
	}
	w.written = append(w.written, RowRef{Table: table, ID: id, Deleted: true})
	return nil
}

// anyCard draws a card, not the one given.
func (w *work) anyCard(ctx context.Context, but int64) (card, error) {
	var c card
	err := w.near(ctx, tableCard, []any{&c.id, &c.points, &c.partner}, `SELECT id, coalesce(points, 0), partner_id FROM loyalty_card
		WHERE id >= $1 AND id <> $2 AND id <> ALL($3) ORDER BY id LIMIT 1`, but, w.world.taken())
	if err == nil {
		w.claim(c.id)
	}
	return c, err
}

func (w *work) card(ctx context.Context, id int64) (card, error) {
	c := card{id: id}
	err := w.get(ctx, []any{&c.points, &c.partner}, `SELECT coalesce(points, 0), partner_id FROM loyalty_card WHERE id = $1`, id)
	if err == nil {
		w.claim(id)
	}
	return c, err
}

func (w *work) claim(card int64) {
	if w.claims {
		w.world.claim(card)
		w.claimed = append(w.claimed, card)
	}
}

// settle gives a card its points, as the ORM does: with a write_date.
func (w *work) settle(ctx context.Context, c card) error {
	return w.change(ctx, tableCard,
		`UPDATE loyalty_card SET points = $2, write_uid = 2, write_date = now() AT TIME ZONE 'UTC' WHERE id = $1`, c.id, c.points)
}

// price draws the points of a purchase, like the function of this name in helpers.sql.
func price(rng *rand.Rand) float64 {
	sort, v := rng.Float64(), rng.Float64()
	switch {
	case sort < 0.35:
		return math.Round(5 + v*495)
	case sort < 0.75:
		return math.Round(100+v*25000) / 100
	case sort < 0.90:
		return math.Round(1+v*999) / 10
	case sort < 0.97:
		return math.Round((1+v*300)/3*1e6) / 1e6
	default:
		return math.Round(1+v*6) / 10
	}
}

// origin names an order. The number is not in sequence, as two sessions would need one.
func origin(rng *rand.Rand) string {
	shops := []string{"POS/", "POS/", "POS/", "S/", "S/", "Shop//"}
	return fmt.Sprintf("%s%08x", shops[rng.IntN(len(shops))], rng.Uint32())
}
