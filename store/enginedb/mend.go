package enginedb

import (
	"context"
	"strconv"

	"github.com/jackc/pgx/v5"

	"ferry/engine"
	"ferry/engine/cycle"
	"ferry/engine/entity"
)

// Following gives what the points of cards are, and what they should be by the engine's ledger.
func (l *load) Following(ctx context.Context, e *entity.Entity, ids []int64) ([]cycle.Follower, error) {
	const doing = "reading what points follow from"
	if e != entity.Card || len(ids) == 0 {
		return nil, nil // no other entity has derived columns
	}
	rows, err := l.tx.Query(ctx, `SELECT c.id, 'points', c.points::text, s.points::numeric(18,2)::text, s.own, s.owned
		FROM public.loyalty_cards c JOIN (`+settledPoints(cards{where: `c.id = ANY($1)`})+`) s ON s.id = c.id ORDER BY c.id`, ids)
	if err != nil {
		return nil, wrap(doing, err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowToStructByPos[cycle.Follower])
	return out, wrap(doing, err)
}

// LockRows keeps others from writing rows until the transaction ends.
func (l *load) LockRows(ctx context.Context, e *entity.Entity, ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	_, err := l.tx.Exec(ctx, `SELECT FROM `+public(e)+` WHERE id = ANY($1) ORDER BY id FOR NO KEY UPDATE`, ids)
	return wrap("locking rows of "+e.Target, err)
}

// PlanItems gives the items of the run's plan that are about rows of a scope, in id order, with their state as it is now and
// the outcome that the plan gave them.
func (l *load) PlanItems(ctx context.Context, e *entity.Entity, of cycle.Scope) ([]engine.RepairItem, error) {
	condition, args := inScope("row_id", of)
	args = append(append([]any{e.Name}, args...), l.w.Run)
	out, err := readItems(ctx, l.tx, `state, note`, `entity = $1 AND `+condition+` AND plan_id = (SELECT id FROM ferry.repair_plan WHERE run_id = $`+
		strconv.Itoa(len(args))+`) ORDER BY row_id`, args...)
	return out, wrap("reading the repair's plan", err)
}

// KeepItems stores what became of items. What was applied is repaired: proven only once a check has seen it.
func (l *load) KeepItems(ctx context.Context, e *entity.Entity, items []engine.RepairItem) error {
	if len(items) == 0 {
		return nil
	}
	n := len(items)
	ids, states, outcomes, actions := make([]int64, n), make([]string, n), make([]string, n), make([]string, n)
	for i, it := range items {
		ids[i], states[i], outcomes[i], actions[i] = it.Row, string(it.State), it.Outcome, string(it.Action)
	}
	_, err := l.tx.Exec(ctx, `UPDATE ferry.repair_item i SET state = f.state, outcome = f.outcome
		FROM ferry.repair_plan p, unnest($3::bigint[], $4::text[], $5::text[]) AS f (id, state, outcome)
		WHERE p.run_id = $1 AND i.plan_id = p.id AND i.entity = $2 AND i.row_id = f.id`, l.w.Run, e.Name, ids, states, outcomes)
	if err != nil {
		return wrap("keeping what became of the plan", err)
	}
	_, err = l.tx.Exec(ctx, `UPDATE ferry.discrepancy d SET state = 'repaired', repaired_run = $1, repaired_at = clock_timestamp()
		FROM unnest($3::bigint[], $4::text[], $5::text[]) AS f (id, state, action)
		WHERE d.entity = $2 AND d.row_id = f.id AND f.state = 'applied' AND (d.state = 'settled' OR d.state = 'explained' AND f.action = 'delete')
			AND (f.action <> 'settle' OR d.field = ANY($6))`, l.w.Run, e.Name, ids, states, actions, derivedColumns(e))
	return wrap("keeping which discrepancies are repaired", err)
}

// Kept says of extras that were to be deleted why they stay.
func (l *load) Kept(ctx context.Context, e *entity.Entity, ids []int64) (map[int64]string, error) {
	const doing = "looking which rows stay"
	out := map[int64]string{}
	rows, err := l.tx.Query(ctx, `SELECT id, kept FROM ferry.extra WHERE entity = $1 AND id = ANY($2) AND kept <> ''`, e.Name, ids)
	if err != nil {
		return nil, wrap(doing, err)
	}
	var id int64
	var why string
	_, err = pgx.ForEachRow(rows, []any{&id, &why}, func() error {
		out[id] = why
		return nil
	})
	return out, wrap(doing, err)
}
