package crossing_test

import (
	"context"
	"fmt"
	"io"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/engine/cycle"
	"ferry/store/crossing/oracle"
	"ferry/store/embedded/pgtest"
)

// flaws make rows of the engine wrong behind ferry's back: fields, rows that are missing, and rows that the source never had,
// far enough apart that a check has several batches of moves.
var flaws = []string{
	`UPDATE point_moves SET initial_point = initial_point + 0.01 WHERE id IN (SELECT id FROM point_moves ORDER BY id LIMIT 5)`,
	`UPDATE loyalty_cards SET partner_id = 4711 WHERE id IN (SELECT id FROM loyalty_cards ORDER BY id LIMIT 3)`,
	`UPDATE point_history SET origin = 'corrupted' WHERE id IN (SELECT id FROM point_history ORDER BY id DESC LIMIT 20)`,
	`DELETE FROM point_history WHERE id IN (SELECT id FROM point_history ORDER BY id LIMIT 4)`,
	`INSERT INTO point_moves SELECT (jsonb_populate_record(m, jsonb_build_object('id', x, 'odoo_move_id', x))).*
		FROM point_moves m, unnest('{120001, 220001}'::bigint[]) x WHERE m.id = (SELECT max(id) FROM point_moves)`,
}

// flawed says how many rows are wrong by that.
const flawed = 5 + 3 + 20 + 4 + 2

// proving is one source with engines that are all in the same state.
type proving struct {
	source *odooBase
	what   string // what is done to them: check or repair
}

// engine is another engine: everything is there, and wrong as the flaws have it; for a repair a check has found that, and a
// plan is made.
func (p proving) engine(t *testing.T) *engineBase {
	t.Helper()
	db := pgtest.New(t, pgtest.Template(p.what+" of "+p.source.Name, p.prepare))
	return &engineBase{db, db.Pool(t)}
}

func (p proving) prepare(ctx context.Context, dsn string) error {
	if err := initEngine(ctx, dsn); err != nil {
		return err
	}
	f, err := openFerry(ctx, ferryOptions{id: "before", source: p.source.reader, target: dsn, workers: 2, log: io.Discard})
	if err != nil {
		return err
	}
	defer f.close()
	f.Run(ctx)
	defer func() { _ = f.Stop(context.WithoutCancel(ctx)) }()
	if err := f.through(ctx, "start"); err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, dsn)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx))
	for _, sql := range flaws {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return fmt.Errorf("%s: %w", sql, err)
		}
	}
	if p.what == "check" {
		return nil
	}
	if err := f.through(ctx, "check"); err != nil {
		return err
	}
	_, err = f.PlanRepair(ctx, engine.DiscrepancySelection{}, engine.RepairOptions{DeleteExtras: true}, engine.Act{Reason: "test"})
	return err
}

// through starts a run and waits until it is done.
func (f *ferry) through(ctx context.Context, what string) error {
	id, err := f.startTold(ctx, what)
	if err != nil {
		return err
	}
	for tick := time.NewTicker(20 * time.Millisecond); ; {
		var state, why string
		if err := f.target.Pool().QueryRow(ctx, `SELECT state, error FROM ferry.run WHERE id = $1`, id).Scan(&state, &why); err != nil {
			return err
		}
		if engine.RunState(state) == engine.RunDone {
			return nil
		}
		if engine.RunState(state).Ended() {
			return fmt.Errorf("%s: %s %s", what, state, why)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
	}
}

// outcome is all that a check or a repair leaves, but for times, numbers and who did it.
func outcome(t *testing.T, target *engineBase, run int64) []string {
	t.Helper()
	return oracle.Rows(t, target.pool, `
		(SELECT concat_ws(' ', 'run', kind, state, nullif(verdict, ''), nullif(why, '')) FROM ferry.run WHERE id = $1)
		UNION ALL (SELECT concat_ws(' ', 'steps', verb, entity, state, sum(open), sum(read), sum(updated), sum(inserted), sum(deleted))
			FROM ferry.step WHERE run_id = $1 GROUP BY verb, entity, state ORDER BY verb, entity)
		UNION ALL (SELECT concat_ws(' ', 'entity', entity, compared, settled, in_flight, explained, coverage, by_cause) FROM ferry.check_entity
			WHERE run_id = $1 ORDER BY entity)
		UNION ALL (SELECT concat_ws(' ', 'proof', entity, low, high, compared, explained, run_id) FROM ferry.proof ORDER BY entity, low)
		UNION ALL (SELECT concat_ws(' ', 'discrepancy', entity, row_id, field, cause, state, source, expected, target, found_run, seen_run)
			FROM ferry.discrepancy ORDER BY entity, row_id, field, id)
		UNION ALL (SELECT concat_ws(' ', 'item', entity, row_id, action, state, outcome) FROM ferry.repair_item ORDER BY entity, row_id)
		UNION ALL (SELECT concat_ws(' ', 'versions', (SELECT sum(sync_version) FROM loyalty_cards), (SELECT sum(sync_version) FROM point_moves),
			(SELECT sum(sync_version) FROM point_history), (SELECT max(sync_version) FROM loyalty_cards), (SELECT max(sync_version) FROM point_moves),
			(SELECT max(sync_version) FROM point_history)))`, run)
}

// undisturbed gives what comes of it if nothing happens, and requires that this is right.
func (p proving) undisturbed(t *testing.T) []string {
	t.Helper()
	target := p.engine(t)
	f := here(t, p.source.reader, target.DSN, "undisturbed", 2, nil)
	run, err := f.startTold(t.Context(), p.what)
	require.NoError(t, err)
	until(t, target.pool, isDone, run)
	out := outcome(t, target, int64(run))
	f.drain()
	if p.what == "check" {
		require.Contains(t, out, "run check done fail")
		require.Equal(t, strconv.Itoa(flawed), oracle.One(t, target.pool,
			`SELECT count(DISTINCT (entity, row_id))::text FROM ferry.discrepancy WHERE state = 'settled'`))
	} else {
		require.Contains(t, out, "run repair done")
		require.Equal(t, fmt.Sprintf("%d %[1]d", flawed), oracle.One(t, target.pool, `SELECT concat_ws(' ', count(*), count(*) FILTER (WHERE state = 'applied'))
			FROM ferry.repair_item`))
		oracle.Faithful(t, p.source.pool, target.pool)
	}
	return out
}

// same requires that what came of a run is what comes of one that nobody disturbs.
func (p proving) same(t *testing.T, target *engineBase, run int64, want []string) {
	t.Helper()
	until(t, target.pool, isDone, run)
	require.Equal(t, want, outcome(t, target, run))
	if p.what == "repair" {
		oracle.Faithful(t, p.source.pool, target.pool)
	}
}

// TestChecksAndRepairsWhateverHappensToAProcess has processes that check or repair killed at every named step of a batch, and
// stopped and woken again when another one has finished.
func TestChecksAndRepairsWhateverHappensToAProcess(t *testing.T) {
	t.Parallel()
	source := newSource(t)
	for what, often := range map[string]int{"check": 4, "repair": 3} { // how often a run comes by a point at least
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			p := proving{source, what}
			want := p.undisturbed(t)
			for _, point := range []cycle.Point{
				cycle.PointTake, cycle.PointConnect, cycle.PointSnapshot, cycle.PointRead, cycle.PointWrite, cycle.PointCheckpoint,
				cycle.PointCommitSent, cycle.PointCommitAnswer,
			} {
				t.Run("killed at "+string(point), func(t *testing.T) {
					t.Parallel()
					most := often
					if point == cycle.PointCommitSent {
						most = 1 // the wire knows few of the commits for what they are
					}
					p.killed(t, point, 1+randomness(t).IntN(most), want)
				})
			}
			for _, point := range []cycle.Point{cycle.PointRead, cycle.PointCheckpoint} {
				t.Run("stopped at "+string(point), func(t *testing.T) {
					t.Parallel()
					p.stopped(t, point, want)
				})
			}
		})
	}
}

// killed kills a process at a point. The next one carries on; or, drawn by lot, another one that was there all along.
func (p proving) killed(t *testing.T, point cycle.Point, nth int, want []string) {
	t.Helper()
	company := randomness(t).IntN(2) == 0
	if company {
		nth = 1
	}
	t.Logf("%s (%d), in company: %t", point, nth, company)
	target := p.engine(t)
	o := orders{ID: "survivor", Source: p.source.reader, Target: target.DSN, Workers: 1, Tempo: quick}
	dying := o
	dying.ID, dying.At, dying.Nth, dying.With = "victim", point, nth, syscall.SIGKILL
	victim := start(t, dying)
	victim.hear("up")
	var survivor *process
	if company {
		survivor = start(t, o)
		survivor.hear("up")
	}
	victim.tell(p.what)
	run := victim.run()
	if !victim.comesBy(target, run) {
		require.True(t, company, "it did not come by %s", point)
		t.Log("the other one did it all")
		victim.leave()
	}
	if !company {
		survivor = start(t, o)
		survivor.hear("up")
	}
	p.same(t, target, run, want)
	survivor.leave()
	require.Equal(t, want, outcome(t, target, run))
}

// stopped stops a process in the middle of a batch, lets another one finish, and wakes it: nothing may change any more.
func (p proving) stopped(t *testing.T, point cycle.Point, want []string) {
	t.Helper()
	target := p.engine(t)
	o := orders{ID: "sleeper", Source: p.source.reader, Target: target.DSN, Workers: 1, Tempo: quick, At: point, Nth: 2, With: syscall.SIGSTOP}
	sleeper := start(t, o)
	sleeper.hear("up")
	sleeper.tell(p.what)
	run := sleeper.run()
	sleeper.hear("at")
	o.ID, o.At = "other", ""
	other := start(t, o)
	other.hear("up")
	p.same(t, target, run, want)
	other.leave()
	before := everything(t, target)
	sleeper.signal(syscall.SIGCONT)
	sleeper.leave() // it ends what it was at, as far as it can
	require.Equal(t, before, everything(t, target), "the woken process wrote")
}

// comesBy waits until the process has died at its point; it reports whether it did before the run was done.
func (p *process) comesBy(target *engineBase, run int64) bool {
	p.t.Helper()
	late := time.After(limit)
	for look := time.NewTicker(50 * time.Millisecond); ; {
		select {
		case <-p.ended:
			return true
		case <-late:
			require.Failf(p.t, "nobody came by", "%s\n%s", p.o.At, strings.Join(state(p.t, target.pool), "\n"))
		case <-look.C:
			if oracle.One(p.t, target.pool, `SELECT state FROM ferry.run WHERE id = $1`, run) == "done" {
				return false
			}
		}
	}
}
