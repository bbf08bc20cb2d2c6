package app_test

import (
	"maps"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/tui/app"
	"ferry/tui/keymap"
	"ferry/tui/tuitest"
)

// Every action in every state on every screen does something that is seen, or says in words why not: no key is answered with
// silence.
func TestNoKeyIsAnsweredWithSilence(t *testing.T) {
	t.Parallel()
	states := map[string]*engine.Snapshot{
		"running": tuitest.Running(), "done": tuitest.Done(), "viewer": tuitest.Viewing(), "read-only": tuitest.ReadOnly(),
		"sealed": tuitest.Sealed(), "unreachable": tuitest.Unreachable(), "idle": tuitest.Bare(engine.SetupReady),
		"connecting": tuitest.Connecting(), "asking": tuitest.Asking(), "missing": tuitest.Bare(engine.SetupMissing),
	}
	screens := []string{"1", "2", "3", "4", "5", "6", "7", "P"}
	for n, name := range slices.Sorted(maps.Keys(states)) {
		b := setup(t, states[name], 80, 24)
		for i, at := range screens {
			if i%4 != n%4 && os.Getenv("FERRY_KEYS") == "" { // all of them take ten seconds
				continue
			}
			for _, binding := range keymap.Default().Bindings() {
				if quiet(binding, at) {
					continue
				}
				// Back to where it begins: nothing open, nothing said.
				for was, n := "", 0; was != b.frame() && n < 9; n++ {
					was = b.frame()
					b.press("esc")
				}
				b.press(at)
				b.now = b.now.Add(10 * time.Second)
				b.beat()
				before, asked, reads := b.frame(), len(b.operator.Calls()), len(b.operator.Reads())
				quit := b.press(binding.Keys[0])
				seen := quit || before != b.frame() || len(b.operator.Calls()) > asked || len(b.operator.Reads()) > reads ||
					b.model.Exit() != app.ExitNone
				require.True(t, seen, "%s, screen %s: %s (%s) is answered with silence\n%s", name, at, binding.Keys[0], binding.Action, b.frame())
			}
		}
	}
}

// quiet are keys that may well change nothing: those that move or draw again, and the one of the screen that is in sight.
func quiet(b keymap.Binding, at string) bool {
	switch b.Action { //nolint:exhaustive // the others are heard
	case keymap.Up, keymap.Down, keymap.Left, keymap.Right, keymap.PageUp, keymap.PageDown, keymap.Top, keymap.Bottom,
		keymap.Back, keymap.Redraw, keymap.Suspend, keymap.Next, keymap.Previous:
		return true
	}
	return b.Scope == keymap.Forms || b.Scope == keymap.Fields || b.Keys[0] == at
}
