package sqlstate

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ferry/engine"
)

func TestTheTableSaysEachThingOnce(t *testing.T) {
	t.Parallel()
	type key struct {
		prefix string
		side   engine.Side
	}
	seen := map[key]bool{}
	for _, r := range table {
		require.False(t, seen[key{r.prefix, r.side}], "%s %s is there twice", r.prefix, r.side)
		require.False(t, r.side != "" && seen[key{r.prefix, ""}], "%s is said of both sides, and of the %s", r.prefix, r.side)
		seen[key{r.prefix, r.side}] = true
	}
}

func TestEveryLineOfTheTableIsInForce(t *testing.T) {
	t.Parallel()
	for _, r := range table {
		require.NotEmpty(t, r.why, r.prefix)
		require.Regexp(t, `^[0-9A-Z]{2,5}$`, r.prefix)
		require.Contains(t, []engine.Side{"", engine.SideSource, engine.SideTarget}, r.side, r.prefix)
		require.Contains(t, []engine.ErrorClass{
			engine.ClassRetry, engine.ClassReconnect, engine.ClassSlowRetry, engine.ClassStop, engine.ClassQuarantine,
		}, r.class, r.prefix)
		for _, side := range []engine.Side{engine.SideSource, engine.SideTarget} {
			if r.side == "" || r.side == side {
				require.Equal(t, r.class, Class(side, (r.prefix + "000")[:5]), "%s at the %s", r.prefix, side)
			}
		}
	}
}

// A longer prefix is an exception to a shorter one, so it has to say something else.
func TestNoLineRepeatsAShorterOne(t *testing.T) {
	t.Parallel()
	for _, long := range table {
		for _, short := range table {
			if len(short.prefix) < len(long.prefix) && long.prefix[:len(short.prefix)] == short.prefix &&
				(short.side == "" || short.side == long.side) {
				require.NotEqual(t, short.class, long.class, "%s after %s", long.prefix, short.prefix)
			}
		}
	}
}

func TestNoRowIsSetAsideForTheSourcesSake(t *testing.T) {
	t.Parallel()
	for _, r := range table {
		require.False(t, r.class == engine.ClassQuarantine && r.side != engine.SideTarget, r.prefix)
	}
}
