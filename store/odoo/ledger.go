package odoo

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"ferry/engine"
	"ferry/engine/check"
	"ferry/engine/entity"
	"ferry/store/sqlstate"
)

var _ check.LedgerSource = (*DB)(nil)

// ledgerLimit is how long the comparison of a range of cards may keep its transaction open.
const ledgerLimit = 9 * time.Second

// Drifted compares the balances of the cards with ids above low up to high.
//
// Neither history nor moves have an index on the card. So each is scanned once for the cards that may have drifted; of those the
// server compares the amounts as the decimals that it writes, which are the shortest that name the float.
func (db *DB) Drifted(ctx context.Context, low, high int64) (check.LedgerRange, error) {
	ctx, cancel := context.WithTimeout(ctx, ledgerLimit)
	defer cancel()
	var out check.LedgerRange
	s, err := db.cards(ctx)
	if err != nil {
		return out, err
	}
	defer s.Close() //nolint:contextcheck // it ends whatever becomes of the context
	// However wide the range, there is nothing beside its cards.
	var first, last int64
	err = s.tx.QueryRow(ctx, `SELECT count(*), coalesce(min(id), 1), coalesce(max(id), 0),
			NOT EXISTS (SELECT FROM public.loyalty_card WHERE id > $2::bigint) FROM public.loyalty_card
		WHERE id > $1::bigint AND id <= $2::bigint`, low, high).Scan(&out.Cards, &first, &last, &out.Last)
	if err != nil {
		return out, s.failed(ctx, "counting cards", entity.Card, err)
	}
	if out.Cards == 0 {
		return out, nil
	}
	suspects, err := s.suspects(ctx, first-1, last)
	if err != nil || len(suspects) == 0 {
		return out, err
	}
	out.Drifted, err = s.drifted(ctx, suspects)
	return out, err
}

// cards begins a snapshot in which amounts are written as the shortest decimals, whatever the server is set to.
func (db *DB) cards(ctx context.Context) (*Snapshot, error) {
	began, err := db.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	s := began.(*Snapshot) //nolint:forcetypeassert,errcheck // it is ours
	// (To compile the comparison takes longer than to compare.)
	if _, err := s.tx.Exec(ctx, `SELECT set_config('extra_float_digits', '1', true), set_config('jit', 'off', true)`); err != nil {
		s.Close() //nolint:contextcheck // see above
		return nil, sqlstate.Wrap(engine.SideSource, "beginning a snapshot", err)
	}
	return s, nil
}

func (s *Snapshot) failed(ctx context.Context, doing string, e *entity.Entity, err error) error {
	return sqlstate.Wrap(engine.SideSource, doing, s.withHolders(ctx, e, err))
}

// noNumber is the condition that a text is an amount, but no finite number.
func noNumber(text string) string { return text + ` IN ('NaN', 'Infinity', '-Infinity')` }

// disagree is the condition that two amounts, as text, disagree; no amount is 0. It is what check.Drifts says.
func disagree(a, b string) string {
	a, b = `coalesce(`+a+`, '0')`, `coalesce(`+b+`, '0')`
	return `CASE WHEN ` + noNumber(a) + ` OR ` + noNumber(b) + ` THEN true WHEN ` + a + ` = ` + b + ` THEN false
		ELSE abs(` + a + `::numeric - ` + b + `::numeric) > 0.000001 END`
}

// finite is the condition that a column holds a finite number. NaN is above every number.
func finite(wire entity.Wire, column string) string {
	if wire == entity.WireNumeric { // servers before 14 know no infinite one, nor how to read one
		return `NOT ` + noNumber(column+`::text`)
	}
	return `(` + column + ` > '-Infinity' AND ` + column + ` < 'Infinity')`
}

// sumActive sums up what remains of active moves, as text: exactly if all are finite, else as floats do. 0 where none is active.
func sumActive(wire entity.Wire) string {
	is := finite(wire, "rest")
	return `coalesce((sum(rest) FILTER (WHERE NOT ` + is + `))::text, (sum(rest::text::numeric) FILTER (WHERE ` + is + `))::text, '0')`
}

// drifted gives those of some cards whose balances disagree, and whether the running balance breaks at one of their lines: both
// in one more scan of history.
func (s *Snapshot) drifted(ctx context.Context, cards []int64) ([]engine.LedgerCard, error) {
	wire, err := s.wire(ctx, entity.Move, "remaining_point")
	if err != nil {
		return nil, err
	}
	rows, err := s.tx.Query(ctx, `
		WITH history AS (
			SELECT id, loyalty_card_id, points_amount, points_balance, transaction_time, origin, point_move_id FROM public.loyalty_point_history
			WHERE loyalty_card_id IN (SELECT unnest($1::bigint[]))),
		lines AS (
			SELECT DISTINCT ON (loyalty_card_id) loyalty_card_id AS card, points_balance AS last FROM history ORDER BY loyalty_card_id, id DESC),
		broken AS (SELECT DISTINCT card FROM `+runningLines(`history`)+` l WHERE broken),
		rests AS (
			SELECT card, `+sumActive(wire)+` AS moves FROM (
				SELECT loyalty_card_id AS card, CASE WHEN state = 'active' THEN remaining_point END AS rest FROM public.loyalty_point_move
				WHERE loyalty_card_id IN (SELECT unnest($1::bigint[]))) m
			GROUP BY 1),
		balances AS (
			SELECT c.id::bigint, c.code::text, c.points::text AS points, l.card IS NOT NULL AS has_lines, l.last::text, r.card IS NOT NULL AS has_moves, r.moves
			FROM public.loyalty_card c LEFT JOIN lines l ON l.card = c.id LEFT JOIN rests r ON r.card = c.id
			WHERE c.id IN (SELECT unnest($1::bigint[])) OFFSET 0)
		SELECT id, code, points, has_lines, coalesce(last, '0'), has_moves, coalesce(moves, '0'), id IN (SELECT card FROM broken) FROM balances
		WHERE has_lines AND `+disagree("points", "last")+` OR has_moves AND `+disagree("points", "moves")+` ORDER BY id`, cards)
	if err != nil {
		return nil, s.failed(ctx, "comparing balances", entity.History, err)
	}
	out, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (engine.LedgerCard, error) {
		var c engine.LedgerCard
		var points, last, moves *string
		var lines, hasMoves, broken bool
		err := row.Scan(&c.Card, &c.Code, &points, &lines, &last, &hasMoves, &moves, &broken)
		c.Points = maybe(points)
		if lines {
			c.Last = maybe(last)
		}
		if hasMoves {
			c.Moves = maybe(moves)
		}
		c.Drifts, c.Size = check.Drifts(c.Points, c.Last, c.Moves)
		if broken {
			c.Drifts = append(c.Drifts, engine.DriftRunning)
		}
		return c, err //nolint:wrapcheck // classed below
	})
	return out, s.failed(ctx, "comparing balances", entity.History, err)
}

func maybe[T any](v *T) engine.Maybe[T] {
	if v == nil {
		return engine.Maybe[T]{}
	}
	return engine.Known(*v)
}

// wire is how this source stores a column.
func (s *Snapshot) wire(ctx context.Context, e *entity.Entity, column string) (entity.Wire, error) {
	shape, err := s.shape(ctx, e)
	if err != nil {
		return entity.WireAbsent, err
	}
	for i, c := range e.Columns {
		if c.Source == column {
			return shape[i], nil
		}
	}
	return entity.WireAbsent, fmt.Errorf("%s has no column %s", e.Name, column)
}

// runningLines are the lines of some cards, from what is like the table of them, with the balance before each, and whether the line
// breaks the running balance: its own balance is not the one before plus its amount. It is what check.Run says. Nothing is said of
// a card's first line.
func runningLines(from string) string {
	amount, before := `coalesce(amount, '0')`, `coalesce(before, '0')`
	sum := `(CASE WHEN ` + noNumber(amount) + ` OR ` + noNumber(before) + ` THEN 'NaN' ELSE (` + before + `::numeric + ` + amount + `::numeric)::text END)`
	return `(SELECT id, card, amount, balance, before, place, transaction_time, origin, move, place > 1 AND ` + disagree(sum, "balance") + ` AS broken FROM (
			SELECT id::bigint, loyalty_card_id::bigint AS card, points_amount::text AS amount, points_balance::text AS balance,
				lag(points_balance::text) OVER w AS before, row_number() OVER w AS place,
				CASE WHEN isfinite(transaction_time) THEN transaction_time END AS transaction_time, origin::text AS origin, point_move_id::bigint AS move
			FROM ` + from + ` WINDOW w AS (PARTITION BY loyalty_card_id ORDER BY id)) h)`
}

// LedgerCost says in words what reading one card's ledger costs at the source.
func (s *Snapshot) LedgerCost(ctx context.Context) (string, error) {
	var rows float64
	var scans []string
	for _, e := range []*entity.Entity{entity.History, entity.Move} {
		var estimate float64
		var indexed bool
		err := s.tx.QueryRow(ctx, `SELECT greatest(c.reltuples, 0), EXISTS (SELECT FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid
				AND a.attnum = i.indkey[0] WHERE i.indrelid = c.oid AND i.indisvalid AND i.indpred IS NULL AND a.attname = 'loyalty_card_id')
			FROM pg_class c WHERE c.oid = to_regclass('public.' || quote_ident($1))`, e.Name).Scan(&estimate, &indexed)
		if err != nil {
			return "", s.failed(ctx, "asking what a scan costs", e, err)
		}
		if !indexed {
			rows += estimate
			scans = append(scans, e.Name)
		}
	}
	if len(scans) == 0 {
		return "read by an index on the card", nil
	}
	return check.ScanCost(rows) + ": " + "no index on the card in " + strings.Join(scans, " and "), nil
}
