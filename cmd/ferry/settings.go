package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"ferry/cmd/ferry/internal/config"
	"ferry/engine"
	"ferry/engine/entity"
	"ferry/engine/redact"
	"ferry/store/notify"
	"ferry/store/session"
)

// settings are what flags, environment and config file say, in this order: the first one that says something counts.
type settings struct {
	Config             string // the file's name as it was given; see file
	Source             string
	Target             string
	Profile            string
	Passfile           string
	AllowUnverifiedTLS config.Sides
	Workers            int
	ReadOnly           bool
	Plain              bool
	JSON               bool
	Theme              string
	Background         string
	LowBandwidth       bool
	Mouse              bool
	Record             string // a file or a folder; empty: nothing is recorded
	RejectedShare      float64
	Alerts             string // channels, with blanks between them: secrets
	Listen             string // where metrics and health are told; config.NoAddress: nowhere
	DrainLimit         time.Duration

	file *config.File      // never nil once filled
	said map[string]origin // by the setting's name
}

// origin is where a setting's value comes from.
type origin struct {
	from  string // "flag", "environment", "file", "default"
	value string // before anything was made of it
	place config.Value
}

// String is for people: "--workers", "FERRY_WORKERS", "config.toml:3:1 (profile prod)".
func (o origin) String(x config.Setting) string {
	switch o.from {
	case fromFlag:
		return x.Flag()
	case fromEnvironment:
		return x.Variable()
	case fromFile:
		if o.place.Profile != "" {
			return fmt.Sprintf("%s (profile %s)", o.place.Place, o.place.Profile)
		}
		return o.place.Place.String()
	}
	return o.from
}

const (
	fromFlag        = "flag"
	fromEnvironment = "environment"
	fromFile        = "file"
	fromDefault     = "default"
	fromReadOnly    = "read-only" // no workers, whatever was said
)

// setting is a row of the table: what it is, and which field holds it.
type setting struct {
	config.Setting

	at func(*settings) any
}

// table describes every setting once. Flags, variables, keys of the config file and the default config follow from it.
var table = []setting{
	{
		config.Setting{Name: "config", Outside: true, Usage: "the config file (default $XDG_CONFIG_HOME/ferry/config.toml)"},
		func(s *settings) any { return &s.Config },
	},
	{
		config.Setting{Name: "profile", Once: true, Usage: "the pair of databases in the config file with this name; shown in the frame"},
		func(s *settings) any { return &s.Profile },
	},
	{
		config.Setting{Name: "source", Kind: config.Database, Usage: "Odoo's PostgreSQL: URL, key=value or service=… (no password here)"},
		func(s *settings) any { return &s.Source },
	},
	{
		config.Setting{Name: "target", Kind: config.Database, Usage: "the engine's PostgreSQL, likewise"},
		func(s *settings) any { return &s.Target },
	},
	{
		config.Setting{Name: "passfile", Usage: "a password file for both, in the form of ~/.pgpass"},
		func(s *settings) any { return &s.Passfile },
	},
	{
		config.Setting{
			Name: "allow-unverified-tls", Kind: config.OfSides, Default: "none",
			Usage: "connect to source, target or both though the server's identity is not verified (sslmode below verify-full)",
		},
		func(s *settings) any { return &s.AllowUnverifiedTLS },
	},
	{
		config.Setting{
			Name: "workers", Kind: config.Number, Default: strconv.Itoa(min(2, runtime.NumCPU())), Most: 64,
			Usage: "workers in this process; 0 only looks and steers",
		},
		func(s *settings) any { return &s.Workers },
	},
	{
		config.Setting{Name: "read-only", Kind: config.Switch, Default: "false", Usage: "look, never act; implies no workers"},
		func(s *settings) any { return &s.ReadOnly },
	},
	{
		config.Setting{Name: "plain", Kind: config.Switch, Default: "false", Usage: "lines instead of the console"},
		func(s *settings) any { return &s.Plain },
	},
	{
		config.Setting{Name: "json", Kind: config.Switch, Default: "false", Usage: "one JSON object a line; the last one is the result"},
		func(s *settings) any { return &s.JSON },
	},
	{
		config.Setting{Name: "theme", Usage: "the console's colours, ferry's or your own; none named: what fits the terminal"},
		func(s *settings) any { return &s.Theme },
	},
	{
		config.Setting{
			Name: "background", Default: "auto", Choices: []string{"auto", "dark", "light"},
			Usage: "what lies behind the text: dark, light, or auto",
		},
		func(s *settings) any { return &s.Background },
	},
	{
		config.Setting{Name: "low-bandwidth", Kind: config.Switch, Default: "false", Usage: "draw at most twice a second"},
		func(s *settings) any { return &s.LowBandwidth },
	},
	{
		config.Setting{Name: "mouse", Kind: config.Switch, Default: "false", Usage: "let the mouse scroll and select in the console"},
		func(s *settings) any { return &s.Mouse },
	},
	{
		config.Setting{
			Name: "record",
			Usage: "record what the console shows, or would show of a command, for ferry replay: a new file (.gz compresses), or a folder; " +
				"rows that are shown may be personal data",
		},
		func(s *settings) any { return &s.Record },
	},
	{
		config.Setting{
			Name: "rejected-share", Section: "limits", Kind: config.Share, Default: "0.01",
			Usage: "the share of an entity's rows that may be rejected before a sync ends with exit code 3; it comes before the policies of that name",
		},
		func(s *settings) any { return &s.RejectedShare },
	},
	{
		config.Setting{
			Name: "alerts", Section: "alerts", In: "channels", Kind: config.Channels,
			Usage: "URLs of channels for alerts: smtp://, slack://, telegram://, generic+https://, alertmanager+https://… (none with a secret as an argument)",
		},
		func(s *settings) any { return &s.Alerts },
	},
	{
		config.Setting{
			Name: "listen", Section: "serve", Kind: config.Address, Default: "127.0.0.1:9187",
			Usage: "where serve tells /metrics, /healthz and /readyz: host:port, or none; a worker does so only where the flag or the variable says",
		},
		func(s *settings) any { return &s.Listen },
	},
	{
		config.Setting{
			Name: "drain-limit", Section: "serve", Kind: config.Span, Default: "1m0s", Least: 1, Most: 3600,
			Usage: "how long serve and worker let batches in flight end, once they are told to",
		},
		func(s *settings) any { return &s.DrainLimit },
	},
}

// described gives the table without its fields.
func described() []config.Setting {
	out := make([]config.Setting, len(table))
	for i, x := range table {
		out[i] = x.Setting
	}
	return out
}

// register makes a flag of every setting.
func (s *settings) register(f *pflag.FlagSet) {
	for _, x := range table {
		switch field := x.at(s).(type) {
		case *string:
			f.StringVar(field, x.Name, x.Default, x.Usage)
		case *int:
			n, _ := strconv.Atoi(x.Default) // a test reads every default
			f.IntVar(field, x.Name, n, x.Usage)
		case *float64:
			share, _ := strconv.ParseFloat(x.Default, 64)
			f.Float64Var(field, x.Name, share, x.Usage)
		case *bool:
			f.BoolVar(field, x.Name, false, x.Usage)
		case *time.Duration:
			d, _ := time.ParseDuration(x.Default)
			f.DurationVar(field, x.Name, d, x.Usage)
		case pflag.Value:
			f.VarPF(field, x.Name, "", x.Usage).NoOptDefVal = "both"
		}
	}
}

// given takes what flags and environment say.
func (s *settings) given(f *pflag.FlagSet, getenv func(string) string) error {
	s.said = make(map[string]origin, len(table))
	s.file = &config.File{}
	for _, x := range table {
		flag := f.Lookup(x.Name)
		text := flag.Value.String()
		o := origin{from: fromFlag, value: text}
		switch variable := getenv(x.Variable()); {
		case flag.Changed && x.Kind == config.Database && config.HoldsPassword(text):
			return usage("%s holds a password, and arguments are visible to every user of this machine; "+
				"put it into PGPASSFILE, a service file, or the environment (%s)", x.Flag(), x.Variable())
		case flag.Changed && x.Kind == config.Channels && slices.ContainsFunc(notify.Split(text), notify.HoldsSecret):
			return usage("%s holds what may be a secret (a password, a token, a path), and arguments are visible to every user of this machine; "+
				"put it into the config file ([alerts] channels = […], a file of yours alone), or the environment (%s)", x.Flag(), x.Variable())
		case flag.Changed:
			if err := x.Check(text); err != nil {
				return usage("%s %s: %w", x.Flag(), x.Shown(text), err)
			}
		case variable != "":
			o = origin{from: fromEnvironment, value: variable}
			if err := take(flag, x, variable); err != nil {
				return usage("%s=%q: %w", x.Variable(), x.Shown(variable), err)
			}
		default:
			o.from = fromDefault
		}
		s.said[x.Name] = o
	}
	return nil
}

// take gives a flag a value without the appearance of having been given.
func take(flag *pflag.Flag, x setting, text string) error {
	if err := x.Check(text); err != nil {
		return err
	}
	return flag.Value.Set(text) //nolint:wrapcheck // it has been checked, so it does not fail
}

// fill takes the rest from the config file.
func (s *settings) fill(f *pflag.FlagSet, getenv func(string) string) error {
	var err error
	if s.file, err = s.read(getenv); err != nil {
		return exitWith(exitUsage, err)
	}
	for _, x := range table { // the profile stands before what it decides
		value, ok := s.file.Value(x.Name, s.Profile)
		if ok && s.said[x.Name].from == fromDefault {
			if err := take(f.Lookup(x.Name), x, value.Text); err != nil {
				return usage("%s: %w", value.Place, err)
			}
			s.said[x.Name] = origin{fromFile, value.Text, value}
		}
		if x.Name == "profile" {
			if err := s.file.CheckProfile(s.Profile); err != nil {
				return usage("%s: %w", s.said[x.Name].String(x.Setting), err)
			}
		}
	}
	if o := s.said["alerts"]; o.from == fromFile && slices.ContainsFunc(notify.Split(s.Alerts), notify.HoldsSecret) {
		if err := session.CheckSecrets(s.file.Path); err != nil {
			return usage("%s: it names channels with secrets: %w", o.place.Place, err)
		}
	}
	if s.ReadOnly {
		s.Workers = 0
		s.said["workers"] = origin{from: fromReadOnly, value: "0"}
	}
	if rest, ok := strings.CutPrefix(s.Passfile, "~/"); ok { // no shell sees the environment and the file
		s.Passfile = filepath.Join(getenv("HOME"), rest)
	}
	s.Source = session.WithPassfile(s.Source, s.Passfile)
	s.Target = session.WithPassfile(s.Target, s.Passfile)
	return nil
}

// read reads the config file: the one that was named, which must be there, or the usual one, which may be.
func (s *settings) read(getenv func(string) string) (*config.File, error) {
	if s.said["config"].from != fromDefault {
		return config.Read(s.Config, described())
	}
	path := usualConfig(getenv)
	if path == "" {
		return &config.File{}, nil
	}
	if _, err := os.Stat(path); os.IsNotExist(err) {
		return &config.File{}, nil
	}
	return config.Read(path, described())
}

// usualConfig is where the config file is looked for if none is named; empty if there is no home.
func usualConfig(getenv func(string) string) string {
	if dir := getenv("XDG_CONFIG_HOME"); dir != "" {
		return filepath.Join(dir, "ferry", "config.toml")
	}
	if home := getenv("HOME"); home != "" {
		return filepath.Join(home, ".config", "ferry", "config.toml")
	}
	return ""
}

// sides are the two databases, by the names of their settings.
var sides = []struct {
	engine.Side

	setting string
}{{engine.SideSource, "source"}, {engine.SideTarget, "target"}}

// databases requires both connection strings, and that each is safe to use: no password that others may read, no
// server that is trusted unseen. It does not connect.
func (s *settings) databases() error {
	for _, side := range sides {
		if s.dsn(side.Side) == "" {
			return usage("no %s database is configured: give --%[1]s, set %s, or write %[1]s = … into the config file; "+
				"or run `ferry demo` to look around on a throwaway server", side.setting, config.Setting{Name: side.setting}.Variable())
		}
	}
	for _, side := range sides {
		if _, err := s.facts(side.Side); err != nil {
			return usage("%s: %w", s.where(side.setting), err)
		}
	}
	return nil
}

// where names a setting and where its value comes from.
func (s *settings) where(name string) string {
	if o := s.said[name]; o.from != fromDefault {
		return name + " (" + o.String(config.Setting{Name: name}) + ")"
	}
	return name
}

func (s *settings) dsn(side engine.Side) string {
	if side == engine.SideSource {
		return s.Source
	}
	return s.Target
}

// facts is what a side's connection string comes to. It fails if that is not safe to use.
func (s *settings) facts(side engine.Side) (session.Facts, error) {
	if s.Passfile != "" {
		if err := session.CheckPassfile(s.Passfile); err != nil {
			return session.Facts{}, err
		}
	}
	allowed, name := s.AllowUnverifiedTLS.Source, "source"
	if side == engine.SideTarget {
		allowed, name = s.AllowUnverifiedTLS.Target, "target"
	}
	facts, err := session.Check(s.dsn(side), allowed)
	if _, ok := errors.AsType[*session.UnverifiedError](err); ok {
		return facts, fmt.Errorf("%w; or, if whoever stands in between may read and change the data, allow it in so many words: "+
			"--allow-unverified-tls=%s", err, name)
	}
	return facts, err
}

// Insecure reports whether a side is used although its server is not verified: it has been allowed, and it must be
// seen.
func (s *settings) Insecure(side engine.Side) bool {
	facts, err := s.facts(side)
	return err == nil && facts.Insecure
}

// rejectedLimit is the rejected share of an entity above which somebody must look: what this process was told, else the engine
// database's policy.
func (s *settings) rejectedLimit(e engine.EntityView) float64 {
	if s.said["rejected-share"].from == fromDefault {
		return e.RejectedLimit.Or(s.RejectedShare)
	}
	return s.RejectedShare
}

// Rules are the severities that the config file names. They are for `ferry init`; see config.DifferingRules.
func (s *settings) Rules() entity.Rules { return config.Severities(s.file.Rules(s.Profile)) }

// Policies are those that the config file names. They are for `ferry init` too; see config.DifferingPolicies.
func (s *settings) Policies() map[string]string { return config.Texts(s.file.Policies(s.Profile)) }

// Keys are the keys that the config file gives to actions of the console, unchecked.
func (s *settings) Keys() map[string][]string {
	out := map[string][]string{}
	for action, binding := range s.file.Keys {
		out[action] = binding.Keys
	}
	return out
}

// String is for logs: secrets are left out.
func (s *settings) String() string {
	return fmt.Sprintf("source %s, target %s, %d workers", redact.Text(s.Source), redact.Text(s.Target), s.Workers)
}
