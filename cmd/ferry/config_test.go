package main

import (
	"fmt"
	"maps"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"ferry/cmd/ferry/internal/config"
	"ferry/engine"
	"ferry/engine/entity"
	"ferry/tui/keymap"
)

// configured is an invocation's surroundings without databases, with a config file if it says anything.
func configured(t *testing.T, text string) (b *bench, file string) {
	t.Helper()
	b = &bench{env: map[string]string{"HOME": t.TempDir()}}
	file = b.configure(t, text)
	return b, file
}

// configure writes the config file where it is looked for.
func (b *bench) configure(t *testing.T, text string) (file string) {
	t.Helper()
	file = filepath.Join(b.env["HOME"], ".config", "ferry", "config.toml")
	require.NoError(t, os.MkdirAll(filepath.Dir(file), 0o700))
	if text != "" {
		require.NoError(t, os.WriteFile(file, []byte(text), 0o600))
	}
	return file
}

// checked is the result of `config check`.
func (b *bench) checked(t *testing.T, code int, args ...string) map[string]any {
	t.Helper()
	a := b.ferry(t, append([]string{"config", "check", "--json"}, args...)...)
	require.Equal(t, code, a.code, a.out+a.err)
	all := lines(t, a.out)
	require.Len(t, all, 1)
	require.Equal(t, "result", all[0]["type"])
	require.Equal(t, code == exitClean, all[0]["ok"])
	return all[0]
}

// at gives what a JSON object has at a path.
func at(t *testing.T, object any, path ...string) any {
	t.Helper()
	for _, name := range path {
		inner, ok := object.(map[string]any)
		require.True(t, ok, "no object around %s of %s", name, path)
		object = inner[name]
	}
	return object
}

// samples are two values of every setting that differ from its default, or, of a switch, one that does.
var samples = map[string][2]string{
	"profile": {"one", "two"},
	"source":  {"host=localhost dbname=one", "host=localhost dbname=two"}, "target": {"host=localhost dbname=one", "host=localhost dbname=two"},
	"passfile": {os.DevNull, "/dev/../dev/null"}, "allow-unverified-tls": {"source", "both"},
	"workers": {"7", "9"}, "read-only": {"true", "false"}, "plain": {"true", "false"}, "json": {"true", "false"},
	"theme": {"mono", "ansi16"}, "background": {"dark", "light"}, "low-bandwidth": {"true", "false"}, "mouse": {"true", "false"},
	"record":         {"/tmp/one.jsonl", "/tmp/two.jsonl"},
	"rejected-share": {"0.25", "0.5"}, "alerts": {"smtp://one:25/?from=a@x&to=b@x", "smtp://two:25/?from=a@x&to=b@x"},
	"listen": {"127.0.0.1:9", "none"}, "drain-limit": {"30s", "1m30s"},
}

// inFile is a setting's value as TOML.
func inFile(x config.Setting, value string) string {
	switch x.Kind {
	case config.Text, config.Database, config.OfSides, config.Span, config.Address:
		value = fmt.Sprintf("%q", value)
	case config.Channels:
		value = fmt.Sprintf("[%q]", value)
	case config.Number, config.Share, config.Switch:
	}
	return fmt.Sprintf("%s = %s\n", x.Key(), value)
}

// The first of flag, environment, profile and file that says something counts, whatever the others say.
func TestPrecedence(t *testing.T) {
	t.Parallel()
	for _, x := range table {
		if x.Outside {
			continue
		}
		require.Contains(t, samples, x.Name)
		pairs := [][2]string{samples[x.Name], {samples[x.Name][1], samples[x.Name][0]}}
		for _, pair := range pairs {
			for first := range 4 {
				if first == 2 && x.Once {
					continue
				}
				t.Run(fmt.Sprintf("%s=%s/%d", x.Name, pair[0], first), func(t *testing.T) {
					t.Parallel()
					value := func(level int) string {
						if level == first {
							return pair[0]
						}
						return pair[1]
					}
					var args []string
					env := map[string]string{"HOME": t.TempDir()}
					if first == 0 {
						args = append(args, x.Flag()+"="+value(0))
					}
					if first <= 1 {
						env[x.Variable()] = value(1)
					}
					profile := ""
					if first <= 2 && !x.Once {
						profile = "[profiles.p]\n" + inFile(x.Setting, value(2))
						args = append(args, "--profile=p")
					}
					if x.Name == "profile" { // a profile must be there
						profile = "[profiles.one]\n[profiles.two]\n"
					}
					b := &bench{env: env}
					file := b.configure(t, "\n"+inFile(x.Setting, value(3))+profile)

					var s settings
					flags := pflag.NewFlagSet("ferry", pflag.ContinueOnError)
					s.register(flags)
					require.NoError(t, flags.Parse(args))
					getenv := func(name string) string { return env[name] }
					require.NoError(t, s.given(flags, getenv))
					require.NoError(t, s.fill(flags, getenv))

					require.Equal(t, pair[0], s.said[x.Name].value)
					from := []string{
						x.Flag(), x.Variable(), file + ":4:" + column(x.Setting) + " (profile p)", file + ":2:" + column(x.Setting),
					}[first]
					require.Equal(t, from, s.said[x.Name].String(x.Setting))
					if x.Kind != config.Database { // which the passfile goes into
						require.Equal(t, pair[0], flags.Lookup(x.Name).Value.String())
					}
				})
			}
		}
	}
}

// column is where a dotted key's last part begins.
func column(x config.Setting) string { return strconv.Itoa(strings.LastIndex(x.Key(), ".") + 2) }

func TestEverySettingHasThreeForms(t *testing.T) {
	t.Parallel()
	b, _ := configured(t, "")
	help := b.ferry(t, "--help").out
	text := b.ferry(t, "config", "default").out
	seen := map[string]bool{}
	for _, x := range table {
		for _, form := range []string{x.Flag(), x.Variable(), x.Key()} {
			require.False(t, seen[form], "%s stands twice", form)
			seen[form] = true
		}
		require.NoError(t, x.Check(x.Default), "%s: its default is a value", x.Name)
		require.Contains(t, help, "  "+x.Flag()+" ")
		if x.Outside {
			continue
		}
		require.Contains(t, text, fmt.Sprintf("\n# %s, %s\n#%s = ", x.Flag(), x.Variable(), x.Key()[strings.LastIndex(x.Key(), ".")+1:]))
		require.Contains(t, text, "\n# "+x.Usage+"\n")
	}
	require.Equal(t, 1, strings.Count(help, "--workers"))
}

func TestTheDefaultConfigChangesNothing(t *testing.T) {
	t.Parallel()
	b, _ := configured(t, "")
	values := func(r map[string]any) map[string]any {
		out := map[string]any{}
		for _, x := range table {
			out[x.Name] = at(t, r, "settings", x.Name, "value")
		}
		return out
	}
	before := b.checked(t, exitClean)
	require.Nil(t, before["file"])
	a := b.ferry(t, "config", "default")
	require.Equal(t, exitClean, a.code, a.err)
	require.Empty(t, a.err)

	file := b.configure(t, a.out)
	as := b.checked(t, exitClean)
	require.Equal(t, file, as["file"])
	require.Equal(t, before["settings"], as["settings"], "as it is printed it says nothing")

	b.configure(t, regexp.MustCompile(`(?m)^#([a-z])`).ReplaceAllString(a.out, "$1"))
	uncommented := b.checked(t, exitClean)
	require.Equal(t, values(before), values(uncommented))
	require.Equal(t, "file", at(t, uncommented, "settings", "workers", "from"))
	keys := map[string]any{}
	for _, binding := range keymap.Default().Bindings() {
		var list []any
		for _, key := range binding.Keys {
			list = append(list, key)
		}
		keys[string(binding.Action)] = list
	}
	require.Equal(t, keys, uncommented["keys"])
	require.EqualValues(t, entity.DefaultRules()["card.partner_missing"], at(t, uncommented, "rules", "card.partner_missing", "value"))
	require.Equal(t, a.out, lines(t, b.ferry(t, "config", "default", "--json").out)[0]["toml"])
}

func TestFaultsInTheConfigAreToldAtOnce(t *testing.T) {
	t.Parallel()
	b, file := configured(t, "wrokers = 1\nread_only = 'yes'\n\n[profiles.prod]\nworkers = 100\n")
	for _, args := range [][]string{{"status"}, {"config", "check"}, {"sync", "full", "--read-only"}, {}} {
		a := b.ferry(t, args...)
		require.Equal(t, exitUsage, a.code)
		require.Empty(t, a.out)
		require.Equal(t, "ferry: "+file+`:1:1: unknown key "wrokers"; did you mean "workers"?`+"\n"+
			file+":2:1: read_only: want true or false, found text\n"+
			file+":5:1: profiles.prod.workers = 100: say a number from 0 to 64\n", a.err)
	}
	r := b.checked(t, exitUsage)
	require.Contains(t, r["faults"],
		map[string]any{"file": file, "line": 2.0, "column": 1.0, "message": "read_only: want true or false, found text"})
	for _, args := range [][]string{{"version"}, {"completion", "bash"}, {"config", "default"}, {"--help"}, {"help", "sync"}} {
		require.Equal(t, exitClean, b.ferry(t, args...).code, "%s speaks of the program only", args)
	}
}

func TestWhichFileIsRead(t *testing.T) {
	t.Parallel()
	b, _ := configured(t, "workers = 3")
	workers := func(args ...string) any {
		return at(t, b.checked(t, exitClean, args...), "settings", "workers", "value")
	}
	require.EqualValues(t, 3, workers())
	b.env["XDG_CONFIG_HOME"] = t.TempDir()
	require.NotEqualValues(t, 3, workers(), "there is none, and that is well")
	require.NoError(t, os.Mkdir(filepath.Join(b.env["XDG_CONFIG_HOME"], "ferry"), 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(b.env["XDG_CONFIG_HOME"], "ferry", "config.toml"), []byte("workers = 4"), 0o600))
	require.EqualValues(t, 4, workers())
	for i, where := range []string{"FERRY_CONFIG", "--config"} {
		file := filepath.Join(t.TempDir(), "c.toml")
		require.NoError(t, os.WriteFile(file, fmt.Appendf(nil, "workers = %d", 5+i), 0o600))
		if where == "--config" {
			require.EqualValues(t, 6, workers("--config", file))
			continue
		}
		b.env[where] = file
		require.EqualValues(t, 5, workers())
	}
	require.Equal(t, "default", at(t, b.checked(t, exitClean, "--config", os.DevNull), "settings", "workers", "from"))

	for _, missing := range []string{"/nowhere/c.toml", ""} {
		a := b.ferry(t, "status", "--config", missing)
		require.Equal(t, exitUsage, a.code)
		require.Contains(t, a.err, "no such file")
		require.Equal(t, 1, strings.Count(a.err, "\n"))
	}
	b.env["FERRY_CONFIG"] = "/nowhere/c.toml"
	require.Equal(t, exitUsage, b.ferry(t, "config", "check").code)
}

func TestProfiles(t *testing.T) {
	t.Parallel()
	const text = `
profile = "prod"
source = "host=localhost dbname=common"
[profiles.prod]
target = "host=localhost dbname=prod"
read_only = true
[profiles.dev]
source = "host=localhost dbname=dev"
rules.card.partner_missing = "warn"
`
	b, file := configured(t, text)
	r := b.checked(t, exitClean)
	require.Equal(t, "prod", r["profile"])
	row := func(value any, from, where string, profile any) map[string]any {
		return map[string]any{"value": value, "from": from, "where": where, "profile": profile}
	}
	require.Equal(t, row("host=localhost dbname=common", "file", file+":3:1", nil), at(t, r, "settings", "source"))
	require.Equal(t, row("host=localhost dbname=prod", "file", file+":5:1 (profile prod)", "prod"), at(t, r, "settings", "target"))
	require.Equal(t, row(0.0, "read-only", "read-only", nil), at(t, r, "settings", "workers"))

	b.env["FERRY_PROFILE"] = "dev"
	r = b.checked(t, exitClean)
	require.Equal(t, "host=localhost dbname=dev", at(t, r, "settings", "source", "value"))
	require.Nil(t, at(t, r, "settings", "target", "value"))
	require.Equal(t, "warn", at(t, r, "rules", "card.partner_missing", "value"))
	require.Nil(t, r["differing_rules"])
	require.Equal(t, "no engine database to ask", r["differing_rules_unknown"])

	a := b.ferry(t, "status", "--profile", "porduction")
	require.Equal(t, exitUsage, a.code)
	require.Contains(t, a.err, `--profile: no profile "porduction" in `+file+"; there are: dev, prod")
	b.configure(t, strings.Replace(text, `"prod"`, `"prd"`, 1))
	delete(b.env, "FERRY_PROFILE")
	require.Contains(t, b.ferry(t, "config", "check").err, file+`:2:1: no profile "prd" in `+file+`; did you mean "prod"?`)

	b, file = configured(t, "workers = 1\n")
	a = b.ferry(t, "status", "--profile", "nope")
	require.Equal(t, exitUsage, a.code)
	require.Contains(t, a.err, `--profile: no profile "nope" in `+file+", which has none")
	b, _ = configured(t, "")
	require.Equal(t, "a name for the frame", b.checked(t, exitClean, "--profile", "a name for the frame")["profile"])
}

func TestAServerThatIsNotVerifiedIsRefusedOrShown(t *testing.T) {
	t.Parallel()
	b, file := configured(t, "source = \"host=odoo.example.com sslmode=require\"\n[profiles.careless]\nallow_unverified_tls = \"source\"\n")
	b.env["FERRY_TARGET"] = "postgres://u@engine.example.com/d"
	for _, args := range [][]string{{"status"}, {}, {"config", "check"}, {"sync", "full"}} {
		a := b.ferry(t, args...)
		require.Equal(t, exitUsage, a.code)
		require.Contains(t, a.err, "ferry: source ("+file+":1:1): the connection to odoo.example.com is not verified: sslmode=require")
		require.Contains(t, a.err, "--allow-unverified-tls=source")
	}
	a := b.ferry(t, "status", "--profile", "careless")
	require.Contains(t, a.err, "ferry: target (FERRY_TARGET): the connection to engine.example.com is not verified: sslmode=prefer")
	require.Len(t, b.checked(t, exitUsage)["faults"], 2)

	a = b.ferry(t, "config", "check", "--allow-unverified-tls")
	require.Equal(t, exitClean, a.code, a.err)
	require.Contains(t, a.out, "NOT VERIFIED: sslmode=require, allowed by --allow-unverified-tls")
	require.Contains(t, a.out, "NOT VERIFIED: sslmode=prefer")
	b.env["FERRY_ALLOW_UNVERIFIED_TLS"] = "target"
	r := b.checked(t, exitUsage, "--profile", "careless")
	require.Contains(t, fmt.Sprint(r["faults"]), "odoo.example.com", "the environment comes before the profile")
	require.Equal(t, true, at(t, r, "databases", "target", "insecure"))

	s := settings{Source: "host=odoo.example.com", Target: "host=localhost", AllowUnverifiedTLS: config.Sides{Source: true, Target: true}}
	require.True(t, s.Insecure(engine.SideSource))
	require.False(t, s.Insecure(engine.SideTarget))
}

func TestRulesThatDifferAreToldAndNotApplied(t *testing.T) {
	t.Parallel()
	b := setup(t)
	b.configure(t, "rules.card.partner_missing = \"warn\"\nrules.card.program_missing = \"reject\"\n")
	r := b.checked(t, exitClean)
	require.Nil(t, r["differing_rules"])
	require.NotEmpty(t, r["differing_rules_unknown"], "no ferry there yet")
	require.Contains(t, b.ferry(t, "config", "check").out, "? rules and policies were not compared")

	bare := *b
	bare.env = maps.Clone(b.env)
	bare.env["FERRY_CONFIG"] = os.DevNull
	require.Equal(t, exitClean, bare.ferry(t, "init").code) // seeded without the file
	want := `rules.card.partner_missing is "warn" in the config and "reject" in the engine database, which is in force`
	for range 2 {
		require.Equal(t, []any{want}, b.checked(t, exitClean)["differing_rules"])
	}
	a := b.ferry(t, "config", "check")
	require.Equal(t, exitClean, a.code, a.err)
	require.Contains(t, a.out, "! "+want+"\n")
}

func TestKeysThatMeanNothing(t *testing.T) {
	t.Parallel()
	b, _ := configured(t, "keys.fly = 'f'")
	a := b.ferry(t, "config", "check")
	require.Equal(t, exitUsage, a.code)
	require.Contains(t, a.err, "fly")
}

// reading runs commands that show, or fail to use, the source, and gives everything that they said.
func (b *bench) reading(t *testing.T, works bool) string {
	t.Helper()
	var all strings.Builder
	for _, args := range [][]string{
		{"preflight", "--forecast=false"},
		{"preflight", "--forecast=false", "--json"},
		{"config", "check"},
		{"config", "check", "--json"},
		{"status"},
		{"sync", "full", "--profile", "nothing"},
		{"status", "--workers", "x"},
	} {
		a := b.ferry(t, args...)
		if works && (args[0] == "preflight" || args[0] == "config") {
			require.Equal(t, exitClean, a.code, "%s: %s%s", args, a.out, a.err)
		}
		all.WriteString(a.out + a.err)
	}
	return all.String()
}

func TestPasswordsAreTakenAndNeverRepeated(t *testing.T) {
	t.Parallel()
	b := setup(t)
	login, err := url.Parse(b.env["FERRY_SOURCE"])
	require.NoError(t, err)
	secret, _ := login.User.Password()
	whole := b.env["FERRY_SOURCE"]
	login.User = url.User(login.User.Username())
	bare := login.String()
	dir := t.TempDir()
	passfile, servicefile := filepath.Join(dir, "pass"), filepath.Join(dir, "service")
	require.NoError(t, os.WriteFile(passfile, []byte("*:*:*:"+login.User.Username()+":"+secret+"\n"), 0o600))
	require.NoError(t, os.WriteFile(servicefile, fmt.Appendf(nil, "[odoo]\nhost=%s\nport=%s\nuser=%s\ndbname=%s\nsslmode=disable\npassword=%s\n",
		login.Query().Get("host"), login.Query().Get("port"), login.User.Username(), b.source.Name, secret), 0o600))
	service := "service=odoo servicefile=" + servicefile

	for _, c := range []struct {
		name   string
		source string // in the environment
		config string
		works  bool
		says   string
	}{
		{"the environment", whole, "", true, "password from the connection string"},
		{"a password file in the string", bare + "&passfile=" + passfile, "", true, "password from the password file " + passfile},
		{"a service file", service, "", true, "password from the service file " + servicefile},
		{"a password file as a setting", "", fmt.Sprintf("source = %q\npassfile = %q\n", bare, passfile), true, "password from the password file " + passfile},
		{"a service file in the config", "", fmt.Sprintf("source = %q\n", service), true, "password from the service file " + servicefile},
		{"the config", "", fmt.Sprintf("source = %q\n", whole), false, "config.toml:1:1: source holds a password"},
		{"the wrong setting", bare, fmt.Sprintf("theme = %q\nworkers = %[1]q\n", whole), false, "config.toml:2:1: workers: want a whole number"},
		{"the wrong variable", bare, "", false, "FERRY_WORKERS"},
		{"a broken string", "host=localhost port=x password=" + secret, "", false, "invalid port"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			own := *b
			own.env = maps.Clone(b.env)
			own.env["HOME"] = t.TempDir()
			own.env["FERRY_SOURCE"] = c.source
			if c.name == "the wrong variable" {
				own.env["FERRY_WORKERS"] = whole
			}
			own.configure(t, c.config)
			said := own.reading(t, c.works)
			require.Contains(t, said, c.says)
			require.NotContains(t, said, secret)
		})
	}
}

func TestPasswordsOfTheProcessEnvironment(t *testing.T) {
	b := setup(t)
	login, err := url.Parse(b.env["FERRY_SOURCE"])
	require.NoError(t, err)
	user := login.User.Username()
	secret, _ := login.User.Password()
	login.User = url.User(user)
	b.env["FERRY_SOURCE"] = login.String()

	t.Setenv("PGPASSWORD", secret)
	said := b.reading(t, true)
	require.Contains(t, said, "password from the environment (PGPASSWORD)")
	require.NotContains(t, said, secret)
	t.Setenv("PGPASSWORD", "")

	file := filepath.Join(t.TempDir(), "pass")
	require.NoError(t, os.WriteFile(file, []byte("*:*:*:"+user+":"+secret+"\n"), 0o600))
	t.Setenv("PGPASSFILE", file)
	said = b.reading(t, true)
	require.Contains(t, said, "password from the password file "+file)
	require.NotContains(t, said, secret)

	require.NoError(t, os.Chmod(file, 0o640))
	said = b.reading(t, false)
	require.Contains(t, said, "the password file "+file+" is open to others (mode 0640): run `chmod 600 "+file+"`")
	require.NotContains(t, said, secret)
	require.Equal(t, exitUsage, b.ferry(t, "status").code)
}
