package crossing_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/engine/cycle"
	"ferry/store/crossing/oracle"
	"ferry/store/embedded/pgtest"
)

// resumeLimit is how long ferry may take to go on once the network is well again.
const resumeLimit = 30 * time.Second

// inVain is how many works may be over before trouble struck in them: a small one may be while its points are not waited for yet.
const inVain = 10

// passage is work that goes on while the network is in trouble.
type passage struct {
	name   string
	anew   func(t *testing.T, pace tempo) *crossing // what it works on; nil: new databases
	points []cycle.Point                            // where trouble strikes, in the order in which the work comes by
	begin  func(c *crossing)
	ended  func(c *crossing) bool // no batch comes by any more
	finish func(c *crossing)      // waits for the work's end and requires that it is exact
}

// passages are all works that must survive.
var passages = []passage{{
	name: "full sync",
	points: []cycle.Point{
		cycle.PointConnect, cycle.PointSnapshot, cycle.PointRead, cycle.PointMerge, cycle.PointWrite, cycle.PointCheckpoint,
		cycle.PointCommitSent, cycle.PointPoints,
	},
	begin: func(c *crossing) { c.run = c.ferry.begin() },
	ended: func(c *crossing) bool { return strings.HasPrefix(runState(c.t, c.target.pool, c.run), "done|") },
	finish: func(c *crossing) {
		until(c.t, c.target.pool, isDone, c.run)
		exact(c.t, c.source, c.target.pool, int64(c.run))
	},
}, {
	name: "ticks",
	points: []cycle.Point{
		cycle.PointConnect, cycle.PointSnapshot, cycle.PointRead, cycle.PointMerge, cycle.PointWrite, cycle.PointPoints,
		cycle.PointCheckpoint, cycle.PointCommitSent,
	},
	begin:  (*crossing).keepInStep,
	ended:  func(*crossing) bool { return false },
	finish: (*crossing).catchUp,
}}

// crossing is a ferry with a network of its own to each of its databases.
type crossing struct {
	t      *testing.T
	source *odooBase
	target *engineBase
	ways   map[engine.Side]*wire
	moment *moment
	ferry  *local
	run    engine.RunID
	quiet  func() error // ends what changes at the source, and says whether it could change all along
}

func newCrossing(t *testing.T, pace tempo) *crossing {
	t.Helper()
	return crossingBetween(t, pace, newSource(t), newEngine(t))
}

func crossingBetween(t *testing.T, pace tempo, source *odooBase, target *engineBase) *crossing {
	t.Helper()
	c := &crossing{t: t, source: source, target: target, ways: map[engine.Side]*wire{}, moment: &moment{}}
	c.ways[engine.SideSource] = c.way(c.source.reader, nil)
	c.ways[engine.SideTarget] = c.way(c.target.DSN, c.moment.watch)
	c.ferry = hereWith(t, ferryOptions{
		id: "ferry", source: c.ways[engine.SideSource].dsn, target: c.ways[engine.SideTarget].dsn, workers: 2, tempo: pace,
		reached: c.moment.reached, log: t.Output(),
	}, nil)
	return c
}

// way leads to a database of the shared server, over TCP.
func (c *crossing) way(dsn string, watch watcher) *wire {
	c.t.Helper()
	w, err := newWire(c.t.Context(), overTCP(c.t, dsn), watch)
	require.NoError(c.t, err)
	c.t.Cleanup(w.close)
	return w
}

// overTCP turns a connection string that may lead through a socket within the machine into one that does not.
func overTCP(t *testing.T, dsn string) string {
	t.Helper()
	u, err := url.Parse(dsn)
	require.NoError(t, err)
	u.Host, u.RawQuery = pgtest.Server(t).Addr(), "sslmode=disable"
	return u.String()
}

// suffer lets trouble strike at a point and last for a while. It gives how long it took from the healing until whatever
// was in hand at that moment was done; nothing if the work ended before it came by.
func (c *crossing) suffer(work passage, side engine.Side, x trouble, at cycle.Point, skip int, lasting time.Duration) (took time.Duration, struck bool) {
	c.t.Helper()
	way := c.ways[side]
	if !c.await(work, at, c.moment.next(at, skip, x.cut, func() { way.strike(x) })) {
		return 0, false
	}
	if !x.old {
		<-time.After(lasting)
		way.heal()
	}
	took = c.goesOn()
	c.t.Logf("%s at %s (%d) for %.1f s: went on after %.1f s", x.name, at, skip, lasting.Seconds(), took.Seconds())
	require.Less(c.t, took, resumeLimit, "%s at %s", x.name, at)
	return took, true
}

// goesOn waits until what is in hand now is done, and at least something is. It gives how long that took.
func (c *crossing) goesOn() time.Duration {
	c.t.Helper()
	began := time.Now()
	done := oracle.One(c.t, c.target.pool, `SELECT coalesce(max(id), 0)::text FROM ferry.batch WHERE state = 'done'`)
	open := oracle.One(c.t, c.target.pool, `SELECT coalesce(array_agg(id), '{}')::text FROM ferry.batch WHERE state <> 'done'`)
	until(c.t, c.target.pool, `SELECT NOT EXISTS (SELECT FROM ferry.batch WHERE id = ANY($1::bigint[]) AND state <> 'done')
		AND ((SELECT max(id) FROM ferry.batch WHERE state = 'done') > $2::bigint OR NOT EXISTS (SELECT FROM ferry.run WHERE state <> 'done'))`, open, done)
	return time.Since(began)
}

// await waits for a moment; it reports whether that came before the work ended.
func (c *crossing) await(work passage, at cycle.Point, came <-chan struct{}) bool {
	c.t.Helper()
	tooLate := time.After(limit)
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	for {
		select {
		case <-came:
			return true
		case <-tooLate:
			require.Failf(c.t, "nobody came by", "%s\n%s", at, strings.Join(state(c.t, c.target.pool), "\n"))
		case <-look.C:
			if work.ended(c) {
				select {
				case <-came:
					return true
				default:
					return false
				}
			}
		}
	}
}

// sufferAll lets trouble strike at one point after the other, in one work after the other as long as it takes. It says
// the longest time from a healing until the work went on.
func sufferAll(t *testing.T, work passage, side engine.Side, x trouble, pace tempo, points []cycle.Point, lasting func() time.Duration) {
	t.Helper()
	random := randomness(t)
	var longest time.Duration
	works := 0
	anew := work.anew
	if anew == nil {
		anew = newCrossing
	}
	for next := 0; next < len(points); works++ {
		require.LessOrEqual(t, works, len(points)+inVain, "nobody comes by %s", points[next])
		c := anew(t, pace)
		work.begin(c)
		for next < len(points) {
			took, struck := c.suffer(work, side, x, points[next], random.IntN(2), lasting())
			if !struck {
				break
			}
			longest = max(longest, took)
			next++
		}
		work.finish(c)
		c.ferry.drain()
	}
	t.Logf("%s of the %s, %d times in %d works: went on at most %.1f s after healing", x.name, side, len(points), works, longest.Seconds())
}

// TestTheNetworkFailsAtEveryStep lets each trouble befall the way to each database at named steps of a batch, one after the other,
// for up to a second or for FERRY_TROUBLE seconds: at some steps drawn by lot, or at all of them with FERRY_POINTS.
func TestTheNetworkFailsAtEveryStep(t *testing.T) {
	t.Parallel()
	fixed := fromEnv(t, "FERRY_TROUBLE", 0)
	eachSide(t, troubles, func(t *testing.T, work passage, side engine.Side, x trouble) {
		t.Helper()
		random := randomness(t)
		sufferAll(t, work, side, x, quick, drawn(t, work, 3), func() time.Duration {
			if fixed > 0 {
				return time.Duration(fixed) * time.Second
			}
			return time.Duration(200+random.IntN(800)) * time.Millisecond
		})
	})
}

// TestHalfAMinuteOfSilence has a black hole at the default intervals, which lasts for FERRY_BLACKHOLE seconds.
func TestHalfAMinuteOfSilence(t *testing.T) {
	t.Parallel()
	lasting := time.Duration(fromEnv(t, "FERRY_BLACKHOLE", 30)) * time.Second
	eachSide(t, []trouble{blackHole}, func(t *testing.T, work passage, side engine.Side, x trouble) {
		t.Helper()
		sufferAll(t, work, side, x, tempo{}, drawn(t, work, 1), func() time.Duration { return lasting })
	})
}

// drawn gives some of the points at which trouble strikes, in their order, or all of them with FERRY_POINTS.
func drawn(t *testing.T, work passage, some int) []cycle.Point {
	t.Helper()
	points := slices.Clone(work.points)
	if fromEnv(t, "FERRY_POINTS", 0) != 0 {
		return points
	}
	random := randomness(t)
	for len(points) > some {
		one := random.IntN(len(points))
		points = slices.Delete(points, one, one+1)
	}
	return points
}

// eachSide runs a test for each work with each trouble of each of the databases.
func eachSide(t *testing.T, of []trouble, test func(*testing.T, passage, engine.Side, trouble)) {
	t.Helper()
	for _, work := range passages {
		for _, side := range []engine.Side{engine.SideSource, engine.SideTarget} {
			for _, x := range of {
				t.Run(fmt.Sprintf("%s/%s/%s", work.name, side, x.name), func(t *testing.T) {
					t.Parallel()
					test(t, work, side, x)
				})
			}
		}
	}
}
