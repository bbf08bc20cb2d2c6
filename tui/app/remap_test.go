package app_test

import (
	"regexp"
	"strings"
	"testing"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/stretchr/testify/require"

	"ferry/engine"
	"ferry/tui/app"
	"ferry/tui/keymap"
	"ferry/tui/tuitest"
)

// elsewhere puts every action of the screens on another key: what was a letter is the same letter with alt.
func elsewhere(t *testing.T) (*keymap.Map, map[string]keymap.Action) {
	t.Helper()
	keys, left := map[string][]string{}, map[string]keymap.Action{}
	for _, b := range keymap.Default().Bindings() {
		if b.Scope == keymap.Forms || b.Scope == keymap.Fields {
			continue
		}
		for _, key := range b.Keys {
			if len(key) == 1 && key != " " {
				keys[string(b.Action)] = append(keys[string(b.Action)], "alt+"+key)
				left[key] = b.Action
			}
		}
	}
	m, err := keymap.Default().Remap(keys)
	require.NoError(t, err)
	return &m, left
}

// Wherever a key is named, it is the one that the action has now: in footer, tabs, help, palette, prompts, menus and refusals.
func TestOtherKeysAreNamedEverywhere(t *testing.T) {
	t.Parallel()
	keys, left := elsewhere(t)
	old := regexp.MustCompile(`(?:^|[ (])([a-zA-Z0-9/:?.]) (?:→|opens it|cures it|resumes|answers|initialises it|migrates it|goes on)|` +
		`(?: |^)([spxicPe:?qAnTwrRfvy/]) (?:start|pause|cancel|initialise|card|preflight|edit|command|help|quit|answer|retry|waive)\b`)
	for _, scenario := range tuitest.Scenarios() {
		for _, screens := range [][]string{{}, {"alt+2"}, {"alt+3"}, {"alt+4"}, {"alt+5"}, {"alt+6"}, {"alt+P"}, {"alt+s"}} {
			b := setup(t, scenario.Snapshot, 140, 45, func(c *app.Config) { c.Keys = keys })
			b.press(screens...)
			frame := b.frame()
			for line := range strings.Lines(frame) {
				for _, found := range old.FindAllString(line, -1) {
					require.Fail(t, "a key that means nothing is named", "%s %v: %q in\n%s", scenario.Name, screens, found, frame)
				}
			}
		}
	}
	b := setup(t, tuitest.Running(), 140, 45, func(c *app.Config) { c.Keys = keys })
	require.Contains(t, b.frame(), "alt+s in step  alt+p pause  alt+x cancel")
	require.Contains(t, b.frame(), "alt+1 Overview")
	for key, action := range left {
		before := b.frame()
		b.press(key)
		if key >= "1" && key <= "9" {
			continue // it says that there is no such screen
		}
		require.Equal(t, before, b.frame(), "%s was for %s", key, action)
	}
	b.press("alt+p", "tab", "enter")
	require.Equal(t, []tuitest.Call{{Action: "pause", Act: engine.Act{Run: 12, Seen: engine.RunRunning}}}, b.operator.Calls())
	b.press("alt+:", "q", "u", "i", "t")
	require.Contains(t, b.frame(), "alt+q   quit")
	b.press("esc", "alt+?")
	require.Contains(t, b.frame(), "alt+p ")
}

// What the config may name as a key is what a terminal sends.
func TestKeysAreCalledAsTheTerminalLibraryCallsThem(t *testing.T) {
	t.Parallel()
	sent := map[string]bool{"space": true}
	for kind := tea.KeyType(-200); kind < 128; kind++ {
		sent[tea.Key{Type: kind}.String()] = true
	}
	for _, name := range keymap.KeyNames() {
		require.True(t, sent[name], name)
	}
	require.Equal(t, "alt+p", tea.Key{Type: tea.KeyRunes, Runes: []rune{'p'}, Alt: true}.String())
	require.Equal(t, "alt+ ", tea.Key{Type: tea.KeySpace, Runes: []rune{' '}, Alt: true}.String())
}
