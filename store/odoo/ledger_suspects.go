package odoo

import (
	"context"
	"fmt"
	"math"

	"ferry/engine"
	"ferry/engine/entity"
	"ferry/engine/pgcopy"
	"ferry/store/sqlstate"
)

// balance is what the ledger of one card adds up to, in floats.
type balance struct {
	lines bool    // it has any
	line  int64   // the latest of them
	last  float64 // the balance of that
	rest  float64 // sum of what remains of active moves
	size  float64 // sum of the same without their signs, by which the error of rest is bounded
	moves int64   // all of them
}

// agrees reports whether a card's balances surely agree as decimals, which floats can say for nearly all cards.
//
// An amount and its shortest decimal differ by at most half a unit in its last place, and so does each addition: together by
// less than 1.2e-16 × (moves + 2) × the largest sum, which the bound keeps below 1.2e-7. So decimals that are more than 1e-6
// apart never pass. What is no finite number fails every comparison.
func (b *balance) agrees(points float64) bool {
	const within, bound = 5e-7, 1e9
	if b.lines && !(math.Abs(points)+math.Abs(b.last) < bound && math.Abs(points-b.last) <= within) {
		return false
	}
	if b.moves == 0 {
		return true
	}
	return float64(b.moves+2)*(math.Abs(points)+b.size) < bound && math.Abs(points-b.rest) <= within
}

// suspects gives, in no order, the cards of a range whose balances may disagree: all that do, and few others.
//
// The server only reads and sends. To group five million lines it would need a table of a hundred megabytes, or sort them on
// its disk, and take three times as long; here a card takes 48 bytes.
func (s *Snapshot) suspects(ctx context.Context, low, high int64) ([]int64, error) {
	all := make([]balance, high-low)
	of := func(card int64) *balance { return &all[card-low-1] }
	err := s.amounts(ctx, entity.History, "loyalty_card_id", "points_balance", "%s", low, high, func(card, line int64, amount float64) {
		if b := of(card); !b.lines || line > b.line {
			b.lines, b.line, b.last = true, line, amount
		}
	})
	if err != nil {
		return nil, err
	}
	const active = "CASE WHEN state = 'active' THEN %s END"
	err = s.amounts(ctx, entity.Move, "loyalty_card_id", "remaining_point", active, low, high, func(card, _ int64, amount float64) {
		b := of(card)
		b.moves++
		b.rest += amount
		b.size += math.Abs(amount)
	})
	if err != nil {
		return nil, err
	}
	var out []int64
	err = s.amounts(ctx, entity.Card, "id", "points", "%s", low, high, func(card, _ int64, points float64) {
		if !of(card).agrees(points) {
			out = append(out, card)
		}
	})
	return out, err
}

// amounts reads an amount of all rows of the cards of a range, in no order; no amount is 0. As says what the amount is made of.
func (s *Snapshot) amounts(
	ctx context.Context, e *entity.Entity, card, column, as string, low, high int64, each func(card, id int64, amount float64),
) error {
	wire, err := s.wire(ctx, e, column)
	if err != nil {
		return err
	}
	split := pgcopy.NewSplitter(func(fields [][]byte) error {
		owner, err := pgcopy.Int(fields[0])
		if err != nil {
			return err
		}
		id, err := pgcopy.Int(fields[1])
		if err != nil || fields[2] == nil {
			each(owner, id, 0)
			return err
		}
		amount, err := pgcopy.Float8(fields[2])
		each(owner, id, amount)
		return err
	})
	sql := "COPY (SELECT " + card + "::bigint, id::bigint, " + fmt.Sprintf(as, float(wire, column)) + " FROM " + table(e) +
		" WHERE " + above(card, low, high) + ") TO STDOUT (FORMAT binary)"
	if _, err := s.conn.Conn().PgConn().CopyTo(ctx, split, sql); err != nil {
		return s.failed(ctx, "reading balances", e, err)
	}
	return sqlstate.Wrap(engine.SideSource, "reading balances", split.Close())
}

// float is a column as a float. What may be out of a float's range must not fail the statement.
func float(wire entity.Wire, column string) string {
	switch wire {
	case entity.WireFloat8:
		return column
	case entity.WireInt, entity.WireInt8:
		return column + "::float8"
	case entity.WireNumeric:
		return "CASE WHEN abs(" + column + ") < 100000000000 THEN " + column + "::float8 WHEN " + column + " IS NOT NULL THEN 'NaN'::float8 END"
	case entity.WireAbsent, entity.WireText, entity.WireTime:
	}
	return "'NaN'::float8"
}
