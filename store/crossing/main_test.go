package crossing_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"

	"ferry/store/embedded/pgtest"
)

// TestMain runs the tests, or is a ferry: a test starts its own binary again as a process that it can kill.
func TestMain(m *testing.M) {
	if text := os.Getenv(childEnv); text != "" {
		os.Exit(childMain(text)) //nolint:forbidigo // this process is no test
	}
	pgtest.Main(m, pgtest.CheckLeaks(
		// The driver waits up to 15 s for a session to end whose other side says nothing any more.
		goleak.IgnoreAnyFunction("github.com/jackc/pgx/v5/pgconn.(*PgConn).asyncClose.func1"),
	))
}
