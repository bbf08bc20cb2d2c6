package enginedb

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"ferry/engine"
	"ferry/engine/check"
	"ferry/engine/cycle"
	"ferry/store/sqlstate"
)

var _ check.LedgerTarget = (*Target)(nil)

// incomplete is the condition that the latest history line of a card c of the engine, as the source has it, is in quarantine: its
// points then follow what Odoo's card says. It is what settlePoints goes by.
const incomplete = `coalesce((SELECT max(q.source_id) FROM ferry.quarantine q
			WHERE q.entity = 'loyalty_point_history' AND q.parent_id = c.id AND q.state IN ` + openStates + `)
		>= coalesce((SELECT max(h.odoo_history_id) FROM public.point_history h WHERE h.loyalty_card_id = c.id), 0), false)`

// KeepLedger puts what was found of a range of cards in the place of what was known of it.
func (t *Target) KeepLedger(ctx context.Context, w cycle.Work, found check.LedgerRange, took time.Duration) error {
	return t.db.inTx(ctx, "keeping what the ledger says", func(tx pgx.Tx) error {
		if err := t.db.holdBatch(ctx, tx, w.Batch); err != nil {
			return err
		}
		if err := keepLedger(ctx, tx, w, found); err != nil {
			return err
		}
		if err := t.db.advance(ctx, tx, w, engine.Counts{Read: found.Cards}, took); err != nil {
			return err
		}
		return t.complete(ctx, tx)
	})
}

// keepLedger writes the drifted cards of a range and what was counted in it. Behind the last card there is nothing: what is
// known of higher ids is of cards that are gone.
func keepLedger(ctx context.Context, tx pgx.Tx, w cycle.Work, found check.LedgerRange) error {
	_, err := tx.Exec(ctx, `DELETE FROM ferry.ledger WHERE card > $1 AND (card <= $2 OR $3)`, w.Low, w.High, found.Last)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `DELETE FROM ferry.ledger_range WHERE high > $1 AND (low < $2 OR $3)`, w.Low, w.High, found.Last)
	if err != nil {
		return err
	}
	var history, moves int64
	rows := make([][]any, len(found.Drifted))
	now := time.Now()
	if err := tx.QueryRow(ctx, `SELECT clock_timestamp()`).Scan(&now); err != nil {
		return err
	}
	for i, c := range found.Drifted {
		drifts := make([]string, len(c.Drifts))
		for k, d := range c.Drifts {
			drifts[k] = string(d)
			switch d {
			case engine.DriftHistory:
				history++
			case engine.DriftMoves:
				moves++
			case engine.DriftRunning:
			}
		}
		rows[i] = []any{c.Card, c.Code, orNull(c.Points), orNull(c.Last), orNull(c.Moves), drifts, c.Size, int64(w.Run), now}
	}
	if err := insertLedger(ctx, tx, rows); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `INSERT INTO ferry.ledger_range (low, high, cards, drifted, history, moves, incomplete, run_id, seen_at)
		SELECT $1, $2, $3, $4, $5, $6, (SELECT count(*) FROM public.loyalty_cards c JOIN (
				SELECT DISTINCT parent_id FROM ferry.quarantine WHERE entity = 'loyalty_point_history' AND parent_id > $1 AND parent_id <= $2
					AND state IN `+openStates+`) q ON q.parent_id = c.id
			WHERE c.odoo_card_id IS NOT NULL AND `+incomplete+`), $7, $8`,
		w.Low, w.High, found.Cards, len(found.Drifted), history, moves, int64(w.Run), now)
	return err
}

// insertLedger writes drifted cards, many in one go.
func insertLedger(ctx context.Context, tx pgx.Tx, rows [][]any) error {
	const chunk = 1000
	for part := range slices.Chunk(rows, chunk) {
		batch := &pgx.Batch{}
		for _, row := range part {
			batch.Queue(`INSERT INTO ferry.ledger (card, code, points, last_balance, moves, drifts, size, run_id, seen_at)
				VALUES ($1, $2, $3, $4, $5, $6, $7::text::numeric, $8, $9)`, row...)
		}
		if err := tx.SendBatch(ctx, batch).Close(); err != nil {
			return err
		}
	}
	return nil
}

func orNull(text engine.Maybe[string]) *string {
	if !text.Known {
		return nil
	}
	return &text.Value
}

// ledgerList is the list of cards whose balances disagree in Odoo.
var ledgerList = listing{
	from: `ferry.ledger l LEFT JOIN public.loyalty_cards c ON c.odoo_card_id = l.card`,
	key:  listColumn{name: "card", sql: "l.card", cast: "bigint"},
	columns: []listColumn{
		{name: "card", sql: "l.card", cast: "bigint"},
		{name: "code", sql: "l.code", cast: "text"},
		{name: "points", sql: finite("l.points"), cast: "numeric"},
		{name: "last_balance", sql: finite("l.last_balance"), cast: "numeric"},
		{name: "moves", sql: finite("l.moves"), cast: "numeric"},
		{name: "drifts", sql: "array_to_string(l.drifts, ' ')", cast: "text"},
		{name: "size", sql: "l.size", cast: "numeric"},
		{name: "engine_points", sql: "c.points", cast: "numeric"},
		{name: "seen_at", sql: "l.seen_at", cast: "timestamptz"},
	},
	values: `l.card, l.code, l.points, l.last_balance, l.moves, l.drifts, l.size::text, c.points::text, ` + incomplete + `, l.run_id, l.seen_at`,
}

// finite is an amount as a number, so that amounts sort as numbers: what is none, or infinite, counts as NaN, which is above
// every number.
func finite(column string) string {
	return `CASE WHEN ` + column + ` IS NULL THEN NULL WHEN ` + column + ` ~ '^[-+0-9.eE]+$' THEN ` + column + `::numeric ELSE 'NaN' END`
}

// LedgerCards lists cards whose balances disagree in Odoo.
func (db *DB) LedgerCards(ctx context.Context, which engine.LedgerSelection, l engine.Listing) (engine.Page[engine.LedgerCard], error) {
	var page engine.Page[engine.LedgerCard]
	list := ledgerList
	list.where, list.args = `($1 = '' OR $1 = ANY(l.drifts)) AND (NOT $2 OR `+incomplete+`)`, []any{string(which.Drift), which.Incomplete}
	err := pgx.BeginTxFunc(ctx, db.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) (err error) {
		page, err = readPage(ctx, tx, list, which.Filter, l, scanLedger)
		return err
	})
	return page, sqlstate.Wrap(engine.SideTarget, "listing the ledger", err)
}

func scanLedger(row pgx.CollectableRow, cursor []any) (engine.LedgerCard, error) {
	var c engine.LedgerCard
	var points, last, moves, here *string
	var drifts []string
	err := row.Scan(append([]any{&c.Card, &c.Code, &points, &last, &moves, &drifts, &c.Size, &here, &c.Waiting, &c.SeenRun, &c.SeenAt}, cursor...)...)
	c.Points, c.Last, c.Moves, c.Engine, c.SeenAt = maybe(points), maybe(last), maybe(moves), maybe(here), c.SeenAt.UTC()
	for _, d := range drifts {
		c.Drifts = append(c.Drifts, engine.Drift(d))
	}
	if err != nil {
		return c, fmt.Errorf("reading a card of the ledger: %w", err)
	}
	return c, nil
}

// readLedger sums up what the last looks at the ledger counted; nothing is known before the first.
func readLedger(ctx context.Context, tx pgx.Tx, s *engine.Snapshot) error {
	var ranges, cards, drifted, history, moves, waiting int64
	var run *int64
	var at *time.Time
	err := tx.QueryRow(ctx, `SELECT count(*), coalesce(sum(cards), 0)::bigint, coalesce(sum(drifted), 0)::bigint, coalesce(sum(history), 0)::bigint,
			coalesce(sum(moves), 0)::bigint, coalesce(sum(incomplete), 0)::bigint, max(run_id), max(seen_at) FROM ferry.ledger_range`).
		Scan(&ranges, &cards, &drifted, &history, &moves, &waiting, &run, &at)
	if err != nil || ranges == 0 {
		return err
	}
	s.Ledger = engine.LedgerView{
		Cards: engine.Known(cards), Drifted: engine.Known(drifted), History: engine.Known(history), Moves: engine.Known(moves),
		Incomplete: engine.Known(waiting), Run: engine.RunID(*run), At: orZero(at),
	}
	return nil
}
