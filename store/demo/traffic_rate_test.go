package demo

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestArrivalsKeepTheRate(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	const n = 20_000
	var sum, short time.Duration
	for range n {
		d := gap(rng, 500)
		sum += d
		if d < 2*time.Millisecond {
			short++
		}
	}
	assert.InEpsilon(t, n*2*time.Millisecond, sum, 0.03)
	assert.InDelta(t, 0.632, float64(short)/n, 0.02, "distances are exponential: 1 - 1/e are below the mean")
}

func TestKindsAreDrawnByWeight(t *testing.T) {
	t.Parallel()
	chosen, err := weighted(map[string]float64{"earn": 3, "touch": 1, "delete card": 0.4})
	require.NoError(t, err)
	traffic := &Traffic{kinds: chosen, total: 4.4}
	rng := rand.New(rand.NewPCG(1, 2))
	drawn := map[string]float64{}
	for range 20_000 {
		j, ok := traffic.draw(rng)
		require.True(t, ok)
		drawn[j.kind.name]++
	}
	assert.InDelta(t, 1, drawn["delete card"], 0, "the first has not ended")
	assert.InEpsilon(t, 3, drawn["earn"]/drawn["touch"], 0.05)

	traffic.heavy.end(time.Now().Add(-time.Hour))
	traffic.kinds = chosen[2:]
	traffic.total = 0.4
	_, ok := traffic.draw(rng)
	assert.False(t, ok, "it rests")
}
