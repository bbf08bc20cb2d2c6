package soak_test

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// TestMain runs the tests, or is a ferry: the test starts its own binary again as the process that it measures.
func TestMain(m *testing.M) {
	if text := os.Getenv(childEnv); text != "" {
		os.Exit(childMain(text)) //nolint:forbidigo // this process is no test
	}
	goleak.VerifyTestMain(m)
}
