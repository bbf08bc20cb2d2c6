package themes_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ferry/themes"
)

// folder is an operator's folder of themes with one file.
func folder(t *testing.T, file, text string) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600))
	return dir
}

func TestAnOperatorsFolderAddsAndReplaces(t *testing.T) {
	t.Parallel()
	dir := folder(t, "notes.txt", "not a palette")
	own, err := os.ReadFile("mono.toml")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a.toml"), []byte(strings.Replace(string(own), `name = "mono"`, `name = "own"`, 1)), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "nord.toml"), []byte("base = \"nord\"\nrole.warn = { fg = \"#ffffff\" }\n"), 0o600))
	set, err := themes.Load(dir)
	require.NoError(t, err)
	require.Contains(t, set.Names(), "own")
	require.Equal(t, themes.Look{FG: "#ffffff"}, set["nord"].Look(themes.Warn), "a file's name is its theme's, and replaces")
	require.NotEqual(t, set["nord"], themes.BuiltIn()["nord"])

	set, err = themes.Load(filepath.Join(dir, "nowhere"))
	require.NoError(t, err)
	_, err = set.Get("own")
	require.ErrorContains(t, err, "there are ansi16, ansi16-light, catppuccin-latte")
}

func TestAThemeMayBeginWithAnother(t *testing.T) {
	t.Parallel()
	nord := themes.BuiltIn()["nord"]
	mine, err := themes.Parse("mine.toml", []byte("base = \"nord\"\npaint = false\n[role]\nbad.fg = \"#ff0000\"\nok = { fg = \"10\", underline = true }\n"+
		"[ansi.ok]\nfg = \"14\"\n"))
	require.NoError(t, err)
	require.Equal(t, "mine", mine.Name)
	require.False(t, mine.Paint)
	require.Equal(t, themes.Look{FG: "#ff0000"}, mine.Look(themes.Bad), "a role is given as a whole: it is not bold any more")
	require.Equal(t, themes.Look{FG: "10", Underline: true}, mine.Look(themes.OK))
	require.Equal(t, map[string]themes.Look{"ok": {FG: "14"}}, mine.ANSI)
	require.Equal(t, nord.Look(themes.Text), mine.Look(themes.Text))
	require.InDelta(t, nord.Contrast, mine.Contrast, 0)
	require.Equal(t, nord, themes.BuiltIn()["nord"], "it stays as it was")
}

func TestFaultsOfAThemeHaveTheirPlacesAndCures(t *testing.T) {
	t.Parallel()
	const begin = "base = \"nord\"\n"
	for text, fault := range map[string]string{
		"role = [\n": "own.toml:1:9: array is incomplete; a theme is a file of TOML",
		"name = 3\n": "own.toml:1:1: name: want text in quotes",
		begin + "[role]\nwarn = { fg = \"red\" }": `own.toml:3:10: role.warn.fg: colour "red": write #rrggbb, or 0 to 255`,
		begin + "[role.warn]\nbg = 3":             `own.toml:3:1: role.warn.bg: want text in quotes, "#rrggbb" or "0" to "255"`,
		begin + "[role]\nwarm = {}":               `own.toml:3:1: unknown role "warm"; the roles are text, muted,`,
		begin + "[role.warm]":                     `own.toml:2:2: unknown role "warm"; the roles are text, muted,`,
		begin + "[role]\nwarn = \"#ffffff\"":      `own.toml:3:1: role.warn: want a table such as { fg = "#8391a7", bold = true }`,
		begin + "[role]\nwarn = { blink = true }": `own.toml:3:10: unknown setting "role.warn.blink"; a role has fg, bg, bold, reverse and underline`,
		begin + "[role]\nwarn = { bold = 1 }":     "own.toml:3:10: role.warn.bold: want true or false",
		begin + "[ansi]\nwarn = { fg = \"16\" }":  `own.toml:3:10: ansi.warn.fg: colour "16": [ansi] is for terminals of sixteen colours: write 0 to 15`,
		begin + "[roles]":                         "own.toml:2:2: unknown table [roles]; there are [role] and [ansi]",
		begin + "[a.b.c]":                         "own.toml:2:2: unknown table [a.b.c]; there are [role] and [ansi]",
		begin + "role = 3":                        "own.toml:2:1: role: want a table: write [role]",
		begin + "colour = 3":                      `own.toml:2:1: unknown setting "colour"; there are name, base,`,
		begin + "contrast = 22":                   "own.toml:2:1: contrast: want a number from 1 to 21, such as 4.5",
		begin + "contrast = nan":                  "own.toml:2:1: contrast: want a number from 1 to 21, such as 4.5",
		"base = \"nrod\"":                         `own.toml:1:1: base: no theme "nrod" comes with ferry; there are ansi16,`,
		"canvas = \"#000000\"\nrole.text = {}":    `own.toml: it lacks ink, role muted, role title, role accent,`,
		"":                                        `own.toml: it lacks canvas, ink, role text,`,
	} {
		dir := folder(t, "own.toml", text)
		set, err := themes.Load(dir)
		found, ok := errors.AsType[*themes.FaultsError](err)
		require.True(t, ok, text)
		require.Equal(t, "own", found.Faults[0].Theme)
		require.Contains(t, err.Error(), filepath.Join(dir, fault), text)
		require.Equal(t, themes.BuiltIn(), set, "what is broken is left out, all else is there")
	}
	_, err := themes.Parse("own.toml", []byte(begin+"x = 1\ny = 2\n"))
	require.ErrorContains(t, err, "own.toml:2:1: unknown setting \"x\"")
	require.ErrorContains(t, err, "own.toml:3:1: unknown setting \"y\"", "all is told at once")
}

func TestFilesThatAreNoThemes(t *testing.T) {
	t.Parallel()
	dir := folder(t, "large.toml", strings.Repeat("#", 1<<17))
	require.NoError(t, os.Symlink("/dev/zero", filepath.Join(dir, "device.toml")))
	require.NoError(t, os.Symlink("nowhere", filepath.Join(dir, "loose.toml")))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a.toml"), []byte("base = \"nord\"\nname = \"twin\""), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "b.toml"), []byte("base = \"nord\"\nname = \"twin\""), 0o600))
	set, err := themes.Load(dir)
	require.Contains(t, set.Names(), "twin")
	for _, text := range []string{
		"device.toml: it cannot be read: it is no file", "large.toml: it cannot be read: it is larger than 65536 bytes",
		"loose.toml: it cannot be read: no such file or directory", `b.toml: there is a theme "twin" in ` + filepath.Join(dir, "a.toml"),
	} {
		require.ErrorContains(t, err, text)
	}
	set, err = themes.Load(filepath.Join(dir, "a.toml"))
	require.ErrorContains(t, err, "the folder of themes cannot be read")
	require.NotEmpty(t, set)
}
