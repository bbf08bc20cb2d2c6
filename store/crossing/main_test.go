package crossing_test

import (
	"flag"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"testing"

	"go.uber.org/goleak"

	"ferry/store/embedded/pgtest"
)

// TestMain runs the tests, or is a ferry: a test starts its own binary again as a process that it can kill.
func TestMain(m *testing.M) {
	if text := os.Getenv(childEnv); text != "" {
		os.Exit(childMain(text)) //nolint:forbidigo // this process is no test
	}
	if err := waitTogether(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2) //nolint:forbidigo // there are no tests yet
	}
	pgtest.Main(m, pgtest.CheckLeaks(
		// The driver waits up to 15 s for a session to end whose other side says nothing any more.
		goleak.IgnoreAnyFunction("github.com/jackc/pgx/v5/pgconn.(*PgConn).asyncClose.func1"),
	))
}

// waitTogether lets more tests go on at once than there are processors, unless somebody said how many: most of the time they
// wait, for a silence to be noticed or for trouble to pass.
func waitTogether() error {
	flag.Parse()
	said := false
	flag.Visit(func(f *flag.Flag) { said = said || f.Name == "test.parallel" })
	if said {
		return nil
	}
	return flag.Set("test.parallel", strconv.Itoa(2*runtime.GOMAXPROCS(0)))
}
