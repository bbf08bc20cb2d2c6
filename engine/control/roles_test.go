package control_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/engine/control"
	"ferry/store/embedded/pgtest"
	"ferry/store/grants"
	"ferry/store/migrations"
	"ferry/store/sqlstate"
)

// granted makes a role as `ferry grants` says, and gives how to log in as it.
func (b *bundle) granted(t *testing.T, section func(grants.Roles) grants.Section, own bool) pgtest.Login {
	t.Helper()
	const name = "{role}"
	all := section(grants.Roles{Source: name, Operator: name, Viewer: name, EngineDatabase: b.target.Name, SourceDatabase: b.source.Name, Owner: own})
	var statements []string
	for _, st := range all.Statements[1:] { // the role itself is the test's
		statements = append(statements, st.SQL)
	}
	on := b.target
	if all.On == grants.OnSource {
		on = b.source
	}
	return pgtest.Role(t, on.DB, "NOINHERIT", statements...)
}

// as replaces the ferry of a bundle, which is the owner's, by one of a role.
func (b *bundle) as(t *testing.T, dsn string, change func(*control.Config)) {
	t.Helper()
	require.NoError(t, b.Stop(t.Context()))
	b.Control = b.openWith(t, b.reader, dsn, func(c *control.Config) {
		c.Process.ID += " by role"
		ledger := b.ledger
		c.Migrate = func(ctx context.Context) error {
			return sqlstate.Wrap(engine.SideTarget, "initialising", migrations.Init(ctx, ledger.Pool(), nil, c.Logger))
		}
		change(c)
	})
}

// lines sums up every table of the engine database but those in which processes say that they are alive.
func (b *bundle) allTables(t *testing.T) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, name := range rows(t, b.target, `SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname IN ('ferry', 'public') AND c.relkind IN ('r', 'p') ORDER BY 1`) {
		if !slices.Contains([]string{"ferry.worker", "ferry.river_leader", "ferry.river_client", "ferry.river_queue"}, name) {
			out[name] = one(t, b.target, `SELECT count(*) || ' ' || coalesce(md5(string_agg(t::text, E'\n' ORDER BY t::text)), '') FROM `+name+` t`)
		}
	}
	require.Greater(t, len(out), 30)
	return out
}

// troubled leaves something for every action to be about: a run to resume with a batch to retry, a discrepancy, a plan.
func (b *bundle) troubled(t *testing.T) (run engine.RunID, batch engine.BatchID, plan *engine.RepairPlan) {
	t.Helper()
	done(t, b.full(t))
	card := b.livingCards(t)[0]
	b.target.Exec(t, `UPDATE loyalty_cards SET partner_id = 4711 WHERE id = `+card)
	b.find(t, "loyalty_card", "partner_id", engine.CauseField, card)
	plan = b.planned(t, engine.RepairOptions{})
	b.checked(t, engine.CheckOptions{})
	b.target.Exec(t, `WITH r AS (INSERT INTO ferry.run (kind, writes, state, epoch, source_identity, rules, rules_hash, requested_by)
		VALUES ('rehearsal', false, 'cancelled', 0, '', '{}', '', 'somebody') RETURNING id)
		INSERT INTO ferry.rehearsal (run_id, freezing, limits) SELECT id, 'none', '{}' FROM r`)
	id, err := b.StartIncremental(t.Context(), engine.StartOptions{})
	require.NoError(t, err)
	b.await(t, id)
	b.target.Exec(t, `UPDATE ferry.run SET state = 'interrupted' WHERE id = (SELECT max(id) FROM ferry.run WHERE writes)`,
		`UPDATE ferry.batch SET state = 'queued' WHERE id = (SELECT max(id) FROM ferry.batch)`)
	return id, engine.BatchID(atoi(t, one(t, b.target, `SELECT max(id)::text FROM ferry.batch`))), plan
}

// a is the number of a run of a kind.
func (b *bundle) a(t *testing.T, kind string) engine.RunID {
	t.Helper()
	return engine.RunID(atoi(t, one(t, b.target, `SELECT max(id)::text FROM ferry.run WHERE kind = $1`, kind)))
}

// action is something that an operator does.
type action func(ctx context.Context, k *control.Control) error

// only drops what an action gives beside its error.
func only[T any](_ T, err error) error { return err }

// actions are all methods of engine.Operator that change something, and what else Control lets people do.
func actions(run engine.RunID, batch engine.BatchID, plan *engine.RepairPlan) map[string]action {
	act := engine.Act{Run: run, Reason: "may I"}
	none := engine.Act{}
	rows := engine.QuarantineSelection{Entity: "loyalty_card", Reason: "card.partner_missing"}
	found := engine.DiscrepancySelection{}
	return map[string]action{
		"Init": func(ctx context.Context, k *control.Control) error { return k.Init(ctx) },
		"StartFull": func(ctx context.Context, k *control.Control) error {
			return only(k.StartFull(ctx, engine.StartOptions{}))
		},
		"StartIncremental": func(ctx context.Context, k *control.Control) error {
			return only(k.StartIncremental(ctx, engine.StartOptions{}))
		},
		"KeepInStep":      func(ctx context.Context, k *control.Control) error { return k.KeepInStep(ctx, time.Minute) },
		"Pause":           func(ctx context.Context, k *control.Control) error { return k.Pause(ctx, act) },
		"Resume":          func(ctx context.Context, k *control.Control) error { return k.Resume(ctx, act) },
		"Cancel":          func(ctx context.Context, k *control.Control) error { return k.Cancel(ctx, act) },
		"Answer":          func(ctx context.Context, k *control.Control) error { return k.Answer(ctx, act, true) },
		"RetryBatch":      func(ctx context.Context, k *control.Control) error { return k.RetryBatch(ctx, none, batch) },
		"PauseEntity":     func(ctx context.Context, k *control.Control) error { return k.PauseEntity(ctx, "loyalty_card", none) },
		"ResumeEntity":    func(ctx context.Context, k *control.Control) error { return k.ResumeEntity(ctx, "loyalty_card", none) },
		"PauseSchedule":   func(ctx context.Context, k *control.Control) error { return k.PauseSchedule(ctx, none) },
		"ResumeSchedule":  func(ctx context.Context, k *control.Control) error { return k.ResumeSchedule(ctx, none) },
		"RetryQuarantine": func(ctx context.Context, k *control.Control) error { return only(k.RetryQuarantine(ctx, rows, none)) },
		"Waive":           func(ctx context.Context, k *control.Control) error { return only(k.Waive(ctx, rows, none, false)) },
		"SetRule": func(ctx context.Context, k *control.Control) error {
			return k.SetRule(ctx, "card.partner_missing", "warn", none)
		},
		"StartCheck": func(ctx context.Context, k *control.Control) error {
			return only(k.StartCheck(ctx, engine.CheckOptions{}))
		},
		"Recheck": func(ctx context.Context, k *control.Control) error { return only(k.Recheck(ctx, found, none)) },
		"Acknowledge": func(ctx context.Context, k *control.Control) error {
			return only(k.Acknowledge(ctx, found, time.Time{}, false, act))
		},
		"PlanRepair": func(ctx context.Context, k *control.Control) error {
			return only(k.PlanRepair(ctx, found, engine.RepairOptions{}, none))
		},
		"ApplyRepair": func(ctx context.Context, k *control.Control) error {
			return only(k.ApplyRepair(ctx, plan.ID, plan.Hash, plan.Database, none))
		},
		"TestAlerts": func(ctx context.Context, k *control.Control) error { return only(k.TestAlerts(ctx, none)) },
		"Seal":       func(ctx context.Context, k *control.Control) error { return k.Seal(ctx, plan.Database, none) },
		"Unseal": func(ctx context.Context, k *control.Control) error {
			return only(k.Unseal(ctx, plan.Database, engine.UnsealOptions{}, none))
		},

		"StartRehearsal": func(ctx context.Context, k *control.Control) error {
			return only(k.StartRehearsal(ctx, engine.RehearsalOptions{Freeze: engine.FreezeNone}))
		},
		"RerunGate": func(ctx context.Context, k *control.Control) error {
			return k.RerunGate(ctx, act, engine.GateAgreement)
		},

		"SetPolicy": func(ctx context.Context, k *control.Control) error {
			return k.SetPolicy(ctx, "deletes", "delete", none)
		},
		"Note": func(ctx context.Context, k *control.Control) error { return k.Note(ctx, 0, "note", "may I") },
	}
}

// looks are all methods of engine.Operator that only read.
func looks(run, check, rehearsed engine.RunID, plan *engine.RepairPlan, card int64) map[string]action {
	page := engine.Listing{Limit: 5}
	return map[string]action{
		"Snapshot":  func(_ context.Context, k *control.Control) error { return only(k.Snapshot(), nil) },
		"Preflight": func(ctx context.Context, k *control.Control) error { return only(k.Preflight(ctx, true)) },
		"Runs":      func(ctx context.Context, k *control.Control) error { return only(k.Runs(ctx, 0, 10)) },
		"RunDetail": func(ctx context.Context, k *control.Control) error { return only(k.RunDetail(ctx, run)) },
		"QuarantineRows": func(ctx context.Context, k *control.Control) error {
			return only(k.QuarantineRows(ctx, engine.QuarantineSelection{}, page))
		},
		"Rules": func(ctx context.Context, k *control.Control) error { return only(k.Rules(ctx)) },
		"Check": func(ctx context.Context, k *control.Control) error { return only(k.Check(ctx, check)) },
		"Discrepancies": func(ctx context.Context, k *control.Control) error {
			return only(k.Discrepancies(ctx, engine.DiscrepancySelection{}, page))
		},
		"DiscrepancyCounts": func(ctx context.Context, k *control.Control) error {
			return only(k.DiscrepancyCounts(ctx, engine.DiscrepancySelection{}))
		},
		"RepairPlan": func(ctx context.Context, k *control.Control) error { return only(k.RepairPlan(ctx, plan.ID)) },
		"LedgerCards": func(ctx context.Context, k *control.Control) error {
			return only(k.LedgerCards(ctx, engine.LedgerSelection{}, page))
		},
		"Card": func(ctx context.Context, k *control.Control) error {
			return only(k.Card(ctx, engine.CardKey{ID: card}, true))
		},
		"Rehearsals":       func(ctx context.Context, k *control.Control) error { return only(k.Rehearsals(ctx, 0, 10)) },
		"Rehearsal":        func(ctx context.Context, k *control.Control) error { return only(k.Rehearsal(ctx, rehearsed)) },
		"RehearsalSamples": func(ctx context.Context, k *control.Control) error { return only(k.RehearsalSamples(ctx, rehearsed)) },
		"Alerts":           func(ctx context.Context, k *control.Control) error { return only(k.Alerts(ctx, 0, 10)) },
		"Journal":          func(ctx context.Context, k *control.Control) error { return only(k.Journal(ctx, nil, page)) },
	}
}

func TestEveryMethodOfTheOperatorIsAnActionOrALook(t *testing.T) {
	t.Parallel()
	acts, reads := actions(0, 0, &engine.RepairPlan{}), looks(0, 0, 0, &engine.RepairPlan{}, 1)
	of := reflect.TypeFor[engine.Operator]()
	for m := range of.Methods() {
		_, acts := acts[m.Name]
		_, reads := reads[m.Name]
		require.NotEqual(t, acts, reads, "%s: say in actions or in looks what it does, so that it is tried with a viewer's role", m.Name)
	}
}

func TestAViewersRoleLooksAtEverythingAndTheDatabaseRefusesEveryAction(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	run, batch, plan := b.troubled(t)
	viewer := b.granted(t, grants.Viewer, false)
	b.as(t, viewer.DSN, func(*control.Config) {})
	s := b.until(t, "the role is known", func(s *engine.Snapshot) bool { return s.Viewer != "" })
	require.Equal(t, viewer.Name, s.Viewer)
	require.NotEmpty(t, s.Entities)
	require.NotEmpty(t, s.Activity)
	require.Contains(t, s.OnlyLooks(), "lets role "+viewer.Name+" look and change nothing")

	before := b.allTables(t)
	for name, act := range actions(run, batch, plan) {
		err := act(t.Context(), b.Control)
		require.ErrorIs(t, err, engine.ErrForbidden, name)
		pg, said := errors.AsType[*pgconn.PgError](err)
		require.True(t, said, "%s: it is the database that refuses: %v", name, err)
		require.Equal(t, "42501", pg.Code, name)
		require.ErrorContains(t, err, "does not let this role do that", name)
	}
	card := atoi(t, b.livingCards(t)[0])
	for name, look := range looks(run, b.a(t, "check"), b.a(t, "rehearsal"), plan, card) {
		require.NoError(t, look(t.Context(), b.Control), name)
	}
	require.Equal(t, before, b.allTables(t))
}

func TestAFerryThatIsReadOnlyRefusesEveryActionItself(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	run, batch, plan := b.troubled(t)
	b.as(t, b.target.DSN, func(c *control.Config) { c.Process.ReadOnly = true })
	before := b.allTables(t)
	for name, act := range actions(run, batch, plan) {
		require.ErrorIs(t, act(t.Context(), b.Control), engine.ErrReadOnly, name)
	}
	for name, look := range looks(run, b.a(t, "check"), b.a(t, "rehearsal"), plan, atoi(t, b.livingCards(t)[0])) {
		require.NoError(t, look(t.Context(), b.Control), name)
	}
	require.Equal(t, before, b.allTables(t))
}

func TestAnOperatorsRoleDoesAllThatIsDoneDayByDay(t *testing.T) {
	t.Parallel()
	for name, own := range map[string]bool{"tables of another owner": false, "tables of its own": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, odooDump)
			operator := b.granted(t, grants.Operator, own)
			b.reader = b.granted(t, grants.Source, false).DSN
			b.as(t, operator.DSN, func(*control.Config) {})
			b.ledgerReady(t)
			done(t, b.full(t))
			require.Equal(t, map[bool]string{true: "true", false: "false"}[own], one(t, b.target, `SELECT unkeyed::text FROM ferry.run WHERE id = 1`))
			if !own {
				require.Contains(t, one(t, b.target, `SELECT outcome FROM ferry.journal WHERE action = 'note' AND outcome LIKE '%keep their keys%'`),
					"it belongs to", "the journal says why the first load takes longer")
			}
			b.faithful(t)
			b.dayByDay(t)
			for _, statement := range []string{
				`UPDATE ferry.journal SET actor = 'nobody'`, `DELETE FROM ferry.journal`, `TRUNCATE ferry.journal`, `ALTER TABLE ferry.journal ADD x int`,
			} {
				err := exec(t.Context(), operator.DSN, statement)
				pg, ok := errors.AsType[*pgconn.PgError](err)
				require.True(t, ok && pg.Code == "42501", "%s: %v", statement, err)
			}
			for _, line := range b.ledger.Preflight(t.Context()) {
				require.NotEqual(t, engine.Fail, line.Verdict, "%+v", line)
			}
		})
	}
}

// ledgerReady waits until workers may begin.
func (b *bundle) ledgerReady(t *testing.T) {
	t.Helper()
	require.NoError(t, b.ledger.Ready(t.Context()))
	require.Empty(t, b.Look(t.Context()).Viewer)
}

// dayByDay does what operators do.
func (b *bundle) dayByDay(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	cards := b.livingCards(t)
	b.source.Exec(t, `UPDATE loyalty_card SET partner_id = 8 WHERE id = `+cards[0],
		`UPDATE loyalty_card SET code = 'NEW-' || id WHERE id = `+cards[1],
		`UPDATE loyalty_point_history SET points_balance = points_balance + 1 WHERE loyalty_card_id = `+cards[2])
	b.inStep(t)

	require.Equal(t, engine.Pass, b.checked(t, engine.CheckOptions{}).Verdict)
	b.target.Exec(t, `UPDATE loyalty_cards SET partner_id = 4711 WHERE id = `+cards[3])
	require.EqualValues(t, 1, b.checked(t, engine.CheckOptions{}).Settled)
	require.Equal(t, "applied 1", states(b.apply(t, b.planned(t, engine.RepairOptions{}))))
	b.faithful(t)

	require.NoError(t, b.PauseSchedule(ctx, engine.Act{}))
	require.NoError(t, b.ResumeSchedule(ctx, engine.Act{}))
	require.NoError(t, b.PauseEntity(ctx, "loyalty_card", engine.Act{}))
	id, err := b.StartFull(ctx, engine.StartOptions{})
	require.NoError(t, err)
	b.until(t, "it is paused", func(s *engine.Snapshot) bool { return s.Run.ID == id && s.Run.State == engine.RunPaused })
	require.NoError(t, b.ResumeEntity(ctx, "loyalty_card", engine.Act{}))
	done(t, b.await(t, id))

	rejected := engine.QuarantineSelection{Entity: "loyalty_card", Reason: "card.partner_missing"}
	_, err = b.Waive(ctx, rejected, engine.Act{Reason: "coupons"}, false)
	require.NoError(t, err)
	_, err = b.RetryQuarantine(ctx, rejected, engine.Act{})
	require.NoError(t, err)
	b.until(t, "the tick that reads them ends", func(s *engine.Snapshot) bool { return s.Run.ID > id && s.Run.State == engine.RunDone })
	require.NoError(t, b.SetRule(ctx, "card.partner_missing", "warn", engine.Act{}))
	require.NoError(t, b.SetPolicy(ctx, "deletes", "delete", engine.Act{}))
	b.source.Exec(t, `DELETE FROM loyalty_point_history WHERE id = (SELECT max(id) FROM loyalty_point_history)`)
	done(t, b.full(t))

	require.NoError(t, b.KeepInStep(ctx, 50*time.Millisecond))
	b.recorded(t, "ticks come by themselves", `count(*) > 0 FROM ferry.run WHERE scheduled AND state = 'done'`)
	b.recorded(t, "levels are judged", `judged_at IS NOT NULL FROM ferry.monitor`)
	require.NoError(t, b.KeepInStep(ctx, 0))
	b.seal(t)
	b.unseal(t, engine.UnsealOptions{Overwrite: true})
}

func TestEveryTableOfTheEngineDatabaseIsNamedInGrants(t *testing.T) {
	t.Parallel()
	b := setup(t, odooDump)
	found := rows(t, b.target, `SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname IN ('ferry', 'public') AND c.relkind IN ('r', 'p', 'v', 'm', 'f')`)
	require.Empty(t, grants.Missing(found), "say in package grants what an operator does with them")
	require.Len(t, grants.Engine(), len(found), "and no others")

	// Whoever draws from a sequence by an INSERT needs it; an identity column does not ask.
	drawn := rows(t, b.target, `SELECT s.relname FROM pg_class s JOIN pg_namespace n ON n.oid = s.relnamespace
		WHERE n.nspname = 'ferry' AND s.relkind = 'S' AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = s.oid AND d.deptype = 'i')`)
	text := grants.Operator(grants.Roles{Operator: "o"}).Text()
	for _, name := range drawn {
		require.Contains(t, text, `ON SEQUENCE "ferry"."`+name+`"`)
	}
}
