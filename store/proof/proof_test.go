package proof_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/store/demo"
)

func TestPlantedFaultsAreFoundUnderLiveWritesAndNoneIsInvented(t *testing.T) {
	t.Parallel()
	o := fromEnv(t)
	w := newWorld(t, o)
	require.NoError(t, w.KeepInStep(t.Context(), time.Second))
	traffic, err := demo.StartTraffic(t.Context(), demo.TrafficOptions{
		DSN: w.writer, Rate: o.rate, Seed: o.seed, Long: 1, HoldMin: time.Second, HoldMax: 2 * time.Second,
	})
	require.NoError(t, err)
	defer traffic.Stop()

	clean := w.check(t)
	require.Empty(t, settled(w.findings(t)), "nothing is planted yet, and a check invents nothing")
	require.NotEqual(t, engine.Fail, clean.Verdict)

	faults := w.plant(t, o.faults/8, o.seed)
	invented := 0
	for range o.passes {
		invented += w.naive(t, faults)
		w.check(t)
		for _, f := range settled(w.findings(t)) {
			require.NotNil(t, faults[f.row], "a difference that nobody planted was called settled: %+v", f)
		}
	}
	traffic.Stop()
	require.NoError(t, traffic.Err())

	left := faults.untouched(t, w.source)
	verdict := w.check(t)
	require.Equal(t, engine.Fail, verdict.Verdict)
	found := map[row][]finding{}
	for _, f := range w.findings(t) {
		found[f.row] = append(found[f.row], f)
	}
	byKind := map[string]int{}
	for r, tr := range left {
		byKind[tr.fault.name]++
		requireFound(t, r, tr.fault, found[r], w.extras(t))
	}
	for _, f := range faultKinds() {
		require.NotZero(t, byKind[f], "Odoo has written every row that %s was planted in; plant more", f)
	}
	require.NotZero(t, invented, "the naive comparison met no change under way; let the traffic be heavier")
	t.Logf("%d faults planted, %d untouched by Odoo since, all found; in %d passes the check invented none, a naive comparison %d",
		len(faults), len(left), o.passes, invented)
}

// check runs one check to its end.
func (w *world) check(tb testing.TB) *engine.CheckView {
	tb.Helper()
	id, err := w.StartCheck(tb.Context(), engine.CheckOptions{})
	require.NoError(tb, err)
	require.Equal(tb, string(engine.RunDone), w.await(tb, id))
	v, err := w.Check(tb.Context(), id)
	require.NoError(tb, err)
	return v
}

// settled are the findings that the check vouches for.
func settled(all []finding) []finding {
	return slices.DeleteFunc(slices.Clone(all), func(f finding) bool { return f.State != string(engine.DiscrepancySettled) })
}

// requireFound requires that the check knows of a fault by the right name.
func requireFound(t *testing.T, r row, f fault, found []finding, extras map[row]bool) {
	t.Helper()
	if f.name == "extra" {
		if extras[r] {
			return // the sweep of a tick was faster: it is listed, and explained
		}
		require.True(t, slices.ContainsFunc(found, func(d finding) bool { return d.Cause == string(engine.CauseExtra) }), "%s %+v: %+v", f.name, r, found)
		return
	}
	cause := engine.CauseField
	if f.field == "" {
		cause = engine.CauseMissing
	}
	require.True(t, slices.ContainsFunc(found, func(d finding) bool {
		return d.Field == f.field && d.Cause == string(cause) && d.State == string(engine.DiscrepancySettled)
	}), "%s %+v: %+v", f.name, r, found)
}

func faultKinds() []string {
	out := make([]string, len(faults))
	for i, f := range faults {
		out[i] = f.name
	}
	return out
}
