// Package pgtest gives every test a database of its own on a real PostgreSQL server. The test process starts one
// temporary server, when the first test asks for a database, and Main stops it at the end; the machine's own servers
// are never touched. A Template is prepared once and copied for each test, which is far quicker than migrating anew.
// Everything here is safe in parallel tests.
package pgtest

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"ferry/store/embedded"
)

// limit bounds each step towards a database: a test must fail with a reason before the test binary runs out of time.
const limit = time.Minute

// shared is the server of this test process.
var shared harness

// MainOption changes what Main does.
type MainOption func(*mainOptions)

type mainOptions struct {
	leaks   bool
	ignored []goleak.Option
}

// CheckLeaks makes Main fail the run if goroutines are left once the tests have passed and the server has stopped.
func CheckLeaks(ignored ...goleak.Option) MainOption {
	return func(o *mainOptions) { o.leaks, o.ignored = true, ignored }
}

// Main is the TestMain of a package that uses New: it runs the tests, stops the server if one was started, and exits.
// Without it the server still ends with the process, but leaves its directory to the next start.
func Main(m *testing.M, opts ...MainOption) {
	var o mainOptions
	for _, opt := range opts {
		opt(&o)
	}
	code := m.Run()
	if err := shared.stop(); err != nil {
		fmt.Fprintln(os.Stderr, "pgtest: stop the test server:", err)
		code = max(code, 1)
	}
	if o.leaks && code == 0 {
		if err := goleak.Find(o.ignored...); err != nil {
			fmt.Fprintln(os.Stderr, "pgtest:", err)
			code = 1
		}
	}
	os.Exit(code) //nolint:forbidigo // a TestMain that returns could not report what it found after the tests
}

// IgnoreServer is for a test that looks for leaks itself, with goleak.VerifyNone, while the shared server runs on.
func IgnoreServer() []goleak.Option {
	return []goleak.Option{
		goleak.IgnoreAnyFunction("ferry/store/embedded.(*process).reap"),
		goleak.IgnoreAnyFunction("ferry/store/embedded.(*Server).watch"),
	}
}

// Server is the shared server, started if need be, for its address or for databases that outlive a test. Stopping it is
// Main's business.
func Server(tb testing.TB) *embedded.Server {
	tb.Helper()
	s, err := shared.start()
	if err != nil {
		tb.Fatalf("start the test server: %v", err)
	}
	return s
}

// Option changes the database that New makes.
type Option func(*options)

type options struct {
	template string
	prepare  func(ctx context.Context, dsn string) error
}

// Template makes the database a copy of one that prepare has filled. It is prepared once per process and name, for
// whichever test comes first; so a name must always go with the same prepare. Where prepare fails, every test that
// wants the template does. It should close its connections; any that are left are cut.
func Template(name string, prepare func(ctx context.Context, dsn string) error) Option {
	return func(o *options) { o.template, o.prepare = name, prepare }
}

// DB is a database that belongs to one test, in UTF-8 with locale C.
type DB struct {
	// DSN connects as superuser. It has a password in it.
	DSN string
	// Name is the database's own name.
	Name string

	server *embedded.Server
	mu     sync.Mutex
	roles  []string
}

// New makes a database, empty or copied from a template, and drops it when the test ends, with its roles, whoever is
// still connected. It fails the test if there is no PostgreSQL on the machine: a test that was skipped proves nothing.
func New(tb testing.TB, opts ...Option) *DB {
	tb.Helper()
	var o options
	for _, opt := range opts {
		opt(&o)
	}
	server := Server(tb)
	ctx, cancel := context.WithTimeout(tb.Context(), limit)
	defer cancel()
	name, err := shared.create(ctx, tb.Name(), o)
	if err != nil {
		tb.Fatalf("make a test database: %v", err)
	}
	db := &DB{DSN: server.DSN(name), Name: name, server: server}
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(tb.Context()), limit)
		defer cancel()
		if err := shared.drop(ctx, db.Name, db.roles); err != nil {
			tb.Errorf("drop the test database: %v", err)
		}
	})
	return db
}
