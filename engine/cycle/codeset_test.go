package cycle

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCodeSetRemembers(t *testing.T) {
	t.Parallel()
	s := newCodeSet(1_000_000)
	const n = 200_000
	for i := range n {
		require.False(t, s.add(s.hash(strconv.Itoa(i))), i)
	}
	for i := range n {
		require.True(t, s.add(s.hash(strconv.Itoa(i))), i)
	}
	slots, taken := 0, 0
	for _, part := range s.parts {
		slots, taken = slots+len(part.slots), taken+part.taken
	}
	require.Equal(t, n, taken)
	require.LessOrEqual(t, 8*slots, 22*n)
	require.False(t, s.full)
}

func TestCodeSetStaysWithinItsBound(t *testing.T) {
	t.Parallel()
	s := newCodeSet(2)
	require.False(t, s.add(s.hash("a")))
	require.False(t, s.add(s.hash("b")))
	require.True(t, s.add(s.hash("a")))
	require.False(t, s.full)
	require.False(t, s.add(s.hash("c")))
	require.True(t, s.full)
	require.False(t, s.add(s.hash("c")), "it was not remembered")
	require.True(t, s.add(s.hash("b")))
}
