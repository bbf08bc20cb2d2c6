package benchmark_test

import (
	"testing"

	"ferry/store/embedded/pgtest"
)

func TestMain(m *testing.M) { pgtest.Main(m) }
