package crossing_test

import (
	"os"
	"testing"

	"ferry/store/embedded/pgtest"
)

// TestMain runs the tests, or is a ferry: a test starts its own binary again as a process that it can kill.
func TestMain(m *testing.M) {
	if text := os.Getenv(childEnv); text != "" {
		os.Exit(childMain(text)) //nolint:forbidigo // this process is no test
	}
	pgtest.Main(m, pgtest.CheckLeaks())
}
