package crossing_test

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"ferry/engine/cycle"
	"ferry/store/crossing/oracle"
)

// TestKilledWhileKeysAreBuilt kills a process when it has built something behind the rows of a first load and not yet stored
// that, in each of the steps that do so.
func TestKilledWhileKeysAreBuilt(t *testing.T) {
	t.Parallel()
	source, whole := newSource(t), newEngine(t)
	p := start(t, orders{ID: "undisturbed", Source: source.reader, Target: whole.DSN, Sync: true, Workers: 1, Tempo: quick})
	run := p.run()
	p.finish()
	exact(t, source, whole.pool, run)
	// With one worker batches are carried out in the order of their numbers, and all but the plan come by this point.
	for _, verb := range []string{"index", "owners", "keys"} {
		before := oracle.One(t, whole.pool, `SELECT count(*)::text FROM ferry.batch b JOIN ferry.step s ON s.id = b.step_id WHERE s.verb <> 'plan'
			AND b.id < (SELECT min(b.id) FROM ferry.batch b JOIN ferry.step s ON s.id = b.step_id WHERE s.verb = $1)`, verb)
		t.Run(verb, func(t *testing.T) {
			t.Parallel()
			n, err := strconv.Atoi(before)
			require.NoError(t, err)
			killedAlone(t, cycle.PointWrite, n+1, quick)
		})
	}
}
