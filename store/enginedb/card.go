package enginedb

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"ferry/engine"
	"ferry/engine/check"
	"ferry/engine/entity"
	"ferry/store/sqlstate"
)

var _ check.CardEngine = (*DB)(nil)

// CardInEngine finds a card and reads everything about it from one state of the engine.
func (db *DB) CardInEngine(ctx context.Context, id int64, code string) (*check.CardHere, error) {
	h := &check.CardHere{}
	err := pgx.BeginTxFunc(ctx, db.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		found, others, err := findCard(ctx, tx, id, code)
		if err != nil || found == 0 && id == 0 {
			return err
		}
		h.ID, h.Others = cmp.Or(found, id), others
		for _, read := range []func(context.Context, pgx.Tx, *check.CardHere) error{
			readCardRow, readCardQuarantine, readCardExtra, readCardLines, readCardMoves, readCardDiscrepancies, readCardLedger, readCardFloor,
		} {
			if err := read(ctx, tx, h); err != nil {
				return err
			}
		}
		h.ID = found
		return nil
	})
	return h, sqlstate.Wrap(engine.SideTarget, "reading a card", err)
}

// findCard finds who is meant: by id if the engine knows it, else whoever holds the cleaned code, else the lowest of those that
// claim it. Others are the rest of those that hold or claim the code.
func findCard(ctx context.Context, tx pgx.Tx, id int64, code string) (found int64, others []int64, err error) {
	if id > 0 {
		var known bool
		err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM public.loyalty_cards WHERE id = $1)
				OR EXISTS (SELECT FROM ferry.quarantine WHERE entity = 'loyalty_card' AND source_id = $1)
				OR EXISTS (SELECT FROM ferry.ledger WHERE card = $1), coalesce(
				(SELECT claim FROM ferry.quarantine WHERE entity = 'loyalty_card' AND source_id = $1 AND state IN `+openStates+`),
				(SELECT code FROM public.loyalty_cards WHERE id = $1), $2)`, id, code).Scan(&known, &code)
		if err != nil {
			return 0, nil, err
		}
		if known {
			found = id
		}
	}
	if code == "" {
		return found, nil, nil
	}
	rows, err := tx.Query(ctx, `SELECT id FROM public.loyalty_cards WHERE code = $1
		UNION ALL (SELECT source_id FROM ferry.quarantine WHERE entity = 'loyalty_card' AND claim = $1 AND state IN `+openStates+`
			AND NOT EXISTS (SELECT FROM public.loyalty_cards WHERE code = $1 AND id = source_id) ORDER BY source_id LIMIT 100)`, code)
	if err != nil {
		return 0, nil, err
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	for _, other := range ids {
		switch {
		case found == 0:
			found = other
		case other != found:
			others = append(others, other)
		}
	}
	return found, others, err
}

// canonical is a column of the engine as text, in the form in which entity.Describe says the source's.
func canonical(c entity.Column) string {
	name := "t." + ident(c.Target)
	if c.Kind != entity.KindTime {
		return name + "::text"
	}
	return `CASE WHEN isfinite(` + name + `) THEN to_json(` + name + ` AT TIME ZONE 'UTC') #>> '{}' || 'Z' ELSE ` + name + `::text END`
}

// readCopies reads rows of the engine that have an Odoo id, with their mapped columns as canonical text.
func readCopies(ctx context.Context, tx pgx.Tx, e *entity.Entity, rest string, args ...any) ([]check.Copy, error) {
	var names, list []string
	for _, c := range e.Columns {
		if c.Target != "" {
			names, list = append(names, c.Target), append(list, canonical(c))
		}
	}
	for _, p := range e.Parents {
		if p.Link != "" {
			parent, ok := entity.Find(p.Entity)
			if !ok {
				continue
			}
			names = append(names, p.Link, check.Linked)
			list = append(list, "t."+ident(p.Link)+"::text", `(SELECT p.id::text FROM `+public(parent)+` p WHERE p.id = t.`+
				ident(e.Columns[p.Column].Target)+` AND p.`+ident(parent.OdooID)+` IS NOT NULL)`)
		}
	}
	rows, err := tx.Query(ctx, `SELECT t.id, `+ownedBy(e, "t")+`, `+strings.Join(list, ", ")+` FROM `+public(e)+` t
		WHERE t.`+ident(e.OdooID)+` IS NOT NULL AND `+rest, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (check.Copy, error) {
		c := check.Copy{Fields: make(map[string]engine.Maybe[string], len(names))}
		values := make([]*string, len(names))
		into := []any{&c.ID, &c.Owned}
		for i := range values {
			into = append(into, &values[i])
		}
		err := row.Scan(into...)
		for i, name := range names {
			c.Fields[name] = maybe(values[i])
		}
		return c, err
	})
}

// readCardRow reads the card's row, and the points that its ledger in the engine says; see settlePoints.
func readCardRow(ctx context.Context, tx pgx.Tx, h *check.CardHere) error {
	copies, err := readCopies(ctx, tx, entity.Card, "t.id = $1", h.ID)
	if err != nil {
		return err
	}
	if len(copies) > 0 {
		h.InEngine, h.Copy = true, copies[0]
	}
	var points, last *string
	err = tx.QueryRow(ctx, `SELECT c.points::text, c.odoo_card_id IS NULL, `+incomplete+`, h.id, h.balance
		FROM public.loyalty_cards c LEFT JOIN LATERAL (SELECT odoo_history_id AS id, points_balance::text AS balance FROM public.point_history
			WHERE loyalty_card_id = c.id AND odoo_history_id IS NOT NULL ORDER BY odoo_history_id DESC LIMIT 1) h ON true
		WHERE c.id = $1`, h.ID).Scan(&points, &h.Own, &h.Incomplete, &h.LastLine, &last)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	h.Points, h.Last = maybe(points), maybe(last)
	return err
}

// readCardQuarantine reads the card's entry in quarantine, or what is left of an earlier one.
func readCardQuarantine(ctx context.Context, tx pgx.Tx, h *check.CardHere) error {
	rows, err := tx.Query(ctx, `SELECT `+quarantineValues(`ANY($2)`)+`, q.run_id
		FROM ferry.quarantine q WHERE q.entity = 'loyalty_card' AND q.source_id = $1`, h.ID, entityNames())
	if err != nil {
		return err
	}
	q, err := pgx.CollectOneRow(rows, func(row pgx.CollectableRow) (engine.QuarantineRow, error) { return scanQuarantined(row, []any{&h.Run}) })
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil
	case err != nil:
		return err
	}
	switch q.State {
	case "open", "waiting_parent", "waived":
		h.Quarantine = &q
	default:
		h.Past = &q
	}
	return nil
}

func readCardExtra(ctx context.Context, tx pgx.Tx, h *check.CardHere) error {
	var x check.CardExtra
	err := tx.QueryRow(ctx, `SELECT run_id, found_at, kept FROM ferry.extra WHERE entity = 'loyalty_card' AND id = $1`, h.ID).Scan(&x.Run, &x.FoundAt, &x.Kept)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	x.FoundAt = x.FoundAt.UTC()
	h.Extra = &x
	return err
}

// readCardLines reads the newest lines of the card's ledger: the engine's, and those of its history that are in quarantine.
func readCardLines(ctx context.Context, tx pgx.Tx, h *check.CardHere) error {
	var err error
	if h.Lines, err = readCopies(ctx, tx, entity.History, `t.loyalty_card_id = $1 ORDER BY t.odoo_history_id DESC LIMIT $2`,
		h.ID, engine.LinesShown); err != nil {
		return err
	}
	if h.Refused, err = readRefused(ctx, tx, entity.History, h.ID); err != nil {
		return err
	}
	return tx.QueryRow(ctx, `SELECT count(*) + (SELECT count(*) FROM ferry.quarantine
			WHERE entity = 'loyalty_point_history' AND parent_entity = 'loyalty_card' AND parent_id = $1 AND NOT stale AND state IN `+openStates+`)
		FROM public.point_history WHERE loyalty_card_id = $1 AND odoo_history_id IS NOT NULL`, h.ID).Scan(&h.LinesTotal)
}

// readCardMoves reads the newest moves of the card, and those in quarantine.
func readCardMoves(ctx context.Context, tx pgx.Tx, h *check.CardHere) error {
	var err error
	if h.Moves, err = readCopies(ctx, tx, entity.Move, `t.loyalty_card_id = $1 ORDER BY t.odoo_move_id DESC LIMIT $2`, h.ID, engine.LinesShown); err != nil {
		return err
	}
	if h.RefusedMoves, err = readRefused(ctx, tx, entity.Move, h.ID); err != nil {
		return err
	}
	var sum *string
	err = tx.QueryRow(ctx, `SELECT count(*), count(*) FILTER (WHERE state = 'active'),
			CASE WHEN count(*) > 0 THEN coalesce(sum(remaining_point) FILTER (WHERE state = 'active'), 0)::text END
		FROM public.point_moves WHERE loyalty_card_id = $1 AND odoo_move_id IS NOT NULL`, h.ID).Scan(&h.MovesTotal, &h.MovesActive, &sum)
	h.MovesSum = maybe(sum)
	return err
}

// readRefused reads the newest of a card's rows that are in quarantine.
func readRefused(ctx context.Context, tx pgx.Tx, e *entity.Entity, card int64) ([]check.Refused, error) {
	rows, err := tx.Query(ctx, `SELECT source_id, reason, detail, stale, payload FROM ferry.quarantine
		WHERE entity = $1 AND parent_entity = 'loyalty_card' AND parent_id = $2 AND state IN `+openStates+`
		ORDER BY source_id DESC LIMIT $3`, e.Name, card, engine.LinesShown)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[check.Refused])
}

// readCardDiscrepancies reads what the checks have found of the card, its moves and its lines.
func readCardDiscrepancies(ctx context.Context, tx pgx.Tx, h *check.CardHere) error {
	open := make([]string, len(engine.OpenDiscrepancy))
	for i, state := range engine.OpenDiscrepancy {
		open[i] = string(state)
	}
	rows, err := tx.Query(ctx, `SELECT id, entity, row_id, field, source, expected, target, cause, state, found_run, found_at, seen_run, seen_at,
			settled_at, ack_by, ack_note, ack_at, ack_until, coalesce(repaired_run, 0), repaired_at
		FROM ferry.discrepancy d WHERE state = ANY($2) AND (entity = 'loyalty_card' AND row_id = $1
			OR entity = 'loyalty_point_move' AND row_id IN (SELECT odoo_move_id FROM public.point_moves WHERE loyalty_card_id = $1)
			OR entity = 'loyalty_point_history' AND row_id IN (SELECT odoo_history_id FROM public.point_history WHERE loyalty_card_id = $1))
		ORDER BY entity, row_id, field LIMIT $3`, h.ID, open, engine.LinesShown)
	if err != nil {
		return err
	}
	h.Discrepancies, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (engine.Discrepancy, error) {
		var d engine.Discrepancy
		var source, expected, target *string
		var settled, acked, until, repaired *time.Time
		err := row.Scan(&d.ID, &d.Entity, &d.Row, &d.Field, &source, &expected, &target, &d.Cause, &d.State, &d.FoundRun, &d.FoundAt, &d.SeenRun,
			&d.SeenAt, &settled, &d.AckBy, &d.AckNote, &acked, &until, &d.RepairedRun, &repaired)
		d.Source, d.Expected, d.Target = maybe(source), maybe(expected), maybe(target)
		d.FoundAt, d.SeenAt, d.SettledAt = d.FoundAt.UTC(), d.SeenAt.UTC(), orZero(settled)
		d.AckAt, d.AckUntil, d.RepairedAt = orZero(acked), orZero(until), orZero(repaired)
		return d, err
	})
	return err
}

// readCardLedger reads what the last look at Odoo's ledger found of the card.
func readCardLedger(ctx context.Context, tx pgx.Tx, h *check.CardHere) error {
	var looked *time.Time
	err := tx.QueryRow(ctx, `SELECT max(seen_at) FROM ferry.ledger_range WHERE low < $1 AND high >= $1`, h.ID).Scan(&looked)
	h.LookedAt = orZero(looked)
	if err != nil {
		return err
	}
	rows, err := tx.Query(ctx, `SELECT `+ledgerList.values+` FROM `+ledgerList.from+` WHERE l.card = $1`, h.ID)
	if err != nil {
		return err
	}
	found, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (engine.LedgerCard, error) { return scanLedger(row, nil) })
	if len(found) > 0 {
		h.Known = &found[0]
	}
	return err
}

// readCardFloor reads from where on the last cycle may not have read each entity.
func readCardFloor(ctx context.Context, tx pgx.Tx, h *check.CardHere) error {
	rows, err := tx.Query(ctx, `SELECT DISTINCT ON (entity) entity, floor::text, read_from FROM ferry.floor ORDER BY entity, run_id DESC`)
	if err != nil {
		return err
	}
	h.Floors = map[string]check.CardFloor{}
	var name string
	var f check.CardFloor
	_, err = pgx.ForEachRow(rows, []any{&name, &f.Floor, &f.ReadFrom}, func() error {
		h.Floors[name] = check.CardFloor{Floor: f.Floor, ReadFrom: f.ReadFrom.UTC()}
		return nil
	})
	return err
}
