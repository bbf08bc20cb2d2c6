package interleave_test

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/engine/cycle"
	"ferry/store/embedded/pgtest"
	"ferry/store/enginedb"
	"ferry/store/migrations"
	"ferry/store/odoo"
)

// tick is what ferry does at every look but the first, which is always a full run.
var tick = (*enginedb.DB).StartIncremental

// list is a queue in the test's own hands: it works on nothing by itself.
type list struct {
	mu   sync.Mutex
	jobs []enginedb.Job
}

var _ enginedb.Queue = (*list)(nil)

// Enqueue keeps jobs. One whose transaction is undone is refused when its batch is claimed, for that does not exist.
func (l *list) Enqueue(_ context.Context, _ pgx.Tx, jobs []enginedb.Job) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.jobs = append(l.jobs, jobs...)
	return nil
}

// Lost gives no job: none is ever lost here.
func (l *list) Lost(context.Context, pgx.Tx, []enginedb.Job, string, []string) ([]enginedb.Job, error) {
	return nil, nil
}

// Busy gives false: whoever asks is not at a batch.
func (l *list) Busy(engine.BatchID) bool { return false }

// next takes the oldest job.
func (l *list) next() (enginedb.Job, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.jobs) == 0 {
		return enginedb.Job{}, false
	}
	job := l.jobs[0]
	l.jobs = l.jobs[1:]
	return job, true
}

// ferry is a whole one, carried out in the test's goroutine.
type ferry struct {
	target   *pgxpool.Pool // as the oracle sees it
	source   *odoo.DB
	engine   *enginedb.DB
	jobs     *list
	executor *cycle.Executor
	identity string
	empty    []string // tables of a new engine that have no rows
	looked   bool
}

func newFerry(t *testing.T, s *source) *ferry {
	t.Helper()
	ctx := t.Context()
	db := pgtest.New(t, pgtest.Template("engine", initEngine))
	f := &ferry{target: db.Pool(t), jobs: &list{}}
	var err error
	f.source, err = odoo.Open(ctx, s.reader, "ferry")
	require.NoError(t, err)
	t.Cleanup(f.source.Close)
	f.engine, err = enginedb.Open(ctx, db.DSN, "ferry", 4, false)
	require.NoError(t, err)
	t.Cleanup(f.engine.Close)
	f.engine.SetQueue(f.jobs)
	f.identity, err = f.source.Identity(ctx)
	require.NoError(t, err)
	f.executor = &cycle.Executor{
		Source: f.source, Process: engine.Process{ID: t.Name(), Host: "test", Workers: 1}, Logger: slog.New(slog.DiscardHandler),
	}
	f.empty = emptyTables(ctx, t, f.target)
	return f
}

func initEngine(ctx context.Context, dsn string) error {
	pool, err := pgxpool.New(ctx, dsn)
	if err != nil {
		return err
	}
	defer pool.Close()
	return migrations.Init(ctx, pool, nil, slog.New(slog.DiscardHandler))
}

// emptyTables are those without rows, with their schemas.
func emptyTables(ctx context.Context, t *testing.T, db *pgxpool.Pool) []string {
	t.Helper()
	found, err := db.Query(ctx, `SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname IN ('ferry', 'public') ORDER BY 1`)
	require.NoError(t, err)
	names, err := pgx.CollectRows(found, pgx.RowTo[string])
	require.NoError(t, err)
	return slices.DeleteFunc(names, func(name string) bool {
		var some bool
		require.NoError(t, db.QueryRow(ctx, `SELECT EXISTS (SELECT FROM `+name+`)`).Scan(&some))
		return some
	})
}

// reset makes the engine as it was when it was new.
func (f *ferry) reset(ctx context.Context, t *testing.T) {
	t.Helper()
	f.looked = false
	_, err := f.target.Exec(ctx, `UPDATE ferry.lease SET run_id = NULL`)
	require.NoError(t, err)
	clearTables(ctx, t, f.target, f.empty)
}

// Look does a run to its end.
func (f *ferry) Look(ctx context.Context) error {
	start := tick
	if !f.looked {
		start = (*enginedb.DB).StartFull
	}
	run, err := start(f.engine, ctx, f.identity, engine.Actor{User: "test", Host: "test"}, engine.StartOptions{})
	if err != nil {
		return err
	}
	f.looked = true
	if err := f.drain(ctx); err != nil {
		return fmt.Errorf("run #%d: %w", run, err)
	}
	var state, why string
	err = f.target.QueryRow(ctx, `SELECT state, concat_ws('; ', state_reason, error, last_error) FROM ferry.run WHERE id = $1`, run).Scan(&state, &why)
	if err == nil && state != string(engine.RunDone) {
		err = fmt.Errorf("run #%d is %s and has no work: %s", run, state, why)
	}
	return err
}

// drain carries out batches, one after the other, until there is none.
func (f *ferry) drain(ctx context.Context) error {
	target := f.engine.TargetFor(func(context.Context, pgx.Tx) error { return nil })
	for {
		job, some := f.jobs.next()
		if !some {
			return nil
		}
		// Nobody else is there whom it could meet, so nothing needs to be tried again.
		if err := f.executor.Execute(ctx, target, job.Batch, job.Attempt); err != nil {
			return err
		}
	}
}
