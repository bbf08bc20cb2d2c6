package main

import (
	"fmt"
	"runtime"
	"strconv"

	"github.com/spf13/pflag"

	"ferry/engine/redact"
)

// settings are what flags and environment say. A flag wins over the environment.
type settings struct {
	Source       string
	Target       string
	Profile      string
	Workers      int
	ReadOnly     bool
	Plain        bool
	JSON         bool
	Theme        string
	Background   string
	LowBandwidth bool
}

// environment names each setting's variable.
var environment = map[string]string{
	"source":        "FERRY_SOURCE",
	"target":        "FERRY_TARGET",
	"profile":       "FERRY_PROFILE",
	"workers":       "FERRY_WORKERS",
	"read-only":     "FERRY_READ_ONLY",
	"plain":         "FERRY_PLAIN",
	"json":          "FERRY_JSON",
	"theme":         "FERRY_THEME",
	"background":    "FERRY_BACKGROUND",
	"low-bandwidth": "FERRY_LOW_BANDWIDTH",
}

func (s *settings) register(f *pflag.FlagSet) {
	f.StringVar(&s.Source, "source", "", "Odoo's PostgreSQL: URL, key=value or service=… (no password here)")
	f.StringVar(&s.Target, "target", "", "the engine's PostgreSQL, likewise")
	f.StringVar(&s.Profile, "profile", "", "a name for this pair of databases, shown in the frame")
	f.IntVar(&s.Workers, "workers", min(2, runtime.NumCPU()), "workers in this process; 0 only looks and steers")
	f.BoolVar(&s.ReadOnly, "read-only", false, "look, never act; implies no workers")
	f.BoolVar(&s.Plain, "plain", false, "lines instead of the console")
	f.BoolVar(&s.JSON, "json", false, "one JSON object a line; the last one is the result")
	f.StringVar(&s.Theme, "theme", "", "the console's colours")
	f.StringVar(&s.Background, "background", "", "what lies behind the text: dark or light")
	f.BoolVar(&s.LowBandwidth, "low-bandwidth", false, "draw at most twice a second")
}

// complete takes from the environment what no flag gave, and refuses what may not be.
func (s *settings) complete(f *pflag.FlagSet, getenv func(string) string) error {
	for _, name := range []string{"source", "target"} {
		if flag := f.Lookup(name); flag.Changed && redact.Text(flag.Value.String()) != flag.Value.String() {
			return usage("--%s holds a password, and arguments are visible to every user of this machine; "+
				"put it into PGPASSFILE, a service file, or the environment (%s)", name, environment[name])
		}
	}
	for name, variable := range environment {
		value := getenv(variable)
		if value == "" || f.Changed(name) {
			continue
		}
		if err := f.Set(name, value); err != nil {
			return usage("%s=%q: %w", variable, redact.Text(value), err)
		}
	}
	if s.Workers < 0 || s.Workers > 64 {
		return usage("--workers %s: say a number from 0 to 64", strconv.Itoa(s.Workers))
	}
	if s.ReadOnly {
		s.Workers = 0
	}
	return nil
}

// databases requires both connection strings.
func (s *settings) databases() error {
	if s.Source != "" && s.Target != "" {
		return nil
	}
	missing := "source"
	if s.Source != "" {
		missing = "target"
	}
	return usage("no %s database is configured: give --%s, or set %s; or run `ferry demo` to look around on a throwaway server",
		missing, missing, environment[missing])
}

// String is for logs: secrets are left out.
func (s *settings) String() string {
	return fmt.Sprintf("source %s, target %s, %d workers", redact.Text(s.Source), redact.Text(s.Target), s.Workers)
}
