package demo_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"ferry/store/demo"
	"ferry/store/embedded/pgtest"
	"ferry/store/migrations"
)

// bench is a source, an engine, and the log of what was committed at the source.
type bench struct {
	source, engine *pgx.Conn
	log            bytes.Buffer
}

func newBench(t *testing.T) *bench {
	t.Helper()
	source, engine := pgtest.New(t), pgtest.New(t)
	require.NoError(t, migrations.Init(t.Context(), engine.Pool(t), nil, slog.New(slog.DiscardHandler)))
	engine.Exec(t, `INSERT INTO ferry.run (kind, writes, state, epoch, source_identity, rules, rules_hash, requested_by, finished_at)
		VALUES ('full', true, 'done', 1, '', '{}', '', '', clock_timestamp())`,
		`INSERT INTO loyalty_cards (id, odoo_card_id, code, points, created_at, updated_at) VALUES (1, 1, 'A', 0, now(), now())`)
	source.Exec(t, `CREATE TABLE written (id integer)`)
	return &bench{source: source.Conn(t), engine: engine.Conn(t)}
}

// commit writes something at the source and logs it as a commit of rows.
func (b *bench) commit(t *testing.T, rows ...demo.RowRef) demo.Commit {
	t.Helper()
	c := demo.Commit{Kind: "earn", Rows: rows}
	require.NoError(t, pgx.BeginFunc(t.Context(), b.source, func(tx pgx.Tx) error {
		return tx.QueryRow(t.Context(), `INSERT INTO written VALUES (1) RETURNING now(), pg_current_xact_id()::text::bigint`).Scan(&c.Started, &c.XID)
	}))
	require.NoError(t, json.NewEncoder(&b.log).Encode(c))
	return c
}

// carry writes to the engine.
func (b *bench) carry(t *testing.T, sql string, args ...any) {
	t.Helper()
	_, err := b.engine.Exec(t.Context(), sql, args...)
	require.NoError(t, err)
}

// moment is a time that a database knows.
func moment(t *testing.T, db *pgx.Conn, sql string, args ...any) time.Time {
	t.Helper()
	var at time.Time
	require.NoError(t, db.QueryRow(t.Context(), sql, args...).Scan(&at))
	return at
}

const (
	insertMove = `INSERT INTO point_moves (id, odoo_move_id, loyalty_card_id, gain_date, initial_point, remaining_point, state, created_at, updated_at)
		VALUES ($1, $1, 1, now(), 1, 1, 'active', $2, $2)`
	insertLine = `INSERT INTO point_history (id, odoo_history_id, loyalty_card_id, points_amount, points_balance, transaction_time, created_at)
		VALUES ($1, $1, 1, 1, 1, now(), $2)`
)

func TestFreshnessIsTheTimeBetweenTwoCommits(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.commit(t, demo.RowRef{Table: "loyalty_point_move", ID: 7}, demo.RowRef{Table: "loyalty_point_history", ID: 9})
	b.carry(t, insertMove, 7, c.Started)
	b.carry(t, insertLine, 9, c.Started)
	at := moment(t, b.source, `SELECT pg_xact_commit_timestamp($1::text::xid)`, strconv.FormatUint(c.XID, 10))
	move := moment(t, b.engine, `SELECT pg_xact_commit_timestamp(xmin) FROM point_moves`).Sub(at)
	line := moment(t, b.engine, `SELECT pg_xact_commit_timestamp(xmin) FROM point_history`).Sub(at)

	f, err := demo.MeasureFreshness(t.Context(), &b.log, b.source, b.engine)
	require.NoError(t, err)
	require.Equal(t, demo.Freshness{Commits: 1, Rows: 2, Exact: 2, P50: move, P99: line, Max: line}, f)
}

func TestFreshnessLeavesOutWhatIsNotExact(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]string{
		"another commit's":    `UPDATE point_history SET created_at = created_at - interval '1 microsecond'`,
		"written again":       `UPDATE point_history SET sync_version = 1`,
		"once in quarantine":  `INSERT INTO ferry.quarantine (entity, source_id, state, reason, run_id) VALUES ('loyalty_point_history', 9, 'released', '', 1)`,
		"before it was asked": `UPDATE ferry.run SET finished_at = clock_timestamp() + interval '1 minute'`,
		"not there":           `DELETE FROM point_history`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBench(t)
			c := b.commit(t, demo.RowRef{Table: "loyalty_point_history", ID: 9})
			b.carry(t, insertLine, 9, c.Started)
			b.carry(t, spoil)
			f, err := demo.MeasureFreshness(t.Context(), &b.log, b.source, b.engine)
			require.NoError(t, err)
			require.Zero(t, f.Exact)
			require.Contains(t, f.String(), "no row")
		})
	}
}

func TestFreshnessReadsALogThatWasCutShort(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := b.commit(t, demo.RowRef{Table: "loyalty_point_history", ID: 9})
	b.carry(t, insertLine, 9, c.Started)
	b.log.WriteString(`{"kind":"ea`)
	f, err := demo.MeasureFreshness(t.Context(), &b.log, b.source, b.engine)
	require.NoError(t, err)
	require.Equal(t, 1, f.Exact)
}
