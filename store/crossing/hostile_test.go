package crossing_test

import (
	"context"
	_ "embed"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/engine/entity"
	"ferry/store/crossing/oracle"
	"ferry/store/embedded/pgtest"
)

//go:embed hostile.sql
var hostileSQL string

// TestHostileRowsAreAllAccountedFor carries 16,000 rows over (or FERRY_HOSTILE of them) of which hardly one is well, has
// them change for the worse and for the better, and requires after each tick that none is lost, and none silently.
func TestHostileRowsAreAllAccountedFor(t *testing.T) {
	t.Parallel()
	rng := randomness(t)
	source, target := hostileSource(t, fromEnv(t, "FERRY_HOSTILE", 16_000), rng.Int64()), newEngine(t)
	// Deleted or kept, by chance; and no question is asked, for all that vanishes is meant to.
	deletes := []string{"delete", "report"}[rng.IntN(2)]
	t.Logf("deletes: %s", deletes)
	target.Exec(t, `INSERT INTO ferry.policy VALUES ('deletes', '`+deletes+`'), ('vanish-share', '1'), ('vanish-rows', '1000000')`)

	first := start(t, orders{ID: "first", Source: source.reader, Target: target.DSN, Sync: true, Workers: 2, Tempo: quick})
	run := first.run()
	first.finish()
	usage, ok := first.cmd.ProcessState.SysUsage().(*syscall.Rusage)
	require.True(t, ok)
	t.Logf("the full sync took at most %d MB of memory", usage.Maxrss/1024)
	oracle.Counted(t, source.pool, target.pool, run)
	inStep(t, source.pool, target.pool)
	t.Log(strings.Join(oracle.Rows(t, target.pool, `SELECT entity || ': ' || string_agg(rows || ' ' || reason, ', ' ORDER BY rows DESC)
		FROM (SELECT entity, reason, count(*) AS rows FROM ferry.quarantine GROUP BY 1, 2) q GROUP BY entity ORDER BY 1`), "\n"))

	f := here(t, source.reader, target.DSN, "ferry", 2, nil)
	for round := range fromEnv(t, "FERRY_HOSTILE_ROUNDS", 3) {
		source.worsen(t, rng)
		s := f.tick()
		inStep(t, source.pool, target.pool)
		t.Logf("round %d: %s", round, counted(s))
	}
	f.tick() // what was woken last
	before := oracle.Fingerprint(t, target.pool)
	f.tick()
	require.Equal(t, before, oracle.Fingerprint(t, target.pool), "nothing changed, nothing is written")

	// Reading every row finds nothing to write that ticks have missed. Extras may leave: what hung on them is read again, too.
	for _, e := range entity.All() {
		target.Exec(t, `CREATE TABLE public.ticked_`+e.Target+` AS TABLE `+e.Target)
	}
	f.full()
	inStep(t, source.pool, target.pool)
	for _, e := range entity.All() {
		require.Empty(t, oracle.Rows(t, target.pool, `SELECT t::text FROM `+e.Target+` t EXCEPT SELECT t::text FROM ticked_`+e.Target+` t`))
	}
}

// counted says what came of a run, by entity.
func counted(s *engine.Snapshot) string {
	var out []string
	for _, e := range s.Entities {
		c := e.Counts
		out = append(out, fmt.Sprintf("%s %d read, %d new, %d changed, %d rejected, %d released, %d deleted, %d taken, %d settled",
			e.Name, c.Read, c.Inserted, c.Updated, c.Rejected, c.Released, c.Deleted, c.Taken, c.Settled))
	}
	return strings.Join(out, "; ")
}

// hostileSource makes a source of so many rows: three tenths of them cards, three tenths moves, the rest history, of which
// every 200th (FERRY_HOSTILE_WIDE) has a text of a megabyte.
func hostileSource(t *testing.T, rows int, seed int64) *odooBase {
	t.Helper()
	db := pgtest.New(t)
	for name, value := range map[string]int64{"rows": int64(rows), "seed": seed, "wide": int64(fromEnv(t, "FERRY_HOSTILE_WIDE", 200))} {
		db.Exec(t, fmt.Sprintf(`ALTER DATABASE %s SET hostile.%s = '%d'`, db.Name, name, value))
	}
	_, err := db.Conn(t).PgConn().Exec(t.Context(), hostileSQL).ReadAll()
	require.NoError(t, err)
	role := pgtest.Role(t, db, "", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
	return &odooBase{DB: db, pool: db.Pool(t), reader: role.DSN, role: role.Name}
}

// worsen changes rows in one transaction, as hostile as they were made: values go bad and good, codes are swapped in rings,
// parents come and go, lines are pointed elsewhere.
func (o *odooBase) worsen(t *testing.T, rng *rand.Rand) {
	t.Helper()
	require.NoError(t, pgx.BeginFunc(t.Context(), o.pool, func(tx pgx.Tx) error {
		return worsenIn(t.Context(), tx, rng)
	}))
}

func worsenIn(ctx context.Context, tx pgx.Tx, rng *rand.Rand) error {
	for range 12 {
		sql := hostilities[rng.IntN(len(hostilities))]
		if _, err := tx.Exec(ctx, `SELECT set_config('hostile.seed', $1::text, true)`, strconv.FormatInt(rng.Int64(), 10)); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, strings.ReplaceAll(sql, "{r}", strconv.Itoa(rng.IntN(199)))); err != nil {
			return fmt.Errorf("%s: %w", sql, err)
		}
	}
	return nil
}

// hostilities are about every 199th row each.
var hostilities = []string{
	`UPDATE loyalty_card SET points = points_of(id) WHERE id % 199 = {r}`,
	`UPDATE loyalty_card SET code = code_of(id) WHERE id % 199 = {r}`,
	`UPDATE loyalty_card SET partner_id = CASE WHEN partner_id IS NULL THEN 7 END WHERE id % 199 = {r}`,
	`UPDATE loyalty_card SET write_date = date_of(id), create_date = date_of(id + 1) WHERE id % 199 = {r}`,
	// Rings of codes: each takes that of the next, the last that of the first.
	`UPDATE loyalty_card c SET code = n.code FROM (SELECT id, coalesce(lead(code) OVER (ORDER BY id), first_value(code) OVER (ORDER BY id)) AS code
		FROM loyalty_card WHERE id % 199 = {r}) n WHERE c.id = n.id`,
	`DELETE FROM loyalty_card WHERE id % 199 = {r} AND id % 2 = 0`,
	`INSERT INTO loyalty_card SELECT g, code_of(g), 7, 1, points_of(g), NULL, NULL FROM generate_series(1 + {r}, (SELECT max(id) FROM loyalty_card), 199) g
		ON CONFLICT DO NOTHING`, // deleted ones come back
	`UPDATE loyalty_point_move SET initial_point = points_of(id), remaining_point = points_of(id + 1) WHERE id % 199 = {r}`,
	`UPDATE loyalty_point_move SET state = CASE state WHEN 'active' THEN text_of(id) ELSE 'active' END WHERE id % 199 = {r}`,
	`UPDATE loyalty_point_move SET loyalty_card_id = card_of(id) WHERE id % 199 = {r}`,
	`DELETE FROM loyalty_point_move WHERE id % 199 = {r}`,
	`INSERT INTO loyalty_point_move SELECT g, card_of(g), NULL, date_of(g), NULL, 5, 5, 'active', 'back', NULL, NULL
		FROM generate_series(1 + {r}, (SELECT max(id) FROM loyalty_point_move), 199) g ON CONFLICT DO NOTHING`,
	`UPDATE loyalty_point_history SET points_balance = points_of(id), points_amount = points_of(id + 1) WHERE id % 199 = {r}`,
	`UPDATE loyalty_point_history SET loyalty_card_id = card_of(id) WHERE id % 199 = {r}`,
	`UPDATE loyalty_point_history SET point_move_id = CASE WHEN point_move_id IS NULL THEN id END WHERE id % 199 = {r}`,
	`UPDATE loyalty_point_history SET transaction_time = date_of(id), origin = text_of(id) WHERE id % 199 = {r}`,
	`DELETE FROM loyalty_point_history WHERE id % 199 = {r}`,
	`INSERT INTO loyalty_point_history (id, loyalty_card_id, points_amount, points_balance, transaction_time, origin)
		SELECT max(id) + 1, {r}, 1, 77.125, now(), text_of(max(id)) FROM loyalty_point_history`,
}
