package engine_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ferry/engine"
)

func TestAWholeRowSaysOnWhichSideItIs(t *testing.T) {
	t.Parallel()
	there, gone, unknown := engine.Known("there"), engine.Known("not there"), engine.Maybe[string]{}
	for cause, want := range map[engine.Cause][3]engine.Maybe[string]{
		engine.CauseMissing:         {there, there, gone},
		engine.CauseExtra:           {gone, gone, there},
		engine.CauseDeletedAtSource: {gone, gone, there},
		engine.CauseQuarantined:     {there, unknown, unknown},
		engine.CauseWrittenOnTarget: {unknown, unknown, unknown},
	} {
		source, expected, target := engine.Discrepancy{Cause: cause}.Sides()
		require.Equal(t, want, [3]engine.Maybe[string]{source, expected, target}, cause)
	}
	source, _, target := engine.Discrepancy{Field: "points", Source: engine.Known("1"), Cause: engine.CauseField}.Sides()
	require.Equal(t, engine.Known("1"), source)
	require.Equal(t, unknown, target, "of a field it is the value")
}
