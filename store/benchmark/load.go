package benchmark

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"ferry/engine/entity"
)

// Names of figures. Those of ferry's own processes have its name in them.
const (
	loadOne      = "load/ferry-1"
	loadTwo      = "load/ferry-2"
	loadPlain    = "load/ferry-2/run"
	loadConsole  = "load/ferry-2-console/run"
	loadCeiling  = "load/copy-copy"
	loadUpsert   = "load/upsert"
	loadPgcopydb = "load/pgcopydb"
	loadPgloader = "load/pgloader"
)

// loads is the stage of first loads into an empty engine.
func loads(ctx context.Context, b *bench) error {
	contestants := []func(context.Context, int) error{
		func(ctx context.Context, _ int) error { return b.loadBy(ctx, 1) },
		func(ctx context.Context, _ int) error { return b.loadBy(ctx, 2) },
		b.ceiling,
		b.watched,
		b.upserts,
	}
	peers, clean, err := b.peers(ctx)
	if err != nil {
		return err
	}
	defer clean()
	if err := b.rounds(ctx, "first loads", append(contestants, peers...)...); err != nil {
		return err
	}
	return b.compare(ctx, "after first loads", b.whole, b.loaded)
}

// loadBy is ferry's own first load, as it is released.
func (b *bench) loadBy(ctx context.Context, workers int) error {
	engine, took, inside, err := b.load(ctx, b.whole, workers)
	if err != nil {
		return err
	}
	if workers == 1 {
		if err := b.arrived(ctx, b.whole, engine); err != nil {
			return err
		}
		b.took(b.report.figure(loadOne, "ferry sync full, 1 worker", b.whole.all()), took)
		return b.drop(ctx, engine)
	}
	if err := b.arrived(ctx, b.whole, engine); err != nil {
		return err
	}
	b.took(b.report.figure(loadTwo, "ferry sync full, 2 workers", b.whole.all()), took)
	b.took(b.report.figure(loadPlain, "  its run in the process", b.whole.all()), cost{wall: inside})
	return b.keep(ctx, engine)
}

// keep has an engine database be the one that later stages work on.
func (b *bench) keep(ctx context.Context, engine string) error {
	before := b.loaded
	b.loaded = engine
	if before == "" {
		return nil
	}
	return b.drop(ctx, before)
}

// filled gives the engine database that is filled from the whole source.
func (b *bench) filled(ctx context.Context) (string, error) {
	if b.loaded == "" {
		b.tellf("a first load, not measured …")
		engine, _, _, err := b.load(ctx, b.whole, 2)
		if err != nil {
			return "", err
		}
		b.loaded = engine
	}
	return b.loaded, nil
}

// load fills an engine database of its own. It gives what the process took, and of that the run.
func (b *bench) load(ctx context.Context, s *source, workers int) (engine string, took cost, inside time.Duration, err error) {
	if engine, err = b.newEngine(ctx); err != nil {
		return "", took, 0, err
	}
	load := b.command(s, engine, "sync", "full", "--plain", "--workers", itoa(workers))
	if s.invalid > 0 {
		load.exits = exitDiscrepancy
	}
	if _, took, err = load.run(ctx); err != nil {
		return engine, took, 0, err
	}
	inside, _, err = b.lastRun(ctx, engine, s)
	return engine, took, inside, err
}

// arrived fails unless an engine database has every valid row of a source: whoever did less is no contestant.
func (b *bench) arrived(ctx context.Context, s *source, engine string) error {
	conn, err := pgx.Connect(ctx, b.owner(engine))
	if err != nil {
		return fmt.Errorf("connecting to the engine: %w", err)
	}
	defer conn.Close(ctx) //nolint:errcheck // nothing is lost
	var all int64
	for _, e := range entity.All() {
		var rows int64
		if err := conn.QueryRow(ctx, `SELECT count(*) FROM `+engineTable(e)).Scan(&rows); err != nil {
			return fmt.Errorf("counting: %w", err)
		}
		all += rows
	}
	if want := s.all() - s.invalid; all != want {
		return fmt.Errorf("%d of %d rows arrived", all, want)
	}
	return nil
}

// lastRun is how long the last run took, and how many rows it updated. It fails unless that came to its end with every source row in
// its counts.
func (b *bench) lastRun(ctx context.Context, engine string, s *source) (took time.Duration, updated int64, err error) {
	conn, err := pgx.Connect(ctx, b.owner(engine))
	if err != nil {
		return 0, 0, fmt.Errorf("connecting to the engine: %w", err)
	}
	defer conn.Close(ctx) //nolint:errcheck // nothing is lost
	var state, kind string
	var read int64
	err = conn.QueryRow(ctx, `SELECT state, kind, finished_at - started_at, t.read, t.updated
		FROM ferry.run r, LATERAL (SELECT coalesce(sum(read), 0)::bigint AS read, coalesce(sum(updated), 0)::bigint AS updated
			FROM ferry.step s WHERE s.run_id = r.id) t ORDER BY id DESC LIMIT 1`).Scan(&state, &kind, &took, &read, &updated)
	switch {
	case err != nil:
		return 0, 0, fmt.Errorf("reading the last run: %w", err)
	case state != "done":
		return 0, 0, fmt.Errorf("the run ended as %s", state)
	case kind == "full" && read != s.all():
		return 0, 0, fmt.Errorf("the run read %d of %d rows", read, s.all())
	}
	return took, updated, nil
}

// ceiling is what PostgreSQL's own client can do: each table through a pipe with the same casts, then the same keys, indexes and
// foreign keys.
func (b *bench) ceiling(ctx context.Context, _ int) error {
	engine, err := b.empty(ctx, "ceiling")
	if err != nil {
		return err
	}
	if err := change(ctx, b.owner(engine), heaps()...); err != nil {
		return err
	}
	from, err := client(b.whole.reader)
	if err != nil {
		return err
	}
	to, err := client(b.owner(engine))
	if err != nil {
		return err
	}
	psql := func(env []string, sql string) command {
		return command{argv: []string{"psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", sql}, env: env}
	}
	began := time.Now()
	for _, e := range entity.All() {
		if err := pipe(ctx, psql(from, copyOut(e)), psql(to, copyIn(e))); err != nil {
			return err
		}
	}
	if err := change(ctx, b.owner(engine), keys()...); err != nil {
		return err
	}
	took := cost{wall: time.Since(began)}
	if err := b.arrived(ctx, b.whole, engine); err != nil {
		return err
	}
	b.took(b.report.figure(loadCeiling, "psql COPY | psql COPY, one pipe, then keys and indexes", b.whole.all()), took)
	return b.drop(ctx, engine)
}

// Of the upserts, a sample: so many rows of each table, so many in a transaction.
const (
	sample      = 10_000
	sampleBatch = 1000
)

// upserts is how such a sync is usually written: rows are read a batch at a time, and each is upserted in the batch's transaction.
func (b *bench) upserts(ctx context.Context, _ int) error {
	engine, err := b.newEngine(ctx)
	if err != nil {
		return err
	}
	theirs, ours, end, err := connectBoth(ctx, b.whole.reader, b.owner(engine))
	if err != nil {
		return err
	}
	defer end()
	batches, rows, err := sampleOf(ctx, theirs)
	if err != nil {
		return err
	}
	began := time.Now()
	for _, batch := range batches {
		if err := batch.write(ctx, ours); err != nil {
			return err
		}
	}
	b.took(b.report.figure(loadUpsert, "an upsert per row, "+itoa(int(rows))+" rows, reading not counted", rows), cost{wall: time.Since(began)})
	_ = ours.Close(ctx)
	return b.drop(ctx, engine)
}

// upsertBatch is what one transaction writes.
type upsertBatch struct {
	sql  string
	rows [][]any
}

func (u upsertBatch) write(ctx context.Context, ours *pgx.Conn) error {
	err := pgx.BeginFunc(ctx, ours, func(tx pgx.Tx) error {
		for _, values := range u.rows {
			if _, err := tx.Exec(ctx, u.sql, values...); err != nil {
				return err //nolint:wrapcheck // it is below
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("upserting: %w", err)
	}
	return nil
}

// sampleOf reads the first rows of each entity whose parents are in the sample.
func sampleOf(ctx context.Context, theirs *pgx.Conn) (batches []upsertBatch, rows int64, err error) {
	held := map[string]int64{} // the highest id of each entity
	for _, e := range entity.All() {
		with := []string{"true"}
		args := []any{int64(sample)}
		for _, p := range e.Parents {
			args = append(args, held[p.Entity])
			with = append(with, "coalesce("+pgx.Identifier{e.Columns[p.Column].Source}.Sanitize()+", 0) <= $"+itoa(len(args)))
		}
		found, err := theirs.Query(ctx, "SELECT "+mapping(e, e.InsertColumns())+" FROM "+sourceTable(e)+" WHERE "+
			strings.Join(with, " AND ")+" ORDER BY id LIMIT $1", args...)
		if err != nil {
			return nil, 0, fmt.Errorf("reading %s: %w", e.Name, err)
		}
		values, err := pgx.CollectRows(found, func(row pgx.CollectableRow) ([]any, error) { return row.Values() })
		if err != nil {
			return nil, 0, fmt.Errorf("reading %s: %w", e.Name, err)
		}
		if len(values) > 0 {
			held[e.Name], _ = values[len(values)-1][0].(int64)
		}
		rows += int64(len(values))
		for batch := range slices.Chunk(values, sampleBatch) {
			batches = append(batches, upsertBatch{upsert(e), batch})
		}
	}
	return batches, rows, nil
}
