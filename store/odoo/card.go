package odoo

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"ferry/engine"
	"ferry/engine/check"
	"ferry/engine/entity"
)

var (
	_ check.CardSource   = (*DB)(nil)
	_ check.CardSnapshot = (*Snapshot)(nil)
)

// CardSnapshot begins a transaction that sees one state of the source.
func (db *DB) CardSnapshot(ctx context.Context) (check.CardSnapshot, error) {
	s, err := db.cards(ctx)
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Raw gives the columns of a row as the source writes them.
func (s *Snapshot) Raw(ctx context.Context, e *entity.Entity, id int64) (map[string]engine.Maybe[string], error) {
	shape, err := s.shape(ctx, e)
	if err != nil {
		return nil, err
	}
	var names, list []string
	for i, c := range e.Columns {
		if shape[i] != entity.WireAbsent {
			names = append(names, c.Source)
			list = append(list, pgx.Identifier{c.Source}.Sanitize()+"::text")
		}
	}
	values := make([]*string, len(names))
	into := make([]any, len(names))
	for i := range values {
		into[i] = &values[i]
	}
	err = s.tx.QueryRow(ctx, `SELECT `+strings.Join(list, ", ")+` FROM `+table(e)+` WHERE id = $1::bigint`, id).Scan(into...)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil, nil //nolint:nilnil // no such row is an answer
	}
	if err != nil {
		return nil, s.failed(ctx, "reading a row of "+e.Name, e, err)
	}
	out := make(map[string]engine.Maybe[string], len(names))
	for i, name := range names {
		out[name] = maybe(values[i])
	}
	return out, nil
}

// codeSearch is how long cards may be looked for by a code that is spelled otherwise: that reads every card.
const codeSearch = 2 * time.Second

// mostOwners bounds how many cards of one code are looked at.
const mostOwners = 100

// CodeOwners gives the ids of the cards whose codes clean to the first spelling. Exact spellings are found by the unique index
// that Odoo has on codes; others by upper() over all cards, which does what cleaning does but for a few letters of a few languages.
func (s *Snapshot) CodeOwners(ctx context.Context, spellings []string) (ids []int64, whole bool, err error) {
	ids, err = codeOwners(ctx, s.tx, spellings[0], `code = ANY($1)`, spellings)
	if err != nil {
		return nil, false, s.failed(ctx, "looking for a code", entity.Card, err)
	}
	var others []int64
	err = s.limited(ctx, codeSearch, func(inner pgx.Tx) error {
		others, err = codeOwners(ctx, inner, spellings[0], `upper(btrim(code, $2)) = $1`, spellings[0], whiteSpace)
		return err
	})
	if isTimeout(err) {
		return ids, false, nil
	}
	if err != nil {
		return nil, false, s.failed(ctx, "looking for a code", entity.Card, err)
	}
	ids = append(ids, others...)
	slices.Sort(ids)
	return slices.Compact(ids), true, nil
}

// whiteSpace is what cleaning trims.
const whiteSpace = "\t\n\v\f\r \u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000"

func codeOwners(ctx context.Context, db querier, cleaned, which string, args ...any) ([]int64, error) {
	rows, err := db.Query(ctx, `SELECT id::bigint, code::text FROM public.loyalty_card WHERE `+which+` ORDER BY id LIMIT `+strconv.Itoa(mostOwners), args...)
	if err != nil {
		return nil, err
	}
	var out []int64
	var id int64
	var code string
	_, err = pgx.ForEachRow(rows, []any{&id, &code}, func() error {
		if entity.CleanCode(code) == cleaned {
			out = append(out, id)
		}
		return nil
	})
	return out, err //nolint:wrapcheck // the caller classes it
}

func orZero(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

// CardLedger reads a card's ledger.
func (s *Snapshot) CardLedger(ctx context.Context, id int64, limit int) (*check.CardLedger, error) {
	wire, err := s.wire(ctx, entity.Move, "remaining_point")
	if err != nil {
		return nil, err
	}
	out := &check.CardLedger{}
	var moves *string
	err = s.tx.QueryRow(ctx, `SELECT CASE WHEN count(*) > 0 THEN `+sumActive(wire)+` END FROM (
			SELECT CASE WHEN state = 'active' THEN remaining_point END AS rest FROM public.loyalty_point_move WHERE loyalty_card_id = $1) m`, id).Scan(&moves)
	if err != nil {
		return nil, s.failed(ctx, "summing up moves", entity.Move, err)
	}
	out.Moves = maybe(moves)
	rows, err := s.tx.Query(ctx, `SELECT id, transaction_time, amount, balance, before, place, broken, coalesce(origin, ''), move,
			count(*) OVER (), min(id) FILTER (WHERE broken) OVER ()
		FROM `+runningLines(`public.loyalty_point_history WHERE loyalty_card_id = $1`)+` l ORDER BY id DESC LIMIT $2`, id, limit)
	if err != nil {
		return nil, s.failed(ctx, "reading a card's ledger", entity.History, err)
	}
	var before *string
	var place int64
	out.Lines, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (engine.CardLine, error) {
		var line engine.CardLine
		var amount, balance *string
		var at *time.Time
		var broken bool
		var move, first *int64
		err := row.Scan(&line.ID, &at, &amount, &balance, &before, &place, &broken, &line.Origin, &move, &out.Total, &first)
		line.At, line.Amount, line.Balance, line.Move, line.Broken = orZero(at), maybe(amount), maybe(balance), maybe(move), broken
		out.First = maybe(first)
		return line, err //nolint:wrapcheck // classed below
	})
	if err != nil {
		return nil, s.failed(ctx, "reading a card's ledger", entity.History, err)
	}
	if len(out.Lines) > 0 {
		out.Last = engine.Known(out.Lines[0].Balance.Or("0"))
		check.Run(out.Lines, maybe(before), place > 1) // of the oldest one that was read
	}
	return out, nil
}
