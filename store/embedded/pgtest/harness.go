package pgtest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"ferry/store/embedded"
)

// objectInUse is PostgreSQL's answer when someone is still connected to the database to be copied or dropped.
const objectInUse = "55006"

// harness is one server with the templates on it.
type harness struct {
	count atomic.Int64 // makes names unique

	starting sync.Mutex
	server   *embedded.Server
	err      error // of the one attempt to start
	ended    bool

	// One connection does all that is done to databases, one thing at a time: creating them in parallel gains nothing
	// on one disk and is refused now and then. It is a bare connection, as a pool would keep goroutines.
	admin sync.Mutex
	conn  *pgx.Conn

	templating sync.Mutex
	templates  map[string]*template
}

// template is a database that tests copy.
type template struct {
	once sync.Once
	db   string
	err  error
}

// start starts the server, once; a failure is everybody's.
func (h *harness) start() (*embedded.Server, error) {
	h.starting.Lock()
	defer h.starting.Unlock()
	if h.ended {
		return nil, errors.New("the tests are over and the server has stopped")
	}
	if h.server == nil && h.err == nil {
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		h.server, h.err = embedded.Start(ctx, embedded.Options{})
	}
	if h.err == nil {
		h.err = h.server.Err()
	}
	return h.server, h.err
}

func (h *harness) stop() error {
	h.starting.Lock()
	defer h.starting.Unlock()
	h.ended = true
	if h.server == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	h.admin.Lock()
	defer h.admin.Unlock()
	if h.conn != nil {
		_ = h.conn.Close(ctx)
	}
	return h.server.Stop(ctx)
}

// create makes a database for a test and returns its name.
func (h *harness) create(ctx context.Context, test string, o options) (string, error) {
	from := "template0" // nobody can be connected to it
	if o.template != "" {
		t := h.template(o.template)
		t.once.Do(func() {
			t.err = errors.New("its preparation was cut short") // as by FailNow
			t.db, t.err = h.prepare(ctx, o)
		})
		if t.err != nil {
			return "", fmt.Errorf("prepare the template %q: %w", o.template, t.err)
		}
		from = t.db
	}
	name := h.name("test", test)
	return name, h.exec(ctx, "CREATE DATABASE "+name+" TEMPLATE "+from)
}

func (h *harness) template(name string) *template {
	h.templating.Lock()
	defer h.templating.Unlock()
	if h.templates == nil {
		h.templates = make(map[string]*template)
	}
	if h.templates[name] == nil {
		h.templates[name] = &template{}
	}
	return h.templates[name]
}

// prepare makes a template and closes it to everyone: whoever is connected to a database keeps it from being copied.
func (h *harness) prepare(ctx context.Context, o options) (string, error) {
	name := h.name("template", o.template)
	if err := h.exec(ctx, "CREATE DATABASE "+name+" TEMPLATE template0"); err != nil {
		return "", err
	}
	if err := o.prepare(ctx, h.server.DSN(name)); err != nil {
		return "", err
	}
	return name, h.exec(ctx,
		"ALTER DATABASE "+name+" ALLOW_CONNECTIONS false",
		"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '"+name+"'")
}

// drop removes a database and then its roles, which nothing holds any more.
func (h *harness) drop(ctx context.Context, name string, roles []string) error {
	statements := []string{"DROP DATABASE IF EXISTS " + name + " WITH (FORCE)"}
	for _, role := range roles {
		statements = append(statements, "DROP ROLE IF EXISTS "+role)
	}
	return h.exec(ctx, statements...)
}

// exec runs statements on the server's own database. A database that is still in use is tried again until the context
// is done: those who were told to leave need a moment.
func (h *harness) exec(ctx context.Context, statements ...string) error {
	h.admin.Lock()
	defer h.admin.Unlock()
	for _, sql := range statements {
		for {
			err := h.execOnce(ctx, sql)
			var pgErr *pgconn.PgError
			if !errors.As(err, &pgErr) || pgErr.Code != objectInUse {
				if err != nil {
					return err
				}
				break
			}
			timer := time.NewTimer(20 * time.Millisecond)
			select {
			case <-timer.C:
			case <-ctx.Done():
				timer.Stop()
				return err
			}
		}
	}
	return nil
}

// execOnce runs a statement. A connection that turns out to be closed was cut since its last use, as by a test that
// looks at lost connections; a new one takes its place.
func (h *harness) execOnce(ctx context.Context, sql string) error {
	if h.conn != nil {
		_, err := h.conn.Exec(ctx, sql)
		if err == nil || !h.conn.IsClosed() || ctx.Err() != nil {
			return err //nolint:wrapcheck // the callers say what it was for
		}
	}
	conn, err := pgx.Connect(ctx, h.server.DSN("postgres"))
	if err != nil {
		return fmt.Errorf("connect to the test server: %w", err)
	}
	h.conn = conn
	_, err = conn.Exec(ctx, sql)
	return err //nolint:wrapcheck // the callers say what it was for
}

// name makes a database's name, unique in the server, that needs no quotes and shows what it is for.
func (h *harness) name(kind, of string) string {
	plain := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		}
		return '_'
	}, of)
	return fmt.Sprintf("%s_%d_%.40s", kind, h.count.Add(1), plain)
}
