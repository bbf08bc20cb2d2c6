package enginedb

import (
	"context"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"

	"ferry/engine"
	"ferry/engine/entity"
)

// mostListed is how many transaction ids a seal lists at most.
const mostListed = 1_000_000

// whole is a row's xmin, made whole: it has 32 bits, and is completed by its distance to a current id.
func whole(xmin, now string) string {
	return `(` + now + ` - ((` + now + ` - ` + xmin + `::text::bigint) & 4294967295))`
}

// insertSeal keeps a seal with the snapshot that it was put on at, which tells later what was written since.
//
// The server's own snapshot would not do. It lists the transactions under way and not their savepoints, so one that is open, has
// written elsewhere under a savepoint, and under the same one writes a card behind the seal, would be taken for older. While the seal is
// put on nobody writes the engine's tables, and whoever has written them has ended (see quiet): so of the ids that are not surely over,
// those that stand in a row now are older, and all others are listed as under way. Where that are too many, because some transaction has
// been open for very long, all are: rows that were written by then are kept where they need not be, which is the safe side.
func insertSeal(ctx context.Context, tx pgx.Tx, by engine.Actor, reason string) error {
	rows := make([]string, 0, len(entity.All()))
	for _, e := range entity.All() {
		rows = append(rows, `SELECT `+whole("t.xmin", "s.next")+` AS id FROM s, `+public(e)+` t WHERE t.xmin::text::bigint >= 3`)
	}
	_, err := tx.Exec(ctx, `WITH s AS MATERIALIZED (SELECT pg_snapshot_xmin(p)::text::bigint AS oldest, pg_snapshot_xmax(p)::text::bigint AS next
			FROM pg_current_snapshot() p),
		older AS MATERIALIZED (SELECT DISTINCT id FROM s, (`+strings.Join(rows, ` UNION ALL `)+`) t WHERE id >= s.oldest AND id < s.next)
		INSERT INTO ferry.seal (sealed_by, reason, seen)
		SELECT $1, $2, CASE WHEN s.next - s.oldest > `+strconv.Itoa(mostListed)+` THEN s.oldest || ':' || s.oldest || ':'
			ELSE s.oldest || ':' || s.next || ':' || coalesce((SELECT string_agg(x::text, ',' ORDER BY x) FROM generate_series(s.oldest, s.next - 1) x
				WHERE NOT EXISTS (SELECT FROM older WHERE older.id = x)), '') END
		FROM s`, by.String(), reason)
	return err
}

// seal s, read once and not for each row, and the current transaction id.
const sealedThen = `(SELECT id, seen::pg_snapshot AS seen FROM ferry.seal WHERE unsealed_at IS NULL OFFSET 0) s,
	(SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint AS id) now`

// writtenSince is the condition that a row t was written since the engine was sealed: the snapshot of that moment does not see the
// transaction that wrote it, or its savepoint. Ids below three are no transaction's.
//
// What was written so long ago that ids have come round to it since, two thousand million transactions, may be taken for new. Then it
// is kept where it need not be, which is the safe side.
var writtenSince = `t.xmin::text::bigint >= 3 AND NOT pg_visible_in_snapshot(` + whole("t.xmin", "now.id") + `::text::xid8, s.seen)`
