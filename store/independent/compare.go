package independent

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"ferry/engine/entity"
)

// chunk is how many rows are compared at once: texts of both sides are held for them.
const chunk = 20_000

// mostTold is how many of the rows that differ are told.
const mostTold = 5

// Outcome is what a comparison found.
type Outcome struct {
	Rows       int64    `json:"rows"`       // of the source, all entities together
	Equal      int64    `json:"equal"`      // that the engine has with the same content
	Quarantine int64    `json:"quarantine"` // that the engine has set aside
	Wrong      int64    `json:"wrong"`      // everything else, rows that only the engine has included
	Examples   []string `json:"examples,omitempty"`
}

func (o *Outcome) wrongf(format string, args ...any) {
	o.Wrong++
	if len(o.Examples) < mostTold {
		o.Examples = append(o.Examples, fmt.Sprintf(format, args...))
	}
}

// Compare holds every row of the source against the engine, and every row of the engine that has an Odoo id against the source: a
// row has the same content on both sides, codes included, or it is in quarantine and not in the engine. Points and links are held
// against the engine's own ledger and moves. Nothing may be written meanwhile.
func Compare(ctx context.Context, source, target *pgx.Conn) (Outcome, error) {
	var o Outcome
	for _, e := range entity.All() {
		if err := compare(ctx, source, target, e, &o); err != nil {
			return o, fmt.Errorf("comparing %s: %w", e.Name, err)
		}
	}
	for what, sql := range map[string]string{"points of card": WrongPoints, "link of line": WrongLinks} {
		lines, err := column[string](ctx, target, sql)
		if err != nil {
			return o, err
		}
		for _, line := range lines {
			o.wrongf("%s %s", what, line)
		}
	}
	return o, nil
}

func compare(ctx context.Context, source, target *pgx.Conn, e *entity.Entity, o *Outcome) error {
	// Codes as the source has them: other functions than ferry's make them comparable.
	theirCode, ourCode := "''", "''"
	if e.Code >= 0 {
		theirCode, ourCode = quoted(e.Columns[e.Code].Source), quoted(e.Columns[e.Code].Target)
	}
	theirText, ourText := Contents(e.Name)
	name, table, id := pgx.Identifier{"public", e.Name}.Sanitize(), pgx.Identifier{"public", e.Target}.Sanitize(), quoted(e.OdooID)
	for from := int64(-1 << 62); ; {
		ids, err := column[int64](ctx, source, `SELECT id::bigint FROM `+name+` WHERE id > $1::bigint ORDER BY id LIMIT $2`, from, chunk)
		if err != nil {
			return err
		}
		until := int64(1<<63 - 1)
		if len(ids) == chunk {
			until = ids[chunk-1]
		}
		held, err := column[int64](ctx, target, `SELECT source_id FROM ferry.quarantine WHERE entity = $1 AND source_id > $2 AND source_id <= $3
			AND state IN ('open', 'waiting_parent', 'waived')`, e.Name, from, until)
		if err != nil {
			return err
		}
		theirs, err := side(ctx, source, theirText, ids, `SELECT id::bigint, `+theirCode+` FROM `+name+` WHERE id = ANY($1) ORDER BY id`, Code)
		if err != nil {
			return err
		}
		mine, err := column[int64](ctx, target, `SELECT `+id+` FROM `+table+` WHERE `+id+` > $1 AND `+id+` <= $2 ORDER BY 1`, from, until)
		if err != nil {
			return err
		}
		ours, err := side(ctx, target, ourText, mine, `SELECT `+id+`, `+ourCode+` FROM `+table+` WHERE `+id+` = ANY($1) ORDER BY 1`, strings.Clone)
		if err != nil {
			return err
		}
		o.merge(e.Name, ids, theirs, ours, held)
		if len(ids) < chunk {
			return nil
		}
		from = until
	}
}

// merge holds a chunk of both sides against each other.
func (o *Outcome) merge(of string, ids []int64, theirs, ours map[int64]string, held []int64) {
	slices.Sort(held)
	o.Rows += int64(len(ids))
	for _, id := range ids {
		text, there := ours[id]
		_, aside := slices.BinarySearch(held, id)
		switch {
		case there && aside:
			o.wrongf("%s %d is in the engine and in quarantine", of, id)
		case aside:
			o.Quarantine++
		case !there:
			o.wrongf("%s %d is nowhere", of, id)
		case text != theirs[id]:
			o.wrongf("%s %d is %q at the source and %q in the engine", of, id, theirs[id], text)
		default:
			o.Equal++
		}
		delete(ours, id)
	}
	for id := range ours {
		o.wrongf("%s %d is only in the engine", of, id)
	}
}

// side reads what rows of one side hold, by their ids.
func side(ctx context.Context, db *pgx.Conn, texts string, ids []int64, codes string, clean func(string) string) (map[int64]string, error) {
	lines, err := column[string](ctx, db, texts, ids)
	if err != nil {
		return nil, err
	}
	rows, err := db.Query(ctx, codes, ids)
	if err != nil {
		return nil, fmt.Errorf("reading codes: %w", err)
	}
	out := make(map[int64]string, len(ids))
	var id int64
	var code string
	at := 0
	_, err = pgx.ForEachRow(rows, []any{&id, &code}, func() error {
		if at >= len(lines) || !strings.HasPrefix(lines[at], fmt.Sprintf("%d|", id)) {
			return fmt.Errorf("row %d and its content do not go together", id)
		}
		out[id] = lines[at] + "|" + clean(code)
		at++
		return nil
	})
	if err == nil && at != len(lines) {
		err = fmt.Errorf("%d rows have content, %d have a code", len(lines), at)
	}
	return out, err
}

func column[T any](ctx context.Context, db *pgx.Conn, sql string, args ...any) ([]T, error) {
	rows, err := db.Query(ctx, sql, args...)
	if err != nil {
		return nil, fmt.Errorf("reading: %w", err)
	}
	out, err := pgx.CollectRows(rows, pgx.RowTo[T])
	if err != nil {
		return nil, fmt.Errorf("reading: %w", err)
	}
	return out, nil
}

func quoted(name string) string { return pgx.Identifier{name}.Sanitize() }
