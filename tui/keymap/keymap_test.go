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
			switch b.Scope {
			case keymap.Forms:
				action, ok = m.InForm(key)
			case keymap.Fields:
				action, ok = m.InField(key)
			case keymap.Lost:
				action, ok = m.InLost(key)
			case keymap.Replays:
				action, ok = m.InReplay(key)
			case keymap.Everywhere, keymap.Screens:
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

	two.Scope = keymap.Lost
	_, err = keymap.New([]keymap.Binding{one, two})
	require.ErrorContains(t, err, `key "a" means both`, "what counts everywhere counts while a database is away, too")
	one.Scope = keymap.Screens
	_, err = keymap.New([]keymap.Binding{one, two})
	require.NoError(t, err, "while a database is away, its key goes before that of a screen")
	one.Scope = keymap.Everywhere
	two.Scope = keymap.Forms

	fields := keymap.Binding{Action: "three", Keys: []string{"a"}, Scope: keymap.Fields}
	_, err = keymap.New([]keymap.Binding{one, two, fields})
	require.NoError(t, err, "and so have fields")
	fields.Keys = []string{"z", "a", "z"}
	_, err = keymap.New([]keymap.Binding{one, two, fields})
	require.ErrorContains(t, err, `key "z" means both "three" and "three"`)

	_, err = keymap.New([]keymap.Binding{one, {Action: "one", Keys: []string{"c"}}})
	require.ErrorContains(t, err, "stands twice")
	_, err = keymap.New([]keymap.Binding{{Action: "none"}})
	require.ErrorContains(t, err, "has no key")
}

func TestActionsCanBePutOnOtherKeys(t *testing.T) {
	t.Parallel()
	m, err := keymap.Default().Remap(map[string][]string{"pause": {"f5", "W"}})
	require.NoError(t, err)
	action, _ := m.Action("f5")
	require.Equal(t, keymap.Pause, action)
	_, ok := m.Action("p")
	require.False(t, ok)
	require.Equal(t, "f5", m.Key(keymap.Pause))

	_, err = keymap.Default().Remap(map[string][]string{"pause": {"q"}})
	require.ErrorContains(t, err, `key "q" means both`)
	for name, key := range map[string]string{
		"runs": "1", "preflight": "p", "connect": "x", "retry": "t", "recheck": "s", "forecast": "j", "field-next": "enter", "quit": "T",
	} {
		_, err = keymap.Default().Remap(map[string][]string{name: {key}})
		require.ErrorContains(t, err, "means both", name)
	}
	_, err = keymap.Default().Remap(map[string][]string{"pawse": {"z"}})
	require.ErrorContains(t, err, `no action "pawse"`)
}

func TestKeysAndActionsThatDoNotExistAreRefused(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"space", "f5", "ctrl+x", "alt+p", "alt+up", "ä", "§", "ctrl+shift+left", "insert", "alt+space"} {
		m, err := keymap.Default().Remap(map[string][]string{"sort-reverse": {key}, "mark": {"f12"}})
		require.NoError(t, err, key)
		require.Equal(t, key, m.Key(keymap.SortReverse), "it is named as it was written")
	}
	for _, key := range []string{"", "ctrl+", "Ctrl+x", "pagedown", "ctrl+i", "pp", "f99", "\x1b", "alt+"} {
		_, err := keymap.Default().Remap(map[string][]string{"pause": {key}})
		var unknown *keymap.UnknownError
		require.ErrorAs(t, err, &unknown, "%q", key)
		require.Equal(t, "key", unknown.What)
		require.ErrorContains(t, err, "pause: no key")
	}
	_, err := keymap.Default().Remap(map[string][]string{"pause": {}})
	require.ErrorContains(t, err, `"pause" has no key`)
}
