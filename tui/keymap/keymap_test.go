package keymap_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ferry/tui/keymap"
)

func TestTheDefaultTableHasNoCollision(t *testing.T) {
	t.Parallel()
	m, err := keymap.New(keymap.Default().Bindings())
	require.NoError(t, err)
	for _, b := range m.Bindings() {
		require.NotEmpty(t, b.Short, b.Action)
		require.NotEmpty(t, b.Long, b.Action)
		for _, key := range b.Keys {
			action, ok := m.Action(key)
			if b.Scope == keymap.Forms {
				action, ok = m.InForm(key)
			}
			require.True(t, ok, key)
			require.Equal(t, b.Action, action, key)
		}
	}
}

func TestCollisionsAreRefused(t *testing.T) {
	t.Parallel()
	one := keymap.Binding{Action: "one", Keys: []string{"a"}, Scope: keymap.Everywhere}
	two := keymap.Binding{Action: "two", Keys: []string{"b", "a"}, Scope: keymap.Screens}
	_, err := keymap.New([]keymap.Binding{one, two})
	require.ErrorContains(t, err, `key "a" means both "one" and "two"`)

	two.Scope = keymap.Forms
	_, err = keymap.New([]keymap.Binding{one, two})
	require.NoError(t, err, "a form has all keys to itself")

	_, err = keymap.New([]keymap.Binding{one, {Action: "one", Keys: []string{"c"}}})
	require.ErrorContains(t, err, "stands twice")
	_, err = keymap.New([]keymap.Binding{{Action: "none"}})
	require.ErrorContains(t, err, "has no key")
}

func TestActionsCanBePutOnOtherKeys(t *testing.T) {
	t.Parallel()
	m, err := keymap.Default().Remap(map[string][]string{"pause": {"f5", "P"}})
	require.NoError(t, err)
	action, _ := m.Action("f5")
	require.Equal(t, keymap.Pause, action)
	_, ok := m.Action("p")
	require.False(t, ok)
	require.Equal(t, "f5", m.Key(keymap.Pause))

	_, err = keymap.Default().Remap(map[string][]string{"pause": {"q"}})
	require.ErrorContains(t, err, `key "q" means both`)
	_, err = keymap.Default().Remap(map[string][]string{"pawse": {"z"}})
	require.ErrorContains(t, err, `no action "pawse"`)
}
