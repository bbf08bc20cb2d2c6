package enginedb

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"ferry/engine/cycle"
	"ferry/engine/entity"
)

// openStates are the states in which a row counts as quarantined.
const openStates = `('open', 'waiting_parent', 'waived')`

// Quarantine keeps a batch's faults and settles what is no fault any more. A waived row stays waived for as long as its
// reason is the same.
func (l *load) Quarantine(ctx context.Context, w cycle.Work, faults []cycle.Fault, exists func(id int64) bool) error {
	if err := l.settleQuarantine(ctx, w, sortedIDs(faults), exists); err != nil {
		return wrap("settling quarantine", err)
	}
	const chunk = 5000
	for part := range slices.Chunk(faults, chunk) {
		if err := l.keepFaults(ctx, w, part); err != nil {
			return wrap("keeping rows in quarantine", err)
		}
	}
	return nil
}

// openBefore remembers what is in quarantine in the batch's range, before anything else is read: only that may be
// settled. What a concurrent batch puts there afterwards (a card of this range lost its code to one of that batch's) is
// younger than what this batch knows.
func (l *load) openBefore(ctx context.Context) error {
	rows, err := l.tx.Query(ctx, `SELECT source_id, last_seen FROM ferry.quarantine
		WHERE entity = $1 AND source_id > $2 AND source_id <= $3 AND state IN `+openStates, l.w.Entity, l.w.Low, l.w.High)
	if err != nil {
		return err
	}
	l.before, err = pgx.CollectRows(rows, pgx.RowToStructByPos[openEntry])
	return err
}

type openEntry struct {
	ID       int64
	LastSeen time.Time
}

// settleQuarantine ends the entries of the batch's range that are no fault any more: released, or gone with their row.
func (l *load) settleQuarantine(ctx context.Context, w cycle.Work, faults []int64, exists func(id int64) bool) error {
	var ids []int64
	var seen []time.Time
	var states []string
	for _, entry := range l.before {
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
		return nil
	}
	_, err := l.tx.Exec(ctx, `UPDATE ferry.quarantine q SET state = f.state, stale = false, resolved_at = clock_timestamp(), run_id = $5
		FROM unnest($2::bigint[], $3::timestamptz[], $4::text[]) AS f (id, seen, state)
		WHERE q.entity = $1 AND q.source_id = f.id AND q.last_seen = f.seen`, w.Entity, ids, seen, states, w.Run)
	return err
}

func (l *load) keepFaults(ctx context.Context, w cycle.Work, faults []cycle.Fault) error {
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
				return fmt.Errorf("row %d: %w", f.ID, err)
			}
			payload := string(text)
			payloads[i] = &payload
		}
	}
	_, err := l.tx.Exec(ctx, `
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
			attempts = CASE WHEN q.resolved_at IS NULL THEN q.attempts + 1 ELSE 1 END,
			first_seen = CASE WHEN q.resolved_at IS NULL THEN q.first_seen ELSE clock_timestamp() END,
			resolved_at = NULL`,
		w.Entity, w.Run, ids, states, reasons, details, codes, parentEntities, parents, owners, stale, payloads, claims)
	return err
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

// Extras keeps the engine rows of the batch's range whose source row is gone, and forgets those that came back or went.
func (l *load) Extras(ctx context.Context, w cycle.Work, ids []int64) error {
	if ids == nil {
		ids = []int64{}
	}
	_, err := l.tx.Exec(ctx, `DELETE FROM ferry.extra WHERE entity = $1 AND id > $2 AND id <= $3 AND NOT id = ANY($4)`,
		w.Entity, w.Low, w.High, ids)
	if err != nil || len(ids) == 0 {
		return wrap("listing extra rows", err)
	}
	_, err = l.tx.Exec(ctx, `INSERT INTO ferry.extra (entity, id, run_id) SELECT $1, id, $3 FROM unnest($2::bigint[]) id
		ON CONFLICT DO NOTHING`, w.Entity, ids, w.Run)
	return wrap("listing extra rows", err)
}
