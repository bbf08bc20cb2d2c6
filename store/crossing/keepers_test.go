package crossing_test

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ferry/engine/cycle"
	"ferry/store/crossing/oracle"
)

// TestTwoFerriesKeepInStepWhateverHappensToOne has two processes start ticks as fast as they can, FERRY_KEEPERS times: one of
// them is stopped and goes on, or is killed and replaced, while rows change. One run writes at a time, and no change is lost.
func TestTwoFerriesKeepInStepWhateverHappensToOne(t *testing.T) {
	t.Parallel()
	rounds := fromEnv(t, "FERRY_KEEPERS", 5)
	rng := randomness(t)
	source, target := newSource(t), newEngine(t)
	source.Exec(t, `DELETE FROM loyalty_point_history WHERE loyalty_card_id > 500 OR loyalty_card_id IS NULL`,
		`DELETE FROM loyalty_point_move WHERE loyalty_card_id > 500`, `DELETE FROM loyalty_card WHERE id > 500`)
	target.watchRuns(t)
	o := orders{Source: source.reader, Target: target.DSN, Workers: 1, Every: 100 * time.Millisecond, Tempo: quick}
	started := 0
	keeper := func() *process {
		started++
		o.ID = fmt.Sprintf("keeper-%d", started)
		return start(t, o)
	}
	both := []*process{keeper(), keeper()}
	both[0].hear("up")
	both[1].hear("up")
	rest := &cluster{odooBase: source, t: t}

	done := map[string]int{}
	var latest time.Duration
	for round := range rounds {
		victim := &both[rng.IntN(2)]
		<-time.After(time.Duration(rng.IntN(200)) * time.Millisecond) // anywhere in a tick, or between two
		what := []string{"stopped and continued", "killed", "left alone"}[rng.IntN(3)]
		done[what]++
		switch what {
		case "stopped and continued":
			(*victim).signal(syscall.SIGSTOP)
		case "killed":
			(*victim).kill()
		}
		rest.change(rng)
		late := target.visible(t)
		latest = max(latest, late)
		switch what {
		case "stopped and continued":
			(*victim).signal(syscall.SIGCONT)
			rest.change(rng) // while the woken one finds out that it was replaced
			latest = max(latest, target.visible(t))
		case "killed":
			*victim = keeper()
			(*victim).hear("up")
		}
		t.Logf("round %d: %s %s, the change was there %.1f s later", round, (*victim).o.ID, what, late.Seconds())
		inStep(t, source.pool, target.pool)
	}
	for _, p := range both {
		p.leave()
	}
	inStep(t, source.pool, target.pool)
	require.Empty(t, oracle.Rows(t, target.pool, `WITH life AS (SELECT run, min(at) AS began, max(at) AS ended FROM public.watched GROUP BY run)
		SELECT a.run || ' and ' || b.run FROM life a JOIN life b ON a.run < b.run AND a.began < b.ended AND b.began < a.ended`), "two runs wrote at once")
	t.Logf("%v in %s runs; the slowest change was there after %.1f s", done,
		oracle.One(t, target.pool, `SELECT count(DISTINCT run)::text FROM public.watched`), latest.Seconds())
	require.Less(t, latest, 20*time.Second)
}

// watchRuns keeps every state of every run that writes, for idle ticks are folded in history. A check goes on beside them.
func (b *engineBase) watchRuns(t *testing.T) {
	t.Helper()
	b.Exec(t, `CREATE TABLE public.watched (run bigint, state text, at timestamptz)`,
		`CREATE FUNCTION public.watch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
			INSERT INTO public.watched VALUES (NEW.id, NEW.state, clock_timestamp()); RETURN NULL; END $$`,
		`CREATE TRIGGER watch AFTER INSERT OR UPDATE OF state ON ferry.run FOR EACH ROW WHEN (NEW.writes) EXECUTE FUNCTION public.watch()`)
}

// visible waits until all that was committed before is in the engine, and says how long that took.
func (b *engineBase) visible(t *testing.T) time.Duration {
	t.Helper()
	began := time.Now()
	now := oracle.One(t, b.pool, `SELECT clock_timestamp()::text`)
	until(t, b.pool, `SELECT count(*) = 3 AND min(read_from) > $1::text::timestamptz
		FROM (SELECT DISTINCT ON (entity) read_from FROM ferry.floor ORDER BY entity, run_id DESC) f`, now)
	return time.Since(began)
}

// TestAKilledProcessesTickIsTakenOver kills a process in the middle of a tick, at the pace of real ferries.
func TestAKilledProcessesTickIsTakenOver(t *testing.T) {
	t.Parallel()
	rng := randomness(t)
	source, target := newSource(t), newEngine(t)
	first := here(t, source.reader, target.DSN, "first", 2, nil)
	first.full()
	first.drain()
	o := orders{ID: "other", Source: source.reader, Target: target.DSN, Workers: 1, Every: 100 * time.Millisecond}
	other := start(t, o)
	other.hear("up")
	o.ID, o.At, o.Nth, o.With = "victim", cycle.PointWrite, 2, syscall.SIGKILL
	victim := start(t, o)
	victim.hear("up")
	victim.hear("at")
	victim.gone()
	(&cluster{odooBase: source, t: t}).change(rng)
	late := target.visible(t)
	t.Logf("%.1f s after the kill its tick was done, and the next one too", late.Seconds())
	require.Less(t, late, 20*time.Second)
	inStep(t, source.pool, target.pool)
	require.NotEmpty(t, oracle.Rows(t, target.pool, `SELECT outcome FROM ferry.journal WHERE action = 'take over'`))
	other.leave()
	inStep(t, source.pool, target.pool)
}
