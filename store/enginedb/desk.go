package enginedb

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"ferry/engine"
	"ferry/engine/entity"
	"ferry/store/sqlstate"
)

// selected is the condition that a row q of quarantine is meant, by the parameters $1 to $3.
const selected = `q.state IN ` + openStates + ` AND ($1 = '' OR q.entity = $1) AND ($2 = '' OR q.reason = $2)
	AND ($3::bigint[] IS NULL OR q.source_id = ANY($3))`

// quarantined is the list of the rows that are meant. Of one entity the index gives rows by id; of all, entity and id make
// one text, which sorts as both would.
func quarantined(which engine.QuarantineSelection, args ...any) listing {
	key := listColumn{name: "id", sql: "q.source_id", cast: "bigint"}
	if which.Entity == "" {
		key = listColumn{name: "", sql: `(q.entity || ' ' || lpad(q.source_id::text, 19, '0')) COLLATE "C"`, cast: "text"}
	}
	l := listing{
		from:  "ferry.quarantine q, (SELECT $4::text[]) AS child (entities)", // what can wait
		where: selected,
		args:  append([]any{which.Entity, which.Reason, which.IDs}, args...),
		columns: []listColumn{
			{name: "id", sql: "q.source_id", cast: "bigint"},
			{name: "entity", sql: "q.entity", cast: "text"},
			{name: "state", sql: standing, cast: "text"},
			{name: "reason", sql: "q.reason", cast: "text"},
			{name: "detail", sql: "q.detail", cast: "text"},
			{name: "sqlstate", sql: "q.sqlstate", cast: "text"},
			{name: "parent", sql: "q.parent_id", cast: "bigint"},
			{name: "owner", sql: "q.owner_id", cast: "bigint"},
			{name: "tries", sql: "q.attempts", cast: "bigint"},
			{name: "waived_by", sql: "q.waived_by", cast: "text"},
			{name: "note", sql: "q.waived_note", cast: "text"},
			{name: "first", sql: "q.first_seen", cast: "timestamptz"},
			{name: "last", sql: "q.last_seen", cast: "timestamptz"},
			{name: "payload", sql: "q.payload::text", cast: "text"},
		},
		key:    key,
		values: quarantineValues(`ANY(child.entities)`),
	}
	l.columns = slices.DeleteFunc(l.columns, func(c listColumn) bool { // else every row would fit a word of its reason
		return (c.name == "entity" && which.Entity != "") || (c.name == "reason" && which.Reason != "")
	})
	return l
}

// quarantineValues is what scanQuarantined reads of a row q of quarantine; children says which entities can wait for one.
func quarantineValues(children string) string {
	return `q.entity, q.source_id, q.state, q.reason, q.detail, q.sqlstate, q.parent_entity, q.parent_id, q.owner_id, q.stale, q.payload,
		q.attempts, q.due, q.waived_by, q.waived_note, q.first_seen, q.last_seen,
		(SELECT count(*) FROM ferry.quarantine h WHERE h.entity = ` + children + ` AND h.parent_id = q.source_id AND h.parent_entity = q.entity
			AND h.state = 'waiting_parent')`
}

// standing is how a row stands in a word, as the console has it.
const standing = `CASE WHEN q.state = 'waived' OR q.waived_by <> '' THEN 'waived' WHEN q.due THEN 'due'
	WHEN q.state = 'waiting_parent' THEN 'waits' ELSE q.state END`

// QuarantineRows gives a page of the rows that are in quarantine now, by entity and id if no order is asked for.
func (db *DB) QuarantineRows(ctx context.Context, which engine.QuarantineSelection, want engine.Listing) (engine.Page[engine.QuarantineRow], error) {
	var page engine.Page[engine.QuarantineRow]
	err := pgx.BeginTxFunc(ctx, db.pool, readOnly, func(tx pgx.Tx) (err error) {
		page, err = readPage(ctx, tx, quarantined(which, entityNames()), which.Filter, want, scanQuarantined)
		return err
	})
	return page, sqlstate.Wrap(engine.SideTarget, "listing quarantine", err)
}

func scanQuarantined(row pgx.CollectableRow, cursor []any) (engine.QuarantineRow, error) {
	var q engine.QuarantineRow
	var parent, owner *int64
	var first, last time.Time
	err := row.Scan(append([]any{
		&q.Entity, &q.ID, &q.State, &q.Reason, &q.Detail, &q.SQLState, &q.ParentEntity, &parent, &owner, &q.Stale, &q.Payload,
		&q.Attempts, &q.Due, &q.WaivedBy, &q.WaivedNote, &first, &last, &q.Hangs,
	}, cursor...)...)
	q.Parent, q.Owner, q.FirstSeen, q.LastSeen = maybe(parent), maybe(owner), first.UTC(), last.UTC()
	return q, err
}

func entityNames() []string {
	var out []string
	for _, e := range entity.All() {
		out = append(out, e.Name)
	}
	return out
}

// about says which rows of quarantine an action is about, for the journal.
func about(which engine.QuarantineSelection) string {
	switch {
	case len(which.IDs) == 1:
		return fmt.Sprintf("%s %d", which.Entity, which.IDs[0])
	case len(which.IDs) > 1:
		return fmt.Sprintf("%d rows of %s", len(which.IDs), which.Entity)
	}
	out := "all rows"
	if which.Entity != "" {
		out += " of " + which.Entity
	}
	if which.Reason != "" {
		out += " with " + which.Reason
	}
	if len(which.Filter) > 0 {
		out += " that fit " + which.Filter.String()
	}
	return out
}

// RetryQuarantine has rows read again by the next cycle. It gives how many.
func (db *DB) RetryQuarantine(ctx context.Context, which engine.QuarantineSelection, act engine.Act, by engine.Actor) (int64, error) {
	return db.tendQuarantine(ctx, "retry quarantine", which, act, by, `SET due = true`, ``)
}

// Waive decides that rows may stay in quarantine, or, with again, that they count again.
func (db *DB) Waive(ctx context.Context, which engine.QuarantineSelection, act engine.Act, again bool, by engine.Actor) (int64, error) {
	if again {
		return db.tendQuarantine(ctx, "unwaive", which, act, by,
			`SET state = CASE WHEN q.reason = 'waiting_parent' THEN 'waiting_parent' ELSE 'open' END, waived_by = '', waived_note = '', waived_at = NULL`,
			` AND q.state = 'waived'`)
	}
	return db.tendQuarantine(ctx, "waive", which, act, by,
		`SET state = 'waived', waived_by = $4, waived_note = $5, waived_at = clock_timestamp()`, ` AND q.state <> 'waived'`)
}

// lacks says what is wrong with a selection that an action would change nothing of.
var lacks = map[string]string{
	"retry quarantine": "not in quarantine",
	"waive":            "not in quarantine, or waived already",
	"unwaive":          "not waived",
}

// tendQuarantine changes rows of quarantine, counts them, and keeps that in the journal.
func (db *DB) tendQuarantine(ctx context.Context, action string, which engine.QuarantineSelection, act engine.Act, by engine.Actor,
	set, and string,
) (int64, error) {
	if len(which.IDs) > 0 && which.Entity == "" {
		return 0, engine.Refuse(engine.ErrNoSuchRow, "an id means nothing without its entity")
	}
	var changed int64
	err := db.inOpenTx(ctx, "changing quarantine", func(tx pgx.Tx) error {
		var note []any
		if action == "waive" {
			note = []any{by.String(), act.Reason}
		}
		q, err := quarantined(which, note...).filtered(which.Filter)
		if err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `UPDATE ferry.quarantine q `+set+` WHERE `+strings.Join(q.where, " AND ")+and, q.args...)
		if err != nil {
			return err
		}
		if changed = tag.RowsAffected(); changed == 0 {
			return engine.Refuse(engine.ErrNoSuchRow, "nothing to change: %s %s", about(which), lacks[action])
		}
		if _, err := tx.Exec(ctx, `UPDATE ferry.entity_state st SET
			waived = (SELECT count(*) FROM ferry.quarantine WHERE entity = st.entity AND state = 'waived'),
			waiting = (SELECT count(*) FROM ferry.quarantine WHERE entity = st.entity AND state = 'waiting_parent')`); err != nil {
			return err
		}
		return record(ctx, tx, entry{Actor: by, Action: action, State: about(which), Reason: act.Reason, Outcome: fmt.Sprintf("%d rows", changed)})
	})
	return changed, err
}

// SetRule gives a rule another severity.
func (db *DB) SetRule(ctx context.Context, rule, severity string, act engine.Act, by engine.Actor) error {
	if err := (entity.Rules{}).Set(rule, entity.Severity(severity)); err != nil {
		return err
	}
	return db.inOpenTx(ctx, "changing a rule", func(tx pgx.Tx) error {
		var before string
		err := tx.QueryRow(ctx, `SELECT severity FROM ferry.rule WHERE name = $1 FOR UPDATE`, rule).Scan(&before)
		if err != nil {
			return err
		}
		if before == severity {
			return engine.Refuse(engine.ErrStateChanged, "rule %s is at %s already", rule, severity)
		}
		if _, err := tx.Exec(ctx, `UPDATE ferry.rule SET severity = $2 WHERE name = $1`, rule, severity); err != nil {
			return err
		}
		return record(ctx, tx, entry{Actor: by, Action: "rule " + rule, State: before, Reason: act.Reason, Outcome: severity})
	})
}
