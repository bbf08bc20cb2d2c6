package cycle

import (
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ferry/engine"
)

// What must be read is what is not known to be equal: whichever way that is found out.
func TestRowsThatAreNotKnownToBeEqualAreRead(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		side := func(name string) map[int64]RowHash {
			rows := map[int64]RowHash{}
			for _, r := range rapid.SliceOfN(rapid.Custom(func(t *rapid.T) RowHash {
				return RowHash{
					ID: rapid.Int64Range(1, 30).Draw(t, "id"), Sum: rapid.Int64Range(1, 2).Draw(t, "sum"),
					Look: rapid.IntRange(0, 9).Draw(t, "look") == 0, Rounded: rapid.Bool().Draw(t, "rounded"),
				}
			}), 0, 40).Draw(t, name) {
				rows[r.ID] = r
			}
			return rows
		}
		theirs, ours := side("source"), side("engine")
		aside := map[int64]bool{}
		for _, id := range rapid.SliceOfN(rapid.Int64Range(1, 30), 0, 5).Draw(t, "in quarantine") {
			aside[id] = true
		}

		wanted := []int64{} // none, and not all: see Scope
		var equal engine.Counts
		for id := int64(1); id <= 30; id++ {
			s, atSource := theirs[id]
			e, inEngine := ours[id]
			switch {
			case !atSource && !inEngine && !aside[id]:
			case !aside[id] && atSource && inEngine && s.Sum == e.Sum && !s.Look && !e.Look:
				equal.Read++
				equal.Unchanged++
				if s.Rounded {
					equal.Precise++
				}
			default:
				wanted = append(wanted, id)
			}
		}
		inOrder := func(rows map[int64]RowHash) (out []RowHash) {
			for _, id := range slices.Sorted(maps.Keys(rows)) {
				out = append(out, rows[id])
			}
			return out
		}
		var open []OpenEntry
		for _, id := range slices.Sorted(maps.Keys(aside)) {
			open = append(open, OpenEntry{ID: id})
		}
		ids, counts := toRead(inOrder(theirs), inOrder(ours), open)
		require.Equal(t, wanted, ids)
		require.Equal(t, equal, counts)
	})
}

// A process that has met many differences reads at once for a while, and then looks again whether hashes are worth it.
func TestHashesAreLeftOutWhereManyRowsDiffer(t *testing.T) {
	t.Parallel()
	e := FillOrder()[0]
	var th thrift
	require.True(t, th.worth(e))
	th.sparedNothing(e)
	for range thriftPause {
		require.False(t, th.worth(e))
	}
	require.True(t, th.worth(e))
}
