package control_test

import (
	"context"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/engine/check"
	"ferry/engine/control"
	"ferry/store/embedded/pgtest"
	"ferry/store/odoo"
)

// between lets something happen while a check looks: behind its view of the engine, before its snapshot of the source.
type between struct {
	*odoo.DB

	looks atomic.Int32
	do    func()
}

func (s *between) Look(ctx context.Context) (check.SourceSnapshot, error) {
	if s.looks.Add(1) == 2 { // the first is for the plan
		s.do()
	}
	return s.DB.Look(ctx)
}

// What a look saw of the engine before a row was repaired says nothing of the row as it is now.
func TestALookThatARepairOvertookSettlesNothing(t *testing.T) {
	t.Parallel()
	for name, again := range map[string]bool{"repaired": false, "repaired and found equal": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, odooDump)
			done(t, b.full(t))
			card := b.livingCards(t)[0]
			b.target.Exec(t, `UPDATE loyalty_cards SET partner_id = 4711 WHERE id = `+card)
			require.Equal(t, engine.Fail, b.checked(t, engine.CheckOptions{}).Verdict)
			require.NoError(t, b.Stop(t.Context()))

			reader := pgtest.Role(t, b.source.DB, "", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
			source, err := odoo.Open(t.Context(), reader.DSN, "ferry test")
			require.NoError(t, err)
			t.Cleanup(source.Close)
			overtaken := &between{DB: source}
			next := &bundle{source: b.source, target: b.target}
			next.Control = next.openWith(t, reader.DSN, b.target.DSN, func(c *control.Config) { c.Source = overtaken; c.Process.Workers = 4 })
			var repaired *engine.RepairPlan
			overtaken.do = func() {
				repaired = next.apply(t, next.planned(t, engine.RepairOptions{}))
				if again {
					_, err := b.target.pool.Exec(t.Context(), `UPDATE ferry.discrepancy SET state = 'verified', verified_at = clock_timestamp()`)
					require.NoError(t, err)
				}
			}
			v := next.ended(t, start(t, next))
			require.NotNil(t, repaired)
			require.Equal(t, "applied 1", states(repaired))
			require.Zero(t, v.Settled, "%v", next.states(t))
			require.Equal(t, "0", one(t, b.target, `SELECT count(*)::text FROM ferry.discrepancy WHERE state IN ('settled', 'in_flight')`))
			require.Equal(t, engine.Pass, next.checked(t, engine.CheckOptions{}).Verdict)
			require.Equal(t, "0", one(t, b.target, `SELECT count(*)::text FROM ferry.discrepancy WHERE state <> 'verified'`), "%v", next.states(t))
		})
	}
}

func start(t *testing.T, b *bundle) engine.RunID {
	t.Helper()
	id, err := b.StartCheck(t.Context(), engine.CheckOptions{})
	require.NoError(t, err)
	return id
}
