package benchmark

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"ferry/engine/entity"
)

// peers are the programs that copy PostgreSQL databases, where they are installed: of the same rows, without ferry's casts, checks
// and counts. They copy a whole database, so they get one with nothing else in it.
func (b *bench) peers(ctx context.Context) (contestants []func(context.Context, int) error, clean func(), err error) {
	clean = func() {}
	available := map[string]bool{}
	for _, program := range []string{"pgcopydb", "pgloader"} {
		if _, err := exec.LookPath(program); err != nil {
			b.leaveOutf("%s: it is not installed", program)
			continue
		}
		available[program] = true
	}
	if len(available) == 0 {
		return nil, clean, nil
	}
	three, err := b.threeTables(ctx)
	if err != nil {
		return nil, clean, err
	}
	clean = func() { _ = b.drop(context.WithoutCancel(ctx), three.name) }
	if available["pgcopydb"] {
		contestants = append(contestants, func(ctx context.Context, _ int) error {
			return b.peer(ctx, three, loadPgcopydb, "pgcopydb", b.pgcopydb)
		})
	}
	if available["pgloader"] {
		contestants = append(contestants, func(ctx context.Context, _ int) error {
			return b.peer(ctx, three, loadPgloader, "pgloader", b.pgloader)
		})
	}
	return contestants, clean, nil
}

// threeTables is the whole source without what ferry does not carry.
func (b *bench) threeTables(ctx context.Context) (*source, error) {
	three, err := b.copyOf(ctx, b.whole)
	if err != nil {
		return nil, err
	}
	conn, err := pgx.Connect(ctx, three.dsn)
	if err != nil {
		return nil, fmt.Errorf("connecting to a source: %w", err)
	}
	defer conn.Close(ctx) //nolint:errcheck // nothing is lost
	var names []string
	for _, e := range entity.All() {
		names = append(names, e.Name)
	}
	rows, err := conn.Query(ctx, `SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> ALL ($1)`, names)
	if err != nil {
		return nil, fmt.Errorf("listing tables: %w", err)
	}
	others, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("listing tables: %w", err)
	}
	if len(others) > 0 {
		if _, err := conn.Exec(ctx, `DROP TABLE `+quoteList(others)+` CASCADE`); err != nil {
			return nil, fmt.Errorf("dropping tables that are not carried: %w", err)
		}
	}
	return three, nil
}

// peer lets a program copy a database into an empty one. One that fails is out of the race, with the reason: that says nothing
// about ferry.
func (b *bench) peer(
	ctx context.Context, s *source, name, program string, run func(context.Context, *source, string) (command, error),
) error {
	target, err := b.empty(ctx, program)
	if err != nil {
		return err
	}
	c, err := run(ctx, s, target)
	if err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, b.peerLimit())
	defer cancel()
	_, took, err := c.run(limited)
	if ctx.Err() != nil {
		return err
	}
	if err == nil {
		err = b.copied(ctx, s, target)
	}
	if err != nil {
		b.leaveOutf("%s: %v", program, err)
		return b.drop(ctx, target)
	}
	b.took(b.report.figure(name, program+", 2 jobs", s.all()), took)
	return b.drop(ctx, target)
}

// peerLimit is how long a peer may take: some hang. Whoever takes so much longer than ferry is out of the race anyway.
func (b *bench) peerLimit() time.Duration {
	const least, times = 2 * time.Minute, 20
	var ours time.Duration
	if f := b.report.Figure(loadTwo); f != nil {
		ours = time.Duration(f.Median * float64(time.Second))
	}
	return max(least, times*ours)
}

// copied fails unless a peer has copied every row and the keys.
func (b *bench) copied(ctx context.Context, s *source, target string) error {
	conn, err := pgx.Connect(ctx, b.server.DSN(target))
	if err != nil {
		return fmt.Errorf("connecting: %w", err)
	}
	defer conn.Close(ctx) //nolint:errcheck // nothing is lost
	for _, e := range entity.All() {
		var rows int64
		var key bool
		err := conn.QueryRow(ctx, `SELECT count(*), EXISTS (SELECT FROM pg_index WHERE indisprimary AND indrelid = $1::regclass) FROM `+
			sourceTable(e), e.Name).Scan(&rows, &key)
		switch {
		case err != nil:
			return fmt.Errorf("counting: %w", err)
		case rows != s.rows[e.Name] || !key:
			return fmt.Errorf("it copied %d of %d rows of %s (primary key: %t)", rows, s.rows[e.Name], e.Name, key)
		}
	}
	return nil
}

func (b *bench) pgcopydb(_ context.Context, s *source, target string) (command, error) {
	dir, err := os.MkdirTemp(b.home, "pgcopydb-")
	if err != nil {
		return command{}, fmt.Errorf("making a directory: %w", err)
	}
	return command{
		argv: []string{
			"pgcopydb", "clone", "--dir", filepath.Join(dir, "work"), "--table-jobs", "2", "--index-jobs", "2", "--no-owner", "--no-acl",
			"--not-consistent",
		},
		env: append(surroundings(), "HOME="+b.home, "XDG_DATA_HOME="+dir,
			"PGCOPYDB_SOURCE_PGURI="+s.dsn, "PGCOPYDB_TARGET_PGURI="+b.server.DSN(target)),
	}, nil
}

func (b *bench) pgloader(_ context.Context, s *source, target string) (command, error) {
	from, err := plainURL(s.dsn)
	if err != nil {
		return command{}, err
	}
	to, err := plainURL(b.server.DSN(target))
	if err != nil {
		return command{}, err
	}
	script := filepath.Join(b.home, target+".load")
	text := "LOAD DATABASE FROM " + from + "\n INTO " + to + "\n WITH workers = 4, concurrency = 1;\n"
	if err := os.WriteFile(script, []byte(text), 0o600); err != nil {
		return command{}, fmt.Errorf("writing pgloader's script: %w", err)
	}
	return command{argv: []string{"pgloader", "--on-error-stop", script}, env: append(surroundings(), "HOME="+b.home)}, nil
}

// plainURL is a connection string as pgloader reads it: TCP, and no parameters that it does not know.
func plainURL(dsn string) (string, error) {
	c, err := pgx.ParseConfig(dsn)
	if err != nil {
		return "", fmt.Errorf("reading a connection string: %w", err)
	}
	host := c.Host
	if strings.HasPrefix(host, "/") {
		host = "127.0.0.1"
	}
	u := url.URL{Scheme: "postgresql", User: url.UserPassword(c.User, c.Password), Host: host + ":" + itoa(int(c.Port)), Path: c.Database}
	return u.String(), nil
}
