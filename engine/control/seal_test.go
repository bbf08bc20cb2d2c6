package control_test

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/engine/control"
	"ferry/engine/cycle"
)

// seal seals the engine.
func (b *bundle) seal(t *testing.T) {
	t.Helper()
	require.NoError(t, b.Seal(t.Context(), one(t, b.target, `SELECT current_database()`), engine.Act{Reason: "cutover"}))
}

// unseal opens it again.
func (b *bundle) unseal(t *testing.T, o engine.UnsealOptions) engine.Unsealed {
	t.Helper()
	done, err := b.Unseal(t.Context(), one(t, b.target, `SELECT current_database()`), o, engine.Act{Reason: "not yet"})
	require.NoError(t, err)
	return done
}

// held stops a worker at a point, once. It gives when it is there, and what lets it go on.
func (b *bundle) stopAt(t *testing.T, point cycle.Point) (k *control.Control, arm func(), there <-chan struct{}, goOn func()) {
	t.Helper()
	armed, arrived, released := make(chan struct{}), make(chan struct{}), make(chan struct{})
	k = b.openWith(t, b.reader, b.target.DSN, func(c *control.Config) {
		c.Process.ID += " held"
		c.Reached = func(p cycle.Point) {
			select {
			case <-armed:
			default:
				return
			}
			if p != point {
				return
			}
			select {
			case <-arrived:
			default:
				close(arrived)
			}
			<-released
		}
	})
	return k, func() { close(armed) }, arrived, func() { close(released) }
}

// A transaction of the engine's service that is open while the engine is sealed, or opened, has written under a savepoint: no snapshot
// says so. Sealing waits for it, so that what it has written is on the one side or the other.
func TestSealingWaitsForWhatOthersAreWriting(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	done(t, b.full(t))
	cards := b.livingCards(t)
	write := func(card string) pgx.Tx {
		tx, err := b.target.pool.Begin(t.Context())
		require.NoError(t, err)
		_, err = tx.Exec(t.Context(), `SAVEPOINT service`)
		require.NoError(t, err)
		_, err = tx.Exec(t.Context(), `UPDATE loyalty_cards SET partner_id = 4711 WHERE id = $1`, card)
		require.NoError(t, err)
		return tx
	}
	waits := func(what string) {
		require.Eventually(t, func() bool {
			return one(t, b.target, `SELECT count(*)::text FROM pg_locks l JOIN pg_database d ON d.oid = l.database
				WHERE d.datname = current_database() AND l.mode = 'ShareLock' AND l.locktype = 'relation' AND NOT l.granted`) != "0"
		}, limit, limit/10_000, what)
	}
	before := write(cards[0])
	defer before.Rollback(t.Context())
	sealed := make(chan error, 1)
	name := one(t, b.target, `SELECT current_database()`)
	go func() { sealed <- b.Seal(t.Context(), name, engine.Act{}) }()
	waits("it waits for the open transaction")
	require.Equal(t, "0", one(t, b.target, `SELECT count(*)::text FROM ferry.seal`))
	require.NoError(t, before.Commit(t.Context()))
	require.NoError(t, <-sealed)

	under := write(cards[1])
	defer under.Rollback(t.Context())
	type opened struct {
		engine.Unsealed

		err error
	}
	unsealed := make(chan opened, 1)
	go func() {
		o, err := b.Unseal(t.Context(), name, engine.UnsealOptions{}, engine.Act{})
		unsealed <- opened{o, err}
	}()
	waits("so does opening")
	require.NoError(t, under.Commit(t.Context()))
	o := <-unsealed
	require.NoError(t, o.err)
	require.EqualValues(t, 1, o.Written, "the one before the seal is not among them")
	require.Equal(t, cards[1], one(t, b.target, `SELECT id::text FROM ferry.owned`))
}

// Transaction ids mean nothing in another cluster: a dump that was restored there holds rows that all look new, or all old.
func TestAnEngineThatWasMovedUnderItsSealOpensOnlyToBeOverwritten(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	done(t, b.full(t))
	b.seal(t)
	b.target.Exec(t, `UPDATE ferry.seal SET cluster = '4711'`)
	_, err := b.Unseal(t.Context(), one(t, b.target, `SELECT current_database()`), engine.UnsealOptions{}, engine.Act{})
	require.ErrorIs(t, err, engine.ErrStateChanged)
	require.ErrorContains(t, err, "moved to another server")
	b.unseal(t, engine.UnsealOptions{Overwrite: true})
}

func TestASealedEngineRefusesWhateverWouldWriteIt(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	done(t, b.full(t))
	card := b.livingCards(t)[0]
	b.find(t, "loyalty_card", "partner_id", engine.CauseField, card)
	b.target.Exec(t, `UPDATE loyalty_cards SET partner_id = 4711 WHERE id = `+card)
	plan := b.planned(t, engine.RepairOptions{})
	b.source.Exec(t, `UPDATE loyalty_card SET points = points + 1`)
	cancelled, err := b.StartIncremental(t.Context(), engine.StartOptions{})
	require.NoError(t, err)
	b.await(t, cancelled)
	b.target.Exec(t, fmt.Sprintf(`UPDATE ferry.run SET state = 'interrupted' WHERE id = %d`, cancelled))

	err = b.Seal(t.Context(), "another", engine.Act{})
	require.ErrorIs(t, err, engine.ErrStateChanged)
	require.ErrorContains(t, err, `"another" was typed`)
	b.seal(t)
	before := b.everything(t)
	retry := engine.QuarantineSelection{Entity: "loyalty_card", Reason: "card.partner_missing"}
	for name, act := range map[string]func(ctx context.Context) error{
		"full":        func(ctx context.Context) error { _, err := b.StartFull(ctx, engine.StartOptions{}); return err },
		"incremental": func(ctx context.Context) error { _, err := b.StartIncremental(ctx, engine.StartOptions{}); return err },
		"keep":        func(ctx context.Context) error { return b.KeepInStep(ctx, time.Second) },
		"resume":      func(ctx context.Context) error { return b.Resume(ctx, engine.Act{Run: cancelled}) },
		"ticks":       func(ctx context.Context) error { return b.ResumeSchedule(ctx, engine.Act{}) },
		"repair": func(ctx context.Context) error {
			_, err := b.ApplyRepair(ctx, plan.ID, plan.Hash, plan.Database, engine.Act{})
			return err
		},
		"retry":  func(ctx context.Context) error { _, err := b.RetryQuarantine(ctx, retry, engine.Act{}); return err },
		"waive":  func(ctx context.Context) error { _, err := b.Waive(ctx, retry, engine.Act{}, false); return err },
		"rule":   func(ctx context.Context) error { return b.SetRule(ctx, "card.partner_missing", "off", engine.Act{}) },
		"policy": func(ctx context.Context) error { return b.SetPolicy(ctx, "deletes", "delete", engine.Act{}) },
		"seal":   func(ctx context.Context) error { return b.Seal(ctx, plan.Database, engine.Act{}) },
		"rehearse": func(ctx context.Context) error {
			_, err := b.StartRehearsal(ctx, engine.RehearsalOptions{Freeze: engine.FreezeNone})
			return err
		},
	} {
		err := act(t.Context())
		require.ErrorIs(t, err, engine.ErrSealed, name)
		for _, says := range []string{"sealed by tester@test since 20", "(cutover)", "nothing of ferry writes it", "`ferry unseal` opens it again"} {
			require.ErrorContains(t, err, says, name)
		}
	}
	due, err := b.ledger.TickDue(t.Context())
	require.NoError(t, err)
	require.False(t, due)
	id, err := b.ledger.Tick(t.Context(), one(t, b.target, `SELECT source_identity FROM ferry.run LIMIT 1`), engine.Actor{})
	require.NoError(t, err)
	require.Zero(t, id, "no tick begins")
	require.Equal(t, before, b.everything(t))

	s := b.until(t, "it is shown", func(s *engine.Snapshot) bool { return s.Sealed != nil })
	require.Equal(t, "tester@test", s.Sealed.By)
	require.Equal(t, "cutover", s.Sealed.Reason)
	require.Equal(t, "sealed", one(t, b.target, `SELECT outcome FROM ferry.journal WHERE action = 'seal' AND reason = 'cutover' LIMIT 1`))

	_, err = b.Unseal(t.Context(), "another", engine.UnsealOptions{}, engine.Act{})
	require.ErrorIs(t, err, engine.ErrStateChanged)
	require.Zero(t, b.unseal(t, engine.UnsealOptions{}))
	_, err = b.Unseal(t.Context(), plan.Database, engine.UnsealOptions{}, engine.Act{})
	require.ErrorIs(t, err, engine.ErrStateChanged)
	require.NotEmpty(t, b.until(t, "ticks wait for a person", func(s *engine.Snapshot) bool { return s.Sealed == nil }).Schedule.PausedBy)
	require.NoError(t, b.ResumeSchedule(t.Context(), engine.Act{}))
	b.inStep(t)
}

// everything sums up the engine's rows, and what later runs would write by.
func (b *bundle) everything(t *testing.T) string {
	t.Helper()
	var parts []string
	for _, table := range []string{
		"public.loyalty_cards", "public.point_moves", "public.point_history", "ferry.rule", "ferry.policy", "ferry.quarantine", "ferry.run",
		"ferry.extra", "ferry.schedule", "ferry.lease", "ferry.entity_pause", "ferry.repair_plan", "ferry.discrepancy", "ferry.seal", "ferry.owned",
		"ferry.batch", "ferry.step", "ferry.river_job",
	} {
		parts = append(parts, table+" "+one(t, b.target, `SELECT coalesce(md5(string_agg(t::text, E'\n' ORDER BY t::text)), '') FROM `+table+` t`))
	}
	return strings.Join(parts, "\n")
}

func TestARunIsInTheWayOfASealAndATickUnderWayEndsFirst(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	name := one(t, b.target, `SELECT current_database()`)
	done(t, b.full(t))
	require.NoError(t, b.PauseEntity(t.Context(), "loyalty_card", engine.Act{}))
	id, err := b.StartFull(t.Context(), engine.StartOptions{})
	require.NoError(t, err)
	b.until(t, "it is paused", func(s *engine.Snapshot) bool { return s.Run.ID == id && s.Run.State == engine.RunPaused })
	err = b.Seal(t.Context(), name, engine.Act{})
	require.ErrorIs(t, err, engine.ErrRunActive)
	require.ErrorContains(t, err, "resume it or cancel it")
	require.NoError(t, b.Cancel(t.Context(), engine.Act{Run: id}))
	require.NoError(t, b.ResumeEntity(t.Context(), "loyalty_card", engine.Act{}))
	require.NoError(t, b.Stop(t.Context())) // the other one is to have the tick

	k, arm, there, goOn := b.stopAt(t, cycle.PointWrite)
	card := b.livingCards(t)[0]
	b.source.Exec(t, `UPDATE loyalty_card SET partner_id = 7 WHERE id = `+card)
	arm()
	require.NoError(t, k.KeepInStep(t.Context(), 50*time.Millisecond))
	<-there // its rows are written, and not committed
	sealed := make(chan error, 1)
	go func() { sealed <- k.Seal(t.Context(), name, engine.Act{}) }()
	require.Eventually(t, func() bool {
		return one(t, b.target, `SELECT count(*)::text FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND mode = 'ExclusiveLock'`) != "0"
	}, limit, 10*time.Millisecond, "it waits for the batch")
	goOn()
	require.NoError(t, <-sealed)
	require.Equal(t, "7", one(t, b.target, `SELECT partner_id::text FROM loyalty_cards WHERE id = $1`, card), "the tick has carried what it read")
	require.Equal(t, "0", one(t, b.target, `SELECT count(*)::text FROM ferry.run WHERE writes AND state IN ('queued', 'planning', 'running', 'pausing')`))
}

func TestABatchUnderWayDoesNotCommitBehindASeal(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		seals bool
		want  string
	}{{"sealed", true, "1"}, {"negative control: without the seal it commits", false, "7"}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, odooDump)
			done(t, b.full(t))
			require.NoError(t, b.Stop(t.Context()))
			k, arm, there, goOn := b.stopAt(t, cycle.PointConnect)
			card := b.livingCards(t)[0]
			b.target.Exec(t, `UPDATE loyalty_cards SET partner_id = 1 WHERE id = `+card)
			b.source.Exec(t, `UPDATE loyalty_card SET partner_id = 7 WHERE id = `+card)
			arm()
			id, err := k.StartIncremental(t.Context(), engine.StartOptions{})
			require.NoError(t, err)
			<-there // the process has begun its batch, and knows of no seal
			if c.seals {
				b.target.Exec(t, `INSERT INTO ferry.seal (sealed_by, seen) VALUES ('sari@db2', pg_current_snapshot()::text)`)
			}
			goOn()
			if c.seals { // what was refused is no error of the batch, and nobody takes it up again
				require.Eventually(t, func() bool {
					return one(t, b.target, `SELECT count(*)::text FROM ferry.river_job WHERE state IN ('available', 'running', 'retryable')`) == "0"
				}, limit, 20*time.Millisecond)
			} else {
				require.Eventually(t, func() bool {
					return one(t, b.target, `SELECT state FROM ferry.run WHERE id = $1`, id) == "done"
				}, limit, 20*time.Millisecond)
			}
			require.Equal(t, c.want, one(t, b.target, `SELECT partner_id::text FROM loyalty_cards WHERE id = $1`, card))
		})
	}
}

func TestWhatOthersWroteUnderASealIsNotOverwritten(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	done(t, b.full(t))
	cards := b.livingCards(t)
	written, alike, before := cards[0], cards[2], cards[3]
	line := one(t, b.target, `SELECT max(id)::text FROM point_history WHERE odoo_history_id IS NOT NULL`)
	deleted := one(t, b.target, `SELECT max(id)::text FROM point_history WHERE id < $1 AND loyalty_card_id <> $2`, line, written)
	b.target.Exec(t, `UPDATE loyalty_cards SET partner_id = 1 WHERE id = `+before) // before the seal: Odoo's all the same
	b.seal(t)
	b.target.Exec(t, `BEGIN; SAVEPOINT s; UPDATE loyalty_cards SET partner_id = 4711 WHERE id = `+written+`; RELEASE s; COMMIT`,
		`UPDATE point_history SET origin = 'engine' WHERE id = `+line,
		`UPDATE loyalty_cards SET partner_id = partner_id WHERE id = `+alike,
		`DELETE FROM point_history WHERE id = `+deleted,
		`INSERT INTO loyalty_cards (code, points) VALUES ('OWN-1', 1)`)
	require.Equal(t, engine.Unsealed{Written: 3, Deleted: 1}, b.unseal(t, engine.UnsealOptions{}))

	b.source.Exec(t, `UPDATE loyalty_card SET partner_id = 8 WHERE id IN (`+strings.Join([]string{written, alike, before}, ", ")+`)`,
		`UPDATE loyalty_point_history SET origin = 'odoo' WHERE id IN (`+line+`, `+deleted+`)`)
	s := b.tick(t)
	done(t, s)
	partner := func(id string) string {
		return one(t, b.target, `SELECT partner_id::text FROM loyalty_cards WHERE id = $1`, id)
	}
	require.Equal(t, "4711", partner(written), "the engine's own writing stays")
	require.NotEqual(t, "8", partner(alike))
	require.Equal(t, "8", partner(before), "what was written before the seal is Odoo's")
	require.Equal(t, "engine", one(t, b.target, `SELECT origin FROM point_history WHERE id = $1`, line))
	require.Equal(t, "0", one(t, b.target, `SELECT count(*)::text FROM point_history WHERE id = $1`, deleted))
	var aside []string
	for _, q := range b.held(t, "engine_owned") {
		aside = append(aside, strconv.FormatInt(q.ID, 10))
	}
	require.ElementsMatch(t, []string{written, line, alike, deleted}, aside)
	done(t, b.full(t))
	require.Equal(t, "4711", partner(written), "nor does a full sync")
	require.Equal(t, "0", one(t, b.target, `SELECT count(*)::text FROM point_history WHERE id = $1`, deleted))

	// Somebody decides that they are Odoo's after all.
	b.seal(t)
	b.unseal(t, engine.UnsealOptions{Overwrite: true})
	done(t, b.full(t))
	require.Equal(t, "8", partner(written))
	require.Equal(t, "odoo", one(t, b.target, `SELECT origin FROM point_history WHERE id = $1`, deleted))
	require.Empty(t, b.held(t, "engine_owned"))
}

func TestACheckComparesUnderASealAndWaitsForNoCycle(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	done(t, b.full(t))
	cards := b.livingCards(t)
	b.seal(t)
	b.source.Exec(t, `UPDATE loyalty_card SET partner_id = 8 WHERE id = `+cards[1])
	v := b.checked(t, engine.CheckOptions{})
	require.Equal(t, engine.CouldNotCheck, v.Verdict)
	require.EqualValues(t, 1, v.InFlight)
	require.Contains(t, v.Why, "sealed by tester@test")
	b.target.Exec(t, `UPDATE loyalty_cards SET partner_id = 4711 WHERE id = `+cards[0])
	require.EqualValues(t, 1, b.checked(t, engine.CheckOptions{}).Entities[0].ByCause[engine.CauseWrittenOnTarget])
}

// A savepoint that was open while the engine was sealed, and had written something else before, writes a card behind the seal: its id is
// older than the seal, and no snapshot of the server's lists it.
func TestWhatAnOlderSavepointWritesUnderASealIsTheEngines(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	done(t, b.full(t))
	cards := b.livingCards(t)
	b.target.Exec(t, `CREATE TABLE elsewhere (id int)`)
	tx, err := b.target.pool.Begin(t.Context())
	require.NoError(t, err)
	defer tx.Rollback(t.Context())
	for _, sql := range []string{`SAVEPOINT service`, `INSERT INTO elsewhere VALUES (1)`} {
		_, err = tx.Exec(t.Context(), sql)
		require.NoError(t, err)
	}
	b.target.Exec(t, `UPDATE loyalty_cards SET partner_id = partner_id WHERE id = `+cards[0])
	b.seal(t)
	const update = `UPDATE loyalty_cards SET partner_id = 4711 WHERE id = $1`
	_, err = tx.Exec(t.Context(), update, cards[1])
	require.NoError(t, err)
	require.NoError(t, tx.Commit(t.Context()))
	require.Equal(t, "true", one(t, b.target, `SELECT (c.xmin::text::bigint < pg_snapshot_xmax(seen::pg_snapshot)::text::bigint)::text
		FROM ferry.seal s, loyalty_cards c WHERE c.id = $1`, cards[1]), "or this shows nothing")
	o := b.unseal(t, engine.UnsealOptions{})
	require.EqualValues(t, 1, o.Written, "what was written right before the seal is not among them")
	require.Equal(t, cards[1], one(t, b.target, `SELECT id::text FROM ferry.owned`))
}
