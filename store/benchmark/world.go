package benchmark

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"ferry/store/demo"
	"ferry/store/embedded"
	"ferry/store/migrations"
)

// serverSettings are what a server of this size is given in production, and the same for every contestant. The data survives a
// crash: fsync, synchronous commits and full page writes are on.
var serverSettings = map[string]string{
	"shared_buffers":       "1GB",
	"maintenance_work_mem": "256MB",
	"max_wal_size":         "16GB",
	"checkpoint_timeout":   "30min",
}

// reported are the server settings that a reader of the figures asks for.
var reported = []string{
	"shared_buffers", "maintenance_work_mem", "work_mem", "max_wal_size", "wal_level", "fsync", "synchronous_commit", "full_page_writes",
	"max_parallel_workers_per_gather", "max_parallel_maintenance_workers",
}

// world is the throwaway server and what is on it.
type world struct {
	server *embedded.Server
	admin  *pgx.Conn
	secret string // of the roles below
	engine string // the role that owns engine databases
	made   int    // databases so far
}

// newWorld starts the server. The caller closes it.
func newWorld(ctx context.Context, dir string) (*world, error) {
	server, err := embedded.Start(ctx, embedded.Options{Dir: dir, Durable: true, Settings: serverSettings})
	if err != nil {
		return nil, err
	}
	w := &world{server: server, secret: rand.Text(), engine: "bench_engine"}
	if w.admin, err = pgx.Connect(ctx, server.DSN("postgres")); err != nil {
		return nil, errors.Join(fmt.Errorf("connecting to the benchmark's server: %w", err), w.close(ctx))
	}
	if err := w.exec(ctx, `CREATE ROLE `+w.engine+` LOGIN PASSWORD '`+w.secret+`'`); err != nil { // of letters and digits
		return nil, errors.Join(err, w.close(ctx))
	}
	return w, nil
}

func (w *world) close(ctx context.Context) error {
	ctx = context.WithoutCancel(ctx)
	if w.admin != nil {
		_ = w.admin.Close(ctx)
	}
	return w.server.Stop(ctx)
}

func (w *world) exec(ctx context.Context, statements ...string) error {
	for _, sql := range statements {
		if _, err := w.admin.Exec(ctx, sql); err != nil {
			return fmt.Errorf("preparing the benchmark's databases: %w", err)
		}
	}
	return nil
}

// settle has the server write out what others left dirty: nobody pays for somebody else's pages.
func (w *world) settle(ctx context.Context) error { return w.exec(ctx, `CHECKPOINT`) }

// settings are the server's, as it has them.
func (w *world) settings(ctx context.Context) (map[string]string, error) {
	out := map[string]string{}
	for _, name := range reported {
		var value string
		if err := w.admin.QueryRow(ctx, `SELECT current_setting($1)`, name).Scan(&value); err != nil {
			return nil, fmt.Errorf("reading the server's settings: %w", err)
		}
		out[name] = value
	}
	return out, nil
}

// name gives a database name that nobody has.
func (w *world) name(what string) string {
	w.made++
	return "bench_" + what + "_" + strconv.Itoa(w.made)
}

// source is an Odoo-shaped database.
type source struct {
	name   string
	dsn    string // the superuser's
	reader string // the connection string of the role that ferry reads by
	rows   map[string]int64
	// invalid is how many of them are to be rejected.
	invalid int64
}

// all is how many rows the three tables have.
func (s *source) all() int64 {
	var n int64
	for _, rows := range s.rows {
		n += rows
	}
	return n
}

// newSource generates an Odoo of so many cards in which every row is valid.
func (w *world) newSource(ctx context.Context, cards int, seed int64) (*source, error) {
	s := &source{name: w.name("odoo")}
	s.dsn = w.server.DSN(s.name)
	if err := w.exec(ctx, `CREATE DATABASE `+s.name); err != nil {
		return nil, err
	}
	conn, err := pgx.Connect(ctx, s.dsn)
	if err != nil {
		return nil, fmt.Errorf("connecting to the benchmark's source: %w", err)
	}
	defer conn.Close(ctx) //nolint:errcheck // nothing is lost
	made, err := demo.Generate(ctx, conn, demo.Params{Cards: cards, Seed: seed, Clean: true})
	if err != nil {
		return nil, fmt.Errorf("filling the benchmark's source: %w", err)
	}
	s.rows = map[string]int64{"loyalty_card": made.Cards, "loyalty_point_move": made.Moves, "loyalty_point_history": made.History}
	role := s.name + "_reader"
	if err := demo.GrantReader(ctx, conn, role, w.secret); err != nil {
		return nil, err
	}
	s.reader = w.server.DSNAs(role, w.secret, s.name)
	if _, err := conn.Exec(ctx, `VACUUM (FREEZE, ANALYZE)`); err != nil { // as an Odoo is that has been there for a while
		return nil, fmt.Errorf("vacuuming the benchmark's source: %w", err)
	}
	return s, w.settle(ctx)
}

// copyOf is a source with the same rows, whose reader is the same.
func (w *world) copyOf(ctx context.Context, s *source) (*source, error) {
	out := &source{name: w.name("copy"), rows: s.rows}
	out.dsn, out.reader = w.server.DSN(out.name), w.server.DSNAs(s.name+"_reader", w.secret, out.name)
	return out, w.exec(ctx, `CREATE DATABASE `+out.name+` TEMPLATE `+s.name)
}

// changeRows carries out one statement on a database, and gives how many rows it was about.
func changeRows(ctx context.Context, dsn, sql string) (int64, error) {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return 0, fmt.Errorf("connecting: %w", err)
	}
	defer conn.Close(ctx) //nolint:errcheck // nothing is lost
	tag, err := conn.Exec(ctx, sql)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", sql, err)
	}
	return tag.RowsAffected(), nil
}

// change carries out statements on a database.
func change(ctx context.Context, dsn string, statements ...string) error {
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return fmt.Errorf("connecting: %w", err)
	}
	defer conn.Close(ctx) //nolint:errcheck // nothing is lost
	for _, sql := range statements {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return fmt.Errorf("%s: %w", sql, err)
		}
	}
	return nil
}

// newEngine makes an engine database as `ferry init` does.
func (w *world) newEngine(ctx context.Context) (name string, err error) {
	name, err = w.empty(ctx, "engine")
	if err != nil {
		return "", err
	}
	pool, err := pgxpool.New(ctx, w.owner(name))
	if err != nil {
		return "", fmt.Errorf("connecting to the benchmark's engine: %w", err)
	}
	defer pool.Close()
	return name, migrations.Init(ctx, pool, nil, slog.New(slog.DiscardHandler))
}

// empty makes a database with nothing in it.
func (w *world) empty(ctx context.Context, what string) (string, error) {
	name := w.name(what)
	return name, w.exec(ctx, `CREATE DATABASE `+name+` OWNER `+w.engine)
}

// owner is the connection string of the role that owns engine databases.
func (w *world) owner(database string) string { return w.server.DSNAs(w.engine, w.secret, database) }

func (w *world) drop(ctx context.Context, databases ...string) error {
	for _, name := range databases {
		if err := w.exec(ctx, `DROP DATABASE IF EXISTS `+name+` WITH (FORCE)`); err != nil {
			return err
		}
	}
	return nil
}

// client is the environment of libpq's programs for a connection string: the password is on no command line.
func client(dsn string) ([]string, error) {
	c, err := pgx.ParseConfig(dsn)
	if err != nil {
		return nil, fmt.Errorf("reading a connection string: %w", err)
	}
	env := []string{
		"PGHOST=" + c.Host, "PGPORT=" + strconv.Itoa(int(c.Port)), "PGUSER=" + c.User, "PGPASSWORD=" + c.Password, "PGDATABASE=" + c.Database,
	}
	return append(env, surroundings()...), nil
}

// quoteList writes names as a list in SQL.
func quoteList(names []string) string {
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = pgx.Identifier{name}.Sanitize()
	}
	return strings.Join(out, ", ")
}
