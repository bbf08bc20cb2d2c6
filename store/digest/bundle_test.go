package digest_test

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/engine/check"
	"ferry/engine/control"
	"ferry/engine/cycle"
	"ferry/engine/entity"
	"ferry/store/embedded/pgtest"
	"ferry/store/enginedb"
	"ferry/store/migrations"
	"ferry/store/odoo"
	"ferry/store/queue"
)

func TestMain(m *testing.M) { pgtest.Main(m, pgtest.CheckLeaks()) }

// fromEnv reads a number that changes a test or a benchmark.
func fromEnv(tb testing.TB, name string, otherwise int) int {
	tb.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	require.NoError(tb, err, name)
	return n
}

// randomness is seeded anew in every run, and says how to repeat it.
func randomness(t *testing.T) *rand.Rand {
	t.Helper()
	seed := fromEnv(t, "FERRY_SEED", os.Getpid())
	t.Logf("FERRY_SEED=%d repeats what is drawn here", seed)
	return rand.New(rand.NewPCG(uint64(seed), 1))
}

// pair is a source, read through a role that may only read, and an initialised engine.
type pair struct {
	odoo, target *pgxpool.Pool // sessions of the test's own
	source       *odoo.DB
	engine       *enginedb.DB
}

func newPair(tb testing.TB, source, target string, odooPool, targetPool *pgxpool.Pool) *pair {
	tb.Helper()
	from, err := odoo.Open(tb.Context(), source, "ferry test")
	require.NoError(tb, err)
	tb.Cleanup(from.Close)
	to, err := enginedb.Open(tb.Context(), target, "ferry test", 8, false)
	require.NoError(tb, err)
	tb.Cleanup(to.Close)
	return &pair{odoo: odooPool, target: targetPool, source: from, engine: to}
}

// look compares some rows: the engine is seen first.
func (p *pair) look(tb testing.TB, e *entity.Entity, of cycle.Scope, o *check.Options) check.Look {
	tb.Helper()
	view, err := p.engine.View(tb.Context())
	require.NoError(tb, err)
	defer view.Close()
	snap, err := p.source.Look(tb.Context())
	require.NoError(tb, err)
	defer snap.Close()
	look, err := check.Compare(tb.Context(), view, snap, e, entity.DefaultRules(), of, o)
	require.NoError(tb, err)
	return look
}

func exec(tb testing.TB, db *pgxpool.Pool, statements ...string) {
	tb.Helper()
	for _, sql := range statements {
		_, err := db.Exec(tb.Context(), sql)
		require.NoError(tb, err, sql)
	}
}

func one[T any](tb testing.TB, db *pgxpool.Pool, sql string, args ...any) T {
	tb.Helper()
	var out T
	require.NoError(tb, db.QueryRow(tb.Context(), sql, args...).Scan(&out), sql)
	return out
}

// odoo18 is a real Odoo 18's loyalty tables, hostile rows included.
func odoo18() pgtest.Option {
	return pgtest.Template("odoo 18", func(ctx context.Context, dsn string) error {
		dump, err := os.ReadFile("../../testdata/loyalty_odoo18.sql")
		if err != nil {
			return err
		}
		conn, err := pgx.Connect(ctx, dsn)
		if err != nil {
			return err
		}
		defer conn.Close(ctx)
		_, err = conn.PgConn().Exec(ctx, string(dump)).ReadAll()
		return err
	})
}

// ferry is a whole one between two databases.
type ferry struct {
	*pair
	*control.Control
}

// loaded is the dump, carried over once.
func loaded(t *testing.T) *ferry {
	t.Helper()
	from, to := pgtest.New(t, odoo18()), pgtest.New(t)
	reader := pgtest.Role(t, from, "", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
	f := &ferry{pair: newPair(t, reader.DSN, to.DSN, from.Pool(t), to.Pool(t))}
	logger := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	jobs, err := queue.New(f.engine, logger)
	require.NoError(t, err)
	f.Control = control.New(control.Config{
		Ledger: f.engine, Source: f.source, Workers: jobs,
		Migrate: func(ctx context.Context) error { return migrations.Init(ctx, f.engine.Pool(), nil, logger) },
		Process: engine.Process{ID: t.Name(), Host: "test", PID: 1, Workers: 2},
		Actor:   engine.Actor{User: "tester", Host: "test"},
		Logger:  logger, LookEvery: 20 * time.Millisecond,
	})
	f.Run(t.Context())
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 20*time.Second)
		defer cancel()
		require.NoError(t, f.Stop(ctx))
	})
	require.NoError(t, f.Init(t.Context()))
	id, err := f.StartFull(t.Context(), engine.StartOptions{})
	require.NoError(t, err)
	f.await(t, id)
	return f
}

// await waits until a run has ended, and requires that it did so well.
func (f *ferry) await(t *testing.T, id engine.RunID) {
	t.Helper()
	require.Eventually(t, func() bool {
		s, err := f.engine.ReadRun(t.Context(), id)
		require.NoError(t, err)
		return s.Run.State.Ended() && s.Run.State == engine.RunDone
	}, time.Minute, 20*time.Millisecond)
}

// everything is the range of all ids that either side has.
func (p *pair) everything(tb testing.TB, e *entity.Entity) cycle.Scope {
	tb.Helper()
	return cycle.Scope{High: max(
		one[int64](tb, p.odoo, `SELECT coalesce(max(id), 0)::bigint FROM `+e.Name),
		one[int64](tb, p.target, `SELECT coalesce(max(`+e.OdooID+`), 0) FROM `+e.Target))}
}
