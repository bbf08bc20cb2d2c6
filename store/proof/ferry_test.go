package proof_test

import (
	"context"
	"log/slog"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/engine/control"
	"ferry/store/demo"
	"ferry/store/embedded"
	"ferry/store/enginedb"
	"ferry/store/migrations"
	"ferry/store/odoo"
	"ferry/store/queue"
)

// scale says how large a test is.
type scale struct {
	cards, faults, passes int
	rate                  float64
	seed                  int64
}

// fromEnv is the scale that the environment asks for; what it leaves out is that of a test among others.
func fromEnv(t *testing.T) scale {
	t.Helper()
	number := func(name string, otherwise int) int {
		text := os.Getenv(name)
		if text == "" {
			return otherwise
		}
		n, err := strconv.Atoi(text)
		require.NoError(t, err, name)
		return n
	}
	s := scale{
		cards: number("FERRY_PROOF_CARDS", 1500), faults: number("FERRY_PROOF_FAULTS", 96), passes: number("FERRY_PROOF_PASSES", 3),
		rate: float64(number("FERRY_PROOF_RATE", 40)), seed: int64(number("FERRY_SEED", os.Getpid())),
	}
	t.Logf("%d faults among %d cards, %d passes under %g transactions a second; FERRY_SEED=%d draws them again", s.faults, s.cards, s.passes, s.rate, s.seed)
	return s
}

// world is an Odoo, an engine and a ferry between them, on two servers as in life.
type world struct {
	*control.Control

	odoo           *odoo.DB
	source, target *pgxpool.Pool
	writer         string // the source's address for who may write there
}

// cluster starts a server of the test's own: transactions of the one side must not hold back the other's floor.
func cluster(tb testing.TB) *embedded.Server {
	tb.Helper()
	s, err := embedded.Start(tb.Context(), embedded.Options{})
	require.NoError(tb, err)
	tb.Cleanup(func() { require.NoError(tb, s.Stop(context.WithoutCancel(tb.Context()))) })
	return s
}

func pool(tb testing.TB, dsn string) *pgxpool.Pool {
	tb.Helper()
	p, err := pgxpool.New(tb.Context(), dsn)
	require.NoError(tb, err)
	tb.Cleanup(p.Close)
	return p
}

func newWorld(tb testing.TB, o scale) *world {
	tb.Helper()
	ctx := tb.Context()
	from, to := cluster(tb), cluster(tb)
	w := &world{source: pool(tb, from.DSN("postgres")), target: pool(tb, to.DSN("postgres")), writer: from.DSN("postgres")}
	conn, err := pgx.Connect(ctx, w.writer)
	require.NoError(tb, err)
	defer conn.Close(context.WithoutCancel(ctx))
	_, err = demo.Generate(ctx, conn, demo.Params{Cards: o.cards, Seed: o.seed})
	require.NoError(tb, err)
	require.NoError(tb, demo.GrantReader(ctx, conn, "ferry_reader", "proof"))

	logger := slog.New(slog.NewTextHandler(tb.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	odooDB, err := odoo.Open(ctx, from.DSNAs("ferry_reader", "proof", "postgres"), "ferry test")
	require.NoError(tb, err)
	w.odoo = odooDB
	engineDB, err := enginedb.Open(ctx, to.DSN("postgres"), "ferry test", 8, false)
	require.NoError(tb, err)
	jobs, err := queue.New(engineDB, logger)
	require.NoError(tb, err)
	w.Control = control.New(control.Config{
		Ledger: engineDB, Source: odooDB, Workers: jobs,
		Migrate: func(ctx context.Context) error { return migrations.Init(ctx, engineDB.Pool(), nil, logger) },
		Process: engine.Process{ID: tb.Name(), Host: "test", PID: 1, Workers: 2},
		Actor:   engine.Actor{User: "tester", Host: "test"},
		Logger:  logger, LookEvery: 20 * time.Millisecond,
	})
	w.Run(ctx)
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(tb.Context()), 30*time.Second)
		defer cancel()
		require.NoError(tb, w.Stop(ctx))
		odooDB.Close()
		engineDB.Close()
	})
	require.NoError(tb, w.Init(ctx))
	// Of so few rows a handful is soon a large share.
	_, err = w.target.Exec(ctx, `INSERT INTO ferry.policy VALUES ('vanish-share', '0.9')`)
	require.NoError(tb, err)
	id, err := w.StartFull(ctx, engine.StartOptions{})
	require.NoError(tb, err)
	require.Equal(tb, "done", w.await(tb, id))
	return w
}

// await waits for a run to end and gives its state.
func (w *world) await(tb testing.TB, id engine.RunID) (state string) {
	tb.Helper()
	defer func() {
		if tb.Failed() {
			tb.Log(w.where(tb, id))
		}
	}()
	require.Eventually(tb, func() bool {
		err := w.target.QueryRow(tb.Context(), `SELECT state FROM ferry.run WHERE id = $1`, id).Scan(&state)
		return err == nil && engine.RunState(state).Ended()
	}, 5*time.Minute, 50*time.Millisecond, "run #%d ends", id)
	return state
}

// passFloor waits until the floors of all entities have passed what the source has committed by now.
func (w *world) passFloor(t *testing.T) {
	t.Helper()
	var mark string
	require.NoError(t, w.source.QueryRow(t.Context(), `SELECT pg_snapshot_xmax(pg_current_snapshot())::text`).Scan(&mark))
	require.Eventually(t, func() bool {
		var passed bool
		err := w.target.QueryRow(t.Context(), `SELECT bool_and(floor >= $1::text::xid8)
			FROM (SELECT DISTINCT ON (entity) floor FROM ferry.floor ORDER BY entity, run_id DESC) f`, mark).Scan(&passed)
		return err == nil && passed
	}, time.Minute, 50*time.Millisecond, "floors move")
}

// where says in which state a run and its steps are.
func (w *world) where(tb testing.TB, id engine.RunID) (text string) {
	tb.Helper()
	require.NoError(tb, w.target.QueryRow(context.WithoutCancel(tb.Context()), `SELECT concat_ws(' ', r.state, r.waits, r.last_error, (
			SELECT string_agg(concat_ws(' ', verb, entity, state, low, carved, high, open, errors), '; ' ORDER BY seq)
			FROM ferry.step WHERE run_id = r.id), (
			SELECT string_agg(concat_ws(' ', d.entity, d.row_id, d.field, d.cause, d.version, d.version_at), '; ')
			FROM ferry.discrepancy d WHERE state = 'in_flight'))
		FROM ferry.run r WHERE id = $1`, id).Scan(&text))
	return text
}

// finding is what the check says of a row.
type finding struct {
	row

	Field, Cause, State string
}

// findings are the discrepancies that are known and not over.
func (w *world) findings(t *testing.T) []finding {
	t.Helper()
	found, err := w.target.Query(t.Context(), `SELECT entity, row_id, field, cause, state FROM ferry.discrepancy WHERE state <> 'verified'`)
	require.NoError(t, err)
	out, err := pgx.CollectRows(found, func(r pgx.CollectableRow) (f finding, err error) {
		return f, r.Scan(&f.Entity, &f.ID, &f.Field, &f.Cause, &f.State)
	})
	require.NoError(t, err)
	return out
}

// extras are the rows of the engine of which a sweep has said that the source does not have them.
func (w *world) extras(tb testing.TB) map[row]bool {
	tb.Helper()
	found, err := w.target.Query(tb.Context(), `SELECT entity, id FROM ferry.extra`)
	require.NoError(tb, err)
	out := map[row]bool{}
	var r row
	_, err = pgx.ForEachRow(found, []any{&r.Entity, &r.ID}, func() error {
		out[r] = true
		return nil
	})
	require.NoError(tb, err)
	return out
}
