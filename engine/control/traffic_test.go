package control_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ferry/store/demo"
)

// demoData is an Odoo-shaped database with hostile rows and a few thousand of every kind.
var demoData = demo.Filling(demo.Params{Cards: 1500, Seed: 7})

// Full syncs run while Odoo lives: every one of them accounts for every row that it read, and the first one after the
// traffic has stopped leaves the engine equal to the source, without writing what it finds equal.
func TestFullSyncsUnderTraffic(t *testing.T) {
	t.Parallel()
	b := setupWith(t, "demo", demoData)
	traffic, err := demo.StartTraffic(t.Context(), demo.TrafficOptions{DSN: b.source.DSN, Rate: 150, Seed: 7, Long: 2, HoldMin: 1, HoldMax: 1e9})
	require.NoError(t, err)
	for range 8 {
		done(t, b.full(t))
	}
	traffic.Stop()
	require.NoError(t, traffic.Err())
	require.Greater(t, traffic.Counts()["earn"], int64(20), "the traffic did something")
	done(t, b.full(t))
	b.faithful(t)
	before := b.fingerprint(t)
	done(t, b.full(t))
	require.Equal(t, before, b.fingerprint(t))
}
