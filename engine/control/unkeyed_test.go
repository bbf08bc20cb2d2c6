package control_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/engine/control"
)

// keysOf lists the keys and indexes of the engine's tables, each as the server writes it.
const keysOf = `SELECT text FROM (
	SELECT conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) || ' ' || convalidated AS text FROM pg_constraint
		WHERE conrelid IN ('loyalty_cards'::regclass, 'point_moves'::regclass, 'point_history'::regclass)
	UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public') k ORDER BY 1`

// halfLoaded begins a first load and leaves it where cards are to come: everything else is there, without keys.
func halfLoaded(t *testing.T) (*bundle, engine.RunID) {
	t.Helper()
	b := setup(t, odooDump)
	require.NoError(t, b.PauseEntity(t.Context(), "loyalty_card", engine.Act{}))
	id, err := b.StartFull(t.Context(), engine.StartOptions{})
	require.NoError(t, err)
	b.until(t, "it waits for cards", func(s *engine.Snapshot) bool { return s.Run.ID == id && s.Run.State == engine.RunPaused })
	return b, id
}

func TestAFirstLoadBuildsItsKeysBehindTheRows(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	before := rows(t, b.target, keysOf)
	require.NotEmpty(t, before)
	s := b.full(t)
	done(t, s)
	require.Zero(t, s.Unkeyed)
	require.Equal(t, before, rows(t, b.target, keysOf), "the tables are as `ferry init` made them")
	var verbs []engine.StepVerb
	for _, step := range s.Steps {
		verbs = append(verbs, step.Verb)
	}
	require.Equal(t, []engine.StepVerb{
		engine.StepPlan, engine.StepLoad, engine.StepLoad, engine.StepIndex, engine.StepIndex, engine.StepLoad, engine.StepOwners, engine.StepIndex,
		engine.StepKeys, engine.StepKeys, engine.StepKeys,
	}, verbs, "cards come last, with the points that their ledgers give them")
	require.Equal(t, "0", one(t, b.target, `SELECT count(*)::text FROM loyalty_cards WHERE sync_version <> 0`))
	require.Equal(t, "0", one(t, b.target, `SELECT count(*)::text FROM pg_stat_user_tables WHERE relname = 'loyalty_cards' AND n_tup_upd > 0`),
		"no card is written twice")
	require.NotEmpty(t, b.held(t, "code_taken"), "the dump has cards that share a code")
	b.faithful(t)
	b.inStep(t)
}

func TestTablesThatAreNotFerrysAloneKeepTheirKeys(t *testing.T) {
	t.Parallel()
	for name, statement := range map[string]string{
		"an index": `CREATE INDEX mine ON point_moves (origin)`,
		"a trigger": `CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
			CREATE TRIGGER t BEFORE INSERT ON loyalty_cards FOR EACH ROW EXECUTE FUNCTION nothing()`,
		"a reference": `CREATE TABLE mine (card bigint REFERENCES loyalty_cards (id))`,
		"a name":      `ALTER TABLE point_history RENAME CONSTRAINT point_history_pkey TO mine`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, odooDump)
			b.target.Exec(t, statement)
			before := rows(t, b.target, keysOf)
			done(t, b.full(t))
			require.Equal(t, "false", one(t, b.target, `SELECT unkeyed::text FROM ferry.run`))
			require.Contains(t, one(t, b.target, `SELECT outcome FROM ferry.journal WHERE action = 'note' AND outcome LIKE '%keep their keys%'`),
				"takes longer")
			require.Equal(t, before, rows(t, b.target, keysOf))
			b.faithful(t)
		})
	}
}

func TestUntilTheKeysAreThereNothingElseWrites(t *testing.T) {
	t.Parallel()
	b, id := halfLoaded(t)
	require.Equal(t, id, b.until(t, "it is shown", func(s *engine.Snapshot) bool { return s.Unkeyed != 0 }).Unkeyed)
	require.NoError(t, b.Cancel(t.Context(), engine.Act{Run: id, Reason: "enough for today"}))
	require.Equal(t, engine.RunCancelled, b.await(t, id).Run.State)

	_, err := b.StartIncremental(t.Context(), engine.StartOptions{})
	require.ErrorIs(t, err, engine.ErrUnkeyed)
	require.ErrorContains(t, err, "ferry sync full")
	_, err = b.StartFull(t.Context(), engine.StartOptions{Entities: []string{"loyalty_card"}})
	require.ErrorIs(t, err, engine.ErrUnkeyed)
	_, err = b.StartCheck(t.Context(), engine.CheckOptions{})
	require.ErrorIs(t, err, engine.ErrUnkeyed)
	due, err := b.ledger.TickDue(t.Context())
	require.NoError(t, err)
	require.False(t, due)
	require.NoError(t, b.Init(t.Context()), "init finds nothing to complain about")

	require.NoError(t, b.ResumeEntity(t.Context(), "loyalty_card", engine.Act{}))
	require.NoError(t, b.Resume(t.Context(), engine.Act{Run: id}))
	s := b.await(t, id)
	done(t, s)
	require.Zero(t, s.Unkeyed)
	b.faithful(t)
	b.inStep(t)
}

func TestAFirstLoadBeginsAgain(t *testing.T) {
	t.Parallel()
	b, id := halfLoaded(t)
	_, err := b.StartFull(t.Context(), engine.StartOptions{Restart: true})
	require.ErrorIs(t, err, engine.ErrRunActive, "the run must have ended")
	require.NoError(t, b.Cancel(t.Context(), engine.Act{Run: id}))
	b.await(t, id)
	require.NoError(t, b.ResumeEntity(t.Context(), "loyalty_card", engine.Act{}))
	b.target.Exec(t, `INSERT INTO ferry.quarantine (entity, source_id, state, reason, run_id)
		SELECT 'loyalty_card', 4000000, 'open', 'test', max(id) FROM ferry.run`)

	_, err = b.StartFull(t.Context(), engine.StartOptions{Restart: true, Entities: []string{"loyalty_card"}})
	require.ErrorIs(t, err, engine.ErrStateChanged, "half of a first load is none")
	first := id
	b.target.Exec(t, `UPDATE ferry.quarantine SET state = 'released', resolved_at = now() WHERE entity = 'loyalty_point_move'`)
	require.NoError(t, b.PauseEntity(t.Context(), "loyalty_card", engine.Act{}))
	id, err = b.StartFull(t.Context(), engine.StartOptions{Restart: true})
	require.NoError(t, err)
	b.until(t, "it waits for cards again", func(s *engine.Snapshot) bool { return s.Run.ID == id && s.Run.State == engine.RunPaused })
	require.NoError(t, b.Cancel(t.Context(), engine.Act{Run: id}))
	b.await(t, id)
	require.NoError(t, b.ResumeEntity(t.Context(), "loyalty_card", engine.Act{}))
	require.ErrorIs(t, b.Resume(t.Context(), engine.Act{Run: first}), engine.ErrUnkeyed, "its checkpoints are about rows that are not there any more")
	require.NoError(t, b.Resume(t.Context(), engine.Act{Run: id}))
	done(t, b.await(t, id))
	require.Equal(t, "true", one(t, b.target, `SELECT unkeyed::text FROM ferry.run WHERE id = $1`, id))
	require.Equal(t, "1", one(t, b.target, `SELECT count(*)::text FROM ferry.journal WHERE action = 'restart'`))
	b.faithful(t)
	b.inStep(t)

	before := b.fingerprint(t)
	_, err = b.StartFull(t.Context(), engine.StartOptions{Restart: true})
	require.ErrorIs(t, err, engine.ErrStateChanged, "keys are there: nothing is emptied")
	require.Equal(t, before, b.fingerprint(t))
}

// Whether a row's card will be there is known by a hint while tables without keys are filled. What the hint got wrong must come
// right: in the run itself where keys would break, and with the next tick where a row waits for nothing.
func TestCardsThatChangeDuringAFirstLoad(t *testing.T) {
	t.Parallel()
	b, id := halfLoaded(t)
	gone := rows(t, b.source, `SELECT loyalty_card_id::text FROM loyalty_point_move m JOIN loyalty_card c ON c.id = m.loyalty_card_id
		WHERE c.partner_id > 0 GROUP BY 1 ORDER BY 1 LIMIT 3`)
	come := rows(t, b.source, `SELECT h.loyalty_card_id::text FROM loyalty_point_history h JOIN loyalty_card c ON c.id = h.loyalty_card_id
		WHERE c.partner_id IS NULL GROUP BY 1 ORDER BY 1 LIMIT 3`)
	require.Len(t, gone, 3)
	for _, card := range gone {
		b.source.Exec(t, `UPDATE loyalty_card SET partner_id = NULL WHERE id = `+card)
	}
	for _, card := range come {
		b.source.Exec(t, `UPDATE loyalty_card SET partner_id = (SELECT max(partner_id) FROM loyalty_card) WHERE id = `+card)
	}
	require.NoError(t, b.ResumeEntity(t.Context(), "loyalty_card", engine.Act{}))
	s := b.await(t, id)
	done(t, s)
	require.NotZero(t, b.entity(s, "loyalty_point_move").Waiting.Value, "rows whose card is not there have left again")
	b.inStep(t)
	b.faithful(t)
}

// movesLocked begins a first load, and leaves it before its ledger: moves are there, and none of their indexes can be built until the
// lock is given up.
func (b *bundle) movesLocked(t *testing.T) (engine.RunID, pgx.Tx) {
	t.Helper()
	require.NoError(t, b.PauseEntity(t.Context(), "loyalty_point_history", engine.Act{}))
	id, err := b.StartFull(t.Context(), engine.StartOptions{})
	require.NoError(t, err)
	b.until(t, "moves are there", func(s *engine.Snapshot) bool { return s.Run.ID == id && s.Run.State == engine.RunPaused })
	lock, err := b.target.pool.Begin(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { _ = lock.Rollback(context.WithoutCancel(t.Context())) })
	_, err = lock.Exec(t.Context(), `LOCK TABLE point_moves IN ROW EXCLUSIVE MODE`)
	require.NoError(t, err)
	return id, lock
}

// An index may take minutes to be built: whoever cancels its run does not wait for that, and the build is given up.
func TestCancelDoesNotWaitForAnIndex(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	id, lock := b.movesLocked(t)
	require.NoError(t, b.ResumeEntity(t.Context(), "loyalty_point_history", engine.Act{}))
	const building = `SELECT count(*)::text FROM pg_stat_activity
		WHERE datname = current_database() AND query LIKE 'CREATE%INDEX%point_moves%' AND state = 'active'`
	require.Eventually(t, func() bool { return one(t, b.target, building) == "2" }, limit, limit/10_000, "both workers are at an index")

	require.NoError(t, b.Cancel(t.Context(), engine.Act{Run: id}))
	require.Eventually(t, func() bool { return one(t, b.target, building) == "0" }, limit, limit/10_000)
	require.Equal(t, "0", one(t, b.target, `SELECT max(tries)::text FROM ferry.batch`), "given up at once, and not for want of the lock")
	require.NoError(t, lock.Rollback(t.Context()))
	require.NoError(t, b.Resume(t.Context(), engine.Act{Run: id}))
	done(t, b.await(t, id))
	b.faithful(t)
}

// The last indexes of one table are built while the rows of the next are loaded. A pause waits for both, an entity that is paused for
// neither; and what needs all of it does not begin.
func TestIndexesAreBuiltBesideTheNextLoad(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	b.openWith(t, b.reader, b.target.DSN, func(c *control.Config) { c.Process = engine.Process{ID: "beside", Host: "test", PID: 2, Workers: 2} })
	id, lock := b.movesLocked(t) // three of the four workers come to wait for it
	require.NoError(t, b.PauseEntity(t.Context(), "loyalty_card", engine.Act{}))
	require.NoError(t, b.ResumeEntity(t.Context(), "loyalty_point_history", engine.Act{}))

	state := func(verb, entity string) string {
		return one(t, b.target, `SELECT state FROM ferry.step WHERE run_id = $1 AND verb = $2 AND entity = $3`, id, verb, entity)
	}
	b.until(t, "the ledger's indexes are built", func(*engine.Snapshot) bool { return state("index", "loyalty_point_history") == "done" })
	b.until(t, "those of moves are at work", func(s *engine.Snapshot) bool {
		return s.Run.State == engine.RunRunning && s.Run.NowDoing == "building indexes of loyalty_point_move"
	})
	require.Equal(t, "waiting", state("load", "loyalty_card"), "it is paused")
	require.NoError(t, b.ResumeEntity(t.Context(), "loyalty_card", engine.Act{}))
	require.NoError(t, b.Pause(t.Context(), engine.Act{Run: id}))
	require.NoError(t, b.Resume(t.Context(), engine.Act{Run: id}))
	b.until(t, "cards are there", func(*engine.Snapshot) bool { return state("load", "loyalty_card") == "done" })
	require.Equal(t, "running", state("index", "loyalty_point_move"))
	require.Equal(t, "waiting", state("owners", "loyalty_card"), "it is behind all of it")

	require.NoError(t, b.Pause(t.Context(), engine.Act{Run: id}))
	b.until(t, "it is about to pause", func(s *engine.Snapshot) bool { return s.Run.State == engine.RunPausing })
	require.NoError(t, lock.Rollback(t.Context()))
	b.until(t, "nothing is in flight", func(s *engine.Snapshot) bool { return s.Run.State == engine.RunPaused })
	require.Equal(t, "0", one(t, b.target, `SELECT count(*)::text FROM ferry.batch WHERE state <> 'done'`))
	require.NoError(t, b.Resume(t.Context(), engine.Act{Run: id}))
	done(t, b.await(t, id))
	b.faithful(t)
	b.inStep(t)
}

// Two steps are under way, with batches of both in flight, when the run is cancelled: whoever resumes it carries both to their end, once.
func TestARunIsResumedWithTwoStepsUnderWay(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	b.openWith(t, b.reader, b.target.DSN, func(c *control.Config) { c.Process = engine.Process{ID: "beside", Host: "test", PID: 2, Workers: 2} })
	id, index := b.movesLocked(t)
	require.NoError(t, b.PauseEntity(t.Context(), "loyalty_card", engine.Act{}))
	require.NoError(t, b.ResumeEntity(t.Context(), "loyalty_point_history", engine.Act{}))
	b.until(t, "indexes of moves are at work", func(s *engine.Snapshot) bool { return s.Run.NowDoing == "building indexes of loyalty_point_move" })
	load, err := b.source.pool.Begin(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { _ = load.Rollback(context.WithoutCancel(t.Context())) })
	_, err = load.Exec(t.Context(), `LOCK TABLE loyalty_card IN ACCESS EXCLUSIVE MODE`)
	require.NoError(t, err)
	require.NoError(t, b.ResumeEntity(t.Context(), "loyalty_card", engine.Act{}))
	require.NoError(t, b.Pause(t.Context(), engine.Act{Run: id}))
	require.NoError(t, b.Resume(t.Context(), engine.Act{Run: id}))
	require.Eventually(t, func() bool {
		return one(t, b.target, `SELECT count(DISTINCT step_id)::text FROM ferry.batch WHERE run_id = $1 AND state = 'running'`, id) == "2"
	}, limit, limit/10_000, "both have batches at work")

	require.NoError(t, b.Cancel(t.Context(), engine.Act{Run: id}))
	require.Equal(t, engine.RunCancelled, b.await(t, id).Run.State)
	require.NoError(t, load.Rollback(t.Context()))
	require.NoError(t, index.Rollback(t.Context()))
	require.NoError(t, b.Resume(t.Context(), engine.Act{Run: id}))
	done(t, b.await(t, id))
	b.faithful(t)
	b.inStep(t)
}

// Many faults go to quarantine in the middle of a batch, which ends one COPY and begins another. A row that the database refuses is
// found in either, and costs no other.
func TestAStreamWithManyFaultsAndRefusals(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	b.source.Exec(t, `
		INSERT INTO loyalty_point_history (loyalty_card_id, points_amount, points_balance, transaction_time, origin)
		SELECT CASE WHEN i % 20000 IN (7, 19990) THEN (SELECT min(id) FROM loyalty_card WHERE partner_id > 0) END, i, 2 * i, now(),
			CASE WHEN i % 20000 IN (7, 19990) THEN 'refuse me' END FROM generate_series(1, 60000) i`)
	b.source.Exec(t, `SELECT setval('loyalty_point_history_id_seq', 250000)`) // batches of a large table begin wide, on a slow machine too
	b.source.Exec(t, `INSERT INTO loyalty_point_history (points_amount, points_balance, transaction_time) VALUES (1, 1, now())`)
	b.target.Exec(t, `ALTER TABLE point_history ADD CONSTRAINT strict CHECK (origin <> 'refuse me')`)
	s := b.full(t)
	done(t, s)
	require.Equal(t, "true", one(t, b.target, `SELECT bool_or(rejected > 4096)::text FROM ferry.batch`), "a batch has more faults than are kept in memory")
	require.Len(t, b.held(t, "refused_23514"), 6)
	require.Equal(t, "true", one(t, b.target, `SELECT unkeyed::text FROM ferry.run`))
	b.faithful(t)
}

// What the engine has made its own while it was filled is nobody's to move: the rows from Odoo give way.
func TestRowsOfTheEnginesOwnStayDuringAFirstLoad(t *testing.T) {
	t.Parallel()
	b, id := halfLoaded(t)
	code := one(t, b.source, `SELECT upper(btrim(code)) FROM loyalty_card c WHERE partner_id > 0 AND code ~ '^[0-9a-f-]+$' AND EXISTS (
		SELECT FROM loyalty_point_history h WHERE h.loyalty_card_id = c.id) ORDER BY id LIMIT 1`)
	b.target.Exec(t, `INSERT INTO loyalty_cards (code, points) VALUES ('`+code+`', 5)`)
	require.NoError(t, b.Cancel(t.Context(), engine.Act{Run: id}))
	b.await(t, id)
	require.NoError(t, b.ResumeEntity(t.Context(), "loyalty_card", engine.Act{}))
	_, err := b.StartFull(t.Context(), engine.StartOptions{Restart: true})
	require.ErrorIs(t, err, engine.ErrStateChanged)
	require.ErrorContains(t, err, "made its own")

	require.NoError(t, b.Resume(t.Context(), engine.Act{Run: id}))
	done(t, b.await(t, id))
	require.Equal(t, "5.00", one(t, b.target, `SELECT points::text FROM loyalty_cards WHERE odoo_card_id IS NULL`))
	loser := one(t, b.source, `SELECT id::text FROM loyalty_card WHERE upper(btrim(code)) = $1`, code)
	require.Equal(t, "code_taken", one(t, b.target, `SELECT reason FROM ferry.quarantine
		WHERE entity = 'loyalty_card' AND state = 'open' AND source_id = $1`, loser))
	require.NotEqual(t, "0", one(t, b.target, `SELECT count(*)::text FROM ferry.quarantine
		WHERE entity = 'loyalty_point_history' AND state = 'waiting_parent' AND parent_id = $1`, loser), "its lines wait for it")
	b.inStep(t)
}

// Two rows of the engine's own that share a code are for people to settle: the run says so, and goes on once they have.
func TestOwnRowsThatShareACodeStopAFirstLoad(t *testing.T) {
	t.Parallel()
	b, id := halfLoaded(t)
	b.target.Exec(t, `INSERT INTO loyalty_cards (code, points) VALUES ('TWICE', 1), ('TWICE', 2)`)
	require.NoError(t, b.ResumeEntity(t.Context(), "loyalty_card", engine.Act{}))
	s := b.await(t, id)
	require.Equal(t, engine.RunFailed, s.Run.State)
	require.Contains(t, s.Run.Error, "share a code")
	b.target.Exec(t, `UPDATE loyalty_cards SET code = 'ONCE' WHERE points = 2 AND odoo_card_id IS NULL`)
	require.NoError(t, b.Resume(t.Context(), engine.Act{Run: id}))
	done(t, b.await(t, id))
	require.Equal(t, "2", one(t, b.target, `SELECT count(*)::text FROM loyalty_cards WHERE odoo_card_id IS NULL`))
}

// Somebody has emptied the tables: what is known of their rows is settled by a load that looks it up, and not counted twice.
func TestEmptiedTablesAreFilledWithWhatIsKnownOfThem(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	done(t, b.full(t))
	released := one(t, b.target, `SELECT source_id::text FROM ferry.quarantine WHERE reason = 'card.partner_missing' ORDER BY source_id LIMIT 1`)
	_, err := b.Waive(t.Context(), engine.QuarantineSelection{Reason: "card.partner_missing"}, engine.Act{Reason: "coupons"}, false)
	require.NoError(t, err)
	b.target.Exec(t, `TRUNCATE loyalty_cards, point_moves, point_history`)
	b.source.Exec(t, `UPDATE loyalty_card SET partner_id = (SELECT max(partner_id) FROM loyalty_card) WHERE id = `+released)
	s := b.full(t)
	done(t, s)
	require.Equal(t, "false", one(t, b.target, `SELECT unkeyed::text FROM ferry.run WHERE id = $1`, s.Run.ID))
	require.Equal(t, "waived", b.held(t, "card.partner_missing")[0].State, "what somebody decided lasts")
	require.Equal(t, "released", one(t, b.target, `SELECT state FROM ferry.quarantine WHERE entity = 'loyalty_card' AND source_id = $1`, released))
	b.inStep(t)
	b.faithful(t)
}
