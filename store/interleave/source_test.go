package interleave_test

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"ferry/store/embedded"
)

// limit bounds each start and end.
const limit = time.Minute

// writers are how many sessions an interleaving may have.
const writers = 5

// tables are those that are carried over, parents first.
var tables = []string{"loyalty_card", "loyalty_point_move", "loyalty_point_history"}

// source is an Odoo-shaped database on a server of its own: what a snapshot takes for running is of the whole server, so
// anybody else's open transaction would hold floors down and hide what a poll loses.
type source struct {
	pool    *pgxpool.Pool
	reader  string      // connects as a role that may read, and nothing else
	looker  *pgx.Conn   // of the polls
	writers []*pgx.Conn // of the writing sessions
	resets  int
}

// lockTimeout ends a statement that waits for a lock. Nobody can release it meanwhile, so waiting any longer changes
// nothing, and the statement fails in every repetition alike.
const lockTimeout = `SET lock_timeout = '10ms'`

func newSource(t *testing.T) *source {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	// Automatic vacuums take transaction ids whenever they like; a seed would not repeat its interleaving exactly.
	server, err := embedded.Start(ctx, embedded.Options{Settings: map[string]string{"autovacuum": "off"}})
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), limit)
		defer cancel()
		require.NoError(t, server.Stop(ctx))
	})
	dsn := server.DSN("postgres")
	s := &source{reader: server.DSNAs("ferry_reader", "reader", "postgres")}
	s.pool, err = pgxpool.New(ctx, dsn)
	require.NoError(t, err)
	t.Cleanup(s.pool.Close)
	for _, file := range []string{"../demo/schema.sql", "../demo/keys.sql"} {
		sql, err := os.ReadFile(file)
		require.NoError(t, err)
		s.exec(ctx, t, string(sql))
	}
	s.exec(ctx, t, `INSERT INTO res_partner (name) SELECT 'partner ' || i FROM generate_series(1, 3) i`)
	s.exec(ctx, t, `INSERT INTO loyalty_program (currency_id, program_type, applies_on, name) VALUES (1, 'loyalty', 'both', '{}')`)
	s.exec(ctx, t, `CREATE ROLE ferry_reader LOGIN PASSWORD 'reader'`)
	s.exec(ctx, t, `GRANT SELECT ON ALL TABLES IN SCHEMA public TO ferry_reader`)
	s.looker = connect(ctx, t, dsn)
	for range writers {
		conn := connect(ctx, t, dsn)
		_, err := conn.Exec(ctx, lockTimeout)
		require.NoError(t, err)
		s.writers = append(s.writers, conn)
	}
	return s
}

func connect(ctx context.Context, t *testing.T, dsn string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(ctx, dsn)
	require.NoError(t, err)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), limit)
		defer cancel()
		_ = conn.Close(ctx)
	})
	return conn
}

func (s *source) exec(ctx context.Context, t *testing.T, sql string) {
	t.Helper()
	_, err := s.pool.Exec(ctx, sql)
	require.NoError(t, err, sql)
}

// reset removes all rows. Ids and transaction ids go on.
func (s *source) reset(ctx context.Context, t *testing.T) {
	t.Helper()
	clearTables(ctx, t, s.pool, tables)
	s.resets++
	if s.resets%50 == 0 {
		s.exec(ctx, t, `VACUUM loyalty_card, loyalty_point_move, loyalty_point_history`)
	}
}

// clearTables deletes all rows, whatever refers to them. It is quicker than TRUNCATE for a few rows.
func clearTables(ctx context.Context, t *testing.T, db *pgxpool.Pool, names []string) {
	t.Helper()
	batch := &pgx.Batch{} // one transaction
	batch.Queue(`SET LOCAL session_replication_role = replica`)
	for _, name := range names {
		batch.Queue(`DELETE FROM ` + name)
	}
	require.NoError(t, db.SendBatch(ctx, batch).Close())
}

// row is a row of one of the tables.
type row struct {
	table string
	id    int64
}

// rows are what there is, or what somebody believes: each row's whole text.
type rows map[row]string

// read gives all rows as they are.
func (s *source) read(ctx context.Context) (rows, error) {
	out := rows{}
	err := pgx.BeginTxFunc(ctx, s.looker, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}, func(tx pgx.Tx) error {
		for _, table := range tables {
			if err := out.take(ctx, tx, table, "true"); err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}

// take reads those rows of a table that meet a condition.
func (r rows) take(ctx context.Context, tx pgx.Tx, table, where string, args ...any) error {
	found, err := tx.Query(ctx, `SELECT id, t::text FROM `+table+` t WHERE `+where, args...)
	if err != nil {
		return err
	}
	var id int64
	var text string
	_, err = pgx.ForEachRow(found, []any{&id, &text}, func() error {
		r[row{table, id}] = text
		return nil
	})
	return err
}
