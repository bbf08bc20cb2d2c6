// Package migrations makes the engine database ready: schema ferry with the queue's tables and ours, and the engine's
// own tables where they are absent.
//
// The two are treated differently. Schema ferry is ours and is migrated. The engine's tables belong to another program:
// they are created only if none of them exists; existing ones are compared with the entities' descriptions, and what
// they lack is said as DDL, never altered.
package migrations

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"ferry/engine"
	"ferry/engine/entity"
)

// Schema is where ferry's tables and the queue's live.
const Schema = "ferry"

const versionTable = Schema + ".schema_version"

//go:embed sql/*.sql
var files embed.FS

// Querier is what reading needs: a connection, a pool or a transaction.
type Querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// Status says whether the engine database is ready for this program.
func Status(ctx context.Context, db Querier) (engine.Setup, error) {
	var version int64
	var queue int64
	var exists bool
	err := db.QueryRow(ctx, `SELECT to_regclass($1) IS NOT NULL AND to_regclass($2) IS NOT NULL`,
		versionTable, Schema+".river_migration").Scan(&exists)
	if err != nil {
		return engine.SetupUnknown, fmt.Errorf("looking for schema %s: %w", Schema, err)
	}
	if !exists {
		return engine.SetupMissing, nil
	}
	err = db.QueryRow(ctx, `SELECT (SELECT coalesce(max(version_id), 0) FROM ferry.schema_version WHERE is_applied),
		(SELECT coalesce(max(version), 0) FROM ferry.river_migration WHERE line = 'main')`).Scan(&version, &queue)
	if err != nil {
		return engine.SetupUnknown, fmt.Errorf("reading the version of schema %s: %w", Schema, err)
	}
	known, knownQueue, err := latest()
	if err != nil {
		return engine.SetupUnknown, err
	}
	switch {
	case version == 0:
		return engine.SetupMissing, nil
	case version > known || queue > knownQueue:
		return engine.SetupNewer, nil
	case version < known || queue < knownQueue:
		return engine.SetupOlder, nil
	}
	return engine.SetupReady, nil
}

// latest gives the versions that this program knows: of ferry's tables and of the queue's.
func latest() (ours, queue int64, err error) {
	names, err := fs.Glob(files, "sql/*.sql")
	if err != nil {
		return 0, 0, fmt.Errorf("listing migrations: %w", err)
	}
	for _, name := range names {
		version, err := goose.NumericComponent(name)
		if err != nil {
			return 0, 0, fmt.Errorf("migration %s: %w", name, err)
		}
		ours = max(ours, version)
	}
	migrator, err := rivermigrate.New(riverpgxv5.New(nil), &rivermigrate.Config{Schema: Schema})
	if err != nil {
		return 0, 0, fmt.Errorf("reading the queue's migrations: %w", err)
	}
	for _, m := range migrator.AllVersions() {
		queue = max(queue, int64(m.Version))
	}
	return ours, queue, nil
}

// Init brings the engine database to this program's version. It is idempotent. It fails with ErrSchemaNewer if a newer
// program was there, and with ErrShape, changing nothing, if existing engine tables lack something. Rules seed the
// severities that are not there yet; they never change one that is.
func Init(ctx context.Context, pool *pgxpool.Pool, rules entity.Rules, logger *slog.Logger) error {
	return InitWith(ctx, pool, Seeds{Rules: rules}, logger)
}

// Seeds are what a new engine database begins with. From then on its own are in force, whatever somebody's config says.
type Seeds struct {
	Rules    entity.Rules      // the others have their defaults
	Policies map[string]string // likewise; see cycle.PolicyNames
}

// InitWith is Init with policies too. They are for an engine database that has none yet: where one is absent its default is
// in force, so a later config must not fill it in.
func InitWith(ctx context.Context, pool *pgxpool.Pool, seeds Seeds, logger *slog.Logger) error {
	status, err := Status(ctx, pool)
	if err != nil {
		return err
	}
	if status == engine.SetupNewer {
		return fmt.Errorf("%w: install that version, or a later one", engine.ErrSchemaNewer)
	}
	if err := initEngineTables(ctx, pool); err != nil {
		return err
	}
	var decided bool
	if err := pool.QueryRow(ctx, `SELECT to_regclass('ferry.policy') IS NOT NULL`).Scan(&decided); err != nil {
		return fmt.Errorf("looking for policies: %w", err)
	}
	if decided {
		seeds.Policies = nil
	}
	if err := migrate(ctx, pool, logger); err != nil {
		return err
	}
	return seed(ctx, pool, seeds)
}

func migrate(ctx context.Context, pool *pgxpool.Pool, logger *slog.Logger) error {
	if _, err := pool.Exec(ctx, `CREATE SCHEMA IF NOT EXISTS ferry`); err != nil {
		return fmt.Errorf("creating schema %s: %w", Schema, err)
	}
	queue, err := rivermigrate.New(riverpgxv5.New(pool), &rivermigrate.Config{Schema: Schema, Logger: logger})
	if err != nil {
		return fmt.Errorf("preparing the queue's tables: %w", err)
	}
	locker, err := lock.NewPostgresSessionLocker()
	if err != nil {
		return fmt.Errorf("preparing the migration lock: %w", err)
	}
	sources, err := fs.Sub(files, "sql")
	if err != nil {
		return fmt.Errorf("opening migrations: %w", err)
	}
	db := stdlib.OpenDBFromPool(pool)
	defer db.Close() //nolint:errcheck // the pool stays; nothing is lost
	provider, err := goose.NewProvider(goose.DialectPostgres, db, sources,
		goose.WithTableName(versionTable), goose.WithSessionLocker(locker), goose.WithSlog(logger))
	if err != nil {
		return fmt.Errorf("preparing migrations: %w", err)
	}
	if _, err := queue.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("making the queue's tables: %w", err)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("making ferry's tables: %w", err)
	}
	return nil
}

// seed gives every entity its lease and every rule its severity: the one given, else its default. What is there already
// stays.
func seed(ctx context.Context, pool *pgxpool.Pool, seeds Seeds) error {
	batch := &pgx.Batch{}
	for _, e := range entity.All() {
		batch.Queue(`INSERT INTO ferry.lease (entity) VALUES ($1) ON CONFLICT DO NOTHING`, e.Name)
	}
	severities := entity.DefaultRules()
	maps.Copy(severities, seeds.Rules)
	for name, severity := range severities {
		batch.Queue(`INSERT INTO ferry.rule (name, severity) VALUES ($1, $2) ON CONFLICT DO NOTHING`, name, string(severity))
	}
	for name, value := range seeds.Policies {
		batch.Queue(`INSERT INTO ferry.policy (name, value) VALUES ($1, $2) ON CONFLICT DO NOTHING`, name, value)
	}
	if err := pool.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("seeding leases, rules and policies: %w", err)
	}
	return nil
}

func initEngineTables(ctx context.Context, pool *pgxpool.Pool) error {
	tx, err := pool.Begin(ctx)
	if err != nil {
		return fmt.Errorf("looking at the engine's tables: %w", err)
	}
	defer tx.Rollback(ctx) //nolint:errcheck // after a commit there is nothing to roll back
	lacks, present, err := CheckEngine(ctx, tx)
	if err != nil {
		return err
	}
	if present > 0 && len(lacks) > 0 {
		return fmt.Errorf("%w: the engine's tables exist and are not altered; they lack:\n%w",
			engine.ErrShape, errors.New(joinDDL(lacks)))
	}
	if present > 0 {
		return nil
	}
	for _, statement := range EngineDDL() {
		if _, err := tx.Exec(ctx, statement); err != nil {
			return fmt.Errorf("creating the engine's tables: %w", err)
		}
	}
	if err := tx.Commit(ctx); err != nil {
		return fmt.Errorf("creating the engine's tables: %w", err)
	}
	return nil
}
