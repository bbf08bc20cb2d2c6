package app

import (
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestAnAddressLosesItsBeginningAndKeepsItsDatabase(t *testing.T) {
	t.Parallel()
	require.Equal(t, "…4.7/prod", ending("odoo@10.0.4.7/prod", 9))
	require.Equal(t, "odoo@10.0.4.7/prod", ending("odoo@10.0.4.7/prod", 18))
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.IntRange(0, 200).Draw(t, "a"), rapid.IntRange(0, 200).Draw(t, "b")
		over := rapid.IntRange(0, 300).Draw(t, "over")
		x, y := shareOut(a, b, over)
		require.LessOrEqual(t, x, a)
		require.LessOrEqual(t, y, b)
		require.LessOrEqual(t, a+b-x-y, over, "no more than needed")
		if a+b-x-y < over {
			require.LessOrEqual(t, max(x, y), shortAddress, "as long as there is room")
		}
	})
}
