package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"ferry/tui/keymap"
)

// The README says what the keymap says.
func TestTheReadmeIsFresh(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../../README.md")
	require.NoError(t, err)
	fresh, err := replace(string(text), table(keymap.Default()))
	require.NoError(t, err)
	require.Equal(t, fresh, string(text), "`make generate` makes it so")
}

func TestOnlyWhatIsBetweenTheMarkersIsWritten(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "README.md")
	require.NoError(t, os.WriteFile(name, []byte("before\n"+begin+"old\n"+end+"after\n"), 0o600))
	require.NoError(t, run([]string{name}))
	text, err := os.ReadFile(name)
	require.NoError(t, err)
	require.Regexp(t, "^before\n(?s:.*)\\| `s` \\| start \\| start a sync(?s:.*)\\| `space` `m` \\| mark \\|(?s:.*)after\n$", string(text))
	require.NotContains(t, string(text), "old\n")
	require.NotContains(t, string(text), "field-next")

	require.ErrorContains(t, run(nil), "name one file")
	require.NoError(t, os.WriteFile(name, []byte("before\n"+begin), 0o600))
	require.ErrorContains(t, run([]string{name}), "end of keys")
	require.NoError(t, os.WriteFile(name, []byte("nothing"), 0o600))
	require.ErrorContains(t, run([]string{name}), "made by `make generate`")
}
