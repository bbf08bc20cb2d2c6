package control_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/engine/check"
	"ferry/engine/control"
	"ferry/engine/entity"
	"ferry/store/demo"
	"ferry/store/embedded/pgtest"
	"ferry/store/odoo"
)

func TestARecheckIsOfItsRowsOnly(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	done(t, b.full(t))
	b.target.Exec(t, `UPDATE point_moves SET initial_point = initial_point + 0.01 WHERE id IN (13, 14)`)
	wrong := rows(t, b.target, `SELECT id::text FROM point_moves WHERE id IN (13, 14)`)
	require.Len(t, wrong, 2)
	v := b.checked(t, engine.CheckOptions{Rows: map[string][]int64{"loyalty_point_move": {14, 14}}})
	require.Equal(t, engine.Fail, v.Verdict, v.Why)
	require.True(t, v.Recheck)
	require.EqualValues(t, 1, v.Settled)
	require.EqualValues(t, 1, v.Compared)
	require.InDelta(t, 1, v.Coverage, 0)
	require.Equal(t, "0", one(t, b.target, `SELECT count(*)::text FROM ferry.proof`), "a few rows prove no range")

	b.target.Exec(t, `UPDATE point_moves SET initial_point = initial_point - 0.01 WHERE id = 14`)
	v = b.checked(t, engine.CheckOptions{Rows: map[string][]int64{"loyalty_point_move": {14}}})
	require.Equal(t, engine.Pass, v.Verdict, v.Why)
	require.Equal(t, []string{"loyalty_point_move 14 initial_point field verified"}, b.states(t))
	_, err := b.StartCheck(t.Context(), engine.CheckOptions{Rows: map[string][]int64{}})
	require.ErrorIs(t, err, engine.ErrNoSuchRow)
}

// What a check could not look at in its time is looked at first by the next.
func TestACheckThatMayNotTakeLongSaysWhatItCovered(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	done(t, b.full(t))
	v := b.checked(t, engine.CheckOptions{MaxDuration: time.Nanosecond})
	require.Equal(t, engine.RunDone, v.State, v.Error)
	require.Equal(t, engine.CouldNotCheck, v.Verdict)
	require.Zero(t, v.Coverage)
	require.Contains(t, v.Why, "only 0.0 % of the ids")
	require.Equal(t, engine.Pass, b.checked(t, engine.CheckOptions{Entities: []string{"loyalty_card"}}).Verdict)
	v = b.checked(t, engine.CheckOptions{MaxDuration: time.Hour})
	require.Equal(t, engine.Pass, v.Verdict, v.Why)
	d, err := b.RunDetail(t.Context(), v.ID)
	require.NoError(t, err)
	require.Equal(t, "loyalty_card", d.Steps[3].Entity, "it was looked at last, so it comes last: %+v", d.Steps)
}

// A row with an id far from all others costs a look at its own surroundings, not at all the ids in between; once it is gone, so
// is what was proven there.
func TestOneRowFarAwayIsFoundWithoutALookAtEverythingInBetween(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	done(t, b.full(t))
	b.target.Exec(t, `INSERT INTO point_moves SELECT (jsonb_populate_record(m, '{"id": 1500000001, "odoo_move_id": 1500000001}')).*
		FROM point_moves m ORDER BY id LIMIT 1`)
	cells := func() string {
		return one(t, b.target, `SELECT count(*) || ' up to ' || max(high) FROM ferry.proof WHERE entity = 'loyalty_point_move'`)
	}
	v := b.checked(t, engine.CheckOptions{})
	require.Equal(t, engine.Fail, v.Verdict, v.Why)
	require.InDelta(t, 1, v.Coverage, 0)
	require.Equal(t, []string{"loyalty_point_move 1500000001 extra settled"}, b.states(t))
	require.Equal(t, "2 up to 1500050000", cells())
	require.Eventually(t, func() bool {
		p := b.Snapshot().Proof
		return p.Coverage == 1 && !p.OldestAt.IsZero()
	}, 10*time.Second, 20*time.Millisecond, "what holds no row is not waited for")

	b.target.Exec(t, `DELETE FROM point_moves WHERE id = 1500000001`)
	v = b.checked(t, engine.CheckOptions{MaxDuration: time.Hour})
	require.Equal(t, engine.Pass, v.Verdict, v.Why)
	require.Equal(t, []string{"loyalty_point_move 1500000001 extra verified"}, b.states(t))
	v = b.checked(t, engine.CheckOptions{})
	require.Equal(t, engine.Pass, v.Verdict, v.Why)
	require.Equal(t, "1 up to 50000", cells())
}

// Nor does a full sync go through all the ids in between, and it still finds what the source does not have.
func TestAFullSyncSkipsIdsThatNobodyHas(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	done(t, b.full(t))
	b.target.Exec(t, `INSERT INTO point_moves SELECT (jsonb_populate_record(m, '{"id": 1500000001, "odoo_move_id": 1500000001}')).*
		FROM point_moves m ORDER BY id LIMIT 1`,
		`INSERT INTO loyalty_cards SELECT (jsonb_populate_record(c, '{"id": 1600000001, "odoo_card_id": 1600000001, "code": "FARAWAY"}')).*
		FROM loyalty_cards c ORDER BY id LIMIT 1`)
	v := b.full(t)
	done(t, v)
	require.Equal(t, "loyalty_card 1600000001, loyalty_point_move 1500000001",
		one(t, b.target, `SELECT string_agg(entity || ' ' || id, ', ' ORDER BY entity) FROM ferry.extra WHERE id > 1000000000`))
	require.Equal(t, "true", one(t, b.target, `SELECT (count(*) < 300)::text FROM ferry.batch WHERE run_id = (SELECT max(run_id) FROM ferry.batch)`))
}

func TestACheckThatCannotReadIsNoPass(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	done(t, b.full(t))
	require.NoError(t, b.PauseSchedule(t.Context(), engine.Act{}))
	b.target.Exec(t, `UPDATE point_moves SET odoo_move_id = 700, id = 700 WHERE id = 13`) // in flight: the row at the source is missing, and another is extra
	id, err := b.StartCheck(t.Context(), engine.CheckOptions{})
	require.NoError(t, err)
	require.Eventually(t, func() bool {
		v, err := b.Check(t.Context(), id)
		require.NoError(t, err)
		return v.Waits != ""
	}, limit, 20*time.Millisecond)
	b.source.Exec(t, `ALTER TABLE loyalty_point_move RENAME TO mislaid`)
	_, err = b.target.pool.Exec(t.Context(), `UPDATE ferry.floor SET read_from = clock_timestamp()`) // a cycle has ended behind it
	require.NoError(t, err)
	v := b.ended(t, id)
	require.Equal(t, engine.RunFailed, v.State)
	require.Contains(t, v.Error, "loyalty_point_move")
	require.NotEqual(t, engine.Pass, v.Verdict)
	require.NotEqual(t, engine.Pass, b.Snapshot().Proof.Verdict)
}

// A check that waits in vain says for what, and that it could not check.
func TestACheckGivesUpWaiting(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	done(t, b.full(t))
	impatient := b.impatient(t)
	require.NoError(t, b.PauseSchedule(t.Context(), engine.Act{}))
	b.target.Exec(t, `INSERT INTO point_moves SELECT (jsonb_populate_record(m, '{"id": 700, "odoo_move_id": 700}')).* FROM point_moves m WHERE id = 13`)
	v := impatient.checked(t, engine.CheckOptions{})
	require.Equal(t, engine.RunDone, v.State, v.Error)
	require.Equal(t, engine.CouldNotCheck, v.Verdict)
	require.Contains(t, v.Why, "1 row differs and may be changes under way")
	require.Contains(t, v.Why, "ticks are paused by tester@test")
	require.EqualValues(t, 1, v.InFlight)
	require.Zero(t, v.Settled)

	require.NoError(t, b.ResumeSchedule(t.Context(), engine.Act{}))
	v = impatient.checked(t, engine.CheckOptions{})
	require.Equal(t, engine.Fail, v.Verdict, v.Why)
}

// impatient is another ferry in the place of the first, whose checks wait for a second at most.
func (b *bundle) impatient(t *testing.T) *bundle {
	t.Helper()
	return b.replaced(t, func(c *control.Config) { c.Patience = time.Second })
}

// replaced is another ferry in the place of the first.
func (b *bundle) replaced(t *testing.T, change func(*control.Config)) *bundle {
	t.Helper()
	require.NoError(t, b.Stop(t.Context()))
	reader := pgtest.Role(t, b.source.DB, "", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
	next := &bundle{source: b.source, target: b.target}
	next.Control = next.openWith(t, reader.DSN, b.target.DSN, change)
	return next
}

func TestAFullCheckRunsBesideAFullRunAndARecheck(t *testing.T) {
	t.Parallel()
	b := setupWith(t, "demo", demoData)
	done(t, b.full(t))
	full, err := b.StartFull(t.Context(), engine.StartOptions{})
	require.NoError(t, err)
	whole, err := b.StartCheck(t.Context(), engine.CheckOptions{})
	require.NoError(t, err)
	some, err := b.StartCheck(t.Context(), engine.CheckOptions{Rows: map[string][]int64{"loyalty_card": {1, 2, 3}}})
	require.NoError(t, err)
	for _, id := range []engine.RunID{whole, some} {
		v := b.ended(t, id)
		require.Equal(t, engine.Pass, v.Verdict, "%s %s", v.Why, v.Error)
	}
	done(t, b.await(t, full))
}

// Every range is compared again by itself, and a clean pass is one line of history.
func TestARollingCheckKeepsTheProofYoung(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	done(t, b.full(t))
	require.NoError(t, b.SetPolicy(t.Context(), "proof-every", "2s", engine.Act{}))
	require.NoError(t, b.KeepInStep(t.Context(), time.Minute))
	require.Eventually(t, func() bool {
		runs, err := b.Runs(t.Context(), 0, 10)
		require.NoError(t, err)
		for _, r := range runs {
			if r.Kind == engine.RunCheck && r.Ticks > 1 && r.State == engine.RunDone {
				return true
			}
		}
		return false
	}, limit, 20*time.Millisecond)
	s := b.Snapshot()
	require.Equal(t, engine.Pass, s.Proof.Verdict, s.Proof.Why)
	require.True(t, s.Check.Rolling)
	b.target.Exec(t, `UPDATE point_moves SET initial_point = initial_point + 0.01 WHERE id = 13`)
	require.Eventually(t, func() bool { return b.Snapshot().Proof.Verdict == engine.Fail }, limit, 20*time.Millisecond)
	require.NoError(t, b.SetPolicy(t.Context(), "proof-every", "0", engine.Act{}))
}

// What a rolling check has seen early in its pass, which may take half an hour, is told from a change under way by its next batch.
func TestARollingCheckDoesNotKeepWhatItFindsToItself(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	done(t, b.full(t))
	b.target.Exec(t, `INSERT INTO loyalty_cards SELECT (jsonb_populate_record(c, '{"id": 7000, "odoo_card_id": 7000, "code": "NOWHERE"}')).*
		FROM loyalty_cards c ORDER BY id LIMIT 1`) // nobody counts it, so no tick sweeps
	require.NoError(t, b.SetPolicy(t.Context(), "proof-every", "20s", engine.Act{}))
	b.keepInStep(t)
	b.recorded(t, "it is settled before the pass ends", `bool_and(d.settled_at < s.started_at) FROM ferry.discrepancy d
		JOIN ferry.step s ON s.run_id = d.found_run AND s.verb = 'confirm' WHERE d.row_id = 7000`)
}

// Under live writes a comparison without a second look invents differences; a check reports those that were planted, and none
// besides.
func TestUnderLiveWritesOnlyWhatIsWrongIsSettled(t *testing.T) {
	t.Parallel()
	b := setupWith(t, "demo", demoData)
	done(t, b.full(t))
	planted := rows(t, b.target, `SELECT id::text FROM point_history ORDER BY id LIMIT 5`)
	b.target.Exec(t, `UPDATE point_history SET points_amount = points_amount + 0.01 WHERE id IN (`+strings.Join(planted, ",")+`)`)
	traffic, err := demo.StartTraffic(t.Context(), demo.TrafficOptions{DSN: b.source.DSN, Rate: 60, Seed: 7, Long: 1, HoldMin: 1, HoldMax: 1e9})
	require.NoError(t, err)
	require.NoError(t, b.KeepInStep(t.Context(), time.Second))
	settled := `SELECT DISTINCT concat_ws(' ', entity, row_id) FROM ferry.discrepancy WHERE settled_at IS NOT NULL ORDER BY 1`
	var want []string
	for _, id := range planted {
		want = append(want, "loyalty_point_history "+id)
	}
	invented := func() string {
		return one(t, b.target, `SELECT (count(*) > 0)::text FROM ferry.discrepancy WHERE state = 'verified' AND settled_at IS NULL`)
	}
	for passes := 0; passes < 2 || passes < 20 && invented() == "false"; passes++ {
		v := b.checked(t, engine.CheckOptions{})
		require.Equal(t, engine.RunDone, v.State, v.Error)
		require.Equal(t, engine.Fail, v.Verdict, v.Why)
		require.ElementsMatch(t, want, rows(t, b.target, settled), "%v", rows(t, b.target, `
			SELECT to_jsonb(d)::text FROM ferry.discrepancy d WHERE settled_at IS NOT NULL`))
	}
	require.Equal(t, "true", invented(), "a naive comparison would have reported these")
	traffic.Stop()
	require.NoError(t, traffic.Err())
}

// A pass that cannot come by all ids is no pass: neither does it end at once, nor never.
func TestARowWithAnIDThatOdooCannotHaveIsNoPass(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	done(t, b.full(t))
	b.target.Exec(t, `INSERT INTO point_moves SELECT (jsonb_populate_record(m, '{"id": 9223372036854775807, "odoo_move_id": 9223372036854775807}')).*
		FROM point_moves m WHERE id = 13`)
	v := b.checked(t, engine.CheckOptions{})
	require.Equal(t, engine.RunFailed, v.State)
	require.Equal(t, engine.CouldNotCheck, v.Verdict)
	require.Contains(t, v.Why, "no row of Odoo can have such an id")
	source, err := odoo.Open(t.Context(), b.source.DSN, "ferry test")
	require.NoError(t, err)
	defer source.Close()
	_, err = (&check.Runner{Source: source}).Here(t.Context(), b.ledger, entity.DefaultRules(), nil, time.Time{}, func(check.Seen) error { return nil })
	require.ErrorContains(t, err, "no row of Odoo can have such an id")
}
