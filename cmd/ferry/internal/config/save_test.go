package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ferry/cmd/ferry/internal/config"
)

var withTarget = append([]config.Setting{{Name: "target", Kind: config.Database}}, settings...)

// pair is what a saved profile says.
func pair(source, target string) []config.Entry {
	return []config.Entry{{Name: "source", Text: source}, {Name: "target", Text: target}}
}

const existing = "\ufeff# ours, hands off\r\nworkers = 3 # by night\n\n[profiles.test]   # the small one\n" +
	"source = 'host=one' # staging\n  target =\t\"host=two\" # likewise\n[profiles.test.rules]\ncard.partner_missing = \"warn\"\n" +
	"[keys]\nquit = \"Q\" # no newline follows"

// save saves into a file with a text, and gives the text that is then there.
func save(t *testing.T, text, profile string, replace bool, entries []config.Entry) (string, error) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "config.toml")
	require.NoError(t, os.WriteFile(file, []byte(text), 0o640))
	err := config.SaveProfile(file, profile, entries, replace, withTarget)
	after, readErr := os.ReadFile(file)
	require.NoError(t, readErr)
	info, statErr := os.Stat(file)
	require.NoError(t, statErr)
	require.Equal(t, os.FileMode(0o640), info.Mode().Perm(), "an existing file stays as open as it was")
	left, globErr := filepath.Glob(filepath.Join(filepath.Dir(file), ".config*"))
	require.NoError(t, globErr)
	require.Empty(t, left)
	return string(after), err
}

func TestAProfileIsAddedBehindWhatIsThere(t *testing.T) {
	t.Parallel()
	after, err := save(t, existing, "prod", false, pair("postgres://u@h/d?sslmode=verify-full", `host='a b' sslrootcert="x\y"`))
	require.NoError(t, err)
	added, ok := strings.CutPrefix(after, existing)
	require.True(t, ok, after)
	require.Equal(t, "\n\n[profiles.prod]\nsource = 'postgres://u@h/d?sslmode=verify-full'\ntarget = \"host='a b' sslrootcert=\\\"x\\\\y\\\"\"\n", added)
}

func TestAProfileIsMadeInAFileOfItsOwn(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "new", "ferry", "config.toml")
	require.NoError(t, config.SaveProfile(file, "v1.2", pair("host=one", "host=two"), false, withTarget))
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, "[profiles.\"v1.2\"]\nsource = 'host=one'\ntarget = 'host=two'\n", string(text))
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
}

func TestAProfileIsChangedOnlyWhereThatIsWanted(t *testing.T) {
	t.Parallel()
	after, err := save(t, existing, "test", false, pair("host=one", "host=two"))
	require.NoError(t, err, "it says so already")
	require.Equal(t, existing, after)
	after, err = save(t, existing, "test", false, pair("host=one", "host=three"))
	require.ErrorIs(t, err, config.ErrProfileTaken)
	require.Equal(t, existing, after)
	after, err = save(t, existing, "test", true, pair("host=four", "host=three"))
	require.NoError(t, err)
	require.Equal(t, strings.NewReplacer("'host=one'", "'host=four'", `"host=two"`, "'host=three'").Replace(existing), after)

	after, err = save(t, "[profiles.p] # ours\nworkers = 1\n[profiles.p.rules]\n", "p", true, pair("host=one", "host=two"))
	require.NoError(t, err)
	require.Equal(t, "[profiles.p] # ours\nsource = 'host=one'\ntarget = 'host=two'\nworkers = 1\n[profiles.p.rules]\n", after)
}

func TestWhatCannotBeSavedLeavesTheFileAlone(t *testing.T) {
	t.Parallel()
	for text, c := range map[string]struct {
		source, says string
	}{
		"":                                     {"host=one password=hunter2", "profiles.p.source holds a password, and this file is no place for one"},
		"workers = many\n":                     {"host=one", "config.toml:1:11"},
		"profile = \"old\"\n":                  {"host=one", `would then name none: no profile "old"`},
		"profiles = { q = { workers = 1 } }\n": {"host=one", "config.toml"},
		"[profiles]\np.workers = 1\n":          {"host=one", "add the profile by hand"},
	} {
		after, err := save(t, text, "p", true, pair(c.source, "host=two"))
		require.ErrorContains(t, err, c.says, text)
		require.NotContains(t, err.Error(), "hunter2")
		require.Equal(t, text, after)
	}
}

func TestASymbolicLinkStaysOne(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	link, file := filepath.Join(dir, "config.toml"), filepath.Join(dir, "elsewhere.toml")
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	require.NoError(t, os.Symlink(file, link))
	require.NoError(t, config.SaveProfile(link, "p", pair("host=one", "host=two"), false, withTarget))
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Contains(t, string(text), "[profiles.p]")
}

// Whatever the addresses and names are: what is saved reads as it was given, and a second save changes nothing.
func TestWhatIsSavedReadsAsItWasGiven(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	address := rapid.StringMatching(`host=[a-z"'\\#\[\]=é. \t]{0,20}`)
	rapid.Check(t, func(rt *rapid.T) {
		file := filepath.Join(dir, "config.toml")
		require.NoError(rt, os.WriteFile(file, []byte(rapid.SampledFrom([]string{"", existing, "[limits]\n"}).Draw(rt, "file")), 0o600))
		name := rapid.StringMatching(`[A-Za-z0-9][A-Za-z0-9._-]{0,31}`).Draw(rt, "name")
		for range 2 {
			entries := pair(address.Draw(rt, "source"), address.Draw(rt, "target"))
			require.NoError(rt, config.SaveProfile(file, name, entries, true, withTarget))
			read, err := config.Read(file, withTarget)
			require.NoError(rt, err)
			for _, e := range entries {
				require.Equal(rt, e.Text, read.Profiles[name].Values[e.Name].Text)
			}
			text, err := os.ReadFile(file)
			require.NoError(rt, err)
			require.NoError(rt, config.SaveProfile(file, name, entries, false, withTarget))
			again, err := os.ReadFile(file)
			require.NoError(rt, err)
			require.Equal(rt, string(text), string(again))
		}
	})
}
