package crossing_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/engine/cycle"
	"ferry/store/crossing/oracle"
)

// TestASourceThatChangesItsShapeInTheMiddle changes the ledger's table while it is being read: the run stops with one
// sentence, preflight says the same, and once that is cured the run goes on and loses nothing.
func TestASourceThatChangesItsShapeInTheMiddle(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change, cure string
		says, line   string // of the run, and of preflight's line; empty: nothing is wrong
	}{
		"a column is lost": {
			`ALTER TABLE loyalty_point_history RENAME points_amount TO amount`, `ALTER TABLE loyalty_point_history RENAME amount TO points_amount`,
			"tables do not have the expected shape: in the source's loyalty_point_history, points_amount is missing",
			"in the source's loyalty_point_history, points_amount is missing",
		},
		"a column has another type": {
			`ALTER TABLE loyalty_point_history ALTER points_amount TYPE text`,
			`ALTER TABLE loyalty_point_history ALTER points_amount TYPE float8 USING points_amount::float8`,
			"tables do not have the expected shape: in the source's loyalty_point_history, points_amount is of type text",
			"in the source's loyalty_point_history, points_amount is of type text",
		},
		"the table is gone": {
			`ALTER TABLE loyalty_point_history RENAME TO history`, `ALTER TABLE history RENAME TO loyalty_point_history`,
			"tables do not have the expected shape: the source has no table public.loyalty_point_history", "there is no table public.loyalty_point_history",
		},
		"it may no longer be read": {
			`REVOKE SELECT ON loyalty_point_history FROM {role}`, `GRANT SELECT ON loyalty_point_history TO {role}`,
			"source: reading loyalty_point_history: ERROR: permission denied for table loyalty_point_history (SQLSTATE 42501)", "may not read it",
		},
		"a column is added":      {`ALTER TABLE loyalty_point_history ADD note text DEFAULT 'new'`, "", "", ""},
		"floats become decimals": {`ALTER TABLE loyalty_point_history ALTER points_amount TYPE numeric`, "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			source, target := newSource(t), newEngine(t)
			g := newGate(cycle.PointCheckpoint, 0)
			g.only = func() bool {
				var middle bool
				err := target.pool.QueryRow(t.Context(), `SELECT coalesce(bool_or(batches_done > 0), false) FROM ferry.step
					WHERE entity = 'loyalty_point_history' AND state = 'running'`).Scan(&middle)
				return err == nil && middle
			}
			f := here(t, source.reader, target.DSN, "ferry", 1, g)
			run := f.begin()
			g.await(t, 1)
			source.change(t, c.change)
			g.open()
			if c.says != "" {
				until(t, target.pool, `SELECT state IN ('failed', 'done') FROM ferry.run WHERE id = $1`, run)
				require.Equal(t, c.says, oracle.One(t, target.pool, `SELECT error FROM ferry.run WHERE id = $1`, run))
				require.NotEqual(t, "0", oracle.One(t, target.pool, `SELECT count(*)::text FROM point_history`), "what was done stays done")
				lines, err := f.Preflight(t.Context(), true)
				require.NoError(t, err)
				failed := slices.DeleteFunc(lines, func(l engine.PreflightLine) bool { return l.Verdict != engine.Fail })
				require.Len(t, failed, 1)
				require.Contains(t, failed[0].Name, "source: loyalty_point_history")
				require.Contains(t, failed[0].Found, c.line)
				source.change(t, c.cure)
				require.NoError(t, f.Resume(t.Context(), engine.Act{Run: run, Seen: engine.RunFailed}))
			}
			until(t, target.pool, isDone, run)
			exact(t, source, target.pool, int64(run))
		})
	}
}

// change alters the source as its owner; {role} is who reads it.
func (o *odooBase) change(t *testing.T, sql string) {
	t.Helper()
	o.Exec(t, strings.ReplaceAll(sql, "{role}", o.role))
}
