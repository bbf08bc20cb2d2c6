package tuitest_test

import (
	"fmt"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/tui/tuitest"
)

func TestTheScriptedDeskPagesAsTheRealOne(t *testing.T) {
	t.Parallel()
	o := tuitest.NewOperator(&engine.Snapshot{})
	var all []engine.Discrepancy
	for i := range int64(25) {
		d := engine.Discrepancy{ID: i + 1, Entity: "loyalty_card", Row: 100 - i/2, Field: fmt.Sprint("f", i%3), State: engine.DiscrepancySettled}
		if i%4 != 0 {
			d.Target = engine.Known(strconv.FormatInt(i%5, 10))
		}
		if i == 7 {
			d.State = engine.DiscrepancyVerified
		}
		all = append(all, d)
	}
	o.Found(all...)
	for _, order := range []engine.Order{{}, {Descending: true}, {Column: "id"}, {Column: "target"}, {Column: "target", Descending: true}} {
		whole, err := o.Discrepancies(t.Context(), engine.DiscrepancySelection{}, engine.Listing{Order: order, Limit: 100, Count: true})
		require.NoError(t, err)
		require.Equal(t, engine.Known[int64](24), whole.Total)
		require.Len(t, whole.Rows, 24)
		for _, back := range []bool{false, true} {
			var walked []engine.Discrepancy
			want := engine.Listing{Order: order, Limit: 7, Back: back}
			for more := true; more; {
				page, err := o.Discrepancies(t.Context(), engine.DiscrepancySelection{}, want)
				require.NoError(t, err)
				more = page.More
				if back {
					walked, want.From = slices.Concat(page.Rows, walked), &page.Cursors[0]
				} else {
					walked, want.From = slices.Concat(walked, page.Rows), &page.Cursors[len(page.Cursors)-1]
				}
			}
			require.Equal(t, whole.Rows, walked, "%+v back %v", order, back)
		}
	}
	which := engine.DiscrepancySelection{Filter: engine.Filter{{Field: "field", Pattern: "F1"}}}
	counts, err := o.DiscrepancyCounts(t.Context(), which)
	require.NoError(t, err)
	require.EqualValues(t, 7, counts[0].Fields)
	n, err := o.Acknowledge(t.Context(), which, time.Time{}, false, engine.Act{Reason: "known"})
	require.NoError(t, err)
	require.EqualValues(t, 7, n)
	require.Equal(t, which, o.Calls()[0].Found)

	_, err = o.PlanRepair(t.Context(), which, engine.RepairOptions{}, engine.Act{})
	require.ErrorIs(t, err, engine.ErrNoSuchRow)
	o.Plan(&engine.RepairPlan{ID: 3, Hash: "abc"})
	p, err := o.PlanRepair(t.Context(), which, engine.RepairOptions{DeleteExtras: true}, engine.Act{})
	require.NoError(t, err)
	require.EqualValues(t, 3, p.ID)
	_, err = o.ApplyRepair(t.Context(), 3, "abc", "loyalty", engine.Act{})
	require.NoError(t, err)
	calls := o.Calls()
	require.Equal(t, "3-abc loyalty", calls[len(calls)-1].Set)
}
