// Package config knows ferry's settings and the file that holds them: it reads the file, says what is wrong in it and
// where, and writes the documented default of it.
//
// A setting has one description, from which its flag, its variable, its key in the file and its documentation follow;
// the commands keep the table of them. Besides settings a file holds two tables that are not settings of a process:
// [rules] seeds what the engine database then decides, and [keys] belongs to the console.
package config

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"ferry/engine/redact"
	"ferry/store/notify"
	"ferry/store/session"
)

// Kind is what a setting's value is.
type Kind int

// The kinds of settings.
const (
	Text     Kind = iota
	Database      // a connection string, never with a password: arguments and the file are no place for one
	Number        // a whole number
	Share         // 0 … 1
	Switch        // true or false
	OfSides       // which of the two databases; see Sides
	Channels      // URLs of channels, with blanks between them; in the file a list
	Span          // a duration such as 60s
	Address       // host:port to listen at, or none
)

// Setting describes one setting.
type Setting struct {
	Name    string // of the flag: "read-only"
	Section string // the file's table that it stands in; empty: before all tables
	Kind    Kind
	Default string
	Choices []string // of a text, if not every one will do
	Least   int      // of a number, or of a span in seconds
	Most    int
	Usage   string // one line, without its default
	In      string // its key in the file, if that is not the name
	Once    bool   // a profile cannot change it
	Outside bool   // cannot stand in the file at all
}

// Flag is the setting as an argument.
func (s Setting) Flag() string { return "--" + s.Name }

// Variable is the setting in the environment.
func (s Setting) Variable() string {
	return "FERRY_" + strings.ToUpper(strings.ReplaceAll(s.Name, "-", "_"))
}

// Key is the setting in the file, with its table.
func (s Setting) Key() string {
	if s.Section == "" {
		return s.key()
	}
	return s.Section + "." + s.key()
}

func (s Setting) key() string { return cmp.Or(s.In, strings.ReplaceAll(s.Name, "-", "_")) }

// Check fails unless a text is a value of this setting, and says what would be one.
func (s Setting) Check(text string) error {
	switch s.Kind {
	case Text:
		if len(s.Choices) > 0 && !slices.Contains(s.Choices, strings.ToLower(text)) {
			return errors.New("say " + oneOf(s.Choices))
		}
	case Number:
		return s.checkNumber(text)
	case Share:
		return checkShare(text)
	case Span:
		return s.checkSpan(text)
	case Address:
		return checkAddress(text)
	case Switch:
		if _, err := strconv.ParseBool(text); err != nil {
			return errors.New("say true or false")
		}
	case OfSides:
		return new(Sides).Set(text)
	case Channels:
		_, err := notify.Open(notify.Split(text))
		return err
	case Database:
	}
	return nil
}

// Shown is a value of this setting as it may be shown: without secrets.
func (s Setting) Shown(text string) string {
	if s.Kind == Channels {
		return strings.Join(notify.Names(notify.Split(text)), ", ")
	}
	return redact.Text(text)
}

func (s Setting) checkNumber(text string) error {
	if n, err := strconv.Atoi(text); err != nil || n < s.Least || n > s.Most {
		return fmt.Errorf("say a number from %d to %d", s.Least, s.Most)
	}
	return nil
}

func (s Setting) checkSpan(text string) error {
	least, most := time.Duration(s.Least)*time.Second, time.Duration(s.Most)*time.Second
	if d, err := time.ParseDuration(text); err != nil || d < least || d > most {
		return fmt.Errorf("say a duration from %s to %s", least, most)
	}
	return nil
}

func checkShare(text string) error {
	if share, err := strconv.ParseFloat(text, 64); err == nil && share >= 0 && share <= 1 { // what is no number is neither
		return nil
	}
	return errors.New("say a share from 0 to 1, like 0.01 for one in a hundred")
}

// NoAddress is what an address is where nothing is listened at.
const NoAddress = "none"

func checkAddress(text string) error {
	if text == NoAddress {
		return nil
	}
	if _, port, err := net.SplitHostPort(text); err == nil {
		if _, err := strconv.ParseUint(port, 10, 16); err == nil {
			return nil
		}
	}
	return errors.New("say host:port, like 127.0.0.1:9187 or :9187 for every address of this machine; or " + NoAddress)
}

// HoldsPassword reports whether a connection string has a password in it, as far as the driver or a reader can tell.
func HoldsPassword(dsn string) bool {
	given := session.Parameters(dsn)
	return given["password"] != "" || given["sslpassword"] != "" || redact.Text(dsn) != dsn
}

// oneOf lists choices: "dark, light or auto".
func oneOf(choices []string) string {
	last := len(choices) - 1
	return strings.Join(choices[:last], ", ") + " or " + choices[last]
}

// Sides names none, one or both of the databases. It is a value of a flag.
type Sides struct{ Source, Target bool }

// Set reads a value.
func (s *Sides) Set(text string) error {
	switch strings.ToLower(text) {
	case "both":
		*s = Sides{Source: true, Target: true}
	case "source":
		*s = Sides{Source: true}
	case "target":
		*s = Sides{Target: true}
	case "none":
		*s = Sides{}
	default:
		all, err := strconv.ParseBool(text)
		if err != nil {
			return errors.New("say source, target, both or none")
		}
		*s = Sides{Source: all, Target: all}
	}
	return nil
}

// String is the value as Set takes it.
func (s *Sides) String() string {
	switch {
	case s.Source && s.Target:
		return "both"
	case s.Source:
		return "source"
	case s.Target:
		return "target"
	}
	return "none"
}

// Type is what the help calls a value.
func (*Sides) Type() string { return "side" }
