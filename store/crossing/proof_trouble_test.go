package crossing_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/engine/cycle"
	"ferry/store/crossing/oracle"
)

// checking is a check that goes on while the network, or the engine's server, is in trouble.
var checking = passage{
	name: "check",
	points: []cycle.Point{
		cycle.PointConnect, cycle.PointSnapshot, cycle.PointRead, cycle.PointWrite, cycle.PointCheckpoint, cycle.PointCommitSent,
	},
	begin: func(c *crossing) {
		if oracle.One(c.t, c.target.pool, `SELECT count(*)::text FROM ferry.run`) == "0" {
			c.run = c.ferry.begin()
			until(c.t, c.target.pool, isDone, c.run)
			for _, sql := range flaws {
				_, err := c.target.pool.Exec(c.t.Context(), sql)
				require.NoError(c.t, err, sql)
			}
		}
		var err error
		c.run, err = c.ferry.startTold(c.t.Context(), "check")
		require.NoError(c.t, err)
	},
	ended: func(c *crossing) bool { return strings.HasPrefix(runState(c.t, c.target.pool, c.run), "done|") },
	finish: func(c *crossing) {
		until(c.t, c.target.pool, isDone, c.run)
		want := []string{"fail", "loyalty_card 3", "loyalty_point_history 24", "loyalty_point_move 7", "settled 34"}
		require.Equal(c.t, want, oracle.Rows(c.t, c.target.pool, `
			(SELECT concat_ws(' ', verdict, nullif(why, '')) FROM ferry.run WHERE id = $1)
			UNION ALL (SELECT entity || ' ' || settled FROM ferry.check_entity WHERE run_id = $1 ORDER BY entity)
			UNION ALL (SELECT state || ' ' || count(*) FROM ferry.discrepancy WHERE cause IN ('field', 'missing', 'extra') GROUP BY state)`, c.run))
		require.Equal(c.t, oracle.One(c.t, c.target.pool, `SELECT sum(compared)::text FROM ferry.proof`),
			oracle.One(c.t, c.target.pool, `SELECT sum(read)::text FROM ferry.step WHERE run_id = $1 AND verb = 'compare'`, c.run), "no batch counts twice")
	},
}

// TestTheNetworkFailsDuringACheck cuts, or silences, the way to each of the databases at a named step of a check's batches,
// drawn by lot, or at all of them with FERRY_POINTS.
func TestTheNetworkFailsDuringACheck(t *testing.T) {
	t.Parallel()
	p, work := proving{newSource(t), "check"}, checking
	work.anew = func(t *testing.T, pace tempo) *crossing {
		t.Helper()
		return crossingBetween(t, pace, p.source, p.engine(t))
	}
	for _, side := range []engine.Side{engine.SideSource, engine.SideTarget} {
		for _, x := range []trouble{troubles[0], blackHole} {
			t.Run(string(side)+"/"+x.name, func(t *testing.T) {
				t.Parallel()
				sufferAll(t, work, side, x, quick, drawn(t, work, 1), func() time.Duration { return 500 * time.Millisecond })
			})
		}
	}
}

// TestTheEngineDatabaseRestartsDuringChecks stops the server of the engine database immediately, in checks only.
func TestTheEngineDatabaseRestartsDuringChecks(t *testing.T) {
	t.Parallel()
	restartsDuring(t, []passage{checking}, fromEnv(t, "FERRY_RESTARTS", 2))
}

// TestACheckThatIsCancelledGoesOnWhereItStopped cancels a check, or a repair, that is about to write, and lets it go on.
func TestACheckThatIsCancelledGoesOnWhereItStopped(t *testing.T) {
	t.Parallel()
	source := newSource(t)
	for _, what := range []string{"check", "repair"} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			p := proving{source, what}
			want := p.undisturbed(t)
			target := p.engine(t)
			g := newGate(cycle.PointRead, 1) // of a check, its plan passes
			f := here(t, source.reader, target.DSN, "ferry", 1, g)
			run, err := f.startTold(t.Context(), what)
			require.NoError(t, err)
			g.await(t, 1)
			cancelled := make(chan error, 1)
			go func() { cancelled <- f.Cancel(t.Context(), engine.Act{Run: run, Reason: "lunch"}) }()
			if what == "repair" { // it waits for the transaction that is under way
				until(t, target.pool, `SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')`)
				g.open()
			}
			require.NoError(t, <-cancelled)
			g.open()
			require.Equal(t, "cancelled|ferry@test|lunch", runState(t, target.pool, run))
			until(t, target.pool, `SELECT count(*) = 0 FROM ferry.river_job WHERE state IN ('available', 'running', 'retryable')`)

			// Two processes carry on.
			other := here(t, source.reader, target.DSN, "other", 2, nil)
			require.NoError(t, other.Resume(t.Context(), engine.Act{Run: run, Seen: engine.RunCancelled}))
			p.same(t, target, int64(run), want)
			other.drain()
			f.drain()
		})
	}
}

// TestTwoProcessesCheckAndRepairAsOne has two processes with workers at one check, and at one repair.
func TestTwoProcessesCheckAndRepairAsOne(t *testing.T) {
	t.Parallel()
	source := newSource(t)
	for _, what := range []string{"check", "repair"} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			p := proving{source, what}
			want := p.undisturbed(t)
			target := p.engine(t)
			g := newGate(cycle.PointConnect, 0)
			ann, bob := here(t, source.reader, target.DSN, "ann", 2, g), here(t, source.reader, target.DSN, "bob", 2, g)
			run, err := ann.startTold(t.Context(), what)
			require.NoError(t, err)
			g.await(t, 1)
			_, err = bob.startTold(t.Context(), what)
			require.Error(t, err, "there is one at a time")
			g.open()
			p.same(t, target, int64(run), want)
			ann.drain()
			bob.drain()
			require.Equal(t, want, outcome(t, target, int64(run)))
		})
	}
}
