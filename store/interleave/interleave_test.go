package interleave_test

import (
	"os"
	"runtime"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ferry/store/crossing/oracle"
)

// fromEnv reads a number that changes a test.
func fromEnv(t *testing.T, name string, otherwise int) int {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err, name)
	return n
}

// enough interleavings are those in which every one of the wrong polls loses rows: the luckiest one does so in 1 of 15, so that
// it gets through with a chance of 1 in 30,000.
const enough = 150

// TestRandomInterleavings lets ferry and the polls look at the same sources, while writers' transactions cross. ferry
// and the poll by its rule must lose nothing; each of the other polls must lose rows.
//
// FERRY_INTERLEAVINGS is how many there are, FERRY_SEED the first one's seed, FERRY_INTERLEAVING the seed of one to be
// repeated alone, which then tells its script.
//
//nolint:tparallel // the group of workers ends before their figures are judged
func TestRandomInterleavings(t *testing.T) {
	t.Parallel()
	count := fromEnv(t, "FERRY_INTERLEAVINGS", enough)
	first := fromEnv(t, "FERRY_SEED", os.Getpid()*100_000)
	one := fromEnv(t, "FERRY_INTERLEAVING", 0)
	if one != 0 {
		first, count = one, 1
	}
	t.Logf("FERRY_SEED=%d repeats these interleavings", first)
	result := &tally{next: first, end: first + count, lost: map[string]int{}}
	began := time.Now()
	t.Run("workers", func(t *testing.T) {
		for n := range min(max(2, runtime.NumCPU()), 4, count) {
			t.Run(strconv.Itoa(n), func(t *testing.T) {
				t.Parallel()
				work(t, result, one != 0)
			})
		}
	})
	if t.Failed() {
		return
	}
	took := time.Since(began)
	t.Logf("%d interleavings in %s, %s each; %d looks; %d steps, %d of them refused", result.done, took.Round(time.Second),
		(took / time.Duration(max(1, result.done))).Round(time.Millisecond), result.looks, result.steps, result.refused)
	require.Equal(t, count, result.done)
	t.Log("ferry: lost nothing")
	for _, r := range pollRules {
		t.Logf("%s: lost rows in %d of %d, %.1f %%", r.name, result.lost[r.name], count, 100*float64(result.lost[r.name])/float64(count))
		if !r.right && count >= enough {
			require.Positive(t, result.lost[r.name], "%s should lose rows, or these interleavings show nothing", r.name)
		}
	}
}

// tally hands out seeds, and sums what came of them.
type tally struct {
	mu                    sync.Mutex
	next, end             int
	done                  int
	looks, steps, refused int
	lost                  map[string]int // interleavings in which a poll lost rows
}

func (r *tally) seed(t *testing.T) (uint64, bool) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.next >= r.end {
		return 0, false
	}
	r.next++
	return uint64(r.next - 1), true
}

// stop hands out no more seeds.
func (r *tally) stop() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.next = r.end
}

func work(t *testing.T, result *tally, tell bool) {
	t.Helper()
	s := newSource(t)
	f := newFerry(t, s)
	for {
		seed, more := result.seed(t)
		if !more {
			return
		}
		interleave(t, s, f, seed, result, tell)
	}
}

// interleave plays one script and judges everybody who looked.
func interleave(t *testing.T, s *source, f *ferry, seed uint64, result *tally, tell bool) {
	t.Helper()
	ctx := t.Context()
	script := newScript(s, seed)
	defer func() {
		script.close(ctx)
		if t.Failed() {
			result.stop()
		}
		if t.Failed() || tell {
			t.Logf("%s\nFERRY_INTERLEAVING=%d repeats it", script, seed)
		}
	}()
	s.reset(ctx, t)
	f.reset(ctx, t)
	polls := make([]*poll, len(pollRules))
	subjects := make([]subject, 0, len(pollRules)+1)
	for i, r := range pollRules {
		polls[i] = newPoll(r, s, script.oldest)
		subjects = append(subjects, polls[i])
	}
	subjects = append(subjects, f)
	look := func() {
		script.looks++
		script.notef("%s  look", script.clock.Format(time.TimeOnly))
		for _, sub := range subjects {
			require.NoError(t, sub.Look(ctx))
		}
	}

	require.NoError(t, script.begin(ctx))
	look()
	for more := true; more; {
		if script.IntN(14) == 0 {
			require.NoError(t, script.vacuum(ctx))
			look()
		}
		var err error
		more, err = script.turn(ctx)
		require.NoError(t, err)
	}
	look() // which may find rows gone
	look() // and may then let those in that they kept out
	before := oracle.Fingerprint(t, f.target)
	look()
	require.Equal(t, before, oracle.Fingerprint(t, f.target), "a look at what has not changed writes nothing")
	oracle.Faithful(t, s.pool, f.target)
	oracle.Balanced(t, s.pool, f.target)
	want, err := s.read(ctx)
	require.NoError(t, err)
	result.mu.Lock()
	defer result.mu.Unlock()
	for _, p := range polls {
		missed := lost(want, p.copied)
		if p.right {
			require.Empty(t, missed, p.name)
		}
		if len(missed) > 0 {
			result.lost[p.name]++
			script.notef("lost by %s: %q", p.name, missed)
		}
	}
	result.looks += script.looks
	result.steps += script.steps
	result.refused += script.refused
	result.done++
	if result.done%1000 == 0 {
		t.Logf("%d interleavings", result.done)
	}
}
