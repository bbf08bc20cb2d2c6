package enginedb

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"ferry/engine"
	"ferry/engine/cycle"
	"ferry/engine/entity"
)

// openStates are the states in which a row counts as quarantined.
const openStates = `('open', 'waiting_parent', 'waived')`

// Quarantine keeps a merge's faults and settles what is no fault any more. A waived row stays waived for as long as its
// reason is the same.
func (l *load) Quarantine(ctx context.Context, e *entity.Entity, open []cycle.OpenEntry, faults []cycle.Fault,
	exists func(id int64) bool,
) (kept, settled int64, err error) {
	if settled, err = l.settleQuarantine(ctx, e, open, sortedIDs(faults), exists); err != nil {
		return 0, 0, wrap("settling quarantine", err)
	}
	const chunk = 5000
	for part := range slices.Chunk(faults, chunk) {
		changed, err := l.keepFaults(ctx, e, part)
		if err != nil {
			return 0, 0, wrap("keeping rows in quarantine", err)
		}
		kept += changed
	}
	return kept, settled, nil
}

// Open gives what is in quarantine of a scope. It is read before anything else: only that may be settled. What a
// concurrent batch puts there afterwards (a card of this scope lost its code to one of that batch's) is younger than what
// this batch knows.
func (l *load) Open(ctx context.Context, e *entity.Entity, of cycle.Scope) ([]cycle.OpenEntry, error) {
	condition, args := inScope("source_id", of)
	rows, err := l.tx.Query(ctx, `SELECT source_id, coalesce(parent_id, 0), last_seen FROM ferry.quarantine
		WHERE entity = $1 AND `+condition+` AND state IN `+openStates+` ORDER BY source_id`, append([]any{e.Name}, args...)...)
	if err != nil {
		return nil, wrap("looking at quarantine", err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowToStructByPos[cycle.OpenEntry])
	return out, wrap("looking at quarantine", err)
}

// inScope is the condition that an id is of a scope, with its parameters from $2 on. There are two forms of it, not one with an
// OR: prepared, that would compare every row of the range with every id, where an index finds the ids at once (on 125,000
// rows in quarantine and 10,000 ids 15 s, not 0.1 s). And ids are joined, not compared with an array: by statistics of
// before a large load the planner would scan all of an entity's rows once for each of them.
func inScope(column string, of cycle.Scope) (condition string, args []any) {
	if of.IDs == nil {
		return column + ` > $2 AND ` + column + ` <= $3`, []any{of.Low, of.High}
	}
	return column + ` IN (SELECT unnest($2::bigint[]))`, []any{of.IDs}
}

// Due gives the rows of a range that are in quarantine and should be read again.
func (l *load) Due(ctx context.Context, e *entity.Entity, low, high int64, limit int) ([]int64, error) {
	rows, err := l.tx.Query(ctx, `SELECT source_id FROM ferry.quarantine
		WHERE entity = $1 AND source_id > $2 AND source_id <= $3 AND due AND state IN `+openStates+` ORDER BY source_id LIMIT $4`,
		e.Name, low, high, limit)
	if err != nil {
		return nil, wrap("looking for rows to read again", err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	return out, wrap("looking for rows to read again", err)
}

// Wake has rows in quarantine read again: those that wait for an arrived parent, and those whose code belongs to a row that
// may have given it up.
func (l *load) Wake(ctx context.Context, e *entity.Entity, arrived, gaveUp []int64, but cycle.Scope) error {
	if len(arrived) > 0 {
		for _, child := range e.Children() {
			_, err := l.tx.Exec(ctx, `UPDATE ferry.quarantine SET due = true
				WHERE entity = $1 AND parent_entity = $2 AND parent_id IN (SELECT unnest($3::bigint[])) AND state = 'waiting_parent' AND NOT due`,
				child.Name, e.Name, arrived)
			if err != nil {
				return wrap("waking rows that waited for their parents", err)
			}
		}
	}
	if len(gaveUp) == 0 || e.Code < 0 {
		return nil
	}
	_, err := l.tx.Exec(ctx, `UPDATE ferry.quarantine SET due = true
		WHERE entity = $1 AND owner_id IN (SELECT unnest($2::bigint[])) AND reason = $3 AND state IN `+openStates+` AND NOT due
			AND NOT (source_id > $4 AND source_id <= $5 AND ($6::bigint[] IS NULL OR source_id IN (SELECT unnest($6::bigint[]))))`,
		e.Name, gaveUp, entity.ReasonCode, but.Low, but.High, but.IDs)
	return wrap("waking rows whose code may be free", err)
}

// settleQuarantine ends the entries that are no fault any more: released, or gone with their row.
func (l *load) settleQuarantine(ctx context.Context, e *entity.Entity, open []cycle.OpenEntry, faults []int64, exists func(id int64) bool) (int64, error) {
	var ids []int64
	var seen []time.Time
	var states []string
	for _, entry := range open {
		if _, still := slices.BinarySearch(faults, entry.ID); still {
			continue
		}
		ids, seen = append(ids, entry.ID), append(seen, entry.LastSeen)
		if exists(entry.ID) {
			states = append(states, "released")
		} else {
			states = append(states, "gone")
		}
	}
	if len(ids) == 0 {
		return 0, nil
	}
	tag, err := l.tx.Exec(ctx, `UPDATE ferry.quarantine q SET state = f.state, stale = false, due = false, resolved_at = clock_timestamp(), run_id = $5
		FROM unnest($2::bigint[], $3::timestamptz[], $4::text[]) AS f (id, seen, state)
		WHERE q.entity = $1 AND q.source_id = f.id AND q.last_seen = f.seen`, e.Name, ids, seen, states, l.w.Run)
	return tag.RowsAffected(), err
}

// keepFaults keeps faults, and gives how many are new or another than before. One that is in quarantine already as it is now
// is not written, like an unchanged row, unless somebody asked for it to be read again: that is one attempt more.
func (l *load) keepFaults(ctx context.Context, e *entity.Entity, faults []cycle.Fault) (int64, error) {
	n := len(faults)
	ids, parents, owners := make([]int64, n), make([]*int64, n), make([]*int64, n)
	states, reasons, details := make([]string, n), make([]string, n), make([]string, n)
	codes, parentEntities := make([]string, n), make([]string, n)
	payloads, claims, stale := make([]*string, n), make([]*string, n), make([]bool, n)
	for i, f := range faults {
		ids[i], reasons[i], details[i], codes[i], stale[i] = f.ID, f.Reason, f.Detail, f.SQLState, f.Stale
		parentEntities[i], parents[i], owners[i] = f.Parent, known(f.ParentID), known(f.Owner)
		states[i] = "open"
		if f.Waiting {
			states[i] = "waiting_parent"
		}
		if f.Claim != "" {
			claims[i] = &f.Claim
		}
		if f.Payload != nil {
			text, err := json.Marshal(f.Payload)
			if err != nil {
				return 0, fmt.Errorf("row %d: %w", f.ID, err)
			}
			payload := string(text)
			payloads[i] = &payload
		}
	}
	tag, err := l.tx.Exec(ctx, `
		INSERT INTO ferry.quarantine AS q
			(entity, run_id, source_id, state, reason, detail, sqlstate, parent_entity, parent_id, owner_id, stale, payload, claim)
		SELECT $1, $2, f.id, f.state, f.reason, f.detail, f.code, f.parent_entity, f.parent, f.owner, f.stale, f.payload::jsonb, f.claim
		FROM unnest($3::bigint[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::bigint[], $10::bigint[],
			$11::boolean[], $12::text[], $13::text[]) AS f (id, state, reason, detail, code, parent_entity, parent, owner, stale, payload, claim)
		ON CONFLICT (entity, source_id) DO UPDATE SET
			state = CASE WHEN q.state = 'waived' AND q.reason = EXCLUDED.reason THEN q.state ELSE EXCLUDED.state END,
			reason = EXCLUDED.reason, detail = EXCLUDED.detail, sqlstate = EXCLUDED.sqlstate,
			parent_entity = EXCLUDED.parent_entity, parent_id = EXCLUDED.parent_id, owner_id = EXCLUDED.owner_id,
			stale = EXCLUDED.stale, payload = EXCLUDED.payload, claim = EXCLUDED.claim, run_id = EXCLUDED.run_id, last_seen = clock_timestamp(),
			due = false, waived_by = CASE WHEN q.state = 'waived' AND q.reason = EXCLUDED.reason THEN q.waived_by ELSE '' END,
			waived_note = CASE WHEN q.state = 'waived' AND q.reason = EXCLUDED.reason THEN q.waived_note ELSE '' END,
			attempts = CASE WHEN q.resolved_at IS NULL THEN q.attempts + 1 ELSE 1 END,
			first_seen = CASE WHEN q.resolved_at IS NULL THEN q.first_seen ELSE clock_timestamp() END,
			resolved_at = NULL
		WHERE q.resolved_at IS NOT NULL OR q.due OR (q.reason, q.detail, q.sqlstate, q.parent_entity, q.parent_id, q.owner_id, q.stale, q.payload, q.claim)
			IS DISTINCT FROM (EXCLUDED.reason, EXCLUDED.detail, EXCLUDED.sqlstate, EXCLUDED.parent_entity, EXCLUDED.parent_id, EXCLUDED.owner_id,
				EXCLUDED.stale, EXCLUDED.payload, EXCLUDED.claim)`,
		e.Name, l.w.Run, ids, states, reasons, details, codes, parentEntities, parents, owners, stale, payloads, claims)
	return tag.RowsAffected(), err
}

// known is an id as a parameter: 0 stands for none.
func known(id int64) *int64 {
	if id == 0 {
		return nil
	}
	return &id
}

// Rename tells the rows in quarantine that claim a code who owns it now.
func (l *load) Rename(ctx context.Context, e *entity.Entity, owners map[string]int64) error {
	if len(owners) == 0 {
		return nil
	}
	codes := slices.Sorted(maps.Keys(owners))
	ids := make([]int64, len(codes))
	for i, code := range codes {
		ids[i] = owners[code]
	}
	_, err := l.tx.Exec(ctx, `UPDATE ferry.quarantine q SET owner_id = f.owner FROM unnest($2::text[], $3::bigint[]) AS f (claim, owner)
		WHERE q.entity = $1 AND q.claim = f.claim AND q.reason = $4 AND q.source_id <> f.owner AND q.state IN `+openStates,
		e.Name, codes, ids, entity.ReasonCode)
	return wrap("naming the new owners of codes", err)
}

// Extras keeps the engine rows of the scope whose source row is gone, and forgets those that came back or went.
func (l *load) Extras(ctx context.Context, e *entity.Entity, of cycle.Scope, ids []int64) error {
	if ids == nil {
		ids = []int64{}
	}
	condition, args := inScope("id", of)
	_, err := l.tx.Exec(ctx, `DELETE FROM ferry.extra WHERE entity = $1 AND `+condition+` AND NOT id = ANY($`+strconv.Itoa(2+len(args))+`)`,
		append(append([]any{e.Name}, args...), ids)...)
	if err != nil || len(ids) == 0 {
		return wrap("listing extra rows", err)
	}
	return wrap("listing extra rows", keepExtras(ctx, l.tx, e, l.w.Run, ids))
}

func keepExtras(ctx context.Context, tx pgx.Tx, e *entity.Entity, run engine.RunID, ids []int64) error {
	_, err := tx.Exec(ctx, `INSERT INTO ferry.extra AS x (entity, id, run_id) SELECT $1, id, $3 FROM unnest($2::bigint[]) id
		ON CONFLICT (entity, id) DO UPDATE SET kept = '' WHERE x.kept <> ''`, e.Name, ids, run)
	return err
}
