package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// wardrobe is an invocation's surroundings with an operator's folder of themes.
func wardrobe(t *testing.T, files map[string]string) (b *bench, folder string) {
	t.Helper()
	b, file := configured(t, "")
	folder = filepath.Join(filepath.Dir(file), "themes")
	require.NoError(t, os.MkdirAll(folder, 0o700))
	for name, text := range files {
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600))
	}
	return b, folder
}

const brokenTheme = "base = \"nord\"\n[role]\nwarm = {}\n"

// A broken theme is named with file, line and cure, and the console opens all the same: in the wanted theme, or if that
// is the broken one, in what it would have taken.
func TestABrokenThemeDoesNotKeepTheConsoleFromOpening(t *testing.T) {
	t.Parallel()
	b, folder := wardrobe(t, map[string]string{"broken.toml": brokenTheme, "mine.toml": "base = \"nord\"\n", "worse.toml": "base = 3\n"})
	place := filepath.Join(folder, "broken.toml") + `:3:1: unknown role "warm"; the roles are text, muted`
	open := func(theme string) (name string, said []string) {
		f := &ferry{getenv: func(name string) string { return b.env[name] }}
		f.settings.Theme = theme
		list, said, err := f.themes("default-light")
		require.NoError(t, err)
		require.Len(t, list, 14)
		return list[0].Name, said
	}
	name, said := open("mine")
	require.Equal(t, "mine", name)
	require.Len(t, said, 2)
	require.Contains(t, said[0], "theme broken is left out: "+place)
	require.Contains(t, said[1], "`ferry config check` names 1 more")
	name, said = open("broken")
	require.Equal(t, "default-light", name)
	require.Len(t, said, 1)
	require.Contains(t, said[0], place)
	require.Contains(t, said[0], "; default-light stands in for it")
	name, _ = open("")
	require.Equal(t, "default-light", name)

	f := &ferry{getenv: func(name string) string { return b.env[name] }}
	f.settings.Theme = "nrod"
	_, _, err := f.themes("default-dark")
	require.ErrorContains(t, err, `no theme "nrod"; there are ansi16,`)
}

func TestConfigCheckReadsThemes(t *testing.T) {
	t.Parallel()
	b, folder := wardrobe(t, map[string]string{"mine.toml": "base = \"nord\"\nrole.muted = { fg = \"#3b4252\" }\n"})
	r := b.checked(t, exitClean, "--theme", "mine")
	require.Equal(t, []any{"mine"}, r["themes"])
	require.Contains(t, first(t, r["theme_notes"]), "theme mine is hard to read: muted: #3b4252 on #2e3440 has 1.")
	a := b.ferry(t, "config", "check")
	require.Contains(t, a.out, "themes of your own: mine")
	require.Contains(t, a.out, "! theme mine is hard to read")
	r = b.checked(t, exitUsage, "--theme", "nrod")
	require.Contains(t, at(t, first(t, r["faults"]), "message"), `no theme "nrod"`)

	require.NoError(t, os.WriteFile(filepath.Join(folder, "broken.toml"), []byte(brokenTheme), 0o600))
	fault := first(t, b.checked(t, exitUsage)["faults"])
	require.Equal(t, filepath.Join(folder, "broken.toml"), at(t, fault, "file"))
	require.InDelta(t, 3, at(t, fault, "line"), 0)
	require.Contains(t, at(t, fault, "message"), `unknown role "warm"`)
	a = b.ferry(t, "config", "check")
	require.Equal(t, exitUsage, a.code)
	require.Contains(t, a.err, filepath.Join(folder, "broken.toml")+":3:1: unknown role")
}

// first is the first of a JSON list.
func first(t *testing.T, list any) any {
	t.Helper()
	all, ok := list.([]any)
	require.True(t, ok && len(all) > 0, "%v", list)
	return all[0]
}
