package control_test

import (
	"context"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/engine/control"
	"ferry/store/embedded/pgtest"
	"ferry/store/enginedb"
	"ferry/store/migrations"
	"ferry/store/odoo"
	"ferry/store/queue"
)

func TestMain(m *testing.M) { pgtest.Main(m, pgtest.CheckLeaks()) }

// limit bounds every wait of a test. On a busy machine a full sync may well take a minute.
const limit = 3 * time.Minute

// odooDump loads a real Odoo 18's loyalty tables, hostile rows included.
func odooDump(ctx context.Context, dsn string) error {
	dump, err := os.ReadFile("../../testdata/loyalty_odoo18.sql")
	if err != nil {
		return err
	}
	return exec(ctx, dsn, string(dump))
}

func exec(ctx context.Context, dsn, statements string) error {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.PgConn().Exec(ctx, statements).ReadAll()
	return err
}

// initialised makes an engine database.
func initialised(ctx context.Context, dsn string) error {
	pool, err := pgxpool.New(ctx, dsn)
	if err != nil {
		return err
	}
	defer pool.Close()
	return migrations.Init(ctx, pool, nil, slog.New(slog.DiscardHandler))
}

// bundle is a whole ferry between two databases.
type bundle struct {
	*control.Control

	source, target *database
	reader         string // how the source is opened
	ledger         *enginedb.DB
}

// database is one of the two, with sessions of the test's own on it.
type database struct {
	*pgtest.DB

	pool *pgxpool.Pool
}

func newDatabase(t *testing.T, o ...pgtest.Option) *database {
	t.Helper()
	db := pgtest.New(t, o...)
	return &database{db, db.Pool(t)}
}

// setup opens a source through a role that may only read, an initialised engine, and a ferry with two workers.
func setup(t *testing.T, prepare func(ctx context.Context, dsn string) error) *bundle {
	t.Helper()
	return setupWith(t, "odoo18", prepare)
}

func setupWith(t *testing.T, template string, prepare func(ctx context.Context, dsn string) error) *bundle {
	t.Helper()
	b := &bundle{target: newDatabase(t, pgtest.Template("engine", initialised))}
	b.source = newDatabase(t, pgtest.Template(template, prepare))
	reader := pgtest.Role(t, b.source.DB, "", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
	b.reader = reader.DSN
	b.Control = b.open(t, b.reader, b.target.DSN)
	require.NoError(t, b.Init(t.Context()))
	return b
}

func (b *bundle) open(t *testing.T, source, target string) *control.Control {
	t.Helper()
	return b.openWith(t, source, target, func(*control.Config) {})
}

// openWith opens a ferry whose config is changed first.
func (b *bundle) openWith(t *testing.T, source, target string, change func(*control.Config)) *control.Control {
	t.Helper()
	ctx := t.Context()
	logger := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	from, err := odoo.Open(ctx, source, "ferry test")
	require.NoError(t, err)
	to, err := enginedb.Open(ctx, target, "ferry test", 8, false)
	require.NoError(t, err)
	b.ledger = to
	jobs, err := queue.New(to, logger)
	require.NoError(t, err)
	config := control.Config{
		Ledger: to, Source: from, Workers: jobs,
		Migrate: func(ctx context.Context) error { return migrations.Init(ctx, to.Pool(), nil, logger) },
		Process: engine.Process{ID: t.Name(), Host: "test", PID: 1, Workers: 2},
		Actor:   engine.Actor{User: "tester", Host: "test"},
		Logger:  logger, LookEvery: 100 * time.Millisecond, WatchEvery: 100 * time.Millisecond,
	}
	change(&config)
	k := control.New(config)
	k.Run(ctx)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), 20*time.Second)
		defer cancel()
		require.NoError(t, k.Stop(ctx))
		from.Close()
		to.Close()
	})
	return k
}

// rows reads one column of text from a database.
func rows(t *testing.T, db *database, sql string, args ...any) []string {
	t.Helper()
	found, err := db.pool.Query(t.Context(), sql, args...)
	require.NoError(t, err)
	out, err := pgx.CollectRows(found, pgx.RowTo[string])
	require.NoError(t, err)
	return out
}

// one reads one text from a database.
func one(t *testing.T, db *database, sql string, args ...any) string {
	t.Helper()
	out := rows(t, db, sql, args...)
	require.Len(t, out, 1, sql)
	return out[0]
}

// done requires that a run ended well and that every source row is accounted for.
func done(t *testing.T, s *engine.Snapshot) {
	t.Helper()
	require.Equal(t, engine.RunDone, s.Run.State, s.Run.Error)
	for _, e := range s.Entities {
		require.True(t, e.Accounted.Known && e.Accounted.Value, "%s: source %d, engine %d − stale %d − extra %d + quarantined %d",
			e.Name, e.SourceRows.Value, e.TargetRows.Value, e.Stale.Value, e.Extra.Value, e.Quarantined.Value)
		require.True(t, e.Counts.Balanced(), "%+v", e.Counts)
	}
}

// full runs a full sync to its end.
func (b *bundle) full(t *testing.T) *engine.Snapshot {
	t.Helper()
	id, err := b.StartFull(t.Context(), engine.StartOptions{})
	require.NoError(t, err)
	return b.await(t, id)
}

// await waits until a run has ended.
func (b *bundle) await(t *testing.T, id engine.RunID) *engine.Snapshot {
	t.Helper()
	var s *engine.Snapshot
	asked := time.Now()
	require.Eventually(t, func() bool {
		s = b.Snapshot()
		return s.TakenAt.After(asked) && s.Run != nil && s.Run.ID == id && s.Run.State.Ended()
	}, limit, 20*time.Millisecond)
	return s
}
