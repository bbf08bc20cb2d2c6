package config_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ferry/cmd/ferry/internal/config"
	"ferry/engine/cycle"
	"ferry/engine/entity"
)

var settings = []config.Setting{
	{Name: "config", Outside: true},
	{Name: "profile", Once: true},
	{Name: "source", Kind: config.Database},
	{Name: "read-only", Kind: config.Switch, Default: "false"},
	{Name: "workers", Kind: config.Number, Default: "2", Most: 64},
	{Name: "background", Default: "auto", Choices: []string{"auto", "dark", "light"}},
	{Name: "allow-unverified-tls", Kind: config.OfSides, Default: "none"},
	{Name: "rejected-share", Section: "limits", Kind: config.Share, Default: "0.01"},
}

const good = "\ufeff" + `# a comment
source = "service=odoo"
"read_only" = true
limits.rejected_share = 1
background = "Dark"
rules.card.partner_missing = "warn"
rules."card.program_missing" = "off"
allow_unverified_tls = true
keys = { pause = ["p", "space"], quit = "q" }

[profiles]
dev = { workers = 0, rules = { card = { points_negative = "warn" } } }

[profiles.prod]
source = 'host=db sslmode=verify-full'
allow_unverified_tls = "source"
rules.card.partner_missing = "reject"
[profiles.prod.limits]
rejected_share = 0.5

[policies]
vanish-rows = 7
`

func TestAFileIsReadWithItsPlaces(t *testing.T) {
	t.Parallel()
	file, err := config.Parse("c.toml", []byte(good), settings)
	require.NoError(t, err)
	for _, c := range []struct {
		name, profile string
		text, place   string
		of            string
	}{
		{"source", "", "service=odoo", "c.toml:2:1", ""},
		{"read-only", "", "true", "c.toml:3:1", ""},
		{"read-only", "prod", "true", "c.toml:3:1", ""},
		{"rejected-share", "dev", "1", "c.toml:4:8", ""},
		{"rejected-share", "prod", "0.5", "c.toml:19:1", "prod"},
		{"background", "prod", "Dark", "c.toml:5:1", ""},
		{"source", "prod", "host=db sslmode=verify-full", "c.toml:15:1", "prod"},
		{"workers", "dev", "0", "c.toml:12:9", "dev"},
		{"allow-unverified-tls", "", "true", "c.toml:8:1", ""},
		{"allow-unverified-tls", "prod", "source", "c.toml:16:1", "prod"},
	} {
		v, ok := file.Value(c.name, c.profile)
		require.True(t, ok, c)
		require.Equal(t, c.text, v.Text, c)
		require.Equal(t, c.place, v.Place.String(), c)
		require.Equal(t, c.of, v.Profile, c)
	}
	_, ok := file.Value("workers", "prod")
	require.False(t, ok)
	require.Equal(t, entity.Rules{"card.partner_missing": entity.Warn, "card.program_missing": entity.Off}, config.Severities(file.Rules("")))
	require.Equal(t, entity.Rules{"card.partner_missing": entity.Reject, "card.program_missing": entity.Off}, config.Severities(file.Rules("prod")))
	require.Equal(t, entity.Warn, config.Severities(file.Rules("dev"))["card.points_negative"])
	require.Equal(t, "c.toml:12:41", file.Rules("dev")["card.points_negative"].Place.String())
	require.Equal(t, []string{"p", "space"}, file.Keys["pause"].Keys)
	require.Equal(t, []string{"q"}, file.Keys["quit"].Keys)
	require.Equal(t, "c.toml:9:34", file.Keys["quit"].Place.String())
}

func TestPoliciesAreReadHoweverTheyAreWritten(t *testing.T) {
	t.Parallel()
	file, err := config.Parse("c", []byte("[policies]\ndeletes = \"delete\"\nvanish_rows = 5\nvanish-share = 0.5\n"+
		"[profiles.a.policies]\nsweep-every = \"30m\"\nvanish-rows = 6\n"), settings)
	require.NoError(t, err)
	require.Equal(t, map[string]string{"deletes": "delete", "vanish-rows": "5", "vanish-share": "0.5"}, config.Texts(file.Policies("")))
	require.Equal(t, map[string]string{"deletes": "delete", "vanish-rows": "6", "vanish-share": "0.5", "sweep-every": "30m0s"},
		config.Texts(file.Policies("a")))
	require.Equal(t, "c:7:1", file.Policies("a")["vanish-rows"].Place.String())
	require.Equal(t, []string{
		`policies.deletes is delete in the config and report in the engine database, which is in force; ` + "`ferry policy set`" + ` changes that`,
		`policies.vanish-rows is 5 in the config and 10000 in the engine database, which is in force; ` + "`ferry policy set`" + ` changes that`,
		`policies.vanish-share is 0.5 in the config and 0.001 in the engine database, which is in force; ` + "`ferry policy set`" + ` changes that`,
	}, config.DifferingPolicies(config.Texts(file.Policies("")), cycle.DefaultPolicies()))
}

func TestFaultsAreNamedWithTheirPlaces(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, fault string }{
		{"sorce = 1", `c:1:1: unknown key "sorce"; did you mean "source"?`},
		{"\n  wrokers = 1", `c:2:3: unknown key "wrokers"; did you mean "workers"?`},
		{"read-only = true", `c:1:1: unknown key "read-only"; did you mean "read_only"?`},
		{"READ_ONLY = true", `c:1:1: unknown key "READ_ONLY"; did you mean "read_only"?`},
		{"entirely_else = true", `c:1:1: unknown key "entirely_else"`},
		{`"with blank" = true`, `c:1:1: unknown key "\"with blank\""`},
		{"rejected_share = 0.1", `c:1:1: unknown key "rejected_share"; it belongs into [limits]`},
		{"[limits]\nworkers = 1", `c:2:1: unknown key "limits.workers"; it belongs to the top of the file, before any table`},
		{"[limits]\nprofiles = 1", `c:2:1: unknown key "limits.profiles"; that table belongs to the top of the file`},
		{"config = 'x'", `c:1:1: unknown key "config"; it cannot stand in the file: say --config or FERRY_CONFIG`},
		{"[profiles.a]\nprofile = 'b'", `c:2:1: unknown key "profiles.a.profile"; it belongs to the top of the file, before any table`},
		{"[profiles.a.keys]\nup = 'k'", `c:1:13: unknown key "profiles.a.keys"; that table belongs to the top of the file`},
		{"[rule]\n", `c:1:2: unknown key "rule"; did you mean "rules"?`},
		{"[[profiles]]\nworkers = 1", "c:1:3: profiles: want a table, found a list"},
		{"[profiles]\nprod = 1", "c:2:1: profiles.prod: want a table, found a whole number"},
		{"profiles.'' = {}", "c:1:10: a profile needs a name"},
		{"limits = 3", "c:1:1: limits: want a table, found a whole number"},
		{"workers = 'two'", "c:1:1: workers: want a whole number, found text"},
		{"workers = 2.0", "c:1:1: workers: want a whole number, found a fraction"},
		{"workers = 65", "c:1:1: workers = 65: say a number from 0 to 64"},
		{"workers = 99999999999", "c:1:1: workers = 99999999999: say a number from 0 to 64"},
		{"source = 3", "c:1:1: source: want text in quotes, found a whole number"},
		{"source = ['a']", "c:1:1: source: want text in quotes, found a list"},
		{"source = 2024-01-01", "c:1:1: source: want text in quotes, found a date or time"},
		{"[source]\nhost = 'h'", "c:1:2: source: want text in quotes, found a table"},
		{"read_only = 'true'", "c:1:1: read_only: want true or false, found text"},
		{"background = 'blue'", "c:1:1: background = blue: say auto, dark or light"},
		{"allow_unverified_tls = 'all'", "c:1:1: allow_unverified_tls = all: say source, target, both or none"},
		{"allow_unverified_tls = 1", `c:1:1: allow_unverified_tls: want true, false, "source" or "target", found a whole number`},
		{"limits.rejected_share = 1.5", "c:1:8: limits.rejected_share = 1.5: say a share from 0 to 1, like 0.01 for one in a hundred"},
		{"limits.rejected_share = nan", "c:1:8: limits.rejected_share = NaN: say a share from 0 to 1, like 0.01 for one in a hundred"},
		{"rules.card.partner_mising = 'warn'", `c:1:12: no rule "card.partner_mising"; did you mean "card.partner_missing"?`},
		{"rules.card.partner_missing = 'wran'", `c:1:12: rule card.partner_missing: no severity "wran"; there are: reject, warn, off`},
		{"rules.card.partner_missing = true", `c:1:12: rules.card.partner_missing: want "reject", "warn" or "off", found true or false`},
		{"policies.delets = 'report'", `c:1:10: no policy "delets"; did you mean "deletes"?`},
		{"[policies]\nvanish_shar = 1", `c:2:1: no policy "vanish_shar"; did you mean "vanish-share"?`},
		{"policies.x = 1", `c:1:10: no policy "x"; there are: deletes, proof-age, proof-every, refused-share, sweep-every, vanish-rows, vanish-share`},
		{"policies.deletes = 'maybe'", `c:1:10: policy deletes: "maybe" is neither report nor delete`},
		{"policies.deletes = true", `c:1:10: policies.deletes: want text in quotes or a number, found true or false`},
		{"policies.vanish-share = 1.5", `c:1:10: policy vanish-share: "1.5" is no share from 0 to 1`},
		{"policies.sweep-every = 60", `c:1:10: policy sweep-every: "60" is no duration such as 1h`},
		{"policies.vanish_rows = 1\npolicies.vanish-rows = 1", `c:1:10: policies.vanish_rows: policy vanish-rows is given twice`},
		{"rules.card.code_empty = 'warn'", "c:1:12: rule card.code_empty is fixed: the engine's tables cannot hold such a row"},
		{"keys.up = []", "c:1:6: keys.up: want a key or a list of keys, found a list"},
		{"keys.up = ['k', 1]", "c:1:6: keys.up: want a key or a list of keys, found a list"},
		{"workers = \n", "c:1:11: unexpected character U+000A at start of value"},
		{"workers = 1\nworkers = 2\n", "c:2:1: key workers is already defined"},
	} {
		_, err := config.Parse("c", []byte(c.text), settings)
		require.EqualError(t, err, c.fault, c.text)
	}
}

func TestAllFaultsAreToldAtOnceInOrder(t *testing.T) {
	t.Parallel()
	_, err := config.Parse("c", []byte("wokers = 1\nsource = 2\n[limits]\nx = 1\n[profiles.a]\nworkers = -1\n"), settings)
	found, ok := errors.AsType[*config.Error](err)
	require.True(t, ok)
	var lines []int
	for _, fault := range found.Faults {
		lines = append(lines, fault.Line)
	}
	require.Equal(t, []int{1, 2, 4, 6}, lines)
}

func TestAPasswordInTheFileIsRefusedAndNotRepeated(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`source = "postgres://u:c4n4ry@h/d"`,
		`source = "postgres://u:1?c4n4ry@h/d"`,
		`source = "host=h password=c4n4ry"`,
		`source = "postgres://h/d?password=c4n4ry"`,
		`source = "host=h sslpassword='c4n4ry'"`,
		`profiles.a.source = "host=h password = 'c4n4ry"`,
		`password = "c4n4ry"`,
		`profiles.a.source_password = "c4n4ry"`,
		`workers = "postgres://u:c4n4ry@h/d"`,
		`background = "postgres://u:c4n4ry@h/d"`,
		`source = "postgres://u:c4n4ry@h/d`,
		`source = postgres://u:c4n4ry@h/d`,
		`source = { password = "c4n4ry" }`,
	} {
		_, err := config.Parse("c", []byte(text), settings)
		require.Error(t, err, text)
		require.NotContains(t, err.Error(), "c4n4ry", text)
		if strings.Contains(text, `d"`) && strings.HasPrefix(text, "source") || strings.HasPrefix(text, "password") {
			require.ErrorContains(t, err, "PGPASSFILE", text)
		}
	}
}

func TestAProfileThatIsNotThere(t *testing.T) {
	t.Parallel()
	file, err := config.Parse("c", []byte("[profiles.prod]\n[profiles.dev]\n"), settings)
	require.NoError(t, err)
	require.NoError(t, file.CheckProfile(""))
	require.NoError(t, file.CheckProfile("prod"))
	require.EqualError(t, file.CheckProfile("prd"), `no profile "prd" in c; did you mean "prod"?`)
	require.EqualError(t, file.CheckProfile("staging"), `no profile "staging" in c; there are: dev, prod`)
	require.NoError(t, (&config.File{}).CheckProfile("anything"), "there is no file")
	file, err = config.Parse("c", []byte("workers = 1\n"), settings)
	require.NoError(t, err)
	require.EqualError(t, file.CheckProfile("prod"), `no profile "prod" in c, which has none`)
}

func TestFilesThatCannotBeRead(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, err := config.Read(filepath.Join(dir, "none.toml"), settings)
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = config.Read(dir, settings)
	require.ErrorContains(t, err, "is a directory")
	_, err = config.Read("/dev/zero", settings)
	require.ErrorContains(t, err, "larger than")
	file, err := config.Read(os.DevNull, settings)
	require.NoError(t, err)
	require.Empty(t, file.Common.Values)
}

func TestDifferingRulesAreToldInWords(t *testing.T) {
	t.Parallel()
	stored := entity.DefaultRules()
	require.Empty(t, config.DifferingRules(nil, stored))
	require.Empty(t, config.DifferingRules(stored, stored))
	require.Empty(t, config.DifferingRules(entity.Rules{"card.partner_missing": entity.Reject}, entity.Rules{}), "what is not stored has its default")
	stored["card.program_missing"] = entity.Off
	require.Equal(t, []string{
		`rules.card.partner_missing is "warn" in the config and "reject" in the engine database, which is in force`,
		`rules.card.program_missing is "reject" in the config and "off" in the engine database, which is in force`,
	}, config.DifferingRules(entity.Rules{"card.program_missing": entity.Reject, "card.partner_missing": entity.Warn}, stored))
}

func TestTheDefaultSaysTheDefaults(t *testing.T) {
	t.Parallel()
	var text bytes.Buffer
	require.NoError(t, config.WriteDefault(&text, settings, []config.Key{{Action: "up", Keys: []string{" ", `\`}, Does: "up"}}))
	file, err := config.Parse("c", text.Bytes(), settings)
	require.NoError(t, err)
	require.Empty(t, file.Common.Values)
	require.Empty(t, file.Common.Rules)
	require.Empty(t, file.Common.Policies)
	require.Empty(t, file.Keys)
	require.Empty(t, file.Profiles)

	file, err = config.Parse("c", regexp.MustCompile(`(?m)^#([a-z])`).ReplaceAll(text.Bytes(), []byte("$1")), settings)
	require.NoError(t, err)
	for _, s := range settings {
		v, ok := file.Value(s.Name, "")
		require.Equal(t, !s.Outside, ok, s.Name)
		if ok {
			require.Equal(t, s.Default, v.Text)
		}
	}
	require.Empty(t, config.DifferingRules(config.Severities(file.Rules("")), entity.DefaultRules()))
	require.Len(t, file.Policies(""), len(cycle.PolicyNames()))
	require.Empty(t, config.DifferingPolicies(config.Texts(file.Policies("")), cycle.DefaultPolicies()))
	require.Equal(t, []string{" ", `\`}, file.Keys["up"].Keys)
	require.Empty(t, file.Profiles)
}

// Whatever stands in the file, reading it ends with a file or with faults that have places in it.
func TestAnyTextIsReadOrRefused(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := []byte(good)
		for range rapid.IntRange(1, 4).Draw(t, "edits") {
			at := rapid.IntRange(0, len(text)-1).Draw(t, "at")
			cut := rapid.IntRange(0, min(12, len(text)-at)).Draw(t, "cut")
			piece := rapid.SampledFrom([]string{"", "x", "=", "[", "]", "{", "}", "'", "\"", ".", "\n", " = 1\n", "[[", "# ", "\x00", "é"}).Draw(t, "piece")
			text = append(append(bytes.Clone(text[:at]), piece...), text[at+cut:]...)
		}
		_, err := config.Parse("c", text, settings)
		if err == nil {
			return
		}
		found, ok := errors.AsType[*config.Error](err)
		if !ok {
			t.Fatalf("%v", err)
		}
		for _, fault := range found.Faults {
			if lines := bytes.Count(text, []byte("\n")) + 1; fault.Line < 1 || fault.Line > lines || fault.Column < 1 {
				t.Fatalf("%v in %d lines: %q", fault, lines, text)
			}
		}
	})
}
