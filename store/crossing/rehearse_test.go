package crossing_test

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/engine/control"
	"ferry/engine/cycle"
	"ferry/engine/rehearsal"
	"ferry/store/crossing/oracle"
)

// rehearsing is a rehearsal that passes on the demo's data, some of which has drifted.
var rehearsing = engine.RehearsalOptions{
	Freeze: engine.FreezeDetect, Quiet: engine.Known(200 * time.Millisecond), Drift: engine.Known(1.0), Agreement: engine.Known(1.0),
}

// rehearsalPoints are the steps of the runbook, and between each step that begins a run and the keeping of it.
func rehearsalPoints() []cycle.Point {
	var out []cycle.Point
	for _, step := range rehearsal.Steps() {
		out = append(out, control.PointStep(step))
	}
	for _, step := range []engine.RehearsalStepName{engine.RehearseLoad, engine.RehearseCatchUp, engine.RehearseCheck} {
		out = append(out, control.PointBegun(step))
	}
	return out
}

// TestKilledInEveryStepOfARehearsal kills the only process in each step, and lets the next one come to the verdict.
func TestKilledInEveryStepOfARehearsal(t *testing.T) {
	t.Parallel()
	for _, point := range rehearsalPoints() {
		t.Run(strings.ReplaceAll(string(point), " ", "-"), func(t *testing.T) {
			t.Parallel()
			source, target := newSource(t), newEngine(t)
			target.Exec(t, `INSERT INTO ferry.policy VALUES ('rejected-share', '1')`)
			o := orders{ID: "victim", Source: source.reader, Target: target.DSN, Workers: 2, Tempo: quick, At: point, Nth: 1, With: syscall.SIGKILL}
			victim := start(t, o)
			victim.hear("up")
			victim.tell("rehearse")
			id := victim.run()
			word, _ := victim.hear("at")
			require.Equal(t, "at", word, "the victim did not come by %s", point)
			victim.gone()
			began := steps(t, target, id)

			next := start(t, orders{ID: "next", Source: source.reader, Target: target.DSN, Workers: 2, Tempo: quick})
			next.hear("up")
			until(t, target.pool, `SELECT verdict <> '' FROM ferry.rehearsal WHERE run_id = $1`, id)
			next.leave()
			require.Equal(t, "pass", oracle.One(t, target.pool, `SELECT verdict FROM ferry.rehearsal WHERE run_id = $1`, id),
				oracle.One(t, target.pool, `SELECT why FROM ferry.rehearsal WHERE run_id = $1`, id))
			require.Equal(t, "1", oracle.One(t, target.pool, `SELECT breaks::text FROM ferry.rehearsal WHERE run_id = $1`, id))
			require.Equal(t, "true", oracle.One(t, target.pool, `SELECT (sum(idle) > '0')::text FROM ferry.rehearsal_step WHERE run_id = $1`, id),
				"the time in which nobody carried it out is told")
			require.Equal(t, "1", oracle.One(t, target.pool, `SELECT count(*)::text FROM ferry.run WHERE kind = 'full'`), "nothing is loaded twice")
			require.Equal(t, "1", oracle.One(t, target.pool, `SELECT count(*)::text FROM ferry.run WHERE kind = 'check'`), "nothing is compared twice")
			for name, run := range began {
				require.Equal(t, run, steps(t, target, id)[name], "%s waits for the run that was begun", name)
			}
			oracle.Faithful(t, source.pool, target.pool)
		})
	}
}

// steps gives the runs that the steps of a rehearsal have begun.
func steps(t *testing.T, target *engineBase, id int64) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, line := range oracle.Rows(t, target.pool, `SELECT name || '=' || work FROM ferry.rehearsal_step WHERE run_id = $1 AND work IS NOT NULL`, id) {
		name, run, _ := strings.Cut(line, "=")
		out[name] = run
	}
	return out
}

// TestARehearsalGoesOnInAnotherProcess kills one of two: the other one takes over, without anybody's doing.
func TestARehearsalGoesOnInAnotherProcess(t *testing.T) {
	t.Parallel()
	source, target := newSource(t), newEngine(t)
	target.Exec(t, `INSERT INTO ferry.policy VALUES ('rejected-share', '1')`)
	victim := start(t, orders{
		ID: "victim", Source: source.reader, Target: target.DSN, Workers: 1, Tempo: quick, At: control.PointStep(engine.RehearseCheck), Nth: 2,
		With: syscall.SIGKILL,
	})
	victim.hear("up")
	victim.tell("rehearse")
	id := victim.run()
	until(t, target.pool, `SELECT holder = 'victim' FROM ferry.rehearsal WHERE run_id = $1`, id)
	survivor := start(t, orders{ID: "survivor", Source: source.reader, Target: target.DSN, Workers: 1, Tempo: quick})
	survivor.hear("up")
	word, _ := victim.hear("at")
	require.Equal(t, "at", word)
	victim.gone()
	until(t, target.pool, `SELECT verdict = 'pass' AND holder = 'survivor' FROM ferry.rehearsal WHERE run_id = $1`, id)
	survivor.leave()
}
