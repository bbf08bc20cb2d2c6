package odoo_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/store/embedded/pgtest"
	"ferry/store/odoo"
)

func openSource(t *testing.T, db *pgtest.DB) *odoo.DB {
	t.Helper()
	role := pgtest.Role(t, db, "", "GRANT SELECT ON ALL TABLES IN SCHEMA public TO {role}")
	source, err := odoo.Open(t.Context(), role.DSN, "ferry test")
	require.NoError(t, err)
	t.Cleanup(source.Close)
	return source
}

func drift(cards []engine.LedgerCard, kind engine.Drift) (out []int64) {
	for _, c := range cards {
		for _, d := range c.Drifts {
			if d == kind {
				out = append(out, c.Card)
			}
		}
	}
	return out
}

func TestTheDumpsCardsThatDisagreeWithThemselves(t *testing.T) {
	t.Parallel()
	db := pgtest.New(t, odoo18())
	source := openSource(t, db)
	found, err := source.Drifted(t.Context(), 0, 1<<30)
	require.NoError(t, err)
	for _, c := range found.Drifted {
		t.Logf("%+v", c)
	}
	require.Len(t, drift(found.Drifted, engine.DriftHistory), 8)
	require.Len(t, drift(found.Drifted, engine.DriftMoves), 37)
	t.Log(drift(found.Drifted, engine.DriftRunning))
}
